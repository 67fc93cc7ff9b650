//! What a link could copy of a table, from how both sides describe it: a first configuration for a person to cut down.
//! It proposes only what would be taken, and says of the rest why not.

use std::collections::BTreeSet;

use super::table::{
    AlternateKey, Column, ColumnName, ColumnType, Origin, Requirement, TableKind, TableName,
    TableSchema,
};

/// What is proposed for a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The table.
    pub table: TableName,
    /// The columns of an alternate key, if the target has one that will do.
    pub keys: Vec<ColumnName>,
    /// What a stub is made with: what forms or the server insist on.
    pub stub: Vec<ColumnName>,
    /// What is copied, the columns that people know a row by first.
    pub columns: Vec<Proposed>,
    /// What could be meant and is not copied, and why.
    pub left_out: Vec<(ColumnName, String)>,
    /// What has to be changed at an instance first.
    pub first: Vec<String>,
}

/// One column that is proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Its name, which is the same on both sides.
    pub name: ColumnName,
    /// What it holds, for people.
    pub holds: String,
}

/// Columns that belong to the instance that they stand in, and to nobody else.
const OWN: [&str; 10] = [
    "createdbyexternalparty",
    "importsequencenumber",
    "modifiedbyexternalparty",
    "overriddencreatedon",
    "ownerid",
    "processid",
    "stageid",
    "timezoneruleversionnumber",
    "traversedpath",
    "utcconversiontimezonecode",
];

/// Proposes what to copy of a table; `on_link` are the tables whose rows a lookup may name, `hidden` the columns that not
/// everybody reads on both sides. A table that can't be kept in step at all is refused with the reason.
pub fn propose(
    source: &TableSchema,
    target: &TableSchema,
    on_link: &[TableName],
    hidden: &BTreeSet<ColumnName>,
) -> Result<Proposal, String> {
    for (side, schema) in [("source", source), ("target", target)] {
        if schema.kind != TableKind::Standard {
            return Err(format!(
                "it is {} in the {side}: only standard tables can be kept in step",
                schema.kind.word()
            ));
        }
    }
    let mut columns = Vec::new();
    let mut left_out = Vec::new();
    for (name, into) in &target.columns {
        if OWN.contains(&name.as_str()) {
            continue;
        }
        let fit = match fit(source, target, into, on_link) {
            Fit::Copied if hidden.contains(name) => Fit::Other(SECURED.to_owned()),
            fit => fit,
        };
        match fit {
            Fit::Copied => columns.push(Proposed {
                name: name.clone(),
                holds: holds(&into.kind, into.required),
            }),
            Fit::Other(why) => left_out.push((name.clone(), why)),
            Fit::Nothing => {}
        }
    }
    let has = |name: &ColumnName| columns.iter().any(|column| column.name == *name);
    let keys = keys(target, &has);
    let stub = stub(target, &has);
    let rank = |name: &ColumnName| {
        let is_name = target.primary_name.as_ref() == Some(name) || stub.contains(name);
        (!is_name, !keys.contains(name))
    };
    columns.sort_by_key(|column| rank(&column.name));
    Ok(Proposal {
        table: target.name.clone(),
        first: first(source, target),
        keys,
        stub,
        columns,
        left_out,
    })
}

/// Why a column that could be copied is not.
const SECURED: &str = "secured: copied only where the application users may read and write it";

enum Fit {
    /// It is copied as it is.
    Copied,
    /// It could be meant, and can't be copied as it is.
    Other(String),
    /// Nobody would mean it.
    Nothing,
}

fn fit(source: &TableSchema, target: &TableSchema, into: &Column, on_link: &[TableName]) -> Fit {
    if target.why_unwritable(into).is_some() {
        return Fit::Nothing;
    }
    let Some(from) = source.column(&into.name) else {
        // Every instance has columns that others lack.
        return Fit::Nothing;
    };
    let Some(kind) = from.kind.merged(&into.kind) else {
        return Fit::Other("the two sides hold different types".to_owned());
    };
    match &kind {
        ColumnType::Id => return Fit::Nothing,
        ColumnType::State | ColumnType::Status => {
            return Fit::Other("statecode and statuscode go together: name both".to_owned());
        }
        ColumnType::Money { .. } => {
            return Fit::Other("money goes with transactioncurrencyid: name both".to_owned());
        }
        kind if kind.is_currency() => {
            return Fit::Other("goes with columns of money".to_owned());
        }
        ColumnType::Lookup { targets } => {
            let tables: Vec<&str> = targets.iter().map(|target| target.table.as_str()).collect();
            if !tables
                .iter()
                .any(|name| on_link.iter().any(|own| own.as_str() == *name))
            {
                return Fit::Other(format!(
                    "names rows of {}, not on this link",
                    tables.join(", ")
                ));
            }
        }
        _ => {}
    }
    if from.origin != Origin::Written {
        return Fit::Other(format!("it is {} in the source", from.origin.word()));
    }
    if let Some((source, target)) = longer(&from.kind, &into.kind) {
        return Fit::Other(format!(
            "the source takes {source} characters, the target {target}"
        ));
    }
    let lacking: Vec<String> = from
        .options
        .difference(&into.options)
        .map(i64::to_string)
        .collect();
    if lacking.is_empty() {
        Fit::Copied
    } else {
        Fit::Other(format!(
            "the target lacks the options {}",
            lacking.join(", ")
        ))
    }
}

