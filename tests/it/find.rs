//! `tandem find` on the real binary: what callers say, what people paste, and who does not answer.

use serde_json::{Value as Json, json};

use super::support::binary::{Emulator, Ran};

const ID: &str = "0e0e0e0e-0000-4000-8000-000000000001";

fn find(emulator: &Emulator, text: &str) -> Ran {
    emulator.tandem(&["find", "--json", "--", text])
}

fn only(ran: Ran) -> Json {
    let found = ran.exits(0).json();
    let records = found["records"].as_array().unwrap();
    assert_eq!(records.len(), 1, "{found:#}");
    records[0].clone()
}

/// An account that only the US has.
fn lonely(name: &str) -> Emulator {
    let emulator = Emulator::start();
    let body = json!({
        "accountid": ID, "name": name, "accountnumber": "FIND-1", "telephone1": "+1 555 0177",
        "emailaddress1": "help@find.example"
    });
    assert_eq!(emulator.us_api("POST", "accounts", Some(body)).0, 204);
    emulator
}

#[test]
fn a_record_is_found_by_whatever_a_caller_says_of_it() {
    let emulator = lonely("O'Brien & 100%_Sons [EU]");
    for text in [
        "o'brien",
        "100%_Sons [EU]",
        "FIND-1",
        "help@find.example",
        "555 0177",
        ID,
        &format!(
            "https://x.crm.dynamics.com/main.aspx?appid=11111111-2222-4333-8444-555555555555&pagetype=entityrecord&etn=account&id={ID}"
        ),
        &format!("GET /api/data/v9.2/accounts({ID})?$select=name"),
        "https://x.crm.dynamics.com/api/data/v9.2/accounts(accountnumber='FIND-1')",
        &format!("account With Id = {ID} Does Not Exist"),
    ] {
        let record = only(find(&emulator, text));
        assert_eq!(record["id"], ID, "{text}");
        assert_eq!(record["table"], "account", "{text}");
        assert_eq!(record["on"], json!({"us": true, "europe": false}), "{text}");
    }
    let text = emulator.tandem(&["find", "FIND-1"]).exits(0).stdout;
    assert!(text.contains("O'Brien & 100%_Sons [EU]"), "{text}");
    assert!(text.ends_with("1 record\n"), "{text}");
}

#[test]
fn a_ticket_is_found_by_its_number() {
    let emulator = Emulator::start();
    let (_, tickets) = emulator.europe_api("GET", "incidents?$select=ticketnumber&$top=1", None);
    let number = tickets["value"][0]["ticketnumber"].as_str().unwrap();
    let record = only(find(&emulator, number));
    assert_eq!(record["table"], "incident");
    assert_eq!(record["number"], number);
    assert_eq!(record["on"], json!({"us": null, "europe": true}));
    assert!(record["customer"]["id"].is_string(), "{record:#}");
    // A caller leaves out what stands behind the last dash.
    let (said, _) = number.rsplit_once('-').unwrap();
    let record = only(find(&emulator, said));
    assert_eq!(record["number"], number, "{said}");
}

#[test]
fn security_case_41_what_is_searched_is_one_literal() {
    let emulator = lonely("Contoso");
    for text in [
        "x' or 1 eq 1 or '",
        "%",
        "_ontoso",
        "[C]ontoso",
        "') or contains(name,'",
        "x'&$filter=1 eq 1#",
        "name,ownerid);",
        "\u{1b}[2J",
        "株式会社",
    ] {
        let found = find(&emulator, text).exits(1).json();
        assert_eq!(found["records"], json!([]), "{text}");
        assert_eq!(found["instances"][0]["answered"], true, "{found:#}");
        assert_eq!(found["instances"][1]["answered"], true, "{found:#}");
    }
    let text = emulator.tandem(&["find", "\u{1b}[2J"]).exits(1).stdout;
    assert_eq!(text, "nothing found for `^[[2J`\n");
    emulator.tandem(&["find", " "]).exits(2);
}

#[test]
fn who_does_not_answer_is_said_and_what_it_has_is_not_known() {
    let emulator = lonely("Contoso");
    emulator.arm(json!({"outage_s": 60}));
    let found = find(&emulator, "FIND-1").exits(0).json();
    assert_eq!(
        found["records"][0]["on"],
        json!({"us": true, "europe": null})
    );
    assert_eq!(found["instances"][1]["answered"], false);
    let ran = emulator.tandem(&["find", "nobody of this name"]).exits(3);
    assert!(ran.stdout.contains("europe did not answer: "), "{ran:?}");
}
