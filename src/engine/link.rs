//! A link made ready for work: its clients, its tables as both instances describe them, and whose writes are the
//! sync's own. A configuration that does not fit the instances is refused here, with the reason.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use super::event::{Looked, Named};
use super::evidence::{Agreements, Choices, Parked, ReadApart, Told};
use super::fit::{Surroundings, bound_tables, fit, source_name};
use super::identity::Identity;
use super::impact::Tickets;
use super::reading::End;
use super::reconcile::Known;
use crate::config::{LinkConfig, TableConfig};
use crate::dataverse::{Preset, Query, Reader, Writer};
use crate::domain::drift::{CompareRules, ComparedColumn};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::row::{ETag, Row, RowId, Value};
use crate::domain::table::{
    BadName, CURRENCY, ColumnName, ColumnType, EntitySet, TableName, TableSchema,
};
use crate::domain::text::visible;
use crate::domain::translation::Translation;
use crate::journal::{Index, Journal};

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
    /// What the target refused for its own sake.
    pub(super) parked: Parked,
    /// Set once what the journal knows of the records has been taken in, or can't be.
    pub(super) recalled: CancellationToken,
    /// What the feeds of changes have told.
    pub(super) told: Told,
    /// Where what is known is kept, once the state folder has been opened.
    pub(super) index: OnceLock<Index>,
    /// Where it is written down which rows are one, once the journal is open.
    pub(super) journal: OnceLock<Journal>,
    /// The target's tickets, once somebody wants to know which records they name.
    pub(super) tickets: tokio::sync::OnceCell<Tickets>,
    /// The names in URLs of the target's tables, for lookups.
    pub(super) sets: BTreeMap<TableName, EntitySet>,
}

impl LinkContext {
    /// The table of that name on this link.
    pub(super) fn table_named(&self, name: &TableName) -> Option<&Arc<LinkTable>> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The version of a row of the target as tandem left it; `None` where it is already somebody else's: that one's edit
    /// must never be taken for what both sides agreed on.
    pub(super) fn own_version(&self, row: &Row) -> Option<ETag> {
        let by = row.modified_by.as_ref()?;
        let is_ours = self.sync_users.contains(&by.id);
        row.etag.clone().filter(|_| is_ours)
    }

    /// What a person should know of its configuration.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &str> {
        let tables = self.tables.iter();
        tables.flat_map(|table| table.warnings.iter().map(String::as_str))
    }

    /// Why a record is parked, if it is as it was read; `digest` tells how the source's row is hashed.
    pub(super) fn why_parked<R>(
        &self,
        looked: &Looked<R>,
        digest: impl FnOnce(&CompareRules, &R) -> u64,
    ) -> Option<Arc<str>> {
        let key = looked.record.key;
        let rules = &self.table(key.table)?.rules;
        let source = looked.sides.source.row();
        let source = source.filter(|_| looked.drift.is_pending())?;
        self.parked.why(key, || digest(rules, source))
    }

    /// The table at that place.
    pub(super) fn table(&self, index: TableIndex) -> Option<&Arc<LinkTable>> {
        self.tables.iter().find(|table| table.index == index)
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
    /// What was found out of its records; held by the one comparison of it that runs.
    pub(super) known: tokio::sync::Mutex<Known>,
    /// Which of them were read apart from that.
    pub(super) read_apart: ReadApart,
    /// The columns to ask the source for: the hydrated ones in the rules' order, what names a row to people, and what
    /// only its scope looks at.
    pub(super) source_columns: Vec<ColumnName>,
    /// The columns to ask the target for, in the same order.
    pub(super) target_columns: Vec<ColumnName>,
    /// Where in a row its name stands.
    pub(super) name_place: Option<usize>,
    /// How the source's rows are read.
    pub(super) translation: Translation,
    /// Which rows of the two sides are one record.
    pub(super) identity: Identity,
    /// What rows are created with beside their hydrated columns.
    pub(super) presets: Vec<Preset>,
    /// What a person should know of its configuration.
    pub(super) warnings: Vec<String>,
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

    /// The columns of its alternate key, by their names in the target.
    pub(super) fn key_columns(&self) -> Vec<ColumnName> {
        let columns = self.rules.columns.iter().filter(|column| column.key);
        columns.map(|column| column.name.clone()).collect()
    }

    /// A row's name and number for people, from whichever side has them.
    pub(super) fn named(&self, id: RowId, source: Option<&Row>, target: Option<&Row>) -> Named {
        let name = self
            .name_place
            .and_then(|place| text(place, source, target));
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
        let places = |wanted: fn(&ComparedColumn) -> bool| {
            let columns = self.rules.columns.iter().enumerate();
            columns
                .filter(move |(_, column)| wanted(column))
                .map(|(place, _)| place)
        };
        let keys = places(|column| column.key);
        let email = places(|column| column.name.as_str().starts_with("emailaddress"));
        keys.chain(email)
            .find_map(|place| text(place, source, target))
    }
}

