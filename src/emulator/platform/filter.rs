//! `$filter` of the lists of runs: comparisons of `Status`, `StartTime` and `ClientTrackingId`, joined by `and`.
//!
//! Nothing else is in the contract (11.1); what Dataverse's own filters can do is in `odata/`.

use chrono::{DateTime, Utc};

use super::arm;
use super::run::Run;
use crate::emulator::odata::literal::{self, Literal};
use crate::emulator::refusal::{Outcome, Refusal};

/// All conditions, each of which must hold.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Filter {
    conditions: Vec<Condition>,
}

#[derive(Debug, PartialEq)]
enum Condition {
    Status(String),
    Tracking(String),
    Started(Comparison, DateTime<Utc>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Filter {
    pub(crate) fn read(text: Option<&str>) -> Outcome<Filter> {
        let Some(text) = text else {
            return Ok(Filter::default());
        };
        let mut conditions = Vec::new();
        let mut words = Words { rest: text };
        loop {
            conditions.push(condition(text, &mut words)?);
            match words.next(text)? {
                None => return Ok(Filter { conditions }),
                Some(word) if word.eq_ignore_ascii_case("and") => {}
                Some(word) if word.eq_ignore_ascii_case("or") => {
                    return Err(arm::unsupported("'or' in the $filter of runs"));
                }
                Some(_) => return Err(syntax(text)),
            }
        }
    }

    /// Whether a run meets all conditions.
    pub(crate) fn holds(&self, run: &Run) -> bool {
        self.conditions.iter().all(|condition| match condition {
            Condition::Status(status) => run.status.name().eq_ignore_ascii_case(status),
            Condition::Tracking(id) => run.tracking == *id,
            Condition::Started(comparison, time) => {
                let order = run.asked.cmp(time);
                match comparison {
                    Comparison::Equal => order.is_eq(),
                    Comparison::Greater => order.is_gt(),
                    Comparison::GreaterOrEqual => order.is_ge(),
                    Comparison::Less => order.is_lt(),
                    Comparison::LessOrEqual => order.is_le(),
                }
            }
        })
    }
}

fn condition(text: &str, words: &mut Words<'_>) -> Outcome<Condition> {
    let mut word = || words.next(text)?.ok_or_else(|| syntax(text));
    let (property, comparison, value) = (word()?, word()?, word()?);
    let comparison = match comparison.to_ascii_lowercase().as_str() {
        "eq" => Comparison::Equal,
        "gt" => Comparison::Greater,
        "ge" => Comparison::GreaterOrEqual,
        "lt" => Comparison::Less,
        "le" => Comparison::LessOrEqual,
        "ne" => return Err(arm::unsupported("'ne' in the $filter of runs")),
        _ => return Err(syntax(text)),
    };
    let quoted = value.starts_with('\'');
    let plain = if quoted {
        literal::quoted(value)
            .map(|(text, _)| text)
            .ok_or_else(|| syntax(text))?
    } else {
        value.to_owned()
    };
    match (property.to_ascii_lowercase().as_str(), comparison) {
        ("status", Comparison::Equal) if quoted => Ok(Condition::Status(plain)),
        ("clienttrackingid", Comparison::Equal) if quoted => Ok(Condition::Tracking(plain)),
        ("starttime", _) => {
            let time = DateTime::parse_from_rfc3339(&plain)
                .map(|time| time.with_timezone(&Utc))
                .ok();
            let day = || match Literal::bare(&plain) {
                Some(Literal::Time(time)) => Some(time),
                _ => None,
            };
            let time = time.or_else(day).ok_or_else(|| syntax(text))?;
            Ok(Condition::Started(comparison, time))
        }
        _ => Err(syntax(text)),
    }
}

/// The code is a guess: none was found.
fn syntax(text: &str) -> Refusal {
    arm::bad(
        "InvalidFilterInQuery",
        format!(
            "The filter '{text}' can't be read. It may compare Status and ClientTrackingId with eq and StartTime with eq, \
             gt, ge, lt and le, joined by and."
        ),
    )
}

/// The words of a filter; a quoted text is one word with its quotes.
struct Words<'t> {
    rest: &'t str,
}

impl<'t> Words<'t> {
    fn next(&mut self, text: &str) -> Outcome<Option<&'t str>> {
        let rest = self.rest.trim_start();
        if rest.is_empty() {
            return Ok(None);
        }
        let end = if rest.starts_with('\'') {
            literal::quoted(rest).ok_or_else(|| syntax(text))?.1
        } else {
            rest.find(char::is_whitespace).unwrap_or(rest.len())
        };
        let (word, rest) = rest.split_at(end);
        self.rest = rest;
        Ok(Some(word))
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::{Comparison, Condition, Filter};

    #[test]
    fn the_documented_comparisons_are_read() {
        let filter = Filter::read(Some(
            "status eq 'Failed' and StartTime ge 1970-01-01T00:00:00Z and ClientTrackingId eq 'it''s'",
        ));
        assert_eq!(
            filter,
            Ok(Filter {
                conditions: vec![
                    Condition::Status("Failed".to_owned()),
                    Condition::Started(Comparison::GreaterOrEqual, DateTime::UNIX_EPOCH),
                    Condition::Tracking("it's".to_owned()),
                ]
            })
        );
        assert_eq!(Filter::read(None), Ok(Filter::default()));
    }

    #[test]
    fn everything_else_is_refused() {
        for (text, status) in [
            ("", 400),
            ("status", 400),
            ("status eq", 400),
            ("status eq Failed", 400),
            ("status eq 'Failed", 400),
            ("status gt 'Failed'", 400),
            ("status eq 'a' status eq 'b'", 400),
            ("status eq 'a' and", 400),
            ("name eq 'a'", 400),
            ("starttime ge yesterday", 400),
            ("status ne 'Failed'", 501),
            ("status eq 'a' or status eq 'b'", 501),
            ("'' '' ''", 400),
        ] {
            let refused = Filter::read(Some(text)).map_err(|refusal| refusal.status.as_u16());
            assert_eq!(refused, Err(status), "{text}");
        }
    }
}
