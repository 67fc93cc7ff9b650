//! Rows 0 and 1: who and where, and the views with the counts that want a person.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::{InstanceState, Lock};
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, narrow, span, width};
use crate::tui::layout::Arrangement;
use crate::tui::listing;
use crate::tui::model::{Model, Screen};
use crate::tui::theme::Role;

/// An agent tells every second: what is older than this is worth a look.
const STALE: std::time::Duration = std::time::Duration::from_secs(5);

/// Draws the two rows.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    who_and_where(canvas, model, wide, now);
    let behind = views(canvas, model, wide);
    let behind = way(canvas, model, behind);
    seen_by(canvas, model, behind, now);
}

/// What stands between here and the instances, and in whose name is written, as far as there is room behind the views.
fn way(canvas: &mut Canvas<'_>, model: &Model, behind: u16) -> u16 {
    let room = usize::from(canvas.columns().saturating_sub(behind + 2));
    let texts = model.way.in_short();
    let fits = texts.iter().find(|text| width(text) <= room);
    match fits.filter(|text| !text.is_empty()) {
        Some(text) if model.way.may_write.is_empty() => {
            canvas.text(behind, 1, &visible(text), Role::Care) + 1
        }
        Some(text) => canvas.text(behind, 1, &visible(text), Role::Bad) + 1,
        None => behind,
    }
}

/// Whose eyes these are, at the right end of the second row, and how old what they saw is.
fn seen_by(canvas: &mut Canvas<'_>, model: &Model, behind: u16, now: Now) {
    let Some(agent) = &model.state.agent else {
        return;
    };
    let by = format!("agent {}@{}", visible(&agent.who), visible(&agent.host));
    let Some(told) = model.state.told else {
        return;
    };
    let age = now.since(told);
    let (role, age) = (if age < STALE { Role::Dim } else { Role::Care }, span(age));
    let last = canvas.columns().saturating_sub(2);
    let room = usize::from(last.saturating_sub(behind));
    let texts = [
        format!("seen by {by}, {age} ago"),
        format!("seen by agent {age} ago"),
        "by the agent".to_owned(),
        "agent".to_owned(),
    ];
    if let Some(text) = texts.iter().find(|text| width(text) <= room) {
        canvas.right(last, 1, text, role);
    }
}

fn who_and_where(canvas: &mut Canvas<'_>, model: &Model, wide: bool, now: Now) {
    let clock_from = clocks(canvas, model, wide, now);
    let Some(link) = model.link() else {
        canvas.text(1, 0, "tandem", Role::Strong);
        return;
    };
    let named = |place: usize| {
        let instance = model.state.instances.get(place);
        instance.map_or("?", |instance| instance.name.as_str())
    };
    let which = match model.state.links.len() {
        0 | 1 => String::new(),
        links => format!(" {}/{links}", model.link + 1),
    };
    let name = format!("{} → {}{which}", named(link.source), named(link.target));
    let mut head = canvas.part(0, 0, clock_from, 1);
    let gap = if wide { "   " } else { "  " };
    let x = head.pieces(1, 0, &[(&name, Role::Plain), (gap, Role::Plain)]);
    let x = band(
        &mut head,
        x,
        model.state.instances.get(link.source),
        BandOf::Source,
    );
    let x = band(
        &mut head,
        x + if wide { 2 } else { 1 },
        model.state.instances.get(link.target),
        BandOf::Target,
    );
    lock(&mut head, x + if wide { 4 } else { 2 }, model, wide, now);
}

/// Which side of the link a band stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BandOf {
    /// The source: never written.
    Source,
    /// The target.
    Target,
}

/// `░ US DEMO ░` or `▓ EU DEMO ▓`, always in the same colour.
pub fn band_text(instance: Option<&InstanceState>, side: BandOf) -> String {
    let band = instance.map_or_else(|| "?".to_owned(), |one| visible(&one.band).into_owned());
    match side {
        BandOf::Source => format!("░ {band} ░"),
        BandOf::Target => format!("▓ {band} ▓"),
    }
}

/// The role of a band.
pub fn band_role(side: BandOf) -> Role {
    match side {
        BandOf::Source => Role::Source,
        BandOf::Target => Role::Target,
    }
}

fn band(canvas: &mut Canvas<'_>, x: u16, instance: Option<&InstanceState>, side: BandOf) -> u16 {
    canvas.text(x, 0, &band_text(instance, side), band_role(side))
}

