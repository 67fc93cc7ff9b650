//! The journal over real files: restarts, kills, full disks, foreign hands.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

mod audit;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};

use super::*;
use crate::domain::alert::AlertKey;
use crate::domain::operation::{Request, Stage, Verb};
use crate::domain::row::{ETag, RowId};
use crate::domain::state_folder::StateFolder;
use crate::domain::table::TableName;
use crate::domain::time::Now;

fn at(seconds: u64) -> Now {
    let start = Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, 0).unwrap();
    Now {
        mono: Duration::ZERO,
        wall: start,
    }
    .after(Duration::from_secs(seconds))
}

fn own(folder: &Path) -> StateFolder {
    StateFolder::own(folder.to_owned())
}

fn open(folder: &Path) -> (Journal, Recovered) {
    Journal::open(&own(folder), &info()).expect("the journal opens")
}

fn info() -> SessionInfo {
    SessionInfo {
        who: "kim".to_owned(),
        host: "ops1".to_owned(),
        version: "0.1.0".to_owned(),
        now: at(0),
    }
}

fn request(verb: Verb) -> Request {
    Request {
        id: OperationId::new(),
        verb,
        link: "us-europe".to_owned(),
        reason: "the call of Monday".to_owned(),
        choices: Vec::new(),
        retries: None,
        at_most: None,
        ticket: "INC-42".to_owned(),
        who: "kim".to_owned(),
        asked: at(1).wall,
    }
}

fn record(number: u128) -> JournalRecord {
    JournalRecord {
        table: TableName::new("account").unwrap(),
        id: RowId::new(Uuid::from_u128(number)).unwrap(),
        name: format!("Company {number}"),
        number: format!("C{number}"),
        on_the_way: false,
    }
}

fn accepted(request: &Request, records: u128) -> Entry {
    Entry::Accepted {
        request: request.clone(),
        records: (1..=records).map(record).collect(),
        now: at(1),
    }
}

fn staged(request: &Request, number: u128, stage: Stage) -> Entry {
    Entry::Stage {
        operation: request.id,
        record: record(number),
        stage,
        etag: ETag::new("W/\"7\""),
        hash: Some(u64::MAX),
        columns: ["name", "telephone1"].map(str::to_owned).into(),
        now: at(2),
    }
}

fn finished(request: &Request) -> Entry {
    Entry::Finished {
        operation: request.id,
        cut_short: None,
        now: at(9),
    }
}

#[tokio::test]
async fn every_stage_survives_a_restart() {
    let paths: [&[Stage]; 7] = [
        &[],
        &[Stage::Intended],
        &[Stage::Intended, Stage::Applied],
        &[Stage::Intended, Stage::Applied, Stage::Verified],
        &[Stage::Intended, Stage::Unknown("timed out".to_owned())],
        &[Stage::Held("edited in the target".to_owned())],
        &[Stage::Abandoned("taken back".to_owned())],
    ];
    for path in paths {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("tandem");
        let (journal, recovered) = open(&state);
        assert_eq!(recovered, Recovered::default());
        let request = request(Verb::Rehydrate);
        journal.append(vec![accepted(&request, 2)]).await.unwrap();
        for stage in path {
            let entry = staged(&request, 1, stage.clone());
            journal.append(vec![entry]).await.unwrap();
        }
        journal.close().await;

        let (journal, recovered) = open(&state);
        let operation = &recovered.operations[0];
        assert_eq!(operation.request, request);
        assert_eq!(operation.finished, None);
        assert_eq!(operation.started.is_some(), !path.is_empty());
        assert!(!operation.runs_elsewhere);
        let last = path.last().cloned().unwrap_or(Stage::Accepted);
        let stands = &operation.records[0];
        assert_eq!(stands.record, record(1));
        assert_eq!(stands.stage, last);
        if !path.is_empty() {
            assert_eq!(stands.etag, ETag::new("W/\"7\""));
            assert_eq!(stands.hash, Some(u64::MAX));
            assert_eq!(stands.columns, ["name", "telephone1"]);
        }
        assert_eq!(operation.records[1].stage, Stage::Accepted);
        assert_eq!(recovered.oddities, Vec::<String>::new());
        journal.close().await;
    }
}

