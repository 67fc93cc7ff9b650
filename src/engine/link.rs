//! A link made ready for work: its clients, its tables as both instances describe them, and whose writes are the
//! sync's own. A configuration that does not fit the instances is refused here, with the reason.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::event::Named;
use super::evidence::{Agreements, Choices, Told};
use super::reconcile::Known;
use crate::config::{LinkConfig, TableConfig};
use crate::dataverse::{Reader, Writer};
use crate::domain::drift::{CompareRules, ComparedColumn};
use crate::domain::failure::Failure;
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, EntitySet, TableName, TableSchema};
use crate::domain::text::visible;
use crate::journal::Index;

/// The clients of a link, for one application user.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The source: read, never written.
    pub(super) source: Reader,
    /// The target.
    pub(super) target: Writer,
}

/// A link that can be compared and repaired.
#[derive(Debug)]
pub(super) struct LinkContext {
    pub(super) place: usize,
    pub(super) config: LinkConfig,
    /// As a person's user.
    pub(super) ends: Ends,
    /// As the scheduled sync's user.
    pub(super) agent: Ends,
    pub(super) tables: Vec<Arc<LinkTable>>,
    /// Application users whose writes to the target are the sync's own.
    pub(super) sync_users: HashSet<RowId>,
    pub(super) agreements: Agreements,
    /// What a person chose to keep.
    pub(super) choices: Choices,
    /// Set once what the journal knows of the records has been taken in, or can't be.
    pub(super) recalled: CancellationToken,
    /// What the feeds of changes have told.
    pub(super) told: Told,
    /// Where what is known is kept, once the state folder has been opened.
    pub(super) index: OnceLock<Index>,
}

impl LinkContext {
    /// The table of that name on this link.
    pub(super) fn table_named(&self, name: &TableName) -> Option<&Arc<LinkTable>> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The table at that place.
    pub(super) fn table(&self, index: TableIndex) -> Option<&Arc<LinkTable>> {
        self.tables.iter().find(|table| table.index == index)
    }

    /// The names in URLs of the target's tables, for lookups.
    pub(super) fn target_sets(&self) -> BTreeMap<TableName, EntitySet> {
        self.tables
            .iter()
            .map(|table| (table.name.clone(), table.target.set.clone()))
            .collect()
    }
}

/// One table of a link, as both instances describe it.
#[derive(Debug)]
pub(super) struct LinkTable {
    pub(super) index: TableIndex,
    pub(super) name: TableName,
    pub(super) source: TableSchema,
    pub(super) target: TableSchema,
    pub(super) rules: Arc<CompareRules>,
    /// The columns to ask for: the hydrated ones in the rules' order, then what names a row to people.
    pub(super) columns: Vec<ColumnName>,
    /// What was found out of its records; held by the one comparison of it that runs.
    pub(super) known: tokio::sync::Mutex<Known>,
}

impl LinkTable {
    /// The hash of a row's values in the named columns.
    pub(super) fn hash_of(&self, names: &[String], row: &Row) -> u64 {
        let places = names.iter().filter_map(|name| {
            let mut columns = self.rules.columns.iter();
            let place = columns.position(|column| column.name.as_str() == name)?;
            Some((place, row.values.get(place)?))
        });
        self.hash_values(places)
    }

    /// The hash of values in their places among the hydrated columns.
    pub(super) fn hash_values<'v>(&self, values: impl Iterator<Item = (usize, &'v Value)>) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (place, value) in values {
            if let Some(column) = self.rules.columns.get(place) {
                column.name.as_str().hash(&mut hasher);
                value.digest(&column.kind, &self.rules.placeholder, &mut hasher);
            }
        }
        hasher.finish()
    }

    /// A row's name and number for people, from whichever side has them.
    pub(super) fn named(&self, id: RowId, source: Option<&Row>, target: Option<&Row>) -> Named {
        let name = self
            .source
            .primary_name
            .as_ref()
            .and_then(|column| self.text(column, source, target));
        Named {
            key: RecordKey {
                table: self.index,
                id,
            },
            name: name.unwrap_or_default(),
            number: self.number(source, target).unwrap_or_default(),
            on_the_way: false,
        }
    }

    /// The alternate key's value; where a table has none, the e-mail address, by which support knows a person.
    fn number(&self, source: Option<&Row>, target: Option<&Row>) -> Option<String> {
        let keys = self.rules.columns.iter().filter(|column| column.key);
        let email = self
            .rules
            .columns
            .iter()
            .filter(|column| column.name.as_str().starts_with("emailaddress"));
        keys.chain(email)
            .find_map(|column| self.text(&column.name, source, target))
    }

    fn text(
        &self,
        column: &ColumnName,
        source: Option<&Row>,
        target: Option<&Row>,
    ) -> Option<String> {
        let place = self.columns.iter().position(|asked| asked == column)?;
        let values = [source, target]
            .into_iter()
            .flatten()
            .filter_map(|row| row.values.get(place));
        let mut filled = values.filter(|value| **value != Value::Null);
        filled
            .next()
            .map(|value| visible(&value.to_string()).into_owned())
    }
}

