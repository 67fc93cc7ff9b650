//! When somebody is told: each rule fires once for each thing that it watches, and resolves once. What holds now is
//! handed in; what fired is remembered, across restarts too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::time::{Now, age};

/// What no longer holds must not hold for this long before an alert resolves, or for as long as it took to fire, if that
/// is shorter.
const SETTLE: Duration = Duration::from_secs(60);

/// What a rule watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum When {
    /// A breaker is open, or forced open.
    BreakerOpen,
    /// A link is late, or stalled.
    Late,
    /// A link is stalled.
    Stalled,
    /// The outcome of a write is not known.
    UnknownOutcomes,
    /// Records wait for a person.
    Conflicts,
    /// An instance refuses our credentials.
    Refused,
    /// A credential ends before long.
    Expiring,
    /// The ensure hook does not answer, and is called.
    HookDown,
    /// The ensure hook answers, and lets too many calls pass unensured.
    HookFailing,
}

impl When {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::BreakerOpen,
        Self::Late,
        Self::Stalled,
        Self::UnknownOutcomes,
        Self::Conflicts,
        Self::Refused,
        Self::Expiring,
        Self::HookDown,
        Self::HookFailing,
    ];

    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker-open",
            Self::Late => "late",
            Self::Stalled => "stalled",
            Self::UnknownOutcomes => "unknown-outcomes",
            Self::Conflicts => "conflicts",
            Self::Refused => "refused",
            Self::Expiring => "expiring",
            Self::HookDown => "hook-down",
            Self::HookFailing => "hook-failing",
        }
    }

    /// What a word of the configuration watches.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|when| when.word() == word)
    }
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub when: When,
    /// How long that must hold before it fires.
    pub after: Duration,
    /// How often it is told again while it goes on and nobody has taken it; never, where there is none.
    pub repeat: Option<Duration>,
}

impl Rule {
    /// What is watched where nothing is configured, for whoever looks at the screen: nobody else is told.
    pub fn built_in() -> Vec<Self> {
        let shown = When::ALL
            .into_iter()
            .filter(|when| *when != When::Conflicts);
        let rule = |when: When| Self {
            name: when.word().to_owned(),
            when,
            after: Duration::ZERO,
            repeat: None,
        };
        shown.map(rule).collect()
    }
}

/// Whether something is so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// It is.
    Yes,
    /// It isn't.
    No,
    /// It can't be told now: nothing begins and nothing ends.
    Unsure,
}

/// One thing that a rule may watch, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// What kind of thing.
    pub when: When,
    /// Which: an instance and class, or a link.
    pub subject: String,
    /// Whether it is so.
    pub holds: Holds,
    /// Whether planned maintenance explains it: then nobody is told.
    pub is_muted: bool,
    /// What is the matter, for people.
    pub text: String,
}

/// Whether an alert begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It fires.
    Fired,
    /// What it fired for is over.
    Resolved,
}

impl Turn {
    /// The turn in a word, as sent and as kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Resolved => "resolved",
        }
    }
}

/// What tells one alert from all others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertKey {
    /// The rule's name.
    pub rule: String,
    /// What it fired for.
    pub subject: String,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which alert.
    pub key: AlertKey,
    /// What the rule watches.
    pub when: When,
    /// Whether it begins or ends.
    pub turn: Turn,
    /// Since when it has held.
    pub since: DateTime<Utc>,
    /// When it fired or resolved.
    pub at: DateTime<Utc>,
    /// What is the matter, or was, for people.
    pub text: String,
}

#[derive(Clone, Debug)]
enum Stage {
    Pending {
        since: Now,
    },
    Firing {
        since: DateTime<Utc>,
        /// When it was last told.
        told: DateTime<Utc>,
        text: String,
        clear: Option<Now>,
        was_seen_to_begin: bool,
    },
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Which alert.
    pub key: AlertKey,
    /// What its rule watches.
    pub when: When,
    /// Since when that has held.
    pub since: DateTime<Utc>,
    /// Whether it was seen to begin: what held when it was first looked at may have done so for long.
    pub was_seen_to_begin: bool,
    /// What is the matter, for people.
    pub text: String,
}

