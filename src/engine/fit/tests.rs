//! What is refused at start, each with its line and its reason, and what fits.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use super::*;
use crate::domain::drift::Side;
use crate::domain::row::Row;
use crate::domain::table::{AlternateKey, CURRENCY, LookupTarget};
use crate::domain::translation::Translated;

/// The configuration of one table, on a line of its own for each part.
fn link(more: &str) -> LinkConfig {
    let text = format!(
        "[instances.us]\nurl='http://127.0.0.1:1'\ncredential={{kind='token',token={{env='T'}}}}\n\
         [instances.eu]\nurl='http://127.0.0.1:2'\ncredential={{kind='token',token={{env='T'}}}}\n\
         [[links]]\nsource='us'\ntarget='eu'\n[[links.tables]]\nname='account'\n{more}"
    );
    let config = crate::config::parse(&text, Path::new("/c.toml"), PathBuf::new()).unwrap();
    config.links.into_iter().next().unwrap()
}

fn name(name: &str) -> ColumnName {
    ColumnName::new(name).unwrap()
}

fn lookup(targets: &[(&str, &str)]) -> ColumnType {
    let targets = targets.iter().map(|(table, bind)| LookupTarget {
        table: TableName::new(table).unwrap(),
        bind: (*bind).to_owned(),
    });
    ColumnType::Lookup {
        targets: targets.collect(),
    }
}

fn text(max: u32) -> ColumnType {
    ColumnType::Text {
        max_length: Some(max),
    }
}

fn schema() -> TableSchema {
    let columns = [
        ("accountid", ColumnType::Id),
        ("name", text(100)),
        ("code", text(20)),
        ("tier", ColumnType::Choice),
        ("revenue", ColumnType::Money { precision: 2 }),
        (
            "transactioncurrencyid",
            lookup(&[(CURRENCY, "transactioncurrencyid")]),
        ),
        ("parentid", lookup(&[("account", "parentid")])),
        ("ownerid", lookup(&[("owner", "ownerid")])),
        ("territoryid", lookup(&[("territory", "territoryid")])),
        ("statecode", ColumnType::State),
        ("statuscode", ColumnType::Status),
        ("photo", ColumnType::Unsupported("Image".to_owned())),
        ("createdon", ColumnType::DateTime),
    ];
    let columns = columns.map(|(own, kind)| (name(own), Column::new(name(own), kind)));
    let mut schema = TableSchema {
        name: TableName::new("account").unwrap(),
        set: EntitySet::new("accounts").unwrap(),
        primary_id: name("accountid"),
        primary_name: Some(name("name")),
        columns: columns.into(),
        keys: vec![AlternateKey {
            name: "code".to_owned(),
            columns: vec![name("code")],
            active: true,
        }],
        optimistic_concurrency: true,
        kind: TableKind::Standard,
        change_tracking: true,
    };
    change(&mut schema, "tier", |tier| tier.options = [1, 2].into());
    change(&mut schema, "statecode", |state| state.creatable = false);
    change(&mut schema, "createdon", |on| {
        (on.creatable, on.updatable) = (false, false);
    });
    schema
}

fn change(schema: &mut TableSchema, column: &str, change: impl FnOnce(&mut Column)) {
    change(schema.columns.get_mut(&name(column)).unwrap());
}

fn around() -> Surroundings {
    let sets = [("systemuser", "systemusers"), ("team", "teams")]
        .map(|(table, set)| (TableName::new(table).unwrap(), EntitySet::new(set).unwrap()));
    Surroundings {
        currencies: Some(HashMap::new()),
        sets: sets.into(),
        pairs: AllPairs::new(),
    }
}

fn fitted(
    more: &str,
    vary: impl FnOnce(&mut TableSchema, &mut TableSchema),
) -> Result<LinkTable, String> {
    let link = link(more);
    let (mut source, mut target) = (schema(), schema());
    vary(&mut source, &mut target);
    let table = &link.tables[0];
    fit(TableIndex(0), &link, table, source, target, &around())
}

fn refused(more: &str, vary: impl FnOnce(&mut TableSchema, &mut TableSchema)) -> String {
    fitted(more, vary).map(|_| ()).unwrap_err()
}

fn assert_refused(faults: &[(&str, &str)]) {
    for (more, said) in faults {
        let why = refused(more, |_, _| {});
        assert!(why.starts_with("/c.toml:1"), "{why}");
        assert!(
            why.contains(said),
            "`{why}` should say `{said}` of:\n{more}"
        );
    }
}

