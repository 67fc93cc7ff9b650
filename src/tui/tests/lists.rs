//! The list of records: filter, order, marks, and the cursor that stays on its record.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::domain::drift::Drift;
use crate::domain::operation::{OperationId, Stage, Verb};
use crate::engine::records::{Attempt, Record};
use crate::tui::order::{Query, Sort, Sorter, Worker};

fn names(console: &Console) -> Vec<String> {
    let slots = console.model.records.order.slots.iter();
    slots
        .filter_map(|slot| console.model.state.records.get(*slot))
        .map(|record| record.name.clone())
        .collect()
}

#[test]
fn the_list_is_worst_first_then_longest_pending() {
    let console = Console::new(fixture::working(), (80, 24));
    let names = names(&console);
    assert_eq!(names.len(), 15);
    assert_eq!(names[0], "Align Technology");
    assert_eq!(names[5], "Cboe Global Markets");
    assert_eq!(names[14], "Rui Castellanos");
}

#[test]
fn what_is_parked_stands_first_and_is_found_by_that_word() {
    let mut console = Console::new(fixture::working(), (140, 42));
    console.change(|state| {
        let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
        let stale = records.iter_mut().find(|one| one.drift == Drift::Stale);
        let stale = stale.unwrap();
        stale.last = None;
        stale.under_way = None;
        stale.parked = Some("HTTP 400: a plug-in says no".into());
        stale.name = "Parked Ltd".to_owned();
        state.records = records.into_iter().collect();
    });
    console.keys("2");
    assert_eq!(names(&console)[0], "Parked Ltd");
    console.keys("/ \"parked\" Enter Home");
    assert_eq!(names(&console), ["Parked Ltd"]);
    let screen = console.screen();
    assert!(screen.contains("a plug-in says no"), "{screen}");
}

#[test]
fn the_filter_is_live_and_every_word_of_it_has_to_occur() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 / \"hubb\"");
    assert_eq!(names(&console), ["Hubbell Incorporated", "Adaeze Brand"]);
    console.keys("\" contact\"");
    assert_eq!(names(&console), ["Adaeze Brand"]);
    console.keys("Enter");
    assert!(!console.model.records.typing);
    console.keys("Esc");
    assert_eq!(names(&console).len(), 15);
}

#[test]
fn facets_list_one_drift_and_go_round() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 ]");
    assert_eq!(console.model.records.drift, Some(Drift::Missing));
    assert_eq!(names(&console).len(), 5);
    console.keys("[ [");
    assert_eq!(console.model.records.drift, Some(Drift::Orphan));
}

#[test]
fn the_cursor_stays_on_its_record_when_others_come_and_go() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 j j j j j j");
    let before = console.model.cursor_record().unwrap().name.clone();
    console.change(|state| {
        let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
        records.remove(0);
        records.remove(0);
        records.push(fixture::record(
            state.now,
            99,
            Drift::Missing,
            "Newcomer",
            "NEW",
            Duration::from_secs(999_999),
        ));
        state.records = records.into_iter().collect();
    });
    assert_eq!(console.model.cursor_record().unwrap().name, before);
    assert_eq!(names(&console)[0], "Newcomer");
}

#[test]
fn marks_are_made_one_by_one_by_range_and_all_at_once() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 Space Space");
    assert_eq!(console.model.records.marks.len(), 2);
    console.keys("u v j j j v");
    assert_eq!(console.model.records.marks.len(), 4);
    console.keys("a");
    assert_eq!(console.model.records.marks.len(), 15);
    console.keys("u");
    assert!(console.model.records.marks.is_empty());
}

#[test]
fn a_list_longer_than_the_screen_scrolls_with_the_cursor() {
    let mut console = Console::new(fixture::many_stubs(600), (80, 24));
    console.keys("2 End");
    assert!(console.screen().contains("►"));
    assert_eq!(console.model.records.at, 614);
    console.keys("PgUp Home");
    assert_eq!(
        (console.model.records.at, console.model.records.top),
        (0, 0)
    );
}

#[test]
fn only_changed_chunks_are_looked_at_again() {
    let state = fixture::many_stubs(600);
    let query = Query {
        number: 1,
        tables: Arc::new(vec![
            (
                crate::domain::operation::TableIndex(0),
                "account".to_owned(),
            ),
            (
                crate::domain::operation::TableIndex(1),
                "contact".to_owned(),
            ),
        ]),
        ..Query::default()
    };
    let mut sorter = Sorter::default();
    let first = sorter.order(query.clone(), &state.records);
    let again = sorter.order(
        Query {
            number: 2,
            ..query.clone()
        },
        &state.records,
    );
    assert_eq!(first.slots, again.slots);
    let by_name = sorter.order(
        Query {
            number: 3,
            sort: Sort::Name,
            ..query
        },
        &state.records,
    );
    let name = |slot: &u32| state.records.get(*slot).unwrap().name.to_lowercase();
    let names: Vec<String> = by_name.slots.iter().map(name).collect();
    assert!(names.is_sorted());
}

#[test]
fn a_record_acted_upon_keeps_its_place_until_it_was_seen_for_a_minute() {
    let mut console = Console::new(fixture::armed(fixture::working(), "CAS-01877"), (80, 24));
    console.keys("2 ] ] H y");
    assert_eq!(console.sent.len(), 1);
    let name = names(&console)[0].clone();
    let verified = console.now;
    console.change(|state| {
        let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
        let one = records.iter_mut().find(|one| one.name == name).unwrap();
        one.drift = Drift::InSync;
        one.last = Some(Attempt {
            operation: OperationId(uuid::Uuid::from_u128(1)),
            verb: Verb::Rehydrate,
            stage: Stage::Verified,
            at: verified,
        });
        state.records = records.into_iter().collect();
    });
    assert_eq!(names(&console)[0], name);
    assert!(
        console.screen().contains("√ verified"),
        "{}",
        console.screen()
    );
    console.keys("j");
    console.tick();
    assert_eq!(names(&console)[0], name, "the minute is not over");
    console.wait(Duration::from_secs(60)).tick();
    assert_ne!(names(&console)[0], name);
    assert_eq!(names(&console).len(), 4);
}

#[test]
fn a_record_acted_upon_stays_under_the_cursor_for_as_long_as_it_is_there() {
    let mut console = Console::new(fixture::armed(fixture::working(), "CAS-01877"), (80, 24));
    console.keys("2 E y");
    let verified = console.now;
    console.change(|state| {
        let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
        records[0].drift = Drift::Stub;
        records[0].last = Some(Attempt {
            operation: OperationId(uuid::Uuid::from_u128(1)),
            verb: Verb::Ensure,
            stage: Stage::Verified,
            at: verified,
        });
        state.records = records.into_iter().collect();
    });
    console.wait(Duration::from_secs(300)).tick();
    assert_eq!(names(&console)[0], "Align Technology");
}

#[test]
fn the_worker_answers_the_newest_request_last() {
    let (answers, orders) = std::sync::mpsc::channel();
    let worker = Worker::start(move |order| answers.send(order).is_ok()).unwrap();
    let state = fixture::many_stubs(600);
    for number in 1..=50 {
        let query = Query {
            number,
            ..Query::default()
        };
        assert!(worker.ask(query, state.records.clone()));
    }
    let last = orders.iter().find(|order| order.number == 50).unwrap();
    assert!(last.slots.is_empty(), "no table was asked for");
}
