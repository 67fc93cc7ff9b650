//! Why a command ends without having done its work: the words for a person, and the code for a script.

use std::fmt;

use super::exit::Exit;

/// Why a command ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The code.
    pub exit: Exit,
    /// What is the matter, and what can be done.
    pub why: String,
}

impl Trouble {
    /// With a code of its own.
    pub fn new(exit: Exit, why: impl Into<String>) -> Self {
        let why = why.into();
        Self { exit, why }
    }

    /// The command or the configuration is wrong.
    pub fn usage(why: impl Into<String>) -> Self {
        Self::new(Exit::Usage, why)
    }

    /// A guard said no.
    pub fn refused(why: impl Into<String>) -> Self {
        Self::new(Exit::Refused, why)
    }

    /// An instance did not answer, or not to us.
    pub fn unreachable(why: impl Into<String>) -> Self {
        Self::new(Exit::Unreachable, why)
    }

    /// It can't happen.
    pub fn bug(why: impl Into<String>) -> Self {
        Self::new(Exit::Bug, why)
    }

    /// A person ended it.
    pub fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "interrupted")
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Trouble {}