#[tokio::test]
async fn a_shared_folder_is_its_groups_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let group = rustix::process::getegid().as_raw();
    let shared = || own(&state).shared_with(group);
    let (journal, _) = Journal::open(&shared(), &info()).unwrap();
    journal
        .append(vec![accepted(&request(Verb::Ensure), 1)])
        .await
        .unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&state), 0o2770);
    assert_eq!(mode(&state.join("sessions")), 0o2770);
    let mut files = 0;
    for within in [state.clone(), state.join("sessions")] {
        for entry in std::fs::read_dir(within).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                assert_eq!(mode(&entry.path()), 0o660, "{entry:?}");
                files += 1;
            }
        }
    }
    assert!(files >= 4, "database, its log, its locks: {files}");
    journal.close().await;

    let why = |folder: &StateFolder| Journal::open(folder, &info()).unwrap_err().to_string();
    assert!(why(&own(&state)).contains("[state] group"));
    let other = own(&state).shared_with(group + 1);
    assert!(why(&other).contains("is not shared with group"));
    std::fs::set_permissions(
        state.join("journal.db"),
        std::fs::Permissions::from_mode(0o664),
    )
    .unwrap();
    assert!(why(&shared()).contains("outside its group"));
}

#[tokio::test]
async fn who_follows_reads_every_event_with_its_whole_operation() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&folder.path().join("tandem"));
    let chosen = Request {
        choices: vec!["telephone1=source".parse().unwrap()],
        ..request(Verb::Sync)
    };
    let retried = Request {
        retries: Some(chosen.id),
        ..request(Verb::Ensure)
    };
    for request in [&chosen, &retried] {
        journal.append(vec![accepted(request, 1)]).await.unwrap();
    }
    journal.append(vec![finished(&chosen)]).await.unwrap();
    let tail = journal.tail(1, 10).await.unwrap();
    let told: Vec<_> = tail
        .iter()
        .map(|(request, events)| (request, events.len()))
        .collect();
    assert_eq!(told, [(&retried, 1), (&chosen, 1)]);
    assert_eq!(tail[1].1[0].what, What::Finished(None));
    journal.close().await;
}

#[tokio::test]
async fn a_finished_operation_is_remembered_by_its_tally_and_paged() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&folder.path().join("tandem"));
    let request = request(Verb::Sync);
    let refused = || Stage::Refused("the plug-in said no".to_owned());
    let entries = vec![
        accepted(&request, 3),
        staged(&request, 1, Stage::Intended),
        staged(&request, 1, Stage::Applied),
        staged(&request, 1, Stage::Verified),
        staged(&request, 2, refused()),
        staged(&request, 3, refused()),
        staged(&request, 4, Stage::Unchanged("it exists".to_owned())),
        finished(&request),
    ];
    journal.append(entries).await.unwrap();

    let first = journal.page(request.id, 0, 4).await.unwrap();
    let rest = journal.page(request.id, first[3].seq, 100).await.unwrap();
    assert_eq!((first.len(), rest.len()), (4, 6));
    assert_eq!(rest[5].what, What::Finished(None));
    assert!(
        matches!(&rest[1].what, What::Record { stage, .. } if *stage == Stage::Verified),
        "{:?}",
        rest[1]
    );
    let agreed = journal.agreements("us-europe".to_owned()).await.unwrap();
    assert_eq!(agreed.len(), 1);
    assert_eq!(agreed[0].id, record(1).id);
    journal.close().await;

    let (_journal, recovered) = open(&folder.path().join("tandem"));
    let operation = &recovered.operations[0];
    assert!(operation.records.is_empty());
    assert_eq!(operation.finished.as_ref().unwrap().at, at(9).wall);
    let mut tally = operation.tally.clone();
    tally.sort_by_key(|(stage, _)| stage.word());
    let plain = String::new;
    assert_eq!(
        tally,
        [
            (Stage::Refused(plain()), 2),
            (Stage::Unchanged(plain()), 1),
            (Stage::Verified, 1)
        ]
    );
}

#[tokio::test]
async fn only_the_latest_fifty_finished_operations_come_back_but_all_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let unfinished = request(Verb::Ensure);
    journal
        .append(vec![accepted(&unfinished, 1)])
        .await
        .unwrap();
    for _ in 0..60 {
        let request = request(Verb::Ensure);
        let entries = vec![accepted(&request, 1), finished(&request)];
        journal.append(entries).await.unwrap();
    }
    journal.close().await;
    let (_journal, recovered) = open(&state);
    assert_eq!(recovered.operations.len(), 51);
    assert_eq!(recovered.operations[0].request, unfinished);
}

