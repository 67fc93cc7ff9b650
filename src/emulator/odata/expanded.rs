//! Writes rows together with what was expanded: nested objects, arrays with their own links, references.
//!
//! Pages an expanded collection only where expansions are nested and a page size is preferred, as Dataverse does.

use std::cell::Cell;
use std::rc::Rc;

use super::expand::Expansion;
use super::owner::Owner;
use super::paging::MOST;
use super::path::End;
use super::prefer::Annotations;
use super::rows::{self, RowWriter};
use super::{listing, render};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::store::Store;
use crate::emulator::value::TableId;

/// An answer with more bytes than this would not end in time.
const MOST_BYTES: usize = 100_000_000;
/// Nor would one for which more rows are looked at than this.
const MOST_LOOKED_AT: usize = 20_000_000;

/// What all rows of an answer are written with.
#[derive(Clone)]
pub(crate) struct Setting<'a> {
    pub(crate) store: &'a Store,
    pub(crate) root: &'a str,
    pub(crate) annotations: &'a Annotations,
    /// The rows of an expanded collection, where it is paged.
    pub(crate) page: Option<usize>,
    /// How many rows collections were looked for among so far.
    pub(crate) looked_at: Rc<Cell<usize>>,
}

impl Setting<'_> {
    /// Counts rows that are looked at.
    fn look_at(&self, rows: usize) -> Outcome<()> {
        self.looked_at
            .set(self.looked_at.get().saturating_add(rows));
        within(self.looked_at.get(), MOST_LOOKED_AT)
    }
}

/// Refuses what goes beyond a limit, as the service does by its time limit.
fn within(number: usize, most: usize) -> Outcome<()> {
    if number > most {
        Err(Refusal::lock_timeout())
    } else {
        Ok(())
    }
}

/// Writes the rows of one table with what they are expanded by.
pub(crate) struct Expanded<'a> {
    setting: Setting<'a>,
    table: &'a Table,
    rows: RowWriter,
    parts: Vec<(&'a Expansion, Expanded<'a>)>,
}

