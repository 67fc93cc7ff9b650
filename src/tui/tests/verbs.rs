//! `E`, `T`, `H`: arming, freezing, confirming, and everything that must not confirm.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::domain::drift::Drift;
use crate::domain::operation::{OperationId, Verb};
use crate::domain::row::RowId;
use crate::engine::audit::{Failed, JournalRecord};
use crate::engine::command::{Consent, Target};
use crate::engine::state::{Lock, OperationState};
use crate::engine::{Command, State};
use crate::tui::keymap::char;
use crate::tui::message::{FailedRecords, Message};
use crate::tui::model::{Dialog, Screen};

fn armed() -> Console {
    Console::new(fixture::armed(fixture::working(), "CAS-01877"), (80, 24))
}

#[test]
fn one_record_is_confirmed_by_y() {
    let mut console = armed();
    console.keys("2 E y");
    let [
        Command::Repair {
            request,
            records,
            consent,
        },
    ] = console.sent.as_slice()
    else {
        panic!("{:?}", console.sent);
    };
    assert_eq!((request.verb, request.who.as_str()), (Verb::Ensure, "anna"));
    assert_eq!(request.reason, "CAS-01877");
    assert_eq!(request.link, "us-europe");
    assert_eq!(records, &[Target::Record(fixture::record_key(0, 1))]);
    assert_eq!(consent, &Consent::Armed { records: 1 });
    assert!(console.model.dialogs.is_empty());
}

#[test]
fn neither_enter_nor_the_verbs_own_key_confirms() {
    for verb in ["E", "T"] {
        let mut console = armed();
        console.keys(&format!("2 {verb} Enter {verb} Enter Space"));
        assert!(console.sent.is_empty(), "{verb}: {:?}", console.sent);
        assert_eq!(console.model.dialogs.len(), 1);
    }
}

#[test]
fn a_y_that_comes_before_the_box_was_seen_does_not_confirm() {
    let mut console = armed();
    console.keys("2 E");
    console.wait(Duration::from_millis(149));
    console.take(Message::Key(char('y')));
    assert!(console.sent.is_empty());
    console.wait(Duration::from_millis(1));
    console.take(Message::Key(char('y')));
    assert_eq!(console.sent.len(), 1);
}

#[test]
fn an_enter_that_comes_with_pasted_text_is_told_that_it_was_not_taken() {
    for (opens, typed) in [
        ("W", "INC-4471 outage"),
        ("a", "rang the provider"),
        ("n", "told the desk"),
    ] {
        let mut console = Console::new(fixture::outage(), (80, 24));
        console.keys(opens);
        console.wait(Duration::from_secs(1));
        for c in typed.chars() {
            console.take(Message::Key(char(c)));
        }
        let enter = crate::tui::keymap::key(crate::tui::keymap::Code::Enter);
        console.take(Message::Key(enter));
        assert!(console.sent.is_empty(), "{opens}: {:?}", console.sent);
        let screen = console.screen();
        assert!(
            screen.contains("Enter came faster than a hand types"),
            "{screen}"
        );
        let last = screen.lines().last().unwrap();
        assert!(
            last.contains("press it again"),
            "above the box, and not dim: {screen}"
        );
        console.keys("Enter");
        assert_eq!(
            console.sent.len(),
            1,
            "{opens}: what was typed is there still"
        );
    }
}

#[test]
fn a_burst_of_keys_does_not_confirm() {
    let mut console = armed();
    console.keys("2 E");
    console.wait(Duration::from_secs(1));
    for c in "jjjjjjjjy".chars() {
        console.take(Message::Key(char(c)));
    }
    assert!(console.sent.is_empty());
}

