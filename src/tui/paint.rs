//! From what the terminal shows to what it is to show, in few bytes: only what differs is written, what stands between
//! two changes is written again where that is shorter than going over it, what becomes empty at the end of a row is
//! erased at once, and a style is told once for all that has it. It knows no terminal; it writes into a buffer.

use std::io::{self, Write};

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::format::width;

/// Going over cells takes as many bytes as this: what stands there is written again where it is no longer.
const STEP: usize = 4;

/// How text is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Style {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Style {
    fn of(cell: &Cell) -> Self {
        Self {
            fg: cell.fg,
            bg: cell.bg,
            modifier: cell.modifier,
        }
    }

    /// Whether an empty cell looks other than on plain ground.
    fn shows_on_blanks(self) -> bool {
        let visible = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::CROSSED_OUT;
        self.bg != Color::Reset || self.modifier.intersects(visible)
    }
}

/// Writes what leads from one screen to another of the same size; everything, where nothing is known of the one before.
/// The terminal's style is plain before and after.
pub fn paint(before: Option<&Buffer>, after: &Buffer, out: &mut impl Write) -> io::Result<()> {
    let before = before.filter(|before| before.area == after.area);
    let empty = Buffer::empty(after.area);
    if before.is_none() {
        out.write_all(b"\x1b[2J")?;
    }
    let columns = usize::from(after.area.width);
    if columns == 0 {
        return Ok(());
    }
    let mut pen = Pen {
        out,
        style: Style::default(),
        place: None,
    };
    let shown = before.unwrap_or(&empty).content.chunks(columns);
    for (y, (old, new)) in shown.zip(after.content.chunks(columns)).enumerate() {
        if old != new {
            pen.row(y, old, new)?;
        }
    }
    pen.style(Style::default())
}

struct Pen<'a, W> {
    out: &'a mut W,
    style: Style,
    /// Column and row of the cursor, where that is known.
    place: Option<(usize, usize)>,
}

impl<W: Write> Pen<'_, W> {
    fn row(&mut self, y: usize, old: &[Cell], new: &[Cell]) -> io::Result<()> {
        let end = length(new);
        let covered = covered(new);
        // A wide letter that goes leaves half of itself behind: from the first one on, all is written.
        let wide = first_wide(old).min(first_wide(new));
        let differs = |x: usize| x < end && !covered(x) && (old[x] != new[x] || x + 1 >= wide);
        let mut x = 0;
        while let Some(from) = (x..end).find(|x| differs(*x)) {
            self.go(from, y)?;
            let mut upto = from;
            loop {
                while upto < end && (differs(upto) || covered(upto)) {
                    self.cell(&new[upto], covered(upto))?;
                    upto += 1;
                }
                let Some(next) = (upto..end).find(|x| differs(*x)) else {
                    break;
                };
                let between = &new[upto..next];
                let bytes: usize = between.iter().map(|cell| cell.symbol().len()).sum();
                let style = self.style;
                if bytes > STEP || !between.iter().all(|cell| is_written_by(style, cell)) {
                    break;
                }
                for (x, cell) in (upto..).zip(between) {
                    self.cell(cell, covered(x))?;
                }
                upto = next;
            }
            self.place = (upto < new.len()).then_some((upto, y));
            x = upto;
        }
        if length(old) > end {
            self.go(end, y)?;
            if self.style.shows_on_blanks() {
                self.style(Style::default())?;
            }
            self.out.write_all(b"\x1b[K")?;
        }
        Ok(())
    }

    /// Writes one cell where the cursor is; the second half of a wide letter is written with the first.
    fn cell(&mut self, cell: &Cell, is_covered: bool) -> io::Result<()> {
        if is_covered {
            return Ok(());
        }
        if !is_written_by(self.style, cell) {
            self.style(Style::of(cell))?;
        }
        let symbol = cell.symbol();
        // Nothing but text comes from a cell, whatever was put into it.
        if symbol.is_empty() || symbol.chars().any(char::is_control) {
            return self.out.write_all(b" ");
        }
        self.out.write_all(symbol.as_bytes())
    }

    fn go(&mut self, x: usize, y: usize) -> io::Result<()> {
        match self.place {
            Some(place) if place == (x, y) => {}
            Some((from, row)) if row == y && from < x => step(self.out, x - from)?,
            Some((_, row)) if row + 1 == y => {
                self.out.write_all(b"\r\n")?;
                step(self.out, x)?;
            }
            _ if x == 0 => write!(self.out, "\x1b[{}H", y + 1)?,
            _ => write!(self.out, "\x1b[{};{}H", y + 1, x + 1)?,
        }
        self.place = Some((x, y));
        Ok(())
    }

    fn style(&mut self, to: Style) -> io::Result<()> {
        let from = self.style;
        if from == to {
            return Ok(());
        }
        self.style = to;
        if to == Style::default() {
            return self.out.write_all(b"\x1b[m");
        }
        let mut codes: Vec<String> = Vec::new();
        // What was on and is not wanted is taken off with all the rest.
        let from = if from.modifier.difference(to.modifier).is_empty() {
            from
        } else {
            codes.push(String::new());
            Style::default()
        };
        let added = to.modifier.difference(from.modifier);
        let added = MODIFIERS.iter().filter(|(one, _)| added.contains(*one));
        codes.extend(added.map(|(_, code)| (*code).to_owned()));
        if from.fg != to.fg {
            codes.push(colour(to.fg, 30));
        }
        if from.bg != to.bg {
            codes.push(colour(to.bg, 40));
        }
        write!(self.out, "\x1b[{}m", codes.join(";"))
    }
}

