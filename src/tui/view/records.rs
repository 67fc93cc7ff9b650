//! The Records view: facets, the list, and the detail that follows the cursor. Only the rows on screen are looked at.

use crate::domain::drift::{Drift, Flag};
use crate::domain::operation::Stage;
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::records::Record;
use crate::tui::canvas::Canvas;
use crate::tui::cause::{self, Cause, Outage};
use crate::tui::format::{count, fit, span, width};
use crate::tui::layout::{self, Arrangement};
use crate::tui::model::Model;
use crate::tui::order::Sort;
use crate::tui::theme::Role;
use crate::tui::update::facets as count_drifts;
use crate::tui::view::detail;

/// Draws the view.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, now: Now) {
    let size = (canvas.columns(), canvas.rows());
    let wide = Arrangement::of(size).is_wide();
    let rows = layout::records(size);
    let view = List {
        model,
        now,
        wide,
        outage: cause::outage(&model.state, model.link),
        columns: Columns::of(canvas.columns(), wide, has_tickets(model, wide)),
    };
    view.facets(canvas, rows.facets, rows.shown);
    view.head(canvas, rows.facets + 1);
    view.rows(canvas, rows.list, rows.shown);
    if wide {
        let last = canvas.columns().saturating_sub(2);
        canvas.right(last, rows.detail - 1, &view.shown(rows.shown), Role::Dim);
    }
    detail::draw(canvas, model, rows.detail, now);
}

/// Glyph and role of a drift.
pub fn glyph(drift: Drift) -> (&'static str, Role) {
    match drift {
        Drift::Missing => ("○", Role::Bad),
        Drift::Stub => ("□", Role::Care),
        Drift::Stale => ("≈", Role::Care),
        Drift::Diverged => ("≠", Role::Plain),
        Drift::Kept => ("=", Role::Dim),
        Drift::DeletedInTarget => ("⊘", Role::Plain),
        Drift::Duplicate => ("≡", Role::Plain),
        Drift::Orphan => ("◊", Role::Plain),
        Drift::Unknown => ("?", Role::Care),
        Drift::Local => ("·", Role::Dim),
        Drift::InSync => ("●", Role::Good),
    }
}

/// Glyph and role of a stage.
pub fn stage_glyph(stage: &Stage) -> (&'static str, Role) {
    match stage {
        Stage::Accepted => ("·", Role::Plain),
        Stage::Intended | Stage::Applied => ("»", Role::Plain),
        Stage::Verified | Stage::Unchanged(_) => ("√", Role::Good),
        Stage::Altered(_) => ("√", Role::Care),
        Stage::Held(_) => ("≠", Role::Care),
        Stage::Refused(_) => ("×", Role::Bad),
        Stage::Unknown(_) => ("?", Role::Care),
        Stage::Abandoned(_) => ("·", Role::Dim),
    }
}

/// Whether the list tells how many tickets name a record: once they were read, and, where there is no room for both, unless
/// it is sorted by what else would stand there.
fn has_tickets(model: &Model, wide: bool) -> bool {
    let else_wanted = matches!(model.records.sort, Sort::Attempt | Sort::Cause);
    model.tickets.read.is_some() && (wide || !else_wanted)
}

/// Where the list's columns begin, how wide they are, where the figures end.
struct Columns {
    cursor: u16,
    mark: u16,
    glyph: u16,
    drift: u16,
    table: u16,
    name: (u16, u16),
    key: (u16, u16),
    id: Option<u16>,
    pending: u16,
    tickets: Option<u16>,
    last: Last,
}

/// What stands at the end of a row, and where.
#[derive(Clone, Copy)]
enum Last {
    /// What was last tried, or the cause, in words.
    Words(u16),
    /// The glyph of what was last tried; its words stand in the detail.
    Glyph(u16),
}

impl Columns {
    fn of(columns: u16, wide: bool, has_tickets: bool) -> Self {
        if wide {
            return Self {
                cursor: 1,
                mark: 2,
                glyph: 4,
                drift: 6,
                table: 15,
                name: (24, 27),
                key: (52, 19),
                id: Some(72),
                pending: 90,
                tickets: has_tickets.then_some(99),
                last: Last::Words(if has_tickets { 102 } else { 93 }),
            };
        }
        // What 80 columns leave over goes to the name, then to the key.
        let spare = columns.saturating_sub(80);
        let name = 22 + spare.min(18);
        let key = 13 + spare.saturating_sub(18).min(16);
        let key_at = 23 + name + 1;
        let (key, pending, tickets, last) = if has_tickets {
            let key = key + 3;
            let pending = key_at + key + 6;
            (key, pending, Some(pending + 10), Last::Glyph(pending + 2))
        } else {
            let pending = key_at + key + 6;
            (key, pending, None, Last::Words(pending + 2))
        };
        Self {
            cursor: 0,
            mark: 1,
            glyph: 3,
            drift: 5,
            table: 14,
            name: (23, name),
            key: (key_at, key),
            id: None,
            pending,
            tickets,
            last,
        }
    }
}

