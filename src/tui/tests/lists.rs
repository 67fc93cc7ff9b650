//! The list of records: filter, order, marks, and the cursor that stays on its record.

use std::sync::Arc;
use std::time::Duration;

use super::driver::{Console, golden};
use super::fixture;
use crate::domain::drift::Drift;
use crate::domain::operation::{OperationId, Stage, Verb};
use crate::engine::records::{Attempt, Record};
use crate::tui::order::{Found, Query, Sort, Sorter, Worker};

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
fn terms_of_the_filter_look_at_drift_table_age_and_letters_and_can_be_turned_round() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 / \"drift:st table:con\"");
    assert_eq!(names(&console), ["Adaeze Brand", "Gwil Okafor"]);
    console.keys("Esc / \"drift:stub !table:con ~hubb\"");
    assert_eq!(names(&console), ["Hubbell Incorporated"]);
    console.keys("Esc / \"~hblinc\"");
    assert_eq!(
        names(&console),
        ["Hubbell Incorporated"],
        "letters in their order"
    );
    console.keys("Esc / \"age>3h\"");
    let old = names(&console).len();
    console.keys("Esc / \"!age>3h\"");
    assert_eq!(old + names(&console).len(), 15);
    console.keys("Esc / \"age>soon\"");
    assert!(names(&console).is_empty(), "what is no term is a word");
}

#[test]
fn the_sort_menu_shows_what_holds_and_sorts_by_what_is_chosen() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 s");
    let screen = console.screen();
    assert!(screen.contains("► worst first"), "{screen}");
    console.keys("j j j Enter");
    assert!(console.model.dialogs.is_empty());
    let lower: Vec<String> = names(&console)
        .iter()
        .map(|one| one.to_lowercase())
        .collect();
    assert!(lower.is_sorted(), "{lower:?}");
    console.keys("s k Esc");
    assert_eq!(console.model.records.sort, Sort::Name, "Esc leaves it");
}

#[test]
fn any_record_is_opened_from_pasted_text_and_only_the_last_answer_counts() {
    use crate::domain::find::{Said, What};
    use crate::engine::find::{Found, Record};
    use crate::tui::message::{FoundRecords, Message};
    use crate::tui::model::Screen;
    let mut console = Console::new(fixture::working(), (80, 24));
    let key = fixture::record_key(0, 1);
    console.keys("o");
    console.take(Message::Paste(format!(
        "error 0x80040217: account With Id = {} Does Not Exist",
        key.id
    )));
    console.keys("Enter");
    let (number, said) = console.asked.last().cloned().unwrap();
    assert_eq!(
        said,
        Said {
            table: Some("account".to_owned()),
            what: What::Id(key.id)
        }
    );
    let answer = |records| {
        let found = Found {
            instances: Vec::new(),
            records,
            more: false,
        };
        FoundRecords(Ok(Arc::new(found)))
    };
    console.take(Message::Found(number - 1, answer(Vec::new())));
    assert!(
        console.screen().contains("asking both instances"),
        "an older answer"
    );
    let record = Record {
        table: crate::domain::table::TableName::new("account").unwrap(),
        id: key.id,
        name: "Align Technology".to_owned(),
        number: "ALGN".to_owned(),
        telephone: String::new(),
        customer: None,
        on: vec![Some(true), Some(false)],
    };
    console.take(Message::Found(number, answer(vec![record])));
    let screen = console.screen();
    assert!(
        screen.contains("► ○ missing  account  Align Technology"),
        "{screen}"
    );
    console.keys("Enter");
    assert!(matches!(console.model.screen, Screen::Sides(view) if view.key == key));
    assert!(console.model.dialogs.is_empty());

    // Once it is in step it is listed no more: what was found of it stays, and the way to all of it.
    console.change(|state| state.records = std::iter::empty().collect());
    let screen = console.screen();
    for words in [
        "Align Technology",
        "ALGN",
        "US has it; Europe has it not",
        "tandem explain account",
    ] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
}

#[test]
fn a_ticket_s_number_opens_its_customer() {
    use crate::domain::table::TableName;
    use crate::engine::find::{Found, Record};
    use crate::tui::message::{FoundRecords, Message};
    use crate::tui::model::Screen;
    let mut console = Console::new(fixture::working(), (80, 24));
    let key = fixture::record_key(0, 1);
    console.keys("o \"CAS-01068\" Enter");
    let (number, _) = console.asked.last().cloned().unwrap();
    let ticket = |customer| Record {
        table: TableName::new("incident").unwrap(),
        id: fixture::id(77),
        name: "Panel arrived without its cover".to_owned(),
        number: "CAS-01068-X4B7K2".to_owned(),
        telephone: String::new(),
        customer,
        on: vec![None, Some(true)],
    };
    let account = TableName::new("account").unwrap();
    let found = Found {
        instances: Vec::new(),
        records: vec![ticket(Some((account, key.id))), ticket(None)],
        more: false,
    };
    console.take(Message::Found(number, FoundRecords(Ok(Arc::new(found)))));
    console.keys("Down Enter");
    assert!(console.screen().contains("the ticket names no customer"));
    console.keys("Up Enter");
    assert!(matches!(console.model.screen, Screen::Sides(view) if view.key == key));
    let screen = console.screen();
    assert!(
        screen.contains("the customer of ticket CAS-01068-X4B7K2"),
        "{screen}"
    );
}

