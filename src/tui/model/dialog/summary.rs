//! What a verb would do to the records of a dialog, summed up by the same plan that the engine carries out.

use std::collections::{HashMap, HashSet};

use crate::domain::drift::{Assessment, Drift};
use crate::domain::operation::{ColumnChoice, OperationId, RecordKey, TableIndex, Verb};
use crate::domain::plan::{BlastRadius, Plan, References, decide};
use crate::domain::table::TableName;
use crate::engine::records::Record;
use crate::engine::state::State;
use crate::tui::model::Model;

/// Why nothing is done to a record that is listed no more, or as equal.
const CAME_INTO_STEP: &str = "has come into step since: nothing to do";

/// What is asked of records: a verb, what was decided column by column, and what it tries again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// The verb.
    pub verb: Verb,
    /// What was decided column by column; the verb decides the others.
    pub choices: Vec<ColumnChoice>,
    /// The operation whose failed records it tries again.
    pub retries: Option<OperationId>,
}

impl Deed {
    /// A verb and nothing else.
    pub fn of(verb: Verb) -> Self {
        Self {
            verb,
            choices: Vec::new(),
            retries: None,
        }
    }
}

/// What a verb would do to the frozen records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// All of them summed up.
    pub radius: BlastRadius,
    /// Table by table.
    pub tables: Vec<TableSummary>,
    /// The plan of the only record, where there is only one.
    pub only: Option<Plan>,
    /// The only record as it was last listed.
    pub shown: Option<Box<Record>>,
    /// Columns that would be written, over all records.
    pub columns: usize,
}

/// What a verb would do to the records of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSummary {
    /// The table.
    pub table: TableIndex,
    /// Its share.
    pub radius: BlastRadius,
    /// The drifts of those that are left out.
    pub left_out: Vec<&'static str>,
}

impl Summary {
    /// Plans every record as it stands now.
    pub fn of(model: &Model, deed: &Deed, records: &[RecordKey]) -> Self {
        Self::among(model, deed, records, records)
    }

    /// The same where only some of the records may be written to.
    pub(super) fn among(
        model: &Model,
        deed: &Deed,
        records: &[RecordKey],
        may: &[RecordKey],
    ) -> Self {
        let may: HashSet<RecordKey> = may.iter().copied().collect();
        let plan_of = |record: &Record| match planned(&model.state, record, deed) {
            Plan::Nothing(_) if record.drift == Drift::InSync => Plan::Nothing(CAME_INTO_STEP),
            plan if plan.is_write() && !may.contains(&record.key) => {
                Plan::Refuse("it was left out when it was chosen")
            }
            plan => plan,
        };
        let mut summary = Self::default();
        let mut references = References::default();
        let found: HashMap<RecordKey, &Record> = if let [only] = records {
            model
                .record(*only)
                .map(|record| (*only, record))
                .into_iter()
                .collect()
        } else {
            let all = model.state.records.iter();
            all.map(|(_, record)| (record.key, record)).collect()
        };
        for key in records {
            match found.get(key) {
                Some(record) => {
                    let plan = plan_of(record);
                    summary.add(record, &plan);
                    refer(&mut references, &model.state, record, &plan);
                }
                None => summary.count(key.table, Drift::InSync, &Plan::Nothing(CAME_INTO_STEP)),
            }
        }
        if let [only] = records {
            let record = found.get(only);
            let gone = Plan::Nothing(CAME_INTO_STEP);
            summary.only = Some(record.map_or(gone, |record| plan_of(record)));
            summary.shown = record.map(|record| Box::new(Record::clone(record)));
        }
        let all = model.state.records.iter().map(|(_, record)| record);
        let missing = all.filter(|record| record.drift == Drift::Missing);
        summary.radius.stubs = references.stubs(missing.map(|record| record.key));
        summary
    }

    fn add(&mut self, record: &Record, plan: &Plan) {
        self.columns += plan.columns().len();
        self.count(record.key.table, record.drift, plan);
    }

    fn count(&mut self, table: TableIndex, drift: Drift, plan: &Plan) {
        if !self.tables.iter().any(|one| one.table == table) {
            self.tables.push(TableSummary {
                table,
                radius: BlastRadius::default(),
                left_out: Vec::new(),
            });
        }
        if let Some(one) = self.tables.iter_mut().find(|one| one.table == table) {
            one.radius.add(plan);
            let word = drift.word();
            if !plan.is_write() && !one.left_out.contains(&word) {
                one.left_out.push(word);
            }
        }
        self.radius.add(plan);
    }
}

/// Adds what a record's plan names.
fn refer(references: &mut References, state: &State, record: &Record, plan: &Plan) {
    let Some(table) = state.table(record.key.table) else {
        return;
    };
    let named = |name: &TableName| {
        let mut tables = state.tables_of(table.link);
        tables.find(|(_, one)| one.name == *name).map(|(at, _)| at)
    };
    references.add(record.key, plan, &table.rules, named);
}

/// What a verb would do to a record as both sides were last read.
pub fn plan_of(state: &State, record: &Record, verb: Verb) -> Plan {
    planned(state, record, &Deed::of(verb))
}

/// What a deed would do to a record as both sides were last read.
pub fn planned(state: &State, record: &Record, deed: &Deed) -> Plan {
    let Some(table) = state.table(record.key.table) else {
        return Plan::Refuse("its table is not known");
    };
    let sides = record.sides.open();
    let assessment = Assessment {
        drift: record.drift,
        is_guess: record.is_guess,
        differing: sides.differing,
    };
    decide(
        deed.verb,
        &deed.choices,
        &assessment,
        sides.source.row(),
        sides.target.row(),
        &table.rules,
    )
}
