//! Whether hands that were in the journal are found: the chain, its head elsewhere, the clock; and taking away what is
//! old without breaking it.

use serde_json::json;

use super::*;

/// A journal with 7 entries: an operation on two records, done, and an order to stop.
async fn written(state: &Path) -> (Request, Head) {
    let (journal, _) = open(state);
    let request = request(Verb::Rehydrate);
    let entries = vec![
        accepted(&request, 2),
        staged(&request, 1, Stage::Intended),
        staged(&request, 1, Stage::Applied),
        staged(&request, 1, Stage::Verified),
        staged(&request, 2, Stage::Refused("no".to_owned())),
        finished(&request),
    ];
    journal.append(entries).await.unwrap();
    journal.close().await;
    // Everything into the one file, which can then be copied and changed as a file.
    let connection = Connection::open(folder::database(state)).unwrap();
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    assert_eq!(emptied, Ok(0));
    (request, Audit::open(state).unwrap().head().unwrap())
}

fn tampered(state: &Path, sql: &str) {
    let connection = Connection::open(folder::database(state)).unwrap();
    let triggers: Vec<String> = {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'trigger'";
        let mut statement = connection.prepare(sql).unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    for trigger in triggers {
        let dropped = format!("DROP TRIGGER {trigger}");
        connection.execute_batch(&dropped).unwrap();
    }
    connection
        .pragma_update(None, "foreign_keys", false)
        .unwrap();
    connection.execute_batch(sql).unwrap();
}

fn verified(state: &Path, anchors: &[Head]) -> Verified {
    Audit::open(state).unwrap().verify(anchors).unwrap()
}

#[tokio::test]
async fn security_case_60_a_hand_in_the_journal_is_found_and_where() {
    let flip = |state: &Path| {
        let file = folder::database(state);
        let mut bytes = std::fs::read(&file).unwrap();
        let name = b"Company 2";
        let places = bytes.windows(name.len()).enumerate();
        let at = places
            .filter(|(_, window)| window == name)
            .map(|(at, _)| at)
            .next_back();
        // Rows lie in a page from its end on: the last one is the oldest, entry 2, where record 2 was accepted.
        bytes[at.unwrap()] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    };
    {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("tandem");
        let (_, head) = written(&state).await;
        flip(&state);
        let found = verified(&state, &[head]);
        assert_eq!(found.fault.unwrap().seq, 2);
        assert_eq!(found.head.seq, 1);
    }
    for (what, sql, first_bad) in [
        (
            "one row is deleted",
            "DELETE FROM events WHERE seq = 3",
            Some(3),
        ),
        (
            "one row is deleted with its link of the chain",
            "DELETE FROM events WHERE seq = 3; DELETE FROM chain WHERE seq = 3",
            Some(3),
        ),
        (
            "two rows are swapped",
            "UPDATE events SET seq = -4 WHERE seq = 4; UPDATE events SET seq = 4 WHERE seq = 5;
             UPDATE events SET seq = 5 WHERE seq = -4",
            Some(4),
        ),
        (
            "two links are swapped",
            "UPDATE chain SET entry = -4 WHERE seq = 4; UPDATE chain SET entry = 4 WHERE seq = 5;
             UPDATE chain SET entry = 5 WHERE seq = 4",
            Some(4),
        ),
        (
            "somebody else is said to have asked",
            "UPDATE operations SET who = 'nobody'",
            Some(1),
        ),
        (
            "a row is added",
            "INSERT INTO events (session, operation, stage, wall, mono)
             SELECT session, operation, 'finished', wall, mono FROM events LIMIT 1",
            Some(8),
        ),
        (
            "the tail is cut",
            "DELETE FROM events WHERE seq > 5; DELETE FROM chain WHERE seq > 5",
            None,
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("tandem");
        let (_, head) = written(&state).await;
        assert_eq!(head.seq, 7, "{what}");
        let whole = verified(&state, &[head]);
        assert_eq!((whole.head, whole.fault), (head, None), "{what}");
        assert_eq!(whole.anchors, [(head, Anchored::Found)], "{what}");

        tampered(&state, sql);
        let without = verified(&state, &[]);
        assert_eq!(without.fault.map(|fault| fault.seq), first_bad, "{what}");
        let with = verified(&state, &[head]);
        let anchored = match first_bad {
            Some(_) => Anchored::Found,
            None => Anchored::Cut,
        };
        assert_eq!(with.anchors, [(head, anchored)], "{what}");
    }
}

#[tokio::test]
async fn security_case_60_an_older_copy_is_found_by_the_exported_head_alone() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    written(&state).await;
    let older = folder.path().join("older.db");
    std::fs::copy(folder::database(&state), &older).unwrap();
    let (_, head) = written(&state).await;
    std::fs::copy(&older, folder::database(&state)).unwrap();

    assert_eq!(verified(&state, &[]).fault, None, "it is a sound journal");
    let anchors = |heads: &[Head]| -> Vec<Anchored> {
        let found = verified(&state, heads).anchors.into_iter();
        found.map(|(_, found)| found).collect()
    };
    assert_eq!(anchors(&[head]), [Anchored::Cut]);
    // Every session's end left its head beside the journal: the first is still there.
    let exported = state.join("journal.heads");
    let Anchors(heads) = Anchors::parse(exported.to_str().unwrap()).unwrap();
    assert_eq!(heads.last(), Some(&head));
    assert_eq!(anchors(&heads), [Anchored::Found, Anchored::Cut]);
    // What is written on top of it does not hide it.
    written(&state).await;
    assert_eq!(verified(&state, &[]).fault, None);
    assert_eq!(anchors(&[head]), [Anchored::Other]);
}

#[tokio::test]
async fn security_case_62_with_the_clock_set_back_the_order_stays_and_the_entry_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let request = request(Verb::Rehydrate);
    journal.append(vec![accepted(&request, 1)]).await.unwrap();
    let back = |entry: Entry| match entry {
        Entry::Stage {
            operation,
            record,
            stage,
            etag,
            hash,
            columns,
            now,
        } => Entry::Stage {
            operation,
            record,
            stage,
            etag,
            hash,
            columns,
            now: Now {
                wall: now.wall - chrono::Duration::days(365),
                ..now
            },
        },
        other => other,
    };
    for stage in [Stage::Intended, Stage::Applied, Stage::Verified] {
        let entry = back(staged(&request, 1, stage));
        journal.append(vec![entry]).await.unwrap();
    }
    let events = journal.page(request.id, 0, 10).await.unwrap();
    let stages = events.iter().filter_map(|event| match &event.what {
        What::Record { stage, .. } => Some(stage.word()),
        What::Finished(_) => None,
    });
    let stages: Vec<&str> = stages.collect();
    assert_eq!(stages, ["accepted", "intended", "applied", "verified"]);
    let found = verified(&state, &[]);
    assert_eq!(found.fault, None);
    assert_eq!(found.clock_set_back, [2]);
    let marks: Vec<Option<u64>> = exported(&state)
        .iter()
        .map(|entry| entry["clock_set_back_s"].as_u64())
        .collect();
    let year = 365 * 24 * 3600 - 1;
    assert_eq!(marks, [None, Some(year), None, None]);
}

