//! What a user needs of the tables of its links, what it holds of that, and what it holds beyond (least privilege,
//! security case 56).

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Config, InstanceConfig, LinkConfig};
use crate::dataverse::Reader;
use crate::domain::failure::FailureClass;
use crate::domain::finding::{Check, Findings};
use crate::domain::privilege::{Access, Held, Privilege, Standing, standing};
use crate::domain::row::RowId;
use crate::domain::table::{ColumnType, TableName};
use crate::engine::least;
use crate::engine::report::TICKETS;

/// The role that may do everything, as it is called in English.
const ADMINISTRATOR: &str = "System Administrator";
/// Where it is said what to grant.
const PAGE: &str =
    "assets/privileges.md says what to grant (a package has it in /usr/share/doc/tandem)";

type Needs = BTreeMap<TableName, BTreeSet<Access>>;

/// Holds what a user holds against what the links of its instance need.
pub(super) async fn examine(
    subject: &str,
    config: &Config,
    place: usize,
    reader: &Reader,
    user: RowId,
    findings: &mut Findings,
) {
    let is_administrator = roles(subject, reader, user, findings).await;
    let held = match reader.privileges_of(user).await {
        Ok(held) => held,
        Err(failure) => {
            let says = format!("its privileges can't be read: {}", failure.summary());
            let cure =
                "look at its security roles in the admin center; prvReadUser lets it see its own";
            findings.untold(subject, Check::Privileges, says, Some(cure.to_owned()));
            return;
        }
    };
    let is_target = |link: &&LinkConfig| link.target == place;
    let writes = config.links.iter().any(|link| is_target(&link));
    for (table, needs) in needs(config, place, reader).await {
        let privileges = match reader.table_privileges(&table).await {
            Ok(privileges) => privileges,
            // That there is no such table is told where tables are looked at.
            Err(failure) if failure.class == FailureClass::NotFound => continue,
            Err(failure) => {
                let says = format!("{table}: {}", failure.summary());
                findings.untold(subject, Check::Privileges, says, None);
                continue;
            }
        };
        of_table(subject, &table, &needs, &privileges, &held, findings);
        match config.instances.get(place) {
            Some(instance) if config.only_reads(place, &table) => {
                in_a_source(subject, &table, instance, &privileges, &held, findings);
            }
            _ if is_administrator => {}
            _ => beyond(subject, &table, &privileges, &held, findings),
        }
    }
    if writes {
        tickets(subject, reader, &held, findings).await;
    }
}

/// Tells the roles; whether that of an administrator is among them, who holds everything.
async fn roles(subject: &str, reader: &Reader, user: RowId, findings: &mut Findings) -> bool {
    match reader.roles_of(user).await {
        Ok(roles) if roles.iter().any(|role| role == ADMINISTRATOR) => {
            findings.warning(
                subject,
                Check::Privileges,
                "it is a System Administrator: whoever gets hold of its secret may do everything",
                format!("give it a role of its own instead: {PAGE}"),
            );
            return true;
        }
        Ok(roles) if roles.is_empty() => {
            let says = "no role of its own: what it may do comes by teams";
            findings.good(subject, Check::Privileges, says);
        }
        Ok(roles) => {
            let says = format!("its roles: {}", roles.join(", "));
            findings.good(subject, Check::Privileges, says);
        }
        Err(failure) => {
            let says = format!("its roles can't be read: {}", failure.summary());
            findings.untold(subject, Check::Privileges, says, None);
        }
    }
    false
}

/// What the links of an instance need of its tables.
async fn needs(config: &Config, place: usize, reader: &Reader) -> Needs {
    let mut needs = Needs::new();
    for link in &config.links {
        for table in &link.tables {
            let own = needs.entry(table.name.clone());
            if link.source == place {
                own.or_default().insert(Access::Read);
            } else if link.target == place {
                let basic = [Access::Read, Access::Create, Access::Write];
                own.or_default().extend(basic);
            }
        }
        if link.target == place {
            references(link, reader, &mut needs).await;
        }
    }
    needs.retain(|_, accesses| !accesses.is_empty());
    needs
}

