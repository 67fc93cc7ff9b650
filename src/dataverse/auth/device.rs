//! A person signs in on another device (contract 7.1): asked once, before anything is started that may not ask. What
//! comes of it is kept in memory, and gone with the process (security case 26).

use std::time::Duration;

use oauth2::basic::BasicClient;
use oauth2::{
    AuthType, ClientId, DeviceAuthorizationUrl, DeviceCodeErrorResponse, RequestTokenError, Scope,
    StandardDeviceAuthorizationResponse, TokenResponse, TokenUrl,
};
use secrecy::SecretString;

use super::{Asker, in_words, refused, token_url};
use crate::dataverse::transport::{Patience, Transport};
use crate::domain::credential::Credential;
use crate::domain::failure::{Failure, Origin};
use crate::domain::instance::Endpoint;
use crate::domain::network::Network;
use crate::domain::text::visible;

/// The longest that one request to the token endpoint may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a person is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The page to open, on any device.
    pub page: String,
    /// What to enter there.
    pub code: String,
    /// How long the code is good for.
    pub lasts: Duration,
}

/// Has a person sign in, and returns the credential that is then good for the instance, and for every other of the same
/// tenant and application. Any other credential than a device code's is returned as it is.
pub async fn sign_in(
    credential: &Credential,
    endpoint: &Endpoint,
    network: &Network,
    show: impl FnOnce(&SignIn),
) -> Result<Credential, Failure> {
    let Credential::DeviceCode {
        authority,
        tenant,
        client_id,
    } = credential
    else {
        return Ok(credential.clone());
    };
    let transport = Transport::new(PATIENCE, PATIENCE, network).map_err(|why| refused(&why))?;
    let ask = Asker {
        transport: &transport,
        patience: Patience {
            first_byte: PATIENCE,
            whole: PATIENCE,
        },
    };
    let tokens = token_url(authority, tenant).map_err(|error| refused(&error.to_string()))?;
    let mut devices = tokens.clone();
    if let Ok(mut segments) = devices.path_segments_mut() {
        segments.pop().push("devicecode");
    }
    let client = BasicClient::new(ClientId::new(client_id.clone()))
        .set_auth_type(AuthType::RequestBody)
        .set_device_authorization_url(DeviceAuthorizationUrl::from_url(devices))
        .set_token_uri(TokenUrl::from_url(tokens));
    let asked = client
        .exchange_device_code()
        .add_scope(Scope::new(format!("{endpoint}/user_impersonation")))
        .add_scope(Scope::new("offline_access".to_owned()));
    let details: StandardDeviceAuthorizationResponse =
        asked.request_async(&ask).await.map_err(in_words)?;
    show(&SignIn {
        page: visible(details.verification_uri().as_str()).into_owned(),
        code: visible(details.user_code().secret()).into_owned(),
        lasts: details.expires_in(),
    });
    let waited = client.exchange_device_access_token(&details);
    let answer = waited.request_async(&ask, tokio::time::sleep, None).await;
    let answer = answer.map_err(not_signed_in)?;
    let refresh = answer.refresh_token().ok_or_else(|| {
        refused("the sign-in can't be kept: the application may not have offline_access")
    })?;
    Ok(Credential::SignedIn {
        authority: authority.clone(),
        tenant: tenant.clone(),
        client_id: client_id.clone(),
        refresh: SecretString::from(refresh.secret().clone()),
    })
}

fn not_signed_in(error: RequestTokenError<Failure, DeviceCodeErrorResponse>) -> Failure {
    match error {
        RequestTokenError::Request(failure) => failure,
        RequestTokenError::ServerResponse(answer) => {
            let words = answer
                .error_description()
                .map_or_else(|| answer.error().to_string(), String::clone);
            let words: String = words
                .lines()
                .next()
                .unwrap_or_default()
                .chars()
                .take(200)
                .collect();
            Failure {
                origin: Origin::Remote,
                ..refused(&format!("nobody signed in: {}", visible(&words)))
            }
        }
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            refused("nobody signed in in time")
        }
    }
}
