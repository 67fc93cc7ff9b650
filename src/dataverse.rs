//! The Web API client. It knows OData and Dataverse, and nothing of links, journals or consoles.
//!
//! ```text
//!   Reader, Writer ──▶ request (pure) ──▶ send ──▶ transport ──HTTP──▶ instance
//!          ▲                               │ deadline, breaker, gate, permit, token, retry
//!          └──── response (pure) ◀─────────┘
//! ```
//!
//! A [`Reader`] can't write; a [`Writer`] can only send a [`Write`], and a [`Write`] can't be made without the
//! precondition that keeps it from overwriting what was not seen.

mod clock;

mod batch;
mod client;
mod management;
mod query;
mod registration;
mod write;

mod request;
mod response;

mod inspection;
mod links;
mod metadata;
mod reach;
mod row_reader;

mod auth;
mod file;
mod outbound;
mod program;
mod secret;
mod standing;

mod admission;
mod send;
mod transport;

pub use auth::{BadCredential, SignIn, sign_in};
pub use batch::MOST as MOST_IN_A_BATCH;
pub use client::{
    ClientStatus, HeldBack, Observation, Pages, Reader, Settings, Timeouts, WhoAmI, Writer,
};
pub use clock::now;
pub use inspection::Step;
pub use management::{Listing, Management, Ordered};
pub use outbound::{KeyPlace, Outbound, fetched, tell};
pub use query::{Filter, Order, Query};
pub use reach::{Answered, Reach, reach};
pub use registration::{Registered, Removal};
pub use response::{BadRow, Page};
pub use secret::{BadSecret, fetch as fetch_secret, take_in as take_in_secrets};
pub use send::SetUpError;
pub use write::{BadWrite, Precondition, Preset, Write};