/// A value as text, from whichever side has one.
fn text(place: usize, source: Option<&Row>, target: Option<&Row>) -> Option<String> {
    let values = [source, target]
        .into_iter()
        .flatten()
        .filter_map(|row| row.values.get(place));
    let mut filled = values.filter(|value| **value != Value::Null);
    filled
        .next()
        .map(|value| visible(&value.to_string()).into_owned())
}

/// Why a link can't be made ready.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// An instance could not be asked; it is worth trying again.
    #[error("an instance can't be asked for its tables: {0}")]
    Unreachable(Failure),
    /// The configuration does not fit the instances; a person has to change one of them.
    #[error("{0}")]
    Misfit(String),
}

impl NotReady {
    /// A table that an instance does not have is a matter of the configuration; any other failure passes.
    pub(super) fn of_schema(failure: Failure, end: &str, table: &TableConfig) -> Self {
        if failure.class != FailureClass::NotFound {
            return Self::Unreachable(failure);
        }
        let place = table.lines.before(None);
        Self::Misfit(format!("{place}the {end} has no table {}", table.name))
    }
}

/// Asks both instances for the link's tables and checks the configuration against them.
pub(super) async fn describe(
    place: usize,
    first: TableIndex,
    config: &LinkConfig,
    ends: Ends,
    agent: Ends,
    hook: Option<Reader>,
) -> Result<LinkContext, NotReady> {
    let mut sync_users: HashSet<RowId> = config.sync_users.iter().copied().collect();
    for user in [&ends, &agent] {
        let user = user.target.reader().who_am_i().await;
        sync_users.insert(user.map_err(NotReady::Unreachable)?.user);
    }
    if let Some(hook) = hook {
        match hook.who_am_i().await {
            Ok(who) => {
                sync_users.insert(who.user);
            }
            Err(failure) => tracing::warn!(%failure, "the hook's user is not known"),
        }
    }
    let mut described = Vec::new();
    for table in &config.tables {
        described.push(describe_table(table, &ends).await?);
    }
    let around = surroundings(config, &ends, &described).await?;
    let mut sets = around.sets.clone();
    let mut tables = Vec::new();
    let places = (first.0..).map(TableIndex);
    for ((index, table), (source, target)) in places.zip(&config.tables).zip(described) {
        sets.insert(table.name.clone(), target.set.clone());
        let fit = fit(index, config, table, source, target, &around).map_err(NotReady::Misfit)?;
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
        parked: Parked::default(),
        recalled: CancellationToken::new(),
        told: Told::default(),
        index: OnceLock::new(),
        journal: OnceLock::new(),
        tickets: tokio::sync::OnceCell::new(),
        sets,
    })
}

/// One table of a link by itself, ready for reading. While the source can't be asked for it, it is taken to be as the
/// target describes it: good enough for the target's rows.
pub(super) async fn describe_one(
    link: &LinkConfig,
    table: &TableConfig,
    ends: &Ends,
) -> Result<(LinkTable, Option<Failure>), NotReady> {
    // A place among the link's tables is of no use to anybody here.
    let index = TableIndex(0);
    if let Err(failure) = ends.source.schema(&table.name).await {
        let target = ends.target.reader();
        let described = target.schema(&table.name).await;
        let described = described.map_err(NotReady::Unreachable)?;
        let around = Surroundings {
            sets: sets_of_constants(table, &described, target).await?,
            ..Surroundings::default()
        };
        let table = as_the_target_has_it(link, table, target, &around).await?;
        return Ok((table, Some(failure)));
    }
    let (source, target) = describe_table(table, ends).await?;
    let described = [(source.clone(), target.clone())];
    let alone = LinkConfig {
        tables: vec![table.clone()],
        ..link.clone()
    };
    let around = surroundings(&alone, ends, &described).await?;
    let fit = fit(index, link, table, source, target, &around).map_err(NotReady::Misfit)?;
    Ok((fit, None))
}

/// One table, its source taken to be as the target describes it.
pub(super) async fn as_the_target_has_it(
    link: &LinkConfig,
    table: &TableConfig,
    target: &Reader,
    around: &Surroundings,
) -> Result<LinkTable, NotReady> {
    let plain = TableConfig {
        scope: None,
        map: Vec::new(),
        ..table.clone()
    };
    let described = described_by_target(&plain, target).await;
    let described = described.map_err(|failure| NotReady::of_schema(failure, "target", table))?;
    let source = described.clone();
    fit(TableIndex(0), link, &plain, source, described, around).map_err(NotReady::Misfit)
}

