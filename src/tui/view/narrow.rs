//! From 40 columns and 12 rows on, where two panes have no room beside each other: one pane at a time, and one status
//! line where not even that fits. Nothing that writes is asked here, since it could not be shown in full.

use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{fit, span, whole, width, wrapped};
use crate::tui::layout;
use crate::tui::model::{Dialog, Model, Screen};
use crate::tui::theme::Role;
use crate::tui::verdict::{Verdict, verdicts};
use crate::tui::view::{commands, runs, tickets, timeline};

mod operations;
mod pulse;
mod records;

/// Draws everything.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    header(canvas, model, now);
    verdict(canvas, model, now);
    let rows = canvas.rows().saturating_sub(layout::NARROW_TOP + 1);
    let mut pane = canvas.part(0, layout::NARROW_TOP, canvas.columns(), rows);
    match model.screen {
        Screen::Pulse => pulse::draw(&mut pane, model, now),
        Screen::Records => records::list(&mut pane, model, now),
        Screen::Sides(view) => records::sides(&mut pane, model, view, now),
        Screen::Operations => operations::draw(&mut pane, model, now),
        Screen::Runs => runs::narrow(&mut pane, model, now),
        Screen::Tickets => tickets::narrow(&mut pane, model, now),
        Screen::Timeline => timeline::narrow(&mut pane, model, now),
    }
    footer(canvas, model);
    dialog(canvas, model, now);
}

/// One line for what has no room at all: the verdict.
pub fn status_line(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let all = verdicts(model, now);
    let Some(worst) = all.first() else {
        return;
    };
    let text = format!("{} {}", worst.glyph, worst.title);
    let y = canvas.rows() / 2;
    canvas.text(0, y, &text, Role::Verdict(worst.tone));
}

/// Who and where, then the views: the one that is shown by its name, the others by their numbers.
fn header(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let name = model.link().map_or_else(
        || "tandem".to_owned(),
        |link| visible(&link.name).into_owned(),
    );
    let lock = match model.state.lock.armed_for(now) {
        _ if model.frozen.is_some() => ("FROZEN".to_owned(), Role::Care),
        Some(left) => (format!("ARMED {}", span(left)), Role::Care),
        None => ("READ-ONLY".to_owned(), Role::Strong),
    };
    let clock = model.zone.clock(now.wall);
    let last = canvas.columns().saturating_sub(2);
    let taken = width(&lock.0) + width(&clock) + 5;
    let name = fit(&name, usize::from(canvas.columns()).saturating_sub(taken));
    let x = canvas.text(1, 0, &name, Role::Plain);
    canvas.text(x + 2, 0, &lock.0, lock.1);
    canvas.right(last, 0, &clock, Role::Plain);
    let here = match model.screen {
        Screen::Sides(view) => view.from.screen(),
        screen => screen,
    };
    let all = [
        (ActionId::Pulse, "Pulse", Screen::Pulse),
        (ActionId::Records, "Records", Screen::Records),
        (ActionId::Operations, "Ops", Screen::Operations),
        (ActionId::Runs, "Runs", Screen::Runs),
        (ActionId::Tickets, "Tickets", Screen::Tickets),
        (ActionId::Timeline, "Timeline", Screen::Timeline),
    ];
    // The names of the first three have room at 40 columns; of the others their keys, and the name of the one that is
    // shown.
    let room = usize::from(canvas.columns()) >= 64;
    let views = all.map(|(action, name, screen)| {
        let is_early = matches!(
            action,
            ActionId::Pulse | ActionId::Records | ActionId::Operations
        );
        let is_here = screen == here;
        let is_named = room || is_here || (is_early && !here_is_late(here));
        (action, if is_named { name } else { "" }, is_here)
    });
    let mut x = 0;
    for (action, name, is_here) in views {
        let text = format!("{} {name}", model.key(action));
        let text = text.trim_end();
        x = if is_here {
            canvas.text(x, 1, &format!("[{text}]"), Role::Strong)
        } else {
            canvas.text(x, 1, &format!(" {text} "), Role::Plain)
        };
    }
}

fn here_is_late(here: Screen) -> bool {
    matches!(here, Screen::Runs | Screen::Tickets | Screen::Timeline)
}

fn verdict(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let all = verdicts(model, now);
    let Some(worst) = all.first() else {
        return;
    };
    let more = match all.len() {
        0 | 1 => String::new(),
        n => format!(" +{}", n - 1),
    };
    let room = usize::from(canvas.columns()).saturating_sub(2 + width(&more));
    let text = format!("{} {}", worst.glyph, first_row(worst, room));
    let role = Role::Verdict(worst.tone);
    canvas.text(1, 2, &fit(&text, room), role);
    let last = canvas.columns().saturating_sub(2);
    canvas.right(last, 2, &more, role);
    if worst.tone == crate::engine::state::Tone::Bad {
        canvas.paint_row(2, role);
    }
}

