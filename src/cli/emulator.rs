//! `tandem emulator`: serves the embedded instances until it is interrupted.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::{Builder, NamedTempFile};

use super::Context;
use super::arguments::Emulator;
use super::exit::Exit;
use super::output::Output;
use super::trouble::Trouble;
use crate::emulator::{Data, Limits, Options, Pair, Scenario, TlsFault, Webhooks};

/// The one line that says that both instances answer.
#[derive(Clone, Debug, Serialize)]
pub struct Ready {
    /// The US instance's URL.
    pub us: String,
    /// The Europe instance's URL.
    pub europe: String,
    /// The bearer token that both take.
    pub token: String,
    /// With TLS, the file of the authority that clients have to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

/// Runs the command. To be interrupted is how it ends, and no failure.
pub async fn run(arguments: &Emulator, context: &mut Context) -> Result<Exit, Trouble> {
    let pair = serve(arguments).await?;
    // Removed when the command ends.
    let ca = pair.ca_pem().map(ca_file).transpose()?;
    Output::object(&Ready {
        us: pair.us_url().to_owned(),
        europe: pair.europe_url().to_owned(),
        token: pair.token().to_owned(),
        ca: ca.as_ref().map(|file| file.path().to_owned()),
    })?;
    context.interrupts.next().await;
    pair.shutdown().await;
    Ok(Exit::Good)
}

/// Binds, fills and serves; returns once both instances answer.
async fn serve(arguments: &Emulator) -> Result<Pair, Trouble> {
    let mut options = Options {
        us: arguments.us,
        europe: arguments.europe,
        plug_in: !arguments.no_plug_in,
        seed: arguments.seed,
        data: arguments.records.map_or(Data::Demo, |records| Data::Many {
            records,
            drift: arguments.drift.unwrap_or(0.0),
        }),
        scenario: arguments.scenario.as_deref().map(story).transpose()?,
        tls: arguments.tls,
        webhooks: Webhooks {
            any_port: arguments.any_webhook_port,
            ..Webhooks::default()
        },
        limits: arguments.limits.then(Limits::default),
        tls_fault: arguments.tls_fault.as_deref().map(tls_fault).transpose()?,
        ..Options::default()
    };
    if let Some(token) = &arguments.token {
        options.token = checked(token)?;
    }
    let failed = |error: io::Error| Trouble::usage(format!("serve the emulator: {error}"));
    let mut pair = Pair::bind(options).await.map_err(failed)?;
    pair.serve().await.map_err(failed)?;
    Ok(pair)
}

/// The story of that name, else the one in that file.
fn story(name: &str) -> Result<Scenario, Trouble> {
    if Scenario::named(name).is_some() || !Path::new(name).exists() {
        return scenario(name);
    }
    let read = std::fs::read_to_string(name);
    let text =
        read.map_err(|error| Trouble::usage(format!("read the scenario {name}: {error}")))?;
    Scenario::load(&text).map_err(|error| {
        let error = anyhow::Error::from(error);
        Trouble::usage(format!("{name}: {error:#}"))
    })
}

/// The story of that name.
pub fn scenario(name: &str) -> Result<Scenario, Trouble> {
    Scenario::named(name).ok_or_else(|| {
        let known = Scenario::names().join(", ");
        Trouble::usage(format!("there is no scenario `{name}`: there are {known}"))
    })
}

fn tls_fault(name: &str) -> Result<TlsFault, Trouble> {
    let known = "there are expired, wrong-host, untrusted, cut";
    TlsFault::named(name)
        .ok_or_else(|| Trouble::usage(format!("there is no TLS fault `{name}`: {known}")))
}

/// A file of its own, for other programs to read.
fn ca_file(pem: &str) -> Result<NamedTempFile, Trouble> {
    let write = || {
        let mut file = Builder::new()
            .prefix("tandem-emulator-ca-")
            .suffix(".pem")
            .tempfile()?;
        file.write_all(pem.as_bytes())?;
        file.flush()?;
        Ok(file)
    };
    write().map_err(|error: io::Error| Trouble::usage(format!("write the CA to a file: {error}")))
}

/// A token goes into a header as it is.
fn checked(token: &str) -> Result<String, Trouble> {
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Trouble::usage("--token is one word of plain ASCII"));
    }
    Ok(token.to_owned())
}
