//! Spans of time as a scenario writes them: `500ms`, `45s`, `2m`, `1h`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    read_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("'{text}' is no duration like 45s, 2m or 500ms"))
    })
}

pub(super) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}

/// The same, of something that comes again and again.
pub(super) fn every<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let every = duration(deserializer)?;
    if every.is_zero() {
        return Err(serde::de::Error::custom(
            "nothing can happen every 0 seconds",
        ));
    }
    Ok(Some(every))
}

/// Reads `500ms`, `45s`, `2m` or `1h`, of at most a day.
fn read_duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number.parse().ok()?;
    let ms = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => None,
    };
    ms.filter(|ms| *ms <= 86_400_000).map(Duration::from_millis)
}
