//! The challenge, the token endpoint, and who is behind a token.

use serde_json::json;
use tandem::emulator::{SYNC_CLIENT_ID, UNKNOWN_CLIENT_ID, US, user_id};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

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

/// What a refusal of the token endpoint is told apart by: status, OAuth error, Entra's number.
fn refused(answer: &Answer) -> (u16, String, u64) {
    let body = answer.json();
    let number = body["error_codes"][0].as_u64().unwrap();
    let described = body["error_description"].as_str().unwrap();
    assert!(
        described.starts_with(&format!("AADSTS{number}: ")),
        "{described}"
    );
    let error = body["error"].as_str().unwrap().to_owned();
    (answer.status.as_u16(), error, number)
}

async fn ask(api: &Api<'_>, client: &str, secret: &str) -> Answer {
    let scope = format!("{}/.default", api.origin);
    api.token_for(client, secret, &scope).await
}

#[tokio::test]
async fn a_rotated_secret_ends_the_old_one_but_no_token() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let before = us.signed_in("app").await;
    us.control("POST", "secret", Some(json!({"secret": "new"})))
        .await;
    let old = ask(&us, "app", &us.token).await;
    assert_eq!(refused(&old), (401, "invalid_client".to_owned(), 7_000_215));
    assert_eq!(ask(&us, "app", "new").await.status, 200);
    assert_eq!(
        before.get("WhoAmI").await.status,
        200,
        "what was given stays good"
    );
    assert_eq!(ask(&emulated.europe(), "app", &us.token).await.status, 200);

    us.control(
        "POST",
        "secret",
        Some(json!({"client": "app", "expired": true})),
    )
    .await;
    let expired = ask(&us, "app", "new").await;
    assert_eq!(
        refused(&expired),
        (401, "invalid_client".to_owned(), 7_000_222)
    );
    assert_eq!(refused(&ask(&us, "app", "wrong").await).2, 7_000_215);
    assert_eq!(
        ask(&us, "other", "new").await.status,
        200,
        "one client only"
    );
    us.control(
        "POST",
        "secret",
        Some(json!({"client": "app", "secret": "own"})),
    )
    .await;
    assert_eq!(ask(&us, "app", "own").await.status, 200);

    us.control("DELETE", "tokens", None).await;
    assert_eq!(before.get("WhoAmI").await.status, 401, "taken back");
    assert_eq!(
        us.get("WhoAmI").await.status,
        200,
        "the emulator's own token stays"
    );
}

#[tokio::test]
async fn a_tenant_may_know_neither_itself_nor_the_app_nor_a_consent() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let directory =
        json!({"tenants": ["contoso"], "applications": ["app", "shy"], "without_consent": ["shy"]});
    let set = us.control("POST", "tenant", Some(directory.clone())).await;
    assert_eq!(set, directory);
    assert_eq!(ask(&us, "app", &us.token).await.status, 200);
    let app = refused(&ask(&us, "stranger", &us.token).await);
    assert_eq!(app, (400, "unauthorized_client".to_owned(), 700_016));
    let consent = refused(&ask(&us, "shy", &us.token).await);
    assert_eq!(consent, (400, "invalid_grant".to_owned(), 65_001));
    let fields = [("grant_type", "client_credentials"), ("client_id", "app")];
    let tenant = us.post_form("/fabrikam/oauth2/v2.0/token", &fields).await;
    assert_eq!(
        refused(&tenant),
        (400, "invalid_request".to_owned(), 90_002)
    );
    us.control("POST", "tenant", Some(json!({}))).await;
    assert_eq!(ask(&us, "stranger", &us.token).await.status, 200);
}

#[tokio::test]
async fn what_the_token_endpoint_cannot_do_it_says() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let token = "/contoso/oauth2/v2.0/token";
    let password = [("grant_type", "password"), ("client_id", "app")];
    let answer = us.post_form(token, &password).await;
    assert_eq!(
        refused(&answer),
        (400, "unsupported_grant_type".to_owned(), 70_003)
    );
    let nobody = us
        .post_form(token, &[("grant_type", "client_credentials")])
        .await;
    assert_eq!(refused(&nobody).2, 900_144);
    let signed = |assertion| {
        [
            ("grant_type", "client_credentials"),
            ("client_id", "app"),
            ("client_assertion", assertion),
        ]
    };
    let answer = us.post_form(token, &signed("x.y.z")).await;
    assert_eq!(
        refused(&answer),
        (400, "invalid_request".to_owned(), 50_027)
    );
    let answer = us.post_form(token, &signed("another pod's token")).await;
    assert_eq!(answer.status, 501);
    assert!(answer.text.contains("client_assertion"), "{}", answer.text);
    let get = us
        .send("GET", &format!("{}{token}", us.origin), &[], None)
        .await;
    assert_eq!(get.status, 405);
}

