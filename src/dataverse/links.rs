//! The one guard for every link that a server hands out: it may only lead back to the same origin and the same
//! entity set, by whole segments, and it is used exactly as it was given (security cases 1 to 10; contract 3.3).

use std::collections::HashSet;

use url::Url;

use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::instance::Endpoint;
use crate::domain::table::EntitySet;
use crate::domain::text::visible;

/// More pages than this are no table but a loop (security case 9).
const MOST_PAGES: usize = 10_000;

/// A link to the next page that passed the guard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextLink(Url);

impl NextLink {
    /// Checks a link before it is ever followed.
    pub(super) fn check(text: &str, endpoint: &Endpoint, set: &EntitySet) -> Result<Self, Failure> {
        guard(text, endpoint, set).map(Self).map_err(|why| {
            let message = format!("a link of the server was refused: {why}");
            Failure {
                origin: Origin::Remote,
                ..Failure::local(FailureClass::Unreadable, message)
            }
        })
    }

    /// The URL, as the server gave it.
    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

fn guard(text: &str, endpoint: &Endpoint, set: &EntitySet) -> Result<Url, String> {
    if text
        .chars()
        .any(|c| c.is_control() || c == ' ' || c == '\\')
    {
        return Err("it holds characters that no link has".to_owned());
    }
    // The parser mends what is wrong with a link, and a mended link is another link.
    if !(text.starts_with("https://") || text.starts_with("http://")) {
        return Err("it is not an absolute http link".to_owned());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    let host = || visible(url.host_str().unwrap_or_default()).into_owned();
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("it names a user at {}", host()));
    }
    if url.origin() != endpoint.url().origin() {
        return Err(format!("it leads to {}", host()));
    }
    // Compared as given and as parsed: dot segments are gone after parsing, whatever they led to.
    let given = text
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('/'))
        .map_or("", |(_, path)| path);
    let given = given.split(['?', '#']).next().unwrap_or_default();
    for path in [given, url.path().trim_start_matches('/')] {
        let segments: Vec<&str> = path.split('/').collect();
        let ["api", "data", version, resource] = segments.as_slice() else {
            return Err("its path is not that of a table".to_owned());
        };
        if !is_version(version) || *resource != set.as_str() {
            return Err(format!("its path is not that of {set}"));
        }
    }
    Ok(url)
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix("v9.")
        .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
}

/// Remembers the pages of one listing, so that a server can't lead us in a circle.
#[derive(Debug, Default)]
pub(super) struct Trail(HashSet<String>);

impl Trail {
    /// Takes one more page in; a page that was read before, or one too many, is refused.
    pub(super) fn step(&mut self, next: &NextLink) -> Result<(), Failure> {
        let refuse = |why: &str| {
            let failure = Failure::local(
                FailureClass::Unreadable,
                format!("the listing is incomplete: {why}"),
            );
            Failure {
                origin: Origin::Remote,
                ..failure
            }
        };
        if self.0.len() >= MOST_PAGES {
            return Err(refuse("more than 10,000 pages"));
        }
        if !self.0.insert(next.0.as_str().to_owned()) {
            return Err(refuse("the server's links lead in a circle"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoint() -> Endpoint {
        Endpoint::new("https://contoso.crm.dynamics.com").unwrap_or_else(|e| panic!("{e}"))
    }

    fn accounts() -> EntitySet {
        EntitySet::new("accounts").unwrap_or_else(|e| panic!("{e}"))
    }

    fn passes(text: &str) -> bool {
        NextLink::check(text, &endpoint(), &accounts()).is_ok()
    }

    const GOOD: &str = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=x";

    #[test]
    fn a_link_to_the_same_table_passes_unchanged() {
        let link = NextLink::check(GOOD, &endpoint(), &accounts());
        assert_eq!(link.map(|link| link.url().to_string()), Ok(GOOD.to_owned()));
        assert!(passes(
            "https://contoso.crm.dynamics.com:443/api/data/v9.2/accounts?$skiptoken=x"
        ));
        assert!(passes(
            "https://CONTOSO.crm.dynamics.com/api/data/v9.2/accounts"
        ));
    }

    #[test]
    fn security_cases_1_to_8_other_places_are_refused() {
        for text in [
            "https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/accounts",
            "https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/accounts",
            "https://user:pw@contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "http://contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "https://contoso.crm.dynamics.com:8443/api/data/v9.2/accounts",
            "https://contoso.crm.dynamics.com./api/data/v9.2/accounts",
            "//evil.example/api/data/v9.2/accounts",
            "\\\\evil.example\\api\\data\\v9.2\\accounts",
            "https:/\\evil.example/api/data/v9.2/accounts",
            " https://contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "https://contoso.crm\t.dynamics.com/api/data/v9.2/accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/../../../other",
            "https://contoso.crm.dynamics.com/api/data/v9.2/%2e%2e/%2e%2e/x",
            "https://contoso.crm.dynamics.com/api/data/v9.2/x/../accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2.evil/accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/contacts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/accounts/x",
            "https://contoso.crm4.dynamics.com/api/data/v9.2/accounts",
            "/api/data/v9.2/accounts",
            "",
        ] {
            assert!(!passes(text), "{text}");
        }
    }

    #[test]
    fn security_case_9_a_circle_of_links_is_left() {
        let link = |token: u32| {
            let text = format!(
                "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken={token}"
            );
            NextLink::check(&text, &endpoint(), &accounts()).unwrap_or_else(|e| panic!("{e}"))
        };
        let mut trail = Trail::default();
        assert!(trail.step(&link(1)).is_ok());
        assert!(trail.step(&link(2)).is_ok());
        assert!(trail.step(&link(1)).is_err());
        let mut long = Trail::default();
        assert!((0..10_000).all(|token| long.step(&link(token)).is_ok()));
        assert!(long.step(&link(10_000)).is_err());
    }

    proptest! {
        #[test]
        fn security_case_10_whatever_passes_stays_at_home(text in ".{0,80}", tail in "[a-z/.?%@:\\\\]{0,40}") {
            for text in [text, format!("https://contoso.crm.dynamics.com{tail}"), format!("{GOOD}{tail}")] {
                if let Ok(link) = NextLink::check(&text, &endpoint(), &accounts()) {
                    prop_assert_eq!(link.url().origin(), endpoint().url().origin());
                    prop_assert_eq!(link.url().path(), "/api/data/v9.2/accounts");
                }
            }
        }
    }
}
