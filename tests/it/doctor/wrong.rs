//! Things that are wrong, one at a time, each on instances of its own: what doctor says of it, with what cure.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;

use serde_json::{Value as Json, json};

use super::{EUROPE, HOOK, JOB, US, control, doctor, ground, ground_of, named, right, workflow};
use crate::support::binary::{Emulator, Ran};

/// One thing that is wrong.
#[derive(Clone, Copy)]
struct Wrong {
    what: &'static str,
    /// What is done to the instances, if anything.
    arrange: Option<fn(&Emulator)>,
    /// How the instances differ from the beginning, as a scenario says it.
    differ: &'static str,
    /// Parts of the configuration, and what stands there instead.
    edits: &'static [(&'static str, &'static str)],
    /// Variables of the environment.
    environment: &'static [(&'static str, &'static str)],
    subject: &'static str,
    check: &'static str,
    verdict: &'static str,
    /// Parts of what is said, and of its cure.
    says: &'static str,
    cure: &'static str,
    exit: i32,
}

/// A thing that is wrong, by what is said of it; the others are like it where nothing else is said.
const fn wrong(
    what: &'static str,
    (subject, check): (&'static str, &'static str),
    says: &'static str,
    cure: &'static str,
) -> Wrong {
    Wrong {
        what,
        arrange: None,
        differ: "",
        edits: &[],
        environment: &[],
        subject,
        check,
        verdict: "bad",
        says,
        cure,
        exit: 3,
    }
}

impl Wrong {
    const fn done(self, arrange: fn(&Emulator)) -> Self {
        Self {
            arrange: Some(arrange),
            ..self
        }
    }

    const fn differing(self, differ: &'static str) -> Self {
        Self { differ, ..self }
    }

    const fn said(self, edits: &'static [(&'static str, &'static str)]) -> Self {
        Self { edits, ..self }
    }

    const fn with(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            environment,
            ..self
        }
    }

    /// An instance was entered all the same.
    const fn inside(self) -> Self {
        Self { exit: 1, ..self }
    }

    /// It works all the same.
    const fn warning(self) -> Self {
        Self {
            verdict: "warning",
            exit: 0,
            ..self
        }
    }
}

fn europe(emulator: &Emulator, endpoint: &str, body: Json) {
    control(emulator, "POST", &emulator.europe, endpoint, Some(body));
}

fn role(emulator: &Emulator, client: &str, role: &str) {
    let url = if client == US {
        &emulator.us
    } else {
        &emulator.europe
    };
    let body = json!({"client": client, "role": role});
    control(emulator, "POST", url, "roles", Some(body));
}

const KEYS: &str = "EntityDefinitions(LogicalName='account')/Keys";

fn drop_key(emulator: &Emulator) {
    let (_, all) = emulator.europe_api("GET", KEYS, None);
    let id = all["value"][0]["MetadataId"].as_str().unwrap().to_owned();
    let gone = emulator.europe_api("DELETE", &format!("{KEYS}({id})"), None);
    assert_eq!(gone.0, 204);
}

/// A step of another plug-in's, within each creation of an account.
fn step(emulator: &Emulator) {
    let first = |path: &str, column: &str| {
        let (_, found) = emulator.europe_api("GET", path, None);
        found["value"][0][column].as_str().unwrap().to_owned()
    };
    let message = first("sdkmessages?$filter=name eq 'Create'", "sdkmessageid");
    let filter = format!(
        "sdkmessagefilters?$filter=primaryobjecttypecode eq 'account' and _sdkmessageid_value eq {message}"
    );
    let plug_in = "plugintypes?$filter=typename eq 'Tandem.PlugIns.slow'";
    let step = json!({
        "name": "credit check", "stage": 20, "mode": 0, "rank": 1, "supporteddeployment": 0, "configuration": "1",
        "sdkmessageid@odata.bind": format!("/sdkmessages({message})"),
        "sdkmessagefilterid@odata.bind": format!("/sdkmessagefilters({})", first(&filter, "sdkmessagefilterid")),
        "eventhandler_plugintype@odata.bind": format!("/plugintypes({})", first(plug_in, "plugintypeid")),
    });
    let (status, answer) = emulator.europe_api("POST", "sdkmessageprocessingsteps", Some(step));
    assert_eq!(status, 204, "{answer}");
}

