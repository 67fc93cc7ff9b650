//! Each fault that can be armed, below HTTP too, with what it leaves in the store.

use std::io::Read;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::id;
use crate::support::emulated::{Api, Emulated};

#[tokio::test]
async fn a_status_is_answered_once_with_its_code_and_retry_after() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"count": 1, "status": 429, "retry_after": 2}))
        .await;
    let answer = us.post("accounts", json!({"name": "a"})).await;
    assert_eq!(answer.refusal(), (429, "0x80072322".to_owned()));
    assert_eq!(answer.header("retry-after"), "2");
    assert!(
        us.column("accounts", "name").await.is_empty(),
        "the work was not done"
    );
    us.arm(json!({"status": 429, "code": "0x80072326"})).await;
    assert_eq!(
        us.get("WhoAmI").await.refusal(),
        (429, "0x80072326".to_owned())
    );
    us.arm(json!({"status": 401})).await;
    let expired = us.get("WhoAmI").await;
    assert_eq!(expired.status, 401);
    assert!(expired.header("www-authenticate").contains("resource_id="));
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_not_json_and_a_delay_come_as_armed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"status": 502, "body": "<html>Bad gateway</html>"}))
        .await;
    let answer = us.get("WhoAmI").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text.as_str()),
        (502, "<html>Bad gateway</html>")
    );
    assert!(answer.header("content-type").starts_with("text/html"));
    us.arm(json!({"delay_ms": 120})).await;
    let start = Instant::now();
    assert_eq!(us.get("WhoAmI").await.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn one_client_can_be_struck_while_all_others_are_served() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"count": null, "status": 403, "client": "app"}))
        .await;
    let refused = us.signed_in("app").await.get("WhoAmI").await;
    assert_eq!(refused.refusal(), (403, "0x80040220".to_owned()));
    assert_eq!(us.signed_in("other").await.get("WhoAmI").await.status, 200);
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn conditions_and_counts_choose_what_is_struck() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(
        json!({"count": null, "status": 503, "method": "PATCH", "table": "account", "path": id(1)}),
    )
    .await;
    us.account(&id(1), json!({"name": "a"})).await;
    us.account(&id(2), json!({"name": "b"})).await;
    let patch = json!({"description": "c"});
    assert_eq!(
        us.patch(&format!("accounts({})", id(2)), patch.clone())
            .await
            .status,
        204
    );
    assert_eq!(
        us.patch(&format!("contacts({})", id(1)), patch.clone())
            .await
            .status,
        204
    );
    for _ in 0..3 {
        assert_eq!(
            us.patch(&format!("accounts({})", id(1)), patch.clone())
                .await
                .status,
            503
        );
    }
    let listed = us.control("GET", "faults", None).await;
    assert_eq!(
        (
            listed["faults"][0]["hits"].clone(),
            listed["faults"][0]["hits_left"].clone()
        ),
        (json!(3), Json::Null)
    );
    us.control("DELETE", "faults", None).await;
    assert_eq!(
        us.patch(&format!("accounts({})", id(1)), patch)
            .await
            .status,
        204
    );
    us.arm(json!({"status": 503, "path": "/oauth2/"})).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    assert_eq!(us.token_for("a", "b", "c").await.status, 503);
    for wrong in [
        json!({}),
        json!({"status": 42}),
        json!({"status": 500, "share": 2.0}),
        json!({"nonsense": 1}),
        json!({"outage_s": -1.0}),
    ] {
        let answer = us
            .send(
                "POST",
                &format!("{}/emulator/faults", us.origin),
                &[],
                Some(wrong.clone()),
            )
            .await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_reset_before_the_work_leaves_nothing_and_one_after_it_leaves_the_row() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (number, reset, there) in [(1, "before", 404), (2, "after", 200)] {
        us.arm(json!({"reset": reset, "method": "POST"})).await;
        let lost = us
            .try_send(
                "POST",
                "accounts",
                &[],
                Some(json!({"accountid": id(number), "name": "a"})),
            )
            .await;
        assert!(lost.is_err(), "{reset}: {lost:?}");
        assert_eq!(
            us.get(&format!("accounts({})", id(number))).await.status,
            there,
            "{reset}"
        );
    }
}

