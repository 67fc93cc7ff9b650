//! Keys, and which action a key means where. It reads the table in [`super::action`] and adds nothing to it.

use std::fmt;

use super::action::{ACTIONS, Action, ActionId};

/// A place where keys have a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Context {
    /// Wherever nothing is being typed and no dialog is open.
    Screens,
    /// The Pulse view.
    Pulse,
    /// The list of records.
    Records,
    /// One record on both sides.
    Sides,
    /// The Operations view.
    Operations,
    /// Typing into a text field, in a dialog or the filter.
    Field,
    /// An open dialog with nothing to type.
    Dialog,
    /// The breaker menu.
    Breaker,
    /// Really everywhere.
    Always,
}

/// A key as it was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Which key.
    pub code: Code,
    /// Whether Ctrl was held.
    pub ctrl: bool,
}

/// The keys that the console knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those on the keys")]
pub enum Code {
    Char(char),
    Enter,
    Esc,
    Tab,
    BackTab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
    F1,
}

/// A key that types a character.
pub const fn char(c: char) -> Key {
    Key {
        code: Code::Char(c),
        ctrl: false,
    }
}

/// A letter with Ctrl.
pub const fn ctrl(c: char) -> Key {
    Key {
        code: Code::Char(c),
        ctrl: true,
    }
}

/// A key that types nothing.
pub const fn key(code: Code) -> Key {
    Key { code, ctrl: false }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            f.write_str("Ctrl-")?;
        }
        match self.code {
            Code::Char(' ') => f.write_str("Space"),
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::Enter => f.write_str("Enter"),
            Code::Esc => f.write_str("Esc"),
            Code::Tab => f.write_str("Tab"),
            Code::BackTab => f.write_str("Shift-Tab"),
            Code::Backspace => f.write_str("Backspace"),
            Code::Delete => f.write_str("Delete"),
            Code::Up => f.write_str("Up"),
            Code::Down => f.write_str("Down"),
            Code::Left => f.write_str("Left"),
            Code::Right => f.write_str("Right"),
            Code::Home => f.write_str("Home"),
            Code::End => f.write_str("End"),
            Code::PageUp => f.write_str("PgUp"),
            Code::PageDown => f.write_str("PgDn"),
            Code::F1 => f.write_str("F1"),
        }
    }
}

/// What a key means where these contexts hold, the nearest first.
pub fn action(contexts: &[Context], key: Key) -> Option<ActionId> {
    contexts.iter().find_map(|context| {
        actions_in(*context)
            .find(|action| action.keys.contains(&key))
            .map(|action| action.id)
    })
}

/// The actions of one context, in the table's order.
pub fn actions_in(context: Context) -> impl Iterator<Item = &'static Action> {
    ACTIONS
        .iter()
        .filter(move |action| action.contexts.contains(&context))
}
