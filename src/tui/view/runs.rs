//! The Sync runs view: the runs of the link's sync, newest first, and all that is known of the one under the cursor.

use crate::domain::run::{Backend, RunStatus};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, span, wrapped};
use crate::tui::layout::{self, Arrangement};
use crate::tui::listing::{Run, run_place, runs};
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let mut rows = layout::listing(size);
    let wide = Arrangement::of(size).is_wide();
    let Some(link) = model.link() else {
        return;
    };
    let name = format!("runs of {} · {}", visible(&link.name), link.sync.backend);
    let (state, role) = age(model, now);
    canvas.rule_in(rows.rule, &name, Role::Plain, &state, role);
    let all = runs(model, now);
    let at = run_place(model, &all);
    // A cause that is long has rows of the list.
    let room = usize::from(canvas.columns().saturating_sub(11));
    let needed = all.get(at).map_or(0, |run| wrapped(&why(run), room).len());
    let more = u16::try_from(needed.saturating_sub(2)).unwrap_or(u16::MAX);
    let more = more.min(rows.shown / 2);
    rows.shown -= more;
    rows.detail -= more;
    let grid = Grid::of(size.0, wide);
    head(canvas, rows.rule + 1, &grid);
    list(canvas, model, &all, at, (rows.list, rows.shown), &grid, now);
    detail(canvas, model, all.get(at), rows.detail, now);
}

/// How old the list is, or why there is none.
pub fn age(model: &Model, now: Now) -> (String, Role) {
    let Some(link) = model.link() else {
        return (String::new(), Role::Plain);
    };
    let every = format!("every {}", span(link.schedule.cadence));
    match (&link.sync.list, &link.sync.unlisted) {
        _ if link.sync.backend == Backend::BuiltIn => (every, Role::Plain),
        (list, Some(why)) => {
            let old = list.as_ref().map_or(String::new(), |list| {
                format!("as of {} · ", model.zone.stamp(list.at.wall, now.wall))
            });
            (format!("{old}{}", visible(why)), Role::Care)
        }
        (Some(list), None) => (
            format!("{} ago · {every}", span(now.since(list.at))),
            Role::Plain,
        ),
        (None, None) => match link.sync.backend.why_unlisted() {
            Some(why) => (why.to_owned(), Role::Plain),
            None => ("asking…".to_owned(), Role::Plain),
        },
    }
}

struct Grid {
    started: u16,
    status: u16,
    took: u16,
    trigger: (u16, u16),
    records: Option<u16>,
    error: u16,
}

impl Grid {
    fn of(columns: u16, wide: bool) -> Self {
        if wide {
            return Self {
                started: 3,
                status: 16,
                took: 37,
                trigger: (41, 22),
                records: Some(78),
                error: 82,
            };
        }
        if columns < 80 {
            return Self {
                started: 3,
                status: 14,
                took: columns.saturating_sub(2),
                trigger: (columns, 0),
                records: None,
                error: columns,
            };
        }
        Self {
            started: 3,
            status: 14,
            took: 34,
            trigger: (37, 13),
            records: None,
            error: 51,
        }
    }
}

fn head(canvas: &mut Canvas<'_>, y: u16, grid: &Grid) {
    canvas.text(grid.started, y, "started", Role::Dim);
    canvas.text(grid.status, y, "status", Role::Dim);
    canvas.right(grid.took, y, "took", Role::Dim);
    canvas.text(grid.trigger.0, y, "started by", Role::Dim);
    if let Some(records) = grid.records {
        canvas.right(records, y, "records", Role::Dim);
    }
    canvas.text(grid.error, y, "why it failed", Role::Dim);
}

/// Glyph and role of a status.
fn glyph(status: RunStatus) -> (&'static str, Role) {
    match status {
        RunStatus::Succeeded => ("√", Role::Good),
        RunStatus::Queued | RunStatus::Running => ("►", Role::Plain),
        RunStatus::Waiting => ("»", Role::Care),
        RunStatus::Skipped => ("·", Role::Dim),
        RunStatus::Unknown => ("?", Role::Care),
        RunStatus::Failed | RunStatus::Cancelled | RunStatus::TimedOut => ("×", Role::Bad),
    }
}

fn list(
    canvas: &mut Canvas<'_>,
    model: &Model,
    all: &[Run],
    at: usize,
    (y, rows): (u16, u16),
    grid: &Grid,
    now: Now,
) {
    if all.is_empty() {
        let key = model.key(ActionId::Sync);
        let text = format!("no run is known yet; {key} starts one");
        canvas.text(3, y, &text, Role::Dim);
        return;
    }
    let first = (at + 1).saturating_sub(usize::from(rows));
    for (row, (place, run)) in (0..rows).zip(all.iter().enumerate().skip(first)) {
        line(canvas, model, y + row, run, place == at, grid, now);
    }
}

