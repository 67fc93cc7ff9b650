//! How one instance's tables differ from the others': shorter columns, missing options, other keys, no change
//! tracking, no versions that guard updates.
//!
//! A scenario says so; it is applied before there are rows.

use std::borrow::Cow;

use serde::Deserialize;
use uuid::Uuid;

use super::key::{self, Index, Key};
use super::{Column, Kind, Required, Schema, Table};

/// The differences of each instance, in the order in which they are applied.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Variations {
    pub(crate) us: Vec<Variation>,
    pub(crate) europe: Vec<Variation>,
}

/// One difference: of the whole instance, of a table, or of a column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Variation {
    table: Option<String>,
    column: Option<String>,
    /// The longest text, or the greatest number.
    max: Option<i64>,
    /// Options of a choice that aren't there.
    without_options: Vec<i64>,
    /// Whether the server insists on a value.
    required: Option<bool>,
    /// Whether only the privileged may read the column.
    secured: Option<bool>,
    change_tracking: Option<bool>,
    /// Whether its definition says that versions guard updates; the rows go on having them.
    optimistic_concurrency: Option<bool>,
    /// The only changes of status that are allowed, each from one to another.
    transitions: Option<Vec<(i64, i64)>>,
    /// A further alternate key of the table, and its columns.
    key: Option<String>,
    columns: Vec<String>,
    without_key: Option<String>,
    /// Whether the server insists on what forms insist on.
    enforce_application_required: Option<bool>,
}

impl Schema {
    /// Applies a difference; says why it can't be.
    pub(crate) fn vary(&mut self, variation: &Variation) -> Result<(), String> {
        if let Some(enforce) = variation.enforce_application_required {
            self.enforces_application_required = enforce;
        }
        let Some(name) = &variation.table else {
            let whole =
                variation.column.is_none() && variation.enforce_application_required.is_some();
            return if whole {
                Ok(())
            } else {
                Err("a difference names its table".to_owned())
            };
        };
        let id = self
            .by_name(name)
            .ok_or_else(|| format!("there is no table {name}"))?;
        let table = self.change(id);
        table.vary(variation)
    }
}

impl Table {
    fn vary(&mut self, variation: &Variation) -> Result<(), String> {
        if let Some(tracking) = variation.change_tracking {
            self.change_tracking = tracking;
        }
        if let Some(guarded) = variation.optimistic_concurrency {
            self.optimistic_concurrency = guarded;
        }
        if let Some(transitions) = &variation.transitions {
            self.enforce(transitions)?;
        }
        if let Some(name) = &variation.without_key {
            let before = self.keys.len();
            self.keys.retain(|key| key.name != name.as_str());
            if self.keys.len() == before {
                return Err(format!("{} has no key {name}", self.name));
            }
        }
        if let Some(name) = &variation.key {
            self.add_key(name, &variation.columns)?;
        }
        let Some(name) = &variation.column else {
            return Ok(());
        };
        let index = self
            .column(name)
            .ok_or_else(|| format!("{} has no column {name}", self.name))?;
        match self.columns.get_mut(index) {
            Some(column) => column.vary(variation),
            None => Ok(()),
        }
    }

    /// Lets a row pass from one status to another only as given.
    fn enforce(&mut self, transitions: &[(i64, i64)]) -> Result<(), String> {
        let status = self
            .column("statuscode")
            .and_then(|status| self.columns.get(status));
        let Some(Kind::Status { options }) = status.map(|status| &status.kind) else {
            return Err(format!("{} has no statuses", self.name));
        };
        let is_there = |status: &i64| options.iter().any(|(option, ..)| option == status);
        let mut named = transitions.iter().flat_map(|(from, to)| [from, to]);
        if let Some(missing) = named.find(|status| !is_there(status)) {
            return Err(format!("{} has no status {missing}", self.name));
        }
        self.transitions = transitions.to_vec();
        Ok(())
    }

    fn add_key(&mut self, name: &str, columns: &[String]) -> Result<(), String> {
        let position = |column: &String| {
            self.column(column)
                .ok_or_else(|| format!("{} has no column {column}", self.name))
        };
        let columns: Result<Vec<usize>, String> = columns.iter().map(position).collect();
        let columns = columns?;
        if let Some(problem) = key::problem(self, &columns) {
            return Err(problem);
        }
        self.keys.push(Key {
            id: Uuid::new_v5(&self.metadata_id(), name.as_bytes()),
            name: Cow::Owned(name.to_owned()),
            label: name.to_owned(),
            columns,
            index: Index::Active,
        });
        Ok(())
    }
}

impl Column {
    fn vary(&mut self, variation: &Variation) -> Result<(), String> {
        let unfit = |what: &str| format!("the column {} has no {what}", self.name);
        if let Some(limit) = variation.max {
            match &mut self.kind {
                Kind::Text { max } | Kind::Memo { max } => {
                    *max = usize::try_from(limit).map_err(|_| unfit("such length"))?;
                }
                Kind::Int { max, .. } | Kind::Decimal { max, .. } | Kind::Double { max, .. } => {
                    *max = limit;
                }
                _ => return Err(unfit("maximum")),
            }
        }
        for option in &variation.without_options {
            match &mut self.kind {
                Kind::Choice { options, .. } | Kind::Choices { options } => {
                    options.to_mut().retain(|(own, _)| own != option);
                }
                _ => return Err(unfit("options that could be missing")),
            }
        }
        if let Some(required) = variation.required {
            self.required = if required {
                Required::System
            } else {
                Required::None
            };
        }
        if let Some(secured) = variation.secured {
            self.read = if secured {
                super::Read::Privileged
            } else {
                super::Read::Everybody
            };
        }
        Ok(())
    }
}
