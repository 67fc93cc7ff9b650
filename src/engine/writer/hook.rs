//! What the state says of the ensure hook.

use super::StateWriter;
use crate::domain::hook::{Answer, Called};
use crate::domain::time::Now;
use crate::engine::hooked::Said;
use crate::engine::state::{HookState, Tone};

impl StateWriter {
    /// Takes in what the hook said of itself.
    pub(super) fn hook_said(&mut self, said: Said, now: Now) {
        let told = match &said.answer {
            Answer::NotAsked => return,
            Answer::Well => ("the hook answers".to_owned(), Tone::Good),
            Answer::NotReady(why) => (
                format!("the hook answers and ensures nothing: {why}"),
                Tone::Care,
            ),
            Answer::Silent(why) => (format!("the hook does not answer: {why}"), Tone::Bad),
        };
        let Some(hook) = &mut self.state_mut().hook else {
            return;
        };
        if hook.health.answered(said.answer, said.calls, now) {
            let (text, tone) = told;
            self.note(self.hooked_instance(), text, tone, now);
        }
    }

    /// Takes in whether the target calls the hook.
    pub(super) fn hook_called(&mut self, called: Called, now: Now) {
        let Some(hook) = &mut self.state_mut().hook else {
            return;
        };
        let before = hook.health.called();
        hook.health.set_called(called);
        let told = match (before, called) {
            (Called::No, Called::Yes) => "the hook was put back: it is called again",
            (Called::Yes, Called::No) => {
                "the hook was taken out: tickets pass unensured until it is put back"
            }
            _ => return,
        };
        self.note(self.hooked_instance(), told.to_owned(), Tone::Care, now);
    }

    /// The instance that calls the hook.
    fn hooked_instance(&self) -> Option<usize> {
        let HookState { link, .. } = self.state.hook.as_ref()?;
        Some(self.state.links.get(*link)?.target)
    }
}
