//! The Tickets view: open tickets of the target with their customers, those first whose customer is most in the way, and
//! what is to be done about the one under the cursor.

use crate::domain::customer::Mark;
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::report::{OpenTickets, Ticket};
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, name, of_them, place, span, width};
use crate::tui::layout::{self, Arrangement};
use crate::tui::listing::{mark, marks, tickets};
use crate::tui::model::Model;
use crate::tui::theme::Role;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let rows = layout::listing(size);
    let wide = Arrangement::of(size).is_wide();
    facets(canvas, model, rows.rule, now);
    let all = tickets(model);
    let at = model.tickets.at.min(all.len().saturating_sub(1));
    let grid = Grid::of(size.0, wide);
    head(canvas, rows.rule + 1, &grid);
    list(canvas, model, &all, at, (rows.list, rows.shown), &grid, now);
    detail(canvas, model, all.get(at).copied(), rows.detail, now);
}

/// Glyph and role of a mark.
fn glyph(mark: Option<Mark>) -> (&'static str, Role) {
    match mark {
        Some(Mark::Refused) => ("○", Role::Bad),
        Some(Mark::Stub) => ("□", Role::Care),
        Some(Mark::Orphan) => ("◊", Role::Care),
        Some(Mark::SourceUnreadable | Mark::Unknown) | None => ("?", Role::Care),
        Some(Mark::Local) => ("·", Role::Dim),
        Some(Mark::Whole) => ("●", Role::Good),
    }
}

fn word(mark: Option<Mark>) -> &'static str {
    mark.map_or("not known", Mark::word)
}

/// How old what is shown is, and what could not be read.
pub fn state(model: &Model, now: Now) -> (String, Role) {
    let view = &model.tickets;
    let age = view.read_at.map(|at| now.since(at));
    match (&view.failed, age) {
        (Some(why), Some(_)) => {
            let at = view.read_at.map_or(now.wall, |at| at.wall);
            let at = model.zone.stamp(at, now.wall);
            (format!("as of {at} · {}", visible(why)), Role::Care)
        }
        (Some(why), None) => (visible(why).into_owned(), Role::Care),
        (None, Some(age)) => (format!("{} ago", span(age)), Role::Plain),
        (None, None) if view.is_asking => ("reading…".to_owned(), Role::Plain),
        (None, None) => ("not read yet".to_owned(), Role::Plain),
    }
}

/// The marks that occur, the chosen one in brackets; how old it all is stands at the right end.
fn facets(canvas: &mut Canvas<'_>, model: &Model, y: u16, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let (state, role) = state(model, now);
    let last = canvas.columns().saturating_sub(2);
    let mut x = 1;
    if let Some(read) = &model.tickets.read {
        let all = read.tickets.len() + read.refused.len();
        let more = if read.is_all { "" } else { "+" };
        let chosen = model.tickets.mark;
        x = token(
            canvas,
            x,
            y,
            "",
            &format!("all {}{more}", count(all)),
            Role::Plain,
            chosen.is_none(),
        );
        for (one, n) in marks(read) {
            let (glyph, role) = glyph(Some(one));
            let text = if wide || chosen == Some(one) {
                format!(" {} {}", one.word(), count(n))
            } else {
                format!(" {}", count(n))
            };
            x = token(canvas, x + 2, y, glyph, &text, role, chosen == Some(one));
        }
    }
    let room = usize::from((last + 1).saturating_sub(x + 2));
    let text = fit(&notes(model, &state), room);
    canvas.right(last, y, &text, role);
}

/// What could not be read, before how old it is.
fn notes(model: &Model, state: &str) -> String {
    let read = model.tickets.read.as_deref();
    let source = read.is_some_and(|read| read.source_failure.is_some());
    let hook = read.is_some_and(|read| read.hook_failure.is_some());
    let mut parts = Vec::new();
    if source {
        parts.push("source unreadable".to_owned());
    }
    if hook {
        parts.push("refusals not known".to_owned());
    }
    parts.push(state.to_owned());
    parts.join(" · ")
}

fn token(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    glyph: &str,
    text: &str,
    role: Role,
    is_chosen: bool,
) -> u16 {
    let plain = if is_chosen { Role::Strong } else { Role::Plain };
    let (open, close) = if is_chosen { ("[", "]") } else { ("", "") };
    canvas.pieces(
        x,
        y,
        &[(open, plain), (glyph, role), (text, plain), (close, plain)],
    )
}

struct Grid {
    mark: u16,
    number: (u16, u16),
    title: (u16, u16),
    customer: (u16, u16),
    key: Option<(u16, u16)>,
    opened: u16,
}

