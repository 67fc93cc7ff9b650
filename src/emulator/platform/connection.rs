//! The workflow's connection to one instance: signed in as the sync's application user, patient with 429, else not.
//!
//! Over real sockets, so that outages and faults meet the workflow as they meet everybody. What a refusal means is decided
//! in `copy.rs`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::Value as Json;

use super::run::Trouble;
use crate::emulator::SYNC_CLIENT_ID;
use crate::emulator::client;
use crate::emulator::instance::Instance;
use crate::emulator::token::TENANT;

/// How often a throttled request is sent again: the default of a Logic App's retry policy (contract 11.1).
const RETRIES: u32 = 4;
/// A longer `Retry-After` than this is not waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Where a 429 doesn't say how long.
const USUAL_WAIT: Duration = Duration::from_secs(1);

/// One instance, as the sync's user.
pub(crate) struct Connection {
    pub(crate) instance: Arc<Instance>,
    token: Option<String>,
}

/// One request of the Web API.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) headers: &'a [(&'static str, &'a str)],
    pub(crate) body: &'a str,
}

impl Connection {
    pub(crate) fn new(instance: &Arc<Instance>) -> Connection {
        Connection {
            instance: Arc::clone(instance),
            token: None,
        }
    }

    /// Sends a request and returns the answer, whatever its status but 401, 429 and 5xx; those and silence are trouble.
    pub(crate) async fn send(&mut self, ask: &Ask<'_>) -> Result<Response<Bytes>, Trouble> {
        let mut retries = RETRIES;
        let mut signed_in_again = false;
        loop {
            let answer = self.once(ask).await?;
            match answer.status() {
                StatusCode::UNAUTHORIZED if !signed_in_again => {
                    signed_in_again = true;
                    self.token = None;
                }
                StatusCode::TOO_MANY_REQUESTS if retries > 0 => {
                    let wait = retry_after(&answer);
                    if wait > LONGEST_WAIT {
                        return Err(self.refused(ask.target, &answer));
                    }
                    retries -= 1;
                    tokio::time::sleep(wait).await;
                }
                status
                    if status.is_server_error()
                        || status == StatusCode::UNAUTHORIZED
                        || status == StatusCode::TOO_MANY_REQUESTS =>
                {
                    return Err(self.refused(ask.target, &answer));
                }
                _ => return Ok(answer),
            }
        }
    }

    /// An answer that can't be gone on with.
    pub(crate) fn refused(&self, target: &str, answer: &Response<Bytes>) -> Trouble {
        let error = error_of(answer);
        Trouble {
            code: code_of(answer.status()),
            message: format!(
                "{}{target} answered {} {error}",
                self.instance.url,
                answer.status()
            ),
        }
    }

    async fn once(&mut self, ask: &Ask<'_>) -> Result<Response<Bytes>, Trouble> {
        let token = self.token().await?;
        let mut request = http::Request::builder()
            .method(&ask.method)
            .uri(ask.target)
            .header("authorization", format!("Bearer {token}"))
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .header("user-agent", "emulator-workflow")
            .header("odata-maxversion", "4.0")
            .header("odata-version", "4.0");
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let body = Bytes::copy_from_slice(ask.body.as_bytes());
        client::send(&self.instance, request, body)
            .await
            .map_err(|silence| self.silent(ask.target, &silence))
    }

    async fn token(&mut self) -> Result<String, Trouble> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let path = format!("/{TENANT}/oauth2/v2.0/token");
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", SYNC_CLIENT_ID)
            .append_pair("client_secret", self.instance.tokens.secret())
            .append_pair("scope", &format!("{}/.default", self.instance.url))
            .finish();
        let request = http::Request::builder()
            .method(Method::POST)
            .uri(&path)
            .header("content-type", "application/x-www-form-urlencoded");
        let answer = client::send(&self.instance, request, Bytes::from(form))
            .await
            .map_err(|silence| self.silent(&path, &silence))?;
        let body: Json = serde_json::from_slice(answer.body()).unwrap_or_default();
        let Some(token) = body["access_token"].as_str() else {
            return Err(self.refused(&path, &answer));
        };
        self.token = Some(token.to_owned());
        Ok(token.to_owned())
    }

    /// A connector reports that nobody answered as a gateway does [general knowledge].
    fn silent(&self, target: &str, silence: &client::Unanswered) -> Trouble {
        let code = match silence {
            client::Unanswered::Late => "GatewayTimeout",
            _ => "BadGateway",
        };
        Trouble {
            code,
            message: format!("{}{target} did not answer: {silence}", self.instance.url),
        }
    }
}

fn retry_after(answer: &Response<Bytes>) -> Duration {
    let header = answer.headers().get("retry-after");
    let seconds = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    seconds.map_or(USUAL_WAIT, Duration::from_secs)
}

/// Code and message of a refusal, as far as it has them.
pub(crate) fn error_of(answer: &Response<Bytes>) -> String {
    let body: Json = serde_json::from_slice(answer.body()).unwrap_or_default();
    let code = body["error"]["code"].as_str().or(body["error"].as_str());
    let message = body["error"]["message"]
        .as_str()
        .or(body["error_description"].as_str());
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(text), None) | (None, Some(text)) => text.to_owned(),
        (None, None) => "without a reason".to_owned(),
    }
}

/// The word by which an action's code names a status.
fn code_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        412 => "PreconditionFailed",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "ActionFailed",
    }
}
