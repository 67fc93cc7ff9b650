//! Entra's refusals at the token endpoint: an OAuth error, and its own number (contract 7.1).

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::json;
use uuid::Uuid;

use super::super::reply::{self, Reply};

/// The number of an error that Entra calls temporary.
const TEMPORARY: u32 = 90_033;

/// One refusal; 70011 and 65001 were seen in sources, the other numbers and texts are general knowledge.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) number: u32,
    pub(crate) text: String,
}

impl Refused {
    pub(crate) fn bad(error: &'static str, number: u32, text: impl Into<String>) -> Refused {
        Refused {
            status: StatusCode::BAD_REQUEST,
            error,
            number,
            text: text.into(),
        }
    }

    pub(crate) fn unauthorized(number: u32, text: impl Into<String>) -> Refused {
        Refused {
            status: StatusCode::UNAUTHORIZED,
            ..Refused::bad("invalid_client", number, text)
        }
    }

    pub(crate) fn secret_expired() -> Refused {
        Refused::unauthorized(7_000_222, "The provided client secret keys are expired.")
    }

    pub(crate) fn reply(&self, now: DateTime<Utc>) -> Reply {
        reply::json(
            self.status,
            &json!({
                "error": self.error,
                "error_description": format!("AADSTS{}: {}", self.number, self.text),
                "error_codes": [self.number],
                "timestamp": now.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                "trace_id": Uuid::new_v4(),
                "correlation_id": Uuid::new_v4(),
            }),
        )
    }
}

/// The refusal of a fault: `AADSTS700016`, `700016`, or without a code what the status usually stands for.
pub(crate) fn of_code(status: StatusCode, code: Option<&str>, now: DateTime<Utc>) -> Reply {
    let number = code.and_then(|code| code.trim_start_matches("AADSTS").parse().ok());
    let number = number.unwrap_or(match status {
        StatusCode::UNAUTHORIZED => 7_000_215,
        StatusCode::BAD_REQUEST => 70_011,
        _ => TEMPORARY,
    });
    let (error, text) = meaning(number);
    Refused {
        status,
        error,
        number,
        text: text.to_owned(),
    }
    .reply(now)
}

fn meaning(number: u32) -> (&'static str, &'static str) {
    match number {
        7_000_215 => ("invalid_client", "Invalid client secret provided."),
        7_000_222 => (
            "invalid_client",
            "The provided client secret keys are expired.",
        ),
        700_016 => (
            "unauthorized_client",
            "The application was not found in the directory.",
        ),
        70_011 => ("invalid_scope", "The provided scope is not valid."),
        65_001 => (
            "invalid_grant",
            "The user or administrator has not consented to use the application.",
        ),
        90_002 => ("invalid_request", "The tenant was not found."),
        _ => (
            "temporarily_unavailable",
            "A transient error has occurred. Please try again.",
        ),
    }
}
