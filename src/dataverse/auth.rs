//! Tokens: from where they come, how long they are kept, and that they are asked for once however many calls wait
//! (contract 7.1; security cases 19 to 28). A secret goes to the configured authority alone, a token to the instance.

mod assertion;
mod device;
mod identity;

use std::fmt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue, Request};
use oauth2::basic::{BasicClient, BasicErrorResponse};
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, HttpRequest, HttpResponse, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;
use tokio::sync::MutexGuard;
use url::Url;

use self::identity::Identity;
use super::admission::lock;
use super::clock::now;
use super::secret::{self, BadSecret};
use super::transport::{Patience, Transport};
use crate::domain::credential::{Credential, SecretSource};
use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::instance::{Endpoint, is_loopback};
use crate::domain::text::visible;
use crate::domain::time::Now;

pub use device::{SignIn, sign_in};

/// A token is renewed when this share of its life is over.
const RENEW_AT: f64 = 0.8;
/// How long a token is taken to live when the endpoint does not say.
const UNSAID_LIFE: Duration = Duration::from_secs(600);
/// No token is believed to live longer than this, a fixed one excepted.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Why a credential can't be used at all.
#[derive(Debug, Error)]
pub enum BadCredential {
    /// A fixed token would travel to another machine.
    #[error("a `token` credential is for instances on loopback only; use `client-secret`")]
    TokenBeyondLoopback,
    /// The secret would travel in the clear.
    #[error("the authority must be https, or http on loopback, without a user, query or fragment")]
    Authority,
    /// Nobody is there to sign in.
    #[error(
        "a `device-code` credential needs a person at the start: what runs unattended is given another kind"
    )]
    NobodyThere,
    /// The secret can't be had.
    #[error(transparent)]
    Secret(#[from] BadSecret),
}

/// Where a function app looks for its key (contract 11.4).
const FUNCTIONS_KEY: HeaderName = HeaderName::from_static("x-functions-key");

/// A token or key as it goes into a request, and which one it is, so that a refused one is dropped only once.
#[derive(Clone)]
pub(super) struct Bearer {
    value: HeaderValue,
    place: Place,
    generation: u64,
}

/// Where it goes.
#[derive(Clone, Copy)]
enum Place {
    Authorization,
    FunctionsKey,
    /// The parameter `sig` of the query.
    Signature,
}

impl Bearer {
    /// Puts it where it belongs; a request that can't carry it stays as it is, and is refused by who gets it.
    pub(super) fn put(&self, request: &mut Request<Bytes>) {
        let name = match self.place {
            Place::Authorization => AUTHORIZATION,
            Place::FunctionsKey => FUNCTIONS_KEY,
            Place::Signature => {
                if let Some(uri) = self.signed(request.uri()) {
                    *request.uri_mut() = uri;
                }
                return;
            }
        };
        request.headers_mut().insert(name, self.value.clone());
    }

    fn signed(&self, uri: &http::Uri) -> Option<http::Uri> {
        let mut url = Url::parse(&uri.to_string()).ok()?;
        url.query_pairs_mut()
            .append_pair("sig", self.value.to_str().ok()?);
        url.as_str().parse().ok()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer([REDACTED])")
    }
}

/// Where a token comes from.
enum Grant {
    /// The secret is the token.
    Fixed,
    /// The secret is a key that goes somewhere else.
    Key(Place),
    /// The secret is an application's, and is traded for tokens.
    ClientSecret {
        url: Url,
        client_id: String,
        scope: String,
    },
    /// The secret is the key of an application's certificate, and what it signs is traded for tokens.
    Certificate {
        url: Url,
        client_id: String,
        scope: String,
        certificate: PathBuf,
    },
    /// The secret is a signed-in person's, is traded for tokens, and changes with each trade.
    SignedIn {
        url: Url,
        client_id: String,
        scope: String,
    },
    /// There is no secret of ours: a platform vouches for us.
    Identity { identity: Identity, scope: String },
}

impl Grant {
    /// Whether a new token may be had for the same secret.
    fn is_traded(&self) -> bool {
        match self {
            Self::Fixed | Self::Key(_) => false,
            Self::ClientSecret { .. }
            | Self::Certificate { .. }
            | Self::SignedIn { .. }
            | Self::Identity { .. } => true,
        }
    }
}

struct Held {
    bearer: Bearer,
    renew_at: Now,
    ends_at: Now,
}

struct State {
    held: Option<Held>,
    /// How often a token was asked for.
    asked: u64,
    /// What the last of those failed with.
    failure: Option<Failure>,
    /// The secret; `None` once it was refused, and has to be fetched again from where it is kept.
    secret: Option<SecretString>,
}

