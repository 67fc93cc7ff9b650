//! `?fetchXml=`: conditions, joins, totals, pages as both third-party clients follow them, refusals.

use serde_json::{Value as Json, json};

use super::id;
use crate::support::emulated::{Answer, Api, Emulated};

const PAGED: (&str, &str) = (
    "prefer",
    "odata.include-annotations=\"Microsoft.Dynamics.CRM.fetchxmlpagingcookie,Microsoft.Dynamics.CRM.morerecords\"",
);

fn path(set: &str, xml: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(xml.as_bytes()).collect();
    format!("{set}?fetchXml={encoded}")
}

async fn fetch(us: &Api<'_>, set: &str, xml: &str) -> Json {
    let answer = us.get(&path(set, xml)).await;
    assert_eq!(answer.status, 200, "{xml}: {}", answer.text);
    answer.json()["value"].clone()
}

/// The values of a column of a query about accounts.
async fn column(us: &Api<'_>, inner: &str, name: &str) -> Vec<Json> {
    let xml = format!("<fetch><entity name='account'>{inner}</entity></fetch>");
    let rows = fetch(us, "accounts", &xml).await;
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| row[name].clone())
        .collect()
}

async fn firms() -> Emulated {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    let rows = [
        (
            1,
            json!({"name": "Acme", "address1_city": "Berlin", "revenue": 10.5, "numberofemployees": 3, "customertypecode": 3}),
        ),
        (
            2,
            json!({"name": "Bolt", "address1_city": "Paris", "revenue": 1.25, "numberofemployees": 4, "customertypecode": 1,
            "parentaccountid@odata.bind": format!("/accounts({})", id(1))}),
        ),
        (
            3,
            json!({"name": "Core", "address1_city": "Paris", "numberofemployees": 4, "customertypecode": 8}),
        ),
        (4, json!({"name": "Dune"})),
    ];
    for (number, row) in rows {
        us.account(&id(number), row).await;
    }
    for (number, account, name) in [(11, 1, "Ada"), (12, 1, "Bob"), (13, 2, "Cid")] {
        let body = json!({"contactid": id(number), "lastname": name, "firstname": "X",
            "parentcustomerid_account@odata.bind": format!("/accounts({})", id(account))});
        assert_eq!(us.post("contacts", body).await.status, 204);
    }
    emulated
}

#[tokio::test]
async fn conditions_choose_rows() {
    let emulated = firms().await;
    let us = emulated.us();
    let cases: &[(&str, &[&str])] = &[
        (
            "<condition attribute='name' operator='eq' value='acme'/>",
            &["Acme"],
        ),
        (
            "<condition attribute='name' operator='ne' value='Acme'/>",
            &["Bolt", "Core", "Dune"],
        ),
        (
            "<condition attribute='name' operator='like' value='%o%'/>",
            &["Bolt", "Core"],
        ),
        (
            "<condition attribute='name' operator='not-like' value='%o%'/>",
            &["Acme", "Dune"],
        ),
        (
            "<condition attribute='name' operator='begins-with' value='a'/>",
            &["Acme"],
        ),
        (
            "<condition attribute='name' operator='not-end-with' value='e'/>",
            &["Bolt"],
        ),
        (
            "<condition attribute='numberofemployees' operator='null'/>",
            &["Dune"],
        ),
        (
            "<condition attribute='numberofemployees' operator='not-null'/>",
            &["Acme", "Bolt", "Core"],
        ),
        (
            "<condition attribute='numberofemployees' operator='between'><value>3</value><value>3</value></condition>",
            &["Acme"],
        ),
        (
            "<condition attribute='name' operator='in'><value>Acme</value><value>Dune</value></condition>",
            &["Acme", "Dune"],
        ),
        (
            "<condition attribute='accountid' operator='eq' value='{00000000-0000-4000-8000-000000000003}'/>",
            &["Core"],
        ),
        (
            "<condition attribute='parentaccountid' operator='eq' value='00000000-0000-4000-8000-000000000001' uiname='Acme' uitype='account'/>",
            &["Bolt"],
        ),
        (
            "<condition attribute='accountid' operator='under' value='00000000-0000-4000-8000-000000000001'/>",
            &["Bolt"],
        ),
        (
            "<condition attribute='accountid' operator='eq-or-under' value='00000000-0000-4000-8000-000000000001'/>",
            &["Acme", "Bolt"],
        ),
        ("<condition attribute='ownerid' operator='ne-userid'/>", &[]),
        (
            "<condition attribute='createdon' operator='today'/><condition attribute='createdon' operator='last-x-hours' value='2'/>",
            &["Acme", "Bolt", "Core", "Dune"],
        ),
        (
            "<condition attribute='creditonhold' operator='eq' value='0'/><condition attribute='statecode' operator='eq' value='0'/><condition attribute='revenue' operator='gt' value='2.5'/>",
            &["Acme"],
        ),
        (
            "<condition attribute='name' operator='eq' valueof='address1_city'/>",
            &[],
        ),
        (
            "<filter type='or'><condition attribute='name' operator='eq' value='Acme'/><filter><condition attribute='address1_city' operator='eq' value='paris'/><condition attribute='customertypecode' operator='eq' value='8'/></filter></filter>",
            &["Acme", "Core"],
        ),
    ];
    for (conditions, expected) in cases {
        let inner = format!("<attribute name='name'/><filter>{conditions}</filter>");
        assert_eq!(column(&us, &inner, "name").await, *expected, "{conditions}");
    }
}

