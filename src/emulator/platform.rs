//! The platforms of the sync (contract 11): one workflow that copies accounts and contacts from the US instance to Europe
//! once a day, and the management calls by which a Logic App, a pipeline, a function or a flow would be asked about it.
//!
//! Served on the US instance's port. All platforms show the same runs of the same workflow: whoever starts one, everybody
//! lists it. Any subscription, resource group, factory and site is taken; the workflow has one name.
//!
//! ```text
//! schedule (clock) ─┐                       ┌─▶ list US ─▶ upsert Europe ─▶ set lookups
//! trigger, callback ┼─▶ history: waiting ───┤                one run at a time
//! createRun, admin ─┘                       └─▶ status, actions, input ◀── every platform's lists
//! ```

mod arm;
mod connection;
mod copy;
mod filter;
mod flow;
mod function;
mod history;
mod job;
mod logic_app;
mod manner;
mod pipelines;
mod run;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use serde_json::Map;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use self::arm::Audience;
use self::history::{History, Order, Repeat};
pub(crate) use self::job::Recurrence;
pub(crate) use self::manner::Manner;
use self::run::{Run, Trigger, Trouble};
use super::instance::{Instance, lock};
use super::odata::query::Query;
use super::refusal::{Outcome, Refusal};
use super::reply::Reply;
use super::token::{Bearer, Tokens};

/// The workflow of a pair, kept by the US instance.
#[derive(Debug)]
pub(crate) struct Platform {
    history: History,
    manner: Mutex<Manner>,
    /// What a callback URL is signed with.
    signature: String,
    management: Tokens,
    synapse: Tokens,
}

/// A request to a platform.
struct Call<'c> {
    instance: &'c Instance,
    platform: &'c Platform,
    method: &'c Method,
    headers: &'c HeaderMap,
    path: &'c str,
    query: Query,
    body: &'c Bytes,
    now: DateTime<Utc>,
}

/// Which platform a path belongs to, and what is left of it.
enum Route<'p> {
    /// Up to and including the workflow's name, for links; then the rest.
    LogicApp {
        base: String,
        workflow: &'p str,
        rest: Vec<&'p str>,
    },
    DataFactory(Vec<&'p str>),
    Synapse(Vec<&'p str>),
    /// The URL that a trigger is called on, by the workflow's id and the trigger's name.
    Callback(&'p str, &'p str),
    Function(&'p str),
    /// Somewhere else in a subscription.
    Elsewhere,
}

impl Platform {
    /// A workflow that has copied everything that is older than a day.
    pub(crate) fn new(secret: &str, application_user: Uuid, now: DateTime<Utc>) -> Platform {
        Platform {
            history: History::new(now - TimeDelta::days(1)),
            manner: Mutex::default(),
            signature: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            management: Tokens::new(secret, application_user),
            synapse: Tokens::new(secret, application_user),
        }
    }

    /// How runs go about their work from now on.
    pub(crate) fn set_manner(&self, manner: Manner) {
        *lock(&self.manner) = manner;
    }

    pub(crate) fn manner(&self) -> Manner {
        *lock(&self.manner)
    }

    /// Whose token of one of the platforms it is.
    pub(crate) fn bearer(&self, token: &str, now: DateTime<Utc>) -> Option<Bearer> {
        let management = self.management.bearer(token, now);
        management.or_else(|| self.synapse.bearer(token, now))
    }

    /// The tokens of the platform that a scope names.
    pub(crate) fn tokens(&self, scope: &str) -> Option<&Tokens> {
        Some(match Audience::of_scope(scope)? {
            Audience::Management => &self.management,
            Audience::Synapse => &self.synapse,
        })
    }
}

/// Makes the workflow's row and starts its tasks; it runs by itself while it is enabled.
pub(crate) fn start(
    us: &Arc<Instance>,
    europe: &Arc<Instance>,
    enabled: Option<Recurrence>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let Some(platform) = &us.platform else {
        return;
    };
    flow::switch(us, enabled.is_some());
    let recurrence = enabled.unwrap_or_default();
    if recurrence.first < recurrence.every {
        recall(platform, us, europe, recurrence);
    }
    tasks.spawn(job::schedule(
        Arc::clone(platform),
        Arc::clone(us),
        recurrence,
        stop.child_token(),
    ));
    tasks.spawn(job::work(
        Arc::clone(platform),
        Arc::clone(us),
        Arc::clone(europe),
        stop.child_token(),
    ));
}

/// The runs before the story begins: one that ended well, and since then those that were refused.
fn recall(platform: &Platform, us: &Instance, europe: &Instance, recurrence: Recurrence) {
    let now = us.clock.now();
    for back in (1..=i32::from(recurrence.refused) + 1).rev() {
        let at = now - recurrence.every * back + recurrence.first;
        let is_refused = back <= i32::from(recurrence.refused);
        let trouble = is_refused.then(|| Trouble {
            code: "Forbidden",
            message: format!("{} answered 403 Forbidden", europe.url),
        });
        flow::note(us, &platform.history.ended(at, trouble.as_ref()));
    }
}

/// Answers a request to one of the platforms; `None` when the path is none of theirs.
pub(crate) fn answer(instance: &Instance, parts: &Parts, body: &Bytes, seq: u64) -> Option<Reply> {
    let platform = instance.platform.as_deref()?;
    let path = parts.uri.path();
    let route = route(path)?;
    let outcome = Query::read(parts.uri.query()).and_then(|query| {
        let call = Call {
            instance,
            platform,
            method: &parts.method,
            headers: &parts.headers,
            path,
            query,
            body,
            now: instance.clock.now(),
        };
        call.route(&route, seq)
    });
    Some(arm::dressed(instance, outcome))
}

/// Whether a path belongs to one of the platforms of an instance.
pub(crate) fn is_at(instance: &Instance, path: &str) -> bool {
    instance.platform.is_some() && route(path).is_some()
}

/// A refusal as these platforms give it, with their usual code for the status where there is none.
pub(crate) fn refused(instance: &Instance, status: StatusCode, code: Option<&str>) -> Reply {
    arm::dressed(instance, Err(arm::usual(status, code)))
}

fn route(path: &str) -> Option<Route<'_>> {
    let mut segments = path.strip_prefix('/')?.split('/');
    let is = |segment: Option<&str>, name: &str| {
        segment.is_some_and(|segment| segment.eq_ignore_ascii_case(name))
    };
    let first = segments.next()?;
    Some(match first.to_ascii_lowercase().as_str() {
        "subscriptions" => subscription(path),
        "workflows" => {
            let id = segments.next()?;
            let triggers = is(segments.next(), "triggers");
            let trigger = segments.next()?;
            if !triggers || segments.collect::<Vec<_>>() != ["paths", "invoke"] {
                return None;
            }
            Route::Callback(id, trigger)
        }
        "querypipelineruns" | "pipelineruns" | "pipelines" => {
            Route::Synapse(std::iter::once(first).chain(segments).collect())
        }
        "admin" if is(segments.next(), "functions") => {
            let name = segments.next()?;
            if segments.next().is_some() {
                return None;
            }
            Route::Function(name)
        }
        _ => return None,
    })
}

/// What is meant within a subscription; the fixed parts of such a path are case-insensitive.
fn subscription(path: &str) -> Route<'_> {
    let segments: Vec<&str> = path.split('/').collect();
    let fixed = |place: usize, name: &str| {
        segments
            .get(place)
            .is_some_and(|segment| segment.eq_ignore_ascii_case(name))
    };
    if !(fixed(3, "resourceGroups") && fixed(5, "providers")) {
        return Route::Elsewhere;
    }
    let workflow_at = |place: usize| {
        let (before, rest) = segments.split_at_checked(place + 1)?;
        Some(Route::LogicApp {
            base: before.join("/"),
            workflow: before.last()?,
            rest: rest.to_vec(),
        })
    };
    let standard = [
        "hostruntime",
        "runtime",
        "webhooks",
        "workflow",
        "api",
        "management",
        "workflows",
    ];
    let found = if fixed(6, "Microsoft.Logic") && fixed(7, "workflows") {
        workflow_at(8)
    } else if fixed(6, "Microsoft.Web")
        && fixed(7, "sites")
        && (9..).zip(standard).all(|(place, name)| fixed(place, name))
    {
        workflow_at(16)
    } else if fixed(6, "Microsoft.DataFactory") && fixed(7, "factories") {
        segments
            .get(9..)
            .map(|rest| Route::DataFactory(rest.to_vec()))
    } else {
        None
    };
    found.unwrap_or(Route::Elsewhere)
}

