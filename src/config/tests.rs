//! What a configuration may say, and how what it may not say is refused.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::domain::credential::SecretSource;

fn read(text: &str) -> Result<Config, ConfigError> {
    parse(text, Path::new("/etc/tandem.toml"), PathBuf::from("/state"))
}

const INSTANCES: &str = r#"
[instances.us]
url = "http://127.0.0.1:7001"
credential = { kind = "token", token = { env = "TANDEM_TOKEN" } }
[instances.europe]
url = "http://127.0.0.1:7002"
credential = { kind = "token", token = { env = "TANDEM_TOKEN" } }
"#;

fn with(more: &str) -> String {
    format!("{INSTANCES}{more}")
}

#[test]
fn keys_are_kept_with_their_lines_in_the_files_order() {
    let keys = read(&with(
        "[keys]\npoll = \"F5\"\nfilter = []\nend = [\"x\", \"F8\"]\n",
    ))
    .unwrap()
    .keys;
    let bindings: Vec<(&str, usize, usize)> = keys
        .bindings
        .iter()
        .map(|one| (one.action.as_str(), one.keys.len(), one.line))
        .collect();
    assert_eq!(
        bindings,
        [("poll", 1, 9), ("filter", 0, 10), ("end", 2, 11)]
    );
    let error = read(&with("[keys]\npoll = 5\n")).unwrap_err();
    assert_eq!(error.line, Some(9));
    assert!(error.what.contains("[] takes them away"), "{error}");
}

#[test]
fn the_sample_holds_the_defaults() {
    let config = parse(SAMPLE, Path::new("/etc/tandem/config.toml"), PathBuf::new()).unwrap();
    assert_eq!(config.policy, Policy::default());
    assert_eq!(config.safety, Safety::default());
    let names: Vec<&str> = config.instances.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(names, ["us", "europe"], "in the file's order");
    assert_eq!(config.instances[0].band, "US PROD");
    let hook = config.hook.as_ref().unwrap();
    let bare = read(&with_hook("", TICKETS)).unwrap().hook.unwrap();
    assert_eq!(hook.listen, bare.listen);
    assert_eq!(hook.authentication, bare.authentication);
    let link = &config.links[0];
    assert_eq!(
        (link.name.as_str(), link.source, link.target),
        ("us-europe", 0, 1)
    );
    assert_eq!(link.schedule.cadence, Duration::from_secs(86_400));
    assert_eq!(link.tables[0].columns.len(), 8);
    let Credential::ClientSecret {
        authority, secret, ..
    } = &config.instances[1].credential
    else {
        panic!("{:?}", config.instances[1].credential);
    };
    assert_eq!(authority.as_str(), "https://login.microsoftonline.com/");
    assert!(
        matches!(secret, SecretSource::File(path) if path == Path::new("/etc/tandem/europe.secret"))
    );
}

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
fn what_is_left_out_has_a_default() {
    let config = read(&with("[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\nname='account'\nkeys=['accountnumber']\nstub=['name']")).unwrap();
    let sample = parse(SAMPLE, Path::new("sample"), PathBuf::new()).unwrap();
    assert_eq!(config.links[0].schedule, sample.links[0].schedule);
    assert_eq!(config.links[0].placeholder, sample.links[0].placeholder);
    assert_eq!(config.links[0].name, "us-europe");
    assert_eq!(config.instances[0].band, "US");
    assert_eq!(*config.state, *Path::new("/state"));
    let columns: Vec<&str> = config.links[0].tables[0]
        .columns
        .iter()
        .map(ColumnName::as_str)
        .collect();
    assert_eq!(columns, ["accountnumber", "name"]);
}

