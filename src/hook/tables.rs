//! The tables that the hook ensures rows of, as the target describes them, and the values that a stub takes from the row
//! that refers to it. The source is not needed for that: the hook works while it is down.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::config::{HookConfig, HookReference, LinkConfig};
use crate::dataverse::Reader;
use crate::domain::drift::{CompareRules, ComparedColumn};
use crate::domain::plan::Assignment;
use crate::domain::row::{Row, RowId, Value};
use crate::domain::table::{ColumnName, ColumnType, Requirement, TableName, TableSchema};
use crate::engine::stub::{NotReady, StubTable};

use super::context::Call;

/// What must be known before anything can be ensured.
#[derive(Debug)]
pub(super) struct Described {
    /// The hook's own user: what it writes itself is answered at once.
    pub(super) own: RowId,
    /// The tables of the link.
    pub(super) tables: Vec<Arc<Referenced>>,
}

/// A table whose rows are ensured.
#[derive(Debug)]
pub(super) struct Referenced(StubTable);

impl Described {
    /// Asks the target, and checks the configuration against it.
    pub(super) async fn ask(
        hook: &HookConfig,
        link: &LinkConfig,
        target: &Reader,
    ) -> Result<Self, NotReady> {
        let own = target.who_am_i().await.map_err(NotReady::Unreachable)?;
        let own = own.user;
        for table in &hook.tables {
            let schema = target.schema(&table.name).await;
            let schema = schema.map_err(NotReady::Unreachable)?;
            for reference in &table.references {
                check(&schema, reference, link).map_err(NotReady::Misfit)?;
            }
        }
        let mut tables = Vec::new();
        for table in &link.tables {
            let table = StubTable::describe(link, table, target).await?;
            tables.push(Arc::new(Referenced(table)));
        }
        Ok(Self { own, tables })
    }

    /// The table of that name, if it is on the link.
    pub(super) fn table(&self, name: &TableName) -> Option<&Arc<Referenced>> {
        self.tables
            .iter()
            .find(|table| table.schema().name == *name)
    }
}

/// A lookup that is looked after names a table of the link, and takes its stub's values from columns that are there.
fn check(table: &TableSchema, reference: &HookReference, link: &LinkConfig) -> Result<(), String> {
    let (name, column) = (&table.name, &reference.column);
    let kind = table.column(column).map(|column| &column.kind);
    let Some(ColumnType::Lookup { targets }) = kind else {
        return Err(format!("[hook]: table {name} has no lookup {column}"));
    };
    let on_link = |table: &TableName| link.tables.iter().any(|other| other.name == *table);
    if !targets.iter().any(|target| on_link(&target.table)) {
        return Err(format!(
            "[hook]: {name}.{column} refers to no table of the link {}",
            link.name
        ));
    }
    let absent = reference
        .stub
        .iter()
        .find(|(_, from)| table.column(from).is_none());
    match absent {
        Some((into, from)) => Err(format!(
            "[hook]: the stub's {into} is to be taken from {from}, which table {name} does not have"
        )),
        None => Ok(()),
    }
}

impl Referenced {
    /// The table as the target describes it.
    pub(super) fn schema(&self) -> &TableSchema {
        self.0.schema()
    }

    /// What a row is made of, and how it is read at the source.
    pub(super) fn stub(&self) -> &StubTable {
        &self.0
    }

    /// The columns that a stub may hold, by their names in the target.
    pub(super) fn columns(&self) -> impl Iterator<Item = &ColumnName> {
        self.rules().columns.iter().map(|column| &column.name)
    }

    fn rules(&self) -> &CompareRules {
        self.0.rules()
    }

    /// The values that an incoming row has for a stub of this table.
    pub(super) fn given_along(
        &self,
        call: &Call,
        stub: &[(ColumnName, ColumnName)],
    ) -> Vec<Assignment> {
        let given = stub.iter().filter_map(|(into, from)| {
            let value = call.attribute(from.as_str())?;
            self.assignment(into, value)
        });
        given.collect()
    }