/// Where the tokens of one user of one instance come from.
pub(super) struct Tokens {
    grant: Grant,
    /// Where the secret is kept, where there is one.
    source: Option<SecretSource>,
    state: Mutex<State>,
    turn: tokio::sync::Mutex<()>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens([REDACTED])")
    }
}

impl Tokens {
    /// Takes a credential for an instance; its secret is fetched here for the first time, so that a missing one is
    /// noticed at the start, and is kept in memory only.
    ///
    /// Tokens are asked for the `audience`, which for an instance is its own origin (contract 7.1).
    pub(super) fn new(
        credential: Credential,
        endpoint: &Endpoint,
        audience: Option<&str>,
    ) -> Result<Self, BadCredential> {
        let audience = audience.map_or_else(|| endpoint.to_string(), str::to_owned);
        let scope = format!("{audience}/.default");
        let (grant, source) = match credential {
            Credential::Token(_) if !endpoint.is_loopback() => {
                return Err(BadCredential::TokenBeyondLoopback);
            }
            Credential::Token(source) => (Grant::Fixed, Some(source)),
            Credential::ClientSecret {
                authority,
                tenant,
                client_id,
                secret,
            } => {
                let url = token_url(&authority, &tenant)?;
                let grant = Grant::ClientSecret {
                    url,
                    client_id,
                    scope,
                };
                (grant, Some(secret))
            }
            Credential::ClientCertificate {
                authority,
                tenant,
                client_id,
                certificate,
                key,
            } => {
                let grant = Grant::Certificate {
                    url: token_url(&authority, &tenant)?,
                    client_id,
                    scope,
                    certificate,
                };
                (grant, Some(key))
            }
            Credential::DeviceCode { .. } => return Err(BadCredential::NobodyThere),
            Credential::SignedIn {
                authority,
                tenant,
                client_id,
                refresh,
            } => {
                let grant = Grant::SignedIn {
                    url: token_url(&authority, &tenant)?,
                    client_id,
                    scope: format!("{audience}/user_impersonation"),
                };
                (grant, Some(SecretSource::Held(refresh)))
            }
            Credential::ManagedIdentity { client_id } => {
                let identity = Identity::Managed { client_id };
                (Grant::Identity { identity, scope }, None)
            }
            Credential::WorkloadIdentity {
                authority,
                tenant,
                client_id,
                token_file,
            } => {
                // The same rule as for a secret: the pod's token goes there.
                token_url(&authority, "tenant")?;
                let identity = Identity::Workload {
                    authority,
                    tenant,
                    client_id,
                    token_file,
                };
                (Grant::Identity { identity, scope }, None)
            }
            Credential::AzureCli { tenant } => {
                let identity = Identity::Cli { tenant };
                (Grant::Identity { identity, scope }, None)
            }
            Credential::FunctionsKey(source) => (Grant::Key(Place::FunctionsKey), Some(source)),
            Credential::Signature(source) => (Grant::Key(Place::Signature), Some(source)),
        };
        let secret = source.as_ref().map(secret::fetch).transpose()?;
        Ok(Self {
            grant,
            source,
            state: Mutex::new(State {
                held: None,
                asked: 0,
                failure: None,
                secret,
            }),
            turn: tokio::sync::Mutex::default(),
        })
    }

    /// Whether asking again may give another token than the one that was refused.
    pub(super) fn is_renewable(&self) -> bool {
        self.grant.is_traded() || self.may_change()
    }

    /// The token that is held, while it is young enough.
    pub(super) fn young(&self, at: Now) -> Option<Bearer> {
        let state = lock(&self.state);
        let held = state.held.as_ref().filter(|h| at.mono < h.renew_at.mono);
        held.map(|held| held.bearer.clone())
    }

    /// The token that is held, while it has not expired.
    pub(super) fn usable(&self, at: Now) -> Option<Bearer> {
        let state = lock(&self.state);
        let held = state.held.as_ref().filter(|h| at.mono < h.ends_at.mono);
        held.map(|held| held.bearer.clone())
    }

