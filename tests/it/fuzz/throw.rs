//! A running instance, and requests by hand: a client would tidy up what must arrive as it is.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value as Json;

use super::grammar::{Door, Grammar};
use crate::support::emulated::Emulated;

/// What can't stand in the target of a request at all.
const TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'#')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');
/// The longest target that is thrown; the HTTP server's own limit is not the subject.
const LONGEST: usize = 30_000;

pub const ACCOUNT: &str = "00000000-0000-4000-8000-000000000001";

pub struct Lab {
    emulated: Emulated,
    /// Keeps the emulator running.
    _runtime: tokio::runtime::Runtime,
    stream: Option<BufReader<TcpStream>>,
    pub thrown: u64,
    pub statuses: BTreeMap<u16, u64>,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Received {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Lab {
    pub fn open() -> Lab {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let emulated = runtime.block_on(Emulated::empty());
        let mut lab = Lab {
            emulated,
            _runtime: runtime,
            stream: None,
            thrown: 0,
            statuses: BTreeMap::new(),
        };
        let account = format!(r#"{{"accountid":"{ACCOUNT}","name":"a","accountnumber":"A-1"}}"#);
        let made = lab.web_api("POST", "accounts", &[], account.as_bytes());
        assert_eq!(made.status, 204, "{made:?}");
        lab
    }

    /// An unbent sample must do what it says, or its mutations would prove little.
    pub fn accepts(&mut self, grammar: &Grammar, sample: &str) {
        let answer = self.send(grammar, sample);
        let body = String::from_utf8_lossy(&answer.body);
        assert!(answer.status < 400, "{sample}: {} {body}", answer.status);
        self.disarm(grammar);
    }

    pub fn throw(&mut self, grammar: &Grammar, text: &str) {
        let answer = self.send(grammar, text);
        self.thrown += 1;
        *self.statuses.entry(answer.status).or_default() += 1;
        self.disarm(grammar);
        is_sane(text, &answer);
        if self.thrown.is_multiple_of(64) {
            self.lives();
        }
    }

    pub fn lives(&mut self) {
        let who = self.web_api("GET", "WhoAmI", &[], b"");
        assert_eq!(who.status, 200, "{who:?}");
    }

    fn disarm(&mut self, grammar: &Grammar) {
        if matches!(grammar.door, Door::Fault) {
            let cleared = self.request("DELETE", "/emulator/faults", &[], b"");
            assert!(cleared.status < 300, "{cleared:?}");
        }
    }

    fn send(&mut self, grammar: &Grammar, text: &str) -> Received {
        let encoded = || utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let json = [("content-type", "application/json")];
        match grammar.door {
            Door::Path => {
                let path = utf8_percent_encode(text, TARGET).to_string();
                self.web_api("GET", &cut(&path), &[], b"")
            }
            Door::Query => {
                let query = utf8_percent_encode(text, TARGET).to_string();
                self.web_api("GET", &cut(&format!("accounts?{query}")), &[], b"")
            }
            Door::Option(start) => {
                let target = cut(&format!("{start}{}", encoded()));
                self.web_api("GET", &target, &[], b"")
            }
            Door::Body(method, path) => self.web_api(method, path, &json, text.as_bytes()),
            Door::Batch => {
                let kind = [("content-type", "multipart/mixed; boundary=b")];
                let body = text.replace('\n', "\r\n");
                self.web_api("POST", "$batch", &kind, body.as_bytes())
            }
            Door::Header(name, path) => {
                let visible = |char: &char| *char == ' ' || char.is_ascii_graphic();
                let value: String = text.chars().filter(visible).take(4000).collect();
                self.web_api("GET", path, &[(name, &value)], b"")
            }
            Door::Form(path) => {
                let filled = text.replace("TOKEN", self.emulated.pair.token());
                let filled = filled.replace("ORIGIN", self.emulated.pair.us_url());
                let kind = [("content-type", "application/x-www-form-urlencoded")];
                self.request("POST", path, &kind, filled.as_bytes())
            }
            Door::Fault => self.request("POST", "/emulator/faults", &json, text.as_bytes()),
            Door::Call => unreachable!("not over a socket"),
        }
    }

    pub fn web_api(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Received {
        self.request(method, &format!("/api/data/v9.2/{path}"), headers, body)
    }

    /// Sends on the connection that is open, or on a new one.
    fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Received {
        let host = self
            .emulated
            .pair
            .us_url()
            .trim_start_matches("http://")
            .to_owned();
        let mut head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n",
            self.emulated.pair.token(),
            body.len()
        );
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let whole = [head.as_bytes(), body].concat();
        let mut stream = self.stream.take().unwrap_or_else(|| {
            let stream = TcpStream::connect(&host).unwrap();
            stream.set_nodelay(true).unwrap();
            let patience = Some(Duration::from_secs(20));
            stream.set_read_timeout(patience).unwrap();
            BufReader::new(stream)
        });
        stream.get_mut().write_all(&whole).unwrap();
        let answer =
            read(&mut stream).unwrap_or_else(|error| panic!("no answer to {head:.2000}: {error}"));
        if answer
            .headers
            .get("connection")
            .is_none_or(|value| value != "close")
        {
            self.stream = Some(stream);
        }
        answer
    }
}

/// A text that is short enough for the target of a request.
fn cut(target: &str) -> String {
    let mut cut = target.get(..LONGEST).unwrap_or(target).to_owned();
    while cut.len() == LONGEST && cut[LONGEST - 2..].contains('%') {
        cut.truncate(LONGEST - 3);
    }
    cut
}

fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Received> {
    let invalid = |what: &str| std::io::Error::other(what.to_owned());
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or_else(|| invalid(&format!("not a status line: {line:?}")))?;
    let mut headers = BTreeMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.insert(name.to_lowercase(), value.to_owned()),
            None if line.trim_end().is_empty() => break,
            None => return Err(invalid(&format!("not a header: {line:?}"))),
        };
    }
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        let length = length
            .parse()
            .map_err(|_| invalid("a length that is none"))?;
        body.resize(length, 0);
        stream.read_exact(&mut body)?;
    } else if headers
        .get("transfer-encoding")
        .is_some_and(|value| value == "chunked")
    {
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let length =
                usize::from_str_radix(line.trim_end(), 16).map_err(|_| invalid("not a chunk"))?;
            let mut chunk = vec![0; length + 2];
            stream.read_exact(&mut chunk)?;
            if length == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..length]);
        }
    } else if !matches!(status, 204 | 304) {
        return Err(invalid("a body without an end"));
    }
    Ok(Received {
        status,
        headers,
        body,
    })
}

