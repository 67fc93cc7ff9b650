//! Least privilege at a source (security case 56): a link only ever reads there, and whoever gets hold of its credential
//! must be able to do no more. A link whose user could is refused, unless the configuration lets it.

use crate::config::Config;
use crate::dataverse::Reader;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::privilege::{Access, Held, Privilege, Standing, standing};
use crate::domain::table::TableName;

use super::link::NotReady;

/// What nobody needs where nothing is written.
const NEEDLESS: [Access; 3] = [Access::Create, Access::Write, Access::Delete];

/// The privileges among those of a table that whoever only reads it holds, to any depth, and does not need.
pub fn needless<'p>(privileges: &'p [Privilege], held: &[Held]) -> Vec<&'p str> {
    let own = privileges.iter();
    let own = own.filter(|one| NEEDLESS.contains(&one.access));
    let excess = own.filter(|one| standing(one, held) != Standing::Missing);
    excess.map(|one| one.name.as_str()).collect()
}

/// How it is mended that a source's user may write there, or let be.
pub fn cure(instance: &str) -> String {
    format!(
        "take these out of its security role, or let it be with `may_write = true` in [instances.{instance}]"
    )
}

/// The tables of a link that its source's users must not be able to write to there.
#[derive(Clone, Debug)]
pub(super) struct OnlyRead {
    instance: String,
    tables: Vec<TableName>,
}

impl OnlyRead {
    /// Of the link in this place; `None` where nothing is to be looked at.
    pub(super) fn of(config: &Config, link: usize) -> Option<Self> {
        let link = config.links.get(link)?;
        let source = config.instances.get(link.source)?;
        let tables = link.tables.iter().map(|table| table.name.clone());
        let tables: Vec<TableName> = tables
            .filter(|table| config.only_reads(link.source, table))
            .collect();
        (!source.may_write && !tables.is_empty()).then(|| Self {
            instance: source.name.to_string(),
            tables,
        })
    }

    /// Refuses users that may write to one of the tables. Who may not see what he holds is let be: doctor says so.
    pub(super) async fn check(&self, users: [&Reader; 2]) -> Result<(), NotReady> {
        let mut known = None;
        for reader in users {
            let user = reader.who_am_i().await.map_err(NotReady::Unreachable)?.user;
            if known.replace(user) == Some(user) {
                continue;
            }
            let Some(held) = seen(reader.privileges_of(user).await)? else {
                continue;
            };
            let mut excess = Vec::new();
            for table in &self.tables {
                if let Some(privileges) = seen(reader.table_privileges(table).await)? {
                    excess.extend(needless(&privileges, &held).into_iter().map(str::to_owned));
                }
            }
            if !excess.is_empty() {
                return Err(NotReady::Misfit(format!(
                    "the user {user} may write to {instance}, which is only read: it holds {}; {}",
                    excess.join(", "),
                    cure(&self.instance),
                    instance = self.instance,
                )));
            }
        }
        Ok(())
    }
}

/// What an instance let us see; an instance that can't be asked is asked again.
fn seen<T>(asked: Result<T, Failure>) -> Result<Option<T>, NotReady> {
    match asked {
        Ok(seen) => Ok(Some(seen)),
        Err(failure) => match failure.class {
            FailureClass::Forbidden | FailureClass::NotFound => {
                tracing::warn!(%failure, "whether the source's user may write there can't be seen");
                Ok(None)
            }
            _ => Err(NotReady::Unreachable(failure)),
        },
    }
}
