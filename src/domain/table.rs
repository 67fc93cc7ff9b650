//! What a table is made of, as its instance describes it (contract 9.1): nothing here is hard-coded.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// A table's logical name, `account`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableName(Arc<str>);

/// A column's logical name, `accountnumber`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ColumnName(Arc<str>);

/// The name of a table in URLs, `accounts`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntitySet(Arc<str>);

/// Why a text is no name of a table or column.
#[derive(Debug, Error)]
#[error("`{0}` is not a name: letters, digits and _ only, beginning with a letter or _")]
pub struct BadName(String);

/// Names go into URLs, so that only what Dataverse allows in a name gets past here (security case 43).
fn checked(name: &str) -> Result<Arc<str>, BadName> {
    let first = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if first && rest && name.len() <= 128 {
        Ok(name.into())
    } else {
        Err(BadName(super::text::visible(name).into_owned()))
    }
}

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// Takes a name that Dataverse could have given.
            pub fn new(name: &str) -> Result<Self, BadName> {
                checked(name).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(TableName);
name!(ColumnName);
name!(EntitySet);

/// What a column holds, as far as comparing and writing it needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Single or multiple lines of text; the limit counts characters.
    Text {
        /// The longest value that the instance takes.
        max_length: Option<u32>,
    },
    /// A whole number.
    Integer,
    /// A number with this many decimal places (decimal and double).
    Decimal {
        /// Decimal places.
        precision: u32,
    },
    /// An amount with this many decimal places; its currency stands in another column.
    Money {
        /// Decimal places.
        precision: u32,
    },
    /// A two-option column, which is never null.
    Boolean {
        /// The value of a row that was never given one.
        default: bool,
    },
    /// A choice, by number.
    Choice,
    /// Whether a row is active: a choice that only an update may set, together with its status.
    State,
    /// The reason for a state, a choice.
    Status,
    /// A set of choices.
    Choices,
    /// A moment, to the second, in UTC.
    DateTime,
    /// A day without a time.
    Date,
    /// A reference to a row of one of these tables.
    Lookup {
        /// The tables that may be named, each with the property that binds it.
        targets: Vec<LookupTarget>,
    },
    /// The primary id or another GUID.
    Id,
    /// A type that tandem neither compares nor writes.
    Unsupported(String),
}

impl ColumnType {
    /// Whether it names the currency of a row's money.
    pub fn is_currency(&self) -> bool {
        match self {
            Self::Lookup { targets } => {
                matches!(targets.as_slice(), [only] if only.table.as_str() == CURRENCY)
            }
            _ => false,
        }
    }
}

impl ColumnType {
    /// What both sides hold, at the coarser side's precision; the target's terms where it is written. `None` where they
    /// hold different types.
    pub fn merged(&self, target: &Self) -> Option<Self> {
        Some(match (self, target) {
            (Self::Decimal { precision: a }, Self::Decimal { precision: b }) => Self::Decimal {
                precision: *a.min(b),
            },
            (Self::Money { precision: a }, Self::Money { precision: b }) => Self::Money {
                precision: *a.min(b),
            },
            (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => b.clone(),
            _ => return None,
        })
    }
}

/// The table of currencies, in every instance.
pub const CURRENCY: &str = "transactioncurrency";

/// One table that a lookup may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupTarget {
    /// The table that is named.
    pub table: TableName,
    /// The single-valued navigation property that `@odata.bind` goes on (contract 2.8, 9.1).
    pub bind: String,
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its logical name.
    pub name: ColumnName,
    /// What it holds.
    pub kind: ColumnType,
    /// Who insists on a value.
    pub required: Requirement,
    /// Whether a create may set it.
    pub creatable: bool,
    /// Whether an update may set it.
    pub updatable: bool,
    /// Where its values come from.
    pub origin: Origin,
    /// The numbers that a choice, a state, a status or a set of choices may hold; empty while they were not asked for.
    pub options: BTreeSet<i64>,
    /// Whether the server has a value of its own for a row that is created without one.
    pub has_default: bool,
}

