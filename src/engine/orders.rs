//! The orders to stop instances that stand in a state folder's journal, for whoever follows them without an engine: the
//! hook. Nothing is opened for writing, and a folder without a journal has no orders.

use std::path::{Path, PathBuf};

use crate::dataverse::now;
use crate::domain::breaker::Forced;
use crate::journal::{Audit, JournalError};

/// The orders in force by instance, read once.
///
/// An error means that nobody knows: whoever follows orders keeps to the last ones that were read (reliability 2.1).
pub async fn in_force(state: &Path) -> Result<Vec<(String, Forced)>, String> {
    let folder: PathBuf = state.to_owned();
    let read = move || {
        if !Audit::is_there(&folder) {
            return Ok(Vec::new());
        }
        let audit = Audit::open(&folder).map_err(|error| error.to_string())?;
        let forced = audit.forced(now().wall);
        forced.map_err(|error: JournalError| error.to_string())
    };
    let read = tokio::task::spawn_blocking(read).await;
    read.unwrap_or_else(|error| Err(error.to_string()))
}
