//! A cloud flow of Power Automate (contract 11.5): its past runs are rows of `flowruns`, listed once they are over; the
//! URL of its own trigger starts it. Neither resubmitting nor cancelling is in Dataverse.

use tokio::sync::OnceCell;

use super::{RUNS, odd_name, words};
use crate::dataverse::{Filter, Management, Order, Query, Reader};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::row::{Row, RowId, Value};
use crate::domain::run::{PlatformRun, RunId, RunStatus};
use crate::domain::table::{ColumnName, TableName, TableSchema};

/// What is read of a run, in this order.
const COLUMNS: [&str; 7] = [
    "name",
    "status",
    "starttime",
    "endtime",
    "errormessage",
    "errorcode",
    "triggertype",
];

#[derive(Debug)]
pub(super) struct PowerAutomate {
    reader: Reader,
    flow: RowId,
    start: Option<(Management, String)>,
    table: OnceCell<TableSchema>,
}

impl PowerAutomate {
    pub(super) fn new(reader: Reader, flow: RowId, start: Option<(Management, String)>) -> Self {
        Self {
            reader,
            flow,
            start,
            table: OnceCell::new(),
        }
    }

    /// Whether it has a trigger that is called.
    pub(super) fn is_started(&self) -> bool {
        self.start.is_some()
    }

    pub(super) async fn list(&self) -> Result<Vec<PlatformRun>, Failure> {
        let names = COLUMNS.iter().map(|name| column(name));
        let columns = names.collect::<Result<Vec<_>, _>>()?;
        let table = self.table.get_or_try_init(|| async {
            let table = TableName::new("flowrun").map_err(|error| invalid(&error.to_string()))?;
            self.reader.schema(&table).await
        });
        let flow = Filter::RefersTo(column("workflow")?, self.flow);
        let query = Query::all(table.await?, &columns)
            .only(flow)
            .by(column("starttime")?, Order::Descending)
            .first(u32::try_from(RUNS).unwrap_or(u32::MAX));
        let page = self.reader.pages(query).next().await?.unwrap_or_default();
        if let Some(bad) = page.bad_rows.first() {
            let why = format!("a run can't be read: {}", bad.reason);
            return Err(Failure::local(FailureClass::Unreadable, why));
        }
        page.rows.iter().map(read).collect()
    }

    pub(super) async fn start(&self, tracking: &str) -> Result<Option<RunId>, Failure> {
        let Some((client, path)) = &self.start else {
            return Err(invalid("the flow has no callback"));
        };
        let ordered = client.order(path, Some(tracking), None).await?;
        Ok(ordered.run.as_deref().and_then(RunId::new))
    }
}

fn column(name: &str) -> Result<ColumnName, Failure> {
    ColumnName::new(name).map_err(|error| invalid(&error.to_string()))
}

fn invalid(why: &str) -> Failure {
    Failure::local(FailureClass::Invalid, why)
}

fn read(row: &Row) -> Result<PlatformRun, Failure> {
    let value = |name: &str| {
        let place = COLUMNS.iter().position(|column| *column == name)?;
        row.values.get(place)
    };
    let text = |name: &str| match value(name) {
        Some(Value::Text(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let time = |name: &str| match value(name) {
        Some(Value::DateTime(at)) => Some(*at),
        _ => None,
    };
    let name = text("name").unwrap_or_default();
    let status = RunStatus::from_word(text("status").unwrap_or_default());
    let error = text("errormessage").or(text("errorcode"));
    Ok(PlatformRun {
        id: RunId::new(name).ok_or_else(|| odd_name(name))?,
        status,
        started: time("starttime"),
        ended: time("endtime"),
        error: error.filter(|_| status.is_failure()).map(words),
        trigger: text("triggertype").map(words).unwrap_or_default(),
        tracking: None,
    })
}
