//! `tandem explain` on the real binary: a record in step or not, what was done to it, what stands in its way.

use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran, Running};

fn line(emulator: &Emulator, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    emulator.tandem(&words)
}

fn id(n: usize) -> String {
    format!("0c0c0c0c-0000-4000-8000-{n:012}")
}

/// A record that the US has whole and Europe as a stub.
fn stub(emulator: &Emulator, n: usize) -> String {
    let (id, name, number) = (id(n), format!("Explained {n}"), format!("EXP{n}"));
    let whole = json!({
        "accountid": id, "name": name, "accountnumber": number, "telephone1": "+1 555 0100"
    });
    assert_eq!(emulator.us_api("POST", "accounts", Some(whole)).0, 204);
    let stub = json!({"accountid": id, "name": name, "accountnumber": number});
    assert_eq!(emulator.europe_api("POST", "accounts", Some(stub)).0, 204);
    id
}

fn words(story: &Json, of: &str) -> Vec<String> {
    let entries = story["history"].as_array().unwrap().iter();
    entries
        .map(|entry| entry[of].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_decision_is_held_to_what_was_explained() {
    let emulator = Emulator::start();
    let listed = line(&emulator, "records --drift diverged --table account --json").json();
    let id = listed["records"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("accounts({id})");
    let explain = || {
        let story = line(&emulator, &format!("explain account {id} --json"));
        let story = story.exits(0).json();
        assert_eq!(story["drift"], "diverged");
        let mark = story["mark"].as_str().unwrap().to_owned();
        let to_run = story["to_run"].as_str().unwrap();
        assert!(to_run.contains(&format!("--if-seen {mark}")), "{to_run}");
        mark
    };
    let take = |mark: &str| {
        let reason = "--reason INC-9";
        line(
            &emulator,
            &format!("resolve account {id} --take source --if-seen {mark} {reason}"),
        )
    };
    let mark = explain();
    let phone = || {
        let path = format!("{path}?$select=telephone1");
        emulator.europe_api("GET", &path, None).1["telephone1"].clone()
    };
    // Between the look and the decision somebody in Europe goes on with it.
    emulator.edit_as_a_person(&path, &json!({"telephone1": "+44 20 7946 0000"}));
    let held = take(&mark).exits(4);
    assert!(
        held.stdout
            .contains("it has changed since that was decided"),
        "{held:?}"
    );
    assert_eq!(phone(), "+44 20 7946 0000");
    take(&explain()).exits(0);
    assert_ne!(phone(), "+44 20 7946 0000");

    let wrong = take("what-i-saw").exits(2);
    assert!(wrong.stderr.contains("tandem explain"), "{wrong:?}");
    let two = format!(
        "resolve account {id} {} --take source --if-seen {mark}",
        self::id(1)
    );
    let two = line(&emulator, &two).exits(2);
    assert!(two.stderr.contains("one record"), "{two:?}");
}

#[test]
fn a_stub_is_explained_then_what_was_done_to_it() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    let story = line(&emulator, "explain account accountnumber=EXP1 --json").exits(0);
    let story = story.json();
    assert_eq!(story["id"], id.as_str());
    assert_eq!(story["name"], "Explained 1");
    assert_eq!(story["drift"], "stub");
    assert_eq!(story["differing"], json!(["telephone1"]));
    assert_eq!(story["source"]["values"]["telephone1"], "+1 555 0100");
    assert_eq!(story["target"]["values"]["telephone1"], "");
    assert_eq!(story["history"], json!([]));
    let to_run = story["to_run"].as_str().unwrap().to_owned();
    assert_eq!(to_run, format!("tandem rehydrate account {id}"));
    let text = line(&emulator, &format!("explain account {id}"))
        .exits(0)
        .stdout;
    assert!(
        text.contains("europe has only what an ensure sets"),
        "{text}"
    );
    assert!(text.contains("telephone1 ≠"), "{text}");

    let repair = to_run.strip_prefix("tandem ").unwrap();
    line(
        &emulator,
        &format!("{repair} --reason canary --ticket INC-7"),
    )
    .exits(0);
    let story = line(&emulator, &format!("explain account {id} --json"))
        .exits(0)
        .json();
    assert_eq!(story["drift"], "in-sync");
    assert_eq!(story["to_run"], "nothing");
    let stages = ["accepted", "intended", "applied", "verified"];
    assert_eq!(words(&story, "stage"), stages);
    assert_eq!(words(&story, "ticket"), ["INC-7"; 4]);
    let text = line(&emulator, &format!("explain account {id}")).stdout;
    assert!(
        text.contains("verified telephone1 [INC-7: canary]"),
        "{text}"
    );
}

#[test]
fn what_somebody_edited_in_the_target_is_held_and_says_who() {
    let emulator = Emulator::start();
    let list = line(&emulator, "records --drift diverged --table account --json").json();
    let id = list["records"][0]["id"].as_str().unwrap();
    let story = line(&emulator, &format!("explain account {id} --json"))
        .exits(0)
        .json();
    assert_eq!(story["drift"], "diverged");
    assert_eq!(story["differing"], json!(["telephone1", "address1_city"]));
    let who = story["target"]["modified_by"].as_str().unwrap();
    assert!(story["why"].as_str().unwrap().contains(who), "{story:#}");
    assert!(
        story["to_run"].as_str().unwrap().contains("resolve --take"),
        "{story:#}"
    );
}

#[test]
fn the_source_running_ahead_of_what_tandem_wrote_is_no_guess() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    line(&emulator, &format!("rehydrate account {id}")).exits(0);
    let edited = json!({"telephone1": "+1 555 0199"});
    emulator.us_api("PATCH", &format!("accounts({id})"), Some(edited));
    let story = line(&emulator, &format!("explain account {id} --json")).json();
    assert_eq!(story["drift"], "stale");
    assert_eq!(story["is_guess"], false, "{story:#}");
}

#[test]
fn a_record_that_nobody_has_is_said_to_be_nowhere() {
    let emulator = Emulator::start();
    let story = line(&emulator, &format!("explain account {}", id(9))).exits(1);
    assert!(
        story.stdout.contains("neither instance has such a row"),
        "{story:?}"
    );
    let none = line(&emulator, "explain account accountnumber=NOPE").exits(1);
    assert!(
        none.stderr.contains("neither instance has an account"),
        "{none:?}"
    );
    let wrong = line(&emulator, "explain account MSFT").exits(2);
    assert!(
        wrong.stderr.contains("neither a GUID nor a key"),
        "{wrong:?}"
    );
    let wrong = line(&emulator, &format!("explain tickets {}", id(9))).exits(2);
    assert!(
        wrong.stderr.contains("there are account, contact"),
        "{wrong:?}"
    );
}

#[test]
fn in_an_outage_the_side_that_answers_is_shown_and_what_is_in_the_way() {
    let emulator = Emulator::start();
    let id = stub(&emulator, 1);
    line(&emulator, &format!("ensure account {id}")).exits(0);
    emulator.arm(json!({"outage_s": 60}));
    for record in [id.as_str(), "accountnumber=EXP1"] {
        let story = line(&emulator, &format!("explain account {record} --json")).exits(3);
        let story = story.json();
        assert_eq!(story["drift"], Json::Null, "{story:#}");
        assert_eq!(story["name"], "Explained 1");
        assert_eq!(story["source"]["values"]["telephone1"], "+1 555 0100");
        assert_eq!(story["target"]["is"], "not known");
        assert!(!words(&story, "stage").is_empty(), "{story:#}");
        let blocked = story["blocked_by"].to_string();
        assert!(blocked.contains("europe"), "{blocked}");
    }
    let text = line(&emulator, &format!("explain account {id}"))
        .exits(3)
        .stdout;
    assert!(text.contains("in the way\n  europe: "), "{text}");
    assert!(text.contains("once the instance answers"), "{text}");
}

#[test]
fn what_an_earlier_process_left_unfinished_is_under_way() {
    let emulator = Emulator::start();
    let ids: Vec<String> = (0..40).map(|n| stub(&emulator, n)).collect();
    let mut words = vec!["rehydrate", "account"];
    words.extend(ids.iter().map(String::as_str));
    words.extend(["--yes", "40", "--reason", "canary"]);
    emulator.arm(json!({"count": null, "method": "PATCH", "delay_ms": 60}));
    emulator.clear_log();
    let mut killed = Running::start(&mut emulator.command(&words));
    emulator.until("it has begun", || emulator.writes().len() >= 4);
    killed.kill();
    emulator.disarm();
    let last = ids.last().unwrap();
    let story = line(&emulator, &format!("explain account {last} --json")).exits(0);
    let under_way = story.json()["under_way"].to_string();
    assert!(under_way.contains("accepted in a rehydrate"), "{under_way}");
    assert!(
        under_way.contains("left unfinished by an earlier process"),
        "{under_way}"
    );
}
