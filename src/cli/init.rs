//! `tandem init`: a first configuration, from flags or from questions for what they leave out, and from what the
//! instances say of their tables. It writes one file, and never over another.

mod again;

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, BufRead, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use serde::Serialize;

use super::Context;
use super::arguments::Init;
use super::exit::Exit;
use super::output::Output;
use super::session;
use super::trouble::Trouble;
use super::words::count;
use crate::config::draft::{Draft, DraftInstance, DraftLink, Entry, Place};
use crate::config::{self, Config};
use crate::doctor::{self, SurveyError};
use crate::domain::instance::{Endpoint, InstanceName};
use crate::domain::table::TableName;
use crate::domain::text::visible;

/// What is copied unless something else is named.
const TABLES: [&str; 2] = ["account", "contact"];

#[derive(Serialize)]
struct Written<'a> {
    file: String,
    instances: usize,
    links: usize,
    tables: usize,
    remarks: &'a [String],
}

/// Runs the command.
pub async fn run(arguments: &Init, context: &mut Context) -> Result<Exit, Trouble> {
    let place = session::configuration_place(&context.globals);
    let place =
        place.ok_or_else(|| Trouble::usage("there is no home: name a file with --config"))?;
    let file = place.path;
    if !arguments.stdout {
        refuse_another(&file)?;
    }
    let tables = tables(arguments)?;
    let mut draft = asked(arguments, context).await?;
    let state = session::state_place(&context.globals)?.path;
    let text = draft.text();
    let config = config::parse(&text, &file, state.clone());
    let config = config.map_err(|error| Trouble::usage(error.what))?;
    context
        .output
        .progress("reading the tables of the instances…");
    let survey = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        survey = doctor::survey(&config, &tables) => survey,
    };
    context.output.clear_progress();
    let survey = survey.map_err(|error| not_surveyed(&error, again::command(arguments, &draft)))?;
    draft.links = links(&config, survey);
    let remarks = remarks(&draft);
    let text = draft.text();
    let config = config::parse(&text, &file, state);
    let config = config.map_err(|error| nothing_to_copy(&remarks, &error.what))?;
    if arguments.stdout {
        Output::result(&text);
        return Ok(Exit::Good);
    }
    write(&file, &text)?;
    tell(&file, &config, &remarks, context.output)
}

fn refuse_another(file: &Path) -> Result<(), Trouble> {
    // A link that leads nowhere is something, too.
    if file.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Trouble::refused(format!(
        "{} is there already, and is never written over: `tandem config check` reads it; another is named with --config, \
         and --stdout prints what would be written",
        file.display()
    )))
}

fn tables(arguments: &Init) -> Result<Vec<TableName>, Trouble> {
    let mut wanted: Vec<&str> = arguments.table.iter().map(String::as_str).collect();
    if wanted.is_empty() {
        wanted.extend(TABLES);
    }
    let read =
        |name: &&str| TableName::new(name).map_err(|error| Trouble::usage(error.to_string()));
    wanted.iter().map(read).collect()
}

/// What the flags say, and what is asked for because they don't.
async fn asked(arguments: &Init, context: &mut Context) -> Result<Draft, Trouble> {
    let mut sides = Vec::new();
    if let Some(source) = &arguments.source {
        sides.push(named(source)?);
    } else {
        let which = "owns the records (the source)";
        sides.push(ask_side(which, "us", "--source", context).await?);
    }
    for target in &arguments.target {
        sides.push(named(target)?);
    }
    if arguments.target.is_empty() {
        sides.push(ask_side("gets copies (the target)", "europe", "--target", context).await?);
    }
    let names: Vec<String> = sides.iter().map(|(name, _)| name.clone()).collect();
    let mut instances = Vec::new();
    for (name, url) in sides {
        let entry = entry(arguments, &names, &name, &url, context).await?;
        instances.push(DraftInstance { name, url, entry });
    }
    let here = std::env::current_dir().unwrap_or_default();
    let authorities = arguments.ca.iter().map(|file| here.join(file));
    Ok(Draft {
        authorities: authorities.map(|file| file.display().to_string()).collect(),
        proxy: arguments.proxy.clone(),
        instances,
        links: Vec::new(),
    })
}

/// `NAME=URL`.
fn named(text: &str) -> Result<(String, String), Trouble> {
    let wrong = || {
        let shown = visible(text);
        Trouble::usage(format!(
            "`{shown}` is not NAME=URL, like us=https://contoso.crm.dynamics.com"
        ))
    };
    let (name, url) = text.split_once('=').ok_or_else(wrong)?;
    Ok((checked_name(name)?, checked_url(url)?))
}

fn checked_name(name: &str) -> Result<String, Trouble> {
    let name = InstanceName::new(name.trim()).map_err(|error| Trouble::usage(error.to_string()))?;
    Ok(name.to_string())
}

