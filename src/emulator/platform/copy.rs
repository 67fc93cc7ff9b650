//! What the workflow does with a table: read what changed in the US, upsert it in Europe by GUID, set lookups afterwards.
//!
//! The tables and columns are those of the sample configuration's link. A lookup whose row Europe lacks is left out first.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::connection::{Ask, Connection, error_of};
use super::manner::{Manner, Sequence};
use super::run::{Bind, Copied, Count, SourceRow, Trouble};

/// The most rows that a loop of a Logic App takes [general knowledge].
const MOST_ROWS: usize = 100_000;
/// More pages than that are a link that leads in a circle.
const MOST_PAGES: usize = 2000;
const PAGE: &str =
    "odata.maxpagesize=500,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"";
const ROOT: &str = "/api/data/v9.2";
/// Dataverse's code for a row that isn't there.
const NOT_THERE: &str = "0x80040217";

/// How a table is copied.
struct Plan {
    set: &'static str,
    id: &'static str,
    columns: &'static [&'static str],
    lookup: &'static str,
    /// The navigation property for each table that the lookup can name, and that table's set.
    targets: &'static [(&'static str, &'static str, &'static str)],
}

const ACCOUNTS: Plan = Plan {
    set: "accounts",
    id: "accountid",
    columns: &[
        "name",
        "accountnumber",
        "telephone1",
        "emailaddress1",
        "address1_city",
        "websiteurl",
        "numberofemployees",
    ],
    lookup: "_primarycontactid_value",
    targets: &[("contact", "primarycontactid", "contacts")],
};

const CONTACTS: Plan = Plan {
    set: "contacts",
    id: "contactid",
    columns: &["firstname", "lastname", "emailaddress1"],
    lookup: "_parentcustomerid_value",
    targets: &[
        ("account", "parentcustomerid_account", "accounts"),
        ("contact", "parentcustomerid_contact", "contacts"),
    ],
};

/// How far an action came, and why no further.
pub(crate) struct Outcome {
    pub(crate) count: Count,
    pub(crate) trouble: Option<Trouble>,
}

/// What became of one row.
enum Sent {
    Done,
    /// It was to be added only, and is there.
    WasThere,
    /// The row that its lookup names is not there.
    LookupMissing,
    Refused(String),
}

fn plan(of: Copied) -> &'static Plan {
    match of {
        Copied::Accounts => &ACCOUNTS,
        Copied::Contacts => &CONTACTS,
    }
}

/// Reads the rows of the US that were modified within the window, in the order of their last change.
pub(crate) async fn list(
    us: &mut Connection,
    of: Copied,
    (since, until): (DateTime<Utc>, DateTime<Utc>),
    order: Sequence,
) -> Result<Arc<[SourceRow]>, Trouble> {
    let plan = plan(of);
    let time = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let filter = format!(
        "modifiedon%20ge%20{}%20and%20modifiedon%20le%20{}",
        time(since),
        time(until)
    );
    let columns = plan.columns.join(",");
    let mut target = format!(
        "{ROOT}/{}?$select={columns},{}&$filter={filter}&$orderby=modifiedon%20{}",
        plan.set,
        plan.lookup,
        order.direction()
    );
    let mut rows = Vec::new();
    for _ in 0..MOST_PAGES {
        let page = read(us, &target).await?;
        let value = page["value"].as_array().into_iter().flatten();
        for row in value {
            rows.push(source_row(plan, row).ok_or_else(|| {
                bad_page(us, &target, &format!("a row that can't be read: {row}"))
            })?);
        }
        if rows.len() > MOST_ROWS {
            let problem = format!("more than {MOST_ROWS} rows, which is more than a run copies");
            return Err(bad_page(us, &target, &problem));
        }
        let Some(next) = page["@odata.nextLink"].as_str() else {
            return Ok(rows.into());
        };
        target = next
            .strip_prefix(us.instance.url.as_str())
            .map(str::to_owned)
            .ok_or_else(|| bad_page(us, &target, &format!("a link to elsewhere: {next}")))?;
    }
    Err(bad_page(us, &target, "pages without an end"))
}

/// Writes the rows to Europe and returns, beside the outcome, those whose lookup is still to be set.
pub(crate) async fn upsert(
    europe: &mut Connection,
    of: Copied,
    rows: &[SourceRow],
    manner: Manner,
) -> (Outcome, Vec<SourceRow>) {
    let plan = plan(of);
    let mut left_out = Vec::new();
    let mut tally = Tally::new(rows.len());
    for row in rows {
        let sent = match upsert_row(europe, plan, row, true, manner).await {
            Ok(Sent::LookupMissing) => {
                let sent = upsert_row(europe, plan, row, false, manner).await;
                if !matches!(sent, Ok(Sent::WasThere)) {
                    left_out.push(row.clone());
                }
                sent
            }
            sent => sent,
        };
        if tally.stops(plan, row, sent) {
            break;
        }
    }
    (tally.outcome(), left_out)
}

/// Sets the lookups that were left out; a row that Europe still lacks is a refusal now.
pub(crate) async fn set_lookups(
    europe: &mut Connection,
    of: Copied,
    rows: &[SourceRow],
) -> Outcome {
    let plan = plan(of);
    let mut tally = Tally::new(rows.len());
    for row in rows {
        let body = bound(&Map::new(), &row.lookup);
        let sent = patch(europe, plan, row.id, &body, &[("if-match", "*")]).await;
        let sent = sent.map(|answer| match sent_of(&answer) {
            Sent::LookupMissing => Sent::Refused(error_of(&answer)),
            sent => sent,
        });
        if tally.stops(plan, row, sent) {
            break;
        }
    }
    tally.outcome()
}