/// So much of a filter is shown before a facet that is not chosen.
const LEAST_FILTER: usize = 20;

/// One facet of the list, or a flag.
struct Token {
    glyph: &'static str,
    text: String,
    role: Role,
    drift: Option<Drift>,
}

impl Token {
    /// Whether it is the one that is listed.
    fn is(&self, chosen: Option<Drift>) -> bool {
        self.drift == chosen && self.glyph != "!"
    }

    fn wide(&self, chosen: Option<Drift>) -> usize {
        width(self.glyph) + width(&self.text) + if self.is(chosen) { 2 } else { 0 }
    }
}

struct List<'a> {
    model: &'a Model,
    now: Now,
    wide: bool,
    outage: Option<Outage>,
    columns: Columns,
}

impl List<'_> {
    fn matched(&self) -> usize {
        self.model.records.order.slots.len()
    }

    /// `9 of 40`.
    fn shown(&self, rows: u16) -> String {
        let matched = self.matched();
        let shown = matched
            .saturating_sub(self.model.records.top)
            .min(usize::from(rows));
        format!("{} of {}", count(shown), count(matched))
    }

    fn facets(&self, canvas: &mut Canvas<'_>, y: u16, rows: u16) {
        let gap = if self.wide { 3 } else { 2 };
        let chosen = self.model.records.drift;
        let (filter, rest) = self.right_of_facets(rows);
        let last = canvas.columns().saturating_sub(2);
        let mut tokens = self.tokens(self.wide);
        // What is asked for is told before what else there would be: `[` and `]` go on to that all the same.
        let room = usize::from(last).saturating_sub(1);
        let wide = |tokens: &[Token]| -> usize {
            let tokens = tokens.iter();
            tokens.map(|one| one.wide(chosen) + usize::from(gap)).sum()
        };
        // That there is no filter goes without saying.
        let filter = if self.is_filtered() || wide(&tokens) + width(&rest) + 7 <= room {
            filter
        } else {
            String::new()
        };
        let needed = width(&filter).min(LEAST_FILTER) + width(&rest) + 3;
        if wide(&tokens) + needed > room {
            tokens = self.tokens(false);
        }
        if wide(&tokens) + needed > room && self.is_filtered() {
            tokens.retain(|one| one.drift.is_none_or(|drift| Some(drift) == chosen));
        }
        if wide(&tokens) + needed > room && self.is_filtered() {
            tokens.retain(|one| one.role != Role::Care || one.drift.is_some());
        }
        let mut x = 1;
        for one in &tokens {
            x = token(canvas, x, y, one.glyph, &one.text, one.role, one.is(chosen)) + gap;
        }
        let room = usize::from((last + 1).saturating_sub(x));
        let filter = fit(&filter, room.saturating_sub(width(&rest) + 3));
        let records = &self.model.records;
        let caret = if records.typing { " " } else { "" };
        let slash = if filter.is_empty() && !records.typing {
            ""
        } else {
            "/ "
        };
        let wide = width(&filter) + width(&rest) + slash.len() + caret.len();
        let Some(at) = (last + 1).checked_sub(u16::try_from(wide).unwrap_or(u16::MAX)) else {
            return;
        };
        if at + 1 < x {
            return;
        }
        let role = if self.is_filtered() {
            Role::Care
        } else {
            Role::Dim
        };
        let at = canvas.pieces(
            at,
            y,
            &[(slash, role), (&filter, role), (caret, Role::Caret)],
        );
        let rest = if slash.is_empty() {
            rest.trim_start_matches(" · ").to_owned()
        } else {
            rest
        };
        let hidden = if records.hidden > 0 {
            Role::Bad
        } else {
            Role::Dim
        };
        canvas.text(at, y, &rest, hidden);
    }

    /// All, each drift that there is, and the flags.
    fn tokens(&self, with_words: bool) -> Vec<Token> {
        let chosen = self.model.records.drift;
        let counts = count_drifts(self.model);
        let all: usize = counts.iter().map(|(_, n)| n).sum();
        let mut tokens = vec![Token {
            glyph: "",
            text: format!("all {}", count(all)),
            role: Role::Plain,
            drift: None,
        }];
        tokens.extend(counts.into_iter().map(|(drift, n)| {
            let (glyph, role) = glyph(drift);
            let text = if with_words || chosen == Some(drift) {
                format!(" {} {}", drift.word(), count(n))
            } else {
                format!(" {}", count(n))
            };
            Token {
                glyph,
                text,
                role,
                drift: Some(drift),
            }
        }));
        let flags =
            Flag::ALL.map(|flag| (flag, self.model.state.flagged_on(self.model.link, flag)));
        let flags = flags.into_iter().filter(|(_, n)| *n > 0);
        tokens.extend(flags.map(|(flag, n)| Token {
            glyph: "!",
            text: format!(" {} {flag}", count(n)),
            role: Role::Care,
            drift: None,
        }));
        tokens
    }

    fn is_filtered(&self) -> bool {
        let records = &self.model.records;
        records.typing || !records.filter.value().is_empty()
    }

    /// The filter; and how many are shown, and the marks.
    fn right_of_facets(&self, rows: u16) -> (String, String) {
        let records = &self.model.records;
        let marked = records.marks.len();
        let hidden = records.hidden;
        let mut rest = String::new();
        if self.wide {
            rest.extend([format!(" · {}", records.sort.words())]);
        } else {
            rest.extend([format!(" · {}", self.shown(rows))]);
        }
        if self.is_sorting() {
            rest.push_str(" · sorting…");
        }
        if marked > 0 {
            if self.wide {
                rest.extend([format!(
                    " · {} marked, {} hidden",
                    count(marked),
                    count(hidden)
                )]);
            } else {
                rest.extend([format!(" · ■ {}", count(marked))]);
                if hidden > 0 {
                    rest.extend([format!(", {} hidden", count(hidden))]);
                }
            }
        }
        let filter = if self.is_filtered() {
            visible(records.filter.value()).into_owned()
        } else {
            "none".to_owned()
        };
        (filter, rest)
    }

    fn is_sorting(&self) -> bool {
        self.model.records.asked > self.model.records.order.number
    }

    fn head(&self, canvas: &mut Canvas<'_>, y: u16) {
        let c = &self.columns;
        let sorted = |sort: Sort, head: &str| {
            if self.model.records.sort == sort {
                format!("{head} ▼")
            } else {
                head.to_owned()
            }
        };
        canvas.text(c.drift, y, &sorted(Sort::Worst, "drift"), Role::Dim);
        canvas.text(c.table, y, "table", Role::Dim);
        canvas.text(c.name.0, y, &sorted(Sort::Name, "name"), Role::Dim);
        canvas.text(c.key.0, y, "key", Role::Dim);
        if let Some(id) = c.id {
            canvas.text(id, y, "id", Role::Dim);
        }
        let pending = sorted(Sort::Oldest, "pending");
        canvas.right(c.pending, y, pending.trim_end(), Role::Dim);
        if let Some(tickets) = c.tickets {
            let head = sorted(Sort::Tickets, "tickets");
            canvas.right(tickets, y, head.trim_end(), Role::Dim);
        }
        let Last::Words(x) = c.last else { return };
        let last = match (self.by_cause(), self.wide) {
            (true, _) => sorted(Sort::Cause, "cause"),
            (false, true) => sorted(Sort::Attempt, "last attempt"),
            (false, false) => sorted(Sort::Attempt, "attempt"),
        };
        canvas.text(x, y, &last, Role::Dim);
    }

    fn rows(&self, canvas: &mut Canvas<'_>, y: u16, rows: u16) {
        if self.matched() == 0 {
            let text = if self.model.records.filter.value().is_empty() {
                "nothing is out of step here"
            } else {
                "nothing fits the filter; Esc takes it off"
            };
            canvas.text(self.columns.drift, y, text, Role::Dim);
            return;
        }
        for (row, place) in (0..rows).zip(self.model.records.top..) {
            let Some(record) = self.model.record_at(place) else {
                return;
            };
            self.row(canvas, y + row, place, record);
        }
    }

    fn row(&self, canvas: &mut Canvas<'_>, y: u16, place: usize, record: &Record) {
        let c = &self.columns;
        let list = &self.model.records;
        let is_cursor = place == list.at;
        let text = if is_cursor { Role::Strong } else { Role::Plain };
        if is_cursor {
            canvas.text(c.cursor, y, "►", Role::Strong);
        }
        if list.marks.contains(&record.key) {
            canvas.text(c.mark, y, "■", Role::Strong);
        } else if list.anchor == Some(record.key) {
            canvas.text(c.mark, y, "┌", Role::Strong);
        }
        let (glyph, role) = glyph(record.drift);
        canvas.text(c.glyph, y, glyph, role);
        canvas.cell(c.drift, y, 8, record.drift.word(), text);
        let table = self.model.state.table(record.key.table);
        let table = table.map_or("?", |table| table.name.as_str());
        canvas.cell(c.table, y, 8, table, text);
        canvas.cell(
            c.name.0,
            y,
            c.name.1,
            &self.model.private(&record.name),
            text,
        );
        canvas.cell(
            c.key.0,
            y,
            c.key.1,
            &self.model.private(&record.number),
            text,
        );
        if let Some(id) = c.id {
            canvas.text(id, y, &format!("{}…", record.key.id.short()), text);
        }
        let pending = match record.since {
            Some(since) if record.drift.is_pending() => span(age(self.now.wall, since)),
            _ => "–".to_owned(),
        };
        canvas.right(c.pending, y, &pending, text);
        if let Some(last) = c.tickets {
            let open = self.model.tickets.counts.get(&record.key).copied();
            let is_missing = record.drift == Drift::Missing;
            let (words, role) = match (open, self.model.state.accepts(record.key.table)) {
                (_, Some(false)) if is_missing => ("refused".to_owned(), Role::Bad),
                (_, Some(true)) if is_missing => ("as stub".to_owned(), text),
                (Some(n), _) => (format!("{} open", count(n)), text),
                (None, _) => ("–".to_owned(), text),
            };
            canvas.right(last, y, &words, role);
        }
        self.attempt(canvas, y, record);
    }

    fn attempt(&self, canvas: &mut Canvas<'_>, y: u16, record: &Record) {
        let x = match self.columns.last {
            Last::Words(x) => x,
            Last::Glyph(x) => {
                let (text, role) = attempt(self.model, record, self.now, false);
                let glyph: String = text.chars().take(1).collect();
                canvas.text(x, y, &glyph, role);
                return;
            }
        };
        let room = canvas.columns().saturating_sub(x + 1);
        let (text, role) = if self.by_cause() {
            let cause = Cause::of(record, self.outage);
            let words = if self.wide {
                cause.words()
            } else {
                cause.word()
            };
            (words.to_owned(), Role::Plain)
        } else {
            attempt(self.model, record, self.now, self.wide)
        };
        canvas.cell(x, y, room, &text, role);
    }

    /// Whether the list stands in groups by why its records are out of step.
    fn by_cause(&self) -> bool {
        self.model.records.sort == Sort::Cause
    }
}

