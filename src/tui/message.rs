//! Everything that can happen to the console, and everything that it can ask for. Both are data: they can be printed,
//! compared and replayed.

use std::path::PathBuf;
use std::sync::Arc;

use super::format::Zone;
use super::keymap::Key;
use super::order::{Order, Query};
use super::related::{Question, Related};
use crate::domain::find::Said;
use crate::domain::operation::OperationId;
use crate::engine::audit::Failed;
use crate::engine::find::Found;
use crate::engine::records::Records;
use crate::engine::report::OpenTickets;
use crate::engine::state::Tone;
use crate::engine::{Command, State};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted: it goes into text fields and nowhere else.
    Paste(String),
    /// The terminal has that many columns and rows now.
    Resize(u16, u16),
    /// The terminal got the focus.
    Focused,
    /// The terminal lost the focus.
    Unfocused,
    /// Files were written, or not: what is said of it, and how bad it is.
    Saved(String, Tone),
    /// The wheel was turned, up or down.
    Wheel {
        /// Whether towards the end.
        down: bool,
    },
    /// The mouse's first button was pressed in this row.
    Click {
        /// The row, counted from 0.
        row: u16,
    },
    /// The engine published a snapshot.
    Snapshot(Snapshot),
    /// Both instances were asked for a record.
    Found(u64, FoundRecords),
    /// The open tickets were read.
    Tickets(u64, ReadTickets),
    /// The journal was asked what failed of an operation.
    Failed(OperationId, FailedRecords),
    /// The list worker put records in order.
    Ordered(Order),
    /// The list worker found the rows around a record.
    Related(Related),
    /// A command did not fit into the engine's queue.
    NotTaken,
    /// The engine is gone.
    EngineGone,
    /// A second went by; the zone may have changed with it.
    Tick(Zone),
}

/// A snapshot. Two are equal when they are the same one.
#[derive(Clone, Debug)]
pub struct Snapshot(pub Arc<State>);

impl PartialEq for Snapshot {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// What was found, or why nothing could be asked. Two are equal when they are the same answer.
#[derive(Clone, Debug)]
pub struct FoundRecords(pub Result<Arc<Found>, String>);

impl PartialEq for FoundRecords {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Ok(one), Ok(other)) => Arc::ptr_eq(one, other),
            (Err(one), Err(other)) => one == other,
            _ => false,
        }
    }
}

/// What failed of an operation, or why that can't be told.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedRecords(pub Result<Arc<Failed>, String>);

/// The open tickets, or why they can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadTickets(pub Result<Arc<OpenTickets>, String>);

/// Files to write: their owner alone may read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saving {
    /// Where to.
    pub folder: PathBuf,
    /// Their names, and what they hold.
    pub files: Vec<(String, String)>,
    /// What is said once they are written; nothing where it goes without saying.
    pub then: Option<String>,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the engine for something.
    Send(Command),
    /// Put the records in order.
    Sort(Query, Records),
    /// Find the rows around a record.
    Relate(Question, Records),
    /// Ask both instances for a record, but for those that are to be spared, and why; the number comes back with the
    /// answer.
    Find(u64, Said, Vec<Option<String>>),
    /// Read the open tickets of a link; the number comes back with them.
    Tickets(u64, usize),
    /// Ask the journal what failed of an operation.
    ReadFailed(OperationId),
    /// Send a text to the terminal's clipboard.
    Copy(String),
    /// Write files.
    Save(Saving),
    /// Have the target call the ensure hook no more, or again; and put down that it was done.
    SwitchHook {
        /// Whether it calls it.
        on: bool,
        /// Who wants it.
        who: String,
        /// Why.
        reason: String,
    },
    /// Tell somebody who does not look that something happened.
    Attend(String),
    /// Have the terminal report the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Redraw,
    /// Leave the terminal to the shell until it comes back.
    Suspend,
    /// End the console.
    Quit,
}
