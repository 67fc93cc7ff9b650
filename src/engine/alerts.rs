//! Alerts: what the rules make of each state, kept until it was delivered. It looks at states as a frontend does, and
//! nothing waits for it.

mod message;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, Utc};
use futures_util::future::join_all;
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, watch};

use super::State;
use super::event::Event;
use super::pace::beat;
use super::state::{Alarm, InstanceState, Tone};
use crate::config::{AlertConfig, Destination, Expiry};
use crate::dataverse::{Outbound, fetched, now, tell};
use crate::domain::alert::{Alert, AlertKey, Firing, Holds, Rule, Sight, Turn, Watch, When};
use crate::domain::breaker::{BreakerStatus, Class, Phase};
use crate::domain::health::Health;
use crate::domain::hook::{Answer, Called};
use crate::domain::lag::LinkCondition;
use crate::domain::network::Network;
use crate::domain::state_folder::StateFolder;
use crate::domain::text::visible;
use crate::domain::time::age;
use crate::journal::{AlertStore, Undelivered};

/// A message that did not arrive is tried again after this long, then twice as long each time, up to the cap.
const AGAIN: Duration = Duration::from_secs(5);
const AGAIN_CAP: Duration = Duration::from_secs(600);
/// A message that is older than this tells nobody anything any more.
const TOO_OLD: Duration = Duration::from_secs(3 * 24 * 3600);

/// A credential that ends within this is about to be refused.
const EXPIRING: chrono::Duration = chrono::Duration::days(14);

/// What is watched for, and who is told.
pub(super) struct Watching {
    /// The alerts that are configured; without any the built-in rules are watched, for the screen alone.
    pub(super) alerts: Vec<AlertConfig>,
    pub(super) expiries: Vec<Expiry>,
    /// How they are reached.
    pub(super) network: Network,
    /// Where it is kept what has fired and what was not delivered.
    pub(super) folder: StateFolder,
    /// Whether it is this process that tells those outside.
    pub(super) delivers: bool,
    pub(super) events: mpsc::Sender<Event>,
}

impl Watching {
    /// Watches states and tells people, until it is dropped.
    pub(super) async fn run(self, states: watch::Receiver<Arc<State>>) {
        let Some((store, outbound)) = self.outside().await else {
            return self.watch(None, states).await;
        };
        // A slow receiver must not keep the next alert from being noticed.
        tokio::join!(
            self.watch(Some(&store), states),
            deliver(&self.alerts, &store, &outbound)
        );
    }

    /// What is needed to tell those outside; `None` where this process does not, or can't.
    async fn outside(&self) -> Option<(AlertStore, Outbound)> {
        if !self.delivers {
            return None;
        }
        let folder = self.folder.clone();
        let opened = tokio::task::spawn_blocking(move || AlertStore::open(&folder)).await;
        let store = match opened {
            Ok(Ok(store)) => store,
            Ok(Err(error)) => {
                tracing::error!(%error, "no alert is sent");
                return None;
            }
            Err(error) => {
                tracing::error!(%error, "no alert is sent");
                return None;
            }
        };
        let outbound = Outbound::new(&self.network);
        let outbound = outbound.inspect_err(|error| tracing::error!(error, "no alert is sent"));
        Some((store, outbound.ok()?))
    }

