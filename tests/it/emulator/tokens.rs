//! The challenge, the token endpoint, and who is behind a token.

use serde_json::json;
use tandem::emulator::{SYNC_CLIENT_ID, UNKNOWN_CLIENT_ID, US, user_id};

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn a_request_without_a_good_token_meets_the_challenge() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for token in ["", "wrong"] {
        let answer = us.as_bearer(token).get("WhoAmI").await;
        assert_eq!(answer.status, 401);
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with("Bearer authorization_uri="),
            "{challenge}"
        );
        assert!(
            challenge.ends_with(&format!("resource_id={}/", us.origin)),
            "{challenge}"
        );
        assert!(!answer.header("x-ms-dop-hint").is_empty());
    }
    assert_eq!(us.as_bearer("").get("nonsense").await.status, 401);
}

#[tokio::test]
async fn the_token_endpoint_refuses_with_entras_codes() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let scope = format!("{}/.default", us.origin);
    let secret = emulated.pair.token();
    let cases = [
        (
            secret,
            format!("{}/.default", europe.origin),
            400,
            "invalid_scope",
            "AADSTS70011",
        ),
        (
            secret,
            format!("{}//.default", us.origin),
            400,
            "invalid_scope",
            "AADSTS70011",
        ),
        (
            secret,
            us.origin.to_owned(),
            400,
            "invalid_scope",
            "AADSTS70011",
        ),
        (
            "wrong",
            scope.clone(),
            401,
            "invalid_client",
            "AADSTS7000215",
        ),
    ];
    for (secret, scope, status, error, code) in cases {
        let answer = us.token_for("app", secret, &scope).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str()),
            (status, Some(error)),
            "{scope}"
        );
        assert!(answer.text.contains(code), "{}", answer.text);
    }
    let given = us.token_for("app", secret, &scope).await.json();
    assert_eq!(
        (given["token_type"].as_str(), given["expires_in"].as_i64()),
        (Some("Bearer"), Some(3599))
    );
}

#[tokio::test]
async fn every_client_id_is_a_user_of_its_own_at_one_instance() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let sync = us.signed_in(SYNC_CLIENT_ID).await;
    let other = us.signed_in("somebody-new").await;
    assert_eq!(
        sync.get("WhoAmI").await.json()["UserId"],
        user_id(US, SYNC_CLIENT_ID).to_string()
    );
    assert_eq!(
        other.get("WhoAmI()").await.json()["UserId"],
        user_id(US, "somebody-new").to_string()
    );
    sync.account(&id(1), json!({"name": "a"})).await;
    other
        .patch(&format!("accounts({})", id(1)), json!({"name": "b"}))
        .await;
    let prefer = [("prefer", "odata.include-annotations=\"*\"")];
    let row = us
        .send("GET", &format!("accounts({})", id(1)), &prefer, None)
        .await
        .json();
    assert_eq!(
        row["_createdby_value@OData.Community.Display.V1.FormattedValue"],
        "tandem sync"
    );
    assert_eq!(
        row["_modifiedby_value@OData.Community.Display.V1.FormattedValue"],
        "somebody-new"
    );
    let europe = emulated.europe().as_bearer(&sync.token);
    assert_eq!(
        europe.get("WhoAmI").await.status,
        401,
        "a token is for one audience"
    );
}

#[tokio::test]
async fn an_app_without_application_user_is_forbidden() {
    let emulated = Emulated::empty().await;
    let unknown = emulated.us().signed_in(UNKNOWN_CLIENT_ID).await;
    assert_eq!(
        unknown.get("WhoAmI").await.refusal(),
        (403, "0x80072560".to_owned())
    );
}

#[tokio::test]
async fn tokens_expire_by_the_emulators_clock() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let app = us.signed_in("app").await;
    us.control("POST", "clock", Some(json!({"advance_s": 3500})))
        .await;
    assert_eq!(app.get("WhoAmI").await.status, 200);
    let europe = emulated.europe().signed_in("app").await;
    emulated
        .europe()
        .control("POST", "clock", Some(json!({"advance_s": 200})))
        .await;
    assert_eq!(app.get("WhoAmI").await.status, 401, "one clock for both");
    assert_eq!(europe.get("WhoAmI").await.status, 200);
    assert_eq!(
        us.get("WhoAmI").await.status,
        200,
        "the application user's own token does not expire"
    );
    assert_eq!(us.signed_in("app").await.get("WhoAmI").await.status, 200);
}
