//! What goes into which request, and what a required column of a stub holds.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::domain::row::{Placeholder, RowId};
use crate::domain::table::ColumnName;

fn rules() -> CompareRules {
    let column = |name: &str, kind| ComparedColumn::new(ColumnName::new(name).unwrap(), kind);
    let text = || ColumnType::Text { max_length: None };
    let mut columns = vec![
        column("statecode", ColumnType::State),
        column("name", text()),
        column("accountnumber", text()),
        column("telephone1", text()),
        column("statuscode", ColumnType::Status),
    ];
    columns[1].stub = true;
    columns[1].required = Requirement::Forms;
    columns[2].key = true;
    columns[3].required = Requirement::Server;
    CompareRules {
        columns,
        placeholder: Placeholder::new("Awaiting sync {key}"),
    }
}

fn row(state: i64, texts: [&str; 3], status: i64) -> Row {
    let text = |text: &str| match text {
        "" => Value::Null,
        text => Value::Text(text.to_owned()),
    };
    let [name, number, telephone] = texts.map(text);
    Row {
        id: RowId::parse("aaaaaaaa-0000-4000-8000-000000000001").unwrap(),
        etag: ETag::new("W/\"1\""),
        modified_on: None,
        modified_by: None,
        created_by: None,
        created_on: None,
        values: vec![
            Value::Integer(state),
            name,
            number,
            telephone,
            Value::Integer(status),
        ],
    }
}

fn planned(verb: Verb, drift: Drift, source: &Row, target: Option<&Row>) -> Plan {
    let differing = target.map(|target| rules().differing(source, target));
    let assessment = Assessment {
        drift,
        is_guess: false,
        differing: differing.unwrap_or_default(),
    };
    plan(verb, &assessment, Some(source), target, &rules())
}

fn places(columns: &[Assignment]) -> Vec<usize> {
    columns.iter().map(|column| column.place).collect()
}

#[test]
fn state_and_status_go_together_behind_all_else() {
    let source = row(1, ["Contoso", "C-1", "5"], 2);
    let create = planned(Verb::Sync, Drift::Missing, &source, None);
    let (first, pair) = create.in_requests(&rules());
    assert!(matches!(first, Plan::Create(_)));
    assert_eq!(places(first.columns()), [1, 2, 3]);
    assert_eq!(places(&pair), [0, 4]);

    // One of the two differs: both are written, and by themselves where nothing else does.
    let target = row(1, ["Contoso", "C-1", "5"], 3);
    let fill = planned(Verb::Sync, Drift::Stale, &source, Some(&target));
    let Plan::Fill { overwrites, .. } = &fill else {
        panic!("{fill:?}");
    };
    assert_eq!(*overwrites, 0, "a state is nothing that somebody typed in");
    let (first, pair) = fill.in_requests(&rules());
    assert_eq!(places(first.columns()), [0, 4]);
    assert!(pair.is_empty());

    let target = row(0, ["Contoso", "C-1", "6"], 1);
    let fill = planned(Verb::Sync, Drift::Stale, &source, Some(&target));
    let (first, pair) = fill.in_requests(&rules());
    assert_eq!(
        (places(first.columns()), places(&pair)),
        (vec![3], vec![0, 4])
    );

    let ensure = planned(Verb::Ensure, Drift::Missing, &source, None);
    assert_eq!(places(ensure.columns()), [1, 2], "an ensure is one request");
}

#[test]
fn a_required_column_that_the_source_leaves_blank_holds_the_placeholder() {
    let of = |verb, source: &Row| {
        let plan = planned(verb, Drift::Missing, source, None);
        let columns = plan.columns().iter();
        let texts = columns.filter_map(|column| match &column.value {
            Value::Text(text) => Some((column.place, text.clone())),
            _ => None,
        });
        texts.collect::<Vec<_>>()
    };
    let known = row(0, ["", "C-1", ""], 1);
    let placeholder = || "Awaiting sync C-1".to_owned();
    assert_eq!(
        of(Verb::Ensure, &known),
        [(1, placeholder()), (2, "C-1".to_owned())]
    );
    assert_eq!(
        of(Verb::Sync, &known),
        [(2, "C-1".to_owned()), (3, placeholder())],
        "a whole copy holds only what the server insists on"
    );
    let nameless = row(0, ["", "", ""], 1);
    assert_eq!(
        of(Verb::Ensure, &nameless),
        [(1, format!("Awaiting sync {}", nameless.id))]
    );
}

#[test]
fn what_is_decided_column_by_column_leaves_the_others_to_the_verb() {
    let source = row(1, ["Contoso", "C-1", "5"], 2);
    let target = row(0, ["Contoso Ltd", "", "6"], 1);
    let rules = rules();
    let names: Vec<String> = rules
        .columns
        .iter()
        .map(|one| one.name.to_string())
        .collect();
    let decided = |verb, choices: &[(usize, &str)]| {
        let choices = choices.iter().map(|(place, side)| {
            let choice = format!("{}={side}", names[*place]);
            choice.parse::<ColumnChoice>().unwrap()
        });
        let assessment = Assessment {
            drift: Drift::Diverged,
            is_guess: false,
            differing: rules.differing(&source, &target),
        };
        let choices: Vec<ColumnChoice> = choices.collect();
        decide(
            verb,
            &choices,
            &assessment,
            Some(&source),
            Some(&target),
            &rules,
        )
    };
    for (verb, choices, expected) in [
        (Verb::FillBlanks, &[(1, "source")][..], &[1, 2][..]),
        (Verb::FillBlanks, &[(2, "target"), (3, "source")], &[3]),
        (Verb::TakeSource, &[(1, "target")], &[0, 2, 3, 4]),
        (Verb::KeepTarget, &[(3, "source")], &[3]),
        // State and status are chosen together.
        (Verb::KeepTarget, &[(0, "source")], &[0, 4]),
        (Verb::TakeSource, &[(4, "target")], &[1, 2, 3]),
    ] {
        let plan = decided(verb, choices);
        assert_eq!(places(plan.columns()), expected, "{verb} {choices:?}");
    }
    let all = [(0, "target"), (1, "target"), (2, "target"), (3, "target")];
    assert_eq!(decided(Verb::FillBlanks, &all), Plan::Keep);
    assert_eq!(decided(Verb::KeepTarget, &all[..1]), Plan::Keep);
}
