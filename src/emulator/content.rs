//! What a reply says: bytes, or a large page of rows that is written while its beginning is on the wire already.
//!
//! Everything that can go wrong with a page has been found out before it gets here: writing its rows does not fail.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::odata::rows::RowWriter;
use super::row::Row;

/// The rows that are written and sent at once: enough to be worth a call of the socket's, few enough that the first are
/// soon on their way.
const PART: usize = 1000;
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

    /// As HTTP's server sends it: what is written of a page is sent while the next part is written on a thread beside.
    pub(crate) fn sent(self) -> Body {
        let page = match self {
            Content::Whole(bytes) => return Body::from(bytes),
            Content::Page(page) => Arc::new(*page),
        };
        // Unbounded, so that a client who reads slowly keeps no thread waiting; all of it is one page at most.
        let (tell, told) = mpsc::unbounded_channel();
        let beside = Arc::clone(&page);
        tokio::task::spawn_blocking(move || {
            let mut length = beside.guess();
            for part in (1..beside.parts()).step_by(2) {
                let written = beside.part(part, &mut length);
                if tell.send(written).is_err() {
                    // Whoever went away misses nothing.
                    return;
                }
            }
        });
        // Every second part is written here: to wake one more thread for it would take about as long.
        let length = page.guess();
        let state = (page, told, 0, length);
        let parts = stream::unfold(state, |(page, mut told, next, mut length)| async move {
            let part = if next % 2 == 1 {
                told.recv().await?
            } else if next < page.parts() {
                page.part(next, &mut length)
            } else {
                return None;
            };
            Some((Ok::<_, Infallible>(part), (page, told, next + 1, length)))
        });
        Body::from_stream(parts)
    }
}

impl Page {
    /// One at least, since an empty page has a head, too.
    fn parts(&self) -> usize {
        self.rows.len().div_ceil(PART).max(1)
    }

    fn write(&self, out: &mut Vec<u8>) {
        for part in 0..self.parts() {
            self.write_part(part, out);
        }
    }

    /// About as many bytes as a part has: to grow on the way is to copy what is written.
    fn guess(&self) -> usize {
        const EACH: usize = 48;
        self.rows.len().min(PART) * self.writer.spots().len() * EACH
    }

    /// One part; the next one is taken to be about as long.
    fn part(&self, part: usize, length: &mut usize) -> Bytes {
        let mut out = Vec::with_capacity(*length);
        self.write_part(part, &mut out);
        *length = out.len() + out.len() / 16;
        out.into()
    }

    /// Writes some of the rows, with what comes before the first and behind the last.
    fn write_part(&self, part: usize, out: &mut Vec<u8>) {
        let (from, to) = (part * PART, ((part + 1) * PART).min(self.rows.len()));
        if from == 0 {
            out.extend_from_slice(&self.head);
        }
        let mut spots = self.writer.spots();
        for (index, row) in self.rows.iter().enumerate().take(to).skip(from) {
            if index > 0 {
                out.push(b',');
            }
            self.writer.write_with(&mut spots, None, out, row);
        }
        if to == self.rows.len() {
            out.extend_from_slice(&self.tail);
        }
    }
}
