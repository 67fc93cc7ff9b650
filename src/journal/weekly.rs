//! The weekly look over the whole database (J6), off the way of whoever opens it: a damage that is found stops all
//! writing, as a failed commit does. A process that ends before the look does leaves it to the next.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Duration, Utc};

use super::mark::Mark;
use super::record::OpenError;
use super::schema;

/// How long a look is good for.
const GOOD_FOR: Duration = Duration::days(7);

/// Begins the look, if the last one is too long ago. When that was is the time of a file.
pub fn check(
    state: &Path,
    now: DateTime<Utc>,
    fault: &Arc<OnceLock<String>>,
) -> Result<(), OpenError> {
    let mark = Mark::of(state, "journal.checked")?;
    if mark.is_within(GOOD_FOR, now) {
        return Ok(());
    }
    let (state, fault) = (state.to_owned(), Arc::clone(fault));
    let look = move || match look(&state) {
        Ok(()) => mark.set(now),
        Err(why) => {
            tracing::error!(%why, "the journal is damaged");
            // Another fault that came first says as much.
            let _first = fault.set(why);
        }
    };
    let begun = std::thread::Builder::new()
        .name("journal check".to_owned())
        .spawn(look);
    begun.map(drop).map_err(|source| OpenError::Folder {
        folder: PathBuf::from("journal check"),
        source,
    })
}

fn look(state: &Path) -> Result<(), String> {
    let reader = schema::reader(state).map_err(|error| error.to_string())?;
    let found = reader.query_row("PRAGMA integrity_check(1)", [], |row| {
        row.get::<_, String>(0)
    });
    match found {
        Ok(found) if found == "ok" => Ok(()),
        Ok(found) => Err(format!(
            "it is damaged ({found}): move it away and keep it; `tandem journal verify` says from where on"
        )),
        Err(error) => Err(format!("it can't be read whole: {error}")),
    }
}