fn checked_url(url: &str) -> Result<String, Trouble> {
    let endpoint = Endpoint::new(url.trim()).map_err(|error| Trouble::usage(error.to_string()))?;
    Ok(endpoint.to_string())
}

async fn ask_side(
    which: &str,
    usual: &str,
    flag: &str,
    context: &mut Context,
) -> Result<(String, String), Trouble> {
    let url = ask(
        &format!("URL of the instance that {which}"),
        None,
        flag,
        context,
    )
    .await?;
    let url = checked_url(&url)?;
    let name = ask(
        "Its name, for screens and commands",
        Some(usual),
        flag,
        context,
    )
    .await?;
    Ok((checked_name(&name)?, url))
}

async fn entry(
    arguments: &Init,
    names: &[String],
    name: &str,
    url: &str,
    context: &mut Context,
) -> Result<Entry, Trouble> {
    let said = |values: &[String]| of_instance(values, names, name);
    let is_here = Endpoint::new(url).is_ok_and(|endpoint| endpoint.is_loopback());
    let client_id = said(&arguments.client_id);
    if let Some(kind) = said(&arguments.identity) {
        let tenant = said(&arguments.tenant);
        return identity(&kind, tenant, client_id, said(&arguments.authority));
    }
    // An emulator on this machine takes a fixed token.
    if is_here && client_id.is_none() {
        let usual = "env:TANDEM_TOKEN";
        let place = place(said(&arguments.secret_from), name, "token", usual, context).await?;
        return Ok(Entry::Token(place));
    }
    let tenant = match said(&arguments.tenant) {
        Some(tenant) => tenant,
        None => {
            ask(
                &format!("{name}: the tenant (its id or domain)"),
                None,
                "--tenant",
                context,
            )
            .await?
        }
    };
    let client_id = if let Some(client_id) = client_id {
        client_id
    } else {
        let what = format!("{name}: the client id of the application user");
        ask(&what, None, "--client-id", context).await?
    };
    let authority = said(&arguments.authority);
    if let Some(certificate) = said(&arguments.certificate) {
        let here = std::env::current_dir().unwrap_or_default();
        let usual = format!("file:{name}.key");
        let key = said(&arguments.secret_from);
        return Ok(Entry::ClientCertificate {
            tenant,
            client_id,
            authority,
            certificate: here.join(certificate).display().to_string(),
            key: place(key, name, "certificate's key", &usual, context).await?,
        });
    }
    let variable = name.to_uppercase().replace('-', "_");
    let usual = format!("env:TANDEM_{variable}_SECRET");
    let secret = place(
        said(&arguments.secret_from),
        name,
        "secret",
        &usual,
        context,
    )
    .await?;
    Ok(Entry::ClientSecret {
        tenant,
        client_id,
        authority,
        secret,
    })
}

/// What a platform vouches for; each kind knows some of what may be said.
fn identity(
    kind: &str,
    tenant: Option<String>,
    client_id: Option<String>,
    authority: Option<String>,
) -> Result<Entry, Trouble> {
    let parts = [
        ("authority", authority),
        ("tenant", tenant),
        ("client_id", client_id),
    ];
    let (kind, knows): (_, &[&str]) = match kind {
        "managed-identity" => ("managed-identity", &["client_id"]),
        "workload-identity" => ("workload-identity", &["authority", "tenant", "client_id"]),
        "azure-cli" => ("azure-cli", &["tenant"]),
        other => {
            return Err(Trouble::usage(format!(
                "`{}` is no identity: it is managed-identity, workload-identity or azure-cli",
                visible(other)
            )));
        }
    };
    let parts = parts.into_iter();
    let parts = parts.filter_map(|(name, value)| Some((name, value?)));
    Ok(Entry::Identity {
        kind,
        parts: parts.filter(|(name, _)| knows.contains(name)).collect(),
    })
}

/// What was said for this instance, `NAME=VALUE`, else for all of them, `VALUE`.
fn of_instance(values: &[String], names: &[String], name: &str) -> Option<String> {
    let owner = |value: &str| {
        let (owner, rest) = value.split_once('=')?;
        let is_known = names.iter().any(|known| known == owner);
        is_known.then(|| (owner.to_owned(), rest.to_owned()))
    };
    let own = values.iter().filter_map(|value| owner(value));
    let own = own.filter(|(owner, _)| owner == name).map(|(_, rest)| rest);
    let common = values.iter().filter(|value| owner(value).is_none());
    own.chain(common.cloned()).next()
}

