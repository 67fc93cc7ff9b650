//! What is said while something is wrong: notes, alerts that are taken, the hand-over, planned downtime.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value::{duration, when};
use super::{Patience, When};

/// `tandem note`.
#[derive(Args, Clone, Debug)]
pub struct Note {
    /// What to put down
    #[arg(value_name = "TEXT", required = true)]
    pub text: Vec<String>,
}

/// `tandem ack`.
#[derive(Args, Clone, Debug)]
pub struct Ack {
    /// Only these: a rule's name, or RULE:SUBJECT for one of its alerts, as `tandem status` lists them [default: all that fire]
    #[arg(value_name = "ALERT")]
    pub alerts: Vec<String>,
    /// For how long they are taken, 24h at most
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "1h", conflicts_with = "give_back")]
    pub lasts: Duration,
    /// What to say to it, for whoever looks
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// Give back those that you have: they are nobody's, and repeat again
    #[arg(long)]
    pub give_back: bool,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
}

/// `tandem handover`.
#[derive(Args, Clone, Debug)]
pub struct Handover {
    /// What happened since then [default: since the incident began, or the last 8 hours]
    #[arg(long, value_name = "WHEN", value_parser = when)]
    pub since: Option<When>,
    /// The folder to write, which must not be there yet [default: one below the state folder]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// The link, where there is more than one
    #[arg(long, value_name = "LINK")]
    pub link: Option<String>,
    /// How long to wait.
    #[command(flatten)]
    pub patience: Patience,
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
