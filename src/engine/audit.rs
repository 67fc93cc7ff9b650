//! The journal for who audits it: verifying, exporting and pruning. These want no instance and no running engine; they
//! work on the state folder alone, and a journal that nothing else opens any more can still be looked at.

use std::time::Duration;

use chrono::{DateTime, Utc};

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
    let opener = SessionInfo {
        who,
        host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now(),
    };
    journal::prune(state, &opener, before(&opener, older_than))
}

/// The same, unless that has been done within a day; then there is nothing to tell. It blocks.
pub(super) fn keep_no_longer(
    state: &StateFolder,
    opener: &SessionInfo,
    keep: Duration,
) -> Result<Option<Pruned>, PruneError> {
    journal::keep_no_longer(state, opener, before(opener, keep))
}

fn before(opener: &SessionInfo, older_than: Duration) -> DateTime<Utc> {
    let age = chrono::Duration::from_std(older_than).ok();
    let before = age.and_then(|age| opener.now.wall.checked_sub_signed(age));
    // Longer ago than a calendar knows: nothing is that old.
    before.unwrap_or_default()
}
