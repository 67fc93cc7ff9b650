//! Requests that no client means: whatever comes, the answer is a refusal and the instance lives on.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::id;
use crate::support::emulated::Emulated;

const PIECES: [&str; 44] = [
    "accounts",
    "contacts",
    "EntityDefinitions",
    "(",
    ")",
    "'",
    "''",
    "%27",
    "=",
    ",",
    "/",
    "?",
    "&",
    "$filter=",
    "$select=",
    "$orderby=",
    "$top=",
    "$expand=",
    "$skiptoken=",
    "$count=true",
    "name",
    "accountnumber",
    "%20eq%20",
    "%20and%20",
    "%20or%20",
    "not%20",
    "contains(",
    "Microsoft.Dynamics.CRM.In(",
    "PropertyName=",
    "PropertyValues=",
    "[",
    "]",
    "%22",
    "@p1",
    "%C3%A9",
    "%F0%9F%92%A5",
    "%FF",
    "%",
    "00000000-0000-4000-8000-000000000001",
    "LogicalName='account'",
    "primarycontactid/",
    "-1e999",
    "9999999999999999999",
    "0001-01-01T00:00:00Z",
];

#[tokio::test]
async fn nonsense_in_urls_is_refused_and_breaks_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    let host = us.origin.trim_start_matches("http://");
    let mut random = StdRng::seed_from_u64(7);
    for method in ["GET", "PATCH", "POST", "DELETE"] {
        for _ in 0..250 {
            let path: String = (0..random.random_range(1..14))
                .map(|_| *PIECES.choose(&mut random).unwrap())
                .collect();
            // By hand, because a client would tidy the URL up.
            let mut stream = TcpStream::connect(host).await.unwrap();
            let head = format!(
                "{method} /api/data/v9.2/{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n[]",
                us.token
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let status = String::from_utf8_lossy(&answer)
                .get(9..12)
                .unwrap_or_default()
                .to_owned();
            let sane =
                status.starts_with('4') || status == "501" || (method == "GET" && status == "200");
            assert!(
                sane || (method == "DELETE" && status == "204"),
                "{method} {path}: {status}"
            );
        }
    }
    assert_eq!(us.get("WhoAmI").await.status, 200);
}

#[tokio::test]
async fn nonsense_in_bodies_is_refused_and_breaks_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let deep = format!("{}{}", "{\"a\":".repeat(3000), "}".repeat(3000));
    let bodies = [
        "",
        "null",
        "{",
        "\u{feff}{}",
        "{\"name\":1e400}",
        "{\"revenue\":1e308}",
        "{\"numberofemployees\":99999999999999999999}",
        "{\"name\":\"\\ud800\"}",
        "{\"accountid\":\"x\"}",
        "{\"ownerid@odata.bind\":\"/systemusers(é)\"}",
        "{\"ownerid@odata.bind\":\"((((\"}",
        "{\"primarycontactid@odata.bind\":{}}",
        "{\"primarycontactid\":[]}",
        "{\"overriddencreatedon\":\"9999999-01-01T00:00:00Z\"}",
        "{\"@odata.bind\":1}",
        "{\"name@\":1,\"nothing@\":1}",
        &deep,
    ];
    for body in bodies {
        let request = us
            .request("POST", &us.url("accounts"))
            .header("content-type", "application/json");
        let status = request
            .body(body.to_owned())
            .send()
            .await
            .unwrap()
            .status()
            .as_u16();
        assert_eq!(status, 400, "{body:.80}");
    }
    assert!(us.column("accounts", "name").await.is_empty());
}

const QUERIES: [(&str, &[&str]); 5] = [
    (
        "$filter",
        &[
            "name",
            " eq ",
            "'x'",
            "'",
            "(",
            ")",
            " and ",
            " or ",
            "not ",
            "contact_customer_accounts/any(c:",
            "/all(",
            "c/",
            "lastname",
            "primarycontactid/",
            "Microsoft.Dynamics.CRM.",
            "LastXDays(",
            "Under(",
            "In(",
            "PropertyName=",
            "PropertyValue=",
            "PropertyValues=",
            "[\"1\"]",
            "'createdon'",
            "99999999999",
            "-1",
            "null",
            ",",
            "@a",
            "é",
            "💥",
        ],
    ),
    (
        "$expand",
        &[
            "primarycontactid",
            "contact_customer_accounts",
            "parentaccountid",
            "(",
            ")",
            ";",
            ",",
            "/$ref",
            "$select=",
            "$filter=",
            "$orderby=",
            "$top=",
            "$expand=",
            "lastname",
            "name",
            "1",
            "'",
            " eq ",
            "é",
            "*",
        ],
    ),
    (
        "$apply",
        &[
            "filter(",
            "groupby(",
            "aggregate(",
            "(",
            ")",
            "/",
            ",",
            "name",
            "revenue",
            "$count",
            " with ",
            "sum",
            "average",
            " as ",
            "n",
            "primarycontactid/fullname",
            " eq ",
            "'x'",
            "'",
            "é",
        ],
    ),
    (
        "fetchXml",
        &[
            "<fetch>",
            "</fetch>",
            "<fetch ",
            "<entity name='account'>",
            "</entity>",
            "<attribute name='name'/>",
            "<attribute name='revenue' alias='a' aggregate='sum'/>",
            "aggregate='true'",
            "<filter>",
            "</filter>",
            "<condition attribute='name' operator='like' value='%'/>",
            "<condition ",
            "<link-entity name='contact' from='contactid' to='primarycontactid'>",
            "</link-entity>",
            "<order attribute='name'/>",
            "page='2'",
            "paging-cookie='<'",
            ">",
            "/>",
            "<",
            "&amp;",
            "&",
            "<!--",
            "]]>",
            "é",
        ],
    ),
    (
        "sql",
        &[
            "SELECT ",
            "DISTINCT ",
            "TOP 2 ",
            "name",
            "revenue",
            "*",
            ", ",
            " FROM account",
            " a",
            " AS ",
            " JOIN contact c ON ",
            "a.accountid",
            "=",
            "c.parentcustomerid",
            " LEFT",
            " WHERE ",
            " AND ",
            " OR ",
            " NOT ",
            " IN (",
            ")",
            "(",
            "'x'",
            "'",
            "1.5",
            "-",
            " GROUP BY ",
            " ORDER BY ",
            "COUNT(",
            "SUM(",
            " OFFSET 1 ROWS",
            ";",
            "--",
            "/*",
            "[",
            "]",
            "é",
        ],
    ),
];

#[tokio::test]
async fn nonsense_in_queries_is_refused_and_breaks_nothing() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    us.account(&id(1), json!({"name": "a", "accountnumber": "A-1"}))
        .await;
    let mut random = StdRng::seed_from_u64(11);
    for (option, pieces) in QUERIES {
        for _ in 0..300 {
            let text: String = (0..random.random_range(1..16))
                .map(|_| *pieces.choose(&mut random).unwrap())
                .collect();
            let encoded: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            let status = us.get(&format!("accounts?{option}={encoded}")).await.status;
            assert!(
                matches!(status.as_u16(), 200 | 400 | 501),
                "{option}={text}: {status}"
            );
        }
    }
    assert_eq!(us.get("WhoAmI").await.status, 200);
}
