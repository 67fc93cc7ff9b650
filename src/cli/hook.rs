//! `tandem hook`: serves the ensure hook, and registers it with the instance that calls it.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::arguments::{DryRun, Globals, HookCommand};
use super::exit::Exit;
use super::output::{Output, table};
use super::session::configuration;
use super::trouble::Trouble;
use super::{Context, log};
use crate::config::Config;
use crate::hook::registration::{Change, Manner, Registration, RegistrationError, Standing};
use crate::hook::{Hook, StartError};

/// How soon a registration that failed is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// The one line that says that the hook answers.
#[derive(Serialize)]
struct Ready {
    listen: String,
}

/// What was done, or would be.
#[derive(Serialize)]
struct Done<'a> {
    dry_run: bool,
    changes: &'a [Change],
}

/// Runs the command.
pub async fn run(command: &HookCommand, context: &mut Context) -> Result<Exit, Trouble> {
    let config = configuration(&context.globals)?;
    // Flushed when the command ends.
    let _log = log::begin(&config.state);
    if let HookCommand::Serve = command {
        return serve(&config, context).await;
    }
    tokio::select! {
        result = registration(command, &config, &context.globals, context.output) => result,
        () = context.interrupts.next() => Err(Trouble::interrupted()),
    }
}

/// Serves until it is interrupted, which is how it ends, and no failure.
async fn serve(config: &Config, context: &mut Context) -> Result<Exit, Trouble> {
    if context.globals.read_only {
        let why = "the hook writes what is missing: it can't be served with --read-only";
        return Err(Trouble::refused(why));
    }
    let hook = Hook::bind(config).await.map_err(not_started)?;
    let address = hook.address();
    let address = address.map_err(|error| Trouble::bug(format!("the listener: {error}")))?;
    let scheme = if hook.is_encrypted() { "https" } else { "http" };
    let listen = format!("{scheme}://{address}");
    if context.output.json {
        Output::object(&Ready { listen })?;
    } else {
        Output::result(&format!("the hook answers at {listen}\n"));
        if !hook.is_encrypted() {
            let remark = "plain http: Dataverse reaches it through a reverse proxy that serves https on port 443";
            context.output.remark(remark);
        }
    }
    let stop = CancellationToken::new();
    let serving = tokio::spawn(hook.serve(stop.clone()));
    context.interrupts.next().await;
    stop.cancel();
    match serving.await {
        Ok(()) => Ok(Exit::Good),
        Err(error) => Err(Trouble::bug(error.to_string())),
    }
}

/// Has the target call the hook again, or no more, as `hook enable` and `hook disable` do.
pub async fn switch(config: &Config, on: bool) -> Result<(), String> {
    let told = |error: RegistrationError| format!("{:#}", anyhow::Error::from(error));
    let registration = Registration::open(config).await.map_err(told)?;
    let changes = registration.switch(on, Manner::Carry).await;
    changes.map(drop).map_err(told)
}

/// Plays a hook's part in a story: it is registered and served, dies that long after the start, and comes back.
pub async fn play(config: Config, dies: Duration, returns: Duration) {
    let began = Instant::now();
    tokio::join!(register(&config), serve_until(&config, Some(began + dies)));
    tokio::time::sleep_until(began + returns).await;
    serve_until(&config, None).await;
}