fn exported(state: &Path) -> Vec<serde_json::Value> {
    let mut entries = Vec::new();
    let taken = Audit::open(state).unwrap().export(|entry| {
        entries.push(entry.clone());
        Ok::<(), ()>(())
    });
    taken.unwrap().unwrap();
    entries
}

#[tokio::test]
async fn what_is_overwritten_is_kept_for_thirty_days_and_never_exported() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let request = request(Verb::Rehydrate);
    let values = vec![
        ("telephone1".to_owned(), json!("+1 555 canary")),
        ("numberofemployees".to_owned(), json!(7)),
    ];
    let overwritten = |values| Entry::Overwritten {
        operation: request.id,
        record: record(1),
        values,
        now: at(2),
    };
    let early = vec![accepted(&request, 1), overwritten(values.clone())];
    assert!(
        matches!(journal.append(early).await, Err(JournalError::Illegal(_))),
        "nothing is about to be written"
    );
    let entries = vec![
        accepted(&request, 1),
        staged(&request, 1, Stage::Intended),
        overwritten(values),
    ];
    journal.append(entries).await.unwrap();
    let kept = async |journal: &Journal| {
        let (table, id) = (record(1).table, record(1).id);
        let kept = journal.overwritten(table, id).await.unwrap();
        let kept = kept.into_iter().map(|kept| (kept.column, kept.value));
        kept.collect::<Vec<_>>()
    };
    let known = kept(&journal).await;
    assert_eq!(known[0], ("telephone1".to_owned(), json!("+1 555 canary")));
    assert_eq!(known[1], ("numberofemployees".to_owned(), json!(7)));
    journal.close().await;
    let export = exported(&state);
    assert_eq!(export.len(), 2);
    assert!(!format!("{export:?}").contains("canary"));
    assert_eq!(export[1]["columns"], json!(["name", "telephone1"]));
    assert_eq!(export[1]["ticket"], "INC-42");

    let open_after = |days: u64| {
        let now = at(days * 24 * 3600);
        let opened = Journal::open(&own(&state), &SessionInfo { now, ..info() });
        opened.unwrap().0
    };
    let journal = open_after(30);
    assert_eq!(kept(&journal).await.len(), 2);
    journal.close().await;
    let journal = open_after(31);
    assert_eq!(kept(&journal).await, []);
    journal.close().await;
    let bytes = std::fs::read(folder::database(&state)).unwrap();
    let canary = b"canary";
    assert!(
        !bytes.windows(canary.len()).any(|window| window == canary),
        "it is not left lying in a free page"
    );
}