#[tokio::test]
async fn a_reset_is_one_on_the_wire() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"reset": "before"})).await;
    let host = us.origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "GET /api/data/v9.2/WhoAmI HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
        us.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let end = stream.read(&mut [0; 64]).await;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_truncated_body_declares_its_whole_length() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text.len();
    for (truncate, sent) in [(json!(true), whole / 2), (json!(10), 10)] {
        us.arm(json!({"truncate": truncate})).await;
        let host = us.origin.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).await.unwrap();
        let request = format!(
            "GET /api/data/v9.2/WhoAmI HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\n\r\n",
            us.token
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {whole}")), "{head}");
        assert_eq!(body.len(), sent, "{truncate}");
        us.arm(json!({"truncate": truncate})).await;
        assert!(us.try_send("GET", "WhoAmI", &[], None).await.is_err());
    }
}

#[tokio::test]
async fn an_outage_refuses_connections_and_ends_on_the_same_port() {
    let emulated = Emulated::empty().await;
    let (us, europe) = (emulated.us(), emulated.europe());
    let host = europe.origin.trim_start_matches("http://");
    europe.account(&id(1), json!({"name": "kept"})).await;
    let mut idle = TcpStream::connect(host).await.unwrap();
    europe.arm(json!({"outage_s": 0.6})).await;
    let start = Instant::now();
    assert_eq!(
        idle.read(&mut [0; 8]).await.unwrap_or(0),
        0,
        "open connections are closed"
    );
    tokio::time::sleep(Duration::from_millis(50)).await;
    let refused = TcpStream::connect(host).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    assert_eq!(
        us.get("WhoAmI").await.status,
        200,
        "the other instance is well"
    );
    while TcpStream::connect(host).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(500));
    assert_eq!(europe.column("accounts", "name").await, [json!("kept")]);
}

#[tokio::test]
async fn an_outage_with_a_condition_waits_for_it() {
    let emulated = Emulated::empty().await;
    let europe = emulated.europe();
    europe.arm(json!({"outage_s": 0.2, "method": "POST"})).await;
    assert_eq!(europe.get("WhoAmI").await.status, 200);
    assert!(
        europe
            .try_send("POST", "accounts", &[], Some(json!({"name": "a"})))
            .await
            .is_err()
    );
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(europe.column("accounts", "name").await.is_empty());
}

#[tokio::test]
async fn a_lost_204_leaves_the_row_and_no_byte() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a"})).await;
    for (moment, name) in [("before", "a"), ("after", "b")] {
        us.arm(json!({"close": moment, "method": "DELETE"})).await;
        let mut lost = Raw::to(&us).await;
        lost.ask("DELETE", &format!("contacts({})", id(1)), "")
            .await;
        let bytes = lost.everything().await;
        assert!(bytes.is_empty(), "{moment}: an end, and before it nothing");
        us.arm(json!({"close": moment, "method": "PATCH"})).await;
        let path = format!("accounts({})", id(1));
        let patch = Some(json!({"name": "b"}));
        us.try_send("PATCH", &path, &[], patch).await.unwrap_err();
        assert_eq!(us.get(&path).await.json()["name"], name, "{moment}");
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_leaves_the_connection_open() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (number, moment, there) in [(1, "before", 404), (2, "after", 200)] {
        us.arm(json!({"hang": moment, "method": "POST"})).await;
        let body = json!({"accountid": id(number), "name": "a"}).to_string();
        let mut hung = Raw::to(&us).await;
        let head = format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        hung.ask("POST", "accounts", &head).await;
        hung.stream.write_all(body.as_bytes()).await.unwrap();
        assert!(hung.is_dumb().await, "{moment}");
        let row = us.get(&format!("accounts({})", id(number))).await;
        assert_eq!(row.status, there, "{moment}");
        hung.ask("GET", "WhoAmI", "").await;
        assert!(hung.is_dumb().await, "{moment}");
    }
}

