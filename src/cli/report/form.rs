//! The report's three forms: a table for people, CSV for spreadsheets, a line of JSON for each ticket.

use serde::Serialize;

use crate::cli::output::{csv_cell, table};
use crate::cli::trouble::Trouble;
use crate::cli::words::moment;
use crate::domain::customer::Mark;
use crate::domain::text::tame_json;
use crate::engine::report::Ticket;

/// What the report is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Columns that line up, page by page.
    Table,
    /// RFC 4180, all cells text. A cell that a spreadsheet would compute begins with `'`.
    Csv,
    /// One object a line.
    Json,
}

const TABLE: [&str; 9] = [
    "ticket",
    "state",
    "created",
    "customer",
    "name",
    "number",
    "telephone",
    "e-mail",
    "title",
];

const CSV: [&str; 13] = [
    "ticket",
    "id",
    "title",
    "state",
    "priority",
    "created",
    "mark",
    "table",
    "customer",
    "name",
    "number",
    "telephone",
    "email",
];

/// How much of the customer is known, in a word.
pub fn mark(ticket: &Ticket) -> &'static str {
    match (&ticket.customer, &ticket.fault) {
        (Some(customer), _) => customer.mark.word(),
        (None, Some(_)) => Mark::Unknown.word(),
        (None, None) => "none",
    }
}

impl Form {
    /// As the flags want it.
    pub fn of(json: bool, csv: bool) -> Self {
        match (json, csv) {
            (true, _) => Self::Json,
            (false, true) => Self::Csv,
            (false, false) => Self::Table,
        }
    }

    /// What stands before the first ticket; the table's heading needs its first page.
    pub fn heading(self) -> Result<String, Trouble> {
        match self {
            Self::Csv => csv([CSV.map(str::to_owned)].into_iter()),
            Self::Table | Self::Json => Ok(String::new()),
        }
    }

    /// Some tickets.
    pub fn page(self, tickets: &[Ticket], is_first: bool) -> Result<String, Trouble> {
        match self {
            Self::Table => {
                let heading = is_first && !tickets.is_empty();
                let heading = heading.then(|| TABLE.map(str::to_owned).to_vec());
                let rows = heading.into_iter().chain(tickets.iter().map(cells));
                Ok(table(&rows.collect::<Vec<_>>()))
            }
            Self::Csv => csv(tickets.iter().map(record)),
            Self::Json => {
                let mut text = String::new();
                for ticket in tickets {
                    let line = serde_json::to_string(&Line::of(ticket))
                        .map_err(|error| Trouble::bug(error.to_string()))?;
                    text.push_str(&tame_json(&line));
                    text.push('\n');
                }
                Ok(text)
            }
        }
    }
}

fn csv(records: impl Iterator<Item = [String; 13]>) -> Result<String, Trouble> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for record in records {
        let cells = record.iter().map(|cell| csv_cell(cell));
        writer
            .write_record(cells)
            .map_err(|error| Trouble::bug(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| Trouble::bug(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| Trouble::bug(error.to_string()))
}

/// The state of a ticket in a word (contract 9, `incident.statecode`); a number that is not known stays one.
fn state(ticket: &Ticket) -> String {
    match ticket.state {
        None => String::new(),
        Some(0) => "open".to_owned(),
        Some(1) => "resolved".to_owned(),
        Some(2) => "cancelled".to_owned(),
        Some(other) => other.to_string(),
    }
}

fn cells(ticket: &Ticket) -> Vec<String> {
    let customer = ticket.customer.as_ref();
    let of = |text: fn(&crate::engine::report::Customer) -> &String| {
        customer.map_or_else(String::new, |customer| text(customer).clone())
    };
    let title = match &ticket.fault {
        Some(fault) => format!("can't be read: {fault}"),
        None => ticket.title.clone(),
    };
    let number = match (&ticket.fault, ticket.id) {
        (Some(_), Some(id)) => id.to_string(),
        _ => ticket.number.clone(),
    };
    vec![
        number,
        state(ticket),
        ticket.created.map_or_else(String::new, moment),
        mark(ticket).to_owned(),
        of(|customer| &customer.name),
        of(|customer| &customer.number),
        of(|customer| &customer.telephone),
        of(|customer| &customer.email),
        title,
    ]
}

fn record(ticket: &Ticket) -> [String; 13] {
    let line = Line::of(ticket);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let customer = line.customer.as_ref();
    [
        text(Some(line.ticket)),
        text(line.id.as_deref()),
        text(Some(line.title)),
        line.state.clone(),
        line.priority.map_or_else(String::new, |n| n.to_string()),
        text(line.created.as_deref()),
        text(Some(line.mark)),
        text(customer.map(|customer| customer.table)),
        customer.map_or_else(String::new, |customer| customer.id.clone()),
        text(customer.map(|customer| customer.name)),
        text(customer.map(|customer| customer.number)),
        text(customer.map(|customer| customer.telephone)),
        text(customer.map(|customer| customer.email)),
    ]
}

/// A ticket's line of JSON: a stable shape, to which fields may be added.
#[derive(Debug, Serialize)]
struct Line<'a> {
    ticket: &'a str,
    id: Option<String>,
    title: &'a str,
    state: String,
    priority: Option<i64>,
    created: Option<String>,
    mark: &'static str,
    customer: Option<CustomerLine<'a>>,
    fault: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct CustomerLine<'a> {
    table: &'a str,
    id: String,
    name: &'a str,
    number: &'a str,
    telephone: &'a str,
    email: &'a str,
    why: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(ticket: &'a Ticket) -> Self {
        let customer = ticket.customer.as_ref();
        Self {
            ticket: &ticket.number,
            id: ticket.id.map(|id| id.to_string()),
            title: &ticket.title,
            state: state(ticket),
            priority: ticket.priority,
            created: ticket.created.map(moment),
            mark: mark(ticket),
            customer: customer.map(|customer| CustomerLine {
                table: &customer.table,
                id: customer.id.to_string(),
                name: &customer.name,
                number: &customer.number,
                telephone: &customer.telephone,
                email: &customer.email,
                why: customer.why.as_deref(),
            }),
            fault: ticket.fault.as_deref(),
        }
    }
}