fn pruned(state: &Path, days: u64) -> Result<Pruned, PruneError> {
    let now = at(days * 24 * 3600);
    let before = now.wall - chrono::Duration::days(90);
    prune(&own(state), &SessionInfo { now, ..info() }, before)
}

#[tokio::test]
async fn what_is_old_and_over_is_pruned_and_the_rest_still_proves_itself() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (_, first) = written(&state).await;
    assert_eq!(pruned(&state, 80).unwrap().entries, 0, "not old enough");
    let (journal, _) = open(&state);
    let unfinished = request(Verb::Sync);
    journal
        .append(vec![accepted(&unfinished, 1)])
        .await
        .unwrap();
    journal.close().await;
    let (_, head) = written(&state).await;
    assert_eq!(head.seq, 15);
    let whole = exported(&state);

    let done = pruned(&state, 100).unwrap();
    assert_eq!((done.entries, done.origin), (7, first));
    let why = done.held_by.unwrap();
    assert_eq!(why, format!("operation {} is not finished", unfinished.id));
    let found = verified(&state, &[head, first, Head { seq: 3, ..first }]);
    assert_eq!((found.origin, found.head, found.fault), (first, head, None));
    let anchors: Vec<Anchored> = found.anchors.iter().map(|(_, found)| *found).collect();
    assert_eq!(
        anchors,
        [Anchored::Found, Anchored::Found, Anchored::Pruned]
    );
    assert_eq!(exported(&state), whole[7..]);
    // A hand in what stayed is still found, and nothing is pruned over it.
    let (journal, recovered) = open(&state);
    assert_eq!(recovered.operations.len(), 2);
    let agreed = journal.agreements("us-europe".to_owned()).await.unwrap();
    assert_eq!(agreed.len(), 1);
    journal.append(vec![finished(&unfinished)]).await.unwrap();
    journal.close().await;
    assert_eq!(pruned(&state, 100).unwrap().entries, 9);
    let (journal, _) = open(&state);
    let kept = journal.agreements("us-europe".to_owned()).await.unwrap();
    assert_eq!(kept, agreed, "what was agreed outlives its events");
    journal.close().await;
    written(&state).await;
    tampered(
        &state,
        "UPDATE events SET stage = 'applied' WHERE stage = 'verified'",
    );
    let refused = pruned(&state, 200).unwrap_err();
    assert!(
        matches!(refused, PruneError::Unsound { seq: 21, .. }),
        "{refused}"
    );
    assert_eq!(verified(&state, &[]).origin.seq, 16);
}