#[tokio::test]
async fn a_half_open_connection_answers_once() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"half_open": true})).await;
    let mut pooled = Raw::to(&us).await;
    pooled.ask("GET", "WhoAmI", "").await;
    let mut answer = [0; 12];
    pooled.stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut rest = [0; 16_384];
    assert!(pooled.stream.read(&mut rest).await.unwrap() > 0);
    assert!(pooled.is_dumb().await);
    pooled.ask("GET", "WhoAmI", "").await;
    assert!(pooled.is_dumb().await);
    assert_eq!(us.get("WhoAmI").await.status, 200, "a new one is served");
}

#[tokio::test]
async fn a_shortened_body_looks_whole() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text;
    us.arm(json!({"shorten": true})).await;
    let cut = us.get("WhoAmI").await;
    assert_eq!(cut.status, 200);
    assert_eq!(cut.text, whole[..whole.len() / 2]);
    assert!(serde_json::from_str::<Json>(&cut.text).is_err());
}

#[tokio::test]
async fn a_declared_length_can_be_wrong_both_ways() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text.len();
    for off in [10_i64, -10] {
        us.arm(json!({"length_off": off})).await;
        let (head, body) = raw(&us, "").await;
        let declared = whole as i64 + off;
        assert!(
            head.contains(&format!("content-length: {declared}")),
            "{head}"
        );
        assert_eq!(body.len(), whole, "{off}");
    }
}

#[tokio::test]
async fn a_chunk_is_cut_in_its_middle() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text.len();
    us.arm(json!({"chunk_cut": true})).await;
    let (head, body) = raw(&us, "").await;
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    let body = String::from_utf8(body).unwrap();
    let (size, rest) = body.split_once("\r\n").unwrap();
    assert_eq!(usize::from_str_radix(size, 16).unwrap(), whole / 2);
    let (size, part) = rest[whole / 2 + 2..].split_once("\r\n").unwrap();
    let size = usize::from_str_radix(size, 16).unwrap();
    assert_eq!((size, part.len()), (whole - whole / 2, size / 2));
    us.arm(json!({"chunk_cut": true})).await;
    us.try_send("GET", "WhoAmI", &[], None).await.unwrap_err();
}

#[tokio::test]
async fn gzip_is_cut_or_none_but_only_for_who_takes_it() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text;
    us.arm(json!({"gzip": "cut"})).await;
    let plain = [("accept-encoding", "identity")];
    let plain = us.send("GET", "WhoAmI", &plain, None).await;
    assert_eq!(plain.text, whole, "it does not take gzip");
    let headers = "accept-encoding: gzip, deflate\r\nconnection: close\r\n";
    let (head, body) = raw(&us, headers).await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert!(
        head.contains(&format!("content-length: {}", body.len())),
        "{head}"
    );
    let mut unpacked = String::new();
    let cut = GzDecoder::new(body.as_slice()).read_to_string(&mut unpacked);
    assert_eq!(cut.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    us.arm(json!({"gzip": "lie"})).await;
    let (head, body) = raw(&us, headers).await;
    assert!(head.contains("content-encoding: gzip"), "{head}");
    assert_eq!(String::from_utf8(body).unwrap(), whole);
}

#[tokio::test]
async fn head_and_body_come_slowly() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let whole = us.get("WhoAmI").await.text;
    us.arm(json!({"slow_head_ms": 150})).await;
    let mut slow = Raw::to(&us).await;
    slow.ask("GET", "WhoAmI", "").await;
    assert!(slow.is_dumb().await);
    assert!(slow.rest().await.0.starts_with("http/1.1 200"));

    let per_second = whole.len() as u64 * 4;
    us.arm(json!({"slow_body_bps": per_second})).await;
    let start = Instant::now();
    let mut slow = us.request("GET", &us.url("WhoAmI")).send().await.unwrap();
    assert_eq!(slow.status(), 200, "the head is there at once");
    assert!(start.elapsed() < Duration::from_millis(150));
    let mut parts = Vec::new();
    while let Some(part) = slow.chunk().await.unwrap() {
        parts.push(part);
    }
    assert_eq!(parts.concat(), whole.as_bytes());
    assert!(parts.len() > 2, "it comes in pieces");
    assert!(start.elapsed() > Duration::from_millis(180));
}

