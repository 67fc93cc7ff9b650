//! The record under the cursor: how it stands, why, what each verb would do about it, and the command line that does
//! the same. At 140 columns both sides stand below, column by column.

use crate::domain::drift::{ComparedColumn, Drift, Flag};
use crate::domain::operation::Verb;
use crate::domain::plan::Plan;
use crate::domain::row::Value;
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::engine::records::{Record, Sides};
use crate::engine::state::{InstanceState, TableState};
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{name, of_them, place, span, width, words, wrapped};
use crate::tui::layout::Arrangement;
use crate::tui::model::{Model, plan_of};
use crate::tui::theme::Role;
use crate::tui::view::records::{attempt, glyph};
use crate::tui::view::sides;

mod beside;
mod history;

pub use history::Past;

/// Draws the panel from its rule on.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, y: u16, now: Now) {
    let wide = Arrangement::of((canvas.columns(), canvas.rows())).is_wide();
    let Some(detail) = model
        .cursor_record()
        .and_then(|record| Detail::of(model, record, now))
    else {
        canvas.rule(y, "no record", "");
        return;
    };
    let record = detail.record;
    let parts = [model.private(&record.name), model.private(&record.number)];
    let parts: Vec<_> = parts.into_iter().filter(|text| !text.is_empty()).collect();
    let mut title = parts.join(" · ");
    let room = usize::from(canvas.columns()).saturating_sub(24 + width(detail.table.name.as_str()));
    if !wide && width(&title) > room {
        // What does not fit is left out whole: the list above has it.
        title = parts.first().map_or_else(String::new, ToString::to_string);
    }
    let rest = canvas.rows().saturating_sub(y + 3);
    if wide {
        let title = format!("{} · {title} · {}", detail.table.name, record.key.id);
        canvas.rule(y, &title, "Enter full screen");
        let mut part = canvas.part(0, y + 1, canvas.columns(), rest);
        detail.draw_wide(&mut part);
    } else {
        let title = format!("{title} · {}", detail.table.name);
        canvas.rule(y, &title, "Enter both sides");
        let mut part = canvas.part(0, y + 1, canvas.columns(), rest);
        detail.draw_small(&mut part);
    }
}

/// What the detail is made of.
pub struct Detail<'a> {
    model: &'a Model,
    record: &'a Record,
    sides: Sides,
    table: &'a TableState,
    source: &'a InstanceState,
    target: &'a InstanceState,
    now: Now,
}

impl<'a> Detail<'a> {
    /// The detail of a record, where its link is known.
    pub fn of(model: &'a Model, record: &'a Record, now: Now) -> Option<Self> {
        let link = model.state.link_of(record.key.table)?;
        Some(Self {
            model,
            record,
            sides: record.sides.open(),
            table: model.state.table(record.key.table)?,
            source: model.state.instances.get(link.source)?,
            target: model.state.instances.get(link.target)?,
            now,
        })
    }

    fn draw_small(&self, canvas: &mut Canvas<'_>) {
        self.first(canvas, 0);
        let columns = canvas.columns().saturating_sub(11);
        let room = usize::from(columns);
        let (label, named) = self.columns();
        let (key, deed) = self.best();
        let when = self.when();
        let mut lines = vec![
            ("why", self.why()),
            (label, words(&named, room)),
            ("do", format!("{key}{deed}")),
            ("when", when.clone().unwrap_or_else(|| self.by_default())),
            ("command", self.command()),
        ];
        // One row more than the lines need is had by leaving out what goes without saying.
        let needed: usize = lines
            .iter()
            .map(|(_, text)| wrapped(text, room).len())
            .sum();
        let rows = usize::from(canvas.rows().saturating_sub(2));
        if needed > rows && when.is_none() {
            lines.retain(|(label, _)| *label != "when");
        }
        let mut spare = rows.saturating_sub(lines.len());
        let mut y = 1;
        for (label, text) in &lines {
            let wanted = wrapped(text, room).len().max(1);
            let taken = wanted.min(1 + spare);
            spare -= taken - 1;
            let taken = u16::try_from(taken).unwrap_or(1);
            canvas.text(1, y, label, Role::Dim);
            canvas.flow((10, y), (columns, taken), text, Role::Plain);
            y += taken;
        }
        let y = canvas.rows().saturating_sub(1);
        let x = Self::line(canvas, y, 10, "id", &self.record.key.id.to_string());
        let (text, role) = attempt(self.model, self.record, self.now, true);
        let room = canvas.columns().saturating_sub(x + 3);
        if self.record.last.is_some() || self.record.under_way.is_some() {
            canvas.cell(x + 2, y, room, &text, role);
        }
    }

