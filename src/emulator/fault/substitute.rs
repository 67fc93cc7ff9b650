//! The answer that a rule gives in place of the work's own: a refusal of Dataverse's, of the token endpoint's or of a
//! platform's, or HTML.

use chrono::{DateTime, Utc};
use http::{HeaderValue, StatusCode};

use super::super::instance::Instance;
use super::super::platform;
use super::super::refusal::Refusal;
use super::super::reply::{self, Reply};
use super::super::token;
use super::Rule;

/// Who is asked, and so in whose way a refusal is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Dataverse,
    Token,
    Platform,
}

impl Door {
    pub(crate) fn of(instance: &Instance, path: &str) -> Door {
        if token::Route::of(path).is_some() {
            Door::Token
        } else if platform::is_at(instance, path) {
            Door::Platform
        } else {
            Door::Dataverse
        }
    }
}

/// What the rule answers, if it does.
pub(crate) fn answer(
    rule: &Rule,
    instance: &Instance,
    door: Door,
    now: DateTime<Utc>,
) -> Option<Reply> {
    let status = rule
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut reply = match (&rule.body, status) {
        (None, None) => return None,
        (Some(body), status) => reply::text(
            status.unwrap_or(StatusCode::OK),
            "text/html; charset=utf-8",
            body.clone(),
        ),
        (None, Some(status)) if door == Door::Token => {
            token::refusal::of_code(status, rule.code.as_deref(), now)
        }
        (None, Some(status)) if door == Door::Platform => {
            platform::refused(instance, status, rule.code.as_deref())
        }
        (None, Some(StatusCode::UNAUTHORIZED)) if rule.code.is_none() => {
            reply::challenge(&instance.url)
        }
        (None, Some(status)) => refused(status, rule.code.as_deref()).into(),
    };
    let retry_after = rule.retry_after.as_ref().map(ToString::to_string);
    if let Some(Ok(value)) = retry_after.map(|text| HeaderValue::from_str(&text)) {
        reply.headers_mut().insert("retry-after", value);
    }
    Some(reply)
}

fn refused(status: StatusCode, code: Option<&str>) -> Refusal {
    let code = code.unwrap_or_else(|| usual_code(status)).to_owned();
    Refusal {
        status,
        message: usual_message(&code).to_owned(),
        code: code.into(),
        details: None,
    }
}

/// Dataverse's code where a rule has none.
fn usual_code(status: StatusCode) -> &'static str {
    match status.as_u16() {
        429 => "0x80072322",
        403 => "0x80040220",
        412 => "0x80060882",
        503 => "0x8004a001",
        _ => "0x80040216",
    }
}

fn usual_message(code: &str) -> &'static str {
    match code.to_ascii_lowercase().as_str() {
        "0x80072321" => {
            "Combined execution time of incoming requests exceeded limit of 1,200,000 milliseconds over time window of \
             300 seconds. Decrease number of concurrent requests or reduce the duration of requests and try again later."
        }
        "0x80072322" => {
            "Number of requests exceeded the limit of 6000 over time window of 300 seconds."
        }
        "0x80072326" => "Number of concurrent requests exceeded the limit of 52.",
        "0x80040220" => "The user does not hold the necessary privileges.",
        "0x80060882" => {
            "The version of the existing record doesn't match the RowVersion property provided."
        }
        "0x8004a001" => "The server is busy and the request was not completed. Try again later.",
        "0x8004a104" => {
            "The Dynamics 365 organization you are attempting to access is currently disabled.  Please contact your \
             system administrator"
        }
        "0x8004a113" => {
            "User does not have required privileges (or role membership) to access the org when it is in Admin Only mode."
        }
        _ => "An unexpected error occurred.",
    }
}