#[tokio::test]
async fn much_is_pruned_by_and_by_and_an_operation_larger_than_that_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let sizes = [2_000, 9_000, 21_000, 5];
    for size in sizes {
        let request = request(Verb::Rehydrate);
        journal
            .append(vec![accepted(&request, size)])
            .await
            .unwrap();
        journal.append(vec![finished(&request)]).await.unwrap();
    }
    journal.close().await;
    let all: u128 = sizes.iter().map(|size| size + 1).sum();
    let all = u64::try_from(all).unwrap();
    let done = pruned(&state, 100).unwrap();
    assert_eq!((done.entries, done.held_by), (all, None));
    let found = verified(&state, &[]);
    assert_eq!(
        (found.origin.seq, found.head.seq, found.fault),
        (all, all, None)
    );
    let connection = Connection::open(folder::database(&state)).unwrap();
    let origins = "SELECT group_concat(seq) FROM origins";
    let origins: String = connection.query_row(origins, [], |row| row.get(0)).unwrap();
    assert_eq!(origins, "0,2001,11002,32009", "what is little goes along");
}

#[tokio::test]
async fn an_order_to_stop_that_holds_is_never_pruned() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (journal, _) = open(&state);
    let forced = Forced {
        by: "kim".to_owned(),
        reason: "maintenance".to_owned(),
        until: None,
    };
    let stop = Entry::Forced {
        instance: "europe".to_owned(),
        forced: forced.clone(),
        now: at(3),
    };
    journal.append(vec![stop]).await.unwrap();
    journal.close().await;
    let done = pruned(&state, 100).unwrap();
    assert_eq!(done.entries, 0);
    assert!(done.held_by.unwrap().contains("europe is in force"));
    let (journal, recovered) = open(&state);
    assert_eq!(recovered.forced, [("europe".to_owned(), forced)]);
    let release = Entry::Released {
        instance: "europe".to_owned(),
        by: "kim".to_owned(),
        now: at(4),
    };
    journal.append(vec![release]).await.unwrap();
    journal.close().await;
    assert_eq!(pruned(&state, 100).unwrap().entries, 2);
    let (_journal, recovered) = open(&state);
    assert_eq!(recovered.forced, []);
}

/// What format 1 looked like, with one operation in it.
const FORMAT_1: &str = include_str!("format_1.sql");

fn format_1(state: &Path) {
    folder::prepare(&own(state)).unwrap();
    let file = folder::database(state);
    drop(folder::private_file(&file).unwrap());
    let connection = Connection::open(file).unwrap();
    connection
        .pragma_update(None, "journal_mode", "wal")
        .unwrap();
    connection.execute_batch(FORMAT_1).unwrap();
}

#[tokio::test]
async fn format_1_is_copied_then_moved_on_and_chained() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    format_1(&state);
    let unready = Audit::open(&state).unwrap_err().to_string();
    assert!(unready.contains("has no chain yet"), "{unready}");
    let (journal, recovered) = open(&state);
    let operation = &recovered.operations[0];
    assert_eq!(operation.request.reason, "INC-7");
    assert_eq!(operation.request.ticket, "");
    assert_eq!(operation.records[0].stage, Stage::Intended);
    assert_eq!(recovered.forced[0].0, "europe");
    assert_eq!(recovered.oddities, Vec::<String>::new());
    let found = verified(&state, &[]);
    assert_eq!((found.head.seq, found.fault), (3, None));
    journal
        .append(vec![finished(&operation.request)])
        .await
        .unwrap();
    journal.close().await;
    assert_eq!(verified(&state, &[]).head.seq, 4);

    let copy = state.join("journal.format-1.db");
    let mode = std::fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = Connection::open(copy).unwrap();
    let rows: u32 = copy
        .query_row(
            "SELECT count(*) FROM events WHERE chain IS NULL",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!((rows, schema::format(&copy).unwrap()), (2, 1));
}

