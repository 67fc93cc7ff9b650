//! Where the configuration and the state are: what the command line says, else the environment, else the XDG folders.

use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;

/// The environment variable that names a configuration file.
pub const VARIABLE: &str = "TANDEM_CONFIG";

/// The environment variable that names the folder of journal and logs.
pub const STATE_VARIABLE: &str = "TANDEM_STATE";

/// Where something is, and who said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub path: PathBuf,
    /// Who said so.
    pub by: NamedBy,
}

/// Who says where something is. The first that says anything is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The command line, by this flag.
    Flag(&'static str),
    /// The environment, by this variable.
    Environment(&'static str),
    /// Nobody: it is the place for it in the user's home.
    Default,
}

impl fmt::Display for NamedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Default => f.write_str("the default place"),
        }
    }
}

/// The configuration file: the one that was named, by flag or by `$TANDEM_CONFIG`, else the default one, whether it is
/// there or not. `None` where there is no home.
pub fn config_file(named: Option<&Path>) -> Option<Place> {
    let default = || {
        let folders = Xdg::new().ok()?;
        Some(folders.config_dir().join("tandem").join("config.toml"))
    };
    first(named, ("--config", VARIABLE), default)
}

/// The state folder: the one that was named, by flag or by `$TANDEM_STATE`, else the default one. `None` where there is
/// no home.
pub fn state_folder(named: Option<&Path>) -> Option<Place> {
    let default = || Some(Xdg::new().ok()?.state_dir()?.join("tandem"));
    first(named, ("--state", STATE_VARIABLE), default)
}

fn first(
    named: Option<&Path>,
    (flag, variable): (&'static str, &'static str),
    default: impl FnOnce() -> Option<PathBuf>,
) -> Option<Place> {
    let place = |path, by| Some(Place { path, by });
    if let Some(path) = named {
        return place(path.to_owned(), NamedBy::Flag(flag));
    }
    match std::env::var_os(variable).filter(|path| !path.is_empty()) {
        Some(path) => place(path.into(), NamedBy::Environment(variable)),
        None => place(default()?, NamedBy::Default),
    }
}
