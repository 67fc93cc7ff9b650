//! What an instance's tables look like: columns with their types and limits, lookups with their bind names, alternate keys.
//!
//! Holds no rows, and no table by name except through `tables.rs`, where the tables stand as data.

mod column;
pub(crate) mod key;
mod names;
mod tables;
pub(crate) mod variation;

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(crate) use self::key::{Index, Key};

use crate::emulator::value::TableId;

/// Where the metadata of a real environment stands after some years.
const FIRST_VERSION: i64 = 500_000;

/// All tables of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    tables: Vec<Table>,
    by_set: HashMap<&'static str, TableId>,
    by_name: HashMap<&'static str, TableId>,
    many_to_many: Vec<ManyToMany>,
    /// Whether the server insists on what forms insist on; the real one most likely doesn't (contract 14).
    pub(crate) enforces_application_required: bool,
    /// Grows with every change of the metadata.
    version: i64,
}

/// One table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) schema_name: &'static str,
    pub(crate) set: &'static str,
    pub(crate) label: &'static str,
    pub(crate) type_code: i32,
    /// Position of the primary id among the columns.
    pub(crate) id: usize,
    /// Position of the primary name among the columns.
    pub(crate) primary_name: usize,
    pub(crate) columns: Vec<Column>,
    /// Position of `modifiedon`.
    pub(crate) modified_on: Option<usize>,
    pub(crate) keys: Vec<Key>,
    /// What clients may do with its rows.
    pub(crate) writes: Writes,
    pub(crate) ownership: Ownership,
    /// Clients may ask what changed since a delta token (contract 4.1).
    pub(crate) change_tracking: bool,
    /// Its definition says that versions guard updates.
    pub(crate) optimistic_concurrency: bool,
    /// From which status a row may pass to which other one; empty where that is not enforced.
    pub(crate) transitions: Vec<(i64, i64)>,
    /// The version of the metadata in which it was last changed.
    pub(crate) version: i64,
    /// For each money column, its twin in the base currency.
    pub(crate) money: Vec<(usize, usize)>,
    by_name: HashMap<&'static str, usize>,
    by_wire_name: HashMap<String, usize>,
    by_navigation: HashMap<&'static str, (usize, usize)>,
    collections: HashMap<String, Collection>,
}

/// What clients may do with the rows of a table, besides reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writes {
    All,
    /// Rows stay: users are disabled, not deleted.
    CreateAndUpdate,
    /// Rows come from the server itself.
    UpdateAndDelete,
    UpdateOnly,
    Nothing,
}

/// Who owns the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    User,
    BusinessUnit,
    Organization,
    None,
}

/// The rows of another table, or of the same, that name a row by one of their lookups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collection {
    /// The collection-valued navigation property, which has the schema name of the relationship.
    pub(crate) navigation: String,
    /// The table of the rows that name.
    pub(crate) table: TableId,
    /// The lookup by which they name.
    pub(crate) column: usize,
}

/// A relationship through an intersect table, whose rows hold the ids of both sides in columns that are no lookups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ManyToMany {
    /// The schema name, which is also the navigation property of both sides.
    pub(crate) name: &'static str,
    pub(crate) intersect: TableId,
    /// Each side, and the column of the intersect table that holds its id.
    pub(crate) sides: [(TableId, usize); 2],
}

/// One column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) schema_name: String,
    /// The name in JSON: `_x_value` for a lookup, else the logical name.
    pub(crate) wire_name: String,
    pub(crate) kind: Kind,
    pub(crate) required: Required,
    pub(crate) create: bool,
    pub(crate) update: bool,
    pub(crate) read: Read,
    pub(crate) format: Format,
    pub(crate) source: Source,
    /// How the server numbers new rows that bring no value.
    pub(crate) auto_number: Option<&'static str>,
    /// The global choice whose options it has.
    pub(crate) global_choice: Option<&'static str>,
}

/// Who may read a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Everybody,
    /// Who has a privilege for this column (`IsSecured`).
    Privileged,
    /// Nobody: it is written and then used by the server alone.
    Nobody,
}

/// What a column's values are meant for; checked by forms only, but for the time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    None,
    Email,
    Phone,
    Url,
    /// Minutes.
    Duration,
    /// The logical name of a table.
    TableName,
    /// A time without a time zone.
    TimeZoneIndependent,
}

/// Where a column's values come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Simple,
    Calculated,
}

/// The type of a column, with its limits.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Id,
    Text {
        max: usize,
    },
    Memo {
        max: usize,
    },
    Int {
        min: i64,
        max: i64,
    },
    BigInt,
    Decimal {
        precision: u32,
        min: i64,
        max: i64,
    },
    Double {
        precision: u32,
        min: i64,
        max: i64,
    },
    Money {
        precision: u32,
    },
    Bool {
        default: bool,
        yes: &'static str,
        no: &'static str,
    },
    Choice {
        options: Options,
        default: Option<i64>,
    },
    /// Any number of options.
    Choices {
        options: Options,
    },
    State {
        options: Options,
    },
    /// Options are `(value, state, label)`; the first of a state is its default.
    Status {
        options: Cow<'static, [(i64, i64, &'static str)]>,
    },
    Time,
    /// A day without a time.
    Date,
    Lookup {
        flavour: Flavour,
        targets: Vec<Target>,
    },
}

