//! The one guard for every link that a server hands out: it may only lead back to the same origin and the same
//! entity set, by whole segments, and it is used exactly as it was given (security cases 1 to 10; contract 3.3).

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};

use url::Url;

use super::admission::lock;
use crate::domain::failure::{Failure, FailureClass, Origin};
use crate::domain::instance::Endpoint;
use crate::domain::table::EntitySet;
use crate::domain::text::visible;

/// More pages than this are no table but a loop (security case 9).
const MOST_PAGES: usize = 10_000;

/// A link to the next page that passed the guard. It knows the pages that led to it, so that whoever follows it can't
/// be led in a circle (security case 9).
#[derive(Clone)]
pub(super) struct NextLink {
    url: Url,
    /// How many links of this listing were followed before this one.
    depth: usize,
    /// A hash of each of them, shared by the whole listing.
    trail: Arc<Mutex<Vec<u64>>>,
}

impl NextLink {
    /// Checks a link before it is ever followed. `from` is the link that led to the page that holds it.
    pub(super) fn check(
        text: &str,
        endpoint: &Endpoint,
        set: &EntitySet,
        from: Option<&Self>,
    ) -> Result<Self, Failure> {
        Self::passing(guard(text, endpoint, |path| is_of_set(path, set)), from)
    }

    /// The same for a list of a management API, whose pages are all at one path.
    pub(super) fn check_at(
        text: &str,
        endpoint: &Endpoint,
        own: &str,
        from: Option<&Self>,
    ) -> Result<Self, Failure> {
        let own = own.trim_start_matches('/');
        let is_own = |path: &str| {
            // The fixed parts of such a path come back in other letters.
            let same = path.eq_ignore_ascii_case(own);
            same.then_some(())
                .ok_or_else(|| "its path is not that of the list".to_owned())
        };
        Self::passing(guard(text, endpoint, is_own), from)
    }

    fn passing(guarded: Result<Url, String>, from: Option<&Self>) -> Result<Self, Failure> {
        let url =
            guarded.map_err(|why| refused(&format!("a link of the server was refused: {why}")))?;
        let (depth, trail) = match from {
            None => (0, Arc::default()),
            Some(from) => (from.depth + 1, Arc::clone(&from.trail)),
        };
        let mut hasher = DefaultHasher::new();
        url.as_str().hash(&mut hasher);
        let hash = hasher.finish();
        let mut followed = lock(&trail);
        // A page that is read a second time, after a failure, leads on to where it led before.
        followed.truncate(depth);
        if followed.contains(&hash) {
            return Err(incomplete("the server's links lead in a circle"));
        }
        if depth >= MOST_PAGES {
            return Err(incomplete("more than 10,000 pages"));
        }
        followed.push(hash);
        drop(followed);
        Ok(Self { url, depth, trail })
    }

    /// The URL, as the server gave it.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Debug for NextLink {
    /// Without its query, which holds the values that the listing was asked by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NextLink({} #{})", self.url.path(), self.depth)
    }
}

impl PartialEq for NextLink {
    fn eq(&self, other: &Self) -> bool {
        self.url == other.url
    }
}

fn refused(message: &str) -> Failure {
    Failure {
        origin: Origin::Remote,
        ..Failure::local(FailureClass::Unreadable, message)
    }
}

fn incomplete(why: &str) -> Failure {
    refused(&format!("the listing is incomplete: {why}"))
}

fn guard(
    text: &str,
    endpoint: &Endpoint,
    is_ours: impl Fn(&str) -> Result<(), String>,
) -> Result<Url, String> {
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
        is_ours(path)?;
    }
    Ok(url)
}

fn is_of_set(path: &str, set: &EntitySet) -> Result<(), String> {
    let segments: Vec<&str> = path.split('/').collect();
    let ["api", "data", version, resource] = segments.as_slice() else {
        return Err("its path is not that of a table".to_owned());
    };
    if !is_version(version) || *resource != set.as_str() {
        return Err(format!("its path is not that of {set}"));
    }
    Ok(())
}

fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix("v9.")
        .is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|b| b.is_ascii_digit()))
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

    fn check(text: &str) -> Result<NextLink, Failure> {
        NextLink::check(text, &endpoint(), &accounts(), None)
    }

    fn assert_refused(texts: &[&str]) {
        for text in texts {
            let failure = check(text).err().map(|failure| failure.class);
            assert_eq!(failure, Some(FailureClass::Unreadable), "{text}");
        }
    }

    const GOOD: &str = "https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken=%3Ccookie%20pagenumber=%222%22%20/%3E";

    #[test]
    fn a_link_to_the_same_table_passes_unchanged() {
        let link = check(GOOD).map(|link| link.url().to_string());
        assert_eq!(link, Ok(GOOD.to_owned()));
    }

    #[test]
    fn security_case_01_a_host_that_begins_like_ours_is_refused_by_name() {
        let text = "https://contoso.crm.dynamics.com.evil.example/api/data/v9.2/accounts";
        let message = check(text).err().map(|failure| failure.message);
        let told =
            "a link of the server was refused: it leads to contoso.crm.dynamics.com.evil.example";
        assert_eq!(message.as_deref(), Some(told));
    }

    #[test]
    fn security_case_02_our_host_as_a_user_name_is_refused() {
        assert_refused(&["https://contoso.crm.dynamics.com@evil.example/api/data/v9.2/accounts"]);
    }

    #[test]
    fn security_case_03_a_user_at_our_own_host_is_refused() {
        assert_refused(&[
            "https://user:pw@contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "https://user@contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "https://:pw@contoso.crm.dynamics.com/api/data/v9.2/accounts",
        ]);
    }

    #[test]
    fn security_case_04_plain_http_is_refused() {
        assert_refused(&["http://contoso.crm.dynamics.com/api/data/v9.2/accounts"]);
    }

    #[test]
    fn security_case_05_another_port_is_refused_and_the_same_host_spelt_otherwise_is_not() {
        assert_refused(&["https://contoso.crm.dynamics.com:8443/api/data/v9.2/accounts"]);
        for text in [
            "https://contoso.crm.dynamics.com:443/api/data/v9.2/accounts?$skiptoken=x",
            "https://CONTOSO.crm.dynamics.com/api/data/v9.2/accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.0/accounts",
        ] {
            assert!(check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn security_case_06_spellings_that_a_parser_mends_are_refused() {
        assert_refused(&[
            "https://contoso.crm.dynamics.com./api/data/v9.2/accounts",
            "//evil.example/api/data/v9.2/accounts",
            "\\\\evil.example\\api\\data\\v9.2\\accounts",
            "https:/\\evil.example/api/data/v9.2/accounts",
            " https://contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "https://contoso.crm\t.dynamics.com/api/data/v9.2/accounts",
            "https:contoso.crm.dynamics.com/api/data/v9.2/accounts",
            "/api/data/v9.2/accounts",
            "",
        ]);
    }

    #[test]
    fn security_case_07_another_path_of_our_host_is_refused() {
        assert_refused(&[
            "https://contoso.crm.dynamics.com/api/data/v9.2/../../../other",
            "https://contoso.crm.dynamics.com/api/data/v9.2/%2e%2e/%2e%2e/x",
            "https://contoso.crm.dynamics.com/api/data/v9.2/%2E%2e/v9.2/accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/x/../accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/./accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2.evil/accounts",
            "https://contoso.crm.dynamics.com/api/data/v9./accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/contacts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/accounts/x",
            "https://contoso.crm.dynamics.com/api/data/v9.2/accounts%2Fx",
            "https://contoso.crm.dynamics.com/api/data/v9.2//accounts",
            "https://contoso.crm.dynamics.com/api/data/v9.2/accounts(1)/Microsoft.Dynamics.CRM.X",
        ]);
    }

    #[test]
    fn security_case_08_another_tenant_of_the_same_service_is_refused() {
        assert_refused(&["https://contoso.crm4.dynamics.com/api/data/v9.2/accounts"]);
    }

    fn page(token: usize, from: Option<&NextLink>) -> Result<NextLink, Failure> {
        let text =
            format!("https://contoso.crm.dynamics.com/api/data/v9.2/accounts?$skiptoken={token}");
        NextLink::check(&text, &endpoint(), &accounts(), from)
    }

    #[test]
    fn security_case_09_fault_f32_a_circle_of_links_is_left() {
        let a = page(1, None).unwrap_or_else(|e| panic!("{e}"));
        assert!(page(1, Some(&a)).is_err(), "the same link twice");
        let b = page(2, Some(&a)).unwrap_or_else(|e| panic!("{e}"));
        assert!(page(1, Some(&b)).is_err(), "back to the first one");
        assert!(page(2, Some(&a)).is_ok(), "the same page read again");
        assert!(page(3, Some(&b)).is_ok());
    }

    #[test]
    fn security_case_09_a_listing_without_an_end_is_left() {
        let mut link = page(0, None).unwrap_or_else(|e| panic!("{e}"));
        for token in 1..MOST_PAGES {
            link = page(token, Some(&link)).unwrap_or_else(|e| panic!("{token}: {e}"));
        }
        let message = page(MOST_PAGES, Some(&link)).err().map(|f| f.message);
        let told = "the listing is incomplete: more than 10,000 pages";
        assert_eq!(message.as_deref(), Some(told));
    }

    proptest! {
        #[test]
        fn security_case_10_whatever_passes_stays_at_home(text in ".{0,80}", tail in "[a-z/.?%@:\\\\]{0,40}") {
            for text in [text, format!("https://contoso.crm.dynamics.com{tail}"), format!("{GOOD}{tail}")] {
                if let Ok(link) = check(&text) {
                    prop_assert_eq!(link.url().origin(), endpoint().url().origin());
                    prop_assert_eq!(link.url().path(), "/api/data/v9.2/accounts");
                }
            }
        }
    }
}