#[test]
fn a_column_that_the_target_fills_itself_is_refused() {
    let of = |origin: Origin| {
        refused("columns=['name',\n'code']", |_, target| {
            change(target, "code", |code| code.origin = origin);
        })
    };
    for (origin, word) in [
        (Origin::Calculated, "calculated"),
        (Origin::Rollup, "rollup"),
        (Origin::Formula, "formula"),
        (Origin::Composite, "composite"),
        (Origin::AutoNumber, "autonumber"),
    ] {
        assert_eq!(
            of(origin),
            format!(
                "/c.toml:13: table account, column code: it is {word} in the target, which fills it itself; \
                 take it out of `columns`"
            )
        );
    }
}

#[test]
fn what_else_a_column_can_be_refused_for() {
    assert_refused(&[
        (
            "columns=['accountid']",
            "12: table account, column accountid: it is the primary id",
        ),
        (
            "columns=['photo']",
            "column photo: columns of type image can't be compared",
        ),
        (
            "columns=['createdon']",
            "column createdon: it can't be written in the target",
        ),
        (
            "columns=['absent']",
            "column absent: the source has no such column",
        ),
        (
            "columns=['territoryid']",
            "column territoryid: the table that it names is not on the link",
        ),
        (
            "columns=['revenue']",
            "column revenue: money means nothing without its currency",
        ),
        (
            "columns=['name','statecode']",
            "column statecode: it is written as a pair with statuscode",
        ),
        (
            "columns=['name','statuscode']",
            "column statuscode: it is written as a pair with statecode",
        ),
        (
            "columns=['statecode','statuscode']\nstub=['statecode']",
            "column statecode: state and status are written in an update of their own",
        ),
        (
            "columns=['name']\nkeys=['name']",
            "column name: the target has no alternate key with it",
        ),
        (
            "columns=['name']\nmap=[{from='absent',to='code'}]",
            "13: table account, column code: the source has no such column (it is called absent there)",
        ),
        (
            "columns=['name','code']\nmap=[{from='code',to='name'}]",
            "12: table account, column code: code of the source is copied into another column already",
        ),
        (
            "columns=['name']\nmap=[{from='tier',to='tier',values={one=1}}]",
            "column tier: tier can't hold `one` in the source",
        ),
        (
            "columns=['name']\nmap=[{from='tier',to='tier',values={1='one'}}]",
            "column tier: it can't hold 'one' in the target",
        ),
        (
            "columns=['name']\nmap=[{from='tier',to='tier',values={1=9}}]",
            "column tier: the target has no option 9",
        ),
    ]);
}

#[test]
fn what_scope_and_constants_can_be_refused_for() {
    assert_refused(&[
        (
            "columns=['name']\nwhere='absent eq 1'",
            "13: table account, where: the source has no column absent",
        ),
        (
            "columns=['name']\nset={absent=1}",
            "13: table account, set absent: the target has no such column",
        ),
        (
            "columns=['name']\nset={tier='x'}",
            "13: table account, set tier: it can't hold 'x'",
        ),
        (
            "columns=['name']\nset={tier=9}",
            "set tier: the target has no option 9",
        ),
        (
            "columns=['name']\nset={createdon='2026-01-01T00:00:00Z'}",
            "can't be written in the target",
        ),
        (
            "columns=['name']\nset={ownerid='x'}",
            "set ownerid: a lookup is set by the property that binds it: ownerid@odata.bind",
        ),
        (
            "columns=['name']\nset={'owner@odata.bind'='/teams(aaaaaaaa-0000-4000-8000-000000000001)'}",
            "the target has no lookup that is bound by owner",
        ),
        (
            "columns=['name']\nset={'ownerid@odata.bind'='/teams(x)'}",
            "`x` is not a GUID",
        ),
        (
            "columns=['name']\nset={'ownerid@odata.bind'='/accounts(aaaaaaaa-0000-4000-8000-000000000001)'}",
            "it can't name a row of accounts: only of systemusers, teams",
        ),
        (
            "columns=['name','parentid']\nset={'parentid@odata.bind'='/accounts(aaaaaaaa-0000-4000-8000-000000000001)'}",
            "parentid is copied: it can't be set to a constant, too",
        ),
    ]);
}

