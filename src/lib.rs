//! tandem
pub mod domain;

pub mod config;
pub mod dataverse;

pub mod engine;

pub mod tui;
