//! What every headless command stands on: the configuration, and a running engine. The one place where a frontend's
//! life begins and ends.

use tokio::task::spawn_blocking;
use tracing_appender::non_blocking::WorkerGuard;

use super::Context;
use super::arguments::Globals;
use super::log;
use super::output::Output;
use super::person;
use super::trouble::Trouble;
use super::words::duration;
use crate::config::locate::{NamedBy, Place};
use crate::config::{self, Config};
use crate::domain::credential::{Credential, SecretSource};
use crate::domain::operator::Operator;
use crate::domain::state_folder::StateFolder;
use crate::engine::{self, Depth, Engine, Options, Running, SignIn};

/// Finds and reads the configuration.
pub fn configuration(globals: &Globals) -> Result<Config, Trouble> {
    let place = configuration_place(globals).filter(is_there);
    let file = place.ok_or_else(|| none_yet(globals))?.path;
    let state = state_place(globals)?.path;
    config::load(&file, state).map_err(|error| Trouble::usage(error.to_string()))
}

/// The configuration, with everybody signed in who signs in on another device; secrets on standard input are read, and
/// what stands behind them there is left to the command.
pub async fn signed_in(context: &mut Context) -> Result<Config, Trouble> {
    let mut config = configuration(&context.globals)?;
    let secrets: Vec<SecretSource> = config.secrets().into_iter().cloned().collect();
    let done = async {
        // Whoever needs a secret that is not there says so, and for what. Who is to write it may never do so: that is
        // waited for where an interruption is still heard.
        let _missing = spawn_blocking(move || engine::take_in_secrets(&secrets)).await;
        sign_in(&mut config).await
    };
    tokio::select! {
        biased;
        () = context.interrupts.next() => Err(Trouble::interrupted()),
        done = done => done,
    }?;
    Ok(config)
}

/// Who has signed in for one instance has for every other of the same tenant and application.
async fn sign_in(config: &mut Config) -> Result<(), Trouble> {
    let mut known: Vec<Credential> = Vec::new();
    for instance in &mut config.instances {
        let Credential::DeviceCode {
            authority,
            tenant,
            client_id,
        } = &instance.credential
        else {
            continue;
        };
        let is_same = |other: &&Credential| match other {
            Credential::SignedIn {
                authority: at,
                tenant: of,
                client_id: by,
                ..
            } => at == authority && of == tenant && by == client_id,
            _ => false,
        };
        if let Some(same) = known.iter().find(is_same) {
            instance.credential = same.clone();
            continue;
        }
        let name = instance.name.as_str();
        let show = |sign_in: &SignIn| {
            // Even a quiet run can't go on without.
            Output::ask(&format!(
                "{name}: open {} on any device and enter {} (within {})",
                sign_in.page,
                sign_in.code,
                duration(sign_in.lasts)
            ));
        };
        let endpoint = &instance.endpoint;
        let signed = engine::sign_in(&instance.credential, endpoint, &config.network, show).await;
        let signed =
            signed.map_err(|failure| Trouble::unreachable(format!("{name}: {failure}")))?;
        known.push(signed.clone());
        instance.credential = signed;
    }
    Ok(())
}

/// Where the configuration is, or would be. `None` where there is no home and nobody names one.
pub fn configuration_place(globals: &Globals) -> Option<Place> {
    config::locate::config_file(globals.config.as_deref())
}

/// A file that somebody named is there, or its absence is a fault of its own.
fn is_there(place: &Place) -> bool {
    place.by != NamedBy::Default || place.path.exists()
}

/// What to do while there is no configuration.
fn none_yet(globals: &Globals) -> Trouble {
    let place = configuration_place(globals);
    let place = place.map_or_else(
        || "any file".to_owned(),
        |place| place.path.display().to_string(),
    );
    Trouble::usage(format!(
        "there is no configuration. `tandem demo` shows what it does on instances of its own; for yours, \
         `tandem init` writes {place}, or name a file with --config or ${}",
        config::locate::VARIABLE
    ))
}

/// Finds the folder of journal and logs.
pub fn state_place(globals: &Globals) -> Result<Place, Trouble> {
    let state = config::locate::state_folder(globals.state.as_deref());
    state.ok_or_else(|| Trouble::usage("there is no home for the state: say --state DIR"))
}

/// Finds the folder for a command that needs nothing else of the configuration: who shares it stands there, if there is
/// one.
pub fn state(globals: &Globals) -> Result<StateFolder, Trouble> {
    match configuration_place(globals).filter(is_there) {
        Some(_) => configuration(globals).map(|config| config.state),
        None => state_place(globals).map(|place| StateFolder::own(place.path)),
    }
}

/// What a command needs of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Everything is compared, so deep.
    Compare(Depth),
    /// The same, of what changed; what a living agent sees will do.
    Look,
    /// Records are named: each is read by itself.
    Named,
    /// Everything is compared, for as long as somebody looks.
    Watch,
    /// The same, and the sync runs here on its schedule.
    Demo,
    /// Everything that goes on by itself, with nobody in front of it.
    Agent(log::Format),
}

/// A running engine, with who asked for it.
#[derive(Debug)]
pub struct Session {
    /// What to ask and where to look.
    pub engine: Engine,
    /// The user of the operating system.
    pub who: String,
    running: Running,
    /// Flushes the log, last of all.
    _log: Option<WorkerGuard>,
}

impl Session {
    /// Starts the engine. A program that a secret comes from may take its time, and an interruption is heard meanwhile.
    pub async fn begin(
        config: Config,
        context: &mut Context,
        purpose: Purpose,
    ) -> Result<Self, Trouble> {
        let globals = context.globals.clone();
        let begun = spawn_blocking(move || Self::start(config, &globals, purpose));
        tokio::select! {
            biased;
            () = context.interrupts.next() => Err(Trouble::interrupted()),
            begun = begun => begun.unwrap_or_else(|bug| Err(Trouble::bug(bug.to_string()))),
        }
    }

    fn start(config: Config, globals: &Globals, purpose: Purpose) -> Result<Self, Trouble> {
        let who = person::who();
        let log = match purpose {
            Purpose::Agent(format) => log::serve(format),
            _ => log::begin(&config.state),
        };
        let is_unattended = matches!(purpose, Purpose::Agent(_));
        let options = Options {
            who: who.clone(),
            host: person::host(),
            is_agent: purpose == Purpose::Demo || (is_unattended && !globals.read_only),
            is_unattended,
            follows: matches!(purpose, Purpose::Watch | Purpose::Look),
            first_sync: match purpose {
                Purpose::Agent(_) => super::agent::FIRST_SYNC,
                _ => super::demo::FIRST_SYNC,
            },
            read_only: globals.read_only,
            operator: if is_unattended {
                Operator::OnCall
            } else {
                person::operator(&config.support)
            },
            compares: purpose != Purpose::Named,
            depth: match purpose {
                Purpose::Compare(depth) => depth,
                Purpose::Look
                | Purpose::Named
                | Purpose::Watch
                | Purpose::Demo
                | Purpose::Agent(_) => Depth::Changes,
            },
        };
        let (engine, running) = engine::start(config, options).map_err(|error| {
            let causes = anyhow::Error::from(error);
            Trouble::usage(format!("{causes:#}"))
        })?;
        Ok(Self {
            engine,
            who,
            running,
            _log: log,
        })
    }

    /// Lets the engine finish what it is about, and closes the journal.
    pub async fn end(self) {
        drop(self.engine);
        self.running.stop().await;
    }
}
