//! `kill -9` in the middle of an operation: the next start shows what was under way, finds out by reading what became
//! of it, and nothing is written twice.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::binary::{Emulator, Ran, Running};

const RECORDS: usize = 100;

/// A hundred accounts that the US has whole and Europe has as stubs.
fn stubs(emulator: &Emulator) -> Vec<String> {
    let ids: Vec<String> = (0..RECORDS)
        .map(|n| format!("0a0a0a0a-0000-4000-8000-{n:012}"))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        let number = format!("CRASH{n}");
        let whole = json!({
            "accountid": id, "name": format!("Crash {n}"), "accountnumber": number,
            "telephone1": format!("+1 555 {n:04}"), "address1_city": "Tempe"
        });
        assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
        let stub = json!({"accountid": id, "name": format!("Crash {n}"), "accountnumber": number});
        assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
    }
    ids
}

#[test]
fn fault_f37_a_killed_rehydrate_is_read_back_and_nothing_is_written_twice() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    let repair = [
        "rehydrate",
        "account",
        "--from",
        file.to_str().unwrap(),
        "--yes",
        "100",
        "--reason",
        "INC-1",
        "--quiet",
    ];
    // Slow enough for the kill to find it in the middle; the work is done before the answer is.
    emulator.arm(json!({"count": null, "delay_ms": 40}));
    emulator.clear_log();
    let mut killed = Running::start(&mut emulator.command(&repair));
    emulator.until("some of it is written", || emulator.writes().len() >= 20);
    killed.kill();
    emulator.disarm();
    let sent = emulator.writes().len();
    assert!(
        (20..RECORDS).contains(&sent),
        "killed in the middle: {sent} of {RECORDS}"
    );

    // The next start, whatever command it is, shows it and reads back what it left half done.
    let status = emulator.tandem(&["status", "--json"]).exits(1).json();
    assert_eq!(status["unfinished_operations"], 1, "{status:#}");
    assert_eq!(status["unknown_outcomes"], 0, "{status:#}");
    assert_eq!(emulator.writes().len(), sent, "reading back writes nothing");

    let rest = emulator.tandem(&repair).exits(0);
    // A request whose sender died has no answer, and may have been carried out all the same.
    let (mut answered, mut unanswered) = (
        HashMap::<String, usize>::new(),
        HashMap::<String, usize>::new(),
    );
    for write in emulator.writes() {
        let id = write["path"]
            .as_str()
            .unwrap()
            .split(['(', ')'])
            .nth(1)
            .unwrap()
            .to_owned();
        match write["status"].as_u64() {
            Some(204) => *answered.entry(id).or_default() += 1,
            Some(status) => panic!("{status}: {write}"),
            None => *unanswered.entry(id).or_default() += 1,
        }
    }
    for id in &ids {
        let (done, maybe) = (answered.get(id).copied(), unanswered.get(id).copied());
        assert!(
            matches!((done, maybe), (Some(1), None | Some(1)) | (None, Some(1))),
            "{id}: {done:?} {maybe:?} {rest:?}"
        );
        let row = emulator
            .europe_api("GET", &format!("accounts({id})?$select=telephone1"), None)
            .1;
        assert!(
            row["telephone1"]
                .as_str()
                .is_some_and(|number| number.starts_with("+1 555")),
            "{row}"
        );
    }
}

#[test]
fn a_process_that_lives_is_not_taken_for_a_crashed_one() {
    let emulator = Emulator::start();
    let ids = stubs(&emulator);
    let file = emulator.folder.path().join("records");
    std::fs::write(&file, ids.join("\n")).unwrap();
    let from = file.to_str().unwrap();
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 60}));
    emulator.clear_log();
    let mut living = Running::start(&mut emulator.command(&[
        "rehydrate",
        "account",
        "--from",
        from,
        "--yes",
        "100",
        "--reason",
        "INC-1",
        "--quiet",
    ]));
    emulator.until("it has begun", || emulator.writes().len() >= 5);
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["unfinished_operations"], 0, "{status:#}");
    assert!(living.succeeds());
}