#[test]
fn policies_may_be_in_milliseconds_and_by_class() {
    let config = read(&with(
        "[policy]\nprobe='20ms'\ndeadline='900ms'\n[policy.breaker]\nwindow='600ms'\nfailure_run=2\n[policy.write_breaker]\nfailure_run=3\n[policy.retry]\nbase='1ms'",
    ))
    .unwrap();
    let policy = config.policy;
    assert_eq!(policy.probe, Duration::from_millis(20));
    assert_eq!(policy.read_timeout, Policy::default().read_timeout);
    assert_eq!(policy.read_breaker.failure_run, 2);
    assert_eq!(policy.write_breaker.failure_run, 3);
    assert_eq!(policy.auth_breaker.window, Duration::from_millis(600));
    assert_eq!(
        policy.write_breaker.slow_call,
        Policy::default().write_breaker.slow_call
    );
    assert_eq!(policy.retry.base, Duration::from_millis(1));
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

/// A text, the line of its fault (0 when it has none), and what is said of it.
type Fault<'a> = (&'a str, usize, &'a str);

fn assert_told(faults: &[Fault<'_>]) {
    for (text, line, said) in faults {
        let error = read(text).unwrap_err();
        let shown = error.to_string();
        assert!(
            shown.contains(said),
            "`{shown}` should say `{said}` of:\n{text}"
        );
        let place = if *line == 0 {
            String::new()
        } else {
            format!(":{line}")
        };
        let place = format!("/etc/tandem.toml{place}: ");
        assert!(
            shown.starts_with(&place),
            "`{shown}` should begin with `{place}` for:\n{text}"
        );
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

#[test]
fn every_other_fault_is_told_with_its_line_and_what_to_do() {
    assert_told(&[
        ("", 0, "no instance is configured"),
        ("[instances.us]\nurl = 5", 2, "invalid type"),
        ("nonsense = 1", 1, "there is no `nonsense` here"),
        ("[instances.us\n", 1, ""),
        (&with("[hook]\ntables=[]"), 8, "missing field `key`"),
        (
            &with("[state]\ngroup='no-such-group'"),
            9,
            "names no such group",
        ),
        (&with("[state]\ngroup=true"), 9, "the name of a group"),
        (&with("[safety]\nstart='loaded'"), 9, "read-only"),
        (
            &with("[safety]\nconfirm=1"),
            9,
            "there is no `confirm` here",
        ),
        (&with("[policy]\nprobe=5"), 9, "a duration with its unit"),
        (&with("[policy]\nprobe='0s'"), 8, "more than nothing"),
        (
            &with("[policy.breaker]\nfailure_ratio=1.5"),
            8,
            "between 0 and 1",
        ),
        (&with("[policy.retry]\nattempts=0"), 8, "at least 1"),
        (
            &INSTANCES.replacen("http://127.0.0.1:7001", "http://contoso.example", 1),
            3,
            "not https",
        ),
        (
            &INSTANCES.replacen("http://127.0.0.1:7001", "https://contoso.example", 1),
            4,
            "only for an instance on this machine",
        ),
        (
            &INSTANCES.replacen("kind = \"token\"", "kind = \"azure-cli\"", 1),
            4,
            "`token` is no part of a credential of kind `azure-cli`",
        ),
        (
            &INSTANCES.replacen("kind = \"token\"", "kind = \"password\"", 1),
            4,
            "credential kind is",
        ),
        (
            &INSTANCES.replacen(
                "kind = \"token\", token = { env = \"TANDEM_TOKEN\" }",
                "kind = \"client-secret\"",
                1,
            ),
            4,
            "has a tenant",
        ),
        (
            &INSTANCES.replacen("env =", "enw =", 1),
            4,
            "exactly one of",
        ),
        (
            &INSTANCES.replacen("{ env = \"TANDEM_TOKEN\" }", "{ command = [] }", 1),
            4,
            "is empty",
        ),
        (
            &INSTANCES.replacen("[instances.us]", "[instances.'u s']", 1),
            2,
            "1 to 32",
        ),
    ]);
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    for written in [
        "'hunter2-secret'",
        "{ value = 'hunter2-secret' }",
        "[ 'hunter2-secret' ]",
    ] {
        let text = INSTANCES.replacen("{ env = \"TANDEM_TOKEN\" }", written, 1);
        let shown = read(&text).unwrap_err().to_string();
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn security_case_25_a_file_that_others_could_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, INSTANCES).unwrap();
    let chmod = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let outcome = |file: &Path| load(file, PathBuf::new()).map_err(|error| error.to_string());
    for (mode, good) in [(0o600, true), (0o644, true), (0o620, false), (0o602, false)] {
        chmod(&file, mode);
        assert_eq!(outcome(&file).is_ok(), good, "{mode:o}");
    }
    chmod(&file, 0o600);
    let link = folder.path().join("link.toml");
    symlink(&file, &link).unwrap();
    assert!(outcome(&link).is_ok());
    chmod(folder.path(), 0o770);
    assert!(
        outcome(&file)
            .unwrap_err()
            .contains("others could replace it")
    );
    chmod(folder.path(), 0o700);
    assert!(
        outcome(folder.path())
            .unwrap_err()
            .contains("not a plain file")
    );
    assert!(
        outcome(&folder.path().join("absent"))
            .unwrap_err()
            .contains("can't be read")
    );
}

const LINK: &str =
    "[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\nname='account'\nstub=['name']\n";

fn with_hook(more: &str, tables: &str) -> String {
    with(&format!(
        "{LINK}[hook]\nkey={{env='TANDEM_HOOK_KEY'}}\ntables=[{tables}]\n{more}"
    ))
}

const TICKETS: &str = "{name='incident',references=[{column='customerid',stub={name='title'}}]}";

#[test]
fn a_hook_is_read_with_its_defaults() {
    let config = read(&with_hook("", TICKETS)).unwrap();
    let hook = config.hook.unwrap();
    assert_eq!(
        (hook.link, hook.listen.to_string().as_str()),
        (0, "127.0.0.1:8443")
    );
    assert_eq!(hook.authentication, Authentication::WebhookKey);
    assert!(hook.tls.is_none() && hook.url.is_none() && hook.credential.is_none());
    let reference = &hook.tables[0].references[0];
    assert_eq!(reference.column.as_str(), "customerid");
    assert_eq!(
        (reference.stub[0].0.as_str(), reference.stub[0].1.as_str()),
        ("name", "title")
    );
    let more = "authentication='http-header'\nurl='https://hook.contoso.com/eu'\nlisten='0.0.0.0:443'\n\
        tls={certificate='hook.pem',key='/keys/hook.key'}";
    let hook = read(&with_hook(more, TICKETS)).unwrap().hook.unwrap();
    assert_eq!(
        hook.authentication,
        Authentication::HttpHeader("x-tandem-key".to_owned())
    );
    let files = hook.tls.unwrap();
    assert_eq!(files.certificate, Path::new("/etc/hook.pem"));
    assert_eq!(files.key, Path::new("/keys/hook.key"));
}

#[test]
fn a_hook_is_asked_where_it_is_said_else_where_it_is_registered_else_where_it_listens() {
    for (more, asked) in [
        ("", Some("http://127.0.0.1:8443/")),
        ("listen='0.0.0.0:443'", None),
        (
            "url='https://hook.contoso.com/eu'",
            Some("https://hook.contoso.com/eu"),
        ),
        (
            "url='https://hook.contoso.com/'\nprobe='https://inside.contoso.com:8443/'",
            Some("https://inside.contoso.com:8443/"),
        ),
    ] {
        let hook = read(&with_hook(more, TICKETS)).unwrap().hook.unwrap();
        let probed = hook.probed().map(String::from);
        assert_eq!(probed.as_deref(), asked, "{more}");
    }
}

#[test]
fn the_ends_of_credentials_are_read_with_whose_they_are() {
    let customizer = |expires: &str| {
        format!(
            "customizer={{kind='client-secret',tenant='t',client_id='c',secret={{env='S'}},expires='{expires}'}}"
        )
    };
    let config = read(&with_hook(&customizer("2027-01-31"), TICKETS)).unwrap();
    let ends: Vec<String> = config
        .expiries
        .iter()
        .map(|expiry| format!("{} {}", expiry.whose, expiry.day))
        .collect();
    assert_eq!(ends, ["the hook's customizer 2027-01-31"]);
    for wrong in ["31.1.2027", "2027-02-30", ""] {
        let text = with_hook(&customizer(wrong), TICKETS);
        assert_told(&[(&text, 17, "the day on which the secret ends")]);
    }
}

#[test]
fn a_fault_of_the_hook_is_told_with_its_line_and_what_to_do() {
    let told = |more: &str, line, said| assert_told(&[(&with_hook(more, TICKETS), line, said)]);
    told("listen='8443'", 17, "an address with a port");
    told("link='asia'", 17, "there are us-europe");
    told("url='http://hook.contoso.com/'", 17, "in the clear");
    told("url='https://hook.contoso.com:8443/'", 17, "port 443 only");
    told(
        "probe='http://hook.contoso.com/'",
        17,
        "http on this machine",
    );
    told(
        "probe='https://hook.contoso.com/?a=b'",
        17,
        "without user, query",
    );
    told(
        "url='https://hook.contoso.com/?code=1'",
        17,
        "without user, query",
    );
    told(
        "authentication='basic'",
        17,
        "\"webhook-key\" or \"http-header\"",
    );
    told("header='x-key'", 17, "belongs to authentication");
    told(
        "authentication='http-header'\nheader='x key'",
        18,
        "letters, digits and dashes",
    );
    told("key2='x'", 17, "is `key` meant?");
    for (tables, said) in [
        ("", "has no tables"),
        ("{name='incident'}", "has no references"),
        ("{name='a b'}", "is not a name"),
        (&format!("{TICKETS},{TICKETS}"), "stands twice"),
        (
            "{name='incident',references=[{column='x'},{column='x'}]}",
            "stands here twice",
        ),
        (
            "{name='incident',references=[{column='x',stub={telephone1='title'}}]}",
            "in the `stub` of no table",
        ),
    ] {
        assert_told(&[(&with_hook("", tables), 16, said)]);
    }
    let secret = with(&format!("{LINK}[hook]\nkey='s3cret'\ntables=[]"));
    assert_told(&[(&secret, 15, "never stands in the configuration")]);
    let alone = with("[hook]\nkey={env='X'}\ntables=[]");
    assert_told(&[(&alone, 8, "needs a link")]);
}

#[test]
fn what_is_printed_is_a_configuration_and_means_the_same() {
    let network = "[network]\nca = ['corporate.pem']\nproxy = 'http://proxy.contoso.com:3128'\nproxy_user = 'tandem'\n\
                   proxy_password = { file = 'proxy.secret' }\n";
    let file = Path::new("/etc/tandem/config.toml");
    let text = format!("{SAMPLE}\n{network}");
    let config = parse(&text, file, PathBuf::from("/state")).unwrap();
    let table = resolved(&text, file, &config).unwrap();
    let printed = toml::to_string(&table).unwrap();
    // Lines and the order in which sections stand are of the text alone, and it may be read from anywhere.
    let again = parse(
        &printed,
        Path::new("/tmp/other.toml"),
        PathBuf::from("/state"),
    );
    let mut again = again.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    for (own, other) in again.links.iter_mut().zip(&config.links) {
        for (own, other) in own.tables.iter_mut().zip(&other.tables) {
            own.lines = other.lines.clone();
        }
    }
    again.keys.file = config.keys.file.clone();
    assert_eq!(format!("{again:#?}"), format!("{config:#?}"));
    assert!(printed.contains("/etc/tandem/europe.secret"), "{printed}");
    assert!(printed.contains("/etc/tandem/corporate.pem"), "{printed}");
    assert!(printed.contains("[policy.auth_breaker]"), "{printed}");
}

#[test]
fn a_proxy_and_authorities_come_from_the_file_alone() {
    let network = |text: &str| read(&with(&format!("[network]\n{text}\n")));
    let config =
        network("ca = 'a.pem'\nproxy = 'http://proxy:3128'\nno_proxy = ['intranet']").unwrap();
    assert_eq!(config.network.authorities, [Path::new("/etc/a.pem")]);
    let proxy = config.network.proxy.unwrap();
    assert!(proxy.user.is_none() && proxy.spares("hook.intranet"));
    for (text, line, told) in [
        (
            "proxy = 'http://user:s3cret@proxy:3128'",
            9,
            "never in its address",
        ),
        (
            "proxy = 'socks5://proxy:1080'",
            9,
            "an http or https address",
        ),
        ("proxy = 'proxy'", 9, "it is an address"),
        ("no_proxy = []", 9, "there is none"),
        (
            "proxy = 'http://proxy:3128'\nproxy_user = 'x'",
            10,
            "needs a proxy_password",
        ),
        ("prox = 'http://proxy:3128'", 9, "is `proxy` meant?"),
    ] {
        let error = network(text).unwrap_err();
        assert_eq!(error.line, Some(line), "{error}");
        assert!(error.what.contains(told), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}

#[test]
fn every_kind_of_credential_has_its_parts() {
    let of = |written: &str| {
        let text = INSTANCES.replacen(
            "kind = \"token\", token = { env = \"TANDEM_TOKEN\" }",
            written,
            1,
        );
        read(&text).map(|config| config.instances[0].credential.clone())
    };
    for (written, is_it) in [
        (
            "kind = 'device-code', tenant = 't', client_id = 'c'",
            (|one| matches!(one, Credential::DeviceCode { .. })) as fn(&Credential) -> bool,
        ),
        ("kind = 'managed-identity'", |one| {
            matches!(one, Credential::ManagedIdentity { client_id: None })
        }),
        ("kind = 'managed-identity', client_id = 'c'", |one| {
            matches!(one, Credential::ManagedIdentity { client_id: Some(_) })
        }),
        ("kind = 'azure-cli'", |one| {
            matches!(one, Credential::AzureCli { tenant: None })
        }),
        ("kind = 'workload-identity', token_file = 'pod'", |one| {
            let Credential::WorkloadIdentity { token_file, .. } = one else {
                return false;
            };
            token_file.as_deref() == Some(Path::new("/etc/pod"))
        }),
    ] {
        let credential = of(written).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert!(is_it(&credential), "{written}: {credential:?}");
    }
    for (written, told) in [
        (
            "kind = 'device-code', tenant = 't'",
            "has a tenant and a client_id",
        ),
        (
            "kind = 'managed-identity', secret = { env = 'S' }",
            "`secret` is no part of a credential of kind `managed-identity`",
        ),
        (
            "kind = 'workload-identity', authority = 'http://login.example'",
            "authority: ",
        ),
        ("kind = 'azure-cli', tenant = 'a b'", "tenant has 1 to 128"),
    ] {
        let error = of(written).unwrap_err();
        assert_eq!(error.line, Some(4), "{error}");
        assert!(error.what.contains(told), "{error}");
    }
}
