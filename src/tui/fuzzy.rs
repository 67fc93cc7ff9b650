//! Fuzzy matching: letters in their order, whatever stands between them; the closer together, the better.

/// How well a text fits what was typed, both in lower case: the higher, the better; nothing where it does not.
pub fn score(typed: &str, text: &str) -> Option<i32> {
    if let Some(at) = text.find(typed) {
        let begins = at == 0
            || !text
                .as_bytes()
                .get(at - 1)
                .is_some_and(u8::is_ascii_alphanumeric);
        let place = i32::try_from(at.min(50)).unwrap_or(50);
        return Some(1_000 - place + if begins { 200 } else { 0 });
    }
    let mut score = 0;
    let mut last: Option<usize> = None;
    let mut letters = text.chars().enumerate();
    for wanted in typed.chars() {
        let (at, _) = letters.find(|(_, letter)| *letter == wanted)?;
        if let Some(last) = last {
            score -= i32::try_from((at - last - 1).min(20)).unwrap_or(20);
        }
        last = Some(at);
    }
    Some(score)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_in_order_fit_and_the_closest_fit_best() {
        assert!(score("rhy", "rehydrate").is_some());
        assert!(score("hr", "rehydrate") > score("ht", "rehydrate"));
        assert_eq!(score("yh", "rehydrate"), None);
        assert!(score("sync", "sync") > score("syn", "x-sync"));
        assert!(score("copy", "copy-id") > score("ci", "copy-id"));
        assert!(score("", "anything").is_some());
    }
}
