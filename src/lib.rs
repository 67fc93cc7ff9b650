//! x
pub mod config;
pub mod dataverse;
pub mod domain;
pub mod engine;
pub mod journal;
