//! What a person answered to `tandem init`, as the command that needs no answers: for another try, or for a script.

use crate::cli::arguments::Init;
use crate::config::draft::{Draft, Entry, Place};

/// The command, where something had to be asked; secrets are in it by their place alone.
pub(super) fn command(arguments: &Init, draft: &Draft) -> Option<String> {
    let asked = arguments.source.is_none()
        || arguments.target.is_empty()
        || arguments.secret_from.is_empty() && arguments.identity.is_empty();
    asked.then(|| {
        let words = flags(arguments, draft);
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        format!("tandem init {}", words.join(" "))
    })
}

fn flags(arguments: &Init, draft: &Draft) -> Vec<String> {
    let mut words = Vec::new();
    let mut say = |flag: &str, value: String| words.extend([flag.to_owned(), value]);
    for (place, instance) in draft.instances.iter().enumerate() {
        let name = &instance.name;
        let flag = if place == 0 { "--source" } else { "--target" };
        say(flag, format!("{name}={}", instance.url));
        let mut own = |flag: &str, value: &str| say(flag, format!("{name}={value}"));
        match &instance.entry {
            Entry::ClientSecret {
                tenant,
                client_id,
                authority,
                secret: kept,
            }
            | Entry::ClientCertificate {
                tenant,
                client_id,
                authority,
                key: kept,
                ..
            } => {
                own("--tenant", tenant);
                own("--client-id", client_id);
                if let Some(authority) = authority {
                    own("--authority", authority);
                }
                own("--secret-from", &said(kept));
            }
            Entry::Identity { kind, parts } => {
                own("--identity", kind);
                for (part, value) in parts {
                    own(&format!("--{}", part.replace('_', "-")), value);
                }
            }
            Entry::Token(kept) => own("--secret-from", &said(kept)),
        }
        if let Entry::ClientCertificate { certificate, .. } = &instance.entry {
            own("--certificate", certificate);
        }
    }
    for table in &arguments.table {
        say("--table", table.clone());
    }
    for file in &draft.authorities {
        say("--ca", file.clone());
    }
    if let Some(proxy) = &draft.proxy {
        say("--proxy", proxy.clone());
    }
    words
}

/// Where a secret is kept, as `--secret-from` takes it.
fn said(place: &Place) -> String {
    match place {
        Place::Env(name) => format!("env:{name}"),
        Place::File(path) => format!("file:{path}"),
        Place::Command(words) => format!("command:{}", words.join(" ")),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=:/.,@%+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
