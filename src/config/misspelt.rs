//! What a key that nobody knows was most likely meant to be.

/// Puts a guess, or all that may be said there, into the words of the parser; other words stay as they are.
pub fn explained(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(wrong) = quoted
        .next()
        .filter(|_| message.starts_with("unknown field"))
    else {
        return message.to_owned();
    };
    let known: Vec<&str> = quoted.collect();
    match nearest(wrong, &known) {
        Some(meant) => format!("there is no `{wrong}` here: is `{meant}` meant?"),
        None if known.is_empty() => format!("there is no `{wrong}` here, nor anything else"),
        None => format!("there is no `{wrong}` here: there are {}", known.join(", ")),
    }
}

/// The word that is nearest, if it is near: one slip of the finger for every three letters.
fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = |word: &str| word.to_lowercase().replace('-', "_");
    let distance = |word: &&str| slips(&plain(wrong), &plain(word));
    let nearest = known.iter().min_by_key(|word| distance(word))?;
    let most = wrong.chars().count().max(3) / 3;
    (distance(nearest) <= most).then_some(*nearest)
}

/// How many letters were left out, put in, taken for others or swapped with their neighbours.
fn slips(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let is_swap = i > 0 && j > 0 && from[i - 1] == *b && to[j - 1] == *a;
            let swapped = if is_swap {
                before[j - 1] + 1
            } else {
                usize::MAX
            };
            let replaced = row[j] + usize::from(a != b);
            next.push(replaced.min(row[j + 1] + 1).min(next[j] + 1).min(swapped));
        }
        before = std::mem::replace(&mut row, next);
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_guessed_and_anything_else_gets_the_list() {
        let told = |wrong: &str| {
            explained(&format!(
                "unknown field `{wrong}`, expected one of `url`, `band`, `credential`, `agent`"
            ))
        };
        for (wrong, meant) in [
            ("bnad", "band"),
            ("credentials", "credential"),
            ("Url", "url"),
            ("agnet", "agent"),
        ] {
            let right = format!("there is no `{wrong}` here: is `{meant}` meant?");
            assert_eq!(told(wrong), right);
        }
        assert_eq!(
            told("timeout"),
            "there is no `timeout` here: there are url, band, credential, agent"
        );
        assert_eq!(
            explained("unknown field `x`, there are no fields"),
            "there is no `x` here, nor anything else"
        );
        assert_eq!(explained("invalid type"), "invalid type");
    }
}
