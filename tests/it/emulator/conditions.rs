//! `If-Match` and `If-None-Match`, row absent and row present.

use serde_json::json;

use super::id;
use crate::support::emulated::Emulated;

#[tokio::test]
async fn every_condition_does_what_the_matrix_says() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let stale = ("if-match", "W/\"1\"");
    // (condition, answer for an absent row, is there afterwards, answer for a present row, was changed)
    let cases = [
        ("PATCH", None, 204, true, 204, true),
        (
            "PATCH",
            Some(("if-none-match", "null")),
            204,
            true,
            204,
            true,
        ),
        ("PATCH", Some(("if-match", "*")), 404, false, 204, true),
        ("PATCH", Some(("if-none-match", "*")), 204, true, 412, false),
        ("PATCH", Some(stale), 404, false, 412, false),
        ("DELETE", None, 404, false, 204, true),
        ("DELETE", Some(("if-match", "*")), 404, false, 204, true),
        ("DELETE", Some(stale), 404, false, 412, false),
    ];
    for (number, (method, condition, absent, there, present, changed)) in (1..).zip(cases) {
        let case = format!("{method} {condition:?}");
        let headers: Vec<_> = condition.into_iter().collect();
        let body = (method == "PATCH").then(|| json!({"name": "new"}));

        let path = format!("accounts({})", id(number));
        let answer = us.send(method, &path, &headers, body.clone()).await;
        assert_eq!(answer.status, absent, "{case}, absent");
        assert_eq!(
            us.get(&path).await.status,
            if there { 200 } else { 404 },
            "{case}, absent"
        );

        let path = format!("accounts({})", id(100 + number));
        us.account(&id(100 + number), json!({"name": "old"})).await;
        let answer = us.send(method, &path, &headers, body).await;
        assert_eq!(answer.status, present, "{case}, present");
        let now = us.get(&path).await;
        match (method, changed) {
            ("DELETE", true) => assert_eq!(now.status, 404, "{case}"),
            (_, true) => assert_eq!(now.json()["name"], "new", "{case}"),
            (_, false) => assert_eq!(now.json()["name"], "old", "{case}"),
        }
    }
}

#[tokio::test]
async fn refused_conditions_carry_the_documented_codes() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "old"})).await;
    let cases = [
        (id(1), ("if-none-match", "*"), (412, "0x80040237")),
        (id(1), ("if-match", "W/\"1\""), (412, "0x80060882")),
        (id(2), ("if-match", "*"), (404, "0x80040217")),
        (id(2), ("if-match", "W/\"1\""), (404, "0x80040217")),
    ];
    for (id, header, (status, code)) in cases {
        let answer = us
            .send(
                "PATCH",
                &format!("accounts({id})"),
                &[header],
                Some(json!({"name": "new"})),
            )
            .await;
        assert_eq!(answer.refusal(), (status, code.to_owned()), "{header:?}");
    }
}

#[tokio::test]
async fn an_etag_guards_one_version_and_saves_a_second_read() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "one"})).await;
    let path = format!("accounts({})", id(1));
    let read = us.get(&path).await;
    let etag = read.header("etag").to_owned();
    assert_eq!(read.json()["@odata.etag"], etag.as_str());

    let unchanged = us
        .send("GET", &path, &[("if-none-match", &etag)], None)
        .await;
    assert_eq!(
        (unchanged.status.as_u16(), unchanged.text.as_str()),
        (304, "")
    );
    let annotated = [
        ("if-none-match", etag.as_str()),
        ("prefer", "odata.include-annotations=\"*\""),
    ];
    assert_eq!(us.send("GET", &path, &annotated, None).await.status, 200);

    let matching = [("if-match", etag.as_str())];
    assert_eq!(
        us.send("PATCH", &path, &matching, Some(json!({"name": "two"})))
            .await
            .status,
        204
    );
    assert_eq!(
        us.send("PATCH", &path, &matching, Some(json!({"name": "three"})))
            .await
            .status,
        412
    );
    assert_eq!(
        us.send("GET", &path, &[("if-none-match", &etag)], None)
            .await
            .json()["name"],
        "two"
    );
}
