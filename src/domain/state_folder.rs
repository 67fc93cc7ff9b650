//! The folder of journal, index, locks and log, and who may use it besides its owner.

use std::ops::Deref;
use std::path::{Path, PathBuf};

/// A state folder. It stands for its path wherever only that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFolder {
    path: PathBuf,
    group: Option<u32>,
}

impl StateFolder {
    /// A folder of its owner's alone (0700, its files 0600).
    pub fn own(path: PathBuf) -> Self {
        Self { path, group: None }
    }

    /// The same folder, shared with a group of the host (0770, its files 0660; design, "Console beside an agent").
    #[must_use]
    pub fn shared_with(self, group: u32) -> Self {
        let group = Some(group);
        Self { group, ..self }
    }

    /// The number of the group that shares it.
    pub fn group(&self) -> Option<u32> {
        self.group
    }
}

impl Deref for StateFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for StateFolder {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}
