//! The harnesses that tests share.

pub mod binary;
pub mod emulated;
pub mod lab;
pub mod screen;
pub mod stub;