#[tokio::test]
async fn what_can_not_follow_is_refused_alone_and_wholly() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&folder.path().join("tandem"));
    let known = request(Verb::Rehydrate);
    let stranger = request(Verb::Rehydrate);
    journal.append(vec![accepted(&known, 2)]).await.unwrap();
    let illegal = [
        vec![accepted(&known, 1)],
        vec![staged(&known, 1, Stage::Verified)],
        vec![staged(&known, 3, Stage::Applied)],
        vec![staged(&stranger, 1, Stage::Intended)],
        vec![finished(&stranger)],
        vec![
            staged(&known, 2, Stage::Intended),
            staged(&known, 2, Stage::Abandoned("late".to_owned())),
        ],
    ];
    for entries in illegal {
        let shown = format!("{entries:?}");
        let outcome = journal.append(entries).await;
        assert!(matches!(outcome, Err(JournalError::Illegal(_))), "{shown}");
    }
    assert_eq!(journal.fault(), None);
    assert_eq!(journal.page(known.id, 0, 100).await.unwrap().len(), 2);

    journal.append(vec![finished(&known)]).await.unwrap();
    for late in [staged(&known, 1, Stage::Intended), finished(&known)] {
        let outcome = journal.append(vec![late]).await;
        assert!(matches!(outcome, Err(JournalError::Illegal(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_appends_at_once_share_commits() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = open(&folder.path().join("tandem"));
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 0)]).await.unwrap();
    let appends = (1..=1000).map(|number| {
        let journal = journal.clone();
        let entry = staged(&request, number, Stage::Intended);
        tokio::spawn(async move { journal.append(vec![entry]).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
    let events = journal.page(request.id, 0, 2000).await.unwrap();
    assert_eq!(events.len(), 1000);
}

#[tokio::test]
async fn forced_states_survive_until_they_are_released_or_expire() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let forced = |until: Option<DateTime<Utc>>| Forced {
        by: "kim".to_owned(),
        reason: "maintenance".to_owned(),
        until,
    };
    let entry = |instance: &str, until| Entry::Forced {
        instance: instance.to_owned(),
        forced: forced(until),
        now: at(1),
    };
    let (journal, _) = open(&state);
    let hour = Some(at(3600).wall);
    let entries = vec![
        entry("us", None),
        entry("europe", None),
        entry("europe", hour),
        entry("asia", Some(at(0).wall)),
        Entry::Released {
            instance: "us".to_owned(),
            by: "lee".to_owned(),
            now: at(2),
        },
    ];
    journal.append(entries).await.unwrap();
    let expected = vec![("europe".to_owned(), forced(hour))];
    assert_eq!(journal.forced(at(5).wall).await.unwrap(), expected);
    assert_eq!(journal.forced(at(3601).wall).await.unwrap(), []);
    journal.close().await;
    assert_eq!(open(&state).1.forced, expected);
}

#[tokio::test]
async fn notes_survive_are_told_from_a_number_on_and_stand_in_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let alert = AlertKey {
        rule: "down".to_owned(),
        subject: "europe read".to_owned(),
    };
    let entry = |text: &str, takes, second| Entry::Noted {
        who: "jo".to_owned(),
        text: text.to_owned(),
        takes,
        now: at(second),
    };
    let takes = Some((alert, at(600).wall));
    let entries = vec![entry("told the desk", None, 5), entry("", takes.clone(), 6)];
    journal.append(entries).await.unwrap();
    journal.close().await;
    let (journal, _) = open(&state);
    let since = at(0).wall;
    let notes = journal.notes(0, since, 10).await.unwrap();
    let told: Vec<_> = notes
        .iter()
        .map(|one| (one.text.as_str(), one.takes.clone(), one.at))
        .collect();
    let expected = [("told the desk", None, at(5).wall), ("", takes, at(6).wall)];
    assert_eq!(told, expected);
    assert_eq!(
        journal.notes(notes[0].seq, since, 10).await.unwrap(),
        &notes[1..]
    );
    assert_eq!(
        journal.notes(0, since, 1).await.unwrap(),
        &notes[1..],
        "the latest"
    );
    assert_eq!(journal.notes(0, at(6).wall, 10).await.unwrap(), &notes[1..]);
    let verified = Audit::open(&state).unwrap().verify(&[]).unwrap();
    assert_eq!((verified.head.seq, verified.fault), (2, None));
    let connection = Connection::open(folder::database(&state)).unwrap();
    for sql in ["UPDATE notes SET said = 'x'", "DELETE FROM notes"] {
        let refused = connection.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}

#[tokio::test]
async fn only_one_heir_takes_over_what_a_dead_process_left() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (first, _) = open(&state);
    let request = request(Verb::Sync);
    first.append(vec![accepted(&request, 1)]).await.unwrap();

    let (second, recovered) = open(&state);
    assert!(recovered.operations[0].runs_elsewhere);
    assert!(!second.claim(request.id).await.unwrap());
    first.close().await;

    let (third, recovered) = open(&state);
    assert!(!recovered.operations[0].runs_elsewhere);
    assert!(third.claim(request.id).await.unwrap());
    assert!(third.claim(request.id).await.unwrap());
    assert!(!second.claim(request.id).await.unwrap());
    assert!(open(&state).1.operations[0].runs_elsewhere);
    third.close().await;
    assert!(second.claim(request.id).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_f40_two_processes_append_to_one_journal() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (first, second) = (open(&state).0, open(&state).0);
    let request = request(Verb::Sync);
    first.append(vec![accepted(&request, 0)]).await.unwrap();
    let appends = (1..=400).map(|number| {
        let journal = if number % 2 == 0 { &first } else { &second };
        let (journal, entry) = (journal.clone(), staged(&request, number, Stage::Intended));
        tokio::spawn(async move { journal.append(vec![entry]).await })
    });
    for append in appends.collect::<Vec<_>>() {
        append.await.unwrap().unwrap();
    }
    let events = second.page(request.id, 0, 1000).await.unwrap();
    assert_eq!(events.len(), 400);
    let foreign = staged(&request, 2, Stage::Abandoned("no".to_owned()));
    let refused = second.append(vec![foreign]).await;
    assert!(
        matches!(refused, Err(JournalError::Illegal(_))),
        "what the other wrote counts"
    );
}

#[tokio::test]
async fn a_full_disk_ends_all_writing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let full = |connection: &Connection| connection.pragma_update(None, "max_page_count", 60);
    let (journal, _) =
        Journal::open_with(&own(&folder.path().join("tandem")), &info(), full).unwrap();
    let known = request(Verb::Sync);
    journal.append(vec![accepted(&known, 1)]).await.unwrap();

    let mut broken = None;
    for _ in 0..200 {
        let request = request(Verb::Sync);
        if let Err(error) = journal.append(vec![accepted(&request, 50)]).await {
            broken = Some((request, error));
            break;
        }
    }
    let (request, error) = broken.expect("the disk is full at last");
    assert!(matches!(error, JournalError::Broken(_)), "{error}");
    assert!(journal.fault().is_some_and(|fault| fault.contains("full")));
    let small = staged(&known, 1, Stage::Intended);
    let after = journal.append(vec![small]).await;
    assert_eq!(after, Err(error), "it must not be tried again");
    assert_eq!(journal.page(request.id, 0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn nothing_is_ever_changed_or_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 1)]).await.unwrap();
    journal.close().await;
    let connection = Connection::open(folder::database(&state)).unwrap();
    for sql in [
        "UPDATE events SET stage = 'verified'",
        "DELETE FROM events",
        "DELETE FROM operations",
        "UPDATE sessions SET who = 'nobody'",
    ] {
        let error = connection.execute(sql, []).unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_record_that_makes_no_sense_is_reported_and_left_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 1)]).await.unwrap();
    journal.close().await;
    let connection = Connection::open(folder::database(&state)).unwrap();
    let copied = "INSERT INTO events (session, operation, entity, record, name, number, on_the_way, stage, wall, mono)
         SELECT session, operation, entity, record, name, number, on_the_way, 'verified', wall, mono FROM events";
    connection.execute(copied, []).unwrap();
    drop(connection);
    let (_journal, recovered) = open(&state);
    assert_eq!(recovered.operations[0].records[0].stage, Stage::Accepted);
    assert_eq!(recovered.oddities.len(), 1);
    assert!(recovered.oddities[0].contains("can't go from accepted to verified"));
}

