//! How an instance is to be entered: by reference only. The secret itself is fetched by who needs it, when it does.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::row::RowId;

/// Where a secret comes from. In a configuration file it is never the secret itself.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that only its owner may read.
    File(std::path::PathBuf),
    /// A program that prints it, with its arguments.
    Command(Vec<String>),
    /// A line of standard input, counted from 1.
    Stdin(usize),
    /// Held in memory: the demo's, which was made a moment ago. No configuration can say this.
    Held(SecretString),
}

/// What to present to an instance.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A bearer token as it is; for instances on loopback only.
    Token(SecretSource),
    /// An application's secret, traded for tokens that expire (contract 7.1).
    ClientSecret {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id or name.
        tenant: String,
        /// The application's id.
        client_id: String,
        /// Its secret.
        secret: SecretSource,
    },
    /// An application's certificate, whose key signs what is traded for tokens.
    ClientCertificate {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id or name.
        tenant: String,
        /// The application's id.
        client_id: String,
        /// The file of the certificate, in PEM; it is no secret.
        certificate: std::path::PathBuf,
        /// Its private key, in PEM.
        key: SecretSource,
    },
    /// A person who signs in on another device, at the start; nobody does for what runs unattended.
    DeviceCode {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id or name.
        tenant: String,
        /// The application's id.
        client_id: String,
    },
    /// That person, signed in: traded for tokens for as long as the process lives. No configuration can say this.
    SignedIn {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id or name.
        tenant: String,
        /// The application's id.
        client_id: String,
        /// What tokens are traded for; in memory only (security case 26).
        refresh: SecretString,
    },
    /// The identity of the Azure machine or app that this runs on.
    ManagedIdentity {
        /// The client id of one that was assigned; the system's own without it.
        client_id: Option<String>,
    },
    /// The identity of a Kubernetes pod; what is left out stands in its environment (`AZURE_…`).
    WorkloadIdentity {
        /// The origin of the token endpoint.
        authority: Url,
        /// The tenant's id.
        tenant: Option<String>,
        /// The application's id.
        client_id: Option<String>,
        /// The file of the pod's token.
        token_file: Option<std::path::PathBuf>,
    },
    /// Whoever is signed in to the Azure CLI of this machine.
    AzureCli {
        /// The tenant's id or name, where it is not the CLI's own.
        tenant: Option<String>,
    },
    /// A function app's key, in a header of its own (contract 11.4).
    FunctionsKey(SecretSource),
    /// The signature of a URL, in its query (contract 11.1, request trigger).
    Signature(SecretSource),
}

impl Credential {
    /// The origin of the token endpoint, where the configuration says it.
    pub fn authority(&self) -> Option<&Url> {
        match self {
            Self::ClientSecret { authority, .. }
            | Self::ClientCertificate { authority, .. }
            | Self::DeviceCode { authority, .. }
            | Self::SignedIn { authority, .. }
            | Self::WorkloadIdentity { authority, .. } => Some(authority),
            Self::Token(_)
            | Self::ManagedIdentity { .. }
            | Self::AzureCli { .. }
            | Self::FunctionsKey(_)
            | Self::Signature(_) => None,
        }
    }

    /// Where its secret is kept, where there is one that has to be fetched.
    pub fn secret(&self) -> Option<&SecretSource> {
        match self {
            Self::Token(source)
            | Self::ClientSecret { secret: source, .. }
            | Self::ClientCertificate { key: source, .. }
            | Self::FunctionsKey(source)
            | Self::Signature(source) => Some(source),
            Self::DeviceCode { .. }
            | Self::SignedIn { .. }
            | Self::ManagedIdentity { .. }
            | Self::WorkloadIdentity { .. }
            | Self::AzureCli { .. } => None,
        }
    }
}

/// For whom our user acts at an instance: what it writes then bears that person's name (contract 7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impersonated {
    /// Whose object in Entra has this id.
    Object(RowId),
    /// Whose row of the instance's users has this id.
    User(RowId),
}

impl fmt::Display for Impersonated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(id) => write!(f, "the Entra object {id}"),
            Self::User(id) => write!(f, "the user {id}"),
        }
    }
}
