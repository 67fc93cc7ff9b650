//! Whole-system runs (reliability 2.6): two instances over real sockets, the engine as the agent runs it, people who
//! edit and delete on both sides, operations of all kinds, and faults; all drawn from a seed. Then the faults end, and a
//! checker compares what stands in both instances with what was done to them and with the figures that are shown.
//!
//! A seed fixes what is done and drawn, not how the tasks of a run interleave. `TANDEM_SEEDS=N` runs more of them,
//! `TANDEM_SEED=S` that one alone.

mod faults;
mod person;
mod story;
mod truth;

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt, StreamExt};

/// Runs that wait more than they work, side by side.
const AT_ONCE: usize = 16;
/// How many seeds are run unless it is said.
const SEEDS: u64 = 24;

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().expect(variable))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_nothing_is_lost_overwritten_or_doubled_and_the_figures_are_true() {
    let seeds = match number("TANDEM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TANDEM_SEEDS").unwrap_or(SEEDS),
    };
    let runs = futures_util::stream::iter(seeds).map(async |seed| {
        let run = tokio::spawn(AssertUnwindSafe(story::run(seed)).catch_unwind());
        let failed = run.await.unwrap().is_err();
        if failed {
            println!("the run of seed {seed} failed");
        }
        failed.then_some(seed)
    });
    let failed: Vec<u64> = runs
        .buffer_unordered(AT_ONCE)
        .filter_map(async |failed| failed)
        .collect()
        .await;
    assert!(
        failed.is_empty(),
        "{} seeds failed: {failed:?}; rerun one with TANDEM_SEED={} cargo test --test it -- system::",
        failed.len(),
        failed[0]
    );
}