/// The options of a choice with their labels.
pub(crate) type Options = Cow<'static, [(i64, &'static str)]>;

/// What `EntityDefinitions` calls a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    Lookup,
    Customer,
    Owner,
}

/// One table that a lookup may name, and the navigation property that binds it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) table: &'static str,
    pub(crate) navigation: &'static str,
    /// The schema name of the relationship, which is also the collection of the target.
    pub(crate) relationship: String,
    /// Deleting the row that is named deletes the row that names it.
    pub(crate) cascade: bool,
    /// The row that is named can't be deleted while it is named.
    pub(crate) restricts: bool,
}

/// How much a column is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Required {
    None,
    Recommended,
    /// Forms insist on it, the server does not.
    Application,
    /// The server insists on it.
    System,
}

impl Schema {
    /// The tables of every instance, before a scenario changes them.
    pub(crate) fn demo() -> Schema {
        Schema::new(tables::all(), &tables::MANY_TO_MANY)
    }

    fn new(mut tables: Vec<Table>, many_to_many: &[tables::Association]) -> Schema {
        let ids = || {
            tables
                .iter()
                .enumerate()
                .map(|(index, table)| (table, TableId(index)))
        };
        let by_name: HashMap<_, _> = ids().map(|(table, id)| (table.name, id)).collect();
        let by_set = ids().map(|(table, id)| (table.set, id)).collect();
        let many_to_many = many_to_many
            .iter()
            .filter_map(|(name, intersect, sides)| {
                let intersect = *by_name.get(intersect)?;
                let [first, second] = sides.map(|(table, column)| {
                    let column = tables[intersect.0].column(column)?;
                    Some((*by_name.get(table)?, column))
                });
                Some(ManyToMany {
                    name,
                    intersect,
                    sides: [first?, second?],
                })
            })
            .collect();
        for (parent, collection) in collections(&tables, &by_name) {
            let own = &mut tables[parent.0].collections;
            own.insert(collection.navigation.clone(), collection);
        }
        Schema {
            tables,
            by_set,
            by_name,
            many_to_many,
            enforces_application_required: false,
            version: FIRST_VERSION,
        }
    }

    /// The stamp of the metadata as a whole.
    pub(crate) fn version(&self) -> i64 {
        self.version
    }

    /// A table to be changed, under a new version of the metadata.
    pub(crate) fn change(&mut self, id: TableId) -> &mut Table {
        self.version += 1;
        let table = &mut self.tables[id.0];
        table.version = self.version;
        table
    }

    /// The keys whose index is to be built now.
    pub(crate) fn due_keys(&self, now: DateTime<Utc>) -> Vec<(TableId, usize)> {
        let mut due = Vec::new();
        for (id, table) in self.tables() {
            let keys = table.keys.iter().enumerate();
            due.extend(
                keys.filter(|(_, key)| key.index.is_due(now))
                    .map(|(key, _)| (id, key)),
            );
        }
        due
    }

    pub(crate) fn table(&self, id: TableId) -> &Table {
        &self.tables[id.0]
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = (TableId, &Table)> {
        self.tables
            .iter()
            .enumerate()
            .map(|(index, table)| (TableId(index), table))
    }

    pub(crate) fn by_set(&self, set: &str) -> Option<TableId> {
        self.by_set.get(set).copied()
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<TableId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn many_to_many(&self) -> &[ManyToMany] {
        &self.many_to_many
    }
}

/// The collection that each relationship gives to the table that is named.
fn collections(
    tables: &[Table],
    by_name: &HashMap<&'static str, TableId>,
) -> Vec<(TableId, Collection)> {
    let mut found = Vec::new();
    for (index, table) in tables.iter().enumerate() {
        for (column, lookup) in table.columns.iter().enumerate() {
            for target in lookup.targets() {
                let Some(parent) = by_name.get(target.table) else {
                    continue;
                };
                let collection = Collection {
                    navigation: target.relationship.clone(),
                    table: TableId(index),
                    column,
                };
                found.push((*parent, collection));
            }
        }
    }
    found
}

impl Table {
    fn new(
        base: &TableBase,
        columns: Vec<Column>,
        keys: &[(&'static str, &[&'static str])],
    ) -> Table {
        let by_name: HashMap<_, _> = columns
            .iter()
            .enumerate()
            .map(|(index, column)| (column.name, index))
            .collect();
        let position = |name: &str| by_name.get(name).copied().unwrap_or_default();
        let mut by_navigation = HashMap::new();
        for (index, column) in columns.iter().enumerate() {
            for (target, declared) in column.targets().iter().enumerate() {
                by_navigation
                    .entry(declared.navigation)
                    .or_insert((index, target));
            }
        }
        Table {
            name: base.name,
            schema_name: base.schema_name,
            set: base.set,
            label: base.label,
            type_code: base.type_code,
            id: position(base.id),
            primary_name: position(base.primary_name),
            keys: keys
                .iter()
                .map(|(name, columns)| Key {
                    id: Uuid::new_v5(&metadata_id(base.name), name.as_bytes()),
                    name: Cow::Borrowed(name),
                    label: (*name).to_owned(),
                    index: Index::Active,
                    columns: columns.iter().map(|column| position(column)).collect(),
                })
                .collect(),
            writes: base.writes,
            ownership: base.ownership,
            change_tracking: base.change_tracking,
            optimistic_concurrency: true,
            transitions: Vec::new(),
            version: FIRST_VERSION,
            money: columns
                .iter()
                .enumerate()
                .filter(|(_, column)| matches!(column.kind, Kind::Money { .. }))
                .filter_map(|(index, column)| {
                    let twin = by_name.get(format!("{}_base", column.name).as_str())?;
                    Some((index, *twin))
                })
                .collect(),
            modified_on: by_name.get("modifiedon").copied(),
            by_wire_name: columns
                .iter()
                .enumerate()
                .filter(|(_, column)| column.read != Read::Nobody)
                .map(|(index, column)| (column.wire_name.clone(), index))
                .collect(),
            by_navigation,
            collections: HashMap::new(),
            by_name,
            columns,
        }
    }

    /// The position of a column by its logical name.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The position of a column by the name that `$select`, `$filter` and rows use; none of a column that nobody may read.
    pub(crate) fn wire_column(&self, name: &str) -> Option<usize> {
        self.by_wire_name.get(name).copied()
    }

    /// The lookup column, and which of its targets, that a navigation property binds.
    pub(crate) fn navigation(&self, name: &str) -> Option<(usize, &Target)> {
        let (column, target) = *self.by_navigation.get(name)?;
        Some((column, self.columns[column].targets().get(target)?))
    }

    /// The rows that name a row of this table, by the collection-valued navigation property.
    pub(crate) fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }

