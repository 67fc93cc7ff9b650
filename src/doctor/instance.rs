//! One instance, as far as one gets into it: the way there, the token endpoint, and each user that is configured.

use std::time::Duration;

use uuid::Uuid;

use super::network::{self, Kind};
use super::{credential, privileges};
use crate::config::{Config, InstanceConfig};
use crate::dataverse::Reader;
use crate::domain::credential::Credential;
use crate::domain::finding::{Check, Findings};

/// An instance that let us in.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// As the configured user.
    pub(super) reader: Reader,
    /// Which organization it is.
    pub(super) organization: Uuid,
}

/// How far is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Until it lets us in.
    Door,
    /// At what may be done there, too.
    Whole,
}

/// Looks at one instance; what is known of it afterwards, if it let us in.
pub(super) async fn examine(config: &Config, place: usize) -> (Findings, Option<Seen>) {
    look(config, place, Depth::Whole).await
}

/// Goes in, and looks at nothing there.
pub(super) async fn enter(config: &Config, place: usize) -> (Findings, Option<Seen>) {
    look(config, place, Depth::Door).await
}

async fn look(config: &Config, place: usize, depth: Depth) -> (Findings, Option<Seen>) {
    let mut findings = Findings::default();
    let Some(instance) = config.instances.get(place) else {
        return (findings, None);
    };
    let name = instance.name.as_str();
    let patience = patience(config, instance);
    let mut url = instance.endpoint.url().clone();
    url.set_path("/api/data/v9.2/");
    let network = &config.network;
    let is_there =
        network::examine(name, &url, Kind::Instance, network, patience, &mut findings).await;
    credential::ends(config, instance, &mut findings);
    if !is_there {
        let says = "not looked at: the instance was not reached";
        findings.untold(name, Check::User, says, None);
        return (findings, None);
    }
    let mut asked = Vec::new();
    let users = [
        (name.to_owned(), Some(&instance.credential)),
        (format!("{name} (agent)"), instance.agent.as_ref()),
    ];
    let mut seen = None;
    for (subject, user) in users {
        let Some(user) = user else { continue };
        if !authority(&subject, config, instance, user, &mut asked, &mut findings).await {
            continue;
        }
        let entered = credential::examine(&subject, config, instance, user, &mut findings).await;
        let Some((reader, who)) = entered else {
            continue;
        };
        if depth == Depth::Whole {
            privileges::examine(&subject, config, place, &reader, who.user, &mut findings).await;
        }
        let is_own = subject == name;
        let (reader, who) = match instance.impersonates.filter(|_| is_own) {
            None => (reader, who),
            Some(whom) => {
                let subject = format!("{name} (impersonating)");
                let entered =
                    credential::impersonated(&subject, config, instance, whom, &mut findings);
                let Some((reader, who)) = entered.await else {
                    continue;
                };
                // What may be done is what both may.
                if depth == Depth::Whole {
                    privileges::examine(&subject, config, place, &reader, who.user, &mut findings)
                        .await;
                }
                (reader, who)
            }
        };
        if is_own {
            seen = Some(Seen {
                reader,
                organization: who.organization,
            });
        }
    }
    (findings, seen)
}

/// How long a step on the way to an instance may take.
fn patience(config: &Config, instance: &InstanceConfig) -> Duration {
    let policy = config.policy_of(instance);
    policy.connect_timeout + policy.read_timeout / 3
}

/// The token endpoint of a user, which is asked once for all users that share it.
async fn authority(
    subject: &str,
    config: &Config,
    instance: &InstanceConfig,
    user: &Credential,
    asked: &mut Vec<(url::Url, bool)>,
    findings: &mut Findings,
) -> bool {
    let Some(authority) = user.authority() else {
        return true;
    };
    if let Some((_, is_there)) = asked.iter().find(|(url, _)| url == authority) {
        return *is_there;
    }
    let host = authority.host_str().unwrap_or_default();
    let place = format!("{subject}: {host}");
    let is_there = network::examine(
        &place,
        authority,
        Kind::Authority,
        &config.network,
        patience(config, instance),
        findings,
    )
    .await;
    asked.push((authority.clone(), is_there));
    is_there
}
