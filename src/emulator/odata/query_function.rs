//! The query functions of Dataverse, which are the condition operators of `FetchXML` too: names, arguments, meaning.
//!
//! Binds one to a column. Fiscal calendars, languages and managers are not there and are refused by name.

use chrono::{DateTime, Utc};

use super::field::Field;
use super::filter::Comparison;
use super::hierarchy::{Hierarchy, Relation};
use super::like::Pattern;
use super::literal::{self, guid};
use super::membership::Membership;
use super::period::{Period, Span, Unit};
use super::predicate::{Members, Predicate};
use super::scope::Scope;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::schema::{Column, Kind};
use crate::emulator::value::{TableId, Value};

/// What a query function asks of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    In(Sense),
    Between(Sense),
    Like(Sense),
    StartsWith(Sense),
    EndsWith(Sense),
    ContainValues(Sense),
    User(Sense),
    BusinessUnit(Sense),
    /// One of the caller's teams.
    Team,
    UserOrTeam,
    Hierarchy(Relation),
    On(Sense),
    OnOrAfter,
    OnOrBefore,
    /// Within a span of the calendar that today decides.
    During(Period),
    LastX(Unit),
    NextX(Unit),
    OlderThanX(Unit),
}

/// Whether a function is asked for, or its contrary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sense {
    Is,
    IsNot,
}

/// How many values a function compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arity {
    None,
    One,
    Many,
}

use Function::{
    Between, BusinessUnit, ContainValues, During, EndsWith, In, LastX, Like, NextX, OlderThanX, On,
    OnOrAfter, OnOrBefore, StartsWith, User,
};
use Sense::{Is, IsNot};

/// The name in the Web API, the operator in `FetchXML`, the meaning; an empty name where one of them has none.
const FUNCTIONS: [(&str, &str, Function); 57] = [
    ("In", "in", In(Is)),
    ("NotIn", "not-in", In(IsNot)),
    ("Between", "between", Between(Is)),
    ("NotBetween", "not-between", Between(IsNot)),
    ("", "like", Like(Is)),
    ("", "not-like", Like(IsNot)),
    ("", "begins-with", StartsWith(Is)),
    ("", "not-begin-with", StartsWith(IsNot)),
    ("", "ends-with", EndsWith(Is)),
    ("", "not-end-with", EndsWith(IsNot)),
    ("ContainValues", "contain-values", ContainValues(Is)),
    (
        "DoesNotContainValues",
        "not-contain-values",
        ContainValues(IsNot),
    ),
    ("EqualUserId", "eq-userid", User(Is)),
    ("NotEqualUserId", "ne-userid", User(IsNot)),
    ("EqualBusinessId", "eq-businessid", BusinessUnit(Is)),
    ("NotEqualBusinessId", "ne-businessid", BusinessUnit(IsNot)),
    ("EqualUserTeams", "eq-userteams", Function::Team),
    (
        "EqualUserOrUserTeams",
        "eq-useroruserteams",
        Function::UserOrTeam,
    ),
    ("Above", "above", Function::Hierarchy(Relation::Above)),
    (
        "AboveOrEqual",
        "eq-or-above",
        Function::Hierarchy(Relation::AboveOrEqual),
    ),
    ("Under", "under", Function::Hierarchy(Relation::Under)),
    (
        "UnderOrEqual",
        "eq-or-under",
        Function::Hierarchy(Relation::UnderOrEqual),
    ),
    (
        "NotUnder",
        "not-under",
        Function::Hierarchy(Relation::NotUnder),
    ),
    ("On", "on", On(Is)),
    ("NotOn", "not-on", On(IsNot)),
    ("OnOrAfter", "on-or-after", OnOrAfter),
    ("OnOrBefore", "on-or-before", OnOrBefore),
    ("Today", "today", During(Period::This(Unit::Day))),
    ("Yesterday", "yesterday", During(Period::Last(Unit::Day))),
    ("Tomorrow", "tomorrow", During(Period::Next(Unit::Day))),
    (
        "Last7Days",
        "last-seven-days",
        During(Period::LastSevenDays),
    ),
    (
        "Next7Days",
        "next-seven-days",
        During(Period::NextSevenDays),
    ),
    ("ThisWeek", "this-week", During(Period::This(Unit::Week))),
    ("LastWeek", "last-week", During(Period::Last(Unit::Week))),
    ("NextWeek", "next-week", During(Period::Next(Unit::Week))),
    ("ThisMonth", "this-month", During(Period::This(Unit::Month))),
    ("LastMonth", "last-month", During(Period::Last(Unit::Month))),
    ("NextMonth", "next-month", During(Period::Next(Unit::Month))),
    ("ThisYear", "this-year", During(Period::This(Unit::Year))),
    ("LastYear", "last-year", During(Period::Last(Unit::Year))),
    ("NextYear", "next-year", During(Period::Next(Unit::Year))),
    ("LastXHours", "last-x-hours", LastX(Unit::Hour)),
    ("LastXDays", "last-x-days", LastX(Unit::Day)),
    ("LastXWeeks", "last-x-weeks", LastX(Unit::Week)),
    ("LastXMonths", "last-x-months", LastX(Unit::Month)),
    ("LastXYears", "last-x-years", LastX(Unit::Year)),
    ("NextXHours", "next-x-hours", NextX(Unit::Hour)),
    ("NextXDays", "next-x-days", NextX(Unit::Day)),
    ("NextXWeeks", "next-x-weeks", NextX(Unit::Week)),
    ("NextXMonths", "next-x-months", NextX(Unit::Month)),
    ("NextXYears", "next-x-years", NextX(Unit::Year)),
    (
        "OlderThanXMinutes",
        "olderthan-x-minutes",
        OlderThanX(Unit::Minute),
    ),
    (
        "OlderThanXHours",
        "olderthan-x-hours",
        OlderThanX(Unit::Hour),
    ),
    ("OlderThanXDays", "olderthan-x-days", OlderThanX(Unit::Day)),
    (
        "OlderThanXWeeks",
        "olderthan-x-weeks",
        OlderThanX(Unit::Week),
    ),
    (
        "OlderThanXMonths",
        "olderthan-x-months",
        OlderThanX(Unit::Month),
    ),
    (
        "OlderThanXYears",
        "olderthan-x-years",
        OlderThanX(Unit::Year),
    ),
];

