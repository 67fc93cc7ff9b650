//! The log: a file in the state folder that only its owner can read, or the group that shares it. Nothing of it goes to a terminal, which may be
//! the console's, and nothing in it is a secret: requests are named by method and path, failures by their words.

mod json;

use std::io::Write;

use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

use crate::domain::state_folder::StateFolder;
use crate::engine::audit;

/// The file's name in the state folder.
const FILE: &str = "tandem.log";
/// The environment variable that says how much is logged, `debug` or `tandem=trace`.
const VARIABLE: &str = "TANDEM_LOG";
/// What is logged unless that says otherwise.
const USUAL: &str = "tandem=info";
/// So many lines may wait to be written; room for each is taken at once.
const LINES: usize = 4_096;

/// How the lines of a service's log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log to stderr: a service's log is its supervisor's to keep.
pub fn serve(format: Format) -> Option<WorkerGuard> {
    let (writer, guard) = queued(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter());
    let begun = match format {
        Format::Text => tracing::subscriber::set_global_default(builder.finish()),
        Format::Json => {
            let subscriber = builder.event_format(json::Lines).finish();
            tracing::subscriber::set_global_default(subscriber)
        }
    };
    begun.ok()?;
    Some(guard)
}

/// Writes on a thread of its own.
fn queued(to: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    let lines = NonBlockingBuilder::default().buffered_lines_limit(LINES);
    lines.finish(to)
}

fn filter() -> EnvFilter {
    EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(USUAL))
}

/// Begins to log; what is logged is on the disk once the guard is dropped.
///
/// A folder that can't be written is no reason not to start: the journal says so itself, and nothing is repaired then.
pub fn begin(state: &StateFolder) -> Option<WorkerGuard> {
    let file = audit::log_file(state, FILE).ok()?;
    let (writer, guard) = queued(file);
    let subscriber = tracing_subscriber::fmt()
        .with_writer(writer)
        .with_ansi(false)
        .with_env_filter(filter())
        .finish();
    tracing::subscriber::set_global_default(subscriber).ok()?;
    Some(guard)
}
