//! From a file to a configuration. The file decides where secrets go, so that nobody else may be able to write it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::error::{ConfigError, Source};
use super::{
    Config, Policy, Safety, agent, alert, expiry, file, hook, instance, keys, link, misspelt,
    network, operators, policy, state,
};

/// The sample: what `tandem` prints for who wants to begin.
pub const SAMPLE: &str = include_str!("../../assets/default.toml");

/// Reads a configuration file. `state` is the folder of the journal.
pub fn load(file: &Path, state: PathBuf) -> Result<Config, ConfigError> {
    check_hands(file)?;
    let text = fs::read_to_string(file)
        .map_err(|error| ConfigError::whole(file, format!("can't be read: {error}")))?;
    parse(&text, file, state)
}

/// Reads the text of a configuration; `file` is what errors name.
pub fn parse(text: &str, file: &Path, state: PathBuf) -> Result<Config, ConfigError> {
    let source = Source { file, text };
    let written: file::File = toml::from_str(text).map_err(|error| {
        // Only the message: what toml shows around it could be a secret.
        let message = misspelt::explained(error.message().trim());
        match error.span() {
            Some(at) => source.error(&at, message),
            None => ConfigError::whole(file, message),
        }
    })?;
    if written.instances.is_empty() {
        let what = "no instance is configured: begin with [instances.NAME]";
        return Err(ConfigError::whole(file, what));
    }
    let policy = match &written.policy {
        Some(policy) => policy::resolve(source, &policy.span(), policy.get_ref())?,
        None => Policy::default(),
    };
    let mut instances: Vec<_> = written.instances.iter().collect();
    instances.sort_by_key(|(name, _)| name.span().start);
    let instances = instances
        .into_iter()
        .map(|(name, written)| instance::resolve(source, name, written, &policy))
        .collect::<Result<Vec<_>, _>>()?;
    let links = link::resolve(source, &instances, &written.links)?;
    let hook = written
        .hook
        .as_ref()
        .map(|written| hook::resolve(source, &instances, &links, written))
        .transpose()?;
    Ok(Config {
        safety: safety(source, &written.safety)?,
        hook,
        support: operators::resolve(source, &written.operators)?,
        network: network::resolve(source, &written.network)?,
        agent: agent::resolve(source, &written.agent)?,
        alerts: alert::resolve(source, &written.alerts)?,
        expiries: expiry::resolve(source, &written)?,
        keys: keys::resolve(source, &written.keys),
        instances,
        links,
        policy,
        state: state::resolve(source, state, &written.state)?,
        keep: state::keep(source, &written.state)?,
    })
}

fn safety(source: Source<'_>, written: &file::Safety) -> Result<Safety, ConfigError> {
    let mut safety = Safety::default();
    if let Some(start) = &written.start {
        safety.starts_armed = match start.get_ref().as_str() {
            "read-only" => false,
            "armed" => true,
            _ => {
                let what = "start is \"read-only\" or \"armed\"";
                return Err(source.error(&start.span(), what));
            }
        };
    }
    if let Some(most) = written.confirm_above {
        safety.confirm_above = most;
    }
    Ok(safety)
}

/// Refuses a file that somebody else could have written (security case 25). A link is followed, and what it leads to
/// is looked at.
fn check_hands(file: &Path) -> Result<(), ConfigError> {
    let wrong = |what: String| ConfigError::whole(file, what);
    let real = fs::canonicalize(file).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let found = fs::metadata(&real).map_err(|error| wrong(format!("can't be read: {error}")))?;
    if !found.is_file() {
        return Err(wrong("is not a plain file".to_owned()));
    }
    if !is_trusted(found.uid()) {
        return Err(wrong("belongs to another user".to_owned()));
    }
    if found.mode() & 0o022 != 0 {
        let cure = "can be written by others: take that away with `chmod go-w`";
        return Err(wrong(cure.to_owned()));
    }
    let folder = real.parent().unwrap_or(Path::new("/"));
    let around = fs::metadata(folder).map_err(|error| wrong(format!("can't be read: {error}")))?;
    let sticky = around.mode() & 0o1000 != 0;
    if !is_trusted(around.uid()) || (around.mode() & 0o022 != 0 && !sticky) {
        let what = format!(
            "stands in {}, where others could replace it: take that away with `chmod go-w`",
            folder.display()
        );
        return Err(wrong(what));
    }
    Ok(())
}

fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == rustix::process::geteuid().as_raw()
}
