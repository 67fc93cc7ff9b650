//! What is written to the terminal leads it to what is to be shown, as an emulator that is not ours reads it; in how few
//! bytes.

use std::num::NonZeroU16;

use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::driver::Console;
use super::fixture;
use crate::tui::paint::paint;
use crate::tui::theme::Theme;

const SIZE: (u16, u16) = (24, 6);

/// One piece of a screen: where, what, and how.
type Piece = (u16, u16, String, Style);

fn style() -> impl Strategy<Value = Style> {
    let colour = prop_oneof![
        Just(Color::Reset),
        Just(Color::Red),
        Just(Color::LightBlue),
        Just(Color::Indexed(130)),
    ];
    let modifier = prop_oneof![
        Just(Modifier::empty()),
        Just(Modifier::BOLD),
        Just(Modifier::DIM),
        Just(Modifier::BOLD | Modifier::REVERSED),
        Just(Modifier::UNDERLINED),
    ];
    let ground = prop_oneof![4 => Just(Color::Reset), 1 => Just(Color::Blue)];
    (colour, ground, modifier)
        .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let text = prop_oneof!["[a-c ]{0,24}", "[─▲a ]{0,12}", "[日本a é]{0,12}"];
    let piece = (0..SIZE.0, 0..SIZE.1, text, style());
    prop::collection::vec(piece, 0..14)
}

fn screen(pieces: &[Piece]) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, SIZE.0, SIZE.1));
    for (x, y, text, style) in pieces {
        // Bold and dim are never one on the other: that terminal knows them as one and the same thing.
        buffer.set_string(*x, *y, text, Style::reset().patch(*style));
    }
    buffer
}

fn terminal((columns, rows): (u16, u16)) -> vt100::Parser {
    let cells = |count| NonZeroU16::new(count).unwrap();
    vt100::Parser::new(cells(rows), cells(columns), 0)
}

/// What a terminal shows of its cells: their texts, and what can be seen of their styles.
fn seen(terminal: &vt100::Parser, (columns, rows): (u16, u16)) -> Vec<String> {
    let cell = |x: u16, y: u16| {
        let cell = terminal.screen().cell(y, x).unwrap();
        let (text, ground) = (cell.contents(), (cell.bgcolor(), cell.inverse()));
        let text = if text.is_empty() { " " } else { text };
        if text == " " && !cell.inverse() {
            return format!("{text}{ground:?}{}", cell.underline());
        }
        let how = (cell.fgcolor(), cell.bold(), cell.dim(), cell.underline());
        format!("{text}{ground:?}{how:?}")
    };
    let places = (0..rows).flat_map(|y| (0..columns).map(move |x| (x, y)));
    places.map(|(x, y)| cell(x, y)).collect()
}

proptest! {
    #[test]
    fn a_change_leads_to_the_same_screen_as_a_new_one(all in prop::collection::vec(pieces(), 1..5)) {
        let mut gone_over = terminal(SIZE);
        let mut before: Option<Buffer> = None;
        for pieces in all {
            let after = screen(&pieces);
            let mut bytes = Vec::new();
            paint(before.as_ref(), &after, &mut bytes).unwrap();
            gone_over.process(&bytes);
            let mut anew = terminal(SIZE);
            let mut all = Vec::new();
            paint(None, &after, &mut all).unwrap();
            anew.process(&all);
            let (one, other) = (seen(&gone_over, SIZE), seen(&anew, SIZE));
            let first = one.iter().zip(&other).position(|(one, other)| one != other);
            let cells = first.map(|at| (at, one[at].clone(), other[at].clone()));
            prop_assert_eq!(cells, None, "{:?}", String::from_utf8_lossy(&bytes));
            let text = anew.screen().contents();
            let shown: Vec<&str> = text.lines().map(str::trim_end).collect();
            let drawn = super::driver::text(&after);
            let drawn: Vec<&str> = drawn.trim_end().lines().map(str::trim_end).collect();
            let (shown, drawn) = (shown.join("\n"), drawn.join("\n"));
            prop_assert_eq!(shown.trim_end(), drawn.trim_end());
            before = Some(after);
        }
    }
}

#[test]
fn styles_come_out_as_they_were_drawn() {
    let style = Style::new()
        .fg(Color::Red)
        .add_modifier(Modifier::BOLD | Modifier::REVERSED);
    let dim = Style::new().add_modifier(Modifier::DIM);
    let mut after = Buffer::empty(Rect::new(0, 0, 12, 1));
    after.set_string(0, 0, "bad", style);
    after.set_string(4, 0, "dim", dim);
    after.set_string(8, 0, "odd", Style::new().fg(Color::Indexed(130)));
    let mut bytes = Vec::new();
    paint(None, &after, &mut bytes).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let words =
        "\u{1b}[2J\u{1b}[1H\u{1b}[1;7;31mbad\u{1b}[C\u{1b}[;2mdim \u{1b}[;38;5;130modd\u{1b}[m";
    assert_eq!(text, words);
}

#[test]
fn going_over_to_another_view_takes_few_bytes() {
    for theme in [Theme::Dark, Theme::Mono] {
        let size = (200, 50);
        let mut console = Console::new(fixture::outage(), size);
        console.model.theme = theme;
        let mut shown = console.buffer();
        for key in ["2", "1", "3", "4", "5", "6", "1"] {
            console.keys(key);
            let next = console.buffer();
            let mut bytes = Vec::new();
            paint(Some(&shown), &next, &mut bytes).unwrap();
            assert!(bytes.len() < 5_800, "over to {key}: {} bytes", bytes.len());
            shown = next;
        }
    }
}

#[test]
fn a_row_that_is_to_hold_much_less_is_erased_first() {
    let mut full = Buffer::empty(Rect::new(0, 0, 80, 1));
    full.set_string(0, 0, "x".repeat(80), Style::new());
    let mut after = Buffer::empty(full.area);
    after.set_string(0, 0, "x", Style::new());
    after.set_string(70, 0, "end", Style::new().fg(Color::Red));
    let mut bytes = Vec::new();
    paint(Some(&full), &after, &mut bytes).unwrap();
    let words = "\u{1b}[1;2H\u{1b}[K\u{1b}[69C\u{1b}[31mend\u{1b}[m";
    assert_eq!(String::from_utf8(bytes).unwrap(), words);
}