impl<'a> Expanded<'a> {
    pub(crate) fn new(
        setting: Setting<'a>,
        table: TableId,
        select: Option<&[usize]>,
        expansions: &'a [Expansion],
    ) -> Expanded<'a> {
        let mut columns = select.map(<[usize]>::to_vec);
        // A reference shows its lookup as well.
        for expansion in expansions.iter().filter(|expansion| expansion.reference) {
            if let (End::Row { lookup, .. }, Some(columns)) = (expansion.end, &mut columns) {
                add(columns, lookup);
            }
        }
        let part = |expansion: &'a Expansion| {
            let mut columns = expansion.select.clone();
            // A row of a collection shows the lookup by which it belongs to it.
            if let (End::Rows { lookup, .. }, Some(columns)) = (expansion.end, &mut columns) {
                add(columns, lookup);
            }
            let inner = Expanded::new(
                setting.clone(),
                expansion.table(),
                columns.as_deref(),
                &expansion.nested,
            );
            (expansion, inner)
        };
        Expanded {
            table: setting.store.schema().table(table),
            rows: RowWriter::new(
                setting.store,
                table,
                columns.as_deref(),
                setting.annotations,
            ),
            parts: expansions.iter().map(part).collect(),
            setting,
        }
    }

    /// Writes many rows with commas between them.
    pub(crate) fn write_all(&self, out: &mut Vec<u8>, rows: &[Row]) -> Outcome<()> {
        if self.parts.is_empty() {
            self.rows.write_all(Some(self.setting.store), out, rows);
            return Ok(());
        }
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            self.write(out, row)?;
        }
        Ok(())
    }

    /// What writes the rows without anything else, if they can be: without the store, and without a failure.
    pub(crate) fn into_plain(self) -> Result<RowWriter, Box<Self>> {
        if self.parts.is_empty() && self.rows.needs_no_store() {
            Ok(self.rows)
        } else {
            Err(Box::new(self))
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>, row: &Row) -> Outcome<()> {
        out.push(b'{');
        self.members(out, row)?;
        out.push(b'}');
        Ok(())
    }

    /// Writes the members of a row's object, the first without a comma before it; refused where the answer gets too large.
    pub(crate) fn members(&self, out: &mut Vec<u8>, row: &Row) -> Outcome<()> {
        within(out.len(), MOST_BYTES)?;
        self.rows.members(self.setting.store, out, row);
        for (expansion, inner) in &self.parts {
            match expansion.end {
                End::Row { lookup, table } => {
                    name(out, &expansion.name);
                    match self.named(row, lookup, table, expansion) {
                        None => out.extend_from_slice(b"null"),
                        Some(named) if expansion.reference => {
                            let url = url(self.setting.root, inner.table, named);
                            rows::scalar(out, &serde_json::json!({"@odata.id": url}));
                        }
                        Some(named) => inner.write(out, named)?,
                    }
                }
                End::Rows { lookup, table } => {
                    let owner = Owner::Named(lookup, row.id());
                    self.collection(out, row, expansion, inner, (owner, table))?;
                }
                End::Paired { pairs, table } => {
                    let owner = Owner::Paired(pairs, row.id());
                    self.collection(out, row, expansion, inner, (owner, table))?;
                }
            }
        }
        Ok(())
    }

    /// The row that a lookup names, if it is of the expanded table and passes.
    fn named(
        &self,
        row: &Row,
        lookup: usize,
        table: TableId,
        expansion: &Expansion,
    ) -> Option<&'a Row> {
        let store = self.setting.store;
        let reference = row.value(lookup).as_reference()?;
        let named = (reference.table == table).then(|| store.get(table, reference.id))??;
        let passes = expansion.filter.as_ref();
        passes
            .is_none_or(|filter| filter.holds(store, named))
            .then_some(named)
    }

    fn collection(
        &self,
        out: &mut Vec<u8>,
        row: &Row,
        expansion: &Expansion,
        inner: &Expanded,
        (owner, table): (Owner, TableId),
    ) -> Outcome<()> {
        let store = self.setting.store;
        let size = self.setting.page.unwrap_or(MOST);
        let wanted = expansion.top.map_or(size, |top| top.min(size));
        self.setting.look_at(owner.cost(store, table))?;
        let mut looked_at = 0;
        let members = owner.rows(store, table).inspect(|_| looked_at += 1);
        let found = listing::first(
            store,
            members,
            expansion.filter.as_ref(),
            &expansion.order,
            wanted + 1,
        );
        self.setting.look_at(looked_at)?;
        name(out, &expansion.name);
        out.push(b'[');
        for (index, row) in found.iter().take(wanted).enumerate() {
            if index > 0 {
                out.push(b',');
            }
            inner.write(out, row)?;
        }
        out.push(b']');
        let more = found.len() > wanted;
        let last = found.get(wanted.saturating_sub(1));
        let token = match (self.setting.page, last) {
            (Some(_), Some(last)) if more => Some(expansion.order.place(store, last).token(2)),
            (Some(_), _) => return Ok(()),
            (None, _) => None,
        };
        rows::member(out, &expansion.name, "odata.nextLink");
        let path = format!(
            "{}/{}",
            url(self.setting.root, self.table, row),
            expansion.name
        );
        rows::scalar(out, &link(&path, expansion, token.as_deref()));
        Ok(())
    }
}

/// The names of selected columns and expansions in a context, in parentheses.
pub(crate) fn context(
    root: &str,
    store: &Store,
    table: &Table,
    select: Option<&[usize]>,
    expansions: &[Expansion],
) -> String {
    if expansions.is_empty() {
        return render::context(root, table, select);
    }
    format!(
        "{root}/$metadata#{}({})",
        table.set,
        names(store, table, select, expansions)
    )
}

fn names(
    store: &Store,
    table: &Table,
    select: Option<&[usize]>,
    expansions: &[Expansion],
) -> String {
    let columns = select.into_iter().flatten();
    let mut names: Vec<String> = columns
        .map(|&column| table.columns[column].wire_name.clone())
        .collect();
    for expansion in expansions {
        names.push(if expansion.reference {
            format!("{}/$ref()", expansion.name)
        } else {
            let inner = self::names(
                store,
                store.schema().table(expansion.table()),
                expansion.select.as_deref(),
                &expansion.nested,
            );
            format!("{}({inner})", expansion.name)
        });
    }
    names.join(",")
}

/// The URL of a row.
pub(crate) fn url(root: &str, table: &Table, row: &Row) -> String {
    format!("{root}/{}({})", table.set, row.id())
}

fn link(path: &str, expansion: &Expansion, token: Option<&str>) -> String {
    let options = expansion
        .options
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let options = options.chain(token.map(|token| ("$skiptoken", token)));
    let options: Vec<String> = options
        .map(|(name, value)| format!("{name}={}", listing::encoded(value)))
        .collect();
    if options.is_empty() {
        return path.to_owned();
    }
    format!("{path}?{}", options.join("&"))
}

fn name(out: &mut Vec<u8>, name: &str) {
    for part in [",\"", name, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn add(columns: &mut Vec<usize>, column: usize) {
    if !columns.contains(&column) {
        columns.push(column);
    }
}