/// What a process is told to do to two accounts, and is killed in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Ensure,
    Rehydrate,
    Sync,
}

/// Where it is killed: at its n-th request of that method, before the instance has done the work, or after it.
#[derive(Clone, Copy, Debug)]
struct Boundary {
    method: Option<&'static str>,
    request: usize,
    moment: &'static str,
}

impl Order {
    fn word(self) -> &'static str {
        match self {
            Self::Ensure => "ensure",
            Self::Rehydrate => "rehydrate",
            Self::Sync => "sync",
        }
    }

    /// Two accounts that the source has whole; for a sync the target lacks the first, for an ensure both.
    fn accounts(self, emulator: &Emulator, round: usize) -> [String; 2] {
        [0, 1].map(|place| {
            let id = format!("0b0b{:04}-{round:04}-4000-8000-{place:012}", self as u8);
            let stub = json!({"accountid": id, "name": "Cut", "accountnumber": format!("CUT{}-{round}-{place}", self as u8)});
            let mut whole = stub.clone();
            whole["telephone1"] = json!(format!("+1 555 {round:03}{place}"));
            assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
            let is_there = match self {
                Self::Ensure => false,
                Self::Rehydrate => true,
                Self::Sync => place == 1,
            };
            if is_there {
                assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
            }
            id
        })
    }

    /// Every boundary of the order, killed at and looked at; the stages that the journal then ended in.
    fn cut_everywhere(self) -> BTreeSet<String> {
        let emulator = Emulator::start();
        let ids = self.accounts(&emulator, 0);
        emulator.clear_log();
        let state = emulator.folder.path().join("whole");
        let whole = self.command(&emulator, &state, &ids).output().unwrap();
        assert!(whole.status.success(), "{whole:?}");
        let requests = accounts_asked(&emulator);
        let writes = requests.iter().filter(|one| one["method"] == "PATCH");
        let writes = writes.count();
        assert_eq!(writes, 2, "{requests:#?}");
        let before = (1..=requests.len()).map(|request| Boundary {
            method: None,
            request,
            moment: "before",
        });
        let after = (1..=writes).map(|request| Boundary {
            method: Some("PATCH"),
            request,
            moment: "after",
        });
        let mut stages = BTreeSet::new();
        for (round, boundary) in (1..).zip(before.chain(after)) {
            stages.extend(self.cut(&emulator, round, boundary));
        }
        stages
    }

    fn command(self, emulator: &Emulator, state: &Path, ids: &[String]) -> Command {
        let mut line = vec![self.word(), "account"];
        line.extend(ids.iter().map(String::as_str));
        line.extend(["--reason", "INC-1", "--quiet"]);
        emulator.command_in(state, &line)
    }

    /// Kills one at a boundary, looks at what it left, and does the same again.
    fn cut(self, emulator: &Emulator, round: usize, boundary: Boundary) -> Vec<String> {
        let ids = self.accounts(emulator, round);
        let state = emulator
            .folder
            .path()
            .join(format!("{}-{round}", self.word()));
        emulator.clear_log();
        let mut passes = json!({"count": boundary.request - 1, "table": "account", "delay_ms": 0});
        let mut hangs = json!({"table": "account", "hang": boundary.moment});
        if let Some(method) = boundary.method {
            passes["method"] = json!(method);
            hangs["method"] = json!(method);
        }
        if boundary.request > 1 {
            emulator.arm(passes);
        }
        emulator.arm(hangs);
        let mut killed = Running::start(&mut self.command(emulator, &state, &ids));
        let what = format!("{self:?} hangs at {boundary:?}");
        emulator.until(&what, || emulator.hits() == boundary.request);
        if round.is_multiple_of(2) {
            // Every second time, whatever does not hang goes as far as it gets first.
            let mut stood = Vec::new();
            emulator.until("the other record goes no further", || {
                std::thread::sleep(Duration::from_millis(100));
                let now = stages_in(&state);
                std::mem::replace(&mut stood, now.clone()) == now
            });
        }
        killed.kill();
        emulator.disarm();
        let left = stages_in(&state);

        // The next start finds out by reading what became of it.
        let sent = emulator.writes().len();
        let mut status = emulator.command_in(&state, &["status", "--json"]);
        let status = Ran::from(status.output().unwrap()).json();
        assert_eq!(status["unknown_outcomes"], 0, "{what}: {status:#}");
        assert_eq!(emulator.writes().len(), sent, "{what}: reading back writes");

        let row = |id: &str| {
            let path = format!("accounts({id})?$select=telephone1,accountnumber");
            emulator.europe_api("GET", &path, None).1
        };
        let stood: Vec<Json> = ids.iter().map(|id| row(id)).collect();
        let again = self.command(emulator, &state, &ids).output().unwrap();
        assert!(again.status.success(), "{what}: {again:?}");
        for (id, stood) in ids.iter().zip(stood) {
            let path = format!("accounts({id})?$select=telephone1,accountnumber");
            let (source, target) = (emulator.us_api("GET", &path, None).1, row(id));
            assert_eq!(source["accountnumber"], target["accountnumber"], "{what}");
            let is_whole = source["telephone1"] == target["telephone1"];
            assert_eq!(is_whole, self != Self::Ensure, "{what}: {target}");
            let effects = emulator.writes().into_iter().filter(|write| {
                let is_here = write["path"].as_str().unwrap().contains(id.as_str());
                // Done as it was killed: of what nobody waits for any more, the log has no end.
                let is_cut = write["status"].is_null();
                let was_done = is_cut && stood["telephone1"] == target["telephone1"];
                is_here && (write["status"] == 204 || was_done && !stood["accountnumber"].is_null())
            });
            assert_eq!(effects.count(), 1, "{what}: {:#?}", emulator.writes());
        }
        left
    }
}

