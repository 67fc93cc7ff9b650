//! tandem

pub mod emulator;