#[tokio::test]
async fn format_4_keeps_its_chain_and_what_was_confirmed_since_stands_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    let (old, head) = written(&state).await;
    let connection = Connection::open(folder::database(&state)).unwrap();
    let back = "ALTER TABLE operations DROP COLUMN at_most; PRAGMA user_version = 4;";
    connection.execute_batch(back).unwrap();
    drop(connection);
    let unready = Audit::open(&state).unwrap_err().to_string();
    assert!(unready.contains("format 4 is an earlier one"), "{unready}");

    let (journal, recovered) = open(&state);
    let known = recovered
        .operations
        .iter()
        .find(|one| one.request.id == old.id);
    assert_eq!(known.unwrap().request, old);
    let limited = Request {
        at_most: Some(98),
        ..request(Verb::Sync)
    };
    journal.append(vec![accepted(&limited, 1)]).await.unwrap();
    journal.close().await;
    let found = verified(&state, &[head]);
    assert_eq!((found.fault, found.anchors[0].1), (None, Anchored::Found));
    let (journal, recovered) = open(&state);
    let known = recovered
        .operations
        .iter()
        .find(|one| one.request.id == limited.id);
    assert_eq!(known.unwrap().request, limited);
    journal.close().await;
    tampered(
        &state,
        "UPDATE operations SET at_most = 9800 WHERE at_most = 98",
    );
    assert!(verified(&state, &[]).fault.is_some());
}

#[tokio::test]
async fn a_format_does_not_change_under_a_process_that_lives() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    format_1(&state);
    let sessions = sessions::Sessions::begin(&state, Uuid::now_v7()).unwrap();
    let refused = Journal::open(&own(&state), &info())
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("must end before the format can change"),
        "{refused}"
    );
    drop(sessions);
    open(&state);
}

#[tokio::test]
async fn the_weekly_look_finds_what_the_daily_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("tandem");
    written(&state).await;
    // An index that does not fit its table: a quick check passes it over.
    tampered(
        &state,
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_operation ON events (session)'
         WHERE name = 'events_by_operation'",
    );
    let mark = folder::private_file(&state.join("journal.checked")).unwrap();
    let days_ago = |days: i64| (at(0).wall - chrono::Duration::days(days)).into();
    mark.set_modified(days_ago(6)).unwrap();
    let (journal, _) = open(&state);
    let request = request(Verb::Sync);
    journal.append(vec![accepted(&request, 1)]).await.unwrap();
    journal.close().await;

    mark.set_modified(days_ago(8)).unwrap();
    let (journal, _) = open(&state);
    let fault = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            match journal.fault() {
                Some(fault) => break fault,
                None => tokio::task::yield_now().await,
            }
        }
    });
    let fault = fault.await.unwrap();
    assert!(fault.contains("damaged"), "{fault}");
    let broken = journal.append(vec![finished(&request)]).await;
    assert!(matches!(broken, Err(JournalError::Broken(_))), "{broken:?}");
    assert_eq!(journal.page(request.id, 0, 10).await.unwrap().len(), 1);
}

#[test]
fn a_head_is_read_as_it_is_written() {
    let head = Head {
        seq: 12,
        hash: std::array::from_fn(|n| u8::try_from(n * 7 % 256).unwrap()),
    };
    assert_eq!(head.to_string().parse(), Ok(head));
    for bad in [
        "",
        "12",
        "12:",
        "x:00",
        "12:zz",
        &format!("12:{}", "é".repeat(32)),
    ] {
        assert_eq!(bad.parse::<Head>(), Err(BadHead), "{bad}");
        assert!(Anchors::parse(bad).is_err(), "{bad}");
    }
}