/// The rules, and what they have fired for.
#[derive(Clone, Debug)]
pub struct Watch {
    rules: Vec<Rule>,
    stages: BTreeMap<AlertKey, Stage>,
    /// What has been seen not to hold.
    clear: BTreeSet<AlertKey>,
}

impl Watch {
    /// Begins with the alerts that an earlier process fired and that have not resolved; those of rules that are no more
    /// are forgotten.
    pub fn new(rules: Vec<Rule>, fired: impl IntoIterator<Item = Alert>) -> Self {
        let known = |alert: &Alert| rules.iter().any(|rule| rule.name == alert.key.rule);
        let firing = |alert: Alert| Stage::Firing {
            since: alert.since,
            told: alert.at,
            text: alert.text,
            clear: None,
            was_seen_to_begin: true,
        };
        let stages = fired
            .into_iter()
            .filter(known)
            .map(|alert| (alert.key.clone(), firing(alert)))
            .collect();
        Self {
            rules,
            stages,
            clear: BTreeSet::new(),
        }
    }

    /// Takes in how things are, and says who is to be told what. `is_taken` says of an alert that has been firing since
    /// then whether a person has taken it.
    pub fn look(
        &mut self,
        sights: &[Sight],
        is_taken: impl Fn(&AlertKey, DateTime<Utc>) -> bool,
        now: Now,
    ) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for rule in &self.rules {
            for sight in sights.iter().filter(|sight| sight.when == rule.when) {
                let key = AlertKey {
                    rule: rule.name.clone(),
                    subject: sight.subject.clone(),
                };
                let before = self.stages.remove(&key);
                if sight.holds == Holds::No {
                    self.clear.insert(key.clone());
                }
                let taken = |since| is_taken(&key, since);
                let (mut after, turn) = step(rule, sight, before, taken, now);
                if let (
                    Some(Stage::Firing {
                        was_seen_to_begin, ..
                    }),
                    Some((Turn::Fired, ..)),
                ) = (&mut after, &turn)
                {
                    *was_seen_to_begin |= self.clear.contains(&key);
                }
                alerts.extend(turn.map(|(turn, since, text)| Alert {
                    key: key.clone(),
                    when: rule.when,
                    turn,
                    since,
                    at: now.wall,
                    text,
                }));
                if let Some(after) = after {
                    self.stages.insert(key, after);
                }
            }
        }
        alerts
    }

    /// What has fired and not resolved, what has done so for longest first.
    pub fn firing(&self) -> Vec<Firing> {
        let firing = self.stages.iter().filter_map(|(key, stage)| match stage {
            Stage::Firing {
                since,
                text,
                was_seen_to_begin,
                ..
            } => Some(Firing {
                key: key.clone(),
                when: self.rules.iter().find(|rule| rule.name == key.rule)?.when,
                since: *since,
                was_seen_to_begin: *was_seen_to_begin,
                text: text.clone(),
            }),
            Stage::Pending { .. } => None,
        });
        let mut firing: Vec<Firing> = firing.collect();
        firing.sort_by_key(|one| one.since);
        firing
    }
}

type Said = (Turn, DateTime<Utc>, String);

