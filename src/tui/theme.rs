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
    /// For light terminals: no yellow on white.
    Light,
    /// For people who can't tell red from green: blue, orange and plain.
    Safe,
    /// Without colours.
    Mono,
}

/// What stands in the place of a colour of the dark theme.
type Palette = [(Color, Color); 5];

const LIGHT: Palette = [
    (Color::Green, Color::Green),
    // Yellow can't be read on white.
    (Color::Yellow, Color::Indexed(130)),
    (Color::Red, Color::Red),
    (Color::LightBlue, Color::Blue),
    (Color::LightMagenta, Color::Magenta),
];

/// After Okabe and Ito: told apart with any of the common kinds of colour blindness.
const SAFE: Palette = [
    (Color::Green, Color::Indexed(74)),
    (Color::Yellow, Color::Indexed(221)),
    (Color::Red, Color::Indexed(208)),
    (Color::LightBlue, Color::Indexed(75)),
    (Color::LightMagenta, Color::Indexed(176)),
];

fn recoloured(style: Style, palette: Palette) -> Style {
    let found = |colour: Color| palette.iter().find(|(dark, _)| *dark == colour);
    Style {
        fg: style.fg.map(|fg| found(fg).map_or(fg, |(_, other)| *other)),
        ..style
    }
}

impl Theme {
    /// All of them, each with its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("safe", Self::Safe),
        ("mono", Self::Mono),
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        let mut all = Self::ALL.into_iter();
        all.find(|(_, one)| *one == self)
            .map_or("dark", |(name, _)| name)
    }

    /// The next one, round and round.
    #[must_use]
    pub fn next(self) -> Self {
        let here = Self::ALL.iter().position(|(_, one)| *one == self);
        let next = here.map_or(0, |here| (here + 1) % Self::ALL.len());
        Self::ALL.get(next).map_or(Self::Dark, |(_, theme)| *theme)
    }

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
            Self::Light => recoloured(style, LIGHT),
            Self::Safe => recoloured(style, SAFE),
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
