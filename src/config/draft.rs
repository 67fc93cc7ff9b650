//! A first configuration as a text with comments: what `tandem init` writes. It says only what was asked and read; the
//! rest keeps its defaults, which stand in the sample.

use std::fmt::Write as _;

use crate::domain::proposal::Proposal;

/// How an instance is entered, in the words of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// By an application's secret.
    ClientSecret {
        /// The tenant.
        tenant: String,
        /// The application.
        client_id: String,
        /// The token endpoint's origin, if not the public cloud's.
        authority: Option<String>,
        /// Where the secret is.
        secret: Place,
    },
    /// By an application's certificate.
    ClientCertificate {
        /// The tenant.
        tenant: String,
        /// The application.
        client_id: String,
        /// The token endpoint's origin, if not the public cloud's.
        authority: Option<String>,
        /// The file of the certificate.
        certificate: String,
        /// Where its key is.
        key: Place,
    },
    /// By what a platform vouches for: there is no secret.
    Identity {
        /// Which: the word of the configuration.
        kind: &'static str,
        /// What else is said of it.
        parts: Vec<(&'static str, String)>,
    },
    /// By a fixed token, on this machine.
    Token(Place),
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// An environment variable.
    Env(String),
    /// A file.
    File(String),
    /// A program that prints it.
    Command(Vec<String>),
}

impl Place {
    /// Reads `env:NAME`, `file:PATH` or `command:PROGRAM ARGUMENT…`.
    pub fn read(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let rest = rest.trim();
        if rest.is_empty() {
            return None;
        }
        Some(match kind.trim() {
            "env" => Self::Env(rest.to_owned()),
            "file" => Self::File(rest.to_owned()),
            "command" => Self::Command(rest.split_whitespace().map(str::to_owned).collect()),
            _ => return None,
        })
    }

    fn written(&self) -> String {
        match self {
            Self::Env(name) => format!("{{ env = {} }}", quoted(name)),
            Self::File(path) => format!("{{ file = {} }}", quoted(path)),
            Self::Command(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                format!("{{ command = [{}] }}", words.join(", "))
            }
        }
    }
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftInstance {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
    /// How it is entered.
    pub entry: Entry,
}

/// One link, with what is proposed for its tables; a table that can't be copied has the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftLink {
    /// The source's name.
    pub source: String,
    /// The target's name.
    pub target: String,
    /// Its tables.
    pub tables: Vec<(String, Result<Proposal, String>)>,
}

/// All that is known of a configuration that is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// The files of further authorities.
    pub authorities: Vec<String>,
    /// The proxy.
    pub proxy: Option<String>,
    /// The instances.
    pub instances: Vec<DraftInstance>,
    /// The links.
    pub links: Vec<DraftLink>,
}

impl Draft {
    /// The configuration.
    pub fn text(&self) -> String {
        let mut text = String::from(
            "# The configuration of tandem, drafted by `tandem init` from what the instances say of their tables.\n# \
             `tandem config check` reads it, `tandem doctor` holds it against the instances. A secret never stands here.\n\n",
        );
        self.network(&mut text);
        for instance in &self.instances {
            write_instance(&mut text, instance);
        }
        for link in &self.links {
            write_link(&mut text, link);
        }
        text.push_str(REST);
        text
    }

    fn network(&self, text: &mut String) {
        if self.authorities.is_empty() && self.proxy.is_none() {
            return;
        }
        text.push_str("[network]\n");
        if !self.authorities.is_empty() {
            let files: Vec<String> = self.authorities.iter().map(|file| quoted(file)).collect();
            line(
                text,
                &format!("ca = [{}]", files.join(", ")),
                "believed beside the system's authorities",
            );
        }
        if let Some(proxy) = &self.proxy {
            line(
                text,
                &format!("proxy = {}", quoted(proxy)),
                "for all that is not on this machine",
            );
        }
        text.push('\n');
    }
}

/// What may be said beside that.
const REST: &str = "\
# What tickets lead to that are created before their customer is there: see [hook] in the sample.
# [hook]

[safety]
start = \"read-only\"                   # or \"armed\": how the console starts
confirm_above = 25                    # records; above it the count must be typed (headless: --yes COUNT)

# Who is told when the agent finds something: see [[alerts]] in the sample.
# [[alerts]]
# when = \"stalled\"
# to = { webhook = { env = \"TANDEM_ALERT_URL\" }, shape = \"teams\" }
";