#[tokio::test]
async fn columns_are_chosen_named_and_ordered() {
    let emulated = firms().await;
    let us = emulated.us();
    let rows = fetch(&us, "accounts", "<fetch top='1'><entity name='account'><attribute name='name' alias='n'/><attribute name='revenue'/></entity></fetch>").await;
    let row = rows[0].as_object().unwrap();
    assert_eq!(
        (&row["n"], &row["revenue"], &row["accountid"]),
        (&json!("Acme"), &json!(10.5), &json!(id(1)))
    );
    assert!(row.contains_key("@odata.etag") && row.contains_key("_transactioncurrencyid_value"));
    assert_eq!(row.len(), 5);
    // What holds nothing is left out; without attributes every column comes.
    let all = fetch(&us, "accounts", "<fetch><entity name='account'><filter><condition attribute='name' operator='eq' value='Dune'/></filter></entity></fetch>").await;
    assert_eq!(all[0].get("revenue"), None);
    assert_eq!(all[0]["statecode"], 0);
    let by_label =
        "<attribute name='name'/><order attribute='customertypecode' descending='true'/>";
    // Prospect, Customer, Competitor, nothing.
    assert_eq!(
        column(&us, by_label, "name").await,
        ["Core", "Acme", "Bolt", "Dune"]
    );
    let raw = "<fetch useraworderby='true'><entity name='account'><attribute name='name'/><order attribute='customertypecode'/></entity></fetch>";
    let raw = fetch(&us, "accounts", raw).await;
    assert_eq!(
        raw.as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["Dune", "Bolt", "Acme", "Core"]
    );
    let distinct = fetch(&us, "accounts", "<fetch distinct='true'><entity name='account'><attribute name='address1_city'/><order attribute='address1_city'/></entity></fetch>").await;
    assert_eq!(
        distinct,
        json!([{}, {"address1_city": "Berlin"}, {"address1_city": "Paris"}])
    );
    let annotated = us.send("GET", &path("accounts", "<fetch top='1'><entity name='account'><attribute name='statecode'/><attribute name='ownerid'/></entity></fetch>"),
        &[("prefer", "odata.include-annotations=\"*\"")], None).await.json();
    assert_eq!(
        annotated["value"][0]["statecode@OData.Community.Display.V1.FormattedValue"],
        "Active"
    );
    assert_eq!(
        annotated["value"][0]["_ownerid_value@Microsoft.Dynamics.CRM.lookuplogicalname"],
        "systemuser"
    );
}