/// The requests about accounts that Europe received.
fn accounts_asked(emulator: &Emulator) -> Vec<Json> {
    let mut requests = emulator.europe_log();
    requests.retain(|request| request["table"] == "account");
    requests
}

/// Where the journal left each record.
fn stages_in(state: &Path) -> Vec<String> {
    // It makes none where there is none: a file of the test's own would not be closed to others.
    let journal = rusqlite::Connection::open_with_flags(
        state.join("journal.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE,
    );
    let Ok(journal) = journal else {
        return Vec::new();
    };
    let last = journal.prepare(
        "SELECT stage FROM events WHERE seq IN
         (SELECT max(seq) FROM events WHERE record IS NOT NULL GROUP BY operation, record)",
    );
    // Killed before it had made the file, or its tables.
    let Ok(mut last) = last else {
        return Vec::new();
    };
    let stages = last.query_map([], |row| row.get(0)).unwrap();
    stages.map(Result::unwrap).collect()
}

#[test]
fn fault_f37_killed_at_any_request_nothing_is_lost_and_nothing_is_done_twice() {
    let orders = [Order::Ensure, Order::Rehydrate, Order::Sync];
    let cut = orders.map(|order| std::thread::spawn(move || order.cut_everywhere()));
    let stages = cut.map(|cut| cut.join().unwrap());
    for stages in stages {
        let missed = ["accepted", "intended", "applied", "verified"]
            .into_iter()
            .filter(|stage| !stages.contains(*stage));
        assert_eq!(missed.count(), 0, "the journal was left at {stages:?} only");
    }
}

/// Of how many pages of a side's accounts the index says that they are read.
pub fn pages_kept(state: &Path, side: &str) -> u32 {
    let file = state.join("index.db");
    let mode = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let Ok(index) = rusqlite::Connection::open_with_flags(file, mode) else {
        return 0;
    };
    index
        .query_row(
            "SELECT pages FROM listings WHERE entity = 'account' AND side = ?1",
            [side],
            |row| row.get(0),
        )
        .unwrap_or(0)
}

/// The pages of accounts that an instance gave, without what was asked by a filter or a delta link.
fn pages_given(log: &[Json]) -> usize {
    let text = |request: &Json, name: &str| request[name].as_str().unwrap_or_default().to_owned();
    let pages = log.iter().filter(|request| {
        let query = text(request, "query");
        text(request, "path").ends_with("/accounts")
            && !query.contains("filter")
            && !query.contains("deltatoken")
    });
    pages.count()
}

/// Counts by drift without what only the changes can know: whether a row that one side lacks was ever there.
fn coarse(counts: &Json) -> Vec<(String, u64)> {
    let of = |drift: &str| counts[drift].as_u64().unwrap();
    let alone = [
        (
            "only in the source",
            of("missing") + of("deleted-in-target"),
        ),
        ("only in the target", of("local") + of("orphan")),
    ];
    let drifts = [
        "stub",
        "stale",
        "diverged",
        "duplicate",
        "unknown",
        "in-sync",
    ];
    let drifts = drifts.map(|drift| (drift, of(drift)));
    let all = drifts.into_iter().chain(alone);
    all.map(|(drift, count)| (drift.to_owned(), count))
        .collect()
}

#[test]
fn fault_f37_a_killed_comparison_goes_on_at_the_page_where_it_was_killed() {
    let emulator = Emulator::start_with(&["--records", "30000", "--drift", "0.002"]);
    let state = emulator.folder.path().join("cut");
    // Europe gives three of its pages of accounts; the US gives all of them.
    emulator.arm(json!({"count": 2, "path": "skiptoken", "table": "account", "delay_ms": 0}));
    emulator.arm(json!({"count": null, "path": "skiptoken", "table": "account", "hang": "before"}));
    let mut killed = Running::start(&mut emulator.command_in(&state, &["status"]));
    emulator.until("three pages are kept", || pages_kept(&state, "target") == 3);
    emulator.until("the source is read", || pages_kept(&state, "source") == 6);
    killed.kill();
    emulator.disarm();

    // Behind the pages that were read, the world goes on.
    let listed = |path: &str| emulator.us_api("GET", path, None).1["value"].clone();
    let accounts = listed("accounts?$select=accountid&$top=4");
    let path = |place: usize| {
        format!(
            "accounts({})",
            accounts[place]["accountid"].as_str().unwrap()
        )
    };
    let phone = json!({"telephone1": "+1 555 0100"});
    assert_eq!(emulator.us_api("DELETE", &path(0), None).0, 204);
    assert_eq!(emulator.europe_api("DELETE", &path(1), None).0, 204);
    assert_eq!(
        emulator.us_api("PATCH", &path(2), Some(phone.clone())).0,
        204
    );
    assert_eq!(emulator.europe_api("PATCH", &path(3), Some(phone)).0, 204);
    let new = json!({"name": "Late", "accountnumber": "LATE"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(new)).0, 204);

    emulator.clear_log();
    let us_log = || {
        let (_, log) = emulator.call("GET", &format!("{}/emulator/log", emulator.us), None);
        log["requests"].as_array().unwrap().clone()
    };
    emulator.call("DELETE", &format!("{}/emulator/log", emulator.us), None);
    let figures = |state: &Path| {
        let mut status = emulator.command_in(state, &["status", "--json"]);
        let status = Ran::from(status.output().unwrap()).json();
        let counts = |table: usize| status["links"][0]["tables"][table]["counts"].clone();
        [counts(0), counts(1)]
    };
    let resumed = figures(&state);
    let (us_rest, europe_rest) = (pages_given(&us_log()), pages_given(&emulator.europe_log()));
    assert_eq!(pages_kept(&state, "source"), 0, "it is done");
    emulator.clear_log();
    let truth = figures(&emulator.folder.path().join("anew"));
    assert_eq!(resumed.each_ref().map(coarse), truth.each_ref().map(coarse));
    // That they were there, only the changes tell: those since the killed one began.
    let told = ["deleted-in-target", "orphan"].map(|drift| resumed[0][drift].as_u64());
    assert_eq!(told, [Some(1), Some(1)]);
    let whole = pages_given(&emulator.europe_log());
    assert_eq!((us_rest, europe_rest), (0, whole - 3), "of {whole}");
}

/// A whole `tandem sync`, with its comparison, and rows that it finds out of step: an account and a contact of it that
/// the target lacks, and a stub.
struct WholeSync {
    emulator: Emulator,
    rounds: std::cell::Cell<usize>,
}

/// Which requests a process is killed at: all that an instance gets, or those of a method.
#[derive(Clone, Copy, Debug)]
struct Cuts {
    is_source: bool,
    method: Option<&'static str>,
    moment: &'static str,
}

impl WholeSync {
    fn start() -> Self {
        let emulator = Emulator::start_with(&["--records", "20"]);
        // Probes would be requests of no interest, in no order.
        let config = std::fs::read_to_string(emulator.config()).unwrap();
        let config = config.replace("probe = \"200ms\"", "probe = \"60s\"");
        std::fs::write(emulator.config(), config).unwrap();
        Self {
            emulator,
            rounds: std::cell::Cell::default(),
        }
    }

    /// The rows of one round, by their addresses.
    fn rows(&self) -> [String; 3] {
        let round = self.rounds.get();
        self.rounds.set(round + 1);
        let id = |place: usize| format!("0c0c0c0c-{round:04}-4000-8000-{place:012}");
        let missing = json!({
            "accountid": id(0), "name": "Missing", "accountnumber": format!("MISS{round}"), "telephone1": "+1 555 01"
        });
        let stub =
            json!({"accountid": id(1), "name": "Stub", "accountnumber": format!("STUB{round}")});
        let mut whole = stub.clone();
        whole["telephone1"] = json!("+1 555 02");
        let contact = json!({
            "contactid": id(2), "lastname": "Missing", "firstname": "Ann",
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(0))
        });
        for (set, row) in [
            ("accounts", missing),
            ("accounts", whole),
            ("contacts", contact),
        ] {
            assert_eq!(self.emulator.us_api("POST", set, Some(row)).0, 204);
        }
        assert_eq!(
            self.emulator.europe_api("POST", "accounts", Some(stub)).0,
            204
        );
        // Old enough that only the listings tell of them, and not what has changed meanwhile.
        for origin in [&self.emulator.us, &self.emulator.europe] {
            let clock = format!("{origin}/emulator/clock");
            let (status, _) = self
                .emulator
                .call("POST", &clock, Some(json!({"advance_s": 10})));
            assert!(status < 300, "{status}");
        }
        [
            format!("accounts({})?$select=name,accountnumber,telephone1", id(0)),
            format!("accounts({})?$select=name,accountnumber,telephone1", id(1)),
            format!(
                "contacts({})?$select=firstname,lastname,_parentcustomerid_value",
                id(2)
            ),
        ]
    }

    fn sync(&self, state: &Path) -> Command {
        self.emulator
            .command_in(state, &["sync", "--reason", "INC-1", "--quiet"])
    }

    /// Kills one at its first request, the next at its second, until one comes to its end; how many were killed, and in
    /// which stages the journal was left.
    fn cut_everywhere(&self, cuts: Cuts) -> (usize, BTreeSet<String>) {
        let mut stages = BTreeSet::new();
        for request in 1.. {
            match self.cut(cuts, request) {
                Some(left) => stages.extend(left),
                None => return (request - 1, stages),
            }
        }
        unreachable!("a sync ends")
    }

    fn cut(&self, cuts: Cuts, request: usize) -> Option<Vec<String>> {
        let emulator = &self.emulator;
        let what = format!("killed at request {request} of {cuts:?}");
        let origin = if cuts.is_source {
            &emulator.us
        } else {
            &emulator.europe
        };
        let faults = format!("{origin}/emulator/faults");
        let rows = self.rows();
        let state = emulator
            .folder
            .path()
            .join(format!("{cuts:?}-{request}").replace(['"', ' '], ""));
        let mut rules = vec![json!({"hang": cuts.moment})];
        if request > 1 {
            rules.insert(0, json!({"count": request - 1, "delay_ms": 0}));
        }
        for mut rule in rules {
            if let Some(method) = cuts.method {
                rule["method"] = json!(method);
            }
            assert_eq!(emulator.call("POST", &faults, Some(rule)).0, 201);
        }
        let hits = || {
            let armed = emulator.call("GET", &faults, None).1["faults"].clone();
            let hits = armed
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["hits"].as_u64().unwrap());
            hits.sum::<u64>()
        };
        let mut killed = Running::start(&mut self.sync(&state));
        let mut is_over = false;
        emulator.until(&what, || {
            is_over = killed.has_ended();
            is_over || hits() == request as u64
        });
        killed.kill();
        emulator.call("DELETE", &faults, None);
        let left = stages_in(&state);

        let at = |path: &str| emulator.europe_api("GET", path, None).1;
        let wanted = rows
            .each_ref()
            .map(|path| emulator.us_api("GET", path, None).1);
        let stood = rows.each_ref().map(|path| at(path));
        let again = Ran::from(self.sync(&state).output().unwrap());
        assert_eq!(again.code, 0, "{what}: {again:#?}");
        for ((path, wanted), stood) in rows.iter().zip(&wanted).zip(&stood) {
            let stands = at(path);
            let is_whole = |row: &Json| {
                let columns = wanted.as_object().unwrap().iter();
                let mut columns = columns.filter(|(name, _)| !name.starts_with('@'));
                columns.all(|(name, value)| row[name] == *value)
            };
            assert!(is_whole(&stands), "{what}: lost: {stands} for {wanted}");
            let twice = is_whole(stood) && stood["@odata.etag"] != stands["@odata.etag"];
            assert!(!twice, "{what}: written twice: {stood}, {stands}");
        }
        let mut status = emulator.command_in(&state, &["status", "--json"]);
        let status = Ran::from(status.output().unwrap()).json();
        let told = (&status["unknown_outcomes"], &status["links"][0]["pending"]);
        assert_eq!(told, (&json!(0), &json!(0)), "{what}: {status:#}");
        (!is_over).then_some(left)
    }
}

