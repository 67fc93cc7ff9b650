//! `tandem hook`, the real binary: registering, serving, the break-glass, and what it says when it can't.

use serde_json::{Value as Json, json};

use super::support::id;
use crate::support::binary::{Emulator, Running};

const SECRET: &str = "s3cret";

pub fn emulator() -> Emulator {
    Emulator::start_with(&["--no-plug-in", "--any-webhook-port", "--records", "10"])
}

pub fn configure(emulator: &Emulator, url: &str, more: &str) {
    let us = &emulator.us;
    let europe = &emulator.europe;
    assert!(!us.is_empty());
    std::fs::write(emulator.folder.path().join("key"), SECRET).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(emulator.folder.path().join("key"), mode).unwrap();
    emulator.configure(&format!(
        "\n[hook]\nlisten = \"127.0.0.1:0\"\nurl = \"{url}\"\nkey = {{ file = \"key\" }}\ncredential = {{ kind = \
         \"client-secret\", authority = \"{europe}\", tenant = \"contoso\", client_id = \"tandem-sync\", secret = {{ env \
         = \"TANDEM_TOKEN\" }} }}\ntables = [{{ name = \"incident\", references = [{{ column = \"customerid\", stub = {{ \
         name = \"title\" }} }}] }}]\n{more}"
    ));
}

pub fn serve(emulator: &Emulator) -> (Running, String) {
    let (process, ready) = Running::ready(&mut emulator.command(&["hook", "serve", "--json"]));
    let listen = ready["listen"].as_str().unwrap().to_owned();
    (process, listen)
}

pub fn ticket(emulator: &Emulator, customer: &str) -> (u16, Json) {
    let ticket = json!({
        "title": "Printer on fire",
        "customerid_account@odata.bind": format!("/accounts({customer})"),
    });
    emulator.europe_api("POST", "incidents", Some(ticket))
}

#[test]
fn the_hook_is_registered_served_disabled_enabled_and_removed() {
    let emulator = emulator();
    configure(&emulator, "http://127.0.0.1:1/", "");
    let (mut process, listen) = serve(&emulator);
    configure(&emulator, &format!("{listen}/"), "");
    let create = json!({"accountid": id(1), "name": "Contoso", "accountnumber": "C-1"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(create)).0, 204);

    let told = emulator.tandem(&["hook", "status"]).exits(1);
    assert!(
        told.stdout.contains("no endpoint is registered"),
        "{told:?}"
    );
    let told = emulator
        .tandem(&["hook", "register", "--dry-run", "--json"])
        .exits(0)
        .json();
    assert_eq!(told["changes"].as_array().unwrap().len(), 3, "{told}");
    emulator.tandem(&["hook", "status"]).exits(1);
    emulator
        .tandem(&["hook", "register", "--read-only"])
        .exits(4);
    let told = emulator.tandem(&["hook", "register"]).exits(0);
    assert!(
        !format!("{told:?}").contains(SECRET),
        "security case 19: {told:?}"
    );
    assert_eq!(told.stdout.matches("create").count(), 3, "{told:?}");
    let told = emulator.tandem(&["hook", "register"]).exits(0);
    assert_eq!(told.stdout.matches("keep").count(), 3, "{told:?}");
    let status = emulator
        .tandem(&["hook", "status", "--json"])
        .exits(0)
        .json();
    assert_eq!(status["endpoint"]["url"], format!("{listen}/"));
    assert_eq!(status["faults"], json!([]));
    assert_eq!(ticket(&emulator, &id(1)).0, 204);

    process.terminate();
    assert!(
        process.succeeds(),
        "a service that is asked to end, ends well"
    );
    assert_ne!(ticket(&emulator, &id(1)).0, 204);
    emulator.tandem(&["hook", "disable"]).exits(0);
    assert_eq!(ticket(&emulator, &id(1)).0, 204);
    let told = emulator.tandem(&["hook", "status"]).exits(1);
    assert_eq!(told.stdout.matches("is disabled").count(), 2, "{told:?}");
    emulator.tandem(&["hook", "enable"]).exits(0);
    emulator.tandem(&["hook", "status"]).exits(0);
    emulator.tandem(&["hook", "remove"]).exits(0);
    assert_eq!(ticket(&emulator, &id(1)).0, 204);
    assert_eq!(ticket(&emulator, &id(2)).0, 404);
    let told = emulator.tandem(&["hook", "remove"]).exits(0);
    assert_eq!(told.stdout, "nothing is registered\n");
}

/// What `status` says of the hook, and the reasons that name it.
fn status(emulator: &Emulator) -> (Json, Vec<String>) {
    let status = emulator.tandem(&["status", "--json"]).json();
    let reasons = status["needs_a_person"].as_array().unwrap().iter();
    let reasons = reasons.map(|reason| reason.as_str().unwrap().to_owned());
    let reasons = reasons.filter(|reason| reason.contains("hook")).collect();
    (status["hook"].clone(), reasons)
}

fn missing(emulator: &Emulator) -> Json {
    let words = ["records", "--drift", "missing", "--impact", "--json"];
    let list = emulator.tandem(&words).exits(0).json();
    let mut records = list["records"].as_array().unwrap().iter();
    let found = records.find(|record| record["id"] == id(1).as_str());
    found.unwrap()["impact"].clone()
}

