//! The hash chain over what was appended (J4): `h(n) = SHA-256(h(n-1) || canonical(n))`, in the order of appending. An
//! entry is an event or an order to stop, together with the operation and the session that it belongs to, so that who
//! and why can't be changed either.
//!
//! What is hashed is read back from the database, by the same query when it is written and when it is verified.

use std::fmt;
use std::str::FromStr;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::read;
use super::record::SessionInfo;

/// A link of the chain.
type Hash = [u8; 32];

/// The chain up to one entry: its number and its hash. Written as `1234:9f86d0…`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The entry's number; before the first one it is 0.
    pub seq: u64,
    /// The hash over everything up to it.
    pub hash: Hash,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex(&self.hash))
    }
}

/// A text that is no head of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a journal's head is a number and 64 hexadecimal digits, like 12:9f86d0…")]
pub struct BadHead;

impl FromStr for Head {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<Self, BadHead> {
        let (seq, digits) = text.trim().split_once(':').ok_or(BadHead)?;
        let seq = seq.parse().map_err(|_| BadHead)?;
        let mut hash = [0; 32];
        let pairs = digits.as_bytes().chunks(2);
        if digits.len() != 2 * hash.len() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        {
            return Err(BadHead);
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            let pair = std::str::from_utf8(pair).map_err(|_| BadHead)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| BadHead)?;
        }
        Ok(Self { seq, hash })
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string can't fail.
        let _never = write!(text, "{byte:02x}");
        text
    })
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event of an operation.
    Event,
    /// An order to stop calls to an instance, or to let them through again.
    Forced,
    /// What a person put down.
    Note,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Event, Self::Forced, Self::Note];

    /// Its name in the database, which is its table's too.
    pub fn table(self) -> &'static str {
        match self {
            Self::Event => "events",
            Self::Forced => "forced",
            Self::Note => "notes",
        }
    }

    /// Everything that an entry says, by names fit for an export. The order of the columns is part of the format.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Event => {
                // What formats 3 and 5 add stands behind the verb, so that older entries keep their hashes.
                "SELECT e.wall AS at, e.mono, e.operation, o.verb || iif(o.choices = '', '', ' ' || o.choices)
                     || iif(o.retries IS NULL, '', ' retries ' || lower(hex(o.retries)))
                     || iif(o.at_most IS NULL, '', ' at most ' || o.at_most) AS verb, o.link, o.reason, o.ticket, o.who, o.asked,
                     e.entity AS \"table\", e.record, e.name, e.number, e.on_the_way, e.stage, e.reason AS why, e.etag,
                     e.hash, e.columns, e.session, s.who AS session_who, s.host, s.pid, s.version, s.started
                 FROM events AS e JOIN operations AS o ON o.id = e.operation JOIN sessions AS s ON s.id = e.session
                 WHERE e.seq = ?"
            }
            Self::Forced => {
                "SELECT f.wall AS at, f.mono, f.instance, f.is_forced, f.who, f.reason, f.until, f.session,
                     s.who AS session_who, s.host, s.pid, s.version, s.started
                 FROM forced AS f JOIN sessions AS s ON s.id = f.session WHERE f.seq = ?"
            }
            Self::Note => {
                "SELECT n.wall AS at, n.mono, n.who, n.said, n.rule, n.subject, n.until, n.session,
                     s.who AS session_who, s.host, s.pid, s.version, s.started
                 FROM notes AS n JOIN sessions AS s ON s.id = n.session WHERE n.seq = ?"
            }
        }
    }

    fn from_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.table() == table)
    }
}

/// One link of the chain as it stands there; its entry may be gone.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// The head that it makes.
    pub head: Head,
    /// What its entry is; `None` for a word that tandem never wrote.
    pub kind: Option<Kind>,
    /// Its entry's place in its table.
    pub entry: i64,
}