    /// The keys that were not deleted.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(|key| key.index != Index::Dropped)
    }

    /// The active key whose columns are exactly these, in any order.
    pub(crate) fn key(&self, columns: &[usize]) -> Option<usize> {
        self.keys.iter().position(|key| {
            key.index == Index::Active
                && key.columns.len() == columns.len()
                && key.columns.iter().all(|column| columns.contains(column))
        })
    }

    /// The lookups whose index is worth its memory: those that name business rows, of which there are many.
    ///
    /// An index on who owns or modified a row would hold the whole table under a handful of users.
    pub(crate) fn indexed_lookups(&self) -> impl Iterator<Item = usize> {
        let named_by_most = |target: &Target| {
            matches!(
                target.table,
                "systemuser" | "team" | "businessunit" | "organization" | "transactioncurrency"
            )
        };
        self.columns
            .iter()
            .enumerate()
            .filter(move |(_, column)| {
                !column.targets().is_empty() && !column.targets().iter().all(named_by_most)
            })
            .map(|(index, _)| index)
    }

    /// A stable id for the table's definition.
    pub(crate) fn metadata_id(&self) -> Uuid {
        metadata_id(self.name)
    }
}

fn metadata_id(table: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("entity/{table}").as_bytes())
}

impl Column {
    pub(crate) fn targets(&self) -> &[Target] {
        match &self.kind {
            Kind::Lookup { targets, .. } => targets,
            _ => &[],
        }
    }

    /// Whether only the holder of a privilege for the column may read it.
    pub(crate) fn secured(&self) -> bool {
        self.read == Read::Privileged
    }
}

impl Writes {
    pub(crate) fn create(self) -> bool {
        matches!(self, Writes::All | Writes::CreateAndUpdate)
    }

    pub(crate) fn update(self) -> bool {
        self != Writes::Nothing
    }

    pub(crate) fn delete(self) -> bool {
        matches!(self, Writes::All | Writes::UpdateAndDelete)
    }
}

impl Required {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Required::None => "None",
            Required::Recommended => "Recommended",
            Required::Application => "ApplicationRequired",
            Required::System => "SystemRequired",
        }
    }
}

impl Kind {
    /// The `OData` type in messages.
    pub(crate) fn edm(&self) -> &'static str {
        match self {
            Kind::Id | Kind::Lookup { .. } => "Edm.Guid",
            Kind::Text { .. } | Kind::Memo { .. } | Kind::Choices { .. } => "Edm.String",
            Kind::Int { .. } | Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. } => {
                "Edm.Int32"
            }
            Kind::BigInt => "Edm.Int64",
            Kind::Money { .. } | Kind::Decimal { .. } => "Edm.Decimal",
            Kind::Double { .. } => "Edm.Double",
            Kind::Bool { .. } => "Edm.Boolean",
            Kind::Time => "Edm.DateTimeOffset",
            Kind::Date => "Edm.Date",
        }
    }
}

/// The facts of a table that are not columns.
struct TableBase {
    name: &'static str,
    schema_name: &'static str,
    set: &'static str,
    label: &'static str,
    type_code: i32,
    id: &'static str,
    primary_name: &'static str,
    writes: Writes,
    ownership: Ownership,
    change_tracking: bool,
}
