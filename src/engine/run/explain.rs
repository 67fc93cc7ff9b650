//! Telling one record's story once what it takes is there: the journal, and its link.

use std::sync::Arc;

use super::Run;
use crate::domain::operation::RecordKey;
use crate::engine::command::{Command, Target};
use crate::engine::event::Event;
use crate::engine::explain::{Explained, Question};

impl Run {
    /// Answers at once, or as soon as the journal and the link are ready or known not to get ready.
    pub(super) fn explain(&mut self, asked: Target) {
        let Some((place, question)) = self.question(asked.clone()) else {
            return;
        };
        let is_lost = self.why_link_unreachable(&question.link.name).is_some();
        let is_ready = self
            .links
            .get(place)
            .is_some_and(|work| work.context.is_some());
        if !is_ready && self.follow.is_some() {
            self.describe_links();
        }
        if self.is_opening || !(is_ready || is_lost) {
            self.queued.push_back(Command::Explain(asked));
            return;
        }
        let events = self.events.clone();
        self.background.spawn(async move {
            let story = question.answer().await;
            let explained = Arc::new(Explained { asked, story });
            let _ended = events.send(Event::Explained(explained)).await;
        });
    }

    /// A record's question with whom to ask, and its link's place.
    fn question(&self, asked: Target) -> Option<(usize, Question)> {
        let (Target::Record(RecordKey { table, .. }) | Target::Key { table, .. }) = &asked;
        let state = self.writer.state().table(*table)?;
        let link = self.config.links.get(state.link)?;
        let reader = |place: usize| Some(self.clients.get(place)?.reader.clone());
        let fault = self.writer.state().journal_fault.clone();
        let question = Question {
            link: link.clone(),
            table: link
                .tables
                .iter()
                .find(|one| one.name == state.name)?
                .clone(),
            source: reader(link.source)?,
            target: reader(link.target)?,
            context: self.links.get(state.link)?.context.clone(),
            journal: self
                .journal
                .clone()
                .ok_or_else(|| fault.unwrap_or_default()),
            asked,
        };
        Some((state.link, question))
    }
}