#[test]
fn what_the_target_lacks_is_refused() {
    let columns = "columns=['name','tier']\nkeys=['code']\nstub=['name']";
    let of = |vary: fn(&mut TableSchema)| refused(columns, |_, target| vary(target));
    for (vary, said) in [
        (
            (|target| change(target, "name", |name| name.kind = text(60))) as fn(&mut TableSchema),
            "12: table account, column name: the source takes 100 characters and the target 60",
        ),
        (
            |target| change(target, "tier", |tier| tier.options = [1].into()),
            "column tier: the target lacks the options 2",
        ),
        (
            |target| change(target, "tier", |tier| tier.kind = ColumnType::Integer),
            "column tier: the two sides hold different types",
        ),
        (
            |target| {
                target.columns.remove(&name("tier"));
            },
            "column tier: the target has no such column",
        ),
        (
            |target| target.keys.clear(),
            "13: table account, column code: the target has no alternate key with it",
        ),
        (
            |target| target.keys[0].active = false,
            "column code: the index of its alternate key is not Active",
        ),
        (
            |target| {
                change(target, "territoryid", |own| {
                    own.required = Requirement::Server;
                });
            },
            "11: table account, column territoryid: the target takes no row without it (SystemRequired)",
        ),
        (
            |target| target.optimistic_concurrency = false,
            "11: table account: the target does not check versions",
        ),
        (
            |target| target.kind = TableKind::Virtual,
            "11: table account: it is virtual in the target",
        ),
        (
            |target| target.kind = TableKind::Elastic,
            "it is elastic in the target",
        ),
        (
            |target| target.kind = TableKind::Activity,
            "it is activity in the target",
        ),
        (
            |target| target.kind = TableKind::Intersect,
            "it is intersect in the target",
        ),
    ] {
        let why = of(vary);
        assert!(why.contains(said), "`{why}` should say `{said}`");
    }
}

#[test]
fn what_the_server_insists_on_may_stand_in_stub_or_set_or_have_a_default() {
    let insist = |target: &mut TableSchema| {
        change(target, "territoryid", |own| {
            own.required = Requirement::Server;
        });
        change(target, "tier", |own| own.required = Requirement::Server);
    };
    let set = "columns=['name']\nstub=['tier']\n\
               set={'territoryid@odata.bind'='/territories(aaaaaaaa-0000-4000-8000-000000000001)'}";
    let why = refused(set, |_, target| insist(target));
    assert!(
        why.contains("territories"),
        "its table must be known: {why}"
    );
    fitted("columns=['name']\nset={tier=1}", |_, target| {
        insist(target);
        change(target, "territoryid", |own| own.has_default = true);
    })
    .unwrap();
    fitted("columns=['name']", |_, target| {
        change(target, "photo", |own| {
            own.kind = ColumnType::Unsupported("EntityName".to_owned());
            own.required = Requirement::Server;
        });
        change(target, "accountid", |own| {
            own.required = Requirement::Server;
        });
        change(target, "createdon", |own| {
            own.required = Requirement::Server;
        });
    })
    .unwrap();
}

#[test]
fn what_is_computed_in_the_source_is_a_warning() {
    let table = fitted("columns=['name',\n'tier']", |source, _| {
        change(source, "tier", |tier| tier.origin = Origin::Rollup);
    })
    .unwrap();
    assert_eq!(
        table.warnings,
        [
            "/c.toml:13: table account, column tier: it is rollup in the source: it changes there without a trace in \
          the row's version"
        ]
    );
}

#[test]
fn rows_are_read_in_the_targets_terms_and_what_only_the_scope_needs_goes_no_further() {
    let more =
        "columns=['code']\nwhere='revenue gt 10'\nmap=[{from='tier',to='statuscode',values={1=5}}]";
    let table = fitted(more, |source, target| {
        source.columns.remove(&name("statuscode"));
        change(target, "statuscode", |own| own.kind = ColumnType::Choice);
    })
    .unwrap();
    let names =
        |columns: &[ColumnName]| columns.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        names(&table.source_columns),
        ["code", "tier", "name", "revenue"]
    );
    assert_eq!(names(&table.target_columns), ["code", "statuscode", "name"]);
    let read = |tier: i64, revenue: i64| {
        table.translation.read(Row {
            id: RowId::parse("aaaaaaaa-0000-4000-8000-000000000001").unwrap(),
            etag: None,
            modified_on: None,
            modified_by: None,
            created_by: None,
            created_on: None,
            values: vec![
                Value::Null,
                Value::Integer(tier),
                Value::Text("Contoso".to_owned()),
                Value::Decimal(revenue.into()),
            ],
        })
    };
    let Translated::Row(row) = read(1, 11) else {
        panic!("it is in scope");
    };
    assert_eq!(row.values.len(), 3);
    assert_eq!(row.values[1], Value::Integer(5));
    assert!(matches!(read(1, 10), Translated::OutOfScope(_)));
    assert!(matches!(read(2, 11), Translated::Untranslatable(..)));
    let name = table.named(row.id, Side::Row(row.clone()).row(), None).name;
    assert_eq!(name, "Contoso");
}