/// One table as both instances describe it.
async fn describe_table(
    table: &TableConfig,
    ends: &Ends,
) -> Result<(TableSchema, TableSchema), NotReady> {
    let names = table.columns.iter().map(|name| source_name(table, name));
    let names: Vec<ColumnName> = names.cloned().collect();
    let source = schema(&ends.source, &table.name, &names).await;
    let target = described_by_target(table, ends.target.reader()).await;
    Ok((
        source.map_err(|failure| NotReady::of_schema(failure, "source", table))?,
        target.map_err(|failure| NotReady::of_schema(failure, "target", table))?,
    ))
}

/// One table as the target describes it, with the options of the columns that are written.
pub(super) async fn described_by_target(
    table: &TableConfig,
    target: &Reader,
) -> Result<TableSchema, Failure> {
    let constants = table.set.iter();
    let constants = constants.filter_map(|constant| ColumnName::new(&constant.property).ok());
    let names: Vec<ColumnName> = table.columns.iter().cloned().chain(constants).collect();
    schema(target, &table.name, &names).await
}

/// A table with the options of these of its columns.
pub(super) async fn schema(
    reader: &Reader,
    table: &TableName,
    columns: &[ColumnName],
) -> Result<TableSchema, Failure> {
    let mut schema = reader.schema(table).await?;
    reader.add_options(&mut schema, columns).await?;
    Ok(schema)
}

/// Asks for what the configuration refers to beside its tables: currencies, and the tables that constants name.
pub(super) async fn surroundings(
    config: &LinkConfig,
    ends: &Ends,
    described: &[(TableSchema, TableSchema)],
) -> Result<Surroundings, NotReady> {
    let by_key = config.tables.iter().filter(|table| table.by_key);
    let mut around = Surroundings {
        pairs: by_key
            .map(|table| (table.name.clone(), Arc::default()))
            .collect(),
        ..Surroundings::default()
    };
    let on_link = |name: &str| {
        config
            .tables
            .iter()
            .any(|table| table.name.as_str() == name)
    };
    let mut has_currency = false;
    for (table, (_, target)) in config.tables.iter().zip(described) {
        let columns = table.columns.iter().filter_map(|name| target.column(name));
        has_currency |= columns
            .map(|column| &column.kind)
            .any(ColumnType::is_currency);
        let sets = sets_of_constants(table, target, ends.target.reader()).await?;
        around.sets.extend(sets);
    }
    if has_currency && !on_link(CURRENCY) {
        let currencies = currencies(ends, &mut around).await;
        around.currencies = Some(currencies.map_err(NotReady::Unreachable)?);
    }
    Ok(around)
}

/// The names in URLs of the tables that a table's constants name.
pub(super) async fn sets_of_constants(
    table: &TableConfig,
    target: &TableSchema,
    reader: &Reader,
) -> Result<BTreeMap<TableName, EntitySet>, NotReady> {
    let mut sets = BTreeMap::new();
    let named = table.set.iter();
    for name in named.flat_map(|constant| bound_tables(target, &constant.property)) {
        if let Entry::Vacant(place) = sets.entry(name) {
            let named = reader.schema(place.key()).await;
            place.insert(named.map_err(NotReady::Unreachable)?.set);
        }
    }
    Ok(sets)
}

/// Which currency of the target is which of the source: those with one ISO code are one (design, "Refused at start").
async fn currencies(
    ends: &Ends,
    around: &mut Surroundings,
) -> Result<HashMap<RowId, RowId>, Failure> {
    let invalid = |error: BadName| Failure::local(FailureClass::Invalid, error.to_string());
    let table = TableName::new(CURRENCY).map_err(invalid)?;
    let code = ColumnName::new("isocurrencycode").map_err(invalid)?;
    let mut by_code: [HashMap<String, RowId>; 2] = Default::default();
    for (end, by_code) in [End::Source, End::Target].into_iter().zip(&mut by_code) {
        let schema = ends.reader(end).schema(&table).await?;
        let query = Query::all(&schema, std::slice::from_ref(&code));
        let mut pages = ends.reader(end).pages(query);
        while let Some(page) = pages.next().await? {
            let codes = page
                .rows
                .iter()
                .filter_map(|row| match row.values.first()? {
                    Value::Text(code) => Some((code.to_uppercase(), row.id)),
                    _ => None,
                });
            by_code.extend(codes);
        }
        if end == End::Target {
            around.sets.insert(table.clone(), schema.set);
        }
    }
    let [source, target] = by_code;
    let pairs = source
        .into_iter()
        .filter_map(|(code, id)| Some((id, *target.get(&code)?)));
    Ok(pairs.collect())
}
