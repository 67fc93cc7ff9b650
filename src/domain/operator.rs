//! What a person may do, by the groups of the host: who is on call may do everything, support ensures, syncs and
//! rehydrates what a caller asks for. It keeps from mistakes; who can read the secrets could go around it.

use super::operation::Verb;

/// What a person may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operator {
    /// Everything.
    #[default]
    OnCall,
    /// The three verbs, on as many records as are confirmed without typing their number; nothing is overwritten, and no
    /// instance is stopped.
    Support,
}

impl Operator {
    /// Why a verb may not be asked for on so many records; `None` where it may. `most` is `confirm_above`; a run of the
    /// whole sync has no number.
    pub fn why_not(self, verb: Verb, records: Option<usize>, most: usize) -> Option<String> {
        if self == Self::OnCall {
            return None;
        }
        let asks = "ask who is on call ([operators] says that you are support)";
        let is_one_of_three = matches!(verb, Verb::Ensure | Verb::Sync | Verb::Rehydrate);
        // Taking back what was not sent yet does no harm.
        if verb == Verb::End {
            return None;
        }
        if !is_one_of_three {
            return Some(format!("{} is not for support: {asks}", verb.word()));
        }
        match records {
            Some(records) if records <= most => None,
            Some(records) => Some(format!(
                "{records} records are more than the {most} that support may ask for: {asks}"
            )),
            None => Some(format!("a run of everything is not for support: {asks}")),
        }
    }

    /// Why an instance may not be stopped, released or probed.
    pub fn why_no_stop(self) -> Option<&'static str> {
        match self {
            Self::OnCall => None,
            Self::Support => Some(
                "stopping and releasing an instance is not for support: ask who is on call ([operators] says that you are \
                 support)",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn support_has_three_verbs_and_a_few_records() {
        for (verb, records, may) in [
            (Verb::Ensure, Some(1), true),
            (Verb::Rehydrate, Some(25), true),
            (Verb::Rehydrate, Some(26), false),
            (Verb::Sync, Some(3), true),
            (Verb::Sync, None, false),
            (Verb::TakeSource, Some(1), false),
            (Verb::KeepTarget, Some(1), false),
            (Verb::FillBlanks, Some(1), false),
            (Verb::Rerun, None, false),
            (Verb::Cancel, None, false),
            (Verb::Resume, Some(1), false),
            (Verb::End, None, true),
        ] {
            let why_not = Operator::Support.why_not(verb, records, 25);
            assert_eq!(why_not.is_none(), may, "{verb:?} {records:?}: {why_not:?}");
            assert_eq!(Operator::OnCall.why_not(verb, records, 25), None);
        }
    }
}