#[tokio::test]
async fn security_case_29_folder_and_files_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("deep/tandem");
    let (journal, _) = open(&state);
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 1)]).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<PathBuf> = std::fs::read_dir(&state)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    assert!(files.len() >= 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn what_others_could_have_touched_is_refused() {
    let refusal = |state: &Path| match Journal::open(&own(state), &info()) {
        Err(OpenError::Unsafe(why)) => why,
        other => panic!("{other:?}"),
    };
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    drop(open(&state));
    chmod(&state, 0o755);
    assert!(refusal(&state).contains("open to other users"));
    chmod(&state, 0o700);
    let file = folder::database(&state);
    chmod(&file, 0o644);
    assert!(refusal(&state).contains("open to other users"));
    std::fs::rename(&file, state.join("elsewhere")).unwrap();
    symlink(state.join("elsewhere"), &file).unwrap();
    assert!(refusal(&state).contains("not a plain file"));
    let link = folder.path().join("link");
    symlink(&state, &link).unwrap();
    assert!(refusal(&link).contains("not a folder"));
}

#[tokio::test]
async fn fault_f39_a_newer_or_damaged_journal_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    // Closed for certain: what its log still held would mend the damage.
    open(&state).0.close().await;
    let connection = Connection::open(folder::database(&state)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let newer = Journal::open(&own(&state), &info());
    assert!(matches!(newer, Err(OpenError::Newer { found: 99, .. })));
    std::fs::write(
        folder::database(&state),
        b"not a database at all, but long enough to tell",
    )
    .unwrap();
    let damaged = Journal::open(&own(&state), &info());
    assert!(matches!(damaged, Err(OpenError::Database { .. })));
}

const CHILD: &str = "TANDEM_TEST_JOURNAL_CHILD";

/// The process that [`an_acknowledged_entry_survives_kill_9`] kills; nothing when it is run by itself.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_is_killed() {
    let Some(state) = std::env::var_os(CHILD) else {
        return;
    };
    let (journal, _) = open(Path::new(&state));
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 0)]).await.unwrap();
    let writers = (0..8u128).map(|writer| {
        let (journal, request) = (journal.clone(), request.clone());
        tokio::spawn(async move {
            for number in 1.. {
                let number = writer * 1_000_000 + number;
                let entry = staged(&request, number, Stage::Intended);
                journal.append(vec![entry]).await.unwrap();
                writeln!(std::io::stdout().lock(), "\nack {number}").unwrap();
            }
        })
    });
    futures_util::future::join_all(writers).await;
}

