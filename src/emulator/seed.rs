//! What the instances hold at the start.
//!
//! Everything follows from the seed but the times, which are relative to the start.

mod companies;
mod demo;
mod draft;
mod europe;
pub(crate) mod extension;
pub(crate) mod invent;
mod many;
mod mess;
mod step;
pub(crate) mod users;

use super::Data;
use super::instance::Instance;

/// Fills both instances; they are not served yet.
pub(crate) fn fill(
    us: &Instance,
    europe: &Instance,
    plug_in: bool,
    refuses_stubs: bool,
    data: Data,
    seed: u64,
) -> Result<(), csv::Error> {
    for instance in [us, europe] {
        users::fill(instance);
        extension::fill(instance);
    }
    step::fill(europe, plug_in);
    if refuses_stubs {
        step::refuse_stubs(europe);
    }
    match data {
        Data::Empty => Ok(()),
        Data::Demo => demo::fill(us, europe, seed),
        Data::Many { records, drift } => {
            many::fill(us, europe, records, drift, seed);
            Ok(())
        }
    }
}
