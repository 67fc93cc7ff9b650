//! Change tracking (contract 4): all rows and a delta link, then what was written and deleted since.
//!
//! A token is a version and the time at which it was given. What a suspended transaction has written is not told yet, and
//! the token stays below it, so that no change falls between two polls.

use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Call;
use crate::emulator::content::Content;
use crate::emulator::instance::Instance;
use crate::emulator::odata::paging::{self, MOST};
use crate::emulator::odata::render;
use crate::emulator::odata::rows::{self, RowWriter};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// How long a token is good where the organization says nothing (contract 4.4).
const DEFAULT_DAYS: i64 = 7;
const REFUSED: [&str; 5] = ["$filter", "$orderby", "$expand", "$top", "$apply"];
const TIME: &str = "%m/%d/%Y %H:%M:%S";

/// Whether a request asks for changes.
pub(super) fn is_asked(call: &Call) -> bool {
    call.preferences.track_changes || call.query.get("$deltatoken").is_some()
}

/// A version of the store, and when it was the newest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Token {
    version: i64,
    time: DateTime<Utc>,
}

/// Where the next page begins, and which token the last one will give.
#[derive(Debug, Serialize, Deserialize)]
struct Cookie {
    page: usize,
    /// The token that was followed, if it isn't the first call.
    since: Option<Token>,
    until: Token,
    behind: Behind,
}

/// The last entry of a page.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum Behind {
    Nothing,
    Row(Uuid),
    Change(i64),
    Deletion(i64),
}

/// One entry of a page.
enum Entry {
    Row(Row),
    Deleted(i64, Uuid),
}

pub(super) fn answer(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    let definition = call.schema.table(table);
    allowed(call, definition)?;
    let select = call.query.select(definition)?;
    let store = call.view(instance);
    let cookie = cookie(instance, &store, call)?;
    let size = call.preferences.page_size.unwrap_or(MOST);
    let mut entries = entries(&store, table, &cookie, size + 1);
    let more = entries.len() > size;
    entries.truncate(size);

    let mut context = render::context(&call.root, definition, select.as_deref());
    if cookie.since.is_some() {
        context.push_str("/$delta");
    }
    let mut body = b"{\"@odata.context\":".to_vec();
    rows::scalar(&mut body, &context);
    let last = entries.last().filter(|_| more).map(|entry| Cookie {
        page: cookie.page.saturating_add(1),
        behind: entry.place(cookie.since.is_some()),
        ..cookie
    });
    let (annotation, link) = match last {
        Some(next) => (
            "odata.nextLink",
            link(call, definition, "$skiptoken", &next.text()),
        ),
        None => (
            "odata.deltaLink",
            link(call, definition, "$deltatoken", &cookie.until.text()),
        ),
    };
    if call.query.count()? {
        rows::member(&mut body, "", "odata.count");
        rows::scalar(&mut body, &count_of(&store, table, &cookie).min(MOST));
    }
    rows::member(&mut body, "", annotation);
    rows::scalar(&mut body, &link);
    body.extend_from_slice(b",\"value\":[");
    let writer = RowWriter::new(
        &store,
        table,
        select.as_deref(),
        &call.preferences.annotations,
    );
    let whole = content(call, definition, &store, body, writer, entries);
    let reply = reply::written(StatusCode::OK, whole);
    Ok(reply::with_preferences(
        reply,
        &call.preferences.applied_to_list(),
    ))
}

/// The whole body: the entries behind its head.
fn content(
    call: &Call,
    table: &Table,
    store: &Store,
    mut body: Vec<u8>,
    writer: RowWriter,
    entries: Vec<Entry>,
) -> Content {
    let is_deletion = |entry: &Entry| matches!(entry, Entry::Deleted(..));
    if writer.needs_no_store() && !entries.iter().any(is_deletion) {
        let rows = entries.into_iter().filter_map(Entry::row).collect();
        return Content::page(body, writer, rows, b"]}".to_vec());
    }
    let deleted = format!("{}/$metadata#{}/$deletedEntity", call.root, table.set);
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        match entry {
            Entry::Row(row) => writer.write(store, &mut body, row),
            Entry::Deleted(_, id) => rows::scalar(
                &mut body,
                &serde_json::json!({"@odata.context": deleted, "id": id, "reason": "deleted"}),
            ),
        }
    }
    body.extend_from_slice(b"]}");
    body.into()
}

/// `/$count?$deltatoken=…`: how many entries a delta would have.
pub(super) fn count(instance: &Instance, call: &Call, table: TableId) -> Outcome<Reply> {
    allowed(call, call.schema.table(table))?;
    let store = call.view(instance);
    let cookie = cookie(instance, &store, call)?;
    let count = count_of(&store, table, &cookie);
    Ok(reply::text(
        StatusCode::OK,
        "text/plain",
        format!("\u{feff}{count}"),
    ))
}

/// How many entries all pages have together.
fn count_of(store: &Store, table: TableId, cookie: &Cookie) -> usize {
    let whole = Cookie {
        behind: Behind::Nothing,
        ..*cookie
    };
    entries(store, table, &whole, usize::MAX).len()
}

