//! Figures as text: counts, durations, countdowns, clocks, and the names of instances in prose. It rounds down, so
//! that no age is ever shown older than it is. It knows nothing of screens.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Offset, Utc};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The zone in which local times are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its distance from UTC.
    pub offset: FixedOffset,
    /// What it is called beside a time; empty when local time is UTC, which is said once.
    pub name: String,
}

impl Zone {
    /// Coordinated universal time.
    pub fn utc() -> Self {
        Self {
            offset: Utc.fix(),
            name: String::new(),
        }
    }

    /// The zone of an offset, named by it: `+01`, `-0330`.
    pub fn of(offset: FixedOffset) -> Self {
        let minutes = offset.local_minus_utc() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        let name = match (hours, rest) {
            (0, 0) => String::new(),
            (hours, 0) => format!("{sign}{hours:02}"),
            (hours, rest) => format!("{sign}{hours:02}{rest:02}"),
        };
        Self { offset, name }
    }

    /// `03:06:31`.
    pub fn clock(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.offset)
            .format("%H:%M:%S")
            .to_string()
    }

    /// `03:06`, and with the day of the week where it is not today: `Mon 03:04`.
    pub fn short(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
        let local = at.with_timezone(&self.offset);
        let today = now.with_timezone(&self.offset).date_naive();
        let far = (today - local.date_naive()).num_days().abs();
        match far {
            0 => local.format("%H:%M"),
            1..=6 => local.format("%a %H:%M"),
            _ => local.format("%d %b %H:%M"),
        }
        .to_string()
    }

    /// `Sat 14 Nov 23:04`.
    pub fn long(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.offset)
            .format("%a %d %b %H:%M")
            .to_string()
    }

    /// `Tue 24 Nov`.
    pub fn day(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.offset)
            .format("%a %d %b")
            .to_string()
    }

    /// `03:06:31` today, else with the day: for lists where seconds matter.
    pub fn stamp(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> String {
        let today = now.with_timezone(&self.offset).date_naive();
        if at.with_timezone(&self.offset).date_naive() == today {
            self.clock(at)
        } else {
            self.short(at, now)
        }
    }
}

/// `1,204`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// For narrow places: `111`, `1.8k`, `12k`, `3.4M`.
pub fn narrow(n: usize) -> String {
    match n {
        0..1_000 => n.to_string(),
        1_000..10_000 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        10_000..1_000_000 => format!("{}k", n / 1_000),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// `1 record`, `98 records`.
pub fn of_them(n: usize, singular: &str) -> String {
    if n == 1 {
        format!("1 {singular}")
    } else {
        format!("{} {}", count(n), plural(singular))
    }
}

/// More than one of a thing.
pub fn plural(word: &str) -> String {
    let mut letters = word.chars().rev();
    match (letters.next(), letters.next()) {
        (Some('y'), Some(before)) if !"aeiou".contains(before) => {
            format!("{}ies", word.trim_end_matches('y'))
        }
        (Some('s' | 'x'), _) => format!("{word}es"),
        _ => format!("{word}s"),
    }
}

/// Two units: `42s`, `6m09s`, `23h51m`, and from two days on `3d02h`.
pub fn span(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m{:02}s", s / 60, s % 60),
        3_600..172_800 => format!("{}h{:02}m", s / 3_600, s % 3_600 / 60),
        _ => format!("{}d{:02}h", s / 86_400, s % 86_400 / 3_600),
    }
}

/// A time to come, as exactly as it matters: `42s`, `6m09s`, `11m`, `1h09m`.
pub fn about(duration: Duration) -> String {
    match duration.as_secs() {
        s @ 600..3_600 => format!("{}m", s / 60),
        _ => span(duration),
    }
}

/// `3:51`; `1:02:03` from an hour.
pub fn countdown(duration: Duration) -> String {
    let s = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    if s < 3_600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3_600, s % 3_600 / 60, s % 60)
    }
}

/// A duration that an operation or call took: `830 ms`, `1.9 s`, `6m12s`.
pub fn took(duration: Duration) -> String {
    if duration < Duration::from_millis(1) {
        "<1 ms".to_owned()
    } else if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else if duration < Duration::from_secs(60) {
        let tenths = duration.as_millis() / 100;
        format!("{}.{} s", tenths / 10, tenths % 10)
    } else {
        span(duration)
    }
}

/// Two latencies in one unit: `61/148 ms`, `0.3/2.9 s`; `?` while nothing was answered.
pub fn latencies(p50: Option<Duration>, p95: Option<Duration>, between: &str) -> String {
    let (Some(p50), Some(p95)) = (p50, p95) else {
        return "?".to_owned();
    };
    if p95 >= Duration::from_secs(1) {
        let tenths = |d: Duration| match d.as_millis() / 100 {
            0 => "<0.1".to_owned(),
            tenths => format!("{}.{}", tenths / 10, tenths % 10),
        };
        format!("{}{between}{} s", tenths(p50), tenths(p95))
    } else {
        let ms = |d: Duration| match d.as_millis() {
            0 => "<1".to_owned(),
            ms => ms.to_string(),
        };
        format!("{}{between}{} ms", ms(p50), ms(p95))
    }
}

