//! The rows around the record that is looked at: asked of the list worker when the cursor moves, and at most once a
//! second where the records have changed since.

use std::sync::Arc;

use crate::domain::operation::RecordKey;
use crate::tui::layout::Arrangement;
use crate::tui::message::Effect;
use crate::tui::model::{Model, Screen};
use crate::tui::related::{Question, Related, Table};

/// Asks for them, where they are shown and not known; `may_renew` where they may have changed.
pub fn ask(model: &mut Model, may_renew: bool) -> Option<Effect> {
    let key = shown(model)?;
    let (asked, looked_at) = &model.relating;
    let is_other = asked.key != Some(key);
    let is_changed = may_renew && !looked_at.is_same(&model.state.records);
    if !is_other && !is_changed {
        return None;
    }
    let tables = model.state.tables_of(model.link);
    let tables = tables.map(|(index, table)| Table {
        index,
        name: table.name.clone(),
        rules: Arc::clone(&table.rules),
    });
    let question = Question {
        key: Some(key),
        tables: Arc::new(tables.collect()),
    };
    let records = model.state.records.clone();
    model.relating = (question.clone(), records.clone());
    Some(Effect::Relate(question, records))
}

/// Takes them in, where they are still what was asked for last.
pub fn found(model: &mut Model, related: Related) {
    if related.key == model.relating.0.key {
        model.related = related;
    }
}

/// The record around which they are shown.
fn shown(model: &Model) -> Option<RecordKey> {
    match model.screen {
        Screen::Records if Arrangement::of(model.size).is_wide() => model.records.cursor,
        _ => None,
    }
}
