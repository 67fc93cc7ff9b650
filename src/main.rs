//! `tandem`: from the command line to an exit code.

use std::panic;
use std::process::ExitCode;

use tandem::cli::{self, Arguments, Exit};

/// Tasks that must not wait for each other: the engine's loop and whatever computes beside it.
const LEAST_WORKERS: usize = 2;

fn main() -> ExitCode {
    let arguments = match cli::arguments() {
        Ok(arguments) => arguments,
        Err(exit) => return exit.into(),
    };
    cli::tell_bugs();
    panic::catch_unwind(|| run(arguments))
        .unwrap_or(Exit::Bug)
        .into()
}

fn run(arguments: Arguments) -> Exit {
    let workers = std::thread::available_parallelism()
        .map_or(LEAST_WORKERS, |cpus| cpus.get().max(LEAST_WORKERS));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build();
    let exit = match &runtime {
        Ok(runtime) => runtime.block_on(cli::run(arguments)),
        Err(_) => Exit::Bug,
    };
    if let Ok(runtime) = runtime {
        // A blocking read that nobody waits for any more must not keep the process.
        runtime.shutdown_background();
    }
    exit
}