fn allowed(call: &Call, table: &Table) -> Outcome<()> {
    if let Some(option) = REFUSED.iter().find(|name| call.query.get(name).is_some()) {
        return Err(Refusal::url(format!(
            "The \"{option}\" query parameter isn't supported when Change Tracking is enabled."
        )));
    }
    call.query
        .only(&["$select", "$deltatoken", "$skiptoken", "$count"])?;
    if table.change_tracking {
        call.context.rights.may_track(table)
    } else {
        Err(Refusal::not_tracked(table))
    }
}

/// What the request's token asks for, or the very first page.
fn cookie(instance: &Instance, store: &Store, call: &Call) -> Outcome<Cookie> {
    if let Some(text) = call.query.get("$skiptoken") {
        return Cookie::read(text).ok_or_else(|| Refusal::url("The $skiptoken is not valid."));
    }
    let now = Token {
        version: store.settled_version(),
        time: instance.clock.now_to_the_second(),
    };
    let since = match call.query.get("$deltatoken") {
        Some(text) => {
            let token =
                Token::read(text).ok_or_else(|| Refusal::url("The $deltatoken is not valid."))?;
            let life = TimeDelta::try_days(days(store)).unwrap_or(TimeDelta::MAX);
            // A version that was never reached is of a state that a restore has thrown away.
            if now.time - token.time > life || token.version > now.version {
                return Err(Refusal::expired_version_stamp());
            }
            Some(token)
        }
        None => None,
    };
    Ok(Cookie {
        page: 1,
        since,
        until: now,
        behind: Behind::Nothing,
    })
}

/// The organization's setting.
fn days(store: &Store) -> i64 {
    let schema = Arc::clone(store.schema());
    let setting = || {
        let table = schema.by_name("organization")?;
        let column = schema.table(table).column("expirechangetrackingindays")?;
        store.all(table).next()?.value(column).as_int()
    };
    setting().unwrap_or(DEFAULT_DAYS)
}

/// The entries behind the cookie's place, at most so many.
fn entries(store: &Store, table: TableId, cookie: &Cookie, most: usize) -> Vec<Entry> {
    let Some(since) = cookie.since else {
        let last = match cookie.behind {
            Behind::Row(id) => Some(id),
            _ => None,
        };
        let rows = store.after(table, last).take(most);
        return rows.cloned().map(Entry::Row).collect();
    };
    let until = cookie.until.version;
    let (changes_from, deletions_from) = match cookie.behind {
        Behind::Nothing | Behind::Row(_) => (since.version, since.version),
        Behind::Change(version) => (version, since.version),
        Behind::Deletion(version) => (until, version),
    };
    let changed = store
        .changed_since(table, changes_from)
        .take_while(|row| row.version() <= until)
        .cloned()
        .map(Entry::Row);
    let deleted = store
        .deleted_since(table, deletions_from)
        .take_while(|(version, _)| *version <= until)
        .map(|(version, id)| Entry::Deleted(version, id));
    changed.chain(deleted).take(most).collect()
}

fn link(call: &Call, table: &Table, name: &str, token: &str) -> String {
    let select = call.query.get("$select").map_or(String::new(), |names| {
        format!("$select={}&", super::list::encoded(names))
    });
    let root = &call.root;
    format!("{root}/{}?{select}{name}={token}", table.set)
}

impl Entry {
    /// The row, unless it was deleted.
    fn row(self) -> Option<Row> {
        match self {
            Entry::Row(row) => Some(row),
            Entry::Deleted(..) => None,
        }
    }

    fn place(&self, is_delta: bool) -> Behind {
        match self {
            Entry::Row(row) if is_delta => Behind::Change(row.version()),
            Entry::Row(row) => Behind::Row(row.id()),
            Entry::Deleted(version, _) => Behind::Deletion(*version),
        }
    }
}

impl Token {
    /// As the wire has it, percent-encoded: `919042!08/22/2017 08:10:44`.
    fn text(self) -> String {
        let text = format!("{}!{}", self.version, self.time.format(TIME));
        text.replace('!', "%21")
            .replace('/', "%2f")
            .replace(' ', "%20")
            .replace(':', "%3a")
    }

    fn read(text: &str) -> Option<Token> {
        let (version, time) = text.split_once('!')?;
        Some(Token {
            version: version.parse().ok()?,
            time: NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc(),
        })
    }
}

impl Cookie {
    fn text(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let cookie = super::list::encoded(&super::list::encoded(&json));
        let page = self.page;
        super::list::encoded(&paging::token(page, &cookie, true))
    }

    fn read(text: &str) -> Option<Cookie> {
        let (_, cookie) = paging::read_token(text)?;
        let once = percent_encoding::percent_decode_str(cookie)
            .decode_utf8()
            .ok()?;
        let twice = percent_encoding::percent_decode_str(&once)
            .decode_utf8()
            .ok()?;
        serde_json::from_str(&twice).ok()
    }
}
