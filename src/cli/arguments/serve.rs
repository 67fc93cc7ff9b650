//! What runs until it is interrupted: agent, hook, emulator, demo.

use std::net::SocketAddr;

use clap::{Args, Subcommand};

use super::value::{loopback, share};
use crate::cli::log::Format;

/// `tandem agent`.
#[derive(Args, Clone, Debug)]
pub struct Agent {
    /// Where to answer /metrics, /healthz and /readyz [default: the configuration's, else 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// How the log on stderr is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub log_format: Format,
}

/// `tandem hook`.
#[derive(Args, Clone, Debug)]
pub struct Hook {
    /// What to do.
    #[command(subcommand)]
    pub command: HookCommand,
}

/// What to do with the hook.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum HookCommand {
    /// Answer the calls of Dataverse and of apps until interrupted
    Serve,
    /// Write the endpoint and its steps to the target, and mend what differs from the configuration
    Register {
        /// Write the key anew, after it was changed: what stands there can't be read
        #[arg(long)]
        renew_key: bool,
        /// Whether to do it.
        #[command(flatten)]
        dry_run: DryRun,
    },
    /// How the hook is registered, and what differs from the configuration
    Status,
    /// Let tickets pass without the hook: disable its steps
    Disable(DryRun),
    /// Enable the steps again
    Enable(DryRun),
    /// Remove the steps and the endpoint
    Remove(DryRun),
}

/// Whether something is done, or only told.
#[derive(Args, Clone, Copy, Debug)]
pub struct DryRun {
    /// Say what would be done; write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `tandem emulator`.
#[derive(Args, Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Emulator {
    /// Where the US instance listens: a loopback address; port 0 picks one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7001", value_parser = loopback)]
    pub us: SocketAddr,
    /// Where the Europe instance listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7002", value_parser = loopback)]
    pub europe: SocketAddr,
    /// The token that the emulator itself takes [default: a new one, printed when it is ready]
    #[arg(
        long,
        value_name = "TOKEN",
        env = "TANDEM_EMULATOR_TOKEN",
        hide_env_values = true
    )]
    pub token: Option<String>,
    /// Play this story, by its name or its file, with its traffic and syncs
    #[arg(long, value_name = "NAME|FILE")]
    pub scenario: Option<String>,
    /// The seed of whatever is random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Hold so many generated accounts, half as many contacts and a tenth of tickets, instead of the demo's companies
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub records: Option<u32>,
    /// The share of the generated records that is out of step, in every way there is
    #[arg(long, value_name = "SHARE", requires = "records", value_parser = share)]
    pub drift: Option<f64>,
    /// Leave out the plug-in that ensures a ticket's customer
    #[arg(long)]
    pub no_plug_in: bool,
    /// Let a webhook on a loopback address listen on any port, and not only on 80 and 443
    #[arg(long)]
    pub any_webhook_port: bool,
    /// Serve https, with a CA made at the start; the ready line names its file
    #[arg(long)]
    pub tls: bool,
    /// What TLS connections meet: expired, wrong-host, untrusted or cut
    #[arg(long, value_name = "FAULT", requires = "tls")]
    pub tls_fault: Option<String>,
    /// Hold every user to the service protection limits: 6000 requests, 20 minutes of execution in 5, 52 at a time
    #[arg(long)]
    pub limits: bool,
}

/// `tandem demo`.
#[derive(Args, Clone, Debug)]
pub struct Demo {
    /// The story: outage, throttled, stalled-sync, hook-down, diverged (each with a goal), calm, stale-token, plug-in-off,
    /// built-in, add-only or skip-blanks
    #[arg(long, value_name = "NAME", default_value = "outage")]
    pub scenario: String,
    /// The seed of whatever is random
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}
