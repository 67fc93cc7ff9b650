//! The action `BulkDelete`: rows that a query finds are deleted by a job, one by one, after the reply.
//!
//! Takes a `QueryExpression` of conditions on the table's own columns. No `FetchXML`, link, recurrence or mail.

mod criteria;

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use self::criteria::Criteria;
use super::{Call, Conditions};
use crate::emulator::instance::Instance;
use crate::emulator::job::Job;
use crate::emulator::pipeline::{self, Context};
use crate::emulator::refusal::{Outcome, Refusal};
use crate::emulator::reply::{self, Reply};
use crate::emulator::row::Row;
use crate::emulator::security::{Access, privilege};
use crate::emulator::transaction::Transaction;
use crate::emulator::value::{Reference, TableId};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Request {
    query_set: Vec<Json>,
    job_name: String,
    send_email_notification: bool,
    to_recipients: Vec<Json>,
    #[serde(rename = "CCRecipients")]
    cc_recipients: Vec<Json>,
    recurrence_pattern: String,
    start_date_time: DateTime<Utc>,
    #[serde(default)]
    source_import_id: Option<Json>,
    #[serde(default)]
    run_now: Option<bool>,
}

/// What a job deletes.
#[derive(Debug)]
pub(crate) struct BulkDelete {
    context: Context,
    queries: Vec<(TableId, Criteria)>,
}

/// How many rows a job deleted, and how many it could not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) deleted: i64,
    pub(crate) failed: i64,
}

pub(crate) fn answer(transaction: &mut Transaction, call: &Call) -> Outcome<Reply> {
    call.query.only(&[])?;
    let wrong = |error: &dyn std::fmt::Display| {
        Refusal::argument(format!("The parameters of BulkDelete are wrong: {error}."))
    };
    let request: Request = serde_json::from_slice(&call.body).map_err(|error| wrong(&error))?;
    for (is_asked, feature) in [
        (!request.recurrence_pattern.is_empty(), "a recurrence"),
        (request.send_email_notification, "mail"),
        (!request.to_recipients.is_empty(), "recipients"),
        (!request.cc_recipients.is_empty(), "recipients"),
        (
            request.source_import_id.is_some_and(|id| !id.is_null()),
            "an import",
        ),
        (request.run_now == Some(true), "RunNow"),
    ] {
        if is_asked {
            return Err(Refusal::unsupported(&format!("BulkDelete with {feature}")));
        }
    }
    call.context.rights.hold(privilege::BULK_DELETE)?;
    if request.query_set.is_empty() {
        return Err(wrong(&"QuerySet is empty"));
    }
    let mut queries = Vec::with_capacity(request.query_set.len());
    for query in &request.query_set {
        let (table, criteria) = criteria::read(&call.schema, query)?;
        let definition = call.schema.table(table);
        if !definition.writes.delete() {
            return Err(Refusal::message_not_supported(
                &http::Method::DELETE,
                definition,
            ));
        }
        for access in [Access::Read, Access::Delete] {
            call.context.rights.may(access, definition)?;
        }
        queries.push((table, criteria));
    }
    let work = BulkDelete {
        context: call.context.clone(),
        queries,
    };
    let name = &request.job_name;
    let job = Job::of_bulk_delete(
        transaction,
        &call.context,
        name,
        request.start_date_time,
        work,
    )?;
    let id = job.id();
    transaction.afterwards(job);
    let context = format!(
        "{}/$metadata#Microsoft.Dynamics.CRM.BulkDeleteResponse",
        call.root
    );
    let body = json!({"@odata.context": context, "JobId": id});
    Ok(reply::json(StatusCode::OK, &body))
}

impl BulkDelete {
    /// Deletes what the queries find; a row that can't be deleted keeps nobody from the next one.
    ///
    /// Before each row it asks whether to go on.
    pub(crate) fn run(&self, instance: &Instance, goes_on: impl Fn() -> bool) -> Counts {
        let mut counts = Counts::default();
        for (table, criteria) in &self.queries {
            let found: Vec<Uuid> = {
                let store = self.context.rights.view(instance);
                let rows = store.after(*table, None);
                rows.filter(|row| criteria.holds(row))
                    .map(Row::id)
                    .collect()
            };
            for id in found {
                if instance.stop.is_cancelled() || !goes_on() {
                    return counts;
                }
                let named = Reference { table: *table, id };
                match self.delete(instance, named) {
                    Ok(()) => counts.deleted += 1,
                    Err(_) => counts.failed += 1,
                }
            }
        }
        counts
    }

    fn delete(&self, instance: &Instance, named: Reference) -> Outcome<()> {
        let mut transaction = Transaction::new(instance);
        pipeline::delete(
            &mut transaction,
            &self.context,
            &Conditions::default(),
            named,
        )?;
        transaction.commit();
        Ok(())
    }
}
