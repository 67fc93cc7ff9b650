//! The harnesses that tests share.

pub mod emulated;
pub mod lab;
pub mod stub;
