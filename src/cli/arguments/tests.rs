//! What is well said on a command line, and what is refused as usage.

use clap::CommandFactory;

use super::*;
use crate::domain::drift::Drift;

fn parse(line: &str) -> Result<Arguments, clap::Error> {
    Arguments::try_parse_from(line.split_whitespace())
}

#[test]
fn the_definition_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn what_is_well_said_is_taken_and_the_rest_is_refused_as_usage() {
    for (line, good) in [
        ("tandem", true),
        ("tandem --config x.toml --state /tmp/s --read-only", true),
        ("tandem demo --scenario calm", true),
        ("tandem status --json --quiet", true),
        ("tandem --json status --timeout 250ms", true),
        ("tandem status --timeout 5", false),
        (
            "tandem records --drift missing,stub --table account --csv",
            true,
        ),
        ("tandem records --drift in-sync", false),
        ("tandem records --drift lost", false),
        ("tandem records --csv --json", false),
        (
            "tandem rehydrate account 7f6c accountnumber=MSFT --reason INC-42",
            true,
        ),
        (
            "tandem rehydrate --drift stub,stale --yes 40 --wait --dry-run",
            true,
        ),
        ("tandem ensure account --from -", true),
        ("tandem sync", true),
        ("tandem sync --yes many", false),
        ("tandem sync --runs --json --link us-europe", true),
        ("tandem sync --rerun 0858CU22 --reason INC-42", true),
        ("tandem sync --rerun ../x", false),
        ("tandem sync --rerun a --cancel a", false),
        ("tandem sync --runs account", false),
        (
            "tandem emulator --us 127.0.0.1:0 --europe 127.0.0.1:0 --token t --no-plug-in --seed 7",
            true,
        ),
        ("tandem emulator --tls --tls-fault wrong-host", true),
        ("tandem emulator --tls-fault wrong-host", false),
        ("tandem explain account accountnumber=MSFT --json", true),
        ("tandem explain account", false),
        (
            "tandem report --open --since 7d --limit 5 --csv --out x.csv",
            true,
        ),
        ("tandem find Auto Zone --json", true),
        ("tandem find", false),
        ("tandem report --csv --json", false),
        ("tandem report --overwrite", false),
        ("tandem report --limit 0", false),
        ("tandem journal", false),
        ("tandem journal verify --anchor 1:00 --json", true),
        ("tandem journal prune --older-than 30d", true),
        ("tandem journal prune --older-than 0s", false),
        ("tandem emulator --us 0.0.0.0:7001", false),
        (
            "tandem init --source us=https://a.crm.dynamics.com --target eu=https://b.crm4.dynamics.com --table account",
            true,
        ),
        (
            "tandem init --identity azure-cli --certificate us=own.pem",
            true,
        ),
        ("tandem init --stdout --json", false),
        ("tandem doctor --all --strict --json", true),
        ("tandem completions zsh", true),
        ("tandem completions csh", false),
        ("tandem man doctor", true),
        ("tandem config path --json", true),
        ("tandem config", false),
        ("tandem hook serve", true),
        ("tandem hook register --renew-key --dry-run", true),
        ("tandem hook status --json", true),
        ("tandem hook", false),
        ("tandem hook serve --dry-run", false),
        ("tandem agent --listen 127.0.0.1:0 --log-format json", true),
        ("tandem agent --log-format xml", false),
        ("tandem maintenance europe --for 2h --reason INC-7", true),
        ("tandem maintenance europe --end", true),
        ("tandem maintenance europe --for 2h", false),
        ("tandem maintenance europe --for 2h --reason x --end", false),
        ("tandem maintenance europe", false),
        (
            "tandem timeline --since 8h --until 2026-11-24T03:00:00Z --md",
            true,
        ),
        ("tandem timeline --since yesterday", false),
        ("tandem timeline --md --jsonl", false),
        ("tandem note told the desk", true),
        ("tandem note", false),
        ("tandem ack", true),
        ("tandem ack breaker-open:europe --for 30m --note x", true),
        ("tandem ack --give-back --for 30m", false),
        ("tandem handover --since 12h --out bundle", true),
        ("tandem destroy", false),
    ] {
        let parsed = parse(line);
        assert_eq!(parsed.is_ok(), good, "{line}");
        if let Err(error) = parsed {
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }
}

#[test]
fn drifts_come_as_drifts() {
    let arguments =
        parse("tandem sync --drift stub,stale").unwrap_or_else(|error| panic!("{error}"));
    let Some(Command::Sync(sync)) = arguments.command else {
        panic!("a sync");
    };
    assert_eq!(sync.repair.selection.drift, [Drift::Stub, Drift::Stale]);
}