    async fn watch(&self, store: Option<&AlertStore>, states: watch::Receiver<Arc<State>>) {
        let fired = match store {
            None => Vec::new(),
            Some(store) => store.firing().await.unwrap_or_else(|error| {
                tracing::error!(%error, "what has fired before can't be read");
                Vec::new()
            }),
        };
        let mut watch = Watch::new(rules(&self.alerts), fired);
        let mut shown: Option<Vec<Alarm>> = None;
        loop {
            let state = states.borrow().clone();
            let mut sights = sights(&state);
            let expiries = self.expiries.iter();
            sights.extend(expiries.map(|expiry| of_expiry(expiry, now().wall)));
            // Kept when it can't be written down: it is told as soon as it can.
            let mut looked = watch.clone();
            let at = now();
            let is_taken = |key: &AlertKey, since| {
                let taken = state.taken.get(key);
                taken.is_some_and(|taken| taken.holds(since, at.wall))
            };
            let told = looked.look(&sights, is_taken, at);
            let mut lines = Vec::new();
            for alert in &told {
                let (rule, subject, turn) = (&alert.key.rule, &alert.key.subject, alert.turn);
                tracing::warn!(rule, subject, turn = turn.word(), "{}", alert.text);
                let is_repeat = watch.firing().iter().any(|one| one.key == alert.key);
                lines.push(line(alert, is_repeat));
            }
            let kept = match store {
                Some(store) if !told.is_empty() => store.add(told).await,
                _ => Ok(()),
            };
            if let Err(error) = kept {
                tracing::error!(%error, "an alert can't be kept");
            } else {
                watch = looked;
                let alarms: Vec<Alarm> = watch
                    .firing()
                    .into_iter()
                    .map(|one| alarm(&self.alerts, one))
                    .collect();
                let told = if store.is_some() { lines } else { Vec::new() };
                if !told.is_empty() || shown.as_ref() != Some(&alarms) {
                    shown = Some(alarms.clone());
                    let event = Event::Alarmed { alarms, told };
                    if self.events.send(event).await.is_err() {
                        return;
                    }
                }
            }
            beat().await;
        }
    }
}

/// The alerts that fire in a state, for who looks once: what a rule lets pass for a while is said at once. Beside an agent
/// they are the agent's.
pub fn at_a_glance(state: &State, alerts: &[AlertConfig], expiries: &[Expiry]) -> Vec<Alarm> {
    if state.told.is_some() {
        return state.alarms.clone();
    }
    let mut rules = rules(alerts);
    for rule in &mut rules {
        rule.after = Duration::ZERO;
    }
    let mut watch = Watch::new(rules, []);
    let mut sights = sights(state);
    // A breaker opens after more failures than a single look sees.
    for lost in state.instances.iter().filter(|one| is_silent(one.health)) {
        let read = format!("{} {}", lost.name, Class::Read.word());
        let sights = sights.iter_mut();
        for sight in sights.filter(|one| one.subject == read && one.holds == Holds::Unsure) {
            sight.holds = Holds::Yes;
        }
    }
    sights.extend(expiries.iter().map(|one| of_expiry(one, state.now.wall)));
    watch.look(&sights, |_, _| false, state.now);
    let firing = watch.firing().into_iter();
    firing.map(|one| alarm(alerts, one)).collect()
}

fn rules(alerts: &[AlertConfig]) -> Vec<Rule> {
    if alerts.is_empty() {
        Rule::built_in()
    } else {
        alerts.iter().map(|alert| alert.rule.clone()).collect()
    }
}

fn alarm(alerts: &[AlertConfig], firing: Firing) -> Alarm {
    let mut alerts = alerts.iter();
    let config = alerts.find(|alert| alert.rule.name == firing.key.rule);
    Alarm {
        key: firing.key,
        when: firing.when,
        since: firing.since,
        was_seen_to_begin: firing.was_seen_to_begin,
        text: firing.text,
        runbook: config.and_then(|config| config.runbook.clone()),
        is_told: config.is_some(),
    }
}

/// A line of the timeline for what was told.
fn line(alert: &Alert, is_repeat: bool) -> (String, Tone) {
    let AlertKey { rule, subject } = &alert.key;
    let (word, tone) = match alert.turn {
        Turn::Fired if is_repeat => ("is told again", Tone::Care),
        Turn::Fired => ("fires", Tone::Care),
        Turn::Resolved => ("is over", Tone::Good),
    };
    let text = visible(&format!("alert {rule} {word}: {subject}")).into_owned();
    (text, tone)
}

async fn deliver(alerts: &[AlertConfig], store: &AlertStore, outbound: &Outbound) {
    loop {
        match store.due(now().wall).await {
            Ok(due) => {
                join_all(due.iter().map(|one| attempt(alerts, store, outbound, one))).await;
            }
            Err(error) => tracing::error!(%error, "the alerts to send can't be read"),
        }
        beat().await;
    }
}

