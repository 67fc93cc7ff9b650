//! States to render in tests: two instances, one link, two tables.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{TimeZone, Utc};
use uuid::Uuid;

use crate::config::{self, Config};
use crate::domain::breaker::{BreakerStatus, Class, Counts as Calls, Phase};
use crate::domain::drift::{CompareRules, ComparedColumn, Drift, Side};
use crate::domain::health::{Health, Summary};
use crate::domain::lag::{Runs, Schedule};
use crate::domain::operation::{RecordKey, TableIndex};
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, ColumnType, TableName};
use crate::domain::time::Now;
use crate::engine::State;
use crate::engine::records::{Record, Sides};
use crate::engine::state::{
    Flagged, InstanceState, LinkState, Lock, SyncState, TableState, Traffic,
};

/// A moment so many seconds into the test.
pub fn at(seconds: u64) -> Now {
    let start = Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, 0).single();
    Now {
        mono: Duration::ZERO,
        wall: start.unwrap_or_default(),
    }
    .after(Duration::from_secs(seconds))
}

/// The configuration of that pair; `confirm_above` is 3.
pub fn config() -> Config {
    let text = r#"
        [instances.us]
        url = "http://127.0.0.1:7001"
        credential = { kind = "token", token = { env = "T" } }
        [instances.europe]
        url = "http://127.0.0.1:7002"
        credential = { kind = "token", token = { env = "T" } }
        [[links]]
        source = "us"
        target = "europe"
        [[links.tables]]
        name = "account"
        keys = ["accountnumber"]
        columns = ["name", "telephone1"]
        [[links.tables]]
        name = "contact"
        columns = ["lastname"]
        [safety]
        confirm_above = 3
    "#;
    config::parse(text, Path::new("test.toml"), PathBuf::from("/nowhere"))
        .unwrap_or_else(|error| panic!("{error}"))
}

pub fn id(number: u128) -> RowId {
    RowId::new(Uuid::from_u128(number << 96 | number)).unwrap_or_else(|| panic!("an id"))
}

pub fn key(table: u16, number: u128) -> RecordKey {
    RecordKey {
        table: TableIndex(table),
        id: id(number),
    }
}

fn instance(name: &str, is_target: bool) -> InstanceState {
    let breaker = |class| BreakerStatus {
        class,
        phase: Phase::Closed,
        since: at(0),
        cause: None,
        not_sent: 0,
        opened_today: 0,
        next_probe: 0,
        counts: Calls::default(),
    };
    let mut classes = vec![Class::Read, Class::Auth];
    if is_target {
        classes.insert(1, Class::Write);
    }
    InstanceState {
        name: name.to_owned(),
        band: format!("{} TEST", name.to_uppercase()),
        url: format!("https://{name}.example"),
        is_target,
        health: Health::Healthy,
        since: at(0),
        before: None,
        answered: Some(at(99)),
        last_error: None,
        refused: None,
        breakers: classes.into_iter().map(breaker).collect(),
        gate: None,
        calls: Summary::default(),
        cells: Vec::new(),
        skew: chrono::Duration::zero(),
        version: Some("9.2".to_owned()),
        next_probe: None,
        last_outage: None,
        traffic: Traffic::default(),
    }
}

fn table(name: &str, columns: &[&str]) -> TableState {
    let name = TableName::new(name).unwrap_or_else(|error| panic!("{error}"));
    let columns = columns.iter().map(|column| {
        let name = ColumnName::new(column).unwrap_or_else(|error| panic!("{error}"));
        ComparedColumn::new(name, ColumnType::Integer)
    });
    TableState {
        link: 0,
        name,
        rules: Arc::new(CompareRules {
            columns: columns.collect(),
            ..CompareRules::default()
        }),
        counts: [Drift::InSync; 5].into_iter().collect(),
        flagged: Flagged::default(),
        oldest_pending: None,
        compared: Some(at(90)),
        full: None,
        comparing: None,
        changed_since: 0,
        failure: None,
    }
}

/// Everything is well, at 100 s.
pub fn well() -> State {
    State {
        now: at(100),
        started: at(0),
        instances: vec![instance("us", false), instance("europe", true)],
        links: vec![LinkState {
            name: "us-europe".to_owned(),
            source: 0,
            target: 1,
            schedule: Schedule {
                cadence: Duration::from_secs(60),
                grace: Duration::from_secs(10),
                settle: Duration::from_secs(5),
            },
            sync: SyncState {
                runs: Runs {
                    any: true,
                    ..Runs::default()
                },
                ..SyncState::default()
            },
            fault: None,
            warnings: Vec::new(),
            ensuring: None,
            lags: Arc::default(),
        }],
        tables: vec![
            table("account", &["accountnumber", "name", "telephone1"]),
            table("contact", &["lastname"]),
        ],
        records: std::iter::empty().collect(),
        operations: Vec::new(),
        timeline: VecDeque::new(),
        alarms: Vec::new(),
        taken: std::collections::BTreeMap::new(),
        lock: Lock::ReadOnly { may_arm: true },
        is_remembered: true,
        has_history: true,
        journal_fault: None,
        hook: None,
        agent: None,
        told: None,
        preview: None,
        explained: None,
        notices: VecDeque::new(),
    }
}

/// A record in a drift.
pub fn record(table: u16, number: u128, drift: Drift, name: &str) -> Record {
    Record {
        key: key(table, number),
        drift,
        is_guess: false,
        name: name.to_owned(),
        number: format!("N{number}"),
        other: None,
        since: Some(at(40).wall),
        parked: None,
        is_left_out: false,
        sides: Arc::new(Sides {
            source: Side::Absent,
            target: Side::Absent,
            differing: vec![1],
            read: at(90),
        }),
        under_way: None,
        last: None,
    }
}

/// Something is out of step in every way.
pub fn out_of_step() -> State {
    let mut state = well();
    let records = vec![
        record(0, 1, Drift::Stub, "Beta"),
        record(0, 2, Drift::Missing, "Alpha"),
        record(1, 3, Drift::Missing, "=Evil \u{202e}name"),
        record(0, 4, Drift::Diverged, "Gamma, \"Inc\""),
    ];
    for (index, table) in (0u16..).zip(&mut state.tables) {
        let drifts = records
            .iter()
            .filter(|record| record.key.table == TableIndex(index))
            .map(|record| record.drift);
        table.counts = drifts.chain([Drift::InSync; 5]).collect();
        table.oldest_pending = Some(at(40).wall);
    }
    state.records = records.into_iter().collect();
    state
}
