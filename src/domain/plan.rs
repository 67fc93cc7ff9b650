//! What a verb would do to a record: one write with its precondition, or nothing with the reason in words
//! (design, "The three verbs" and rules 1 to 4). The same plan is shown, confirmed and carried out.

use std::collections::HashSet;

use super::drift::{Assessment, CompareRules, ComparedColumn, Drift};
use super::operation::{ColumnChoice, RecordKey, TableIndex, Taken, Verb};
use super::row::{ETag, Row, Value};
use super::table::{ColumnName, ColumnType, Requirement, TableName};

/// What a verb would do to one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// A create-only request (`If-None-Match: *`) with these columns.
    Create(Vec<Assignment>),
    /// An update of exactly the version that was compared (`If-Match`).
    Fill {
        /// The columns to write.
        columns: Vec<Assignment>,
        /// The version that was compared.
        etag: ETag,
        /// How many filled values of the target it would overwrite.
        overwrites: usize,
    },
    /// Nothing is sent; that it differs on purpose is remembered.
    Keep,
    /// Nothing needs doing; this is why.
    Nothing(&'static str),
    /// It must not be done; this is why.
    Refuse(&'static str),
}

/// One column that a write sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Its place among the hydrated columns.
    pub place: usize,
    /// The value; [`Value::Null`] clears it.
    pub value: Value,
}

impl Plan {
    /// Whether it sends a request that writes.
    pub fn is_write(&self) -> bool {
        matches!(self, Self::Create(_) | Self::Fill { .. })
    }

    /// The columns that it sets.
    pub fn columns(&self) -> &[Assignment] {
        match self {
            Self::Create(columns) | Self::Fill { columns, .. } => columns,
            Self::Keep | Self::Nothing(_) | Self::Refuse(_) => &[],
        }
    }

    /// The plan of the first request, and the state and status that go into another one behind it: they are written
    /// as a pair, in an update of their own.
    pub fn in_requests(self, rules: &CompareRules) -> (Self, Vec<Assignment>) {
        let is_pair = |assignment: &Assignment| {
            let column = rules.columns.get(assignment.place);
            column.is_some_and(ComparedColumn::is_of_the_state)
        };
        let part = |columns: Vec<Assignment>| columns.into_iter().partition(is_pair);
        match self {
            Self::Create(columns) => {
                let (pair, rest): (Vec<_>, _) = part(columns);
                (Self::Create(rest), pair)
            }
            Self::Fill {
                columns,
                etag,
                overwrites,
            } => {
                let (pair, rest): (Vec<_>, Vec<_>) = part(columns);
                let (columns, pair) = if rest.is_empty() {
                    (pair, rest)
                } else {
                    (rest, pair)
                };
                let first = Self::Fill {
                    columns,
                    etag,
                    overwrites,
                };
                (first, pair)
            }
            other => (other, Vec::new()),
        }
    }

    /// The columns that it sets, by name.
    pub fn named(&self, rules: &CompareRules) -> Vec<(ColumnName, Value)> {
        named(self.columns(), rules)
    }
}

/// Plans a decision in which some columns were decided one by one; the verb decides the others.
pub fn decide(
    verb: Verb,
    choices: &[ColumnChoice],
    assessment: &Assessment,
    source: Option<&Row>,
    target: Option<&Row>,
    rules: &CompareRules,
) -> Plan {
    match assessment.drift {
        _ if choices.is_empty() => {}
        Drift::Diverged | Drift::Kept => {
            let is_hydrated =
                |one: &ColumnChoice| rules.columns.iter().any(|column| column.name == one.column);
            if !choices.iter().all(is_hydrated) {
                return Plan::Refuse("a column that was named is none that the link copies");
            }
            let is_blank = |place| target.is_none_or(|row| rules.is_blank(row, place));
            let takes = |place| match chosen(choices, rules, place) {
                Some(taken) => taken == Taken::Source,
                None => match verb {
                    Verb::TakeSource => true,
                    Verb::FillBlanks => is_blank(place),
                    _ => false,
                },
            };
            let plan = fill(assessment, source, target, rules, true, takes);
            let is_decided = is_decided(verb, choices, &assessment.differing, rules);
            return match plan {
                Plan::Nothing(_) if is_decided => Plan::Keep,
                plan => plan,
            };
        }
        Drift::DeletedInTarget => {
            return Plan::Refuse("deleted in the target: it is decided as a whole");
        }
        _ => {}
    }
    plan(verb, assessment, source, target, rules)
}

/// Whether a person decided of all these columns that the target's value stands.
pub fn is_decided(
    verb: Verb,
    choices: &[ColumnChoice],
    places: &[usize],
    rules: &CompareRules,
) -> bool {
    places
        .iter()
        .all(|place| match chosen(choices, rules, *place) {
            Some(taken) => taken == Taken::Target,
            None => verb == Verb::KeepTarget,
        })
}