/// A row that names another takes two privileges, a row that is given away one.
async fn references(link: &LinkConfig, reader: &Reader, needs: &mut Needs) {
    for table in &link.tables {
        let Ok(schema) = reader.schema(&table.name).await else {
            continue;
        };
        let copied = table.columns.iter().filter_map(|name| schema.column(name));
        let mut named = BTreeSet::new();
        for column in copied {
            if let ColumnType::Lookup { targets } = &column.kind {
                named.extend(targets.iter().map(|target| target.table.clone()));
            }
        }
        let on_link = |name: &TableName| link.tables.iter().any(|table| table.name == *name);
        named.retain(on_link);
        if !named.is_empty() {
            let own = needs.entry(table.name.clone()).or_default();
            own.insert(Access::Append);
        }
        for other in named {
            needs.entry(other).or_default().insert(Access::AppendTo);
        }
        let mut constants = table.set.iter();
        if constants.any(|constant| constant.property.starts_with("ownerid@")) {
            let own = needs.entry(table.name.clone()).or_default();
            own.insert(Access::Assign);
        }
    }
}

fn of_table(
    subject: &str,
    table: &TableName,
    needs: &BTreeSet<Access>,
    privileges: &[Privilege],
    held: &[Held],
    findings: &mut Findings,
) {
    let mut lacking = Vec::new();
    let mut granted = Vec::new();
    for access in needs {
        let Some(privilege) = privileges.iter().find(|one| one.access == *access) else {
            // What the table has no privilege for, nobody needs: an organization's rows have no owner.
            continue;
        };
        match standing(privilege, held) {
            Standing::Whole => granted.push(access.word()),
            Standing::Short(depth) => lacking.push(format!(
                "{} (held for the {depth} only; it takes the organization)",
                privilege.name
            )),
            Standing::Missing => lacking.push(privilege.name.clone()),
        }
    }
    if lacking.is_empty() {
        let says = format!("{table}: {}", granted.join(", "));
        findings.good(subject, Check::Privileges, says);
    } else {
        findings.bad(
            subject,
            Check::Privileges,
            format!("{table}: missing {}", lacking.join(", ")),
            format!("add to a security role of it, for the whole organization: {PAGE}"),
        );
    }
}

/// What the user of a source may do beyond reading: the link is refused for it, unless the configuration lets it.
fn in_a_source(
    subject: &str,
    table: &TableName,
    instance: &InstanceConfig,
    privileges: &[Privilege],
    held: &[Held],
    findings: &mut Findings,
) {
    let excess = least::needless(privileges, held);
    if excess.is_empty() {
        return;
    }
    let says = format!(
        "{table}: {} is held, and this instance is only read",
        excess.join(", ")
    );
    if instance.may_write {
        let says = format!(
            "{says}; `may_write` in [instances.{}] lets that be",
            instance.name
        );
        let cure = "take it out of its security role, and `may_write` out of the configuration";
        findings.warning(subject, Check::Privileges, says, cure);
    } else {
        let says = format!("{says}: its links are refused");
        findings.bad(
            subject,
            Check::Privileges,
            says,
            least::cure(instance.name.as_str()),
        );
    }
}

/// What the user of a target may do and never has to: nothing of tandem deletes.
fn beyond(
    subject: &str,
    table: &TableName,
    privileges: &[Privilege],
    held: &[Held],
    findings: &mut Findings,
) {
    let delete = privileges.iter().find(|one| one.access == Access::Delete);
    if let Some(delete) = delete
        && standing(delete, held) != Standing::Missing
    {
        findings.warning(
            subject,
            Check::Privileges,
            format!(
                "{table}: {} is held and never needed: tandem deletes nothing",
                delete.name
            ),
            "take it out of its security role",
        );
    }
}

/// Without them tickets can be neither counted nor reported; all else works.
async fn tickets(subject: &str, reader: &Reader, held: &[Held], findings: &mut Findings) {
    let Ok(table) = TableName::new(TICKETS) else {
        return;
    };
    let Ok(privileges) = reader.table_privileges(&table).await else {
        return;
    };
    let reads = privileges.iter().find(|one| one.access == Access::Read);
    if let Some(read) = reads
        && standing(read, held) != Standing::Whole
    {
        findings.warning(
            subject,
            Check::Privileges,
            format!(
                "{table}: {} is missing: what records mean for tickets can't be told",
                read.name
            ),
            "grant it for the organization, or do without impact and `tandem report`",
        );
    }
}
