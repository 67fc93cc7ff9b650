//! A table whose records are told by an alternate key: an app that asks first names the key, and no id is the source's to
//! say.

use std::path::Path;

use serde_json::json;

use super::support::{Hooked, id};
use crate::real_data::links;

const TABLE: &str =
    "name='account'\nidentity='key'\nkeys=['accountnumber']\nstub=['name']\ncolumns=['name']";

async fn told_by_key() -> Hooked {
    Hooked::with(|config| {
        let path = Path::new("/etc/tandem.toml");
        let written = tandem::config::parse(&links(TABLE), path, config.state.to_path_buf());
        config.links = written.unwrap().links;
    })
    .await
}

#[tokio::test]
async fn an_app_that_names_a_key_is_served_while_the_source_is_down() {
    let hooked = told_by_key().await;
    hooked.us().arm(json!({"count": null, "status": 503})).await;
    let asked =
        json!({"table": "account", "key": {"accountnumber": "F-2"}, "stub": {"name": "Fabrikam"}});
    let (status, told) = hooked.ask(asked.clone()).await;
    assert_eq!(
        (status, &told["outcome"]),
        (201, &json!("created")),
        "{told}"
    );
    let made = format!(
        "accounts({})?$select=name,accountnumber",
        told["id"].as_str().unwrap()
    );
    let made = hooked.europe().get(&made).await.json();
    assert_eq!(
        (&made["name"], &made["accountnumber"]),
        (&json!("Fabrikam"), &json!("F-2"))
    );
    let writes = hooked.writes("accounts").await;
    assert_eq!(writes.len(), 1, "{writes:#?}");
    // Addressed by its key, and made only if it is absent.
    let path = writes[0]["path"].as_str().unwrap();
    assert!(path.contains("accounts(accountnumber="), "{path}");
    assert_eq!(writes[0]["headers"]["if-none-match"], "*");
    let (status, again) = hooked.ask(asked).await;
    assert_eq!(
        (status, &again["outcome"], &again["id"]),
        (200, &json!("existed"), &told["id"])
    );

    // A source that answers, and has none, has the last word.
    hooked.us().control("DELETE", "faults", None).await;
    let unknown = json!({"table": "account", "key": {"accountnumber": "NONE"}});
    assert_eq!(hooked.ask(unknown).await.0, 404);
    hooked
        .us()
        .account(&id(1), json!({"name": "Contoso", "accountnumber": "C1"}))
        .await;
    let known = json!({"table": "account", "key": {"accountnumber": "C1"}});
    assert_eq!(hooked.ask(known).await.0, 201);
}

#[tokio::test]
async fn nothing_is_made_by_a_key_while_nobody_can_say_whether_the_source_has_it() {
    let hooked = told_by_key().await;
    // It is the target that can't be read; the source would say that it has none.
    let fault = json!({"count": null, "method": "GET", "path": "accounts", "status": 503});
    hooked.europe().arm(fault).await;
    let asked = json!({"table": "account", "key": {"accountnumber": "MISTYPED"}});
    let (status, told) = hooked.ask(asked.clone()).await;
    assert_eq!(status, 503, "{told}");
    hooked.europe().control("DELETE", "faults", None).await;
    assert_eq!(hooked.writes("accounts").await.len(), 0);

    // A key of which the column holds only the beginning is another row's.
    hooked.us().arm(json!({"count": null, "status": 503})).await;
    let long = "N".repeat(300);
    let asked = json!({"table": "account", "key": {"accountnumber": long}});
    let (status, told) = hooked.ask(asked).await;
    assert_eq!(status, 400, "{told}");
    let why = told["error"].as_str().unwrap();
    assert!(why.contains("is longer than accountnumber may be"), "{why}");
    assert_eq!(hooked.writes("accounts").await.len(), 0);
}
