//! What is mended: the verbs, what a person decides, what is tried again, the sync's runs.

use std::path::PathBuf;

use clap::Args;
use uuid::Uuid;

use super::value::run;
use super::{Patience, Selection};
use crate::domain::operation::ColumnChoice;
use crate::domain::run::RunId;

/// How far a repair goes: with whose consent, and for how long.
#[derive(Args, Clone, Debug)]
pub struct Reach {
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
    /// How far it goes.
    #[command(flatten)]
    pub reach: Reach,
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
    /// Only if both sides still stand as `tandem explain` told, by the mark that it printed; for one record
    #[arg(long, value_name = "MARK", value_parser = mark)]
    pub if_seen: Option<u64>,
    /// The records.
    #[command(flatten)]
    pub repair: Repair,
}

fn mark(text: &str) -> Result<u64, String> {
    u64::from_str_radix(text, 16).map_err(|_| {
        "it is no mark: `tandem explain` prints one of up to 16 digits, like 5f0c2a9e11d4b7a3"
            .to_owned()
    })
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
    /// How far it goes.
    #[command(flatten)]
    pub reach: Reach,
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
