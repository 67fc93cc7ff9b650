//! Snapshots that reproduce the mock-ups' figures, as far as the console knows such figures today.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::alert::{AlertKey, When};
use crate::domain::breaker::{BreakerStatus, Class, Counts as Calls, Phase};
use crate::domain::customer::Mark;
use crate::domain::drift::{CompareRules, ComparedColumn, Drift, Side};
use crate::domain::failure::Origin;
use crate::domain::health::{Cell, Health, Summary};
use crate::domain::hook::{self, Answer, Called, HookHealth, STARTED};
use crate::domain::lag::{Runs, Schedule};
use crate::domain::operation::{OperationId, RecordKey, Request, Stage, TableIndex, Verb};
use crate::domain::plan::BlastRadius;
use crate::domain::row::{ETag, Placeholder, Reference, Row, RowId, Value};
use crate::domain::run::{Backend, PlatformRun, RunId, RunStatus};
use crate::domain::table::{ColumnName, ColumnType, LookupTarget, TableName};
use crate::domain::time::Now;
use crate::engine::State;
use crate::engine::records::{Record, Records, Sides};
use crate::engine::report::{Customer, OpenTickets, Ticket};
use crate::engine::state::{
    Alarm, Counts, Entry, Finished, Flagged, HookState, InstanceState, LinkState, Lock,
    OperationRecord, OperationState, RunList, SyncRun, SyncState, TableState, Tally, Tone, Traffic,
    Waiting,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A moment of November 2026 by the clock of Central Europe.
pub fn at(day: i64, hour: i64, minute: i64, second: i64) -> Now {
    let local = ((day * 24 + hour) * 60 + minute) * 60 + second;
    let november: DateTime<Utc> = "2026-10-31T23:00:00Z".parse().unwrap();
    let seconds = local - 24 * 3600;
    Now {
        mono: Duration::from_secs(u64::try_from(seconds).unwrap()),
        wall: november + chrono::Duration::seconds(seconds),
    }
}

pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// So long before a moment.
pub fn ago(now: Now, by: Duration) -> Now {
    Now {
        mono: now.mono.saturating_sub(by),
        wall: now.wall - chrono::Duration::from_std(by).unwrap(),
    }
}

pub fn breaker(class: Class, phase: Phase, since: Now) -> BreakerStatus {
    BreakerStatus {
        class,
        phase,
        since,
        cause: None,
        not_sent: 0,
        opened_today: 0,
        next_probe: 0,
        counts: Calls::default(),
    }
}

fn spark(pattern: &[u64]) -> Vec<Cell> {
    let cells = pattern.iter().cycle().take(40);
    cells
        .map(|ms| Cell::Answered(Duration::from_millis(*ms)))
        .collect()
}

fn instance(name: &str, band: &str, is_target: bool, now: Now, since: Now) -> InstanceState {
    let mut classes = vec![Class::Read, Class::Write, Class::Auth];
    classes.retain(|class| is_target || *class != Class::Write);
    InstanceState {
        name: name.to_owned(),
        band: band.to_owned(),
        url: format!("http://{name}.example"),
        is_target,
        health: Health::Healthy,
        since,
        before: None,
        answered: Some(ago(now, secs(2))),
        last_error: None,
        refused: None,
        breakers: classes
            .into_iter()
            .map(|class| breaker(class, Phase::Closed, since))
            .collect(),
        gate: None,
        calls: Summary {
            p50: Some(Duration::from_millis(61)),
            p95: Some(Duration::from_millis(148)),
            answered: Some(ago(now, secs(2)).wall),
            calls: 312,
            usual: Some(Duration::from_millis(60)),
            ..Summary::default()
        },
        cells: spark(&[61, 61, 40, 61, 61, 90]),
        skew: chrono::Duration::zero(),
        version: Some("9.2".to_owned()),
        next_probe: Some(now.after(secs(3))),
        last_outage: None,
        traffic: Traffic::default(),
    }
}

fn column(name: &str, kind: ColumnType, stub: bool, key: bool) -> ComparedColumn {
    ComparedColumn {
        stub,
        key,
        ..ComparedColumn::new(ColumnName::new(name).unwrap(), kind)
    }
}

const TEXT: ColumnType = ColumnType::Text { max_length: None };

fn rules(table: &str) -> CompareRules {
    let lookup = |table: &str| ColumnType::Lookup {
        targets: vec![LookupTarget {
            table: TableName::new(table).unwrap(),
            bind: String::new(),
        }],
    };
    let columns = if table == "account" {
        vec![
            column("name", TEXT, true, false),
            column("accountnumber", TEXT, false, true),
            column("telephone1", TEXT, false, false),
            column("emailaddress1", TEXT, false, false),
            column("address1_city", TEXT, false, false),
            column("websiteurl", TEXT, false, false),
            column("numberofemployees", ColumnType::Integer, false, false),
            column("primarycontactid", lookup("contact"), false, false),
        ]
    } else {
        vec![
            column("firstname", TEXT, false, false),
            column("lastname", TEXT, true, false),
            column("emailaddress1", TEXT, false, false),
            column("parentcustomerid", lookup("account"), false, false),
        ]
    };
    CompareRules {
        columns,
        placeholder: Placeholder::default(),
    }
}

fn counts(parts: &[(Drift, usize)]) -> Counts {
    parts
        .iter()
        .flat_map(|(drift, n)| std::iter::repeat_n(*drift, *n))
        .collect()
}

fn table(
    name: &str,
    parts: &[(Drift, usize)],
    lag: Duration,
    now: Now,
    compared: Now,
) -> TableState {
    TableState {
        link: 0,
        name: TableName::new(name).unwrap(),
        rules: Arc::new(rules(name)),
        counts: counts(parts),
        flagged: Flagged::default(),
        oldest_pending: (!lag.is_zero()).then(|| ago(now, lag).wall),
        compared: Some(compared),
        full: None,
        comparing: None,
        changed_since: 0,
        failure: None,
    }
}

fn entry(seq: u64, at: Now, instance: Option<usize>, text: &str, tone: Tone) -> Arc<Entry> {
    Arc::new(Entry {
        seq,
        at: at.wall,
        instance,
        text: text.to_owned(),
        tone,
        who: None,
    })
}

fn state(now: Now, us: InstanceState, europe: InstanceState, tables: Vec<TableState>) -> State {
    State {
        now,
        started: at(14, 23, 4, 0),
        instances: vec![us, europe],
        links: vec![LinkState {
            name: "us-europe".to_owned(),
            source: 0,
            target: 1,
            schedule: Schedule {
                cadence: 24 * HOUR,
                grace: HOUR,
                settle: secs(60),
            },
            sync: SyncState {
                backend: Backend::BuiltIn,
                list: None,
                unlisted: None,
                is_scheduled: true,
                running: None,
                last_success: Some(at(23, 3, 4, 0).wall),
                last_success_began: None,
                last_run: None,
                next_due: Some(at(25, 3, 0, 0).wall),
                runs: Runs {
                    any: true,
                    ..Runs::default()
                },
            },
            fault: None,
            warnings: Vec::new(),
            ensuring: None,
            lags: lags(
                now,
                secs(u64::try_from((now.wall - at(23, 3, 4, 0).wall).num_seconds()).unwrap_or(0)),
            ),
        }],
        tables,
        records: Records::default(),
        operations: Vec::new(),
        timeline: VecDeque::new(),
        alarms: Vec::new(),
        taken: std::collections::BTreeMap::new(),
        lock: Lock::ReadOnly { may_arm: true },
        is_remembered: true,
        has_history: true,
        journal_fault: None,
        hook: Some(HookState {
            link: 0,
            health: hook(now),
        }),
        agent: None,
        told: None,
        preview: None,
        explained: None,
        notices: VecDeque::new(),
    }
}

pub fn alarm(rule: &str, subject: &str, since: Now) -> Alarm {
    Alarm {
        key: AlertKey {
            rule: rule.to_owned(),
            subject: subject.to_owned(),
        },
        when: When::BreakerOpen,
        since: since.wall,
        text: format!("{subject} breaker OPEN: 5 failures in a row: HTTP 503"),
        runbook: Some("r1: status.example.com/eu".to_owned()),
        was_seen_to_begin: true,
        is_told: true,
    }
}

/// A hook that answers and is called.
fn hook(now: Now) -> HookHealth {
    let calls = |ensured| {
        hook::Calls::read(&format!(
            "{STARTED} 1\ntandem_hook_calls_total{{outcome=\"ensured\"}} {ensured}\n"
        ))
    };
    let mut health = HookHealth::default();
    health.answered(Answer::NotAsked, None, ago(now, 75 * HOUR));
    health.answered(Answer::Well, None, ago(now, 74 * HOUR));
    health.answered(Answer::Well, Some(calls(100)), ago(now, secs(290)));
    health.answered(Answer::Well, Some(calls(134)), ago(now, secs(2)));
    health.set_called(Called::Yes);
    health
}

/// Lags of a link that was last synced so long ago and whose oldest record was a day old then: a look every ten minutes.
pub fn lags(now: Now, synced: Duration) -> Arc<Vec<(DateTime<Utc>, Duration)>> {
    let looks = (0..156u64).rev().map(|look| {
        let back = secs(look * 600);
        let at = ago(now, back).wall;
        match synced.checked_sub(back) {
            Some(since) => (at, since),
            None => (at, 23 * HOUR),
        }
    });
    Arc::new(looks.collect())
}

/// Two minutes after the page: Europe is down (mock-ups 1 and 2).
pub fn outage() -> State {
    let now = at(24, 3, 12, 40);
    let down = at(24, 3, 6, 31);
    let us = instance("us", "US PROD", false, now, at(14, 23, 4, 0));
    let mut europe = instance("europe", "EU PROD", true, now, down);
    europe.health = Health::Down;
    europe.before = Some((Health::Healthy, 74 * HOUR));
    europe.answered = Some(at(24, 3, 6, 29));
    europe.last_error = Some((at(24, 3, 12, 3), "HTTP 503".to_owned(), Origin::Remote));
    europe.calls = Summary {
        p50: Some(Duration::from_millis(84)),
        p95: Some(Duration::from_millis(212)),
        answered: Some(at(24, 3, 6, 29).wall),
        calls: 3,
        remote_errors: 3,
        probes_only: true,
        usual: Some(Duration::from_millis(80)),
        ..Summary::default()
    };
    let mut cells = spark(&[84, 84, 84, 130]);
    cells.truncate(34);
    cells.extend([
        Cell::Answered(Duration::from_millis(190)),
        Cell::Answered(Duration::from_millis(700)),
    ]);
    cells.extend([Cell::NoAnswer; 4]);
    europe.cells = cells;
    let open = |class, since: Now, not_sent| BreakerStatus {
        cause: Some("5 failures in a row: HTTP 503 Service Unavailable".to_owned()),
        not_sent,
        opened_today: 1,
        next_probe: 7,
        ..breaker(
            class,
            Phase::Open {
                until: now.after(secs(37)),
            },
            since,
        )
    };
    europe.breakers = vec![
        open(Class::Read, at(24, 3, 6, 52), 57),
        open(Class::Write, at(24, 3, 6, 49), 4),
        breaker(Class::Auth, Phase::Closed, ago(now, 74 * HOUR)),
    ];
    let mut state = state(now, us, europe, pending_tables(now, at(24, 3, 6, 31)));
    for (table, since) in state.tables.iter_mut().zip([3, 6]) {
        table.changed_since = since;
    }
    state.alarms = vec![
        alarm("instance-down", "europe write", at(24, 3, 6, 49)),
        alarm("instance-down", "europe read", at(24, 3, 6, 52)),
    ];
    state.links[0].sync.last_run = Some(SyncRun {
        who: "agent".to_owned(),
        started: at(24, 3, 0, 2).wall,
        took: secs(402),
        done: 214,
        total: 305,
        failure: Some("HTTP 503".to_owned()),
    });
    state.links[0].sync.runs.failed_in_a_row = 1;
    state.operations = vec![
        done(Verb::Rehydrate, at(24, 2, 41, 0), "anna", "INC-4466", 3),
        done(Verb::Ensure, at(24, 1, 17, 0), "jo", "CAS-01866", 1),
        done(Verb::Ensure, at(24, 0, 52, 0), "jo", "CAS-01865", 1),
    ];
    state.timeline = [
        entry(
            1,
            at(24, 3, 0, 2),
            None,
            "sync run 03:00 started by its schedule",
            Tone::Plain,
        ),
        entry(
            2,
            at(24, 3, 6, 31),
            Some(1),
            "HEALTHY → DOWN: HTTP 503, request id 5f0c2a91",
            Tone::Bad,
        ),
        entry(
            3,
            at(24, 3, 6, 44),
            None,
            "sync run 03:00 failed at 214 of 305 records: HTTP 503",
            Tone::Care,
        ),
        entry(
            4,
            at(24, 3, 6, 49),
            Some(1),
            "write breaker closed → OPEN: 5 failures in a row",
            Tone::Bad,
        ),
        entry(
            5,
            at(24, 3, 6, 52),
            Some(1),
            "read breaker closed → OPEN: 5 failures in a row",
            Tone::Bad,
        ),
        entry(
            6,
            at(24, 3, 12, 3),
            Some(1),
            "probe 6 failed: HTTP 503 after 210 ms",
            Tone::Plain,
        ),
    ]
    .into();
    state.records = problems(now);
    state
}

fn pending_tables(now: Now, compared: Now) -> Vec<TableState> {
    let account = [
        (Drift::InSync, 470),
        (Drift::Missing, 7),
        (Drift::Stub, 12),
        (Drift::Stale, 9),
        (Drift::Diverged, 4),
        (Drift::Orphan, 2),
        (Drift::Duplicate, 1),
        (Drift::Local, 3),
    ];
    let contact = [
        (Drift::InSync, 1_138),
        (Drift::Missing, 16),
        (Drift::Stub, 28),
        (Drift::Stale, 17),
        (Drift::Diverged, 5),
        (Drift::Orphan, 1),
    ];
    vec![
        table("account", &account, secs(85_860), now, compared),
        table("contact", &contact, secs(85_080), now, compared),
    ]
}

/// Europe answers again and throttles; a run of the sync drains what waited (mock-up 3).
pub fn recovering() -> State {
    let now = at(24, 4, 11, 5);
    let us = instance("us", "US PROD", false, now, at(14, 23, 4, 0));
    let mut europe = instance("europe", "EU PROD", true, now, at(24, 4, 7, 32));
    europe.health = Health::Throttled;
    europe.before = Some((Health::Down, secs(3_661)));
    europe.last_outage = Some((at(24, 4, 7, 32), secs(3_661)));
    europe.gate = Some((now.after(secs(23)), "429".to_owned()));
    europe.calls = Summary {
        p50: Some(Duration::from_millis(300)),
        p95: Some(Duration::from_millis(2_900)),
        answered: Some(now.wall),
        calls: 210,
        remote_errors: 9,
        usual: Some(Duration::from_millis(80)),
        ..Summary::default()
    };
    europe.cells = [Cell::NoAnswer; 38].to_vec();
    europe
        .cells
        .extend([Cell::Answered(Duration::from_millis(900)); 2]);
    for one in &mut europe.breakers {
        one.since = ago(now, secs(146));
        one.opened_today = usize::from(one.class != Class::Auth);
    }
    let mut tables = pending_tables(now, ago(now, secs(3)));
    tables[0].counts = counts(&[
        (Drift::InSync, 479),
        (Drift::Missing, 2),
        (Drift::Stub, 8),
        (Drift::Stale, 9),
        (Drift::Diverged, 4),
        (Drift::Orphan, 2),
        (Drift::Duplicate, 1),
    ]);
    tables[1].counts = counts(&[
        (Drift::InSync, 1_157),
        (Drift::Missing, 6),
        (Drift::Stub, 19),
        (Drift::Stale, 17),
        (Drift::Diverged, 5),
        (Drift::Orphan, 1),
    ]);
    tables[0].oldest_pending = Some(ago(now, secs(89_340)).wall);
    tables[1].oldest_pending = Some(ago(now, secs(88_560)).wall);
    let mut state = state(now, us, europe, tables);
    let run = operation(
        Verb::Sync,
        at(24, 4, 8, 31),
        "anna",
        "INC-4471",
        Tally {
            total: 98,
            accepted: 61,
            verified: 37,
            ..Tally::default()
        },
    );
    state.links[0].sync.running = Some(run.request.id);
    state.operations = vec![Arc::new(run)];
    state.timeline = [
        entry(
            1,
            at(24, 4, 7, 32),
            Some(1),
            "DOWN → DEGRADED after 1h01m",
            Tone::Good,
        ),
        entry(
            2,
            at(24, 4, 8, 31),
            None,
            "sync run 04:08 started by anna (T), reason INC-4471",
            Tone::Plain,
        ),
        entry(
            3,
            at(24, 4, 8, 39),
            Some(1),
            "write breaker half-open → closed: 2 writes verified",
            Tone::Good,
        ),
        entry(
            4,
            at(24, 4, 10, 52),
            Some(1),
            "throttled 0:36: 429, 6,000 requests in 5 min",
            Tone::Care,
        ),
    ]
    .into();
    state.lock = Lock::Armed {
        who: "anna".to_owned(),
        reason: "INC-4471".to_owned(),
        until: now.after(secs(740)),
    };
    state
}

/// A quiet day (mock-up 4).
pub fn quiet() -> State {
    let now = at(24, 14, 20, 7);
    let us = instance("us", "US PROD", false, now, at(14, 23, 4, 0));
    let mut europe = instance("europe", "EU PROD", true, now, at(24, 4, 12, 0));
    europe.calls.p50 = Some(Duration::from_millis(82));
    europe.calls.p95 = Some(Duration::from_millis(205));
    let tables = vec![
        table(
            "account",
            &[
                (Drift::InSync, 498),
                (Drift::Diverged, 4),
                (Drift::Orphan, 2),
                (Drift::Duplicate, 1),
            ],
            Duration::ZERO,
            now,
            ago(now, secs(4)),
        ),
        table(
            "contact",
            &[
                (Drift::InSync, 1_199),
                (Drift::Diverged, 5),
                (Drift::Orphan, 1),
            ],
            Duration::ZERO,
            now,
            ago(now, secs(4)),
        ),
    ];
    let mut state = state(now, us, europe, tables);
    state.links[0].sync.last_success = Some(at(24, 4, 16, 0).wall);
    state.timeline = [
        entry(
            1,
            at(24, 4, 7, 32),
            Some(1),
            "DOWN → DEGRADED after 1h01m",
            Tone::Good,
        ),
        entry(
            2,
            at(24, 4, 8, 39),
            Some(1),
            "write breaker half-open → closed: 2 writes verified",
            Tone::Good,
        ),
        entry(
            3,
            at(24, 4, 16, 2),
            None,
            "link in step: 98 records drained in 7m38s",
            Tone::Good,
        ),
    ]
    .into();
    state.records = problems(now);
    state
}

/// The quiet state, with a hook that the target calls and that does not answer.
pub fn hooked() -> State {
    let mut state = quiet();
    let mut health = crate::domain::hook::HookHealth::default();
    health.set_called(crate::domain::hook::Called::Yes);
    let silent = crate::domain::hook::Answer::Silent("connection refused".to_owned());
    health.answered(silent, None, ago(state.now, secs(80)));
    state.hook = Some(crate::engine::state::HookState { link: 0, health });
    state
}

/// Both instances are well, and records wait (as in mock-up 5): what verbs are tried on.
pub fn working() -> State {
    let mut state = quiet();
    let now = state.now;
    state.tables = pending_tables(now, ago(now, secs(18)));
    state
}

/// Nothing has been answered yet: the first paint.
pub fn blank() -> State {
    let now = at(24, 3, 0, 0);
    let first = |name, band, is_target| {
        let mut one = instance(name, band, is_target, now, now);
        one.health = Health::Unknown;
        one.answered = None;
        one.calls = Summary::default();
        one.cells.clear();
        one
    };
    let mut tables = pending_tables(now, now);
    for table in &mut tables {
        table.counts = Counts::default();
        table.compared = None;
        table.oldest_pending = None;
    }
    let mut state = state(
        now,
        first("us", "US DEMO", false),
        first("europe", "EU DEMO", true),
        tables,
    );
    state.links[0].sync = SyncState::default();
    state
}

pub fn id(n: u128) -> RowId {
    RowId::new(Uuid::from_u128(
        0x5727_1611_4d39_569b_a971_0000_0000_0000 + n,
    ))
    .unwrap()
}

pub fn record_key(table: u16, n: u128) -> RecordKey {
    RecordKey {
        table: TableIndex(table),
        id: id(n),
    }
}

fn text(text: &str) -> Value {
    if text.is_empty() {
        Value::Null
    } else {
        Value::Text(text.to_owned())
    }
}

fn row(n: u128, modified: Now, by: &str, values: Vec<Value>) -> Row {
    Row {
        id: id(n),
        etag: ETag::new("W/\"4711\""),
        modified_on: Some(modified.wall),
        modified_by: Some(Reference {
            table: None,
            id: id(900),
            name: Some(by.to_owned()),
        }),
        created_by: None,
        created_on: None,
        values,
    }
}

fn account_values(name: &str, number: &str) -> Vec<Value> {
    let host = name.split_whitespace().next().unwrap_or("x").to_lowercase();
    vec![
        text(name),
        text(number),
        text("+1 602 555 0148"),
        text(&format!("office@{host}.example")),
        text("Tempe"),
        text(&format!("https://{host}.example")),
        Value::Integer(11_560),
        Value::Lookup(Reference {
            table: None,
            id: id(if number == "ALGN" { 2 } else { 77 }),
            name: Some("Ingrid Halvorsen".to_owned()),
        }),
    ]
}

fn contact_values(name: &str, mail: &str) -> Vec<Value> {
    let (first, last) = name.split_once(' ').unwrap_or(("", name));
    vec![
        text(first),
        text(last),
        text(mail),
        Value::Lookup(Reference {
            table: None,
            id: id(if mail.ends_with("aligntech.example") {
                1
            } else {
                7
            }),
            name: Some("Hubbell Incorporated".to_owned()),
        }),
    ]
}

/// A record with both sides as its drift has them.
pub fn record(
    now: Now,
    n: u128,
    drift: Drift,
    name: &str,
    number: &str,
    since: Duration,
) -> Record {
    let is_account = !number.contains('@');
    let table = u16::from(!is_account);
    let full = if is_account {
        account_values(name, number)
    } else {
        contact_values(name, number)
    };
    let mut target = full.clone();
    let mut differing = Vec::new();
    match drift {
        Drift::Stub => {
            let kept = if is_account { 0..2 } else { 1..2 };
            for (place, value) in target.iter_mut().enumerate() {
                if !kept.contains(&place) {
                    *value = Value::Null;
                    differing.push(place);
                }
            }
        }
        Drift::Stale => {
            target[2] = text("+1 602 555 0100");
            differing = vec![2];
        }
        Drift::Diverged => {
            target[2] = text("+49 30 555 0177");
            differing = vec![2];
            if is_account {
                target[4] = text("Berlin");
                target[6] = Value::Null;
                differing = vec![2, 4, 6];
            }
        }
        _ => {}
    }
    let source = row(n, ago(now, since), "Sara Lind", full);
    let target = row(n, ago(now, since / 2), "Lena Roth", target);
    let (source, target) = match drift {
        Drift::Missing => (Side::Row(source), Side::Absent),
        Drift::Orphan => (Side::Absent, Side::Row(target)),
        Drift::Duplicate => (Side::Row(source), Side::Absent),
        Drift::Unknown => (Side::Unreadable("HTTP 403".to_owned()), Side::Row(target)),
        _ => (Side::Row(source), Side::Row(target)),
    };
    let sides = Sides {
        source,
        target,
        differing,
        read: ago(now, secs(2)),
    };
    Record {
        key: record_key(table, n),
        drift,
        is_guess: drift == Drift::Diverged,
        name: name.to_owned(),
        number: number.to_owned(),
        other: (drift == Drift::Duplicate).then(|| id(500 + n)),
        since: Some(ago(now, since).wall),
        parked: None,
        is_left_out: false,
        sides: Arc::new(sides.packed()),
        under_way: None,
        last: None,
    }
}

/// A few records of every drift.
pub fn problems(now: Now) -> Records {
    let h = |hours: f64| Duration::from_secs_f64(hours * 3600.0);
    let one = |n, drift, name, number, since| record(now, n, drift, name, number, since);
    [
        one(1, Drift::Missing, "Align Technology", "ALGN", h(6.34)),
        one(
            2,
            Drift::Missing,
            "Ingrid Halvorsen",
            "i.halvorsen@aligntech.example",
            h(6.34),
        ),
        one(3, Drift::Missing, "Builders FirstSource", "BLDR", h(5.97)),
        one(
            4,
            Drift::Missing,
            "Tomás Pereira",
            "t.pereira@insulet.example",
            h(5.52),
        ),
        one(5, Drift::Missing, "Insulet Corporation", "PODD", h(5.52)),
        one(6, Drift::Stub, "Cboe Global Markets", "CBOE", h(20.04)),
        one(7, Drift::Stub, "Hubbell Incorporated", "HUBB", h(19.74)),
        one(
            8,
            Drift::Stub,
            "Adaeze Brand",
            "a.brand@hubbell.example",
            h(19.74),
        ),
        one(9, Drift::Stub, "Keysight Technologies", "KEYS", h(18.17)),
        one(
            10,
            Drift::Stub,
            "West Pharmaceutical Services",
            "WST",
            h(16.52),
        ),
        one(11, Drift::Stale, "Nordson Corporation", "NDSN", h(3.2)),
        one(
            12,
            Drift::Stale,
            "Gwil Okafor",
            "g.okafor@nordson.example",
            h(3.1),
        ),
        one(13, Drift::Diverged, "Domino's", "DPZ", h(52.07)),
        one(14, Drift::Duplicate, "Zebra Technologies", "ZBRA", h(70.0)),
        one(
            15,
            Drift::Orphan,
            "Rui Castellanos",
            "r.castell@zebra.example",
            h(80.0),
        ),
    ]
    .into_iter()
    .collect()
}

/// An operation under way.
pub fn operation(verb: Verb, asked: Now, who: &str, reason: &str, tally: Tally) -> OperationState {
    OperationState {
        request: Request {
            id: OperationId(Uuid::from_u128(u128::from(asked.mono.as_secs()))),
            verb,
            link: "us-europe".to_owned(),
            reason: reason.to_owned(),
            choices: Vec::new(),
            retries: None,
            at_most: None,
            ticket: String::new(),
            who: who.to_owned(),
            asked: asked.wall,
        },
        radius: Some(BlastRadius {
            chosen: tally.total,
            fills: tally.total,
            ..BlastRadius::default()
        }),
        progress: tally,
        records: Vec::new(),
        waiting: None,
        paused: None,
        started: Some(asked),
        finished: None,
        was_left_behind: false,
    }
}

fn done(verb: Verb, asked: Now, who: &str, reason: &str, n: usize) -> Arc<OperationState> {
    let tally = Tally {
        total: n,
        verified: n,
        ..Tally::default()
    };
    let mut one = operation(verb, asked, who, reason, tally);
    one.finished = Some(Finished {
        at: asked.after(secs(2)).wall,
        took: secs(2),
        cut_short: None,
    });
    Arc::new(one)
}

/// A bulk repair under throttling (mock-up 11).
pub fn bulk() -> State {
    let mut state = quiet();
    let now = at(24, 8, 17, 40);
    state.now = now;
    state.tables = pending_tables(now, ago(now, secs(9)));
    state.tables[1].counts = counts(&[
        (Drift::InSync, 900),
        (Drift::Stub, 1_796),
        (Drift::Diverged, 13),
    ]);
    let tally = Tally {
        total: 2_987,
        accepted: 1_786,
        intended: 4,
        applied: 6,
        verified: 1_184,
        refused: 4,
        held: 2,
        unknown: 1,
        ..Tally::default()
    };
    let mut repair = operation(
        Verb::Rehydrate,
        ago(now, secs(372)),
        "anna",
        "INC-4471",
        tally,
    );
    repair.waiting = Some(Waiting {
        instance: 1,
        why: "429, 6,000 requests in 5 min".to_owned(),
        until: Some(now.after(secs(17))),
        lapses: None,
    });
    let line = |n, name: &str, number: &str, stage, columns| {
        Arc::new(OperationRecord {
            key: record_key(u16::from(number.contains('@')), n),
            name: name.to_owned(),
            number: number.to_owned(),
            stage,
            at: at(24, 8, 11, 31).wall,
            columns,
            took: Duration::from_millis(830),
            on_the_way: false,
        })
    };
    let refused = |why: &str| Stage::Refused(why.to_owned());
    let held = |why: &str| Stage::Held(why.to_owned());
    repair.records = vec![
        line(
            20,
            "FactSet",
            "FDS",
            Stage::Unknown("sent 08:16:58, read back in 0:17".to_owned()),
            0,
        ),
        line(
            7,
            "Hubbell Incorporated",
            "HUBB",
            refused("403 may not write name"),
            0,
        ),
        line(
            8,
            "Adaeze Brand",
            "a@b",
            refused("waits for account Hubbell, failed"),
            0,
        ),
        line(
            14,
            "Zebra Technologies",
            "ZBRA",
            refused("400 telephone1 longer than 50"),
            0,
        ),
        line(
            15,
            "Rui Castellanos",
            "r@z",
            refused("refused by plug-in: VAT id needed"),
            0,
        ),
        line(
            11,
            "Nordson Corporation",
            "NDSN",
            held("edited in Europe 08:14, left alone"),
            0,
        ),
        line(
            12,
            "Gwil Okafor",
            "g@n",
            held("edited in Europe 08:15, left alone"),
            0,
        ),
        line(6, "Cboe Global Markets", "CBOE", Stage::Verified, 7),
        line(9, "Keysight Technologies", "KEYS", Stage::Verified, 8),
    ];
    let mut failed = operation(
        Verb::Ensure,
        at(24, 4, 11, 2),
        "agent",
        "",
        Tally {
            total: 1,
            refused: 1,
            ..Tally::default()
        },
    );
    failed.finished = Some(Finished {
        at: at(24, 4, 11, 3).wall,
        took: secs(1),
        cut_short: None,
    });
    state.operations = vec![
        Arc::new(repair),
        done(Verb::Sync, at(24, 7, 58, 12), "anna", "INC-4471", 98),
        done(Verb::Ensure, at(24, 7, 40, 58), "jo", "CAS-01877", 1),
        Arc::new(failed),
    ];
    for one in &mut state.instances {
        one.answered = Some(ago(now, secs(1)));
        one.since = ago(now, 90 * HOUR);
    }
    state.records = problems(now);
    state
}

/// Unlocks writes.
pub fn armed(mut state: State, reason: &str) -> State {
    state.lock = Lock::Armed {
        who: "anna".to_owned(),
        reason: reason.to_owned(),
        until: state.now.after(secs(821)),
    };
    state
}

/// Very many stubs beside the few of everything.
pub fn many_stubs(n: u128) -> State {
    let mut state = working();
    let now = state.now;
    let few: Vec<Record> = state
        .records
        .iter()
        .map(|(_, record)| record.clone())
        .collect();
    let stubs = (0..n).map(|place| {
        record(
            now,
            1_000 + place,
            Drift::Stub,
            &format!("Company {place:04}"),
            &format!("C{place:04}"),
            secs(9_000),
        )
    });
    state.records = few.into_iter().chain(stubs).collect();
    state
}

fn ticket(
    n: u128,
    number: &str,
    title: &str,
    opened: Now,
    mark: Mark,
    who: (&str, &str, u128),
) -> Ticket {
    let (name, key, customer) = who;
    Ticket {
        id: Some(id(900 + n)),
        number: number.to_owned(),
        title: title.to_owned(),
        created: Some(opened.wall),
        state: Some(0),
        priority: Some(2),
        customer: Some(Customer {
            table: "account".to_owned(),
            id: id(customer),
            mark,
            name: name.to_owned(),
            number: key.to_owned(),
            telephone: "+1 203 555 0119".to_owned(),
            email: String::new(),
            why: None,
        }),
        fault: None,
    }
}

/// The open tickets of the working day.
pub fn tickets(now: Now) -> OpenTickets {
    let hubbell = ("Hubbell Incorporated", "HUBB", 7);
    let refused = Ticket {
        id: None,
        number: String::new(),
        title: "refused, asked for 3 times: the source can't be read".to_owned(),
        ..ticket(
            0,
            "",
            "",
            ago(now, secs(900)),
            Mark::Refused,
            ("Align Technology", "ALGN", 1),
        )
    };
    OpenTickets {
        tickets: vec![
            ticket(
                1,
                "CAS-01911",
                "Invoice has the old address",
                ago(now, secs(1_200)),
                Mark::Whole,
                ("Fastenal", "FAST", 500),
            ),
            ticket(
                2,
                "CAS-01910",
                "Panel arrived without its cover",
                ago(now, secs(4_000)),
                Mark::Stub,
                hubbell,
            ),
            ticket(
                3,
                "CAS-01908",
                "Second panel, same complaint",
                ago(now, secs(9_000)),
                Mark::Stub,
                hubbell,
            ),
            ticket(
                4,
                "CAS-01904",
                "Wants a call back",
                ago(now, secs(90_000)),
                Mark::Local,
                ("Gwil & Sons", "", 501),
            ),
            ticket(
                5,
                "CAS-01890",
                "Contract ended, still billed",
                ago(now, secs(200_000)),
                Mark::Orphan,
                ("Old Customer", "OLD", 502),
            ),
        ],
        is_all: true,
        refused: vec![refused],
        hook_failure: None,
        source_failure: None,
    }
}

/// The runs of a Logic App on the night of the outage.
pub fn with_runs(mut state: State) -> State {
    let run = |name: &str, status, started: Now, took: u64, error: Option<&str>| PlatformRun {
        id: RunId::new(name).unwrap(),
        status,
        started: Some(started.wall),
        ended: (!status.is_under_way()).then(|| started.after(secs(took)).wall),
        error: error.map(str::to_owned),
        trigger: "Recurrence".to_owned(),
        tracking: None,
    };
    let now = state.now;
    let broken = "ActionFailed: upsert_accounts: HTTP 503 Service Unavailable from https://contoso-eu.crm4.dynamics.com after 4 tries";
    let runs = vec![
        run(
            "08584893481CU02",
            RunStatus::Failed,
            at(24, 3, 0, 2),
            402,
            Some(broken),
        ),
        run(
            "08584892617CU11",
            RunStatus::Succeeded,
            at(23, 3, 0, 1),
            252,
            None,
        ),
        run(
            "08584891753CU07",
            RunStatus::Succeeded,
            at(22, 3, 0, 1),
            247,
            None,
        ),
        run(
            "08584890889CU04",
            RunStatus::Cancelled,
            at(21, 3, 0, 1),
            31,
            None,
        ),
    ];
    let sync = &mut state.links[0].sync;
    sync.backend = Backend::LogicApp;
    sync.list = Some(RunList {
        runs: runs.into(),
        at: ago(now, secs(4)),
    });
    state
}