    /// Waits for the turn to ask for a token: the queue that makes it one request.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The turn, if nobody has it.
    pub(super) fn try_turn(&self) -> Option<MutexGuard<'_, ()>> {
        self.turn.try_lock().ok()
    }

    /// How often a token was asked for.
    pub(super) fn asked(&self) -> u64 {
        lock(&self.state).asked
    }

    /// What the last request for a token failed with, if there was one since `asked`.
    pub(super) fn failure_since(&self, asked: u64) -> Option<Failure> {
        let state = lock(&self.state);
        let failure = state.failure.as_ref().filter(|_| state.asked > asked);
        failure.cloned()
    }

    /// What a request for a token is called in the log; `None` where none is sent.
    pub(super) fn request(&self) -> Option<String> {
        match &self.grant {
            Grant::Fixed | Grant::Key(_) => None,
            Grant::ClientSecret { url, .. }
            | Grant::Certificate { url, .. }
            | Grant::SignedIn { url, .. } => Some(format!("POST {}", url.path())),
            Grant::Identity { identity, .. } => Some(identity.request().to_owned()),
        }
    }

    /// Drops a token that the instance refused, and says whether it was the newest: one that has been renewed since
    /// stays.
    pub(super) fn drop_refused(&self, refused: &Bearer) -> bool {
        let mut state = lock(&self.state);
        let newest = state
            .held
            .take_if(|held| held.bearer.generation == refused.generation);
        if newest.is_some() && !self.grant.is_traded() {
            self.forget(&mut state);
        }
        newest.is_some()
    }

    /// A refused secret may have been replaced where it is kept.
    fn forget(&self, state: &mut State) {
        if self.may_change() {
            state.secret = None;
        }
    }

    /// Whether another secret may be kept there tomorrow.
    fn may_change(&self) -> bool {
        self.source.as_ref().is_some_and(secret::may_change)
    }

    /// Asks for a token and keeps it. Called by whoever has the turn.
    pub(super) async fn ask(
        &self,
        transport: &Transport,
        patience: Patience,
    ) -> Result<Bearer, Failure> {
        let result = self.fresh(transport, patience).await;
        let mut state = lock(&self.state);
        state.asked += 1;
        state.failure = result.as_ref().err().cloned();
        let (token, life) = match result {
            Ok(fresh) => fresh,
            Err(failure) => {
                if failure.class == FailureClass::Unauthorized {
                    self.forget(&mut state);
                }
                return Err(failure);
            }
        };
        let (place, scheme) = match self.grant {
            Grant::Key(place) => (place, ""),
            _ => (Place::Authorization, "Bearer "),
        };
        let value = HeaderValue::from_str(&format!("{scheme}{}", token.expose_secret()));
        let mut value =
            value.map_err(|_| refused("the token holds characters that no header can"))?;
        value.set_sensitive(true);
        let bearer = Bearer {
            value,
            place,
            generation: state.asked,
        };
        let at = now();
        state.held = Some(Held {
            bearer: bearer.clone(),
            renew_at: at.after(life.mul_f64(RENEW_AT)),
            ends_at: at.after(life),
        });
        Ok(bearer)
    }

    async fn fresh(
        &self,
        transport: &Transport,
        patience: Patience,
    ) -> Result<(SecretString, Duration), Failure> {
        match &self.grant {
            Grant::Fixed | Grant::Key(_) => Ok((self.secret().await?, Duration::MAX / 4)),
            Grant::ClientSecret {
                url,
                client_id,
                scope,
            } => {
                let secret = self.secret().await?;
                let proof = Proof::Secret(secret);
                trade(transport, patience, url, client_id, &proof, scope).await
            }
            Grant::Certificate {
                url,
                client_id,
                scope,
                certificate,
            } => {
                let key = self.secret().await?;
                let signed = assertion::signed(certificate, &key, client_id, url, now().wall);
                let proof = Proof::Assertion(signed.map_err(|why| refused(&why))?);
                trade(transport, patience, url, client_id, &proof, scope).await
            }
            Grant::SignedIn {
                url,
                client_id,
                scope,
            } => {
                let secret = self.secret().await?;
                let (token, life, next) =
                    renew(transport, patience, url, client_id, &secret, scope).await?;
                if let Some(next) = next {
                    lock(&self.state).secret = Some(next);
                }
                Ok((token, life))
            }
            Grant::Identity { identity, scope } => {
                let (token, life) = identity.token(scope, transport, patience).await?;
                Ok((token, life.min(LONGEST_LIFE)))
            }
        }
    }

    async fn secret(&self) -> Result<SecretString, Failure> {
        let known = lock(&self.state).secret.clone();
        if let Some(secret) = known {
            return Ok(secret);
        }
        let Some(source) = self.source.clone() else {
            return Err(refused("there is no secret"));
        };
        // A program may take its time, and no worker of the runtime waits for it.
        let fetched = tokio::task::spawn_blocking(move || secret::fetch(&source)).await;
        let secret = match fetched {
            Ok(Ok(secret)) => secret,
            Ok(Err(error)) => return Err(refused(&error.to_string())),
            Err(_) => return Err(refused("the secret's fetching broke off")),
        };
        lock(&self.state).secret = Some(secret.clone());
        Ok(secret)
    }
}

fn refused(why: &str) -> Failure {
    Failure::local(FailureClass::Unauthorized, format!("no token: {why}"))
}

