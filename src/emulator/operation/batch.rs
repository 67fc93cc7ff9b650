//! POST of `$batch`: requests one after another, and change sets, each of which is done as a whole or not at all.
//!
//! Reading the body is `multipart.rs`, writing the answer `answer.rs`.

mod answer;
mod multipart;
mod reference;

pub(crate) use self::reference::References;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use uuid::Uuid;

use self::answer::{Answer, Multipart};
use self::multipart::{Item, Part};
use super::{Asked, Call, refused};
use crate::emulator::instance::Instance;
use crate::emulator::limits::Work;
use crate::emulator::log;
use crate::emulator::odata::path::{self, service_root};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::schema::Schema;
use crate::emulator::transaction::Transaction;

/// No part is begun behind an answer that has more bytes than this.
const MOST_BYTES: usize = 100_000_000;

/// Does what a batch asks for; the answer's status is 400 if it stopped at a failure.
pub(crate) fn answer(instance: &Instance, asked: &Asked) -> Outcome<Reply> {
    let content_type = asked
        .headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let items = multipart::read(content_type, &asked.body)?;
    let goes_on = continues_on_error(&asked.headers);
    let batch = Batch { instance, asked };
    let mut written = Multipart::new();
    let mut status = StatusCode::OK;
    let mut work = Work::default();
    for item in items {
        work = work.and(work_of(&item));
        let answer = match item {
            // A part that would make it larger still is not begun, as if the service's time were over.
            _ if written.len() > MOST_BYTES => {
                let refusal = refused(&asked.headers, &Refusal::lock_timeout());
                Answer::One(None, dressed(refusal))
            }
            Item::Request(part) => {
                let (method, url, headers) =
                    (part.method.clone(), part.url.clone(), part.headers.clone());
                let answer = batch.request(part);
                if let Answer::One(_, reply) = &answer {
                    let part = log::Part {
                        method: &method,
                        url: &url,
                        headers: &headers,
                        user: asked.user,
                    };
                    instance
                        .log
                        .part(instance.clock.now(), &part, reply.status());
                }
                answer
            }
            Item::ChangeSet(set) => batch.change_set(set),
        };
        let failed = matches!(&answer, Answer::One(_, reply) if is_failure(reply));
        written.add(&answer);
        if failed && !goes_on {
            status = StatusCode::BAD_REQUEST;
            break;
        }
    }
    let reply = written.finish(status);
    let applied = if goes_on {
        "odata.continue-on-error"
    } else {
        ""
    };
    Ok(work.told(reply::with_preferences(reply, applied)))
}

/// What the parts are asked to do, of whom each counts toward the execution time.
fn work_of(item: &Item) -> Work {
    let parts = match item {
        Item::Request(part) => std::slice::from_ref(part),
        Item::ChangeSet(set) => set,
    };
    let works = parts.iter().map(|part| Work::of_method(&part.method));
    works.fold(Work::default(), Work::and)
}

fn continues_on_error(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter();
    preferences
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|preference| {
            let (name, value) = preference.split_once('=').unwrap_or((preference, "true"));
            matches!(name.trim(), "odata.continue-on-error" | "continue-on-error")
                && value.trim() != "false"
        })
}

fn is_failure(reply: &Reply) -> bool {
    reply.status().is_client_error() || reply.status().is_server_error()
}

struct Batch<'b> {
    instance: &'b Instance,
    asked: &'b Asked,
}

impl Batch<'_> {
    /// Carries out a request that stands for itself.
    fn request(&self, part: Part) -> Answer {
        let content_id = part.content_id.clone();
        let headers = part.headers.clone();
        let done = self
            .call(part, &References::of_batch(), None)
            .and_then(|(call, rest)| {
                let mut transaction = Transaction::new(self.instance);
                let reply = call.carry_out(&mut transaction, &rest)?;
                transaction.commit();
                Ok(reply)
            });
        let reply = done.unwrap_or_else(|refusal| refused(&headers, &refusal));
        Answer::One(content_id, dressed(reply))
    }

    /// Carries out a change set; of one that failed only the failure is answered.
    fn change_set(&self, set: Vec<Part>) -> Answer {
        let mut transaction = Transaction::new(self.instance);
        let schema = transaction.store().schema().clone();
        let mut references = References::of_batch();
        let mut replies = Vec::with_capacity(set.len());
        for part in set {
            let content_id = part.content_id.clone();
            let headers = part.headers.clone();
            let done = self
                .call(part, &references, Some(schema.clone()))
                .and_then(|(call, rest)| call.carry_out(&mut transaction, &rest));
            let reply = match done {
                Ok(reply) => reply,
                Err(refusal) => {
                    return Answer::One(content_id, dressed(refused(&headers, &refusal)));
                }
            };
            if let (Some(id), Some(row)) = (&content_id, reply::subject(&reply)) {
                let set = schema.table(row.table).set;
                references.enter(id, format!("{}/{set}({})", self.asked.root, row.id));
            }
            replies.push((content_id, dressed(reply)));
        }
        transaction.commit();
        Answer::Set(replies)
    }

    /// Reads a part as a call of its own.
    fn call(
        &self,
        part: Part,
        references: &References,
        schema: Option<Arc<Schema>>,
    ) -> Outcome<(Call, String)> {
        let url = references.in_url(&part.url)?;
        let (address, query) = match url.split_once('?') {
            Some((address, query)) => (address, Some(query.to_owned())),
            None => (url.as_str(), None),
        };
        let (root, rest) = self.addressed(address)?;
        if path::is_batch(&rest) {
            return Err(Refusal::batch(
                "Microsoft.OData.ODataException: A batch can't hold another batch.",
            ));
        }
        let asked = Asked {
            method: part.method,
            root,
            rest,
            query,
            headers: part.headers,
            user: self.asked.user,
            rights: self.asked.rights.clone(),
            body: part.body,
        };
        let schema = schema.unwrap_or_else(|| self.instance.indexed_schema());
        let rest = asked.rest.clone();
        Ok((
            Call::read(self.instance, schema, asked, references.clone())?,
            rest,
        ))
    }

    /// Splits the address of a part into the service root and the rest.
    fn addressed(&self, address: &str) -> Outcome<(String, String)> {
        let root = &self.asked.root;
        let origin = path::origin(root);
        let foreign = || Refusal::url(format!("'{address}' is not a resource of this service."));
        if !address.starts_with('/') && !address.contains("://") {
            return Ok((root.clone(), address.to_owned()));
        }
        let path = match address.strip_prefix(origin) {
            Some(path) => path,
            None if address.starts_with('/') => address,
            None => return Err(foreign()),
        };
        let (own, rest) = service_root(path).ok_or_else(foreign)?;
        Ok((format!("{origin}{own}"), rest.to_owned()))
    }
}

/// Puts on what every part carries.
fn dressed(mut reply: Reply) -> Reply {
    let headers = reply.headers_mut();
    headers.insert("odata-version", HeaderValue::from_static("4.0"));
    // A part of a batch names a new row twice (contract 2.1).
    if let Some(url) = headers.get("odata-entityid").cloned() {
        headers.insert(http::header::LOCATION, url);
    }
    let name = HeaderName::from_static("req_id");
    reply::set(headers, name, &Uuid::new_v4().to_string());
    reply
}