/// Registers the hook as soon as the target answers.
async fn register(config: &Config) {
    loop {
        let registered = match Registration::open(config).await {
            Ok(registration) => registration.register(false, Manner::Carry).await.map(drop),
            Err(error) => Err(error),
        };
        match registered {
            Ok(()) => return,
            Err(error) => tracing::info!(%error, "the hook is not registered yet"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn serve_until(config: &Config, end: Option<Instant>) {
    let hook = match Hook::bind(config).await {
        Ok(hook) => hook,
        Err(error) => return tracing::error!(%error, "the hook is not served"),
    };
    let stop = CancellationToken::new();
    let dies = async {
        match end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
        stop.cancel();
    };
    tokio::join!(hook.serve(stop.clone()), dies);
}

async fn registration(
    command: &HookCommand,
    config: &Config,
    globals: &Globals,
    output: Output,
) -> Result<Exit, Trouble> {
    let manner = |dry_run: &DryRun| {
        if dry_run.dry_run {
            return Ok(Manner::Tell);
        }
        if globals.read_only {
            return Err(Trouble::refused("this is --read-only: nothing was done"));
        }
        Ok(Manner::Carry)
    };
    let open = async || Registration::open(config).await.map_err(not_registered);
    let (manner, changes) = match command {
        HookCommand::Register { renew_key, dry_run } => {
            let manner = manner(dry_run)?;
            (manner, open().await?.register(*renew_key, manner).await)
        }
        HookCommand::Disable(dry_run) => {
            let manner = manner(dry_run)?;
            (manner, open().await?.switch(false, manner).await)
        }
        HookCommand::Enable(dry_run) => {
            let manner = manner(dry_run)?;
            (manner, open().await?.switch(true, manner).await)
        }
        HookCommand::Remove(dry_run) => {
            let manner = manner(dry_run)?;
            (manner, open().await?.remove(manner).await)
        }
        HookCommand::Serve | HookCommand::Status => {
            let standing = open().await?.standing().await.map_err(not_registered)?;
            return show(&standing, output);
        }
    };
    tell(&changes.map_err(not_registered)?, manner, output)
}

fn tell(changes: &[Change], manner: Manner, output: Output) -> Result<Exit, Trouble> {
    let dry_run = manner == Manner::Tell;
    if output.json {
        Output::object(&Done { dry_run, changes })?;
    } else if changes.is_empty() {
        Output::result("nothing is registered\n");
    } else {
        let verb = if dry_run { "would " } else { "" };
        let lines = changes
            .iter()
            .map(|change| format!("{verb}{} {}\n", change.what, change.name));
        Output::result(&lines.collect::<String>());
    }
    Ok(Exit::Good)
}

fn show(standing: &Standing, output: Output) -> Result<Exit, Trouble> {
    if output.json {
        Output::object(standing)?;
    } else {
        Output::result(&text(standing));
    }
    Ok(if standing.faults.is_empty() {
        Exit::Good
    } else {
        Exit::NeedsAPerson
    })
}

fn text(standing: &Standing) -> String {
    let mut text = match &standing.endpoint {
        Some(endpoint) => format!("{}  calls {}\n\n", endpoint.name, endpoint.url),
        None => String::new(),
    };
    let heading = ["step", "stage", "enabled", "columns"].map(str::to_owned);
    let mut rows = vec![heading.to_vec()];
    for step in &standing.steps {
        let enabled = if step.enabled { "yes" } else { "no" };
        rows.push(vec![
            step.name.clone(),
            step.stage.to_string(),
            enabled.to_owned(),
            step.columns.join(","),
        ]);
    }
    if rows.len() > 1 {
        text.push_str(&table(&rows));
    }
    for fault in &standing.faults {
        text.push_str(fault);
        text.push('\n');
    }
    text
}

fn not_started(error: StartError) -> Trouble {
    let cure = match &error {
        StartError::NotConfigured => ": see [hook] in the sample configuration",
        _ => "",
    };
    let causes = anyhow::Error::from(error);
    Trouble::usage(format!("{causes:#}{cure}"))
}

fn not_registered(error: RegistrationError) -> Trouble {
    match error {
        RegistrationError::SetUp(error) => not_started(error),
        RegistrationError::Configuration(why) => Trouble::usage(why),
        RegistrationError::Refused(why) => Trouble::refused(why),
        RegistrationError::Failed(failure) => {
            Trouble::unreachable(format!("the target: {failure}; {}", failure.hint()))
        }
    }
}
