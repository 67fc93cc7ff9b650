//! Until when instances have asked for patience, a small file for each user of an instance: whoever starts while one of
//! them waits, waits too, and the process that follows a killed one does not ask into a Retry-After.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::folder;
use super::read::moment;
use super::record::OpenError;
use crate::domain::text::visible;

/// Where one user's wait at one instance is kept.
#[derive(Clone, Debug)]
pub struct KeptGate {
    file: PathBuf,
}

impl KeptGate {
    /// That of a user, who is one of few words, at an instance, in a state folder.
    pub fn of(state: &Path, instance: &str, user: &str) -> Self {
        let file = state.join(format!("gate-{instance}-{user}"));
        Self { file }
    }

    /// Until when the instance has asked this user to wait, and why; `None` where no wait was kept that can be read.
    pub fn kept(&self) -> Option<(DateTime<Utc>, String)> {
        folder::check_file(&self.file).ok()?;
        let text = fs::read_to_string(&self.file).ok()?;
        let (until, why) = text.split_once('\n')?;
        let until = DateTime::parse_from_rfc3339(until).ok()?;
        Some((until.to_utc(), visible(why.trim_end()).into_owned()))
    }

    /// Keeps a wait, whole or not at all, unless a longer one stands there. It takes no time worth a thread of its own:
    /// nothing is waited for to reach the disk, since a machine that dies takes longer to come back than a wait lasts.
    pub fn keep(&self, until: DateTime<Utc>, why: &str) -> Result<(), OpenError> {
        if self.kept().is_some_and(|(held, _)| held >= until) {
            return Ok(());
        }
        let failed = |source| OpenError::Folder {
            folder: self.file.clone(),
            source,
        };
        let mut name = self.file.as_os_str().to_owned();
        name.push(format!(".{}", std::process::id()));
        let whole = PathBuf::from(name);
        let mut file = folder::private_file(&whole)?;
        let text = format!("{}\n{}\n", moment(until), visible(why));
        // A process of that number may have been killed here.
        file.set_len(0).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        fs::rename(&whole, &self.file).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_longest_wait_is_kept_and_what_is_no_wait_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let gate = KeptGate::of(folder.path(), "europe", "own");
        assert_eq!(gate.kept(), None);
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        gate.keep(at(30), "HTTP 429\nx").unwrap();
        gate.keep(at(20), "HTTP 429").unwrap();
        assert_eq!(gate.kept(), Some((at(30), "HTTP 429^Jx".to_owned())));
        gate.keep(at(40), "HTTP 503").unwrap();
        assert_eq!(gate.kept(), Some((at(40), "HTTP 503".to_owned())));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(KeptGate::of(folder.path(), "europe", "agent").kept(), None);
        for text in ["", "soon\nx\n", "2026-11-27T22:00:00Z"] {
            fs::write(&gate.file, text).unwrap();
            assert_eq!(gate.kept(), None, "{text}");
        }
    }
}
