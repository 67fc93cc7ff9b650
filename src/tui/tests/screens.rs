//! Whole screens at the mock-ups' two sizes, compared with plain files, and what must be in colour by role.

use super::driver::{Console, golden};
use super::{fixture, views};
use crate::engine::State;
use crate::engine::state::Tone;
use crate::tui::theme::{Role, Theme};

const SIZES: [(u16, u16); 2] = [(80, 24), (140, 42)];

fn shoot(name: &str, state: impl Fn() -> State, keys: &str) {
    for size in SIZES {
        let mut console = Console::new(state(), size);
        console.keys(keys);
        golden(&format!("{name}_{}x{}", size.0, size.1), &console.screen());
    }
}

#[test]
fn pulse_looks_as_drawn() {
    shoot("pulse_first_paint", fixture::blank, "");
    shoot("pulse_outage", fixture::outage, "");
    shoot("pulse_recovering", fixture::recovering, "");
    shoot("pulse_quiet", fixture::quiet, "");
}

#[test]
fn records_look_as_drawn() {
    shoot("records_outage", fixture::outage, "2 ] ] j Space Space k k");
    shoot(
        "records_working",
        || fixture::armed(fixture::working(), "CAS-01877"),
        "2",
    );
    shoot("records_filter", fixture::working, "2 / \"hub\"");
    shoot("sides_diverged", fixture::working, "2 ] ] ] ] Enter");
    shoot("sides_missing", fixture::working, "2 Enter");
}

#[test]
fn operations_look_as_drawn() {
    shoot("operations_bulk", fixture::bulk, "3");
    shoot("operations_none", fixture::quiet, "3");
}

#[test]
fn runs_tickets_and_the_timeline_look_as_drawn() {
    shoot("runs", || fixture::with_runs(fixture::outage()), "4");
    shoot("timeline", fixture::outage, "6 j");
    for size in SIZES {
        let mut console = Console::new(fixture::working(), size);
        console.keys("5");
        let now = console.now;
        views::read(&mut console, fixture::tickets(now));
        console.keys("j");
        golden(&format!("tickets_{}x{}", size.0, size.1), &console.screen());
        console.keys("1");
        golden(
            &format!("pulse_tickets_{}x{}", size.0, size.1),
            &console.screen(),
        );
        console.keys("2");
        golden(
            &format!("records_tickets_{}x{}", size.0, size.1),
            &console.screen(),
        );
    }
    for size in [(40, 12), (60, 20)] {
        let mut console = Console::new(fixture::with_runs(fixture::working()), size);
        console.keys("5");
        let now = console.now;
        views::read(&mut console, fixture::tickets(now));
        for (view, name) in [("5", "tickets"), ("4", "runs"), ("6", "timeline")] {
            console.keys(view);
            golden(
                &format!("narrow_{name}_{}x{}", size.0, size.1),
                &console.screen(),
            );
        }
    }
}

#[test]
fn dialogs_look_as_drawn() {
    let armed = || {
        fixture::armed(
            fixture::working(),
            "CAS-01877 customer cannot open a ticket",
        )
    };
    shoot("dialog_ensure", armed, "2 E");
    shoot("dialog_rehydrate", armed, "2 ] ] H");
    shoot("dialog_sync_some", armed, "2 a T");
    shoot(
        "dialog_many",
        || fixture::armed(fixture::many_stubs(40), "INC-4471"),
        "2 a H",
    );
    shoot(
        "dialog_later",
        || fixture::armed(fixture::outage(), "INC-4471"),
        "2 E",
    );
    shoot("dialog_arm", fixture::working, "2 E \"custo\"");
    shoot("dialog_sync_run", armed, "T");
    shoot("dialog_breaker", fixture::outage, "B");
    shoot("dialog_quit", fixture::bulk, "q");
    shoot("dialog_end", fixture::bulk, "3 x");
    shoot("help", fixture::quiet, "2 ?");
    shoot("dialog_choose", armed, "2 ] ] ] ] H");
    shoot("sides_columns", armed, "2 ] ] ] ] H c j Space");
    shoot("dialog_columns", armed, "2 ] ] ] ] H c j Space Enter");
    shoot("dialog_sort", fixture::working, "2 s");
    shoot("palette", fixture::working, ": \"co\"");
    shoot(
        "dialog_rerun",
        || fixture::armed(fixture::with_runs(fixture::working()), "INC-1"),
        "4 R",
    );
    shoot("dialog_take", fixture::outage, "a");
    shoot("dialog_note", fixture::outage, "n \"told the desk\"");
    shoot("dialog_handover", fixture::outage, "x");
    shoot("status", fixture::outage, "Y");
}

