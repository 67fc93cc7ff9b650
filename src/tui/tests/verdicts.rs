//! The verdict: each fact has its words, and the worst stands first.

use super::driver::Console;
use super::fixture::{self, ago, secs};
use crate::domain::breaker::{Forced, Phase};
use crate::domain::drift::Drift;
use crate::domain::failure::Origin;
use crate::domain::health::Health;
use crate::domain::hook::{Answer, Called, Calls, HookHealth, STARTED};
use crate::domain::impact::Ensuring;
use crate::engine::State;
use crate::engine::state::HookState;
use crate::tui::verdict::verdicts;

fn titles(change: impl FnOnce(&mut State)) -> Vec<String> {
    let mut state = fixture::quiet();
    change(&mut state);
    let console = Console::new(state, (80, 24));
    let all = verdicts(&console.model, console.now);
    all.into_iter().map(|one| one.title).collect()
}

fn late(state: &mut State, hours: u64) {
    state.tables[0].counts = [Drift::Missing].into_iter().collect();
    state.tables[0].oldest_pending = Some(ago(state.now, secs(hours * 3_600)).wall);
}

fn down(state: &mut State, place: usize) {
    let now = state.now;
    state.instances[place].health = Health::Down;
    state.instances[place].since = ago(now, secs(369));
    state.instances[place].last_error = Some((now, "HTTP 503".to_owned(), Origin::Remote));
}

#[test]
fn each_fact_has_its_verdict() {
    type Change = fn(&mut State);
    let table: [(&str, Change); 16] = [
        ("ALL WELL", |_| {}),
        ("EXPECTED", |state| late(state, 20)),
        ("SYNC IS LATE 1h00m", |state| late(state, 26)),
        ("SYNC IS STALLED 1h00m", |state| {
            late(state, 26);
            state.links[0].sync.runs.failed_in_a_row = 2;
        }),
        ("EUROPE IS DOWN 6m09s", |state| down(state, 1)),
        ("US IS DOWN 6m09s", |state| down(state, 0)),
        ("EUROPE REFUSES OUR CREDENTIALS", |state| {
            state.instances[1].health = Health::Refused;
            state.instances[1].refused = Some("secret expired".to_owned());
        }),
        ("THE HOOK DOES NOT ANSWER 1m20s", |state| {
            let mut health = HookHealth::default();
            health.set_called(Called::Yes);
            let silent = Answer::Silent("connection refused".to_owned());
            health.answered(silent, None, ago(state.now, secs(80)));
            state.hook = Some(HookState { link: 0, health });
        }),
        ("THE HOOK ENSURES NOTHING 1m20s", |state| {
            let mut health = HookHealth::default();
            health.set_called(Called::Yes);
            let not = Answer::NotReady("the key vault is locked".to_owned());
            health.answered(not, None, ago(state.now, secs(80)));
            state.hook = Some(HookState { link: 0, health });
        }),
        ("THE HOOK MISSES CALLS", |state| {
            let calls = |late| {
                Calls::read(&format!(
                    "{STARTED} 1\ntandem_hook_calls_total{{outcome=\"late\"}} {late}\n"
                ))
            };
            let mut health = HookHealth::default();
            health.answered(Answer::Well, Some(calls(1)), ago(state.now, secs(80)));
            health.answered(Answer::Well, Some(calls(9)), ago(state.now, secs(20)));
            state.hook = Some(HookState { link: 0, health });
        }),
        ("WE ARE CUT OFF 2m00s", |state| {
            for instance in &mut state.instances {
                instance.health = Health::CutOff;
                instance.since = ago(state.now, secs(120));
            }
        }),
        ("WRITES ARE STOPPED", |state| {
            state.journal_fault = Some("disk full".to_owned());
        }),
        ("BREAKER FORCED OPEN", |state| {
            state.instances[1].breakers[1].phase = Phase::ForcedOpen(Forced {
                by: "anna".to_owned(),
                reason: "INC-4471".to_owned(),
                until: None,
            });
        }),
        ("EUROPE IS THROTTLED 17s", |state| {
            state.instances[1].health = Health::Throttled;
            state.instances[1].since = ago(state.now, secs(17));
        }),
        ("EUROPE IS RECOVERING 2m00s", |state| {
            state.instances[1].health = Health::Degraded;
            state.instances[1].last_outage = Some((ago(state.now, secs(120)), secs(60)));
        }),
        ("NOT COMPARED YET", |state| {
            state.tables[0].compared = None;
        }),
    ];
    for (title, change) in table {
        assert_eq!(titles(change).first().map(String::as_str), Some(title));
    }
}

/// Customers are missing, and nothing but perhaps this ensures them.
fn without(state: &mut State, plug_in: bool) {
    late(state, 20);
    state.links[0].ensuring = Some(Ensuring {
        tables: vec!["account".to_owned(), "contact".to_owned()],
        plug_in,
        hook: false,
    });
}