fn longer(from: &ColumnType, into: &ColumnType) -> Option<(u32, u32)> {
    match (from, into) {
        (
            ColumnType::Text {
                max_length: Some(a),
            },
            ColumnType::Text {
                max_length: Some(b),
            },
        ) => (a > b).then_some((*a, *b)),
        _ => None,
    }
}

/// The first key whose index is built and whose columns are copied; of texts before any other.
fn keys(target: &TableSchema, has: &dyn Fn(&ColumnName) -> bool) -> Vec<ColumnName> {
    let is_text = |name: &ColumnName| {
        let column = target.column(name);
        column.is_some_and(|column| matches!(column.kind, ColumnType::Text { .. }))
    };
    let good = |key: &&AlternateKey| key.active && key.columns.iter().all(has);
    let mut keys: Vec<&AlternateKey> = target.keys.iter().filter(good).collect();
    keys.sort_by_key(|key| !key.columns.iter().all(is_text));
    keys.first()
        .map(|key| key.columns.clone())
        .unwrap_or_default()
}

/// What the server or forms insist on; where that is nothing, what people know a row by.
fn stub(target: &TableSchema, has: &dyn Fn(&ColumnName) -> bool) -> Vec<ColumnName> {
    let wanted = |column: &&Column| {
        let is_text = matches!(column.kind, ColumnType::Text { .. });
        let is_needed = match column.required {
            Requirement::Server => !column.has_default,
            Requirement::Forms => is_text,
            Requirement::Nobody => false,
        };
        is_needed && has(&column.name)
    };
    let stub: Vec<ColumnName> = target
        .columns
        .values()
        .filter(wanted)
        .map(|column| column.name.clone())
        .collect();
    if stub.is_empty() {
        return target
            .primary_name
            .iter()
            .filter(|name| has(name))
            .cloned()
            .collect();
    }
    stub
}

fn first(source: &TableSchema, target: &TableSchema) -> Vec<String> {
    let mut first = Vec::new();
    for (side, schema) in [("source", source), ("target", target)] {
        if !schema.change_tracking {
            first.push(format!("switch change tracking on in the {side}"));
        }
    }
    if !target.optimistic_concurrency {
        first.push(
            "switch optimistic concurrency on in the target: else nothing is repaired".to_owned(),
        );
    }
    for key in target.keys.iter().filter(|key| !key.active) {
        first.push(format!(
            "the index of the target's key {} is not built",
            key.name
        ));
    }
    first
}

fn holds(kind: &ColumnType, required: Requirement) -> String {
    let what = match kind {
        ColumnType::Text {
            max_length: Some(most),
        } => format!("text, {most}"),
        ColumnType::Text { max_length: None } => "text".to_owned(),
        ColumnType::Integer => "whole number".to_owned(),
        ColumnType::Decimal { precision } => format!("number, {precision} decimals"),
        ColumnType::Money { .. } => "money".to_owned(),
        ColumnType::Boolean { .. } => "yes or no".to_owned(),
        ColumnType::Choice => "choice".to_owned(),
        ColumnType::State | ColumnType::Status => "state".to_owned(),
        ColumnType::Choices => "choices".to_owned(),
        ColumnType::DateTime => "moment".to_owned(),
        ColumnType::Date => "day".to_owned(),
        ColumnType::Lookup { targets } => {
            let tables = targets.iter().map(|target| target.table.as_str());
            format!("names {}", tables.collect::<Vec<_>>().join(" or "))
        }
        ColumnType::Id => "id".to_owned(),
        ColumnType::Unsupported(what) => what.to_lowercase(),
    };
    match required {
        Requirement::Nobody => what,
        Requirement::Forms => format!("{what}; forms insist on it"),
        Requirement::Server => format!("{what}; the server insists on it"),
    }
}
