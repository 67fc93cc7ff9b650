//! Tokens: from where they come, how long they are kept, and that they are asked for once however many calls wait
//! (contract 7.1; security cases 19 to 28). A secret goes to the configured authority alone, a token to the instance.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use oauth2::basic::BasicClient;
use oauth2::{AsyncHttpClient, AuthType, ClientId, ClientSecret, Scope, TokenResponse, TokenUrl};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::Mutex;
use url::Url;

use super::clock::now;
use super::transport::Transport;
use crate::domain::credential::{Credential, SecretSource};
use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::instance::{Endpoint, is_loopback};
use crate::domain::text::visible;
use crate::domain::time::Now;

/// A token is renewed when this share of its life is over.
const RENEW_AT: f64 = 0.8;
/// How long a token is taken to live when the endpoint does not say.
const UNSAID_LIFE: Duration = Duration::from_secs(600);
/// The longest that the token endpoint may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a credential can't be used at all.
#[derive(Debug, Error)]
pub enum BadCredential {
    /// A fixed token would travel to another machine.
    #[error("a `token` credential is for instances on loopback only; use `client-secret`")]
    TokenBeyondLoopback,
    /// The secret would travel in the clear.
    #[error("the authority must be https, or http on loopback")]
    AuthorityInTheClear,
    /// The authority is no base for a path.
    #[error("the authority is not a URL that a path can follow")]
    Authority(#[from] url::ParseError),
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set, or is not text")]
    Env(String),
    /// The file can't be read, or others could read it too.
    #[error("the secret's file {path}: {why}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        why: String,
    },
    /// The program did not print a secret.
    #[error("the secret's program {program}: {why}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        why: String,
    },
}

/// A token as it goes into a header, and which one it is, so that a refused one is dropped only once.
#[derive(Clone)]
pub(super) struct Bearer {
    pub(super) header: HeaderValue,
    generation: u64,
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([REDACTED])")
    }
}

enum Source {
    Fixed(SecretString),
    ClientSecret {
        url: Url,
        client_id: String,
        secret: SecretString,
        scope: String,
    },
}

struct Held {
    bearer: Bearer,
    renew_at: Now,
}

/// Where the tokens of one user of one instance come from.
pub(super) struct Tokens {
    source: Source,
    held: Mutex<(Option<Held>, u64)>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens([REDACTED])")
    }
}

impl Tokens {
    /// Resolves a credential for an instance; the secret is fetched here, and kept in memory only.
    pub(super) fn new(credential: Credential, endpoint: &Endpoint) -> Result<Self, BadCredential> {
        let source = match credential {
            Credential::Token(_) if !endpoint.is_loopback() => {
                return Err(BadCredential::TokenBeyondLoopback);
            }
            Credential::Token(secret) => Source::Fixed(resolve(&secret)?),
            Credential::ClientSecret {
                authority,
                tenant,
                client_id,
                secret,
            } => {
                if authority.scheme() != "https" && !is_loopback(&authority) {
                    return Err(BadCredential::AuthorityInTheClear);
                }
                let mut url = authority.clone();
                url.set_query(None);
                url.path_segments_mut()
                    .map_err(|()| url::ParseError::RelativeUrlWithCannotBeABaseBase)?
                    .pop_if_empty()
                    .extend([tenant.as_str(), "oauth2", "v2.0", "token"]);
                Source::ClientSecret {
                    url,
                    client_id,
                    secret: resolve(&secret)?,
                    scope: format!("{endpoint}/.default"),
                }
            }
        };
        Ok(Self {
            source,
            held: Mutex::new((None, 0)),
        })
    }

    /// Whether a token comes from a token endpoint, so that a new one may be had.
    pub(super) fn is_renewable(&self) -> bool {
        matches!(self.source, Source::ClientSecret { .. })
    }

    /// The token that is held, while it is young enough.
    pub(super) async fn held(&self) -> Option<Bearer> {
        let held = self.held.lock().await;
        let young = held
            .0
            .as_ref()
            .filter(|held| held.renew_at.mono > now().mono);
        young.map(|held| held.bearer.clone())
    }

