//! The console as lines of text, for who listens to it or has a terminal that can only print: the same views and boxes
//! without lines and glyphs, and what changed in a sentence. It reads no input and prints nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::commands::{Row, rows};
use super::model::{CommandsDialog, Listing, Model, Pane, Screen};
use super::theme::Theme;
use super::verdict::verdicts;
use super::view;
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::Entry;
use crate::tui::format::name;

/// A page is one pane wide, and as long as lists are read in one go.
const PAGE: (u16, u16) = (76, 60);
/// A box is drawn where all of it fits.
const BOX: (u16, u16) = (80, 40);

/// What stands for glyphs that a voice spells out or leaves out.
const SPOKEN: [(&str, &str); 25] = [
    (" → ", " to "),
    ("→", ""),
    (" · ", ", "),
    ("·", ""),
    ("►", "here:"),
    ("●", ""),
    ("▲", ""),
    ("▼", ""),
    ("○", ""),
    ("□", ""),
    ("≈", ""),
    ("≠", ""),
    ("≡", ""),
    ("◊", ""),
    ("⊘", ""),
    ("»", ""),
    ("■", "marked"),
    ("√", "yes:"),
    ("×", "no:"),
    ("≥", "at least "),
    ("…", "..."),
    ("–", "none"),
    ("░", ""),
    ("▓", ""),
    ("▒", "*"),
];

/// A line as it is read out: without borders, glyphs and gaps.
pub fn spoken(line: &str) -> String {
    let is_line = |c: char| "─│┌┐└┘┬┴├┤┼█▁▂▃▄▅▆▇".contains(c);
    let text: String = line
        .chars()
        .map(|c| if is_line(c) { ' ' } else { c })
        .collect();
    let text = SPOKEN
        .iter()
        .fold(text, |text, (glyph, words)| text.replace(glyph, words));
    let mut parts = text
        .split("  ")
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |line, part| format!("{line}; {part}"))
}

/// What is worst, what it means, what to do now: each verdict that holds in a line.
pub fn verdict(model: &Model, now: Now) -> Vec<String> {
    let all = verdicts(model, now);
    all.iter()
        .enumerate()
        .map(|(place, one)| {
            let also = if place > 0 { "Also: " } else { "" };
            let next = if one.next.is_empty() {
                String::new()
            } else {
                format!(" Now: {}", one.next)
            };
            let detail = if one.detail.is_empty() {
                String::new()
            } else {
                format!(", {}", one.detail)
            };
            spoken(&format!(
                "{also}{}{detail}. {}{next}",
                one.title, one.effect
            ))
        })
        .collect()
}

/// A verdict without how long it has held: said again only when it is another.
pub fn gist(model: &Model, now: Now) -> String {
    let all = verdicts(model, now);
    let title = all.first().map_or("", |one| one.title.as_str());
    let words = title
        .split(' ')
        .filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

/// A line of the timeline.
pub fn entry(model: &Model, entry: &Entry, now: Now) -> String {
    let instance = entry
        .instance
        .and_then(|place| model.state.instances.get(place));
    let about = instance.map_or(String::new(), |one| format!("{}: ", name(&one.name)));
    let said = view::said(model, entry);
    let at = model.zone.stamp(entry.at, now.wall);
    spoken(&format!("{at} {about}{said}"))
}

/// The view that is shown, from its first line to its last.
pub fn page(model: &Model, now: Now) -> Vec<String> {
    let mut shown = model.clone();
    shown.size = PAGE;
    shown.dialogs.clear();
    shown.toasts.clear();
    shown.theme = Theme::Mono;
    let mut lines = verdict(model, now);
    lines.extend(model.way.said().iter().map(|said| spoken(&visible(said))));
    if shown.screen == Screen::Pulse {
        for pane in [Pane::Target, Pane::Source, Pane::Link, Pane::Changes] {
            shown.pane = pane;
            lines.extend(drawn(&shown, now));
        }
    } else {
        lines.extend(drawn(&shown, now));
    }
    lines
}

/// The pane of a narrow screen: what stands between its head and its keys.
fn drawn(model: &Model, now: Now) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, PAGE.0, PAGE.1));
    view::draw(model, now, &mut buffer);
    let rows = super::layout::NARROW_TOP..PAGE.1.saturating_sub(1);
    texts(&buffer, rows)
}

/// The box that is open, without the view behind it.
pub fn dialog(model: &Model, now: Now) -> Vec<String> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, BOX.0, BOX.1));
    let mut canvas = Canvas::new(&mut buffer, Theme::Mono);
    view::draw_dialog(&mut canvas, model, now);
    texts(&buffer, 0..BOX.1)
}

fn texts(buffer: &Buffer, rows: std::ops::Range<u16>) -> Vec<String> {
    let columns = buffer.area().width;
    let lines = rows.map(|y| {
        let cells = (0..columns).filter_map(|x| buffer.cell((x, y)));
        let line: String = cells.map(ratatui::buffer::Cell::symbol).collect();
        spoken(&line)
    });
    lines.filter(|line| !line.is_empty()).collect()
}

/// All that can be done here, and why the rest can't.
pub fn help(model: &Model, now: Now) -> Vec<String> {
    let listing = CommandsDialog {
        listing: Listing::Palette,
        input: tui_input::Input::default(),
        at: 0,
        drawn: now,
    };
    let rows = rows(model, &listing, now);
    let lines = rows.iter().filter_map(|row| {
        let action = row.action()?;
        let Row::Action(_, why) = row else {
            return None;
        };
        let why = why
            .as_ref()
            .map_or(String::new(), |why| format!(" (not now: {})", visible(why)));
        Some(format!("{}: {}{why}", action.name, spoken(action.help)))
    });
    lines.collect()
}
