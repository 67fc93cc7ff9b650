//! Which key means which action where: the registry's keys, and what the configuration puts in their place. A key that
//! would mean two things at once is refused with its line.

use std::collections::BTreeMap;
use std::fmt;

use super::action::{ACTIONS, Action, ActionId, named};
use crate::config::{ConfigError, KeyBinding, Keys};
use crate::domain::text::visible;

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
    /// The runs of the sync.
    Runs,
    /// The tickets.
    Tickets,
    /// The timeline.
    Timeline,
    /// Typing into a text field, in a dialog or the filter.
    Field,
    /// An open dialog with nothing to type.
    Dialog,
    /// The breaker menu.
    Breaker,
    /// The choices for a record that was edited in the target.
    Choice,
    /// Really everywhere.
    Always,
}

impl Context {
    /// What a view is called; nothing for what is no view.
    pub fn view(self) -> Option<&'static str> {
        Some(match self {
            Self::Pulse => "Pulse",
            Self::Records => "Records",
            Self::Sides => "both sides",
            Self::Operations => "Operations",
            Self::Runs => "Sync runs",
            Self::Tickets => "Tickets",
            Self::Timeline => "Timeline",
            Self::Screens
            | Self::Field
            | Self::Dialog
            | Self::Breaker
            | Self::Choice
            | Self::Always => {
                return None;
            }
        })
    }

    /// Whether both can hold at one time.
    fn meets(self, other: Self) -> bool {
        let is_everywhere = |one: Self| one == Self::Screens;
        self == other
            || self == Self::Always
            || other == Self::Always
            || (is_everywhere(self) && other.view().is_some())
            || (is_everywhere(other) && self.view().is_some())
    }
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
    F(u8),
}

/// Keys that type nothing, by the names that people know them by.
const NAMED: [(&str, Code); 15] = [
    ("Space", Code::Char(' ')),
    ("Enter", Code::Enter),
    ("Esc", Code::Esc),
    ("Tab", Code::Tab),
    ("Shift-Tab", Code::BackTab),
    ("Backspace", Code::Backspace),
    ("Delete", Code::Delete),
    ("Up", Code::Up),
    ("Down", Code::Down),
    ("Left", Code::Left),
    ("Right", Code::Right),
    ("Home", Code::Home),
    ("End", Code::End),
    ("PgUp", Code::PageUp),
    ("PgDn", Code::PageDown),
];

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
        if let Some((name, _)) = NAMED.iter().find(|(_, code)| *code == self.code) {
            return f.write_str(name);
        }
        match self.code {
            Code::Char(c) if self.ctrl => write!(f, "{}", c.to_uppercase()),
            Code::Char(c) => write!(f, "{c}"),
            Code::F(n) => write!(f, "F{n}"),
            _ => Ok(()),
        }
    }
}

/// Reads a key by its name: `x`, `Ctrl-X`, `F5`, `PgUp`.
pub fn parse(text: &str) -> Option<Key> {
    let (ctrl, rest) = match text.strip_prefix("Ctrl-") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut chars = rest.chars();
    let code = match (chars.next(), chars.next()) {
        (Some(c), None) if !c.is_control() && c != ' ' => {
            Code::Char(if ctrl { c.to_ascii_lowercase() } else { c })
        }
        _ => {
            let named = NAMED.iter().find(|(name, _)| *name == rest);
            let function = || {
                let n: u8 = rest.strip_prefix('F')?.parse().ok()?;
                (1..=12).contains(&n).then_some(Code::F(n))
            };
            named.map(|(_, code)| *code).or_else(function)?
        }
    };
    Some(Key { code, ctrl })
}

/// The keys of all actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    /// Those that are not the registry's.
    other: BTreeMap<ActionId, Vec<Key>>,
}

