//! The journal's own commands on the real binary, after real repairs: what it tells of them, what a hand in it comes
//! to, what is left when it is pruned, and what happens when it can't be written.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran, Running};

fn line(emulator: &Emulator, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    emulator.tandem(&words)
}

fn database(emulator: &Emulator) -> PathBuf {
    emulator.folder.path().join("state/journal.db")
}

/// A record that the US has whole and Europe as a stub.
fn stub(emulator: &Emulator, n: usize) -> String {
    let id = format!("0b0b0b0b-0000-4000-8000-{n:012}");
    let (name, number) = (format!("Journal {n}"), format!("JRN{n}"));
    let whole = json!({
        "accountid": id, "name": name, "accountnumber": number, "telephone1": "+1 555 0100"
    });
    assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
    let stub = json!({"accountid": id, "name": name, "accountnumber": number});
    assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
    id
}

fn entries(emulator: &Emulator) -> Vec<Json> {
    let export = line(emulator, "journal export").exits(0);
    let lines = export.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn what_was_done_is_exported_with_who_why_and_for_which_ticket() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    let missing = line(&emulator, "journal verify").exits(1);
    assert!(
        missing.stderr.contains("journal.db: there is none"),
        "{missing:?}"
    );
    let repair = format!("rehydrate account {id} --reason canary --ticket INC-42 --json");
    let done = line(&emulator, &repair).exits(0).json();
    assert_eq!(done["operations"][0]["ticket"], "INC-42");

    let entries = entries(&emulator);
    let stages: Vec<&str> = entries
        .iter()
        .map(|entry| entry["stage"].as_str().unwrap())
        .collect();
    let expected = ["accepted", "intended", "applied", "verified", "finished"];
    assert_eq!(stages, expected);
    for (seq, entry) in (1..).zip(&entries) {
        assert_eq!(entry["seq"], seq);
        assert_eq!(entry["reason"], "canary");
        assert_eq!(entry["ticket"], "INC-42");
        assert_eq!(entry["verb"], "rehydrate");
        assert!(!entry["who"].as_str().unwrap().is_empty());
    }
    assert_eq!(entries[1]["record"], id.as_str());
    assert_eq!(entries[1]["columns"], json!(["telephone1"]));
    let text = format!("{entries:?}");
    assert!(!text.contains(&emulator.token) && !text.contains("+1 555"));

    let head = line(&emulator, "journal head").exits(0).stdout;
    let of_json = line(&emulator, "journal head --json").json();
    assert_eq!(of_json["head"], head.trim());
    assert_eq!(of_json["seq"], 5);
    assert!(head.contains(entries[4]["chain"].as_str().unwrap()));
}

#[test]
fn security_case_60_verify_names_the_first_bad_entry_and_an_anchor_finds_the_rest() {
    let emulator = Emulator::start();
    let (first, second) = (stub(&emulator, 1), stub(&emulator, 2));
    line(&emulator, &format!("ensure account {first}")).exits(0);
    let older = std::fs::read(settled(&emulator)).unwrap();
    line(&emulator, &format!("rehydrate account {second}")).exits(0);
    let head = line(&emulator, "journal head").stdout.trim().to_owned();
    let sound = line(&emulator, &format!("journal verify --anchor {head}")).exits(0);
    assert!(
        sound.stdout.contains("are as they were written"),
        "{sound:?}"
    );
    let unanchored = line(&emulator, "journal verify").exits(0);
    assert!(unanchored.stderr.contains("--anchor"), "{unanchored:?}");

    let file = settled(&emulator);
    let newer = std::fs::read(&file).unwrap();
    let mut flipped = newer.clone();
    let place = newer.windows(9).position(|window| window == b"Journal 2");
    flipped[place.unwrap()] ^= 1;
    std::fs::write(&file, flipped).unwrap();
    let found = line(&emulator, "journal verify --json").exits(1).json();
    let bad = found["first_bad"]["seq"].as_u64().unwrap();
    assert_eq!(found["first_bad"]["why"], "it is not what was written");
    assert_eq!(found["entries"], bad - 1);
    let said = line(&emulator, "journal verify").exits(1).stdout;
    assert!(
        said.contains(&format!("entry {bad} is the first bad one")),
        "{said}"
    );
    let refused = line(&emulator, "journal prune --older-than 1s").exits(4);
    assert!(refused.stderr.contains("Nothing was pruned"), "{refused:?}");

    std::fs::write(&file, older).unwrap();
    line(&emulator, "journal verify").exits(0);
    let found = line(&emulator, &format!("journal verify --anchor {head} --json")).exits(1);
    assert_eq!(found.json()["anchors"][0]["is"], "cut");
    // The heads of all sessions stand beside the journal.
    let heads = emulator.folder.path().join("state/journal.heads");
    let found = line(
        &emulator,
        &format!("journal verify --anchor {}", heads.display()),
    )
    .exits(1);
    assert!(
        found.stdout.contains("an older copy was put back"),
        "{found:?}"
    );
    line(&emulator, "journal verify --anchor nonsense").exits(2);

    std::fs::write(
        &file,
        b"not a database, but long enough to tell it from one",
    )
    .unwrap();
    line(&emulator, "journal verify").exits(1);
}

