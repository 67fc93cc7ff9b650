//! The drift table as a table, and that it is total and exclusive.

use super::*;
use crate::domain::row::Reference;
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use uuid::Uuid;

const SYNC: u128 = 0xa;
const LENA: u128 = 0xb;

fn id(n: u128) -> RowId {
    RowId::new(Uuid::from_u128(n)).unwrap_or_else(|| panic!("not nil"))
}

fn column(name: &str, stub: bool, key: bool) -> ComparedColumn {
    let name = ColumnName::new(name).unwrap_or_else(|_| panic!("a name"));
    ComparedColumn {
        stub,
        key,
        ..ComparedColumn::new(name, ColumnType::Text { max_length: None })
    }
}

fn rules() -> CompareRules {
    CompareRules {
        columns: vec![
            column("name", true, false),
            column("accountnumber", false, true),
            column("telephone1", false, false),
        ],
        placeholder: Placeholder::new("Awaiting sync {key}"),
    }
}

fn row(values: [&str; 3], modified: i64, by: u128) -> Row {
    let who = |n| {
        Some(Reference {
            table: None,
            id: id(n),
            name: None,
        })
    };
    Row {
        id: id(1),
        etag: ETag::new(&format!("W/\"{modified}\"")),
        modified_on: DateTime::<Utc>::from_timestamp(modified, 0),
        modified_by: who(by),
        created_by: who(by),
        created_on: None,
        values: values
            .map(|v| {
                if v.is_empty() {
                    Value::Null
                } else {
                    Value::Text(v.into())
                }
            })
            .into(),
    }
}

fn assess(source: Option<Row>, target: Option<Row>, other: Option<RowId>) -> Assessment {
    let users = HashSet::from([id(SYNC)]);
    let side = |row: Option<Row>| row.map_or(Side::Absent, Side::Row);
    let evidence = Evidence {
        sync_users: &users,
        came_over_link: false,
        was_in_target: false,
        changed: None,
        is_held: false,
        is_altered: false,
        kept: None,
        agreed: None,
        other_with_key: other,
    };
    classify(&side(source), &side(target), &rules(), evidence)
}

#[test]
fn what_is_out_of_scope_at_the_source_is_none_of_the_links_business() {
    let users = HashSet::from([id(SYNC)]);
    let drift = |target: Side| {
        let evidence = Evidence {
            sync_users: &users,
            came_over_link: true,
            was_in_target: false,
            changed: None,
            is_held: false,
            is_altered: false,
            kept: None,
            agreed: None,
            other_with_key: Some(id(2)),
        };
        classify(&Side::OutOfScope, &target, &rules(), evidence).drift
    };
    let row = row(["Align", "ALGN", "555"], 100, SYNC);
    assert_eq!(drift(Side::Row(row)), Drift::Local, "never an orphan");
    assert_eq!(drift(Side::Absent), Drift::InSync);
    assert_eq!(drift(Side::Unreadable(String::new())), Drift::InSync);
}

#[test]
fn state_and_currency_tell_nothing_of_a_stub() {
    let currency = ColumnType::Lookup {
        targets: vec![crate::domain::table::LookupTarget {
            table: crate::domain::table::TableName::new("transactioncurrency")
                .unwrap_or_else(|e| panic!("{e}")),
            bind: "transactioncurrencyid".to_owned(),
        }],
    };
    let mut rules = rules();
    for (name, kind) in [("statecode", ColumnType::State), ("currency", currency)] {
        let name = ColumnName::new(name).unwrap_or_else(|e| panic!("{e}"));
        rules.columns.push(ComparedColumn::new(name, kind));
    }
    let with = |texts, state: i64, currency: u128| {
        let mut row = row(texts, 100, LENA);
        let currency = Reference {
            table: None,
            id: id(currency),
            name: None,
        };
        row.values
            .extend([Value::Integer(state), Value::Lookup(currency)]);
        row
    };
    let users = HashSet::new();
    let evidence = Evidence {
        sync_users: &users,
        came_over_link: false,
        was_in_target: false,
        changed: None,
        is_held: false,
        is_altered: false,
        kept: None,
        agreed: None,
        other_with_key: None,
    };
    let drift = |source, target| {
        let (source, target) = (Side::Row(source), Side::Row(target));
        classify(&source, &target, &rules, evidence).drift
    };
    let bare = || with(["Align", "ALGN", ""], 0, 7);
    assert_eq!(
        drift(with(["Align", "ALGN", "5"], 1, 8), bare()),
        Drift::Stub
    );
    // Within one second the clocks don't tell which side is ahead.
    assert_eq!(
        drift(with(["Align", "ALGN", ""], 1, 8), bare()),
        Drift::Diverged,
        "another state alone makes no stub"
    );
}