impl Column {
    /// A plain column that may be written and that nobody insists on.
    pub fn new(name: ColumnName, kind: ColumnType) -> Self {
        Self {
            name,
            kind,
            required: Requirement::Nobody,
            creatable: true,
            updatable: true,
            origin: Origin::Written,
            options: BTreeSet::new(),
            has_default: false,
        }
    }
}

/// Who insists on a column's value (contract 9.1, `RequiredLevel`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Requirement {
    /// Nobody.
    #[default]
    Nobody,
    /// The forms only (`ApplicationRequired`).
    Forms,
    /// The server, which refuses a row without it (`SystemRequired`).
    Server,
}

/// Where a column's values come from (contract 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Whoever writes the row.
    Written,
    /// A calculation over the row.
    Calculated,
    /// A sum over related rows.
    Rollup,
    /// A formula.
    Formula,
    /// Other columns of the row, which it repeats or puts together.
    Composite,
    /// The server's counter.
    AutoNumber,
}

impl Origin {
    /// The word for columns of this kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Written => "plain",
            Self::Calculated => "calculated",
            Self::Rollup => "rollup",
            Self::Formula => "formula",
            Self::Composite => "composite",
            Self::AutoNumber => "autonumber",
        }
    }
}

/// What a table is behind its face. Only standard ones can be kept in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TableKind {
    /// Rows in the instance's database.
    #[default]
    Standard,
    /// Rows of another system, shown here.
    Virtual,
    /// Rows in a store without transactions.
    Elastic,
    /// E-mails, tasks and the like.
    Activity,
    /// The rows of a many-to-many relationship.
    Intersect,
}

impl TableKind {
    /// The word for tables of this kind.
    pub fn word(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Virtual => "virtual",
            Self::Elastic => "elastic",
            Self::Activity => "activity",
            Self::Intersect => "intersect",
        }
    }
}

/// A set of columns whose values are unique in the table (contract 2.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlternateKey {
    /// The key's name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<ColumnName>,
    /// Whether its index is built: only then can rows be addressed by it.
    pub active: bool,
}

/// A table as its instance describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSchema {
    /// Logical name.
    pub name: TableName,
    /// Name in URLs.
    pub set: EntitySet,
    /// The column of the primary id.
    pub primary_id: ColumnName,
    /// The column that people know a row by.
    pub primary_name: Option<ColumnName>,
    /// All columns.
    pub columns: BTreeMap<ColumnName, Column>,
    /// Alternate keys.
    pub keys: Vec<AlternateKey>,
    /// Whether versions guard updates; without it tandem repairs nothing (reliability S14).
    pub optimistic_concurrency: bool,
    /// Whether the instance tells what changed in it since a moment (contract 4.1).
    pub change_tracking: bool,
    /// What it is behind its face.
    pub kind: TableKind,
}

impl TableSchema {
    /// The column of that name.
    pub fn column(&self, name: &ColumnName) -> Option<&Column> {
        self.columns.get(name)
    }

    /// Why a column of this table, as the target, can't be written by a sync; `None` where it can.
    pub fn why_unwritable(&self, column: &Column) -> Option<String> {
        if column.name == self.primary_id {
            return Some("it is the primary id, which is the same on both sides anyway".to_owned());
        }
        if let ColumnType::Unsupported(what) = &column.kind {
            let what = what.to_lowercase();
            return Some(format!("columns of type {what} can't be compared"));
        }
        if column.origin != Origin::Written {
            return Some(format!(
                "it is {} in the target, which fills it itself",
                column.origin.word()
            ));
        }
        // A state is set by an update, and by nothing else.
        let is_creatable = column.creatable || column.kind == ColumnType::State;
        (!column.updatable || !is_creatable).then(|| "it can't be written in the target".to_owned())
    }
}