/// Where an authority gives tokens out; only to where a secret may travel.
fn token_url(authority: &Url, tenant: &str) -> Result<Url, BadCredential> {
    let is_safe = match authority.scheme() {
        "https" => true,
        "http" => is_loopback(authority),
        _ => false,
    };
    let is_bare = authority.username().is_empty()
        && authority.password().is_none()
        && authority.query().is_none()
        && authority.fragment().is_none();
    if !is_safe || !is_bare {
        return Err(BadCredential::Authority);
    }
    let mut url = authority.clone();
    url.path_segments_mut()
        .map_err(|()| BadCredential::Authority)?
        .pop_if_empty()
        .extend([tenant, "oauth2", "v2.0", "token"]);
    Ok(url)
}

/// By what an application shows that it is who it says.
enum Proof {
    Secret(SecretString),
    /// What its certificate's key signed.
    Assertion(SecretString),
}

/// Trades an application's proof of itself for a token.
async fn trade(
    transport: &Transport,
    patience: Patience,
    url: &Url,
    client_id: &str,
    proof: &Proof,
    scope: &str,
) -> Result<(SecretString, Duration), Failure> {
    let mut client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(url.clone()));
    let ask = Asker {
        transport,
        patience,
    };
    if let Proof::Secret(secret) = proof {
        client = client.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
    }
    let mut asked = client
        .exchange_client_credentials()
        .add_scope(Scope::new(scope.to_owned()));
    if let Proof::Assertion(assertion) = proof {
        asked = asked
            .add_extra_param("client_assertion_type", assertion::KIND)
            .add_extra_param("client_assertion", assertion.expose_secret());
    }
    let answer = asked.request_async(&ask).await.map_err(in_words)?;
    let life = answer.expires_in().unwrap_or(UNSAID_LIFE);
    let token = SecretString::from(answer.access_token().secret().clone());
    Ok((token, life.min(LONGEST_LIFE)))
}

/// Trades a signed-in person's secret for a token, and mostly for a new secret, too.
async fn renew(
    transport: &Transport,
    patience: Patience,
    url: &Url,
    client_id: &str,
    refresh: &SecretString,
    scope: &str,
) -> Result<(SecretString, Duration, Option<SecretString>), Failure> {
    let client = BasicClient::new(ClientId::new(client_id.to_owned()))
        .set_auth_type(AuthType::RequestBody)
        .set_token_uri(TokenUrl::from_url(url.clone()));
    let ask = Asker {
        transport,
        patience,
    };
    let refresh = RefreshToken::new(refresh.expose_secret().to_owned());
    let asked = client
        .exchange_refresh_token(&refresh)
        .add_scope(Scope::new(scope.to_owned()))
        .add_scope(Scope::new("offline_access".to_owned()));
    let answer = asked.request_async(&ask).await.map_err(in_words)?;
    let life = answer.expires_in().unwrap_or(UNSAID_LIFE);
    let token = SecretString::from(answer.access_token().secret().clone());
    let next = answer.refresh_token();
    let next = next.map(|next| SecretString::from(next.secret().clone()));
    Ok((token, life.min(LONGEST_LIFE), next))
}

/// The library asks through our own transport, so that a token request is as guarded as any other.
struct Asker<'t> {
    transport: &'t Transport,
    patience: Patience,
}

impl<'c> AsyncHttpClient<'c> for Asker<'_> {
    type Error = Failure;
    type Future = BoxFuture<'c, Result<HttpResponse, Failure>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let request = request.map(Bytes::from);
            served(self.transport.send(request, self.patience).await?)
        })
    }
}

/// Tells an endpoint that can't serve from one that answered; the library knows only good and bad.
fn served(answer: http::Response<Bytes>) -> Result<HttpResponse, Failure> {
    let status = answer.status().as_u16();
    match status {
        200 | 400..=407 | 409..=428 | 430..=499 => Ok(answer.map(|body| body.to_vec())),
        _ => Err(Failure {
            status: Some(status),
            origin: Origin::Remote,
            retry_after: super::response::wait(answer.headers(), now().wall),
            ..Failure::local(
                match status {
                    429 => FailureClass::Throttled,
                    408 | 500..=599 => FailureClass::Unavailable,
                    _ => FailureClass::Unreadable,
                },
                "the token endpoint can't serve",
            )
        }),
    }
}

fn in_words(error: RequestTokenError<Failure, BasicErrorResponse>) -> Failure {
    match error {
        RequestTokenError::Request(failure) => failure,
        RequestTokenError::ServerResponse(answer) => {
            let words = answer
                .error_description()
                .map_or_else(|| answer.error().as_ref(), String::as_str);
            let words = words.lines().next().unwrap_or_default();
            let words: String = words.chars().take(200).collect();
            Failure {
                origin: Origin::Remote,
                ..refused(&visible(&words))
            }
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => Failure {
            origin: Origin::Remote,
            ..Failure::local(
                FailureClass::Unreadable,
                "the token endpoint's answer can't be read",
            )
        },
    }
}

#[cfg(test)]
mod tests;
