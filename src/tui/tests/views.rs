//! Sync runs, Tickets, Timeline: what they list, where Enter and Esc lead, and what is not asked for.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Console;
use super::fixture::{self, ago, secs};
use crate::domain::operation::Verb;
use crate::engine::Command;
use crate::engine::command::RunOrder;
use crate::engine::report::OpenTickets;
use crate::engine::state::{Entry, Tone};
use crate::tui::message::{Message, ReadTickets};
use crate::tui::model::Screen;

/// The tickets, once they were asked for and read.
pub fn read(console: &mut Console, tickets: OpenTickets) {
    let number = *console.reads.last().unwrap();
    console.take(Message::Tickets(number, ReadTickets(Ok(Arc::new(tickets)))));
}

fn tickets(size: (u16, u16)) -> Console {
    let mut console = Console::new(fixture::working(), size);
    console.keys("5");
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    console
}

#[test]
fn tickets_on_pulse_are_kept_up_and_follow_the_figures_beside_them() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.tick();
    assert_eq!(console.reads.len(), 1, "they are read for Pulse, too");
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    assert!(
        console.screen().contains(" open on "),
        "{}",
        console.screen()
    );
    console.wait(secs(11)).tick();
    assert_eq!(console.reads.len(), 1, "nothing has changed");
    assert!(
        console.screen().contains(" · 12s ago"),
        "{}",
        console.screen()
    );
    console.change(|state| {
        state.tables[0].counts = [crate::domain::drift::Drift::Stub; 3].into_iter().collect();
    });
    console.tick();
    assert_eq!(console.reads.len(), 2, "the figures above have changed");
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    console.wait(secs(61)).tick();
    assert_eq!(console.reads.len(), 3, "they are old");
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    console.keys("6").wait(secs(61)).tick();
    assert_eq!(console.reads.len(), 3, "nobody looks at them");
    let mut console = Console::new(fixture::blank(), (80, 24));
    console.tick();
    assert!(console.reads.is_empty(), "the comparison comes first");
}

#[test]
fn tickets_stand_in_the_order_of_their_harm_and_lead_to_their_customer_and_back() {
    let mut console = tickets((80, 24));
    let screen = console.screen();
    let marks = [
        "○ refused",
        "□ stub",
        "□ stub",
        "◊ orphan",
        "· local",
        "● whole",
    ];
    let lines: Vec<&str> = screen.lines().skip(5).collect();
    for (line, mark) in lines.iter().zip(marks) {
        assert!(line.contains(mark), "{mark} in {line}\n{screen}");
    }
    assert!(screen.contains("Its ticket was REFUSED"), "{screen}");
    console.keys("j Enter");
    let Screen::Sides(view) = console.model.screen else {
        panic!("{:?}", console.model.screen);
    };
    assert_eq!(view.key, fixture::record_key(0, 7));
    assert_eq!(console.sent, [Command::Inspect(view.key)]);
    console.keys("Esc");
    assert_eq!(console.model.screen, Screen::Tickets);
    console.keys("] ]");
    let screen = console.screen();
    assert!(
        screen.contains("[□ stub 2]") && !screen.contains("CAS-01911"),
        "{screen}"
    );
    console.keys("Esc Esc");
    assert_eq!(
        console.model.screen,
        Screen::Pulse,
        "first the facet, then the view"
    );
}

#[test]
fn tickets_are_read_when_they_are_wanted_and_again_only_after_a_minute() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.keys("2").tick();
    assert!(console.reads.is_empty(), "nobody wants them");
    console.keys("5 1 5");
    assert_eq!(console.reads.len(), 1, "one answer at a time");
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    console.tick();
    assert_eq!(console.reads.len(), 1);
    console.wait(Duration::from_secs(60)).tick();
    assert_eq!(console.reads.len(), 2);
    let late = Message::Tickets(1, ReadTickets(Err("late".to_owned())));
    console.take(late);
    assert!(
        !console.screen().contains("late"),
        "an answer to an older question"
    );
}

#[test]
fn tickets_of_an_instance_that_does_not_answer_are_not_asked_for_and_what_is_known_keeps_its_age() {
    let mut console = tickets((140, 42));
    console.change(|state| state.instances[1].health = crate::domain::health::Health::Down);
    console.wait(Duration::from_secs(90)).tick();
    assert_eq!(console.reads.len(), 1);
    let screen = console.screen();
    assert!(
        screen.contains("as of ") && screen.contains("Europe is DOWN: nothing is asked of it now"),
        "{screen}"
    );
    let healthy = crate::domain::health::Health::Healthy;
    let known = screen.contains("CAS-01910");
    console.change(|state| state.instances[1].health = healthy);
    console.tick();
    assert_eq!(console.reads.len(), 2, "it answers again");
    assert!(known, "what was known stays: {screen}");
}