#[tokio::test]
async fn links_join_inner_and_outer() {
    let emulated = firms().await;
    let us = emulated.us();
    let pairs = async |kind: &str, inside: &str, behind: &str| {
        let xml = format!(
            "<fetch><entity name='account'><attribute name='name'/><link-entity name='contact' from='parentcustomerid' to='accountid' alias='c' link-type='{kind}'><attribute name='lastname'/>{inside}</link-entity>{behind}</entity></fetch>"
        );
        let rows = fetch(&us, "accounts", &xml).await;
        let text = |row: &Json, name: &str| row[name].as_str().unwrap_or("-").to_owned();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", text(row, "name"), text(row, "c.lastname")))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        pairs("inner", "", "").await,
        ["Acme Ada", "Acme Bob", "Bolt Cid"]
    );
    assert_eq!(
        pairs("outer", "", "").await,
        ["Acme Ada", "Acme Bob", "Bolt Cid", "Core -", "Dune -"]
    );
    let is_bob = "<filter><condition attribute='lastname' operator='eq' value='Bob'/></filter>";
    assert_eq!(
        pairs("outer", is_bob, "").await,
        ["Acme Bob", "Bolt -", "Core -", "Dune -"]
    );
    let nobody =
        "<filter><condition entityname='c' attribute='contactid' operator='null'/></filter>";
    assert_eq!(pairs("outer", "", nobody).await, ["Core -", "Dune -"]);
    let ordered = "<order entityname='c' attribute='lastname' descending='true'/>";
    assert_eq!(
        pairs("inner", "", ordered).await,
        ["Bolt Cid", "Acme Bob", "Acme Ada"]
    );
    let across =
        "<filter><condition attribute='name' operator='eq' valueof='c.lastname'/></filter>";
    assert!(pairs("inner", "", across).await.is_empty());
    // Many to one, twice, with a generated alias.
    let xml = "<fetch><entity name='contact'><attribute name='lastname'/><link-entity name='account' from='accountid' to='parentcustomerid'><link-entity name='account' from='accountid' to='parentaccountid'><attribute name='name'/><attribute name='ownerid' alias='owner'/></link-entity></link-entity></entity></fetch>";
    let rows = fetch(&us, "contacts", xml).await;
    assert_eq!(
        (&rows[0]["lastname"], &rows[0]["account2.name"]),
        (&json!("Cid"), &json!("Acme"))
    );
    assert_eq!(rows.as_array().unwrap().len(), 1);
    // Through a column that no index serves.
    let xml = "<fetch><entity name='account'><attribute name='name'/><link-entity name='account' from='address1_city' to='address1_city' alias='same'><filter><condition attribute='name' operator='eq' value='Core'/></filter></link-entity></entity></fetch>";
    let rows = fetch(&us, "accounts", xml).await;
    assert_eq!(
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["name"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["Bolt", "Core"]
    );
}

#[tokio::test]
async fn totals_are_grouped_ordered_and_formatted() {
    let emulated = firms().await;
    let us = emulated.us();
    let xml = "<fetch aggregate='true'><entity name='account'>
        <attribute name='address1_city' alias='city' groupby='true'/>
        <attribute name='accountid' alias='n' aggregate='count'/>
        <attribute name='revenue' alias='filled' aggregate='countcolumn'/>
        <attribute name='numberofemployees' alias='different' aggregate='countcolumn' distinct='true'/>
        <attribute name='revenue' alias='total' aggregate='sum'/>
        <attribute name='numberofemployees' alias='mean' aggregate='avg'/>
        <order alias='n' descending='true'/><order alias='city'/></entity></fetch>";
    let lines = fetch(&us, "accounts", xml).await;
    assert_eq!(
        lines,
        json!([
            {"city": "Paris", "n": 2, "filled": 1, "different": 1, "total": 1.25, "mean": 4},
            {"n": 1, "filled": 0, "different": 0, "total": 0},
            {"city": "Berlin", "n": 1, "filled": 1, "different": 1, "total": 10.5, "mean": 3},
        ])
    );
    let year = "<fetch aggregate='true'><entity name='account'><attribute name='createdon' alias='y' groupby='true' dategrouping='year'/><attribute name='name' alias='n' aggregate='count'/></entity></fetch>";
    let this_year: i32 = chrono::Utc::now().format("%Y").to_string().parse().unwrap();
    assert_eq!(
        fetch(&us, "accounts", year).await,
        json!([{"y": this_year, "n": 4}])
    );
    let joined = "<fetch aggregate='true'><entity name='account'><attribute name='name' alias='a' groupby='true'/><link-entity name='contact' from='parentcustomerid' to='accountid'><attribute name='contactid' alias='n' aggregate='count'/></link-entity></entity></fetch>";
    assert_eq!(
        fetch(&us, "accounts", joined).await,
        json!([{"a": "Acme", "n": 2}, {"a": "Bolt", "n": 1}])
    );
    let limited = "<fetch aggregate='true' aggregatelimit='3'><entity name='account'><attribute name='name' alias='n' aggregate='count'/></entity></fetch>";
    assert_eq!(
        us.get(&path("accounts", limited)).await.refusal(),
        (400, "0x8004E023".to_owned())
    );
}

/// The inner cookie as both clients take it out: the attribute, decoded twice.
fn cookie(answer: &Answer) -> Option<(usize, String)> {
    let body = answer.json();
    let outer = body
        .get("@Microsoft.Dynamics.CRM.fetchxmlpagingcookie")?
        .as_str()?
        .to_owned();
    let after = |text: &str, start: &str| {
        text.split(start)
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned()
    };
    let twice = after(&outer, "pagingcookie=\"");
    assert!(
        twice.starts_with("%253Ccookie%2520page%253D")
            && outer.ends_with("istracking=\"False\" />"),
        "{outer}"
    );
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .unwrap()
            .into_owned()
    };
    let inner = decode(&decode(&twice));
    // The JavaScript client decodes the whole text twice and looks for this.
    assert!(
        decode(&decode(&outer)).contains(&format!("pagingcookie=\"{inner}"))
            && inner.ends_with("</cookie>")
    );
    Some((after(&outer, "pagenumber=\"").parse().unwrap(), inner))
}

