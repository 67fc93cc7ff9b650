//! What is looked at: status, records, one record's story, tickets, the timeline.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;

use super::Patience;
use super::value::{drift, flag, when};
use crate::domain::drift::{Drift, Flag};

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

/// `tandem timeline`.
#[derive(Args, Clone, Debug)]
pub struct Timeline {
    /// What is not longer ago than this, like 8h, or not before this moment, like 2026-11-24T03:00:00Z
    #[arg(long, value_name = "WHEN", value_parser = when, default_value = "24h")]
    pub since: When,
    /// What is longer ago than this, or before this moment
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub until: Option<When>,
    /// Only lines that hold all of these words
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Print Markdown, for a post-mortem
    #[arg(long, conflicts_with_all = ["jsonl", "json"])]
    pub md: bool,
    /// Print one JSON object a line
    #[arg(long)]
    pub jsonl: bool,
}

/// A moment, as it is said on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(DateTime<Utc>),
}
