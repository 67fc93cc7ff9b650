//! How many records one word may touch. Naming a command is consent up to a limit; above it the count is said and the
//! reason given, so that a slip of the hand stays small.

use super::trouble::Trouble;
use super::words;
use crate::domain::operation::Verb;

/// What was said about the size of a repair.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The verb, for the words of a refusal.
    pub verb: Verb,
    /// `--yes COUNT`.
    pub yes: Option<usize>,
    /// `--reason TEXT`.
    pub reason: Option<&'a str>,
}

/// Whether this many records may be touched.
pub fn check(count: usize, confirm_above: usize, said: Said<'_>) -> Result<(), Trouble> {
    let verb = said.verb;
    if let Some(yes) = said.yes.filter(|yes| *yes < count) {
        return Err(Trouble::refused(format!(
            "{verb} would touch {}, and --yes allows {yes}: look again with --dry-run",
            words::count(count, "record")
        )));
    }
    if count <= confirm_above {
        return Ok(());
    }
    if said.yes.is_none() {
        return Err(Trouble::refused(format!(
            "{verb} would touch {count} records, more than the {confirm_above} that need no confirmation: look with \
             --dry-run, then say --yes {count}"
        )));
    }
    if said.reason.is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Trouble::usage(format!(
            "a reason is required for more than {confirm_above} records: say --reason TEXT"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::exit::Exit;

    #[test]
    fn above_the_limit_the_count_and_a_reason_are_required() {
        for (count, yes, reason, refused) in [
            (25, None, None, None),
            (25, Some(25), None, None),
            (25, Some(24), None, Some(Exit::Refused)),
            (26, None, Some("INC-42"), Some(Exit::Refused)),
            (26, Some(26), None, Some(Exit::Usage)),
            (26, Some(26), Some(" "), Some(Exit::Usage)),
            (26, Some(25), Some("INC-42"), Some(Exit::Refused)),
            (26, Some(26), Some("INC-42"), None),
            (26, Some(30), Some("INC-42"), None),
            (0, None, None, None),
        ] {
            let verb = Verb::Sync;
            let outcome = check(count, 25, Said { verb, yes, reason });
            let exit = outcome.err().map(|trouble| trouble.exit);
            assert_eq!(exit, refused, "{count} {yes:?} {reason:?}");
        }
    }
}