#[test]
fn customers_that_are_missing_are_a_verdict_only_where_their_tickets_are_refused() {
    let verdict = worst(|state| without(state, false));
    assert_eq!(verdict.title, "1 CUSTOMER IS MISSING");
    assert!(
        verdict
            .detail
            .starts_with("tickets for it are refused · both instances healthy"),
        "{}",
        verdict.detail
    );
    assert_eq!(verdict.next, "2 Records, T or E.");
    assert_eq!(titles(|state| without(state, true)), ["EXPECTED"]);
    assert_eq!(titles(|state| late(state, 20)), ["EXPECTED"], "not known");
    let fresh = titles(|state| {
        without(state, false);
        state.tables[0].oldest_pending = Some(ago(state.now, secs(20)).wall);
    });
    assert_eq!(fresh, ["EXPECTED"], "what is in flight is no news");
    // The hook ensures them as long as it answers.
    let hooked = |answer: Answer| {
        titles(|state| {
            without(state, false);
            state.links[0].ensuring.as_mut().unwrap().hook = true;
            let mut health = HookHealth::default();
            health.set_called(Called::Yes);
            health.answered(answer, None, ago(state.now, secs(80)));
            state.hook = Some(HookState { link: 0, health });
        })
    };
    assert_eq!(hooked(Answer::Well), ["EXPECTED"]);
    let silent = hooked(Answer::Silent("refused".to_owned()));
    assert!(
        silent.contains(&"1 CUSTOMER IS MISSING".to_owned()),
        "{silent:?}"
    );
}

#[test]
fn a_caller_is_told_whether_a_ticket_is_accepted() {
    for (plug_in, words) in [
        (false, "A ticket for it is REFUSED."),
        (true, "A ticket for it is accepted, as a stub."),
    ] {
        let mut state = fixture::working();
        without(&mut state, plug_in);
        let mut console = Console::new(state, (80, 24));
        console.keys("2 Enter");
        let screen = console.screen();
        assert!(screen.contains(words), "{screen}");
    }
}

#[test]
fn the_worst_stands_first_and_the_others_are_counted() {
    let all = titles(|state| {
        late(state, 26);
        down(state, 1);
        state.journal_fault = Some("disk full".to_owned());
    });
    assert_eq!(
        all,
        [
            "WRITES ARE STOPPED",
            "EUROPE IS DOWN 6m09s",
            "SYNC IS LATE 1h00m"
        ]
    );
    let mut state = fixture::quiet();
    late(&mut state, 26);
    down(&mut state, 1);
    let screen = Console::new(state, (80, 24)).screen();
    assert!(screen.contains("+1 more"), "{screen}");
}

fn worst(change: impl FnOnce(&mut State)) -> crate::tui::verdict::Verdict {
    let mut state = fixture::quiet();
    change(&mut state);
    let console = Console::new(state, (80, 24));
    verdicts(&console.model, console.now).remove(0)
}

fn unreachable(state: &mut State, place: usize) {
    down(state, place);
    let refused = "connection refused".to_owned();
    state.instances[place].last_error = Some((state.now, refused, Origin::Local));
}

#[test]
fn our_network_is_not_suspected_while_the_other_instance_answers() {
    let verdict = worst(|state| unreachable(state, 1));
    let words = "connection refused; the US answers on the same network";
    assert_eq!(verdict.detail, words);
    let verdict = worst(|state| {
        unreachable(state, 1);
        unreachable(state, 0);
    });
    let words = "connection refused: our side or the way there";
    assert_eq!(verdict.detail, words);
}

#[test]
fn only_a_target_that_is_down_keeps_tickets_from_being_created() {
    let effect = worst(|state| down(state, 1)).effect;
    assert!(
        effect.starts_with("Tickets cannot be created. "),
        "{effect}"
    );
    let effect = worst(|state| down(state, 0)).effect;
    assert!(!effect.contains("Tickets"), "{effect}");
}

#[test]
fn a_run_that_found_nobody_to_read_from_says_so() {
    let effect = worst(|state| {
        down(state, 1);
        state.links[0].sync.last_run = Some(crate::engine::state::SyncRun {
            who: "agent".to_owned(),
            started: ago(state.now, secs(60)).wall,
            took: secs(1),
            done: 0,
            total: 0,
            failure: Some("connection refused".to_owned()),
        });
    })
    .effect;
    assert!(
        effect.ends_with("failed before it read anything."),
        "{effect}"
    );
}

#[test]
fn the_status_for_others_tells_no_old_cause_as_the_current_one() {
    let mut state = fixture::recovering();
    let then = ago(state.now, secs(300));
    state.instances[1].last_error = Some((then, "HTTP 503".to_owned(), Origin::Remote));
    let mut console = Console::new(state, (80, 24));
    console.keys("Y");
    let text = console.copied.remove(0);
    assert!(!text.contains("HTTP 503"), "{text}");
    let words = "Cause:   was down 1h01m, until 04:07:32; it asked us to wait: 429; US healthy.";
    assert!(text.contains(words), "{text}");
    console.change(|state| {
        state.instances[1].health = Health::Healthy;
        state.instances[1].gate = None;
    });
    console.keys("Esc Y");
    let text = console.copied.remove(0);
    let words = "Before:  Europe was down 1h01m, until 04:07:32; US healthy.";
    assert!(text.contains(words), "{text}");
}

#[test]
fn what_is_down_by_its_breaker_alone_is_said_to_answer_again() {
    let mut state = fixture::quiet();
    down(&mut state, 1);
    let now = state.now;
    state.instances[1].last_error =
        Some((ago(now, secs(20)), "HTTP 503".to_owned(), Origin::Remote));
    state.instances[1].answered = Some(ago(now, secs(2)));
    state.instances[1].gate = Some((now.after(secs(23)), "429".to_owned()));
    let console = Console::new(state, (80, 24));
    let verdict = verdicts(&console.model, console.now).remove(0);
    assert_eq!(verdict.title, "EUROPE IS DOWN 6m09s");
    assert_eq!(
        verdict.detail,
        "it answers again; throttled, goes on in 0:23"
    );
    assert!(
        !verdict.next.contains("until it answers"),
        "{}",
        verdict.next
    );
    assert!(
        !verdict.effect.contains("cannot be created"),
        "{}",
        verdict.effect
    );
}
