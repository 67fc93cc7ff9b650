//! The wildcards of string functions, which are those of SQL's LIKE: `%`, `_`, `[abc]`, `[^a-c]`.
//!
//! Matches without recursion, in time bounded by the product of both lengths.

/// A pattern, folded to lower case.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    AnyText,
    AnyOne,
    One(char),
    Set {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
}

impl Pattern {
    /// `contains`: the pattern may stand anywhere.
    pub(crate) fn anywhere(text: &str) -> Pattern {
        let mut pattern = Pattern::at_end(text);
        pattern.parts.push(Part::AnyText);
        pattern
    }

    /// `like`: the pattern is the whole text.
    pub(crate) fn whole(text: &str) -> Pattern {
        Pattern {
            parts: parts(&text.to_lowercase()),
        }
    }

    pub(crate) fn at_start(text: &str) -> Pattern {
        let mut parts = parts(&text.to_lowercase());
        parts.push(Part::AnyText);
        Pattern { parts }
    }

    pub(crate) fn at_end(text: &str) -> Pattern {
        let mut parts = parts(&text.to_lowercase());
        parts.insert(0, Part::AnyText);
        Pattern { parts }
    }

    /// Whether the whole text, which is folded here, fits.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.to_lowercase().chars().collect();
        let (mut at, mut part) = (0, 0);
        let mut retry = None;
        while at < text.len() {
            match self.parts.get(part) {
                Some(Part::AnyText) => {
                    retry = Some((part + 1, at));
                    part += 1;
                }
                Some(one) if one.fits(text[at]) => {
                    part += 1;
                    at += 1;
                }
                _ => match retry {
                    Some((behind, from)) => {
                        retry = Some((behind, from + 1));
                        part = behind;
                        at = from + 1;
                    }
                    None => return false,
                },
            }
        }
        self.parts
            .iter()
            .skip(part)
            .all(|part| matches!(part, Part::AnyText))
    }
}

impl Part {
    fn fits(&self, char: char) -> bool {
        match self {
            Part::AnyText => false,
            Part::AnyOne => true,
            Part::One(own) => *own == char,
            Part::Set { ranges, negated } => {
                ranges
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&char))
                    != *negated
            }
        }
    }
}

fn parts(pattern: &str) -> Vec<Part> {
    let chars: Vec<char> = pattern.chars().collect();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(&char) = chars.get(at) {
        at += 1;
        match char {
            '%' => parts.push(Part::AnyText),
            '_' => parts.push(Part::AnyOne),
            '[' => {
                let close = chars
                    .iter()
                    .skip(at)
                    .position(|char| *char == ']')
                    .map(|offset| at + offset);
                // SQL Server matches nothing when a set is not closed; the bracket itself is the closest reading.
                let Some(close) = close else {
                    parts.push(Part::One('['));
                    continue;
                };
                parts.push(set(&chars[at..close]));
                at = close + 1;
            }
            other => parts.push(Part::One(other)),
        }
    }
    parts
}

fn set(inner: &[char]) -> Part {
    let (negated, mut rest) = match inner {
        ['^', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let mut ranges = Vec::new();
    while let Some(&low) = rest.first() {
        if let [_, '-', high, ..] = rest {
            ranges.push((low, *high));
            rest = &rest[3..];
        } else {
            ranges.push((low, low));
            rest = &rest[1..];
        }
    }
    Part::Set { ranges, negated }
}