#[tokio::test]
async fn an_error_after_the_work_hides_what_was_done() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"status": 503, "after": true, "method": "POST"}))
        .await;
    let body = json!({"accountid": id(1), "name": "a"});
    assert_eq!(us.post("accounts", body).await.status, 503);
    assert_eq!(us.get(&format!("accounts({})", id(1))).await.status, 200);
}

#[tokio::test]
async fn a_retry_after_goes_out_as_absurd_as_it_was_armed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (armed, sent) in [
        (json!(30), "30"),
        (json!("-1"), "-1"),
        (json!(-1), "-1"),
        (json!("1e12"), "1e12"),
        (json!("soon"), "soon"),
        (
            json!("Wed, 21 Oct 2015 07:28:00 GMT"),
            "Wed, 21 Oct 2015 07:28:00 GMT",
        ),
        (Json::Null, ""),
    ] {
        let code = "0x80072321";
        us.arm(json!({"status": 429, "code": code, "retry_after": armed}))
            .await;
        let answer = us.get("WhoAmI").await;
        assert_eq!(answer.refusal(), (429, code.to_owned()));
        assert_eq!(answer.header("retry-after"), sent);
    }
}

#[tokio::test]
async fn the_date_header_can_be_off() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"date_skew_s": -7200})).await;
    let answer = us.get("WhoAmI").await;
    assert_eq!(answer.status, 200);
    let date = chrono::DateTime::parse_from_rfc2822(answer.header("date")).unwrap();
    let off = chrono::Utc::now().timestamp() - date.timestamp();
    assert!((7199..7210).contains(&off), "{off}");
}

#[tokio::test]
async fn a_list_lies_about_its_rows_and_links() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=5 {
        us.account(&id(number), json!({"name": format!("a{number}")}))
            .await;
    }
    us.arm(json!({"list": "empty"})).await;
    assert_eq!(
        us.get(&format!("accounts({})", id(1))).await.json()["name"],
        "a1"
    );
    let empty = us.get("accounts?$count=true").await.json();
    assert_eq!(
        (&empty["value"], &empty["@odata.count"]),
        (&json!([]), &json!(0))
    );
    let path = "accounts?$select=name&$orderby=name";
    assert_eq!(us.column(path, "name").await.len(), 5);

    us.arm(json!({"next_link": "loop"})).await;
    let page = us.get(path).await.json();
    assert_eq!(page["@odata.nextLink"], us.url(path));
    us.arm(json!({"next_link": "http://127.0.0.1:9"})).await;
    let two = [("prefer", "odata.maxpagesize=2")];
    let page = us.send("GET", path, &two, None).await.json();
    let link = page["@odata.nextLink"].as_str().unwrap();
    assert!(
        link.starts_with("http://127.0.0.1:9/api/data/v9.2/accounts?"),
        "{link}"
    );
    assert!(link.contains("skiptoken"), "{link}");
}

#[tokio::test]
async fn rows_drift_between_pages() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=5 {
        us.account(&id(number), json!({"name": format!("a{number}")}))
            .await;
    }
    for (paging, seen) in [
        ("repeat", vec!["a1", "a2", "a2", "a3", "a4", "a4", "a5"]),
        ("skip", vec!["a1", "a3", "a5"]),
    ] {
        us.control("DELETE", "faults", None).await;
        us.arm(json!({"count": null, "paging": paging})).await;
        let mut url = us.url("accounts?$select=name&$orderby=name");
        let mut names = Vec::new();
        loop {
            let page = us
                .send("GET", &url, &[("prefer", "odata.maxpagesize=2")], None)
                .await
                .json();
            let rows = page["value"].as_array().unwrap().iter();
            names.extend(rows.map(|row| row["name"].as_str().unwrap().to_owned()));
            match page["@odata.nextLink"].as_str() {
                Some(next) => url = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(names, seen, "{paging}");
    }
}

#[tokio::test]
async fn a_black_hole_swallows_connects_and_what_is_open() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let mut open = Raw::to(&us).await;
    us.arm(json!({"outage_s": 1.5, "outage": "black-hole"}))
        .await;
    let start = Instant::now();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let connect = TcpStream::connect(&open.host);
    let connected = tokio::time::timeout(Duration::from_millis(500), connect).await;
    assert!(connected.is_err(), "no answer at all: {connected:?}");
    open.ask("GET", "WhoAmI", "").await;
    assert!(open.is_dumb().await);
    // A client that is patient gets through once it is over.
    let late = tokio::time::timeout(Duration::from_secs(5), us.get("WhoAmI")).await;
    assert_eq!(late.unwrap().status, 200);
    assert!(start.elapsed() > Duration::from_millis(1400));
}

