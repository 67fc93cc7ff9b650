//! `tandem retry`: what failed of an operation is asked for again, by the same verb and for the same reason, as an
//! operation of its own that names the first.

use std::path::Path;

use serde::Serialize;

use super::Context;
use super::arguments::{Repair, Retry, Selection};
use super::exit::Exit;
use super::output::{Output, table};
use super::repair::{self, Deed};
use super::select::{self, Chosen};
use super::session;
use super::trouble::Trouble;
use super::words::{count, moment};
use crate::domain::operation::OperationId;
use crate::domain::text::visible;
use crate::engine::audit::{Audit, Failed};

/// Runs the command.
pub async fn run(retry: &Retry, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let state = config.state.clone();
    let Some(operation) = retry.operation.map(OperationId) else {
        let failed = blocking(move || read(&state, Audit::failed_operations)).await?;
        return list(&failed, context.output);
    };
    let found = blocking(move || read(&state, |audit| audit.failed(operation))).await?;
    let Some(failed) = found else {
        let why = format!("the journal knows no operation {operation}");
        return Err(Trouble::refused(why));
    };
    if !failed.is_over {
        let why = "it is not over: what is left of it goes on, or is ended, in the console";
        return Err(Trouble::refused(why));
    }
    let request = failed.request;
    let records = failed.records.iter();
    let records = records.map(|record| (&record.table, record.id));
    let chosen = select::journaled(&request.link, records, &config);
    if chosen.is_empty() {
        let why = format!("nothing of operation {operation} failed that could be tried again");
        context.output.remark(&why);
        return Ok(Exit::Good);
    }
    let deed = Deed {
        verb: request.verb,
        choices: request.choices,
        retries: Some(operation),
        seen: None,
    };
    let asked = Repair {
        words: Vec::new(),
        selection: Selection::default(),
        from: None,
        reason: Some(request.reason),
        ticket: Some(request.ticket),
        reach: retry.reach.clone(),
    };
    repair::carry_out(deed, &asked, Chosen::Named(chosen), config, context).await
}

fn read<T>(
    state: &Path,
    what: impl FnOnce(&Audit) -> Result<T, crate::engine::audit::JournalError>,
) -> Result<T, Trouble> {
    let unreadable = |why: String| Trouble::new(Exit::NeedsAPerson, why);
    let audit = Audit::open(state).map_err(|error| unreadable(error.to_string()))?;
    what(&audit).map_err(|error| unreadable(error.to_string()))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Trouble::bug(error.to_string()))?
}

#[derive(Debug, Serialize)]
struct Report {
    operations: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    id: String,
    verb: &'static str,
    link: String,
    failed: usize,
    asked: String,
    who: String,
    reason: String,
    retries: Option<String>,
}

/// The operations that have failed records, newest first.
fn list(failed: &[Failed], output: Output) -> Result<Exit, Trouble> {
    let lines = failed.iter().map(|one| Line {
        id: one.request.id.to_string(),
        verb: one.request.verb.word(),
        link: one.request.link.clone(),
        failed: one.records.len(),
        asked: moment(one.request.asked),
        who: one.request.who.clone(),
        reason: one.request.reason.clone(),
        retries: one.request.retries.map(|first| first.to_string()),
    });
    let lines: Vec<Line> = lines.collect();
    if output.json {
        Output::object(&Report { operations: lines })?;
        return Ok(Exit::Good);
    }
    let heading = ["operation", "verb", "failed", "asked", "by", "reason"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(|line| {
        vec![
            line.id.clone(),
            line.verb.to_owned(),
            line.failed.to_string(),
            line.asked.clone(),
            visible(&line.who).into_owned(),
            visible(&line.reason).into_owned(),
        ]
    }));
    let total = count(lines.len(), "operation");
    if lines.is_empty() {
        Output::result(&format!("{total} with failed records\n"));
    } else {
        Output::result(&format!("{}{total} with failed records\n", table(&rows)));
    }
    Ok(Exit::Good)
}