#[test]
fn a_record_that_is_in_step_is_shown_on_both_sides_column_by_column() {
    use crate::domain::drift::Side;
    use crate::domain::packed::PackedRow;
    use crate::engine::Command;
    use crate::engine::command::Target;
    use crate::engine::explain::{Explained, Sight, Story, Unresolved};
    let mut console = Console::new(fixture::working(), (80, 24));
    let key = fixture::record_key(0, 1);
    let records = console.model.state.records.clone();
    let stale = records.iter().find(|(_, one)| one.drift == Drift::Stale);
    let stale = stale.unwrap().1.clone();
    console.keys("2 Enter");
    console.change(|state| state.records = std::iter::empty().collect());
    console.keys("Esc Enter");
    // Opened by whatever way: it is not listed, so its story is asked for.
    let row = |side: &Side<PackedRow>| Sight::Row(side.row().unwrap().open());
    let story = Story {
        key,
        name: "Align Technology".to_owned(),
        number: "ALGN".to_owned(),
        columns: Vec::new(),
        source: row(&stale.sides.source),
        target: row(&stale.sides.source),
        drift: Some(Drift::InSync),
        is_guess: false,
        other: None,
        pair: None,
        differing: Vec::new(),
        since: None,
        history: Ok(Vec::new()),
        overwritten: Vec::new(),
    };
    let tell = |story: Result<Story, Unresolved>| {
        move |state: &mut crate::engine::State| {
            let asked = Target::Record(key);
            state.explained = Some(Arc::new(Explained { asked, story }));
        }
    };
    console.model.screen = crate::tui::model::Screen::Sides(crate::tui::model::SidesView {
        key,
        scroll: 0,
        from: crate::tui::model::Origin::Records,
    });
    console.change(tell(Ok(story.clone())));
    golden("sides_in_step_80x24", &console.screen());
    let down = "Europe is DOWN".to_owned();
    let half = Story {
        target: Sight::Unreachable(down),
        drift: None,
        ..story
    };
    console.change(tell(Ok(half)));
    let screen = console.screen();
    assert!(screen.contains("Europe is DOWN"), "{screen}");
    let none = Unresolved::NoSuchRecord("neither instance has it".to_owned());
    console.change(tell(Err(none)));
    assert!(console.screen().contains("neither instance has it"));
    let sent = |sent: &[Command]| {
        let explains = |one: &Command| matches!(one, Command::Explain(_));
        sent.iter().any(explains)
    };
    assert!(!sent(&console.sent), "what is listed needs no story");
}

#[test]
fn marks_are_turned_round() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 Space A");
    assert_eq!(console.model.records.marks.len(), 14);
    console.keys("A");
    assert_eq!(console.model.records.marks.len(), 1);
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
        one.last = Some(Box::new(Attempt {
            operation: OperationId(uuid::Uuid::from_u128(1)),
            verb: Verb::Rehydrate,
            stage: Stage::Verified,
            at: verified,
        }));
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
        records[0].last = Some(Box::new(Attempt {
            operation: OperationId(uuid::Uuid::from_u128(1)),
            verb: Verb::Ensure,
            stage: Stage::Verified,
            at: verified,
        }));
        state.records = records.into_iter().collect();
    });
    console.wait(Duration::from_secs(300)).tick();
    assert_eq!(names(&console)[0], "Align Technology");
}

