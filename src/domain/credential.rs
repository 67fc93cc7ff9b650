//! How an instance is to be entered: by reference only. The secret itself is fetched by who needs it, when it does.

use secrecy::SecretString;
use url::Url;

/// Where a secret comes from. In a configuration file it is never the secret itself.
#[derive(Clone, Debug)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file that only its owner may read.
    File(std::path::PathBuf),
    /// A program that prints it, with its arguments.
    Command(Vec<String>),
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
    /// A function app's key, in a header of its own (contract 11.4).
    FunctionsKey(SecretSource),
    /// The signature of a URL, in its query (contract 11.1, request trigger).
    Signature(SecretSource),
}
