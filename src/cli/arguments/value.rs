//! Values that a command line says in words of the field, each with what it should have been.

use std::net::SocketAddr;
use std::time::Duration;

use chrono::DateTime;

use super::When;
use crate::domain::drift::{Drift, Flag};
use crate::domain::run::RunId;

pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1, like 0.01".to_owned())
}

pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a duration has a unit, like 30s, 10m or 1h".to_owned())
}

pub(super) fn when(text: &str) -> Result<When, String> {
    if let Ok(ago) = duration(text) {
        return Ok(When::Ago(ago));
    }
    let at = DateTime::parse_from_rfc3339(text);
    at.map(|at| When::At(at.to_utc())).map_err(|_| {
        "say how long ago, like 90m or 2d, or a moment, like 2026-11-24T03:00:00Z".to_owned()
    })
}

pub(super) fn run(text: &str) -> Result<RunId, String> {
    RunId::new(text).ok_or_else(|| "`tandem sync --runs` lists the names of runs".to_owned())
}

pub(super) fn flag(word: &str) -> Result<Flag, String> {
    let known = || Flag::ALL.map(Flag::word).join(", ");
    Flag::from_word(word).ok_or_else(|| format!("flags are {}", known()))
}

pub(super) fn drift(word: &str) -> Result<Drift, String> {
    let known = || {
        let words = Drift::ALL.iter().filter(|drift| drift.is_listed());
        words
            .map(|drift| drift.word())
            .collect::<Vec<_>>()
            .join(", ")
    };
    Drift::from_word(word)
        .filter(|drift| drift.is_listed())
        .ok_or_else(|| format!("drifts that are listed are {}", known()))
}

pub(super) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "an address is like 127.0.0.1:7001".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the emulator listens on this machine only, like 127.0.0.1:7001".to_owned())
    }
}