/// Where a secret is kept. The secret itself is never asked for (security case 19).
async fn place(
    said: Option<String>,
    name: &str,
    what: &str,
    usual: &str,
    context: &mut Context,
) -> Result<Place, Trouble> {
    let text = if let Some(text) = said {
        text
    } else {
        let question = format!(
            "{name}: where is the {what} kept (env:NAME, file:PATH or command:PROGRAM; not the {what} itself)"
        );
        ask(&question, Some(usual), "--secret-from", context).await?
    };
    let read = Place::read(&text).ok_or_else(|| {
        Trouble::usage(format!(
            "where the {what} is kept is env:NAME, file:PATH or command:PROGRAM, never the {what} itself; if that was \
             it, change it, for it may have been seen"
        ))
    })?;
    // What a person names from here has to be found from where the configuration stands.
    Ok(match read {
        Place::File(path) => {
            let here = std::env::current_dir().unwrap_or_default();
            Place::File(here.join(path).display().to_string())
        }
        other => other,
    })
}

/// Asks on stderr, and reads an answer from stdin.
async fn ask(
    question: &str,
    usual: Option<&str>,
    flag: &str,
    context: &mut Context,
) -> Result<String, Trouble> {
    let shown = usual.map(|usual| format!(" [{usual}]")).unwrap_or_default();
    let _unread = write!(io::stderr(), "{question}{shown}: ").and_then(|()| io::stderr().flush());
    let read = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        read.map(|bytes| (bytes > 0).then_some(line))
    });
    let line = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        line = read => line.map_err(|error| Trouble::bug(error.to_string()))?,
    };
    let line = line.map_err(|error| Trouble::usage(format!("stdin: {error}")))?;
    let answer = line.as_deref().map(str::trim);
    match (answer, usual) {
        (Some(""), Some(usual)) => Ok(usual.to_owned()),
        (Some(answer), _) if !answer.is_empty() => Ok(answer.to_owned()),
        _ => Err(Trouble::usage(format!(
            "nothing was said: say it as {flag}"
        ))),
    }
}

/// Nothing that was answered has to be answered again.
fn not_surveyed(error: &SurveyError, again: Option<String>) -> Trouble {
    let again = again.map(|command| format!("; as it was answered: {command}"));
    let again = again.unwrap_or_default();
    Trouble::unreachable(format!("nothing was written. {error}{again}"))
}

fn links(config: &Config, survey: Vec<doctor::Proposals>) -> Vec<DraftLink> {
    let mut instances = config.instances.iter();
    let source = instances.next().map(|source| source.name.to_string());
    let links = instances.zip(survey).map(|(target, proposals)| DraftLink {
        source: source.clone().unwrap_or_default(),
        target: target.name.to_string(),
        tables: proposals
            .into_iter()
            .map(|(table, proposal)| (table.to_string(), proposal))
            .collect(),
    });
    links.collect()
}

/// What a person should know before going on.
fn remarks(draft: &Draft) -> Vec<String> {
    let mut remarks = Vec::new();
    for link in &draft.links {
        for (table, proposal) in &link.tables {
            let place = format!("{}-{} {table}", link.source, link.target);
            match proposal {
                Ok(proposal) => {
                    remarks.extend(proposal.first.iter().map(|what| format!("{place}: {what}")));
                }
                Err(why) => remarks.push(format!("{place}: left out, {why}")),
            }
        }
    }
    remarks
}

fn nothing_to_copy(remarks: &[String], why: &str) -> Trouble {
    if remarks.is_empty() {
        Trouble::bug(format!("the draft can't be read: {why}"))
    } else {
        Trouble::usage(format!(
            "nothing was written. {why}: {}",
            remarks.join("; ")
        ))
    }
}

/// Writes the file, which must not be there, for its owner alone.
fn write(file: &Path, text: &str) -> Result<(), Trouble> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Trouble::refused(format!("{} is there already", file.display()))
        }
        _ => Trouble::usage(format!("write {}: {error}", file.display())),
    };
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
    }
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
        .map_err(failed)?;
    let written = opened
        .write_all(text.as_bytes())
        .and_then(|()| opened.sync_all());
    written.map_err(failed)
}

fn tell(file: &Path, config: &Config, remarks: &[String], output: Output) -> Result<Exit, Trouble> {
    let (instances, links) = (config.instances.len(), config.links.len());
    let tables = config.links.iter().map(|link| link.tables.len()).sum();
    if output.json {
        Output::object(&Written {
            file: file.display().to_string(),
            instances,
            links,
            tables,
            remarks,
        })?;
        return Ok(Exit::Good);
    }
    Output::result(&format!(
        "wrote {}: {}, {}, {}\n",
        file.display(),
        count(instances, "instance"),
        count(links, "link"),
        count(tables, "table"),
    ));
    for remark in remarks {
        output.remark(remark);
    }
    output.remark(
        "take out of its `columns` what belongs to the target, then run `tandem doctor`: it says, too, whether the source's \
         user may do more than read, for which the links are refused",
    );
    Ok(Exit::Good)
}
