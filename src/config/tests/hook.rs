//! `[hook]`, and when what it presents ends.

use std::path::Path;

use super::{LINK, assert_told, read, with};
use crate::config::Authentication;

pub(super) fn with_hook(more: &str, tables: &str) -> String {
    with(&format!(
        "{LINK}[hook]\nkey={{env='TANDEM_HOOK_KEY'}}\ntables=[{tables}]\n{more}"
    ))
}

pub(super) const TICKETS: &str =
    "{name='incident',references=[{column='customerid',stub={name='title'}}]}";

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
