//! Acting for somebody else, where the configuration says so: whose name is then on what is written, where it is shown,
//! and that nothing of it is ever sent unasked.

use std::fs;

use serde_json::{Value as Json, json};

use crate::support::binary::Emulator;

const PERSON: &str = "Lena Roth";

/// The two instances, with a line of the test's own under Europe.
fn configure(emulator: &Emulator, line: &str) {
    emulator.configure("");
    let text = fs::read_to_string(emulator.config()).unwrap();
    let url = format!("url = \"{}\"\n", emulator.europe);
    assert!(text.contains(&url));
    fs::write(
        emulator.config(),
        text.replace(&url, &format!("{url}{line}\n")),
    )
    .unwrap();
}

fn person(emulator: &Emulator) -> Json {
    let columns = "systemuserid,azureactivedirectoryobjectid";
    let path = format!("systemusers?$select={columns}&$filter=fullname eq '{PERSON}'");
    let (_, found) = emulator.europe_api("GET", &path, None);
    found["value"][0].clone()
}

/// Who is behind a row's last change, and who sent it in that name.
fn by(emulator: &Emulator, id: &str) -> (Json, Json) {
    let path = format!("accounts({id})?$select=_modifiedby_value,_modifiedonbehalfby_value");
    let (_, row) = emulator.europe_api("GET", &path, None);
    (
        row["_modifiedby_value"].clone(),
        row["_modifiedonbehalfby_value"].clone(),
    )
}

fn stubs(emulator: &Emulator) -> Vec<String> {
    let listed = emulator.tandem(&["records", "--drift", "stub", "--table", "account", "--json"]);
    let listed = listed.json();
    let records = listed["records"].as_array().unwrap().iter();
    records
        .map(|record| record["id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_is_written_bears_the_configured_person_s_name_one_by_one_and_in_batches() {
    let emulator = Emulator::start_with(&["--records", "200", "--drift", "0.5"]);
    let person = person(&emulator);
    let (id, object) = (
        &person["systemuserid"],
        &person["azureactivedirectoryobjectid"],
    );
    let own = tandem::emulator::user_id("europe", tandem::emulator::APPLICATION_CLIENT_ID);
    configure(&emulator, &format!("impersonate = {{ object = {object} }}"));
    let stubs = stubs(&emulator);
    assert!(
        stubs.len() > 8,
        "some one by one, the rest in a batch: {stubs:?}"
    );
    let words = ["rehydrate", "--drift", "stub", "--table", "account"];
    let consent = ["--yes", "999", "--reason", "check"];
    emulator.tandem(&[&words[..], &consent].concat()).exits(0);
    for stub in &stubs {
        assert_eq!(by(&emulator, stub), (id.clone(), json!(own)), "{stub}");
    }
    let status = emulator.tandem(&["status"]);
    let shown = format!(
        "europe: acting for the Entra object {}",
        object.as_str().unwrap()
    );
    assert!(status.stdout.contains(&shown), "{status:?}");
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["instances"][0]["acting_for"], Json::Null);
    assert!(
        status["instances"][1]["acting_for"].is_string(),
        "{status:#}"
    );
    let doctor = emulator.tandem(&["doctor", "--all"]);
    assert!(
        doctor.stdout.contains("europe (impersonating)"),
        "{doctor:?}"
    );
    let printed = emulator.tandem(&["config", "print"]).stdout;
    assert!(printed.contains("impersonate"), "{printed}");
}

#[test]
fn security_case_50_unasked_nobody_is_acted_for() {
    let emulator = Emulator::start_with(&["--records", "40", "--drift", "0.5"]);
    let stub = stubs(&emulator).remove(0);
    let words = ["rehydrate", "account", &stub, "--reason", "check"];
    emulator.tandem(&words).exits(0);
    assert_eq!(by(&emulator, &stub).1, Json::Null);
    let status = emulator.tandem(&["status"]);
    assert!(!status.stdout.contains("acting for"), "{status:?}");
}

#[test]
fn who_can_not_be_acted_for_is_told_with_the_cure_and_nothing_is_written() {
    let emulator = Emulator::start_with(&["--records", "40", "--drift", "0.5"]);
    let nobody = "0f0f0f0f-0000-4000-8000-00000000000f";
    configure(
        &emulator,
        &format!("impersonate = {{ user = \"{nobody}\" }}"),
    );
    emulator.clear_log();
    let doctor = emulator.tandem(&["doctor"]).exits(3).stdout;
    assert!(doctor.contains("it can't act for the user"), "{doctor}");
    assert!(doctor.contains("prvActOnBehalfOfAnotherUser"), "{doctor}");
    let words = [
        "sync",
        "--drift",
        "missing,stub",
        "--yes",
        "999",
        "--reason",
        "check",
    ];
    emulator.tandem(&words).exits(3);
    assert!(emulator.writes().is_empty(), "{:?}", emulator.writes());
    for (line, told) in [
        ("impersonate = { object = \"Lena Roth\" }", "impersonate:"),
        ("impersonate = {}", "impersonate is {"),
        (
            "impersonate = { persn = \"x\" }",
            "there is no `persn` here",
        ),
    ] {
        configure(&emulator, line);
        let ran = emulator.tandem(&["config", "check"]).exits(2);
        assert!(ran.stderr.contains(told), "{line}: {ran:?}");
    }
}
