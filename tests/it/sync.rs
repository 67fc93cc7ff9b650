//! The jobs that run a link's sync, each over sockets against the platform that the emulator serves: listed, started,
//! repeated, cancelled, and what becomes of it all when answers fail.

use std::sync::Arc;

use secrecy::SecretString;
use serde_json::json;
use tandem::config::{Config, SignedUrl, SyncConfig};
use tandem::domain::credential::{Credential, SecretSource};
use tandem::domain::drift::Drift;
use tandem::domain::instance::Endpoint;
use tandem::domain::operation::{OperationId, Stage, Verb};
use tandem::domain::row::RowId;
use tandem::domain::run::{Backend, PlatformRun, RunId, RunStatus};
use tandem::emulator::{
    Data, EUROPE, Options as Emulation, Pair, SYNC_CLIENT_ID, SYNC_WORKFLOW, user_id,
};
use tandem::engine::State;
use tandem::engine::command::{Command, Consent, RunOrder};
use tandem::engine::state::OperationState;

use crate::support::emulated::Emulated;
use crate::support::lab::{Lab, options, request};

mod commands;
mod faults;
mod jobs;
mod restart;
mod stories;

const GROUP: &str = "/subscriptions/s1/resourceGroups/rg1/providers";
const MANAGEMENT: &str = "https://management.azure.com";
const SYNAPSE: &str = "https://dev.azuresynapse.net";

/// The platforms whose runs can be listed while they are under way, repeated and cancelled.
const WHOLE: [Backend; 3] = [Backend::LogicApp, Backend::DataFactory, Backend::Synapse];

fn held(text: &str) -> SecretSource {
    SecretSource::Held(SecretString::from(text))
}

fn endpoint(url: &str) -> Endpoint {
    Endpoint::new(url).unwrap()
}

/// An application that is signed in for the platform's own audience.
fn signed_in(pair: &Pair) -> Credential {
    Credential::ClientSecret {
        authority: pair.us_url().parse().unwrap(),
        tenant: "test".to_owned(),
        client_id: "operator".to_owned(),
        secret: held(pair.token()),
    }
}

/// The job of the emulator as one of the platforms shows it; `callback` starts the flow.
fn job(backend: Backend, pair: &Pair, callback: Option<SignedUrl>) -> SyncConfig {
    let management = endpoint(pair.us_url());
    match backend {
        Backend::BuiltIn => SyncConfig::BuiltIn,
        Backend::LogicApp => SyncConfig::LogicApp {
            management,
            audience: MANAGEMENT.to_owned(),
            path: format!("{GROUP}/Microsoft.Logic/workflows/{SYNC_WORKFLOW}"),
            version: "2019-05-01",
            name: SYNC_WORKFLOW.to_owned(),
            trigger: "Recurrence".to_owned(),
            credential: signed_in(pair),
        },
        Backend::DataFactory => SyncConfig::DataFactory {
            management,
            audience: MANAGEMENT.to_owned(),
            path: format!("{GROUP}/Microsoft.DataFactory/factories/f1"),
            pipeline: SYNC_WORKFLOW.to_owned(),
            credential: signed_in(pair),
        },
        Backend::Synapse => SyncConfig::Synapse {
            workspace: management,
            audience: SYNAPSE.to_owned(),
            pipeline: SYNC_WORKFLOW.to_owned(),
            credential: signed_in(pair),
        },
        Backend::Function => SyncConfig::Function {
            app: management,
            function: SYNC_WORKFLOW.to_owned(),
            credential: Credential::FunctionsKey(held(pair.token())),
        },
        Backend::PowerAutomate => SyncConfig::PowerAutomate {
            instance: 0,
            flow: RowId::new(flow_id()).unwrap(),
            start: callback,
        },
    }
}

/// The flow's row: the emulator derives it from its name.
fn flow_id() -> uuid::Uuid {
    uuid::Uuid::parse_str(FLOW).unwrap()
}

const FLOW: &str = "00000000-0000-0000-0000-000000000001";

/// Accounts that stand in the US and not yet in Europe, and a job that would carry them over.
async fn working() -> Emulated {
    let emulated = Emulated::with(Emulation {
        data: Data::Empty,
        workflow: true,
        ..Emulation::default()
    })
    .await;
    for number in 1..=3 {
        emulated
            .us()
            .account(&id(number), json!({"name": format!("Company {number}")}))
            .await;
    }
    emulated
}

fn id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn engine_of(emulated: Emulated, backend: Backend) -> Lab {
    let state = tempfile::tempdir().unwrap();
    let sync = job(backend, &emulated.pair, None);
    Lab::configured(emulated, state, options(), |config| own(config, sync))
}

fn own(config: &mut Config, sync: SyncConfig) {
    let link = &mut config.links[0];
    link.sync = sync;
    link.sync_users = vec![RowId::new(user_id(EUROPE, SYNC_CLIENT_ID)).unwrap()];
}

async fn order(lab: &Lab, order: RunOrder) -> OperationId {
    let verb = match &order {
        RunOrder::Start => Verb::Sync,
        RunOrder::Rerun(_) => Verb::Rerun,
        RunOrder::Cancel(_) => Verb::Cancel,
    };
    let request = request(verb);
    let id = request.id;
    let consent = Consent::Named { may_wait: false };
    lab.send(match order {
        RunOrder::Start => Command::StartSync { request, consent },
        order => Command::OrderRun {
            request,
            order,
            consent,
        },
    })
    .await;
    id
}

/// Gives an order and waits for its end.
async fn ordered(lab: &mut Lab, what: RunOrder) -> Arc<OperationState> {
    let id = order(lab, what).await;
    lab.finished(id).await
}

/// Why an order was refused as a whole.
async fn refused(lab: &mut Lab, what: RunOrder) -> String {
    let id = order(lab, what).await;
    let told = |state: &State| {
        let mut notices = state.notices.iter();
        let notice = notices.find(|notice| notice.operation == Some(id) && notice.refuses);
        notice.map(|notice| notice.text.clone())
    };
    let state = lab
        .until("the order is refused", |state| told(state).is_some())
        .await;
    told(&state).unwrap()
}

fn runs(state: &State) -> Vec<PlatformRun> {
    let list = state.links[0].sync.list.as_ref();
    list.map(|list| list.runs.to_vec()).unwrap_or_default()
}

async fn stage_of(lab: &mut Lab, id: OperationId, wanted: &str) -> Arc<State> {
    lab.until(&format!("the order is {wanted}"), |state| {
        let operation = state.operation(id);
        operation.is_some_and(|operation| operation.records[0].stage.word() == wanted)
    })
    .await
}
