//! Game days: what a story of the demo asks of the person at the console, and whether it was done. It is judged by what
//! the console sees, and by nothing that the story knows. It draws nothing.

use std::time::Duration;

use super::model::Model;
use crate::domain::drift::{Drift, Flag};
use crate::domain::health::Health;
use crate::domain::hook::{Answer, Called};
use crate::domain::lag::LinkCondition;
use crate::domain::operation::{Taken, Verb};
use crate::domain::time::Now;
use crate::engine::state::{InstanceState, OperationState};

/// What has to go wrong before the time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// An instance is down.
    Down,
    /// An instance throttles.
    Throttled,
    /// The sync is stalled.
    Stalled,
    /// The hook does not answer.
    Hook,
    /// Records were edited in the target.
    Edited,
}

/// One thing that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Somebody has taken an alert since it began.
    Taken,
    /// The status was told: `Y`.
    Told,
    /// The trouble is over, and nothing from before its end waits.
    InStep,
    /// No value that people had put into the target was overwritten.
    NothingOverwritten,
    /// Every write's outcome is known.
    Known,
    /// The hook answers again, and is called.
    HookBack,
    /// No record that was edited in the target waits for a decision.
    Decided,
}

impl Need {
    /// In one word, and in several.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Taken => ("taken", "alert taken"),
            Self::Told => ("told", "status told"),
            Self::InStep => ("in step", "link in step"),
            Self::NothingOverwritten => ("kept", "nothing overwritten"),
            Self::Known => ("known", "no outcome unknown"),
            Self::HookBack => ("hook", "the hook answers"),
            Self::Decided => ("decided", "every edit decided"),
        }
    }
}

/// What is asked of the person at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The story's name.
    pub story: &'static str,
    /// What begins it.
    pub trouble: Trouble,
    /// What has to be so at the end.
    pub needs: &'static [Need],
    /// Within this time.
    pub within: Duration,
}

/// An alert that fires after the trouble does so within this time.
const PAST: Duration = Duration::from_secs(5);

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// The stories that ask for something.
const GOALS: [Goal; 5] = [
    Goal {
        story: "outage",
        trouble: Trouble::Down,
        needs: &[
            Need::Taken,
            Need::Told,
            Need::InStep,
            Need::NothingOverwritten,
        ],
        within: TEN_MINUTES,
    },
    Goal {
        story: "throttled",
        trouble: Trouble::Throttled,
        needs: &[Need::InStep, Need::Known, Need::NothingOverwritten],
        within: TEN_MINUTES,
    },
    Goal {
        story: "stalled-sync",
        trouble: Trouble::Stalled,
        needs: &[Need::Taken, Need::InStep, Need::NothingOverwritten],
        within: TEN_MINUTES,
    },
    Goal {
        story: "hook-down",
        trouble: Trouble::Hook,
        needs: &[Need::Taken, Need::Told, Need::HookBack],
        within: TEN_MINUTES,
    },
    Goal {
        story: "diverged",
        trouble: Trouble::Edited,
        needs: &[Need::Decided, Need::NothingOverwritten],
        within: TEN_MINUTES,
    },
];

impl Goal {
    /// What a story asks for; nothing, where it only goes by.
    pub fn of(story: &str) -> Option<Self> {
        GOALS.into_iter().find(|goal| goal.story == story)
    }

    /// All of it in a sentence: `link in step, nothing overwritten, under 10m`.
    pub fn sentence(&self) -> String {
        let needs: Vec<&str> = self.needs.iter().map(|need| need.words().1).collect();
        let minutes = self.within.as_secs() / 60;
        format!("{}, under {minutes}m", needs.join(", "))
    }
}

/// A goal, and how far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Playing {
    /// What is asked for.
    pub goal: Goal,
    /// When the trouble began.
    pub began: Option<Now>,
    /// When it was over.
    pub over: Option<Now>,
    /// Whether the status was told since.
    pub is_told: bool,
    /// When it was decided, and how.
    pub ended: Option<(Now, Ending)>,
}

/// How a goal was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All that was asked for was so, in time.
    Reached,
    /// The time is over.
    Late,
    /// What had to be done while the trouble lasted can't be done any more: nobody took the alert.
    NotTaken,
}

/// What has just happened to a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The time runs.
    Begun,
    /// All that was asked for is so, in time.
    Reached(Duration),
    /// It can't be reached any more.
    Missed(Ending),
}

impl Playing {
    /// Before anything has happened.
    pub fn of(goal: Goal) -> Self {
        Self {
            goal,
            began: None,
            over: None,
            is_told: false,
            ended: None,
        }
    }

