//! The syntax of a statement: what stands where, with names that are not bound yet.
//!
//! Whatever is not part of the subset is an error where it stands, with its name where it has one.

use super::token::{Token, invalid, tokens};
use crate::emulator::odata::filter::Comparison;
use crate::emulator::odata::order::Direction;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::relation::aggregate::Method;

/// Parentheses and `NOT` may nest this deep.
const DEEPEST: usize = 64;
/// Words that no table or column is called by, so that a missing comma is not read as an alias.
const RESERVED: [&str; 30] = [
    "SELECT", "FROM", "WHERE", "GROUP", "ORDER", "BY", "JOIN", "INNER", "LEFT", "RIGHT", "FULL",
    "CROSS", "OUTER", "ON", "AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "BETWEEN", "HAVING",
    "UNION", "OFFSET", "FETCH", "TOP", "DISTINCT", "AS", "EXISTS",
];
/// Clauses that the service refuses, as the SDK knows.
const REFUSED: [&str; 14] = [
    "HAVING",
    "UNION",
    "RIGHT",
    "FULL",
    "CROSS",
    "WITH",
    "CASE",
    "EXISTS",
    "INSERT",
    "UPDATE",
    "DELETE",
    "OVER",
    "INTERSECT",
    "EXCEPT",
];

/// A statement as it was written.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) distinct: bool,
    pub(super) top: Option<usize>,
    pub(super) items: Vec<Item>,
    pub(super) from: Named,
    pub(super) joins: Vec<Joined>,
    pub(super) condition: Option<Test>,
    pub(super) groups: Vec<Path>,
    pub(super) order: Vec<(Path, Direction)>,
    pub(super) offset: usize,
    pub(super) fetch: Option<usize>,
}

/// A table and what it is called here.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) table: String,
    pub(super) alias: String,
}

#[derive(Debug)]
pub(super) struct Joined {
    pub(super) table: Named,
    pub(super) outer: bool,
    pub(super) left: Path,
    pub(super) right: Path,
}

/// `alias.column` or `column`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    pub(super) of: Option<String>,
    pub(super) name: String,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) what: What,
    pub(super) alias: Option<String>,
}

#[derive(Debug)]
pub(super) enum What {
    Column(Path),
    /// None stands for the star.
    Total(Method, Option<Path>),
}

#[derive(Debug)]
pub(super) enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare(Path, Comparison, Side),
    Null(Path, bool),
    Like(Path, String, bool),
    In(Path, Vec<String>, bool),
    Between(Path, String, String, bool),
}

#[derive(Debug)]
pub(super) enum Side {
    Value(String),
    Column(Path),
}

