//! Runs of a link's sync, as the platform that carries them out tells of them (contract 11.6).

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::lag::Runs;

/// What runs the sync of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Backend {
    /// Tandem itself.
    #[default]
    BuiltIn,
    /// A Logic App, Consumption or Standard (contract 11.1).
    LogicApp,
    /// A cloud flow of Power Automate (11.5).
    PowerAutomate,
    /// An Azure Function (11.4).
    Function,
    /// A pipeline of a Data Factory (11.2).
    DataFactory,
    /// A pipeline of a Synapse workspace (11.3).
    Synapse,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::BuiltIn,
        Self::LogicApp,
        Self::PowerAutomate,
        Self::Function,
        Self::DataFactory,
        Self::Synapse,
    ];

    /// Its word in the configuration and on the screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::LogicApp => "logic-app",
            Self::PowerAutomate => "power-automate",
            Self::Function => "function",
            Self::DataFactory => "data-factory",
            Self::Synapse => "synapse",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.word() == word)
    }

    /// Why its runs can't be listed, where they can't.
    pub fn why_unlisted(self) -> Option<&'static str> {
        (self == Self::Function).then_some("Azure Functions keep no list of their runs")
    }

    /// Why a past run can't be run again, and what to do instead, where it can't.
    pub fn why_no_rerun(self) -> Option<&'static str> {
        match self {
            Self::BuiltIn => Some(
                "the built-in sync copies what the source holds now: `tandem sync` starts a new run",
            ),
            Self::PowerAutomate => Some(
                "Power Automate runs a flow again only when its rows are touched at the source, which tandem never \
                 writes: resubmit it in the maker portal, or repair the records with `tandem sync TABLE RECORD`",
            ),
            Self::Function => {
                Some("Azure Functions keep no past run to repeat: `tandem sync` starts a new one")
            }
            Self::LogicApp | Self::DataFactory | Self::Synapse => None,
        }
    }

    /// Why a run can't be cancelled, and what to do instead, where it can't.
    pub fn why_no_cancel(self) -> Option<&'static str> {
        match self {
            Self::BuiltIn => Some(
                "a run of the built-in sync is an operation: x in the console's Operations ends it",
            ),
            Self::PowerAutomate => {
                Some("Dataverse can't cancel a flow's run: do it in the maker portal")
            }
            Self::Function => Some("a function that has begun can't be cancelled"),
            Self::LogicApp | Self::DataFactory | Self::Synapse => None,
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The name of a run on its platform: safe in a URL and on a screen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct RunId(String);

impl TryFrom<String> for RunId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text).ok_or("no name of a run")
    }
}

impl RunId {
    /// Takes 1 to 128 letters, digits, dots, dashes and underscores; `None` for anything else.
    pub fn new(text: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_id = (1..=128).contains(&text.len())
            && text.chars().all(fits)
            && text.chars().any(|c| c.is_ascii_alphanumeric());
        is_id.then(|| Self(text.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunStatus {
    /// Asked for, and not begun.
    Queued,
    /// At work.
    Running,
    /// It waits for something, or is held.
    Waiting,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended by somebody.
    Cancelled,
    /// Ended by the clock.
    TimedOut,
    /// Not carried out, since its conditions were not met.
    Skipped,
    /// A word that is not known here.
    Unknown,
}

impl RunStatus {
    /// The platforms' words for it (contract 11.1, 11.2 and 11.5).
    pub fn from_word(word: &str) -> Self {
        match word {
            "Queued" => Self::Queued,
            "Running" | "InProgress" | "Canceling" => Self::Running,
            "Waiting" | "Paused" | "Suspended" => Self::Waiting,
            "Succeeded" | "Success" => Self::Succeeded,
            "Failed" | "Faulted" | "Aborted" => Self::Failed,
            "Cancelled" | "Canceled" => Self::Cancelled,
            "TimedOut" => Self::TimedOut,
            "Skipped" | "Ignored" => Self::Skipped,
            _ => Self::Unknown,
        }
    }

    /// Our word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed out",
            Self::Skipped => "skipped",
            Self::Unknown => "unknown",
        }
    }

    /// Whether it has not come to its end.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Queued | Self::Running | Self::Waiting)
    }

    /// Whether it came to an end without having done its work.
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled | Self::TimedOut)
    }
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformRun {
    /// Its name.
    pub id: RunId,
    /// How it stands.
    pub status: RunStatus,
    /// When it was asked for or began, by our clock.
    pub started: Option<DateTime<Utc>>,
    /// When it ended, by our clock.
    pub ended: Option<DateTime<Utc>>,
    /// Why it failed, in the platform's words, made visible.
    pub error: Option<String>,
    /// What started it, in the platform's words, made visible.
    pub trigger: String,
    /// The id that whoever started it gave it.
    pub tracking: Option<String>,
}

