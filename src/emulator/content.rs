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
/// Threads that write one page, each every second part: one alone is slower than the socket.
const WRITERS: usize = 2;

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

    /// As HTTP's server sends it: a page is written on threads of its own, and what is written is sent meanwhile.
    pub(crate) fn sent(self) -> Body {
        let page = match self {
            Content::Whole(bytes) => return Body::from(bytes),
            Content::Page(page) => Arc::new(*page),
        };
        let parts = page.parts();
        let writer = |first: usize| {
            // Unbounded, so that a client who reads slowly keeps no thread waiting; all of it is one page at most.
            let (tell, told) = mpsc::unbounded_channel::<Bytes>();
            let page = Arc::clone(&page);
            tokio::task::spawn_blocking(move || {
                let mut length = 0;
                for part in (first..parts).step_by(WRITERS) {
                    let mut out = Vec::with_capacity(length);
                    page.write_part(part, &mut out);
                    // The next one is about as long.
                    length = out.len() + out.len() / 16;
                    if tell.send(out.into()).is_err() {
                        // Whoever went away misses nothing.
                        return;
                    }
                }
            });
            told
        };
        let writers: [_; WRITERS] = std::array::from_fn(writer);
        let parts = stream::unfold((writers, 0), |(mut writers, next)| async move {
            let part = writers.get_mut(next % WRITERS)?.recv().await?;
            Some((Ok::<_, Infallible>(part), (writers, next + 1)))
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