#[test]
fn a_verb_pressed_while_read_only_arms_first_and_goes_on_by_itself() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 E");
    assert!(matches!(console.model.dialogs.last(), Some(Dialog::Arm(_))));
    console.keys("Enter");
    assert!(console.sent.is_empty(), "a reason is required");
    console.keys("\"customer cannot open a ticket\" Tab \"CAS-01877\" Enter");
    let reason = "CAS-01877 customer cannot open a ticket";
    assert!(matches!(
        console.sent.as_slice(),
        [Command::Arm { reason: given, who, lasts }]
            if given == reason && who == "anna" && *lasts == Duration::from_secs(900)
    ));
    let until = console.now.after(Duration::from_secs(900));
    console.change(|state| {
        state.lock = Lock::Armed {
            who: "anna".to_owned(),
            reason: reason.to_owned(),
            until,
        };
    });
    let Some(Dialog::Confirm(dialog)) = console.model.dialogs.last() else {
        panic!("{:?}", console.model.dialogs);
    };
    assert_eq!(dialog.reason.value(), reason);
    console.keys("y");
    assert!(matches!(console.sent.last(), Some(Command::Repair { .. })));
}

#[test]
fn the_time_to_be_armed_for_can_be_changed_up_to_an_hour() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("W \"x\" Tab Tab + + + + + + + + + + + + Enter");
    assert!(matches!(
        console.sent.as_slice(),
        [Command::Arm { lasts, .. }] if *lasts == Duration::from_secs(3_600)
    ));
}

/// Security case 54.
#[test]
fn a_console_that_may_not_be_armed_says_so() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.change(|state| state.lock = Lock::ReadOnly { may_arm: false });
    console.keys("2 E");
    assert!(console.model.dialogs.is_empty());
    assert!(console.screen().contains("can't be armed"));
}

#[test]
fn locked_while_the_dialog_was_open_nothing_is_sent() {
    let mut console = armed();
    console.keys("2 E");
    console.wait(Duration::from_secs(3_600)).keys("y");
    assert!(console.sent.is_empty());
    assert!(
        console.screen().contains("locked meanwhile"),
        "{}",
        console.screen()
    );
}

/// Security case 55.
#[test]
fn writes_are_locked_after_five_minutes_without_a_key() {
    let mut console = armed();
    console.keys("2").wait(Duration::from_secs(298)).tick();
    assert!(console.sent.is_empty());
    console.tick();
    assert!(matches!(console.sent.as_slice(), [Command::Lock { .. }]));
}

#[test]
fn above_the_limit_the_count_is_typed_and_enter_confirms() {
    let mut console = Console::new(
        fixture::armed(fixture::many_stubs(40), "INC-4471"),
        (80, 24),
    );
    console.keys("2 a H y Enter");
    assert!(console.sent.is_empty(), "neither y nor Enter alone");
    console.keys("\"44\" Enter");
    assert!(console.sent.is_empty(), "not the count");
    console.keys("Backspace \"7\" Enter");
    let [
        Command::Repair {
            records, consent, ..
        },
    ] = console.sent.as_slice()
    else {
        panic!("{:?}", console.sent);
    };
    assert_eq!(records.len(), 47);
    assert_eq!(consent, &Consent::Armed { records: 47 });
}

#[test]
fn whatever_would_be_overwritten_has_the_count_typed() {
    let mut console = armed();
    console.keys("2 ] ] ] H y");
    assert!(console.sent.is_empty());
    console.keys("\"1\" Enter");
    assert_eq!(console.sent.len(), 1);
}

#[test]
fn above_the_limit_a_reason_is_required() {
    let mut console = Console::new(fixture::armed(fixture::many_stubs(40), ""), (80, 24));
    console.keys("2 a H Tab \"47\" Enter");
    assert!(console.sent.is_empty());
    console.keys("\"INC-4471\" Enter Enter");
    assert_eq!(console.sent.len(), 1, "{}", console.screen());
}

#[test]
fn targets_stay_those_that_were_shown_when_the_dialog_opened() {
    let mut console = armed();
    console.keys("2 E");
    console.change(|state| {
        state.records = state
            .records
            .iter()
            .filter(|(_, one)| one.name != "Align Technology")
            .map(|(_, one)| one.clone())
            .collect();
    });
    console.keys("y");
    assert!(matches!(
        console.sent.as_slice(),
        [Command::Repair { records, .. }]
            if records == &[Target::Record(fixture::record_key(0, 1))]
    ));
}