/// Whose value was chosen for the column in a place; state and status are chosen together.
fn chosen(choices: &[ColumnChoice], rules: &CompareRules, place: usize) -> Option<Taken> {
    let column = rules.columns.get(place)?;
    let of = |column: &ComparedColumn| choices.iter().find(|one| one.column == column.name);
    let of_its_pair = || {
        let of_the_state = |column: &&ComparedColumn| column.is_of_the_state();
        let is_one = column.is_of_the_state();
        let mut pair = rules.columns.iter().filter(of_the_state).filter(|_| is_one);
        pair.find_map(of)
    };
    of(column).or_else(of_its_pair).map(|choice| choice.takes)
}

/// What is assigned, by the names of the columns.
pub fn named(columns: &[Assignment], rules: &CompareRules) -> Vec<(ColumnName, Value)> {
    let named = columns.iter().filter_map(|assignment| {
        let column = rules.columns.get(assignment.place)?;
        Some((column.name.clone(), assignment.value.clone()))
    });
    named.collect()
}

/// Plans a verb on a record as both sides were read.
pub fn plan(
    verb: Verb,
    assessment: &Assessment,
    source: Option<&Row>,
    target: Option<&Row>,
    rules: &CompareRules,
) -> Plan {
    match (assessment.drift, verb) {
        (_, Verb::Rerun | Verb::Cancel) => Plan::Refuse("a run is no record"),
        (_, Verb::Resume | Verb::End | Verb::Pause) => Plan::Refuse("an operation is no record"),
        (Drift::Unknown, _) => Plan::Refuse("it could not be read"),
        (Drift::Duplicate, _) => Plan::Refuse(
            "its alternate key stands on another row: merge the two in the target's app",
        ),
        (Drift::Orphan, _) => Plan::Refuse("deleted at the source: tandem deletes nothing"),
        (Drift::Local, _) => Plan::Refuse("the target's own record: it has no source"),
        (Drift::InSync, _) if source.is_none() => Plan::Refuse("neither instance has it"),
        (Drift::InSync, Verb::Ensure) => Plan::Nothing("it exists"),
        (Drift::InSync, _) => Plan::Nothing("in step"),
        (Drift::DeletedInTarget, Verb::TakeSource) => source
            .map_or(Plan::Refuse("the source can't be read"), |source| {
                Plan::Create(whole(source, rules))
            }),
        (Drift::Diverged | Drift::Kept, Verb::FillBlanks) => {
            let blank = |place| target.is_none_or(|row| rules.is_blank(row, place));
            fill(assessment, source, target, rules, false, blank)
        }
        (Drift::Diverged | Drift::Kept, Verb::TakeSource) => {
            fill(assessment, source, target, rules, true, |_| true)
        }
        (Drift::Diverged, Verb::KeepTarget) => Plan::Keep,
        (Drift::Kept, Verb::KeepTarget) => Plan::Nothing("it is kept already"),
        (_, Verb::FillBlanks | Verb::TakeSource | Verb::KeepTarget) => {
            Plan::Refuse("there is nothing to decide: only what both sides changed is decided")
        }
        (Drift::Kept, Verb::Ensure) => Plan::Nothing("it exists"),
        (Drift::Kept, _) => Plan::Refuse("a person chose to keep what the target has"),
        (Drift::DeletedInTarget, _) => {
            Plan::Refuse("deleted in the target: a person decides, in the target's app")
        }
        (Drift::Missing, Verb::Rehydrate) => {
            Plan::Refuse("missing in the target: rehydrate creates nothing, ensure does")
        }
        (Drift::Missing, verb) => {
            source.map_or(Plan::Refuse("the source can't be read"), |source| {
                Plan::Create(if verb == Verb::Ensure {
                    bare(source, rules)
                } else {
                    whole(source, rules)
                })
            })
        }
        (Drift::Stub | Drift::Stale | Drift::Diverged, Verb::Ensure) => Plan::Nothing("it exists"),
        (Drift::Diverged, _) => Plan::Refuse("edited in the target: a person decides"),
        (Drift::Stub | Drift::Stale, _) => {
            let clears = assessment.drift == Drift::Stale;
            fill(assessment, source, target, rules, clears, |_| true)
        }
    }
}

/// Plans the stub of a row that the target lacks where its source may not be known: what the source has, and where it
/// has nothing or can't be read, what came along with the reference.
pub fn stub(source: Option<&Row>, given: Vec<Assignment>, rules: &CompareRules) -> Plan {
    let mut columns = source.map_or_else(Vec::new, |source| bare(source, rules));
    for assignment in given {
        if columns.iter().all(|known| known.place != assignment.place) {
            columns.push(assignment);
        }
    }
    Plan::Create(columns)
}

/// What an ensure sets: the alternate keys and the stub columns, as far as they are known (rule 1).
///
/// A stub column that the target's forms ask for is not left empty either.
fn bare(source: &Row, rules: &CompareRules) -> Vec<Assignment> {
    let wanted = |column: &ComparedColumn| column.stub || column.key;
    known(source, rules, wanted, |column| {
        column.stub && column.required != Requirement::Nobody
    })
}

/// All hydrated columns that the source has something in, and those that the target's server insists on.
fn whole(source: &Row, rules: &CompareRules) -> Vec<Assignment> {
    known(
        source,
        rules,
        |_| true,
        |column| column.required == Requirement::Server,
    )
}