    /// A value of JSON for one of the stub's columns; `None` where it has no such column, or can't hold it.
    pub(super) fn assignment(&self, column: &ColumnName, value: &Json) -> Option<Assignment> {
        let is_it = |compared: &ComparedColumn| compared.name == *column;
        let place = self.rules().columns.iter().position(is_it)?;
        let kind = &self.rules().columns.get(place)?.kind;
        let value = typed(kind, value)?;
        let is_blank = value.is_blank(kind, &self.rules().placeholder);
        (!is_blank).then_some(Assignment { place, value })
    }

    /// Whether a column is too short for a text.
    pub(super) fn is_cut(&self, column: &ColumnName, text: &str) -> bool {
        let held = self.assignment(column, &Json::from(text));
        held.is_some_and(|held| matches!(held.value, Value::Text(held) if held != text))
    }

    /// What was given, and the placeholder in whatever text the target insists on and nobody knows.
    pub(super) fn with_placeholders(
        &self,
        mut given: Vec<Assignment>,
        source: Option<&Row>,
        id: Option<RowId>,
    ) -> Vec<Assignment> {
        let id = || id.map(|id| id.to_string());
        let key = self.key(&given, source).or_else(id).unwrap_or_default();
        for (place, column) in self.rules().columns.iter().enumerate() {
            let is_name = self.schema().primary_name.as_ref() == Some(&column.name);
            let is_required = self
                .schema()
                .column(&column.name)
                .is_some_and(|column| column.required == Requirement::Server);
            let is_known = given.iter().any(|known| known.place == place)
                || source.is_some_and(|row| !self.rules().is_blank(row, place));
            if column.key || is_known || !(is_required || is_name) {
                continue;
            }
            let text = self.rules().placeholder.fill(&key).map(Json::from);
            let value = text.and_then(|text| typed(&column.kind, &text));
            given.extend(value.map(|value| Assignment { place, value }));
        }
        given
    }

    /// What people know the row by: its alternate key.
    fn key(&self, given: &[Assignment], source: Option<&Row>) -> Option<String> {
        let keys = self.rules().columns.iter().enumerate();
        keys.filter(|(_, column)| column.key)
            .find_map(|(place, _)| {
                let known = given.iter().find(|known| known.place == place);
                let from_source = || {
                    let row = source.filter(|row| !self.rules().is_blank(row, place))?;
                    row.values.get(place)
                };
                let value = known.map(|known| &known.value).or_else(from_source)?;
                Some(value.to_string())
            })
    }
}

/// A value of JSON, plain or as a webhook's context wraps it (`OptionSetValue`), by its column's type. A text that is
/// too long is cut: the row that it names matters more than its end.
fn typed(kind: &ColumnType, value: &Json) -> Option<Value> {
    let number = || value.get("Value").unwrap_or(value).as_i64();
    match kind {
        ColumnType::Text { max_length } => Some(Value::Text(cut(value.as_str()?, *max_length))),
        ColumnType::Integer | ColumnType::Choice => number().map(Value::Integer),
        ColumnType::Boolean { .. } => value.as_bool().map(Value::Boolean),
        _ => None,
    }
}

/// As the service counts: in UTF-16.
fn cut(text: &str, most: Option<u32>) -> String {
    let most = most.map_or(usize::MAX, |most| {
        usize::try_from(most).unwrap_or(usize::MAX)
    });
    let mut length = 0;
    let fits = |c: &char| {
        length += c.len_utf16();
        length <= most
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_taken_by_their_columns_types() {
        let text = ColumnType::Text {
            max_length: Some(5),
        };
        for (kind, value, taken) in [
            (
                &text,
                json!("Printer"),
                Some(Value::Text("Print".to_owned())),
            ),
            (
                &text,
                json!("ab😀cd"),
                Some(Value::Text("ab😀c".to_owned())),
            ),
            (&text, json!("abcd😀"), Some(Value::Text("abcd".to_owned()))),
            (&text, json!(7), None),
            (
                &ColumnType::Choice,
                json!({"Value": 3}),
                Some(Value::Integer(3)),
            ),
            (&ColumnType::Integer, json!(3), Some(Value::Integer(3))),
            (&ColumnType::Integer, json!("3"), None),
            (
                &ColumnType::Boolean { default: false },
                json!(true),
                Some(Value::Boolean(true)),
            ),
            (&ColumnType::DateTime, json!("/Date(1)/"), None),
        ] {
            assert_eq!(typed(kind, &value), taken, "{kind:?} {value}");
        }
    }
}
