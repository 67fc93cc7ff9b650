//! Manual pages and completions agree with `--help`: all three are made of one definition, and this is the proof.

use std::process::Command;

use clap::CommandFactory;
use tandem::cli::Arguments;

fn printed(words: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(words)
        .output()
        .unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every command with its path, `hook register`.
fn commands() -> Vec<(Vec<String>, clap::Command)> {
    fn walk(
        path: &[String],
        command: &clap::Command,
        into: &mut Vec<(Vec<String>, clap::Command)>,
    ) {
        for sub in command
            .get_subcommands()
            .filter(|sub| sub.get_name() != "help")
        {
            let path = [path, &[sub.get_name().to_owned()]].concat();
            walk(&path, sub, into);
            into.push((path, sub.clone()));
        }
    }
    let mut command = Arguments::command();
    command.build();
    let mut all = Vec::new();
    walk(&[], &command, &mut all);
    all
}

fn flags(command: &clap::Command) -> Vec<String> {
    let flags = command.get_arguments().filter_map(clap::Arg::get_long);
    flags.map(|flag| format!("--{flag}")).collect()
}

#[test]
fn every_command_and_flag_of_help_is_in_the_manual() {
    let folder = tempfile::tempdir().unwrap();
    printed(&["man", "--dir", folder.path().to_str().unwrap()]);
    for (path, command) in commands() {
        let words: Vec<&str> = path.iter().map(String::as_str).collect();
        let help = printed(&[&words[..], &["--help"]].concat());
        let page = format!("tandem-{}.1", path.join("-"));
        let page = std::fs::read_to_string(folder.path().join(&page))
            .unwrap_or_else(|error| panic!("{page}: {error}"));
        let page = page.replace("\\-", "-");
        for flag in flags(&command) {
            assert!(help.contains(&flag), "{flag} in the help of {path:?}");
            assert!(page.contains(&flag), "{flag} in the page of {path:?}");
        }
    }
    let whole = printed(&["man"]).replace("\\-", "-");
    assert!(whole.contains("Exit codes: 0 as it should be"), "{whole}");
    assert!(printed(&["man", "doctor"]).contains("strict"));
}

#[test]
fn five_shells_complete_every_command_and_its_flags() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = printed(&["completions", shell]);
        for (path, command) in commands() {
            let name = path.last().unwrap();
            assert!(text.contains(name.as_str()), "{shell}: {path:?}");
            for flag in flags(&command) {
                // Fish says a flag without its dashes.
                let is_there = text.contains(&flag) || text.contains(&format!("-l {}", &flag[2..]));
                assert!(is_there, "{shell}: {flag} of {path:?}");
            }
        }
    }
}

#[test]
fn security_case_19_no_flag_takes_a_secret_and_none_turns_checks_off() {
    let mut all = commands();
    let mut whole = Arguments::command();
    whole.build();
    all.push((Vec::new(), whole));
    for (path, command) in all {
        for flag in flags(&command) {
            let is_odd = [
                "secret",
                "password",
                "insecure",
                "no-verify",
                "skip",
                "token",
            ]
            .iter()
            .any(|word| flag.contains(word));
            // Where a secret is kept; and the emulator's token, which opens nothing else.
            let is_known = flag == "--secret-from" || (path == ["emulator"] && flag == "--token");
            assert!(!is_odd || is_known, "{flag} of {path:?}");
        }
    }
}

#[test]
fn the_version_says_of_what_and_for_what_it_was_built() {
    let long = printed(&["--version"]);
    let number = format!("tandem {}\ncommit ", env!("CARGO_PKG_VERSION"));
    assert!(long.starts_with(&number), "{long}");
    assert!(
        long.contains("\ntarget ") && long.contains("\nprofile "),
        "{long}"
    );
    assert_eq!(
        printed(&["-V"]),
        format!("tandem {}\n", env!("CARGO_PKG_VERSION"))
    );
}