#[tokio::test]
async fn an_unanswered_port_takes_connections_and_nothing_more() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"outage_s": 0.8, "outage": "unanswered", "after_s": 0.2}))
        .await;
    assert_eq!(us.get("WhoAmI").await.status, 200, "it begins later");
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut taken = Raw::to(&us).await;
    taken.ask("GET", "WhoAmI", "").await;
    assert!(taken.is_dumb().await);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    assert!(
        us.log().await.len() == 2,
        "what was swallowed never arrived"
    );
}

#[tokio::test]
async fn a_rule_has_a_window_of_time() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.arm(json!({"count": "all", "status": 503, "after_s": 0.3, "for_s": 0.3}))
        .await;
    let start = Instant::now();
    let mut seen = Vec::new();
    while start.elapsed() < Duration::from_millis(900) {
        seen.push(us.get("WhoAmI").await.status.as_u16());
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    seen.dedup();
    assert_eq!(seen, [200, 503, 200]);
}

#[tokio::test]
async fn the_token_endpoint_fails_in_entras_shape() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (rule, status, error) in [
        (json!({"status": 500}), 500, "temporarily_unavailable"),
        (
            json!({"status": 400, "code": "AADSTS65001"}),
            400,
            "invalid_grant",
        ),
        (
            json!({"status": 401, "code": "7000222"}),
            401,
            "invalid_client",
        ),
    ] {
        let mut rule = rule;
        rule["path"] = json!("/oauth2/");
        us.arm(rule).await;
        let answer = us.token_for("a", &us.token, "b").await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["error"].as_str()),
            (status, Some(error))
        );
        assert!(
            answer.json()["error_description"]
                .as_str()
                .unwrap()
                .starts_with("AADSTS")
        );
    }
    us.arm(json!({"path": "/oauth2/", "body": "<html>Sign in to the guest network</html>"}))
        .await;
    let portal = us.token_for("a", &us.token, "b").await;
    assert_eq!(
        (portal.status.as_u16(), portal.header("odata-version")),
        (200, "")
    );
    assert!(portal.header("content-type").starts_with("text/html"));
}

