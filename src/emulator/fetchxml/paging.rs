//! How many rows, which page, and the cookie that says where the last one ended (contract 16.17).
//!
//! A cookie names the last row's id in the root table; the page's number alone must do where tables are joined.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use uuid::Uuid;

use super::element::{Element, invalid};
use crate::emulator::odata::literal::guid;
use crate::emulator::odata::paging::{self, MOST};
use crate::emulator::refusal::{Outcome, Refusal};

/// How far pages go by their number alone.
const FURTHEST: usize = 50_000;
const COOKIE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Which rows of the result are asked for.
#[derive(Debug)]
pub(crate) struct Paging {
    pub(crate) top: Option<usize>,
    pub(crate) page: usize,
    /// The size of a page, where it is said.
    pub(crate) count: Option<usize>,
    /// The id of the last row of the page before.
    pub(crate) behind: Option<Uuid>,
    pub(crate) counts_all: bool,
}

impl Paging {
    pub(super) fn read(fetch: &Element) -> Outcome<Paging> {
        let (top, count) = (fetch.number("top")?, fetch.number("count")?);
        let page = fetch.number("page")?;
        if top.is_some() && (page.is_some() || count.is_some()) {
            return Err(invalid(
                "The top attribute can't be specified with the paging attributes count and page.",
            ));
        }
        let counts_all = fetch.flag("returntotalrecordcount")?;
        let cookie = fetch
            .attribute("paging-cookie")
            .filter(|text| !text.is_empty());
        let paging = Paging {
            top,
            page: page.unwrap_or(1),
            count,
            behind: cookie.map(last).transpose()?.flatten(),
            counts_all,
        };
        if cookie.is_none()
            && paging
                .page
                .saturating_sub(1)
                .saturating_mul(paging.size(None))
                >= FURTHEST
        {
            return Err(Refusal::argument(
                "Paging cookie is required when trying to retrieve a set of records on any high pages.",
            ));
        }
        Ok(paging)
    }

    /// The size of a page; a preference counts where the document says nothing.
    pub(crate) fn size(&self, preferred: Option<usize>) -> usize {
        self.top
            .or(self.count)
            .or(preferred)
            .unwrap_or(MOST)
            .min(MOST)
    }
}

/// The last id in `<cookie page="1"><accountid last="{…}" first="{…}" /></cookie>`.
fn last(text: &str) -> Outcome<Option<Uuid>> {
    let malformed = || Refusal::argument("Malformed XML in the Paging Cookie");
    let cookie = roxmltree::Document::parse(text).map_err(|_| malformed())?;
    let ids = cookie
        .root_element()
        .children()
        .filter(roxmltree::Node::is_element);
    let Some(id) = ids.reduce(|_, next| next) else {
        return Ok(None);
    };
    let text = id.attribute("last").ok_or_else(malformed)?;
    guid(text.trim_matches(['{', '}']))
        .map(Some)
        .ok_or_else(malformed)
}

/// Where a page ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cookie<'c> {
    /// The name of the root's primary id.
    pub(crate) id: &'c str,
    pub(crate) page: usize,
    pub(crate) first: Uuid,
    pub(crate) last: Uuid,
}

impl Cookie<'_> {
    /// The annotation: the inner document is percent-encoded twice.
    pub(crate) fn annotation(&self) -> String {
        let inner = format!(
            "<cookie page=\"{}\"><{id} last=\"{}\" first=\"{}\" /></cookie>",
            self.page,
            braced(self.last),
            braced(self.first),
            id = self.id
        );
        let once = utf8_percent_encode(&inner, COOKIE).to_string();
        let twice = utf8_percent_encode(&once, COOKIE).to_string();
        paging::token(self.page.saturating_add(1), &twice, false)
    }
}

fn braced(id: Uuid) -> String {
    format!("{{{}}}", id.hyphenated().to_string().to_uppercase())
}
