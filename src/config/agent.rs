//! `[agent]`: what runs headless and always on.

use super::error::{ConfigError, Source};
use super::{AgentConfig, file};

/// The agent's section.
pub fn resolve(source: Source<'_>, written: &file::Agent) -> Result<AgentConfig, ConfigError> {
    let mut agent = AgentConfig::default();
    if let Some(listen) = &written.listen {
        agent.listen = listen.get_ref().parse().map_err(|_| {
            let what = "listen is an address and a port, like \"127.0.0.1:9464\"";
            source.error(&listen.span(), what)
        })?;
    }
    Ok(agent)
}
