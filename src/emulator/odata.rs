//! `OData` 4.0 as Dataverse speaks it: paths, query options, filters, preferences, payloads and rows.
//!
//! An own parser, shared with no client: a mistake in tandem's client must not meet the same mistake here.

pub(crate) mod apply;
pub(crate) mod bind;
pub(crate) mod expand;
pub(crate) mod expanded;
pub(crate) mod field;
pub(crate) mod filter;
pub(crate) mod formatted;
pub(crate) mod hierarchy;
pub(crate) mod like;
pub(crate) mod listing;
pub(crate) mod literal;
pub(crate) mod membership;
pub(crate) mod message;
pub(crate) mod order;
pub(crate) mod paging;
pub(crate) mod path;
pub(crate) mod payload;
pub(crate) mod period;
pub(crate) mod predicate;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod query_function;
pub(crate) mod render;
pub(crate) mod rows;
pub(crate) mod scope;
pub(crate) mod seek;

use std::borrow::Cow;

/// Decodes a percent-encoded text; `None` when it is not UTF-8.
pub(crate) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .ok()
}

/// Splits where the character stands outside of parentheses, brackets and quoted texts.
pub(crate) fn split_outside(text: &str, at: char) -> impl Iterator<Item = &str> {
    let (mut open, mut quoted) = (0_usize, false);
    text.split(move |char| {
        match char {
            '\'' => quoted = !quoted,
            '(' | '[' if !quoted => open += 1,
            ')' | ']' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
        char == at && open == 0 && !quoted
    })
}
