//! Telling one record's story once what it takes is there: the journal, and its link.

use std::sync::Arc;

use super::Run;
use crate::engine::command::{Command, Target};
use crate::engine::event::Event;
use crate::engine::explain::{Explained, explain};

impl Run {
    /// Answers at once, or as soon as the journal and the link are ready or known not to get ready.
    pub(super) fn explain(&mut self, target: Target) {
        let (Target::Record(crate::domain::operation::RecordKey { table, .. })
        | Target::Key { table, .. }) = &target;
        let Some(place) = self.writer.state().table(*table).map(|table| table.link) else {
            return;
        };
        let known = self.writer.state().table(*table);
        let name = known.map(|table| table.name.clone());
        let link = self.config.links.get(place).map(|link| link.name.clone());
        let (Some(name), Some(link)) = (name, link) else {
            return;
        };
        let context = match self.links.get(place).and_then(|work| work.context.clone()) {
            Some(context) => Ok(context),
            None => Err(self.why_link_unreachable(&link)),
        };
        let context = match context {
            _ if self.is_opening => None,
            Ok(context) => Some(Ok(context)),
            Err(why) => why.map(Err),
        };
        let Some(context) = context else {
            self.queued.push_back(Command::Explain(target));
            return;
        };
        let fault = self.writer.state().journal_fault.clone();
        let journal = self.journal.clone();
        let journal = journal.ok_or_else(|| fault.unwrap_or_default());
        let events = self.events.clone();
        self.background.spawn(async move {
            let context = context.as_deref().map_err(Clone::clone);
            let journal = journal.as_ref().map_err(Clone::clone);
            let story = explain(&link, context, journal, &target, &name).await;
            let asked = target;
            let explained = Arc::new(Explained { asked, story });
            let _ended = events.send(Event::Explained(explained)).await;
        });
    }
}