/// The database with everything in the one file.
fn settled(emulator: &Emulator) -> PathBuf {
    let file = database(emulator);
    let connection = rusqlite::Connection::open(&file).unwrap();
    let emptied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0));
    assert_eq!(emptied, Ok(0));
    file
}

#[test]
fn security_case_59_a_request_that_left_stands_in_the_journal_as_intended() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 60_000}));
    emulator.clear_log();
    let words = ["rehydrate", "account", &id, "--quiet"];
    let mut killed = Running::start(&mut emulator.command(&words));
    emulator.until("the request has left", || emulator.writes().len() == 1);
    killed.kill();
    let entries = entries(&emulator);
    let last = entries.last().unwrap();
    assert_eq!(last["stage"], "intended");
    assert_eq!(last["record"], id.as_str());
    assert_eq!(last["columns"], json!(["telephone1"]));
    line(&emulator, "journal verify").exits(0);
}

#[test]
fn security_case_61_the_operator_is_the_systems_and_notes_are_tamed() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    let note = format!("\u{1b}[2J{}", "canary ".repeat(1000));
    let words = [
        "rehydrate",
        "account",
        &id,
        "--reason",
        &note,
        "--ticket",
        &note,
    ];
    let mut command = emulator.command(&words);
    command.env("USER", "nobody").env("LOGNAME", "nobody");
    Ran::from(command.output().unwrap()).exits(0);
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap();
    for entry in entries(&emulator) {
        assert_eq!(entry["who"], user.trim());
        for note in ["reason", "ticket"] {
            let note = entry[note].as_str().unwrap();
            assert_eq!(note.chars().count(), 1000);
            assert!(
                !note.contains('\u{1b}') && note.contains("canary"),
                "{note}"
            );
        }
    }
    line(&emulator, &format!("rehydrate account {id} --who nobody")).exits(2);
}

#[test]
fn what_is_old_is_pruned_and_the_journal_goes_on() {
    let emulator = Emulator::start();
    let (first, second) = (stub(&emulator, 1), stub(&emulator, 2));
    line(&emulator, &format!("rehydrate account {first}")).exits(0);
    let head = line(&emulator, "journal head").stdout.trim().to_owned();
    let young = line(&emulator, "journal prune --json").exits(0).json();
    assert_eq!(young["pruned"], 0);
    emulator.until("it is a moment old", || {
        line(&emulator, "journal prune --older-than 1s --json").exits(0);
        entries(&emulator).is_empty()
    });
    line(&emulator, &format!("journal verify --anchor {head}")).exits(0);
    line(&emulator, &format!("rehydrate account {second}")).exits(0);
    let found = line(&emulator, &format!("journal verify --anchor {head} --json")).exits(0);
    assert_eq!(found.json()["origin"], head.as_str());
    assert_eq!(entries(&emulator)[0]["seq"], 6);
}

#[test]
fn fault_f38_a_journal_that_can_not_grow_stops_all_writing_and_reading_goes_on() {
    let emulator = Emulator::start();
    let ids: Vec<String> = (0..200).map(|n| stub(&emulator, n)).collect();
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    line(&emulator, "status");
    emulator.clear_log();
    // No file of this process may grow beyond so many kilobytes: what EIO and a full disk come to.
    let limited = |kilobytes: u32, words: &str| -> Ran {
        let arguments: Vec<&str> = words.split_whitespace().collect();
        let command = emulator.command(&arguments);
        let script = format!("trap '' XFSZ; ulimit -f {kilobytes}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("bash");
        shell.arg("-c").arg(script).arg(command.get_program());
        shell.args(command.get_args());
        shell.env("TANDEM_TOKEN", &emulator.token);
        shell.output().unwrap().into()
    };
    let repair = format!(
        "rehydrate account --from {} --yes 200 --reason full --json",
        file.display()
    );
    let full = limited(400, &repair);
    assert_ne!(full.code, 0, "{full:?}");
    let said = format!("{} {}", full.stdout, full.stderr);
    assert!(
        said.contains("the journal can't be written: disk I/O error: see to the disk"),
        "{said}"
    );
    assert_eq!(said.matches("can't be written").count(), 1, "{said}");
    let sent = emulator.writes().len();
    assert!(sent < 200, "{sent} of 200 were sent without a journal");
    // Whatever was sent stands in the journal, which is sound.
    line(&emulator, "journal verify").exits(0);
    let entries = entries(&emulator);
    let intended = entries.iter().filter(|entry| entry["stage"] == "intended");
    assert!(intended.count() >= sent, "{entries:?}");

    let status = limited(400, "status --json");
    let status = status.json();
    assert!(
        status["links"][0]["pending"].as_u64() >= Some(1),
        "{status:#}"
    );
}
