//! What the management calls have in common: whose token is good for which audience, `api-version`, errors, headers.
//!
//! Error codes that the contract doesn't give are marked; a client should go by status.

use chrono::{DateTime, SecondsFormat, Utc};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::Call;
use crate::emulator::front::token_of;
use crate::emulator::instance::Instance;
use crate::emulator::odata::query::Query;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::token::{Bearer, TENANT};

/// For whom a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Management,
    Synapse,
}

impl Audience {
    /// The audience of a scope of the token endpoint.
    pub(crate) fn of_scope(scope: &str) -> Option<Audience> {
        match scope {
            "https://management.azure.com/.default" | "https://management.azure.com//.default" => {
                Some(Audience::Management)
            }
            "https://dev.azuresynapse.net/.default" | "https://dev.azuresynapse.net//.default" => {
                Some(Audience::Synapse)
            }
            _ => None,
        }
    }

    fn url(self) -> &'static str {
        match self {
            Audience::Management => "https://management.azure.com/",
            Audience::Synapse => "https://dev.azuresynapse.net/",
        }
    }
}

/// Lets only tokens of this audience pass, and writes the user into the log. The codes are general knowledge.
pub(crate) fn authorise(call: &Call<'_>, audience: Audience, seq: u64) -> Outcome<()> {
    let refused =
        |code, message: String| Err(Refusal::new(StatusCode::UNAUTHORIZED, code, message));
    let Some(token) = token_of(call.headers) else {
        return refused(
            "AuthenticationFailed",
            "Authentication failed. The 'Authorization' header is missing.".to_owned(),
        );
    };
    let platform = call.platform;
    let (own, other) = match audience {
        Audience::Management => (&platform.management, &platform.synapse),
        Audience::Synapse => (&platform.synapse, &platform.management),
    };
    match own.bearer(token, call.now) {
        Some(Bearer::User(user)) => {
            let log = &call.instance.log;
            log.amend(seq, |entry| entry.user = Some(user));
            Ok(())
        }
        Some(Bearer::NotAMember) => Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "AuthorizationFailed",
            format!(
                "The client does not have authorization to perform the action on '{}'.",
                call.path
            ),
        )),
        None if [&call.instance.tokens, other]
            .iter()
            .any(|tokens| tokens.bearer(token, call.now).is_some()) =>
        {
            refused(
                "InvalidAuthenticationTokenAudience",
                format!(
                    "The access token has been obtained for wrong audience or resource. It should exactly match the \
                     allowed audience '{}'.",
                    audience.url()
                ),
            )
        }
        None => refused(
            "InvalidAuthenticationToken",
            "The access token is invalid or has expired.".to_owned(),
        ),
    }
}

/// Takes only these versions, or with none given any that is a date, as the list for that platform was not found.
pub(crate) fn version(query: &Query, known: &[&str]) -> Outcome<()> {
    let Some(version) = query.get("api-version").filter(|text| !text.is_empty()) else {
        return Err(bad(
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        ));
    };
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok();
    if !is_date || !(known.is_empty() || known.contains(&version)) {
        return Err(bad(
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                known.join(",")
            ),
        ));
    }
    Ok(())
}

pub(crate) fn bad(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, code, message)
}

pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, code, message)
}

/// A refusal that has no cause of its own, with the usual code for its status [general knowledge].
pub(crate) fn usual(status: StatusCode, code: Option<&str>) -> Refusal {
    let (usual, message) = match status {
        StatusCode::UNAUTHORIZED => (
            "InvalidAuthenticationToken",
            "The access token is invalid or has expired.",
        ),
        StatusCode::FORBIDDEN => (
            "AuthorizationFailed",
            "The client does not have authorization to perform the action.",
        ),
        StatusCode::NOT_FOUND => ("ResourceNotFound", "The resource was not found."),
        StatusCode::CONFLICT => ("Conflict", "The request conflicts with another operation."),
        StatusCode::TOO_MANY_REQUESTS => (
            "TooManyRequests",
            "Number of requests exceeded the limit. Please try again later.",
        ),
        StatusCode::SERVICE_UNAVAILABLE => (
            "ServiceUnavailable",
            "The service is temporarily unavailable. Please try again later.",
        ),
        _ => ("InternalServerError", "An unexpected error occurred."),
    };
    let refusal = Refusal::new(status, usual, message);
    match code {
        Some(code) => Refusal {
            code: code.to_owned().into(),
            ..refusal
        },
        None => refusal,
    }
}

/// What this emulator does not do.
pub(crate) fn unsupported(feature: &str) -> Refusal {
    Refusal::new(
        StatusCode::NOT_IMPLEMENTED,
        "NotImplemented",
        format!("{feature} is not supported by this emulator yet"),
    )
}

pub(crate) fn json(status: StatusCode, body: &Json) -> Reply {
    reply::json(status, body)
}

pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

/// A time as these platforms write it.
pub(crate) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Names the run that a call has started [general knowledge].
pub(crate) fn with_run(mut reply: Reply, run: &str) -> Reply {
    reply::set(
        reply.headers_mut(),
        HeaderName::from_static("x-ms-workflow-run-id"),
        run,
    );
    reply
}

/// Puts on what every answer of these platforms carries.
pub(crate) fn dressed(instance: &Instance, outcome: Outcome<Reply>) -> Reply {
    let mut reply = outcome.unwrap_or_else(Reply::from);
    let challenged = reply.status() == StatusCode::UNAUTHORIZED;
    let has_body = reply.body().length() != Some(0);
    let headers = reply.headers_mut();
    if has_body {
        headers.insert(
            http::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
    }
    for name in [
        "x-ms-ratelimit-remaining-subscription-reads",
        "x-ms-ratelimit-remaining-subscription-writes",
    ] {
        headers.insert(name, HeaderValue::from_static("1199"));
    }
    let id = Uuid::new_v4().to_string();
    reply::set(headers, HeaderName::from_static("x-ms-request-id"), &id);
    if challenged {
        let challenge = format!(
            "Bearer authorization_uri=\"{}/{TENANT}\", error=\"invalid_token\"",
            instance.url
        );
        reply::set(headers, http::header::WWW_AUTHENTICATE, &challenge);
    }
    reply
}

/// The body as a JSON object; nothing at all is an empty one.
pub(crate) fn object(body: &[u8]) -> Outcome<serde_json::Map<String, Json>> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(serde_json::Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(bad(
            "InvalidRequestContent",
            "The request content must be a JSON object.",
        )),
        Err(error) => Err(bad(
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{error}'."),
        )),
    }
}

/// A reference to a resource, as lists have it.
pub(crate) fn resource(id: &str, name: &str, kind: &str) -> Json {
    json!({"id": id, "name": name, "type": kind})
}
