//! Texts and JSON with placeholders: `«guid»`, `«int»`, `«date»`, `«any»`, `«absent»`, or a name that is bound.
//!
//! In JSON an object that has the member `"…"` may have others, and a list that ends in `"…"` may go on.

use std::collections::BTreeMap;

use serde_json::Value as Json;

pub type Bound = BTreeMap<String, String>;

/// Puts what is bound in its places; `«x 161»` is so many letters.
pub fn filled(text: &str, bound: &Bound) -> String {
    let mut filled = text.to_owned();
    for (name, value) in bound {
        filled = filled.replace(&format!("«{name}»"), value);
    }
    while let Some(start) = filled.find("«x ") {
        let end = start + filled[start..].find('»').unwrap();
        let count: usize = filled[start + "«x ".len()..end].parse().unwrap();
        filled.replace_range(start..end + '»'.len_utf8(), &"x".repeat(count));
    }
    filled
}

/// How the text differs from the filled pattern.
pub fn text(pattern: &str, actual: &str) -> Option<String> {
    (!fits(pattern, actual)).then(|| format!("expected {pattern:?}\n   found {actual:?}"))
}

fn fits(pattern: &str, actual: &str) -> bool {
    let Some((before, rest)) = pattern.split_once('«') else {
        return pattern == actual;
    };
    let Some(actual) = actual.strip_prefix(before) else {
        return false;
    };
    let (kind, after) = rest.split_once('»').expect("a placeholder ends");
    let mut ends = actual.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
    ends.push(actual.len());
    ends.into_iter()
        .any(|end| is(kind, &actual[..end]) && fits(after, &actual[end..]))
}

fn is(kind: &str, text: &str) -> bool {
    match kind {
        "guid" => text.len() == 36 && uuid::Uuid::parse_str(text).is_ok(),
        "int" => !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()),
        "date" => text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        "any" => true,
        other => panic!("nothing is bound to «{other}»"),
    }
}

/// How JSON differs from a pattern, and where.
pub fn json(pattern: &Json, actual: &Json, path: &str) -> Option<String> {
    let differs = || Some(format!("{path}: expected {pattern}\n   found {actual}"));
    match (pattern, actual) {
        (Json::String(pattern), _) if pattern == "«any»" => None,
        (Json::String(pattern), Json::Number(_)) if pattern == "«int»" => None,
        (Json::String(pattern), Json::String(actual)) => {
            text(pattern, actual).map(|why| format!("{path}: {why}"))
        }
        (Json::Object(pattern), Json::Object(actual)) => {
            for (name, pattern) in pattern.iter().filter(|(name, _)| *name != "…") {
                let path = format!("{path}/{name}");
                let Some(actual) = actual.get(name) else {
                    return Some(format!("{path}: missing in {actual:?}"));
                };
                if let Some(difference) = json(pattern, actual, &path) {
                    return Some(difference);
                }
            }
            let extra = actual.keys().find(|name| !pattern.contains_key(*name));
            extra
                .filter(|_| !pattern.contains_key("…"))
                .map(|name| format!("{path}/{name}: not expected"))
        }
        (Json::Array(pattern), Json::Array(actual)) => {
            let goes_on = pattern.last().is_some_and(|last| last == "…");
            let known = pattern.len() - usize::from(goes_on);
            if actual.len() < known || (actual.len() > known && !goes_on) {
                return differs();
            }
            let pairs = pattern[..known].iter().zip(actual).enumerate();
            pairs
                .into_iter()
                .find_map(|(at, (pattern, actual))| json(pattern, actual, &format!("{path}/{at}")))
        }
        _ if pattern == actual => None,
        _ => differs(),
    }
}
