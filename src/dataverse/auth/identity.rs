//! Identities that a platform vouches for, through `azure_identity`: a managed identity, a pod's, the Azure CLI's. Its
//! requests go through our own transport, once each: proxy, authorities, timeouts and retries are ours (R12). Each token
//! is asked for anew, so that a refused one is not handed out again by a cache that is not ours.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Output};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use azure_core::cloud::{CloudConfiguration, CustomConfiguration};
use azure_core::credentials::TokenCredential;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{
    AsyncRawResponse, Body, ClientOptions, HttpClient, Request, RetryOptions, StatusCode,
    Transport as Way,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, Executor,
    ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId,
    WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};
use bytes::Bytes;
use secrecy::SecretString;
use url::Url;

use super::refused;
use crate::dataverse::admission::lock;
use crate::dataverse::program;
use crate::dataverse::transport::{Patience, Transport};
use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::text::visible;

/// Whose identity it is.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// The machine's or app's.
    Managed {
        /// The client id of one that was assigned.
        client_id: Option<String>,
    },
    /// A pod's.
    Workload {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id, where the environment does not say it.
        tenant: Option<String>,
        /// The application's id, likewise.
        client_id: Option<String>,
        /// The file of the pod's token, likewise.
        token_file: Option<PathBuf>,
    },
    /// Whoever is signed in to the Azure CLI.
    Cli {
        /// The tenant, where it is not the CLI's own.
        tenant: Option<String>,
    },
}

impl Identity {
    /// What a request for a token is called in the log.
    pub(super) fn request(&self) -> &'static str {
        match self {
            Self::Managed { .. } => "GET managed identity",
            Self::Workload { .. } => "POST workload identity",
            Self::Cli { .. } => "az account get-access-token",
        }
    }

    /// What to look at when it gives no token.
    fn hint(&self) -> &'static str {
        match self {
            Self::Managed { .. } => "is an identity assigned to this machine or app?",
            Self::Workload { .. } => {
                "are tenant, client id and token file those of the pod's federated credential?"
            }
            Self::Cli { .. } => "sign in with `az login` as the user that runs tandem",
        }
    }

    /// A token for a scope, and how long it lives.
    pub(super) async fn token(
        &self,
        scope: &str,
        transport: &Transport,
        patience: Patience,
    ) -> Result<(SecretString, Duration), Failure> {
        let sender = Arc::new(Sender {
            transport: transport.clone(),
            patience,
            seen: Mutex::default(),
        });
        let asked = match self.credential(&sender) {
            Ok(credential) => credential.get_token(&[scope], None).await,
            Err(error) => Err(error),
        };
        let token = asked.map_err(|error| self.failed(&error, &sender))?;
        let ends = SystemTime::from(token.expires_on);
        let life = ends.duration_since(SystemTime::now()).unwrap_or_default();
        Ok((SecretString::from(token.token.secret()), life))
    }

    fn credential(&self, sender: &Arc<Sender>) -> azure_core::Result<Arc<dyn TokenCredential>> {
        let way = Arc::clone(sender) as Arc<dyn HttpClient>;
        let client_options = ClientOptions {
            transport: Some(Way::new(way)),
            retry: RetryOptions::none(),
            ..ClientOptions::default()
        };
        Ok(match self {
            Self::Managed { client_id } => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))?
            }
            Self::Workload {
                authority,
                tenant,
                client_id,
                token_file,
            } => {
                let mut cloud = CustomConfiguration::default();
                cloud.authority_host = authority.to_string();
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions {
                        client_options: ClientOptions {
                            cloud: Some(Arc::new(CloudConfiguration::from(cloud))),
                            ..client_options
                        },
                    },
                    client_id: client_id.clone(),
                    tenant_id: tenant.clone(),
                    token_file_path: token_file.clone(),
                }))?
            }
            Self::Cli { tenant } => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: tenant.clone(),
                executor: Some(Arc::new(Programs)),
                ..AzureCliCredentialOptions::default()
            }))?,
        })
    }

    /// What our transport saw says more than what the library made of it.
    fn failed(&self, error: &azure_core::Error, sender: &Sender) -> Failure {
        let seen = lock(&sender.seen).take();
        let words: String = error.to_string().chars().take(200).collect();
        let words = visible(&words).into_owned();
        match seen {
            Some(Seen::Failed(failure)) => failure,
            Some(Seen::Answered(status @ (429 | 500..=599))) => Failure {
                status: Some(status),
                origin: Origin::Remote,
                ..Failure::local(
                    if status == 429 {
                        FailureClass::Throttled
                    } else {
                        FailureClass::Unavailable
                    },
                    "the identity endpoint can't serve",
                )
            },
            _ => refused(&format!("{words}; {}", self.hint())),
        }
    }
}

/// What became of the last request.
#[derive(Debug)]
enum Seen {
    Answered(u16),
    Failed(Failure),
}

/// Sends the library's requests as ours.
#[derive(Debug)]
struct Sender {
    transport: Transport,
    patience: Patience,
    seen: Mutex<Option<Seen>>,
}

#[async_trait]
impl HttpClient for Sender {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let odd = |what: String| azure_core::Error::with_message(ErrorKind::Other, what);
        let mut ours = http::Request::builder()
            .method(request.method().as_str())
            .uri(request.url().as_str());
        for (name, value) in request.headers().iter() {
            ours = ours.header(name.as_str(), value.as_str());
        }
        let body = match request.body() {
            Body::Bytes(bytes) => bytes.clone(),
            Body::SeekableStream(_) => Bytes::new(),
        };
        let ours = ours.body(body).map_err(|error| odd(error.to_string()))?;
        let answer = match self.transport.send(ours, self.patience).await {
            Ok(answer) => answer,
            Err(failure) => {
                let why = failure.message.clone();
                *lock(&self.seen) = Some(Seen::Failed(failure));
                return Err(odd(why));
            }
        };
        let status = answer.status().as_u16();
        *lock(&self.seen) = Some(Seen::Answered(status));
        let mut headers = Headers::new();
        for (name, value) in answer.headers() {
            if let Ok(value) = value.to_str() {
                headers.insert(name.as_str().to_owned(), value.to_owned());
            }
        }
        let status = StatusCode::from(status);
        Ok(AsyncRawResponse::from_bytes(
            status,
            headers,
            answer.into_body(),
        ))
    }
}

/// Runs the Azure CLI in a clean environment, and not for ever (security case 20).
#[derive(Debug)]
struct Programs;

#[async_trait]
impl Executor for Programs {
    async fn run(&self, program: &OsStr, arguments: &[&OsStr]) -> io::Result<Output> {
        let words = std::iter::once(program).chain(arguments.iter().copied());
        let words: Vec<String> = words
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let run = tokio::task::spawn_blocking(move || program::run(&words, None)).await;
        let printed = run.map_err(io::Error::other)?.map_err(io::Error::other)?;
        Ok(Output {
            status: ExitStatus::from_raw(0),
            stdout: printed.into_bytes(),
            stderr: Vec::new(),
        })
    }
}