#[test]
fn marks_that_the_filter_hides_are_left_out_and_counted() {
    let mut console = armed();
    console.keys("2 ] ] a / \"keys\" Enter H");
    let screen = console.screen();
    assert!(screen.contains("hidden by filter"), "{screen}");
    console.keys("y");
    assert!(matches!(
        console.sent.as_slice(),
        [Command::Repair { records, .. }] if records.len() == 1
    ));
    assert_eq!(console.model.records.marks.len(), 4, "those stay marked");
}

#[test]
fn hidden_marks_are_taken_in_by_choice_and_seen_before_they_are_sent() {
    let mut console = armed();
    console.keys("2 ] ] a / \"keys\" Enter H i");
    assert!(
        console.screen().contains("REHYDRATE 5 records"),
        "{}",
        console.screen()
    );
    console.take(Message::Key(char('y')));
    assert!(console.sent.is_empty(), "what was taken in has to be seen");
    console.keys("y");
    assert!(matches!(
        console.sent.as_slice(),
        [Command::Repair { records, .. }] if records.len() == 5
    ));
}

#[test]
fn keys_that_no_hand_typed_open_nothing_that_writes_and_do_not_quit() {
    let mut console = armed();
    console.keys("2");
    for c in "jjjjjjjjjjjjEq".chars() {
        console.take(Message::Key(char(c)));
    }
    assert!(console.model.dialogs.is_empty() && !console.has_quit);
    console.wait(Duration::from_secs(1));
    console.take(Message::Focused);
    console.take(Message::Key(char('E')));
    assert!(console.model.dialogs.is_empty(), "meant for another window");
    console.keys("Home E");
    assert_eq!(console.model.dialogs.len(), 1);
}

#[test]
fn marks_that_are_all_hidden_send_nothing() {
    let mut console = armed();
    console.keys("2 Space / \"hubb\" Enter E");
    assert!(console.screen().contains("hidden by the filter"));
    console.keys("y");
    assert!(console.sent.is_empty());
}

#[test]
fn a_diverged_record_is_refused_under_h_and_both_sides_are_shown_with_the_choices() {
    let mut console = armed();
    console.keys("2 ] ] ] ] H");
    assert!(matches!(console.model.screen, Screen::Sides(_)));
    let screen = console.screen();
    for words in ["b  fill blanks", "u  take the US", "e  keep Europe"] {
        assert!(screen.contains(words), "{screen}");
    }
    console.keys("y Enter");
    assert!(
        console
            .sent
            .iter()
            .all(|sent| matches!(sent, Command::Inspect(_))),
        "{:?}",
        console.sent
    );
    assert!(
        console.screen().contains("a person decides"),
        "{}",
        console.screen()
    );
}

#[test]
fn several_diverged_records_are_decided_one_by_one_and_it_says_how() {
    let mut console = armed();
    console.change(|state| {
        let records = state.records.iter().map(|(_, record)| record.clone());
        let edited = records.map(|mut record| {
            if record.name == "Nordson Corporation" {
                record.drift = Drift::Diverged;
            }
            record
        });
        state.records = edited.collect();
    });
    console.keys("2 ] ] ] ] a");
    console.keys("H");
    let screen = console.screen();
    assert!(
        screen.contains("a person decides, one by one; u takes the 2 marks off"),
        "{screen}"
    );
    assert!(console.sent.is_empty(), "{:?}", console.sent);
}

#[test]
fn a_choice_is_confirmed_like_any_verb_and_overwriting_takes_the_count() {
    let mut console = armed();
    console.keys("2 ] ] ] ] H u");
    let screen = console.screen();
    assert!(
        screen.contains("TAKE-SOURCE 1 record") && screen.contains("Type 1, then Enter"),
        "{screen}"
    );
    console.keys("y");
    assert!(
        !console
            .sent
            .iter()
            .any(|one| matches!(one, Command::Repair { .. }))
    );
    console.keys("1 Enter");
    let last = console.sent.last().unwrap();
    assert!(
        matches!(last, Command::Repair { request, records, .. } if request.verb == Verb::TakeSource && records.len() == 1),
        "{last:?}"
    );
    let mut console = armed();
    console.keys("2 ] ] ] ] H e");
    assert!(
        console.screen().contains("you are asked again"),
        "{}",
        console.screen()
    );
    console.keys("y");
    let last = console.sent.last().unwrap();
    assert!(
        matches!(last, Command::Repair { request, .. } if request.verb == Verb::KeepTarget),
        "{last:?}"
    );
}

