//! Bends a valid text by its own tokens and by the pieces of its grammar.

use bolero::TypeGenerator;

use super::grammar::Grammar;

/// The longest text that is made.
const LONGEST: usize = 20_000;

/// One change; places and choices wrap around.
#[derive(Clone, Debug, TypeGenerator)]
pub enum Edit {
    /// A token goes.
    Drop(u8),
    /// A token comes twice.
    Double(u8),
    /// A token changes places with another.
    Swap(u8, u8),
    /// A piece of the grammar in place of a token.
    Replace(u8, u8),
    /// A piece of the grammar before a token.
    Insert(u8, u8),
    /// A piece of the grammar, many times.
    Repeat(u8, u8, u16),
    /// The rest of another sample from a token on.
    Splice(u8, u8, u8),
    /// The end of the text.
    Cut(u8),
    /// Any character.
    Char(u8, char),
}

/// A sample of the grammar, bent in up to three places.
pub fn bent(grammar: &Grammar, sample: u8, edits: &[Edit]) -> String {
    let sample_at = |at: u8| grammar.samples[usize::from(at) % grammar.samples.len()];
    let piece = |at: &u8| grammar.pieces[usize::from(*at) % grammar.pieces.len()].to_owned();
    let mut tokens = tokens(sample_at(sample));
    let count = 1 + usize::from(sample) / 100;
    for edit in edits.iter().take(count) {
        if tokens.is_empty() {
            tokens.push(String::new());
        }
        let count = tokens.len();
        let place = |at: &u8| usize::from(*at) % count;
        match edit {
            Edit::Drop(at) => drop(tokens.remove(place(at))),
            Edit::Double(at) => tokens.insert(place(at), tokens[place(at)].clone()),
            Edit::Swap(one, other) => tokens.swap(place(one), place(other)),
            Edit::Replace(at, with) => tokens[place(at)] = piece(with),
            Edit::Insert(at, with) => tokens.insert(place(at), piece(with)),
            Edit::Repeat(at, with, times) => {
                let times = usize::from(*times) % 2000;
                let text = piece(with);
                let times = times.min(LONGEST / text.len().max(1));
                tokens.insert(place(at), text.repeat(times));
            }
            Edit::Splice(at, other, from) => {
                let other = self::tokens(sample_at(*other));
                let from = usize::from(*from) % other.len().max(1);
                tokens.truncate(place(at));
                tokens.extend(other.into_iter().skip(from));
            }
            Edit::Cut(at) => tokens.truncate(place(at)),
            Edit::Char(at, char) => tokens.insert(place(at), char.to_string()),
        }
    }
    let mut text = tokens.concat();
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Words and numbers whole, all else by its characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut in_word = false;
    for char in text.chars() {
        let is_word = char.is_alphanumeric() || char == '_';
        match tokens.last_mut() {
            Some(last) if is_word && in_word => last.push(char),
            _ => tokens.push(char.to_string()),
        }
        in_word = is_word;
    }
    tokens
}
