//! What a configuration may say, and how what it may not say is refused.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod access;
mod hook;
mod link;
mod policy;
mod whole;

use std::path::{Path, PathBuf};

use super::{Config, ConfigError, parse};

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

const LINK: &str =
    "[[links]]\nsource='us'\ntarget='europe'\n[[links.tables]]\nname='account'\nstub=['name']\n";

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
        (&with("[state]\nkeep='1h'"), 9, "a day at the least"),
        (&with("[state]\nkeep='always'"), 9, "or \"forever\""),
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
