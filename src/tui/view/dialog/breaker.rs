//! The breaker menu of one instance (mock-up 9).

use super::{COLUMNS, Line, boxed};
use crate::domain::breaker::{BreakerStatus, Phase};
use crate::domain::text::visible;
use crate::domain::time::Now;
use crate::engine::state::InstanceState;
use crate::tui::canvas::Canvas;
use crate::tui::format::{count, fit, place, span};
use crate::tui::model::{BreakerDialog, BreakerStep, Model};
use crate::tui::theme::Role;
use crate::tui::update::hook_order;
use crate::tui::verdict::forced_words;
use crate::tui::view::header::{BandOf, band_role, band_text};

/// Draws the menu.
pub fn draw(canvas: &mut Canvas<'_>, model: &Model, dialog: &BreakerDialog, now: Now) {
    let Some(instance) = model.state.instances.get(dialog.instance) else {
        return;
    };
    let is_target = model
        .link()
        .is_none_or(|link| link.target == dialog.instance);
    let side = if is_target {
        BandOf::Target
    } else {
        BandOf::Source
    };
    let mut lines = vec![Line::empty()];
    lines.extend(instance.breakers.iter().map(|one| status(one, now)));
    lines.push(Line::empty());
    lines.extend(orders(model, dialog, instance, now));
    lines.push(Line::empty());
    if dialog.step == BreakerStep::Stop {
        let reason = fit(&visible(dialog.reason.value()), 58);
        let until = match dialog.lasts {
            Some(lasts) => {
                let at = model.zone.short(now.after(lasts).wall, now.wall);
                format!("{}, until {at}   + and - change it", span(lasts))
            }
            None => "until you release it   - gives it an end, within 24h".to_owned(),
        };
        lines.extend([Line::of("reason", reason), Line::of("for", until)]);
    } else {
        let words = "OPEN = tandem sends nothing there.  closed = calls pass.";
        lines.push(Line::of(words, "").at(3));
    }
    lines.push(Line::empty());
    lines.push(last(model, dialog, instance));
    boxed(
        canvas,
        "BREAKER",
        (&band_text(Some(instance), side), band_role(side)),
        &lines,
    );
}

fn status(breaker: &BreakerStatus, now: Now) -> Line {
    let role = match breaker.phase {
        Phase::Closed => Role::Plain,
        Phase::Open { .. } => Role::Bad,
        Phase::HalfOpen { .. } | Phase::ForcedOpen(_) => Role::Care,
    };
    let cause = breaker.cause.as_deref().filter(|_| !breaker.is_closed());
    let not_sent = usize::try_from(breaker.not_sent).unwrap_or(usize::MAX);
    let not_sent = if breaker.is_closed() {
        String::new()
    } else {
        format!("{} not sent", count(not_sent))
    };
    let room = usize::from(COLUMNS).saturating_sub(49);
    let mut line = Line::of(breaker.class.word(), "").at(11);
    line.pieces = vec![
        (format!("{:<12}", breaker.phase.word()), role),
        (
            format!("{:<8}", span(now.since(breaker.since))),
            Role::Plain,
        ),
        (
            cause.map_or_else(String::new, |cause| fit(&visible(cause), room)),
            Role::Plain,
        ),
    ];
    line.right(not_sent)
}

fn orders(model: &Model, dialog: &BreakerDialog, instance: &InstanceState, now: Now) -> Vec<Line> {
    let menu = dialog.step == BreakerStep::Menu;
    let role = |can: bool| if can && menu { Role::Plain } else { Role::Dim };
    let forced = instance.forced();
    let probe = Line::of(
        "",
        "p  probe now        1 GET; writes are tried by the next write",
    )
    .at(3)
    .role(role(forced.is_none()))
    .right("nothing");
    let stop = Line::of("", "s  stop all calls   force OPEN until you release it")
        .at(3)
        .role(role(forced.is_none()))
        .right("reason, y");
    let words = match forced {
        Some(forced) => fit(&forced_words(model, forced, now), 46),
        None => "nothing is forced".to_owned(),
    };
    let release = Line::of("", format!("l  release          {words}"))
        .at(3)
        .role(role(forced.is_some()))
        .right(if forced.is_some() { "y" } else { "" });
    let mut lines = vec![probe, stop];
    let hook = hook_order(model, dialog.instance);
    if hook.is_some() {
        let words = "the hook then lets tickets pass unensured";
        lines.push(Line::of("", words).at(22).role(role(forced.is_none())));
    }
    lines.push(release);
    lines.extend(hook.map(|order| {
        let (words, right) = match order {
            Ok(false) => (
                "take the hook out  tickets pass until it is put back",
                "reason, y",
            ),
            Ok(true) => (
                "put the hook back  customers are ensured again",
                "reason, y",
            ),
            Err(why) => (why, ""),
        };
        Line::of("", format!("h  {words}"))
            .at(3)
            .role(role(order.is_ok()))
            .right(right)
    }));
    lines
}

fn last(model: &Model, dialog: &BreakerDialog, instance: &InstanceState) -> Line {
    let there = place(&instance.name);
    match dialog.step {
        BreakerStep::Menu => {
            let other = model.link().map(|link| {
                if link.target == dialog.instance {
                    link.source
                } else {
                    link.target
                }
            });
            let other = other
                .and_then(|place| model.state.instances.get(place))
                .map_or_else(String::new, |one| {
                    format!("Tab  {}     ", visible(&one.band))
                });
            let keys = match hook_order(model, dialog.instance) {
                Some(_) => "p, s, l or h",
                None => "p, s or l",
            };
            Line::of("", keys).at(3).right(format!("{other}Esc  leave"))
        }
        BreakerStep::Reason => {
            Line::field("reason", &dialog.reason, true).right("Enter   Esc  back")
        }
        BreakerStep::Stop => Line::of("", format!("y  stop all calls to {there}"))
            .at(3)
            .role(Role::Care)
            .right("Esc  back"),
        BreakerStep::Release => {
            Line::of("", format!("y  release: calls to {there} are tried again"))
                .at(3)
                .role(Role::Care)
                .right("Esc  back")
        }
    }
}
