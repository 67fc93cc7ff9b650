//! Made-up people, companies, numbers and complaints, for the start and for the traffic.
//!
//! Telephone numbers are of the range that is kept for fiction, mail and web addresses end in `.example`.

use fake::Fake;
use fake::faker::address::en::CityName;
use fake::faker::company::en::CompanyName;
use fake::faker::job::en::Title;
use fake::faker::name::en::{FirstName, LastName};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Value as Json, json};

const COMPLAINTS: [&str; 16] = [
    "Invoice shows the wrong VAT number",
    "Cannot sign in to the customer portal",
    "Delivery arrived damaged",
    "Printer on fire",
    "Licence keys were not delivered",
    "Contract renewal has the old price",
    "Data export stops half way",
    "Shipment is stuck at customs",
    "Wrong contact on the account",
    "Refund has not arrived",
    "Replacement part does not fit",
    "Service visit was missed",
    "Password reset mail never comes",
    "Dashboard is empty since Monday",
    "Order was billed twice",
    "Please update our delivery address",
];

/// A company's name.
pub(crate) fn company(random: &mut StdRng) -> String {
    CompanyName().fake_with_rng(random)
}

/// A person's name.
pub(crate) fn name(random: &mut StdRng) -> (String, String) {
    (
        FirstName().fake_with_rng(random),
        LastName().fake_with_rng(random),
    )
}

pub(crate) fn job(random: &mut StdRng) -> String {
    Title().fake_with_rng(random)
}

pub(crate) fn city(random: &mut StdRng) -> String {
    CityName().fake_with_rng(random)
}

pub(crate) fn telephone(random: &mut StdRng) -> String {
    format!(
        "+1 {} 555-01{:02}",
        random.random_range(201..990),
        random.random_range(0..100)
    )
}

pub(crate) fn ticket(random: &mut StdRng) -> &'static str {
    COMPLAINTS.choose(random).copied().unwrap_or(COMPLAINTS[0])
}

/// The host name of a company: its first word in small letters.
pub(crate) fn host(name: &str) -> String {
    let letters = |char: &char| char.is_ascii_alphanumeric();
    let word: String = name
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .chars()
        .filter(letters)
        .collect();
    format!(
        "{}.example",
        if word.is_empty() {
            "company".to_owned()
        } else {
            word.to_lowercase()
        }
    )
}

/// A mailbox of a person at a host.
pub(crate) fn mail(first: &str, last: &str, host: &str) -> String {
    let plain = |name: &str| {
        name.chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_lowercase()
    };
    format!("{}.{}@{host}", plain(first), plain(last))
}

/// A new company as the body of a create.
pub(crate) fn account(random: &mut StdRng) -> Json {
    let name = company(random);
    let host = host(&name);
    json!({
        "name": name,
        "accountnumber": format!("N{:07}", random.random_range(0..10_000_000)),
        "telephone1": telephone(random),
        "emailaddress1": format!("info@{host}"),
        "websiteurl": format!("https://{host}"),
        "address1_city": city(random),
        "numberofemployees": random.random_range(10..5_000),
    })
}

/// A new person as the body of a create.
pub(crate) fn contact(random: &mut StdRng) -> Json {
    let (first, last) = name(random);
    json!({
        "emailaddress1": mail(&first, &last, "people.example"),
        "firstname": first,
        "lastname": last,
        "jobtitle": job(random),
    })
}
