//! Duplicate detection, which a write must ask for (contract 2.11), and the statuses that a row may pass to.

use serde_json::{Value as Json, json};

use crate::support::emulated::{Api, Emulated};

use super::id;

const ASKS: [(&str, &str); 1] = [("MSCRM.SuppressDuplicateDetection", "false")];

/// A rule for accounts: the same first five letters of the name, and the same city.
async fn rule(us: &Api<'_>) {
    let rule = json!({"duplicateruleid": id(1), "name": "Same name and city",
        "baseentityname": "account", "matchingentityname": "account", "excludeinactiverecords": true});
    assert_eq!(us.post("duplicaterules", rule).await.status, 204);
    for condition in [
        json!({"baseattributename": "name", "matchingattributename": "name", "operatorcode": 1, "operatorparam": 5}),
        json!({"baseattributename": "address1_city", "matchingattributename": "address1_city"}),
    ] {
        let mut condition = condition;
        condition["regardingobjectid_duplicaterule@odata.bind"] =
            json!(format!("/duplicaterules({})", id(1)));
        let made = us.post("duplicateruleconditions", condition).await;
        assert_eq!(made.status, 204, "{made:?}");
    }
}

async fn publish(us: &Api<'_>, is_published: bool) {
    let state = i64::from(is_published);
    let body = json!({"statecode": state, "statuscode": 2 * state});
    assert_eq!(
        us.patch(&format!("duplicaterules({})", id(1)), body)
            .await
            .status,
        204
    );
}

fn account(name: &str, city: Option<&str>) -> Json {
    json!({"name": name, "address1_city": city})
}

#[tokio::test]
async fn a_duplicate_by_a_published_rule_is_refused_where_detection_is_asked_for() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    rule(&us).await;
    assert_eq!(
        us.post("accounts", account("Contoso Ltd", Some("Boston")))
            .await
            .status,
        204
    );
    let asked = async |body| us.send("POST", "accounts", &ASKS, Some(body)).await;
    assert_eq!(
        asked(account("Contoso", Some("Boston"))).await.status,
        204,
        "not published"
    );
    publish(&us, true).await;
    let refused = asked(account("CONTOSO Inc", Some("boston"))).await;
    assert_eq!(refused.status, 412);
    let message = "A record was not created or updated because a duplicate of the current record already exists.";
    assert_eq!(
        refused.json()["error"],
        json!({"code": "0x80040333", "message": message})
    );
    // Nothing of it was kept, and without the header nothing is looked at.
    let count = us.get("accounts/$count").await.text;
    assert!(count.ends_with('2'), "{count}");
    assert_eq!(
        us.post("accounts", account("Contoso Inc", Some("Boston")))
            .await
            .status,
        204
    );
    let suppressed = [("MSCRM.SuppressDuplicateDetection", "true")];
    let body = Some(account("Contoso AG", Some("Boston")));
    assert_eq!(
        us.send("POST", "accounts", &suppressed, body).await.status,
        204
    );
    // Another city, no city at all, too few letters.
    for other in [
        account("Contoso", Some("Bonn")),
        account("Contoso", None),
        account("Cont", Some("Boston")),
    ] {
        assert_eq!(asked(other.clone()).await.status, 204, "{other}");
    }
    publish(&us, false).await;
    assert_eq!(
        asked(account("Contoso SA", Some("Boston"))).await.status,
        204
    );
}

