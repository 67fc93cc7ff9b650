//! The terminal, entered and left: one guard, and one function that puts everything back, whatever way the console
//! ends. It reads no keys and draws nothing.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::Command as _;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{
    DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode, size,
};
use crossterm::{execute, queue};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::model::Model;
use super::paint::paint;
use super::view;
use crate::domain::time::Now;

/// The terminal while the console owns it; put back when it is dropped.
pub struct Screen {
    out: BufWriter<Stdout>,
    /// What it shows, once that is known.
    shown: Option<Buffer>,
    /// The frame before that, drawn over with the next one: its room is not asked for anew each time.
    spare: Buffer,
    entered: Arc<AtomicBool>,
}

impl Screen {
    /// Takes the terminal over, and has a panic put it back before it is reported.
    pub fn enter() -> io::Result<Self> {
        let entered = Arc::new(AtomicBool::new(false));
        let in_hook = Arc::clone(&entered);
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore(&in_hook);
            report(panic);
        }));
        take_over(&entered)?;
        Ok(Self {
            out: BufWriter::with_capacity(64 * 1024, stdout()),
            shown: None,
            spare: Buffer::default(),
            entered,
        })
    }

    /// Takes the terminal over again, after the shell had it.
    pub fn reenter(&mut self) -> io::Result<()> {
        take_over(&self.entered)?;
        self.redraw();
        Ok(())
    }

    /// Has the next frame drawn in full.
    pub fn redraw(&mut self) {
        self.shown = None;
    }

    /// Gives the terminal back.
    pub fn leave(&self) {
        restore(&self.entered);
    }

    /// Draws one frame, so that the terminal shows all of it or nothing.
    pub fn draw(&mut self, model: &Model, now: Now) -> io::Result<()> {
        self.show(|buffer| view::draw(model, now, buffer))
    }

    fn show(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        let (columns, rows) = Self::size()?;
        let mut buffer = std::mem::take(&mut self.spare);
        buffer.resize(Rect::new(0, 0, columns, rows));
        buffer.reset();
        draw(&mut buffer);
        queue!(self.out, BeginSynchronizedUpdate)?;
        paint(self.shown.as_ref(), &buffer, &mut self.out)?;
        execute!(self.out, EndSynchronizedUpdate)?;
        self.spare = self.shown.replace(buffer).unwrap_or_default();
        Ok(())
    }

    /// Has the terminal report the wheel and the buttons, in SGR form, or leaves the mouse to it. Movements are never
    /// asked for: they would wake the console for nothing.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        let modes = if on { MOUSE_ON } else { MOUSE_OFF };
        self.out.write_all(modes)?;
        self.out.flush()
    }

    /// Columns and rows.
    pub fn size() -> io::Result<(u16, u16)> {
        size()
    }

    /// Calls somebody who does not look: the bell, and a notification (OSC 9) where the terminal has them. `text` holds
    /// no control characters.
    pub fn attend(&mut self, text: &str) -> io::Result<()> {
        let backend = &mut self.out;
        backend.write_all(b"\x07")?;
        if std::env::var_os("TMUX").is_some() {
            write!(backend, "\x1bPtmux;\x1b\x1b]9;{text}\x07\x1b\\")?;
        } else {
            write!(backend, "\x1b]9;{text}\x07")?;
        }
        backend.flush()
    }

    /// Sends a text to the terminal's clipboard (OSC 52); whether it takes it, a terminal never says. Behind tmux it is
    /// sent twice, since tmux passes on either the one or the other, as it is configured.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut sequence = String::new();
        let copy = crossterm::clipboard::CopyToClipboard::to_clipboard_from(text);
        copy.write_ansi(&mut sequence).map_err(io::Error::other)?;
        let backend = &mut self.out;
        backend.write_all(sequence.as_bytes())?;
        if std::env::var_os("TMUX").is_some() {
            let inner = sequence.replace('\x1b', "\x1b\x1b");
            write!(backend, "\x1bPtmux;{inner}\x1b\\")?;
        }
        backend.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore(&self.entered);
    }
}

/// Buttons and wheel (1000), with places of any size (1006).
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

fn take_over(entered: &AtomicBool) -> io::Result<()> {
    enable_raw_mode()?;
    entered.store(true, Ordering::SeqCst);
    execute!(
        stdout(),
        EnterAlternateScreen,
        EnableBracketedPaste,
        EnableFocusChange,
        Hide
    )
    .inspect_err(|_| restore(entered))
}

/// Puts the terminal back, step by step: a step that fails keeps none of the others from being tried.
fn restore(entered: &AtomicBool) {
    if !entered.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = stdout();
    // Nobody is left to tell: where the terminal is gone, each of these fails, and that is all right.
    drop(execute!(out, EndSynchronizedUpdate));
    drop(out.write_all(MOUSE_OFF));
    drop(execute!(out, DisableFocusChange));
    drop(execute!(out, DisableBracketedPaste));
    drop(execute!(out, Show));
    drop(execute!(out, LeaveAlternateScreen));
    drop(disable_raw_mode());
    drop(out.flush());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::io::Read;
    use std::num::NonZeroU16;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    const CANARY: &str = "eyJ-canary";
    /// Set for the process that panics.
    const PANICS: &str = "TANDEM_TEST_PANICS_IN_A_DRAW";
    const THIS: &str =
        "security_case_23_a_panic_in_a_draw_gives_the_terminal_back_and_tells_no_secret";

    /// What a drawing that fails on a token's value would do.
    fn panics_in_a_draw() {
        crate::cli::tell_bugs();
        let mut screen = Screen::enter().unwrap();
        let token = CANARY.to_owned();
        let drawn = screen.show(|buffer| {
            buffer.set_string(0, 0, "drawn", ratatui::style::Style::new());
            assert!(token.is_empty(), "no room for {token}");
        });
        drawn.unwrap();
    }

    #[test]
    fn security_case_23_a_panic_in_a_draw_gives_the_terminal_back_and_tells_no_secret() {
        if std::env::var_os(PANICS).is_some() {
            return panics_in_a_draw();
        }
        let size = PtySize {
            rows: 24,
            cols: 120,
            ..PtySize::default()
        };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        command.args([
            "--exact",
            &format!("tui::terminal::tests::{THIS}"),
            "--nocapture",
        ]);
        command.env(PANICS, "1");
        command.env("TERM", "xterm-256color");
        let mut child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let mut bytes = Vec::new();
        // The last read of a pseudo-terminal whose process has ended is an error on some systems.
        drop(
            pty.master
                .try_clone_reader()
                .unwrap()
                .read_to_end(&mut bytes),
        );
        assert!(!child.wait().unwrap().success());
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            text.contains("this is a bug in tandem, at src/tui/terminal.rs"),
            "{text}"
        );
        assert!(!text.contains("canary"), "{text}");
        let cells = |count| NonZeroU16::new(count).unwrap();
        let mut terminal = vt100::Parser::new(cells(24), cells(120), 0);
        let before = text.find("this is a bug").unwrap();
        terminal.process(text[..before].as_bytes());
        let screen = terminal.screen();
        assert!(text.contains("\u{1b}[?1049h"), "it was taken over: {text}");
        assert!(
            !screen.alternate_screen() && !screen.hide_cursor(),
            "{text}"
        );
    }
}
