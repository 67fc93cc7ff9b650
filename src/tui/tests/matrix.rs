//! Every view at every size that it is made for, in colours and in none, with its styles: a file for each view and theme.
//! What the mock-ups draw is compared in [`super::screens`]; here nothing at all changes unseen.

use std::fmt::Write;

use super::driver::{Console, golden, text};
use super::{fixture, views};
use crate::engine::State;
use crate::tui::theme::Theme;

/// One pane, both of the mock-ups', what lies between them, and more than they need.
const SIZES: [(u16, u16); 5] = [(40, 12), (80, 24), (120, 40), (140, 42), (200, 50)];

/// A screen as it is drawn: its text, and below each row that has any the styles, a letter for each run of cells.
fn styled(console: &Console) -> String {
    let buffer = console.buffer();
    let (columns, rows) = (buffer.area.width, buffer.area.height);
    let mut out = String::new();
    for (y, line) in (0..rows).zip(text(&buffer).lines()) {
        writeln!(out, "{line}").unwrap();
        let mut styles = String::new();
        let mut last = None;
        for x in 0..columns {
            let style = buffer[(x, y)].style();
            if last != Some(style) {
                last = Some(style);
                let plain = style.fg.is_none_or(|c| c == ratatui::style::Color::Reset)
                    && style.bg.is_none_or(|c| c == ratatui::style::Color::Reset)
                    && style.add_modifier.is_empty();
                if !plain {
                    write!(
                        styles,
                        " {x}:{:?}/{:?}/{:?}",
                        style.fg, style.bg, style.add_modifier
                    )
                    .unwrap();
                } else if !styles.is_empty() {
                    write!(styles, " {x}:-").unwrap();
                }
            }
        }
        if !styles.is_empty() {
            let styles = styles
                .replace("Some(", "")
                .replace("Modifier", "")
                .replace(')', "");
            writeln!(out, "~{styles}").unwrap();
        }
    }
    out
}

fn pin(name: &str, state: impl Fn() -> State, go: impl Fn(&mut Console)) {
    for theme in [Theme::Dark, Theme::Mono] {
        let mut out = String::new();
        for size in SIZES {
            let mut console = Console::new(state(), size);
            console.model.theme = theme;
            go(&mut console);
            let wide = format!("{}x{}", size.0, size.1);
            writeln!(out, "=== {wide}").unwrap();
            out.push_str(&styled(&console));
        }
        let theme = format!("{theme:?}").to_lowercase();
        golden(&format!("matrix/{name}_{theme}"), &out);
    }
}

#[test]
fn every_view_is_as_it_was_at_every_size_in_colours_and_in_none() {
    let keys = |keys: &'static str| {
        move |console: &mut Console| {
            console.keys(keys);
        }
    };
    let bare = |_: &mut Console| {};
    pin("pulse_outage", fixture::outage, bare);
    pin("pulse_recovering", fixture::recovering, bare);
    pin("pulse_quiet", fixture::quiet, bare);
    pin("records", fixture::outage, keys("2"));
    pin("sides", fixture::working, keys("2 ] ] ] ] Enter"));
    pin("operations", fixture::bulk, keys("3"));
    pin("runs", || fixture::with_runs(fixture::outage()), keys("4"));
    pin("timeline", fixture::outage, keys("6"));
    pin("tickets", fixture::working, |console| {
        console.keys("5");
        let now = console.now;
        views::read(console, fixture::tickets(now));
    });
}
