//! Drives the console as `run` does, with the list worker's sorter in place and everything that it asks for kept.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::config::Safety;
use crate::domain::operation::OperationId;
use crate::domain::time::Now;
use crate::engine::{Command, State};
use crate::tui::format::Zone;
use crate::tui::keymap::{Code, Key, char, ctrl, key};
use crate::tui::message::{Effect, Message, Saving, Snapshot};
use crate::tui::model::Model;
use crate::tui::order::Sorter;
use crate::tui::related::related;
use crate::tui::theme::Theme;
use crate::tui::update::update;
use crate::tui::view;

/// A console under test.
pub struct Console {
    pub model: Model,
    pub now: Now,
    pub sent: Vec<Command>,
    pub copied: Vec<String>,
    pub asked: Vec<(u64, crate::domain::find::Said)>,
    pub looked_up: Vec<OperationId>,
    pub spared: Vec<Option<String>>,
    pub reads: Vec<u64>,
    pub saved: Vec<Saving>,
    pub called: Vec<String>,
    pub switched: Vec<(bool, String)>,
    pub has_quit: bool,
    pub suspended: usize,
    sorter: Sorter,
}

impl Console {
    /// A console of that size that was just given its first snapshot.
    pub fn new(state: State, size: (u16, u16)) -> Self {
        let now = state.now;
        let zone = Zone {
            offset: chrono::FixedOffset::east_opt(3600).unwrap(),
            name: "CET".to_owned(),
        };
        let state = Arc::new(state);
        let model = Model::new(
            Arc::clone(&state),
            "anna".to_owned(),
            Safety::default(),
            Theme::Dark,
            zone,
        );
        let mut console = Self {
            model,
            now,
            sent: Vec::new(),
            copied: Vec::new(),
            asked: Vec::new(),
            looked_up: Vec::new(),
            spared: Vec::new(),
            reads: Vec::new(),
            saved: Vec::new(),
            called: Vec::new(),
            switched: Vec::new(),
            has_quit: false,
            suspended: 0,
            sorter: Sorter::default(),
        };
        console.model.hook_host = Some("ops1".to_owned());
        console.model.folder = "/var/lib/tandem".into();
        console.take(Message::Resize(size.0, size.1));
        console.take(Message::Snapshot(Snapshot(state)));
        console
    }

    /// Takes a message in, and does what it leads to.
    pub fn take(&mut self, message: Message) -> &mut Self {
        self.model.next_operation = OperationId(uuid::Uuid::from_u128(
            0x0198_0000_0000_7000_8000_0000_0000_0000 + self.sent.len() as u128,
        ));
        for effect in update(&mut self.model, message, self.now) {
            match effect {
                Effect::Send(command) => self.sent.push(command),
                Effect::Sort(query, records) => {
                    let order = self.sorter.order(query, &records);
                    self.take(Message::Ordered(order));
                }
                Effect::Relate(question, records) => {
                    self.take(Message::Related(related(&question, &records)));
                }
                Effect::Copy(text) => self.copied.push(text),
                Effect::Quit => self.has_quit = true,
                Effect::Suspend => self.suspended += 1,
                Effect::Find(number, said, spared) => {
                    self.asked.push((number, said));
                    self.spared = spared;
                }
                Effect::Tickets(number, _) => self.reads.push(number),
                Effect::ReadFailed(operation) => self.looked_up.push(operation),
                Effect::Save(saving) => self.saved.push(saving),
                Effect::Attend(text) => self.called.push(text),
                Effect::SwitchHook { on, reason, .. } => self.switched.push((on, reason)),
                Effect::Redraw | Effect::Mouse(_) => {}
            }
        }
        self
    }

    /// Presses keys as a hand does, a quarter of a second between them: `2 j j Enter`, `"typed text"`.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        let mut parts = keys.split('"');
        while let Some(named) = parts.next() {
            for name in named.split_whitespace() {
                self.press(named_key(name));
            }
            for c in parts.next().unwrap_or_default().chars() {
                self.press(char(c));
            }
        }
        self
    }

    fn press(&mut self, key: Key) {
        self.wait(Duration::from_millis(250));
        self.take(Message::Key(key));
    }

    /// Lets time go by.
    pub fn wait(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.after(time);
        self
    }

    /// A second later, with the clock's own message.
    pub fn tick(&mut self) -> &mut Self {
        self.wait(Duration::from_secs(1));
        let zone = self.model.zone.clone();
        self.take(Message::Tick(zone))
    }

    /// Gives the console a snapshot in which something is different.
    pub fn change(&mut self, change: impl FnOnce(&mut State)) -> &mut Self {
        let mut state = State::clone(&self.model.state);
        state.now = self.now;
        change(&mut state);
        self.take(Message::Snapshot(Snapshot(Arc::new(state))))
    }

    /// The screen as cells.
    pub fn buffer(&self) -> Buffer {
        let (columns, rows) = self.model.size;
        let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
        view::draw(&self.model, self.now, &mut buffer);
        buffer
    }

    /// The screen as text.
    pub fn screen(&self) -> String {
        text(&self.buffer())
    }
}

/// The cells of a buffer as lines, with no blanks at their ends.
pub fn text(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let mut out = String::new();
    for y in 0..area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip > 0 {
                skip -= 1;
                continue;
            }
            skip = crate::tui::format::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Compares a screen with its file.
pub fn golden(name: &str, screen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/tui/snapshots")
        .join(format!("{name}.txt"));
    if std::env::var_os("TANDEM_UPDATE").is_some() {
        std::fs::write(&path, screen).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let pairs = expected.lines().zip(screen.lines()).enumerate();
    let different: Vec<String> = pairs
        .filter(|(_, (old, new))| old != new)
        .map(|(row, (old, new))| format!("row {row}\n- {old}\n+ {new}"))
        .collect();
    assert!(
        expected == screen,
        "{name} is not as in {}; TANDEM_UPDATE=1 takes it over\n{}",
        path.display(),
        different.join("\n")
    );
}

fn named_key(name: &str) -> Key {
    if let Some(letter) = name.strip_prefix("Ctrl-") {
        return ctrl(letter.chars().next().unwrap().to_ascii_lowercase());
    }
    let code = match name {
        "Enter" => Code::Enter,
        "Esc" => Code::Esc,
        "Tab" => Code::Tab,
        "Space" => Code::Char(' '),
        "Up" => Code::Up,
        "Down" => Code::Down,
        "Home" => Code::Home,
        "End" => Code::End,
        "PgUp" => Code::PageUp,
        "PgDn" => Code::PageDown,
        "Backspace" => Code::Backspace,
        one if one.chars().count() == 1 => Code::Char(one.chars().next().unwrap()),
        other => panic!("no key is called {other}"),
    };
    key(code)
}
