//! The real binary in a real pseudo-terminal, with a terminal emulator that reads what it draws.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    terminal: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Screen {
    /// Runs a command in a terminal of this size.
    pub fn start(command: &std::process::Command, columns: u16, rows: u16) -> Self {
        let size = PtySize {
            rows,
            cols: columns,
            pixel_width: 0,
            pixel_height: 0,
        };
        let pty = native_pty_system().openpty(size).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let child = pty.slave.spawn_command(builder).unwrap();
        drop(pty.slave);
        let terminal = Arc::new(Mutex::new(vt100::Parser::new(
            cells(rows),
            cells(columns),
            0,
        )));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let mut output = pty.master.try_clone_reader().unwrap();
        let (drawn, kept) = (Arc::clone(&terminal), Arc::clone(&bytes));
        std::thread::spawn(move || {
            let mut some = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut some) {
                drawn.lock().unwrap().process(&some[..length]);
                kept.lock().unwrap().extend_from_slice(&some[..length]);
            }
        });
        let keys = pty.master.take_writer().unwrap();
        Self {
            child,
            master: pty.master,
            keys,
            terminal,
            bytes,
        }
    }

    pub fn text(&self) -> String {
        self.terminal.lock().unwrap().screen().contents()
    }

    /// All bytes that were written to the terminal so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap().clone()
    }

    /// Types keys one by one, as a person does: a burst would be taken for a paste.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.chars() {
            self.raw(key.encode_utf8(&mut [0; 4]).as_bytes());
            std::thread::sleep(Duration::from_millis(30));
        }
        self
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.keys.write_all(bytes).unwrap();
        self.keys.flush().unwrap();
        self
    }

    /// Escape, and long enough nothing, so that it is no Alt with the next key.
    pub fn escape(&mut self) -> &mut Self {
        self.raw(b"\x1b");
        std::thread::sleep(Duration::from_millis(200));
        self
    }

    pub fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.terminal
            .lock()
            .unwrap()
            .screen_mut()
            .set_size(cells(rows), cells(columns));
        self.master
            .resize(PtySize {
                rows,
                cols: columns,
                pixel_width: 0,
                pixel_height: 0,
            })
            .unwrap();
        self
    }

    /// Waits until the screen shows a text; a test that waits in vain shows the screen.
    pub fn shows(&mut self, text: &str) -> &mut Self {
        self.until(text, |screen| screen.contains(text))
    }

    pub fn until(&mut self, what: &str, is_so: impl Fn(&str) -> bool) -> &mut Self {
        let began = Instant::now();
        while !is_so(&self.text()) {
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain for {what:?} on\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self
    }

    pub fn signal(&mut self, name: &str) -> &mut Self {
        let pid = self.child.process_id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args(["-s", name, &pid])
                .status()
                .unwrap()
                .success()
        );
        self
    }

    /// Waits for the end of the process; its exit code.
    pub fn ends(&mut self) -> u32 {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(
                began.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the terminal was given back as it was taken: main screen, cursor shown, no modes left on.
    pub fn is_restored(&self) -> bool {
        // The last bytes of a process that has ended may still be on their way to us.
        let began = Instant::now();
        while !self.looks_restored() && began.elapsed() < Duration::from_secs(2) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.looks_restored()
    }

    fn looks_restored(&self) -> bool {
        let terminal = self.terminal.lock().unwrap();
        let screen = terminal.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Drop for Screen {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about it either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
