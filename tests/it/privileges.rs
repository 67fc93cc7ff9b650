//! What is granted to tandem's users: no more than the page for administrators says is needed, and whatever is beyond
//! that is warned of (least privilege).

use serde_json::{Map, Value as Json, json};

use crate::doctor::{EUROPE, US, doctor, give, ground};
use crate::support::binary::Emulator;

/// The rows of the page's tables, by how they begin, with what they come to for accounts and contacts.
const SOURCE: &[(&str, &[&str])] = &[
    (
        "| each table of the link | Read |",
        &["prvReadAccount", "prvReadContact"],
    ),
    ("| Organization | Read |", &["prvReadOrganization"]),
    (
        "| User (`prvReadUser`), Security Role | Read |",
        &["prvReadUser", "prvReadRole"],
    ),
    ("| Retention Config | Read |", &["prvReadRetentionConfig"]),
];
const TARGET: &[(&str, &[&str])] = &[
    (
        "| each table of the link | Read, Create, Write |",
        &[
            "prvReadAccount",
            "prvCreateAccount",
            "prvWriteAccount",
            "prvReadContact",
            "prvCreateContact",
            "prvWriteContact",
        ],
    ),
    (
        "| a table with lookups that are copied | Append |",
        &["prvAppendAccount", "prvAppendContact"],
    ),
    (
        "| the tables that those lookups name | Append To |",
        &["prvAppendToAccount", "prvAppendToContact"],
    ),
    (
        "| Organization, User, Security Role, Currency | Read |",
        &["prvReadOrganization", "prvReadUser", "prvReadRole"],
    ),
    ("| Case (`incident`) | Read |", &["prvReadIncident"]),
    (
        "| Sdk Message Processing Step, Sdk Message Filter, Sdk Message, Service Endpoint | Read |",
        &[
            "prvReadSdkMessageProcessingStep",
            "prvReadSdkMessageFilter",
            "prvReadSdkMessage",
            "prvReadServiceEndpoint",
        ],
    ),
    ("| Retention Config | Read |", &["prvReadRetentionConfig"]),
];

fn grant(emulator: &Emulator, url: &str, client: &str, rows: &[(&str, &[&str])]) {
    let page = std::fs::read_to_string("assets/privileges.md").unwrap();
    let mut privileges = Map::new();
    for (row, names) in rows {
        assert!(page.contains(row), "the page says `{row}`");
        for name in *names {
            privileges.insert((*name).to_owned(), json!("organization"));
        }
    }
    let role = json!({"client": client, "role": format!("for {client}"), "privileges": privileges});
    give(emulator, url, role);
}

/// What doctor says of privileges that is not good.
fn warned(emulator: &Emulator, exit: i32) -> Vec<String> {
    let told = doctor(emulator, &["--json"], |_| ()).exits(exit).json();
    let findings = told["findings"].as_array().unwrap().clone();
    let about = findings
        .iter()
        .filter(|one| one["check"] == "privileges" && one["verdict"] != "good");
    let text = |one: &Json, name: &str| one[name].as_str().unwrap_or_default().to_owned();
    about
        .map(|one| {
            format!(
                "{}: {} {}",
                text(one, "subject"),
                text(one, "says"),
                text(one, "cure")
            )
        })
        .collect()
}

#[test]
fn security_case_56_what_the_page_grants_is_enough_and_what_is_beyond_it_is_warned_of() {
    let emulator = ground();
    grant(&emulator, &emulator.us, US, SOURCE);
    grant(&emulator, &emulator.europe, EUROPE, TARGET);
    let told = doctor(&emulator, &["--strict", "--json"], |_| ())
        .exits(0)
        .json();
    assert_eq!(told["warnings"], 0, "{told:#}");
    assert_eq!(told["untold"], 0, "{told:#}");
    emulator
        .tandem(&["sync", "--yes", "1000", "--reason", "INC-1", "--quiet"])
        .exits(0);
    emulator
        .tandem(&["report", "--limit", "5", "--json"])
        .exits(0);

    for (url, client) in [(&emulator.us, US), (&emulator.europe, EUROPE)] {
        give(
            &emulator,
            url,
            json!({"client": client, "role": "System Administrator"}),
        );
    }
    let said = warned(&emulator, 1);
    for subject in ["us", "europe"] {
        let of = said
            .iter()
            .find(|line| line.starts_with(&format!("{subject}: ")));
        let of = of.unwrap_or_else(|| panic!("{subject} in {said:#?}"));
        assert!(
            of.contains("System Administrator") && of.contains("assets/privileges.md"),
            "{of}"
        );
    }
    // Nothing is ever written to a source: who may, may too much.
    grant(&emulator, &emulator.europe, EUROPE, TARGET);
    let written = json!({"client": US, "role": "Sync User"});
    give(&emulator, &emulator.us, written);
    let said = warned(&emulator, 1);
    assert!(
        said.iter().all(|line| line.starts_with("us: ")),
        "{said:#?}"
    );
    for held in [
        "prvCreateAccount, prvWriteAccount",
        "prvCreateContact, prvWriteContact",
    ] {
        assert!(
            said.iter().any(|line| line.contains(held)),
            "{held}: {said:#?}"
        );
    }
}

