//! The tables of a link on both sides: there, described alike, telling what changes, hiding nothing; and what runs
//! within the writes.

use std::time::Duration;

use super::instance::Seen;
use crate::config::{Config, LinkConfig, TableConfig};
use crate::dataverse::Reader;
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Check, Findings};
use crate::domain::table::{ColumnName, ColumnType, Requirement, TableSchema};
use crate::engine::fitness::{self, TableFitness};

/// A day, the unit in which instances forget what changed.
const DAY: Duration = Duration::from_secs(24 * 3600);
/// More names than this are only counted.
const NAMES: usize = 3;

/// Looks at the tables of a link; what can't be looked at is said once.
pub(super) async fn examine(
    config: &Config,
    link: &LinkConfig,
    seen: &[Option<Seen>],
    findings: &mut Findings,
) {
    let at = |place: usize| seen.get(place).and_then(Option::as_ref);
    let (Some(source), Some(target)) = (at(link.source), at(link.target)) else {
        let says = "its tables were not looked at: one of its instances did not let us in";
        return findings.untold(&link.name, Check::Table, says, None);
    };
    let fitness = fitness::of_link(link, &source.reader, &target.reader).await;
    for (table, fitness) in link.tables.iter().zip(&fitness) {
        fits(link, table, fitness, findings);
        for (place, schema, reader) in [
            (link.source, &fitness.source, &source.reader),
            (link.target, &fitness.target, &target.reader),
        ] {
            let subject = format!("{} {}", name(config, place), table.name);
            side(&subject, table, schema, reader, findings).await;
        }
        let subject = format!("{} {}", name(config, link.target), table.name);
        if let Ok(schema) = &fitness.target {
            guarded(&subject, table, schema, findings);
            placeholder(&subject, link, table, schema, findings);
            steps(&subject, table, &target.reader, findings).await;
        }
    }
    for (place, reader) in [(link.source, &source.reader), (link.target, &target.reader)] {
        expiry(name(config, place), link, reader, findings).await;
    }
}

fn name(config: &Config, place: usize) -> &str {
    let instance = config.instances.get(place);
    instance.map_or("", |instance| instance.name.as_str())
}

/// What the configuration says against what both sides are.
fn fits(link: &LinkConfig, table: &TableConfig, fitness: &TableFitness, findings: &mut Findings) {
    let subject = format!("{} {}", link.name, table.name);
    match &fitness.faults {
        Ok(faults) if faults.is_empty() => {
            let says = format!("{} columns fit on both sides", table.columns.len());
            findings.good(&subject, Check::Columns, says);
        }
        Ok(faults) => {
            for fault in faults {
                let cure = "correct the configuration on that line, or the table at the instance";
                findings.bad(&subject, Check::Columns, fault, cure);
            }
        }
        Err(why) => findings.untold(&subject, Check::Columns, why, None),
    }
    for warning in &fitness.warnings {
        let cure =
            "a full comparison finds such changes; `full_compare` in [policy] says how often";
        findings.warning(&subject, Check::Columns, warning, cure);
    }
}

/// One side by itself: that it is there, tells what changes, and hides nothing.
async fn side(
    subject: &str,
    table: &TableConfig,
    schema: &Result<TableSchema, Failure>,
    reader: &Reader,
    findings: &mut Findings,
) {
    let schema = match schema {
        Ok(schema) => schema,
        Err(failure) if failure.class == FailureClass::NotFound => {
            let cure = "check its logical name (singular, in lower case), or take it off the link";
            return findings.bad(subject, Check::Table, "there is no such table", cure);
        }
        Err(failure) => {
            return findings.untold(subject, Check::Table, failure.summary(), None);
        }
    };
    findings.good(
        subject,
        Check::Table,
        format!("is there, as {}", schema.set),
    );
    if schema.change_tracking {
        findings.good(subject, Check::Tracking, "change tracking is on");
    } else {
        findings.bad(
            subject,
            Check::Tracking,
            "change tracking is off: every look would have to read everything",
            "switch it on: Power Apps, Tables, Properties, Advanced options, Track changes",
        );
    }
    secured(subject, table, reader, findings).await;
    retention(subject, table, reader, findings).await;
}

async fn secured(subject: &str, table: &TableConfig, reader: &Reader, findings: &mut Findings) {
    match reader.secured_columns(&table.name).await {
        Ok(hidden) => {
            let from = |name: &ColumnName| table.map.iter().any(|mapping| mapping.from == *name);
            let copied = hidden
                .iter()
                .filter(|name| table.columns.contains(name) || from(name));
            let names: Vec<&str> = copied.map(ColumnName::as_str).collect();
            if names.is_empty() {
                findings.good(subject, Check::Secured, "no copied column is secured");
            } else {
                findings.bad(
                    subject,
                    Check::Secured,
                    format!(
                        "{} secured: who lacks the profile reads nothing there, which looks like a blank",
                        names.join(", ")
                    ),
                    "put the application user into a column security profile that may read (and on the target write) \
                     it, or take the column off the link",
                );
            }
        }
        Err(failure) => findings.untold(subject, Check::Secured, failure.summary(), None),
    }
}

