//! What can be said on the command line. No flag takes a secret of an instance (security case 19).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use uuid::Uuid;

use super::log::Format;
use crate::domain::drift::{Drift, Flag};
use crate::domain::operation::ColumnChoice;
use crate::domain::run::RunId;

/// Operations console for Microsoft Dataverse environments that are kept eventually consistent.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, long_version = BUILD, about, long_about = None, after_help = EXITS)]
pub struct Arguments {
    /// What every command understands.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do; without one, the console.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The version, and of what it was built for what: `build.rs` says.
const BUILD: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit ",
    env!("TANDEM_COMMIT"),
    "\nprofile ",
    env!("TANDEM_PROFILE"),
    "\ntarget ",
    env!("TANDEM_TARGET"),
);

const EXITS: &str = "\
Without a command: the console on the configured instances.
Exit codes: 0 as it should be; 1 something needs a person; 2 wrong usage or configuration;
3 an instance could not be reached or refused us; 4 refused by a guard, nothing done; 130 interrupted.";

/// What every command understands.
#[derive(Args, Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own on the command line"
)]
pub struct Globals {
    /// The configuration file [default: `$TANDEM_CONFIG`, else `~/.config/tandem/config.toml`]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of journal and logs [default: `$TANDEM_STATE`, else `~/.local/state/tandem`]
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Write nothing to any instance
    #[arg(long, global = true, env = "TANDEM_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub read_only: bool,
    /// The console's colours; `NO_COLOR` takes them away
    #[arg(long, global = true, value_name = "THEME", default_value = "dark")]
    pub theme: Colours,
    /// The console in ASCII only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// The console in lines of text, for screen readers and terminals that can only print
    #[arg(long, global = true)]
    pub plain: bool,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    /// Print nothing but results and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// The console's colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Colours {
    /// For dark terminals
    #[default]
    Dark,
    /// For light terminals
    Light,
    /// For people who can't tell red from green
    Safe,
    /// None
    Mono,
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
    /// Decide of records that both sides changed: fill the target's blanks, take the source's values, or keep the target's
    Resolve(Resolve),
    /// Try again what failed of an operation, by the same verb; without one, list the operations of which something failed
    Retry(Retry),
    /// All that is known of one record: both sides, its drift and why, what was done to it, what to run
    Explain(Explain),
    /// Any record by what a caller says: a name, a number, a GUID, a pasted address or error message
    Find(Find),
    /// Tickets with their customers, each marked whole, stub, local, orphan or source unreadable
    Report(Report),
    /// Whether the journal is what was written; where it ends; all of it; less of it
    Journal(Journal),
    /// Ensure the rows that new rows refer to, when Dataverse asks: serve, and register with it
    Hook(Hook),
    /// Keep the links in step, headless and always on, until interrupted
    Agent(Agent),
    /// Announce that an instance is worked on: nothing is sent to it until then
    Maintenance(Maintenance),
    /// Write a first configuration, from flags or questions and from what the instances say of their tables
    Init(Init),
    /// Hold the configuration against the instances: what is wrong, and what to do about it; nothing is written
    Doctor(Doctor),
    /// Where the configuration is, whether it is right, what it comes to
    Config(Config),
    /// Print completions for a shell
    Completions(Completions),
    /// Print the manual page, of one command or of all of it
    Man(Man),
    /// Serve the embedded instances until interrupted
    Emulator(Emulator),
}