#[test]
fn what_would_write_nothing_opens_no_dialog() {
    let mut console = armed();
    console.keys("2 ] ] E");
    assert!(console.model.dialogs.is_empty() && console.sent.is_empty());
    assert!(
        console.screen().contains("it exists"),
        "{}",
        console.screen()
    );
}

#[test]
fn forced_open_refuses_every_verb() {
    let mut console = armed();
    console.change(|state| {
        let forced = crate::domain::breaker::Forced {
            by: "jo".to_owned(),
            reason: "INC-1".to_owned(),
            until: None,
        };
        for breaker in &mut state.instances[1].breakers {
            breaker.phase = crate::domain::breaker::Phase::ForcedOpen(forced.clone());
        }
    });
    console.keys("2 E");
    assert!(console.model.dialogs.is_empty());
    assert!(
        console
            .screen()
            .contains("refused: jo stopped all calls to Europe")
    );
}

#[test]
fn while_the_target_is_down_the_dialog_says_later_and_y_queues() {
    let mut console = Console::new(fixture::armed(fixture::outage(), "INC-4471"), (80, 24));
    console.keys("2 E");
    let screen = console.screen();
    assert!(screen.contains("ENSURE 1 record, LATER"), "{screen}");
    assert!(screen.contains("nothing is sent"), "{screen}");
    console.keys("y");
    assert_eq!(console.sent.len(), 1);
}

#[test]
fn t_on_pulse_starts_a_run_once_confirmed() {
    let mut console = armed();
    console.change(|state| {
        state.tables[0].counts = [Drift::Missing, Drift::Stub].into_iter().collect();
        state.tables[1].counts = [Drift::Stale].into_iter().collect();
    });
    console.keys("T");
    assert!(console.sent.is_empty());
    console.keys("y");
    assert!(matches!(
        console.sent.as_slice(),
        [Command::StartSync {
            consent: Consent::Armed { records: 3 },
            ..
        }]
    ));
}

#[test]
fn t_on_pulse_says_so_when_a_run_is_under_way() {
    let mut console = Console::new(fixture::recovering(), (80, 24));
    console.keys("T");
    assert!(console.model.dialogs.is_empty());
    assert!(console.screen().contains("a sync run by anna is under way"));
}

#[test]
fn x_ends_what_was_not_sent_once_confirmed_and_needs_no_arming() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.keys("3 x");
    assert!(console.sent.is_empty());
    console.keys("y");
    assert!(matches!(console.sent.as_slice(), [Command::End { .. }]));
}

#[test]
fn an_operation_left_behind_goes_on_only_armed_and_confirmed() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.change(|state| {
        let mut one = crate::engine::state::OperationState::clone(&state.operations[0]);
        one.was_left_behind = true;
        one.waiting = None;
        one.progress.unknown = 0;
        state.operations[0] = std::sync::Arc::new(one);
    });
    assert!(console.screen().contains("AN OPERATION WAS LEFT BEHIND"));
    console.keys("3 Enter \"go on\" Enter");
    assert!(matches!(console.sent.as_slice(), [Command::Arm { .. }]));
    let state = fixture::armed(crate::engine::State::clone(&console.model.state), "go on");
    console.change(|now| now.lock = state.lock);
    console.keys("\"1797\" Enter");
    assert!(
        matches!(
            console.sent.last(),
            Some(Command::Resume {
                consent: Consent::Armed { records: 1_797 },
                ..
            })
        ),
        "{}",
        console.screen()
    );
}

#[test]
fn w_locks_at_once_when_armed() {
    let mut console = armed();
    console.keys("W");
    assert!(matches!(console.sent.as_slice(), [Command::Lock { .. }]));
}

