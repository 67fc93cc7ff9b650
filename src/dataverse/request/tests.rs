//! Requests as text: what stands in the URL, the headers and the body.

use std::collections::BTreeMap;

use super::*;
use crate::dataverse::query::{Filter, Query};
use crate::dataverse::response::tests::{accounts, columns};
use crate::dataverse::write::BadWrite;
use crate::domain::row::{ETag, Reference, RowId, Value};
use crate::domain::table::{EntitySet, TableName};

fn endpoint() -> Endpoint {
    Endpoint::new("https://o.crm.dynamics.com").unwrap_or_else(|e| panic!("{e}"))
}

fn id(text: &str) -> RowId {
    RowId::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn sets() -> BTreeMap<TableName, EntitySet> {
    let table = |name: &str| TableName::new(name).unwrap_or_else(|e| panic!("{e}"));
    let set = |name: &str| EntitySet::new(name).unwrap_or_else(|e| panic!("{e}"));
    BTreeMap::from([
        (table("account"), set("accounts")),
        (table("contact"), set("contacts")),
    ])
}

const ID: &str = "22222222-2222-4222-8222-222222222222";

fn header<'r>(request: &'r Request<Bytes>, name: &str) -> Option<&'r str> {
    request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok())
}

#[test]
fn a_listing_asks_for_its_columns_and_for_pages() {
    let query = Query::all(
        &accounts(),
        &columns(&["name", "primarycontactid", "createdon"]),
    );
    let request = get(
        &endpoint(),
        &format!("accounts?{}", query.options()),
        Some(&query.prefer()),
    );
    let request = request.unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        request.uri().to_string(),
        "https://o.crm.dynamics.com/api/data/v9.2/accounts?$select=name,_primarycontactid_value,createdon,modifiedon,\
         _modifiedby_value,_createdby_value"
    );
    assert_eq!(
        header(&request, "prefer"),
        Some(
            "odata.maxpagesize=5000,odata.include-annotations=\"Microsoft.Dynamics.CRM.lookuplogicalname\""
        )
    );
    assert_eq!(header(&request, "if-none-match"), Some("null"));
    assert_eq!(header(&request, "odata-version"), Some("4.0"));
}

#[test]
fn five_hundred_ids_stay_below_the_limit_of_a_url() {
    let ids = vec![id(ID); 500];
    let query = Query::all(&accounts(), &columns(&["name"])).only(Filter::Ids(ids));
    let request = get(&endpoint(), &format!("accounts?{}", query.options()), None);
    let length = request
        .map(|request| request.uri().to_string().len())
        .unwrap_or_default();
    assert!((1000..32_768).contains(&length), "{length}");
}

#[test]
fn security_case_47_a_create_is_create_only_and_an_update_holds_on_to_its_version() {
    let name = || vec![(columns(&["name"])[0].clone(), Value::Text("Acme".into()))];
    let create =
        Write::create(&accounts(), id(ID), name(), &sets()).unwrap_or_else(|e| panic!("{e}"));
    let request = write(&endpoint(), &create).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(request.method(), Method::PATCH);
    assert_eq!(
        request.uri().to_string(),
        format!("https://o.crm.dynamics.com/api/data/v9.2/accounts({ID})?tag=tandem")
    );
    assert_eq!(
        (
            header(&request, "if-none-match"),
            header(&request, "if-match")
        ),
        (Some("*"), None)
    );
    assert_eq!(request.body().as_ref(), br#"{"name":"Acme"}"#);

    let version = ETag::new("W/\"81\"").unwrap_or_else(|| panic!("an etag"));
    let update = Write::update(&accounts(), id(ID), version, name(), &sets())
        .unwrap_or_else(|e| panic!("{e}"));
    let request = write(&endpoint(), &update).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        (
            header(&request, "if-none-match"),
            header(&request, "if-match")
        ),
        (None, Some("W/\"81\""))
    );
}

#[test]
fn lookups_are_bound_by_their_navigation_property_and_cleared_by_null() {
    let lookup = |value| vec![(columns(&["primarycontactid"])[0].clone(), value)];
    let contact = Value::Lookup(Reference {
        table: TableName::new("contact").ok(),
        id: id(ID),
        name: None,
    });
    for (value, body) in [
        (
            contact,
            format!(r#"{{"primarycontactid@odata.bind":"/contacts({ID})"}}"#),
        ),
        (
            Value::Null,
            r#"{"primarycontactid@odata.bind":null}"#.to_owned(),
        ),
    ] {
        let create = Write::create(&accounts(), id(ID), lookup(value), &sets())
            .unwrap_or_else(|e| panic!("{e}"));
        let request = write(&endpoint(), &create).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(String::from_utf8_lossy(request.body()), body);
    }
    let team = Value::Lookup(Reference {
        table: TableName::new("team").ok(),
        id: id(ID),
        name: None,
    });
    let refused = Write::create(&accounts(), id(ID), lookup(team), &sets()).err();
    assert!(matches!(refused, Some(BadWrite::NotBindable(_))));
}

#[test]
fn what_the_target_cannot_hold_is_refused_before_it_is_sent() {
    let one = |name: &str, value: Value| {
        let columns = vec![(columns(&[name])[0].clone(), value)];
        Write::create(&accounts(), id(ID), columns, &sets()).err()
    };
    let long = one("accountnumber", Value::Text("x".repeat(21)));
    assert!(
        matches!(
            long,
            Some(BadWrite::TooLong {
                length: 21,
                max: 20,
                ..
            })
        ),
        "{long:?}"
    );
    assert!(matches!(
        one("name", Value::Integer(1)),
        Some(BadWrite::WrongType(_))
    ));
    assert!(matches!(
        one("createdon", Value::Null),
        Some(BadWrite::NotWritable(_))
    ));
    assert!(matches!(
        one("accountid", Value::Text(ID.into())),
        Some(BadWrite::NotWritable(_))
    ));
    assert!(matches!(
        one("nosuchcolumn", Value::Null),
        Some(BadWrite::NotWritable(_))
    ));
}