/// Reads one statement.
pub(super) fn read(text: &str) -> Outcome<Statement> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let statement = parser.statement()?;
    parser.sign(";");
    match parser.peek() {
        None => Ok(statement),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn statement(&mut self) -> Outcome<Statement> {
        self.expect("SELECT")?;
        let distinct = self.word("DISTINCT");
        let top = if self.word("TOP") {
            let parenthesised = self.sign("(");
            let number = self.number()?;
            if parenthesised {
                self.expect_sign(")")?;
            }
            if self.word("PERCENT") {
                return Err(invalid("TOP with PERCENT is not supported."));
            }
            if number > 5000 {
                return Err(invalid("TOP takes 0 to 5000."));
            }
            Some(number)
        } else {
            None
        };
        let items = self.list(Parser::item)?;
        self.expect("FROM")?;
        let from = self.named()?;
        if self.sign(",") {
            return Err(invalid("A list of tables is not supported, only JOIN."));
        }
        let mut joins = Vec::new();
        while let Some(joined) = self.joined()? {
            joins.push(joined);
        }
        let condition = self.word("WHERE").then(|| self.any()).transpose()?;
        let groups = if self.word("GROUP") {
            self.expect("BY")?;
            self.list(Parser::path)?
        } else {
            Vec::new()
        };
        let ordered = self.word("ORDER");
        let order = if ordered {
            self.expect("BY")?;
            self.list(Parser::order)?
        } else {
            Vec::new()
        };
        let (mut offset, mut fetch) = (0, None);
        if ordered && self.word("OFFSET") {
            offset = self.number()?;
            self.rows()?;
            if self.word("FETCH") {
                if !self.word("NEXT") {
                    self.expect("FIRST")?;
                }
                fetch = Some(self.number()?);
                self.rows()?;
                self.expect("ONLY")?;
            }
            if top.is_some() {
                return Err(invalid("TOP does not go with OFFSET."));
            }
        }
        Ok(Statement {
            distinct,
            top,
            items,
            from,
            joins,
            condition,
            groups,
            order,
            offset,
            fetch,
        })
    }

    fn rows(&mut self) -> Outcome<()> {
        if self.word("ROWS") {
            return Ok(());
        }
        self.expect("ROW")
    }

    fn item(&mut self) -> Outcome<Item> {
        if self.sign("*") {
            return Err(invalid(
                "SELECT * is not supported, the columns must be named.",
            ));
        }
        let what = match self.total()? {
            Some(total) => total,
            None => What::Column(self.path()?),
        };
        let alias = if self.word("AS") {
            Some(self.name()?)
        } else {
            self.alias()
        };
        Ok(Item { what, alias })
    }

    /// An aggregate, if one comes next.
    fn total(&mut self) -> Outcome<Option<What>> {
        let (Some(Token::Word(name)), Some(Token::Sign("("))) =
            (self.tokens.get(self.at), self.tokens.get(self.at + 1))
        else {
            return Ok(None);
        };
        let method = match name.to_ascii_uppercase().as_str() {
            "COUNT" => Method::CountColumn,
            "SUM" => Method::Sum,
            "AVG" => Method::Average,
            "MIN" => Method::Least,
            "MAX" => Method::Greatest,
            _ => {
                return Err(invalid(&format!("The function '{name}' is not supported.")));
            }
        };
        self.at += 2;
        let total = if method == Method::CountColumn && self.sign("*") {
            What::Total(Method::Count, None)
        } else if self.word("DISTINCT") {
            if method != Method::CountColumn {
                return Err(invalid("DISTINCT goes with COUNT only."));
            }
            What::Total(Method::CountDistinct, Some(self.path()?))
        } else {
            What::Total(method, Some(self.path()?))
        };
        self.expect_sign(")")?;
        Ok(Some(total))
    }

    fn named(&mut self) -> Outcome<Named> {
        if self.sign("(") {
            return Err(invalid("Subqueries are not supported."));
        }
        let table = self.name()?.to_lowercase();
        let alias = if self.word("AS") {
            self.name()?
        } else {
            self.alias().unwrap_or_else(|| table.clone())
        };
        Ok(Named { table, alias })
    }

    fn joined(&mut self) -> Outcome<Option<Joined>> {
        let outer = if self.word("LEFT") {
            self.word("OUTER");
            self.expect("JOIN")?;
            true
        } else if self.word("INNER") {
            self.expect("JOIN")?;
            false
        } else if self.word("JOIN") {
            false
        } else {
            return Ok(None);
        };
        let table = self.named()?;
        self.expect("ON")?;
        let parenthesised = self.sign("(");
        let left = self.path()?;
        self.expect_sign("=")?;
        let right = self.path()?;
        if parenthesised {
            self.expect_sign(")")?;
        }
        if self.is_word("AND") || self.is_word("OR") {
            return Err(invalid("A join takes one comparison of two columns."));
        }
        Ok(Some(Joined {
            table,
            outer,
            left,
            right,
        }))
    }

    fn order(&mut self) -> Outcome<(Path, Direction)> {
        let path = self.path()?;
        let direction = if self.word("DESC") {
            Direction::Descending
        } else {
            self.word("ASC");
            Direction::Ascending
        };
        Ok((path, direction))
    }

    fn any(&mut self) -> Outcome<Test> {
        let mut terms = vec![self.all()?];
        while self.word("OR") {
            terms.push(self.all()?);
        }
        Ok(Test::Any(terms))
    }

    fn all(&mut self) -> Outcome<Test> {
        let mut terms = vec![self.unary()?];
        while self.word("AND") {
            terms.push(self.unary()?);
        }
        Ok(Test::All(terms))
    }

    fn unary(&mut self) -> Outcome<Test> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(invalid("Conditions nest too deep."));
        }
        let test = if self.word("NOT") {
            Test::Not(Box::new(self.unary()?))
        } else if self.sign("(") {
            let inner = self.any()?;
            self.expect_sign(")")?;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(test)
    }

    fn test(&mut self) -> Outcome<Test> {
        let path = self.path()?;
        if self.word("IS") {
            let not = self.word("NOT");
            self.expect("NULL")?;
            return Ok(Test::Null(path, !not));
        }
        let is = !self.word("NOT");
        if self.word("LIKE") {
            return Ok(Test::Like(path, self.value()?, is));
        }
        if self.word("BETWEEN") {
            let low = self.value()?;
            self.expect("AND")?;
            return Ok(Test::Between(path, low, self.value()?, is));
        }
        if self.word("IN") {
            self.expect_sign("(")?;
            if self.is_word("SELECT") {
                return Err(invalid("Subqueries are not supported."));
            }
            let values = self.list(Parser::value)?;
            self.expect_sign(")")?;
            return Ok(Test::In(path, values, is));
        }
        let comparison = match self.peek() {
            Some(Token::Sign("=")) => Comparison::Equal,
            Some(Token::Sign("<>" | "!=")) => Comparison::NotEqual,
            Some(Token::Sign(">")) => Comparison::Greater,
            Some(Token::Sign(">=")) => Comparison::GreaterOrEqual,
            Some(Token::Sign("<")) => Comparison::Less,
            Some(Token::Sign("<=")) => Comparison::LessOrEqual,
            _ => return Err(self.unexpected()),
        };
        if !is {
            return Err(self.unexpected());
        }
        self.at += 1;
        let side = match self.peek() {
            Some(Token::Word(_) | Token::Name(_)) => Side::Column(self.path()?),
            _ => Side::Value(self.value()?),
        };
        Ok(Test::Compare(path, comparison, side))
    }

    /// A text or number, as a text.
    fn value(&mut self) -> Outcome<String> {
        let minus = if self.sign("-") { "-" } else { "" };
        let value = match self.peek() {
            Some(Token::Number(number)) => format!("{minus}{number}"),
            Some(Token::Text(text)) if minus.is_empty() => text.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(value)
    }

    fn path(&mut self) -> Outcome<Path> {
        let first = self.name()?;
        if self.sign(".") {
            if self.sign("*") {
                return Err(invalid(
                    "SELECT * is not supported, the columns must be named.",
                ));
            }
            return Ok(Path {
                of: Some(first),
                name: self.name()?,
            });
        }
        if let Some(Token::Sign("(")) = self.peek() {
            return Err(invalid(&format!(
                "The function '{first}' is not supported."
            )));
        }
        Ok(Path {
            of: None,
            name: first,
        })
    }

    /// A name, which no keyword is.
    fn name(&mut self) -> Outcome<String> {
        let name = match self.peek() {
            Some(Token::Name(name)) => name.clone(),
            Some(Token::Word(word)) if !is_reserved(word) => word.clone(),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(name)
    }

    /// A name without `AS` before it, if one comes next.
    fn alias(&mut self) -> Option<String> {
        let is_name = match self.peek() {
            Some(Token::Name(_)) => true,
            Some(Token::Word(word)) => !is_reserved(word) && !is_refused(word),
            _ => false,
        };
        if is_name { self.name().ok() } else { None }
    }

    fn number(&mut self) -> Outcome<usize> {
        let number = match self.peek() {
            Some(Token::Number(number)) => number.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(number)
    }

    fn list<T>(&mut self, one: fn(&mut Parser) -> Outcome<T>) -> Outcome<Vec<T>> {
        let mut all = vec![one(self)?];
        while self.sign(",") {
            all.push(one(self)?);
        }
        Ok(all)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(own)) if own.eq_ignore_ascii_case(word))
    }

    /// Takes a keyword if it comes next.
    fn word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Outcome<()> {
        if self.word(word) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(own)) if *own == sign);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Outcome<()> {
        if self.sign(sign) {
            return Ok(());
        }
        Err(self.unexpected())
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn unexpected(&self) -> Refusal {
        match self.peek() {
            None => invalid("The statement ends too early."),
            Some(Token::Word(word)) if is_refused(word) => {
                invalid(&format!("{} is not supported.", word.to_uppercase()))
            }
            Some(Token::Sign(";")) => invalid("Only one statement is supported."),
            Some(
                Token::Word(word) | Token::Name(word) | Token::Number(word) | Token::Text(word),
            ) => invalid(&format!("Incorrect syntax near '{word}'.")),
            Some(Token::Sign(sign)) => invalid(&format!("Incorrect syntax near '{sign}'.")),
        }
    }
}

fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|own| own.eq_ignore_ascii_case(word))
}

fn is_refused(word: &str) -> bool {
    REFUSED.iter().any(|own| own.eq_ignore_ascii_case(word))
}