fn lock(canvas: &mut Canvas<'_>, x: u16, model: &Model, wide: bool, now: Now) {
    let left = model.state.lock.armed_for(now);
    if let Some(frozen) = &model.frozen {
        let text = format!("FROZEN {}", span(now.since(frozen.at)));
        canvas.text(x, 0, &text, Role::Care);
        return;
    }
    let x = if let (Lock::Armed { reason, .. }, Some(left)) = (&model.state.lock, left) {
        let tag = tag(model);
        let x = canvas.text(x, 0, &format!("ARMED {tag} {}", span(left)), Role::Care);
        if wide && !reason.is_empty() {
            let room = canvas.columns().saturating_sub(x + 2).min(30);
            canvas.cell(x + 2, 0, room, &visible(reason), Role::Plain)
        } else {
            x
        }
    } else {
        let x = canvas.text(x, 0, "READ-ONLY", Role::Strong);
        if wide {
            canvas.text(
                x + 2,
                0,
                &format!("{} arms", model.key(ActionId::Arm)),
                Role::Dim,
            )
        } else {
            x
        }
    };
    let unknown = model.state.unknown_outcomes();
    if unknown > 0 {
        let room = usize::from(canvas.columns().saturating_sub(x + 3));
        let short = format!("? {}", narrow(unknown));
        let long = format!("{short} unknown");
        if let Some(text) = [long, short].iter().find(|text| width(text) <= room) {
            canvas.text(x + 2, 0, text, Role::Care);
        }
    } else if wide {
        let you = format!("you: {}", visible(&model.who));
        canvas.text(x + 4, 0, &you, Role::Dim);
    }
}

/// The first word of the target's band, short: `EU`.
fn tag(model: &Model) -> String {
    let target = model
        .link()
        .and_then(|link| model.state.instances.get(link.target));
    short_tag(target)
}

/// An instance in three columns, by the first word of its band.
pub fn short_tag(instance: Option<&InstanceState>) -> String {
    let band = instance.map_or("", |one| one.band.as_str());
    let word = band.split_whitespace().next().unwrap_or("?");
    visible(word).chars().take(3).collect()
}

/// Local time and UTC at the right end; said once where they are the same. The column where they begin comes back.
fn clocks(canvas: &mut Canvas<'_>, model: &Model, wide: bool, now: Now) -> u16 {
    let utc = format!("{}Z", now.wall.format("%H:%M:%S"));
    let zone = &model.zone;
    let mut text = if zone.name.is_empty() {
        utc
    } else {
        format!("{} {}  {utc}", zone.clock(now.wall), zone.name)
    };
    if wide {
        text = format!("{}  {text}", zone.day(now.wall));
    }
    let last = canvas.columns().saturating_sub(2);
    canvas.right(last, 0, &text, Role::Plain);
    (last + 1).saturating_sub(u16::try_from(width(&text)).unwrap_or(0) + 1)
}

/// The names of the views; the column behind them comes back.
fn views(canvas: &mut Canvas<'_>, model: &Model, wide: bool) -> u16 {
    // Those of this link, as the list has them.
    let tables = model.state.tables_of(model.link);
    let listed = tables.map(|(_, table)| table.counts.listed()).sum();
    let listed = match (listed, wide) {
        (0, _) => String::new(),
        (n, true) => format!(" {}", count(n)),
        (n, false) => format!(" {}", narrow(n)),
    };
    let running = model.running();
    let left_behind = model
        .state
        .operations
        .iter()
        .filter(|one| one.was_left_behind && !one.is_finished())
        .count();
    let operations = match (running, left_behind) {
        (0, 0) => String::new(),
        (0, left) => format!(" {left}▲"),
        (running, _) => format!(" {running}►"),
    };
    let third = if wide { "3 Operations" } else { "3 Ops" };
    let here = match model.screen {
        Screen::Sides(view) => view.from.screen(),
        screen => screen,
    };
    let runs = model
        .link()
        .map_or(0, |link| link.sync.runs.failed_in_a_row);
    let runs = if runs > 0 {
        format!(" {runs}×")
    } else {
        String::new()
    };
    let lacking = model.tickets.read.as_deref().map_or(0, listing::lacking);
    let lacking = match (lacking, wide) {
        (0, _) => String::new(),
        (n, true) => format!(" {}", count(n)),
        (n, false) => format!(" {}", narrow(n)),
    };
    let fourth = if wide { "4 Sync runs" } else { "4 Runs" };
    let names = [
        (Screen::Pulse, "1 Pulse".to_owned()),
        (Screen::Records, format!("2 Records{listed}")),
        (Screen::Operations, format!("{third}{operations}")),
        (Screen::Runs, format!("{fourth}{runs}")),
        (Screen::Tickets, format!("5 Tickets{lacking}")),
        (Screen::Timeline, "6 Timeline".to_owned()),
    ];
    let mut x = 0;
    for (screen, name) in &names {
        x = if *screen == here {
            canvas.text(x, 1, &format!("[{name}]"), Role::Strong)
        } else {
            canvas.text(x, 1, &format!(" {name} "), Role::Plain)
        };
        x += if wide { 2 } else { 1 };
    }
    x
}