#[test]
fn an_operation_that_ends_is_told_on_the_row_above_the_footer() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.change(|state| {
        let mut one = crate::engine::state::OperationState::clone(&state.operations[0]);
        one.finished = Some(crate::engine::state::Finished {
            at: state.now.wall,
            took: Duration::from_secs(372),
            cut_short: None,
        });
        state.operations[0] = std::sync::Arc::new(one);
    });
    let screen = console.screen();
    let row = screen.lines().nth(22).unwrap();
    assert_eq!(
        row,
        " × rehydrate: 1,184 of 2,987 verified in 6m12s; 3 shows why"
    );
}

#[test]
fn a_run_of_a_job_that_failed_is_not_told_as_good() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.change(|state| {
        let mut one = crate::engine::state::OperationState::clone(&state.operations[0]);
        one.progress = crate::engine::state::Tally {
            total: 1,
            verified: 1,
            ..crate::engine::state::Tally::default()
        };
        one.finished = Some(crate::engine::state::Finished {
            at: state.now.wall,
            took: Duration::from_secs(2),
            cut_short: Some("run 0858 failed: HTTP 403".to_owned()),
        });
        state.operations[0] = std::sync::Arc::new(one);
    });
    let screen = console.screen();
    let row = screen.lines().nth(22).unwrap();
    assert_eq!(row, " × rehydrate: run 0858 failed: HTTP 403; 3 shows why");
    let screen = console.keys("3").screen();
    assert!(
        screen.contains("outcome         × the run failed"),
        "{screen}"
    );
    assert!(!screen.contains("verified 1"), "{screen}");
    let listed = screen.lines().find(|line| line.starts_with("►×"));
    assert!(
        listed.is_some_and(|line| line.contains("run 0858 failed: HTTP 4")),
        "{screen}"
    );
}

/// Every lookup of an account names one of these contacts.
fn accounts_name(state: &mut crate::engine::State, contacts: &[u128]) {
    use crate::domain::drift::Side;
    use crate::domain::row::{Reference, Value};
    let mut at = contacts.iter().cycle();
    let all = state.records.iter().map(|(_, record)| record.clone());
    let changed = all.map(|mut record| {
        let mut sides = record.sides.open();
        if let (0, Side::Row(row)) = (record.key.table.0, &mut sides.source) {
            row.values[7] = Value::Lookup(Reference {
                table: Some(state.tables[1].name.clone()),
                id: fixture::id(*at.next().unwrap()),
                name: None,
            });
        }
        record.sides = std::sync::Arc::new(sides.packed());
        record
    });
    let changed: Vec<_> = changed.collect();
    state.records = changed.into_iter().collect();
}

#[test]
fn missing_rows_that_lookups_name_are_said_and_counted() {
    let mut console = armed();
    console.change(|state| accounts_name(state, &[2, 4]));
    console.keys("2 ] ] a H");
    let screen = console.screen();
    let line = "creates           nothing; a record that has gone missing is skipped";
    assert!(screen.contains(line), "{screen}");
    assert!(
        screen.contains("also              2 rows that they name, as stubs"),
        "{screen}"
    );
    // Five chosen and five written, and two stubs.
    assert!(screen.contains("requests          28 at least"), "{screen}");
}

#[test]
fn a_row_that_is_created_anyway_is_no_stub() {
    let mut console = armed();
    console.change(|state| accounts_name(state, &[2]));
    console.keys("2 ] a T");
    let screen = console.screen();
    assert!(screen.contains("SYNC 5 records"), "{screen}");
    assert!(!screen.contains("that they name, as"), "{screen}");
}

#[test]
fn stubs_count_when_it_is_decided_whether_the_count_is_typed() {
    let mut state = fixture::armed(fixture::working(), "CAS-01877");
    accounts_name(&mut state, &[2, 4]);
    let mut console = Console::new(state, (80, 24));
    console.model.safety.confirm_above = 5;
    console.keys("2 ] ] a H y");
    assert!(console.sent.is_empty());
    console.keys("\"5\" Enter");
    assert_eq!(console.sent.len(), 1, "{}", console.screen());
}

