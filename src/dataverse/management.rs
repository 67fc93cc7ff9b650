//! The management APIs of the platforms that run syncs (contract 11): the same order of a call, the same transport,
//! timeouts, breakers, gate and guard as for an instance. It knows nothing of workflows, only of lists and orders.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use tokio::sync::mpsc;

use super::admission::Kind;
use super::client::{Observation, Settings};
use super::links::NextLink;
use super::request::Unsayable;
use super::response;
use super::send::{Call, Session, SetUpError};
use crate::domain::failure::{Failure, FailureClass};

/// By which the caller's own id of a run is told (contract 11.1, correlation).
const TRACKING: HeaderName = HeaderName::from_static("x-ms-client-tracking-id");
/// In which the run is named that an order began [general knowledge].
const RUN: HeaderName = HeaderName::from_static("x-ms-workflow-run-id");

/// A client of one management API, with breakers and a gate of its own. Clones share everything.
#[derive(Clone)]
pub struct Management(Arc<Session>);

impl fmt::Debug for Management {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Management({})", self.0.shared.endpoint)
    }
}

/// What was read, and what the service's clock said then.
#[derive(Clone, Debug)]
pub struct Listing<T> {
    /// What was asked for.
    pub value: T,
    /// The service's clock.
    pub date: Option<DateTime<Utc>>,
}

/// What an order was answered with.
#[derive(Clone, Debug, Default)]
pub struct Ordered {
    /// The run that it began, where a header says so.
    pub run: Option<String>,
    /// The body.
    pub body: Json,
}

/// A page of a list (contract 11.1).
#[derive(Deserialize)]
struct PageBody<T> {
    value: Vec<T>,
    #[serde(rename = "nextLink")]
    next: Option<String>,
}

impl Management {
    /// A client of the API at an origin; its tokens are for the `audience`, else for that origin.
    pub fn new(
        settings: Settings,
        audience: Option<&str>,
        observer: mpsc::UnboundedSender<Observation>,
    ) -> Result<Self, SetUpError> {
        Session::new(settings, audience, observer).map(|session| Self(Arc::new(session)))
    }

    /// Reads one resource.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        let request = self.request(Method::GET, path, None)?;
        self.send(request, Kind::Read, response::body).await
    }

    /// Reads a list page by page, until there is no more of it or `enough` has been read.
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        enough: impl Fn(&[T]) -> bool,
    ) -> Result<Listing<Vec<T>>, Failure> {
        let own = path.split('?').next().unwrap_or_default();
        let mut all = Vec::new();
        let mut link: Option<NextLink> = None;
        loop {
            let request = match &link {
                None => self.request(Method::GET, path, None)?,
                Some(link) => base(Method::GET, link.url().as_str()).map_err(|e| unsayable(&e))?,
            };
            let (mut page, next, date) = self
                .send(request, Kind::Read, |answer| {
                    let page: PageBody<T> = response::body(answer)?;
                    let endpoint = &self.0.shared.endpoint;
                    let next = page.next.filter(|next| !next.is_empty());
                    let next = next
                        .map(|next| NextLink::check_at(&next, endpoint, own, link.as_ref()))
                        .transpose()?;
                    Ok((page.value, next, response::date(answer.headers())))
                })
                .await?;
            all.append(&mut page);
            link = next;
            if link.is_none() || enough(&all) {
                return Ok(Listing { value: all, date });
            }
        }
    }

    /// Reads by a question that stands in a body; asking twice does no harm.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &Json,
    ) -> Result<Listing<T>, Failure> {
        let request = self.request(Method::POST, path, Some(question))?;
        let read = |answer: &Response<Bytes>| {
            Ok(Listing {
                value: response::body(answer)?,
                date: response::date(answer.headers()),
            })
        };
        self.send(request, Kind::Read, read).await
    }

    /// Has something done, once: whether an order whose answer was lost was carried out is for the caller to find out.
    pub async fn order(
        &self,
        path: &str,
        tracking: Option<&str>,
        body: Option<&Json>,
    ) -> Result<Ordered, Failure> {
        let mut request = self.request(Method::POST, path, body)?;
        if let Some(tracking) = tracking {
            let value = HeaderValue::from_str(tracking).map_err(|e| unsayable(&e.into()))?;
            request.headers_mut().insert(TRACKING, value);
        }
        self.send(request, Kind::Write, ordered).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Request<Bytes>, Failure> {
        let endpoint = &self.0.shared.endpoint;
        let url = endpoint.url().join(path);
        let url = url.map_err(|error| unsayable(&error.into()))?;
        if url.origin() != endpoint.url().origin() {
            return Err(Failure::local(FailureClass::Invalid, "not a path"));
        }
        let mut request = base(method, url.as_str()).map_err(|error| unsayable(&error))?;
        if let Some(body) = body {
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
            *request.body_mut() = Bytes::from(body.to_string());
        }
        Ok(request)
    }

    async fn send<T>(
        &self,
        request: Request<Bytes>,
        kind: Kind,
        read: impl Fn(&Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.0.send(&Call { request, kind }, read).await
    }
}

/// The answer to an order: 200 or 202, with a body that is JSON or nothing at all.
fn ordered(answer: &Response<Bytes>) -> Result<Ordered, Failure> {
    let body = if answer.body().is_empty() {
        Json::Null
    } else {
        response::body(answer)?
    };
    let run = answer.headers().get(RUN);
    Ok(Ordered {
        run: run.and_then(|run| run.to_str().ok()).map(str::to_owned),
        body,
    })
}

fn base(method: Method, url: &str) -> Result<Request<Bytes>, Unsayable> {
    let mut request = Request::new(Bytes::new());
    *request.method_mut() = method;
    *request.uri_mut() = url.parse()?;
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json);
    Ok(request)
}

fn unsayable(why: &Unsayable) -> Failure {
    Failure::local(FailureClass::Invalid, why.to_string())
}
