//! Where the configuration and the state are: what the command line says, else the environment, else the XDG folders.

use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use etcetera::base_strategy::Xdg;

/// The environment variable that names a configuration file.
pub const VARIABLE: &str = "TANDEM_CONFIG";

/// The configuration file: the one that was named, by flag or by `$TANDEM_CONFIG`, or the default one if it exists.
pub fn config_file(named: Option<&Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| {
        std::env::var_os(VARIABLE)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    });
    named.or_else(|| default_file().filter(|file| file.exists()))
}

/// Where the configuration is looked for when nobody names one.
pub fn default_file() -> Option<PathBuf> {
    let folders = Xdg::new().ok()?;
    Some(folders.config_dir().join("tandem").join("config.toml"))
}

/// The state folder: the one that was named, or the default one. `None` where there is no home.
pub fn state_folder(named: Option<&Path>) -> Option<PathBuf> {
    let default = || Some(Xdg::new().ok()?.state_dir()?.join("tandem"));
    named.map(Path::to_owned).or_else(default)
}
