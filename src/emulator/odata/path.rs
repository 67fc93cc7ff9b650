//! The path of a Web API URL: which resource it names, and for a row by which id or key.
//!
//! Case-sensitive throughout. Reads no query options and touches no rows.

use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Schema, Table};
use crate::emulator::value::{TableId, Value};

use super::decoded;
use super::literal::{Literal, guid, quoted};

use uuid::Uuid;

/// What a URL behind `/api/data/v9.x/` names.
#[derive(Debug, PartialEq)]
pub(crate) enum Resource {
    ServiceDocument,
    WhoAmI,
    RetrieveVersion,
    Batch,
    /// The segments behind `EntityDefinitions`, the key of the first included.
    Definitions(Vec<String>),
    Collection(TableId),
    Count(TableId),
    Row(TableId, Address),
    /// A message that is bound to a set, by its name without the namespace.
    Bound(TableId, String),
}

/// How a row is addressed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Address {
    Id(Uuid),
    Key(KeyAddress),
}

/// An alternate key with its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct KeyAddress {
    /// Position among the table's keys.
    pub(crate) key: usize,
    /// In the key's own order of columns.
    pub(crate) values: Vec<(usize, Value)>,
    /// As the client wrote it, to be echoed.
    pub(crate) text: String,
}

const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// Messages that Dataverse has and this emulator does not.
const ABSENT_MESSAGES: [&str; 8] = [
    "RetrieveCurrentOrganization",
    "RetrieveTotalRecordCount",
    "RetrieveMetadataChanges",
    "RelationshipDefinitions",
    "GlobalOptionSetDefinitions",
    "CloseIncident",
    "BulkDelete",
    "CreateEntities",
];

/// Splits `/api/data/v9.2/rest` into the service root and the rest.
pub(crate) fn service_root(path: &str) -> Option<(&str, &str)> {
    let version = path.strip_prefix("/api/data/v9.")?;
    let rest = version.strip_prefix(|digit: char| digit.is_ascii_digit())?;
    let root = path.get(..path.len() - rest.len())?;
    if rest.is_empty() {
        return Some((root, ""));
    }
    Some((root, rest.strip_prefix('/')?))
}

/// Reads the path behind the service root.
pub(crate) fn read(schema: &Schema, path: &str) -> Outcome<Resource> {
    let mut segments = Vec::new();
    for raw in path.split('/') {
        let segment = decoded(raw).ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))?;
        segments.push(segment.into_owned());
    }
    let (first, rest) = match segments.split_first() {
        Some((first, rest)) if !(first.is_empty() && rest.is_empty()) => (first.as_str(), rest),
        _ => return Ok(Resource::ServiceDocument),
    };
    let (name, predicate) = split_predicate(first)?;
    match name {
        "WhoAmI" if rest.is_empty() && predicate.is_none_or(str::is_empty) => {
            return Ok(Resource::WhoAmI);
        }
        "RetrieveVersion" if rest.is_empty() && predicate.is_none_or(str::is_empty) => {
            return Ok(Resource::RetrieveVersion);
        }
        "EntityDefinitions" => return Ok(Resource::Definitions(segments)),
        "$batch" if rest.is_empty() => return Ok(Resource::Batch),
        "$metadata" => return Err(Refusal::unsupported(name)),
        _ if ABSENT_MESSAGES.contains(&name) => return Err(Refusal::unsupported(name)),
        _ => {}
    }
    let id = schema.by_set(name).ok_or_else(|| Refusal::segment(name))?;
    let table = schema.table(id);
    match (predicate, rest) {
        (None, []) => Ok(Resource::Collection(id)),
        (None, [count]) if count == "$count" => Ok(Resource::Count(id)),
        (None, [message]) if message.starts_with(NAMESPACE) => Ok(Resource::Bound(
            id,
            message.split_at(NAMESPACE.len()).1.to_owned(),
        )),
        (Some(predicate), []) => Ok(Resource::Row(id, address(table, predicate)?)),
        (_, [next, ..]) => Err(behind(table, next)),
    }
}

impl KeyAddress {
    /// Whether the column is a part of the key.
    pub(crate) fn has(&self, column: usize) -> bool {
        self.values.iter().any(|(own, _)| *own == column)
    }
}

/// Reads `accounts(…)`, `/accounts(…)` or the absolute form, which alone is percent-encoded.
pub(crate) fn target(schema: &Schema, root: &str, text: &str) -> Outcome<(TableId, Address)> {
    if text.contains("://") {
        let rest = text
            .strip_prefix(root)
            .and_then(|rest| rest.strip_prefix('/'));
        let rest = rest
            .ok_or_else(|| Refusal::url(format!("'{text}' is not a resource of this service.")))?;
        let segment = decoded(rest).ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))?;
        return row(schema, &segment);
    }
    row(schema, text.strip_prefix('/').unwrap_or(text))
}