#[test]
fn records_are_found_and_sorted_by_their_open_tickets() {
    let mut console = Console::new(fixture::working(), (140, 42));
    console.keys("2 / \"tickets>1\"");
    assert_eq!(console.reads.len(), 1, "the filter wants them");
    assert!(
        console.model.records.order.slots.is_empty(),
        "not known is not zero"
    );
    let now = console.now;
    read(&mut console, fixture::tickets(now));
    let screen = console.screen();
    assert!(screen.contains("Hubbell Incorporated"), "{screen}");
    assert_eq!(console.model.records.order.slots.len(), 1, "{screen}");
    assert!(screen.contains("2 open"), "{screen}");
    console.keys("Enter Esc s Down Down Down Down Down Enter Home");
    let first = console.model.cursor_record().unwrap();
    assert_eq!(first.name, "Hubbell Incorporated");
}

#[test]
fn in_a_narrow_list_tickets_come_before_the_words_of_the_last_attempt() {
    let mut console = tickets((80, 24));
    console.change(|state| {
        let records = state.records.iter().map(|(_, record)| record.clone());
        let parked = records.map(|mut record| {
            let is_it = record.name == "Hubbell Incorporated";
            record.parked = is_it.then(|| "refused by a plug-in".into());
            record
        });
        state.records = parked.collect();
    });
    console.keys("2");
    let row = |console: &Console, holds: &str| {
        let screen = console.screen();
        let row = screen.lines().find(|line| line.contains(holds));
        row.unwrap_or_else(|| panic!("{screen}")).to_owned()
    };
    assert!(row(&console, "table    name").ends_with("tickets"));
    assert!(row(&console, "Hubbell Incorporated").ends_with("19h44m ×  2 open"));
    console.keys("s Home Down Down Down Down Enter");
    assert!(row(&console, "table    name").ends_with("attempt ▼"));
    assert!(row(&console, "Hubbell Incorporated").ends_with("× parked"));
}

#[test]
fn a_run_tells_all_that_is_known_of_it_and_is_repeated_only_armed_and_warned() {
    let state = fixture::armed(fixture::with_runs(fixture::working()), "INC-1");
    let mut console = Console::new(state, (80, 24));
    console.keys("4");
    assert_eq!(console.sent, [Command::ListRuns]);
    let screen = console.screen();
    assert!(
        screen.contains("× failed") && screen.contains("after 4 tries"),
        "the whole error: {screen}"
    );
    console.keys("x");
    assert!(console.screen().contains("it has ended already"));
    console.keys("R");
    let screen = console.screen();
    assert!(screen.contains("with older values"), "{screen}");
    console.keys("y");
    let Some(Command::OrderRun { request, order, .. }) = console.sent.last() else {
        panic!("{:?}", console.sent);
    };
    assert_eq!(request.verb, Verb::Rerun);
    assert!(matches!(order, RunOrder::Rerun(run) if run.as_str() == "08584893481CU02"));
    console.keys("j Enter");
    assert!(console.screen().contains("nobody here started this run"));
}

#[test]
fn a_run_of_the_built_in_sync_leads_to_its_records() {
    let mut console = Console::new(fixture::recovering(), (140, 42));
    console.keys("4");
    let screen = console.screen();
    assert!(
        screen.contains("► running") && screen.contains("37 of 98"),
        "{screen}"
    );
    console.keys("R");
    assert!(console.model.dialogs.is_empty());
    console.keys("Enter");
    assert_eq!(console.model.screen, Screen::Operations);
    assert!(console.model.operations.in_records);
}

#[test]
fn the_timeline_is_filtered_by_words_and_its_cursor_stays_with_its_line() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("6 j j");
    let line = |console: &Console| {
        let screen = console.screen();
        let found = screen.lines().find(|line| line.contains('►'));
        found.unwrap_or_else(|| panic!("{screen}")).to_owned()
    };
    let before = line(&console);
    assert!(before.contains("write breaker"), "{before}");
    console.change(|state| {
        let entry = Entry {
            seq: 77,
            at: ago(state.now, secs(1)).wall,
            instance: None,
            text: "rang the provider".to_owned(),
            tone: Tone::Plain,
            who: Some("jo".to_owned()),
        };
        state.timeline.push_back(Arc::new(entry));
    });
    assert_eq!(line(&console), before);
    console.keys("/ \"breaker !read\" Enter");
    let screen = console.screen();
    assert!(screen.contains("1 of 7"), "{screen}");
    console.keys("Esc");
    assert!(console.model.timeline.filter.value().is_empty());
    console.keys("/ \"jo\"");
    console.take(Message::Paste("\nrang".to_owned()));
    assert!(console.screen().contains("jo: rang the provider"));
    console.keys("Esc Esc");
    assert_eq!(console.model.screen, Screen::Pulse);
}