async fn read(us: &mut Connection, target: &str) -> Result<Json, Trouble> {
    let ask = Ask {
        method: Method::GET,
        target,
        headers: &[("prefer", PAGE)],
        body: "",
    };
    let answer = us.send(&ask).await?;
    if answer.status() != StatusCode::OK {
        return Err(us.refused(target, &answer));
    }
    let page: Option<Json> = serde_json::from_slice(answer.body()).ok();
    page.filter(|page| page["value"].is_array())
        .ok_or_else(|| bad_page(us, target, "what is no page of rows"))
}

fn bad_page(us: &Connection, target: &str, problem: &str) -> Trouble {
    Trouble {
        code: "BadResponse",
        message: format!("{}{target} answered with {problem}", us.instance.url),
    }
}

fn source_row(plan: &Plan, row: &Json) -> Option<SourceRow> {
    let columns: Map<String, Json> = plan
        .columns
        .iter()
        .map(|name| ((*name).to_owned(), row[*name].clone()))
        .collect();
    let (_, first, _) = plan.targets.first()?;
    let lookup = match row[plan.lookup].as_str() {
        None => Bind {
            navigation: first,
            target: None,
        },
        Some(id) => {
            let table = row[format!("{}@Microsoft.Dynamics.CRM.lookuplogicalname", plan.lookup)]
                .as_str()?;
            let (_, navigation, set) = plan.targets.iter().find(|(name, _, _)| *name == table)?;
            Bind {
                navigation,
                target: Some(format!("/{set}({id})")),
            }
        }
    };
    Some(SourceRow {
        id: row[plan.id].as_str()?.parse().ok()?,
        columns: Json::Object(columns).to_string().into(),
        lookup,
    })
}

async fn upsert_row(
    europe: &mut Connection,
    plan: &Plan,
    row: &SourceRow,
    with_lookup: bool,
    manner: Manner,
) -> Result<Sent, Trouble> {
    let mut columns: Map<String, Json> = serde_json::from_str(&row.columns).unwrap_or_default();
    if manner.skips_blanks {
        columns.retain(|_, value| !value.is_null() && value != "");
    }
    let blank = row.lookup.target.is_none() && manner.skips_blanks;
    let body = if with_lookup && !blank {
        bound(&columns, &row.lookup)
    } else {
        Json::Object(columns)
    };
    let headers: &[_] = if manner.adds_only {
        &[("if-none-match", "*")]
    } else {
        &[]
    };
    let answer = patch(europe, plan, row.id, &body, headers).await?;
    if manner.adds_only && answer.status() == StatusCode::PRECONDITION_FAILED {
        return Ok(Sent::WasThere);
    }
    Ok(match sent_of(&answer) {
        Sent::LookupMissing if !with_lookup => Sent::Refused(error_of(&answer)),
        sent => sent,
    })
}

async fn patch(
    europe: &mut Connection,
    plan: &Plan,
    id: Uuid,
    body: &Json,
    headers: &[(&'static str, &str)],
) -> Result<Response<Bytes>, Trouble> {
    let ask = Ask {
        method: Method::PATCH,
        target: &format!("{ROOT}/{}({id})", plan.set),
        headers,
        body: &body.to_string(),
    };
    let answer = europe.send(&ask).await?;
    // Without its role the user can write no other row either.
    if answer.status() == StatusCode::FORBIDDEN {
        return Err(europe.refused(ask.target, &answer));
    }
    Ok(answer)
}

fn sent_of(answer: &Response<Bytes>) -> Sent {
    if answer.status().is_success() {
        return Sent::Done;
    }
    let error = error_of(answer);
    if answer.status() == StatusCode::NOT_FOUND && error.starts_with(NOT_THERE) {
        return Sent::LookupMissing;
    }
    Sent::Refused(format!("{} {error}", answer.status()))
}

fn bound(columns: &Map<String, Json>, bind: &Bind) -> Json {
    let mut body = columns.clone();
    body.insert(
        format!("{}@odata.bind", bind.navigation),
        json!(bind.target),
    );
    Json::Object(body)
}

/// Counts the rows of a loop, which goes on after a row that was refused and ends when nothing can be sent.
struct Tally {
    count: Count,
    refusal: Option<String>,
    trouble: Option<Trouble>,
}

impl Tally {
    fn new(rows: usize) -> Tally {
        Tally {
            count: Count {
                rows,
                ..Count::default()
            },
            refusal: None,
            trouble: None,
        }
    }

    /// Counts a row, and says whether it was the last that makes sense.
    fn stops(&mut self, plan: &Plan, row: &SourceRow, sent: Result<Sent, Trouble>) -> bool {
        match sent {
            Ok(Sent::Done | Sent::WasThere) => self.count.done += 1,
            Ok(Sent::Refused(why)) => {
                self.count.refused += 1;
                let text = format!("{}({}): {why}", plan.set, row.id);
                self.refusal.get_or_insert(text);
            }
            Ok(Sent::LookupMissing) => self.count.refused += 1,
            Err(trouble) => self.trouble = Some(trouble),
        }
        self.trouble.is_some()
    }

    fn outcome(self) -> Outcome {
        let Count {
            rows,
            done,
            refused,
        } = self.count;
        let trouble = match (self.trouble, self.refusal) {
            (Some(trouble), _) => Some(Trouble {
                message: format!("After {done} of {rows} rows: {}", trouble.message),
                ..trouble
            }),
            (None, Some(refusal)) => Some(Trouble {
                code: "ActionFailed",
                message: format!("{refused} of {rows} rows were refused; the first, {refusal}"),
            }),
            (None, None) => None,
        };
        Outcome {
            count: self.count,
            trouble,
        }
    }
}
