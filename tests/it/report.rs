//! `tandem report` on the real binary: every mark, every outage, spreadsheets, files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran};

fn line(emulator: &Emulator, line: &str) -> Ran {
    let words: Vec<&str> = line.split_whitespace().collect();
    emulator.tandem(&words)
}

fn lines(ran: &Ran) -> Vec<Json> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn id(n: usize) -> String {
    format!("0d0d0d0d-0000-4000-8000-{n:012}")
}

fn account(n: usize, name: &str, telephone: Option<&str>) -> Json {
    json!({"accountid": id(n), "name": name, "accountnumber": format!("REP{n}"), "telephone1": telephone})
}

fn ticket(emulator: &Emulator, n: usize, title: &str) {
    let ticket = json!({
        "incidentid": id(1000 + n), "title": title,
        "customerid_account@odata.bind": format!("/accounts({})", id(n))
    });
    let (status, answer) = emulator.europe_api("POST", "incidents", Some(ticket));
    assert_eq!(status, 204, "{answer}");
}

/// A customer of each kind that the Web API can make, with a ticket each: 1 whole, 2 stub, 3 orphan.
fn three() -> Emulator {
    let emulator = Emulator::start();
    let us = |body| assert_eq!(emulator.us_api("POST", "accounts", Some(body)).0, 204);
    let europe = |body| assert_eq!(emulator.europe_api("POST", "accounts", Some(body)).0, 204);
    us(account(1, "Whole & Sons", Some("+1 555 0101")));
    us(account(2, "Stubborn", Some("+1 555 0102")));
    europe(account(1, "Whole & Sons", Some("+1 555 0101")));
    europe(account(2, "Awaiting sync REP2", None));
    europe(account(3, "=cmd|' /C calc'!A0", Some("@SUM(A1)")));
    for (n, title) in [(1, "It \"hums\", loudly"), (2, "-2+3"), (3, "\tTab")] {
        ticket(&emulator, n, title);
    }
    emulator
}

/// The line of a customer's ticket.
fn of(lines: &[Json], n: usize) -> Json {
    let mut found = lines.iter();
    let found = found.find(|line| line["customer"]["id"] == id(n).as_str());
    found
        .unwrap_or_else(|| panic!("no ticket of {n}: {lines:#?}"))
        .clone()
}

fn fault(emulator: &Emulator, fault: Json) {
    let url = format!("{}/emulator/faults", emulator.us);
    let (status, answer) = emulator.call("POST", &url, Some(fault));
    assert_eq!(status, 201, "{answer}");
}

#[test]
fn every_customer_is_marked_and_named_by_its_source() {
    let emulator = three();
    // Europe's people made this one themselves; the others only Europe has came by the user that syncs.
    let filter = "accounts?$select=accountid&$filter=accountnumber eq 'EU-1001'";
    let (_, own) = emulator.europe_api("GET", filter, None);
    let own = own["value"][0]["accountid"].as_str().unwrap().to_owned();
    let body =
        json!({"title": "Who?", "customerid_account@odata.bind": format!("/accounts({own})")});
    assert_eq!(emulator.europe_api("POST", "incidents", Some(body)).0, 204);
    let ran = line(&emulator, "report --json").exits(0);
    let tickets = lines(&ran);
    for (n, mark, name, telephone) in [
        (1, "whole", "Whole & Sons", "+1 555 0101"),
        (2, "stub", "Stubborn", "+1 555 0102"),
        (3, "orphan", "=cmd|' /C calc'!A0", "@SUM(A1)"),
    ] {
        let ticket = of(&tickets, n);
        assert_eq!(ticket["mark"], mark, "{ticket:#}");
        assert_eq!(ticket["customer"]["name"], name, "{ticket:#}");
        assert_eq!(ticket["customer"]["telephone"], telephone, "{ticket:#}");
        assert_eq!(ticket["customer"]["number"], format!("REP{n}"));
        assert_eq!(ticket["customer"]["why"], Json::Null);
    }
    let local = tickets.iter().find(|line| line["title"] == "Who?").unwrap();
    assert_eq!(local["mark"], "local", "{local:#}");
    assert_eq!(local["customer"]["name"], "Nordlicht Logistik");
    let (_, all) = emulator.europe_api("GET", "incidents?$select=title&$count=true", None);
    assert_eq!(tickets.len(), all["@odata.count"], "every ticket is there");
    let text = line(&emulator, "report").exits(0).stdout;
    assert!(text.starts_with("ticket "), "{text}");
    let sums = format!("{} tickets; customers: ", tickets.len());
    assert!(text.lines().last().unwrap().starts_with(&sums), "{text}");
}

