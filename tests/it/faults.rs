//! Faults of reliability.md 4 that stand in no other file, each by its number, over real sockets.

mod engine;
mod http2;
mod wire;
