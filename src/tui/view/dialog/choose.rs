//! What can be done about a record that was edited in the target: a person chooses whose values stand.

use super::{Line, boxed, target_band};
use crate::domain::plan::Plan;
use crate::tui::action::ActionId;
use crate::tui::canvas::Canvas;
use crate::tui::format::{fit, name, of_them, place};
use crate::tui::model::{ChooseDialog, Model, Picking, plan_of};
use crate::tui::theme::Role;

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
    for (action, verb) in ChooseDialog::CHOICES {
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
                format!("write {}", of_them(columns.len(), "column")),
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
        let text = format!("{}  {:<13}{text}", model.key(action), fit(&words, 12));
        lines.push(Line::of("", text).at(3).role(role).right(overwrites));
    }
    let by_column = Picking::may_begin(record);
    if by_column {
        let key = model.key(ActionId::ByColumn);
        let words = "by column";
        let text = format!("{key}  {words:<13}choose in each column, above; then confirm");
        lines.push(Line::of("", text).at(3).right("?"));
    }
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
