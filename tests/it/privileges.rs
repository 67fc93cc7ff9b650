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
fn warned(emulator: &Emulator) -> Vec<String> {
    let told = doctor(emulator, &["--json"], |_| ()).exits(0).json();
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
    let said = warned(&emulator);
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
    let said = warned(&emulator);
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
