//! `tandem journal`: whether the journal is what was written, where it ends, all of it as JSON lines, and taking away
//! what is old. It reads the state folder alone: no configuration, and no instance.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize;

use super::Context;
use super::arguments::{Journal, JournalVerb, Prune, Verify};
use super::exit::Exit;
use super::output::Output;
use super::person;
use super::session;
use super::trouble::Trouble;
use super::words::{count, moment};
use crate::domain::state_folder::StateFolder;
use crate::domain::text::{tame_json, visible};
use crate::engine::audit::{
    self, Anchored, Anchors, Audit, Fault, Head, JournalError, OpenError, PruneError, Verified,
};

/// Runs the command. Ctrl-C leaves at once: whatever is left undone is undone as a whole.
pub async fn run(journal: Journal, context: &mut Context) -> Result<Exit, Trouble> {
    let state = session::state(&context.globals)?;
    let output = context.output;
    let work = tokio::task::spawn_blocking(move || match journal.verb {
        JournalVerb::Verify(verify) => verified(&state, &verify, output),
        JournalVerb::Head => head(&state, output),
        JournalVerb::Export => export(&state),
        JournalVerb::Prune(prune) => pruned(&state, &prune, output),
    });
    tokio::select! {
        biased;
        () = context.interrupts.next() => Err(Trouble::interrupted()),
        done = work => done.map_err(|error| Trouble::bug(error.to_string()))?,
    }
}

fn opened(state: &Path) -> Result<Audit, Trouble> {
    Audit::open(state).map_err(|error| not_opened(&error))
}

fn not_opened(error: &OpenError) -> Trouble {
    let exit = match error {
        OpenError::Unsafe(_) => Exit::Refused,
        OpenError::Newer { .. } => Exit::Usage,
        OpenError::Folder { .. } | OpenError::Database { .. } => Exit::NeedsAPerson,
    };
    Trouble::new(exit, causes(error))
}

fn unreadable(error: &JournalError) -> Trouble {
    Trouble::new(Exit::NeedsAPerson, error.to_string())
}

fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn verified(state: &Path, verify: &Verify, output: Output) -> Result<Exit, Trouble> {
    let mut anchors = Vec::new();
    for anchor in &verify.anchor {
        let parsed = Anchors::parse(anchor).map_err(|error| Trouble::usage(causes(&error)))?;
        anchors.extend(parsed.0);
    }
    let found = opened(state)?
        .verify(&anchors)
        .map_err(|error| unreadable(&error))?;
    let exit = verdict(&found);
    if output.json {
        Output::object(&report(&found, exit))?;
    } else {
        Output::result(&text(&found));
        if anchors.is_empty() {
            output.remark(
                "a tail that was cut or an older copy shows against a head that was kept elsewhere: --anchor",
            );
        }
    }
    Ok(exit)
}

fn verdict(found: &Verified) -> Exit {
    let anchored = found.anchors.iter();
    let is_well = found.fault.is_none()
        && found.damage.is_none()
        && anchored
            .map(|(_, found)| *found)
            .all(|found| found == Anchored::Found);
    if is_well {
        Exit::Good
    } else {
        Exit::NeedsAPerson
    }
}

/// What verifying found, for people: the bad things first.
fn text(found: &Verified) -> String {
    let mut lines = Vec::new();
    if let Some(Fault { seq, why }) = &found.fault {
        lines.push(format!(
            "entry {seq} is the first bad one: {}",
            visible(why)
        ));
    }
    if let Some(damage) = &found.damage {
        lines.push(format!("the file is damaged: {}", visible(damage)));
    }
    for (anchor, anchored) in &found.anchors {
        let what = match anchored {
            Anchored::Found => continue,
            Anchored::Cut => {
                "the journal ends before it: its tail was cut, or an older copy was put back"
            }
            Anchored::Other => "that entry is another one: the file was replaced or rewritten",
            Anchored::Pruned => "it was pruned since: take a later head",
        };
        lines.push(format!("anchor {anchor}: {what}"));
    }
    let sound = found.anchors.iter();
    let sound = sound.filter(|(_, found)| *found == Anchored::Found).count();
    if sound > 0 {
        lines.push(format!("{} found", count(sound, "anchor")));
    }
    for seq in &found.clock_set_back {
        lines.push(format!("before entry {seq} the clock was set back"));
    }
    let (first, last) = (found.origin.seq + 1, found.head.seq);
    let entries = entries(found);
    lines.push(if entries == 0 && found.fault.is_none() {
        "it holds no entry yet".to_owned()
    } else if entries == 0 {
        "no entry is sound".to_owned()
    } else {
        format!("entries {first} to {last} are as they were written")
    });
    lines.push(format!("head {}", found.head));
    lines.push(String::new());
    lines.join("\n")
}