/// Reads `accounts(…)` in a bind: the table and the row.
pub(crate) fn row(schema: &Schema, segment: &str) -> Outcome<(TableId, Address)> {
    let unknown = || {
        Refusal::url(
            "URL was not parsed due to an ODataUnrecognizedPathException. Resource not found for the segment provided \
             in the URL.",
        )
    };
    let (name, predicate) = split_predicate(segment)?;
    let id = schema.by_set(name).ok_or_else(unknown)?;
    let address = address(schema.table(id), predicate.ok_or_else(unknown)?)?;
    Ok((id, address))
}

/// Splits `accounts(…)` into the name and what stands in the parentheses.
pub(crate) fn split_predicate(segment: &str) -> Outcome<(&str, Option<&str>)> {
    match segment.split_once('(') {
        None => Ok((segment, None)),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(predicate) => Ok((name, Some(predicate))),
            None => Err(Refusal::url(format!(
                "Bad Request - Error in query syntax: '{segment}'."
            ))),
        },
    }
}

/// The pairs of `a='x',b=1`, each value a literal.
pub(crate) fn pairs(predicate: &str) -> Outcome<Vec<(&str, Literal)>> {
    let malformed = || {
        Refusal::url(format!(
            "Bad Request - Error in query syntax: '({predicate})'."
        ))
    };
    let mut pairs = Vec::new();
    let mut rest = predicate;
    loop {
        let (name, value) = rest.split_once('=').ok_or_else(malformed)?;
        let (literal, length) = if value.starts_with('\'') {
            let (text, length) = quoted(value).ok_or_else(malformed)?;
            (Literal::Text(text), length)
        } else {
            let length = value.find(',').unwrap_or(value.len());
            let bare = value.get(..length).unwrap_or_default().trim();
            if bare.starts_with('@') {
                return Err(Refusal::url(
                    "Parameter aliases are not allowed in key predicates.",
                ));
            }
            (Literal::bare(bare).ok_or_else(malformed)?, length)
        };
        pairs.push((name.trim(), literal));
        match value.get(length..).unwrap_or_default() {
            "" => return Ok(pairs),
            more => rest = more.strip_prefix(',').ok_or_else(malformed)?,
        }
    }
}

fn address(table: &Table, predicate: &str) -> Outcome<Address> {
    if let Some(id) = guid(predicate) {
        return Ok(Address::Id(id));
    }
    if !predicate.contains('=') {
        return Err(Refusal::url(format!(
            "Bad Request - Error in query syntax: '({predicate})'."
        )));
    }
    let pairs = pairs(predicate)?;
    if let [(name, Literal::Guid(id))] = pairs.as_slice()
        && *name == table.columns[table.id].name
        && !matches!(table.name, "systemuser" | "team")
    {
        return Ok(Address::Id(*id));
    }
    let mut values = Vec::new();
    for (name, literal) in &pairs {
        let index = table
            .wire_column(name)
            .ok_or_else(|| Refusal::key_not_declared(table))?;
        let value = literal
            .for_column(&table.columns[index])
            .filter(|value| !value.is_null());
        values.push((
            index,
            value.ok_or_else(|| Refusal::key_not_declared(table))?,
        ));
    }
    let columns: Vec<usize> = values.iter().map(|(column, _)| *column).collect();
    let key = table
        .key(&columns)
        .ok_or_else(|| Refusal::key_not_declared(table))?;
    values.sort_by_key(|(column, _)| table.keys[key].columns.iter().position(|own| own == column));
    reachable(&values)?;
    Ok(Address::Key(KeyAddress {
        key,
        values,
        text: predicate.to_owned(),
    }))
}

/// Dataverse can't be asked by a key value that holds one of these, even encoded.
fn reachable(values: &[(usize, Value)]) -> Outcome<()> {
    for (_, value) in values {
        if let Some(bad) = value
            .as_text()
            .and_then(|text| text.chars().find(|c| "/<>*%&:\\?+".contains(*c)))
        {
            return Err(Refusal::url(format!(
                "A potentially dangerous Request.Path value was detected from the client ({bad})."
            )));
        }
    }
    Ok(())
}

/// What stands behind a row or set and is not served.
fn behind(table: &Table, next: &str) -> Refusal {
    if next == "$ref" {
        return Refusal::unsupported("$ref");
    }
    if let Some(message) = next.strip_prefix(NAMESPACE) {
        return Refusal::unsupported(message);
    }
    let name = next.split_once('(').map_or(next, |(name, _)| name);
    if table.wire_column(name).is_some() {
        return Refusal::unsupported("Access to a single property");
    }
    if table.navigation(name).is_some() {
        return Refusal::unsupported("Access through a navigation property");
    }
    Refusal::segment(next)
}