impl Call<'_> {
    fn route(&self, route: &Route<'_>, seq: u64) -> Outcome<Reply> {
        match route {
            Route::Callback(id, trigger) => return logic_app::called_back(self, id, trigger),
            Route::Function(name) => return function::answer(self, name),
            Route::Synapse(_) => arm::authorise(self, Audience::Synapse, seq)?,
            Route::LogicApp { .. } | Route::DataFactory(_) | Route::Elsewhere => {
                arm::authorise(self, Audience::Management, seq)?;
            }
        }
        match route {
            Route::LogicApp {
                base,
                workflow,
                rest,
            } => logic_app::answer(self, base, workflow, rest),
            Route::DataFactory(rest) => pipelines::data_factory(self, rest),
            Route::Synapse(rest) => pipelines::synapse(self, rest),
            _ => Err(arm::unsupported(&format!("The path {}", self.path))),
        }
    }

    /// Queues a run that reads anew.
    fn start(
        &self,
        tracking: Option<String>,
        parameters: Map<String, serde_json::Value>,
    ) -> Outcome<Run> {
        self.submit(Order {
            trigger: Trigger::Manual,
            tracking,
            parameters,
            repeats: None,
        })
    }

    /// Queues a run that repeats another's input, from one of its steps.
    fn repeat(&self, run: &Run, from: usize, group: Option<Uuid>) -> Outcome<Run> {
        if run.begun.is_some() && run.input.window.is_none() {
            return Err(Refusal::new(
                StatusCode::GONE,
                "RunDataExpired",
                format!(
                    "The input of the run '{}' is no longer kept, so it can't be repeated.",
                    run.name
                ),
            ));
        }
        self.submit(Order {
            trigger: run.trigger,
            tracking: None,
            parameters: run.parameters.clone(),
            repeats: Some(Repeat {
                input: run.input.clone(),
                from,
                group,
            }),
        })
    }

    fn submit(&self, order: Order) -> Outcome<Run> {
        let run = self.platform.history.submit(order, self.now);
        run.ok_or_else(|| {
            Refusal::new(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequests",
                "Too many runs of the workflow are waiting already.",
            )
        })
    }

    /// Asks a run to end, and writes down one that had only waited.
    fn cancel(&self, id: Uuid) {
        let history = &self.platform.history;
        history.cancel(id, self.now);
        if let Some(run) = history.find(|run| run.id == id && run.begun.is_none()) {
            flow::note(self.instance, &run);
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `http://host:port` as the client addressed it.
    fn origin(&self) -> String {
        let scheme = self.instance.url.split("://").next().unwrap_or("http");
        self.header("host")
            .map_or(self.instance.url.clone(), |host| {
                format!("{scheme}://{host}")
            })
    }
}
