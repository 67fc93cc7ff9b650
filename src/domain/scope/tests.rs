//! What a `where` lets through, and how nonsense is refused.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::row::{Reference, RowId};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn columns() -> Vec<(ColumnName, ColumnType)> {
    let lookup = ColumnType::Lookup {
        targets: Vec::new(),
    };
    [
        ("name", ColumnType::Text { max_length: None }),
        ("statecode", ColumnType::State),
        ("revenue", ColumnType::Money { precision: 2 }),
        ("donotemail", ColumnType::Boolean { default: false }),
        ("parentaccountid", lookup),
        ("birthdate", ColumnType::Date),
        ("modifiedon", ColumnType::DateTime),
        ("regions", ColumnType::Choices),
    ]
    .into_iter()
    .map(|(name, kind)| (ColumnName::new(name).unwrap(), kind))
    .collect()
}

fn bound(text: &str) -> Result<Filter, String> {
    let columns = columns();
    let scope = Scope::parse(text).map_err(|error| error.to_string())?;
    scope.bind(|wanted| {
        let place = columns.iter().position(|(name, _)| name == wanted)?;
        Some((place, &columns[place].1))
    })
}

const PARENT: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn row() -> Vec<Value> {
    vec![
        Value::Text("Contoso ".to_owned()),
        Value::Integer(0),
        Value::Decimal(Decimal::new(1050, 2)),
        Value::Boolean(false),
        Value::Lookup(Reference {
            table: None,
            id: RowId::parse(PARENT).unwrap(),
            name: None,
        }),
        Value::Null,
        Value::DateTime("2026-03-01T10:00:00Z".parse().unwrap()),
        Value::Choices([1, 2].into()),
    ]
}

#[test]
fn a_row_is_in_scope_where_the_expression_holds() {
    for (text, admits) in [
        ("statecode eq 0", true),
        ("statecode ne 0", false),
        ("name eq 'CONTOSO'", true),
        ("name eq 'O''Brien'", false),
        ("name gt 'B' and name le 'contoso'", true),
        ("revenue ge 10.5 and revenue lt 11", true),
        ("revenue eq 10.50", true),
        ("donotemail eq false", true),
        ("birthdate eq null", true),
        ("birthdate lt 2026-01-01", false),
        ("not (birthdate lt 2026-01-01)", true),
        ("modifiedon ge 2026-03-01T10:00:00Z", true),
        ("modifiedon gt 2026-03-01T12:00:00+02:00", false),
        (
            "parentaccountid eq aaaaaaaa-0000-4000-8000-000000000001",
            true,
        ),
        ("parentaccountid ne null", true),
        ("statecode in (1, 0)", true),
        ("name in ('a','b')", false),
        ("startswith(name,'con')", true),
        ("endswith(name,'con')", false),
        ("contains(name, 'TOSO')", true),
        (
            "contains(name, 'toso') and not startswith(name,'con')",
            false,
        ),
        ("statecode eq 1 or revenue gt 1 and revenue gt 100", false),
        ("(statecode eq 0 or revenue gt 1) and revenue gt 100", false),
        ("statecode eq 0 or revenue gt 1 and revenue gt 100", true),
        ("regions eq '2,1'", true),
    ] {
        assert_eq!(bound(text).unwrap().admits(&row()), admits, "{text}");
    }
}

#[test]
fn nonsense_is_refused_where_it_stands() {
    for (text, said) in [
        ("", "at character 1: a condition is missing"),
        ("statecode", "at character 10: a comparison is missing"),
        ("statecode = 0", "at character 11: `=` means nothing here"),
        ("statecode is 0", "at character 11: a comparison is one of"),
        ("statecode eq", "at character 13: a constant is missing"),
        ("name eq Contoso", "at character 9: a constant is"),
        ("name eq 'x", "at character 9: the text that begins here"),
        ("(statecode eq 0", "at character 16: `)` is missing"),
        ("statecode eq 0)", "at character 15: `and`, `or` or the end"),
        (
            "statecode eq 0 and",
            "at character 19: a condition is missing",
        ),
        ("startswith(name)", "at character 16: `,` is expected"),
        ("statecode in ()", "at character 15: a constant is expected"),
        ("4x eq 1", "at character 1: `4x` is not a name"),
        ("absent eq 1", "the source has no column absent"),
        (
            "statecode eq 'x'",
            "column statecode can't be compared with 'x'",
        ),
        ("donotemail gt true", "can only be equal (eq) or not (ne)"),
        ("contains(statecode,'x')", "column statecode holds no text"),
        ("name eq '\u{1b}[2J' and", "a condition is missing"),
    ] {
        let why = bound(text).unwrap_err();
        assert!(
            why.contains(said),
            "`{why}` should say `{said}` of `{text}`"
        );
        assert!(!why.contains('\u{1b}'), "{why:?}");
    }
}

#[test]
fn depth_and_length_have_bounds() {
    let nested = |depth| format!("{}statecode eq 0{}", "(".repeat(depth), ")".repeat(depth));
    assert!(bound(&nested(30)).is_ok());
    assert!(bound(&nested(2000)).unwrap_err().contains("nested deeper"));
    let nots = format!("{}statecode eq 0", "not ".repeat(1000));
    assert!(bound(&nots).unwrap_err().contains("nested deeper"));
    assert!(bound(&"x".repeat(5000)).unwrap_err().contains("at most"));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,60}") {
        let _read_or_refused = bound(&text);
    }

    #[test]
    fn any_words_are_read_or_refused(words in prop::collection::vec(
        prop::sample::select(vec!["name", "eq", "in", "(", ")", ",", "'x'", "and", "or", "not", "0", "contains"]), 0..20,
    )) {
        let _read_or_refused = bound(&words.join(" "));
    }
}
