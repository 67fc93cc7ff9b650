//! Client assertions: a JWT that an application signs with the key of a certificate that the tenant knows, in the order
//! in which Entra refuses them. The numbers are general knowledge.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;
use webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY as PS256;

use super::refusal::Refused;

/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 300;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(rename = "x5t#S256")]
    thumbprint: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    exp: i64,
    nbf: i64,
}

/// Whether a field looks like one at all.
pub(super) fn is_one(text: &str) -> bool {
    text.split('.').filter(|part| !part.is_empty()).count() == 3
}

/// Whether an assertion is the client's, signed with one of its certificates, for this endpoint, and for now.
pub(super) fn check(
    assertion: &str,
    client: &str,
    certificates: &[CertificateDer<'static>],
    is_endpoint: impl Fn(&str) -> bool,
    now: DateTime<Utc>,
) -> Result<(), Refused> {
    let (header, claims, signed, signature) = parts(assertion).ok_or_else(malformed)?;
    let thumbprint = header.thumbprint.unwrap_or_default();
    let own = certificates
        .iter()
        .find(|one| URL.encode(Sha256::digest(one)) == thumbprint);
    let is_good = own.is_some_and(|own| {
        header.alg == "PS256"
            && EndEntityCert::try_from(own)
                .is_ok_and(|own| own.verify_signature(PS256, signed, &signature).is_ok())
    });
    if !is_good {
        let text = format!(
            "The certificate with identifier used to sign the client assertion is not registered on application. \
             [Reason - The key was not found., Thumbprint of key used by client: '{thumbprint}']"
        );
        return Err(Refused::unauthorized(700_027, text));
    }
    if !is_endpoint(&claims.aud) {
        let text = "Client assertion audience claim does not match Realm issuer.";
        return Err(Refused::unauthorized(700_023, text));
    }
    if claims.iss != client || claims.sub != client {
        let text = "Client assertion contains an issuer or a subject that is not the client_id.";
        return Err(Refused::unauthorized(700_021, text));
    }
    let now = now.timestamp();
    if now < claims.nbf - LEEWAY || now > claims.exp + LEEWAY {
        let text = "Client assertion is not within its valid time range.";
        return Err(Refused::unauthorized(700_024, text));
    }
    Ok(())
}

/// Header, claims, what was signed, and the signature.
fn parts(assertion: &str) -> Option<(Header, Claims, &[u8], Vec<u8>)> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = serde_json::from_slice(&URL.decode(header).ok()?).ok()?;
    let claims = serde_json::from_slice(&URL.decode(claims).ok()?).ok()?;
    Some((
        header,
        claims,
        signed.as_bytes(),
        URL.decode(signature).ok()?,
    ))
}

fn malformed() -> Refused {
    Refused::bad(
        "invalid_request",
        50_027,
        "JWT token is invalid or malformed.",
    )
}