#[tokio::test]
async fn a_configuration_document_names_the_endpoints() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let url = format!(
        "{}/contoso/v2.0/.well-known/openid-configuration",
        us.origin
    );
    let document = us.as_bearer("").get(&url).await.json();
    let token = document["token_endpoint"].as_str().unwrap();
    assert_eq!(token, format!("{}/contoso/oauth2/v2.0/token", us.origin));
    let device = document["device_authorization_endpoint"].as_str().unwrap();
    assert_eq!(
        device,
        format!("{}/contoso/oauth2/v2.0/devicecode", us.origin)
    );
}

/// Begins to sign in on a device, and polls once.
async fn begin(us: &Api<'_>, scope: &str) -> (String, String) {
    let fields = [("client_id", "cli"), ("scope", scope)];
    let begun = us
        .post_form("/contoso/oauth2/v2.0/devicecode", &fields)
        .await
        .json();
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    assert!(text("message").contains(&text("user_code")));
    assert_eq!(
        (begun["expires_in"].as_i64(), begun["interval"].as_i64()),
        (Some(900), Some(1))
    );
    let pending = poll(us, &text("device_code")).await;
    assert_eq!(
        refused(&pending),
        (400, "authorization_pending".to_owned(), 70_016)
    );
    (text("device_code"), text("user_code"))
}

async fn poll(us: &Api<'_>, device_code: &str) -> Answer {
    let grant = "urn:ietf:params:oauth:grant-type:device_code";
    let fields = [
        ("grant_type", grant),
        ("client_id", "cli"),
        ("device_code", device_code),
    ];
    us.post_form("/contoso/oauth2/v2.0/token", &fields).await
}

#[tokio::test]
async fn a_person_signs_in_on_another_device() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let scope = format!("{}/user_impersonation offline_access openid", us.origin);
    let (device_code, user_code) = begin(&us, &scope).await;
    let waiting = us.control("GET", "device", None).await;
    assert_eq!(waiting["waiting"][0]["user_code"], user_code);
    let approval = json!({"user_code": user_code, "user": "Dana Whitfield"});
    us.control("POST", "device", Some(approval)).await;
    let given = poll(&us, &device_code).await.json();
    let person = us.as_bearer(given["access_token"].as_str().unwrap());
    let user = person.get("WhoAmI").await.json()["UserId"].clone();
    assert_eq!(user, user_id(US, "Dana Whitfield").to_string());
    assert_eq!(
        refused(&poll(&us, &device_code).await).2,
        70_018,
        "a code is good once"
    );

    let refresh = |token: String| {
        let us = us.clone();
        async move {
            let fields = [
                ("grant_type", "refresh_token"),
                ("client_id", "cli"),
                ("refresh_token", &token),
            ];
            us.post_form("/contoso/oauth2/v2.0/token", &fields).await
        }
    };
    let first = given["refresh_token"].as_str().unwrap().to_owned();
    let again = refresh(first.clone()).await.json();
    let person = us.as_bearer(again["access_token"].as_str().unwrap());
    assert_eq!(person.get("WhoAmI").await.json()["UserId"], user);
    assert_eq!(
        refused(&refresh(first).await),
        (400, "invalid_grant".to_owned(), 70_008)
    );
}

#[tokio::test]
async fn a_sign_in_can_be_declined_or_run_out() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let scope = format!("{}/.default", us.origin);
    let (device_code, user_code) = begin(&us, &scope).await;
    let no = json!({"user_code": user_code, "declined": true});
    us.control("POST", "device", Some(no)).await;
    assert_eq!(
        refused(&poll(&us, &device_code).await).1,
        "authorization_declined"
    );
    let (device_code, user_code) = begin(&us, &scope).await;
    us.control("POST", "clock", Some(json!({"advance_s": 901})))
        .await;
    assert_eq!(refused(&poll(&us, &device_code).await).1, "expired_token");
    let url = format!("{}/emulator/device", us.origin);
    for wrong in [
        json!({"user_code": user_code}),
        json!({"user_code": "none", "user": "a"}),
        json!({"user_code": user_code, "user": "a", "declined": true}),
    ] {
        let answer = us.send("POST", &url, &[], Some(wrong.clone())).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
    let elsewhere = [
        ("client_id", "cli"),
        ("scope", "https://graph.example/.default"),
    ];
    let answer = us
        .post_form("/contoso/oauth2/v2.0/devicecode", &elsewhere)
        .await;
    assert_eq!(refused(&answer).2, 70_011);
}
