//! What is wrong on a link that is not on the screen: one line, so that nobody looks at the one while the other burns.

use super::{Facts, Verdict, bad, care};
use crate::domain::health::Health;
use crate::domain::lag::LinkCondition;
use crate::domain::text::visible;
use crate::engine::state::{InstanceState, Tone};
use crate::tui::action::ActionId;
use crate::tui::format::{count, span};

/// The worst of the other links, if one of them wants a person.
pub fn elsewhere(facts: &Facts<'_>) -> Option<Verdict> {
    let state = &facts.model.state;
    let others = (0..state.links.len()).filter(|link| *link != facts.model.link);
    let mut found: Vec<Verdict> = others.filter_map(|link| of_link(facts, link)).collect();
    found.sort_by_key(|one| std::cmp::Reverse(weight(one)));
    let more = found.len().saturating_sub(1);
    let mut worst = found.into_iter().next()?;
    if more > 0 {
        let links = if more == 1 { "link" } else { "links" };
        worst.effect = format!("{} {} other {links} too.", worst.effect, count(more));
    }
    Some(worst)
}

/// How bad one is: what is elsewhere goes before what is milder here, and behind what is as bad.
pub fn weight(verdict: &Verdict) -> u8 {
    match verdict.tone {
        Tone::Bad => 2,
        Tone::Care => 1,
        Tone::Plain | Tone::Good => 0,
    }
}

fn of_link(facts: &Facts<'_>, place: usize) -> Option<Verdict> {
    let state = &facts.model.state;
    let link = state.links.get(place)?;
    let ours = [facts.link.source, facts.link.target];
    let ends = [link.source, link.target].into_iter();
    let others = ends.filter(|end| !ours.contains(end));
    let is_down = |one: &&InstanceState| one.health == Health::Down;
    let mut others = others.filter_map(|end| state.instances.get(end));
    let effect = "It is on another link than the one that is shown.".to_owned();
    let next = format!(
        "{} goes to {}.",
        facts.key(ActionId::NextLink),
        visible(&link.name)
    );
    if let Some(down) = others.find(is_down) {
        let title = format!("{} IS DOWN {}", Facts::loud(down), facts.since(down));
        let detail = format!("on {}", visible(&link.name));
        return Some(bad(title, detail, effect, next));
    }
    let word = match state.condition(place, facts.now.wall) {
        LinkCondition::Stalled => "STALLED",
        LinkCondition::Late => "LATE",
        LinkCondition::InStep | LinkCondition::Expected | LinkCondition::Unknown => return None,
    };
    Some(care(
        format!("{} IS {word}", visible(&link.name).to_uppercase()),
        format!(
            "{} pending, lag {}",
            count(state.pending(place)),
            span(state.lag(place, facts.now.wall))
        ),
        effect,
        next,
    ))
}