/// Why a link can't be made ready.
#[derive(Debug)]
pub(super) enum NotReady {
    /// An instance could not be asked; it is worth trying again.
    Unreachable(Failure),
    /// The configuration does not fit the instances; a person has to change one of them.
    Misfit(String),
}

/// Asks both instances for the link's tables and checks the configuration against them.
pub(super) async fn describe(
    place: usize,
    first: TableIndex,
    config: &LinkConfig,
    ends: Ends,
    agent: Ends,
) -> Result<LinkContext, NotReady> {
    let mut sync_users: HashSet<RowId> = config.sync_users.iter().copied().collect();
    for user in [&ends, &agent] {
        sync_users.insert(
            user.target
                .reader()
                .who_am_i()
                .await
                .map_err(NotReady::Unreachable)?
                .user,
        );
    }
    let mut tables = Vec::new();
    for (index, table) in (first.0..).map(TableIndex).zip(&config.tables) {
        let source = ends
            .source
            .schema(&table.name)
            .await
            .map_err(NotReady::Unreachable)?;
        let target = ends
            .target
            .reader()
            .schema(&table.name)
            .await
            .map_err(NotReady::Unreachable)?;
        let fit = fit(index, config, table, source, target).map_err(NotReady::Misfit)?;
        tables.push(Arc::new(fit));
    }
    Ok(LinkContext {
        place,
        config: config.clone(),
        ends,
        agent,
        tables,
        sync_users,
        agreements: Agreements::default(),
        choices: Choices::default(),
        recalled: CancellationToken::new(),
        told: Told::default(),
        index: OnceLock::new(),
    })
}

/// Checks one table's configuration against what the instances say of it (design, "Refused at start").
pub(super) fn fit(
    index: TableIndex,
    link: &LinkConfig,
    table: &TableConfig,
    source: TableSchema,
    target: TableSchema,
) -> Result<LinkTable, String> {
    if !target.optimistic_concurrency {
        return Err(format!(
            "table {}: the target does not check versions (IsOptimisticConcurrencyEnabled)",
            table.name
        ));
    }
    let mut compared = Vec::new();
    for name in &table.columns {
        let fault = |why: &str| format!("table {}, column {name}: {why}", table.name);
        let from = source
            .column(name)
            .ok_or_else(|| fault("the source has no such column"))?;
        let into = target
            .column(name)
            .ok_or_else(|| fault("the target has no such column"))?;
        if *name == target.primary_id || !into.updatable || !into.creatable {
            return Err(fault(
                "it can't be written in the target; take it out of `columns`",
            ));
        }
        let kind = merged(&from.kind, &into.kind)
            .ok_or_else(|| fault("the two sides hold different types"))?;
        if let ColumnType::Unsupported(what) = &kind {
            return Err(fault(&format!(
                "columns of type {what} can't be compared; take it out of `columns`"
            )));
        }
        if let ColumnType::Lookup { targets } = &kind {
            let on_link =
                |target: &TableName| link.tables.iter().any(|table| table.name == *target);
            if !targets.iter().any(|target| on_link(&target.table)) {
                return Err(fault("the table that it names is not on the link"));
            }
        }
        compared.push(ComparedColumn {
            name: name.clone(),
            kind,
            stub: table.stub.contains(name),
            key: table.keys.contains(name),
        });
    }
    let mut columns = table.columns.clone();
    columns.extend(
        source
            .primary_name
            .clone()
            .filter(|name| !table.columns.contains(name)),
    );
    let rules = Arc::new(CompareRules {
        columns: compared,
        placeholder: link.placeholder.clone(),
    });
    Ok(LinkTable {
        index,
        name: table.name.clone(),
        source,
        target,
        rules,
        columns,
        known: tokio::sync::Mutex::default(),
    })
}

/// What both sides hold, at the coarser side's precision; the target's terms where it is written.
fn merged(source: &ColumnType, target: &ColumnType) -> Option<ColumnType> {
    use ColumnType::{Decimal, Money};
    Some(match (source, target) {
        (Decimal { precision: a }, Decimal { precision: b }) => Decimal {
            precision: *a.min(b),
        },
        (Money { precision: a }, Money { precision: b }) => Money {
            precision: *a.min(b),
        },
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => b.clone(),
        _ => return None,
    })
}