/// `left out by sync run 04:08`.
fn left_out(model: &Model, record: &Record, now: Now) -> String {
    let link = model.state.link_of(record.key.table);
    let began = link.and_then(|link| link.sync.last_success_began);
    let began = began.map_or_else(String::new, |at| model.zone.short(at, now.wall));
    format!("left out by sync run {began}")
}

/// The flag beside a record's drift, in a few words or in one.
fn flagged(model: &Model, record: &Record, now: Now, long: bool) -> Option<(String, Role)> {
    let flag = record.flag()?;
    Some(match (flag, &record.parked) {
        (Flag::Parked, Some(why)) if long => (format!("× parked: {}", visible(why)), Role::Bad),
        (Flag::Parked, _) => (format!("× {flag}"), Role::Bad),
        (Flag::LeftOut, _) if long => (left_out(model, record, now), Role::Care),
        (Flag::LeftOut, _) => (format!("! {flag}"), Role::Care),
    })
}

/// What was last tried on a record, in a few words, or in one.
pub fn attempt(model: &Model, record: &Record, now: Now, long: bool) -> (String, Role) {
    if let Some(operation) = record.under_way.and_then(|id| model.state.operation(id)) {
        return match &operation.waiting {
            Some(waiting) if long => (format!("· waiting: {}", visible(&waiting.why)), Role::Care),
            Some(_) => ("· waiting".to_owned(), Role::Care),
            None if long => (
                format!("» {} under way", operation.request.verb),
                Role::Plain,
            ),
            None => ("» under way".to_owned(), Role::Plain),
        };
    }
    let Some(last) = &record.last else {
        if let Some((text, role)) = flagged(model, record, now, long) {
            return (text, role);
        }
        let settle = model
            .state
            .link_of(record.key.table)
            .map(|link| link.schedule.settle);
        if settle.is_some_and(|settle| record.is_in_flight(settle, now.wall)) {
            let text = if long {
                "» in flight: only just changed"
            } else {
                "» in flight"
            };
            return (text.to_owned(), Role::Dim);
        }
        return (if long { "none" } else { "" }.to_owned(), Role::Dim);
    };
    let (glyph, role) = stage_glyph(&last.stage);
    let word = match last.stage {
        Stage::Unchanged(_) => "in step",
        _ => last.stage.word(),
    };
    if !long {
        return (format!("{glyph} {word}"), role);
    }
    let text = match last.stage.reason() {
        None => format!("{glyph} {word} {} ago", span(now.since(last.at))),
        Some(why) => {
            let at = model.zone.short(last.at.wall, now.wall);
            format!("{glyph} {at} {}", visible(why))
        }
    };
    (text, role)
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
    if is_chosen {
        let pieces = [
            ("[", Role::Strong),
            (glyph, role),
            (text, Role::Strong),
            ("]", Role::Strong),
        ];
        canvas.pieces(x, y, &pieces)
    } else {
        canvas.pieces(x, y, &[(glyph, role), (text, Role::Plain)])
    }
}
