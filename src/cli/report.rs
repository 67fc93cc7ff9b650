//! `tandem report`: tickets with their customers, each marked by how much of it is known. Page by page from the wire to
//! the output: nothing is kept.

mod form;

use std::collections::BTreeMap;
use std::io::{self, Write};

use chrono::{DateTime, NaiveDate, Utc};

use super::Context;
use super::arguments;
use super::exit::Exit;
use super::export::Export;
use super::select;
use super::session;
use super::trouble::Trouble;
use super::words::count;
use crate::config::{Config, parse_duration};
use crate::domain::row::RowId;
use crate::domain::table::ColumnName;
use crate::domain::text::visible;
use crate::engine;
use crate::engine::report::{Asked, Broken, Report, Ticket, Who};

use form::{Form, mark};

/// Runs the command. Customers that can't be read are no failure of the report: it says so, and goes on.
pub async fn run(arguments: &arguments::Report, context: &mut Context) -> Result<Exit, Trouble> {
    let config = session::signed_in(context).await?;
    let link = link(arguments.link.as_deref(), &config)?;
    let asked = asked(arguments)?;
    let form = Form::of(context.output.json, arguments.csv);
    let mut sink = Sink::open(arguments)?;
    let told = tokio::select! {
        biased;
        () = context.interrupts.next() => return Err(Trouble::interrupted()),
        told = tell(&config, link, &asked, form, &mut sink, context.output) => told?,
    };
    sink.finish()?;
    if let Some(why) = &told.source_failure {
        let source = config
            .links
            .get(link)
            .and_then(|link| config.instances.get(link.source));
        let source = source.map_or("the source", |source| source.name.as_str());
        context.output.remark(&format!(
            "{source} could not be read for all customers, who are marked `source unreadable`: {why}"
        ));
    }
    if let Some(why) = &told.hook_failure {
        context.output.remark(&format!(
            "which references were refused is not known, the hook can't be asked: {}",
            visible(why)
        ));
    }
    if form != Form::Table || arguments.out.is_some() {
        context.output.remark(&told.sums());
    }
    Ok(Exit::Good)
}

/// What was told, in sums.
#[derive(Debug, Default)]
struct Told {
    tickets: usize,
    marks: BTreeMap<&'static str, usize>,
    source_failure: Option<String>,
    /// References that were refused, as the hook remembers them.
    refused: usize,
    hook_failure: Option<String>,
}

impl Told {
    fn add(&mut self, tickets: &[Ticket]) {
        self.tickets += tickets.len();
        for ticket in tickets {
            *self.marks.entry(mark(ticket)).or_default() += 1;
        }
    }

    fn sums(&self) -> String {
        let marks: Vec<String> = self
            .marks
            .iter()
            .map(|(mark, count)| format!("{count} {mark}"))
            .collect();
        let mut sums = vec![count(self.tickets, "ticket")];
        if !marks.is_empty() {
            sums.push(format!("customers: {}", marks.join(", ")));
        }
        if self.refused > 0 {
            sums.push(format!("{} refused", count(self.refused, "reference")));
        }
        sums.join("; ")
    }
}

async fn tell(
    config: &Config,
    link: usize,
    asked: &Asked,
    form: Form,
    sink: &mut Sink,
    output: super::output::Output,
) -> Result<Told, Trouble> {
    let mut told = Told::default();
    let mut report = Report::begin(config, link, asked)
        .await
        .map_err(|broken| trouble(&broken, &told))?;
    sink.write(&form.heading()?)?;
    loop {
        let page = report.next().await;
        let page = page.map_err(|broken| trouble(&broken, &told));
        let Some(tickets) = page.inspect_err(|_| output.clear_progress())? else {
            break;
        };
        let is_first = told.tickets == 0;
        told.add(&tickets);
        if sink.write(&form.page(&tickets, is_first)?)? == Reader::Gone {
            break;
        }
        output.progress(&count(told.tickets, "ticket"));
    }
    match report.refused().await {
        Ok(refused) => {
            told.refused = refused.len();
            sink.write(&form.page(&refused, told.tickets == 0)?)?;
        }
        Err(why) => told.hook_failure = Some(why),
    }
    output.clear_progress();
    told.source_failure = report.source_failure().map(str::to_owned);
    if form == Form::Table {
        sink.write(&format!("{}\n", told.sums()))?;
    }
    Ok(told)
}

