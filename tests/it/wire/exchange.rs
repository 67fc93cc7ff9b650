//! Plays a golden: sends its requests as text over a socket and holds the answer against the golden's.

use std::time::Duration;

use serde_json::Value as Json;
use tandem::emulator::{Data, Options, Webhooks};

use super::Golden;
use super::pattern::{self, Bound};
use crate::support::emulated::{Answer, Emulated};
use crate::support::stub::{Stub, answer};

/// An instance with users and nothing else, and what is bound so far.
pub struct Instance {
    pub emulated: Emulated,
    pub bound: Bound,
    pub hook: Stub,
}

/// A request as it is written in a golden.
struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
    /// What to bind from its answer: name, and a pointer into the body or `header: name`.
    binds: Vec<(String, String)>,
}

/// The headers that go with every request (contract 1.2).
const ALWAYS: [(&str, &str); 3] = [
    ("Accept", "application/json"),
    ("OData-MaxVersion", "4.0"),
    ("OData-Version", "4.0"),
];

impl Instance {
    pub async fn start() -> Instance {
        let emulated = Emulated::with(Options {
            data: Data::Empty,
            plug_in: false,
            webhooks: Webhooks {
                any_port: true,
                limit: Duration::from_secs(2),
            },
            ..Options::default()
        })
        .await;
        let hook = Stub::answering(|_, text| {
            let refuses = text.starts_with("POST /refuse");
            answer(if refuses { "400 Bad Request" } else { "200 OK" }, &[], "")
        })
        .await;
        let origin = emulated.pair.us_url().to_owned();
        let mut bound = Bound::from([
            ("root".to_owned(), format!("{origin}/api/data/v9.2/")),
            ("hook".to_owned(), hook.origin.clone()),
            ("token".to_owned(), emulated.pair.token().to_owned()),
            ("origin".to_owned(), origin),
        ]);
        for digit in 1..=9 {
            let id = format!("{digit}0000000-0000-4000-8000-000000000000");
            bound.insert(digit.to_string(), id);
        }
        Instance {
            emulated,
            bound,
            hook,
        }
    }

    /// Its answer, and how that differs from what is documented.
    pub async fn play(&mut self, golden: &Golden) -> (Answer, Option<String>) {
        self.prepare(golden).await;
        let answer = self.send(golden.request).await;
        let difference = self
            .difference(golden.answer, &answer)
            .map(|why| format!("{why}\n{} {}", answer.status, answer.text));
        (answer, difference)
    }

    /// Sends what the golden needs to have happened.
    pub async fn prepare(&mut self, golden: &Golden) {
        for text in golden.given {
            let answer = self.send(text).await;
            assert!(
                answer.status.is_success(),
                "{golden}\ngiven {text}\n{answer:?}"
            );
        }
    }

    pub async fn send(&mut self, text: &str) -> Answer {
        let request = Request::read(&pattern::filled(text, &self.bound));
        let us = self.emulated.us();
        let url = match request.url.strip_prefix('/') {
            Some(path) => format!("{}/{path}", us.origin),
            None if request.url.starts_with("http") => request.url.clone(),
            None => us.url(&request.url),
        };
        let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap();
        let mut sent = self.emulated.client.request(method, &url);
        let own = |name: &str| {
            let mut headers = request.headers.iter();
            headers.any(|(own, _)| own.eq_ignore_ascii_case(name))
        };
        for (name, value) in ALWAYS.into_iter().filter(|(name, _)| !own(name)) {
            sent = sent.header(name, value);
        }
        if request.method == "GET" && !own("If-None-Match") {
            sent = sent.header("If-None-Match", "null");
        }
        if !request.body.is_empty() && !own("Content-Type") {
            sent = sent.header("Content-Type", "application/json; charset=utf-8");
        }
        if !own("Authorization") {
            sent = sent.bearer_auth(&us.token);
        }
        for (name, value) in request.headers.iter().filter(|(_, value)| value != "none") {
            sent = sent.header(name, value);
        }
        let response = sent.body(request.body).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer {
            status,
            headers,
            text: String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap(),
        };
        for (name, from) in request.binds {
            let value = match from.strip_prefix("header: ") {
                Some(header) => answer.header(header).to_owned(),
                None => match answer.json().pointer(&from) {
                    Some(Json::String(text)) => text.clone(),
                    other => panic!("{from} is {other:?} in {}", answer.text),
                },
            };
            self.bound.insert(name, value);
        }
        answer
    }

    /// How an answer differs from the documented one.
    fn difference(&self, documented: &str, answer: &Answer) -> Option<String> {
        let documented = pattern::filled(documented, &self.bound);
        let (head, body) = documented
            .split_once("\n\n")
            .unwrap_or((documented.trim_end(), ""));
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').next().unwrap();
        if status != answer.status.as_str() {
            return Some(format!("status {}, not {status}", answer.status));
        }
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            let found = answer.header(name);
            if value == "«absent»" {
                if answer.headers.contains_key(name) {
                    return Some(format!("header {name}: {found}, not expected"));
                }
            } else if !answer.headers.contains_key(name) {
                return Some(format!("header {name}: missing"));
            } else if let Some(why) = pattern::text(value, found) {
                return Some(format!("header {name}: {why}"));
            }
        }
        match serde_json::from_str::<Json>(body) {
            Ok(body) => match serde_json::from_str(&answer.text) {
                Ok(found) => pattern::json(&body, &found, ""),
                Err(error) => Some(format!("not JSON: {error}")),
            },
            Err(_) => pattern::text(
                body.trim_end(),
                answer.text.replace("\r\n", "\n").trim_end(),
            ),
        }
    }
}

impl Request {
    fn read(text: &str) -> Request {
        let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end(), ""));
        let mut lines = head.lines();
        let (method, url) = lines.next().unwrap().split_once(' ').unwrap();
        let (mut headers, mut binds) = (Vec::new(), Vec::new());
        for line in lines {
            match line.strip_prefix("bind ") {
                Some(bind) => {
                    let (name, from) = bind.split_once(" = ").unwrap();
                    binds.push((name.to_owned(), from.to_owned()));
                }
                None => {
                    let (name, value) = line.split_once(": ").expect(line);
                    headers.push((name.to_owned(), value.to_owned()));
                }
            }
        }
        let is_batch = headers.iter().any(|(_, value)| value.contains("multipart"));
        let body = match body.strip_prefix("«lf»") {
            Some(body) => body.to_owned(),
            None if is_batch => body.replace('\n', "\r\n"),
            None => body.to_owned(),
        };
        Request {
            method: method.to_owned(),
            url: url.to_owned(),
            headers,
            body,
            binds,
        }
    }
}

/// The class that our client must find, for an error that it can meet.
pub fn class(golden: &Golden) -> Option<&'static str> {
    let first = golden.answer.lines().next().unwrap();
    first.split_once(' ').map(|(_, class)| class)
}
