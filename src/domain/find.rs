//! What a caller says, or what was pasted from a browser, a log or an error: which record may be meant. Any text at all
//! means something, at worst itself.

use percent_encoding::percent_decode_str;

use super::row::RowId;

/// More of a pasted text than this is not looked at.
const MOST: usize = 4096;
/// A longer text stands in no column that is searched, and would not fit into a URL (contract 3.2).
const MOST_TEXT: usize = 200;
/// A GUID's digits and dashes.
const GUID: usize = 36;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The table that was named beside it, by its logical name or by its name in URLs.
    pub table: Option<String>,
    /// The record.
    pub what: What,
}

/// How the record is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// By its id.
    Id(RowId),
    /// By a text: a name, a number, a telephone number, an e-mail address.
    Text(String),
}

/// Reads what was said; `None` where nothing was.
pub fn parse(text: &str) -> Option<Said> {
    let text: String = text.trim().chars().take(MOST).collect();
    // Only for finding what is in it: a text that means itself stays as it was said.
    let decoded = percent_decode_str(&text).decode_utf8_lossy();
    if let Some(said) = by_id(&decoded) {
        return Some(said);
    }
    let key = by_key(&decoded).filter(|(_, value)| !value.trim().is_empty());
    let (table, text) = match key {
        Some((table, value)) => (Some(table), value),
        None => (None, text),
    };
    let text: String = text.trim().chars().take(MOST_TEXT).collect();
    let what = What::Text(text.trim_end().to_owned());
    (what != What::Text(String::new())).then_some(Said { table, what })
}

/// The id that is most likely meant: a record's page also names an app, an error also a request.
fn by_id(text: &str) -> Option<Said> {
    let ids: Vec<(&str, RowId)> = ids(text).collect();
    let found = ids
        .iter()
        .find(|(before, _)| is_of_page(before))
        .map(|(_, id)| (table_of_page(text), *id))
        .or_else(|| {
            let mut ids = ids.iter();
            ids.find_map(|(before, id)| Some((Some(addressed(before)?), *id)))
        })
        .or_else(|| {
            let mut ids = ids.iter();
            ids.find_map(|(before, id)| Some((Some(complained(before)?), *id)))
        })
        .or_else(|| ids.first().map(|(_, id)| (None, *id)));
    found.map(|(table, id)| Said {
        table,
        what: What::Id(id),
    })
}

/// The ids in a text, each with all that stands before it.
fn ids(text: &str) -> impl Iterator<Item = (&str, RowId)> {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.char_indices().filter_map(move |(at, _)| {
        let (before, rest) = text.split_at_checked(at)?;
        let (id, after) = rest.split_at_checked(GUID)?;
        let is_whole = !before.ends_with(is_part) && !after.starts_with(is_part);
        let id = RowId::parse(id).ok().filter(|_| is_whole)?;
        Some((before.trim_end_matches(['{', '"', '\'']), id))
    })
}

/// Whether an id stands behind this in a page's address, `…?etn=account&id=…`.
fn is_of_page(before: &str) -> bool {
    let rest = before.strip_suffix("id=");
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with(['?', '&']))
}

fn table_of_page(text: &str) -> Option<String> {
    let mut parameters = text.split(['?', '&', '#']);
    parameters.find_map(|parameter| name(parameter.strip_prefix("etn=")?))
}

/// The table of a Web API address, `accounts(…)`.
fn addressed(before: &str) -> Option<String> {
    last_name(before.strip_suffix('(')?)
}

/// The table of an error, `account With Id = … Does Not Exist`.
fn complained(before: &str) -> Option<String> {
    const WORDS: &str = "with id =";
    let before = before.trim_end();
    let at = before.len().checked_sub(WORDS.len())?;
    let (rest, words) = before.split_at_checked(at)?;
    let is_it = words.eq_ignore_ascii_case(WORDS);
    is_it.then(|| last_name(rest.trim_end().trim_end_matches(['\'', '"'])))?
}