/// Sends one message; what did not arrive has its turn again.
async fn attempt(
    alerts: &[AlertConfig],
    store: &AlertStore,
    outbound: &Outbound,
    one: &Undelivered,
) {
    let rule = &one.alert.key.rule;
    let config = alerts.iter().find(|alert| alert.rule.name == *rule);
    let at = now();
    let sent = match config {
        Some(config) => send(config, outbound, one).await,
        // Its rule is no more, and with it who was to be told.
        None => Ok(()),
    };
    let is_too_old = age(at.wall, one.alert.at) >= TOO_OLD;
    let kept = match sent {
        Ok(()) => store.done(one.id).await,
        Err(why) if is_too_old => {
            tracing::error!(rule, why, "an alert could not be sent, and is given up");
            store.done(one.id).await
        }
        Err(why) => {
            let wait = AGAIN.saturating_mul(1 << one.tries.min(16)).min(AGAIN_CAP);
            tracing::warn!(rule, why, ?wait, "an alert could not be sent");
            store.again(one.id, at.after(wait).wall).await
        }
    };
    if let Err(error) = kept {
        tracing::error!(%error, "whether an alert was sent can't be kept");
    }
}

async fn send(config: &AlertConfig, outbound: &Outbound, one: &Undelivered) -> Result<(), String> {
    let runbook = config.runbook.as_deref();
    match &config.to {
        Destination::Command(words) => {
            let json = message::plain(&one.alert, runbook);
            tell(words.clone(), json.to_string()).await
        }
        Destination::Webhook { url, shape, key } => {
            let key = match key {
                Some(key) => Some(fetched(key).await?),
                None => None,
            };
            let key = key.as_ref().map(ExposeSecret::expose_secret);
            let json = message::shaped(&one.alert, *shape, key, runbook);
            outbound.post(url, json.to_string()).await
        }
    }
}

/// What rules may watch, as a state has it.
fn sights(state: &State) -> Vec<Sight> {
    let mut sights: Vec<Sight> = state.instances.iter().flat_map(of_instance).collect();
    for place in 0..state.links.len() {
        sights.extend(of_link(state, place));
    }
    sights.extend(of_hook(state));
    let unknown = state.unknown_outcomes();
    sights.push(Sight {
        when: When::UnknownOutcomes,
        subject: "operations".to_owned(),
        holds: yes_or_no(unknown > 0),
        is_muted: false,
        text: format!(
            "{unknown} outcomes are not known: they are read back before anything is sent again"
        ),
    });
    sights
}

fn yes_or_no(is_so: bool) -> Holds {
    if is_so { Holds::Yes } else { Holds::No }
}

fn of_expiry(expiry: &Expiry, now: DateTime<Utc>) -> Sight {
    let Expiry { whose, day } = expiry;
    let ends = day.and_time(NaiveTime::MIN).and_utc();
    let days = (ends - now).num_days();
    Sight {
        when: When::Expiring,
        subject: whose.clone(),
        holds: yes_or_no(ends - now <= EXPIRING),
        is_muted: false,
        text: if ends <= now {
            format!("the credential of {whose} ended on {day}: put a new secret in its place")
        } else {
            format!(
                "the credential of {whose} ends on {day}, in {days} days: put a new secret in its place"
            )
        },
    }
}

fn of_hook(state: &State) -> Vec<Sight> {
    let Some(hook) = &state.hook else {
        return Vec::new();
    };
    let health = &hook.health;
    let (answer, called) = (health.answer(), health.called());
    let link = state.links.get(hook.link);
    let target = link.and_then(|link| state.instances.get(link.target));
    let is_muted = target.is_some_and(|target| target.maintenance().is_some());
    let name = target.map_or("the target", |target| target.name.as_str());
    let share = health.lately();
    let is_silent = matches!(answer, Answer::Silent(_));
    let down = match (answer, called) {
        (Answer::Well | Answer::NotReady(_), _) | (Answer::Silent(_), Called::No) => Holds::No,
        (Answer::Silent(_), Called::Yes) => Holds::Yes,
        _ => Holds::Unsure,
    };
    let failing = match answer {
        Answer::NotReady(_) => yes_or_no(called == Called::Yes),
        Answer::Well => yes_or_no(share.is_failing()),
        Answer::NotAsked | Answer::Silent(_) => Holds::Unsure,
    };
    let sight = |when, holds, text| Sight {
        when,
        subject: format!("hook of {name}"),
        holds,
        is_muted,
        text,
    };
    let why = match answer {
        Answer::Silent(why) | Answer::NotReady(why) => why.as_str(),
        Answer::NotAsked | Answer::Well => "",
    };
    let cure = "`tandem hook disable` lets tickets pass";
    let lets_pass = if why.is_empty() || is_silent {
        let (unensured, calls) = (share.unensured, share.calls);
        format!("the hook of {name} did not ensure {unensured} of the last {calls} calls")
    } else {
        format!("the hook of {name} ensures nothing: {why}")
    };
    vec![
        sight(
            When::HookDown,
            down,
            format!("the hook of {name} does not answer ({why}): every ticket is refused; {cure}"),
        ),
        sight(When::HookFailing, failing, lets_pass),
    ]
}

