//! Who we are to an instance: the secret, the token, the application user; for each user that is configured.

use std::error::Error;
use std::time::Duration;

use chrono::{NaiveDate, Utc};
use tokio::sync::mpsc;

use super::aadsts;
use crate::config::{Config, InstanceConfig};
use crate::dataverse::{Reader, SetUpError, Settings, Timeouts, WhoAmI};
use crate::domain::breaker::{BreakerPolicy, Class};
use crate::domain::credential::{Credential, Impersonated, SecretSource};
use crate::domain::failure::{Failure, FailureClass};
use crate::domain::finding::{Check, Findings};
use crate::domain::retry::RetryPolicy;
use crate::engine::of_instance;

/// From so many days before its end on, a secret's end is worth a word.
const SOON: i64 = 30;

/// No question may take longer, waits that the instance asks for included: there are dozens of them.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that asks once and is told soon, for itself or for somebody else.
pub(super) fn client(
    config: &Config,
    instance: &InstanceConfig,
    credential: &Credential,
    impersonates: Option<Impersonated>,
) -> Result<Reader, SetUpError> {
    // Nobody counts what is looked at once.
    let (observer, _unheard) = mpsc::unbounded_channel();
    let usual = of_instance(config, instance, credential, 0);
    let settings = Settings {
        timeouts: Timeouts {
            deadline: usual.timeouts.deadline.min(PATIENCE),
            ..usual.timeouts
        },
        breakers: Class::ALL.map(BreakerPolicy::of),
        retry: RetryPolicy {
            attempts: 2,
            throttled_attempts: 1,
            base: Duration::from_millis(200),
            ..usual.retry
        },
        impersonates,
        ..usual
    };
    Reader::new(settings, observer)
}

/// Where a secret comes from, for people.
pub(super) fn origin(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("${name}"),
        SecretSource::File(path) => path.display().to_string(),
        SecretSource::Command(words) => {
            let program = words.first().map_or("", String::as_str);
            format!("what {program} prints")
        }
        SecretSource::Stdin(line) => format!("line {line} of standard input"),
        SecretSource::Held(_) => "memory".to_owned(),
    }
}

/// Where what a credential presents comes from, for people.
fn origin_of(credential: &Credential) -> String {
    match credential {
        Credential::Token(source)
        | Credential::ClientSecret { secret: source, .. }
        | Credential::ClientCertificate { key: source, .. }
        | Credential::FunctionsKey(source)
        | Credential::Signature(source) => origin(source),
        Credential::DeviceCode { .. } | Credential::SignedIn { .. } => {
            "who signs in on another device".to_owned()
        }
        Credential::ManagedIdentity { .. } => "the identity of this machine or app".to_owned(),
        Credential::WorkloadIdentity { token_file, .. } => match token_file {
            Some(file) => file.display().to_string(),
            None => "$AZURE_FEDERATED_TOKEN_FILE".to_owned(),
        },
        Credential::AzureCli { .. } => "the Azure CLI's sign-in".to_owned(),
    }
}

/// Takes a credential as far as it gets: secret, token, user.
pub(super) async fn examine(
    subject: &str,
    config: &Config,
    instance: &InstanceConfig,
    credential: &Credential,
    findings: &mut Findings,
) -> Option<(Reader, WhoAmI)> {
    let reader = match client(config, instance, credential, None) {
        Ok(reader) => reader,
        Err(error) => {
            findings.bad(
                subject,
                Check::Secret,
                causes(&error),
                format!(
                    "have it read from {}: set the variable, or write the file (chmod 600), for the user that runs tandem",
                    origin_of(credential)
                ),
            );
            return None;
        }
    };
    let from = origin_of(credential);
    findings.good(subject, Check::Secret, format!("read from {from}"));
    if let Err(failure) = reader.authenticate().await {
        token(subject, &failure, findings);
        return None;
    }
    let kind = match credential {
        Credential::Token(_) => "a fixed token, for this machine alone",
        _ => "a token was given",
    };
    findings.good(subject, Check::Token, kind);
    match reader.who_am_i().await {
        Ok(who) => {
            let says = format!("application user {}", who.user);
            findings.good(subject, Check::User, says);
            Some((reader, who))
        }
        Err(failure) => {
            let cure = user_cure(&failure, credential);
            findings.bad(subject, Check::User, failure.summary(), cure);
            None
        }
    }
}

