//! A sample a minute of every instance and link, kept for 14 days: so that a restart can draw the last hour, and knows
//! since when an instance is as it is.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, TransactionBehavior, params};

use super::super::read::{count, moment, odd, time};
use crate::domain::health::{Health, Minute};

/// How long samples are kept.
const KEPT: chrono::Duration = chrono::Duration::days(14);

pub(super) const TABLES: &str = "
CREATE TABLE instance_samples (
    instance TEXT NOT NULL, at TEXT NOT NULL, health TEXT NOT NULL, since TEXT NOT NULL,
    latency INTEGER, calls INTEGER NOT NULL, errors INTEGER NOT NULL, breakers TEXT NOT NULL,
    PRIMARY KEY (instance, at)
) STRICT, WITHOUT ROWID;
CREATE TABLE link_samples (
    link TEXT NOT NULL, at TEXT NOT NULL, pending INTEGER NOT NULL, lag INTEGER NOT NULL,
    drifts TEXT NOT NULL, last_success TEXT,
    PRIMARY KEY (link, at)
) STRICT, WITHOUT ROWID;
";

/// How an instance was at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSample {
    /// Its name.
    pub instance: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Its health.
    pub health: Health,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What the minute before came to.
    pub minute: Minute,
    /// Its breakers that were not closed, `read OPEN`.
    pub breakers: Vec<String>,
}

/// How a link was at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSample {
    /// Its name.
    pub link: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Its pending records.
    pub pending: usize,
    /// Its lag.
    pub lag: Duration,
    /// Its records by drift, in the drift's word; none where there are none.
    pub drifts: BTreeMap<String, usize>,
    /// When a sync last ended well.
    pub last_success: Option<DateTime<Utc>>,
}

/// Samples of one moment, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Samples {
    /// Of instances, oldest first.
    pub instances: Vec<InstanceSample>,
    /// Of links, oldest first.
    pub links: Vec<LinkSample>,
}

/// Keeps samples, and forgets those that are too old.
pub(super) fn keep(
    connection: &mut Connection,
    samples: &Samples,
    now: DateTime<Utc>,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for sample in &samples.instances {
        transaction.execute(
            "INSERT OR REPLACE INTO instance_samples VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                sample.instance,
                moment(sample.at),
                sample.health.word(),
                moment(sample.since),
                sample.minute.latency.map(micros),
                sample.minute.calls,
                sample.minute.errors,
                sample.breakers.join(", "),
            ],
        )?;
    }
    for sample in &samples.links {
        let drifts = serde_json::to_string(&sample.drifts).unwrap_or_default();
        transaction.execute(
            "INSERT OR REPLACE INTO link_samples VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                sample.link,
                moment(sample.at),
                i64::try_from(sample.pending).unwrap_or(i64::MAX),
                micros(sample.lag),
                drifts,
                sample.last_success.map(moment),
            ],
        )?;
    }
    let oldest = moment(now - KEPT);
    for table in ["instance_samples", "link_samples"] {
        transaction.execute(&format!("DELETE FROM {table} WHERE at < ?1"), [&oldest])?;
    }
    transaction.commit()
}

/// The samples from a moment on.
pub(super) fn since(connection: &Connection, from: DateTime<Utc>) -> rusqlite::Result<Samples> {
    let from = moment(from);
    let mut statement = connection.prepare(
        "SELECT instance, at, health, since, latency, calls, errors, breakers FROM instance_samples
         WHERE at >= ?1 ORDER BY at",
    )?;
    let instances = statement.query_map([&from], instance)?;
    let mut statement = connection.prepare(
        "SELECT link, at, pending, lag, drifts, last_success FROM link_samples WHERE at >= ?1 ORDER BY at",
    )?;
    let links = statement.query_map([&from], link)?;
    Ok(Samples {
        instances: instances.collect::<Result<_, _>>()?,
        links: links.collect::<Result<_, _>>()?,
    })
}

fn instance(row: &Row<'_>) -> rusqlite::Result<InstanceSample> {
    let word: String = row.get(2)?;
    let breakers: String = row.get(7)?;
    let latency: Option<i64> = row.get(4)?;
    Ok(InstanceSample {
        instance: row.get(0)?,
        at: time(row, 1)?,
        health: Health::from_word(&word)
            .ok_or_else(|| odd(2, format!("unknown health `{word}`")))?,
        since: time(row, 3)?,
        minute: Minute {
            latency: latency
                .map(|_| count(row, 4))
                .transpose()?
                .map(Duration::from_micros),
            calls: count(row, 5)?,
            errors: count(row, 6)?,
        },
        breakers: breakers
            .split(", ")
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect(),
    })
}

fn link(row: &Row<'_>) -> rusqlite::Result<LinkSample> {
    let drifts: String = row.get(4)?;
    let success: Option<String> = row.get(5)?;
    Ok(LinkSample {
        link: row.get(0)?,
        at: time(row, 1)?,
        pending: count(row, 2)?,
        lag: Duration::from_micros(count(row, 3)?),
        drifts: serde_json::from_str(&drifts).map_err(|error| odd(4, error.to_string()))?,
        last_success: success.map(|_| time(row, 5)).transpose()?,
    })
}

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
