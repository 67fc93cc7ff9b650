//! A running pair of instances and the plainest of clients: no retries, no redirects, one connection a request.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value as Json, json};
use tandem::emulator::{Data, Options, Pair, Scenario};

/// A pair that serves, closed when it is dropped.
pub struct Emulated {
    pub pair: Pair,
    pub client: reqwest::Client,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Emulated {
    /// Both instances with nothing but their users.
    pub async fn empty() -> Emulated {
        Emulated::with(Options {
            data: Data::Empty,
            ..Options::default()
        })
        .await
    }

    /// Both instances with the demo's data.
    pub async fn demo() -> Emulated {
        Emulated::with(Options::default()).await
    }

    pub async fn playing(scenario: &str) -> Emulated {
        let scenario = Some(Scenario::load(scenario).unwrap());
        Emulated::with(Options {
            data: Data::Empty,
            scenario,
            ..Options::default()
        })
        .await
    }

    pub async fn with(options: Options) -> Emulated {
        let mut pair = Pair::bind(options).await.unwrap();
        pair.serve().await.unwrap();
        let client = match pair.ca_pem() {
            Some(pem) => trusting_client(pem),
            None => plain_client(),
        };
        Emulated { pair, client }
    }

    pub fn us(&self) -> Api<'_> {
        Api {
            emulated: self,
            origin: self.pair.us_url(),
            token: self.pair.token().to_owned(),
        }
    }

    pub fn europe(&self) -> Api<'_> {
        Api {
            emulated: self,
            origin: self.pair.europe_url(),
            token: self.pair.token().to_owned(),
        }
    }
}

pub fn plain_client() -> reqwest::Client {
    builder().build().unwrap()
}

/// A client that trusts one authority and no other.
pub fn trusting_client(pem: &str) -> reqwest::Client {
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    builder()
        .tls_certs_only([authority])
        .https_only(true)
        .build()
        .unwrap()
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .no_proxy()
        .timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
}

/// One instance, as the bearer of a token.
#[derive(Clone)]
pub struct Api<'e> {
    emulated: &'e Emulated,
    pub origin: &'e str,
    pub token: String,
}

impl Api<'_> {
    pub fn url(&self, path: &str) -> String {
        format!("{}/api/data/v9.2/{path}", self.origin)
    }

    pub fn as_bearer(&self, token: &str) -> Self {
        Api {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    pub fn request(&self, method: &str, url: &str) -> reqwest::RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.emulated
            .client
            .request(method, url)
            .bearer_auth(&self.token)
    }

    /// Sends and reads the answer to its end, if there is one.
    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Json>,
    ) -> Result<Answer, reqwest::Error> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            self.url(path)
        };
        let mut request = self.request(method, &url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let response = request.send().await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answer {
            status,
            headers,
            text: String::from_utf8(response.bytes().await?.to_vec()).unwrap(),
        })
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Json>,
    ) -> Answer {
        self.try_send(method, path, headers, body).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Json) -> Answer {
        self.send("POST", path, &[], Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: Json) -> Answer {
        self.send("PATCH", path, &[], Some(body)).await
    }

    /// The id of a person who works there: not the application user that tandem is.
    pub async fn somebody(&self) -> String {
        let me = self.get("WhoAmI").await.json()["UserId"].clone();
        let users = self.get("systemusers?$select=fullname").await.json();
        let users = users["value"].as_array().unwrap().clone();
        let mut people = users
            .iter()
            .filter(|user| user["fullname"] != "tandem sync");
        let other = people.find(|user| user["systemuserid"] != me).unwrap();
        other["systemuserid"].as_str().unwrap().to_owned()
    }

    /// Changes a row as somebody who works there.
    pub async fn edit_as_a_person(&self, path: &str, body: Json) {
        let person = self.somebody().await;
        let as_person = [("MSCRMCallerID", person.as_str())];
        let edited = self.send("PATCH", path, &as_person, Some(body)).await;
        assert!(edited.status.is_success(), "{edited:?}");
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None).await
    }

    /// A call of a control endpoint that must succeed.
    pub async fn control(&self, method: &str, path: &str, body: Option<Json>) -> Json {
        let answer = self
            .send(
                method,
                &format!("{}/emulator/{path}", self.origin),
                &[],
                body,
            )
            .await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        answer.json()
    }

    pub async fn arm(&self, fault: Json) -> Json {
        self.control("POST", "faults", Some(fault)).await
    }

    pub async fn log(&self) -> Vec<Json> {
        self.control("GET", "log", None).await["requests"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Asks the token endpoint.
    pub async fn token_for(&self, client_id: &str, secret: &str, scope: &str) -> Answer {
        let fields = [
            ("client_id", client_id),
            ("client_secret", secret),
            ("scope", scope),
            ("grant_type", "client_credentials"),
        ];
        self.post_form("/contoso/oauth2/v2.0/token", &fields).await
    }

    /// Posts a form, without a token.
    pub async fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let response = self
            .emulated
            .client
            .post(format!("{}{path}", self.origin))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            text: String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap(),
        }
    }

    /// A fresh token of a client id.
    pub async fn signed_in(&self, client_id: &str) -> Self {
        let scope = format!("{}/.default", self.origin);
        let answer = self.token_for(client_id, &self.token, &scope).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.as_bearer(answer.json()["access_token"].as_str().unwrap())
    }

    /// Creates an account with this id.
    pub async fn account(&self, id: &str, mut body: Json) {
        body["accountid"] = json!(id);
        let answer = self.post("accounts", body).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    /// The values of a column of a list, in its order.
    pub async fn column(&self, path: &str, column: &str) -> Vec<Json> {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()["value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[column].clone())
            .collect()
    }
}

impl Answer {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Status and error code, the pair by which refusals are told apart.
    pub fn refusal(&self) -> (u16, String) {
        let code = self.json()["error"]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (self.status.as_u16(), code)
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