#[test]
fn fault_f37_a_whole_sync_killed_at_any_request_is_done_once_by_the_next() {
    let cuts = |is_source, method, moment| Cuts {
        is_source,
        method,
        moment,
    };
    let all = [
        vec![cuts(true, None, "before")],
        vec![cuts(false, None, "before")],
        vec![
            cuts(false, Some("PATCH"), "after"),
            cuts(false, Some("POST"), "after"),
        ],
    ];
    let cut = all.map(|all| {
        std::thread::spawn(move || {
            let sync = WholeSync::start();
            let cut = all.into_iter().map(|cuts| sync.cut_everywhere(cuts));
            cut.collect::<Vec<_>>()
        })
    });
    let cut: Vec<_> = cut
        .into_iter()
        .flat_map(|cut| cut.join().unwrap())
        .collect();
    let killed: Vec<usize> = cut.iter().map(|(killed, _)| *killed).collect();
    assert!(
        killed[0] > 10 && killed[1] > 15 && killed[2] + killed[3] > 1,
        "{killed:?}"
    );
    let stages: BTreeSet<String> = cut.into_iter().flat_map(|(_, stages)| stages).collect();
    let missed = ["accepted", "intended", "applied", "verified"]
        .into_iter()
        .filter(|stage| !stages.contains(*stage));
    assert_eq!(missed.count(), 0, "the journal was left at {stages:?} only");
}
