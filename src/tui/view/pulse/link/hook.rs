//! The ensure hook in a line: whether it answers, since when, and how many of its calls went by unensured.

use std::time::Duration;

use super::Panel;
use super::sync::line;
use crate::domain::hook::{Answer, Called, HookHealth};
use crate::domain::text::visible;
use crate::domain::time::{Now, age};
use crate::tui::canvas::Canvas;
use crate::tui::format::{name, of_them, span, width};
use crate::tui::theme::Role;

impl Panel<'_> {
    /// The hook of this link, where one is configured.
    pub fn hook(&self) -> Option<&HookHealth> {
        let hook = self.model.state.hook.as_ref()?;
        (hook.link == self.model.link).then_some(&hook.health)
    }

    pub fn hook_line(&self, canvas: &mut Canvas<'_>, x: u16, y: u16, hook: &HookHealth) {
        canvas.text(1, y, "hook", Role::Plain);
        let target = self.model.state.instances.get(self.link.target);
        let there = target.map_or_else(|| "the target".to_owned(), |one| name(&one.name));
        let host = self.model.hook_host.as_deref();
        let (glyph, role, pieces) = words(hook, host, &there, self.now);
        canvas.text(x, y, glyph, role);
        let first = u16::try_from(width(glyph) + 1).unwrap_or(2);
        line(canvas, x + first, y, &pieces, false);
    }
}

/// Glyph, role and pieces, the first of which is never left out.
fn words(
    hook: &HookHealth,
    host: Option<&str>,
    there: &str,
    now: Now,
) -> (&'static str, Role, Vec<String>) {
    let lasts = hook
        .since()
        .map_or(Duration::ZERO, |since| now.since(since));
    let lasts = span(lasts);
    let is_missed = matches!(hook.called(), Called::Yes | Called::NotKnown);
    let uncalled = || format!("{there} does not call it: tickets pass unensured");
    match hook.answer() {
        Answer::NotAsked => ("?", Role::Dim, vec!["not asked yet".to_owned()]),
        Answer::Silent(why) => {
            let mut pieces = vec![format!("DOES NOT ANSWER {lasts}")];
            if !is_missed {
                pieces.push(uncalled());
            }
            pieces.push(visible(why).into_owned());
            let (glyph, role) = if is_missed {
                ("▼", Role::Bad)
            } else {
                ("▲", Role::Care)
            };
            (glyph, role, pieces)
        }
        Answer::NotReady(why) => {
            let first = format!("ensures nothing {lasts}");
            ("▲", Role::Care, vec![first, visible(why).into_owned()])
        }
        Answer::Well if hook.called() == Called::No => {
            let first = format!("answers {lasts}");
            ("·", Role::Care, vec![first, uncalled()])
        }
        Answer::Well => {
            let share = hook.lately();
            let calls = usize::try_from(share.calls).unwrap_or(usize::MAX);
            let mut pieces = vec![format!("{} {lasts}", visible(host.unwrap_or("answers")))];
            if let Some(last) = hook.last_call() {
                pieces.push(format!("last call {} ago", span(age(now.wall, last))));
            }
            let share_words = match share.unensured {
                _ if share.calls == 0 => "no call in 5m".to_owned(),
                0 => format!("{} in 5m, all ensured", of_them(calls, "call")),
                n => format!("{} in 5m, {n} not ensured", of_them(calls, "call")),
            };
            let p95 = hook.p95();
            let p95 = p95.map(|bound| format!("p95 ≤ {} ms", bound.as_millis()));
            // What went by unensured is never what finds no room.
            if share.unensured > 0 {
                pieces.push(share_words);
                pieces.extend(p95);
            } else {
                pieces.extend(p95);
                pieces.push(share_words);
            }
            if hook.called() == Called::NotKnown {
                pieces.push(format!("whether {there} calls it is not known"));
            }
            if share.is_failing() {
                ("▲", Role::Care, pieces)
            } else {
                ("●", Role::Good, pieces)
            }
        }
    }
}
