//! The path of a Web API URL: which resource it names, and for a row by which id or key.
//!
//! Case-sensitive throughout. Reads no query options and touches no rows.

use crate::emulator::operation::privileges;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Schema, Table};
use crate::emulator::value::{TableId, Value};

use super::literal::{Literal, guid, quoted};
use super::{decoded, message};

use uuid::Uuid;

/// What a URL behind `/api/data/v9.x/` names.
#[derive(Debug, PartialEq)]
pub(crate) enum Resource {
    ServiceDocument,
    Batch,
    BulkDelete,
    CloseIncident,
    /// `$metadata`.
    Csdl,
    /// An unbound function or action.
    Invocation(Invocation),
    /// The segments of `EntityDefinitions`, `RelationshipDefinitions`, `GlobalOptionSetDefinitions` and what is below.
    Definitions(Vec<String>),
    Collection(TableId),
    Count(TableId),
    Row(TableId, Address),
    /// A column of a row; as it is for `/$value`.
    Property(TableId, Address, Property),
    /// What a navigation property of a row leads to.
    Navigation(TableId, Address, Navigation),
    /// `RetrieveUserPrivileges` of a user.
    Privileges(TableId, Address),
    /// A message that is bound to a set, by its name without the namespace.
    Bound(TableId, String),
}

/// A function or action with the text of its arguments, if there are parentheses.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Invocation {
    pub(crate) name: String,
    pub(crate) arguments: Option<String>,
}

/// One column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Property {
    pub(crate) column: usize,
    /// Whether the value is asked for as it is.
    pub(crate) raw: bool,
}

/// A navigation property of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Navigation {
    pub(crate) name: String,
    pub(crate) end: End,
    pub(crate) part: Part,
}

/// Where a navigation property leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The row that the lookup in this column names.
    Row { lookup: usize, table: TableId },
    /// The rows of the table whose lookup in this column names the row.
    Rows { lookup: usize, table: TableId },
    /// The rows of the table that stand in pairs with the row.
    Paired { pairs: Pairs, table: TableId },
}

/// A table of pairs of ids, as it is seen from one side of a many-to-many relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pairs {
    pub(crate) table: TableId,
    /// The column with the id of the row whose collection it is.
    pub(crate) this: usize,
    /// The column with the id of the row that belongs to the collection.
    pub(crate) other: usize,
}

impl End {
    /// The table of what it leads to.
    pub(crate) fn table(self) -> TableId {
        match self {
            End::Row { table, .. } | End::Rows { table, .. } | End::Paired { table, .. } => table,
        }
    }
}

/// What of it is meant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// The row or the rows themselves.
    Whole,
    /// `/$ref`.
    Reference,
    /// `/$count`.
    Count,
    /// `collection(…)`.
    Member(Address),
    /// `collection(…)/$ref`.
    MemberReference(Address),
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

/// The functions and actions that are served and bound to nothing.
const MESSAGES: [&str; 6] = [
    "WhoAmI",
    "RetrieveVersion",
    "RetrieveCurrentOrganization",
    "RetrieveTotalRecordCount",
    "RetrieveMetadataChanges",
    "ReactivateEntityKey",
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

/// The part of a service root that is before `/api/`.
pub(crate) fn origin(root: &str) -> &str {
    root.split_once("/api/").map_or(root, |(origin, _)| origin)
}

/// Whether the path behind the service root is that of `$batch`.
pub(crate) fn is_batch(rest: &str) -> bool {
    decoded(rest).is_some_and(|rest| rest == "$batch")
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
        _ if rest.is_empty() && MESSAGES.contains(&name) => {
            return Ok(Resource::Invocation(Invocation {
                name: name.to_owned(),
                arguments: predicate.map(str::to_owned),
            }));
        }
        "EntityDefinitions" | "RelationshipDefinitions" | "GlobalOptionSetDefinitions" => {
            return Ok(Resource::Definitions(segments));
        }
        "$metadata" if rest.is_empty() => return Ok(Resource::Csdl),
        "$batch" if rest.is_empty() => return Ok(Resource::Batch),
        "BulkDelete" if rest.is_empty() => return Ok(Resource::BulkDelete),
        "CloseIncident" if rest.is_empty() => return Ok(Resource::CloseIncident),
        _ if rest.is_empty() && message::is_absent(name) => return Err(Refusal::unsupported(name)),
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
        (Some(predicate), rest) => behind(schema, id, address(table, predicate)?, rest),
        (None, [next, ..]) => Err(absent(next).unwrap_or_else(|| Refusal::segment(next))),
    }
}

impl KeyAddress {
    /// Whether the column is a part of the key.
    pub(crate) fn has(&self, column: usize) -> bool {
        self.values.iter().any(|(own, _)| *own == column)
    }
}

