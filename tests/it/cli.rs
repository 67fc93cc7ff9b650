//! The binary as a script sees it: arguments in; stdout, stderr and the exit code out.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::support::emulated::Emulated;

/// Two emulated instances, a configuration for them, and a state folder.
struct Cli {
    emulated: Emulated,
    folder: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
struct Run {
    code: i32,
    out: String,
    err: String,
}

impl Cli {
    async fn new() -> Self {
        let emulated = Emulated::demo().await;
        let folder = tempfile::tempdir().unwrap();
        let config = config(emulated.pair.us_url(), emulated.pair.europe_url());
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        Self { emulated, folder }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tandem"));
        command
            .args(line.split_whitespace())
            .env_remove("TANDEM_EMULATOR_TOKEN")
            .env("TANDEM_CONFIG", self.folder.path().join("config.toml"))
            .env("TANDEM_TOKEN", self.emulated.pair.token())
            .env("XDG_STATE_HOME", self.folder.path().join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a line to its end.
    async fn run(&self, line: &str) -> Run {
        self.run_with(line, "").await
    }

    async fn run_with(&self, line: &str, stdin: &str) -> Run {
        let mut child = self.command(line).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(stdin.as_bytes())
            .unwrap();
        ended(child).await
    }

    /// Runs a line that answers in JSON.
    async fn json(&self, line: &str) -> (i32, Json) {
        let run = self.run(&format!("{line} --json")).await;
        let json =
            serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.code, json)
    }

    /// The ids of the records in a drift.
    async fn ids(&self, table: &str, drift: &str) -> Vec<String> {
        let (_, json) = self
            .json(&format!("records --table {table} --drift {drift}"))
            .await;
        let records = json["records"].as_array().unwrap().iter();
        records
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The requests that Europe got and that write.
    async fn writes(&self) -> usize {
        let log = self.emulated.europe().log().await;
        log.iter()
            .filter(|request| request["method"] != "GET")
            .count()
    }
}

/// The demo's link, with waits in milliseconds.
fn config(us: &str, europe: &str) -> String {
    let instance = |name, url| {
        format!(
            "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"token\", token = {{ env = \"TANDEM_TOKEN\" }} }}\n"
        )
    };
    let tables = r#"
        [[links]]
        source = "us"
        target = "europe"
        [[links.tables]]
        name = "account"
        keys = ["accountnumber"]
        stub = ["name"]
        columns = ["name", "accountnumber", "telephone1", "emailaddress1", "address1_city", "websiteurl", "numberofemployees", "primarycontactid"]
        [[links.tables]]
        name = "contact"
        stub = ["lastname"]
        columns = ["firstname", "lastname", "emailaddress1", "parentcustomerid"]
        [policy]
        probe = "100ms"
        [policy.breaker]
        wait_base = "200ms"
        wait_cap = "500ms"
        [policy.retry]
        base = "20ms"
    "#;
    format!(
        "{}{}{tables}",
        instance("us", us),
        instance("europe", europe)
    )
}

/// Waits for a process off the runtime, which has two instances to serve meanwhile.
async fn ended(child: Child) -> Run {
    let wait = tokio::task::spawn_blocking(move || child.wait_with_output().unwrap());
    let Output {
        status,
        stdout,
        stderr,
    } = wait.await.unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).unwrap(),
        err: String::from_utf8(stderr).unwrap(),
    }
}

fn interrupt(child: &Child) {
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_tells_what_is_out_of_step_and_what_is_down() {
    let cli = Cli::new().await;
    let run = cli.run("status").await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(
        run.out.contains("us-europe: us → europe, expected"),
        "{run:?}"
    );
    assert!(run.out.contains("7 diverged; 1 duplicate"), "{run:?}");
    assert_eq!(
        run.err, "",
        "results go to stdout, and stderr is no terminal"
    );

    let (code, json) = cli.json("status").await;
    assert_eq!((code, &json["exit"]), (1, &json!(1)));
    assert_eq!(json["instances"][1]["health"], "healthy");
    assert_eq!(json["links"][0]["tables"][0]["drift"]["stub"], 12);
    assert!(json["links"][0]["lag_s"].as_u64() > Some(0), "{json}");

    let europe = cli.emulated.europe();
    europe.arm(json!({"outage_s": 60})).await;
    let run = cli.run("status").await;
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("europe is DOWN"), "{run:?}");
    assert!(
        run.out.contains("account  ?"),
        "what is not known is no zero: {run:?}"
    );
    let run = cli.run("sync --yes 1000 --reason x").await;
    assert_eq!(run.code, 3, "{run:?}");
    let missing = "rehydrate account 00000001-0000-0000-0000-000000000001";
    assert_eq!(cli.run(missing).await.code, 3);
    assert_eq!(cli.run("records").await.code, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_unreachable_and_appears_nowhere() {
    let cli = Cli::new().await;
    let mut command = cli.command("status");
    command.env("TANDEM_TOKEN", "eyJ-canary");
    let run = ended(command.spawn().unwrap()).await;
    assert_eq!(run.code, 3, "{run:?}");
    assert!(run.out.contains("REFUSED"), "{run:?}");
    assert!(
        !run.out.contains("canary") && !run.err.contains("canary"),
        "{run:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rehydrate_is_told_record_by_record_and_changes_nothing_twice() {
    let cli = Cli::new().await;
    let stubs = cli.ids("account", "stub").await;
    let line = format!(
        "rehydrate account {} {} --reason INC-42",
        stubs[0], stubs[1]
    );

    let run = cli.run(&format!("{line} --dry-run")).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.out.contains("fill 2") && run.out.contains("nothing was written"),
        "{run:?}"
    );
    assert_eq!(
        cli.writes().await,
        0,
        "a dry run sends no request that writes"
    );

    let run = cli.run(&line).await;
    assert_eq!(run.code, 0, "{run:?}");
    let verified = run
        .out
        .lines()
        .filter(|line| line.starts_with("verified  account "));
    assert_eq!(verified.count(), 2, "{run:?}");
    let writes = cli.writes().await;

    let (code, json) = cli.json(&line).await;
    assert_eq!(code, 0, "{json}");
    assert_eq!(json["operations"][0]["counts"]["unchanged"], 2, "{json}");
    assert_eq!(json["operations"][0]["reason"], "INC-42");
    assert_eq!(cli.writes().await, writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_are_named_by_key_in_a_file_and_by_drift() {
    let cli = Cli::new().await;
    let run = cli.run("ensure account accountnumber=AZO").await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(
        run.out.contains("unchanged account AutoZone AZO"),
        "{run:?}"
    );

    let run = cli
        .run("rehydrate account accountnumber=NOPE accountnumber=MSFT")
        .await;
    assert_eq!(run.code, 1, "one of two was found: {run:?}");
    assert!(
        run.out.contains("no account with accountnumber NOPE"),
        "{run:?}"
    );

    let stubs = cli.ids("account", "stub").await;
    let file = format!("# from the call\n{}\naccount {}\n", stubs[0], stubs[1]);
    let run = cli.run_with("rehydrate account --from -", &file).await;
    assert_eq!(run.code, 0, "{run:?}");

    let run = cli.run("rehydrate --drift stub --table contact").await;
    assert_eq!(run.code, 0, "{run:?}");
    assert_eq!(cli.ids("contact", "stub").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_diverged_record_is_refused_with_the_reason() {
    let cli = Cli::new().await;
    let diverged = cli.ids("account", "diverged").await;
    let run = cli.run(&format!("rehydrate account {}", diverged[0])).await;
    assert_eq!(run.code, 4, "{run:?}");
    assert!(
        run.out.contains("held") && run.out.contains("edited in the target"),
        "{run:?}"
    );
    assert_eq!(cli.writes().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sync_of_everything_wants_a_count_and_a_reason() {
    let cli = Cli::new().await;
    let run = cli.run("sync").await;
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.err.contains("say --yes 90"), "{run:?}");
    assert_eq!(cli.run("sync --yes 89 --reason INC-7").await.code, 4);
    let run = cli.run("sync --yes 90").await;
    assert_eq!(run.code, 2, "{run:?}");
    let (code, json) = cli.json("sync --read-only --yes 90 --reason INC-7").await;
    assert_eq!((code, &json["exit"]), (4, &json!(4)));
    assert_eq!(cli.writes().await, 0);

    let run = cli.run("sync --yes 90 --reason INC-7 --quiet").await;
    assert_eq!(run.code, 0, "{run:?}");
    let writes = cli.writes().await;
    let (_, json) = cli.json("status").await;
    assert_eq!(json["links"][0]["condition"], "in step");
    let run = cli.run("sync").await;
    assert_eq!(
        run.code, 0,
        "nothing is pending, so nothing needs consent: {run:?}"
    );
    assert_eq!(cli.writes().await, writes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_come_as_csv_and_json() {
    let cli = Cli::new().await;
    let run = cli.run("records --drift diverged,duplicate --csv").await;
    assert_eq!(run.code, 0, "{run:?}");
    let mut reader = csv::Reader::from_reader(run.out.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 8);
    assert_eq!(&rows[7][0], "duplicate");
    let (_, json) = cli.json("records --filter autozone --table account").await;
    assert_eq!(json["total"], 1);
    assert_eq!(json["records"][0]["number"], "AZO");
    assert_eq!(json["records"][0]["drift"], "diverged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_takes_back_what_was_not_sent() {
    let cli = Cli::new().await;
    let stubs = cli.ids("account", "stub").await;
    cli.emulated.europe().arm(json!({"outage_s": 60})).await;
    let line = format!("rehydrate account {} --wait", stubs[0]);
    let child = cli.command(&line).spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    interrupt(&child);
    let run = ended(child).await;
    assert_eq!(run.code, 130, "{run:?}");
}

/// Starts a sync of everything whose writes are slow, and returns when its first record is done.
async fn half_way(cli: &Cli) -> (Child, String) {
    let fault = json!({"count": 500, "delay_ms": 150, "method": "PATCH"});
    cli.emulated.europe().arm(fault).await;
    let line = "sync --yes 200 --reason INC-7";
    let mut child = cli.command(line).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let read = move || {
        let mut first = String::new();
        out.read_line(&mut first).unwrap();
        // The pipe is kept open: what follows is read with the rest.
        (first, out.into_inner())
    };
    let (first, out) = tokio::task::spawn_blocking(read).await.unwrap();
    child.stdout = Some(out);
    (child, first)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_sync_ends_in_good_order() {
    let cli = Cli::new().await;
    let (child, first) = half_way(&cli).await;
    assert!(first.starts_with("verified"), "{first}");
    interrupt(&child);
    let run = ended(child).await;
    assert_eq!(run.code, 130, "{run:?}");
    assert!(run.out.contains("abandoned"), "{run:?}");
    let (_, json) = cli.json("status").await;
    assert_eq!(json["unfinished_operations"], 0, "{json}");
    assert_eq!(json["unknown_outcomes"], 0, "{json}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_sync_left_behind_is_read_back_and_shown() {
    let cli = Cli::new().await;
    let (mut child, _) = half_way(&cli).await;
    child.kill().unwrap();
    child.wait().unwrap();
    cli.emulated
        .europe()
        .control("DELETE", "faults", None)
        .await;
    let (code, json) = cli.json("status").await;
    assert_eq!(code, 1);
    assert_eq!(json["unfinished_operations"], 1, "{json}");
    let reasons = json["needs_a_person"].to_string();
    assert!(
        reasons.contains("left unfinished by an earlier process"),
        "{reasons}"
    );
    let run = cli.run("sync --yes 200 --reason INC-7").await;
    assert_eq!(run.code, 0, "{run:?}");
    let (_, json) = cli.json("status").await;
    assert_eq!(json["links"][0]["condition"], "in step");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_and_configuration_say_what_would_be_right() {
    let cli = Cli::new().await;
    for (line, said) in [
        ("destroy", "unrecognized subcommand"),
        ("rehydrate", "say which records"),
        (
            "rehydrate tickets --drift stub",
            "there are account, contact",
        ),
        ("rehydrate account 123", "neither a GUID nor a key"),
        ("records --drift in-sync", "drifts that are listed"),
        (
            "status --config /nowhere.toml",
            "/nowhere.toml: can't be read",
        ),
    ] {
        let run = cli.run(line).await;
        assert_eq!(run.code, 2, "{line}: {run:?}");
        assert!(run.err.contains(said), "{line}: {run:?}");
    }
    let file = cli.folder.path().join("config.toml");
    std::fs::write(&file, "[instances.us]\nurl = 5\n").unwrap();
    let run = cli.run("status").await;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("config.toml:2: "), "{run:?}");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let run = cli.run("status").await;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("can be written by others"), "{run:?}");
    std::fs::remove_file(&file).unwrap();
    let mut command = cli.command("status");
    command
        .env_remove("TANDEM_CONFIG")
        .env("XDG_CONFIG_HOME", cli.folder.path());
    let run = ended(command.spawn().unwrap()).await;
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.err.contains("tandem demo"), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_emulator_says_where_it_is_and_ends_when_interrupted() {
    let line =
        "emulator --us 127.0.0.1:0 --europe 127.0.0.1:0 --token sesame --no-plug-in --seed 7";
    let mut child = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(line.split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut first).unwrap();
    let ready: Json = serde_json::from_str(&first).unwrap();
    assert_eq!(ready["token"], "sesame");
    let client = super::support::emulated::plain_client();
    for name in ["us", "europe"] {
        let url = format!("{}/api/data/v9.2/WhoAmI", ready[name].as_str().unwrap());
        let answer = client.get(&url).bearer_auth("sesame").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
    interrupt(&child);
    let run = ended(child).await;
    assert_eq!(run.code, 0, "{run:?}");
}