fn trouble(broken: &Broken, told: &Told) -> Trouble {
    match broken {
        Broken::Start(_) | Broken::Misfit(_) => Trouble::usage(broken.to_string()),
        Broken::NoSuchCustomer(why) => Trouble::new(Exit::NeedsAPerson, why.as_str()),
        Broken::Unreachable { .. } if told.tickets == 0 => Trouble::unreachable(format!(
            "{broken}; the tickets are there, so there is no report without it"
        )),
        Broken::Unreachable { .. } => Trouble::unreachable(format!(
            "{broken}; the report ends after {}, and is not complete",
            count(told.tickets, "ticket")
        )),
    }
}

/// The one link, or the one that is named.
fn link(name: Option<&str>, config: &Config) -> Result<usize, Trouble> {
    match (select::link_named(name, config)?, config.links.len()) {
        (Some(link), _) => Ok(link),
        (None, 1) => Ok(0),
        (None, _) => Err(Trouble::usage("say with --link whose tickets are meant")),
    }
}

fn asked(arguments: &arguments::Report) -> Result<Asked, Trouble> {
    let since = arguments.since.as_deref();
    let since = since.map(|text| moment(text, engine::now().wall));
    Ok(Asked {
        open: arguments.open,
        since: since.transpose()?,
        customer: arguments.customer.as_deref().map(who).transpose()?,
        limit: arguments.limit,
    })
}

/// A day, a moment, or a duration before now.
fn moment(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Trouble> {
    let ago = || {
        let ago = chrono::Duration::from_std(parse_duration(text)?).ok()?;
        now.checked_sub_signed(ago)
    };
    let day = || {
        let day: NaiveDate = text.parse().ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc())
    };
    let moment = || Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc());
    ago().or_else(day).or_else(moment).ok_or_else(|| {
        Trouble::usage(format!(
            "`{}` is no moment: say 7d, 2026-11-24 or 2026-11-24T03:00:00Z",
            visible(text)
        ))
    })
}

fn who(text: &str) -> Result<Who, Trouble> {
    if let Ok(id) = RowId::parse(text) {
        return Ok(Who::Id(id));
    }
    let key = text.split_once('=').filter(|(_, value)| !value.is_empty());
    let key = key.and_then(|(column, value)| {
        Some(Who::Key {
            column: ColumnName::new(column).ok()?,
            value: value.to_owned(),
        })
    });
    key.ok_or_else(|| {
        Trouble::usage(format!(
            "`{}` is neither a GUID nor a key like accountnumber=MSFT; `tandem find` finds either",
            visible(text)
        ))
    })
}

/// Whether anybody still reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

/// Where the report goes.
enum Sink {
    Stdout,
    File(Export),
}

impl Sink {
    fn open(arguments: &arguments::Report) -> Result<Self, Trouble> {
        match &arguments.out {
            None => Ok(Self::Stdout),
            Some(to) => Export::begin(to, arguments.overwrite).map(Self::File),
        }
    }

    fn write(&mut self, text: &str) -> Result<Reader, Trouble> {
        match self {
            Self::File(file) => file.write(text).map(|()| Reader::There),
            Self::Stdout => {
                let mut out = io::stdout().lock();
                let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
                match written {
                    Ok(()) => Ok(Reader::There),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
                    Err(error) => Err(Trouble::new(
                        Exit::NeedsAPerson,
                        format!("the report can't be written: {error}"),
                    )),
                }
            }
        }
    }

    fn finish(self) -> Result<(), Trouble> {
        match self {
            Self::Stdout => Ok(()),
            Self::File(file) => file.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_in_three_ways() {
        let parse = |text: &str| DateTime::parse_from_rfc3339(text).map(|at| at.to_utc());
        let now = parse("2026-11-24T03:00:00Z").unwrap_or_else(|error| panic!("{error}"));
        for (text, expected) in [
            ("1d12h", Some("2026-11-22T15:00:00Z")),
            ("2026-11-01", Some("2026-11-01T00:00:00Z")),
            ("2026-11-01T02:00:00+02:00", Some("2026-11-01T00:00:00Z")),
            ("", None),
            ("yesterday", None),
            ("99999999999d", None),
            ("2026-02-30", None),
        ] {
            let expected = expected.and_then(|text| parse(text).ok());
            assert_eq!(moment(text, now).ok(), expected, "{text}");
        }
    }
}
