//! From the text of a `where` to its conditions.

use thiserror::Error;

use super::{Comparison, Condition, Part, Written, WrittenKind};
use crate::domain::literal::Literal;
use crate::domain::row::RowId;
use crate::domain::table::ColumnName;
use crate::domain::text::visible;

/// How deep parentheses and `not` may nest.
const DEEPEST: usize = 32;
/// The longest expression, in bytes.
const LONGEST: usize = 4096;

/// Why a text is no expression.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("at character {at}: {why}")]
pub struct BadScope {
    /// The character, counted from 1.
    pub at: usize,
    /// What is wrong there.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Comma,
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Condition<Written>, BadScope> {
    if text.len() > LONGEST {
        let why = format!("an expression has at most {LONGEST} characters");
        return Err(BadScope { at: 1, why });
    }
    let tokens = tokens(text)?;
    let mut parser = Parser {
        end: text.chars().count() + 1,
        tokens: tokens.into_iter().peekable(),
    };
    let condition = parser.any(0)?;
    match parser.tokens.next() {
        None => Ok(condition),
        Some((at, _)) => Err(bad(at, "`and`, `or` or the end is expected here")),
    }
}

fn bad(at: usize, why: impl Into<String>) -> BadScope {
    let why = why.into();
    BadScope { at, why }
}

/// The words and signs of a text, each with the character at which it stands.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, BadScope> {
    let mut tokens = Vec::new();
    let mut chars = (1..).zip(text.chars()).peekable();
    while let Some((at, char)) = chars.next() {
        let token = match char {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '\'' => {
                let mut inner = String::new();
                loop {
                    match chars.next() {
                        Some((_, '\'')) if chars.next_if(|(_, c)| *c == '\'').is_none() => break,
                        Some((_, c)) => inner.push(c),
                        None => return Err(bad(at, "the text that begins here does not end")),
                    }
                }
                Token::Text(inner)
            }
            c if is_of_a_word(c) => {
                let mut word = String::from(c);
                while let Some((_, c)) = chars.next_if(|(_, c)| is_of_a_word(*c)) {
                    word.push(c);
                }
                Token::Word(word)
            }
            c => {
                let shown = c.to_string();
                let why = format!("`{}` means nothing here", visible(&shown));
                return Err(bad(at, why));
            }
        };
        tokens.push((at, token));
    }
    Ok(tokens)
}

fn is_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '.' | ':')
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(usize, Token)>>,
    end: usize,
}

impl Parser {
    fn next(&mut self, wanted: &str) -> Result<(usize, Token), BadScope> {
        let end = self.end;
        let missing = || bad(end, format!("{wanted} is missing"));
        self.tokens.next().ok_or_else(missing)
    }

    fn is_next(&mut self, word: &str) -> bool {
        let is_it = |(_, token): &(usize, Token)| matches!(token, Token::Word(own) if own == word);
        self.tokens.next_if(is_it).is_some()
    }

    fn sign(&mut self, sign: &Token, wanted: &str) -> Result<(), BadScope> {
        match self.next(wanted)? {
            (_, token) if token == *sign => Ok(()),
            (at, _) => Err(bad(at, format!("{wanted} is expected here"))),
        }
    }

