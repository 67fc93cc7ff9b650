//! Pure types and decisions: what a record is, how it drifted, what a verb may do about it, when a breaker lets a
//! call through. No I/O, no async, no clock and no randomness of its own: time and seeds come in as arguments, so
//! that every rule here can be tested with a table or a property.

pub mod time;

pub mod credential;
pub mod instance;
pub mod network;
pub mod state_folder;
pub mod table;

pub mod literal;
pub mod row;
pub mod scope;
pub mod translation;

pub mod failure;
pub mod text;

pub mod alert;
pub mod batch_size;
pub mod breaker;
pub mod health;
pub mod hook;
pub mod retry;
pub mod throttle;

pub mod exposition;

pub mod checksum;
pub mod customer;
pub mod drift;
pub mod find;
pub mod finding;
pub mod impact;
pub mod lag;
pub mod members;
pub mod note;
pub mod operation;
pub mod operator;
pub mod packed;
pub mod pairing;
pub mod pairs;
pub mod plan;
pub mod privilege;
pub mod proposal;
pub mod ramp;
pub mod run;
