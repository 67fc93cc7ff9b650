//! Links: their sync, their tables, and what is no link.

use super::{assert_told, read, with};
use crate::config::SyncConfig;
use crate::domain::literal::Literal;
use crate::domain::run::Backend;
use crate::domain::table::ColumnName;

#[test]
fn every_backend_of_a_sync_has_its_settings() {
    let tables = "[[links.tables]]\nname='account'\nstub=['name']\n";
    let secret = "{kind='client-secret', tenant='t', client_id='c', secret={env='S'}}";
    let group = "subscription='s', resource_group='g'";
    for (settings, backend) in [
        ("backend='built-in'".to_owned(), Backend::BuiltIn),
        (
            format!("backend='logic-app', {group}, workflow='w', credential={secret}"),
            Backend::LogicApp,
        ),
        (
            format!(
                "backend='data-factory', {group}, factory='f', pipeline='p', credential={secret}"
            ),
            Backend::DataFactory,
        ),
        (
            format!(
                "backend='synapse', workspace='https://w.dev.azuresynapse.net', pipeline='p', credential={secret}"
            ),
            Backend::Synapse,
        ),
        (
            "backend='function', app='https://a.azurewebsites.net', function='f', credential={kind='key', \
             key={env='K'}}"
                .to_owned(),
            Backend::Function,
        ),
        (
            "backend='power-automate', flow='7f6cbb56-0000-4000-8000-000000000000'".to_owned(),
            Backend::PowerAutomate,
        ),
    ] {
        let link = format!("[[links]]\nsource='us'\ntarget='europe'\nsync={{{settings}}}\n");
        let config = read(&with(&format!("{link}{tables}")));
        let sync = config.map(|config| config.links[0].sync.clone());
        let sync = sync.unwrap_or_else(|error| panic!("{settings}: {error}"));
        assert_eq!(sync.backend(), backend);
        if let SyncConfig::LogicApp {
            management,
            audience,
            path,
            trigger,
            ..
        } = sync
        {
            assert_eq!(management.to_string(), "https://management.azure.com");
            assert_eq!(audience, "https://management.azure.com");
            let wanted = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/w";
            assert_eq!((path.as_str(), trigger.as_str()), (wanted, "Recurrence"));
        }
    }
}

#[test]
fn a_table_may_say_which_rows_which_constants_and_what_is_called_differently() {
    let text = with(
        "[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\nname='account'\ncolumns=[\n'name',\n'revenue']\n\
         where = \"statecode eq 0 and startswith(name, 'C')\"\n\
         set = { 'ownerid@odata.bind' = '/teams(aaaaaaaa-0000-4000-8000-000000000001)', new_rank = 1.5 }\n\
         map = [{ from = 'us_tier', to = 'eu_tier', values = { 1 = 100, 2 = 200 } }]",
    );
    let config = read(&text).unwrap();
    let table = &config.links[0].tables[0];
    let columns: Vec<&str> = table.columns.iter().map(ColumnName::as_str).collect();
    assert_eq!(
        columns,
        ["name", "revenue", "eu_tier"],
        "by the target's names"
    );
    assert_eq!(table.scope.as_ref().unwrap().columns().len(), 2);
    let set: Vec<&str> = table.set.iter().map(|one| one.property.as_str()).collect();
    assert_eq!(set, ["new_rank", "ownerid@odata.bind"]);
    assert_eq!(
        table.map[0].values[1],
        ("2".to_owned(), Literal::Number(200.into()))
    );
    for (part, line) in [
        (None, 12),
        (Some("name"), 14),
        (Some("revenue"), 15),
        (Some("where"), 16),
        (Some("new_rank"), 17),
        (Some("us_tier"), 18),
        (Some("never_named"), 12),
    ] {
        let place = format!("/etc/tandem.toml:{line}: ");
        assert_eq!(table.lines.before(part), place, "{part:?}");
    }
}

