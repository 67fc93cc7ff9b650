//! What a reply says: bytes, or a large page of rows that is written while its beginning is on the wire already.
//!
//! Everything that can go wrong with a page has been found out before it gets here: writing its rows does not fail.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::odata::rows::RowWriter;
use super::row::Row;

/// What is sent at once: large enough to be worth a call of the socket's, small enough to stay in a core's cache.
const PART: usize = 64 * 1024;
/// The part that a row may overrun.
const SLACK: usize = 4 * 1024;

/// The body of a reply that is not yet sent.
#[derive(Debug)]
pub(crate) enum Content {
    Whole(Bytes),
    Page(Box<Page>),
}

/// Rows that are still to be written, with what comes before and behind them.
#[derive(Debug)]
pub(crate) struct Page {
    head: Vec<u8>,
    writer: RowWriter,
    rows: Vec<Row>,
    tail: Vec<u8>,
}

impl Default for Content {
    fn default() -> Content {
        Content::Whole(Bytes::new())
    }
}

impl<T: Into<Bytes>> From<T> for Content {
    fn from(bytes: T) -> Content {
        Content::Whole(bytes.into())
    }
}

/// A page of fewer rows is not worth another thread.
const SMALL: usize = 200;

impl Content {
    /// A page of rows with what comes before and behind them.
    pub(crate) fn page(head: Vec<u8>, writer: RowWriter, rows: Vec<Row>, tail: Vec<u8>) -> Content {
        let is_small = rows.len() < SMALL;
        let page = Content::Page(Box::new(Page {
            head,
            writer,
            rows,
            tail,
        }));
        if is_small { page.whole().into() } else { page }
    }

    pub(crate) fn whole(self) -> Bytes {
        match self {
            Content::Whole(bytes) => bytes,
            Content::Page(page) => {
                let mut whole = Vec::new();
                page.write(&mut whole, |_| true);
                whole.into()
            }
        }
    }

    /// Adds all of it to other bytes.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Content::Whole(bytes) => out.extend_from_slice(bytes),
            Content::Page(page) => {
                page.write(out, |_| true);
            }
        }
    }

    /// How many bytes it is, as far as that is known before they are written.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Content::Whole(bytes) => Some(bytes.len()),
            Content::Page(_) => None,
        }
    }

    /// As HTTP's server sends it: a page is written on a thread of its own, and what is written is sent meanwhile.
    pub(crate) fn sent(self) -> Body {
        let page = match self {
            Content::Whole(bytes) => return Body::from(bytes),
            Content::Page(page) => page,
        };
        // Unbounded, so that a client who reads slowly keeps no thread waiting; all of it is one page at most.
        let (tell, mut told) = mpsc::unbounded_channel::<Bytes>();
        tokio::task::spawn_blocking(move || {
            let mut part = Vec::with_capacity(PART + SLACK);
            let is_wanted = page.write(&mut part, |part| {
                if part.len() < PART {
                    return true;
                }
                let full = std::mem::replace(part, Vec::with_capacity(PART + SLACK));
                tell.send(full.into()).is_ok()
            });
            if is_wanted {
                // Whoever went away meanwhile misses nothing.
                let _ = tell.send(part.into());
            }
        });
        let parts =
            stream::poll_fn(move |cx| told.poll_recv(cx).map(|part| part.map(Ok::<_, Infallible>)));
        Body::from_stream(parts)
    }
}

impl Page {
    /// Writes all of it, unless `goes_on` has enough after one of the rows; says whether it came to the end.
    fn write(&self, out: &mut Vec<u8>, mut goes_on: impl FnMut(&mut Vec<u8>) -> bool) -> bool {
        out.extend_from_slice(&self.head);
        let mut cells = self.writer.cells();
        for (index, row) in self.rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.writer.write_with(&mut cells, None, out, row);
            if !goes_on(out) {
                return false;
            }
        }
        out.extend_from_slice(&self.tail);
        true
    }
}
