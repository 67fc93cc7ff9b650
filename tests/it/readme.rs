//! The README tells the truth: its tables are those of the program, and its commands are understood.
//! `TANDEM_UPDATE=1` writes the tables anew.

use std::fmt::Write;
use std::path::PathBuf;

use tandem::cli::Exit;
use tandem::tui::action::ACTIONS;
use tandem::tui::keymap::Context;

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

fn readme() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// Compares the part between two marks with what the program says, or writes it.
fn block(name: &str, expected: &str) {
    let text = readme();
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let start = text.find(&open).unwrap() + open.len();
    let end = text.find(&close).unwrap();
    if std::env::var_os("TANDEM_UPDATE").is_some() {
        std::fs::write(
            path(),
            format!("{}{expected}{}", &text[..start], &text[end..]),
        )
        .unwrap();
    } else {
        assert_eq!(
            &text[start..end],
            expected,
            "run the tests once with TANDEM_UPDATE=1"
        );
    }
}

fn place(context: Context) -> Option<&'static str> {
    match context {
        Context::Screens | Context::Always => Some("everywhere"),
        Context::Pulse => Some("Pulse"),
        Context::Records => Some("Records"),
        Context::Sides => Some("both sides"),
        Context::Operations => Some("Operations"),
        Context::Runs => Some("Sync runs"),
        Context::Tickets => Some("Tickets"),
        Context::Timeline => Some("Timeline"),
        Context::Field | Context::Dialog | Context::Breaker | Context::Choice => None,
    }
}

#[test]
fn the_keys_are_those_of_the_console_and_the_exit_codes_those_of_the_commands() {
    let mut keys =
        "| key | action | where | does | command line |\n| --- | --- | --- | --- | --- |\n"
            .to_owned();
    for action in ACTIONS {
        let places: Vec<&str> = action
            .contexts
            .iter()
            .filter_map(|context| place(*context))
            .collect();
        if places.is_empty() {
            continue;
        }
        let command = if action.command.is_empty() {
            String::new()
        } else {
            format!("`tandem {}`", action.command)
        };
        let own: Vec<String> = action.keys.iter().map(|key| format!("`{key}`")).collect();
        writeln!(
            keys,
            "| {} | `{}` | {} | {} | {command} |",
            own.join(" "),
            action.name,
            places.join(", "),
            action.help
        )
        .unwrap();
    }
    block("keys", &keys);
    let mut exits = "| exit code | means |\n| --- | --- |\n".to_owned();
    for exit in Exit::ALL {
        writeln!(exits, "| {} | {} |", exit.code(), exit.meaning()).unwrap();
    }
    block("exits", &exits);
}

#[test]
fn what_the_registry_names_as_a_command_is_one_with_the_same_words() {
    let commands = <tandem::cli::Arguments as clap::CommandFactory>::command();
    let mut same = 0;
    for action in ACTIONS.iter().filter(|action| !action.command.is_empty()) {
        let mut words = action.command.split_whitespace();
        let first = words.next().unwrap();
        let command = commands.find_subcommand(first);
        let command = command.unwrap_or_else(|| panic!("there is no tandem {first}"));
        for flag in words.filter_map(|word| word.strip_prefix("--")) {
            let mut known = command.get_arguments();
            assert!(
                known.any(|one| one.get_long() == Some(flag)),
                "{first} --{flag}"
            );
        }
        if action.name == action.command {
            let about = command.get_about().unwrap().to_string();
            let told = about.split(';').next().unwrap().to_lowercase();
            if told == action.help.to_lowercase() {
                same += 1;
            }
        }
    }
    assert!(
        same >= 3,
        "note, ack and handover say the same in both places"
    );
}

#[test]
fn its_commands_are_understood() {
    let lines = readme().replace("\\\n", " ");
    for line in lines.lines().filter(|line| line.starts_with("tandem ")) {
        let line = line.split(['#', '>']).next().unwrap();
        let words = line
            .split_whitespace()
            .map(|word| word.trim_matches('"').to_owned());
        let parsed = <tandem::cli::Arguments as clap::Parser>::try_parse_from(words);
        assert!(parsed.is_ok(), "{line}: {}", parsed.err().unwrap());
    }
}
