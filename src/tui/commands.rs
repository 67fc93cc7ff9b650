//! What the help (`?`) and the palette (`:`) list: the registry's actions with their keys, and why one can't be done
//! now. It draws nothing and does nothing.

use super::action::{ACTIONS, Action};
use super::fuzzy;
use super::keymap::{Context, actions_in};
use super::model::{CommandsDialog, Listing, Model};
use super::update::{context, why_not};
use crate::domain::time::Now;

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The title of a group.
    Title(&'static str),
    /// Something to do, and why it can't be done now.
    Action(usize, Option<String>),
    /// A word on the screen, and what it means.
    Word(&'static str, &'static str),
    /// Nothing, between two groups.
    Gap,
}

impl Row {
    /// Its action.
    pub fn action(&self) -> Option<&'static Action> {
        match self {
            Self::Action(place, _) => ACTIONS.get(*place),
            Self::Title(_) | Self::Word(..) | Self::Gap => None,
        }
    }

    /// Whether the cursor stops at it.
    pub fn is_a_stop(&self) -> bool {
        matches!(self, Self::Action(..) | Self::Word(..))
    }
}

/// The rows for what was typed.
pub fn rows(model: &Model, dialog: &CommandsDialog, now: Now) -> Vec<Row> {
    let typed = dialog.input.value().trim();
    if !typed.is_empty() {
        return found(model, dialog.listing, typed, now);
    }
    match dialog.listing {
        Listing::Help => by_place(model, now),
        Listing::Palette => {
            let (can, can_not): (Vec<Row>, Vec<Row>) = commands(model)
                .map(|(place, action)| Row::Action(place, why_not(model, action.id, now)))
                .partition(|row| matches!(row, Row::Action(_, None)));
            can.into_iter().chain(can_not).collect()
        }
    }
}

/// The place of the row under the cursor.
pub fn chosen(rows: &[Row], at: usize) -> Option<usize> {
    let mut stops = rows.iter().enumerate().filter(|(_, row)| row.is_a_stop());
    stops.nth(at).map(|(place, _)| place)
}

/// How many rows the cursor stops at.
pub fn stops(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.is_a_stop()).count()
}

fn commands(model: &Model) -> impl Iterator<Item = (usize, &'static Action)> {
    let several = model.state.links.len() > 1;
    ACTIONS.iter().enumerate().filter(move |(_, action)| {
        action.is_a_command() && (several || action.id != super::action::ActionId::NextLink)
    })
}

/// What fits best first; what can be done before what can't.
fn found(model: &Model, listing: Listing, typed: &str, now: Now) -> Vec<Row> {
    let lower = typed.to_lowercase();
    let mut rows: Vec<(bool, i32, Row)> = commands(model)
        .filter_map(|(place, action)| {
            let score = score(model, action, typed, &lower)?;
            let why = why_not(model, action.id, now);
            Some((why.is_some(), -score, Row::Action(place, why)))
        })
        .collect();
    rows.sort_by_key(|(cannot, score, _)| (*cannot, *score));
    let words = WORDS.iter().filter(|(word, meaning)| {
        listing == Listing::Help
            && [word, meaning]
                .iter()
                .any(|text| text.to_lowercase().contains(&lower))
    });
    let rows = rows.into_iter().map(|(_, _, row)| row);
    rows.chain(words.map(|(word, meaning)| Row::Word(word, meaning)))
        .collect()
}

/// By key, by name, by what the help says.
fn score(model: &Model, action: &Action, typed: &str, lower: &str) -> Option<i32> {
    let keys = model.keys.keys(action);
    if keys.iter().any(|key| key.to_string() == typed) {
        return Some(10_000);
    }
    let name = fuzzy::score(lower, action.name);
    let help = [action.help, action.hint, action.command];
    let help = help.iter().any(|text| text.to_lowercase().contains(lower));
    name.or(help.then_some(-500))
}

/// What can be done here first, then everywhere, then in dialogs; then what the words on the screen mean.
fn by_place(model: &Model, now: Now) -> Vec<Row> {
    let here = match context(model.screen) {
        Context::Pulse => ("here, on Pulse", Context::Pulse),
        Context::Sides => ("here, on both sides", Context::Sides),
        Context::Operations => ("here, in Operations", Context::Operations),
        Context::Runs => ("here, in Sync runs", Context::Runs),
        Context::Tickets => ("here, in Tickets", Context::Tickets),
        Context::Timeline => ("here, in the Timeline", Context::Timeline),
        _ => ("here, in Records", Context::Records),
    };
    let mut rows = Vec::new();
    for (title, context) in [
        here,
        ("in every view", Context::Screens),
        ("always", Context::Always),
        ("in a dialog", Context::Dialog),
        ("in the breaker menu", Context::Breaker),
    ] {
        rows.push(Row::Title(title));
        rows.extend(actions_in(context).filter_map(|action| {
            let place = ACTIONS.iter().position(|one| one.id == action.id)?;
            let several = model.state.links.len() > 1;
            let is_shown = several || action.id != super::action::ActionId::NextLink;
            let why = || {
                action
                    .is_a_command()
                    .then(|| why_not(model, action.id, now))
            };
            is_shown.then(|| Row::Action(place, why().flatten()))
        }));
        rows.push(Row::Gap);
    }
    rows.push(Row::Title("words"));
    rows.extend(WORDS.iter().map(|(word, meaning)| Row::Word(word, meaning)));
    rows
}

const WORDS: &[(&str, &str)] = &[
    ("○ missing", "in the source, not in the target"),
    (
        "□ stub",
        "made only so that something could refer to it; its data is blank",
    ),
    ("≈ stale", "the source is ahead"),
    (
        "≠ diverged",
        "edited in the target since; held for a person",
    ),
    ("≡ duplicate", "one key on two rows; never written"),
    ("◊ orphan", "deleted at the source"),
    (
        "pending",
        "missing, stub or stale: what a sync would change",
    ),
    ("lag", "how long the oldest of them has been pending"),
    (
        "OPEN",
        "breaker: tandem sends nothing there; closed: calls pass",
    ),
    ("waiting", "goes on by itself, once the instance lets it"),
];
