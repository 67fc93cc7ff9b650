//! What is wrong with a configuration: where, what, and what to do about it. Never a value that could be a secret.

use std::ops::Range;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// One thing that is wrong.
#[derive(Debug, Error)]
#[error("{}{}: {what}", file.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// The line, if the fault has one.
    pub line: Option<usize>,
    /// What is wrong, and what to do about it.
    pub what: String,
}

impl ConfigError {
    /// About the file as a whole.
    pub fn whole(file: &Path, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            what: what.into(),
        }
    }
}

/// The text of a configuration, to say on which line something stands.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The file that it came from.
    pub file: &'a Path,
    /// What stands in it.
    pub text: &'a str,
}

impl Source<'_> {
    /// Something is wrong at this place.
    pub fn error(&self, at: &Range<usize>, what: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.file.to_owned(),
            line: Some(self.line(at)),
            what: what.into(),
        }
    }

    /// The line of this place, counted from 1.
    pub fn line(&self, at: &Range<usize>) -> usize {
        let before = self.text.bytes().take(at.start);
        1 + before.filter(|byte| *byte == b'\n').count()
    }
}
