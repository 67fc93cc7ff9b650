//! Which faults strike: drawn from the run's chance, and only ever met by tandem's own users.

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value as Json, json};

/// A fault, as it is armed at one instance for one of tandem's users.
pub fn draw(chance: &mut StdRng, client: &str) -> Json {
    let mut fault = kinds(chance);
    let said = fault.as_object_mut().unwrap();
    if said.contains_key("path") {
        // The token endpoint knows nobody yet.
        said.insert("count".to_owned(), json!(chance.random_range(1..4)));
        return fault;
    }
    said.insert("client".to_owned(), json!(client));
    if let Some(method) = [None, None, Some("GET"), Some("PATCH"), Some("POST")]
        .choose(chance)
        .unwrap()
    {
        said.insert("method".to_owned(), json!(method));
    }
    if chance.random_bool(0.5) {
        said.insert("count".to_owned(), json!(chance.random_range(1..5)));
    } else {
        said.insert("count".to_owned(), Json::Null);
        said.insert("for_s".to_owned(), json!(chance.random_range(0.05..0.6)));
        said.insert("share".to_owned(), json!(chance.random_range(0.2..1.0)));
        said.insert("seed".to_owned(), json!(chance.random::<u32>()));
    }
    fault
}

fn kinds(chance: &mut StdRng) -> Json {
    let is_after = chance.random_bool(0.5);
    let moment = if is_after { "after" } else { "before" };
    match chance.random_range(0..20) {
        0 | 1 => json!({
            "status": 429, "code": "0x80072322", "retry_after": chance.random_range(0..2)
        }),
        2 => json!({"status": 503, "after": is_after}),
        3 => json!({"status": 503, "retry_after": 0}),
        4 => json!({"status": 502, "after": is_after}),
        5 => json!({"status": 504, "after": is_after}),
        6 => json!({"status": 500, "after": is_after}),
        7 | 8 => json!({"reset": moment}),
        9 => json!({"close": moment}),
        10 => json!({"hang": moment}),
        11 => json!({"truncate": true}),
        12 => json!({"shorten": true}),
        13 => json!({"chunk_cut": true}),
        14 => json!({"length_off": *[-7, 7].choose(chance).unwrap()}),
        15 => json!({"delay_ms": chance.random_range(20..300)}),
        16 => json!({"slow_head_ms": chance.random_range(20..300)}),
        17 => {
            json!({"body": "<html><body>Sign in to the network</body></html>", "after": is_after})
        }
        18 => json!({"status": 401}),
        _ => json!({"path": "/oauth2/", "status": *[500, 503].choose(chance).unwrap()}),
    }
}
