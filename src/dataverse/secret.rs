//! Secrets, fetched from where they are kept. Nothing here prints one, and no message holds one (security cases 19 to
//! 25). It blocks: a program may be asked.

use std::io::{BufRead, IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

use super::{file, program};
use crate::domain::credential::SecretSource;

/// Why a secret can't be had.
#[derive(Debug, Error)]
pub enum BadSecret {
    /// The environment variable is not set.
    #[error("the environment variable {0} is not set, or is not text")]
    Env(String),
    /// The file can't be read, or others could read it too.
    #[error("the secret's file {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The program did not print a secret.
    #[error("the secret's program {program}: {why}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        why: String,
    },
    /// Standard input gives no such line.
    #[error("the secret on line {line} of standard input: {why}")]
    Stdin {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// What was found there is empty.
    #[error("the secret is empty")]
    Empty,
}

/// Whether what is kept there may be another secret tomorrow.
pub(super) fn may_change(source: &SecretSource) -> bool {
    match source {
        SecretSource::File(_) | SecretSource::Command(_) => true,
        SecretSource::Env(_) | SecretSource::Held(_) | SecretSource::Stdin(_) => false,
    }
}

/// Fetches a secret. It blocks: a program may be asked.
pub fn fetch(source: &SecretSource) -> Result<SecretString, BadSecret> {
    let text = match source {
        SecretSource::Held(secret) => return Ok(secret.clone()),
        SecretSource::Stdin(line) => return line_of_stdin(*line),
        SecretSource::Env(name) => std::env::var(name).map_err(|_| BadSecret::Env(name.clone()))?,
        SecretSource::File(path) => private(path).map_err(|why| BadSecret::File {
            path: path.clone(),
            why,
        })?,
        SecretSource::Command(words) => {
            program::run(words, None).map_err(|why| BadSecret::Command {
                program: words.first().cloned().unwrap_or_default(),
                why,
            })?
        }
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(BadSecret::Empty);
    }
    Ok(SecretString::from(secret))
}

/// The lines of standard input that were read as secrets.
static LINES: Mutex<Vec<SecretString>> = Mutex::new(Vec::new());

/// A line of standard input; those before it are kept, and those behind it are left to whoever reads on.
fn line_of_stdin(line: usize) -> Result<SecretString, BadSecret> {
    let wrong = |why: &str| BadSecret::Stdin {
        line,
        why: why.to_owned(),
    };
    let mut lines = LINES.lock().unwrap_or_else(PoisonError::into_inner);
    while lines.len() < line {
        let mut stdin = std::io::stdin().lock();
        if stdin.is_terminal() {
            return Err(wrong(
                "it is a terminal: have a program print the secret into it",
            ));
        }
        let mut text = String::new();
        let read = stdin.by_ref().take(program::LONGEST).read_line(&mut text);
        read.map_err(|error| wrong(&error.to_string()))?;
        if text.is_empty() {
            return Err(wrong("it has no such line"));
        }
        lines.push(SecretString::from(text.trim_end_matches(['\r', '\n'])));
    }
    let secret = lines.get(line.saturating_sub(1));
    let secret = secret.ok_or_else(|| wrong("lines are counted from 1"))?;
    if secret.expose_secret().is_empty() {
        return Err(BadSecret::Empty);
    }
    Ok(secret.clone())
}

/// Reads the lines of standard input that are secrets, before anything else is read from there.
pub fn take_in<'s>(sources: impl IntoIterator<Item = &'s SecretSource>) -> Result<(), BadSecret> {
    let lines = sources.into_iter().filter_map(|source| match source {
        SecretSource::Stdin(line) => Some(*line),
        _ => None,
    });
    lines
        .max()
        .map_or(Ok(()), |last| line_of_stdin(last).map(drop))
}

/// Reads a file that only its owner can read (security case 25).
fn private(path: &Path) -> Result<String, String> {
    let (file, metadata) = file::open(path)?;
    if metadata.mode() & 0o077 != 0 {
        let mode = metadata.mode() & 0o777;
        return Err(format!("others can use it (mode {mode:o}); chmod 600 it"));
    }
    program::bounded(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn told(source: &SecretSource) -> Result<String, String> {
        fetch(source)
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn security_case_25_a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "s3cret\n").unwrap();
        let source = SecretSource::File(path.clone());
        for (mode, good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let told = told(&source);
            assert_eq!(told.is_ok(), good, "{mode:o}: {told:?}");
            assert!(!format!("{told:?}").contains("s3cret") || good);
        }
        assert!(told(&SecretSource::File(folder.path().to_owned())).is_err());
    }

    #[test]
    fn security_case_24_a_secret_is_wiped_when_it_is_dropped() {
        /// Holds for what overwrites its memory with zeros before it gives it back.
        fn is_wiped<T: secrecy::zeroize::ZeroizeOnDrop>(_: &T) {}
        let secret = fetch(&SecretSource::Held(SecretString::from("s3cret"))).unwrap();
        is_wiped(&secret);
    }

    #[test]
    fn security_case_20_a_program_gets_a_clean_environment() {
        let command = |words: &[&str]| {
            SecretSource::Command(words.iter().map(|word| (*word).to_owned()).collect())
        };
        assert_eq!(told(&command(&["echo", "s3cret"])), Ok("s3cret".to_owned()));
        let names = told(&command(&["sh", "-c", "env | cut -d= -f1"])).unwrap();
        let allowed = [
            "PATH", "HOME", "USER", "LANG", "PWD", "SHLVL", "_", "OLDPWD",
        ];
        assert!(names.lines().all(|name| allowed.contains(&name)), "{names}");
        assert!(
            told(&command(&["false"]))
                .unwrap_err()
                .contains("it ended with")
        );
        assert!(told(&command(&["/no/such/program"])).is_err());
        assert!(told(&command(&[])).is_err());
        assert_eq!(
            told(&command(&["true"])),
            Err("the secret is empty".to_owned())
        );
    }
}
