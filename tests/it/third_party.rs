//! Other people's clients, unmodified, against the running emulator: Microsoft's Python SDK and dynamics-web-api.
//!
//! The suites are in `tests/third_party`. The clients are installed by the run itself, at the versions of the locks there.
//! Without Python or Node, or without their registries, a suite is skipped with the reason;
//! with `TANDEM_REQUIRE_CLIENTS=1` that is a failure.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::binary::Emulator;

/// One client: how it is installed, and how its suite is run.
struct Suite {
    name: &'static str,
    /// The suite's folder, and everything in it that says what is to be installed.
    folder: &'static str,
    locks: &'static [&'static str],
    /// The command that installs into the folder it runs in.
    install: &'static [&'static str],
    run: &'static [&'static str],
    least: usize,
}

const PYTHON: Suite = Suite {
    name: "PowerPlatform-Dataverse-Client",
    folder: "python",
    locks: &["requirements.txt"],
    // Into a folder and not into a virtual environment, which many systems have in a package of its own.
    install: &[
        "python3",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=2",
        "--target=packages",
        "--requirement=requirements.txt",
    ],
    run: &["python3", "-s", "-B", "suite/run.py"],
    least: 100,
};

const JAVASCRIPT: Suite = Suite {
    name: "dynamics-web-api",
    folder: "javascript",
    locks: &["package.json", "package-lock.json"],
    install: &[
        "npm",
        "ci",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
        "--fetch-retries=2",
        "--fetch-retry-mintimeout=1000",
        "--fetch-retry-maxtimeout=4000",
    ],
    run: &["node", "suite/run.mjs"],
    least: 80,
};

#[test]
fn the_python_sdk_works_unchanged() {
    PYTHON.check();
}

#[test]
fn dynamics_web_api_works_unchanged() {
    JAVASCRIPT.check();
}

impl Suite {
    fn check(&self) {
        let home = match self.installed() {
            Ok(home) => home,
            Err(reason) => {
                let required =
                    std::env::var_os("TANDEM_REQUIRE_CLIENTS").is_some_and(|it| it == "1");
                assert!(!required, "{} is required: {reason}", self.name);
                say(&format!("SKIPPED the checks of {}: {reason}", self.name));
                return;
            }
        };
        let emulator = Emulator::of_an_administrator(&["--tls"]);
        let ca = emulator.ca.as_ref().expect("a ready line with the CA");
        let output = command(self.run, &home)
            .env("PYTHONPATH", home.join("packages"))
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .env("TANDEM_URL", &emulator.us)
            .env("TANDEM_TOKEN", &emulator.token)
            .env("REQUESTS_CA_BUNDLE", ca)
            .env("SSL_CERT_FILE", ca)
            .env("NODE_EXTRA_CA_CERTS", ca)
            .output()
            .unwrap();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{}:\n{stderr}{stdout}", self.name);
        let checks = stdout
            .lines()
            .filter_map(|line| line.strip_suffix(" checks")?.parse().ok())
            .next_back();
        let checks: usize = checks.expect("the number of checks");
        assert!(checks >= self.least, "only {checks} checks");
        say(&format!("{}: {checks} checks", self.name));
    }

    /// The folder with the installed client and a copy of the suite; installed now, unless it was for these locks.
    fn installed(&self) -> Result<PathBuf, String> {
        let run = self.run.first().copied().unwrap_or_default();
        let version = succeed(&[run, "--version"], Path::new("."))?;
        let suite = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/third_party")
            .join(self.folder);
        let mut hasher = DefaultHasher::new();
        (version, self.install).hash(&mut hasher);
        for lock in self.locks {
            std::fs::read(suite.join(lock)).unwrap().hash(&mut hasher);
        }
        let home = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join("third_party")
            .join(format!("{}-{:016x}", self.folder, hasher.finish()));
        let complete = home.join("installed");
        if !complete.exists() {
            // Whatever an install that broke off has left.
            let _ = std::fs::remove_dir_all(&home);
            std::fs::create_dir_all(&home).unwrap();
            for lock in self.locks {
                std::fs::copy(suite.join(lock), home.join(lock)).unwrap();
            }
            succeed(self.install, &home)?;
            std::fs::write(&complete, "").unwrap();
        }
        copy(&suite, &home.join("suite"));
        Ok(home)
    }
}

/// A program in a folder, free of what the surroundings say about packages.
fn command(words: &[&str], folder: &Path) -> Command {
    let (program, arguments) = words.split_first().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder);
    for name in [
        "PYTHONPATH",
        "PYTHONHOME",
        "PIP_USER",
        "PIP_REQUIRE_VIRTUALENV",
        "NODE_OPTIONS",
        "NODE_PATH",
    ] {
        command.env_remove(name);
    }
    command
}

/// Runs a program, and says what it said or why there is no point in going on.
fn succeed(words: &[&str], folder: &Path) -> Result<String, String> {
    let said: Vec<&str> = words
        .iter()
        .filter(|word| !word.starts_with("--"))
        .copied()
        .collect();
    let said = said.join(" ");
    let output = command(words, folder)
        .output()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => format!("there is no {}", words.first().unwrap_or(&"")),
            _ => format!("{said}: {error}"),
        })?;
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let stderr = text(&output.stderr);
    let line = stderr
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .find(|line| line.to_lowercase().contains("err"))
        .or_else(|| stderr.lines().next_back())
        .unwrap_or("failed without a word");
    Err(format!("{said}: {line}"))
}

/// Replaces a folder by the files of another.
fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Says it past the test runner, which hides what a test that passes prints.
fn say(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{what}");
}
