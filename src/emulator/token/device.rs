//! Signing in on another device: a code to show, a person who approves or declines, and a client that polls.
//!
//! The person is played by the control endpoint. The numbers of the refusals are general knowledge.

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt;
use serde::Serialize;
use uuid::Uuid;

use super::refusal::Refused;
use crate::emulator::instance::lock;

/// How long a code is good for, in seconds.
pub(super) const LIFETIME: i64 = 900;
/// How often the client shall ask, in seconds; Entra says 5.
pub(super) const INTERVAL: u32 = 1;
/// So many people at a time.
const MOST: usize = 1000;
/// The letters of a user code: none that is taken for another.
const LETTERS: &[u8] = b"BCDFGHJKLMNPQRSTVWXZ23456789";

/// The sign-ins that are under way at one instance, by device code, and the refresh tokens that came of them.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    under_way: Mutex<HashMap<String, SignIn>>,
    refresh: Mutex<HashMap<String, Person>>,
}

/// One sign-in; shown to whoever plays the person.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignIn {
    pub(crate) user_code: String,
    pub(crate) client_id: String,
    pub(crate) scope: String,
    pub(crate) expires: DateTime<Utc>,
    #[serde(skip)]
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
enum Answer {
    Approved(String),
    Declined,
}

/// Who signed in where.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) name: String,
    pub(super) client_id: String,
    pub(super) scope: String,
}

impl Devices {
    /// Begins a sign-in and returns its device code and user code.
    pub(super) fn begin(
        &self,
        client_id: &str,
        scope: &str,
        now: DateTime<Utc>,
    ) -> Result<(String, String), Refused> {
        let mut under_way = lock(&self.under_way);
        under_way.retain(|_, sign_in| sign_in.expires > now);
        if under_way.len() >= MOST {
            let text = "Too many sign-ins are under way.";
            return Err(Refused::bad("temporarily_unavailable", 90_055, text));
        }
        let device_code = format!("emu.{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let sign_in = SignIn {
            user_code: user_code(),
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            expires: now + TimeDelta::seconds(LIFETIME),
            answer: None,
        };
        let user_code = sign_in.user_code.clone();
        under_way.insert(device_code.clone(), sign_in);
        Ok((device_code, user_code))
    }

    /// Who signed in with a device code, which is then used up.
    pub(super) fn redeem(
        &self,
        device_code: &str,
        client_id: &str,
        now: DateTime<Utc>,
    ) -> Result<Person, Refused> {
        let mut under_way = lock(&self.under_way);
        let sign_in = under_way
            .get(device_code)
            .filter(|sign_in| sign_in.client_id == client_id);
        let Some(sign_in) = sign_in else {
            let text = "Invalid verification code.";
            return Err(Refused::bad("bad_verification_code", 70_018, text));
        };
        if sign_in.expires <= now {
            let text = "The verification code has expired.";
            return Err(Refused::bad("expired_token", 70_019, text));
        }
        let name = match &sign_in.answer {
            None => {
                let text =
                    "OAuth 2.0 device flow error. Authorization is pending. Continue polling.";
                return Err(Refused::bad("authorization_pending", 70_016, text));
            }
            Some(Answer::Declined) => {
                let text = "The end-user denied the authorization request.";
                return Err(Refused::bad("authorization_declined", 70_017, text));
            }
            Some(Answer::Approved(name)) => name.clone(),
        };
        let person = Person {
            name,
            client_id: client_id.to_owned(),
            scope: sign_in.scope.clone(),
        };
        under_way.remove(device_code);
        Ok(person)
    }

    /// The person's answer: by whom it is approved, or that it is declined; false if no sign-in has that code.
    pub(crate) fn answer(&self, user_code: &str, approved_by: Option<String>) -> bool {
        let mut under_way = lock(&self.under_way);
        let sign_in = under_way
            .values_mut()
            .find(|sign_in| sign_in.user_code == user_code);
        let answer = approved_by.map_or(Answer::Declined, Answer::Approved);
        sign_in
            .map(|sign_in| sign_in.answer = Some(answer))
            .is_some()
    }

    /// The sign-ins that nobody answered yet.
    pub(crate) fn waiting(&self, now: DateTime<Utc>) -> Vec<SignIn> {
        let under_way = lock(&self.under_way);
        let waits = |sign_in: &&SignIn| sign_in.answer.is_none() && sign_in.expires > now;
        under_way.values().filter(waits).cloned().collect()
    }

    /// A token by which the person stays signed in.
    pub(super) fn remember(&self, person: Person) -> String {
        let token = format!("emu-refresh.{}", Uuid::new_v4().simple());
        let mut refresh = lock(&self.refresh);
        if refresh.len() >= MOST {
            refresh.clear();
        }
        refresh.insert(token.clone(), person);
        token
    }

    /// Whose refresh token it is; it is good once.
    pub(super) fn recall(&self, token: &str, client_id: &str) -> Result<Person, Refused> {
        let mut refresh = lock(&self.refresh);
        let known = refresh
            .get(token)
            .is_some_and(|person| person.client_id == client_id);
        let person = if known { refresh.remove(token) } else { None };
        person.ok_or_else(|| {
            let text =
                "The provided authorization code or refresh token has expired or is not valid.";
            Refused::bad("invalid_grant", 70_008, text)
        })
    }
}

fn user_code() -> String {
    let mut random = rand::rng();
    let mut letter = || LETTERS[random.random_range(0..LETTERS.len())];
    (0..9).map(|_| char::from(letter())).collect()
}
