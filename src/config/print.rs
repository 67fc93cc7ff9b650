//! A configuration as it was understood: what was left out filled in, paths as they are read. It is a configuration
//! again, and means the same. Of secrets it says where they come from, as the file does.

use std::path::Path;
use std::time::Duration;

use toml::{Table, Value};

use super::duration::text;
use super::state::FOREVER;
use super::{Config, LinkConfig, Policy};
use crate::domain::breaker::BreakerPolicy;
use crate::domain::credential::Credential;
use crate::domain::row::Placeholder;

/// What the text of a configuration came to; `config` is what was read of it.
pub fn resolved(written: &str, file: &Path, config: &Config) -> Result<Table, toml::de::Error> {
    let mut table: Table = toml::from_str(written)?;
    let folder = file.parent().unwrap_or(Path::new(""));
    table.iter_mut().for_each(|(_, value)| place(value, folder));
    within(&mut table, "instances", |table| {
        for instance in &config.instances {
            within(table, instance.name.as_str(), |own| {
                set(own, "band", instance.band.clone());
                name_authority(own, "credential", Some(&instance.credential));
                name_authority(own, "agent", instance.agent.as_ref());
                if let Some(own_policy) = &instance.policy {
                    let mut own_policy = policy(own_policy);
                    // These are said for all instances.
                    own_policy.remove("compare");
                    own_policy.remove("full_compare");
                    set(own, "policy", own_policy);
                }
            });
        }
    });
    if let Some(Value::Array(links)) = table.get_mut("links") {
        for (written, link) in links.iter_mut().zip(&config.links) {
            if let Value::Table(written) = written {
                fill_link(written, link);
            }
        }
    }
    if let Some(hook) = &config.hook {
        within(&mut table, "hook", |own| {
            set(own, "listen", hook.listen.to_string());
            name_authority(own, "credential", hook.credential.as_ref());
            name_authority(own, "customizer", hook.customizer.as_ref());
        });
    }
    table.insert("policy".to_owned(), policy(&config.policy).into());
    let start = if config.safety.starts_armed {
        "armed"
    } else {
        "read-only"
    };
    within(&mut table, "safety", |own| {
        set(own, "start", start);
        set(own, "confirm_above", whole(config.safety.confirm_above));
    });
    within(&mut table, "agent", |own| {
        set(own, "listen", config.agent.listen.to_string());
    });
    within(&mut table, "state", |own| {
        set(own, "keep", config.keep.map_or(FOREVER.to_owned(), text));
    });
    Ok(table)
}

/// Files are read from where the configuration stands: here they are named so that anybody finds them.
fn place(value: &mut Value, folder: &Path) {
    const FILES: [&str; 5] = ["file", "ca", "certificate", "key", "token_file"];
    // What stands below is about columns and keys of the console, whatever they are called.
    const OTHERS: [&str; 2] = ["tables", "keys"];
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| place(value, folder)),
        Value::Table(table) => {
            for (name, value) in table.iter_mut() {
                match value {
                    _ if OTHERS.contains(&name.as_str()) => {}
                    Value::String(path) if FILES.contains(&name.as_str()) => {
                        *path = folder.join(&*path).to_string_lossy().into_owned();
                    }
                    Value::Array(files) if name == "ca" => {
                        for file in files {
                            if let Value::String(path) = file {
                                *path = folder.join(&*path).to_string_lossy().into_owned();
                            }
                        }
                    }
                    value => place(value, folder),
                }
            }
        }
        _ => {}
    }
}

/// Changes the table of this name, which is made where it is not there.
fn within(table: &mut Table, name: &str, change: impl FnOnce(&mut Table)) {
    let value = table.entry(name).or_insert_with(|| Table::new().into());
    if let Value::Table(own) = value {
        change(own);
    }
}

fn set(table: &mut Table, name: &str, value: impl Into<Value>) {
    table.insert(name.to_owned(), value.into());
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn name_authority(owner: &mut Table, name: &str, credential: Option<&Credential>) {
    let authority = credential.and_then(Credential::authority);
    if let (Some(Value::Table(own)), Some(authority)) = (owner.get_mut(name), authority) {
        set(own, "authority", authority.as_str().trim_end_matches('/'));
    }
}

fn fill_link(written: &mut Table, link: &LinkConfig) {
    set(written, "name", link.name.clone());
    for (name, time) in [
        ("cadence", link.schedule.cadence),
        ("grace", link.schedule.grace),
        ("settle", link.schedule.settle),
    ] {
        set(written, name, text(time));
    }
    set(written, "placeholder", pattern(&link.placeholder));
    let users = link.sync_users.iter().map(|user| user.to_string().into());
    set(written, "sync_users", Value::Array(users.collect()));
    let backend = link.sync.backend().word();
    within(written, "sync", |own| set(own, "backend", backend));
    let Some(Value::Array(tables)) = written.get_mut("tables") else {
        return;
    };
    for (written, table) in tables.iter_mut().zip(&link.tables) {
        let Value::Table(written) = written else {
            continue;
        };
        let identity = if table.by_key { "key" } else { "guid" };
        set(written, "identity", identity);
        let names = table.columns.iter();
        let names = names.map(|name| Value::from(name.as_str()));
        set(written, "columns", Value::Array(names.collect()));
    }
}

fn pattern(placeholder: &Placeholder) -> String {
    placeholder.fill("{key}").unwrap_or_default()
}

fn policy(policy: &Policy) -> Table {
    let mut table = Table::new();
    for (name, time) in policy.times() {
        set(&mut table, name, text(time));
    }
    for (name, numbers) in [
        ("read_breaker", policy.read_breaker),
        ("write_breaker", policy.write_breaker),
        ("auth_breaker", policy.auth_breaker),
    ] {
        set(&mut table, name, breaker(&numbers));
    }
    within(&mut table, "retry", |own| {
        set(own, "attempts", i64::from(policy.retry.attempts));
        let throttled = i64::from(policy.retry.throttled_attempts);
        set(own, "throttled_attempts", throttled);
        set(own, "base", text(policy.retry.base));
        set(own, "cap", text(policy.retry.cap));
    });
    table
}

fn breaker(numbers: &BreakerPolicy) -> Table {
    let time = |time: Duration| Value::from(text(time));
    let count = |count: u32| Value::from(i64::from(count));
    let pairs = [
        ("window", time(numbers.window)),
        ("min_calls", count(numbers.min_calls)),
        ("failure_ratio", numbers.failure_ratio.into()),
        ("failure_run", count(numbers.failure_run)),
        ("slow_call", time(numbers.slow_call)),
        ("slow_ratio", numbers.slow_ratio.into()),
        ("wait_base", time(numbers.wait_base)),
        ("wait_cap", time(numbers.wait_cap)),
        ("jitter", numbers.jitter.into()),
        ("decay", time(numbers.decay)),
        ("successes_to_close", count(numbers.successes_to_close)),
        ("probe_lease", time(numbers.probe_lease)),
    ];
    let pairs = pairs.into_iter();
    pairs
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