/// Lets the users of the US be such as may write there.
fn let_be(emulator: &Emulator) {
    let text = std::fs::read_to_string(emulator.config()).unwrap();
    let text = text.replacen("[instances.us]\n", "[instances.us]\nmay_write = true\n", 1);
    std::fs::write(emulator.config(), text).unwrap();
}

#[test]
fn security_case_56_a_link_whose_user_may_write_to_its_source_is_refused_until_that_is_taken_away_or_let_be()
 {
    let emulator = ground();
    let sync = ["sync", "--yes", "1000", "--reason", "INC-1", "--quiet"];
    let user = |role: &str| {
        let role = json!({"client": US, "role": role});
        give(&emulator, &emulator.us, role);
    };
    let writes = || {
        let log = emulator.europe_log().into_iter();
        let writes = log.filter(|request| {
            let path = request["path"].as_str().unwrap_or_default();
            request["method"] == "PATCH"
                || request["method"] == "POST" && path.contains("/accounts")
        });
        writes.count()
    };
    user("Sync User");
    let refused = emulator.tandem(&sync).exits(2);
    for said in [
        "may write to us, which is only read",
        "prvCreateAccount, prvWriteAccount, prvCreateContact, prvWriteContact",
        "take these out of its security role",
        "`may_write = true` in [instances.us]",
    ] {
        assert!(refused.stderr.contains(said), "{said}: {refused:?}");
    }
    assert_eq!(writes(), 0);
    let status = emulator.tandem(&["status", "--json"]).json();
    let fault = status["links"][0]["fault"].to_string();
    assert!(fault.contains("may write to us"), "{status:#}");
    assert_eq!(status["instances"][0]["may_write"], false);

    // One that is left with a privilege for its own rows alone is no better.
    let own = json!({
        "prvReadAccount": "organization", "prvReadContact": "organization", "prvReadUser": "organization",
        "prvReadRole": "organization", "prvReadOrganization": "organization", "prvDeleteContact": "user"
    });
    let role = json!({"client": US, "role": "nearly", "privileges": own});
    give(&emulator, &emulator.us, role);
    let refused = emulator.tandem(&sync).exits(2);
    assert!(
        refused.stderr.contains("it holds prvDeleteContact;"),
        "{refused:?}"
    );
    let said = warned(&emulator, 1);
    let bad = said.iter().find(|line| line.contains("prvDeleteContact"));
    let bad = bad.unwrap_or_else(|| panic!("{said:#?}"));
    assert!(
        bad.contains("its links are refused") && bad.contains("may_write = true"),
        "{bad}"
    );

    let plain = std::fs::read_to_string(emulator.config()).unwrap();
    let_be(&emulator);
    let status = emulator.tandem(&["status"]);
    assert!(
        status
            .stdout
            .contains("us: its user may be one that can write"),
        "{status:?}"
    );
    let status = emulator.tandem(&["status", "--json"]).json();
    assert_eq!(status["instances"][0]["may_write"], true);
    let said = warned(&emulator, 0);
    let warning = said.iter().find(|line| line.contains("prvDeleteContact"));
    assert!(
        warning.is_some_and(|line| line.contains("lets that be")),
        "{said:#?}"
    );
    emulator.tandem(&sync).exits(0);

    std::fs::write(emulator.config(), plain).unwrap();
    user("Read Only");
    let status = emulator.tandem(&["status"]);
    assert!(!status.stdout.contains("can write"), "{status:?}");
    emulator.tandem(&sync).exits(0);
}