/// The title, and the detail where all of it fits.
fn first_row(verdict: &Verdict, room: usize) -> String {
    let both = format!("{}  {}", verdict.title, verdict.detail);
    if width(&both) + 2 <= room {
        both
    } else {
        verdict.title.clone()
    }
}

/// What the verdict means and what to do, in as many rows as it takes.
fn meaning(model: &Model, columns: u16, now: Now) -> Vec<String> {
    let all = verdicts(model, now);
    let Some(worst) = all.first() else {
        return Vec::new();
    };
    let next = if worst.next.is_empty() {
        String::new()
    } else {
        format!("Now: {}", worst.next)
    };
    let room = usize::from(columns.saturating_sub(2));
    [&worst.detail, &worst.effect, &next]
        .into_iter()
        .flat_map(|text| wrapped(text, room))
        .collect()
}

/// The newest message in the place of the keys while there is one; else the keys that matter here.
fn footer(canvas: &mut Canvas<'_>, model: &Model) {
    let y = canvas.rows().saturating_sub(1);
    let room = usize::from(canvas.columns().saturating_sub(2));
    if let Some(toast) = model.toasts.back() {
        let text = fit(&visible(&toast.text), room);
        canvas.text(1, y, &text, crate::tui::theme::tone(toast.tone));
        return;
    }
    let typed = match model.screen {
        Screen::Records if model.records.typing => Some(&model.records.filter),
        Screen::Timeline if model.timeline.typing => Some(&model.timeline.filter),
        _ => None,
    };
    if let Some(typed) = typed {
        let typed = visible(typed.value()).into_owned();
        canvas.pieces(
            1,
            y,
            &[("/ ", Role::Care), (&typed, Role::Care), (" ", Role::Caret)],
        );
        return;
    }
    let mut hints = match model.screen {
        Screen::Pulse => vec![(ActionId::Pane, "pane"), (ActionId::CopyStatus, "status")],
        Screen::Records => vec![
            (ActionId::Open, "open"),
            (ActionId::Filter, "filter"),
            (ActionId::NextDrift, "drift"),
        ],
        Screen::Sides(_) => vec![(ActionId::Back, "back"), (ActionId::CopyId, "copy id")],
        Screen::Operations => vec![(ActionId::Pane, "pane"), (ActionId::Back, "back")],
        Screen::Runs | Screen::Tickets => {
            vec![(ActionId::Open, "open"), (ActionId::Back, "back")]
        }
        Screen::Timeline => vec![(ActionId::Filter, "filter"), (ActionId::Back, "back")],
    };
    hints.extend([(ActionId::Palette, "all"), (ActionId::Help, "help")]);
    let mut x = 1;
    for (action, words) in hints {
        let key = model.key(action);
        let wide = u16::try_from(width(&key) + width(words) + 1).unwrap_or(u16::MAX);
        if x + wide < canvas.columns() {
            x = canvas.pieces(
                x,
                y,
                &[(&key, Role::Strong), (" ", Role::Plain), (words, Role::Dim)],
            ) + 2;
        }
    }
}

/// A dialog takes the whole pane; one that confirms something waits for a larger terminal.
fn dialog(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let Some(top) = model.dialogs.last() else {
        return;
    };
    if let Dialog::Commands(dialog) = top {
        commands::draw(canvas, model, dialog, now);
        return;
    }
    let (columns, rows) = (canvas.columns(), canvas.rows());
    let mut part = canvas.part(0, layout::NARROW_TOP, columns, rows - layout::NARROW_TOP);
    part.clear();
    let (wide, high) = layout::SMALLEST;
    let text = match top {
        Dialog::Quit(_) => {
            "An operation runs. y quits: it stays in the journal, and goes on when a person says so. Esc stays."
                .to_owned()
        }
        _ => format!(
            "This dialog needs {wide} x {high} cells, so that all that it asks is seen. Make the terminal larger, or \
             Esc leaves: nothing is done."
        ),
    };
    for (y, line) in (1..).zip(wrapped(&text, usize::from(columns.saturating_sub(2)))) {
        part.text(1, y, &line, Role::Plain);
    }
}

/// A title, then labelled lines.
fn labelled(canvas: &mut Canvas<'_>, y: u16, label: &str, text: &str, role: Role) {
    canvas.text(1, y, label, Role::Dim);
    let room = canvas.columns().saturating_sub(11);
    canvas.text(10, y, &whole(text, usize::from(room)), role);
}