fn entries(found: &Verified) -> u64 {
    found.head.seq - found.origin.seq
}

/// What verifying found, for a script.
#[derive(Debug, Serialize)]
struct Report {
    exit: u8,
    entries: u64,
    origin: String,
    head: String,
    first_bad: Option<Bad>,
    damage: Option<String>,
    anchors: Vec<Anchor>,
    clock_set_back: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct Bad {
    seq: u64,
    why: String,
}

#[derive(Debug, Serialize)]
struct Anchor {
    head: String,
    is: &'static str,
}

fn report(found: &Verified, exit: Exit) -> Report {
    let anchors = found.anchors.iter().map(|(head, anchored)| Anchor {
        head: head.to_string(),
        is: match anchored {
            Anchored::Found => "found",
            Anchored::Cut => "cut",
            Anchored::Other => "other",
            Anchored::Pruned => "pruned",
        },
    });
    Report {
        exit: exit.code(),
        entries: entries(found),
        origin: found.origin.to_string(),
        head: found.head.to_string(),
        first_bad: found
            .fault
            .clone()
            .map(|Fault { seq, why }| Bad { seq, why }),
        damage: found.damage.clone(),
        anchors: anchors.collect(),
        clock_set_back: found.clock_set_back.clone(),
    }
}

#[derive(Debug, Serialize)]
struct HeadReport {
    seq: u64,
    head: String,
    as_of: String,
}

fn head(state: &Path, output: Output) -> Result<Exit, Trouble> {
    let head: Head = opened(state)?.head().map_err(|error| unreadable(&error))?;
    if output.json {
        Output::object(&HeadReport {
            seq: head.seq,
            head: head.to_string(),
            as_of: moment(crate::engine::now().wall),
        })?;
    } else {
        Output::result(&format!("{head}\n"));
    }
    Ok(Exit::Good)
}

/// Prints everything, as JSON lines with or without `--json`. A reader that goes away ends it; a disk that is full is
/// an error, for half an export must not pass for a whole one.
fn export(state: &Path) -> Result<Exit, Trouble> {
    let audit = opened(state)?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let exported = audit.export(|entry| writeln!(out, "{}", tame_json(&entry.to_string())));
    let written = exported.map_err(|error| unreadable(&error))?;
    match written.and_then(|()| out.flush()) {
        Ok(()) => Ok(Exit::Good),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Good),
        Err(error) => {
            let why = format!("write the export: {error}");
            Err(Trouble::new(Exit::NeedsAPerson, why))
        }
    }
}

#[derive(Debug, Serialize)]
struct PruneReport {
    exit: u8,
    pruned: u64,
    origin: String,
    held_by: Option<String>,
}

fn pruned(state: &StateFolder, prune: &Prune, output: Output) -> Result<Exit, Trouble> {
    // Opened for reading first, so that a journal that is not there is not made in order to be pruned.
    drop(opened(state)?);
    let done = audit::prune(state, person::who(), person::host(), prune.older_than);
    let done = done.map_err(|error| match &error {
        PruneError::Open(error) => not_opened(error),
        PruneError::Journal(_) | PruneError::Database(_) => {
            Trouble::new(Exit::NeedsAPerson, error.to_string())
        }
        PruneError::Unsound { .. } => Trouble::refused(error.to_string()),
    })?;
    if output.json {
        Output::object(&PruneReport {
            exit: Exit::Good.code(),
            pruned: done.entries,
            origin: done.origin.to_string(),
            held_by: done.held_by.clone(),
        })?;
    } else {
        let number = usize::try_from(done.entries).unwrap_or(usize::MAX);
        let noun = if number == 1 { "entry" } else { "entries" };
        let origin = done.origin;
        Output::result(&format!(
            "{number} {noun} pruned; the chain begins behind {origin}\n"
        ));
        if let Some(why) = &done.held_by {
            output.remark(&format!("older ones are kept: {}", visible(why)));
        }
    }
    Ok(Exit::Good)
}
