//! The door of the Web API, behind log and faults: token, organization, limits, and only then the work.

use std::sync::Arc;

use axum::body::Body;
use http::StatusCode;
use tokio::time::Instant;

use super::front::{bearer, origin, whole, whole_path};
use super::instance::Instance;
use super::limits::Work;
use super::operation;
use super::refusal::{Outcome, Refusal};
use super::reply::{self, Reply};
use super::token::Bearer;

/// The longest URL that Dataverse takes outside of a batch.
const LONGEST_URL: usize = 32_768;

/// Answers the request to `root` (`/api/data/v9.2`) and the `rest` of its path.
pub(crate) async fn answer(
    instance: &Arc<Instance>,
    parts: http::request::Parts,
    root: &str,
    rest: &str,
    body: Body,
    seq: u64,
) -> Outcome<Reply> {
    let Some(bearer) = bearer(instance, &parts.headers) else {
        return Ok(reply::challenge(&instance.url));
    };
    let Bearer::User(user) = bearer else {
        return Err(Refusal::not_a_member());
    };
    instance.log.amend(seq, |entry| entry.user = Some(user));
    instance.organization.lets_in(instance.name, user)?;
    let permit = match instance.protection.begin(user, instance.clock.now()) {
        Ok(permit) => permit,
        Err(too_much) => return Ok(too_much.into()),
    };
    if whole_path(&parts).len() > LONGEST_URL {
        return Err(Refusal::new(
            StatusCode::URI_TOO_LONG,
            "0x0",
            "The URL is longer than 32,768 characters.",
        ));
    }
    let body = whole(body).await?;
    let root = format!("{}{root}", origin(instance, &parts.headers));
    let (rest, method, begin) = (rest.to_owned(), parts.method.clone(), Instant::now());
    let worker = Arc::clone(instance);
    // Off the runtime's workers: a large page takes longer than a connection should make others wait.
    let work = tokio::task::spawn_blocking(move || {
        operation::execute(&worker, &parts, root, &rest, user, body)
    });
    let outcome = work
        .await
        .unwrap_or_else(|_| Err(Refusal::broken("An unexpected error occurred.")));
    let work = Work::of(&method, outcome.as_ref().ok());
    let still = permit.account(work, begin.elapsed(), instance.clock.now());
    // Even a sleep of no length lasts until the timer's next tick.
    if !still.is_zero() {
        tokio::time::sleep(still).await;
    }
    outcome
}
