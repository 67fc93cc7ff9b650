//! A table of real data: what the hook writes is in the target's terms, what it reads in the source's.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::support::{Hooked, id};
use crate::real_data::links;

/// Called and coded differently in the two instances, and not all of it is on the link.
const TABLE: &str = "name='account'\nkeys=['accountnumber']\nstub=['name','industrycode']\ncolumns=['name','telephone1']\n\
                     where=\"sic eq 'a'\"\nset={description='from the US',creditonhold=true}\n\
                     map=[{from='tickersymbol',to='accountnumber'},\
                     {from='customertypecode',to='industrycode',values={3=16,10=17}}]";

async fn mapped() -> Hooked {
    let hooked = Hooked::with(|config| {
        let path = Path::new("/etc/tandem.toml");
        let written = tandem::config::parse(&links(TABLE), path, config.state.to_path_buf());
        config.links = written.unwrap().links;
    })
    .await;
    hooked.register().await;
    hooked
}

async fn stub(hooked: &Hooked, n: u32) -> Json {
    let path = format!("accounts({})", id(n));
    hooked.europe().get(&path).await.json()
}

#[tokio::test]
async fn a_stub_is_read_by_the_sources_names_and_written_by_the_targets() {
    let hooked = mapped().await;
    let own = json!({"name": "Contoso", "sic": "A", "tickersymbol": "CTSO", "customertypecode": 3, "telephone1": "1"});
    hooked.us().account(&id(1), own).await;
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let written = stub(&hooked, 1).await;
    let shown = |column: &str| written[column].clone();
    assert_eq!(
        ["name", "accountnumber", "industrycode", "telephone1"].map(shown),
        [json!("Contoso"), json!("CTSO"), json!(16), Json::Null]
    );
    assert_eq!(shown("tickersymbol"), Json::Null);
    assert_eq!(
        ["description", "creditonhold"].map(shown),
        [json!("from the US"), json!(true)],
        "what every row is created with"
    );

    // Asked for by the target's key, the source is asked by its own.
    let other = json!({"tickersymbol": "FBKM", "sic": "a"});
    hooked.us().account(&id(2), other).await;
    let by_key = json!({"table": "account", "key": {"accountnumber": "FBKM"}});
    let told = json!({"table": "account", "id": id(2), "outcome": "created"});
    assert_eq!(hooked.ask(by_key).await, (201, told));
    assert_eq!(
        stub(&hooked, 2).await["name"],
        "Awaiting sync FBKM",
        "nobody knows its name yet"
    );
}

#[tokio::test]
async fn a_row_that_is_not_on_the_link_is_not_made() {
    let hooked = mapped().await;
    let own = json!({"name": "Contoso", "sic": "b"});
    hooked.us().account(&id(1), own).await;
    let answer = hooked.ticket("accounts", &id(1)).await;
    assert_eq!(answer.refusal(), (404, "0x80040217".to_owned()));
    assert!(hooked.writes("accounts").await.is_empty());
    assert_eq!(hooked.counted("references", "out_of_scope").await, 1);
    let (status, answer) = hooked.ask(json!({"table": "account", "id": id(1)})).await;
    assert_eq!(status, 422, "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("`where`"));
}

#[tokio::test]
async fn a_value_that_the_target_has_no_word_for_costs_no_ticket() {
    let hooked = mapped().await;
    let own = json!({"name": "Contoso", "sic": "a", "customertypecode": 7});
    hooked.us().account(&id(1), own).await;
    assert_eq!(hooked.ticket("accounts", &id(1)).await.status, 204);
    let written = stub(&hooked, 1).await;
    assert_eq!(written["name"], "Printer on fire", "what came along");
    assert_eq!(written["description"], "from the US");
}
