//! How a link's tables look on both sides, and all that of its configuration does not fit them: what `tandem doctor` and
//! `tandem init` ask. Nothing is started, and nothing is written.

use std::sync::Arc;

use super::fit::{faults, source_name, warnings};
use super::link::{Ends, NotReady, described_by_target, schema, surroundings};
use super::start::Client;
use super::sync::Job;
use crate::config::{Config, LinkConfig, TableConfig};
use crate::dataverse::Reader;
use crate::domain::failure::Failure;
use crate::domain::table::{ColumnName, TableSchema};

/// One table of a link, as far as its instances describe it.
#[derive(Debug)]
pub struct TableFitness {
    /// As the source describes it.
    pub source: Result<TableSchema, Failure>,
    /// As the target does.
    pub target: Result<TableSchema, Failure>,
    /// What does not fit, each with the line on which it stands; or why that can't be told.
    pub faults: Result<Vec<String>, String>,
    /// What works, and is not what a person may think.
    pub warnings: Vec<String>,
}

/// Asks both sides for the tables of a link, in the order of its configuration.
pub async fn of_link(link: &LinkConfig, source: &Reader, target: &Reader) -> Vec<TableFitness> {
    let ends = Ends {
        source: source.clone(),
        target: target.writer(),
    };
    let mut all = Vec::with_capacity(link.tables.len());
    for table in &link.tables {
        all.push(described(table, &ends).await);
    }
    let known: Vec<_> = all.iter().map(both).collect();
    let (tables, schemas) = link
        .tables
        .iter()
        .zip(known)
        .filter_map(|(table, known)| Some((table.clone(), known?)))
        .unzip();
    let as_far = LinkConfig {
        tables,
        ..link.clone()
    };
    let schemas: Vec<(TableSchema, TableSchema)> = schemas;
    let around = surroundings(&as_far, &ends, &schemas).await;
    for (table, found) in link.tables.iter().zip(&mut all) {
        let Some((source, target)) = both(found) else {
            continue;
        };
        let around = around.as_ref().map_err(unsure);
        found.faults = around.map(|around| faults(link, table, &source, &target, around));
        found.warnings = warnings(link, table, &source, &target);
    }
    all
}

/// The job that runs a link's sync, as its platform tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// What it is called there.
    pub name: String,
    /// How many of its runs are listed; `None` where the platform lists none.
    pub runs: Option<usize>,
}

/// Asks the platform of a link's sync for its runs; `readers` are those of the instances, in their order. `None` where
/// the sync is the built-in one.
pub async fn backend(
    config: &Config,
    link: &LinkConfig,
    readers: &[Reader],
) -> Result<Option<Backend>, String> {
    let clients: Vec<Client> = readers
        .iter()
        .map(|reader| Client {
            reader: reader.clone(),
            agent: reader.clone(),
            hook: None,
            asked: Arc::default(),
        })
        .collect();
    let job = Job::of(config, link, &clients);
    let job = job.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    })?;
    let Some((job, _unheard)) = job else {
        return Ok(None);
    };
    let runs = job.runs().await.map_err(|failure| failure.to_string())?;
    let name = job.name;
    Ok(Some(Backend { name, runs }))
}

fn unsure(why: &NotReady) -> String {
    format!("what the tables refer to can't be read: {why}")
}

fn both(table: &TableFitness) -> Option<(TableSchema, TableSchema)> {
    match (&table.source, &table.target) {
        (Ok(source), Ok(target)) => Some((source.clone(), target.clone())),
        _ => None,
    }
}

async fn described(table: &TableConfig, ends: &Ends) -> TableFitness {
    let names = table.columns.iter().map(|name| source_name(table, name));
    let names: Vec<ColumnName> = names.cloned().collect();
    TableFitness {
        source: schema(&ends.source, &table.name, &names).await,
        target: described_by_target(table, ends.target.reader()).await,
        faults: Err("one of the sides does not describe it".to_owned()),
        warnings: Vec::new(),
    }
}
