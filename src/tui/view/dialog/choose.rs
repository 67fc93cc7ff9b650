//! What can be done about a record that was edited in the target: a person chooses whose values stand.

use super::{Line, boxed, target_band};
use crate::domain::plan::Plan;
use crate::domain::time::Now;
use crate::engine::records::Record;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{fit, name, of_them, place};
use crate::tui::model::{ChooseDialog, Model, Picking, Screen, plan_of};
use crate::tui::theme::Role;
use crate::tui::view::detail::Detail;

/// Draws the dialog.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &ChooseDialog) {
    let Some(record) = model.record(dialog.key) else {
        return;
    };
    let Some(link) = model.state.link_of(dialog.key.table) else {
        return;
    };
    let called = |at: usize| model.state.instances.get(at).map_or("?", |one| &one.name);
    let (here, there) = (place(called(link.source)), name(called(link.target)));
    let mut lines = vec![
        Line::empty(),
        Line::of(
            model.state.kind(dialog.key.table),
            model.private(&record.name),
        )
        .role(Role::Strong),
        Line::of("id", dialog.key.id.to_string()).role(Role::Strong),
        Line::empty(),
    ];
    for choice in choices(model, record, (&here, &there)) {
        lines.push(
            Line::of("", choice.text)
                .at(3)
                .role(choice.role)
                .right(choice.overwrites),
        );
    }
    let by_column = Picking::may_begin(record);
    lines.push(Line::empty());
    lines.push(
        Line::of("what is overwritten is kept in the journal for 30 days", "")
            .at(3)
            .right("overwrites"),
    );
    lines.push(Line::empty());
    let choices = ChooseDialog::CHOICES.iter().map(|(action, _)| *action);
    let choices = choices.chain(by_column.then_some(ActionId::ByColumn));
    let keys: Vec<String> = choices.map(|action| model.key(action)).collect();
    lines.push(
        Line::of("", keys.join(", "))
            .at(3)
            .right("Esc  leave, nothing is sent"),
    );
    let band = target_band(model);
    boxed(
        canvas,
        "CHOOSE whose values stand",
        (&band, Role::Target),
        &lines,
    );
}

/// Whether the choices stand below both sides of the record, so that no box is needed.
pub fn is_in_place(model: &Model, dialog: &ChooseDialog, now: Now) -> bool {
    let is_shown = matches!(model.screen, Screen::Sides(view) if view.key == dialog.key);
    let record = model.record(dialog.key).filter(|_| is_shown);
    let detail = record.and_then(|record| Detail::of(model, record, now));
    detail.is_some_and(|detail| detail.is_chosen_by_a_person())
}

/// One way to decide about a record that was edited in the target.
pub struct Choice {
    /// Its key, what it is called, and what it writes.
    pub text: String,
    /// How many values it overwrites, where that is known.
    pub overwrites: String,
    /// Dim, where it would do nothing.
    pub role: Role,
}

/// All of them, between the source's place and the target's name.
pub fn choices(model: &Model, record: &Record, (here, there): (&str, &str)) -> Vec<Choice> {
    let whole = ChooseDialog::CHOICES.into_iter().map(|(action, verb)| {
        let plan = plan_of(&model.state, record, verb);
        let words = match action {
            ActionId::FillBlanks => "fill blanks".to_owned(),
            ActionId::TakeSource => format!("take {here}"),
            _ => format!("keep {there}"),
        };
        let (text, overwrites, role) = match &plan {
            Plan::Fill {
                columns,
                overwrites,
                ..
            } => (
                match overwrites {
                    0 => format!("write {}", of_them(columns.len(), "column")),
                    _ => format!(
                        "write {}; what they hold is kept 30 days",
                        of_them(columns.len(), "column")
                    ),
                },
                overwrites.to_string(),
                Role::Plain,
            ),
            Plan::Create(columns) => (
                format!("create it with {}", of_them(columns.len(), "column")),
                "0".to_owned(),
                Role::Plain,
            ),
            Plan::Keep => (
                "write nothing; ask again when either row changes".to_owned(),
                "0".to_owned(),
                Role::Plain,
            ),
            Plan::Nothing(why) | Plan::Refuse(why) => (fit(why, 44), String::new(), Role::Dim),
        };
        Choice {
            text: format!("{}  {:<13}{text}", model.key(action), fit(&words, 12)),
            overwrites,
            role,
        }
    });
    let by_column = Picking::may_begin(record).then(|| Choice {
        text: format!(
            "{}  {:<13}choose in each column, above; then confirm",
            model.key(ActionId::ByColumn),
            "by column"
        ),
        overwrites: "?".to_owned(),
        role: Role::Plain,
    });
    whole.chain(by_column).collect()
}