    /// Looks how things are.
    pub fn look(&mut self, model: &Model, now: Now) -> Option<Turn> {
        if self.ended.is_some() {
            return None;
        }
        let holds = is_in_trouble(model, self.goal.trouble, now);
        let Some(began) = self.began else {
            if !holds {
                return None;
            }
            self.began = Some(now);
            self.is_told = false;
            return Some(Turn::Begun);
        };
        if holds {
            self.over = None;
        } else {
            self.over.get_or_insert(now);
        }
        let took = now.since(began);
        if took > self.goal.within {
            return Some(self.missed(Ending::Late, now));
        }
        let is_past = self.over.is_some_and(|over| now.since(over) > PAST);
        let wants_taking = self.goal.needs.contains(&Need::Taken);
        if wants_taking
            && is_past
            && model.state.alarms.is_empty()
            && !self.holds(model, Need::Taken, now)
        {
            return Some(self.missed(Ending::NotTaken, now));
        }
        if self
            .goal
            .needs
            .iter()
            .all(|need| self.holds(model, *need, now))
        {
            self.ended = Some((now, Ending::Reached));
            return Some(Turn::Reached(took));
        }
        None
    }

    fn missed(&mut self, how: Ending, now: Now) -> Turn {
        self.ended = Some((now, how));
        Turn::Missed(how)
    }

    /// Why it was missed, and how it is played again.
    pub fn missed_words(&self, how: Ending) -> String {
        let why = match how {
            Ending::NotTaken => "the alert is over, and nobody took it".to_owned(),
            Ending::Late | Ending::Reached => {
                format!("{}m are over", self.goal.within.as_secs() / 60)
            }
        };
        format!("{why}; again: tandem demo --scenario {}", self.goal.story)
    }

    /// Whether one of the things that are asked for is so.
    pub fn holds(&self, model: &Model, need: Need, now: Now) -> bool {
        let Some(began) = self.began else {
            return false;
        };
        let state = &model.state;
        match need {
            Need::Taken => state.taken.values().any(|taken| taken.at >= began.wall),
            Need::Told => self.is_told,
            Need::InStep => self.over.is_some_and(|over| {
                let is_read = state
                    .tables_of(model.link)
                    .all(|(_, table)| table.compared.is_some_and(|at| at.mono > over.mono));
                let is_waiting = state.lag(model.link, now.wall) >= now.since(over);
                let is_flagged = Flag::ALL
                    .into_iter()
                    .any(|flag| state.flagged_on(model.link, flag) > 0);
                let is_pending = state.pending(model.link) > 0;
                is_read && !is_flagged && !(is_pending && is_waiting)
            }),
            Need::NothingOverwritten => !state
                .operations
                .iter()
                .any(|one| one.request.asked >= began.wall && overwrites_edits(one)),
            Need::Known => state.unknown_outcomes() == 0,
            Need::HookBack => {
                let hook = state.hook.as_ref();
                hook.is_some_and(|hook| {
                    let health = &hook.health;
                    *health.answer() == Answer::Well && health.called() != Called::No
                })
            }
            Need::Decided => diverged(model) == 0,
        }
    }
}

fn diverged(model: &Model) -> usize {
    let tables = model.state.tables_of(model.link);
    tables
        .map(|(_, table)| table.counts.of(Drift::Diverged))
        .sum()
}

/// Whether an operation let the source's values stand where people had put others.
fn overwrites_edits(one: &OperationState) -> bool {
    let takes = one
        .request
        .choices
        .iter()
        .any(|choice| choice.takes == Taken::Source);
    let overwrites = one.radius.is_some_and(|radius| radius.overwrites > 0);
    (one.request.verb == Verb::TakeSource || takes) && overwrites
}

fn is_in_trouble(model: &Model, trouble: Trouble, now: Now) -> bool {
    let state = &model.state;
    let any = |is_so: fn(&InstanceState) -> bool| state.instances.iter().any(is_so);
    match trouble {
        Trouble::Down => any(|one| !one.is_readable() && one.health != Health::Unknown),
        Trouble::Throttled => {
            any(|one| one.health == Health::Throttled)
                || state.instances.iter().any(|one| {
                    let gate = one.gate.as_ref();
                    gate.is_some_and(|(until, _)| !until.since(now).is_zero())
                })
        }
        Trouble::Stalled => state.condition(model.link, now.wall) == LinkCondition::Stalled,
        Trouble::Hook => state
            .hook
            .as_ref()
            .is_some_and(|hook| hook.health.silence().is_some()),
        Trouble::Edited => diverged(model) > 0,
    }
}
