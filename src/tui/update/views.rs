//! The views of sync runs, tickets and the timeline: cursors, facets and filters, and where Enter leads.

use std::sync::Arc;
use std::time::Duration;

use super::{list, show, show_sides, step, verb};
use crate::domain::customer::Mark;
use crate::domain::drift::Drift;
use crate::domain::operation::RecordKey;
use crate::domain::time::Now;
use crate::engine::Command;
use crate::engine::command::RunOrder;
use crate::engine::report::OpenTickets;
use crate::engine::state::{InstanceState, Tone};
use crate::tui::action::ActionId;
use crate::tui::format::{name, place};
use crate::tui::keymap::{Context, Key};
use crate::tui::layout;
use crate::tui::listing;
use crate::tui::message::Effect;
use crate::tui::model::{Ask, Model, Origin, Screen};
use crate::tui::terms;

/// While they are shown, tickets are read again after this long.
const AGAIN: Duration = Duration::from_secs(60);
/// They are read anew once the figures beside them have changed, but not sooner than this.
const FOLLOWS: Duration = Duration::from_secs(10);

/// Goes over to the runs, and has them listed.
pub fn open_runs(model: &mut Model) -> Vec<Effect> {
    show(model, Screen::Runs);
    vec![Effect::Send(Command::ListRuns)]
}

/// Goes over to the tickets, and reads them where they are not known or old.
pub fn open_tickets(model: &mut Model, now: Now) -> Vec<Effect> {
    show(model, Screen::Tickets);
    read_when_due(model, now)
}

/// Reads the tickets while they are shown, or are wanted by a filter, once they are old.
pub fn read_when_due(model: &mut Model, now: Now) -> Vec<Effect> {
    let is_shown = matches!(model.screen, Screen::Tickets | Screen::Pulse);
    let is_wanted = is_shown || list::wants_tickets(model);
    // Before the first comparison has ended, all of the instances' attention is the comparison's.
    let is_early = model.screen == Screen::Pulse && !is_compared(model);
    let again = match &model.tickets.figures {
        Some(figures) if *figures != figures_of(model) => FOLLOWS,
        _ => AGAIN,
    };
    let is_fresh = |asked: Now| now.since(asked) < again;
    if is_early || !is_wanted || model.frozen.is_some() || model.tickets.asked.is_some_and(is_fresh)
    {
        return Vec::new();
    }
    read(model, now)
}

fn is_compared(model: &Model) -> bool {
    let mut tables = model.state.tables_of(model.link);
    tables.all(|(_, table)| table.compared.is_some())
}

/// The figures that tickets follow: what is missing, a stub or stale, table by table.
fn figures_of(model: &Model) -> Vec<[usize; 3]> {
    let tables = model.state.tables_of(model.link);
    let figures = tables.map(|(_, table)| {
        [Drift::Missing, Drift::Stub, Drift::Stale].map(|drift| table.counts.of(drift))
    });
    figures.collect()
}

/// Asks for the tickets, unless nothing is sent to one of the instances now.
pub fn read(model: &mut Model, now: Now) -> Vec<Effect> {
    if model.tickets.is_asking {
        return Vec::new();
    }
    // Once they answer, they are asked at once.
    if let Some(why) = why_not_asked(model) {
        model.tickets.failed = Some(why);
        return Vec::new();
    }
    model.tickets.asked = Some(now);
    model.tickets.figures = Some(figures_of(model));
    model.tickets.is_asking = true;
    model.tickets.number += 1;
    vec![Effect::Tickets(model.tickets.number, model.link)]
}

/// Why the tickets can't be asked for: nothing is sent to an instance that does not answer, or that a person stopped.
fn why_not_asked(model: &Model) -> Option<String> {
    let link = model.link()?;
    let ends = [link.target, link.source].into_iter();
    let mut ends = ends.filter_map(|at| model.state.instances.get(at));
    let silent = ends.find(|one| !one.is_readable())?;
    Some(why_silent(silent))
}

/// Why nothing is asked of an instance now.
pub fn why_silent(instance: &InstanceState) -> String {
    if instance.forced().is_some() {
        format!("all calls to {} are stopped", place(&instance.name))
    } else {
        format!(
            "{} is {}: nothing is asked of it now",
            name(&instance.name),
            instance.health.word()
        )
    }
}

/// The tickets were read, or could not be.
pub fn tickets_read(
    model: &mut Model,
    number: u64,
    answer: Result<Arc<OpenTickets>, String>,
    now: Now,
) -> Vec<Effect> {
    if number != model.tickets.number {
        return Vec::new();
    }
    model.tickets.is_asking = false;
    match answer {
        Ok(read) => {
            let id = listing::tickets(model)
                .get(model.tickets.at)
                .map(|one| one.id);
            model.tickets.counts = Arc::new(listing::per_record(model, &read));
            model.tickets.read = Some(read);
            model.tickets.read_at = Some(now);
            model.tickets.failed = None;
            let tickets = listing::tickets(model);
            // Who is at the top stays there: that is where the worst stands.
            let id = id.filter(|_| model.tickets.at > 0);
            let same = id.and_then(|id| tickets.iter().position(|one| one.id == id));
            let last = tickets.len().saturating_sub(1);
            model.tickets.at = same.unwrap_or(model.tickets.at).min(last);
            list::ask(model)
        }
        Err(why) => {
            model.tickets.failed = Some(why);
            Vec::new()
        }
    }
}

/// What was listed belongs to another link.
pub fn forget(model: &mut Model) {
    let number = model.tickets.number + 1;
    model.tickets = crate::tui::model::TicketsView {
        number,
        ..Default::default()
    };
    model.runs = crate::tui::model::RunsView::default();
}