/// The value of an alternate key in a Web API address, `…/accounts(accountnumber='MSFT')`, and the table.
fn by_key(text: &str) -> Option<(String, String)> {
    let (_, path) = text.split_once("/api/data/")?;
    let (before, rest) = path.split_once('(')?;
    let (column, rest) = rest.split_once("='")?;
    name(column)?;
    let mut value = String::new();
    let mut rest = rest.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' && rest.next_if_eq(&'\'').is_none() {
            return Some((last_name(before)?, value));
        }
        value.push(c);
    }
    None
}

fn name(text: &str) -> Option<String> {
    let is_name = !text.is_empty() && text.chars().all(is_of_name);
    is_name.then(|| text.to_lowercase())
}

/// The name that a text ends with.
fn last_name(text: &str) -> Option<String> {
    let start = text.trim_end_matches(is_of_name).len();
    name(text.get(start..)?)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "7f6c0a4e-1b2c-4d5e-8f90-0123456789ab";
    const APP: &str = "11111111-2222-4333-8444-555555555555";

    #[test]
    fn a_record_is_found_in_whatever_was_pasted() {
        let upper = ID.to_uppercase();
        for (text, table) in [
            (ID.to_owned(), None),
            (format!("{{{upper}}}"), None),
            (
                format!(
                    "https://contoso.crm.dynamics.com/main.aspx?appid={APP}&pagetype=entityrecord&etn=account&id={ID}"
                ),
                Some("account"),
            ),
            (
                format!(
                    "https://contoso.crm.dynamics.com/main.aspx?etn=contact&id=%7B{upper}%7D&pagetype=entityrecord"
                ),
                Some("contact"),
            ),
            (
                format!("https://x.crm4.dynamics.com/main.aspx?id={ID}&appid={APP}&etn=incident#x"),
                Some("incident"),
            ),
            (
                format!(
                    "GET https://x.crm4.dynamics.com/api/data/v9.2/accounts({ID})/primarycontactid?$select=fullname"
                ),
                Some("accounts"),
            ),
            (format!("/contacts({ID})"), Some("contacts")),
            (
                format!("account With Id = {ID} Does Not Exist"),
                Some("account"),
            ),
            (
                format!("request {APP}: Entity 'account' With Id = {ID} Does Not Exist"),
                Some("account"),
            ),
            (format!("the caller read {ID} to me"), None),
        ] {
            let said = parse(&text).unwrap_or_else(|| panic!("{text}"));
            let id = RowId::parse(ID).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(said.what, What::Id(id), "{text}");
            assert_eq!(said.table.as_deref(), table, "{text}");
        }
    }

    #[test]
    fn all_else_is_a_text() {
        let key = "https://x.crm.dynamics.com/api/data/v9.2/accounts(accountnumber='O''B%201')?$select=name";
        for (text, table, expected) in [
            ("  AutoZone ", None, "AutoZone"),
            ("CAS-01065-0D0D0D", None, "CAS-01065-0D0D0D"),
            ("+1 (555) 0100", None, "+1 (555) 0100"),
            ("x' or 1 eq 1 or '", None, "x' or 1 eq 1 or '"),
            ("100%25", None, "100%25"),
            (
                "00000000-0000-0000-0000-000000000000",
                None,
                "00000000-0000-0000-0000-000000000000",
            ),
            (key, Some("accounts"), "O'B 1"),
        ] {
            let said = parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(said.what, What::Text(expected.to_owned()), "{text}");
            assert_eq!(said.table.as_deref(), table, "{text}");
        }
        assert_eq!(parse(" \t\n"), None);
    }

    proptest! {
        #[test]
        fn any_text_means_something_small(text in any::<String>(), id in "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}") {
            for text in [text.clone(), format!("{text}({id}){text}"), format!("{text}id={{{id}"), format!("/api/data/{text}(a='{text}')")] {
                match parse(&text) {
                    Some(Said { what: What::Text(text), .. }) => prop_assert!(text.chars().count() <= MOST_TEXT),
                    Some(Said { what: What::Id(_), .. }) => {}
                    None => prop_assert!(text.trim().is_empty()),
                }
            }
        }
    }
}
