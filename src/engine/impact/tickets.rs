//! The open tickets that name rows of an instance, counted in few requests.

use std::collections::HashMap;

use super::{said, table};
use crate::dataverse::{Filter, Query, Reader};
use crate::domain::failure::Failure;
use crate::domain::impact::MOST;
use crate::domain::row::{RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, TableName, TableSchema};
use crate::engine::report::{CUSTOMER, TICKETS};

/// Customers whose tickets are asked for in one request (contract 3.2).
pub(super) const IDS: usize = 500;

/// The tickets' table of an instance, and the lookup that names a customer.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Tickets {
    table: TableSchema,
    who: ColumnName,
}

impl Tickets {
    /// Those of an instance; an error says in words why it does not tell.
    pub(in crate::engine) async fn of(reader: &Reader) -> Result<Self, String> {
        let told = |failure: Failure| said(&failure);
        let name = table(TICKETS).map_err(told)?;
        let who = super::column(CUSTOMER).map_err(told)?;
        let table = reader.schema(&name).await.map_err(told)?;
        Ok(Self { table, who })
    }

    /// Whether a ticket can name a row of this table.
    pub(in crate::engine) fn can_name(&self, table: &TableName) -> bool {
        match self.table.column(&self.who).map(|column| &column.kind) {
            Some(ColumnType::Lookup { targets }) => targets.iter().any(|one| one.table == *table),
            _ => false,
        }
    }

    /// How many open tickets name each of these rows, where any does; [`MOST`] means that or more.
    pub(in crate::engine) async fn open(
        &self,
        reader: &Reader,
        ids: &[RowId],
    ) -> Result<HashMap<RowId, usize>, Failure> {
        let mut counts = HashMap::new();
        let mut batches: Vec<&[RowId]> = ids.chunks(IDS).collect();
        while let Some(batch) = batches.pop() {
            let found = self.first(reader, batch).await?;
            // There are more, so that some of the batch's are not among them: fewer customers at a time.
            if found.values().sum::<usize>() >= MOST && batch.len() > 1 {
                let (one, other) = batch.split_at(batch.len() / 2);
                batches.extend([one, other]);
            } else {
                counts.extend(found);
            }
        }
        Ok(counts)
    }

    /// Counts the open tickets of these customers, [`MOST`] at most.
    async fn first(
        &self,
        reader: &Reader,
        ids: &[RowId],
    ) -> Result<HashMap<RowId, usize>, Failure> {
        let mut conditions = vec![Filter::RefersToOneOf(self.who.clone(), ids.to_vec())];
        let state = super::column("statecode")?;
        if self.table.column(&state).is_some() {
            conditions.push(Filter::Number(state, 0));
        }
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        let query = Query::all(&self.table, std::slice::from_ref(&self.who))
            .only(Filter::All(conditions))
            .first(most);
        let page = reader.pages(query).next().await?.unwrap_or_default();
        let mut counts = HashMap::new();
        for row in page.rows {
            if let Some(Value::Lookup(customer)) = row.values.first() {
                *counts.entry(customer.id).or_default() += 1;
            }
        }
        Ok(counts)
    }
}
