//! Pages: the largest there is, the window that a page is of a whole, and the form of the token that leads to the next.
//!
//! What stands inside of a token is the matter of those who page: a place in an order, in the changes, in a document.

/// The most rows of a page and of an expanded collection, and the highest count that is told (contract 3.1).
pub(crate) const MOST: usize = 5000;

/// The token of a page.
pub(crate) fn token(page: usize, cookie: &str, tracks: bool) -> String {
    let tracks = if tracks { "True" } else { "False" };
    format!("<cookie pagenumber=\"{page}\" pagingcookie=\"{cookie}\" istracking=\"{tracks}\" />")
}

/// The number of the page that a token leads to, and its cookie.
pub(crate) fn read_token(token: &str) -> Option<(usize, &str)> {
    let rest = token.strip_prefix("<cookie pagenumber=\"")?;
    let (page, rest) = rest.split_once('"')?;
    let rest = rest.strip_prefix(" pagingcookie=\"")?;
    let (cookie, _) = rest.split_once('"')?;
    let page = page.parse().ok().filter(|page| *page > 0)?;
    Some((page, cookie))
}

/// The rows from a start on, as many as a page has, and whether there are more.
pub(crate) fn window<T>(rows: &[T], start: usize, size: usize) -> (&[T], bool) {
    let rest = rows.get(start..).unwrap_or_default();
    (rest.get(..size).unwrap_or(rest), rest.len() > size)
}
