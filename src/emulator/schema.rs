//! What an instance's tables look like: columns with their types and limits, lookups with their bind names, alternate keys.
//!
//! Holds no rows, and no table by name except through `tables.rs`, where the demo's tables stand as data.

mod column;
mod tables;

use std::collections::HashMap;

use uuid::Uuid;

use crate::emulator::value::TableId;

/// All tables of one instance.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    tables: Vec<Table>,
    by_set: HashMap<&'static str, TableId>,
    by_name: HashMap<&'static str, TableId>,
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
    /// Whether changes can be asked for.
    pub(crate) change_tracking: bool,
    /// Rows can be read but are the emulator's own.
    pub(crate) read_only: bool,
    by_name: HashMap<&'static str, usize>,
    by_wire_name: HashMap<String, usize>,
    by_navigation: HashMap<&'static str, (usize, usize)>,
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
    Money {
        precision: u32,
    },
    Bool {
        default: bool,
        yes: &'static str,
        no: &'static str,
    },
    Choice {
        options: &'static [(i64, &'static str)],
        default: Option<i64>,
    },
    State {
        options: &'static [(i64, &'static str)],
    },
    /// Options are `(value, state, label)`; the first of a state is its default.
    Status {
        options: &'static [(i64, i64, &'static str)],
    },
    Time,
    Lookup {
        flavour: Flavour,
        targets: Vec<Target>,
    },
}

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
    /// Deleting the row that is named deletes the row that names it.
    pub(crate) cascade: bool,
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

/// An alternate key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<usize>,
}

impl Schema {
    /// The demo's tables, which are those of every instance for now.
    pub(crate) fn demo() -> Schema {
        Schema::new(tables::demo())
    }

    fn new(tables: Vec<Table>) -> Schema {
        let ids = || {
            tables
                .iter()
                .enumerate()
                .map(|(index, table)| (table, TableId(index)))
        };
        Schema {
            by_set: ids().map(|(table, id)| (table.set, id)).collect(),
            by_name: ids().map(|(table, id)| (table.name, id)).collect(),
            tables,
        }
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
                    name,
                    columns: columns.iter().map(|column| position(column)).collect(),
                })
                .collect(),
            read_only: base.read_only,
            change_tracking: !base.read_only,
            modified_on: by_name.get("modifiedon").copied(),
            by_wire_name: columns
                .iter()
                .enumerate()
                .map(|(index, column)| (column.wire_name.clone(), index))
                .collect(),
            by_navigation,
            by_name,
            columns,
        }
    }

    /// The position of a column by its logical name.
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The position of a column by the name that `$select`, `$filter` and rows use.
    pub(crate) fn wire_column(&self, name: &str) -> Option<usize> {
        self.by_wire_name.get(name).copied()
    }

    /// The lookup column, and which of its targets, that a navigation property binds.
    pub(crate) fn navigation(&self, name: &str) -> Option<(usize, &Target)> {
        let (column, target) = *self.by_navigation.get(name)?;
        Some((column, self.columns[column].targets().get(target)?))
    }

    /// The key whose columns are exactly these, in any order.
    pub(crate) fn key(&self, columns: &[usize]) -> Option<usize> {
        self.keys.iter().position(|key| {
            key.columns.len() == columns.len()
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
        Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("entity/{}", self.name).as_bytes(),
        )
    }
}

impl Column {
    pub(crate) fn targets(&self) -> &[Target] {
        match &self.kind {
            Kind::Lookup { targets, .. } => targets,
            _ => &[],
        }
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
            Kind::Text { .. } | Kind::Memo { .. } => "Edm.String",
            Kind::Int { .. } | Kind::Choice { .. } | Kind::State { .. } | Kind::Status { .. } => {
                "Edm.Int32"
            }
            Kind::BigInt => "Edm.Int64",
            Kind::Money { .. } => "Edm.Decimal",
            Kind::Bool { .. } => "Edm.Boolean",
            Kind::Time => "Edm.DateTimeOffset",
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
    read_only: bool,
}
