//! The heads of the chain that were exported: one a line, at the end of every session that wrote. A copy of this file on
//! another machine shows what the chain alone can't: a tail that was cut, an older copy put back, a file replaced (J4).

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use rusqlite::Connection;

use super::chain::{self, BadHead, Head};
use super::folder;

/// The file's name in the state folder.
pub const FILE: &str = "journal.heads";

/// The largest file of heads that is read.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// Adds where the chain ends now.
pub fn export(state: &Path, connection: &Connection) -> Result<(), String> {
    let head = chain::head(connection).map_err(|error| error.to_string())?;
    let path = state.join(FILE);
    drop(folder::private_file(&path).map_err(|error| error.to_string())?);
    let file = OpenOptions::new().append(true).open(&path);
    let written = file.and_then(|mut file| {
        file.write_all(format!("{head}\n").as_bytes())?;
        file.sync_all()
    });
    written.map_err(|error| error.to_string())
}

/// Heads that a journal must still have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors(pub Vec<Head>);

/// Why there are no anchors.
#[derive(Debug, thiserror::Error)]
pub enum BadAnchors {
    /// It is neither a head nor a file of them.
    #[error("{0}")]
    Neither(BadHead),
    /// The file can't be read.
    #[error("read the heads in {0}")]
    File(String, #[source] io::Error),
    /// A line of it is no head.
    #[error("{0}:{1}: {2}")]
    Line(String, usize, BadHead),
}

impl Anchors {
    /// A head as it was printed, or the file that holds them.
    pub fn parse(text: &str) -> Result<Self, BadAnchors> {
        let bad = match text.parse() {
            Ok(head) => return Ok(Self(vec![head])),
            Err(bad) => bad,
        };
        if !Path::new(text).exists() {
            return Err(BadAnchors::Neither(bad));
        }
        let mut lines = String::new();
        let read =
            fs::File::open(text).and_then(|file| file.take(MOST_BYTES).read_to_string(&mut lines));
        read.map_err(|error| BadAnchors::File(text.to_owned(), error))?;
        let heads = lines.lines().enumerate().map(|(place, line)| {
            let head = line.parse();
            head.map_err(|bad| BadAnchors::Line(text.to_owned(), place + 1, bad))
        });
        let heads: Vec<Head> = heads.collect::<Result<_, _>>()?;
        if heads.is_empty() {
            return Err(BadAnchors::Neither(BadHead));
        }
        Ok(Self(heads))
    }
}