/// `tandem init`. What is left out is asked for.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// The instance that owns the records, like `us=https://contoso.crm.dynamics.com`
    #[arg(long, value_name = "NAME=URL")]
    pub source: Option<String>,
    /// An instance that gets copies; named more than once, each is a link of its own
    #[arg(long, value_name = "NAME=URL")]
    pub target: Vec<String>,
    /// A table to copy, by its logical name [default: account and contact]
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<String>,
    /// The tenant of the application, of one instance or of all
    #[arg(long, value_name = "[NAME=]TENANT")]
    pub tenant: Vec<String>,
    /// The client id of the application user, of one instance or of all
    #[arg(long, value_name = "[NAME=]ID")]
    pub client_id: Vec<String>,
    /// The token endpoint's origin, in another cloud than the public one
    #[arg(long, value_name = "[NAME=]URL")]
    pub authority: Vec<String>,
    /// Where the secret is kept, `env:NAME`, `file:PATH` or `command:PROGRAM`; never the secret itself
    #[arg(long, value_name = "[NAME=]PLACE")]
    pub secret_from: Vec<String>,
    /// A file, in PEM, of an authority that is believed beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// The proxy for all that is not on this machine, like `http://proxy.contoso.com:3128`
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Print the configuration, and write nothing
    #[arg(long, conflicts_with = "json")]
    pub stdout: bool,
}

/// `tandem doctor`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Doctor {
    /// List what is well, too
    #[arg(long)]
    pub all: bool,
    /// Exit with 1 for warnings and for what could not be told
    #[arg(long)]
    pub strict: bool,
}

/// `tandem completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `tandem man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Of this command
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `tandem config`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print where it is looked for, and who says so: --config, else `$TANDEM_CONFIG`, else the home
    Path,
    /// Read it, and say on which line something is wrong; no instance is asked
    Check,
    /// Print what it comes to, with all defaults; of secrets, where they come from
    Print,
}

/// `tandem hook`.
#[derive(Args, Clone, Debug)]
pub struct Hook {
    /// What to do.
    #[command(subcommand)]
    pub command: HookCommand,
}

/// What to do with the hook.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum HookCommand {
    /// Answer the calls of Dataverse and of apps until interrupted
    Serve,
    /// Write the endpoint and its steps to the target, and mend what differs from the configuration
    Register {
        /// Write the key anew, after it was changed: what stands there can't be read
        #[arg(long)]
        renew_key: bool,
        /// Whether to do it.
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// How the hook is registered, and what differs from the configuration
    Status,
    /// Let tickets pass without the hook: disable its steps
    Disable(DryRun),
    /// Enable the steps again
    Enable(DryRun),
    /// Remove the steps and the endpoint
    Remove(DryRun),
}

/// Whether something is done, or only told.
#[derive(Args, Clone, Copy, Debug)]
pub struct DryRun {
    /// Say what would be done; write nothing
    #[arg(long)]
    pub dry_run: bool,
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
    /// Read everything of both sides, not only what changed since the last time
    #[arg(long)]
    pub full: bool,
    /// Read everything, and believe it even where a table has lost nearly all of its rows
    #[arg(long)]
    pub believe: bool,
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
    /// Only records with these flags: parked (the target refused them for their own sake), left-out (the last good run
    /// did not bring them over)
    #[arg(long, value_name = "FLAG,…", value_delimiter = ',', value_parser = flag)]
    pub flag: Vec<Flag>,
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
    /// Ask the target what each means for tickets, and list the most harmful first
    #[arg(long)]
    pub impact: bool,
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
    /// The ticket that it is for: kept in the journal beside the reason
    #[arg(long, value_name = "NUMBER")]
    pub ticket: Option<String>,
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

/// `tandem resolve`.
#[derive(Args, Debug)]
pub struct Resolve {
    /// What counts: blanks of the target are filled and nothing is overwritten; or one side's values stand
    #[arg(long, value_name = "SIDE", default_value = "blanks")]
    pub take: Take,
    /// Whose value stands in one column, source or target; --take decides the columns that are not named
    #[arg(long, value_name = "COLUMN=SIDE", value_parser = str::parse::<ColumnChoice>)]
    pub column: Vec<ColumnChoice>,
    /// The records.
    #[command(flatten)]
    pub repair: Repair,
}

/// Whose values stand in a record that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Take {
    /// The source's where the target has none
    Blanks,
    /// The source's
    Source,
    /// The target's: nothing is written, until either side changes
    Target,
}