/// Whether an instance was asked and does not answer.
fn is_silent(health: Health) -> bool {
    matches!(health, Health::Down | Health::CutOff)
}

fn of_instance(instance: &InstanceState) -> impl Iterator<Item = Sight> + use<'_> {
    // What can't be asked has not got better: a breaker that is closed after a restart says nothing.
    let is_known = instance.health != Health::Unknown && !is_silent(instance.health);
    let is_muted = instance.maintenance().is_some();
    let refused = Sight {
        when: When::Refused,
        subject: instance.name.clone(),
        holds: match &instance.refused {
            Some(_) => Holds::Yes,
            None if is_known => Holds::No,
            None => Holds::Unsure,
        },
        is_muted,
        text: format!(
            "{} refuses our credentials: {}",
            instance.name,
            instance.refused.as_deref().unwrap_or_default()
        ),
    };
    let breakers = instance.breakers.iter().map(move |breaker| Sight {
        when: When::BreakerOpen,
        subject: format!("{} {}", instance.name, breaker.class.word()),
        holds: match &breaker.phase {
            Phase::Open { .. } | Phase::ForcedOpen(_) => Holds::Yes,
            Phase::Closed if is_known => Holds::No,
            Phase::Closed | Phase::HalfOpen { .. } => Holds::Unsure,
        },
        is_muted,
        text: breaker_text(instance, breaker),
    });
    std::iter::once(refused).chain(breakers)
}

fn breaker_text(instance: &InstanceState, breaker: &BreakerStatus) -> String {
    let (name, class, word) = (&instance.name, breaker.class.word(), breaker.phase.word());
    let cause = breaker.cause.as_deref().unwrap_or_default();
    format!("{name}: {class} breaker {word}: {cause}")
}

fn of_link(state: &State, place: usize) -> Vec<Sight> {
    let Some(link) = state.links.get(place) else {
        return Vec::new();
    };
    let condition = state.condition(place, state.now.wall);
    let is_muted = state.is_in_maintenance(place);
    let pending = state.pending(place);
    let lag = state.lag(place, state.now.wall).as_secs();
    let name = &link.name;
    let behind = |when: When, is_so: bool| Sight {
        when,
        subject: name.clone(),
        holds: match condition {
            LinkCondition::Unknown => Holds::Unsure,
            _ => yes_or_no(is_so),
        },
        is_muted,
        text: format!(
            "{name} is {}: {pending} pending, the oldest for {lag} s",
            condition.word()
        ),
    };
    let mut tables = state.tables_of(place);
    let is_compared = tables.all(|(_, table)| table.compared.is_some());
    let tables = state.tables_of(place);
    let held: usize = tables.map(|(_, table)| table.counts.for_a_person()).sum();
    let conflicts = Sight {
        when: When::Conflicts,
        subject: name.clone(),
        holds: if is_compared {
            yes_or_no(held > 0)
        } else {
            Holds::Unsure
        },
        is_muted,
        text: format!("{held} records of {name} wait for a person"),
    };
    let stalled = condition == LinkCondition::Stalled;
    let late = stalled || condition == LinkCondition::Late;
    vec![
        behind(When::Late, late),
        behind(When::Stalled, stalled),
        conflicts,
    ]
}