fn write_instance(text: &mut String, instance: &DraftInstance) {
    let DraftInstance { name, url, entry } = instance;
    let _never = writeln!(text, "[instances.{name}]");
    let _never = writeln!(text, "url = {}", quoted(url));
    line(
        text,
        &format!("band = {}", quoted(&name.to_uppercase())),
        "what the environment band says: make it plain which is production",
    );
    let credential = match entry {
        Entry::Token(token) => {
            format!("{{ kind = \"token\", token = {} }}", token.written())
        }
        Entry::Identity { kind, parts } => {
            let parts = parts.iter();
            let parts = parts.map(|(name, value)| format!(", {name} = {}", quoted(value)));
            format!("{{ kind = {}{} }}", quoted(kind), parts.collect::<String>())
        }
        Entry::ClientSecret {
            tenant,
            client_id,
            authority,
            secret,
        } => format!(
            "{{ kind = \"client-secret\", {}, secret = {} }}",
            application(authority.as_deref(), tenant, client_id),
            secret.written()
        ),
        Entry::ClientCertificate {
            tenant,
            client_id,
            authority,
            certificate,
            key,
        } => format!(
            "{{ kind = \"client-certificate\", {}, certificate = {}, key = {} }}",
            application(authority.as_deref(), tenant, client_id),
            quoted(certificate),
            key.written()
        ),
    };
    let _never = writeln!(text, "credential = {credential}");
    let ends = match entry {
        Entry::ClientSecret { .. } => Some("secret"),
        Entry::ClientCertificate { .. } => Some("certificate"),
        Entry::Identity { .. } | Entry::Token(_) => None,
    };
    if let Some(what) = ends {
        let _never = writeln!(
            text,
            "# expires = \"2027-01-31\" belongs inside: the day on which the {what} ends, for alerts"
        );
    }
    text.push('\n');
}

/// Which application it is, at which token endpoint.
fn application(authority: Option<&str>, tenant: &str, client_id: &str) -> String {
    let authority = authority.map(|url| format!("authority = {}, ", quoted(url)));
    format!(
        "{}tenant = {}, client_id = {}",
        authority.unwrap_or_default(),
        quoted(tenant),
        quoted(client_id)
    )
}

fn write_link(text: &mut String, link: &DraftLink) {
    text.push_str("[[links]]\n");
    let _never = writeln!(text, "source = {}", quoted(&link.source));
    let _never = writeln!(text, "target = {}", quoted(&link.target));
    line(
        text,
        "cadence = \"24h\"",
        "the time between two runs of the sync",
    );
    line(
        text,
        "sync = { backend = \"built-in\" }",
        "or the job that carries the rows over: see the sample",
    );
    text.push_str("# sync_users = []                     # systemuser ids of any other sync that writes to the target\n\n");
    for (name, proposal) in &link.tables {
        match proposal {
            Ok(proposal) => write_table(text, proposal),
            Err(why) => {
                let _never = writeln!(text, "# The table {name} is left out: {}\n", plain(why));
            }
        }
    }
}

fn write_table(text: &mut String, proposal: &Proposal) {
    for what in &proposal.first {
        let _never = writeln!(text, "# First: {}.", plain(what));
    }
    text.push_str("[[links.tables]]\n");
    let _never = writeln!(text, "name = {}", quoted(proposal.table.as_str()));
    let names = |names: &[crate::domain::table::ColumnName]| {
        let names = names.iter().map(|name| quoted(name.as_str()));
        names.collect::<Vec<_>>().join(", ")
    };
    if proposal.keys.is_empty() {
        text.push_str("# keys = []                           # the target has no alternate key that is ready: rows go by GUID\n");
    } else {
        line(
            text,
            &format!("keys = [{}]", names(&proposal.keys)),
            "an alternate key of the target",
        );
    }
    line(
        text,
        &format!("stub = [{}]", names(&proposal.stub)),
        "what a row is made with while the source can't be read",
    );
    text.push_str("# What is copied: take out what belongs to the target.\ncolumns = [\n");
    for column in &proposal.columns {
        let name = format!("    {},", quoted(column.name.as_str()));
        line(text, &name, &plain(&column.holds));
    }
    for (name, why) in &proposal.left_out {
        let name = format!("    # {},", quoted(name.as_str()));
        line(text, &name, &plain(why));
    }
    text.push_str("]\n\n");
}

/// A line with its remark, which begin in one column where they can.
fn line(text: &mut String, said: &str, remark: &str) {
    let _never = writeln!(text, "{said:<37} # {remark}");
}

/// Words for a comment: one line of it.
fn plain(words: &str) -> String {
    crate::domain::text::visible(words).replace(['\n', '\r'], " ")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
