//! Lists that lie: no rows where there are some, a next page that is none, rows that drift between two pages.
//!
//! Works on the finished reply of a list; any other reply goes out as it is.

use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde_json::{Map, Value as Json};

use super::super::reply::Finished;
use super::rule::{List, Paging};
use super::{Faults, Strike};

const NEXT: &str = "@odata.nextLink";
/// What a page's URL has and the first one's has not.
const CONTINUED: &str = "skiptoken=";

/// Changes the reply to the request for `url` as the rule that struck it has it.
pub(crate) fn alter(reply: Finished, strike: &Strike, url: &str, faults: &Faults) -> Finished {
    if !strike.rule.changes_lists() || reply.status() != StatusCode::OK {
        return reply;
    }
    let Ok(Json::Object(mut page)) = serde_json::from_slice::<Json>(reply.body()) else {
        return reply;
    };
    let Some(Json::Array(mut rows)) = page.remove("value") else {
        return reply;
    };
    if strike.rule.list == Some(List::Empty) {
        rows.clear();
        page.remove(NEXT);
        if page.contains_key("@odata.count") {
            page.insert("@odata.count".to_owned(), 0.into());
        }
    }
    if let Some(paging) = strike.rule.paging {
        drift(paging, &mut rows, strike.id, &page, url, faults);
    }
    // The rows stand before the link, as the service writes them.
    let link = page.remove(NEXT);
    page.insert("value".to_owned(), rows.into());
    let link = match &strike.rule.next_link {
        Some(wanted) => Some(next_link(wanted, link.as_ref(), url).into()),
        None => link,
    };
    if let Some(link) = link {
        page.insert(NEXT.to_owned(), link);
    }
    with_page(reply, page)
}

fn drift(
    paging: Paging,
    rows: &mut Vec<Json>,
    rule: Option<u64>,
    page: &Map<String, Json>,
    url: &str,
    faults: &Faults,
) {
    let has_next = page.contains_key(NEXT);
    match paging {
        Paging::Skip if has_next => {
            rows.pop();
        }
        Paging::Skip => {}
        Paging::Repeat => {
            let last = rows.last().filter(|_| has_next).cloned();
            let before = faults.next_row(rule, last);
            if let Some(row) = before.filter(|_| url.contains(CONTINUED)) {
                rows.insert(0, row);
            }
        }
    }
}

/// The page itself, or the true link at another host.
fn next_link(wanted: &str, link: Option<&Json>, url: &str) -> String {
    if wanted == "loop" {
        return url.to_owned();
    }
    let link = link.and_then(Json::as_str).unwrap_or(url);
    let after_scheme = link.find("://").map_or(0, |at| at + 3);
    let rest = link.get(after_scheme..).unwrap_or_default();
    let path = rest.find('/').and_then(|at| rest.get(at..));
    format!("{wanted}{}", path.unwrap_or_default())
}

fn with_page(mut reply: Finished, page: Map<String, Json>) -> Finished {
    let body = Bytes::from(Json::Object(page).to_string());
    reply.headers_mut().remove(CONTENT_LENGTH);
    *reply.body_mut() = body;
    reply
}