/// Begins the chain of a database, and chains what stands there already: events first, then orders, each in their order.
pub fn begin(connection: &Connection, opener: &SessionInfo) -> rusqlite::Result<()> {
    let mut random = Sha256::new();
    random.update(Uuid::new_v4());
    random.update(Uuid::new_v4());
    let genesis = Head {
        seq: 0,
        hash: random.finalize().into(),
    };
    start_at(connection, genesis, opener)?;
    let mut last = genesis;
    for kind in Kind::ALL {
        let sql = format!("SELECT seq FROM {} ORDER BY seq", kind.table());
        let mut statement = connection.prepare(&sql)?;
        let entries = statement.query_map([], |row| row.get(0))?;
        let entries: Vec<i64> = entries.collect::<rusqlite::Result<_>>()?;
        for entry in entries {
            last = append(connection, last, kind, entry)?;
        }
    }
    Ok(())
}

/// Remembers what the chain begins with from now on, and by whose hand.
pub fn start_at(
    connection: &Connection,
    origin: Head,
    opener: &SessionInfo,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO origins (seq, hash, wall, who) VALUES (?, ?, ?, ?)",
        params![
            signed(origin.seq),
            origin.hash,
            read::moment(opener.now.wall),
            opener.who
        ],
    )?;
    Ok(())
}

/// Chains an entry that was just written behind the last one, and gives the new head. The caller's transaction keeps other
/// processes from doing so meanwhile.
pub fn append(
    connection: &Connection,
    last: Head,
    kind: Kind,
    entry: i64,
) -> rusqlite::Result<Head> {
    let seq = last.seq + 1;
    let mut statement = connection.prepare_cached(kind.sql())?;
    let hash = statement.query_row([entry], |row| next(last.hash, seq, kind, row))?;
    let mut statement = connection
        .prepare_cached("INSERT INTO chain (seq, kind, entry, hash) VALUES (?, ?, ?, ?)")?;
    statement.execute(params![signed(seq), kind.table(), entry, hash])?;
    Ok(Head { seq, hash })
}

/// Where the chain ends.
pub fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let mut statement =
        connection.prepare_cached("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1")?;
    match statement.query_row([], read_head).optional()? {
        Some(head) => Ok(head),
        None => origin(connection),
    }
}

/// Where the chain begins: the hash that its first entry follows.
pub fn origin(connection: &Connection) -> rusqlite::Result<Head> {
    let sql = "SELECT seq, hash FROM origins ORDER BY seq DESC LIMIT 1";
    connection.query_row(sql, [], read_head)
}

/// The chain's hash at a number, if it is still kept: in the chain, or as what it began with at some time.
pub fn at(connection: &Connection, seq: u64) -> rusqlite::Result<Option<Head>> {
    let sql = "SELECT seq, hash FROM chain WHERE seq = ?1 UNION ALL SELECT seq, hash FROM origins WHERE seq = ?1";
    connection
        .query_row(sql, [signed(seq)], read_head)
        .optional()
}

/// The links behind a number, in order.
pub fn links(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    connection.prepare("SELECT seq, hash, kind, entry FROM chain WHERE seq > ? ORDER BY seq")
}

/// One row of [`links`].
pub fn link(row: &Row<'_>) -> rusqlite::Result<Link> {
    let kind: String = row.get(2)?;
    Ok(Link {
        head: read_head(row)?,
        kind: Kind::from_table(&kind),
        entry: row.get(3)?,
    })
}

/// The hash of an entry that follows another: over numbers and texts with their types and lengths, so that no two rows
/// read the same.
pub fn next(previous: Hash, seq: u64, kind: Kind, row: &Row<'_>) -> rusqlite::Result<Hash> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    let mut update = |tag: u8, bytes: &[u8]| {
        hasher.update([tag]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    update(b'k', kind.table().as_bytes());
    for place in 0..row.as_ref().column_count() {
        match row.get_ref(place)? {
            ValueRef::Null => update(b'n', &[]),
            ValueRef::Integer(number) => update(b'i', &number.to_be_bytes()),
            ValueRef::Real(number) => update(b'r', &number.to_be_bytes()),
            ValueRef::Text(text) => update(b't', text),
            ValueRef::Blob(bytes) => update(b'b', bytes),
        }
    }
    Ok(hasher.finalize().into())
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head {
        seq: read::count(row, 0)?,
        hash: row.get(1)?,
    })
}

/// A number as the database keeps it.
pub fn signed(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}
