//! `expires` of a credential: the day on which its secret ends. The Web API does not tell it, so a person does.

use chrono::NaiveDate;

use super::error::{ConfigError, Source};
use super::{Expiry, file};

/// The days that are written, each with whose credential it ends.
pub fn resolve(source: Source<'_>, written: &file::File) -> Result<Vec<Expiry>, ConfigError> {
    let mut found: Vec<(String, &file::Credential)> = Vec::new();
    for (name, instance) in &written.instances {
        let name = name.get_ref();
        found.push((name.clone(), instance.credential.get_ref()));
        let agent = instance.agent.as_ref();
        found.extend(agent.map(|agent| (format!("{name}'s agent"), agent.get_ref())));
    }
    for link in &written.links {
        let link = link.get_ref();
        let sync = link.sync.as_ref().map(toml::Spanned::get_ref);
        let credential = sync.and_then(|sync| sync.credential.as_ref());
        let (from, to) = (link.source.get_ref(), link.target.get_ref());
        let name = link.name.as_ref().map(|name| name.get_ref().clone());
        let name = name.unwrap_or_else(|| format!("{from}-{to}"));
        found.extend(credential.map(|one| (format!("{name}'s sync"), one.get_ref())));
    }
    if let Some(hook) = written.hook.as_ref().map(toml::Spanned::get_ref) {
        let own = [
            ("the hook", &hook.credential),
            ("the hook's customizer", &hook.customizer),
        ];
        let own = own.into_iter();
        found.extend(
            own.filter_map(|(whose, one)| Some((whose.to_owned(), one.as_ref()?.get_ref()))),
        );
    }
    let days = found.into_iter().filter_map(|(whose, credential)| {
        let written = credential.expires.as_ref()?;
        let day = written.get_ref().parse::<NaiveDate>();
        let what = "expires is the day on which the secret ends, like \"2027-01-31\"";
        let wrong = |_| source.error(&written.span(), what);
        Some(day.map(|day| Expiry { whose, day }).map_err(wrong))
    });
    days.collect()
}
