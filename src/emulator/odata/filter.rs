//! The syntax of `$filter`: a text becomes an expression, by precedence `not`, comparison, `and`, `or`.
//!
//! Knows no columns: `bind.rs` binds the names to a table, `operation/metadata.rs` to definitions.

use super::literal::{Literal, quoted};
use super::query::Query;
use super::query_function::{Arity, Function};
use crate::emulator::refusal::{Outcome, Refusal};

/// A filter as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Operand, Comparison, Operand),
    Text(TextTest, String, String),
    /// A query function of Dataverse, with what it compares the column with.
    Call {
        function: Function,
        path: String,
        values: Vec<String>,
    },
    Lambda(Lambda),
}

/// `collection/any(variable:condition)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lambda {
    /// The collection's name, with what stood before it.
    pub(crate) path: String,
    /// Whether all rows must pass, or any.
    pub(crate) all: bool,
    /// None for `any()`.
    pub(crate) condition: Option<(String, Box<Expression>)>,
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Path(String),
    Literal(Literal),
    /// `Microsoft.Dynamics.CRM.Type'Member'`, of which only the member matters.
    Member(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

/// Parentheses and `not` may nest this deep.
const DEEPEST: usize = 64;
const NAMESPACE: &str = "Microsoft.Dynamics.CRM.";

/// Reads a filter; aliases are looked up in the query.
pub(crate) fn read(text: &str, query: &Query) -> Outcome<Expression> {
    terminated(text)?;
    let mut parser = Parser {
        text,
        at: 0,
        query,
        depth: 0,
    };
    let expression = parser.any()?;
    parser.blanks();
    if parser.at < text.len() {
        return Err(parser.syntax());
    }
    Ok(expression)
}

/// Finds a text without an end before anything else: the service reads all tokens first, then what they mean.
fn terminated(text: &str) -> Outcome<()> {
    let mut rest = text;
    while let Some(at) = rest.find(['\'', '"']) {
        rest = rest.get(at..).unwrap_or_default();
        let length = if rest.starts_with('\'') {
            let (_, length) = quoted(rest).ok_or_else(|| unterminated(text))?;
            length
        } else {
            // A JSON text of a list, in which an apostrophe begins nothing.
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(_)) = texts.next() else {
                return Ok(());
            };
            texts.byte_offset()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    Ok(())
}

fn unterminated(text: &str) -> Refusal {
    // The documented position is that of the end, with each blank as long as it is in a URL.
    let end = text.chars().count() + 2 * text.matches(' ').count();
    Refusal::url(format!(
        "There is an unterminated literal at position {end} in '{text}'."
    ))
}

struct Parser<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
    query: &'a Query,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Outcome<Expression> {
        let mut terms = vec![self.all()?];
        while self.word("or") {
            terms.push(self.all()?);
        }
        Ok(single(terms).unwrap_or_else(Expression::Any))
    }

    fn all(&mut self) -> Outcome<Expression> {
        let mut terms = vec![self.unary()?];
        while self.word("and") {
            terms.push(self.unary()?);
        }
        Ok(single(terms).unwrap_or_else(Expression::All))
    }

    fn unary(&mut self) -> Outcome<Expression> {
        self.blanks();
        if self.rest().starts_with('(') {
            return self.parenthesised();
        }
        if self.word("not") {
            return self.negated();
        }
        self.test()
    }

    fn parenthesised(&mut self) -> Outcome<Expression> {
        self.deeper()?;
        self.at += 1;
        let inner = self.any()?;
        self.expect(')')?;
        self.depth -= 1;
        Ok(inner)
    }

    fn negated(&mut self) -> Outcome<Expression> {
        self.deeper()?;
        let inner = self.unary()?;
        self.depth -= 1;
        match inner {
            Expression::Call { .. } => Err(Refusal::url(
                "Not operator along with the Custom Named Condition operators is not allowed",
            )),
            // `not` binds tighter than a comparison, so that this would negate a column.
            Expression::Compare(..) if !self.just_closed() => Err(Refusal::url(
                "A unary operator with an incompatible type was detected. Found operand type 'Edm.String' for operator \
                 kind 'Not'.",
            )),
            inner => Ok(Expression::Not(Box::new(inner))),
        }
    }

    /// Whether what was just read ended with a parenthesis, so that `not` stood before a whole expression.
    fn just_closed(&self) -> bool {
        self.text
            .get(..self.at)
            .is_some_and(|read| read.ends_with(')'))
    }

    fn test(&mut self) -> Outcome<Expression> {
        if let Some(name) = self.function() {
            return self.call(name);
        }
        let left = self.operand()?;
        let comparison = self.comparison()?;
        let right = self.operand()?;
        Ok(Expression::Compare(left, comparison, right))
    }

    /// The name before an opening parenthesis, if one comes next.
    fn function(&mut self) -> Option<&'a str> {
        self.blanks();
        let name = self.name_ahead();
        let behind = self.rest().get(name.len()..)?;
        (!name.is_empty() && behind.starts_with('(')).then(|| {
            self.at += name.len() + 1;
            name
        })
    }

    fn call(&mut self, name: &'a str) -> Outcome<Expression> {
        let test = match name {
            "contains" => TextTest::Contains,
            "startswith" => TextTest::StartsWith,
            "endswith" => TextTest::EndsWith,
            _ => return self.query_function(name),
        };
        let Operand::Path(path) = self.operand()? else {
            return Err(self.syntax());
        };
        self.expect(',')?;
        let Operand::Literal(Literal::Text(pattern)) = self.operand()? else {
            return Err(Refusal::url(format!(
                "No function signature for the function with name '{name}' matches the specified arguments."
            )));
        };
        self.expect(')')?;
        Ok(Expression::Text(test, path, pattern))
    }

    fn query_function(&mut self, name: &'a str) -> Outcome<Expression> {
        let Some(function) = name.strip_prefix(NAMESPACE) else {
            return match name.rsplit_once('/') {
                Some((path, "any")) => self.lambda(path, false),
                Some((path, "all")) => self.lambda(path, true),
                _ => Err(Refusal::url(format!(
                    "An unknown function with name '{name}' was found."
                ))),
            };
        };
        let function = Function::by_name(function)?;
        self.named("PropertyName")?;
        let (Operand::Literal(Literal::Text(path)) | Operand::Path(path)) = self.operand()? else {
            return Err(self.syntax());
        };
        let values = match function.arity() {
            Arity::None => Vec::new(),
            Arity::One => {
                self.expect(',')?;
                self.named("PropertyValue")?;
                vec![self.bare_value()?]
            }
            Arity::Many => {
                self.expect(',')?;
                self.named("PropertyValues")?;
                self.list()?
            }
        };
        self.expect(')')?;
        Ok(Expression::Call {
            function,
            path,
            values,
        })
    }

    fn lambda(&mut self, path: &str, all: bool) -> Outcome<Expression> {
        self.deeper()?;
        self.blanks();
        let condition = if !all && self.rest().starts_with(')') {
            None
        } else {
            let variable = self.name_ahead();
            let plain = |char: char| char.is_alphanumeric() || char == '_';
            if variable.is_empty() || !variable.chars().all(plain) {
                return Err(self.syntax());
            }
            self.at += variable.len();
            self.expect(':')?;
            Some((variable.to_owned(), Box::new(self.any()?)))
        };
        self.expect(')')?;
        self.depth -= 1;
        Ok(Expression::Lambda(Lambda {
            path: path.to_owned(),
            all,
            condition,
        }))
    }

    fn named(&mut self, parameter: &str) -> Outcome<()> {
        self.blanks();
        if self.name_ahead() != parameter {
            return Err(self.syntax());
        }
        self.at += parameter.len();
        self.expect('=')
    }

    /// One value as a text, quoted or not, or an alias for one.
    fn bare_value(&mut self) -> Outcome<String> {
        self.blanks();
        if self.rest().starts_with('\'') {
            return self.quoted();
        }
        if self.rest().starts_with('@') {
            let text = self.alias()?.trim();
            return match quoted(text) {
                Some((inner, length)) if length == text.len() => Ok(inner),
                Some(_) => Err(self.syntax()),
                None => Ok(text.to_owned()),
            };
        }
        let value = self.rest().split([',', ')']).next().unwrap_or_default();
        self.at += value.len();
        match value.trim() {
            "" => Err(self.syntax()),
            value => Ok(value.to_owned()),
        }
    }

    /// A JSON array of texts, or an alias for one.
    fn list(&mut self) -> Outcome<Vec<String>> {
        self.blanks();
        let no_list = || Refusal::url("PropertyValues must be an array of strings.");
        if self.rest().starts_with('@') {
            let text = self.alias()?;
            return serde_json::from_str(text).map_err(|_| no_list());
        }
        let mut stream = serde_json::Deserializer::from_str(self.rest()).into_iter::<Vec<String>>();
        let Some(Ok(values)) = stream.next() else {
            return Err(no_list());
        };
        self.at += stream.byte_offset();
        Ok(values)
    }

    fn comparison(&mut self) -> Outcome<Comparison> {
        self.blanks();
        let name = self.name_ahead();
        let comparison = match name {
            "eq" => Comparison::Equal,
            "ne" => Comparison::NotEqual,
            "gt" => Comparison::Greater,
            "ge" => Comparison::GreaterOrEqual,
            "lt" => Comparison::Less,
            "le" => Comparison::LessOrEqual,
            "has" | "in" | "add" | "sub" | "mul" | "div" | "mod" => {
                return Err(Refusal::unsupported(&format!("The operator '{name}'")));
            }
            _ => return Err(self.syntax()),
        };
        self.at += name.len();
        Ok(comparison)
    }

    fn operand(&mut self) -> Outcome<Operand> {
        self.blanks();
        let start = self.at;
        if self.rest().starts_with('\'') {
            return self
                .quoted()
                .map(|text| Operand::Literal(Literal::Text(text)));
        }
        if self.rest().starts_with('@') {
            let text = self.alias()?.trim();
            let literal = match quoted(text) {
                Some((inner, length)) if length == text.len() => Some(Literal::Text(inner)),
                _ => Literal::bare(text),
            };
            return literal.map(Operand::Literal).ok_or_else(|| self.syntax());
        }
        let ends =
            |char: char| char.is_whitespace() || matches!(char, '(' | ')' | ',' | '\'' | '=');
        let token = self.rest().split(ends).next().unwrap_or_default();
        if token.is_empty() {
            return Err(self.syntax());
        }
        self.at += token.len();
        if token.starts_with(NAMESPACE) && self.rest().starts_with('\'') {
            return self.quoted().map(Operand::Member);
        }
        if let Some(literal) = Literal::bare(token) {
            return Ok(Operand::Literal(literal));
        }
        let first_is_letter =
            token.starts_with(|first: char| first.is_alphabetic() || first == '_');
        if !first_is_letter
            || !token
                .chars()
                .all(|char| char.is_alphanumeric() || matches!(char, '_' | '/' | '.' | '$'))
        {
            self.at = start;
            return Err(self.syntax());
        }
        Ok(Operand::Path(token.to_owned()))
    }

    fn quoted(&mut self) -> Outcome<String> {
        let (text, length) = quoted(self.rest()).ok_or_else(|| unterminated(self.text))?;
        self.at += length;
        Ok(text)
    }

    fn alias(&mut self) -> Outcome<&'a str> {
        let name_ends = |char: char| !(char.is_alphanumeric() || matches!(char, '@' | '_'));
        let name = self.rest().split(name_ends).next().unwrap_or_default();
        self.at += name.len();
        let missing = || Refusal::url(format!("The parameter alias '{name}' has no value."));
        self.query.get(name).ok_or_else(missing)
    }

    /// Takes the keyword if it comes next, as a whole word.
    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let found = self.name_ahead() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn expect(&mut self, char: char) -> Outcome<()> {
        self.blanks();
        if !self.rest().starts_with(char) {
            return Err(self.syntax());
        }
        self.at += char.len_utf8();
        Ok(())
    }

    fn name_ahead(&self) -> &'a str {
        let ends = |char: char| !(char.is_alphanumeric() || matches!(char, '_' | '.' | '/'));
        self.rest().split(ends).next().unwrap_or_default()
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn deeper(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Refusal::url("Recursion limit exceeded in $filter."));
        }
        Ok(())
    }

    fn syntax(&self) -> Refusal {
        Refusal::url(format!(
            "Syntax error at position {} in '{}'.",
            self.at, self.text
        ))
    }
}

/// The only term, or all of them.
fn single(mut terms: Vec<Expression>) -> Result<Expression, Vec<Expression>> {
    match terms.pop() {
        Some(only) if terms.is_empty() => Ok(only),
        Some(last) => {
            terms.push(last);
            Err(terms)
        }
        None => Err(terms),
    }
}