/// Functions that Dataverse has and this emulator does not: what they need is not there.
const ABSENT: [&str; 20] = [
    "Contains",
    "EqualRoleBusinessId",
    "EqualUserLanguage",
    "EqualUserOrUserHierarchy",
    "EqualUserOrUserHierarchyAndTeams",
    "InFiscalPeriod",
    "InFiscalPeriodAndYear",
    "InFiscalYear",
    "InOrAfterFiscalPeriodAndYear",
    "InOrBeforeFiscalPeriodAndYear",
    "LastFiscalPeriod",
    "LastFiscalYear",
    "LastXFiscalPeriods",
    "LastXFiscalYears",
    "NextFiscalPeriod",
    "NextFiscalYear",
    "NextXFiscalPeriods",
    "NextXFiscalYears",
    "ThisFiscalPeriod",
    "ThisFiscalYear",
];

impl Function {
    /// The function of the Web API with this name, without its namespace.
    pub(crate) fn by_name(name: &str) -> Outcome<Function> {
        let found = FUNCTIONS.iter().find(|(own, _, _)| *own == name);
        match found {
            Some((_, _, function)) if !name.is_empty() => Ok(*function),
            _ if ABSENT.contains(&name) => {
                Err(Refusal::unsupported(&format!("The query function {name}")))
            }
            _ => Err(Refusal::url(format!(
                "An unknown function with name 'Microsoft.Dynamics.CRM.{name}' was found."
            ))),
        }
    }

    /// The condition operator of `FetchXML`.
    pub(crate) fn by_operator(operator: &str) -> Option<Function> {
        let found = FUNCTIONS.iter().find(|(_, own, _)| *own == operator);
        found.map(|(_, _, function)| *function)
    }

    pub(crate) fn arity(self) -> Arity {
        match self {
            In(_) | Between(_) | ContainValues(_) => Arity::Many,
            User(_) | BusinessUnit(_) | Function::Team | Function::UserOrTeam | During(_) => {
                Arity::None
            }
            Like(_)
            | StartsWith(_)
            | EndsWith(_)
            | Function::Hierarchy(_)
            | On(_)
            | OnOrAfter
            | OnOrBefore
            | LastX(_)
            | NextX(_)
            | OlderThanX(_) => Arity::One,
        }
    }

    /// What it means for a column; the values are texts, as they are in both languages.
    pub(crate) fn bind(
        self,
        scope: &Scope,
        table: TableId,
        field: Field,
        values: &[String],
    ) -> Outcome<Predicate> {
        let column = field.definition(scope.schema, table);
        let first = values.first().map_or("", String::as_str);
        Ok(match self {
            In(sense) => Predicate::Member {
                members: members(column, values)?,
                field,
                negated: sense == IsNot,
            },
            Between(sense) => between(column, field, values, sense)?,
            Like(sense) => sense.of(like(column, field, Pattern::whole(first))?),
            StartsWith(sense) => sense.of(like(column, field, Pattern::at_start(first))?),
            EndsWith(sense) => sense.of(like(column, field, Pattern::at_end(first))?),
            ContainValues(sense) => sense.of(contains(column, field, values)?),
            User(sense) => identity(column, field, Value::Id(scope.user), sense)?,
            BusinessUnit(sense) => identity(column, field, Value::Id(scope.business_unit), sense)?,
            Function::Team => team(scope, column, field)?,
            Function::UserOrTeam => Predicate::Any(vec![
                identity(column, field.clone(), Value::Id(scope.user), Is)?,
                team(scope, column, field)?,
            ]),
            Function::Hierarchy(relation) => {
                let id = guid(first.trim_matches(['{', '}']));
                let id = id.ok_or_else(|| no_value(column, first))?;
                Hierarchy::bind(scope.schema, table, field, relation, id)?
            }
            On(_) | OnOrAfter | OnOrBefore => {
                temporal(column)?;
                let day = literal::time(first).ok_or_else(|| no_value(column, first))?;
                self.of_day(column, field, Span::day(day))
            }
            During(period) => {
                temporal(column)?;
                within(column, field, period.span(scope.now))
            }
            LastX(unit) => {
                temporal(column)?;
                within(column, field, Span::last(scope.now, number(first)?, unit))
            }
            NextX(unit) => {
                temporal(column)?;
                within(column, field, Span::next(scope.now, number(first)?, unit))
            }
            OlderThanX(unit) => {
                temporal(column)?;
                let end = unit.back(scope.now, number(first)?);
                compare(column, field, Comparison::Less, end)
            }
        })
    }