impl Grid {
    fn of(columns: u16, wide: bool) -> Self {
        let end = columns.saturating_sub(2);
        if wide {
            return Self {
                mark: 3,
                number: (24, 17),
                title: (43, columns.saturating_sub(107)),
                customer: (columns.saturating_sub(62), 30),
                key: Some((columns.saturating_sub(31), 18)),
                opened: end,
            };
        }
        if (60..80).contains(&columns) {
            // The word of the mark has room, and from 70 columns on the beginning of the title.
            let title = columns.saturating_sub(70) + u16::from(columns >= 70) * 18;
            let customer = 23 + title + u16::from(title > 0);
            return Self {
                mark: 1,
                number: (12, 10),
                title: (23, title),
                customer: (customer, columns.saturating_sub(customer + 9)),
                key: None,
                opened: end,
            };
        }
        if columns < 80 {
            return Self {
                mark: 1,
                number: (3, 10),
                title: (columns, 0),
                customer: (14, columns.saturating_sub(22)),
                key: None,
                opened: end,
            };
        }
        let spare = columns - 80;
        let title = 17 + spare / 2;
        let customer = 20 + spare - spare / 2;
        Self {
            mark: 3,
            number: (14, 16),
            title: (31, title),
            customer: (31 + title + 1, customer),
            key: None,
            opened: end,
        }
    }
}

fn head(canvas: &mut Canvas<'_>, y: u16, grid: &Grid) {
    canvas.text(grid.mark, y, "kind", Role::Dim);
    canvas.text(grid.number.0, y, "ticket", Role::Dim);
    canvas.text(grid.title.0, y, "title", Role::Dim);
    canvas.text(grid.customer.0, y, "customer", Role::Dim);
    if let Some((x, _)) = grid.key {
        canvas.text(x, y, "number", Role::Dim);
    }
    canvas.right(grid.opened, y, "opened", Role::Dim);
}

fn list(
    canvas: &mut Canvas<'_>,
    model: &Model,
    all: &[&Ticket],
    at: usize,
    (y, rows): (u16, u16),
    grid: &Grid,
    now: Now,
) {
    if all.is_empty() {
        let text = match (&model.tickets.read, &model.tickets.failed) {
            (Some(_), _) => "no ticket is open".to_owned(),
            (None, Some(why)) => visible(why).into_owned(),
            (None, None) => "reading the open tickets and their customers…".to_owned(),
        };
        canvas.text(3, y, &text, Role::Dim);
        return;
    }
    let first = (at + 1).saturating_sub(usize::from(rows));
    for (row, (place, ticket)) in (0..rows).zip(all.iter().enumerate().skip(first)) {
        line(canvas, model, y + row, ticket, place == at, grid, now);
    }
}

fn line(
    canvas: &mut Canvas<'_>,
    model: &Model,
    y: u16,
    ticket: &Ticket,
    is_cursor: bool,
    grid: &Grid,
    now: Now,
) {
    let text = if is_cursor { Role::Strong } else { Role::Plain };
    if is_cursor {
        let x = grid.mark.saturating_sub(2);
        canvas.text(x.min(1), y, "►", Role::Strong);
    }
    let kind = mark(ticket);
    let (glyph, role) = glyph(kind);
    canvas.text(grid.mark, y, glyph, role);
    let room = grid.number.0.saturating_sub(grid.mark + 3);
    canvas.cell(grid.mark + 2, y, room, word(kind), text);
    let number = if ticket.number.is_empty() {
        "–"
    } else {
        &ticket.number
    };
    canvas.cell(grid.number.0, y, grid.number.1, &visible(number), text);
    let title = ticket.fault.as_ref().unwrap_or(&ticket.title);
    canvas.cell(grid.title.0, y, grid.title.1, &model.private(title), text);
    if let Some(customer) = &ticket.customer {
        let called = if customer.name.is_empty() {
            customer.id.to_string()
        } else {
            model.private(&customer.name).into_owned()
        };
        canvas.cell(grid.customer.0, y, grid.customer.1, &called, text);
        if let Some((x, columns)) = grid.key {
            canvas.cell(x, y, columns, &model.private(&customer.number), text);
        }
    }
    let opened = ticket
        .created
        .map_or_else(|| "–".to_owned(), |at| span(age(now.wall, at)));
    canvas.right(grid.opened, y, &opened, text);
}

/// What the mark means for the ticket, and what to do about it.
fn meaning(model: &Model, mark: Option<Mark>) -> (String, String) {
    let link = model.link();
    let called = |at: Option<usize>| {
        let instance = at.and_then(|at| model.state.instances.get(at));
        instance.map_or("?", |one| one.name.as_str()).to_owned()
    };
    let source = called(link.map(|link| link.source));
    let target = called(link.map(|link| link.target));
    let (here, there) = (place(&source), name(&target));
    let key = |action| model.key(action);
    let go = format!("{} both sides, then", key(ActionId::Open));
    match mark {
        Some(Mark::Refused) => (
            "Its ticket was REFUSED: the customer is not there, and could not be ensured."
                .to_owned(),
            format!(
                "{go} {}  ensure: the next ticket is accepted",
                key(ActionId::Ensure)
            ),
        ),
        Some(Mark::Stub) => (
            format!("The ticket is there; its customer is a STUB in {there}, its data is blank."),
            format!(
                "{go} {}  rehydrate: fill it from {here}",
                key(ActionId::Rehydrate)
            ),
        ),
        Some(Mark::Orphan) => (
            format!("Its customer came over the link, and is gone in {here}."),
            "deleted at the source: tandem deletes nothing; ask who owns it".to_owned(),
        ),
        Some(Mark::SourceUnreadable) => (
            format!(
                "{} could not be read: nobody can say how whole its customer is.",
                name(&source)
            ),
            format!("{} reads again", key(ActionId::Poll)),
        ),
        Some(Mark::Unknown) => (
            format!("{there} shows us no such customer, although the ticket names it."),
            "ask whether tandem may read it".to_owned(),
        ),
        Some(Mark::Local) => (
            format!("Its customer is {there}'s own: it has no original in {here}."),
            "nothing to do".to_owned(),
        ),
        Some(Mark::Whole) => (
            "Its customer is whole on both sides.".to_owned(),
            "nothing to do".to_owned(),
        ),
        None => (
            "It names no customer, or could not be read.".to_owned(),
            format!("{} reads again", key(ActionId::Poll)),
        ),
    }
}

