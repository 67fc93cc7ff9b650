//! What others are told: the state of the link as plain text, without borders, so that a mouse can select it in any
//! terminal.

use crate::domain::failure::Origin;
use crate::domain::health::{Health, RECOVERING};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::{InstanceState, LinkState};
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, name, of_them, place, span, width, wrapped};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::verdict::{answers, changed_since, verdicts};

/// The columns that a label and the blanks behind it take.
const LABEL: usize = 9;

/// Draws the page.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, text: &str) {
    canvas.clear();
    let rows = canvas.rows().saturating_sub(2);
    let columns = usize::from(canvas.columns());
    let lines = text.lines().flat_map(|line| {
        if width(line) <= columns {
            vec![line.to_owned()]
        } else {
            wrapped(line, columns)
        }
    });
    for (row, line) in (0..rows).zip(lines) {
        canvas.text(0, row, &line, Role::Plain);
    }
    let y = canvas.rows().saturating_sub(1);
    let file = model.folder.join("status.txt").display().to_string();
    let file = visible(&file);
    let sent = "Esc back   sent to the terminal (OSC 52); also in";
    if width(sent) + 1 + width(&file) <= columns {
        canvas.text(0, y, &format!("{sent} {file}"), Role::Dim);
    } else {
        // A path that is cut leads nowhere.
        canvas.text(0, y.saturating_sub(1), &file, Role::Dim);
        canvas.text(0, y, &format!("{sent} the file above"), Role::Dim);
    }
}

/// The state of the link in words.
pub fn text(model: &Model, now: Now) -> String {
    let Some(link) = model.link() else {
        return "No link is configured.".to_owned();
    };
    let instance = |place: usize| model.state.instances.get(place);
    let (Some(source), Some(target)) = (instance(link.source), instance(link.target)) else {
        return String::new();
    };
    let zone = &model.zone;
    let local = |at: chrono::DateTime<chrono::Utc>| {
        if zone.name.is_empty() {
            format!("{} UTC", zone.clock(at))
        } else {
            format!("{} {}", zone.clock(at), zone.name)
        }
    };
    let utc = |at: chrono::DateTime<chrono::Utc>| {
        if zone.name.is_empty() {
            String::new()
        } else {
            format!(" ({} UTC)", at.format("%H:%M:%S"))
        }
    };
    let all = verdicts(model, now);
    let mut lines = Vec::new();
    let worst = [target, source].into_iter().find(|one| {
        matches!(
            one.health,
            Health::Down | Health::Refused | Health::CutOff | Health::Degraded | Health::Throttled
        )
    });
    match (worst, all.first()) {
        (Some(instance), _) => lines.push(format!(
            "{} {} {}, since {}{}. As of {}.",
            instance.name.to_uppercase(),
            instance.health.word(),
            span(now.since(instance.since)),
            local(instance.since.wall),
            utc(instance.since.wall),
            local(now.wall)
        )),
        (None, Some(verdict)) => lines.push(format!(
            "{}: {} As of {}.",
            verdict.title,
            sentence(&verdict.detail),
            local(now.wall)
        )),
        (None, None) => {}
    }
    let other = |one: &InstanceState| {
        if one.name == target.name {
            source
        } else {
            target
        }
    };
    if let Some(instance) = worst {
        let cause = cause(model, instance, other(instance), now);
        lines.push(format!("Cause:   {cause}."));
    } else if let Some((one, words)) = [target, source]
        .into_iter()
        .find_map(|one| Some((one, was_down(model, one, now)?)))
    {
        let other = other(one);
        let name = name(&one.name);
        lines.push(format!("Before:  {name} {words}; {}.", health(other)));
    }
    for (place, verdict) in all.iter().enumerate().take(3) {
        let label = if place == 0 { "Effect:  " } else { "Also:    " };
        let words = if place == 0 {
            verdict.effect.clone()
        } else {
            format!("{}: {}", verdict.title, sentence(&verdict.effect))
        };
        if !words.is_empty() {
            lines.push(format!("{label}{words}"));
        }
    }
    lines.push(format!(
        "Link:    {}",
        tables(model, link, &source.name, now)
    ));
    let unknown = model.state.unknown_outcomes();
    lines.push(format!(
        "Writes:  {} under way. Unknown outcomes: {}.",
        of_them(model.running(), "operation"),
        count(unknown)
    ));
    if let Some(words) = crate::tui::view::pulse::probe_words(target, now) {
        lines.push(format!("Next:    automatic probe: {words}."));
    }
    lines.extend(on_it(model, now));
    lines.push(format!("         tandem {}", env!("CARGO_PKG_VERSION")));
    let wrapped: Vec<String> = lines.iter().flat_map(|line| wrap(line)).collect();
    wrapped.join("\n") + "\n"
}

