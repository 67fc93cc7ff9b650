//! The words, numbers, texts and signs of a statement, comments left out.
//!
//! Knows no keywords: whether a word is one is decided where it stands.

use crate::emulator::refusal::{Outcome, Refusal};

/// A statement may be this long, in bytes.
const LONGEST: usize = 65_536;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name or keyword, as it was written; in brackets only ever a name.
    Word(String),
    Name(String),
    Number(String),
    Text(String),
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: [&str; 14] = [
    "<>", "!=", ">=", "<=", "=", ">", "<", "(", ")", ",", ".", "*", ";", "-",
];

/// Splits a statement.
pub(super) fn tokens(text: &str) -> Outcome<Vec<Token>> {
    if text.len() > LONGEST {
        return Err(invalid("The statement is too long."));
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if let Some(comment) = rest.strip_prefix("--") {
            2 + comment.find('\n').unwrap_or(comment.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            let end = comment.find("*/");
            4 + end.ok_or_else(|| invalid("A comment has no end."))?
        } else if first == '\'' || rest.starts_with("N'") || rest.starts_with("n'") {
            let prefix = usize::from(first != '\'');
            let quoted = rest
                .get(prefix..)
                .and_then(crate::emulator::odata::literal::quoted);
            let (text, length) = quoted.ok_or_else(|| invalid("A text has no end."))?;
            tokens.push(Token::Text(text));
            prefix + length
        } else if first == '[' {
            let end = rest
                .find(']')
                .ok_or_else(|| invalid("A name in brackets has no end."))?;
            tokens.push(Token::Name(rest.get(1..end).unwrap_or_default().to_owned()));
            end + 1
        } else if first.is_ascii_digit() {
            let ends = |char: char| !(char.is_ascii_digit() || char == '.');
            let length = rest.find(ends).unwrap_or(rest.len());
            tokens.push(Token::Number(
                rest.get(..length).unwrap_or_default().to_owned(),
            ));
            length
        } else if first.is_alphabetic() || first == '_' {
            let ends = |char: char| !(char.is_alphanumeric() || char == '_');
            let length = rest.find(ends).unwrap_or(rest.len());
            tokens.push(Token::Word(
                rest.get(..length).unwrap_or_default().to_owned(),
            ));
            length
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| invalid(&format!("Incorrect syntax near '{first}'.")))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}

/// What is wrong with a statement (the code is inferred).
pub(super) fn invalid(message: &str) -> Refusal {
    Refusal::argument(format!("Invalid SQL: {message}"))
}
