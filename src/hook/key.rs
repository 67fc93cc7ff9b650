//! Whether a caller may call: it shows the key that was registered (contract 15). Compared in constant time, so that
//! the time of a refusal tells nothing about the key.

use std::hint::black_box;

use http::request::Parts;
use secrecy::{ExposeSecret, SecretString};
use url::form_urlencoded;

use crate::config::Authentication;

/// The query parameter of a webhook key.
const CODE: &str = "code";

/// What callers have to show, and where.
#[derive(Debug)]
pub(super) struct Key {
    how: Authentication,
    secret: SecretString,
}

impl Key {
    pub(super) fn new(how: Authentication, secret: SecretString) -> Self {
        Self { how, secret }
    }

    /// Whether a request shows the key.
    pub(super) fn admits(&self, request: &Parts) -> bool {
        let expected = self.secret.expose_secret().as_bytes();
        match &self.how {
            Authentication::WebhookKey => {
                let query = request.uri.query().unwrap_or_default();
                let mut pairs = form_urlencoded::parse(query.as_bytes());
                pairs
                    .find(|(name, _)| name == CODE)
                    .is_some_and(|(_, shown)| same(shown.as_bytes(), expected))
            }
            Authentication::HttpHeader(name) => request
                .headers
                .get(name)
                .is_some_and(|shown| same(shown.as_bytes(), expected)),
        }
    }
}

/// Looks at every byte of what was shown, whichever of them is wrong; how long it takes depends on what was shown alone.
fn same(shown: &[u8], expected: &[u8]) -> bool {
    let lengths = u8::from(shown.len() != expected.len());
    let pairs = shown.iter().zip(expected.iter().cycle());
    let differing = pairs.fold(lengths, |differing, (a, b)| black_box(differing | (a ^ b)));
    !expected.is_empty() && black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn admits(how: &Authentication, uri: &str, header: Option<&str>) -> bool {
        let key = Key::new(how.clone(), SecretString::from("s3cret+ key"));
        let mut request = http::Request::builder().uri(uri);
        if let Some(value) = header {
            request = request.header("x-tandem-key", value);
        }
        key.admits(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn only_the_whole_key_in_its_place_admits() {
        let by_code = Authentication::WebhookKey;
        let by_header = Authentication::HttpHeader("x-tandem-key".to_owned());
        for (how, uri, header, good) in [
            (&by_code, "/?code=s3cret%2B+key", None, true),
            (&by_code, "/hook?a=b&code=s3cret%2B%20key", None, true),
            (&by_code, "/?code=s3cret%2B+ke", None, false),
            (&by_code, "/?code=s3cret%2B+keys3cret%2B+key", None, false),
            (&by_code, "/?code=", None, false),
            (&by_code, "/?Code=s3cret%2B+key", None, false),
            (&by_code, "/", Some("s3cret+ key"), false),
            (&by_header, "/", Some("s3cret+ key"), true),
            (&by_header, "/", Some("s3cret+ kez"), false),
            (&by_header, "/?code=s3cret%2B+key", None, false),
        ] {
            assert_eq!(admits(how, uri, header), good, "{how:?} {uri} {header:?}");
        }
    }

    #[test]
    fn security_case_21_a_key_is_never_printed() {
        let key = Key::new(Authentication::WebhookKey, SecretString::from("canary"));
        assert!(!format!("{key:?}").contains("canary"));
    }
}