    /// A token, asked for once however many wait for it: the lock is the queue.
    pub(super) async fn get(&self, transport: &Transport) -> Result<Bearer, Failure> {
        let mut held = self.held.lock().await;
        if let Some(young) = held
            .0
            .as_ref()
            .filter(|held| held.renew_at.mono > now().mono)
        {
            return Ok(young.bearer.clone());
        }
        held.1 += 1;
        let (token, life) = match &self.source {
            Source::Fixed(token) => (token.clone(), Duration::MAX / 4),
            Source::ClientSecret {
                url,
                client_id,
                secret,
                scope,
            } => ask(transport, url, client_id, secret, scope).await?,
        };
        let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
            .map_err(|_| {
                Failure::local(
                    FailureClass::Unauthorized,
                    "the token holds characters that no header can",
                )
            })?;
        header.set_sensitive(true);
        let bearer = Bearer {
            header,
            generation: held.1,
        };
        let renew_at = now().after(life.mul_f64(RENEW_AT));
        held.0 = Some(Held {
            bearer: bearer.clone(),
            renew_at,
        });
        Ok(bearer)
    }

    /// Drops a token that the instance refused; one that has been renewed since stays.
    pub(super) async fn drop_refused(&self, refused: &Bearer) {
        let mut held = self.held.lock().await;
        if held
            .0
            .as_ref()
            .is_some_and(|held| held.bearer.generation == refused.generation)
        {
            held.0 = None;
        }
    }
}

async fn ask(
    transport: &Transport,
    url: &Url,
    client_id: &str,
    secret: &SecretString,
    scope: &str,
) -> Result<(SecretString, Duration), Failure> {
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(url.clone()));
    let asked = client
        .exchange_client_credentials()
        .add_scope(Scope::new(scope.to_owned()));
    let answer = asked.request_async(transport).await.map_err(refused)?;
    let life = answer.expires_in().unwrap_or(UNSAID_LIFE);
    Ok((
        SecretString::from(answer.access_token().secret().clone()),
        life,
    ))
}

/// The library asks through our own transport, so that a token request is as guarded as any other.
impl<'c> AsyncHttpClient<'c> for Transport {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<oauth2::HttpResponse, Failure>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.send(request.map(Bytes::from), TIMEOUT).await?;
            match answer.status().as_u16() {
                status @ (408 | 429 | 500..=599) => Err(Failure {
                    status: Some(status),
                    origin: Origin::Remote,
                    ..Failure::local(FailureClass::Unavailable, "the token endpoint can't serve")
                }),
                _ => Ok(answer.map(|body| body.to_vec())),
            }
        })
    }
}

type Asked = oauth2::RequestTokenError<Failure, oauth2::basic::BasicErrorResponse>;

fn refused(error: Asked) -> Failure {
    match error {
        oauth2::RequestTokenError::Request(failure) => failure,
        oauth2::RequestTokenError::ServerResponse(answer) => {
            let words = answer
                .error_description()
                .map_or_else(|| answer.error().as_ref().to_owned(), Clone::clone);
            let words: String = words
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect();
            let message = format!("no token: {}", visible(&words));
            Failure {
                origin: Origin::Remote,
                ..Failure::local(FailureClass::Unauthorized, message)
            }
        }
        oauth2::RequestTokenError::Parse(..) | oauth2::RequestTokenError::Other(_) => {
            let message = "the token endpoint's answer can't be read";
            Failure {
                origin: Origin::Remote,
                ..Failure::local(FailureClass::Unreadable, message)
            }
        }
    }
}

/// Fetches a secret from where it is kept.
fn resolve(source: &SecretSource) -> Result<SecretString, BadCredential> {
    match source {
        SecretSource::Held(secret) => Ok(secret.clone()),
        SecretSource::Env(name) => std::env::var(name)
            .map(SecretString::from)
            .map_err(|_| BadCredential::Env(name.clone())),
        SecretSource::File(path) => read_private(path).map_err(|why| BadCredential::File {
            path: path.clone(),
            why,
        }),
        SecretSource::Command(words) => {
            let program = words.first().cloned().unwrap_or_default();
            run(words).map_err(|why| BadCredential::Command { program, why })
        }
    }
}

/// Reads a file that only its owner can read (security case 25).
fn read_private(path: &std::path::Path) -> Result<SecretString, String> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if meta.mode() & 0o077 != 0 {
        return Err(format!(
            "others can read it (mode {:o}); chmod 600 it",
            meta.mode() & 0o777
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

fn run(words: &[String]) -> Result<SecretString, String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    // Other secrets of our environment are none of its business (security case 20).
    let inherited = ["PATH", "HOME", "LANG"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let output = std::process::Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(inherited)
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    let text =
        String::from_utf8(output.stdout).map_err(|_| "it printed something that is not text")?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}
