//! Alerts that have fired and messages that have not arrived yet, in `alerts.db`: what is to be told outlives a restart,
//! and nobody is told twice. Only the agent opens it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, Row, TransactionBehavior, params};

use super::folder;
use super::read::{moment, time};
use super::record::{JournalError, OpenError};
use crate::domain::alert::{Alert, AlertKey, Turn, When};
use crate::domain::state_folder::StateFolder;

/// `firing` holds what has fired and not resolved; `outbox` what has not been delivered, oldest first.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS firing (
    rule TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, turn TEXT NOT NULL,
    since TEXT NOT NULL, wall TEXT NOT NULL, said TEXT NOT NULL,
    PRIMARY KEY (rule, subject)
) STRICT;
CREATE TABLE IF NOT EXISTS outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    rule TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, turn TEXT NOT NULL,
    since TEXT NOT NULL, wall TEXT NOT NULL, said TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, again TEXT NOT NULL
) STRICT;
";

const ALERT: &str = "rule, subject, kind, turn, since, wall, said";

/// A message that has not arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Its number.
    pub id: i64,
    /// What it says.
    pub alert: Alert,
    /// How often it was tried.
    pub tries: u32,
}

/// The alerts of a state folder. Clones share it.
#[derive(Clone, Debug)]
pub struct AlertStore(Arc<Mutex<Connection>>);

impl AlertStore {
    /// Opens it in a folder, and makes it where it is absent.
    ///
    /// It blocks: call it on a thread that may.
    pub fn open(state: &StateFolder) -> Result<Self, OpenError> {
        folder::prepare(state)?;
        let file = state.join("alerts.db");
        drop(folder::private_file(&file)?);
        let open = || {
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_NO_MUTEX
                | OpenFlags::SQLITE_OPEN_NOFOLLOW;
            let connection = Connection::open_with_flags(&file, flags)?;
            connection.busy_timeout(Duration::from_secs(5))?;
            connection.pragma_update(None, "trusted_schema", false)?;
            connection.execute_batch(TABLES)?;
            Ok(connection)
        };
        let connection = open().map_err(|error: rusqlite::Error| OpenError::Database {
            file: file.clone(),
            why: error.to_string(),
        })?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// What has fired and not resolved.
    pub async fn firing(&self) -> Result<Vec<Alert>, JournalError> {
        self.on_thread(|connection| {
            let mut statement = connection.prepare(&format!("SELECT {ALERT} FROM firing"))?;
            let rows = statement.query_map([], |row| alert(row, 0))?;
            rows.collect()
        })
        .await
    }

    /// Remembers what fired or resolved, and what is to be told, in one transaction.
    pub async fn add(&self, alerts: Vec<Alert>) -> Result<(), JournalError> {
        self.on_thread(move |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for alert in &alerts {
                let (rule, subject) = (&alert.key.rule, &alert.key.subject);
                let (since, at) = (moment(alert.since), moment(alert.at));
                let (kind, turn) = (alert.when.word(), alert.turn.word());
                let values = params![rule, subject, kind, turn, since, at, alert.text];
                match alert.turn {
                    Turn::Fired => transaction.execute(
                        &format!("INSERT OR REPLACE INTO firing ({ALERT}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
                        values,
                    )?,
                    Turn::Resolved => transaction.execute(
                        "DELETE FROM firing WHERE rule = ?1 AND subject = ?2",
                        params![rule, subject],
                    )?,
                };
                transaction.execute(
                    &format!("INSERT INTO outbox ({ALERT}, again) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6)"),
                    values,
                )?;
            }
            transaction.commit()
        })
        .await
    }

    /// What is to be told now; of one alert its oldest message alone, so that nothing resolves before it fired.
    pub async fn due(&self, now: DateTime<Utc>) -> Result<Vec<Undelivered>, JournalError> {
        self.on_thread(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT id, tries, {ALERT} FROM outbox AS one WHERE again <= ?1 AND NOT EXISTS
                     (SELECT 1 FROM outbox WHERE rule = one.rule AND subject = one.subject AND id < one.id)
                 ORDER BY id LIMIT 16"
            ))?;
            let rows = statement.query_map([moment(now)], |row| {
                Ok(Undelivered {
                    id: row.get(0)?,
                    tries: row.get(1)?,
                    alert: alert(row, 2)?,
                })
            })?;
            rows.collect()
        })
        .await
    }

    /// A message arrived, or nobody is left to tell.
    pub async fn done(&self, id: i64) -> Result<(), JournalError> {
        self.on_thread(move |connection| {
            connection
                .execute("DELETE FROM outbox WHERE id = ?1", [id])
                .map(drop)
        })
        .await
    }

    /// A message did not arrive, and is tried again then.
    pub async fn again(&self, id: i64, at: DateTime<Utc>) -> Result<(), JournalError> {
        self.on_thread(move |connection| {
            let sql = "UPDATE outbox SET tries = tries + 1, again = ?2 WHERE id = ?1";
            connection.execute(sql, params![id, moment(at)]).map(drop)
        })
        .await
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, JournalError> {
        let shared = Arc::clone(&self.0);
        let work = move || work(&mut shared.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(work).await {
            Ok(outcome) => outcome.map_err(|error| JournalError::Unreadable(error.to_string())),
            Err(error) => Err(JournalError::Unreadable(error.to_string())),
        }
    }
}

/// An alert whose columns begin at that place.
fn alert(row: &Row<'_>, place: usize) -> rusqlite::Result<Alert> {
    let kind: String = row.get(place + 2)?;
    let turn: String = row.get(place + 3)?;
    Ok(Alert {
        key: AlertKey {
            rule: row.get(place)?,
            subject: row.get(place + 1)?,
        },
        when: When::from_word(&kind).ok_or(rusqlite::Error::InvalidQuery)?,
        turn: if turn == Turn::Fired.word() {
            Turn::Fired
        } else {
            Turn::Resolved
        },
        since: time(row, place + 4)?,
        at: time(row, place + 5)?,
        text: row.get(place + 6)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn alert(turn: Turn, second: i64) -> Alert {
        let at = DateTime::from_timestamp(second, 0).unwrap();
        Alert {
            key: AlertKey {
                rule: "down".to_owned(),
                subject: "europe read".to_owned(),
            },
            when: When::BreakerOpen,
            turn,
            since: at,
            at,
            text: "HTTP 503".to_owned(),
        }
    }

    #[tokio::test]
    async fn what_was_not_delivered_outlives_a_restart_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::own(folder.path().join("state"));
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let (fired, resolved) = (alert(Turn::Fired, 10), alert(Turn::Resolved, 20));
        {
            let store = AlertStore::open(&state).unwrap();
            store.add(vec![fired.clone()]).await.unwrap();
            assert_eq!(store.firing().await.unwrap(), std::slice::from_ref(&fired));
            let due = store.due(at(30)).await.unwrap();
            store.again(due[0].id, at(60)).await.unwrap();
            store.add(vec![resolved.clone()]).await.unwrap();
        }
        let store = AlertStore::open(&state).unwrap();
        assert!(store.firing().await.unwrap().is_empty());
        assert!(store.due(at(59)).await.unwrap().is_empty(), "not its turn");
        let due = store.due(at(60)).await.unwrap();
        assert_eq!((due.len(), &due[0].alert, due[0].tries), (1, &fired, 1));
        store.done(due[0].id).await.unwrap();
        let due = store.due(at(60)).await.unwrap();
        assert_eq!((due.len(), &due[0].alert), (1, &resolved));
    }
}
