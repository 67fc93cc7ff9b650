//! One record's story for people: both sides in columns, then what happened and what to do.

use super::Told;
use crate::cli::output::table;
use crate::cli::words::{duration, moment};
use crate::domain::operation::Request;
use crate::domain::row::Row;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::engine::explain::{Past, Sight};

/// The longest value that a line of text takes.
const LONGEST: usize = 60;

impl Told<'_> {
    /// The story for people.
    pub fn text(&self) -> String {
        let mut text = self.head() + &self.sides();
        let parts = [
            ("done to it", self.done()),
            ("overwritten", self.overwritten()),
            ("under way", self.under_way()),
            ("in the way", self.blocked_by()),
        ];
        for (heading, lines) in parts.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            text.extend(["\n", heading, "\n"]);
            for line in lines {
                text.extend(["  ", &visible(&line), "\n"]);
            }
        }
        text.extend(["\nto run: ", &self.to_run(), "\n"]);
        text
    }

    fn head(&self) -> String {
        let story = self.story;
        let named = [self.table, &story.name, &story.number].into_iter();
        let named: Vec<&str> = named.filter(|part| !part.is_empty()).collect();
        let named = visible(&named.join(" ")).into_owned();
        let now = self.state.now.wall;
        let since = story.since.map(|since| {
            let ago = duration(age(now, since));
            format!(", since {} ({ago} ago)", moment(since))
        });
        let (id, drift) = (story.key.id, self.drift().unwrap_or("not known"));
        let (since, why) = (since.unwrap_or_default(), self.why());
        format!("{named} {id}\n{drift}{since}: {why}\n\n")
    }

    /// Both sides, column by column; those that differ are marked.
    fn sides(&self) -> String {
        let story = self.story;
        let [source, target] = self.ends();
        let heading = ["column", source, target].map(|cell| visible(cell).into_owned());
        let mut rows = vec![heading.to_vec()];
        let sights = [&story.source, &story.target];
        if sights.iter().any(|sight| sight.row().is_none()) {
            let words = sights.map(|sight| match sight {
                Sight::Row(_) => "there".to_owned(),
                Sight::Absent => "no such row".to_owned(),
                Sight::Unreadable(why) => format!("hidden from us: {}", visible(why)),
                Sight::Unreachable(why) => format!("not known: {}", visible(why)),
            });
            rows.push([vec!["(row)".to_owned()], words.to_vec()].concat());
        }
        for (place, name) in story.columns.iter().enumerate() {
            let cells = sights.map(|sight| cell(sight.row(), place));
            if sights.iter().any(|sight| sight.row().is_some()) {
                let mark = if story.differing.contains(&place) {
                    " ≠"
                } else {
                    ""
                };
                rows.push([vec![format!("{name}{mark}")], cells.to_vec()].concat());
            }
        }
        let stamps = sights.map(|sight| {
            let row = sight.row()?;
            let by = row.modified_by.as_ref().and_then(|by| by.name.as_deref());
            let by = by.map_or_else(String::new, |by| format!(" by {}", visible(by)));
            row.modified_on.map(|at| format!("{}{by}", moment(at)))
        });
        if stamps.iter().any(Option::is_some) {
            let stamps = stamps.map(Option::unwrap_or_default);
            rows.push([vec!["(changed)".to_owned()], stamps.to_vec()].concat());
        }
        table(&rows)
    }

    fn done(&self) -> Vec<String> {
        match &self.story.history {
            Ok(past) => past.iter().map(step).collect(),
            Err(why) => vec![format!("not known, the journal can't be read: {why}")],
        }
    }

    /// Shown to a person who asks for this one record; no export has it, and no JSON.
    fn overwritten(&self) -> Vec<String> {
        let kept = self.story.overwritten.iter();
        let lines = kept.map(|kept| {
            let value = shortened(&kept.value);
            format!("{} {}: it held {value}", moment(kept.at), kept.column)
        });
        lines.collect()
    }
}

/// One thing that was done: when, what, by whom, how far it came, and why.
fn step(event: &Past) -> String {
    let Request {
        verb,
        who,
        ticket,
        reason,
        ..
    } = &event.request;
    let mut parts = vec![format!(
        "{} {verb} by {who}: {}",
        moment(event.at),
        event.stage.word()
    )];
    if !event.columns.is_empty() {
        parts.push(event.columns.join(", "));
    }
    if event.on_the_way {
        parts.push("as another record refers to it".to_owned());
    }
    let cause = event.stage.reason().filter(|cause| !cause.is_empty());
    parts.extend(cause.map(|cause| format!("({cause})")));
    let why: Vec<&str> = [ticket.as_str(), reason.as_str()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect();
    if !why.is_empty() {
        parts.push(format!("[{}]", why.join(": ")));
    }
    if event.is_clock_set_back {
        parts.push("(the clock was set back before this)".to_owned());
    }
    parts.join(" ")
}

fn cell(row: Option<&Row>, place: usize) -> String {
    let value = row.and_then(|row| row.values.get(place));
    value.map_or_else(String::new, |value| shortened(&value.to_string()))
}

fn shortened(value: &str) -> String {
    let mut short: String = visible(value).chars().take(LONGEST).collect();
    if visible(value).chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}
