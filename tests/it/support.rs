//! The harnesses that tests share.

pub mod emulated;