/// A command of the hook's, with the configuration as it stands.
fn hook(emulator: &Emulator, verb: &str) {
    let mut command = emulator.command(&["hook", verb]);
    let run = command.env("TANDEM_HOOK_KEY", "key of the hook").output();
    Ran::from(run.unwrap()).exits(0);
}

/// Where the hook's part of the configuration is put, and its address there.
const END: &str = "read_timeout = \"6s\"\n";
const HOOKED: &str = "read_timeout = \"6s\"\n%HOOK%";
const EUROPE_AT: &str = "EUROPE_URL\"\ncredential";
const CADENCE: &str = "cadence = \"24h\"";

const WRONGS: &[Wrong] = &[
    // The way to a token.
    wrong("no secret", ("us", "secret"), "NOWHERE is not set", "have it read from $NOWHERE")
        .said(&[("env = \"TANDEM_TOKEN\"", "env = \"NOWHERE\"")]),
    wrong("a secret that others can read", ("us", "secret"), "others can use it (mode 644)", "chmod 600")
        .said(&[("env = \"TANDEM_TOKEN\"", "file = \"open.secret\"")])
        .done(|emulator| {
            let file = emulator.folder.path().join("open.secret");
            fs::write(&file, "x").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        }),
    wrong("no line of standard input", ("us", "secret"), "it has no such line", "line 3 of standard input")
        .said(&[("env = \"TANDEM_TOKEN\"", "stdin = 3")]),
    wrong("a bad secret", ("europe", "token"), "AADSTS7000215", "its *value*, not its id")
        .with(&[("TANDEM_TOKEN", "guessed")]),
    wrong("an expired secret", ("europe", "token"), "AADSTS7000222", "the secret has ended")
        .done(|emulator| europe(emulator, "secret", json!({"client": EUROPE, "expired": true}))),
    wrong("a secret that has ended, as was written", ("us", "secret"), "it ended on 2001-01-01", "make a new secret")
        .said(&[("client_id = \"tandem-us\",", "client_id = \"tandem-us\", expires = \"2001-01-01\",")]),
    wrong("an unknown tenant", ("europe", "token"), "AADSTS90002", "check tenant")
        .done(|emulator| europe(emulator, "tenant", json!({"tenants": ["fabrikam"]}))),
    wrong("an unknown application", ("europe", "token"), "AADSTS700016", "check client_id and tenant")
        .done(|emulator| europe(emulator, "tenant", json!({"applications": ["another"]}))),
    // The user.
    wrong("an unknown user", ("europe", "user"), "0x80072560", "make an application user for the client id unknown")
        .said(&[("tandem-eu", "unknown")]),
    wrong("a user without a role", ("europe", "user"), "0x80042f09", "give the application user a security role")
        .done(|emulator| role(emulator, EUROPE, "none")),
    wrong("an agent's user without a role", ("europe (agent)", "user"), "0x80042f09", "a security role")
        .said(&[(
            EUROPE_AT,
            "EUROPE_URL\"\nagent = { kind = \"client-secret\", authority = \"EUROPE_URL\", tenant = \"contoso\", client_id = \
             \"tandem-agent\", secret = { env = \"TANDEM_TOKEN\" } }\ncredential",
        )])
        .done(|emulator| role(emulator, "tandem-agent", "none")),
    wrong("nobody to act for", ("europe (impersonating)", "user"), "it can't act for", "prvActOnBehalfOfAnotherUser")
        .said(&[(
            EUROPE_AT,
            "EUROPE_URL\"\nimpersonate = { user = \"0f0f0f0f-0000-4000-8000-00000000000f\" }\ncredential",
        )]),
    wrong("administration mode", ("europe", "user"), "0x8004a113", "administration mode")
        .done(|emulator| europe(emulator, "organization", json!({"state": "administration"}))),
    // What it may do.
    wrong(
        "a missing privilege",
        ("europe", "privileges"),
        "account: missing prvCreateAccount, prvWriteAccount",
        "for the whole organization",
    )
    .done(|emulator| role(emulator, EUROPE, "Read Only"))
    .inside(),
    wrong(
        "a privilege for one's own rows only",
        ("us", "privileges"),
        "prvReadAccount (held for the user only; it takes the organization)",
        "assets/privileges.md",
    )
    .done(|emulator| {
        let short = json!({"client": US, "role": "short", "privileges": {
            "prvReadAccount": "user", "prvReadContact": "organization", "prvReadUser": "organization",
            "prvReadRole": "organization"}});
        control(emulator, "POST", &emulator.us, "roles", Some(short));
    })
    .inside(),
    wrong("a system administrator", ("europe", "privileges"), "System Administrator", "a role of its own")
        .done(|emulator| role(emulator, EUROPE, "System Administrator"))
        .warning(),
    wrong(
        "a source that could be written to",
        ("us", "privileges"),
        "account: prvCreateAccount, prvWriteAccount is held, and this instance is only read: its links are refused",
        "or let it be with `may_write = true` in [instances.us]",
    )
    .done(|emulator| role(emulator, US, "Sync User"))
    .inside(),
    // The network.
    wrong("a name that nobody knows", ("europe", "name"), "europe.invalid: the host's name can't be resolved", "getent hosts")
        .said(&[(EUROPE_AT, "https://europe.invalid\"\ncredential")]),
    wrong("a port on which nobody listens", ("europe", "connection"), "127.0.0.1:1: connection refused", "nothing listens there")
        .said(&[(EUROPE_AT, "https://127.0.0.1:1\"\ncredential")]),
    wrong("a proxy that is not there", ("europe", "connection"), "127.0.0.1:1: connection refused", "firewall").said(&[
        ("[network]\n", "[network]\nproxy = \"http://127.0.0.1:1\"\n"),
        (EUROPE_AT, "https://europe.invalid\"\ncredential"),
    ]),
    wrong("a proxy of the environment", ("network", "connection"), "$HTTPS_PROXY names a proxy", "in [network]")
        .with(&[("HTTPS_PROXY", "http://127.0.0.1:1")])
        .warning(),
    wrong("an authority of the environment", ("network", "encryption"), "$SSL_CERT_FILE stands in", "as `ca` in [network]")
        .with(&[("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt")])
        .warning(),
    wrong("an authority that nobody named", ("europe", "encryption"), "UnknownIssuer", "name its file as `ca`")
        .said(&[("[network]\nca = ", "# ")]),
    wrong("an expired certificate", ("europe", "encryption"), "xpired", "renew the certificate")
        .done(|emulator| europe(emulator, "tls", json!({"fault": "expired"}))),
    wrong("another host's certificate", ("europe", "encryption"), "not valid for name", "for another host")
        .done(|emulator| europe(emulator, "tls", json!({"fault": "wrong-host"}))),
    wrong("a certificate that a stranger signed", ("europe", "encryption"), "UnknownIssuer", "nobody whom we believe")
        .done(|emulator| europe(emulator, "tls", json!({"fault": "untrusted"}))),
    wrong("a handshake that is cut", ("europe", "encryption"), "onnection reset", "ended half-way")
        .done(|emulator| europe(emulator, "tls", json!({"fault": "cut"}))),
    wrong("clocks that differ", ("europe", "clock"), "behind its own: tokens are refused", "NTP")
        .done(|emulator| {
            let skew = json!({"date_skew_s": 900, "count": "all", "path": "/api/data/"});
            europe(emulator, "faults", skew);
        })
        .inside(),
    wrong("an instance that can't serve", ("europe", "answer"), "HTTP 503", "the service's health").done(|emulator| {
        let down = json!({"status": 503, "count": "all", "path": "/api/data/"});
        europe(emulator, "faults", down);
    }),
    wrong("something that is no instance", ("europe", "answer"), "HTTP 200 where an instance asks", "check `url`").done(
        |emulator| {
            let portal = json!({"status": 200, "body": "<html>Welcome", "count": "all", "path": "/api/data/"});
            europe(emulator, "faults", portal);
        },
    ),
    wrong("one organization under two names", ("europe", "organization"), "one and the same organization", "with itself")
        .said(&[("EUROPE_URL", "US_URL"), ("tandem-eu", "tandem-us")])
        .inside(),
    // The tables.
    wrong("a table that is not there", ("us contakt", "table"), "there is no such table", "logical name")
        .said(&[("name = \"contact\"", "name = \"contakt\"")])
        .inside(),
    wrong("columns that are not there", ("us-europe account", "columns"), "fax9: the source has no such column", "on that line")
        .said(&[("\"telephone1\"", "\"telephone9\", \"fax9\"")])
        .inside(),
    wrong("a column of another type", ("us-europe account", "columns"), "the two sides hold different types", "on that line")
        .said(&[("stub = [\"name\"]\n", "stub = [\"name\"]\nmap = [{ from = \"numberofemployees\", to = \"telephone1\" }]\n")])
        .inside(),
    wrong("a column that is shorter in the target", ("us-europe account", "columns"), "the target 20: make it longer there", "the table")
        .differing("[[schema.europe]]\ntable = 'account'\ncolumn = 'telephone1'\nmax = 20\n")
        .inside(),
    wrong("an option that the target lacks", ("us-europe account", "columns"), "the target lacks the options 3", "the table")
        .differing("[[schema.europe]]\ntable = 'account'\ncolumn = 'industrycode'\nwithout_options = [3]\n")
        .said(&[("\"telephone1\"", "\"telephone1\", \"industrycode\"")])
        .inside(),
    wrong("a column without which no stub is taken", ("us-europe contact", "columns"), "takes no row without it", "on that line")
        .differing("[[schema.europe]]\ntable = 'contact'\ncolumn = 'firstname'\nrequired = true\n")
        .inside(),
    wrong("versions that guard nothing", ("europe contact", "versions"), "IsOptimisticConcurrencyEnabled", "can't be repaired")
        .differing("[[schema.europe]]\ntable = 'contact'\noptimistic_concurrency = false\n")
        .inside(),
    wrong("change tracking off", ("europe team", "tracking"), "change tracking is off", "Track changes")
        .said(&[
            ("name = \"contact\"", "name = \"team\""),
            ("\"lastname\"]", "\"name\"]"),
            ("\"firstname\", \"lastname\", \"emailaddress1\", \"parentcustomerid\"", "\"description\""),
        ])
        .inside(),
    wrong("a secured column", ("europe contact", "secured"), "governmentid secured", "column security profile")
        .said(&[("\"firstname\",", "\"firstname\", \"governmentid\",")])
        .inside(),
    wrong("a key that is gone", ("europe account", "keys"), "no alternate key has the column", "make the key")
        .done(drop_key)
        .inside(),
    wrong("a key whose index is being built", ("europe account", "keys"), "its index is not built", "reactivate the key")
        .done(|emulator| {
            drop_key(emulator);
            let key = json!({"SchemaName": "account_number_key", "KeyAttributes": ["accountnumber"]});
            let (status, answer) = emulator.europe_api("POST", KEYS, Some(key));
            assert_eq!(status, 204, "{answer}");
        })
        .inside(),
    wrong("a placeholder that does not fit", ("europe account", "columns"), "characters, and the placeholder", "shorten `placeholder`")
        .said(&[(
            CADENCE,
            "placeholder = \"Awaiting the sync that carries reference data over once a day, which will fill in all that is \
             left blank in the meantime; please do not edit this row by hand {key}\"",
        )])
        .inside(),
    wrong("changes told for less long than an outage may last", ("europe", "expiry"), "told for 7 days", "expirechangetrackingindays")
        .said(&[(CADENCE, "cadence = \"10d\"")])
        .warning(),
    wrong("rows that are moved away", ("europe account", "retention"), "after a year", "leave such rows out by `where`")
        .done(|emulator| {
            let policy = json!({"name": "after a year", "entitylogicalname": "account"});
            assert_eq!(emulator.europe_api("POST", "retentionconfigs", Some(policy)).0, 204);
        })
        .warning(),
    wrong("a plug-in within our writes", ("europe account", "steps"), "`credit check` (stage 20)", "a stub that they refuse is parked")
        .done(step)
        .warning(),
    // The hook.
    wrong("a hook without its key", ("hook", "secret"), "its key: the environment variable NOWHERE", "read from $NOWHERE")
        .said(&[(END, HOOKED), ("TANDEM_HOOK_KEY", "NOWHERE")]),
    wrong("a hook that does not run", ("hook", "hook"), "127.0.0.1:1/readyz: connection refused", "start it (`tandem hook serve`")
        .said(&[(END, HOOKED)]),
    wrong("a hook that is not reached", ("hook", "connection"), "127.0.0.1:1: connection refused", "open the port")
        .said(&[(END, HOOKED)]),
    wrong("a hook whose name nobody knows", ("hook", "name"), "hook.invalid", "public authorities only")
        .said(&[(END, HOOKED), ("http://127.0.0.1:1/", "https://hook.invalid/")]),
    wrong("a hook whose certificate has expired", ("hook", "encryption"), "xpired", "renew the certificate")
        .said(&[(END, HOOKED), ("http://127.0.0.1:1/", "EUROPE_URL/")])
        .done(|emulator| europe(emulator, "tls", json!({"fault": "expired"}))),
    wrong("a hook without an address", ("hook", "registration"), "Dataverse does not know where to call", "as `url` in [hook]")
        .said(&[(END, HOOKED), ("url = \"http://127.0.0.1:1/\"\n", "")])
        .inside(),
    wrong("a hook that is not registered", ("hook", "registration"), "no endpoint is registered", "`tandem hook register`")
        .said(&[(END, HOOKED)]),
    wrong("a hook that was taken out", ("hook", "registration"), "is disabled", "`tandem hook enable`")
        .said(&[(END, HOOKED)])
        .done(|emulator| ["register", "disable"].iter().for_each(|verb| hook(emulator, verb))),
    // The job.
    wrong("a job that is not there", ("us-europe", "backend"), "logic-app: ", "check the job's settings")
        .said(&[(CADENCE, JOB), ("workflow = \"sync-accounts-contacts\"", "workflow = \"nothing\"")])
        .inside(),
    wrong("a job whose credential is refused", ("us-europe", "backend"), "logic-app: ", "its credential may read")
        .said(&[(CADENCE, JOB), ("kind = \"token\", token = { env = \"TANDEM_TOKEN\" }", "kind = \"token\", token = { env = \"GUESS\" }")])
        .with(&[("GUESS", "guessed")])
        .inside(),
    wrong("a job that has not run yet", ("us-europe", "backend"), "reached, and it has not run yet", "start it once")
        .said(&[(CADENCE, JOB)])
        .done(|emulator| workflow(emulator, "enable"))
        .warning(),
];