#[tokio::test]
async fn pages_follow_the_cookie_and_rows_that_went_are_not_missed() {
    let emulated = Emulated::empty().await;
    let us = emulated.us();
    for number in 1..=7 {
        us.account(&id(number), json!({"name": format!("N{number}")}))
            .await;
    }
    for order in ["", "<order attribute='name'/>"] {
        let (mut page, mut attributes, mut seen) = (1, String::new(), Vec::new());
        loop {
            let xml = format!(
                "<fetch count='3' page='{page}'{attributes}><entity name='account'><attribute name='name'/>{order}</entity></fetch>"
            );
            let answer = us
                .send("GET", &path("accounts", &xml), &[PAGED], None)
                .await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let body = answer.json();
            seen.extend(
                body["value"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|row| row["name"].as_str().unwrap().to_owned()),
            );
            let next = cookie(&answer);
            assert_eq!(
                body["@Microsoft.Dynamics.CRM.morerecords"],
                json!(next.is_some())
            );
            let Some((number, inner)) = next else { break };
            assert_eq!(number, page + 1);
            page = number;
            let escaped = inner
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;");
            attributes = format!(" paging-cookie=\"{escaped}\"");
            if order.is_empty() && page == 2 {
                // A row of the page before goes; by its number alone the next page would miss one.
                assert_eq!(us.delete(&format!("accounts({})", id(1))).await.status, 204);
            }
        }
        let expected = if order.is_empty() { 1 } else { 2 };
        let expected: Vec<String> = (expected..=7).map(|number| format!("N{number}")).collect();
        assert_eq!(seen, expected);
    }
    let plain = us
        .get(&path(
            "accounts",
            "<fetch count='2'><entity name='account'/></fetch>",
        ))
        .await
        .json();
    assert_eq!(plain.get("@Microsoft.Dynamics.CRM.morerecords"), None);
    let counted = us
        .send(
            "GET",
            &path(
                "accounts",
                "<fetch count='2' returntotalrecordcount='true'><entity name='account'/></fetch>",
            ),
            &[("prefer", "odata.include-annotations=\"*\"")],
            None,
        )
        .await
        .json();
    assert_eq!(counted["@Microsoft.Dynamics.CRM.totalrecordcount"], 6);
    assert_eq!(
        counted["@Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded"],
        false
    );
}