/// Whether an answer is one that a client can take apart.
pub fn is_sane(text: &str, answer: &Received) {
    let body = String::from_utf8_lossy(&answer.body);
    let said = || format!("{text:.2000}\n{} {body:.2000}", answer.status);
    let is_expected = matches!(answer.status, 200 | 201 | 202 | 204 | 304 | 400..=499 | 501);
    assert!(is_expected, "{}", said());
    let kind = answer
        .headers
        .get("content-type")
        .map_or("", String::as_str);
    if kind.starts_with("application/json") {
        let json: Json = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("{error}: {}", said()));
        assert!(
            answer.status < 400 || json.get("error").is_some(),
            "{}",
            said()
        );
    } else if let Some(boundary) = kind.strip_prefix("multipart/mixed; boundary=") {
        let is_whole = body.starts_with(&format!("--{boundary}\r\n"))
            && body.ends_with(&format!("--{boundary}--\r\n"));
        assert!(
            is_whole || body == format!("--{boundary}--\r\n"),
            "{}",
            said()
        );
        assert!(!body.contains("\r\nHTTP/1.1 500"), "{}", said());
    } else {
        assert!(
            answer.status < 400 || answer.body.is_empty() || kind.starts_with("text/"),
            "{kind}: {}",
            said()
        );
    }
}