/// What doctor makes of it that is not as it should be; nothing, if all is.
fn amiss(wrong: &Wrong, emulator: &Emulator) -> Option<String> {
    let mut config = right(emulator);
    for (from, to) in wrong.edits {
        let to = to.replace(
            "%HOOK%",
            &HOOK.replace("\"URL\"", "\"http://127.0.0.1:1/\""),
        );
        let (from, to) = (named(emulator, from), named(emulator, &to));
        assert!(config.contains(&from), "{}: {from}", wrong.what);
        config = config.replace(&from, &to);
    }
    fs::write(emulator.config(), config).unwrap();
    if let Some(arrange) = wrong.arrange {
        arrange(emulator);
    }
    let told = doctor(emulator, &["--json"], |command| {
        command.envs(wrong.environment.iter().copied());
    });
    let json: Json = serde_json::from_str(&told.stdout).unwrap_or_default();
    if !json["findings"].is_array() {
        return Some(format!("{}: {told:?}", wrong.what));
    }
    let holds = |value: &Json, part: &str| value.as_str().is_some_and(|text| text.contains(part));
    let mut all = json["findings"].as_array().unwrap().iter();
    let is_told = all.any(|one| {
        one["subject"] == wrong.subject
            && one["check"] == wrong.check
            && one["verdict"] == wrong.verdict
            && holds(&one["says"], wrong.says)
            && holds(&one["cure"], wrong.cure)
    });
    let shows = told.stdout.contains(&emulator.token);
    (!is_told || told.code != wrong.exit || shows).then(|| {
        let all = json["findings"].as_array().unwrap().iter();
        let odd: Vec<&Json> = all.filter(|one| one["verdict"] != "good").collect();
        format!("{}: exit {}: {odd:#?}", wrong.what, told.code)
    })
}

#[test]
fn each_of_fifty_things_that_are_wrong_is_told_with_its_cure() {
    assert!(WRONGS.len() >= 50, "{}", WRONGS.len());
    let (still, changed): (Vec<&Wrong>, Vec<&Wrong>) = WRONGS
        .iter()
        .partition(|wrong| wrong.arrange.is_none() && wrong.differ.is_empty());
    let all_amiss = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        // Doctor writes nothing: what is only said differently does not need instances of its own.
        scope.spawn(|| {
            let emulator = ground();
            let found = still.iter().filter_map(|wrong| amiss(wrong, &emulator));
            all_amiss.lock().unwrap().extend(found.collect::<Vec<_>>());
        });
        scope.spawn(|| {
            let found = changed
                .iter()
                .filter_map(|wrong| amiss(wrong, &ground_of(wrong.differ)));
            all_amiss.lock().unwrap().extend(found.collect::<Vec<_>>());
        });
    });
    let all_amiss = all_amiss.into_inner().unwrap();
    assert!(all_amiss.is_empty(), "{}", all_amiss.join("\n"));
}