fn detail(canvas: &mut Canvas<'_>, model: &Model, ticket: Option<&Ticket>, y: u16, now: Now) {
    let Some(ticket) = ticket else {
        let title = match &model.tickets.read {
            Some(_) => "no ticket",
            None => "no ticket was read",
        };
        canvas.rule(y, title, "");
        return;
    };
    let kind = mark(ticket);
    let (glyph, role) = glyph(kind);
    let number = if ticket.number.is_empty() {
        "a ticket that was not made"
    } else {
        &ticket.number
    };
    let hint = if ticket.customer.is_some() {
        format!("{} its customer on both sides", model.key(ActionId::Open))
    } else {
        String::new()
    };
    canvas.rule(y, &visible(number), &hint);
    let room = canvas.columns().saturating_sub(2);
    let (means, todo) = meaning(model, kind);
    let x = canvas.pieces(1, y + 1, &[(glyph, role), ("  ", role)]);
    canvas.cell(x, y + 1, room.saturating_sub(x), &means, Role::Strong);
    canvas.text(1, y + 2, "about", Role::Dim);
    let opened = ticket.created.map_or_else(String::new, |at| {
        format!("  opened {}", model.zone.short(at, now.wall))
    });
    let title = ticket.fault.as_ref().unwrap_or(&ticket.title);
    let kept = usize::from(room.saturating_sub(10)).saturating_sub(width(&opened));
    let about = format!("{}{opened}", fit(&model.private(title), kept));
    canvas.text(10, y + 2, &about, Role::Plain);
    canvas.text(1, y + 3, "customer", Role::Dim);
    if let Some(customer) = &ticket.customer {
        let parts = [
            &customer.name,
            &customer.number,
            &customer.telephone,
            &customer.email,
        ];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.map(|part| model.private(part).into_owned()).collect();
        let words = format!("{} {}", visible(&customer.table), parts.join(" · "));
        canvas.cell(10, y + 3, room.saturating_sub(9), &words, Role::Plain);
        canvas.text(1, y + 4, "id", Role::Dim);
        let x = canvas.text(10, y + 4, &customer.id.to_string(), Role::Plain);
        // Of a reference that was refused the title is the reason.
        let why = customer.why.as_ref();
        if let Some(why) = why.filter(|why| !title.contains(why.as_str())) {
            let room = canvas.columns().saturating_sub(x + 3);
            canvas.cell(x + 2, y + 4, room, &visible(why), Role::Care);
        }
    }
    canvas.text(1, y + 5, "do", Role::Dim);
    canvas.cell(10, y + 5, room.saturating_sub(9), &todo, Role::Plain);
}

/// `61 open on 40 stubs · 412 read`, for Pulse.
pub fn sums(read: &OpenTickets) -> Vec<String> {
    let stubs: std::collections::BTreeSet<_> = read
        .tickets
        .iter()
        .filter_map(|ticket| ticket.customer.as_ref())
        .filter(|customer| customer.mark == Mark::Stub)
        .map(|customer| customer.id)
        .collect();
    let on_stubs = read
        .tickets
        .iter()
        .filter(|one| mark(one) == Some(Mark::Stub));
    let more = if read.is_all { "" } else { "+" };
    let mut pieces = vec![match stubs.len() {
        0 => format!("{}{more} open, none on a stub", count(read.tickets.len())),
        n => format!("{} open on {}", count(on_stubs.count()), of_them(n, "stub")),
    }];
    if !read.refused.is_empty() {
        pieces.push(format!("{} refused", count(read.refused.len())));
    }
    pieces
}

/// One pane, where two have no room.
pub fn narrow(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let all = tickets(model);
    let at = model.tickets.at.min(all.len().saturating_sub(1));
    canvas.rule(0, "open tickets", &state(model, now).0);
    let grid = Grid::of(canvas.columns(), false);
    let rows = canvas.rows().saturating_sub(1);
    list(canvas, model, &all, at, (1, rows), &grid, now);
}
