//! `tandem`: from the command line to an exit code.

use std::num::NonZero;
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
    cli::keep_memory_private();
    cli::tell_bugs();
    panic::catch_unwind(|| run(arguments))
        .unwrap_or(Exit::Bug)
        .into()
}

fn run(arguments: Arguments) -> Exit {
    let cpus = std::thread::available_parallelism().map_or(LEAST_WORKERS, NonZero::get);
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus.max(LEAST_WORKERS))
        .enable_all()
        .build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => return cli::give_up(&format!("start the runtime: {error}")),
    };
    let exit = runtime.block_on(cli::run(arguments));
    // A blocking read that nobody waits for any more must not keep the process.
    runtime.shutdown_background();
    exit
}