/// `1st`, `2nd`, `7th`.
pub fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

/// An instance's name in a sentence: `US`, `Europe`.
pub fn name(instance: &str) -> String {
    if instance.len() <= 3 {
        return instance.to_uppercase();
    }
    let mut letters = instance.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// The same as a place: `the US`, `Europe`.
pub fn place(instance: &str) -> String {
    if instance.len() <= 3 {
        format!("the {}", instance.to_uppercase())
    } else {
        name(instance)
    }
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most so many columns; what was cut ends in `…`.
pub fn fit(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut taken = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if taken + wide + 1 > columns {
            break;
        }
        out.push_str(grapheme);
        taken += wide;
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// The text, or as much of it as ends where a part ends (`.`, `;`, `,` or ` ·`) and fits; cut with `…` where none does.
pub fn whole(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let ends = text.match_indices([' ']).map(|(at, _)| at).rev();
    for at in ends {
        let Some(part) = text.get(..at) else {
            continue;
        };
        let kept = part.trim_end_matches([';', ',', '·', ' ']);
        let ends_there = part.ends_with(['.', ';', ',', '·']);
        if ends_there && kept.width() <= columns && kept.width() * 3 > columns {
            return kept.to_owned();
        }
    }
    fit(text, columns)
}

/// The text in lines of at most so many columns, broken between words; a longer word is broken where it has to be.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text
        .split_whitespace()
        .flat_map(|word| pieces(word, columns))
    {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(&word) <= columns => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

/// A word in pieces of at most so many columns; a letter that is wider than that is a piece of its own.
fn pieces(word: &str, columns: usize) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for c in word.chars() {
        let mut buffer = [0; 4];
        let letter = c.encode_utf8(&mut buffer);
        match pieces.last_mut() {
            Some(piece) if width(piece) + width(letter) <= columns => piece.push(c),
            _ => pieces.push(c.to_string()),
        }
    }
    pieces
}

/// As many of the words, in order, as fit beside a note of how many were left out: `a  b  c +2`.
pub fn words(words: &[&str], columns: usize) -> String {
    for shown in (0..=words.len()).rev() {
        let Some(kept) = words.get(..shown) else {
            continue;
        };
        let left_out = words.len() - shown;
        let mut line = kept.join("  ");
        if left_out > 0 {
            line.extend([format!(" +{left_out}")]);
        }
        if line.width() <= columns {
            return line;
        }
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (42, "42s"),
            (369, "6m09s"),
            (85_860, "23h51m"),
            (86_880, "24h08m"),
            (266_400, "3d02h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(about(Duration::from_secs(660)), "11m");
        assert_eq!(countdown(Duration::from_millis(230_001)), "3:51");
        assert_eq!(countdown(Duration::from_secs(3_723)), "1:02:03");
    }

    #[test]
    fn counts_are_grouped_and_narrow_ones_rounded_down() {
        assert_eq!(count(1_204), "1,204");
        assert_eq!(count(98), "98");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(narrow(1_896), "1.8k");
        assert_eq!(narrow(12_999), "12k");
    }

    #[test]
    fn what_is_cut_ends_in_an_ellipsis_at_a_letter_border() {
        assert_eq!(fit("a.brand@hubbell.example", 16), "a.brand@hubbell…");
        assert_eq!(fit("株式会社", 5), "株式…");
        assert_eq!(fit("e\u{301}e\u{301}e\u{301}", 2), "e\u{301}…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(whole("One is. Two are too long", 12), "One is.");
        assert_eq!(whole("unbroken words here", 10), "unbroken …");
        assert_eq!(words(&["name", "city", "phone"], 13), "name  city +1");
    }

    #[test]
    fn latencies_share_a_unit() {
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(latencies(ms(61), ms(148), "/"), "61/148 ms");
        assert_eq!(latencies(ms(300), ms(2_900), "/"), "0.3/2.9 s");
        assert_eq!(latencies(ms(0), ms(2), "/"), "<1/2 ms");
        assert_eq!(latencies(None, None, "/"), "?");
    }

    #[test]
    fn names_read_well_in_a_sentence() {
        assert_eq!(name("europe"), "Europe");
        assert_eq!(place("us"), "the US");
        assert_eq!(plural("account"), "accounts");
        assert_eq!(plural("opportunity"), "opportunities");
        assert_eq!(ordinal(7), "7th");
        assert_eq!(ordinal(12), "12th");
    }
}