    fn draw_wide(&self, canvas: &mut Canvas<'_>) {
        self.first(canvas, 0);
        Self::line(canvas, 1, 10, "why", &self.why());
        canvas.text(1, 2, "do", Role::Plain);
        let deeds = [Verb::Ensure, Verb::Sync, Verb::Rehydrate].map(|verb| self.deed(verb));
        for (row, (key, deed)) in (2..).zip(&deeds) {
            canvas.pieces(10, row, &[(key, Role::Strong), (deed, Role::Plain)]);
        }
        let last = canvas.rows();
        let sides = last.saturating_sub(10);
        let beside = sides::beside(canvas.columns());
        self.beside(&mut canvas.part(beside, 6, canvas.columns(), sides));
        let mut part = canvas.part(0, 6, beside, sides);
        sides::columns(
            &mut part,
            self.model,
            self.record,
            0,
            self.now,
            sides::Shape::Detail,
        );
        let y = last.saturating_sub(3);
        let when = self.when().unwrap_or_else(|| self.by_default());
        Self::line(canvas, y, 10, "when", &when);
        Self::line(canvas, y + 1, 10, "command", &self.command());
        let (text, role) = attempt(self.model, self.record, self.now, true);
        canvas.text(1, y + 2, "attempt", Role::Plain);
        canvas.text(10, y + 2, &text, role);
    }

    fn line(canvas: &mut Canvas<'_>, y: u16, x: u16, label: &str, text: &str) -> u16 {
        canvas.text(1, y, label, Role::Dim);
        let room = canvas.columns().saturating_sub(x + 1);
        canvas.cell(x, y, room, text, Role::Plain)
    }

    /// The line that answers a caller.
    pub fn first(&self, canvas: &mut Canvas<'_>, y: u16) {
        let (glyph, role) = glyph(self.record.drift);
        let target = name(&self.target.name);
        let drift = self.record.drift;
        let word = drift.word().to_uppercase();
        let lasted = self
            .record
            .since
            .map(|since| span(age(self.now.wall, since)));
        let text = match (drift, lasted) {
            (Drift::InSync, _) => format!("{word}: both sides are equal"),
            (Drift::Missing | Drift::Stub | Drift::Stale, Some(lasted)) => {
                format!("{word} in {target} for {lasted}")
            }
            (Drift::DeletedInTarget, _) => format!("DELETED in {target}"),
            (Drift::Diverged, Some(lasted)) => format!("{word} for {lasted}"),
            _ => format!("{word} in {target}"),
        };
        let role_of_word = if drift == Drift::InSync {
            Role::Plain
        } else {
            role
        };
        let x = canvas.pieces(1, y, &[(glyph, role), (" ", role), (&text, role_of_word)]);
        let room = canvas.columns().saturating_sub(x + 4);
        canvas.cell(x + 3, y, room, self.meaning(), Role::Plain);
    }

    /// Whether a ticket can name it, as far as is known.
    fn is_a_customer(&self) -> bool {
        let state = &self.model.state;
        let kind = state.kind(self.record.key.table);
        let ensuring = state.links.get(self.model.link);
        let ensuring = ensuring.and_then(|link| link.ensuring.as_ref());
        ensuring.is_none_or(|one| one.tables.iter().any(|name| name == kind))
    }