fn step(
    rule: &Rule,
    sight: &Sight,
    before: Option<Stage>,
    is_taken: impl Fn(DateTime<Utc>) -> bool,
    now: Now,
) -> (Option<Stage>, Option<Said>) {
    match (before, sight.holds) {
        (Some(Stage::Pending { .. }) | None, _) if sight.is_muted => (None, None),
        (Some(firing), _) if sight.is_muted => (Some(firing), None),
        (None, Holds::Yes) => pending(rule, sight, now, now),
        (Some(Stage::Pending { since }), Holds::Yes) => pending(rule, sight, since, now),
        (None | Some(Stage::Pending { .. }), Holds::No) => (None, None),
        (
            Some(Stage::Firing {
                since,
                told,
                was_seen_to_begin,
                ..
            }),
            Holds::Yes,
        ) => {
            let text = sight.text.clone();
            let is_due = |every: Duration| age(now.wall, told) >= every && !is_taken(since);
            let again = rule.repeat.is_some_and(is_due);
            let said = again.then(|| (Turn::Fired, since, text.clone()));
            let firing = Stage::Firing {
                since,
                told: if again { now.wall } else { told },
                text,
                clear: None,
                was_seen_to_begin,
            };
            (Some(firing), said)
        }
        (
            Some(Stage::Firing {
                since,
                told,
                text,
                clear,
                was_seen_to_begin,
            }),
            Holds::No,
        ) => {
            let cleared = clear.unwrap_or(now);
            if now.since(cleared) >= SETTLE.min(rule.after) {
                return (None, Some((Turn::Resolved, since, text)));
            }
            let firing = Stage::Firing {
                since,
                told,
                text,
                clear: Some(cleared),
                was_seen_to_begin,
            };
            (Some(firing), None)
        }
        (before, Holds::Unsure) => (before, None),
    }
}

