//! What is done once: the first configuration, its examination, completions and manual.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// `tandem init`. What is left out is asked for.
#[derive(Args, Clone, Debug)]
pub struct Init {
    /// The instance that owns the records, like `us=https://contoso.crm.dynamics.com`
    #[arg(long, value_name = "NAME=URL")]
    pub source: Option<String>,
    /// An instance that gets copies; named more than once, each is a link of its own
    #[arg(long, value_name = "NAME=URL")]
    pub target: Vec<String>,
    /// A table to copy, by its logical name [default: account and contact]
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<String>,
    /// The tenant of the application, of one instance or of all
    #[arg(long, value_name = "[NAME=]TENANT")]
    pub tenant: Vec<String>,
    /// The client id of the application user, of one instance or of all
    #[arg(long, value_name = "[NAME=]ID")]
    pub client_id: Vec<String>,
    /// The token endpoint's origin, in another cloud than the public one
    #[arg(long, value_name = "[NAME=]URL")]
    pub authority: Vec<String>,
    /// Where the secret is kept, `env:NAME`, `file:PATH` or `command:PROGRAM`; never the secret itself
    #[arg(long, value_name = "[NAME=]PLACE")]
    pub secret_from: Vec<String>,
    /// The file, in PEM, of the application's certificate, by which it is let in instead of a secret; --secret-from is
    /// then where its key is kept
    #[arg(long, value_name = "[NAME=]FILE")]
    pub certificate: Vec<String>,
    /// What vouches for us, with no secret at all: managed-identity, workload-identity or azure-cli
    #[arg(long, value_name = "[NAME=]KIND")]
    pub identity: Vec<String>,
    /// A file, in PEM, of an authority that is believed beside the system's
    #[arg(long, value_name = "FILE")]
    pub ca: Vec<PathBuf>,
    /// The proxy for all that is not on this machine, like `http://proxy.contoso.com:3128`
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Print the configuration, and write nothing
    #[arg(long, conflicts_with = "json")]
    pub stdout: bool,
}

/// `tandem doctor`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Doctor {
    /// List what is well, too
    #[arg(long)]
    pub all: bool,
    /// Exit with 1 for warnings and for what could not be told
    #[arg(long)]
    pub strict: bool,
}

/// `tandem config`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Config {
    /// What to do with it.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What to do with the configuration.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print where it is looked for, and who says so: --config, else `$TANDEM_CONFIG`, else the home
    Path,
    /// Read it, and say on which line something is wrong; no instance is asked
    Check,
    /// Print what it comes to, with all defaults; of secrets, where they come from
    Print,
}

/// `tandem completions`.
#[derive(Args, Clone, Copy, Debug)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `tandem man`.
#[derive(Args, Clone, Debug)]
pub struct Man {
    /// Of this command
    #[arg(value_name = "COMMAND", conflicts_with = "dir")]
    pub command: Option<String>,
    /// Write the pages of all commands into this folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
