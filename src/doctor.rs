//! `tandem doctor`: the configuration held against what it names, from the host's name to the last column. It looks, and
//! writes nothing; nothing is called good that was not read.
//!
//! ```text
//!   network ──▶ credential ──▶ privileges ──▶ tables ──▶ hook, backend
//!      └── what can't be reached is told once; what hangs on it is *untold*, not good
//! ```

mod aadsts;
mod backend;
mod credential;
mod hook;
mod instance;
mod network;
mod privileges;
mod survey;
mod tables;

use std::collections::HashMap;

use uuid::Uuid;

use crate::config::Config;
use crate::domain::finding::{Check, Findings};
use instance::Seen;

pub use survey::{Proposals, SurveyError, survey};

/// Looks at everything that a configuration names, all instances at once.
pub async fn examine(config: &Config) -> Findings {
    let mut findings = Findings::default();
    network::way(config, &mut findings);
    let looks = config.instances.iter().enumerate().map(|(place, _)| {
        let look = instance::examine(config, place);
        Box::pin(look)
    });
    let mut seen = Vec::with_capacity(config.instances.len());
    for (found, instance) in futures_util::future::join_all(looks).await {
        findings.extend(found);
        seen.push(instance);
    }
    one_organization_each(config, &seen, &mut findings);
    for link in &config.links {
        tables::examine(config, link, &seen, &mut findings).await;
        backend::examine(config, link, &seen, &mut findings).await;
    }
    hook::examine(config, &seen, &mut findings).await;
    findings
}

/// Two names of one organization would be kept in step with themselves (security case 13).
fn one_organization_each(config: &Config, seen: &[Option<Seen>], findings: &mut Findings) {
    let mut known: HashMap<Uuid, &str> = HashMap::new();
    for (instance, seen) in config.instances.iter().zip(seen) {
        let (name, Some(seen)) = (instance.name.as_str(), seen) else {
            continue;
        };
        match known.insert(seen.organization, name) {
            None => {
                let says = format!("organization {}", seen.organization);
                findings.good(name, Check::Organization, says);
            }
            Some(other) => findings.bad(
                name,
                Check::Organization,
                format!("{name} and {other} are one and the same organization"),
                "correct the `url` of one of them: it would be kept in step with itself",
            ),
        }
    }
}
