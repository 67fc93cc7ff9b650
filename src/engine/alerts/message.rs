//! What an alert looks like on its way: in fields of tandem's own, or as the receiver wants it.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::config::Shape;
use crate::domain::alert::{Alert, Turn};

/// The message in a receiver's shape; `key` is the one of `PagerDuty`, `runbook` says what to do.
pub(super) fn shaped(
    alert: &Alert,
    shape: Shape,
    key: Option<&str>,
    runbook: Option<&str>,
) -> Value {
    match shape {
        Shape::Plain => plain(alert, runbook),
        Shape::Slack => json!({ "text": headline(alert, runbook) }),
        Shape::Teams => teams(alert, runbook),
        Shape::PagerDuty => pagerduty(alert, key.unwrap_or_default(), runbook),
    }
}

/// All that is known. `id` is the same for an alert that fires and for its end.
pub(super) fn plain(alert: &Alert, runbook: Option<&str>) -> Value {
    json!({
        "id": id(alert),
        "rule": alert.key.rule,
        "when": alert.when.word(),
        "subject": alert.key.subject,
        "state": alert.turn.word(),
        "since": moment(alert.since),
        "at": moment(alert.at),
        "text": alert.text,
        "runbook": runbook,
    })
}

fn id(alert: &Alert) -> String {
    format!("tandem/{}/{}", alert.key.rule, alert.key.subject)
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn headline(alert: &Alert, runbook: Option<&str>) -> String {
    let word = alert.turn.word().to_uppercase();
    let runbook = runbook.map_or(String::new(), |runbook| format!("; runbook: {runbook}"));
    format!(
        "{word}: {} (tandem, {}){runbook}",
        alert.text, alert.key.rule
    )
}

/// An adaptive card, as the workflow "When a Teams webhook request is received" takes it.
fn teams(alert: &Alert, runbook: Option<&str>) -> Value {
    let colour = match alert.turn {
        Turn::Fired => "Attention",
        Turn::Resolved => "Good",
    };
    let fact = |title: &str, value: &str| json!({ "title": title, "value": value });
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            { "type": "TextBlock", "text": headline(alert, runbook), "weight": "Bolder", "color": colour, "wrap": true },
            { "type": "FactSet", "facts": [fact("about", &alert.key.subject), fact("since", &moment(alert.since))] },
        ],
    });
    json!({
        "type": "message",
        "attachments": [{ "contentType": "application/vnd.microsoft.card.adaptive", "content": card }],
    })
}

/// An event of the Events API v2. What resolves needs no more than the id of what fired.
fn pagerduty(alert: &Alert, key: &str, runbook: Option<&str>) -> Value {
    let action = match alert.turn {
        Turn::Fired => "trigger",
        Turn::Resolved => "resolve",
    };
    // PagerDuty takes 1024 characters.
    let summary: String = headline(alert, runbook).chars().take(1000).collect();
    json!({
        "routing_key": key,
        "event_action": action,
        "dedup_key": id(alert),
        "payload": {
            "summary": summary,
            "source": alert.key.subject,
            "severity": "error",
            "timestamp": moment(alert.since),
            "component": "tandem",
            "class": alert.when.word(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alert::{AlertKey, When};

    fn alert(turn: Turn) -> Alert {
        Alert {
            key: AlertKey {
                rule: "europe is down".to_owned(),
                subject: "europe read".to_owned(),
            },
            when: When::BreakerOpen,
            turn,
            since: DateTime::UNIX_EPOCH,
            at: DateTime::UNIX_EPOCH,
            text: "europe: read breaker OPEN: HTTP 503".to_owned(),
        }
    }

    #[test]
    fn every_receiver_gets_its_own_shape() {
        let fired = alert(Turn::Fired);
        let plain = shaped(&fired, Shape::Plain, None, Some("r1"));
        assert_eq!(plain["id"], "tandem/europe is down/europe read");
        assert_eq!(plain["runbook"], "r1");
        assert_eq!(
            (&plain["state"], &plain["when"]),
            (&json!("fired"), &json!("breaker-open"))
        );
        let slack = shaped(&fired, Shape::Slack, None, None);
        let text = "FIRED: europe: read breaker OPEN: HTTP 503 (tandem, europe is down)";
        assert_eq!(slack, json!({ "text": text }));
        let teams = shaped(&fired, Shape::Teams, None, None);
        assert_eq!(teams["attachments"][0]["content"]["body"][0]["text"], text);
        let page = shaped(&fired, Shape::PagerDuty, Some("k"), Some("r1"));
        assert_eq!(
            (&page["routing_key"], &page["event_action"]),
            (&json!("k"), &json!("trigger"))
        );
        let summary = page["payload"]["summary"].as_str();
        assert_eq!(summary, Some(format!("{text}; runbook: r1").as_str()));
        let end = shaped(&alert(Turn::Resolved), Shape::PagerDuty, Some("k"), None);
        assert_eq!(end["event_action"], "resolve");
        assert_eq!(end["dedup_key"], page["dedup_key"]);
    }
}
