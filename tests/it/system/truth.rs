//! The checker: what was done to the rows, what stands in both instances, and what the figures say (reliability 2.6).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;
use tandem::domain::drift::Drift;
use tandem::engine::State;
use uuid::Uuid;

use super::person::Person;
use super::story::{OUT, Place, Table};

/// What people did that decides where a record must end.
#[derive(Default)]
pub struct Book {
    /// The value that a person gave a column of the target last.
    target_edits: BTreeMap<(Place, &'static str), Json>,
    /// How often a person deleted a row of the target.
    target_deletes: BTreeMap<Place, usize>,
    source_deletes: BTreeSet<Place>,
}

impl Book {
    pub fn edited_in_target(&mut self, place: Place, column: &'static str, value: Json) {
        self.target_edits.insert((place, column), value);
    }

    pub fn deleted_in_target(&mut self, place: Place) {
        self.target_edits.retain(|(edited, _), _| *edited != place);
        *self.target_deletes.entry(place).or_default() += 1;
    }

    pub fn deleted_in_source(&mut self, place: Place) {
        self.source_deletes.insert(place);
    }

    pub fn is_deleted(&self, place: Place) -> bool {
        self.source_deletes.contains(&place) || self.target_deletes.contains_key(&place)
    }

    /// Compares all of it.
    pub async fn check(&self, state: &State, us: &Person, europe: &Person) {
        for table in Table::ALL {
            let rows = async |person: &Person| by_id(table, person.rows(table).await);
            let (source, target) = (rows(us).await, rows(europe).await);
            self.nothing_newer_is_overwritten(table, &target, europe)
                .await;
            let expected = self.drifts(table, &source, &target, &europe.user);
            let mut shown = BTreeMap::new();
            for (_, record) in state.records.iter() {
                let key = record.key;
                if usize::from(key.table.0) == table as usize {
                    shown.insert(key.id.to_string(), record.drift);
                }
            }
            for drift in Drift::ALL {
                let true_ones: Vec<&Uuid> = expected
                    .iter()
                    .filter(|(_, is)| **is == drift)
                    .map(|(id, _)| id)
                    .collect();
                let count = state.tables[table as usize].counts.of(drift);
                assert_eq!(
                    count,
                    true_ones.len(),
                    "{table:?}: {drift} is shown as {count}; in truth {true_ones:?}; shown: {shown:#?}"
                );
            }
        }
        self.nothing_is_created_twice(europe).await;
    }

    /// What a person wrote to the target stands there, whatever tandem did since.
    async fn nothing_newer_is_overwritten(
        &self,
        table: Table,
        target: &HashMap<Uuid, Json>,
        europe: &Person,
    ) {
        for ((place, column), value) in &self.target_edits {
            if place.table != table
                || target
                    .get(&place.id)
                    .is_some_and(|row| row[column] == *value)
            {
                continue;
            }
            let writes = europe.log().await.into_iter().filter(|request| {
                let path = request["path"].as_str().unwrap();
                path.contains(&place.path()) && request["method"] != "GET"
            });
            let writes: Vec<Json> = writes.collect();
            panic!(
                "{place:?}: somebody's {value} in {column} is overwritten: {:#?}, after {writes:#?}",
                target.get(&place.id)
            );
        }
    }

    /// Where each record must stand, now that nothing is pending any more.
    fn drifts(
        &self,
        table: Table,
        source: &HashMap<Uuid, Json>,
        target: &HashMap<Uuid, Json>,
        person: &str,
    ) -> BTreeMap<Uuid, Drift> {
        let keys: HashMap<&str, Uuid> = target
            .iter()
            .filter_map(|(id, row)| Some((row["accountnumber"].as_str()?, *id)))
            .collect();
        let mut drifts = BTreeMap::new();
        let mut twins: BTreeSet<Uuid> = BTreeSet::new();
        let (out, source): (Vec<_>, Vec<_>) = source
            .iter()
            .partition(|(_, row)| row["sic"].as_str() == Some(OUT));
        let (out, source): (HashMap<_, _>, HashMap<_, _>) =
            (out.into_iter().collect(), source.into_iter().collect());
        for (id, row) in &source {
            let place = Place { table, id: **id };
            let twin = row["accountnumber"].as_str().and_then(|key| keys.get(key));
            let drift = match target.get(id) {
                Some(copy) if differing(table, row, copy).is_empty() => Drift::InSync,
                Some(copy) => {
                    assert_eq!(
                        copy["_modifiedby_value"],
                        person,
                        "{place:?}: a change of the source is lost: {:?} of {row:#} and {copy:#}",
                        differing(table, row, copy)
                    );
                    Drift::Diverged
                }
                None if twin.is_some() => {
                    twins.extend(twin);
                    Drift::Duplicate
                }
                None => {
                    assert!(
                        self.target_deletes.contains_key(&place),
                        "{place:?}: a row of the source is lost: {row:#}"
                    );
                    Drift::DeletedInTarget
                }
            };
            drifts.insert(**id, drift);
        }
        for (id, row) in target {
            if source.contains_key(id) || twins.contains(id) {
                continue;
            }
            let is_own = row["_createdby_value"] == person || out.contains_key(id);
            drifts.insert(*id, if is_own { Drift::Local } else { Drift::Orphan });
        }
        drifts
    }

    /// A row is made once; again only after somebody deleted it.
    async fn nothing_is_created_twice(&self, europe: &Person) {
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for request in europe.log().await {
            let only_if_absent = request["headers"]["if-none-match"] == "*";
            let is_done = request["status"]
                .as_u64()
                .is_some_and(|status| status < 300);
            if only_if_absent && is_done {
                let path = request["path"].as_str().unwrap();
                *made.entry(path.to_lowercase()).or_default() += 1;
            }
        }
        for (path, times) in made {
            let deleted = self.target_deletes.iter();
            let deleted = deleted
                .filter(|(place, _)| path.contains(&place.path()))
                .map(|(_, times)| times)
                .sum::<usize>();
            assert!(times <= 1 + deleted, "{path} was created {times} times");
        }
    }
}

fn by_id(table: Table, rows: Vec<Json>) -> HashMap<Uuid, Json> {
    let id = |row: &Json| row[table.id()].as_str().unwrap().parse().unwrap();
    rows.into_iter().map(|row| (id(&row), row)).collect()
}

fn differing(table: Table, source: &Json, target: &Json) -> Vec<&'static str> {
    let columns = table.columns().iter().copied();
    columns
        .filter(|column| source[column] != target[column])
        .collect()
}
