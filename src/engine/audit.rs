//! The journal for who audits it: verifying, exporting and pruning. These want no instance and no running engine; they
//! work on the state folder alone, and a journal that nothing else opens any more can still be looked at.

use std::time::Duration;

use crate::dataverse::now;
use crate::domain::state_folder::StateFolder;
use crate::journal::{self, SessionInfo};

pub use crate::journal::{
    Anchored, Anchors, Audit, Failed, Fault, Head, JournalError, JournalRecord, OpenError,
    PruneError, Pruned, Verified, log_file,
};

/// Takes away what is older than so long and over; `who` is kept as the one who did. It blocks.
pub fn prune(
    state: &StateFolder,
    who: String,
    host: String,
    older_than: Duration,
) -> Result<Pruned, PruneError> {
    let now = now();
    let age = chrono::Duration::from_std(older_than).ok();
    let before = age.and_then(|age| now.wall.checked_sub_signed(age));
    let opener = SessionInfo {
        who,
        host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now,
    };
    // Longer ago than a calendar knows: nothing is that old.
    journal::prune(state, &opener, before.unwrap_or_default())
}
