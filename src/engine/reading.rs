//! Rows of a link's two sides as its rules compare them: the one place where the source's rows are put into the
//! target's terms, and where those that are out of scope are told apart.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::link::{Ends, LinkTable};
use crate::dataverse::{MOST_IN_A_BATCH, Page, Query, Reader};
use crate::domain::drift::Side;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::row::{Row, RowId};
use crate::domain::table::{ColumnName, TableSchema};
use crate::domain::translation::Translated;

/// So many batches of reads at once.
const BATCHES_AT_ONCE: usize = 4;

/// Which side of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Source,
    Target,
}

impl End {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// Rows that were read together.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) rows: Vec<Row>,
    /// Those that are there, and not on the link.
    pub(super) out_of_scope: Vec<RowId>,
    /// Those that could not be read, and why.
    pub(super) unreadable: Vec<(RowId, String)>,
}

impl LinkTable {
    /// Whether both sides tell what changes: one side's changes alone lead nowhere.
    pub(super) fn is_tracked(&self) -> bool {
        self.source.change_tracking && self.target.change_tracking
    }

    /// All rows of one side.
    pub(super) fn query(&self, end: End) -> Query {
        let (schema, columns) = self.side(end);
        Query::all(schema, columns)
    }

    /// All rows of one side, with a link to what changes from then on.
    pub(super) fn tracked(&self, end: End) -> Query {
        let (schema, columns) = self.side(end);
        Query::tracked(schema, columns)
    }

    /// All rows of one side, with a link to what changes from then on where both sides have one.
    pub(super) fn listed(&self, end: End) -> Query {
        if self.is_tracked() {
            self.tracked(end)
        } else {
            self.query(end)
        }
    }

    /// Whether the rows of one side need no translating to be compared with the other's.
    pub(super) fn is_taken_as_it_is(&self, end: End) -> bool {
        match end {
            End::Source => self.translation.is_none(),
            End::Target => self.identity.is_plain(),
        }
    }

    /// What was read of one side, in the target's terms.
    pub(super) fn take(&self, end: End, page: Page) -> Taken {
        let bad = page.bad_rows.into_iter();
        let mut taken = Taken {
            unreadable: bad.filter_map(|bad| Some((bad.id?, bad.reason))).collect(),
            ..Taken::default()
        };
        if end == End::Target {
            let known = |(id, why)| (self.identity.source_id(id), why);
            taken.unreadable = taken.unreadable.into_iter().map(known).collect();
            let rows = page.rows.into_iter();
            taken.rows = rows.map(|row| self.identity.read(row)).collect();
            return taken;
        }
        taken.rows.reserve(page.rows.len());
        for row in page.rows {
            match self.translation.read(row) {
                Translated::Row(row) => taken.rows.push(row),
                Translated::OutOfScope(id) => taken.out_of_scope.push(id),
                Translated::Untranslatable(id, why) => taken.unreadable.push((id, why)),
            }
        }
        taken
    }

    /// One row of one side. A row that security hides is unknown, not absent.
    pub(super) async fn read(&self, reader: &Reader, end: End, id: RowId) -> Result<Side, Failure> {
        let (schema, columns) = self.side(end);
        let there = self.called(end, id);
        side(end, self, reader.retrieve(schema, there, columns).await)
    }

    /// What a record is called on one side.
    fn called(&self, end: End, id: RowId) -> RowId {
        match end {
            End::Source => id,
            End::Target => self.identity.target_id(id),
        }
    }

    /// What describes one side, and its columns.
    pub(super) fn side(&self, end: End) -> (&TableSchema, &[ColumnName]) {
        match end {
            End::Source => (&self.source, &self.source_columns),
            End::Target => (&self.target, &self.target_columns),
        }
    }
}

impl Ends {
    /// The client that reads one side.
    pub(super) fn reader(&self, end: End) -> &Reader {
        match end {
            End::Source => &self.source,
            End::Target => self.target.reader(),
        }
    }

    /// One row of one side.
    pub(super) async fn row(
        &self,
        end: End,
        table: &LinkTable,
        id: RowId,
    ) -> Result<Side, Failure> {
        table.read(self.reader(end), end, id).await
    }

    /// The same of several rows, in few requests: one that its request did not tell of is asked for by itself.
    pub(super) async fn each(
        &self,
        end: End,
        table: &LinkTable,
        ids: &[RowId],
    ) -> Result<Vec<(RowId, Side)>, Failure> {
        let (schema, columns) = table.side(end);
        let chunks: Vec<Vec<RowId>> = ids.chunks(MOST_IN_A_BATCH).map(<[_]>::to_vec).collect();
        let asked = stream::iter(chunks).map(async |some: Vec<RowId>| {
            let called: Vec<RowId> = some.iter().map(|id| table.called(end, *id)).collect();
            let rows = self.reader(end).retrieve_each(schema, &called, columns);
            let mut sides = Vec::with_capacity(some.len());
            for (id, row) in some.iter().zip(rows.await?) {
                let side = match row {
                    Err(failure) if failure.is_transient() => self.row(end, table, *id).await?,
                    row => side(end, table, row)?,
                };
                sides.push((*id, side));
            }
            Ok::<_, Failure>(sides)
        });
        asked.buffered(BATCHES_AT_ONCE).try_concat().await
    }

    /// Which of these records have a row in the target.
    pub(super) async fn present(
        &self,
        table: &LinkTable,
        ids: &[RowId],
    ) -> Result<Vec<RowId>, Failure> {
        let there: Vec<RowId> = ids
            .iter()
            .map(|id| table.called(End::Target, *id))
            .collect();
        let id_only = std::slice::from_ref(&table.target.primary_id);
        let reader = self.target.reader();
        let page = reader.rows_by_id(&table.target, &there, id_only).await?;
        let rows = page.rows.into_iter();
        Ok(rows.map(|row| table.identity.source_id(row.id)).collect())
    }

    /// The rows of one side with these ids; those that are not there are left out.
    pub(super) async fn rows(
        &self,
        end: End,
        table: &LinkTable,
        ids: &[RowId],
    ) -> Result<Taken, Failure> {
        let (schema, columns) = table.side(end);
        let there: Vec<RowId> = ids.iter().map(|id| table.called(end, *id)).collect();
        let page = self.reader(end).rows_by_id(schema, &there, columns).await?;
        Ok(table.take(end, page))
    }
}

/// What a row's read says of its side.
fn side(end: End, table: &LinkTable, row: Result<Option<Row>, Failure>) -> Result<Side, Failure> {
    match row {
        Ok(None) => Ok(Side::Absent),
        Ok(Some(row)) if end == End::Target => Ok(Side::Row(table.identity.read(row))),
        Ok(Some(row)) => Ok(match table.translation.read(row) {
            Translated::Row(row) => Side::Row(row),
            Translated::OutOfScope(_) => Side::OutOfScope,
            Translated::Untranslatable(_, why) => Side::Unreadable(why),
        }),
        Err(failure) if failure.class == FailureClass::Forbidden => {
            Ok(Side::Unreadable(failure.summary()))
        }
        Err(failure) => Err(failure),
    }
}
