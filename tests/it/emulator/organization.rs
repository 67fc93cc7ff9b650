//! An organization that is disabled, or open to administrators only.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::emulated::{Api, Emulated};

async fn put(api: &Api<'_>, setting: Json) {
    api.control("POST", "organization", Some(setting)).await;
}

#[tokio::test]
async fn a_disabled_organization_lets_nobody_in() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    put(&us, json!({"state": "disabled"})).await;
    let refused = us.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (403, "0x8004a104".to_owned()));
    assert_eq!(us.as_bearer("").get("WhoAmI").await.status, 401);
    assert_eq!(
        us.token_for("app", &us.token, &format!("{}/.default", us.origin))
            .await
            .status,
        200
    );
    assert_eq!(emulated.europe().get("WhoAmI").await.status, 200);
    put(&us, json!({"state": "enabled"})).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn administration_mode_lets_its_administrators_in() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    put(
        &us,
        json!({"state": "administration", "administrators": ["admin"]}),
    )
    .await;
    let state = us.control("GET", "organization", None).await;
    assert_eq!(
        state,
        json!({"state": "administration", "administrators": ["admin"]})
    );
    assert_eq!(
        us.get("WhoAmI").await.refusal(),
        (403, "0x8004a113".to_owned())
    );
    assert_eq!(us.signed_in("admin").await.get("WhoAmI").await.status, 200);
    let url = format!("{}/emulator/organization", us.origin);
    for wrong in [
        json!({"state": "closed"}),
        json!({"state": "disabled", "administrators": ["admin"]}),
    ] {
        let answer = us.send("POST", &url, &[], Some(wrong.clone())).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_scenario_disables_it_for_a_while() {
    let emulated = Emulated::playing(
        r#"
        story = "Europe is disabled by mistake."
        [[events]]
        at = "0s"
        instance = "europe"
        what = "organization"
        organization = { state = "disabled" }
        lasts = "400ms"
        "#,
    )
    .await;
    let europe = emulated.europe();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(
        europe.get("WhoAmI").await.refusal(),
        (403, "0x8004a104".to_owned())
    );
    tokio::time::sleep(Duration::from_millis(450)).await;
    assert_eq!(europe.get("WhoAmI").await.status, 200);
}
