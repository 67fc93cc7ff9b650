//! tandem
pub mod domain;

pub mod config;
pub mod dataverse;
pub mod journal;

pub mod engine;

pub mod cli;
