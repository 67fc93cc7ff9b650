//! Control of who gets a token: secrets, the tenant's directory, tokens taken back, and the person who signs in on a device.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{delete, get, post};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::super::instance::Instance;
use super::super::refusal::Refusal;
use super::super::token::{Directory, Rotation};
use super::{Emulated, allowed, read, sent};

pub(super) fn routes() -> Router<Arc<Instance>> {
    Router::new()
        .route("/emulator/secret", post(rotate))
        .route("/emulator/certificate", post(upload))
        .route("/emulator/tenant", get(tenant).post(set_tenant))
        .route("/emulator/tokens", delete(revoke))
        .route("/emulator/device", get(devices).post(sign_in))
}

async fn rotate(State(instance): Emulated, request: Request) -> Response {
    let rotated = async {
        let rotation: Rotation = read(&instance, request).await?;
        let shown = json!({"client": rotation.client, "expired": rotation.expired});
        instance.tenant.rotate(rotation);
        Ok((StatusCode::OK, shown))
    };
    let outcome = rotated.await;
    sent(&instance, outcome)
}

/// `{"client": "…", "certificate": "-----BEGIN CERTIFICATE-----…"}`: those of the client from now on, in PEM; none takes
/// them away.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Upload {
    client: String,
    certificate: String,
}

async fn upload(State(instance): Emulated, request: Request) -> Response {
    let uploaded = async {
        let Upload {
            client,
            certificate,
        } = read(&instance, request).await?;
        let all = CertificateDer::pem_slice_iter(certificate.as_bytes());
        let all = all.collect::<Result<Vec<_>, _>>();
        let all = all.map_err(|_| Refusal::argument("certificate holds certificates in PEM."))?;
        let shown = json!({"client": client, "certificates": all.len()});
        instance.tenant.set_certificates(client, all);
        Ok((StatusCode::OK, shown))
    };
    let outcome = uploaded.await;
    sent(&instance, outcome)
}

async fn tenant(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers);
    let outcome = outcome.map(|()| (StatusCode::OK, json!(instance.tenant.directory())));
    sent(&instance, outcome)
}

async fn set_tenant(State(instance): Emulated, request: Request) -> Response {
    let set = async {
        let directory: Directory = read(&instance, request).await?;
        instance.tenant.set_directory(directory);
        Ok((StatusCode::OK, json!(instance.tenant.directory())))
    };
    let outcome = set.await;
    sent(&instance, outcome)
}

async fn revoke(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        instance.tokens.revoke(std::time::Duration::ZERO);
        (StatusCode::OK, json!({"tokens": []}))
    });
    sent(&instance, outcome)
}

async fn devices(State(instance): Emulated, headers: HeaderMap) -> Response {
    let outcome = allowed(&instance, &headers).map(|()| {
        let waiting = instance.devices.waiting(instance.clock.now());
        (StatusCode::OK, json!({"waiting": waiting}))
    });
    sent(&instance, outcome)
}

/// `{"user_code": "…", "user": "Dana Whitfield"}`, or `{"user_code": "…", "declined": true}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SigningIn {
    user_code: String,
    user: Option<String>,
    #[serde(default)]
    declined: bool,
}

async fn sign_in(State(instance): Emulated, request: Request) -> Response {
    let answered = async {
        let SigningIn {
            user_code,
            user,
            declined,
        } = read(&instance, request).await?;
        if declined == user.is_some() {
            return Err(Refusal::argument(
                "A sign-in needs either user, by full name or client id, or declined.",
            ));
        }
        if !instance.devices.answer(&user_code, user) {
            return Err(Refusal::argument(format!(
                "No sign-in is under way with the code {user_code}."
            )));
        }
        Ok((StatusCode::OK, json!({"declined": declined})))
    };
    let outcome = answered.await;
    sent(&instance, outcome)
}