impl PlatformRun {
    /// How long it took.
    pub fn took(&self) -> Duration {
        let both = self.started.zip(self.ended);
        both.and_then(|(started, ended)| (ended - started).to_std().ok())
            .unwrap_or_default()
    }

    /// Why it did not end well, if it did not: what failed, else how it ended.
    pub fn failure(&self) -> Option<String> {
        match (self.status, &self.error) {
            (RunStatus::Failed, Some(error)) => Some(error.clone()),
            _ => self.bad_end(),
        }
    }

    /// How it ended and why, if that was not well.
    pub fn bad_end(&self) -> Option<String> {
        self.status.is_failure().then(|| match &self.error {
            Some(error) => format!("{}: {error}", self.status.word()),
            None => self.status.word().to_owned(),
        })
    }
}

/// The run that was the last to end well.
pub fn last_success(runs: &[PlatformRun]) -> Option<&PlatformRun> {
    let good = runs.iter().filter(|run| run.status == RunStatus::Succeeded);
    good.max_by_key(|run| run.ended.or(run.started))
}

/// The latest run that came to an end, well or not; the newest run is the first.
pub fn last_ended(runs: &[PlatformRun]) -> Option<&PlatformRun> {
    runs.iter()
        .find(|run| run.status == RunStatus::Succeeded || run.status.is_failure())
}

/// How the latest runs ended, for the state of the link: a run that ended before `since` is none (a sync that has
/// stopped to run, or a run that never ends, is stalled whatever it did before: fault F33).
pub fn ends(runs: &[PlatformRun], since: DateTime<Utc>) -> Runs {
    let over = || {
        runs.iter()
            .filter(|run| run.status == RunStatus::Succeeded || run.status.is_failure())
    };
    let failed = over().take_while(|run| run.status.is_failure()).count();
    Runs {
        any: over().any(|run| run.ended.or(run.started).is_some_and(|at| at >= since)),
        failed_in_a_row: u32::try_from(failed).unwrap_or(u32::MAX),
        hidden: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(status: RunStatus, hour: i64) -> PlatformRun {
        let at = DateTime::<Utc>::UNIX_EPOCH + chrono::Duration::hours(hour);
        PlatformRun {
            id: RunId::new(&format!("r{hour}")).unwrap_or_else(|| panic!("{hour}")),
            status,
            started: Some(at),
            ended: (!status.is_under_way()).then_some(at),
            error: None,
            trigger: "Recurrence".to_owned(),
            tracking: None,
        }
    }

    fn hour(hour: i64) -> DateTime<Utc> {
        DateTime::<Utc>::UNIX_EPOCH + chrono::Duration::hours(hour)
    }

    #[test]
    fn a_name_of_a_run_is_safe_in_a_url() {
        for (text, good) in [
            ("08586676746934337772206998657CU22", true),
            ("7f6cbb56-0000-4000-8000-000000000000", true),
            ("", false),
            ("..", false),
            ("a/b", false),
            ("a?b", false),
            ("a%2fb", false),
            ("é", false),
        ] {
            assert_eq!(RunId::new(text).is_some(), good, "{text}");
        }
        assert!(RunId::new(&"a".repeat(129)).is_none());
    }

    #[test]
    fn the_newest_runs_tell_how_the_sync_does() {
        use RunStatus::{Cancelled, Failed, Running, Skipped, Succeeded};
        let runs = [
            run(Running, 9),
            run(Skipped, 8),
            run(Failed, 7),
            run(Cancelled, 6),
            run(Succeeded, 5),
            run(Failed, 4),
        ];
        assert_eq!(last_success(&runs).and_then(|run| run.ended), Some(hour(5)));
        assert_eq!(last_ended(&runs).map(|run| run.status), Some(Failed));
        assert_eq!(ends(&runs, hour(0)).failed_in_a_row, 2);
        assert!(ends(&runs, hour(7)).any);
        // F33: a run that never ends is none.
        assert!(!ends(&runs, hour(8)).any);
        assert_eq!(ends(&[], hour(0)), Runs::default());
    }

    #[test]
    fn words_come_back() {
        for backend in Backend::ALL {
            assert_eq!(Backend::from_word(backend.word()), Some(backend));
        }
        assert_eq!(RunStatus::from_word("InProgress"), RunStatus::Running);
        assert_eq!(RunStatus::from_word("Success"), RunStatus::Succeeded);
        assert!(!RunStatus::from_word("NotSpecified").is_under_way());
    }
}
