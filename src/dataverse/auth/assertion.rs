//! A client assertion: a JWT in which an application says who it is, signed with its certificate's key (RFC 7523; what
//! Entra asks of it is in its page on certificate credentials). Its signatures are those of TLS, so that TLS's own
//! library makes them: nothing more is needed on the machine.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::aws_lc_rs::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use uuid::Uuid;

use super::super::file;

/// For how many seconds an assertion is good; it is used at once.
const LIFE: i64 = 300;

/// What the answer to a token request calls this kind of assertion.
pub(super) const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An assertion of the client for a token endpoint. Both files are read anew, so that a renewed certificate counts from
/// the next token on. An error holds nothing of the key.
pub(super) fn signed(
    certificate: &Path,
    key: &SecretString,
    client_id: &str,
    endpoint: &url::Url,
    at: DateTime<Utc>,
) -> Result<SecretString, String> {
    let wrong = |why: &str| format!("the certificate {}: {why}", certificate.display());
    let pem = file::read(certificate).map_err(|why| wrong(&why))?;
    let own = CertificateDer::from_pem_slice(&pem);
    let own = own.map_err(|_| wrong("it holds no certificate in PEM"))?;
    if key.expose_secret().contains("BEGIN ENCRYPTED") {
        let cure = "keep it decrypted in a file of mode 0600, or have a command print it so";
        return Err(format!("the certificate's key is encrypted: {cure}"));
    }
    let key = PrivateKeyDer::from_pem_slice(key.expose_secret().as_bytes());
    let key = key.map_err(|_| "the certificate's key: it is no private key in PEM".to_owned())?;
    let key = any_supported_type(&key)
        .map_err(|_| "the certificate's key: it is of a kind that is not known here".to_owned())?;
    let signer = key
        .choose_scheme(&[SignatureScheme::RSA_PSS_SHA256])
        .ok_or("the certificate's key: Entra takes RSA keys only, and this is another kind")?;
    let header = json!({
        "alg": "PS256",
        "typ": "JWT",
        "x5t#S256": URL.encode(Sha256::digest(&own)),
    });
    let now = at.timestamp();
    let claims = json!({
        "aud": endpoint.as_str(),
        "iss": client_id,
        "sub": client_id,
        "jti": Uuid::new_v4().to_string(),
        "iat": now,
        "nbf": now,
        "exp": now + LIFE,
    });
    let said = format!(
        "{}.{}",
        URL.encode(header.to_string()),
        URL.encode(claims.to_string())
    );
    let signature = signer.sign(said.as_bytes());
    let signature = signature.map_err(|_| "the certificate's key can't sign".to_owned())?;
    Ok(SecretString::from(format!(
        "{said}.{}",
        URL.encode(signature)
    )))
}