    fn any(&mut self, depth: usize) -> Result<Condition<Written>, BadScope> {
        let mut parts = vec![self.all(depth)?];
        while self.is_next("or") {
            parts.push(self.all(depth)?);
        }
        Ok(joined(parts, Condition::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Condition<Written>, BadScope> {
        let mut parts = vec![self.one(depth)?];
        while self.is_next("and") {
            parts.push(self.one(depth)?);
        }
        Ok(joined(parts, Condition::All))
    }

    fn one(&mut self, depth: usize) -> Result<Condition<Written>, BadScope> {
        let (at, token) = self.next("a condition")?;
        if depth > DEEPEST {
            return Err(bad(at, format!("nested deeper than {DEEPEST}")));
        }
        match token {
            Token::Open => {
                let inner = self.any(depth + 1)?;
                self.sign(&Token::Close, "`)`")?;
                Ok(inner)
            }
            Token::Word(word) if word == "not" => {
                Ok(Condition::Not(Box::new(self.one(depth + 1)?)))
            }
            Token::Word(word) => self.test(at, &word).map(Condition::Test),
            Token::Close | Token::Comma | Token::Text(_) => {
                Err(bad(at, "a column is expected here"))
            }
        }
    }

    fn test(&mut self, at: usize, word: &str) -> Result<Written, BadScope> {
        let part = match word {
            "startswith" => Some(Part::Start),
            "endswith" => Some(Part::End),
            "contains" => Some(Part::Anywhere),
            _ => None,
        };
        if let Some(part) = part {
            return self.like(part);
        }
        let column = column(at, word)?;
        let (at, operator) = self.next("a comparison")?;
        let Token::Word(operator) = operator else {
            return Err(bad(at, "a comparison is expected here"));
        };
        let comparison = match operator.as_str() {
            "eq" => Comparison::Equal,
            "ne" => Comparison::Unequal,
            "gt" => Comparison::More,
            "ge" => Comparison::AtLeast,
            "lt" => Comparison::Less,
            "le" => Comparison::AtMost,
            "in" => {
                let kind = WrittenKind::OneOf(self.list()?);
                return Ok(Written { column, kind });
            }
            _ => {
                let why = "a comparison is one of eq, ne, gt, ge, lt, le and in";
                return Err(bad(at, why));
            }
        };
        let kind = WrittenKind::Compare(comparison, self.constant()?);
        Ok(Written { column, kind })
    }

    fn like(&mut self, part: Part) -> Result<Written, BadScope> {
        self.sign(&Token::Open, "`(`")?;
        let column = match self.next("a column")? {
            (at, Token::Word(word)) => column(at, &word)?,
            (at, _) => return Err(bad(at, "a column is expected here")),
        };
        self.sign(&Token::Comma, "`,`")?;
        let text = match self.next("a text")? {
            (_, Token::Text(text)) => text,
            (at, _) => return Err(bad(at, "a text in quotes is expected here")),
        };
        self.sign(&Token::Close, "`)`")?;
        let kind = WrittenKind::Like(part, text);
        Ok(Written { column, kind })
    }

    fn list(&mut self) -> Result<Vec<Literal>, BadScope> {
        self.sign(&Token::Open, "`(`")?;
        let mut constants = vec![self.constant()?];
        loop {
            match self.next("`)`")? {
                (_, Token::Close) => return Ok(constants),
                (_, Token::Comma) => constants.push(self.constant()?),
                (at, _) => return Err(bad(at, "`,` or `)` is expected here")),
            }
        }
    }

    fn constant(&mut self) -> Result<Literal, BadScope> {
        match self.next("a constant")? {
            (_, Token::Text(text)) => Ok(Literal::Text(text)),
            (at, Token::Word(word)) => {
                let why = "a constant is null, true, false, a number, a date, an id or a 'text'";
                bare(word).ok_or_else(|| bad(at, why))
            }
            (at, _) => Err(bad(at, "a constant is expected here")),
        }
    }
}

fn joined(
    mut parts: Vec<Condition<Written>>,
    join: fn(Vec<Condition<Written>>) -> Condition<Written>,
) -> Condition<Written> {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            join(parts)
        }
    }
}

fn column(at: usize, word: &str) -> Result<ColumnName, BadScope> {
    ColumnName::new(word).map_err(|error| bad(at, error.to_string()))
}

/// What stands without quotes.
fn bare(word: String) -> Option<Literal> {
    match word.as_str() {
        "null" => return Some(Literal::Null),
        "true" => return Some(Literal::Boolean(true)),
        "false" => return Some(Literal::Boolean(false)),
        _ => {}
    }
    if let Ok(number) = word.parse() {
        return Some(Literal::Number(number));
    }
    let is_a_date = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('-');
    (is_a_date || RowId::parse(&word).is_ok()).then_some(Literal::Text(word))
}
