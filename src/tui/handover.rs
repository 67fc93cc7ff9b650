//! The bundle for the next shift: what happened since a moment, opening with the figures and what is left open; the same
//! as JSON lines; and the screens as pictures. It writes nothing: it makes the files' text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use chrono::{DateTime, SecondsFormat, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::{Value, json};

use super::format::{count, name, of_them, span, took};
use super::model::{Model, Screen};
use super::svg;
use super::theme::Theme;
use super::verdict::verdicts;
use super::view;
use crate::domain::drift::{Drift, Flag};
use crate::domain::text::{markdown as plain, tame_json};
use crate::domain::time::{Now, age};
use crate::engine::state::{Entry, OperationState};

/// The size of the pictures, in columns and rows.
const PICTURE: (u16, u16) = (140, 42);

/// A file of the bundle: its name and what it holds.
pub type Text = (String, String);

/// All files of the bundle.
pub fn bundle(model: &Model, since: DateTime<Utc>, now: Now) -> Vec<Text> {
    let mut files = vec![
        ("handover.md".to_owned(), markdown(model, since, now)),
        (
            "timeline.jsonl".to_owned(),
            lines(entries(model, since).map(|entry| entry_json(model, entry))),
        ),
        (
            "operations.jsonl".to_owned(),
            lines(operations(model, since).map(operation_json)),
        ),
    ];
    let screens = [
        ("pulse.svg", Screen::Pulse),
        ("records.svg", Screen::Records),
        ("operations.svg", Screen::Operations),
        ("runs.svg", Screen::Runs),
        ("timeline.svg", Screen::Timeline),
    ];
    for (file, screen) in screens {
        files.push((file.to_owned(), picture(model, screen, now)));
    }
    files
}

/// Since when there is something to hand over: since the oldest alert that fires began, or an instance that is not well
/// stopped being so; else the last shift.
pub fn begin(model: &Model, now: Now) -> DateTime<Utc> {
    let alarms = model.state.alarms.iter().map(|alarm| alarm.since);
    let instances = model.state.instances.iter();
    let down = instances
        .filter(|one| !one.is_readable())
        .map(|one| one.since.wall);
    let outages = model.state.instances.iter().filter_map(|one| {
        let (ended, lasted) = one.last_outage?;
        let began = ended.wall - chrono::Duration::from_std(lasted).ok()?;
        (age(now.wall, began) < SHIFT).then_some(began)
    });
    let shift = now.wall - chrono::Duration::hours(8);
    let began = alarms.chain(down).chain(outages).min();
    began.map_or(shift, |began| began - chrono::Duration::minutes(5))
}

/// What is longer ago belongs to another shift.
const SHIFT: std::time::Duration = std::time::Duration::from_secs(12 * 3600);

/// A folder of its own for a bundle.
pub fn folder(state: &Path, now: Now) -> PathBuf {
    let name = now.wall.format("%Y%m%dT%H%M%SZ").to_string();
    state.join("handover").join(name)
}

fn entries(model: &Model, since: DateTime<Utc>) -> impl Iterator<Item = &Entry> {
    let all = model.state.timeline.iter().map(AsRef::as_ref);
    all.filter(move |entry: &&Entry| entry.at >= since)
}

fn operations(model: &Model, since: DateTime<Utc>) -> impl Iterator<Item = &OperationState> {
    let all = model.state.operations.iter().rev().map(AsRef::as_ref);
    all.filter(move |one: &&OperationState| !one.is_finished() || one.request.asked >= since)
}

