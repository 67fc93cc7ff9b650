//! When something was last done in a state folder that is done now and then: the time of an empty file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Duration, Utc};

use super::folder;
use super::record::OpenError;

/// Such a file.
#[derive(Debug)]
pub struct Mark(PathBuf);

impl Mark {
    /// The one with this name; one that others could write to is refused.
    pub fn of(state: &Path, name: &str) -> Result<Self, OpenError> {
        let file = state.join(name);
        folder::check_file(&file)?;
        Ok(Self(file))
    }

    /// Whether it was done within the last while.
    pub fn is_within(&self, span: Duration, now: DateTime<Utc>) -> bool {
        let last = std::fs::metadata(&self.0).and_then(|mark| mark.modified());
        last.is_ok_and(|last| now - DateTime::<Utc>::from(last) < span)
    }

    /// Notes that it was done now; why that can't be noted goes into the log.
    pub fn set(&self, now: DateTime<Utc>) {
        let marked = folder::private_file(&self.0).map_err(|error| error.to_string());
        let marked = marked.and_then(|file| {
            let set = file.set_modified(SystemTime::from(now));
            set.map_err(|error| error.to_string())
        });
        if let Err(why) = marked {
            tracing::warn!(file = %self.0.display(), %why, "it can't be noted when this was done");
        }
    }
}
