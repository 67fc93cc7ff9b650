//! Foreign text made visible and harmless: the one choke point between a record and a terminal.
//!
//! A terminal obeys control characters and escape sequences; ratatui deletes them silently, so that two different
//! names can look the same. Here they are made visible instead (security cases 30 to 36).

use std::borrow::Cow;
use std::fmt::Write as _;

/// The most combining marks that one letter keeps; more are shown as one count (security case 33).
const MAX_MARKS: usize = 4;

/// The text with every control, direction and invisible character spelt out.
///
/// C0 controls become `^[` and the like, all others `\u{202e}`. The result holds no such character, and making it
/// visible again changes nothing.
pub fn visible(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    let mut marks = 0;
    let mut cut = 0;
    for c in text.chars() {
        if is_mark(c) {
            marks += 1;
            if marks > MAX_MARKS {
                cut += 1;
                continue;
            }
        } else {
            flush_cut(&mut out, &mut cut);
            marks = 0;
        }
        push_visible(&mut out, c);
    }
    flush_cut(&mut out, &mut cut);
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

/// JSON with every invisible and direction character in its texts escaped: whoever parses it gets what was there, and
/// whoever reads it on a terminal or in a page is not deceived (security case 53). Such characters stand in texts only.
pub fn tame_json(json: &str) -> Cow<'_, str> {
    let is_tame = |c: char| c != '\x7f' && !is_deceptive(c);
    if json.chars().all(is_tame) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 32);
    for c in json.chars() {
        if is_tame(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing into a string can't fail.
            let _never = write!(out, "\\u{unit:04x}");
        }
    }
    Cow::Owned(out)
}

fn flush_cut(out: &mut String, cut: &mut usize) {
    if *cut > 0 {
        out.push_str("\\+");
        out.push_str(&cut.to_string());
        *cut = 0;
    }
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\0'..='\x1f' => {
            out.push('^');
            out.push(char::from(b'@' + c as u8));
        }
        '\x7f' => out.push_str("^?"),
        c if is_deceptive(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

/// Characters that a reader can't see, or that move what stands beside them.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{80}'..='\u{9f}'             // C1 controls
        | '\u{ad}'                      // soft hyphen
        | '\u{34f}'                     // combining grapheme joiner
        | '\u{61c}'                     // Arabic letter mark
        | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
        | '\u{17b4}' | '\u{17b5}'       // Khmer inherent vowels
        | '\u{180b}'..='\u{180f}'       // Mongolian selectors and vowel separator
        | '\u{200b}'..='\u{200f}'       // zero width, direction marks
        | '\u{2028}'..='\u{202e}'       // separators, direction embeddings
        | '\u{2060}'..='\u{206f}'       // word joiner, isolates, invisible operators
        | '\u{fe00}'..='\u{fe0f}'       // variation selectors
        | '\u{feff}'                    // byte order mark
        | '\u{fff9}'..='\u{fffb}'       // interlinear annotation
        | '\u{1bca0}'..='\u{1bca3}'     // shorthand format controls
        | '\u{1d173}'..='\u{1d17a}'     // musical format controls
        | '\u{e0000}'..='\u{e0fff}'     // tags and supplementary variation selectors
    )
}

/// Combining marks, as far as they are stacked for mischief: the blocks that hold nothing else.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

/// Whether letters of more than one of the scripts that look alike stand in one word (security case 35).
pub fn is_mixed_script(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        let scripts = word.chars().fold(0u8, |seen, c| {
            seen | match c {
                'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => 1,
                '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => 2,
                '\u{400}'..='\u{52f}' => 4,
                _ => 0,
            }
        });
        scripts.count_ones() > 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn security_case_53_json_says_the_same_without_a_character_that_deceives() {
        let text = "a\u{202e}b\u{7f}c\u{9b}d\u{e0041}é漢\u{1b}\"";
        let json = serde_json::to_string(text).unwrap_or_default();
        let tame = tame_json(&json);
        assert!(
            tame.chars().all(|c| !c.is_control() && !is_deceptive(c)),
            "{tame}"
        );
        assert!(
            tame.contains("\\u202eb\\u007fc\\u009bd\\udb40\\udc41é漢"),
            "{tame}"
        );
        assert_eq!(
            serde_json::from_str::<String>(&tame).ok().as_deref(),
            Some(text)
        );
        assert!(matches!(tame_json("{\"name\":\"é\"}"), Cow::Borrowed(_)));
    }

    #[test]
    fn security_case_30_escape_sequences_become_text() {
        for (hostile, shown) in [
            ("\x1b[2J", "^[[2J"),
            ("\x1b]0;title\x07", "^[]0;title^G"),
            ("good\rEVIL", "good^MEVIL"),
            ("a\x08b\0c\x7f", "a^Hb^@c^?"),
            ("\u{9b}2J", "\\u{9b}2J"),
        ] {
            assert_eq!(visible(hostile), shown);
        }
    }

    #[test]
    fn security_case_32_invisible_and_direction_characters_are_spelt_out() {
        assert_eq!(visible("Con\u{200b}toso"), "Con\\u{200b}toso");
        assert_eq!(visible("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(visible("A\u{e0041}"), "A\\u{e0041}");
        assert_eq!(visible("Mónica 株式会社 👍"), "Mónica 株式会社 👍");
    }

    #[test]
    fn security_case_33_stacked_marks_are_cut() {
        let stacked = format!("a{}b", "\u{301}".repeat(10_000));
        assert_eq!(
            visible(&stacked),
            format!("a{}\\+9996b", "\u{301}".repeat(4))
        );
    }

    #[test]
    fn security_case_35_mixed_scripts_are_noticed_within_a_word() {
        assert!(is_mixed_script("C\u{43e}ntoso"));
        assert!(!is_mixed_script("Contoso Москва"));
        assert!(!is_mixed_script("Müller & Søn"));
    }

    proptest! {
        #[test]
        fn visible_is_idempotent_and_free_of_control_characters(text in "\\PC*|.*") {
            let once = visible(&text).into_owned();
            prop_assert!(once.chars().all(|c| !c.is_control() && !is_deceptive(c)));
            prop_assert_eq!(visible(&once).into_owned(), once.clone());
        }

        #[test]
        fn visible_survives_any_characters(chars in proptest::collection::vec(any::<char>(), 0..64)) {
            let text: String = chars.into_iter().collect();
            let once = visible(&text).into_owned();
            prop_assert!(once.chars().all(|c| !c.is_control() && !is_deceptive(c)));
            prop_assert_eq!(visible(&once).into_owned(), once.clone());
        }
    }
}
