//! What instances say of tables that may come onto a link: what `tandem init` drafts a configuration from.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::dataverse::Reader;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Findings, Verdict};
use crate::domain::proposal::{Proposal, propose};
use crate::domain::table::{ColumnName, TableName, TableSchema};

/// Why nothing can be proposed.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    /// An instance did not let us in.
    #[error("{0}")]
    Shut(String),
    /// A table can't be read of an instance.
    #[error("{instance}: the table {table} can't be read: {failure}")]
    Unread {
        /// The instance.
        instance: String,
        /// The table.
        table: TableName,
        /// Why.
        failure: Failure,
    },
}

/// The tables of one target, each with what is proposed or why nothing is.
pub type Proposals = Vec<(TableName, Result<Proposal, String>)>;

/// Asks the first instance as the source and each other as a target for the tables, and proposes what to copy.
pub async fn survey(config: &Config, tables: &[TableName]) -> Result<Vec<Proposals>, SurveyError> {
    let mut readers = Vec::with_capacity(config.instances.len());
    for place in 0..config.instances.len() {
        readers.push(enter(config, place).await?);
    }
    let mut readers = readers.into_iter();
    let Some(source) = readers.next() else {
        return Ok(Vec::new());
    };
    let mut from = Vec::with_capacity(tables.len());
    for table in tables {
        from.push(described(&source, table).await?);
    }
    let mut all = Vec::new();
    for target in readers {
        let mut proposals = Vec::with_capacity(tables.len());
        for (table, from) in tables.iter().zip(&from) {
            let into = described(&target, table).await?;
            let proposal = match (from, &into) {
                (Some(from), Some(into)) => {
                    let hidden = from.hidden.union(&into.hidden).cloned().collect();
                    propose(&from.schema, &into.schema, tables, &hidden)
                }
                (None, _) => Err("the source has no such table".to_owned()),
                (_, None) => Err("the target has no such table".to_owned()),
            };
            proposals.push((table.clone(), proposal));
        }
        all.push(proposals);
    }
    Ok(all)
}

struct Entered {
    name: String,
    reader: Reader,
}

/// Enters an instance; what is in the way is what doctor would say, cure and all.
async fn enter(config: &Config, place: usize) -> Result<Entered, SurveyError> {
    let (findings, seen) = super::instance::enter(config, place).await;
    let name = config.instances.get(place);
    let name = name.map_or_else(String::new, |instance| instance.name.to_string());
    match seen {
        Some(seen) => Ok(Entered {
            name,
            reader: seen.reader,
        }),
        None => Err(SurveyError::Shut(in_the_way(&findings))),
    }
}

fn in_the_way(findings: &Findings) -> String {
    let bad = findings
        .all()
        .iter()
        .filter(|one| one.verdict == Verdict::Bad);
    let told = bad.map(|one| {
        let cure = one.cure.as_deref().unwrap_or_default();
        format!(
            "{}, {}: {}; {cure}",
            one.subject,
            one.check.word(),
            one.says
        )
    });
    told.collect::<Vec<_>>().join("\n")
}

/// A table as an instance describes it, with the options of all its choices.
struct Described {
    schema: TableSchema,
    /// The columns that only who has a privilege for them may read.
    hidden: BTreeSet<ColumnName>,
}

/// Asks an instance for a table; `None` where there is no such table.
async fn described(entered: &Entered, table: &TableName) -> Result<Option<Described>, SurveyError> {
    let unread = |failure| SurveyError::Unread {
        instance: entered.name.clone(),
        table: table.clone(),
        failure,
    };
    let mut schema = match entered.reader.schema(table).await {
        Ok(schema) => schema,
        Err(failure) if failure.class == FailureClass::NotFound => return Ok(None),
        Err(failure) => return Err(unread(failure)),
    };
    let names: Vec<ColumnName> = schema.columns.keys().cloned().collect();
    let with_options = entered.reader.add_options(&mut schema, &names).await;
    with_options.map_err(unread)?;
    let hidden = entered
        .reader
        .secured_columns(table)
        .await
        .map_err(unread)?;
    let hidden = hidden.into_iter().collect();
    Ok(Some(Described { schema, hidden }))
}
