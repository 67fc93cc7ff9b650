//! What a command's end means to a script. The numbers are a promise.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// As it should be.
    Good,
    /// Something needs a person: late, or part of the work failed.
    NeedsAPerson,
    /// Wrong usage or configuration.
    Usage,
    /// An instance could not be reached, or refused us.
    Unreachable,
    /// Refused by a guard, and nothing was done.
    Refused,
    /// A bug in tandem.
    Bug,
    /// Interrupted.
    Interrupted,
}

impl Exit {
    /// All ends, in the order of their codes.
    pub const ALL: [Self; 7] = [
        Self::Good,
        Self::NeedsAPerson,
        Self::Usage,
        Self::Unreachable,
        Self::Refused,
        Self::Bug,
        Self::Interrupted,
    ];

    /// The code that the operating system is told.
    pub fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::NeedsAPerson => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Refused => 4,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// What the code means.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Good => "as it should be",
            Self::NeedsAPerson => "something needs a person: late, or part of the work failed",
            Self::Usage => "wrong usage or configuration",
            Self::Unreachable => "an instance could not be reached, or refused us",
            Self::Refused => "refused by a guard, and nothing was done",
            Self::Bug => "a bug in tandem",
            Self::Interrupted => "interrupted",
        }
    }

    /// Two pieces of work in one command: where some was done and some was not, a person is needed.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (same, other) if same == other => same,
            (Self::Interrupted, _) | (_, Self::Interrupted) => Self::Interrupted,
            _ => Self::NeedsAPerson,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_design() {
        let codes = Exit::ALL.map(Exit::code);
        assert_eq!(codes, [0, 1, 2, 3, 4, 70, 130]);
    }

    #[test]
    fn half_done_work_needs_a_person() {
        assert_eq!(Exit::Good.and(Exit::Good), Exit::Good);
        assert_eq!(Exit::Good.and(Exit::Refused), Exit::NeedsAPerson);
        assert_eq!(Exit::Refused.and(Exit::Refused), Exit::Refused);
        assert_eq!(Exit::Good.and(Exit::Interrupted), Exit::Interrupted);
    }
}