    fn of_day(self, column: &Column, field: Field, day: Span) -> Predicate {
        match self {
            OnOrAfter => compare(column, field, Comparison::GreaterOrEqual, day.from),
            OnOrBefore => compare(column, field, Comparison::Less, day.until),
            On(IsNot) => Predicate::Not(Box::new(within(column, field, day))),
            _ => within(column, field, day),
        }
    }
}

impl Sense {
    fn of(self, predicate: Predicate) -> Predicate {
        match self {
            Is => predicate,
            IsNot => Predicate::Not(Box::new(predicate)),
        }
    }
}

/// The set of `In`.
fn members(column: &Column, values: &[String]) -> Outcome<Members> {
    let values: Outcome<Vec<Value>> = values.iter().map(|text| value(column, text)).collect();
    Ok(Members::of(&values?))
}

/// A text as a value of the column.
pub(crate) fn value(column: &Column, text: &str) -> Outcome<Value> {
    literal::from_text(column, text).ok_or_else(|| no_value(column, text))
}

fn no_value(column: &Column, text: &str) -> Refusal {
    Refusal::argument(format!(
        "'{text}' is not a value of '{}', which is {}.",
        column.name,
        column.kind.edm()
    ))
}

fn number(text: &str) -> Outcome<u32> {
    let number = text.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        Refusal::argument(format!(
            "'{text}' is not a whole number greater than 0, which a number of hours, days, weeks, months or years must be."
        ))
    })
}

fn between(column: &Column, field: Field, values: &[String], sense: Sense) -> Outcome<Predicate> {
    let [low, high] = values else {
        return Err(Refusal::argument(format!(
            "Between needs exactly two values, and there are {}.",
            values.len()
        )));
    };
    let low = Predicate::Compare(
        field.clone(),
        Comparison::GreaterOrEqual,
        value(column, low)?,
    );
    let high = Predicate::Compare(field, Comparison::LessOrEqual, value(column, high)?);
    Ok(sense.of(Predicate::All(vec![low, high])))
}

fn like(column: &Column, field: Field, pattern: Pattern) -> Outcome<Predicate> {
    if !matches!(column.kind, Kind::Text { .. } | Kind::Memo { .. }) {
        return Err(Refusal::argument(format!(
            "'{}' is {}, and only a text can be compared with a pattern.",
            column.name,
            column.kind.edm()
        )));
    }
    Ok(Predicate::Like(field, pattern))
}

fn contains(column: &Column, field: Field, values: &[String]) -> Outcome<Predicate> {
    if matches!(column.kind, Kind::Choices { .. }) {
        return Ok(Predicate::Chosen(field, values.to_vec()));
    }
    Err(Refusal::argument(format!(
        "'{}' is {}, and only a multi-select choice can contain values.",
        column.name,
        column.kind.edm()
    )))
}

fn identity(column: &Column, field: Field, id: Value, sense: Sense) -> Outcome<Predicate> {
    if column.kind.edm() != "Edm.Guid" {
        return Err(Refusal::argument(format!(
            "'{}' is {}, and only an identifier can be the caller's.",
            column.name,
            column.kind.edm()
        )));
    }
    Ok(sense.of(Predicate::Compare(field, Comparison::Equal, id)))
}

fn team(scope: &Scope, column: &Column, field: Field) -> Outcome<Predicate> {
    identity(column, field.clone(), Value::Null, Is)?;
    Membership::bind(scope.schema, field, scope.user).map(Predicate::Membership)
}

fn temporal(column: &Column) -> Outcome<()> {
    if matches!(column.kind.edm(), "Edm.DateTimeOffset" | "Edm.Date") {
        return Ok(());
    }
    Err(Refusal::argument(format!(
        "'{}' is {}, and only a date can be compared with the calendar.",
        column.name,
        column.kind.edm()
    )))
}

fn within(column: &Column, field: Field, span: Span) -> Predicate {
    Predicate::All(vec![
        compare(column, field.clone(), Comparison::GreaterOrEqual, span.from),
        compare(column, field, Comparison::Less, span.until),
    ])
}

/// Compares with a moment, or with its day where the column has no time.
fn compare(
    column: &Column,
    field: Field,
    comparison: Comparison,
    moment: DateTime<Utc>,
) -> Predicate {
    let value = if column.kind.edm() == "Edm.Date" {
        Value::Date(moment.date_naive())
    } else {
        Value::Time(moment)
    };
    Predicate::Compare(field, comparison, value)
}
