//! What can be said on the command line. No flag takes a secret of an instance (security case 19).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::domain::drift::Drift;
use crate::domain::run::RunId;

/// Operations console for Microsoft Dataverse environments that are kept eventually consistent.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, about, long_about = None, after_help = EXITS)]
pub struct Arguments {
    /// What every command understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; without one, the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXITS: &str = "\
Without a command: the console on the configured instances.
Exit codes: 0 as it should be; 1 something needs a person; 2 wrong usage or configuration;
3 an instance could not be reached or refused us; 4 refused by a guard, nothing done; 130 interrupted.";

/// What every command understands.
#[derive(Args, Clone, Debug, Default)]
pub struct Globals {
    /// The configuration file [default: `$TANDEM_CONFIG`, else `~/.config/tandem/config.toml`]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of journal and logs [default: `~/.local/state/tandem`]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Write nothing to any instance
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Two embedded instances with real companies and a scripted outage, and the console on them
    Demo(Demo),
    /// Health, breakers, lag and drift, once
    Status(Status),
    /// The records that are out of step
    Records(Records),
    /// Make sure that records exist in the target; change nothing that is there
    Ensure(Repair),
    /// Bring records that exist in the target up to date with their source
    Rehydrate(Repair),
    /// Create what is missing and fill what is behind; without records, one run of everything pending
    Sync(Sync),
    /// Serve the embedded instances until interrupted
    Emulator(Emulator),
}

/// How long to wait for what must be read first.
#[derive(Args, Clone, Copy, Debug)]
pub struct Patience {
    /// Give up when the instances have not been read after this long
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
}

/// `tandem status`.
#[derive(Args, Debug)]
pub struct Status {
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// Which of the records that a comparison found.
#[derive(Args, Clone, Debug, Default)]
pub struct Selection {
    /// Only records in these drifts: missing, stub, stale, diverged, duplicate, orphan, unknown
    #[arg(long, value_name = "DRIFT,…", value_delimiter = ',', value_parser = drift)]
    pub drift: Vec<Drift>,
    /// Only records of this table
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// Only records whose name, number or id holds all of these words
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Only this link
    #[arg(long, value_name = "LINK")]
    pub link: Option<String>,
}

/// `tandem records`.
#[derive(Args, Debug)]
pub struct Records {
    /// Which records.
    #[command(flatten)]
    pub selection: Selection,
    /// Print CSV (RFC 4180; cells that a spreadsheet would compute begin with ')
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `tandem ensure`, `tandem rehydrate` and `tandem sync`.
#[derive(Args, Debug)]
pub struct Repair {
    /// The table, then its records: GUIDs, or values of an alternate key like accountnumber=MSFT
    #[arg(value_name = "TABLE RECORD")]
    pub words: Vec<String>,
    /// Which records, instead of naming them.
    #[command(flatten)]
    pub selection: Selection,
    /// Read records from a file, or - for stdin: one a line, as on the command line
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Why: kept in the journal; required above `confirm_above` records
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Consent to this many records; required above `confirm_above` records
    #[arg(long, value_name = "COUNT")]
    pub yes: Option<usize>,
    /// Wait while the target can't be written to, rather than give up
    #[arg(long)]
    pub wait: bool,
    /// Read and say what would be done; write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `tandem sync`.
#[derive(Args, Debug)]
pub struct Sync {
    /// Which records, and how.
    #[command(flatten)]
    pub repair: Repair,
    /// List the latest runs of the link's sync, and start none
    #[arg(long, conflicts_with_all = ["words", "from", "drift", "table", "filter", "dry_run", "yes"])]
    pub runs: bool,
    /// Have the link's platform repeat this run: it replays what it read then, which may be older than what the target holds
    #[arg(long, value_name = "RUN", value_parser = run, conflicts_with_all = ["words", "from", "drift", "table", "filter", "dry_run", "yes", "runs"])]
    pub rerun: Option<RunId>,
    /// Have the link's platform end this run
    #[arg(long, value_name = "RUN", value_parser = run, conflicts_with_all = ["words", "from", "drift", "table", "filter", "dry_run", "yes", "runs", "rerun"])]
    pub cancel: Option<RunId>,
}

/// `tandem emulator`.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Emulator {
    /// Where the US instance listens: a loopback address; port 0 picks one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7001", value_parser = loopback)]
    pub us: SocketAddr,
    /// Where the Europe instance listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7002", value_parser = loopback)]
    pub europe: SocketAddr,
    /// The token that the emulator itself takes [default: a new one, printed when it is ready]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TANDEM_EMULATOR_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Play this story, with its traffic and syncs
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
    /// The seed of whatever is random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Hold so many generated accounts, half as many contacts and a tenth of tickets, instead of the demo's companies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub records: Option<u32>,
    /// The share of the generated records that is out of step, in every way there is
    #[arg(long, value_name = "SHARE", requires = "records", value_parser = share)]
    pub drift: Option<f64>,
    /// Leave out the plug-in that ensures a ticket's customer
    #[arg(long)]
    pub no_plug_in: bool,
    /// Let a webhook on a loopback address listen on any port, and not only on 80 and 443
    #[arg(long)]
    pub any_webhook_port: bool,
    /// Serve https, with a CA made at the start; the ready line names its file
    #[arg(long)]
    pub tls: bool,
    /// What TLS connections meet: expired, wrong-host, untrusted or cut
    #[arg(long, value_name = "FAULT", requires = "tls")]
    pub tls_fault: Option<String>,
    /// Hold every user to the service protection limits: 6000 requests, 20 minutes of execution in 5, 52 at a time
    #[arg(long)]
    pub limits: bool,
}

/// `tandem demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// The story: outage, calm, throttled, stale-token, plug-in-off, built-in, stalled-sync, add-only or skip-blanks
    #[arg(long, value_name = "NAME", default_value = "outage")]
    pub scenario: String,
    /// The seed of whatever is random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a share is a number from 0 to 1, like 0.01".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    crate::config::parse_duration(text)
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| "a duration has a unit, like 30s, 10m or 1h".to_owned())
}

fn run(text: &str) -> Result<RunId, String> {
    RunId::new(text).ok_or_else(|| "`tandem sync --runs` lists the names of runs".to_owned())
}

fn drift(word: &str) -> Result<Drift, String> {
    let known = || {
        let words = Drift::ALL.iter().filter(|drift| drift.is_listed());
        words
            .map(|drift| drift.word())
            .collect::<Vec<_>>()
            .join(", ")
    };
    Drift::from_word(word)
        .filter(|drift| drift.is_listed())
        .ok_or_else(|| format!("drifts that are listed are {}", known()))
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text
        .parse()
        .map_err(|_| "an address is like 127.0.0.1:7001".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the emulator listens on this machine only, like 127.0.0.1:7001".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

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
            ("tandem emulator --us 0.0.0.0:7001", false),
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
}
