//! The headless frontend: every command but the console itself. Results go to stdout, all else to stderr, and the end
//! of a command is a code that scripts can rely on ([`Exit`]).
//!
//! It decides nothing: it turns words into [`Command`](crate::engine::Command)s and states into text, and waits on
//! the state in between, as every frontend does.

mod arguments;
mod exit;
mod output;
mod trouble;

mod interrupt;
mod log;
mod person;
mod session;
mod wait;
mod words;

mod compare;
mod consent;
mod export;
mod follow;
mod glance;
mod outcome;
mod preview;
mod select;

mod agent;
mod config;
mod console;
mod demo;
mod doctor;
mod emulator;
mod explain;
mod find;
mod handover;
mod hook;
mod incident;
mod init;
mod journal;
mod maintenance;
mod manual;
mod records;
mod repair;
mod report;
mod retry;
mod runs;
mod status;
mod timeline;

#[cfg(test)]
mod fixture;

use clap::Parser;
use serde::Serialize;

use crate::domain::operation::Verb;

use arguments::{Command, Globals};
use interrupt::Interrupts;
use output::Output;

pub use arguments::Arguments;
pub use exit::Exit;
pub use trouble::Trouble;

/// What every command is handed.
#[derive(Debug)]
pub struct Context {
    /// What was said for all commands.
    pub globals: Globals,
    /// Where results go.
    pub output: Output,
    /// Ctrl-C and its like.
    pub interrupts: Interrupts,
}

/// Reads the command line. What is no command has been answered already: help, the version, or wrong usage.
pub fn arguments() -> Result<Arguments, Exit> {
    Arguments::try_parse().map_err(|answer| {
        let exit = match answer.exit_code() {
            0 => Exit::Good,
            _ => Exit::Usage,
        };
        // With nobody to read it, help is lost as any output is.
        let _unread = answer.print();
        exit
    })
}

/// Says why nothing can be run at all.
pub fn give_up(why: &str) -> Exit {
    Output::new(&Globals::default()).error(why);
    Exit::Bug
}

/// Runs one command to its end. Must be called inside of a runtime.
pub async fn run(arguments: Arguments) -> Exit {
    let output = Output::new(&arguments.globals);
    let interrupts = match Interrupts::listen() {
        Ok(interrupts) => interrupts,
        Err(error) => return give_up(&format!("listen for signals: {error}")),
    };
    let mut context = Context {
        globals: arguments.globals,
        output,
        interrupts,
    };
    match Box::pin(dispatch(arguments.command, &mut context)).await {
        Ok(exit) => exit,
        Err(trouble) => {
            report(output, &trouble);
            trouble.exit
        }
    }
}

async fn dispatch(command: Option<Command>, context: &mut Context) -> Result<Exit, Trouble> {
    match command {
        None => console::run(context).await,
        Some(Command::Demo(demo)) => demo::run(&demo, context).await,
        Some(Command::Status(status)) => status::run(&status, context).await,
        Some(Command::Records(records)) => records::run(&records, context).await,
        Some(Command::Ensure(repair)) => repair::run(Verb::Ensure, &repair, context).await,
        Some(Command::Rehydrate(repair)) => repair::run(Verb::Rehydrate, &repair, context).await,
        Some(Command::Resolve(resolve)) => repair::resolve(&resolve, context).await,
        Some(Command::Retry(retry)) => retry::run(&retry, context).await,
        Some(Command::Explain(explain)) => explain::run(&explain, context).await,
        Some(Command::Report(report)) => report::run(&report, context).await,
        Some(Command::Find(find)) => find::run(&find, context).await,
        Some(Command::Timeline(timeline)) => timeline::run(&timeline, context).await,
        Some(Command::Note(note)) => incident::note(&note, context).await,
        Some(Command::Ack(ack)) => incident::ack(&ack, context).await,
        Some(Command::Handover(handover)) => handover::run(&handover, context).await,
        Some(Command::Journal(journal)) => journal::run(journal, context).await,
        Some(Command::Hook(hook)) => hook::run(&hook.command, context).await,
        Some(Command::Agent(agent)) => agent::run(&agent, context).await,
        Some(Command::Maintenance(planned)) => maintenance::run(&planned, context).await,
        Some(Command::Sync(sync)) => match runs::Wanted::of(&sync) {
            Some(wanted) => runs::run(&wanted, &sync.repair, context).await,
            None => repair::run(Verb::Sync, &sync.repair, context).await,
        },
        Some(Command::Init(arguments)) => init::run(&arguments, context).await,
        Some(Command::Doctor(arguments)) => doctor::run(&arguments, context).await,
        Some(Command::Config(config)) => config::run(config.command, context),
        Some(Command::Completions(wanted)) => Ok(manual::completions(wanted)),
        Some(Command::Man(man)) => manual::man(&man),
        Some(Command::Emulator(emulator)) => emulator::run(&emulator, context).await,
    }
}

/// What stands on stdout instead of a result, for a script that asked for JSON.
#[derive(Serialize)]
struct Failed<'a> {
    exit: u8,
    error: &'a str,
}

fn report(output: Output, trouble: &Trouble) {
    let why = crate::domain::text::visible(&trouble.why);
    output.error(&why);
    if output.json {
        let failed = Failed {
            exit: trouble.exit.code(),
            error: &why,
        };
        // Text and a number always become JSON.
        let _never = Output::object(&failed);
    }
}

/// No crash leaves the memory of this process on the disk, and no other process of this user reads it: it may hold
/// secrets (security case 23).
pub fn keep_memory_private() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering one's own limit is never refused; where the system does not know it, it writes no such file.
    let _unknown_here = setrlimit(Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _unknown_here =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// From now on a panic says where it happened, and that it is a bug; never what was being worked on, which could hold
/// a secret (security case 23).
pub fn tell_bugs() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_else(|| "an unknown place".to_owned());
        Output::new(&Globals::default()).error(&format!(
            "this is a bug in tandem, at {place}; what was sent is in the journal, and the next start reads it back"
        ));
    }));
}
