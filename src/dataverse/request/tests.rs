//! Requests as text.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::dataverse::query::{Filter, Order, Query};
use crate::dataverse::write::testing::{column, id, sets, table};
use crate::domain::row::{ETag, Value};

fn endpoint() -> Endpoint {
    Endpoint::new("https://contoso.crm.dynamics.com").unwrap()
}

fn told(request: &Request<Bytes>) -> String {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(format!("\n{name}: {}", value.to_str().unwrap()))
    };
    let headers = ["prefer", "if-match", "if-none-match", "content-type"];
    let headers: String = headers.into_iter().filter_map(header).collect();
    let body = std::str::from_utf8(request.body()).unwrap();
    let body = if body.is_empty() {
        String::new()
    } else {
        format!("\n{body}")
    };
    format!("{} {}{headers}{body}", request.method(), request.uri())
}

#[test]
fn a_listing_selects_filters_and_orders() {
    let filter = Filter::All(vec![
        Filter::Number(column("statecode"), 0),
        Filter::Is(column("code"), "O'B & 1".to_owned()),
        Filter::RefersTo(column("customerid"), id()),
        Filter::Blank(column("name")),
    ]);
    let query = Query::all(&table(), &[column("name"), column("customerid")])
        .only(filter)
        .by(column("modifiedon"), Order::Descending)
        .pages_of(100);
    let path = format!("accounts?{}", query.options());
    let request = get(&endpoint(), &path, Some(&query.prefer())).unwrap();
    assert_eq!(
        told(&request),
        "GET https://contoso.crm.dynamics.com/api/data/v9.2/accounts\
         ?$select=name,_customerid_value,modifiedon,_modifiedby_value\
         &$filter=(statecode%20eq%200)%20and%20(code%20eq%20%27O%27%27B%20%26%201%27)\
         %20and%20(_customerid_value%20eq%2022222222-2222-2222-2222-222222222222)%20and%20(name%20eq%20null)\
         &$orderby=modifiedon%20desc\n\
         prefer: odata.maxpagesize=100,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\"\n\
         if-none-match: null"
    );
}

#[test]
fn security_case_47_a_create_says_only_if_absent() {
    let columns = vec![(column("name"), Value::Text("Acme".into()))];
    let create = Write::create(&table(), id(), columns, &sets()).unwrap();
    assert_eq!(
        told(&write(&endpoint(), &create).unwrap()),
        "PATCH https://contoso.crm.dynamics.com/api/data/v9.2/accounts(22222222-2222-2222-2222-222222222222)\
         ?tag=tandem\nif-none-match: *\ncontent-type: application/json; charset=utf-8\n{\"name\":\"Acme\"}"
    );
}

#[test]
fn security_case_47_an_update_says_only_this_version() {
    let columns = vec![(column("name"), Value::Null)];
    let version = ETag::new("W/\"536530\"").unwrap();
    let update = Write::update(&table(), id(), version, columns, &sets()).unwrap();
    assert_eq!(
        told(&write(&endpoint(), &update).unwrap()),
        "PATCH https://contoso.crm.dynamics.com/api/data/v9.2/accounts(22222222-2222-2222-2222-222222222222)\
         ?tag=tandem\nif-match: W/\"536530\"\ncontent-type: application/json; charset=utf-8\n{\"name\":null}"
    );
}

#[test]
fn five_hundred_ids_fit_into_one_url_and_no_longer_url_is_made() {
    let query = Query::all(&table(), &[column("name")]).only(Filter::Ids(vec![id(); 500]));
    let path = format!("accounts?{}", query.options());
    let request = get(&endpoint(), &path, None).unwrap();
    assert!(request.uri().to_string().len() < LONGEST_URL * 3 / 4);
    let query = Query::all(&table(), &[column("name")]).only(Filter::Ids(vec![id(); 1000]));
    let path = format!("accounts?{}", query.options());
    assert!(matches!(
        get(&endpoint(), &path, None),
        Err(Unsayable::TooLong)
    ));
}

#[test]
fn security_case_50_nothing_that_bypasses_or_impersonates_is_sent() {
    let create = Write::create(&table(), id(), Vec::new(), &sets()).unwrap();
    for request in [
        get(&endpoint(), "WhoAmI", None).unwrap(),
        write(&endpoint(), &create).unwrap(),
    ] {
        let allowed = [
            "accept",
            "odata-maxversion",
            "odata-version",
            "if-none-match",
            "content-type",
        ];
        let odd = request
            .headers()
            .keys()
            .find(|name| !allowed.contains(&name.as_str()));
        assert_eq!(odd, None);
    }
}
