//! From words to targets.

use clap::Parser;

use super::*;
use crate::cli::arguments::{Arguments, Command};
use crate::cli::exit::Exit;
use crate::cli::fixture;

const ID: &str = "00000001-0000-0000-0000-000000000001";

fn parsed(line: &str, lines: Option<&str>) -> Result<Chosen, Trouble> {
    let words = std::iter::once("tandem").chain(line.split_whitespace());
    let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
    let (verb, repair) = match arguments.command {
        Some(Command::Ensure(repair)) => (Verb::Ensure, repair),
        Some(Command::Rehydrate(repair)) => (Verb::Rehydrate, repair),
        Some(Command::Sync(sync)) => (Verb::Sync, sync.repair),
        other => panic!("{other:?}"),
    };
    parse(verb, &repair, lines, &fixture::config())
}

fn named(records: Vec<Target>) -> Chosen {
    Chosen::Named(vec![(0, records)])
}

fn by_id() -> Target {
    Target::Record(fixture::key(0, 1))
}

fn by_key(value: &str) -> Target {
    Target::Key {
        table: TableIndex(0),
        column: "accountnumber".to_owned(),
        value: value.to_owned(),
    }
}

fn found(drifts: &[Drift], tables: Option<&[u16]>, words: &[&str]) -> Chosen {
    Chosen::Found(Wanted {
        drifts: drifts.to_vec(),
        flags: Vec::new(),
        tables: tables.map(|tables| tables.iter().copied().map(TableIndex).collect()),
        link: None,
        words: words.iter().map(|word| (*word).to_owned()).collect(),
    })
}

#[test]
fn records_are_named_by_id_and_by_key() {
    let pending = [Drift::Missing, Drift::Stub, Drift::Stale];
    let file = format!("# from the call\n\n{ID}\naccount accountnumber=A B\n  contact {ID}  \n");
    let contact = Target::Record(fixture::key(1, 1));
    for (line, lines, expected) in [
        (
            format!("rehydrate account {ID}"),
            None,
            named(vec![by_id()]),
        ),
        (
            format!("rehydrate --table account {ID}"),
            None,
            named(vec![by_id()]),
        ),
        (
            format!("ensure account {ID} accountnumber=MSFT {ID}"),
            None,
            named(vec![by_id(), by_key("MSFT")]),
        ),
        (
            "sync account --from -".to_owned(),
            Some(file.as_str()),
            named(vec![by_id(), by_key("A B"), contact]),
        ),
        ("sync".to_owned(), None, Chosen::Runs(vec![0])),
        (
            "sync --link us-europe".to_owned(),
            None,
            Chosen::Runs(vec![0]),
        ),
        (
            "sync account".to_owned(),
            None,
            found(&pending, Some(&[0]), &[]),
        ),
        (
            "sync --filter Foo".to_owned(),
            None,
            found(&pending, None, &["foo"]),
        ),
        (
            "rehydrate --drift stub".to_owned(),
            None,
            found(&[Drift::Stub], None, &[]),
        ),
        (
            "rehydrate contact --filter x".to_owned(),
            None,
            found(&[Drift::Stub, Drift::Stale], Some(&[1]), &["x"]),
        ),
        (
            "ensure --filter x".to_owned(),
            None,
            found(&[Drift::Missing], None, &["x"]),
        ),
    ] {
        assert_eq!(parsed(&line, lines), Ok(expected), "{line}");
    }
}

#[test]
fn what_names_nothing_is_wrong_usage_and_says_what_would_be_right() {
    for (line, lines, said) in [
        ("rehydrate".to_owned(), None, "say which records"),
        ("rehydrate account".to_owned(), None, "say which records"),
        ("ensure account".to_owned(), None, "say which records"),
        (format!("rehydrate {ID}"), None, "say the table first"),
        (
            format!("rehydrate tickets {ID}"),
            None,
            "there are account, contact",
        ),
        (
            format!("rehydrate account --table contact {ID}"),
            None,
            "two tables",
        ),
        (
            "rehydrate account 7f6c".to_owned(),
            None,
            "neither a GUID nor a key",
        ),
        (
            "rehydrate account name=Foo".to_owned(),
            None,
            "its keys are accountnumber",
        ),
        (
            "rehydrate account accountnumber=".to_owned(),
            None,
            "its keys are accountnumber",
        ),
        (
            "rehydrate contact lastname=Foo".to_owned(),
            None,
            "has no `keys`",
        ),
        (
            format!("rehydrate account {ID} --drift stub"),
            None,
            "not both",
        ),
        (
            "rehydrate account --from x".to_owned(),
            Some("\n# nothing\n"),
            "names no record",
        ),
        (
            "sync --link us-asia".to_owned(),
            None,
            "there are us-europe",
        ),
        (
            "sync --table tickets".to_owned(),
            None,
            "there are account, contact",
        ),
    ] {
        let Err(trouble) = parsed(&line, lines) else {
            panic!("{line}");
        };
        assert_eq!(trouble.exit, Exit::Usage, "{line}");
        assert!(trouble.why.contains(said), "{line}: {trouble}");
    }
}

#[test]
fn a_selection_takes_what_the_comparison_found() {
    let state = fixture::out_of_step();
    for (line, expected) in [
        ("rehydrate --drift stub", vec![fixture::key(0, 1)]),
        ("sync contact", vec![fixture::key(1, 3)]),
        ("sync --filter alpha", vec![fixture::key(0, 2)]),
        ("sync --filter N1", vec![fixture::key(0, 1)]),
        ("sync --drift orphan", vec![]),
    ] {
        let Ok(Chosen::Found(wanted)) = parsed(line, None) else {
            panic!("{line}");
        };
        let targets: Vec<Target> = wanted
            .targets(&state)
            .into_iter()
            .flat_map(|(_, records)| records)
            .collect();
        let expected: Vec<Target> = expected.into_iter().map(Target::Record).collect();
        assert_eq!(targets, expected, "{line}");
    }
}