#[test]
fn an_open_dialog_follows_its_records_and_keeps_their_ids() {
    let mut console = armed();
    console.keys("2 E");
    console.change(|state| {
        let all = state.records.iter().map(|(_, one)| one.clone());
        let changed: Vec<_> = all
            .map(|mut one| {
                if one.name == "Align Technology" {
                    one.drift = Drift::InSync;
                }
                one
            })
            .collect();
        state.records = changed.into_iter().collect();
    });
    let words = "has come into step since: nothing to do";
    let screen = console.screen();
    assert!(screen.contains(words), "{screen}");
    assert!(!screen.contains("creates "), "{screen}");
    console.take(Message::Key(char('y')));
    assert!(console.sent.is_empty(), "what changed was not seen yet");
    console.change(|state| state.records = std::iter::empty().collect());
    let screen = console.screen();
    assert!(screen.contains(words), "{screen}");
    assert!(screen.contains("Align Technology"), "{screen}");
}

#[test]
fn a_wrong_count_is_told_how_to_go_on() {
    let mut console = Console::new(
        fixture::armed(fixture::many_stubs(40), "INC-4471"),
        (80, 24),
    );
    console.keys("2 a H \"44\" Enter");
    assert!(console.screen().contains("type exactly 47, or Esc"));
}

#[test]
fn what_has_ended_or_runs_elsewhere_offers_no_end() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.keys("3 Down");
    assert!(!console.screen().contains("x end"), "{}", console.screen());
    console.keys("Up");
    assert!(console.screen().contains("x end"), "{}", console.screen());
    console.change(|state| {
        let mut one = crate::engine::state::OperationState::clone(&state.operations[0]);
        one.started = None;
        one.waiting = None;
        state.operations[0] = std::sync::Arc::new(one);
    });
    let screen = console.screen();
    assert!(!screen.contains("x end"), "{screen}");
    assert!(
        screen.contains("carried out by another process"),
        "{screen}"
    );
    console.keys("x y");
    assert!(console.sent.is_empty());
}

#[test]
fn a_run_that_compares_can_be_seen() {
    let mut console = armed();
    console.change(|state| {
        let id = crate::domain::operation::OperationId(uuid::Uuid::from_u128(1));
        state.links[0].sync.running = Some(id);
    });
    let screen = console.screen();
    assert!(screen.contains("run under way, comparing"), "{screen}");
}

/// What was asked of records, column by column.
fn chosen(command: &Command) -> (Verb, String, Option<OperationId>) {
    let Command::Repair { request, .. } = command else {
        panic!("{command:?}");
    };
    let choices: Vec<String> = request.choices.iter().map(ToString::to_string).collect();
    (request.verb, choices.join(" "), request.retries)
}

#[test]
fn an_edited_record_is_decided_column_by_column() {
    let mut console = armed();
    console.keys("2 ] ] ] ] H c");
    let screen = console.screen();
    assert!(
        screen.contains("overwrites 0"),
        "as fill blanks would: {screen}"
    );
    console.keys("Space");
    assert!(
        console.screen().contains("overwrites 1"),
        "{}",
        console.screen()
    );
    console.keys("Enter");
    let screen = console.screen();
    assert!(screen.contains("BY COLUMN 1 record"), "{screen}");
    assert!(screen.contains("1 value that Europe has now"), "{screen}");
    console.keys("y");
    assert!(
        console
            .sent
            .iter()
            .all(|one| !matches!(one, Command::Repair { .. })),
        "the count is typed"
    );
    console.keys("\"1\" Enter");
    let asked = chosen(console.sent.last().unwrap());
    let choices = "telephone1=source address1_city=target numberofemployees=source";
    assert_eq!(asked, (Verb::FillBlanks, choices.to_owned(), None));
    assert!(
        !console.screen().contains("whose value stands"),
        "it is done"
    );
}

