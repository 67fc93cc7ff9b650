//! GET behind a navigation property: the row that a lookup names, the rows of a collection, their URLs, their number.
//!
//! Associating and disassociating are not here.

use http::StatusCode;

use super::list::{self, Subject};
use super::{Call, changes, found, missing, retrieve};
use crate::emulator::instance::Instance;
use crate::emulator::odata::path::{Address, End, Navigation, Part};
use crate::emulator::odata::{expanded, rows};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::value::TableId;

pub(crate) fn answer(
    instance: &Instance,
    call: &Call,
    table: TableId,
    address: &Address,
    navigation: &Navigation,
) -> Outcome<Reply> {
    match navigation.end {
        End::Row { lookup, table: to } => {
            single(instance, call, (table, address), (lookup, to), navigation)
        }
        End::Rows { lookup, table: to } => {
            collection(instance, call, (table, address), (lookup, to), navigation)
        }
    }
}

/// A lookup that names nothing is 204 (`OData`; Dataverse's own answer was not found).
fn single(
    instance: &Instance,
    call: &Call,
    (table, address): (TableId, &Address),
    (lookup, to): (usize, TableId),
    navigation: &Navigation,
) -> Outcome<Reply> {
    let store = call.view(instance);
    let row = found(&store, table, address)?;
    let reference = row.value(lookup).as_reference();
    let named = reference
        .filter(|reference| reference.table == to)
        .and_then(|reference| store.get(to, reference.id));
    let Some(named) = named else {
        return Ok(reply::no_content());
    };
    if navigation.part != Part::Reference {
        return retrieve::shown(instance, call, &store, to, named);
    }
    call.query.only(&[])?;
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(&mut body, &format!("{}/$metadata#$ref", call.root));
    body.extend_from_slice(b",\"@odata.id\":");
    let url = expanded::url(&call.root, call.schema.table(to), named);
    rows::scalar(&mut body, &url);
    body.push(b'}');
    Ok(reply::written(StatusCode::OK, body))
}

fn collection(
    instance: &Instance,
    call: &Call,
    (table, address): (TableId, &Address),
    (lookup, to): (usize, TableId),
    navigation: &Navigation,
) -> Outcome<Reply> {
    if changes::is_asked(call) {
        return Err(Refusal::unsupported(
            "Change tracking behind a navigation property",
        ));
    }
    let id = found(&call.view(instance), table, address)?.id();
    let subject = Subject {
        table: to,
        of: Some((lookup, id)),
        path: format!("{}({id})/{}", call.schema.table(table).set, navigation.name),
    };
    match &navigation.part {
        Part::Whole => list::page(instance, call, &subject),
        Part::Reference => list::references(instance, call, &subject),
        Part::Count => list::number(instance, call, &subject),
        Part::Member(member) => {
            let store = call.view(instance);
            let row = found(&store, to, member)?;
            if row.value(lookup).as_id() != Some(id) {
                return Err(missing(&call.schema, to, member));
            }
            retrieve::shown(instance, call, &store, to, row)
        }
        Part::MemberReference(_) => Err(Refusal::method_not_allowed(&call.method)),
    }
}