/// `tandem retry`.
#[derive(Args, Clone, Debug)]
pub struct Retry {
    /// The operation; without one those that have failed records are listed
    #[arg(value_name = "OPERATION")]
    pub operation: Option<Uuid>,
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

/// `tandem explain`.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The record's table
    #[arg(value_name = "TABLE")]
    pub table: String,
    /// Its GUID, or the value of an alternate key like accountnumber=MSFT
    #[arg(value_name = "RECORD")]
    pub record: String,
    /// The link, where the table is on more than one
    #[arg(long, value_name = "LINK")]
    pub link: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `tandem find`.
#[derive(Args, Clone, Debug)]
pub struct Find {
    /// A name, a number, an e-mail address, a telephone number, a GUID, a ticket's number, or what was pasted
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
}

/// `tandem report`.
#[derive(Args, Clone, Debug)]
pub struct Report {
    /// Only tickets that are open
    #[arg(long)]
    pub open: bool,
    /// Only tickets created since: 7d, 2026-11-24 or 2026-11-24T03:00:00Z
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    /// Only tickets of this customer: a GUID, or the value of an alternate key like accountnumber=MSFT
    #[arg(long, value_name = "RECORD")]
    pub customer: Option<String>,
    /// At most so many tickets, the newest
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Print CSV (RFC 4180; cells that a spreadsheet would compute begin with '); with --json, one object a line
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Write to this file, which must not be there yet
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Write over the file if it is there
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// The link, where there is more than one
    #[arg(long, value_name = "LINK")]
    pub link: Option<String>,
}

/// `tandem journal`.
#[derive(Args, Clone, Debug)]
pub struct Journal {
    /// What to do with it.
    #[command(subcommand)]
    pub verb: JournalVerb,
}

/// What to do with the journal.
#[derive(Clone, Debug, Subcommand)]
pub enum JournalVerb {
    /// Check the hash chain, and name the first entry that is not as it was written
    Verify(Verify),
    /// Print the head of the chain, to be kept on another machine
    Head,
    /// Print every entry as one line of JSON; overwritten values are never among them
    Export,
    /// Take away what is old and over, from the beginning of the chain on
    Prune(Prune),
}

/// `tandem journal verify`.
#[derive(Args, Clone, Debug)]
pub struct Verify {
    /// A head that the journal had, or a file of such heads like its own `journal.heads`: is it still there
    #[arg(long, value_name = "HEAD|FILE")]
    pub anchor: Vec<String>,
}

/// `tandem journal prune`.
#[derive(Args, Clone, Debug)]
pub struct Prune {
    /// Keep what is younger
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = duration)]
    pub older_than: Duration,
}

/// `tandem agent`.
#[derive(Args, Clone, Debug)]
pub struct Agent {
    /// Where to answer /metrics, /healthz and /readyz [default: the configuration's, else 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: Format,
}

/// `tandem maintenance`.
#[derive(Args, Clone, Debug)]
pub struct Maintenance {
    /// The instance
    #[arg(value_name = "INSTANCE")]
    pub instance: String,
    /// How long it lasts, 24h at most; it ends by itself
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, requires = "reason", required_unless_present = "end", conflicts_with = "end")]
    pub lasts: Option<Duration>,
    /// Why: kept in the journal, and shown for as long as it lasts
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// It is over before its time
    #[arg(long, conflicts_with = "reason")]
    pub end: bool,
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
    /// The story: outage, throttled, stalled-sync, hook-down, diverged (each with a goal), calm, stale-token, plug-in-off,
    /// built-in, add-only or skip-blanks
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

fn flag(word: &str) -> Result<Flag, String> {
    let known = || Flag::ALL.map(Flag::word).join(", ");
    Flag::from_word(word).ok_or_else(|| format!("flags are {}", known()))
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