#[test]
fn a_choice_by_column_is_left_by_esc_and_ends_when_nothing_is_to_be_decided() {
    let mut console = armed();
    console.keys("2 ] ] ] ] H c Esc");
    assert!(matches!(console.model.screen, Screen::Sides(_)));
    assert!(console.model.picking.is_none());
    console.keys("H c");
    assert!(console.model.picking.is_some());
    console.change(|state| {
        let all = state.records.iter().map(|(_, one)| one.clone());
        let changed: Vec<_> = all
            .map(|mut one| {
                if one.drift == Drift::Diverged {
                    one.drift = Drift::Stale;
                }
                one
            })
            .collect();
        state.records = changed.into_iter().collect();
    });
    assert!(console.model.picking.is_none());
}

/// An operation that ended, with one record that was refused.
fn with_a_failed_operation(state: &mut State) -> OperationId {
    let mut one = OperationState::clone(&state.operations[0]);
    one.progress.refused = 1;
    one.request.verb = Verb::Rehydrate;
    let id = one.request.id;
    state.operations[0] = Arc::new(one);
    id
}

fn journal_says(state: &State, operation: OperationId, ids: &[RowId]) -> Message {
    let known = state.operation(operation).unwrap();
    let records = ids.iter().map(|id| JournalRecord {
        table: state.tables[0].name.clone(),
        id: *id,
        name: String::new(),
        number: String::new(),
        on_the_way: false,
    });
    let failed = Failed {
        request: known.request.clone(),
        is_over: true,
        records: records.collect(),
    };
    Message::Failed(operation, FailedRecords(Ok(Arc::new(failed))))
}

#[test]
fn what_failed_of_an_operation_is_tried_again_as_one_that_names_it() {
    let mut state = fixture::armed(fixture::working(), "INC-4471");
    state.operations = fixture::outage().operations;
    let failed = with_a_failed_operation(&mut state);
    let stub = state.records.iter().map(|(_, one)| one);
    let stub = stub.filter(|one| one.drift == Drift::Stub && one.key.table.0 == 0);
    let stub = stub.map(|one| one.key.id).next().unwrap();
    let mut console = Console::new(state, (140, 42));
    console.keys("3 R");
    assert_eq!(console.looked_up, [failed]);
    let says = journal_says(
        &console.model.state.clone(),
        failed,
        &[stub, fixture::id(999)],
    );
    console.take(says);
    let screen = console.screen();
    assert!(screen.contains("REHYDRATE 1 record again"), "{screen}");
    console.keys("y");
    let asked = chosen(console.sent.last().unwrap());
    assert_eq!(asked, (Verb::Rehydrate, String::new(), Some(failed)));
}

#[test]
fn what_went_well_is_not_tried_again_and_a_late_answer_opens_nothing() {
    let mut console = Console::new(fixture::armed(fixture::outage(), "x"), (140, 42));
    console.keys("3 R");
    assert!(console.looked_up.is_empty());
    assert!(console.screen().contains("retry: nothing of it failed"));
    let mut failed = None;
    console.change(|state| failed = Some(with_a_failed_operation(state)));
    console.keys("R 1");
    let says = journal_says(
        &console.model.state.clone(),
        failed.unwrap(),
        &[fixture::id(1)],
    );
    console.take(says);
    assert!(console.model.dialogs.is_empty());
}

#[test]
fn what_was_asked_for_and_done_between_two_snapshots_is_told_and_what_is_remembered_is_not() {
    let mut console = armed();
    let done = fixture::outage().operations[0].clone();
    console.change(|state| {
        state.started = fixture::ago(state.now, Duration::from_secs(60));
        state.operations.push(done.clone());
    });
    assert!(
        console.model.toasts.is_empty(),
        "an earlier process did that"
    );
    console.change(|state| {
        let mut one = OperationState::clone(&done);
        one.request.id = OperationId::new();
        one.request.asked = state.now.wall;
        state.operations.push(Arc::new(one));
    });
    let toast = &console.model.toasts.back().unwrap().text;
    assert!(toast.starts_with("√ rehydrate: 3 of 3 verified"), "{toast}");
}