fn known(
    source: &Row,
    rules: &CompareRules,
    is_wanted: impl Fn(&ComparedColumn) -> bool,
    is_needed: impl Fn(&ComparedColumn) -> bool,
) -> Vec<Assignment> {
    let columns = rules.columns.iter().enumerate();
    columns
        .filter(|(_, column)| is_wanted(column))
        .filter_map(|(place, column)| {
            let value = if !rules.is_blank(source, place) {
                source.values.get(place)?.clone()
            } else if is_needed(column) && matches!(column.kind, ColumnType::Text { .. }) {
                Value::Text(rules.placeholder.fill(&rules.known_by(source))?)
            } else {
                return None;
            };
            Some(Assignment { place, value })
        })
        .collect()
}

fn fill(
    assessment: &Assessment,
    source: Option<&Row>,
    target: Option<&Row>,
    rules: &CompareRules,
    clears: bool,
    wanted: impl Fn(usize) -> bool,
) -> Plan {
    let (Some(source), Some(target)) = (source, target) else {
        return Plan::Refuse("both sides must be read first");
    };
    let Some(etag) = target.etag.clone() else {
        return Plan::Refuse("the target gives no version to hold on to");
    };
    let differing = rules.with_pairs(&assessment.differing);
    let places = differing
        .into_iter()
        .filter(|place| wanted(*place) && (clears || !rules.is_blank(source, *place)));
    let columns: Vec<Assignment> = places
        .filter_map(|place| {
            let blank = rules.is_blank(source, place);
            let value = source.values.get(place)?.clone();
            Some(Assignment {
                place,
                value: if blank { Value::Null } else { value },
            })
        })
        .collect();
    if columns.is_empty() {
        return Plan::Nothing("the source has nothing more");
    }
    let overwrites = columns
        .iter()
        .filter(|column| rules.overwrites(target, column.place))
        .count();
    Plan::Fill {
        columns,
        etag,
        overwrites,
    }
}

/// What an operation would touch, summed up before it is confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlastRadius {
    /// Records that were chosen.
    pub chosen: usize,
    /// Rows that would be created.
    pub creates: usize,
    /// Rows that would be filled.
    pub fills: usize,
    /// Records that nothing would be done to.
    pub unchanged: usize,
    /// Records that are left out, with a reason.
    pub refused: usize,
    /// Filled values of the target that would be overwritten.
    pub overwrites: usize,
    /// Rows beside the chosen ones that would be created first, because a write names them.
    pub stubs: usize,
}

impl BlastRadius {
    /// Adds one record's plan.
    pub fn add(&mut self, plan: &Plan) {
        self.chosen += 1;
        match plan {
            Plan::Create(_) => self.creates += 1,
            Plan::Fill { overwrites, .. } => {
                self.fills += 1;
                self.overwrites += overwrites;
            }
            Plan::Keep | Plan::Nothing(_) => self.unchanged += 1,
            Plan::Refuse(_) => self.refused += 1,
        }
    }

    /// Takes in what another part would touch.
    pub fn merge(&mut self, other: Self) {
        self.chosen += other.chosen;
        self.creates += other.creates;
        self.fills += other.fills;
        self.unchanged += other.unchanged;
        self.refused += other.refused;
        self.overwrites += other.overwrites;
        self.stubs += other.stubs;
    }

    /// The chosen rows that would be written.
    pub fn writes(&self) -> usize {
        self.creates + self.fills
    }

    /// Requests that it takes at least: two reads before, one write, one read back.
    pub fn requests(&self) -> usize {
        2 * (self.chosen + self.stubs) + 2 * (self.writes() + self.stubs)
    }
}

/// The rows that planned writes name in their lookups: what the target lacks of them is ensured first (rule 5).
#[derive(Clone, Debug, Default)]
pub struct References {
    named: HashSet<RecordKey>,
    created: HashSet<RecordKey>,
}

impl References {
    /// Adds one record's plan; `table` finds the link's table of a name.
    pub fn add(
        &mut self,
        key: RecordKey,
        plan: &Plan,
        rules: &CompareRules,
        table: impl Fn(&TableName) -> Option<TableIndex>,
    ) {
        if matches!(plan, Plan::Create(_)) {
            self.created.insert(key);
        }
        let named = plan.columns().iter().filter_map(|column| {
            let Value::Lookup(reference) = &column.value else {
                return None;
            };
            let kind = rules.columns.get(column.place).map(|column| &column.kind);
            let name = reference.table.as_ref().or_else(|| only_target(kind?))?;
            Some(RecordKey {
                table: table(name)?,
                id: reference.id,
            })
        });
        self.named.extend(named);
    }

    /// How many of the missing rows are created only because they are named.
    pub fn stubs(&self, missing: impl IntoIterator<Item = RecordKey>) -> usize {
        let missing = missing.into_iter();
        missing
            .filter(|key| self.named.contains(key) && !self.created.contains(key))
            .count()
    }
}

fn only_target(kind: &ColumnType) -> Option<&TableName> {
    match kind {
        ColumnType::Lookup { targets } => match targets.as_slice() {
            [only] => Some(&only.table),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