/// Moves the cursor of one of these views.
pub fn moved(model: &mut Model, action: ActionId, now: Now) {
    let page = usize::from(layout::listing(model.size).shown).max(1);
    match model.screen {
        Screen::Runs => {
            let runs = listing::runs(model, now);
            let at = listing::run_place(model, &runs);
            let at = step(at, action, page, runs.len().saturating_sub(1));
            model.runs.chosen = runs.get(at).map(|run| run.id.clone());
        }
        Screen::Tickets => {
            let last = listing::tickets(model).len().saturating_sub(1);
            model.tickets.at = step(model.tickets.at, action, page, last);
        }
        Screen::Timeline => {
            let lines = listing::lines(model);
            let at = listing::line_place(model, &lines);
            let at = step(at, action, page, lines.len().saturating_sub(1));
            let seq = lines.get(at).map(|entry| entry.seq);
            // On the newest line the cursor goes along with what comes.
            model.timeline.chosen = seq.filter(|_| at > 0);
        }
        Screen::Pulse | Screen::Records | Screen::Sides(_) | Screen::Operations => {}
    }
}

/// Enter: from a run to its operation, from a ticket to its customer.
pub fn open(model: &mut Model, now: Now) -> Vec<Effect> {
    match model.screen {
        Screen::Runs => {
            let operation = listing::chosen_run(model, now).and_then(|run| run.operation);
            let Some(operation) = operation else {
                let text = "nobody here started this run: its platform knows no more of it";
                model.toast(text, Tone::Plain, now);
                return Vec::new();
            };
            model.operations.chosen = Some(operation);
            model.operations.in_records = true;
            model.operations.at = 0;
            show(model, Screen::Operations)
        }
        Screen::Tickets => {
            let tickets = listing::tickets(model);
            let customer = tickets
                .get(model.tickets.at)
                .and_then(|one| one.customer.as_ref());
            let key = customer.and_then(|customer| {
                let mut tables = model.state.tables_of(model.link);
                let (table, _) = tables.find(|(_, one)| one.name.as_str() == customer.table)?;
                Some(RecordKey {
                    table,
                    id: customer.id,
                })
            });
            let Some(key) = key else {
                let text = "its customer is on no table of this link";
                model.toast(text, Tone::Plain, now);
                return Vec::new();
            };
            show_sides(model, key, Origin::Tickets)
        }
        _ => Vec::new(),
    }
}

/// Lists the tickets of the next mark, or of the one before, or all.
pub fn facet(model: &mut Model, is_next: bool) {
    let Some(read) = &model.tickets.read else {
        return;
    };
    let marks = listing::marks(read).into_iter().map(|(mark, _)| Some(mark));
    let all: Vec<Option<Mark>> = std::iter::once(None).chain(marks).collect();
    let here = all
        .iter()
        .position(|one| *one == model.tickets.mark)
        .unwrap_or(0);
    let next = if is_next {
        here + 1
    } else {
        here + all.len() - 1
    };
    model.tickets.mark = all.get(next % all.len()).copied().flatten();
    model.tickets.at = 0;
}

/// `R` and `x` on a run: has its platform repeat it or end it, once armed and confirmed.
pub fn order(model: &mut Model, action: ActionId, now: Now) -> Vec<Effect> {
    if verb::is_refused(model, now) {
        return Vec::new();
    }
    if let Some(why) = why_no_order(model, action, now) {
        model.toast(why, Tone::Care, now);
        return Vec::new();
    }
    let Some(run) = listing::chosen_run(model, now) else {
        return Vec::new();
    };
    let Some(id) = run.order else {
        return Vec::new();
    };
    let order = if action == ActionId::Rerun {
        RunOrder::Rerun(id)
    } else {
        RunOrder::Cancel(id)
    };
    let started = run.started;
    verb::confirm(model, Ask::Order { order, started }, action, now)
}

/// Why nothing of the kind can be ordered for the run under the cursor.
pub fn why_no_order(model: &Model, action: ActionId, now: Now) -> Option<String> {
    let backend = model.link()?.sync.backend;
    let never = if action == ActionId::Rerun {
        backend.why_no_rerun()
    } else {
        backend.why_no_cancel()
    };
    if let Some(why) = never {
        return Some(why.to_owned());
    }
    let Some(run) = listing::chosen_run(model, now) else {
        return Some("no run is known".to_owned());
    };
    let under_way = run.status.is_under_way();
    match action {
        ActionId::Rerun if under_way => Some("it is still under way".to_owned()),
        ActionId::CancelRun if !under_way => Some("it has ended already".to_owned()),
        _ => None,
    }
}

/// A key while the timeline's filter is typed.
pub fn typed(model: &mut Model, key: Key) -> Vec<Effect> {
    match model.keys.action(&[Context::Field], key) {
        Some(ActionId::Accept) => model.timeline.typing = false,
        Some(ActionId::Cancel) => {
            model.timeline.typing = false;
            model.timeline.filter.reset();
        }
        _ => {
            if let Some(request) = list::edit(key) {
                model.timeline.filter.handle(request);
                model.timeline.chosen = None;
            }
        }
    }
    Vec::new()
}

/// Whether a filter asks for open tickets.
pub fn asks_for_tickets(terms: &[terms::Term]) -> bool {
    terms.iter().any(|term| {
        matches!(
            term.what,
            terms::What::MoreTickets(_) | terms::What::FewerTickets(_)
        )
    })
}
