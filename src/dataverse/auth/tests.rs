//! Where a secret may go, and that nothing prints one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

const CANARY: &str = "eyJcanary-7f6c0a4e";

fn held() -> SecretSource {
    SecretSource::Held(SecretString::from(CANARY))
}

fn client_secret(authority: &str) -> Credential {
    Credential::ClientSecret {
        authority: Url::parse(authority).unwrap(),
        tenant: "contoso".to_owned(),
        client_id: "app".to_owned(),
        secret: held(),
    }
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::new(text).unwrap()
}

#[test]
fn a_fixed_token_stays_on_this_machine() {
    let token = || Credential::Token(held());
    assert!(Tokens::new(token(), &endpoint("http://127.0.0.1:7001"), None).is_ok());
    let refused = Tokens::new(token(), &endpoint("https://contoso.crm.dynamics.com"), None);
    assert!(matches!(refused, Err(BadCredential::TokenBeyondLoopback)));
}

#[test]
fn security_case_14_the_authority_is_the_configured_one_and_encrypted() {
    let europe = endpoint("https://contoso.crm4.dynamics.com");
    for (authority, good) in [
        ("https://login.microsoftonline.com", true),
        ("https://login.microsoftonline.com/", true),
        ("http://127.0.0.1:7001", true),
        ("http://login.microsoftonline.com", false),
        ("http://127.0.0.1.evil.example", false),
        ("https://user:pw@login.microsoftonline.com", false),
        ("https://login.microsoftonline.com/?x=1", false),
        ("ftp://127.0.0.1", false),
    ] {
        let tokens = Tokens::new(client_secret(authority), &europe, None);
        assert_eq!(tokens.is_ok(), good, "{authority}");
    }
    let url = token_url(
        &Url::parse("https://login.microsoftonline.com").unwrap(),
        "a/../b",
    )
    .unwrap();
    assert_eq!(
        url.as_str(),
        "https://login.microsoftonline.com/a%2F..%2Fb/oauth2/v2.0/token"
    );
}

#[test]
fn security_case_21_nothing_prints_a_secret() {
    let europe = endpoint("https://contoso.crm4.dynamics.com");
    let credential = client_secret("https://login.microsoftonline.com");
    assert!(!format!("{credential:?}").contains(CANARY));
    let tokens = Tokens::new(credential, &europe, None).unwrap();
    assert!(!format!("{tokens:?}").contains(CANARY));
    let mut value = HeaderValue::from_str(&format!("Bearer {CANARY}")).unwrap();
    value.set_sensitive(true);
    assert!(!format!("{value:?}").contains(CANARY));
    let bearer = Bearer {
        value,
        place: Place::Authorization,
        generation: 1,
    };
    assert!(!format!("{bearer:?}").contains(CANARY));
}

#[test]
fn an_endpoint_that_cannot_serve_is_told_from_one_that_refuses() {
    let answer = |status: u16| {
        http::Response::builder()
            .status(status)
            .body(Bytes::new())
            .unwrap()
    };
    for (status, class) in [
        (500, FailureClass::Unavailable),
        (503, FailureClass::Unavailable),
        (429, FailureClass::Throttled),
        (302, FailureClass::Unreadable),
    ] {
        assert_eq!(served(answer(status)).unwrap_err().class, class, "{status}");
    }
    assert!(served(answer(400)).is_ok(), "the words are in the body");
    let body =
        r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired\r\nTrace ID: x"}"#;
    let parsed: BasicErrorResponse = serde_json::from_str(body).unwrap();
    let failure = in_words(RequestTokenError::ServerResponse(parsed));
    assert_eq!(failure.class, FailureClass::Unauthorized);
    assert_eq!(failure.message, "no token: AADSTS7000222: expired");
}
