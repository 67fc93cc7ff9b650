//! What was found when a configuration was held against what it names. Nothing is good that was not read: what could
//! not be told is a verdict of its own.

use std::fmt;

/// What a finding says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It was read, and is as it should be.
    Good,
    /// It could not be told, and the finding says why.
    Untold,
    /// It works, and is not as it should be.
    Warning,
    /// It is wrong: something will not work.
    Bad,
}

impl Verdict {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Good, Self::Untold, Self::Warning, Self::Bad];

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Untold => "untold",
            Self::Warning => "warning",
            Self::Bad => "bad",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    /// The host's name has an address.
    Name,
    /// A connection is made.
    Connection,
    /// It is encrypted, by a certificate that is believed.
    Encryption,
    /// What answers is what it should be.
    Answer,
    /// The clocks agree.
    Clock,
    /// The secret can be had, and has not ended.
    Secret,
    /// The token endpoint gives a token.
    Token,
    /// The instance knows the user.
    User,
    /// The organization is one of its own, and the instance runs.
    Organization,
    /// The user may do what is needed, and no more.
    Privileges,
    /// The table is there.
    Table,
    /// Its columns are there on both sides, and what one holds has room in the other.
    Columns,
    /// Nobody hides a column that is copied.
    Secured,
    /// The instance tells what changes.
    Tracking,
    /// It tells it for long enough.
    Expiry,
    /// Versions guard updates.
    Versions,
    /// Alternate keys are there, and their indexes built.
    Keys,
    /// No rows are kept where no query finds them.
    Retention,
    /// What runs within our writes.
    Steps,
    /// The hook is registered.
    Registration,
    /// The hook is reached.
    Hook,
    /// The job that runs the sync is reached.
    Backend,
}

impl Check {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Encryption => "encryption",
            Self::Answer => "answer",
            Self::Clock => "clock",
            Self::Secret => "secret",
            Self::Token => "token",
            Self::User => "user",
            Self::Organization => "organization",
            Self::Privileges => "privileges",
            Self::Table => "table",
            Self::Columns => "columns",
            Self::Secured => "secured",
            Self::Tracking => "tracking",
            Self::Expiry => "expiry",
            Self::Versions => "versions",
            Self::Keys => "keys",
            Self::Retention => "retention",
            Self::Steps => "steps",
            Self::Registration => "registration",
            Self::Hook => "hook",
            Self::Backend => "backend",
        }
    }

    /// Whether what is bad of it means that an instance is not reached or refuses us.
    pub fn is_the_way_in(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::Connection
                | Self::Encryption
                | Self::Answer
                | Self::Secret
                | Self::Token
                | Self::User
        )
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of what: `us`, `europe account`, `us-europe account`, `hook`.
    pub subject: String,
    /// What was looked at.
    pub check: Check,
    /// What it says.
    pub verdict: Verdict,
    /// In words; text of others is made visible.
    pub says: String,
    /// What to do about it, where there is something to do.
    pub cure: Option<String>,
}

/// All that was found, in the order in which it was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// What was found.
    pub fn all(&self) -> &[Finding] {
        &self.0
    }

    /// How many there are of a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.0.iter().filter(|one| one.verdict == verdict).count()
    }

    /// It was read, and is as it should be.
    pub fn good(&mut self, subject: &str, check: Check, says: impl Into<String>) {
        self.push(subject, check, Verdict::Good, says.into(), None);
    }

    /// It could not be told, for this reason.
    pub fn untold(
        &mut self,
        subject: &str,
        check: Check,
        says: impl Into<String>,
        cure: Option<String>,
    ) {
        self.push(subject, check, Verdict::Untold, says.into(), cure);
    }

    /// It works, and is not as it should be.
    pub fn warning(
        &mut self,
        subject: &str,
        check: Check,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.push(
            subject,
            check,
            Verdict::Warning,
            says.into(),
            Some(cure.into()),
        );
    }

    /// It is wrong.
    pub fn bad(
        &mut self,
        subject: &str,
        check: Check,
        says: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.push(subject, check, Verdict::Bad, says.into(), Some(cure.into()));
    }

    /// Adds what another looked at.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    fn push(
        &mut self,
        subject: &str,
        check: Check,
        verdict: Verdict,
        says: String,
        cure: Option<String>,
    ) {
        self.0.push(Finding {
            subject: subject.to_owned(),
            check,
            verdict,
            says,
            cure,
        });
    }
}
