//! Colours by role. A view names a role, never a colour; without colours the words, glyphs and rules still tell
//! everything, so that the mono theme only ever leaves something out.

use ratatui::style::{Color, Modifier, Style};

use crate::engine::state::Tone;

/// What a piece of text is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// What is old, equal, or only there for orientation.
    Dim,
    /// What the eye should find without being alarmed: the cursor's row, names of keys, dialog titles.
    Strong,
    /// The glyph of something healthy.
    Good,
    /// Wants an eye.
    Care,
    /// Wants a hand.
    Bad,
    /// The band of a link's source.
    Source,
    /// The band of a link's target.
    Target,
    /// The verdict's row.
    Verdict(Tone),
    /// The cell that text is typed at.
    Caret,
}

/// How roles look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// For dark terminals, with the terminal's own sixteen colours.
    Dark,
    /// Without colours.
    Mono,
}

impl Theme {
    /// The style of a role.
    pub fn style(self, role: Role) -> Style {
        let plain = Style::new();
        let style = match role {
            Role::Plain | Role::Verdict(Tone::Plain | Tone::Good) => plain,
            Role::Dim => plain.add_modifier(Modifier::DIM),
            Role::Strong => plain.add_modifier(Modifier::BOLD),
            Role::Good => plain.fg(Color::Green),
            Role::Care => plain.fg(Color::Yellow),
            Role::Bad => plain.fg(Color::Red),
            Role::Source => plain.fg(Color::LightBlue),
            Role::Target => plain.fg(Color::LightMagenta),
            Role::Verdict(Tone::Care) => plain.fg(Color::Yellow).add_modifier(Modifier::BOLD),
            Role::Verdict(Tone::Bad) => plain
                .fg(Color::Red)
                .add_modifier(Modifier::BOLD | Modifier::REVERSED),
            Role::Caret => plain.add_modifier(Modifier::REVERSED),
        };
        match self {
            Self::Dark => style,
            Self::Mono => Style {
                fg: None,
                bg: None,
                ..style
            },
        }
    }
}

/// The role of a tone.
pub fn tone(tone: Tone) -> Role {
    match tone {
        Tone::Plain | Tone::Good => Role::Plain,
        Tone::Care => Role::Care,
        Tone::Bad => Role::Bad,
    }
}
