//! Duplicate detection, for writes that ask for it with `MSCRM.SuppressDuplicateDetection: false` (contract 2.11): a row
//! that a published rule finds another row for is refused. Without the header nothing is looked at.

use uuid::Uuid;

use super::step::Fields;
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::row::Row;
use crate::emulator::schema::Table;
use crate::emulator::store::Store;
use crate::emulator::value::{TableId, ValueRef};

/// Refuses a row, as it was just written, if another one is its duplicate by a published rule.
pub(super) fn check(store: &Store, table: TableId, row: &Row) -> Outcome<()> {
    let name = store.schema().table(table).name;
    let Some(rules) = store.schema().by_name("duplicaterule") else {
        return Ok(());
    };
    for rule in store.all(rules) {
        let fields = Fields::of(store, rules, rule);
        let is_ours = fields.text("baseentityname") == Some(name)
            && fields.int("statuscode") == Some(PUBLISHED);
        if is_ours && has_duplicate(store, table, row, rule.id(), &fields) {
            return Err(Refusal::duplicates_found());
        }
    }
    Ok(())
}

const PUBLISHED: i64 = 2;

/// One condition: two columns, and how much of them must be the same.
struct Condition {
    base: usize,
    matching: usize,
    operator: i64,
    length: usize,
}

fn has_duplicate(store: &Store, table: TableId, row: &Row, rule: Uuid, fields: &Fields) -> bool {
    let schema = store.schema();
    let matching = fields
        .text("matchingentityname")
        .and_then(|name| schema.by_name(name));
    let Some(matching) = matching else {
        return false;
    };
    let (here, there) = (schema.table(table), schema.table(matching));
    let Some(conditions) = conditions(store, rule, here, there) else {
        return false;
    };
    let case_matters = fields.is("iscasesensitive");
    let only_active = fields.is("excludeinactiverecords");
    let state = there.column("statecode");
    let is_active = |other: &Row| state.is_none_or(|state| other.value(state).as_int() == Some(0));
    let mut others = store.all(matching);
    others.any(|other| {
        let is_another = matching != table || other.id() != row.id();
        is_another
            && (!only_active || is_active(other))
            && conditions.iter().all(|condition| {
                let (own, its) = (row.value(condition.base), other.value(condition.matching));
                condition.holds(own, its, case_matters)
            })
    })
}

/// The conditions of a rule; `None` where there are none, or one names a column that the table doesn't have.
fn conditions(store: &Store, rule: Uuid, here: &Table, there: &Table) -> Option<Vec<Condition>> {
    let table = store.schema().by_name("duplicaterulecondition")?;
    let rows = store.all(table).map(|row| Fields::of(store, table, row));
    let ours = rows.filter(|row| {
        let of = row.reference("regardingobjectid");
        of.is_some_and(|of| of.id == rule)
    });
    let conditions: Option<Vec<Condition>> = ours
        .map(|row| {
            Some(Condition {
                base: here.column(row.text("baseattributename")?)?,
                matching: there.column(row.text("matchingattributename")?)?,
                operator: row.int("operatorcode").unwrap_or_default(),
                length: usize::try_from(row.int("operatorparam").unwrap_or_default()).ok()?,
            })
        })
        .collect();
    conditions.filter(|conditions| !conditions.is_empty())
}

impl Condition {
    /// Blank values match nothing (inferred: `ignoreblankvalues` is not modelled).
    fn holds(&self, own: ValueRef<'_>, its: ValueRef<'_>, case_matters: bool) -> bool {
        match (own, its) {
            (ValueRef::Null, _) | (_, ValueRef::Null) => false,
            (ValueRef::Text(own), ValueRef::Text(its)) => {
                let fold = |text: &str| {
                    let text = text.trim_end();
                    if case_matters {
                        text.to_owned()
                    } else {
                        text.to_lowercase()
                    }
                };
                let (own, its): (Vec<char>, Vec<char>) =
                    (fold(own).chars().collect(), fold(its).chars().collect());
                let long_enough = own.len() >= self.length && its.len() >= self.length;
                match self.operator {
                    1 => {
                        long_enough
                            && own
                                .iter()
                                .take(self.length)
                                .eq(its.iter().take(self.length))
                    }
                    2 => {
                        long_enough
                            && own
                                .iter()
                                .rev()
                                .take(self.length)
                                .eq(its.iter().rev().take(self.length))
                    }
                    _ => own == its,
                }
            }
            (ValueRef::Time(own), ValueRef::Time(its)) if self.operator == 3 => {
                own.date_naive() == its.date_naive()
            }
            (own, its) => own == its,
        }
    }
}
