//! Durations as people write them: `250ms`, `5s`, `1h30m`, `24h`.

use std::fmt::{self, Write as _};
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A duration in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

/// Reads a duration: numbers, each with one of the units ms, s, m, h, d.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut sum = Duration::ZERO;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at(digits);
        let unit = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let millis = match unit.trim() {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let millis = number.parse::<u64>().ok()?.checked_mul(millis)?;
        sum = sum.checked_add(Duration::from_millis(millis))?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// A duration as [`parse`] reads it, in the largest units that say it exactly.
pub fn text(duration: Duration) -> String {
    let mut left = duration.as_millis();
    let mut text = String::new();
    for (unit, millis) in [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ] {
        // A day is said as hours, as cadences are.
        let is_small = unit == "d" && left < 2 * millis;
        if left >= millis && !is_small {
            let _never = write!(text, "{}{unit}", left / millis);
            left %= millis;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a duration with its unit, like \"250ms\", \"5s\", \"1h30m\" or \"24h\"",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Span, E> {
                parse(text)
                    .map(Span)
                    .ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for (millis, written) in [
            (0, "0s"),
            (250, "250ms"),
            (5000, "5s"),
            (86_400_000, "24h"),
            (604_800_000, "7d"),
            (5_400_500, "1h30m500ms"),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(text(duration), written);
            assert_eq!(parse(written), Some(duration));
        }
    }

    #[test]
    fn a_duration_is_numbers_with_units() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("5s", Some(5000)),
            ("0s", Some(0)),
            ("3m", Some(180_000)),
            ("1h30m", Some(5_400_000)),
            ("1h 30m", Some(5_400_000)),
            ("24h", Some(86_400_000)),
            ("1d", Some(86_400_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("-5s", None),
            ("1.5s", None),
            ("5 parsecs", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(parse(text), millis.map(Duration::from_millis), "{text}");
        }
    }
}
