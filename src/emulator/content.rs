//! What a reply says: bytes, or a large page of rows, which two threads write.
//!
//! Everything that can go wrong with a page has been found out before it gets here: writing its rows does not fail.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::odata::rows::RowWriter;
use super::row::Row;

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
                let mut whole = page.room_for(&page.rows);
                page.write(&mut whole);
                whole.into()
            }
        }
    }

    /// Adds all of it to other bytes.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Content::Whole(bytes) => out.extend_from_slice(bytes),
            Content::Page(page) => page.write(out),
        }
    }

    /// How many bytes it is, as far as that is known before they are written.
    pub(crate) fn length(&self) -> Option<usize> {
        match self {
            Content::Whole(bytes) => Some(bytes.len()),
            Content::Page(_) => None,
        }
    }

    /// As HTTP's server sends it. The rest of a page is written on a thread beside while its beginning is written and sent;
    /// in more pieces it would be sooner on its way and later there, since each piece wakes whoever reads.
    pub(crate) fn sent(self) -> Body {
        let page = match self {
            Content::Whole(bytes) => return Body::from(bytes),
            Content::Page(page) => Arc::new(*page),
        };
        let beside = Arc::clone(&page);
        let rest = tokio::task::spawn_blocking(move || beside.rest());
        let beginning = stream::once(async move { Ok(page.beginning()) });
        Body::from_stream(beginning.chain(stream::once(rest)))
    }
}

impl Page {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        self.writer.write_all(None, out, &self.rows);
        out.extend_from_slice(&self.tail);
    }

    /// The rows of each of the two threads. The first of them also sends, and has fewer.
    fn shares(&self) -> (&[Row], &[Row]) {
        self.rows.split_at(self.rows.len() * 2 / 5)
    }

    fn beginning(&self) -> Bytes {
        let (rows, _) = self.shares();
        let mut out = self.room_for(rows);
        out.extend_from_slice(&self.head);
        self.writer.write_all(None, &mut out, rows);
        out.into()
    }

    /// With the comma before its first row.
    fn rest(&self) -> Bytes {
        let (before, rows) = self.shares();
        let mut out = self.room_for(rows);
        if !before.is_empty() && !rows.is_empty() {
            out.push(b',');
        }
        self.writer.write_all(None, &mut out, rows);
        out.extend_from_slice(&self.tail);
        out.into()
    }

    /// Room for about as many bytes as some rows have: to grow on the way is to copy what is written.
    fn room_for(&self, rows: &[Row]) -> Vec<u8> {
        const EACH: usize = 48;
        Vec::with_capacity(rows.len() * self.writer.width() * EACH)
    }
}