/// What holds since then fires once it has held for long enough.
fn pending(rule: &Rule, sight: &Sight, since: Now, now: Now) -> (Option<Stage>, Option<Said>) {
    if now.since(since) < rule.after {
        return (Some(Stage::Pending { since }), None);
    }
    let (since, text) = (since.wall, sight.text.clone());
    let said = (Turn::Fired, since, text.clone());
    let firing = Stage::Firing {
        since,
        told: now.wall,
        text,
        clear: None,
        was_seen_to_begin: false,
    };
    (Some(firing), Some(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now {
            mono: Duration::ZERO,
            wall: DateTime::UNIX_EPOCH,
        }
        .after(Duration::from_secs(seconds))
    }

    fn rule(after: u64) -> Rule {
        Rule {
            name: "down".to_owned(),
            when: When::BreakerOpen,
            after: Duration::from_secs(after),
            repeat: None,
        }
    }

    fn sight(holds: Holds) -> Sight {
        Sight {
            when: When::BreakerOpen,
            subject: "europe read".to_owned(),
            holds,
            is_muted: false,
            text: "HTTP 503".to_owned(),
        }
    }

    /// What is said at which second, when these things are seen at these seconds.
    fn told(watch: &mut Watch, seen: &[(u64, Sight)]) -> Vec<(u64, Turn)> {
        let mut told = Vec::new();
        for (second, sight) in seen {
            let alerts = watch.look(std::slice::from_ref(sight), |_, _| false, at(*second));
            told.extend(alerts.into_iter().map(|alert| (*second, alert.turn)));
        }
        told
    }

    #[test]
    fn an_alert_fires_once_and_resolves_once() {
        let mut watch = Watch::new(vec![rule(10)], []);
        let seen = [
            (0, sight(Holds::Yes)),
            (9, sight(Holds::Yes)),
            (10, sight(Holds::Yes)),
            (11, sight(Holds::Yes)),
            (12, sight(Holds::No)),
            (21, sight(Holds::No)),
            (22, sight(Holds::No)),
            (23, sight(Holds::No)),
        ];
        let expected = [(10, Turn::Fired), (22, Turn::Resolved)];
        assert_eq!(told(&mut watch, &seen), expected);
        assert_eq!(watch.firing(), []);
    }

    #[test]
    fn what_ends_in_time_is_told_to_nobody_and_what_flaps_is_told_once() {
        let mut watch = Watch::new(vec![rule(10)], []);
        let short = [
            (0, sight(Holds::Yes)),
            (9, sight(Holds::No)),
            (10, sight(Holds::Yes)),
        ];
        assert_eq!(told(&mut watch, &short), []);
        let flaps = [
            (20, sight(Holds::Yes)),
            (21, sight(Holds::No)),
            (22, sight(Holds::Yes)),
            (40, sight(Holds::No)),
        ];
        assert_eq!(told(&mut watch, &flaps), [(20, Turn::Fired)]);
    }

    #[test]
    fn a_half_open_breaker_neither_begins_nor_ends_anything() {
        let mut watch = Watch::new(vec![rule(10)], []);
        let seen = [
            (0, sight(Holds::Unsure)),
            (20, sight(Holds::Yes)),
            (25, sight(Holds::Unsure)),
            (30, sight(Holds::Yes)),
            (200, sight(Holds::Unsure)),
        ];
        assert_eq!(told(&mut watch, &seen), [(30, Turn::Fired)]);
    }

    #[test]
    fn maintenance_mutes_what_has_not_fired_and_keeps_what_has() {
        let muted = || Sight {
            is_muted: true,
            ..sight(Holds::Yes)
        };
        let mut watch = Watch::new(vec![rule(10)], []);
        let seen = [(0, muted()), (100, muted()), (101, sight(Holds::No))];
        assert_eq!(told(&mut watch, &seen), []);
        let seen = [
            (200, sight(Holds::Yes)),
            (210, sight(Holds::Yes)),
            (220, muted()),
        ];
        assert_eq!(told(&mut watch, &seen), [(210, Turn::Fired)]);
        assert_eq!(watch.firing().len(), 1);
    }

    #[test]
    fn what_fired_before_a_restart_does_not_fire_again_and_resolves() {
        let mut first = Watch::new(vec![rule(0)], []);
        let fired = first.look(&[sight(Holds::Yes)], |_, _| false, at(5));
        assert_eq!(fired.len(), 1);
        let mut second = Watch::new(vec![rule(0)], fired.clone());
        let seen = [
            (6, sight(Holds::Unsure)),
            (7, sight(Holds::Yes)),
            (8, sight(Holds::No)),
        ];
        assert_eq!(told(&mut second, &seen), [(8, Turn::Resolved)]);
        assert_eq!(
            Watch::new(Vec::new(), fired).firing(),
            [],
            "its rule is no more"
        );
    }

    #[test]
    fn what_holds_at_the_first_look_was_not_seen_to_begin() {
        let began = |seen: &[Sight]| {
            let mut watch = Watch::new(vec![rule(0)], []);
            for (second, sight) in (0..).zip(seen) {
                watch.look(std::slice::from_ref(sight), |_, _| false, at(second));
            }
            watch.firing()[0].was_seen_to_begin
        };
        assert!(!began(&[sight(Holds::Yes)]));
        assert!(!began(&[sight(Holds::Unsure), sight(Holds::Yes)]));
        assert!(began(&[sight(Holds::No), sight(Holds::Yes)]));
    }

    #[test]
    fn every_word_is_read_back() {
        for when in When::ALL {
            assert_eq!(When::from_word(when.word()), Some(when));
        }
        assert_eq!(When::from_word("on-fire"), None);
    }

    #[test]
    fn it_is_told_again_until_somebody_takes_it_and_again_once_that_is_over() {
        let every = Rule {
            repeat: Some(Duration::from_secs(30)),
            ..rule(0)
        };
        let mut watch = Watch::new(vec![every], []);
        let taken = std::cell::Cell::new(false);
        let mut told = |second| {
            let is_taken = |_: &AlertKey, since| taken.get() && since == at(5).wall;
            let alerts = watch.look(&[sight(Holds::Yes)], is_taken, at(second));
            !alerts.is_empty()
        };
        assert!(told(5), "it fires");
        assert!(!told(34));
        assert!(told(35), "again");
        taken.set(true);
        assert!(!told(65) && !told(200));
        taken.set(false);
        assert!(told(201), "who took it has let it go");
        assert!(!told(202));
    }
}