const MODIFIERS: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// The code of a colour, as a foreground (30) or a background (40).
fn colour(colour: Color, base: u8) -> String {
    let bright = base + 60;
    match colour {
        Color::Reset => (base + 9).to_string(),
        Color::Black => base.to_string(),
        Color::Red => (base + 1).to_string(),
        Color::Green => (base + 2).to_string(),
        Color::Yellow => (base + 3).to_string(),
        Color::Blue => (base + 4).to_string(),
        Color::Magenta => (base + 5).to_string(),
        Color::Cyan => (base + 6).to_string(),
        Color::Gray => (base + 7).to_string(),
        Color::DarkGray => bright.to_string(),
        Color::LightRed => (bright + 1).to_string(),
        Color::LightGreen => (bright + 2).to_string(),
        Color::LightYellow => (bright + 3).to_string(),
        Color::LightBlue => (bright + 4).to_string(),
        Color::LightMagenta => (bright + 5).to_string(),
        Color::LightCyan => (bright + 6).to_string(),
        Color::White => (bright + 7).to_string(),
        Color::Indexed(n) => format!("{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => format!("{};2;{r};{g};{b}", base + 8),
    }
}

/// So many cells to the right.
fn step(out: &mut impl Write, cells: usize) -> io::Result<()> {
    match cells {
        0 => Ok(()),
        1 => out.write_all(b"\x1b[C"),
        n => write!(out, "\x1b[{n}C"),
    }
}

/// Whether a cell comes out right when it is written in that style.
fn is_written_by(style: Style, cell: &Cell) -> bool {
    let own = Style::of(cell);
    let is_blank = cell.symbol() == " " && !own.shows_on_blanks();
    own == style || (is_blank && !style.shows_on_blanks())
}

/// How many cells of a row there are up to the last that shows anything.
fn length(row: &[Cell]) -> usize {
    let shows = |cell: &Cell| cell.symbol() != " " || Style::of(cell).shows_on_blanks();
    let last = row.iter().rposition(shows);
    last.map_or(0, |last| {
        (last + width(row[last].symbol()).max(1)).min(row.len())
    })
}

/// The place of the first wide letter of a row.
fn first_wide(row: &[Cell]) -> usize {
    let is_wide = |cell: &Cell| !cell.symbol().is_ascii() && width(cell.symbol()) > 1;
    row.iter().position(is_wide).unwrap_or(usize::MAX)
}

/// Whether a cell is the second half of a wide letter.
fn covered(row: &[Cell]) -> impl Fn(usize) -> bool + '_ {
    let mut halves = Vec::new();
    if first_wide(row) < usize::MAX {
        let mut x = 0;
        while x < row.len() {
            let wide = width(row[x].symbol()).max(1);
            halves.extend(x + 1..x + wide);
            x += wide;
        }
    }
    move |x| halves.contains(&x)
}
