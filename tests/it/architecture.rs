//! The direction of dependencies, held by a test: who may use whom, where a crate may be named, where a clock may be
//! asked. Sizes are not tested; they are a matter of judgement.

use std::fs;
use std::path::{Path, PathBuf};

/// Which modules each module may use, and why no others.
const MAY_USE: [(&str, &[&str], &str); 10] = [
    ("domain", &[], "it is pure and knows nobody"),
    ("config", &["domain"], "it is data that others read"),
    (
        "dataverse",
        &["domain"],
        "the client knows nothing of links, journals or consoles",
    ),
    (
        "journal",
        &["domain"],
        "the record outlives whoever writes it",
    ),
    (
        "engine",
        &["domain", "dataverse", "journal", "config"],
        "it must not know its frontends",
    ),
    (
        "hook",
        &["domain", "dataverse", "engine", "config"],
        "it answers while no engine runs, and has no journal",
    ),
    (
        "doctor",
        &["domain", "dataverse", "config", "engine", "hook"],
        "it holds a configuration against what it names, and no frontend is asked",
    ),
    (
        "cli",
        &["engine", "domain", "config"],
        "a frontend sees snapshots and commands, nothing else",
    ),
    (
        "tui",
        &["engine", "domain", "config"],
        "a frontend sees snapshots and commands, nothing else",
    ),
    (
        "emulator",
        &[],
        "it is the other end of the wire: our own mistakes must not cancel out",
    ),
];

/// What may be used beyond that, file by file. The list may only shrink.
const EXCEPTIONS: [(&str, &str, &str); 6] = [
    ("cli/emulator.rs", "emulator", "the command that serves it"),
    ("cli/demo.rs", "emulator", "the demo stands on it"),
    (
        "cli/hook.rs",
        "hook",
        "the commands that serve and register it",
    ),
    ("cli/doctor.rs", "doctor", "the command that has it look"),
    (
        "cli/init.rs",
        "doctor",
        "the command that has the tables read",
    ),
    (
        "cli/console.rs",
        "tui",
        "the command that opens the console",
    ),
];

/// Crates that have one home.
const HOMES: [(&str, &[&str]); 7] = [
    (
        "reqwest",
        &["dataverse/transport.rs", "emulator/pipeline/hook.rs"],
    ),
    ("ratatui", &["tui"]),
    ("crossterm", &["tui"]),
    ("clap", &["cli", "main.rs"]),
    ("rusqlite", &["journal"]),
    // Beside the emulator and the hook, the agent's three endpoints.
    ("axum", &["emulator", "hook", "cli/agent/endpoints.rs"]),
    ("winnow", &["emulator"]),
];

/// Where time is an argument.
const NO_CLOCK: [&str; 4] = ["domain", "engine/writer", "tui/update", "tui/view"];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("a source").path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                into.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let named = files.into_iter().map(|path| {
        let name = path
            .strip_prefix(&root)
            .expect("below src")
            .to_string_lossy()
            .into_owned();
        (name, fs::read_to_string(&path).expect("readable"))
    });
    named.collect()
}

/// Lines of code with their numbers: comments and the inline tests at a file's end left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .take_while(|line| !line.starts_with("mod tests {") && !line.starts_with("mod tests;"));
    let numbered = lines
        .enumerate()
        .map(|(place, line)| (place + 1, line.trim_start()));
    numbered.filter(|(_, line)| !line.starts_with("//"))
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/") || name.contains("fixture")
}

fn module(name: &str) -> &str {
    name.split(['/', '.']).next().unwrap_or_default()
}

/// The modules of ours that a line names: `crate::x` and the groups of `use crate::{x, y}`.
fn used(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("crate::") {
        let own = line[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric() && before != '_');
        let rest = &line[at + "crate::".len()..];
        if !own || rest.starts_with('{') {
            continue;
        }
        found.push(
            rest.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect(),
        );
    }
    found
}

fn names_crate(line: &str, krate: &str) -> bool {
    let path = format!("{krate}::");
    line.match_indices(&path).any(|(at, _)| {
        line[..at]
            .chars()
            .next_back()
            .is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
    })
}

#[test]
fn modules_use_only_those_below_them() {
    let mut wrong = Vec::new();
    for (name, text) in sources() {
        let own = module(&name).to_owned();
        let Some((_, allowed, why)) = MAY_USE.iter().find(|(module, _, _)| *module == own) else {
            continue;
        };
        for (number, line) in code(&text) {
            assert!(
                !line.contains("crate::{"),
                "src/{name}:{number}: name modules one by one, so that they can be seen"
            );
            for other in used(line) {
                let known = MAY_USE.iter().any(|(module, _, _)| *module == other);
                let excepted = EXCEPTIONS
                    .iter()
                    .any(|(file, module, _)| *file == name && *module == other);
                if known && other != own && !allowed.contains(&other.as_str()) && !excepted {
                    wrong.push(format!(
                        "src/{name}:{number}: {own} must not use {other}: {why}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn crates_are_named_only_in_their_homes() {
    let mut wrong = Vec::new();
    for (name, text) in sources().into_iter().filter(|(name, _)| !is_test(name)) {
        for (number, line) in code(&text) {
            for (krate, homes) in HOMES {
                let at_home = homes
                    .iter()
                    .any(|home| name == *home || module(&name) == *home);
                if !at_home && names_crate(line, krate) {
                    wrong.push(format!(
                        "src/{name}:{number}: {krate} lives in {homes:?} only"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn pure_code_asks_no_clock() {
    let mut wrong = Vec::new();
    let pure = |name: &str| NO_CLOCK.iter().any(|place| name.starts_with(place)) && !is_test(name);
    for (name, text) in sources().into_iter().filter(|(name, _)| pure(name)) {
        for (number, line) in code(&text) {
            for clock in ["Instant::now", "SystemTime::now", "Utc::now", "Local::now"] {
                if line.contains(clock) {
                    wrong.push(format!(
                        "src/{name}:{number}: time comes in as an argument here"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//!"))
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "these begin without `//!`: {silent:?}");
}

#[test]
fn nothing_is_left_for_later_in_the_code() {
    for (name, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            for word in ["TODO", "FIXME", "XXX", "#[ignore"] {
                assert!(!line.contains(word), "src/{name}:{}: {word}", number + 1);
            }
        }
    }
}