#[test]
fn each_row_of_the_table() {
    let whole = || Some(row(["Align", "ALGN", "555"], 100, LENA));
    let cases = [
        (
            "equal",
            whole(),
            Some(row(["Align", "ALGN", "555"], 90, SYNC)),
            Drift::InSync,
        ),
        ("only in the source", whole(), None, Drift::Missing),
        (
            "only in the target, made by the sync",
            None,
            Some(row(["Align", "ALGN", "555"], 1, SYNC)),
            Drift::Orphan,
        ),
        (
            "only in the target, made there",
            None,
            Some(row(["Bau", "BAU", "1"], 1, LENA)),
            Drift::Local,
        ),
        (
            "all blank but key and name",
            whole(),
            Some(row(["Align", "ALGN", ""], 120, LENA)),
            Drift::Stub,
        ),
        (
            "a placeholder is blank",
            whole(),
            Some(row(["Awaiting sync 1234", "", ""], 120, LENA)),
            Drift::Stub,
        ),
        (
            "changed by the sync last",
            whole(),
            Some(row(["Align", "ALGN", "444"], 120, SYNC)),
            Drift::Stale,
        ),
        (
            "the source's change is younger",
            whole(),
            Some(row(["Align", "ALGN", "444"], 90, LENA)),
            Drift::Stale,
        ),
        (
            "edited in the target since",
            whole(),
            Some(row(["Align", "ALGN", "444"], 120, LENA)),
            Drift::Diverged,
        ),
        ("gone on both sides", None, None, Drift::InSync),
    ];
    for (case, source, target, drift) in cases {
        assert_eq!(assess(source, target, None).drift, drift, "{case}");
    }
    assert_eq!(assess(whole(), None, Some(id(9))).drift, Drift::Duplicate);
}

#[test]
fn a_stub_whose_source_has_no_more_is_in_sync() {
    let bare = || Some(row(["Align", "ALGN", ""], 100, LENA));
    assert_eq!(assess(bare(), bare(), None).drift, Drift::InSync);
}

#[test]
fn the_agreed_version_outweighs_the_clock() {
    let users = HashSet::new();
    let target = row(["Align", "ALGN", "444"], 120, LENA);
    let agreed = target.etag.clone();
    let evidence = Evidence {
        sync_users: &users,
        came_over_link: false,
        was_in_target: false,
        changed: None,
        is_held: false,
        is_altered: false,
        kept: None,
        agreed: agreed.as_ref(),
        other_with_key: None,
    };
    let source = Side::Row(row(["Align", "ALGN", "555"], 100, LENA));
    let assessment = classify(&source, &Side::Row(target), &rules(), evidence);
    assert_eq!(
        (assessment.drift, assessment.is_guess),
        (Drift::Stale, false)
    );
}

#[test]
fn what_could_not_be_read_is_unknown() {
    let users = HashSet::new();
    let evidence = Evidence {
        sync_users: &users,
        came_over_link: false,
        was_in_target: false,
        changed: None,
        is_held: false,
        is_altered: false,
        kept: None,
        agreed: None,
        other_with_key: None,
    };
    let hidden = Side::Unreadable("403".into());
    assert_eq!(
        classify(&hidden, &Side::Absent, &rules(), evidence).drift,
        Drift::Unknown
    );
}

#[test]
fn keys_compare_as_the_server_compares_them() {
    let rules = rules();
    assert_eq!(
        rules.key_of(&row(["x", "ALGN  ", ""], 1, 1)),
        rules.key_of(&row(["y", "algn", ""], 1, 1))
    );
    assert_eq!(rules.key_of(&row(["x", "", ""], 1, 1)), None);
}

fn any_side() -> impl Strategy<Value = Side> {
    let text = prop_oneof![Just(""), Just("a"), Just("b"), Just("Awaiting sync x")];
    let texts = (text.clone(), text.clone(), text);
    prop_oneof![
        1 => Just(Side::Absent),
        1 => Just(Side::Unreadable("403".into())),
        6 => (texts, 0i64..3, prop_oneof![Just(SYNC), Just(LENA)])
            .prop_map(|((a, b, c), modified, by)| Side::Row(row([a, b, c], modified, by))),
    ]
}

proptest! {
    #[test]
    fn drift_is_total_and_exclusive(source in any_side(), target in any_side(), twin in any::<bool>()) {
        let users = HashSet::from([id(SYNC)]);
        let evidence = Evidence {
            sync_users: &users, came_over_link: false, was_in_target: false, changed: None, is_held: false, is_altered: false, kept: None, agreed: None, other_with_key: twin.then(|| id(9)),
        };
        let rules = rules();
        let drift = classify(&source, &target, &rules, evidence).drift;
        let unreadable = matches!(source, Side::Unreadable(_)) || matches!(target, Side::Unreadable(_));
        prop_assert_eq!(drift == Drift::Unknown, unreadable);
        let equal = match (&source, &target) {
            (Side::Row(s), Side::Row(t)) => rules.differing(s, t).is_empty(),
            (Side::Absent, Side::Absent) => true,
            _ => false,
        };
        prop_assert_eq!(drift == Drift::InSync, equal);
        let in_both = matches!((&source, &target), (Side::Row(_), Side::Row(_)));
        prop_assert_eq!(matches!(drift, Drift::Stub | Drift::Stale | Drift::Diverged), in_both && !equal);
        if let (Side::Row(s), Side::Row(t)) = (&source, &target) {
            prop_assert!(!equal || rules.digest(s) == rules.digest(t), "equal rows have equal hashes");
        }
    }
}