/// Starts [`child_that_is_killed`], and gives the numbers that it has on the disk.
fn child(state: &Path) -> (std::process::Child, impl Iterator<Item = u128> + use<>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "journal::tests::child_that_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let numbers = lines.filter_map(|line| line.unwrap().strip_prefix("ack ")?.parse().ok());
    (child, numbers)
}

#[test]
fn an_acknowledged_entry_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (mut child, mut numbers) = child(&state);
    let mut acknowledged: Vec<u128> = numbers.by_ref().take(300).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(numbers);
    assert!(acknowledged.len() >= 300);

    let found = Audit::open(&state).unwrap().verify(&[]).unwrap();
    assert_eq!(found.fault, None, "a kill leaves no broken chain");
    let (_journal, recovered) = open(&state);
    let operation = &recovered.operations[0];
    assert!(!operation.runs_elsewhere);
    assert_eq!(recovered.oddities, Vec::<String>::new());
    for number in acknowledged {
        let id = record(number).id;
        assert!(
            operation
                .records
                .iter()
                .any(|record| record.record.id == id),
            "{number} was acknowledged and is gone"
        );
    }
}

#[test]
fn fault_f40_processes_side_by_side_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (mut one, mut ones) = child(&state);
    let (mut other, mut others) = child(&state);
    for _ in 0..300 {
        ones.next().expect("it writes");
        others.next().expect("the other one writes too");
    }
    for child in [&mut one, &mut other] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let found = Audit::open(&state).unwrap().verify(&[]).unwrap();
    assert_eq!(found.fault, None);
    assert!(found.head.seq >= 600, "{found:?}");
    let (_journal, recovered) = open(&state);
    assert_eq!(recovered.operations.len(), 2);
    assert_eq!(recovered.oddities, Vec::<String>::new());
}