    fn meaning(&self) -> &'static str {
        match self.record.flag() {
            Some(Flag::Parked) => {
                return "Parked: the sync leaves it alone until its source changes.";
            }
            Some(Flag::LeftOut) => return "The last good sync run did not bring it over.",
            None => {}
        }
        match self.record.drift {
            Drift::Missing => match self.model.state.accepts_missing(self.model.link) {
                _ if !self.is_a_customer() => "",
                Some(true) => "A ticket for it is accepted, as a stub.",
                Some(false) => "A ticket for it is REFUSED.",
                None => "A ticket for it is refused, unless a hook or plug-in ensures it.",
            },
            Drift::Stub => "Tickets can name it; its data is blank there.",
            Drift::Stale => "Tickets can name it; its data is old there.",
            Drift::Diverged => "Tickets can name it. Sync leaves it alone.",
            Drift::DeletedInTarget => "A ticket for it is refused. Sync leaves it alone.",
            Drift::Kept => "Tickets can name it. It differs on purpose.",
            Drift::Duplicate => "One key, two rows: never written.",
            Drift::Orphan => "Deleted at the source; tandem deletes nothing.",
            Drift::Unknown => "It could not be read.",
            Drift::Local => "The target's own.",
            Drift::InSync => "",
        }
    }

    /// Why it stands so, as far as both sides tell.
    pub fn why(&self) -> String {
        let sides = &self.sides;
        if !sides.are_read() {
            return "So the agent has seen it; Enter reads both sides here.".to_owned();
        }
        let (source, target) = (sides.source.row(), sides.target.row());
        let (here, there) = (place(&self.source.name), name(&self.target.name));
        let when = |row: Option<&crate::domain::row::Row>| {
            row.and_then(|row| row.modified_on).map_or_else(
                || "at a time not known".to_owned(),
                |at| self.model.zone.stamp(at, self.now.wall),
            )
        };
        let by = |row: Option<&crate::domain::row::Row>| {
            row.and_then(|row| row.modified_by.as_ref())
                .and_then(|by| by.name.as_deref())
                .map_or_else(
                    || "Someone".to_owned(),
                    |by| self.model.private(by).into_owned(),
                )
        };
        let is_parked = self.record.flag() == Some(Flag::Parked);
        if let Some(why) = self.record.parked.as_ref().filter(|_| is_parked) {
            return format!("{there} refused it: {}; T tries it again.", visible(why));
        }
        match self.record.drift {
            Drift::Missing => format!(
                "Last changed in {here} {}; {there} has no such row.",
                when(source)
            ),
            Drift::Stub => format!(
                "{} in {there}, {}, by {}.",
                self.what_was_set(),
                when(target),
                by(target)
            ),
            Drift::Stale => format!(
                "Changed in {here} {}; {there} was last changed {}.",
                when(source),
                when(target)
            ),
            Drift::Diverged => {
                let guess = if self.record.is_guess {
                    ", as the two clocks tell"
                } else {
                    ""
                };
                format!(
                    "{} edited it in {there}, {}{guess}.",
                    by(target),
                    when(target)
                )
            }
            Drift::Kept => {
                format!("A person chose to keep what {there} has; neither side changed since.")
            }
            Drift::DeletedInTarget => {
                format!("{there} had it, and it was deleted there; {here} still has it.")
            }
            Drift::Duplicate => match self.record.other {
                Some(other) => format!(
                    "{} stands on another row as well: {other}",
                    self.model.private(&self.record.number)
                ),
                None => "its key stands on another row as well".to_owned(),
            },
            Drift::Orphan => format!("It came over the link, and {here} has it no more."),
            Drift::Unknown => match (&sides.source, &sides.target) {
                (crate::domain::drift::Side::Unreadable(why), _)
                | (_, crate::domain::drift::Side::Unreadable(why)) => visible(why).into_owned(),
                _ => "the last read failed".to_owned(),
            },
            Drift::Local => format!("Created in {there} by its own people."),
            Drift::InSync => match &self.record.last {
                Some(last) => format!("{} {} ago.", last.verb, span(self.now.since(last.at))),
                None => "Seen equal at the last look.".to_owned(),
            },
        }
    }

    /// What a stub holds, in words.
    fn what_was_set(&self) -> &'static str {
        let rules = &self.table.rules;
        let Some(row) = self.sides.target.row() else {
            return "It was made";
        };
        let holds = |wanted: fn(&ComparedColumn) -> bool| {
            let mut columns = rules.columns.iter().enumerate();
            columns.any(|(at, column)| wanted(column) && !rules.is_blank(row, at))
        };
        let has_placeholder = row
            .values
            .iter()
            .any(|value| matches!(value, Value::Text(text) if rules.placeholder.matches(text)));
        match (holds(|one| one.stub), holds(|one| one.key)) {
            (true, true) => "Only its name and key were set",
            (true, false) => "Only its name was set",
            (false, true) if has_placeholder => "Only its key and a placeholder name were set",
            (false, true) => "Only its key was set",
            (false, false) if has_placeholder => "Only a placeholder name was set",
            (false, false) => "Nothing but its id was set",
        }
    }

    /// Which columns it is about.
    fn columns(&self) -> (&'static str, Vec<&str>) {
        let rules = &self.table.rules;
        let sides = &self.sides;
        let named = |place: &usize| rules.columns.get(*place).map(|column| column.name.as_str());
        match (self.record.drift, sides.source.row(), sides.target.row()) {
            (Drift::Stub, Some(_), Some(target)) => {
                let blank = sides.differing.iter();
                let blank = blank.filter(|place| rules.is_blank(target, **place));
                ("blank", blank.filter_map(named).collect())
            }
            (_, Some(_), Some(_)) => (
                "differs",
                sides.differing.iter().filter_map(named).collect(),
            ),
            (_, Some(row), None) | (_, None, Some(row)) => {
                let filled = (0..rules.columns.len()).filter(|at| !rules.is_blank(row, *at));
                let places: Vec<usize> = filled.collect();
                ("holds", places.iter().filter_map(named).collect())
            }
            (_, None, None) => ("holds", Vec::new()),
        }
    }

    /// The verb that mends it, or why none does.
    fn best(&self) -> (String, String) {
        if !self.sides.are_read() {
            let words = "E, T and H read both sides first".to_owned();
            return ("·  ".to_owned(), words);
        }
        let plan = |verb| plan_of(&self.model.state, self.record, verb);
        if self.is_chosen_by_a_person() {
            return self.choice();
        }
        let verb = match self.record.drift {
            Drift::Missing if plan(Verb::Sync).is_write() => {
                let bare = of_them(plan(Verb::Ensure).columns().len(), "column");
                let whole = of_them(plan(Verb::Sync).columns().len(), "column");
                let words = format!(
                    "create it with {bare} · {}  create it with {whole}",
                    self.model.key(ActionId::Sync)
                );
                return (format!("{}  ", self.model.key(ActionId::Ensure)), words);
            }
            Drift::Stub | Drift::Stale => Verb::Rehydrate,
            Drift::Missing
            | Drift::Diverged
            | Drift::DeletedInTarget
            | Drift::Kept
            | Drift::InSync
            | Drift::Duplicate
            | Drift::Orphan
            | Drift::Unknown
            | Drift::Local => Verb::Sync,
        };
        match plan(verb) {
            Plan::Refuse(why) | Plan::Nothing(why) => ("·  ".to_owned(), why.to_owned()),
            Plan::Create(_) | Plan::Fill { .. } | Plan::Keep => self.deed(verb),
        }
    }

    /// Whether `H` asks whose values stand in it.
    pub fn is_chosen_by_a_person(&self) -> bool {
        let is_held = matches!(
            self.record.drift,
            Drift::Diverged | Drift::Kept | Drift::DeletedInTarget
        );
        let fills = plan_of(&self.model.state, self.record, Verb::Rehydrate).is_write();
        is_held && self.sides.are_read() && !fills
    }

    /// How many columns its table has on the link.
    pub fn columns_in_all(&self) -> usize {
        self.table.rules.columns.len()
    }

    /// The source as a place, and the target's name.
    pub fn places(&self) -> (String, String) {
        (place(&self.source.name), name(&self.target.name))
    }

    fn choice(&self) -> (String, String) {
        let (here, there) = self.places();
        let words = if self.record.drift == Drift::DeletedInTarget {
            format!("choose: make it anew from {here}, or leave it deleted")
        } else {
            format!("choose: fill blanks, take {here}, keep {there}, or column by column")
        };
        (format!("{}  ", self.model.key(ActionId::Rehydrate)), words)
    }

    /// What a verb would do, in words; no key where it would do nothing.
    pub fn deed(&self, verb: Verb) -> (String, String) {
        let (key, called) = match verb {
            Verb::Ensure => (self.model.key(ActionId::Ensure), "ensure"),
            Verb::Sync => (self.model.key(ActionId::Sync), "sync"),
            Verb::Rehydrate => (self.model.key(ActionId::Rehydrate), "rehydrate"),
            // Decided on the command line; no key does it.
            Verb::FillBlanks
            | Verb::TakeSource
            | Verb::KeepTarget
            | Verb::Rerun
            | Verb::Cancel
            | Verb::Resume
            | Verb::End
            | Verb::Pause => ("·".to_owned(), verb.word()),
        };
        let there = name(&self.target.name);
        let here = place(&self.source.name);
        if !self.sides.are_read() {
            let words = format!("{called}: reads both sides first");
            return (format!("{key}  "), words);
        }
        if verb == Verb::Rehydrate && self.is_chosen_by_a_person() {
            return self.choice();
        }
        match plan_of(&self.model.state, self.record, verb) {
            Plan::Keep => (format!("{key}  "), format!("{called}: nothing is written")),
            Plan::Create(columns) => (
                format!("{key}  "),
                format!(
                    "{called}: create it in {there} with {}",
                    of_them(columns.len(), "column")
                ),
            ),
            Plan::Fill {
                columns,
                overwrites,
                ..
            } => {
                let over = match overwrites {
                    0 => "none is overwritten".to_owned(),
                    n => format!("{} overwritten", of_them(n, "value")),
                };
                (
                    format!("{key}  "),
                    format!(
                        "{called}: fill {} from {here}; {over}",
                        of_them(columns.len(), "column")
                    ),
                )
            }
            Plan::Nothing(why) => (
                "·  ".to_owned(),
                format!("{key} {called}: nothing to do, {why}"),
            ),
            Plan::Refuse(why) => ("·  ".to_owned(), format!("{key} {called}: {why}")),
        }
    }

    /// What a verb would have to wait for, or why it would be refused.
    fn when(&self) -> Option<String> {
        let there = name(&self.target.name);
        if self.target.forced().is_some() {
            let key = self.model.key(ActionId::Breaker);
            return Some(format!(
                "all calls to {there} are stopped: {key}, then l releases"
            ));
        }
        (!self.target.is_writable())
            .then(|| format!("{there} takes no writes now: a verb would wait until it does"))
    }

    /// When a verb is carried out where nothing keeps it up.
    fn by_default(&self) -> String {
        if self.model.is_armed(self.now) {
            "now".to_owned()
        } else {
            "read-only: the verb asks to arm first, then goes on".to_owned()
        }
    }

    /// The command line that does the same.
    pub fn command(&self) -> String {
        let verb = match self.record.drift {
            Drift::Missing => Verb::Ensure,
            Drift::Stub | Drift::Stale => Verb::Rehydrate,
            Drift::Diverged | Drift::Kept | Drift::DeletedInTarget => {
                // Filling blanks where there are none would settle nothing.
                let fills = plan_of(&self.model.state, self.record, Verb::FillBlanks).is_write();
                let take = match self.record.drift {
                    Drift::DeletedInTarget => "source",
                    Drift::Diverged if !fills => "target",
                    Drift::Kept if !fills => "source",
                    _ => "blanks",
                };
                let named = self.named();
                return format!("tandem resolve {} {named} --take {take}", self.table.name);
            }
            _ => return format!("tandem records --table {} --json", self.table.name),
        };
        let named = self.named();
        let wait = if self.target.is_writable() {
            ""
        } else {
            " --wait"
        };
        format!("tandem {verb} {} {named}{wait}", self.table.name)
    }

    /// The record as a command line names it: by its key where that is plain, else by its id.
    fn named(&self) -> String {
        let row = self.sides.source.row();
        let keys: Vec<(usize, &ComparedColumn)> = self
            .table
            .rules
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.key)
            .collect();
        let named = match (keys.as_slice(), row) {
            ([(at, column)], Some(row)) => row
                .values
                .get(*at)
                .map(ToString::to_string)
                .filter(|value| is_plain(value))
                .map(|value| format!("{}={value}", column.name)),
            _ => None,
        };
        named
            .filter(|_| !self.model.is_masked)
            .unwrap_or_else(|| self.record.key.id.to_string())
    }
}

/// Whether a shell takes a text as it is.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@'))
}
