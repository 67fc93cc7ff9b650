//! What is done once a day by whoever looks after the journal (J7): entries that are older than they are to be kept are
//! taken away, and so are overwritten values. A process that ends before it leaves it to the next.

use chrono::{DateTime, Duration, Utc};

use super::mark::Mark;
use super::prune::{PruneError, Pruned, prune};
use super::record::SessionInfo;
use crate::domain::state_folder::StateFolder;

/// How often.
const EVERY: Duration = Duration::days(1);

/// Takes away what is from before a moment and over; `None` where that has been done within a day. It blocks.
pub fn keep_no_longer(
    state: &StateFolder,
    opener: &SessionInfo,
    before: DateTime<Utc>,
) -> Result<Option<Pruned>, PruneError> {
    let now = opener.now;
    let mark = Mark::of(state, "journal.pruned")?;
    if mark.is_within(EVERY, now.wall) {
        return Ok(None);
    }
    let pruned = prune(state, opener, before)?;
    mark.set(now.wall);
    Ok(Some(pruned))
}
