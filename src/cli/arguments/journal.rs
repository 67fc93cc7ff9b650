//! What is done with the journal.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::value::duration;

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