/// For whom the instance's own user acts, where that is configured: whose name is on what is written.
pub(super) async fn impersonated(
    subject: &str,
    config: &Config,
    instance: &InstanceConfig,
    whom: Impersonated,
    findings: &mut Findings,
) -> Option<(Reader, WhoAmI)> {
    let reader = client(config, instance, &instance.credential, Some(whom));
    let asked = match reader {
        Ok(reader) => reader.who_am_i().await.map(|who| (reader, who)),
        Err(error) => {
            findings.untold(subject, Check::User, causes(&error), None);
            return None;
        }
    };
    match asked {
        Ok((reader, who)) => {
            let says = format!(
                "it acts for {whom}, which is user {} there: what is written bears that name, as [instances.{}] says",
                who.user, instance.name
            );
            findings.good(subject, Check::User, says);
            Some((reader, who))
        }
        Err(failure) => {
            let cure = "check `impersonate`; the application user needs prvActOnBehalfOfAnotherUser (role Delegate), and \
                        whom it acts for has to be an enabled user with a role there";
            let says = format!("it can't act for {whom}: {}", failure.summary());
            findings.bad(subject, Check::User, says, cure);
            None
        }
    }
}

/// An error with what caused it.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn token(subject: &str, failure: &Failure, findings: &mut Findings) {
    if failure.class == FailureClass::Unauthorized {
        let cure = aadsts::cure(&failure.message);
        findings.bad(subject, Check::Token, failure.summary(), cure);
    } else {
        let cure = format!("the token endpoint: {}", failure.hint());
        findings.bad(subject, Check::Token, failure.summary(), cure);
    }
}

fn user_cure(failure: &Failure, credential: &Credential) -> String {
    let client = match credential {
        Credential::ClientSecret { client_id, .. }
        | Credential::ClientCertificate { client_id, .. }
        | Credential::WorkloadIdentity {
            client_id: Some(client_id),
            ..
        } => format!(" for the client id {client_id}"),
        _ => String::new(),
    };
    match failure.code.map(|code| code.0) {
        Some(0x8007_2560) => format!(
            "make an application user{client} in this environment: Power Platform admin center, Environments, Settings, \
             Users + permissions, Application users"
        ),
        Some(0x8004_2F09) => {
            "give the application user a security role (see assets/privileges.md)".to_owned()
        }
        Some(0x8004_0225 | 0x8004_A112) => {
            "the application user is disabled: enable it in the admin center".to_owned()
        }
        Some(0x8004_A113) => {
            "the environment is in administration mode: wait, or end it in the admin center".to_owned()
        }
        _ if failure.class == FailureClass::Unauthorized => {
            "the instance does not take the token: is `url` the environment that the application was made for?"
                .to_owned()
        }
        _ => failure.hint().to_owned(),
    }
}

/// The ends of secrets, as far as they were written: nothing else tells them.
pub(super) fn ends(config: &Config, instance: &InstanceConfig, findings: &mut Findings) {
    let today = Utc::now().date_naive();
    let name = instance.name.as_str();
    let agent = format!("{name}'s agent");
    let own = config.expiries.iter();
    for expiry in own.filter(|expiry| expiry.whose == name || expiry.whose == agent) {
        end(&expiry.whose, expiry.day, today, findings);
    }
}

fn end(whose: &str, day: NaiveDate, today: NaiveDate, findings: &mut Findings) {
    let left = (day - today).num_days();
    let cure = "make a new secret, put it where tandem reads it, and its end as `expires`";
    if left <= 0 {
        findings.bad(whose, Check::Secret, format!("it ended on {day}"), cure);
    } else if left <= SOON {
        let says = format!("it ends on {day}, in {left} days");
        findings.warning(whose, Check::Secret, says, cure);
    } else {
        findings.good(whose, Check::Secret, format!("it ends on {day}"));
    }
}
