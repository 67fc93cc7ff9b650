//! `[[alerts]]`: when somebody is told, and how. A webhook's URL is often a key itself, so it is named like a secret.

use std::collections::HashSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::error::{ConfigError, Source};
use super::instance::secret;
use super::{AlertConfig, Destination, Shape, file};
use crate::domain::alert::{Rule, When};
use crate::domain::text::visible;

/// What is told more often than this is told to nobody.
const OFTEN: Duration = Duration::from_secs(1);

/// All alerts; a rule's name tells it apart from the others.
pub fn resolve(
    source: Source<'_>,
    written: &[Spanned<file::Alert>],
) -> Result<Vec<AlertConfig>, ConfigError> {
    let mut names = HashSet::new();
    let mut alerts = Vec::new();
    for spanned in written {
        let alert = one(source, spanned.get_ref())?;
        if !names.insert(alert.rule.name.clone()) {
            let what = format!(
                "there are two alerts with the name `{}`: give each a `name` of its own",
                alert.rule.name
            );
            return Err(source.error(&spanned.span(), what));
        }
        alerts.push(alert);
    }
    Ok(alerts)
}

fn one(source: Source<'_>, alert: &file::Alert) -> Result<AlertConfig, ConfigError> {
    let when = When::from_word(alert.when.get_ref()).ok_or_else(|| {
        let known = When::ALL.map(When::word).join(", ");
        source.error(&alert.when.span(), format!("when is one of {known}"))
    })?;
    let name = match &alert.name {
        Some(name) => checked_name(source, name)?,
        None => when.word().to_owned(),
    };
    let after = alert.after.map_or(Duration::ZERO, |after| after.0);
    let repeat = match &alert.repeat {
        Some(every) if every.get_ref().0 < OFTEN => {
            return Err(source.error(&every.span(), "an alert is repeated once a second at most"));
        }
        every => every.as_ref().map(|every| every.get_ref().0),
    };
    Ok(AlertConfig {
        rule: Rule {
            name,
            when,
            after,
            repeat,
        },
        runbook: alert
            .runbook
            .as_ref()
            .map(|text| runbook(source, text))
            .transpose()?,
        to: destination(source, &alert.to.span(), alert.to.get_ref())?,
    })
}

/// A link or a few words; what a terminal would take for more than text is made visible.
fn runbook(source: Source<'_>, text: &Spanned<String>) -> Result<String, ConfigError> {
    let shown = visible(text.get_ref()).trim().to_owned();
    if shown.is_empty() || shown.chars().count() > 300 {
        return Err(source.error(
            &text.span(),
            "a runbook is a link or some words, 300 characters at most",
        ));
    }
    Ok(shown)
}

fn checked_name(source: Source<'_>, name: &Spanned<String>) -> Result<String, ConfigError> {
    let shown = visible(name.get_ref()).trim().to_owned();
    if shown.is_empty() || shown.chars().count() > 64 {
        return Err(source.error(&name.span(), "an alert's name has 1 to 64 characters"));
    }
    Ok(shown)
}

fn destination(
    source: Source<'_>,
    at: &Range<usize>,
    to: &file::Destination,
) -> Result<Destination, ConfigError> {
    match (&to.webhook, &to.command) {
        (Some(url), None) => webhook(source, at, url, to),
        (None, Some(words)) if to.shape.is_none() && to.key.is_none() => {
            let named = words.first().is_some_and(|word| !word.is_empty());
            let what =
                "command is a program with its arguments, like [\"/usr/local/bin/page\", \"data\"]";
            named
                .then(|| Destination::Command(words.clone()))
                .ok_or_else(|| source.error(at, what))
        }
        _ => {
            let what = "to is { webhook = { env = \"NAME\" }, shape = \"slack\" } or { command = [\"PROGRAM\", …] }";
            Err(source.error(at, what))
        }
    }
}

fn webhook(
    source: Source<'_>,
    at: &Range<usize>,
    url: &file::Secret,
    to: &file::Destination,
) -> Result<Destination, ConfigError> {
    let shape = match &to.shape {
        None => Shape::Plain,
        Some(word) => match word.get_ref().as_str() {
            "plain" => Shape::Plain,
            "slack" => Shape::Slack,
            "teams" => Shape::Teams,
            "pagerduty" => Shape::PagerDuty,
            _ => {
                let what = "shape is plain, slack, teams or pagerduty";
                return Err(source.error(&word.span(), what));
            }
        },
    };
    if to.key.is_some() != (shape == Shape::PagerDuty) {
        let what = "shape pagerduty wants its routing key as `key = { env = \"NAME\" }`, and no other has one";
        return Err(source.error(at, what));
    }
    let key = to.key.as_ref();
    Ok(Destination::Webhook {
        url: secret(source, at, url)?,
        shape,
        key: key.map(|key| secret(source, at, key)).transpose()?,
    })
}