#[tokio::test]
async fn an_update_and_a_part_of_a_batch_are_held_against_the_rules_too() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    rule(&us).await;
    publish(&us, true).await;
    let mut first = account("Contoso Ltd", Some("Boston"));
    first["accountid"] = json!(id(2));
    assert_eq!(us.post("accounts", first).await.status, 204);
    let mut second = account("Fabrikam", Some("Boston"));
    second["accountid"] = json!(id(3));
    assert_eq!(us.post("accounts", second).await.status, 204);
    let path = format!("accounts({})", id(3));
    let renamed = us
        .send("PATCH", &path, &ASKS, Some(json!({"name": "Contoso"})))
        .await;
    assert_eq!(renamed.refusal().1, "0x80040333");
    assert_eq!(us.get(&path).await.json()["name"], "Fabrikam");
    // A row is no duplicate of itself, and one that is not active is none of anybody's.
    let own = us
        .send("PATCH", &path, &ASKS, Some(json!({"name": "Fabrikam"})))
        .await;
    assert_eq!(own.status, 204);
    let closed = json!({"statecode": 1, "statuscode": 2});
    assert_eq!(
        us.patch(&format!("accounts({})", id(2)), closed)
            .await
            .status,
        204
    );
    let renamed = us
        .send("PATCH", &path, &ASKS, Some(json!({"name": "Contoso"})))
        .await;
    assert_eq!(renamed.status, 204);

    let part = "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n\
        POST /api/data/v9.2/accounts HTTP/1.1\r\nContent-Type: application/json\r\n\
        MSCRM.SuppressDuplicateDetection: false\r\n\r\n\
        {\"name\":\"Contoso\",\"address1_city\":\"Boston\"}\r\n--b--\r\n";
    let answer = us
        .request("POST", &us.url("$batch"))
        .header("content-type", "multipart/mixed; boundary=b")
        .body(part)
        .send()
        .await
        .unwrap();
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("0x80040333") && text.contains("HTTP/1.1 412"),
        "{text}"
    );
}

#[tokio::test]
async fn a_status_is_passed_to_only_as_the_table_allows_where_it_insists() {
    let story = r#"
story = "Tickets wait before they go on."
[[schema.europe]]
table = "incident"
transitions = [[1, 3], [3, 1], [1, 6]]
"#;
    let emulated = Emulated::playing(story).await;
    let (us, europe) = (emulated.us(), emulated.europe());
    for api in [&us, &europe] {
        assert_eq!(
            api.post("accounts", json!({"accountid": id(1), "name": "a"}))
                .await
                .status,
            204
        );
        let ticket = json!({"incidentid": id(2), "title": "t",
            "customerid_account@odata.bind": format!("/accounts({})", id(1))});
        assert_eq!(api.post("incidents", ticket).await.status, 204);
    }
    let path = format!("incidents({})", id(2));
    let to = |status: i64| json!({"statuscode": status});
    assert_eq!(europe.patch(&path, to(3)).await.status, 204);
    let refused = europe.patch(&path, to(2)).await;
    assert_eq!(refused.refusal().1, "0x80048408", "{refused:?}");
    assert_eq!(
        europe
            .patch(&path, json!({"title": "still open"}))
            .await
            .status,
        204
    );
    assert_eq!(europe.patch(&path, to(1)).await.status, 204);
    // Where nothing is said, every status of the state may follow.
    for status in [3, 2, 4, 1] {
        assert_eq!(us.patch(&path, to(status)).await.status, 204, "{status}");
    }
    let table = "EntityDefinitions(LogicalName='incident')";
    let enforced = async |api: &Api<'_>| {
        api.get(&format!("{table}?$select=EnforceStateTransitions"))
            .await
            .json()["EnforceStateTransitions"]
            .clone()
    };
    assert_eq!(
        (enforced(&us).await, enforced(&europe).await),
        (json!(false), json!(true))
    );
    let statuses = format!(
        "{table}/Attributes(LogicalName='statuscode')/Microsoft.Dynamics.CRM.StatusAttributeMetadata?$expand=OptionSet"
    );
    let options = europe.get(&statuses).await.json()["OptionSet"]["Options"].clone();
    let first = options
        .as_array()
        .unwrap()
        .iter()
        .find(|option| option["Value"] == 1)
        .unwrap();
    let data = first["TransitionData"].as_str().unwrap();
    assert!(
        data.contains("tostatusid=\"3\"") && data.contains("tostatusid=\"6\""),
        "{data}"
    );
    for wrong in [
        "[[schema.us]]\ntable = \"incident\"\ntransitions = [[1, 77]]",
        "[[schema.us]]\ntable = \"duplicaterulecondition\"\ntransitions = [[1, 2]]",
    ] {
        let text = format!("story = \"no\"\n{wrong}");
        assert!(tandem::emulator::Scenario::load(&text).is_err(), "{wrong}");
    }
}
