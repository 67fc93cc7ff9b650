//! The help and the palette: the registry's actions with their keys; why one can't be done now stands in the place of
//! what it does.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::tui::canvas::Canvas;
use crate::tui::commands::{Row, chosen, rows};
use crate::tui::format::{width, wrapped};
use crate::tui::model::{CommandsDialog, Listing, Model};
use crate::tui::theme::Role;

/// Where the columns begin: cursor, key, name, words.
const KEY: u16 = 3;
const NAME: u16 = 13;
const WORDS: u16 = 29;
/// Below so many columns the help leaves the name out, whose place the words take; the last lines say it.
const NAMED: u16 = 90;
/// How many lines tell what the chosen action does, reads and writes.
const MANNERS: u16 = 3;
/// How many rows the palette has at most.
const PALETTE: u16 = 14;

/// Draws the box over the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &CommandsDialog, now: Now) {
    let all = rows(model, dialog, now);
    let columns = canvas.columns().saturating_sub(4).min(110);
    let high = canvas.rows().saturating_sub(2);
    let (title, high) = match dialog.listing {
        Listing::Help => ("KEYS", high),
        Listing::Palette => ("ALL ACTIONS", high.min(PALETTE + 5)),
    };
    let x = canvas.columns().saturating_sub(columns) / 2;
    let mut part = canvas.part(x, 1, columns, high);
    part.frame(
        title,
        "type to search   Enter does it   Esc back",
        Role::Dim,
    );
    search(&mut part.part(1, 1, columns.saturating_sub(2), 1), dialog);
    // The search stands above, what the chosen one reads and writes below.
    let shown = high.saturating_sub(3 + MANNERS);
    let cursor = chosen(&all, dialog.at);
    let first = first(&all, cursor, usize::from(shown));
    if all.is_empty() {
        let text = "no action and no word fits; Backspace takes the last letter back";
        part.part(1, 2, columns.saturating_sub(2), 1)
            .text(KEY, 0, text, Role::Dim);
    }
    for (y, (place, row)) in (2..2 + shown).zip(all.iter().enumerate().skip(first)) {
        let mut inner = part.part(1, y, columns.saturating_sub(2), 1);
        draw_row(&mut inner, model, dialog, row, cursor == Some(place));
    }
    let chosen = cursor.and_then(|place| all.get(place));
    if let Some(action) = chosen.and_then(Row::action) {
        let room = columns.saturating_sub(3 + KEY);
        let text = format!("{}: {} · {}", action.name, action.help, action.manners());
        let lines = wrapped(&text, usize::from(room));
        let last = high.saturating_sub(1 + MANNERS);
        for (y, line) in (last..last + MANNERS).zip(lines) {
            part.part(1, y, columns.saturating_sub(2), 1)
                .text(KEY, 0, &line, Role::Dim);
        }
    }
}

fn search(line: &mut Canvas<'_>, dialog: &CommandsDialog) {
    let typed = visible(dialog.input.value()).into_owned();
    line.pieces(
        1,
        0,
        &[
            ("> ", Role::Strong),
            (&typed, Role::Plain),
            (" ", Role::Caret),
        ],
    );
}

/// The first row shown, so that the cursor is among them; at the cursor's first stop, the title above it, too.
fn first(all: &[Row], cursor: Option<usize>, shown: usize) -> usize {
    let most = all.len().saturating_sub(shown);
    let cursor = cursor.unwrap_or(0);
    (cursor + 2).saturating_sub(shown).min(most)
}

fn draw_row(
    line: &mut Canvas<'_>,
    model: &Model,
    dialog: &CommandsDialog,
    row: &Row,
    is_cursor: bool,
) {
    if is_cursor {
        line.text(1, 0, "►", Role::Strong);
    }
    match row {
        Row::Title(title) => {
            line.text(1, 0, title, Role::Dim);
        }
        Row::Gap => {}
        Row::Word(word, meaning) => {
            line.cell(KEY, 0, NAME - KEY + 4, word, Role::Strong);
            line.text(NAME + 6, 0, meaning, Role::Plain);
        }
        Row::Action(_, why_not) => {
            let Some(action) = row.action() else {
                return;
            };
            let (key, text) = if why_not.is_some() {
                (Role::Dim, Role::Dim)
            } else {
                (Role::Strong, Role::Plain)
            };
            let keys = model.keys.all_shown(action);
            let room = usize::from(NAME - KEY - 1);
            let keys = if width(&keys) > room {
                let first = model.keys.keys(action).first();
                first.map(ToString::to_string).unwrap_or_default()
            } else {
                keys
            };
            line.cell(KEY, 0, NAME - KEY - 1, &keys, key);
            let words = if dialog.listing == Listing::Help && line.columns() < NAMED {
                NAME
            } else {
                line.cell(NAME, 0, WORDS - NAME - 1, action.name, text);
                WORDS
            };
            match why_not {
                Some(why) => line.text(words, 0, &format!("not now: {}", visible(why)), Role::Dim),
                None => line.text(words, 0, action.help, Role::Plain),
            };
        }
    }
}
