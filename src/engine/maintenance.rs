//! Planned maintenance: an order in the journal that stops an instance, and that ends by itself. Every process on the
//! state folder follows it within a second; none needs to run for it to be given.

use thiserror::Error;

use crate::dataverse::now;
use crate::domain::breaker::{Forced, MAX_FORCED};
use crate::domain::state_folder::StateFolder;
use crate::journal::{Entry, Journal, JournalError, OpenError, SessionInfo};

/// Why maintenance can't be announced or ended.
#[derive(Debug, Error)]
pub enum NoMaintenance {
    /// A person stopped the instance for another reason, which maintenance must not take over.
    #[error("{instance} is stopped by {by}: {reason}. Release it in the console first (B, then l)")]
    Stopped {
        /// The instance.
        instance: String,
        /// Who stopped it.
        by: String,
        /// Why.
        reason: String,
    },
    /// There is none to end.
    #[error("{0} is not in maintenance: there is nothing to end")]
    NotInMaintenance(String),
    /// It would last too long to be a plan.
    #[error("maintenance lasts {} h at most: announce it anew when that has passed", MAX_FORCED.as_secs() / 3600)]
    TooLong,
    /// The journal can't be opened.
    #[error("{0}")]
    Unusable(#[from] OpenError),
    /// The journal can't be read or written.
    #[error("{0}")]
    Broken(#[from] JournalError),
}

/// Who announces, and for which instance.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// The instance's name.
    pub instance: String,
    /// The user of the operating system.
    pub who: String,
    /// The machine's name.
    pub host: String,
}

/// Announces maintenance from now on for so long. Announced again, it is the new announcement that holds.
pub async fn begin(
    state: &StateFolder,
    announcement: Announcement,
    reason: &str,
    lasts: std::time::Duration,
) -> Result<Forced, NoMaintenance> {
    if lasts > MAX_FORCED {
        return Err(NoMaintenance::TooLong);
    }
    let Announcement { instance, who, .. } = announcement.clone();
    let at = now();
    let forced = Forced::maintenance(who, reason, at.after(lasts).wall);
    let journal = open(state, announcement).await?;
    let current = current(&journal, &instance).await;
    let outcome = match current {
        Ok(Some(current)) if current.planned().is_none() => Err(stopped(instance, current)),
        Ok(_) => {
            let entry = Entry::Forced {
                instance,
                forced: forced.clone(),
                now: at,
            };
            journal.append(vec![entry]).await.map_err(Into::into)
        }
        Err(error) => Err(error),
    };
    journal.close().await;
    outcome.map(|()| forced)
}

/// Ends maintenance before its time.
pub async fn end(state: &StateFolder, announcement: Announcement) -> Result<(), NoMaintenance> {
    let Announcement { instance, who, .. } = announcement.clone();
    let journal = open(state, announcement).await?;
    let outcome = match current(&journal, &instance).await {
        Ok(Some(current)) if current.planned().is_none() => Err(stopped(instance, current)),
        Ok(Some(_)) => {
            let entry = Entry::Released {
                instance,
                by: who,
                now: now(),
            };
            journal.append(vec![entry]).await.map_err(Into::into)
        }
        Ok(None) => Err(NoMaintenance::NotInMaintenance(instance)),
        Err(error) => Err(error),
    };
    journal.close().await;
    outcome
}

fn stopped(instance: String, forced: Forced) -> NoMaintenance {
    NoMaintenance::Stopped {
        instance,
        by: forced.by,
        reason: forced.reason,
    }
}

async fn open(state: &StateFolder, announcement: Announcement) -> Result<Journal, NoMaintenance> {
    let folder = state.clone();
    let session = SessionInfo {
        who: announcement.who,
        host: announcement.host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        now: now(),
    };
    let open = move || Journal::open(&folder, &session);
    let opened = tokio::task::spawn_blocking(open).await;
    let (journal, _) = opened.map_err(|error| JournalError::Unreadable(error.to_string()))??;
    Ok(journal)
}

async fn current(journal: &Journal, instance: &str) -> Result<Option<Forced>, NoMaintenance> {
    let forced = journal.forced(now().wall).await?;
    let mut forced = forced.into_iter();
    Ok(forced.find_map(|(name, forced)| (name == instance).then_some(forced)))
}