#[test]
fn the_worker_answers_the_newest_request_last() {
    let (answers, orders) = std::sync::mpsc::channel();
    let worker = Worker::start(move |found| match found {
        Found::Order(order) => answers.send(order).is_ok(),
        Found::Related(_) => true,
    });
    let worker = worker.unwrap();
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

#[test]
fn the_filter_stays_on_the_screen_beside_a_facet_and_marks() {
    for size in [(80, 24), (140, 42)] {
        let mut console = Console::new(fixture::working(), size);
        console.keys("2 ] Space / \"table:account a\" Enter");
        let screen = console.screen();
        assert!(screen.contains("/ table:account a"), "{screen}");
        assert!(screen.contains("missing 23]"), "{screen}");
        let marks = if size.0 == 80 { "■ 1" } else { "1 marked" };
        assert!(screen.contains(marks), "{screen}");
    }
}

#[test]
fn what_a_diverged_record_s_detail_says_is_what_its_key_does() {
    let mut console = Console::new(fixture::armed(fixture::working(), "INC-1"), (80, 24));
    console.keys("2 ] ] ] ]");
    let screen = console.screen();
    assert!(
        screen.contains("do       H  choose: fill blanks, take the US"),
        "{screen}"
    );
    assert!(screen.contains("--take blanks"), "{screen}");
    console.keys("H");
    assert!(
        console.screen().contains("b  fill blanks"),
        "{}",
        console.screen()
    );
    console.keys("Esc Esc");
    // Where the target has no blank, filling blanks would settle nothing: it is not suggested.
    console.change(|state| {
        let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
        for record in records
            .iter_mut()
            .filter(|one| one.drift == Drift::Diverged)
        {
            let sides = Arc::make_mut(&mut record.sides);
            let target = sides.target.row().unwrap().open();
            let rules = &state.tables[usize::from(record.key.table.0)].rules;
            sides
                .differing
                .retain(|place| !rules.is_blank(&target, *place));
        }
        state.records = records.into_iter().collect();
    });
    let screen = console.screen();
    assert!(screen.contains("--take target"), "{screen}");
}

#[test]
fn records_stand_in_groups_by_their_cause_and_are_filtered_by_it() {
    let mut state = fixture::working();
    let now = state.now;
    // Europe was down when Align and Ingrid changed, and when nothing else did.
    let lasted = Duration::from_secs(1800);
    state.instances[1].last_outage = Some((fixture::ago(now, fixture::secs(22_000)), lasted));
    let mut records: Vec<Record> = state.records.iter().map(|(_, one)| one.clone()).collect();
    records[2].parked = Some("duplicate rule".into());
    state.records = records.into_iter().collect();
    let mut console = Console::new(state, (140, 42));
    console.keys("2 s j Enter");
    assert_eq!(console.model.records.sort, Sort::Cause);
    let order = names(&console);
    assert_eq!(
        order[..3],
        [
            "Builders FirstSource",
            "Align Technology",
            "Ingrid Halvorsen"
        ]
    );
    let screen = console.screen();
    for words in [
        "cause ▼",
        "parked: refused",
        "changed in the outage",
        "ensured ahead",
        "waits for a person",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    console.keys("/ \"why:outage\" Enter");
    assert_eq!(names(&console), ["Align Technology", "Ingrid Halvorsen"]);
}

#[test]
fn the_rows_around_a_record_stand_beside_it_in_both_directions() {
    let mut console = Console::new(fixture::working(), (140, 42));
    console.keys("2");
    let screen = console.screen();
    let named = "names      ○ missing  contact Ingrid Halvorsen";
    assert!(screen.contains(named), "{screen}");
    assert!(
        !screen.contains("named by"),
        "what names each other is told once: {screen}"
    );
    console.keys("j");
    assert!(
        console
            .screen()
            .contains("○ missing  account Align Technology"),
        "{}",
        console.screen()
    );
    let hubbell = console.model.state.records.iter();
    let key = hubbell
        .map(|(_, one)| one)
        .find(|one| one.number == "HUBB")
        .unwrap()
        .key;
    while console.model.records.cursor != Some(key) {
        console.keys("j");
    }
    let screen = console.screen();
    assert!(screen.contains("named by   4 listed records"), "{screen}");
    assert!(
        screen.contains("□ stub     contact Adaeze Brand"),
        "{screen}"
    );
}

#[test]
fn who_comes_to_look_stands_on_the_worst_unless_the_cursor_was_put_somewhere() {
    let with_a_worse_one = |state: &mut crate::engine::State| {
        let now = state.now;
        let old = fixture::secs(90_000);
        let worse = fixture::record(now, 99, Drift::Missing, "Worst of All", "WOA", old);
        let records = state.records.iter().map(|(_, one)| one.clone());
        state.records = std::iter::once(worse).chain(records).collect();
    };
    let mut console = Console::new(fixture::working(), (80, 24));
    console.change(with_a_worse_one).keys("2");
    assert_eq!(console.model.cursor_record().unwrap().name, "Worst of All");
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2 j 1").change(with_a_worse_one).keys("2");
    assert_eq!(
        console.model.cursor_record().unwrap().name,
        "Ingrid Halvorsen"
    );
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2").change(with_a_worse_one);
    let name = &console.model.cursor_record().unwrap().name;
    assert_eq!(name, "Align Technology", "nothing moves under the fingers");
}