/// Who has the alerts that fire.
fn on_it(model: &Model, now: Now) -> Option<String> {
    let alarms = &model.state.alarms;
    let takers = alarms
        .iter()
        .map(|alarm| model.state.taken_by(alarm, now.wall));
    let takers: Option<Vec<_>> = takers.collect();
    if alarms.is_empty() {
        return None;
    }
    let Some(taken) = takers.and_then(|takers| takers.into_iter().next()) else {
        return Some("On it:   nobody yet.".to_owned());
    };
    let said = if taken.text.is_empty() {
        String::new()
    } else {
        format!(": {}", sentence(&visible(&taken.text)))
    };
    Some(format!(
        "On it:   {} since {}{said}",
        visible(&taken.who),
        model.zone.short(taken.at, now.wall)
    ))
}

/// Why an instance is not well, and how the other one is.
fn cause(model: &Model, instance: &InstanceState, other: &InstanceState, now: Now) -> String {
    let is_lost = matches!(instance.health, Health::Down | Health::CutOff);
    let error = instance.last_error.as_ref().filter(|_| is_lost);
    let there = name(&instance.name);
    let other_one = health(other);
    match error {
        Some((_, cause, Origin::Remote)) => format!(
            "{} from {there} itself; {other_one}; our network is fine",
            visible(cause)
        ),
        Some((_, cause, Origin::Local)) if answers(other) => {
            format!("{}; {other_one}, on the same network", visible(cause))
        }
        Some((_, cause, Origin::Local)) => {
            format!("{}: our side or the way there; {other_one}", visible(cause))
        }
        None => {
            let why = match &instance.refused {
                Some(why) if instance.health == Health::Refused => Some(visible(why).into_owned()),
                _ => was_down(model, instance, now),
            };
            let gate = instance
                .gate
                .as_ref()
                .filter(|(until, _)| !until.since(now).is_zero());
            let gate = gate.map(|(_, why)| format!("it asked us to wait: {}", visible(why)));
            let parts = [why, gate].into_iter().flatten();
            let words = parts.collect::<Vec<_>>().join("; ");
            if words.is_empty() {
                format!("not known; {other_one}")
            } else {
                format!("{words}; {other_one}")
            }
        }
    }
}

/// `was down 1m08s, until 04:07:32`, while that is not long ago.
fn was_down(model: &Model, instance: &InstanceState, now: Now) -> Option<String> {
    let (ended, lasted) = instance.last_outage?;
    (answers(instance) && now.since(ended) < RECOVERING).then(|| {
        let until = model.zone.clock(ended.wall);
        format!("was down {}, until {until}", span(lasted))
    })
}

fn health(instance: &InstanceState) -> String {
    let word = instance.health.word().to_lowercase();
    format!("{} {word}", name(&instance.name))
}

/// Lines of at most 79 columns; what goes on is indented below what it belongs to.
fn wrap(line: &str) -> Vec<String> {
    const COLUMNS: usize = 79;
    if width(line) <= COLUMNS {
        return vec![line.to_owned()];
    }
    // The label stays at the edge, what belongs to it stands below its value.
    let (label, value) = line.split_at_checked(LABEL).unwrap_or(("", line));
    let lines = wrapped(value, COLUMNS - LABEL);
    let lines = lines.iter().enumerate();
    lines
        .map(|(row, text)| match row {
            0 => format!("{label}{text}"),
            _ => format!("{:LABEL$}{text}", ""),
        })
        .collect()
}

fn sentence(text: &str) -> String {
    if text.is_empty() || text.ends_with('.') {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

fn tables(model: &Model, link: &LinkState, source: &str, now: Now) -> String {
    let pending: Vec<String> = model
        .state
        .tables_of(model.link)
        .map(|(_, table)| {
            if table.compared.is_some() {
                let since = changed_since(model, model.link, table);
                of_them(table.counts.pending() + since, table.name.as_str())
            } else {
                format!("{}: not compared yet", table.name)
            }
        })
        .collect();
    let last = link.sync.last_success.map_or_else(
        || "no sync ended well yet".to_owned(),
        |at| format!("last good sync {}", model.zone.short(at, now.wall)),
    );
    let run = link.sync.last_run.as_ref();
    let failed = run.and_then(|run| Some((run.started, run.failure.as_ref()?)));
    let failed = failed.map_or_else(String::new, |(started, why)| {
        let started = model.zone.short(started, now.wall);
        format!("; the run of {started} failed: {}", visible(why))
    });
    format!(
        "pending in {}: {}; {last}{failed}.",
        place(source),
        pending.join(", ")
    )
}