/// Reads `accounts(…)`, `/accounts(…)` or the absolute form, which alone is percent-encoded and may name any version.
pub(crate) fn target(schema: &Schema, root: &str, text: &str) -> Outcome<(TableId, Address)> {
    if text.contains("://") {
        let rest = text.strip_prefix(origin(root)).and_then(service_root);
        let (_, rest) = rest
            .ok_or_else(|| Refusal::url(format!("'{text}' is not a resource of this service.")))?;
        let segment = decoded(rest).ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))?;
        return row(schema, &segment);
    }
    row(schema, text.strip_prefix('/').unwrap_or(text))
}

/// Reads `/contacts(…)`, `contacts(…)` or the absolute form in a bind, percent-encoded or not.
pub(crate) fn bound(schema: &Schema, root: &str, text: &str) -> Outcome<(TableId, Address)> {
    if text.contains("://") {
        return target(schema, root, text);
    }
    let relative = text.strip_prefix('/').unwrap_or(text);
    let segment = decoded(relative).ok_or_else(|| Refusal::url("The URL is not valid UTF-8."))?;
    row(schema, &segment)
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

/// Reads what stands behind a row.
fn behind(schema: &Schema, id: TableId, address: Address, rest: &[String]) -> Outcome<Resource> {
    let table = schema.table(id);
    let Some((first, rest)) = rest.split_first() else {
        return Ok(Resource::Row(id, address));
    };
    let called = first
        .strip_prefix(NAMESPACE)
        .and_then(|name| name.strip_suffix("()"));
    if called == Some(privileges::NAME) && table.name == "systemuser" && rest.is_empty() {
        return Ok(Resource::Privileges(id, address));
    }
    if let Some(refusal) = absent(first) {
        return Err(refusal);
    }
    let (name, predicate) = split_predicate(first)?;
    let unknown = || Refusal::segment(first);
    if let Some(column) = table.wire_column(name).filter(|_| predicate.is_none()) {
        let raw = match rest {
            [] => false,
            [value] if value == "$value" => true,
            [next, ..] => return Err(Refusal::segment(next)),
        };
        return Ok(Resource::Property(id, address, Property { column, raw }));
    }
    let end = end(schema, table, name).ok_or_else(unknown)?;
    let part = match (end, predicate, rest) {
        (_, None, []) => Part::Whole,
        (_, None, [reference]) if reference == "$ref" => Part::Reference,
        (End::Rows { .. } | End::Paired { .. }, None, [count]) if count == "$count" => Part::Count,
        (End::Rows { table, .. } | End::Paired { table, .. }, Some(predicate), rest) => {
            let member = self::address(schema.table(table), predicate)?;
            match rest {
                [] => Part::Member(member),
                [reference] if reference == "$ref" => Part::MemberReference(member),
                [next, ..] => {
                    return Err(absent(next).unwrap_or_else(|| {
                        Refusal::unsupported("Access behind a member of a collection")
                    }));
                }
            }
        }
        (End::Row { .. }, None, [next, ..]) if schema.table(id).navigation(name).is_some() => {
            return Err(absent(next).unwrap_or_else(|| {
                Refusal::unsupported("Access behind a single-valued navigation property")
            }));
        }
        (_, _, [next, ..]) => return Err(Refusal::segment(next)),
        (End::Row { .. }, Some(_), []) => return Err(unknown()),
    };
    Ok(Resource::Navigation(
        id,
        address,
        Navigation {
            name: name.to_owned(),
            end,
            part,
        },
    ))
}

/// Where a navigation property of the table leads.
pub(crate) fn end(schema: &Schema, table: &Table, name: &str) -> Option<End> {
    if let Some((lookup, target)) = table.navigation(name) {
        let table = schema.by_name(target.table)?;
        return Some(End::Row { lookup, table });
    }
    if let Some(collection) = table.collection(name) {
        return Some(End::Rows {
            lookup: collection.column,
            table: collection.table,
        });
    }
    let own = schema.by_name(table.name)?;
    let relationships = schema.many_to_many().iter();
    let sides = relationships
        .filter(|relationship| relationship.name == name)
        .flat_map(|relationship| {
            let [first, second] = relationship.sides;
            [(first, second), (second, first)].map(|sides| (relationship.intersect, sides))
        });
    let mut ends = sides.filter(|(_, (this, _))| this.0 == own);
    ends.next()
        .map(|(intersect, ((_, this), (table, other)))| End::Paired {
            pairs: Pairs {
                table: intersect,
                this,
                other,
            },
            table,
        })
}

/// Why a segment that Dataverse knows is not served.
fn absent(next: &str) -> Option<Refusal> {
    let message = next.strip_prefix(NAMESPACE)?;
    Some(Refusal::unsupported(message))
}