#[tokio::test]
async fn what_is_not_known_is_refused_by_name() {
    let emulated = firms().await;
    let us = emulated.us();
    let link = |inner: &str| {
        format!(
            "<fetch><entity name='account'><link-entity name='contact' {inner}/></entity></fetch>"
        )
    };
    let many = format!(
        "<fetch><entity name='account'>{}</entity></fetch>",
        "<link-entity name='contact' from='contactid' to='primarycontactid' link-type='outer'/>"
            .repeat(16)
    );
    let deep = format!(
        "<fetch><entity name='account'>{}{}</entity></fetch>",
        "<filter>".repeat(800),
        "</filter>".repeat(800)
    );
    let nested = format!(
        "<fetch><entity name='account'>{}{}</entity></fetch>",
        "<filter>".repeat(100),
        "</filter>".repeat(100)
    );
    let entity = |inner: &str| format!("<fetch><entity name='account'>{inner}</entity></fetch>");
    let condition = |inner: &str| entity(&format!("<filter><condition {inner}/></filter>"));
    let cases: Vec<(String, u16, &str, &str)> = vec![
        ("<fetch>".to_owned(), 400, "0x80040203", "not well-formed"),
        (
            "<!DOCTYPE x [<!ENTITY a 'b'>]><fetch>&a;</fetch>".to_owned(),
            400,
            "0x80040203",
            "not well-formed",
        ),
        ("<feetch/>".to_owned(), 400, "0x80040203", "'feetch'"),
        (
            "<fetch nonsense='1'/>".to_owned(),
            400,
            "0x80040203",
            "'nonsense'",
        ),
        (
            "<fetch/>".to_owned(),
            400,
            "0x80040203",
            "exactly one 'entity'",
        ),
        (
            "<fetch><entity name='contact'/></fetch>".to_owned(),
            400,
            "0x80040203",
            "not that of the collection",
        ),
        (
            "<fetch><entity name='nothing'/></fetch>".to_owned(),
            400,
            "0x80041102",
            "'nothing'",
        ),
        (
            "<fetch top='2' page='1'><entity name='account'/></fetch>".to_owned(),
            400,
            "0x80040203",
            "top",
        ),
        (
            "<fetch count='many'><entity name='account'/></fetch>".to_owned(),
            400,
            "0x80040203",
            "'many'",
        ),
        (
            "<fetch count='5000' page='100'><entity name='account'/></fetch>".to_owned(),
            400,
            "0x80040203",
            "Paging cookie is required",
        ),
        (
            "<fetch paging-cookie='x'><entity name='account'/></fetch>".to_owned(),
            400,
            "0x80040203",
            "Paging Cookie",
        ),
        (
            entity("<attribute name='Name'/>"),
            400,
            "0x80041103",
            "Name = 'Name'",
        ),
        (
            entity("<attribute name='name' alias='a'/><attribute name='revenue' alias='a'/>"),
            400,
            "0x80040203",
            "'a' is used more than once",
        ),
        (
            entity("<attribute name='name' aggregate='sum'/>"),
            400,
            "0x80040203",
            "aggregate='true'",
        ),
        (entity("<nonsense/>"), 400, "0x80040203", "'nonsense'"),
        (
            condition("attribute='name' operator='almost' value='x'"),
            400,
            "0x80040203",
            "'almost'",
        ),
        (
            condition("attribute='name' operator='eq'"),
            400,
            "0x80040203",
            "needs 1 value",
        ),
        (
            condition("attribute='numberofemployees' operator='eq' value='many'"),
            400,
            "0x80040203",
            "'many' is not a value",
        ),
        (
            condition("attribute='createdon' operator='this-fiscal-year'"),
            501,
            "0x80040315",
            "this-fiscal-year",
        ),
        (
            condition("entityname='z' attribute='name' operator='null'"),
            400,
            "0x80040203",
            "alias 'z'",
        ),
        (
            link("from='contactid' to='nothing'"),
            400,
            "0x80041103",
            "'nothing'",
        ),
        (link("from='contactid'"), 400, "0x80040203", "'to'"),
        (
            link("from='contactid' to='primarycontactid' link-type='any'"),
            501,
            "0x80040315",
            "any",
        ),
        (many, 400, "0x8004430D", "exceeded maximum limit"),
        (deep, 400, "0x80040203", "nests too deep"),
        (nested, 400, "0x80040203", "too deep"),
    ];
    for (xml, status, code, message) in cases {
        let answer = us.get(&path("accounts", &xml)).await;
        let shown: String = xml.chars().take(200).collect();
        assert_eq!(
            answer.refusal(),
            (status, code.to_owned()),
            "{shown}: {}",
            answer.text
        );
        assert!(answer.text.contains(message), "{shown}: {}", answer.text);
    }
}
