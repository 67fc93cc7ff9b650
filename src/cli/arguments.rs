//! What can be said on the command line, by families of commands. No flag takes a secret of an instance (security case
//! 19).

mod incident;
mod journal;
mod look;
mod repair;
mod serve;
mod setup;
#[cfg(test)]
mod tests;
mod value;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};

pub use incident::{Ack, Handover, Maintenance, Note};
pub use journal::{Journal, JournalVerb, Prune, Verify};
pub use look::{Explain, Find, Records, Report, Selection, Status, Timeline, When};
pub use repair::{Repair, Resolve, Retry, Sync, Take};
pub use serve::{Agent, Demo, DryRun, Emulator, Hook, HookCommand};
pub use setup::{Completions, Config, ConfigCommand, Doctor, Init, Man};

use value::duration;

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
    /// What happened, and what people put down
    Timeline(Timeline),
    /// Put a note into the timeline, for all who look at it
    Note(Note),
    /// Take the alerts that fire, so that they repeat no more
    Ack(Ack),
    /// Write the bundle for the next shift into a folder
    Handover(Handover),
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

/// How long to wait for what must be read first.
#[derive(Args, Clone, Copy, Debug)]
pub struct Patience {
    /// Give up when the instances have not been read after this long
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
}