async fn retention(subject: &str, table: &TableConfig, reader: &Reader, findings: &mut Findings) {
    match reader.retention_policies(&table.name).await {
        Ok(policies) if policies.is_empty() => {
            findings.good(subject, Check::Retention, "no rows are moved to long-term retention");
        }
        Ok(policies) => findings.warning(
            subject,
            Check::Retention,
            format!(
                "{} moves rows to long-term retention: no query finds them there, and they look deleted",
                listed(&policies)
            ),
            "leave such rows out by `where`, or expect them as missing on one side",
        ),
        Err(failure) => {
            let cure = "grant prvReadRetentionConfig to have it looked at".to_owned();
            findings.untold(subject, Check::Retention, failure.summary(), Some(cure));
        }
    }
}

/// What keeps an update from overwriting what was not seen, and tells rows apart by their keys.
fn guarded(subject: &str, table: &TableConfig, schema: &TableSchema, findings: &mut Findings) {
    if schema.optimistic_concurrency {
        findings.good(subject, Check::Versions, "versions guard updates");
    } else {
        findings.bad(
            subject,
            Check::Versions,
            "versions do not guard updates (IsOptimisticConcurrencyEnabled): nothing is repaired here",
            "ask the table's owner to switch it on; tables that can't have it can't be repaired",
        );
    }
    for column in &table.keys {
        let mut keys = schema
            .keys
            .iter()
            .filter(|key| key.columns.contains(column));
        match keys.next() {
            None => findings.bad(
                subject,
                Check::Keys,
                format!("no alternate key has the column {column}"),
                "make the key: Power Apps, Tables, Keys; or take the column out of `keys`",
            ),
            Some(key) if key.active => {
                findings.good(subject, Check::Keys, format!("{} is active", key.name));
            }
            Some(key) => findings.bad(
                subject,
                Check::Keys,
                format!("{} is not active: its index is not built", key.name),
                "wait for its system job, or look why it failed (often duplicates) and reactivate the key",
            ),
        }
    }
}

/// The text that stands in a stub until something better is known has to fit where it stands.
fn placeholder(
    subject: &str,
    link: &LinkConfig,
    table: &TableConfig,
    schema: &TableSchema,
    findings: &mut Findings,
) {
    for name in &table.stub {
        let Some(column) = schema.column(name) else {
            continue;
        };
        let ColumnType::Text {
            max_length: Some(most),
        } = column.kind
        else {
            continue;
        };
        // A GUID is the longest that stands for a key where there is no key.
        let Some(text) = link.placeholder.fill(&"0".repeat(36)) else {
            continue;
        };
        let needed = text.chars().count();
        if column.required != Requirement::Nobody && needed > most as usize {
            findings.bad(
                subject,
                Check::Columns,
                format!("{name} takes {most} characters, and the placeholder up to {needed}: a stub is refused"),
                "shorten `placeholder` of the link, or make the column longer",
            );
        }
    }
}

async fn steps(subject: &str, table: &TableConfig, target: &Reader, findings: &mut Findings) {
    match target.synchronous_steps(&table.name).await {
        Ok(steps) if steps.is_empty() => {
            findings.good(subject, Check::Steps, "nothing runs within our writes");
        }
        Ok(steps) => {
            let names: Vec<String> = steps
                .iter()
                .map(|step| format!("`{}` (stage {})", step.name, step.stage))
                .collect();
            findings.warning(
                subject,
                Check::Steps,
                format!("within our writes runs {}", listed(&names)),
                "make sure that they take a row with most columns blank: a stub that they refuse is parked",
            );
        }
        Err(failure) => {
            let cure = "grant prvReadSdkMessageProcessingStep, prvReadSdkMessageFilter and prvReadSdkMessage to have it \
                        looked at"
                .to_owned();
            findings.untold(subject, Check::Steps, failure.summary(), Some(cure));
        }
    }
}

async fn expiry(subject: &str, link: &LinkConfig, reader: &Reader, findings: &mut Findings) {
    let days = match reader.change_expiry().await {
        Ok(Some(days)) => days,
        Ok(None) => {
            let says = "the instance does not say for how long it tells changes";
            return findings.untold(subject, Check::Expiry, says, None);
        }
        Err(failure) => {
            let cure = "grant prvReadOrganization to have it looked at".to_owned();
            return findings.untold(subject, Check::Expiry, failure.summary(), Some(cure));
        }
    };
    let says = format!("what changed is told for {days} days");
    // Two runs may fail, and a weekend pass, before everything has to be read again.
    if DAY * days < (link.schedule.cadence * 2).max(DAY * 3) {
        findings.warning(
            subject,
            Check::Expiry,
            format!("{says}: an outage longer than that means reading everything again"),
            "raise expirechangetrackingindays of the organization",
        );
    } else {
        findings.good(subject, Check::Expiry, says);
    }
}

fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES).cloned().collect::<Vec<_>>();
    let rest = names.len().saturating_sub(NAMES);
    if rest == 0 {
        shown.join(", ")
    } else {
        format!("{} and {rest} more", shown.join(", "))
    }
}
