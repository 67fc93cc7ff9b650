//! `[[links]]`: names become places, and what needs no instance to be checked is checked.

use std::time::Duration;

use toml::Spanned;

use super::duration::Span;
use super::error::{ConfigError, Source};
use super::{InstanceConfig, LinkConfig, TableConfig, file, sync, table};
use crate::domain::lag::Schedule;
use crate::domain::row::{Placeholder, RowId};
use crate::domain::table::TableName;

const HOUR: Duration = Duration::from_secs(3600);

/// More tables than this can't be told apart by their places.
const MOST_TABLES: usize = 1000;

/// All links.
pub fn resolve(
    source: Source<'_>,
    instances: &[InstanceConfig],
    links: &[Spanned<file::Link>],
) -> Result<Vec<LinkConfig>, ConfigError> {
    let mut resolved: Vec<LinkConfig> = Vec::new();
    for link in links {
        let next = one(source, instances, link.get_ref())?;
        if resolved.iter().any(|other| other.name == next.name) {
            let what = format!(
                "two links are called `{}`: give one of them another `name`",
                next.name
            );
            return Err(source.error(&link.span(), what));
        }
        if let Some(table) = goes_both_ways(&resolved, &next) {
            let what = format!(
                "table `{table}` would go both ways between the same instances: a table has one owner"
            );
            return Err(source.error(&link.span(), what));
        }
        resolved.push(next);
    }
    let tables: usize = resolved.iter().map(|link| link.tables.len()).sum();
    if tables > MOST_TABLES {
        let what = format!("{tables} tables are more than the {MOST_TABLES} that it can hold");
        return Err(ConfigError::whole(source.file, what));
    }
    Ok(resolved)
}

fn one(
    source: Source<'_>,
    instances: &[InstanceConfig],
    link: &file::Link,
) -> Result<LinkConfig, ConfigError> {
    let from = place(source, instances, &link.source)?;
    let to = place(source, instances, &link.target)?;
    if from == to {
        let what = "source and target are the same instance";
        return Err(source.error(&link.target.span(), what));
    }
    let sync = sync::resolve(source, instances, from, link.sync.as_ref())?;
    let cadence = match &link.cadence {
        Some(cadence) if cadence.get_ref().0.is_zero() => {
            return Err(source.error(&cadence.span(), "cadence must be more than nothing"));
        }
        Some(cadence) => cadence.get_ref().0,
        None => 24 * HOUR,
    };
    let or = |span: Option<Span>, default| span.map_or(default, |Span(span)| span);
    let name = match &link.name {
        Some(name) => checked_name(source, name)?,
        None => format!("{}-{}", link.source.get_ref(), link.target.get_ref()),
    };
    if link.tables.is_empty() {
        let what = format!("link `{name}` has no [[links.tables]]");
        return Err(source.error(&link.source.span(), what));
    }
    Ok(LinkConfig {
        name,
        source: from,
        target: to,
        schedule: Schedule {
            cadence,
            grace: or(link.grace, HOUR),
            settle: or(link.settle, Duration::from_secs(60)),
        },
        sync,
        placeholder: Placeholder::new(link.placeholder.as_deref().unwrap_or("Awaiting sync {key}")),
        sync_users: sync_users(source, &link.sync_users)?,
        tables: tables(source, &link.tables)?,
    })
}

/// The place of an instance by its name.
pub fn place(
    source: Source<'_>,
    instances: &[InstanceConfig],
    name: &Spanned<String>,
) -> Result<usize, ConfigError> {
    let wanted = name.get_ref().as_str();
    let found = instances
        .iter()
        .position(|instance| instance.name.as_str() == wanted);
    found.ok_or_else(|| {
        let known: Vec<&str> = instances
            .iter()
            .map(|instance| instance.name.as_str())
            .collect();
        let what = format!(
            "no instance is called `{wanted}`: there are {}",
            known.join(", ")
        );
        source.error(&name.span(), what)
    })
}

fn checked_name(source: Source<'_>, name: &Spanned<String>) -> Result<String, ConfigError> {
    let text = name.get_ref();
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        let what = "a link's name has 1 to 64 of the characters a-z, A-Z, 0-9, - and _";
        return Err(source.error(&name.span(), what));
    }
    Ok(text.clone())
}

fn sync_users(source: Source<'_>, users: &[Spanned<String>]) -> Result<Vec<RowId>, ConfigError> {
    let parse = |user: &Spanned<String>| {
        RowId::parse(user.get_ref())
            .map_err(|error| source.error(&user.span(), format!("sync_users: {error}")))
    };
    users.iter().map(parse).collect()
}

fn tables(
    source: Source<'_>,
    tables: &[Spanned<file::Table>],
) -> Result<Vec<TableConfig>, ConfigError> {
    let mut resolved: Vec<TableConfig> = Vec::new();
    for spanned in tables {
        let next = table::resolve(source, spanned)?;
        if resolved.iter().any(|other| other.name == next.name) {
            let what = format!("table `{}` stands twice on this link", next.name);
            return Err(source.error(&spanned.get_ref().name.span(), what));
        }
        resolved.push(next);
    }
    Ok(resolved)
}

fn goes_both_ways(links: &[LinkConfig], next: &LinkConfig) -> Option<TableName> {
    let back = links
        .iter()
        .filter(|link| link.source == next.target && link.target == next.source);
    let mut tables = back.flat_map(|link| &link.tables);
    let both = tables.find(|table| next.tables.iter().any(|other| other.name == table.name));
    both.map(|table| table.name.clone())
}
