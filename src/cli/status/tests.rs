//! The status of well and unwell states.

use super::*;
use crate::cli::fixture::{at, out_of_step, well};
use crate::domain::breaker::{Forced, Phase};
use crate::domain::failure::Origin;
use crate::domain::health::Health;
use crate::domain::network::Way;

/// Announces a maintenance of the target.
fn announced(state: &mut State) {
    let forced = Forced::maintenance("kim".to_owned(), "upgrade", at(7300).wall);
    state.instances[1].breakers[0].phase = Phase::ForcedOpen(forced);
}

/// A state, the code that it ends with, and what is said.
fn cases() -> Vec<(&'static str, State, Exit, &'static str)> {
    let changed = |change: fn(&mut State)| {
        let mut state = well();
        change(&mut state);
        state
    };
    let pending = |hours: i64| {
        let mut state = out_of_step();
        state.tables[0].counts = [crate::domain::drift::Drift::Missing; 2]
            .into_iter()
            .collect();
        state.tables[1].counts = std::iter::empty().collect();
        for table in &mut state.tables {
            table.oldest_pending = Some(at(90).wall - chrono::Duration::hours(hours));
        }
        state
    };
    vec![
        ("well", well(), Exit::Good, "as it should be"),
        ("pending, in time", pending(0), Exit::Good, "2 pending"),
        (
            "late",
            pending(1),
            Exit::NeedsAPerson,
            "is late: 2 pending, lag 1h00m",
        ),
        ("diverged", out_of_step(), Exit::Good, "1 diverged"),
        (
            "down",
            changed(|state| {
                state.instances[1].health = Health::Down;
                state.instances[1].last_error =
                    Some((at(95), "HTTP 503".to_owned(), Origin::Remote));
                state.tables[0].compared = None;
            }),
            Exit::Unreachable,
            "europe: HTTP 503 (5s ago)",
        ),
        (
            "refused",
            changed(|state| {
                state.instances[0].health = Health::Refused;
                state.instances[0].refused = Some("401".to_owned());
            }),
            Exit::Unreachable,
            "us: refuses us: 401",
        ),
        (
            "stopped",
            changed(|state| {
                let by = "kim".to_owned();
                let reason = "maintenance".to_owned();
                let until = None;
                state.instances[1].breakers[0].phase =
                    Phase::ForcedOpen(Forced { by, reason, until });
            }),
            Exit::NeedsAPerson,
            "stopped by kim: maintenance",
        ),
        (
            "maintenance",
            changed(announced),
            Exit::Good,
            "europe: maintenance until 2026-11-24T05:01:40Z, announced by kim: upgrade",
        ),
        (
            "maintenance cuts a comparison off",
            changed(|state| {
                announced(state);
                state.tables[0].failure = Some("the read breaker is forced open".to_owned());
            }),
            Exit::Good,
            "can't be compared: the read breaker is forced open",
        ),
        (
            "not comparable",
            changed(|state| state.tables[0].failure = Some("HTTP 400".to_owned())),
            Exit::NeedsAPerson,
            "HTTP 400",
        ),
        (
            "misfit",
            changed(|state| state.links[0].fault = Some("account has no column x".to_owned())),
            Exit::Usage,
            "account has no column x",
        ),
        (
            "journal",
            changed(|state| state.journal_fault = Some("disk full".to_owned())),
            Exit::NeedsAPerson,
            "the journal can't be written: disk full",
        ),
        (
            "open",
            changed(|state| {
                state.instances[1].breakers[1].phase = Phase::Open { until: at(112) };
            }),
            Exit::Good,
            "write OPEN, next try in 12s",
        ),
    ]
}

#[test]
fn every_state_has_its_words_and_its_code() {
    for (name, state, exit, said) in cases() {
        let verdict = verdict::of(&state);
        let shown = text::report(&state, &state.alarms, &Way::default(), &verdict);
        assert_eq!(verdict.exit, exit, "{name}:\n{shown}");
        assert!(shown.contains(said), "{name} should say `{said}`:\n{shown}");
        let json = serde_json::to_value(json::report(
            &state,
            &state.alarms,
            &Way::default(),
            &verdict,
        ))
        .unwrap_or_default();
        assert_eq!(json["exit"], exit.code(), "{name}");
        assert_eq!(
            json["needs_a_person"].as_array().map(Vec::len),
            Some(verdict.reasons.len())
        );
    }
}

#[test]
fn the_text_is_a_table_of_all_there_is() {
    let state = out_of_step();
    let shown = text::report(&state, &state.alarms, &Way::default(), &verdict::of(&state));
    let expected = "\
instance  band         health   since  breakers
us        US TEST      HEALTHY  1m40s  read closed, auth closed
europe    EUROPE TEST  HEALTHY  1m40s  read closed, write closed, auth closed

us-europe: us → europe, expected; 3 pending, lag 1m00s
  table    missing  stub  stale  diverged  deleted  kept  duplicate  orphan  unknown  local  in-sync  lag    compared
  account  1        1     0      1         0        0     0          0       0        0      5        1m00s  10s ago
  contact  1        0     0      0         0        0     0          0       0        0      5        1m00s  10s ago

1 diverged (as of 2026-11-24T03:01:40Z)
";
    assert_eq!(shown, expected);
}

#[test]
fn what_is_not_known_is_not_nothing() {
    let mut state = well();
    state.tables[0].compared = None;
    state.tables[0].failure = Some("the target timed out".to_owned());
    let verdict = verdict::of(&state);
    let shown = text::report(&state, &state.alarms, &Way::default(), &verdict);
    assert!(shown.contains("account  ?"), "{shown}");
    let json = serde_json::to_value(json::report(
        &state,
        &state.alarms,
        &Way::default(),
        &verdict,
    ))
    .unwrap_or_default();
    let table = &json["links"][0]["tables"][0];
    assert!(
        table["counts"].is_null() && table["pending"].is_null(),
        "{table}"
    );
    assert_eq!(json["links"][0]["condition"], "unknown");
}

#[test]
fn the_status_is_known_once_everything_has_answered_or_is_known_not_to() {
    let mut state = well();
    assert!(is_known(&state));
    state.tables[1].counts = [crate::domain::drift::Drift::Missing].into_iter().collect();
    state.tables[1].compared = Some(at(99));
    assert!(!is_known(&state), "the lag is not worked out yet");
    state.tables[1].oldest_pending = Some(at(40).wall);
    assert!(is_known(&state));
    state.tables[1].compared = None;
    assert!(!is_known(&state));
    state.instances[1].health = Health::Unknown;
    assert!(!is_known(&state));
    state.instances[1].health = Health::Down;
    assert!(is_known(&state), "what can't be read is not waited for");
}
