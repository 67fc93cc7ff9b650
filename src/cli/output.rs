//! Where results go. Stdout carries results and nothing else; a reader that goes away is no failure of ours.

use std::io::{self, IsTerminal, Write};

use unicode_width::UnicodeWidthStr;

use super::arguments::Globals;
use super::trouble::Trouble;
use crate::domain::text::tame_json;

/// Results on stdout, remarks on stderr.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// Whether results are one JSON object.
    pub json: bool,
    quiet: bool,
    shows_progress: bool,
}

impl Output {
    /// As the command line wants it.
    pub fn new(globals: &Globals) -> Self {
        Self {
            json: globals.json,
            quiet: globals.quiet,
            shows_progress: !globals.quiet && io::stderr().is_terminal(),
        }
    }

    /// Prints a result as JSON, in one line.
    pub fn object(value: &impl serde::Serialize) -> Result<(), Trouble> {
        let text = serde_json::to_string(value).map_err(|error| Trouble::bug(error.to_string()))?;
        Self::result(&format!("{}\n", tame_json(&text)));
        Ok(())
    }

    /// Prints a result.
    pub fn result(text: &str) {
        write_quietly(&mut io::stdout().lock(), text);
    }

    /// Prints an error.
    pub fn error(self, text: &str) {
        self.clear_progress();
        write_quietly(&mut io::stderr().lock(), &format!("tandem: {text}\n"));
    }

    /// Prints a remark that a quiet run does without.
    pub fn remark(self, text: &str) {
        if !self.quiet {
            self.clear_progress();
            write_quietly(&mut io::stderr().lock(), &format!("{text}\n"));
        }
    }

    /// Prints what a person has to do before anything goes on.
    pub fn ask(text: &str) {
        write_quietly(&mut io::stderr().lock(), &format!("{text}\n"));
    }

    /// Shows how far it is, on a terminal, in place of what was shown before.
    pub fn progress(self, text: &str) {
        if self.shows_progress {
            let short: String = text.chars().take(78).collect();
            write_quietly(&mut io::stderr().lock(), &format!("\r\x1b[K{short}"));
        }
    }

    /// Takes the progress away.
    pub fn clear_progress(self) {
        if self.shows_progress {
            write_quietly(&mut io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn write_quietly(to: &mut impl Write, text: &str) {
    // A closed pipe, or a full disk behind it: there is nobody left to tell.
    let _unread = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

/// Rows in columns that line up; the first row is the heading. Trailing blanks are left out.
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            let gap = 2 + width - cell.width().min(*width);
            line.extend(std::iter::repeat_n(' ', gap));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A cell that no spreadsheet takes for a formula (security case 51). Quoting is the CSV writer's business.
pub fn csv_cell(text: &str) -> String {
    let starts = text.trim_start_matches([' ', '"', '\'']);
    let is_formula = starts.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠',
    ]);
    if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_by_what_is_seen() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["a", "name", "n"]), row(["longer", "株式会社", ""])];
        assert_eq!(table(&rows), "a       name      n\nlonger  株式会社\n");
    }

    #[test]
    fn security_case_51_no_cell_is_a_formula() {
        for (cell, safe) in [
            ("Contoso", "Contoso"),
            ("", ""),
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("\0x", "'\0x"),
            ("＝1", "'＝1"),
            ("＋1", "'＋1"),
            ("－1", "'－1"),
            (" \"@x", "' \"@x"),
            ("'=1", "''=1"),
            ("＠x", "'＠x"),
            ("  =1", "'  =1"),
            ("\"=1", "'\"=1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(csv_cell(cell), safe, "{cell:?}");
        }
    }
}
