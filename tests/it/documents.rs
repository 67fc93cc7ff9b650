//! The pages in `docs/` and `assets/` hold what the program holds: a section for each alert, tests that exist, commands
//! that are understood.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use tandem::cli::Arguments;
use tandem::domain::alert::When;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn the_runbook_has_a_section_for_each_alert_and_no_other() {
    let text = page("docs/runbook.md");
    let sections = text.lines().filter_map(|line| line.strip_prefix("## "));
    let sections: Vec<&str> = sections.collect();
    let mut alerts = When::ALL.map(When::word).to_vec();
    alerts.sort_by_key(|word| sections.iter().position(|section| section == word));
    assert_eq!(sections, alerts);
}

#[test]
fn every_promise_names_tests_that_there_are() {
    let mut files = Vec::new();
    sources(&root().join("tests"), &mut files);
    sources(&root().join("src"), &mut files);
    let code: String = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let text = page("docs/promises.md");
    let mut promises = 0;
    for promise in text
        .split("\n")
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()))
    {
        promises += 1;
        assert!(promise.len() > 20, "{promise}");
    }
    assert_eq!(promises, 10);
    let names: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| name.matches('_').count() > 3)
        .collect();
    assert!(names.len() >= promises, "{names:?}");
    for name in names {
        assert!(
            code.contains(&format!("fn {name}(")),
            "there is no test {name}"
        );
    }
}

#[test]
fn what_the_pages_say_to_run_is_understood() {
    for name in [
        "docs/runbook.md",
        "docs/assumptions.md",
        "docs/architecture.md",
        "assets/privileges.md",
    ] {
        let text = page(name);
        for said in text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|said| said.starts_with("tandem "))
        {
            let plain = said
                .replace("=…", "=X")
                .replace('…', "X")
                .replace("\"X\"", "X");
            let words: Vec<&str> = plain.split_whitespace().collect();
            // A word alone names a command; a whole line has to be taken as it stands.
            let is_name = words.len() <= 2;
            let parsed = <Arguments as clap::Parser>::try_parse_from(&words);
            let is_known = parsed.is_ok() || is_name && has_command(words[1]);
            assert!(is_known, "{name}: {said}: {}", parsed.err().unwrap());
        }
    }
}

fn has_command(name: &str) -> bool {
    Arguments::command().find_subcommand(name).is_some()
}

#[test]
fn the_pages_of_the_package_are_those_that_there_are() {
    let manifest = page("Cargo.toml");
    for file in [
        "assets/tandem-agent.service",
        "assets/tandem.sysusers",
        "assets/default.toml",
        "assets/privileges.md",
        "README.md",
    ] {
        assert!(
            manifest.contains(&format!("[\"{file}\"")),
            "{file} is not packed"
        );
        assert!(root().join(file).exists(), "{file}");
    }
    let unit = page("assets/tandem-agent.service");
    assert!(unit.contains("ExecStart=/usr/bin/tandem agent"), "{unit}");
}
