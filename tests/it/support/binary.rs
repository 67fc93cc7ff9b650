//! The real binary: an emulator in a process of its own, and commands against it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use tandem::emulator::{APPLICATION_CLIENT_ID, LOB_CLIENT_ID};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_tandem");
/// Nothing that is waited for in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// `tandem emulator`, with a folder for a configuration and a state.
pub struct Emulator {
    _process: Running,
    pub us: String,
    pub europe: String,
    pub token: String,
    /// Of a user who may do everything in the US.
    us_writer: String,
    /// The file of the CA that signed for it, with `--tls`.
    pub ca: Option<PathBuf>,
    pub folder: TempDir,
    client: reqwest::blocking::Client,
}

/// A command that runs, and that does not outlive the test, whatever becomes of the test.
pub struct Running(Child);

impl Running {
    /// Starts it without an output.
    pub fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Starts it with its errors, and so a service's log, in a file.
    pub fn logging(command: &mut Command, file: &Path) -> Self {
        let file = std::fs::File::create(file).unwrap();
        let command = command.stdout(Stdio::null()).stderr(file);
        Self(command.spawn().unwrap())
    }

    /// Starts it, and waits for the line of JSON that says that it is ready.
    pub fn ready(command: &mut Command) -> (Self, Json) {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::inherit());
        // Held from here on, so that a start that fails leaves nothing behind either.
        let mut process = Self(command.spawn().unwrap());
        let mut ready = String::new();
        BufReader::new(process.0.stdout.take().unwrap())
            .read_line(&mut ready)
            .unwrap();
        (process, serde_json::from_str(&ready).unwrap())
    }

    /// Asks it to end, as a service is asked.
    pub fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// `kill -9`, and nothing is left of it.
    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Whether it has come to its own end.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits for its own end; whether it was a good one.
    pub fn succeeds(&mut self) -> bool {
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(began.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing to do about it either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Leaves tandem's own user nothing but reading in the source; the token of another user, who may write there. Nothing
/// where the instance can't be asked, as a test wants it.
fn hands_over_writing(
    client: &reqwest::blocking::Client,
    us: &str,
    secret: &str,
) -> Option<String> {
    let form = format!(
        "grant_type=client_credentials&client_id={LOB_CLIENT_ID}&client_secret={secret}&scope={us}/.default"
    );
    let token = client
        .post(format!("{us}/contoso/oauth2/v2.0/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let token: Json = serde_json::from_str(&token.send().ok()?.text().ok()?).ok()?;
    let token = token["access_token"].as_str()?.to_owned();
    let role = json!({"client": APPLICATION_CLIENT_ID, "role": "Read Only"});
    let given = client
        .post(format!("{us}/emulator/roles"))
        .bearer_auth(secret)
        .header("content-type", "application/json")
        .body(role.to_string());
    given.send().ok()?.status().is_success().then_some(token)
}

impl Emulator {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// One whose user, as tandem is signed in, may only read in the US.
    pub fn start_with(arguments: &[&str]) -> Self {
        let mut emulator = Self::of_an_administrator(arguments);
        let writer = hands_over_writing(&emulator.client, &emulator.us, &emulator.token);
        if let Some(writer) = writer {
            emulator.us_writer = writer;
        }
        emulator
    }

    /// One whose only user may do everything.
    pub fn of_an_administrator(arguments: &[&str]) -> Self {
        let (process, ready) = Running::ready(
            Command::new(BINARY)
                .args(["emulator", "--us", "127.0.0.1:0", "--europe", "127.0.0.1:0"])
                .args(arguments),
        );
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        let ca = ready["ca"].as_str().map(PathBuf::from);
        let mut client = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(PATIENCE);
        if let Some(ca) = &ca {
            let ca = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
            client = client.tls_certs_only([ca]);
        }
        let client = client.build().unwrap();
        let (us, token) = (text("us"), text("token"));
        let emulator = Self {
            _process: process,
            us,
            europe: text("europe"),
            us_writer: token.clone(),
            token,
            ca,
            folder: tempfile::tempdir().unwrap(),
            client,
        };
        emulator.configure("");
        emulator
    }

    /// Writes a configuration of both instances; the rest of it is the test's.
    pub fn configure(&self, rest: &str) {
        self.configure_link("", rest);
    }

    /// The same, with a sync of the test's own.
    pub fn configure_sync(&self, sync: &str) {
        self.configure_link(sync, "");
    }

    fn configure_link(&self, sync: &str, rest: &str) {
        let instance = |name: &str, url: &str| {
            format!(
                "[instances.{name}]\nurl = \"{url}\"\ncredential = {{ kind = \"token\", token = {{ env = \
                 \"TANDEM_TOKEN\" }} }}\n\n"
            )
        };
        let link = r#"
[[links]]
source = "us"
target = "europe"
settle = "1s"
SYNC

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
probe = "200ms"

[policy.breaker]
wait_base = "300ms"
wait_cap = "1s"
"#
        .replace("SYNC", sync);
        let text = format!(
            "{}{}{link}{rest}",
            instance("us", &self.us),
            instance("europe", &self.europe)
        );
        std::fs::write(self.config(), text).unwrap();
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("tandem.toml")
    }

    /// A command on this emulator, ready to run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_in(&self.folder.path().join("state"), arguments)
    }

    /// The same, with another folder for its state.
    pub fn command_in(&self, state: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .arg("--config")
            .arg(self.config())
            .arg("--state")
            .arg(state)
            .args(arguments)
            .env("TANDEM_TOKEN", &self.token)
            .stdin(Stdio::null());
        command
    }

    pub fn tandem(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// One call of an instance: of the Web API, or of a control endpoint.
    pub fn call(&self, method: &str, url: &str, body: Option<Json>) -> (u16, Json) {
        self.call_as(&self.token, method, url, body)
    }

    fn call_as(&self, token: &str, method: &str, url: &str, body: Option<Json>) -> (u16, Json) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.client.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().unwrap()).unwrap_or(Json::Null),
        )
    }

    /// A call of the source, as somebody who may write there.
    pub fn us_api(&self, method: &str, path: &str, body: Option<Json>) -> (u16, Json) {
        let url = format!("{}/api/data/v9.2/{path}", self.us);
        self.call_as(&self.us_writer, method, &url, body)
    }

    pub fn europe_api(&self, method: &str, path: &str, body: Option<Json>) -> (u16, Json) {
        self.call(
            method,
            &format!("{}/api/data/v9.2/{path}", self.europe),
            body,
        )
    }

    /// Changes a row of Europe as somebody who works there.
    pub fn edit_as_a_person(&self, path: &str, body: &Json) {
        let me = self.europe_api("GET", "WhoAmI", None).1["UserId"].clone();
        let (_, users) = self.europe_api("GET", "systemusers?$select=fullname", None);
        let mut people = users["value"].as_array().unwrap().iter();
        let person = people
            .find(|user| user["fullname"] != "tandem sync" && user["systemuserid"] != me)
            .unwrap();
        let url = format!("{}/api/data/v9.2/{path}", self.europe);
        let request = self.client.patch(url).bearer_auth(&self.token);
        let request = request
            .header("MSCRMCallerID", person["systemuserid"].as_str().unwrap())
            .header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().unwrap();
        assert_eq!(answer.status(), 204);
    }

    pub fn arm(&self, fault: Json) {
        let (status, answer) = self.call(
            "POST",
            &format!("{}/emulator/faults", self.europe),
            Some(fault),
        );
        assert_eq!(status, 201, "{answer}");
    }

    pub fn disarm(&self) {
        self.call("DELETE", &format!("{}/emulator/faults", self.europe), None);
    }

    /// How many requests the faults of Europe have struck.
    pub fn hits(&self) -> usize {
        let (_, armed) = self.call("GET", &format!("{}/emulator/faults", self.europe), None);
        let armed = armed["faults"].as_array().unwrap().iter();
        let hits = armed.map(|fault| fault["hits"].as_u64().unwrap());
        usize::try_from(hits.sum::<u64>()).unwrap()
    }

    /// What Europe received since the log was cleared.
    pub fn europe_log(&self) -> Vec<Json> {
        let (_, log) = self.call("GET", &format!("{}/emulator/log", self.europe), None);
        log["requests"].as_array().unwrap().clone()
    }

    /// What of it updates or creates a row.
    pub fn writes(&self) -> Vec<Json> {
        let mut requests = self.europe_log();
        requests.retain(|request| request["method"] == "PATCH");
        requests
    }

    pub fn clear_log(&self) {
        self.call("DELETE", &format!("{}/emulator/log", self.europe), None);
    }

    /// Waits until something is so; a test that waits in vain says for what.
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