#[test]
fn a_narrow_terminal_shows_one_pane_at_a_time() {
    let shoot = |name: &str, state: State, keys: &str| {
        for size in [(40, 12), (60, 20)] {
            let mut console = Console::new(state.clone(), size);
            console.keys(keys);
            golden(
                &format!("narrow_{name}_{}x{}", size.0, size.1),
                &console.screen(),
            );
        }
    };
    shoot("pulse", fixture::outage(), "");
    shoot("link", fixture::outage(), "Tab Tab");
    shoot("changes", fixture::outage(), "Tab Tab Tab");
    shoot("records", fixture::working(), "2 ] j Space");
    shoot("sides", fixture::working(), "2 ] ] ] ] Enter");
    shoot("operations", fixture::bulk(), "3");
    shoot("operation", fixture::bulk(), "3 Tab j");
    shoot("ensure", fixture::armed(fixture::working(), "INC-1"), "2 E");
    shoot("palette", fixture::working(), ": \"co\"");
}

#[test]
fn below_that_there_is_one_line_with_the_verdict() {
    for size in [(39, 12), (40, 11), (30, 1)] {
        let screen = Console::new(fixture::outage(), size).screen();
        let lines: Vec<&str> = screen.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, ["▼ EUROPE IS DOWN 6m09s"], "{size:?}");
    }
}

#[test]
fn only_the_verdict_is_in_reverse() {
    let console = Console::new(fixture::outage(), (80, 24));
    let buffer = console.buffer();
    let bad = Theme::Dark.style(Role::Verdict(Tone::Bad));
    for y in 0..24 {
        for x in 0..80 {
            let is_bad = buffer[(x, y)].style().add_modifier == bad.add_modifier;
            assert_eq!(is_bad, y == 2, "{x},{y}");
        }
    }
}

#[test]
fn a_quiet_day_has_colour_on_two_dots_the_verdicts_and_the_bands() {
    let console = Console::new(fixture::quiet(), (80, 24));
    let buffer = console.buffer();
    for y in 0..24 {
        for x in 0..80 {
            let cell = &buffer[(x, y)];
            let fg = cell.style().fg;
            let coloured = fg.is_some_and(|fg| fg != ratatui::style::Color::Reset);
            let may = y == 0 || cell.symbol() == "●";
            assert!(!coloured || may, "{x},{y} {:?} {fg:?}", cell.symbol());
        }
    }
}

#[test]
fn without_colours_every_word_stays() {
    let mut console = Console::new(fixture::outage(), (80, 24));
    let with = console.screen();
    console.model.theme = Theme::Mono;
    assert_eq!(console.screen(), with);
    let buffer = console.buffer();
    let coloured = buffer.content.iter().any(|cell| {
        cell.style()
            .fg
            .is_some_and(|fg| fg != ratatui::style::Color::Reset)
    });
    assert!(!coloured);
}

#[test]
fn a_first_paint_shows_no_figure_that_is_not_known() {
    let screen = Console::new(fixture::blank(), (80, 24)).screen();
    assert!(screen.contains("NOT COMPARED YET"), "{screen}");
    let line = screen.lines().find(|line| line.starts_with(" account"));
    assert!(!line.unwrap().contains('0'), "{screen}");
}

#[test]
fn hostile_text_of_a_row_is_made_visible_and_cut() {
    let mut console = Console::new(fixture::working(), (80, 24));
    console.change(|state| {
        let mut records: Vec<_> = state.records.iter().map(|(_, one)| one.clone()).collect();
        let mut sides = records[0].sides.open();
        if let crate::domain::drift::Side::Row(row) = &mut sides.source {
            row.values[2] = crate::domain::row::Value::Text("\x1b[31m\u{202e}evil\t".repeat(1_000));
        }
        records[0].sides = std::sync::Arc::new(sides.packed());
        records[0].name = format!("{}{}", "株式会社".repeat(9), "e\u{301}");
        state.records = records.into_iter().collect();
    });
    console.keys("2 Enter");
    let screen = console.screen();
    assert!(screen.contains("^[[31m\\u{202e}evil^I^[[31…"), "{screen}");
    assert!(!screen.contains('\u{202e}') && !screen.contains('\x1b'));
}
