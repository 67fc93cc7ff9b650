//! `?sql=`: one `SELECT` of the subset that the service is known to take becomes a plan over joined tables.
//!
//! The subset is that which Microsoft's Python SDK 1.1.0 documents: columns, `DISTINCT`, `TOP`, inner and left joins,
//! `WHERE`, `GROUP BY`, `ORDER BY`, `OFFSET … FETCH`, five aggregates. An own grammar, so that nothing beyond it can pass.
//! The plan is carried out in `relation/`, the answer is written in `operation/select.rs`.

mod compile;
mod condition;
mod grammar;
mod token;

pub(crate) use self::compile::{Column, Select, Shown, read};