fn lines(values: impl Iterator<Item = Value>) -> String {
    values.fold(String::new(), |mut out, value| {
        out.push_str(&tame_json(&value.to_string()));
        out.push('\n');
        out
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn entry_json(model: &Model, entry: &Entry) -> Value {
    let instance = entry
        .instance
        .and_then(|place| model.state.instances.get(place));
    json!({
        "at": moment(entry.at),
        "instance": instance.map(|instance| instance.name.as_str()),
        "text": entry.text,
        "who": entry.who,
    })
}

fn operation_json(one: &OperationState) -> Value {
    let (request, tally) = (&one.request, one.progress);
    json!({
        "id": request.id.to_string(),
        "verb": request.verb.word(),
        "link": request.link,
        "who": request.who,
        "reason": request.reason,
        "ticket": request.ticket,
        "asked": moment(request.asked),
        "finished": one.finished.as_ref().map(|end| moment(end.at)),
        "cut_short": one.finished.as_ref().and_then(|end| end.cut_short.as_deref()),
        "total": tally.total,
        "verified": tally.verified,
        "altered": tally.altered,
        "unchanged": tally.unchanged,
        "held": tally.held,
        "refused": tally.refused,
        "unknown": tally.unknown,
        "abandoned": tally.abandoned,
    })
}

fn markdown(model: &Model, since: DateTime<Utc>, now: Now) -> String {
    let mut out = String::new();
    let zone = &model.zone;
    let link = model.link().map_or("", |link| link.name.as_str());
    let clock = if zone.name.is_empty() {
        format!("{} UTC", zone.long(now.wall))
    } else {
        let utc = now.wall.format("%H:%M UTC");
        format!("{} {} ({utc})", zone.long(now.wall), zone.name)
    };
    // Writing into a string can't fail.
    let _never = writeln!(out, "# Hand-over: {}, {clock}\n", plain(link));
    let _never = writeln!(
        out,
        "By {}. It covers the time since {}.\n",
        plain(&model.who),
        zone.long(since)
    );
    figures(&mut out, model, since, now);
    out.push_str("## Left open\n\n");
    let open = left_open(model, now);
    if open.is_empty() {
        out.push_str("Nothing.\n");
    }
    for line in open {
        let _never = writeln!(out, "- {line}");
    }
    out.push_str("\n## Status, as told to others\n\n```text\n");
    // A fence can't be closed by what stands in it: no line of the status begins with one.
    out.push_str(&view::status_text(model, now).replace("```", "'''"));
    out.push_str("```\n\n## What happened\n\n");
    for entry in entries(model, since) {
        let at = zone.stamp(entry.at, now.wall);
        let instance = entry
            .instance
            .and_then(|place| model.state.instances.get(place));
        let about = instance.map_or(String::new(), |one| {
            format!("{}: ", plain(&name(&one.name)))
        });
        let who = entry
            .who
            .as_ref()
            .map_or(String::new(), |who| format!("**{}** ", plain(who)));
        let _never = writeln!(out, "- `{at}` {who}{about}{}", plain(&entry.text));
    }
    out.push_str("\n## Operations\n\n");
    for one in operations(model, since) {
        let _never = writeln!(out, "- {}", operation_line(model, one, now));
    }
    out.push_str(
        "\nBeside this page: `timeline.jsonl`, `operations.jsonl`, and the screens as pictures.\n",
    );
    out
}

/// The figures of the incident, as a table.
fn figures(out: &mut String, model: &Model, since: DateTime<Utc>, now: Now) {
    let mut rows: Vec<(String, String)> = Vec::new();
    if let Some(worst) = verdicts(model, now).first() {
        let detail = if worst.detail.is_empty() {
            String::new()
        } else {
            format!(": {}", worst.detail)
        };
        rows.push(("now".to_owned(), format!("{}{detail}", worst.title)));
    }
    for instance in &model.state.instances {
        let health = format!(
            "{} for {}",
            instance.health.word(),
            span(now.since(instance.since))
        );
        let outage = match instance.last_outage {
            Some((ended, lasted)) if ended.wall >= since => format!(
                "; was down {} until {}",
                span(lasted),
                model.zone.short(ended.wall, now.wall)
            ),
            _ => String::new(),
        };
        rows.push((name(&instance.name), format!("{health}{outage}")));
    }
    for (_, table) in model.state.tables_of(model.link) {
        let text = if table.compared.is_some() {
            let lag = table.lag(now.wall);
            let counts = &table.counts;
            format!(
                "{} pending ({} missing, {} stub, {} stale), lag {}, {} for a person",
                count(counts.pending()),
                count(counts.of(Drift::Missing)),
                count(counts.of(Drift::Stub)),
                count(counts.of(Drift::Stale)),
                span(lag),
                count(counts.for_a_person())
            )
        } else {
            "not compared yet".to_owned()
        };
        rows.push((table.name.to_string(), text));
    }
    let done = operations(model, since).fold([0; 4], |[n, good, bad, unknown], one| {
        let tally = one.progress;
        let bad_too = tally.refused + tally.held;
        [
            n + 1,
            good + tally.good(),
            bad + bad_too,
            unknown + tally.unknown,
        ]
    });
    let [all, good, bad, unknown] = done;
    rows.push((
        "repairs".to_owned(),
        format!(
            "{}: {} good, {} refused or held, {} not known",
            of_them(all, "operation"),
            of_them(good, "record"),
            count(bad),
            count(unknown)
        ),
    ));
    out.push_str("| | |\n| --- | --- |\n");
    for (label, text) in rows {
        let _never = writeln!(out, "| {} | {} |", plain(&label), plain(&text));
    }
    out.push('\n');
}

/// What waits for somebody, most urgent first.
fn left_open(model: &Model, now: Now) -> Vec<String> {
    let state = &model.state;
    let mut open = Vec::new();
    for alarm in &state.alarms {
        let who = match state.taken_by(alarm, now.wall) {
            Some(taken) => format!(
                "{} has it until {}",
                plain(&taken.who),
                model.zone.short(taken.until, now.wall)
            ),
            None => "**nobody has it**".to_owned(),
        };
        let runbook = alarm.runbook.as_ref();
        let runbook = runbook.map_or(String::new(), |text| format!(", runbook {}", plain(text)));
        open.push(format!(
            "Alert {} on {}, since {}: {who}{runbook}",
            plain(&alarm.key.rule),
            plain(&alarm.key.subject),
            model.zone.short(alarm.since, now.wall)
        ));
    }
    if let Some(fault) = &state.journal_fault {
        open.push(format!("Nothing can be repaired: {}", plain(fault)));
    }
    for instance in &state.instances {
        if let Some(forced) = instance.forced() {
            let until = forced
                .until
                .map_or("until it is released".to_owned(), |until| {
                    format!("until {}", model.zone.short(until, now.wall))
                });
            open.push(format!(
                "All calls to {} are stopped by {} {until}: {}",
                plain(&instance.name),
                plain(&forced.by),
                plain(&forced.reason)
            ));
        }
    }
    for one in state.operations.iter().filter(|one| !one.is_finished()) {
        open.push(operation_line(model, one, now));
    }
    let unknown = state.unknown_outcomes();
    if unknown > 0 {
        open.push(format!(
            "{} not known: they are read back",
            of_them(unknown, "outcome")
        ));
    }
    for flag in Flag::ALL {
        let flagged = state.flagged_on(model.link, flag);
        if flagged > 0 {
            open.push(format!("{} {flag}", of_them(flagged, "record")));
        }
    }
    let person = Drift::ALL
        .into_iter()
        .filter(|drift| drift.needs_a_person());
    for drift in person {
        let tables = state.tables_of(model.link);
        let sum: usize = tables.map(|(_, table)| table.counts.of(drift)).sum();
        if sum > 0 {
            open.push(format!(
                "{} {drift}: a person decides",
                of_them(sum, "record")
            ));
        }
    }
    open
}

fn operation_line(model: &Model, one: &OperationState, now: Now) -> String {
    let (request, tally) = (&one.request, one.progress);
    let state = match (&one.finished, &one.paused, &one.waiting) {
        (Some(end), _, _) => match &end.cut_short {
            Some(why) => format!("ended early: {}", plain(why)),
            None => format!("ended after {}", took(end.took)),
        },
        _ if one.was_left_behind => "**left behind**: somebody has to go on with it".to_owned(),
        (None, Some(why), _) => format!("**paused**: {}", plain(why)),
        (None, None, Some(waiting)) => format!("waiting: {}", plain(&waiting.why)),
        (None, None, None) => "under way".to_owned(),
    };
    let bad = match tally.refused + tally.held + tally.unknown {
        0 => String::new(),
        bad => format!(", {} need a person", count(bad)),
    };
    format!(
        "`{}` {} by {}: {} of {} good{bad}; {state} ({})",
        model.zone.stamp(request.asked, now.wall),
        request.verb,
        plain(&request.who),
        count(tally.good()),
        count(tally.total),
        plain(&request.reason)
    )
}

/// A view as it looks now, without dialogs, at a size of its own.
fn picture(model: &Model, screen: Screen, now: Now) -> String {
    let mut shown = model.clone();
    shown.screen = screen;
    shown.size = PICTURE;
    shown.dialogs.clear();
    shown.toasts.clear();
    if shown.theme != Theme::Mono {
        shown.theme = Theme::Dark;
    }
    super::update::keep_in_view(&mut shown);
    let (columns, rows) = PICTURE;
    let mut buffer = Buffer::empty(Rect::new(0, 0, columns, rows));
    view::draw(&shown, now, &mut buffer);
    svg::picture(&buffer)
}
