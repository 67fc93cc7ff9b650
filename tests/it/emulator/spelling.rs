//! The spelling of header names on the wire, which clients with plain dictionaries depend on.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::emulated::Emulated;

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_spelled_as_dataverse_spells_them() {
    let emulated = Emulated::empty().await;
    let address = emulated.pair.us_url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let body = r#"{"name":"Spelled"}"#;
    write!(
        stream,
        "POST /api/data/v9.2/accounts HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        emulated.pair.token(),
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    for name in [
        "OData-EntityId",
        "OData-Version",
        "REQ_ID",
        "Date",
        "x-ms-service-request-id",
        "x-ms-dop-hint",
    ] {
        assert!(answer.contains(&format!("\r\n{name}: ")), "{answer}");
    }
}