#[test]
fn what_people_wrote_is_hidden_while_the_screen_is_shared() {
    let mut console = tickets((140, 42));
    console.change(|state| {
        let entry = Entry {
            seq: 77,
            at: state.now.wall,
            instance: None,
            text: "Hubbell rang again".to_owned(),
            tone: Tone::Plain,
            who: Some("jo".to_owned()),
        };
        state.timeline.push_back(Arc::new(entry));
    });
    console.keys("P");
    for view in ["1", "5", "6", "2", "2 Enter", "2 ] ] j E"] {
        console.keys(view);
        let screen = console.screen();
        assert!(
            !screen.contains("ubbell") && !screen.contains("HUBB"),
            "{view}: {screen}"
        );
    }
}

#[test]
fn who_is_silent_is_not_asked_for_a_record_and_the_other_is() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.keys("o \"hubb\" Enter");
    assert_eq!(console.asked.len(), 1);
    let spared: Vec<bool> = console.spared.iter().map(Option::is_some).collect();
    assert_eq!(spared, [false, true]);
    let mut console = Console::new(fixture::outage(), (80, 24));
    console.change(|state| {
        let open = state.instances[1].breakers[0].clone();
        state.instances[0].breakers[0] = open;
    });
    console.keys("o \"hubb\" Enter");
    assert!(console.asked.is_empty());
}

/// Long enough for three rows of 80 columns.
const LONG: &str = "0x80040265 refused by the plug-in Contoso.Plugins.ValidateCustomer: the VAT number of the \
    account does not match the country that its address names, and its parent has none at all";

fn shows_all_of(screen: &str, text: &str) -> bool {
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let (shown, wanted) = (words(screen), words(text));
    let mut rest = wanted.iter().peekable();
    for word in &shown {
        if rest.peek().is_some_and(|next| *next == word) {
            rest.next();
        }
    }
    rest.peek().is_none()
}

#[test]
fn a_long_cause_is_shown_whole_where_the_cursor_is() {
    let mut console = Console::new(fixture::bulk(), (80, 24));
    console.change(|state| {
        let operation = Arc::make_mut(&mut state.operations[0]);
        operation.records[0].stage = crate::domain::operation::Stage::Refused(LONG.to_owned());
    });
    console.keys("3");
    assert!(
        !shows_all_of(&console.screen(), LONG),
        "it is one row of many"
    );
    console.keys("Tab");
    assert!(
        shows_all_of(&console.screen(), LONG),
        "{}",
        console.screen()
    );
    console.change(|state| {
        Arc::make_mut(&mut state.operations[0]).paused = Some(LONG.to_owned());
    });
    assert!(
        console.screen().contains('…'),
        "what has no room is cut with an ellipsis"
    );

    let mut console = Console::new(fixture::with_runs(fixture::outage()), (80, 24));
    console.change(|state| {
        let list = state.links[0].sync.list.as_mut().unwrap();
        let mut runs = list.runs.to_vec();
        runs[0].error = Some(LONG.to_owned());
        list.runs = runs.into();
    });
    console.keys("4");
    assert!(
        shows_all_of(&console.screen(), LONG),
        "{}",
        console.screen()
    );
}

#[test]
fn who_is_at_the_top_of_the_tickets_sees_a_worse_one_that_comes() {
    let now = fixture::working().now;
    let refused = |count: u32| {
        let mut all = fixture::tickets(now);
        let one = all.refused.remove(0);
        all.refused = (0..count)
            .rev()
            .map(|n| {
                let mut one = one.clone();
                one.id = Some(fixture::id(4_000 + u128::from(n)));
                one.created = one
                    .created
                    .map(|at| at + chrono::Duration::minutes(i64::from(n)));
                one
            })
            .collect();
        all
    };
    let chosen = |console: &Console| {
        let all = crate::tui::listing::tickets(&console.model);
        all[console.model.tickets.at].id
    };
    for (keys, stays) in [("r", false), ("j j r", true)] {
        let mut console = Console::new(fixture::working(), (80, 24));
        console.keys("5");
        read(&mut console, refused(1));
        console.keys(keys);
        let before = chosen(&console);
        read(&mut console, refused(2));
        assert_eq!(
            chosen(&console) == before,
            stays,
            "{keys}: {}",
            console.screen()
        );
    }
}
