//! Other people's programs: run for what they print, or to be told something. None sees our environment, where other
//! secrets may stand (security case 20), and none is waited for without an end. It blocks.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// No program may print more.
pub(super) const LONGEST: u64 = 64 * 1024;
/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program, gives it the input, and takes what it prints.
pub(super) fn run(words: &[String], input: Option<Vec<u8>>) -> Result<String, String> {
    run_within(PATIENCE, words, input)
}

fn run_within(
    patience: Duration,
    words: &[String],
    input: Option<Vec<u8>>,
) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("no program is named")?;
    let inherited = ["PATH", "HOME", "USER", "LANG"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)));
    let stdin = match &input {
        Some(_) => Stdio::piped(),
        None => Stdio::null(),
    };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(inherited)
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    if let Some((input, mut pipe)) = input.zip(child.stdin.take()) {
        // A program that does not read all of it may do so.
        thread::spawn(move || pipe.write_all(&input));
    }
    let (tell, printed) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        // Nobody listens any more to what came too late.
        thread::spawn(move || tell.send(bounded(out)));
    }
    let began = Instant::now();
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if began.elapsed() >= patience => {
                // It may have ended by itself at this moment, and then there is nothing to end.
                let _ended = child.kill();
                let _reaped = child.wait();
                return Err(format!("it did not end within {} s", patience.as_secs()));
            }
            None => thread::sleep(LOOK),
        }
    };
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    // What it started in turn may hold its output open for as long as it likes.
    let left = patience.saturating_sub(began.elapsed());
    match printed.recv_timeout(left) {
        Ok(text) => text,
        Err(_) => Err(format!(
            "what it prints did not end within {} s; does it leave something running?",
            patience.as_secs()
        )),
    }
}

/// What can be read, up to a bound that nothing sensible reaches.
pub(super) fn bounded(from: impl Read) -> Result<String, String> {
    let mut text = String::new();
    from.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(|_| "it holds something that is not text".to_owned())?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_leaves_another_running_is_not_waited_for_without_an_end() {
        let words = ["sh", "-c", "sleep 5 & echo secret"].map(str::to_owned);
        let left = run_within(Duration::from_secs(2), &words, None);
        let why = left.err().unwrap_or_default();
        assert!(why.contains("does it leave something running?"), "{why}");
        let words = ["sh", "-c", "echo secret"].map(str::to_owned);
        let printed = run_within(Duration::from_secs(20), &words, None);
        assert_eq!(printed.as_deref(), Ok("secret\n"));
    }
}
