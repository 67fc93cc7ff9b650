//! The ensure hook: its key, that it answers, that its address can be reached from outside, and that the target calls
//! it.

use super::credential;
use super::instance::Seen;
use super::privileges;
use crate::config::{Config, HookConfig};
use crate::dataverse::{Outbound, Reach, fetched, reach};
use crate::domain::finding::{Check, Findings};
use crate::domain::instance::is_loopback;
use crate::hook::registration::Registration;

const SUBJECT: &str = "hook";

/// Looks at the hook, where one is configured.
pub(super) async fn examine(config: &Config, seen: &[Option<Seen>], findings: &mut Findings) {
    let Some(hook) = &config.hook else {
        return;
    };
    key(hook, findings).await;
    answers(config, hook, findings).await;
    from_outside(config, hook, findings).await;
    let Some(target) = config.links.get(hook.link).map(|link| link.target) else {
        return;
    };
    let is_in = seen.get(target).is_some_and(Option::is_some);
    if !is_in {
        let says = "not looked at: the target did not let us in";
        return findings.untold(SUBJECT, Check::Registration, says, None);
    }
    own_user(config, hook, target, findings).await;
    registered(config, findings).await;
}

async fn key(hook: &HookConfig, findings: &mut Findings) {
    let from = credential::origin(&hook.key);
    match fetched(&hook.key).await {
        Ok(_) => findings.good(
            SUBJECT,
            Check::Secret,
            format!("its key is read from {from}"),
        ),
        Err(why) => findings.bad(
            SUBJECT,
            Check::Secret,
            format!("its key: {why}"),
            format!("have it read from {from}, for the user that runs tandem"),
        ),
    }
}

async fn answers(config: &Config, hook: &HookConfig, findings: &mut Findings) {
    let ready = hook.probed().and_then(|url| url.join("readyz").ok());
    let Some(url) = ready else {
        let says = "it has no address at which it could be asked";
        let cure = Some("say `url` or `probe` in [hook]".to_owned());
        return findings.untold(SUBJECT, Check::Hook, says, cure);
    };
    let cure = "start it (`tandem hook serve`, or its service), or say where it is asked as `probe` in [hook]";
    let asked = match Outbound::new(&config.network) {
        Ok(way) => way.get(&url, None).await,
        Err(why) => Err(why),
    };
    match asked {
        Ok((200, _)) => findings.good(SUBJECT, Check::Hook, format!("{url}: it is ready")),
        Ok((503, why)) => {
            let why: String = why.trim().chars().take(200).collect();
            let why = crate::domain::text::visible(&why).into_owned();
            let cure = "it runs, and can't ensure anything: look at its log, and at what is found of the instances";
            findings.bad(
                SUBJECT,
                Check::Hook,
                format!("it is not ready: {why}"),
                cure,
            );
        }
        Ok((status, _)) => findings.bad(
            SUBJECT,
            Check::Hook,
            format!("{url}: HTTP {status}, which is no answer of a hook"),
            cure,
        ),
        Err(why) => findings.bad(SUBJECT, Check::Hook, format!("{url}: {why}"), cure),
    }
}

/// Dataverse calls from its own data centre: from here only the address and its certificate can be judged.
async fn from_outside(config: &Config, hook: &HookConfig, findings: &mut Findings) {
    let Some(url) = &hook.url else {
        let says = "no `url` is configured: Dataverse does not know where to call";
        let cure = "say the address under which it is reached from outside as `url` in [hook]";
        return findings.bad(SUBJECT, Check::Registration, says, cure);
    };
    let target = config.links.get(hook.link);
    let target = target.and_then(|link| config.instances.get(link.target));
    let is_emulated = target.is_some_and(|target| target.endpoint.is_loopback());
    if is_loopback(url) && !is_emulated {
        let says = format!("{url} is this machine: Dataverse can't call it");
        let cure = "say the address under which it is reached from outside as `url` in [hook]";
        return findings.bad(SUBJECT, Check::Hook, says, cure);
    }
    let reached = reach(url, &config.network, config.policy.connect_timeout).await;
    let cure = "Dataverse calls on port 443 and believes public authorities only: open the port, renew the certificate";
    match reached {
        Reach::Answered(_) if is_emulated => {
            findings.good(SUBJECT, Check::Connection, format!("{url} is reached from here"));
        }
        Reach::Answered(_) => findings.untold(
            SUBJECT,
            Check::Connection,
            format!("{url} is reached from here; whether from outside can't be told from here"),
            Some(
                "create a ticket for a customer that is missing in the target, and look at `tandem hook status`"
                    .to_owned(),
            ),
        ),
        Reach::NoName { host, why } => {
            findings.bad(SUBJECT, Check::Name, format!("{host}: {why}"), cure);
        }
        Reach::NoConnection { place, why } => {
            findings.bad(SUBJECT, Check::Connection, format!("{place}: {why}"), cure);
        }
        Reach::NoEncryption { why } => findings.bad(SUBJECT, Check::Encryption, why, cure),
        Reach::NoAnswer { why } => findings.bad(SUBJECT, Check::Connection, why, cure),
    }
}

/// Its own application user, where it has one.
async fn own_user(config: &Config, hook: &HookConfig, target: usize, findings: &mut Findings) {
    let (Some(own), Some(instance)) = (&hook.credential, config.instances.get(target)) else {
        return;
    };
    let subject = format!("{} (hook)", instance.name);
    let entered = credential::examine(&subject, config, instance, own, findings).await;
    if let Some((reader, who)) = entered {
        privileges::examine(&subject, config, target, &reader, who.user, findings).await;
    }
}

async fn registered(config: &Config, findings: &mut Findings) {
    let standing = match Registration::open(config).await {
        Ok(registration) => registration.standing().await,
        Err(error) => Err(error),
    };
    match standing {
        Ok(standing) if standing.faults.is_empty() => {
            let says = format!("registered, {} steps call it", standing.steps.len());
            findings.good(SUBJECT, Check::Registration, says);
        }
        Ok(standing) => {
            for fault in &standing.faults {
                let (says, cure) = fault.rsplit_once(": tandem ").map_or_else(
                    || (fault.clone(), "look at `tandem hook status`".to_owned()),
                    |(says, order)| (says.to_owned(), format!("`tandem {order}`")),
                );
                findings.bad(SUBJECT, Check::Registration, says, cure);
            }
        }
        Err(error) => {
            let cure = "a customizer's credential may look: name it as `customizer` in [hook]";
            let says = format!("how it is registered can't be read: {error}");
            findings.untold(SUBJECT, Check::Registration, says, Some(cure.to_owned()));
        }
    }
}