#[test]
fn a_source_that_is_down_marks_its_customers_and_the_tickets_come() {
    let emulator = three();
    fault(&emulator, json!({"outage_s": 60}));
    let ran = line(&emulator, "report --json").exits(0);
    let tickets = lines(&ran);
    let whole = of(&tickets, 1);
    assert_eq!(whole["mark"], "source unreadable", "{whole:#}");
    assert_eq!(whole["customer"]["name"], "Whole & Sons");
    assert!(whole["customer"]["why"].is_string(), "{whole:#}");
    // A stub's placeholder is no name.
    assert_eq!(of(&tickets, 2)["customer"]["name"], "");
    assert!(ran.stderr.contains("us could not be read"), "{ran:?}");
}

#[test]
fn without_the_tickets_instance_there_is_no_report() {
    let emulator = three();
    emulator.arm(json!({"outage_s": 60}));
    let out = emulator.folder.path().join("report.csv");
    let ran = emulator
        .tandem(&["report", "--csv", "--out", out.to_str().unwrap()])
        .exits(3);
    assert!(ran.stderr.contains("europe can't be read"), "{ran:?}");
    assert!(!out.exists());
    let ran = line(&emulator, "report --json").exits(3);
    assert_eq!(ran.json()["exit"], 3);
}

#[test]
fn security_case_51_csv_is_for_spreadsheets_and_computes_nothing() {
    let emulator = three();
    let ran = line(&emulator, "report --csv").exits(0);
    assert!(
        ran.stdout.contains("\"It \"\"hums\"\", loudly\""),
        "{ran:?}"
    );
    assert!(ran.stdout.lines().count() > 3 && ran.stdout.ends_with("\r\n"));
    let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let place = |name: &str| columns.iter().position(|column| column == name).unwrap();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    let cell = |n: usize, column: &str| {
        let row = rows.iter().find(|row| row[place("customer")] == id(n));
        row.unwrap()[place(column)].to_owned()
    };
    assert_eq!(cell(2, "title"), "'-2+3");
    assert_eq!(cell(3, "name"), "'=cmd|' /C calc'!A0");
    assert_eq!(cell(3, "telephone"), "'@SUM(A1)");
    assert_eq!(cell(1, "telephone"), "'+1 555 0101");
    assert_eq!(cell(3, "title"), "^ITab", "a tab is made visible");
    for cell in rows.iter().flat_map(|row| row.iter()) {
        assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
    }
}

#[test]
fn tickets_are_chosen_by_state_time_customer_and_number() {
    let emulator = three();
    let count = |words: &str| lines(&line(&emulator, words).exits(0)).len();
    let all = count("report --json");
    let open = lines(&line(&emulator, "report --json --open").exits(0));
    assert!(open.len() < all);
    assert!(open.iter().all(|ticket| ticket["state"] == "open"));
    assert_eq!(count("report --json --since 1h --limit 2"), 2);
    let of_one = format!("report --json --customer {}", id(1));
    assert_eq!(count(&of_one), 1);
    assert_eq!(count("report --json --customer accountnumber=REP2"), 1);
    let newest = lines(&line(&emulator, "report --json --limit 5"));
    let created: Vec<&str> = newest
        .iter()
        .map(|ticket| ticket["created"].as_str().unwrap())
        .collect();
    assert!(created.is_sorted_by(|a, b| a >= b), "{created:?}");
    line(&emulator, "report --customer accountnumber=NOPE").exits(1);
    line(&emulator, "report --customer Contoso").exits(2);
    line(&emulator, "report --since yesterday").exits(2);
    assert!(emulator.writes().is_empty());
}

#[test]
fn security_case_52_a_file_is_written_whole_and_over_nothing() {
    let emulator = three();
    let out = emulator.folder.path().join("report.csv");
    let words = ["report", "--csv", "--out", out.to_str().unwrap()];
    let ran = emulator.tandem(&words).exits(0);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.contains("tickets; customers: "), "{ran:?}");
    let first = fs::read_to_string(&out).unwrap();
    assert!(first.starts_with("ticket,id,title,"), "{first}");
    assert_eq!(
        fs::metadata(&out).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let ran = emulator.tandem(&words).exits(4);
    assert!(ran.stderr.contains("--overwrite"), "{ran:?}");
    let mut words = words.to_vec();
    words.extend(["--overwrite", "--limit", "1"]);
    emulator.tandem(&words).exits(0);
    assert!(fs::read_to_string(&out).unwrap().len() < first.len());
}