#[tokio::test]
async fn what_excludes_itself_is_refused_by_name() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for (rule, says) in [
        (
            json!({"truncate": true, "gzip": "cut"}),
            "truncate and gzip exclude each other",
        ),
        (
            json!({"reset": "after", "status": 500}),
            "reset and status exclude each other",
        ),
        (
            json!({"reset": "after", "hang": "after"}),
            "reset and hang exclude each other",
        ),
        (
            json!({"status": 500, "list": "empty"}),
            "status and list exclude each other",
        ),
        (
            json!({"list": "empty", "paging": "skip"}),
            "list and paging exclude each other",
        ),
        (
            json!({"body": "x", "status": 500, "code": "1"}),
            "body and code exclude each other",
        ),
        (
            json!({"chunk_cut": true, "slow_body_bps": 1}),
            "chunk_cut and slow_body_bps",
        ),
        (json!({"outage_s": 1, "for_s": 1}), "for_s says"),
        (
            json!({"retry_after": 5}),
            "retry_after says something about status",
        ),
        (
            json!({"after": true, "delay_ms": 1}),
            "after says something about status",
        ),
        (
            json!({"outage": "black-hole", "delay_ms": 1}),
            "outage says something",
        ),
        (
            json!({"status": 429, "retry_after": "a\nb"}),
            "no header can hold",
        ),
        (json!({"next_link": "elsewhere"}), "next_link is"),
        (
            json!({"next_link": "https://a.example/path"}),
            "next_link is",
        ),
        (json!({"slow_body_bps": 0}), "slow_body_bps"),
        (json!({"delay_ms": 1e15 as u64}), "longer than a day"),
        (json!({"date_skew_s": i64::MIN}), "a hundred years"),
        (json!({"count": "some", "status": 500}), "count is"),
    ] {
        let url = format!("{}/emulator/faults", us.origin);
        let answer = us.send("POST", &url, &[], Some(rule.clone())).await;
        assert_eq!(answer.status, 400, "{rule}");
        assert!(answer.text.contains(says), "{rule}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_scenario_arms_whatever_can_be_armed() {
    let emulated = Emulated::playing(
        r#"
        story = "A portal, and a list that is none."
        [[events]]
        at = "0s"
        instance = "us"
        what = "fault"
        lasts = "300ms"
        rule = { count = "all", body = "<html>", method = "GET" }
        [[events]]
        at = "0s"
        instance = "europe"
        what = "fault"
        rule = { status = 429, retry_after = "soon" }
        "#,
    )
    .await;
    let (us, europe) = (emulated.us(), emulated.europe());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(us.get("WhoAmI").await.text, "<html>");
    assert_eq!(europe.get("WhoAmI").await.header("retry-after"), "soon");
    assert_eq!(europe.get("WhoAmI").await.status, 200);
    tokio::time::sleep(Duration::from_millis(350)).await;
    assert_eq!(us.get("WhoAmI").await.status, 200);
    let event = "[[events]]\nat = '1s'\ninstance = 'us'\n";
    for wrong in [
        "what = 'fault'",
        "what = 'slow'",
        "what = 'slow'\nlasts = '1s'\nrule = {status = 500}",
        "what = 'fault'\nrule = {status = 500, list = 'empty'}",
    ] {
        let text = format!("story = 'x'\n{event}{wrong}");
        assert!(tandem::emulator::Scenario::load(&text).is_err(), "{wrong}");
    }
}

/// A connection of its own to an instance, for what a client library would hide.
struct Raw {
    stream: TcpStream,
    host: String,
    token: String,
}

impl Raw {
    async fn to(api: &Api<'_>) -> Raw {
        let host = api.origin.trim_start_matches("http://").to_owned();
        Raw {
            stream: TcpStream::connect(&host).await.unwrap(),
            host,
            token: api.token.clone(),
        }
    }

    async fn ask(&mut self, method: &str, path: &str, headers: &str) {
        let request = format!(
            "{method} /api/data/v9.2/{path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{headers}\r\n",
            self.host, self.token
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    /// Everything up to the end of the connection.
    async fn everything(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let end = self.stream.read_to_end(&mut bytes);
        let ended = tokio::time::timeout(Duration::from_secs(10), end).await;
        ended.expect("an end").unwrap();
        bytes
    }

    /// The same, as head and body.
    async fn rest(mut self) -> (String, Vec<u8>) {
        let bytes = self.everything().await;
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let at = at.unwrap_or_else(|| panic!("no head in {bytes:?}"));
        let head = String::from_utf8(bytes[..at].to_vec()).unwrap();
        // Names of headers have no case.
        let head = head.to_lowercase();
        (head, bytes[at + 4..].to_vec())
    }

    /// Whether nothing comes, and no end either.
    async fn is_dumb(&mut self) -> bool {
        let waited = Duration::from_millis(150);
        tokio::time::timeout(waited, self.stream.read(&mut [0; 64]))
            .await
            .is_err()
    }
}

async fn raw(api: &Api<'_>, headers: &str) -> (String, Vec<u8>) {
    let mut raw = Raw::to(api).await;
    raw.ask("GET", "WhoAmI", headers).await;
    raw.rest().await
}