#[test]
fn a_fault_of_a_sync_is_told_with_its_line_and_what_to_do() {
    let link = "[[links]]\nsource='us'\ntarget='europe'\n";
    assert_told(&[
        (
            &with(&format!("{link}sync={{backend='cron'}}")),
            11,
            "there are built-in, logic-app, power-automate, function, data-factory, synapse",
        ),
        (
            &with(&format!("{link}sync={{backend='logic-app', id='x'}}")),
            11,
            "there is no `id` here",
        ),
        (
            &with(&format!("{link}sync={{backend='built-in', workflow='x'}}")),
            11,
            "`workflow` is no setting of built-in, which has none",
        ),
        (
            &with(&format!("{link}sync={{backend='logic-app', factory='x'}}")),
            11,
            "`factory` is no setting of logic-app: its own are management",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='logic-app', subscription='s', workflow='w'}}"
            )),
            11,
            "logic-app needs `resource_group`",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='logic-app', subscription='s/../t', resource_group='g', workflow='w'}}"
            )),
            11,
            "subscription has 1 to 128 letters",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='logic-app', subscription='s', resource_group='g', workflow='w'}}"
            )),
            11,
            "logic-app needs `credential`",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='logic-app', subscription='s', resource_group='g', workflow='w', \
                 credential={{kind='token', token={{env='T'}}}}}}"
            )),
            11,
            "a fixed token is only for an instance on this machine",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='function', app='http://f.example', function='f', \
                 credential={{kind='key', key={{env='K'}}}}}}"
            )),
            11,
            "app: `f.example` is not https",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='function', app='https://f.example', function='f', \
                 credential={{kind='token', token={{env='K'}}}}}}"
            )),
            11,
            "the credential of function is { kind = \"key\"",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='power-automate', flow='x'}}"
            )),
            11,
            "is not a GUID",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='power-automate', flow='7f6cbb56-0000-4000-8000-000000000000', instance='asia'}}"
            )),
            11,
            "no instance is called `asia`",
        ),
        (
            &with(&format!(
                "{link}sync={{backend='power-automate', flow='7f6cbb56-0000-4000-8000-000000000000', \
                 callback='https://x.logic.azure.com/workflows/w/triggers/manual/paths/invoke?sig=s', \
                 credential={{kind='key', key={{env='K'}}}}}}"
            )),
            11,
            "its `sig` is a secret",
        ),
    ]);
}

#[test]
fn a_fault_of_a_link_is_told_with_its_line_and_what_to_do() {
    let link = "[[links]]\nsource='us'\ntarget='europe'\n";
    let account = "[[links.tables]]\nname='account'\ncolumns=['name']\n";
    assert_told(&[
        (
            &with("[[links]]\nsource='us'\ntarget='asia'"),
            10,
            "no instance is called `asia`: there are us, europe",
        ),
        (
            &with("[[links]]\nsource='us'\ntarget='us'"),
            10,
            "the same instance",
        ),
        (&with(link), 9, "has no [[links.tables]]"),
        (
            &with(&format!("{link}cadence='0s'")),
            11,
            "more than nothing",
        ),
        (
            &with(&format!("{link}cadence='daily'")),
            11,
            "a duration with its unit",
        ),
        (
            &with(&format!("{link}{account}{link}{account}")),
            14,
            "two links are called `us-europe`",
        ),
        (
            &with(&format!("{link}{account}{account}")),
            15,
            "stands twice",
        ),
        (
            &with(&format!(
                "{link}{account}[[links]]\nsource='europe'\ntarget='us'\n{account}"
            )),
            14,
            "both ways",
        ),
        (
            &with(&format!(
                "{link}[[links.tables]]\nname='a b'\ncolumns=['x']"
            )),
            12,
            "is not a name",
        ),
        (
            &with(&format!(
                "{link}[[links.tables]]\nname='account'\ncolumns=['x','x']"
            )),
            13,
            "stands here twice",
        ),
        (
            &with(&format!("{link}[[links.tables]]\nname='account'")),
            11,
            "no columns to copy",
        ),
        (
            &with(&format!("{link}{account}identity='key'")),
            14,
            "name its columns in `keys`",
        ),
        (
            &with(&format!("{link}{account}identity='name'")),
            14,
            "identity is",
        ),
        (
            &with(&format!("{link}sync_users=['kim']\n{account}")),
            11,
            "is not a GUID",
        ),
    ]);
}

#[test]
fn a_fault_of_a_tables_parts_is_told_with_its_line_and_what_to_do() {
    let link = "[[links]]\nsource='us'\ntarget='europe'\n";
    let account = "[[links.tables]]\nname='account'\ncolumns=['name']\n";
    assert_told(&[
        (
            &with(&format!("{link}{account}where='statecode is 0'")),
            14,
            "where, at character 11: a comparison is one of",
        ),
        (
            &with(&format!("{link}{account}where=5")),
            14,
            "invalid type",
        ),
        (
            &with(&format!("{link}{account}set={{'a b'=['x']}}")),
            14,
            "`a b` of set: a text, a number, true, false or a date",
        ),
        (
            &with(&format!("{link}{account}set={{name='x'}}")),
            14,
            "column `name` is copied",
        ),
        (
            &with(&format!("{link}{account}map=[{{from='a'}}]")),
            14,
            "missing field `to`",
        ),
        (
            &with(&format!("{link}{account}map=[{{from='a b',to='b'}}]")),
            14,
            "is not a name",
        ),
        (
            &with(&format!(
                "{link}{account}map=[{{from='a',to='b'}},\n{{from='c',to='b'}}]"
            )),
            15,
            "column `b` is mapped twice",
        ),
        (
            &with(&format!(
                "{link}{account}keys=['code']\nmap=[{{from='a',to='code',values={{x='y'}}}}]"
            )),
            15,
            "`values` can't differ",
        ),
    ]);
}