/// One run on a row.
fn line(
    canvas: &mut Canvas<'_>,
    model: &Model,
    y: u16,
    run: &Run,
    is_cursor: bool,
    grid: &Grid,
    now: Now,
) {
    let text = if is_cursor { Role::Strong } else { Role::Plain };
    if is_cursor {
        canvas.text(1, y, "►", Role::Strong);
    }
    let started = run.started.map_or_else(
        || "not known".to_owned(),
        |at| model.zone.short(at, now.wall),
    );
    canvas.text(grid.started, y, &started, text);
    let (glyph, role) = glyph(run.status);
    canvas.pieces(
        grid.status,
        y,
        &[(glyph, role), (" ", text), (run.status.word(), text)],
    );
    let took = run.took.map_or_else(|| "–".to_owned(), span);
    canvas.right(grid.took, y, &took, text);
    canvas.cell(
        grid.trigger.0,
        y,
        grid.trigger.1,
        &visible(&run.trigger),
        text,
    );
    if let (Some(last), Some((good, all))) = (grid.records, run.records) {
        canvas.right(last, y, &format!("{} of {}", count(good), count(all)), text);
    }
    let error = match (&run.error, run.records) {
        (Some(error), _) => visible(error).into_owned(),
        (None, Some((good, all))) if grid.records.is_none() => {
            format!("{} of {} records", count(good), count(all))
        }
        (None, _) => String::new(),
    };
    let room = canvas.columns().saturating_sub(grid.error + 1);
    canvas.cell(grid.error, y, room, &error, text);
}

/// Why it ended as it did.
fn why(run: &Run) -> String {
    match (&run.error, run.status) {
        (Some(error), _) => visible(error).into_owned(),
        (None, RunStatus::Succeeded) => "it ended well".to_owned(),
        (None, status) if status.is_under_way() => "it is under way".to_owned(),
        (None, _) => "its platform says no more".to_owned(),
    }
}

fn detail(canvas: &mut Canvas<'_>, model: &Model, run: Option<&Run>, y: u16, now: Now) {
    let Some(run) = run else {
        canvas.rule(y, "no run", "");
        return;
    };
    let hint = if run.operation.is_some() {
        format!("{} its records", model.key(ActionId::Open))
    } else {
        String::new()
    };
    let (glyph, role) = glyph(run.status);
    canvas.rule(y, &format!("run {}", visible(&run.id)), &hint);
    let mut x = canvas.pieces(
        1,
        y + 1,
        &[
            (glyph, role),
            (" ", role),
            (run.status.word(), Role::Strong),
        ],
    );
    if let Some(started) = run.started {
        let words = format!("   began {}", model.zone.stamp(started, now.wall));
        x = canvas.text(x, y + 1, &words, Role::Plain);
    }
    if let Some(took) = run.took {
        let word = if run.status.is_under_way() {
            "so far"
        } else {
            "took"
        };
        x = canvas.text(x, y + 1, &format!(", {word} {}", span(took)), Role::Plain);
    }
    canvas.text(
        x,
        y + 1,
        &format!(", by {}", visible(&run.trigger)),
        Role::Plain,
    );
    let room = canvas.columns().saturating_sub(11);
    canvas.text(1, y + 2, "why", Role::Dim);
    let why = why(run);
    // What is to be done stands on the last two rows above the toast's and the footer; the cause has all above them.
    let rows = canvas.rows().saturating_sub(y + 2 + 4).max(1);
    let taken = canvas.flow((10, y + 2), (room, rows), &why, Role::Plain);
    let y = y + 2 + taken.max(2);
    canvas.text(1, y, "do", Role::Dim);
    let new = format!(
        "{}  a new run, with what the source holds now",
        model.key(ActionId::Sync)
    );
    canvas.cell(10, y, room, &new, Role::Plain);
    let again = match model
        .link()
        .and_then(|link| link.sync.backend.why_no_rerun())
    {
        Some(why) => why.to_owned(),
        None if run.status.is_under_way() => {
            format!("{}  end it where it stands", model.key(ActionId::CancelRun))
        }
        None => format!(
            "{}  this one again, with its old data",
            model.key(ActionId::Rerun)
        ),
    };
    canvas.cell(10, y + 1, room, &again, Role::Dim);
}

/// One pane, where two have no room.
pub fn narrow(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let all = runs(model, now);
    let at = run_place(model, &all);
    canvas.rule(0, "runs", &age(model, now).0);
    let grid = Grid::of(canvas.columns(), false);
    let rows = canvas.rows().saturating_sub(1);
    list(canvas, model, &all, at, (1, rows), &grid, now);
}
