//! Somebody who works at one instance, and what the instance itself says of its rows: no fault strikes either.

use std::time::Duration;

use serde_json::Value as Json;

use super::story::{Place, Table};
use crate::support::emulated::{Api, plain_client};

/// A person of one instance, and the hand that arms faults there.
pub struct Person {
    client: reqwest::Client,
    origin: String,
    token: String,
    control: String,
    /// The id of the person's user.
    pub user: String,
}

impl Person {
    /// Signs in.
    pub async fn of(instance: Api<'_>, client_id: &str) -> Self {
        let own = instance.signed_in(client_id).await;
        let user = own.get("WhoAmI").await.json()["UserId"].clone();
        Self {
            client: plain_client(),
            origin: instance.origin.to_owned(),
            token: own.token,
            control: instance.token,
            user: user.as_str().unwrap().to_owned(),
        }
    }

    /// Makes a row; false where its key stands on another one.
    pub async fn create(&self, table: Table, body: &Json) -> bool {
        let (status, answer) = self.api("POST", table.set(), Some(body)).await;
        assert!(matches!(status, 204 | 412), "{status}: {answer}");
        status == 204
    }

    /// Changes a row; false where it is gone.
    pub async fn edit(&self, place: Place, body: &Json) -> bool {
        let (status, answer) = self.api("PATCH", &place.path(), Some(body)).await;
        assert!(matches!(status, 204 | 404), "{status}: {answer}");
        status == 204
    }

    /// Deletes a row; false where it is gone.
    pub async fn delete(&self, place: Place) -> bool {
        let (status, answer) = self.api("DELETE", &place.path(), None).await;
        assert!(matches!(status, 204 | 404), "{status}: {answer}");
        status == 204
    }

    /// All rows of a table, with the columns that the link copies and who wrote to them.
    pub async fn rows(&self, table: Table) -> Vec<Json> {
        let mut columns = table.columns().join(",");
        if table == Table::Account {
            columns.push_str(",sic");
        }
        let path = format!(
            "{}?$select={columns},_createdby_value,_modifiedby_value",
            table.set()
        );
        let (status, answer) = self.api("GET", &path, None).await;
        assert_eq!(status, 200, "{answer}");
        answer["value"].as_array().unwrap().clone()
    }

    pub async fn arm(&self, fault: &Json) {
        let (status, answer) = self.control("POST", "faults", Some(fault)).await;
        assert_eq!(status, 201, "{fault}: {answer}");
    }

    pub async fn disarm(&self) {
        assert_eq!(self.control("DELETE", "faults", None).await.0, 200);
    }

    /// The requests that the instance has received.
    pub async fn log(&self) -> Vec<Json> {
        let (_, log) = self.control("GET", "log", None).await;
        log["requests"].as_array().unwrap().clone()
    }

    async fn api(&self, method: &str, path: &str, body: Option<&Json>) -> (u16, Json) {
        let url = format!("{}/api/data/v9.2/{path}", self.origin);
        self.call(method, &url, &self.token, body).await
    }

    async fn control(&self, method: &str, path: &str, body: Option<&Json>) -> (u16, Json) {
        let url = format!("{}/emulator/{path}", self.origin);
        self.call(method, &url, &self.control, body).await
    }

    async fn call(&self, method: &str, url: &str, token: &str, body: Option<&Json>) -> (u16, Json) {
        loop {
            let verb = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
            let mut request = self.client.request(verb, url).bearer_auth(token);
            if method == "PATCH" {
                request = request.header("if-match", "*");
            }
            if let Some(body) = body {
                request = request
                    .header("content-type", "application/json")
                    .body(body.to_string());
            }
            match request.send().await {
                Ok(answer) => {
                    let status = answer.status().as_u16();
                    let text = answer.text().await.unwrap();
                    return (status, serde_json::from_str(&text).unwrap_or(Json::Null));
                }
                // The port is given up for a while: nothing was sent.
                Err(error) if error.is_connect() => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{method} {url}: {error}"),
            }
        }
    }
}
