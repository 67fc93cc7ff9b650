//! How Dataverse spells the names of headers: upper and lower case as its own answers have them.
//!
//! HTTP does not tell case apart, but clients that copy headers into a plain dictionary do: the async client of Microsoft's
//! Python SDK looks for `OData-EntityId` and nothing else. hyper writes an answer's names as it read a request's, and lets
//! nobody else say how; so the names are read here, once, from a request that goes nowhere. Knows no values.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use http::{Extensions, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;

use super::instance::lock;

/// Contract 1.4 and 2.1; a name that stands twice may be sent twice.
const NAMES: [&str; 20] = [
    "AuthActivityId",
    "Allow",
    "Cache-Control",
    "Connection",
    "Content-Length",
    "Content-Type",
    "CRM.ServiceId",
    "Date",
    "ETag",
    "Expires",
    "Location",
    "OData-EntityId",
    "OData-Version",
    "Preference-Applied",
    "REQ_ID",
    "Retry-After",
    "Set-Cookie",
    "Set-Cookie",
    "Strict-Transport-Security",
    "WWW-Authenticate",
];

/// What an answer's extensions must hold for hyper to spell its headers so; nothing if hyper would not read the request.
pub(crate) async fn of_dataverse() -> Extensions {
    let mut head = "GET / HTTP/1.1\r\nHost: nowhere\r\n".to_owned();
    for name in NAMES.iter().filter(|name| **name != "Content-Length") {
        // Writing to a string can't fail.
        let _ = write!(head, "{name}: close\r\n");
    }
    head.push_str("Content-Length: 0\r\n\r\n");
    let read = Arc::new(Mutex::new(Extensions::new()));
    let service = service_fn(|request: Request<Incoming>| {
        lock(&read).clone_from(request.extensions());
        async { Ok::<_, Infallible>(Response::new(Body::empty())) }
    });
    let (mut near, far) = tokio::io::duplex(head.len() + 1024);
    if near.write_all(head.as_bytes()).await.is_ok() {
        // Its outcome is what was read.
        let _ = http1::Builder::new()
            .preserve_header_case(true)
            .serve_connection(TokioIo::new(far), service)
            .await;
    }
    lock(&read).clone()
}
