//! What the one writer makes of events.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::DateTime;
use uuid::Uuid;

use super::*;
use crate::config;
use crate::domain::drift::{Drift, Flag};
use crate::domain::operator::Operator;
use crate::domain::row::RowId;
use crate::engine::event::{Comparison, Looked, Named};
use crate::engine::records::Sides;
use crate::engine::start::{Depth, Options, initial_state};

const TABLE: TableIndex = TableIndex(0);

fn at(seconds: u64) -> Now {
    Now {
        mono: Duration::ZERO,
        wall: DateTime::UNIX_EPOCH,
    }
    .after(Duration::from_secs(seconds))
}

/// Of a process that began in second 1000.
fn writer() -> StateWriter {
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
        columns = ["name", "telephone1"]
    "#;
    let config = config::parse(text, Path::new("test.toml"), PathBuf::from("/nowhere"));
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let options = Options {
        who: "anna".to_owned(),
        host: "ops1".to_owned(),
        is_agent: false,
        is_unattended: false,
        follows: true,
        first_sync: Duration::ZERO,
        read_only: true,
        operator: Operator::OnCall,
        compares: false,
        depth: Depth::Changes,
    };
    StateWriter::new(initial_state(&config, &options, at(1000)))
}

/// One record that has been missing since second 100, as it was looked at then.
fn missing(looked_at: u64) -> Event {
    let id = RowId::new(Uuid::from_u128(1)).unwrap_or_else(|| panic!("an id"));
    let looked = Looked {
        record: Named {
            key: RecordKey { table: TABLE, id },
            name: "Align Technology".to_owned(),
            number: "ALGN".to_owned(),
            on_the_way: false,
        },
        drift: Drift::Missing,
        is_guess: false,
        other: None,
        parked: None,
        since: Some(at(100).wall),
        sides: Arc::new(Sides::unread(at(looked_at))),
    };
    Event::Compared(Comparison {
        table: TABLE,
        started: at(looked_at),
        in_sync: 0,
        local: 0,
        full: at(looked_at).wall,
        is_whole: true,
        looked: vec![looked],
        apart: Vec::new(),
    })
}

#[test]
fn what_a_run_of_another_process_left_out_is_told_once_it_was_looked_at_since() {
    let mut writer = writer();
    let mut left_out = |event: Event| {
        writer.apply(event, at(1001));
        writer.snapshot().flagged(Flag::LeftOut)
    };
    let (link, began, ended) = (0, at(500).wall, at(600).wall);
    assert_eq!(left_out(missing(550)), 0, "no run is known");
    let run = Event::SyncRemembered { link, began, ended };
    assert_eq!(left_out(run), 0, "it may have brought it over since");
    assert_eq!(left_out(missing(601)), 1);
}
