//! What is wrong with a rule: values that can't be, and two things that can't both be done.

use http::{HeaderValue, StatusCode};

use super::Rule;
use super::rule::{List, duration};

/// The longest wait within one request, as long as an outage may last.
const LONGEST_MS: u64 = 86_400_000;
/// A `Date` header stays within four digits of years.
const LARGEST_SKEW_S: i64 = 100 * 365 * 86_400;

/// The names of those of a rule's wishes that are set.
type Named = Vec<&'static str>;

impl Rule {
    /// What is wrong with it, if anything is.
    pub(crate) fn problem(&self) -> Option<String> {
        self.wrong_value()
            .or_else(|| self.missing())
            .or_else(|| self.contradiction())
    }

    fn wrong_value(&self) -> Option<String> {
        if let Some(status) = self.status
            && !StatusCode::from_u16(status).is_ok_and(|status| status.as_u16() >= 200)
        {
            return Some(format!("{status} is not a status that can be answered"));
        }
        if let Some(share) = self.share
            && !(0.0..=1.0).contains(&share)
        {
            return Some("share must be between 0 and 1".to_owned());
        }
        let times = [self.after_s, self.for_s, self.outage_s];
        let no_duration = |seconds: &f64| duration(*seconds).is_none();
        if let Some(seconds) = times.into_iter().flatten().find(no_duration) {
            return Some(format!(
                "{seconds} is not a duration in seconds of at most a day"
            ));
        }
        let waits = [self.delay_ms, self.slow_head_ms];
        if let Some(wait) = waits.into_iter().flatten().find(|ms| *ms > LONGEST_MS) {
            return Some(format!("{wait} ms is longer than a day"));
        }
        if self.slow_body_bps == Some(0) {
            return Some("slow_body_bps of 0 sends nothing: that is hang".to_owned());
        }
        if let Some(skew) = self.date_skew_s
            && !(-LARGEST_SKEW_S..=LARGEST_SKEW_S).contains(&skew)
        {
            return Some("date_skew_s is at most a hundred years".to_owned());
        }
        if let Some(text) = self.retry_after.as_ref().map(ToString::to_string)
            && HeaderValue::from_str(&text).is_err()
        {
            return Some(format!("retry_after: no header can hold {text:?}"));
        }
        match self.next_link.as_deref() {
            None | Some("loop") => None,
            Some(origin) if is_origin(origin) => None,
            Some(_) => Some(
                "next_link is \"loop\" or the origin of a host, like https://elsewhere.example"
                    .to_owned(),
            ),
        }
    }

    /// What it does not say and has to.
    fn missing(&self) -> Option<String> {
        let status = self.status.is_some();
        let answer = status || self.body.is_some();
        let needs = [
            ("code", self.code.is_some() && !status, "status"),
            (
                "retry_after",
                self.retry_after.is_some() && !answer,
                "status or body",
            ),
            ("after", self.after && !answer, "status or body"),
            (
                "outage",
                self.outage.is_some() && self.outage_s.is_none(),
                "outage_s",
            ),
        ];
        if let Some((name, _, what)) = needs.into_iter().find(|(_, lacks, _)| *lacks) {
            return Some(format!(
                "{name} says something about {what}, which is left out"
            ));
        }
        let mut wishes = self.substitutes();
        wishes.extend(self.lies());
        wishes.extend(self.silences());
        wishes.extend(self.deliveries());
        wishes.extend(self.slow());
        if wishes.is_empty() && self.delay_ms.is_none() && self.date_skew_s.is_none() {
            return Some(
                "a fault needs one of status, body, delay_ms, date_skew_s, list, next_link, paging, reset, close, hang, \
                 truncate, shorten, length_off, chunk_cut, gzip, slow_head_ms, slow_body_bps, half_open, outage_s"
                    .to_owned(),
            );
        }
        None
    }

    fn contradiction(&self) -> Option<String> {
        let (substitutes, lies, silences) = (self.substitutes(), self.lies(), self.silences());
        let (deliveries, slow) = (self.deliveries(), self.slow());
        let mut endings = silences.clone();
        endings.extend(&deliveries);
        if let [one, other, ..] = endings.as_slice() {
            return Some(excluded(one, other, "a connection ends in one way"));
        }
        if let (Some(one), Some(other)) = (endings.first(), slow.first()) {
            return Some(excluded(one, other, "what is slow arrives whole"));
        }
        let mut answers = substitutes.clone();
        answers.extend(&lies);
        answers.extend(named([("date_skew_s", self.date_skew_s.is_some())]));
        if let (Some(one), Some(other)) = (silences.first(), answers.first()) {
            return Some(excluded(one, other, "nothing is answered"));
        }
        if let (Some(one), Some(other)) = (substitutes.first(), lies.first()) {
            return Some(excluded(one, other, "that answer has no rows"));
        }
        if self.body.is_some() && self.code.is_some() {
            return Some(excluded("body", "code", "the body is that text"));
        }
        if self.list == Some(List::Empty) && self.paging.is_some() {
            return Some(excluded("list", "paging", "the page has no rows"));
        }
        if self.outage_s.is_some() && !self.is_conditional() && self.for_s.is_some() {
            return Some(
                "for_s says how long a condition is waited for, and this outage has none: it lasts outage_s"
                    .to_owned(),
            );
        }
        None
    }

    /// Answers in place of the work's own.
    fn substitutes(&self) -> Named {
        named([
            ("status", self.status.is_some()),
            ("body", self.body.is_some()),
        ])
    }

    /// Changes of a list's content.
    fn lies(&self) -> Named {
        named([
            ("list", self.list.is_some()),
            ("next_link", self.next_link.is_some()),
            ("paging", self.paging.is_some()),
        ])
    }

    /// Endings without an answer.
    fn silences(&self) -> Named {
        named([
            ("reset", self.reset.is_some()),
            ("close", self.close.is_some()),
            ("hang", self.hang.is_some()),
            ("outage_s", self.outage_s.is_some()),
        ])
    }

    /// Ways in which an answer arrives damaged, or as the last.
    fn deliveries(&self) -> Named {
        named([
            ("truncate", self.truncate.is_some()),
            ("shorten", self.shorten.is_some()),
            ("length_off", self.length_off.is_some()),
            ("chunk_cut", self.chunk_cut),
            ("gzip", self.gzip.is_some()),
            ("half_open", self.half_open),
        ])
    }

    fn slow(&self) -> Named {
        named([
            ("slow_head_ms", self.slow_head_ms.is_some()),
            ("slow_body_bps", self.slow_body_bps.is_some()),
        ])
    }
}

fn named<const N: usize>(wishes: [(&'static str, bool); N]) -> Named {
    let set = wishes.into_iter().filter(|(_, set)| *set);
    set.map(|(name, _)| name).collect()
}

fn excluded(one: &str, other: &str, why: &str) -> String {
    format!("{one} and {other} exclude each other: {why}")
}

/// Whether a text is a scheme, a host and perhaps a port, and nothing more.
fn is_origin(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.origin().ascii_serialization() == text
    })
}