impl Keymap {
    /// The registry's keys, and what the configuration puts in their place. The first fault is told with its line.
    pub fn of(keys: &Keys) -> Result<Self, ConfigError> {
        let mut map = Self::default();
        let mut lines: BTreeMap<ActionId, usize> = BTreeMap::new();
        for binding in &keys.bindings {
            let fault = |what: String| ConfigError {
                file: keys.file.clone(),
                line: Some(binding.line),
                what,
            };
            let (action, own) = resolve(binding).map_err(fault)?;
            map.other.insert(action.id, own);
            lines.insert(action.id, binding.line);
        }
        for action in ACTIONS.iter().filter(|one| lines.contains_key(&one.id)) {
            if let Some((key, other)) = map.conflict(action) {
                // The later of the two lines is the one to look at.
                let line = lines.get(&action.id).max(lines.get(&other.id)).copied();
                return Err(ConfigError {
                    file: keys.file.clone(),
                    line,
                    what: format!(
                        "keys: `{key}` would be `{}` and `{}` at once: give one of them another key, or [] for none",
                        action.name, other.name
                    ),
                });
            }
        }
        Ok(map)
    }

    /// The keys of an action, the one to show first.
    pub fn keys<'a>(&'a self, action: &'a Action) -> &'a [Key] {
        self.other
            .get(&action.id)
            .map_or(action.keys, Vec::as_slice)
    }

    /// The key to show for an action; its name in the palette where it has none.
    pub fn shown(&self, id: ActionId) -> String {
        let Some(action) = super::action::of(id) else {
            return String::new();
        };
        match self.keys(action).first() {
            Some(key) => key.to_string(),
            None => format!(":{}", action.name),
        }
    }

    /// All keys of an action.
    pub fn all_shown(&self, action: &Action) -> String {
        let keys: Vec<String> = self.keys(action).iter().map(Key::to_string).collect();
        keys.join(" ")
    }

    /// What a key means where these contexts hold, the nearest first.
    pub fn action(&self, contexts: &[Context], key: Key) -> Option<ActionId> {
        contexts.iter().find_map(|context| {
            actions_in(*context)
                .find(|action| self.keys(action).contains(&key))
                .map(|action| action.id)
        })
    }

    /// Another action that has a key of this one where both hold.
    fn conflict(&self, action: &Action) -> Option<(Key, &'static Action)> {
        let others = ACTIONS.iter().filter(|other| other.id != action.id);
        let meeting = others.filter(|other| {
            let mut own = action.contexts.iter();
            own.any(|one| other.contexts.iter().any(|context| one.meets(*context)))
        });
        let mut shared = meeting.filter_map(|other| {
            let own = self.keys(action).iter();
            let key = own.copied().find(|key| self.keys(other).contains(key))?;
            Some((key, other))
        });
        shared.next()
    }
}

/// What one line of the configuration says.
fn resolve(binding: &KeyBinding) -> Result<(&'static Action, Vec<Key>), String> {
    let name = visible(&binding.action);
    let action = named(&binding.action).ok_or_else(|| {
        format!("keys: no action is called `{name}`; `?` in the console lists their names")
    })?;
    if action.is_fixed() {
        return Err(format!(
            "keys: `{name}` keeps its key: it answers or leaves a dialog"
        ));
    }
    let keys = binding.keys.iter().map(|text| {
        let key = parse(text).ok_or_else(|| {
            let text = visible(text);
            format!(
                "keys: no key is called `{text}`: a character, Ctrl-X, F1 to F12, Enter, PgUp …"
            )
        })?;
        may_have(action, key)?;
        Ok(key)
    });
    Ok((action, keys.collect::<Result<_, String>>()?))
}

/// Keys that an action may not be put on, and why.
fn may_have(action: &Action, key: Key) -> Result<(), String> {
    let name = action.name;
    let types = !key.ctrl && matches!(key.code, Code::Char(_) | Code::Backspace | Code::Delete);
    if action.writes_to_the_target() && (key == char('y') || key.ctrl) {
        return Err(format!(
            "keys: `{name}` writes: it can't be on `{key}`, which is pressed for other things too easily"
        ));
    }
    if types && action.contexts.contains(&Context::Always) {
        return Err(format!(
            "keys: `{name}` works while text is typed, so `{key}` can't be its key: take Ctrl or F1 to F12"
        ));
    }
    Ok(())
}

/// The actions of one context, in the registry's order.
pub fn actions_in(context: Context) -> impl Iterator<Item = &'static Action> {
    ACTIONS
        .iter()
        .filter(move |action| action.contexts.contains(&context))
}
