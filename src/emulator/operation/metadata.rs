//! What a client learns of tables, columns, choices, keys and relationships: `EntityDefinitions`,
//! `RelationshipDefinitions`, `GlobalOptionSetDefinitions`.
//!
//! Of metadata only alternate keys and change tracking can be written.

mod attribute;
pub(crate) mod changes;
mod definition;
pub(crate) mod keys;
mod relationship;
mod shape;
mod walk;

use chrono::{DateTime, Utc};
use http::{Method, StatusCode};
use serde_json::{Map, Value as Json};

use self::shape::Options;
use self::walk::{Node, walk};
use super::Call;
use crate::emulator::instance::Instance;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::transaction::Transaction;

const OPTIONS: [&str; 5] = ["$select", "$filter", "$expand", "$count", "LabelLanguages"];
const VERSION: &str = "Microsoft.Dynamics.CRM.globalmetadataversion";

/// A call with the time, on which the state of an index depends.
struct View<'c> {
    call: &'c Call,
    now: DateTime<Utc>,
}

/// Carries out whatever is asked of metadata.
pub(crate) fn answer(
    transaction: &mut Transaction,
    call: &Call,
    segments: &[String],
) -> Outcome<Reply> {
    match call.method {
        Method::GET => read(transaction.instance(), call, segments),
        _ => keys::write(transaction, call, segments),
    }
}

fn read(instance: &Instance, call: &Call, segments: &[String]) -> Outcome<Reply> {
    call.query.only(&OPTIONS)?;
    let view = View {
        call,
        now: instance.clock.now(),
    };
    let options = Options {
        select: call.query.get("$select"),
        filter: call.query.get("$filter"),
        expand: call.query.get("$expand"),
    };
    let mut body = Map::new();
    match walk(&view, segments)? {
        Node::List { all, cast, .. } => {
            body.insert(
                "@odata.context".to_owned(),
                context(call, segments, "").into(),
            );
            put_version(call, &mut body);
            let shown = shape::list(&view, all, options, cast)?;
            if call.query.count()? {
                body.insert("@odata.count".to_owned(), shown.len().into());
            }
            body.insert("value".to_owned(), Json::Array(shown));
        }
        Node::One { definition, cast } => {
            for option in ["$filter", "$count"] {
                if call.query.get(option).is_some() {
                    return Err(Refusal::query_option(option));
                }
            }
            let context = context(call, segments, "/$entity");
            body.insert("@odata.context".to_owned(), context.into());
            put_version(call, &mut body);
            body.extend(shape::one(&view, &definition, options, cast)?);
        }
        Node::Value(value) => {
            call.query.only(&[])?;
            body.insert(
                "@odata.context".to_owned(),
                context(call, segments, "").into(),
            );
            match value {
                Json::Object(own) => body.extend(own),
                value => {
                    body.insert("value".to_owned(), value);
                }
            }
        }
    }
    let applied = call.preferences.applied_to_row();
    let reply = reply::json(StatusCode::OK, &Json::Object(body));
    Ok(reply::with_preferences(reply, &applied))
}

fn context(call: &Call, segments: &[String], end: &str) -> String {
    let select = call
        .query
        .get("$select")
        .map_or(String::new(), |names| format!("({names})"));
    let mut segments = segments.to_vec();
    // One of a set is named by the set.
    let one = segments.iter_mut().rfind(|segment| segment.contains('('));
    if let (Some(segment), "/$entity") = (one, end)
        && let Some((set, _)) = segment.split_once('(')
    {
        *segment = set.to_owned();
    }
    let path = segments.join("/").replace("LogicalName=", "");
    format!("{}/$metadata#{path}{select}{end}", call.root)
}

/// The stamp by which a client notices that the metadata has changed (contract 9.1).
fn put_version(call: &Call, body: &mut Map<String, Json>) {
    if call.preferences.annotations.wants(VERSION) {
        let version = call.schema.version().to_string();
        body.insert(format!("@{VERSION}"), version.into());
    }
}
