//! The list in its three forms.

use super::*;
use crate::cli::fixture;

fn listed(state: &State) -> Vec<&Record> {
    chosen(state, &Wanted::default())
}

#[test]
fn the_worst_come_first_and_text_is_made_visible() {
    let state = fixture::out_of_step();
    let shown = text(&state, &listed(&state), None);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("drift"), "{shown}");
    assert!(lines[1].starts_with("missing"), "{shown}");
    assert!(lines[1].contains("Alpha"), "{shown}");
    assert!(lines[2].contains("=Evil \\u{202e}name"), "{shown}");
    assert!(
        lines[3].contains("stub") && lines[3].contains("1m00s ago"),
        "{shown}"
    );
    assert!(lines[4].contains("diverged"), "{shown}");
    assert_eq!(lines[5], "4 records: 2 missing, 1 stub, 1 diverged");
    assert_eq!(text(&state, &[], None), "0 records\n");
}

#[test]
fn csv_is_rfc_4180_and_holds_no_formula() {
    let state = fixture::out_of_step();
    let csv = csv(&state, &listed(&state), None).unwrap_or_else(|trouble| panic!("{trouble}"));
    let lines: Vec<&str> = csv.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "drift,table,name,number,id,differing,since,other,flag"
    );
    assert_eq!(
        lines[2],
        "missing,contact,'=Evil \u{202e}name,N3,00000003-0000-0000-0000-000000000003,,2026-11-24T03:00:40Z,,"
    );
    assert!(
        lines[4].starts_with("diverged,account,\"Gamma, \"\"Inc\"\"\","),
        "{}",
        lines[4]
    );
    assert_eq!(lines[5], "");
    let mut reader = ::csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.records().flatten().count(), 4);
}

#[test]
fn json_says_all_of_it() {
    let state = fixture::out_of_step();
    let json = serde_json::to_value(report(&state, &listed(&state), None)).unwrap_or_default();
    assert_eq!(json["total"], 4);
    assert_eq!(json["counts"]["missing"], 2);
    let first = &json["records"][0];
    assert_eq!(first["link"], "us-europe");
    assert_eq!(first["table"], "account");
    assert_eq!(first["drift"], "missing");
    assert_eq!(first["differing"][0], "name");
    assert_eq!(first["since"], "2026-11-24T03:00:40Z");
    assert_eq!(first["in_flight"], false);
}
