//! A table whose rows somebody ensures beside the engine, which is the hook: what a stub is made of, in the target's
//! terms, and what the source says of a row. It is ready as soon as the target has described the table; the source is
//! asked for its half when it can be.

use std::collections::BTreeMap;

use tokio::sync::OnceCell;

use super::fit::{Surroundings, fit, source_name};
use super::link::{LinkTable, as_the_target_has_it, schema, sets_of_constants};
use super::reading::End;
use crate::config::{LinkConfig, TableConfig};
use crate::dataverse::{BadWrite, Reader, Write};
use crate::domain::drift::{CompareRules, Side};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::literal::Literal;
use crate::domain::operation::TableIndex;
use crate::domain::plan::Plan;
use crate::domain::row::RowId;
use crate::domain::table::{ColumnName, ColumnType, TableSchema};

pub use super::link::NotReady;

/// One table of a link, with the columns that a stub may hold: keys and `stub`, but for lookups.
#[derive(Debug)]
pub struct StubTable {
    link: LinkConfig,
    table: TableConfig,
    around: Surroundings,
    in_target: LinkTable,
    in_source: OnceCell<LinkTable>,
}

impl StubTable {
    /// Asks the target for the table, and checks the configuration against it.
    pub async fn describe(
        link: &LinkConfig,
        table: &TableConfig,
        target: &Reader,
    ) -> Result<Self, NotReady> {
        let described = target.schema(&table.name).await;
        let described = described.map_err(NotReady::Unreachable)?;
        let mut columns: Vec<ColumnName> = Vec::new();
        for name in table.keys.iter().chain(&table.stub) {
            let kind = described.column(name).map(|column| &column.kind);
            let is_lookup = matches!(kind, Some(ColumnType::Lookup { .. }));
            if !is_lookup && !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let map = table.map.iter();
        let table = TableConfig {
            map: map
                .filter(|mapping| columns.contains(&mapping.to))
                .cloned()
                .collect(),
            columns,
            ..table.clone()
        };
        let around = Surroundings {
            sets: sets_of_constants(&table, &described, target).await?,
            ..Surroundings::default()
        };
        Ok(Self {
            in_target: as_the_target_has_it(link, &table, target, &around).await?,
            in_source: OnceCell::new(),
            link: link.clone(),
            table,
            around,
        })
    }

    /// The table as the target describes it.
    pub fn schema(&self) -> &TableSchema {
        &self.in_target.target
    }

    /// The columns that a stub may hold.
    pub fn rules(&self) -> &CompareRules {
        &self.in_target.rules
    }

    /// The create-only request of a stub, with the constants that are configured.
    pub fn create(&self, id: RowId, plan: &Plan) -> Result<Write, BadWrite> {
        let columns = plan.named(self.rules());
        // A stub holds no lookups, so that no names of tables are needed.
        let write = Write::create(self.schema(), id, columns, &BTreeMap::new())?;
        Ok(write.with(&self.in_target.presets))
    }

    /// The same of a row that only its key tells, under an id that the target gives it; `None` where records are told by
    /// their ids, or where the key can't stand in an address.
    pub fn create_by_key(&self, plan: &Plan) -> Option<Result<Write, BadWrite>> {
        let key = self.in_target.key_columns();
        let columns = plan.named(self.rules());
        let write = self
            .table
            .by_key
            .then(|| Write::create_by_key(self.schema(), &key, &columns, &BTreeMap::new()))??;
        Some(write.map(|write| write.with(&self.in_target.presets)))
    }

    /// Whether the source has described the table.
    pub fn is_known_to_the_source(&self) -> bool {
        self.in_source.initialized()
    }

    /// Asks the source for its half, unless that is known.
    pub async fn ask_source(&self, source: &Reader) -> Result<(), NotReady> {
        self.source_half(source).await.map(|_| ())
    }

    /// A row of the source as the target would hold it.
    pub async fn read(&self, source: &Reader, id: RowId) -> Result<Side, Failure> {
        let table = self.source_half(source).await.map_err(failure)?;
        table.read(source, End::Source, id).await
    }

    /// The id of the source's row with this text in an alternate key of the target.
    pub async fn resolve(
        &self,
        source: &Reader,
        column: &ColumnName,
        text: &str,
    ) -> Result<Option<RowId>, Failure> {
        let table = self.source_half(source).await.map_err(failure)?;
        let mut maps = self.table.map.iter();
        let coded = maps
            .find(|mapping| mapping.to == *column)
            .filter(|mapping| !mapping.values.is_empty());
        let text = match coded {
            None => text,
            Some(mapping) => {
                let is_it = |value: &Literal| matches!(value, Literal::Text(own) if own == text);
                let mut values = mapping.values.iter();
                // What no value of the source becomes, the source can't have.
                match values.find(|(_, value)| is_it(value)) {
                    Some((own, _)) => own,
                    None => return Ok(None),
                }
            }
        };
        let own = source_name(&self.table, column);
        source.resolve_key(&table.source, own, text).await
    }

    async fn source_half(&self, source: &Reader) -> Result<&LinkTable, NotReady> {
        let ask = async || {
            let names = self.table.columns.iter();
            let names: Vec<ColumnName> = names
                .map(|name| source_name(&self.table, name).clone())
                .collect();
            let own = schema(source, &self.table.name, &names).await;
            let own = own.map_err(|failure| NotReady::of_schema(failure, "source", &self.table))?;
            let target = self.in_target.target.clone();
            let (link, table, around) = (&self.link, &self.table, &self.around);
            fit(TableIndex(0), link, table, own, target, around).map_err(NotReady::Misfit)
        };
        self.in_source.get_or_try_init(ask).await
    }
}

fn failure(not_ready: NotReady) -> Failure {
    match not_ready {
        NotReady::Unreachable(failure) => failure,
        NotReady::Misfit(why) => Failure::local(FailureClass::Invalid, why),
    }
}