#[test]
fn status_report_and_impact_know_of_the_hook() {
    let emulator = emulator();
    configure(&emulator, "http://127.0.0.1:1/", "");
    let (mut process, listen) = serve(&emulator);
    configure(&emulator, &format!("{listen}/"), "");
    let create = json!({"accountid": id(1), "name": "Contoso", "accountnumber": "C-1"});
    assert_eq!(emulator.us_api("POST", "accounts", Some(create)).0, 204);
    assert_eq!(missing(&emulator), "refused", "it is not registered");
    emulator.tandem(&["hook", "register"]).exits(0);
    assert_eq!(missing(&emulator), "accepted as a stub");
    assert_eq!(ticket(&emulator, &id(7)).0, 404);
    let (hook, reasons) = status(&emulator);
    assert_eq!(
        (&hook["answer"], &hook["called"]),
        (&json!("well"), &json!(true))
    );
    assert_eq!(reasons, Vec::<String>::new());

    let report = emulator.tandem(&["report", "--json"]).exits(0);
    let lines = report.stdout.lines();
    let lines: Vec<Json> = lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let refused: Vec<&Json> = lines
        .iter()
        .filter(|line| line["mark"] == "refused")
        .collect();
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert_eq!(refused[0]["customer"]["id"], id(7));
    assert_eq!(refused[0]["customer"]["table"], "account");
    let why = refused[0]["title"].as_str().unwrap();
    assert!(why.contains("neither instance has it"), "{why}");
    assert!(report.stderr.contains("1 reference refused"), "{report:?}");

    process.kill();
    let (hook, reasons) = status(&emulator);
    assert_eq!(hook["answer"], "silent");
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(
        reasons[0].contains("every ticket is refused"),
        "{reasons:?}"
    );
    let plain = emulator.tandem(&["status"]).exits(1);
    assert!(plain.stdout.contains("hook: does not answer"), "{plain:?}");
    assert_eq!(
        missing(&emulator),
        "refused",
        "it is called and does not answer"
    );
    let report = emulator.tandem(&["report", "--json"]).exits(0);
    assert!(
        report.stderr.contains("the hook can't be asked"),
        "{report:?}"
    );

    emulator.tandem(&["hook", "disable"]).exits(0);
    let (hook, reasons) = status(&emulator);
    assert_eq!(hook["called"], false);
    assert_eq!(reasons, Vec::<String>::new(), "tickets pass");
}

#[test]
fn what_cannot_be_served_is_told_with_the_reason() {
    let emulator = emulator();
    let says = |arguments: &[&str], code: i32, said: &str| {
        let told = emulator.tandem(arguments).exits(code);
        assert!(told.stderr.contains(said), "{told:?} should say {said}");
    };
    says(&["hook", "serve"], 2, "no [hook] is configured");
    configure(&emulator, "http://127.0.0.1:1/", "");
    says(&["hook", "serve", "--read-only"], 4, "--read-only");
    let config = std::fs::read_to_string(emulator.config()).unwrap();
    let with = |from: &str, into: &str| {
        std::fs::write(emulator.config(), config.replace(from, into)).unwrap();
    };
    with("\"customerid\"", "\"title\"");
    says(&["hook", "serve"], 2, "table incident has no lookup title");
    with("\"customerid\"", "\"ownerid\"");
    says(&["hook", "serve"], 2, "refers to no table of the link");
    with("name = \"title\" }", "name = \"subject\" }");
    says(&["hook", "serve"], 2, "to be taken from subject");
    with("file = \"key\"", "file = \"no-key\"");
    says(&["hook", "serve"], 2, "fetch the hook's key");
    with("url = \"http://127.0.0.1:1/\"", "");
    says(&["hook", "register"], 2, "says no `url`");
    with(
        "listen = \"127.0.0.1:0\"",
        "listen = \"127.0.0.1:0\"\ntls = { certificate = \"none.pem\", key = \"none.key\" }",
    );
    says(&["hook", "serve"], 2, "none.pem");
}

#[test]
fn a_certificate_that_is_configured_is_served() {
    let emulator = emulator();
    let folder = emulator.folder.path();
    let key = rcgen::KeyPair::generate().unwrap();
    let params =
        rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]);
    let certificate = params.unwrap().self_signed(&key).unwrap();
    std::fs::write(folder.join("hook.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("hook.key"), key.serialize_pem()).unwrap();
    let tls = "tls = { certificate = \"hook.pem\", key = \"hook.key\" }\n";
    configure(&emulator, "https://localhost/", tls);
    let (_process, listen) = serve(&emulator);
    assert!(listen.starts_with("https://"), "{listen}");
    let authority = reqwest::Certificate::from_pem(certificate.pem().as_bytes()).unwrap();
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .tls_certs_only([authority])
        .build()
        .unwrap();
    let answer = client.get(format!("{listen}/healthz")).send().unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn security_case_22_the_key_is_in_no_log() {
    let emulator = emulator();
    configure(&emulator, "http://127.0.0.1:1/", "");
    let mut command = emulator.command(&["hook", "serve", "--json"]);
    let (mut process, ready) = Running::ready(command.env("TANDEM_LOG", "trace"));
    let listen = ready["listen"].as_str().unwrap().to_owned();
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .build()
        .unwrap();
    for code in [SECRET, "wrong"] {
        let call = client
            .post(format!("{listen}/?code={code}"))
            .body("nonsense");
        call.send().unwrap();
    }
    process.terminate();
    assert!(process.succeeds());
    let log = emulator.folder.path().join("state").join("tandem.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("wrong key"), "{log}");
    assert!(!log.contains(SECRET) && !log.contains(&emulator.token));
}
