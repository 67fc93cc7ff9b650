//! From what the terminal shows to what it is to show, in few bytes: only what differs is written, what stands between
//! two changes is written again where that is shorter than going over it, what becomes empty at the end of a row is
//! erased at once, a row that is to hold much less than it does is erased first, and a style is told once for all that
//! has it. It knows no terminal; it writes into a buffer.

use std::io::{self, Write};
use std::ops::Range;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::format::width;

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
    let empty = vec![Cell::EMPTY; columns];
    let mut shown = before.map(|before| before.content.chunks(columns));
    for (y, new) in after.content.chunks(columns).enumerate() {
        let old = shown.as_mut().and_then(Iterator::next).unwrap_or(&empty);
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
        let is_longer = length(old) > end;
        let first = (0..end).find(|x| differs(*x));
        if let Some(from) = first.filter(|from| gain(&old[*from..], &new[*from..end]) > 0) {
            self.erase(from, y)?;
            let wide = first_wide(new);
            let shows = |x: usize| !covered(x) && (shows(&new[x]) || x + 1 >= wide);
            return self.cells(y, new, from..end, shows, &covered);
        }
        if let Some(from) = first {
            self.cells(y, new, from..end, differs, &covered)?;
        }
        if is_longer {
            self.erase(end, y)?;
        }
        Ok(())
    }

    /// Writes those cells of a range that are wanted, and what stands between two of them where that takes no more than
    /// going over it.
    fn cells(
        &mut self,
        y: usize,
        new: &[Cell],
        range: Range<usize>,
        is_wanted: impl Fn(usize) -> bool,
        covered: &impl Fn(usize) -> bool,
    ) -> io::Result<()> {
        // At the beginning of the next row, the cursor is at once.
        let is_below = self.place.is_some_and(|(_, row)| row + 1 == y);
        let mut x = if is_below { 0 } else { range.start };
        let mut written = is_below.then_some(x);
        while let Some(next) = (x..range.end).find(|x| is_wanted(*x)) {
            let between = &new[x..next];
            let bytes: usize = between.iter().map(|cell| cell.symbol().len()).sum();
            let style = self.style;
            let is_short = written == Some(x)
                && bytes <= going(between.len())
                && between.iter().all(|cell| is_written_by(style, cell));
            let from = if is_short { x } else { next };
            self.go(from, y)?;
            x = next;
            while x < range.end && (is_wanted(x) || covered(x)) {
                x += 1;
            }
            for (at, cell) in (from..).zip(&new[from..x]) {
                self.cell(cell, covered(at))?;
            }
            // Behind the last column, terminals do not agree on where the cursor is.
            self.place = (x < new.len()).then_some((x, y));
            written = Some(x);
        }
        Ok(())
    }

    /// Empties a row from there on.
    fn erase(&mut self, x: usize, y: usize) -> io::Result<()> {
        self.go(x, y)?;
        if self.style.shows_on_blanks() {
            self.style(Style::default())?;
        }
        self.out.write_all(b"\x1b[K")
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
        self.out.write_all(b"\x1b[")?;
        let mut parted: &[u8] = b"";
        // What was on and is not wanted is taken off with all the rest.
        let from = if from.modifier.difference(to.modifier).is_empty() {
            from
        } else {
            parted = b";";
            Style::default()
        };
        let added = to.modifier.difference(from.modifier);
        for (_, code) in MODIFIERS.iter().filter(|(one, _)| added.contains(*one)) {
            self.out.write_all(parted)?;
            self.out.write_all(code)?;
            parted = b";";
        }
        for (from, to, base) in [(from.fg, to.fg, 30), (from.bg, to.bg, 40)] {
            if from != to {
                self.out.write_all(parted)?;
                colour(self.out, to, base)?;
                parted = b";";
            }
        }
        self.out.write_all(b"m")
    }
}

const MODIFIERS: [(Modifier, &[u8]); 9] = [
    (Modifier::BOLD, b"1"),
    (Modifier::DIM, b"2"),
    (Modifier::ITALIC, b"3"),
    (Modifier::UNDERLINED, b"4"),
    (Modifier::SLOW_BLINK, b"5"),
    (Modifier::RAPID_BLINK, b"6"),
    (Modifier::REVERSED, b"7"),
    (Modifier::HIDDEN, b"8"),
    (Modifier::CROSSED_OUT, b"9"),
];

/// Writes the code of a colour, as a foreground (30) or a background (40).
fn colour(out: &mut impl Write, colour: Color, base: u8) -> io::Result<()> {
    let bright = base + 60;
    let code = match colour {
        Color::Reset => base + 9,
        Color::Black => base,
        Color::Red => base + 1,
        Color::Green => base + 2,
        Color::Yellow => base + 3,
        Color::Blue => base + 4,
        Color::Magenta => base + 5,
        Color::Cyan => base + 6,
        Color::Gray => base + 7,
        Color::DarkGray => bright,
        Color::LightRed => bright + 1,
        Color::LightGreen => bright + 2,
        Color::LightYellow => bright + 3,
        Color::LightBlue => bright + 4,
        Color::LightMagenta => bright + 5,
        Color::LightCyan => bright + 6,
        Color::White => bright + 7,
        Color::Indexed(n) => return write!(out, "{};5;{n}", base + 8),
        Color::Rgb(r, g, b) => return write!(out, "{};2;{r};{g};{b}", base + 8),
    };
    write!(out, "{code}")
}

/// So many cells to the right.
fn step(out: &mut impl Write, cells: usize) -> io::Result<()> {
    match cells {
        0 => Ok(()),
        1 => out.write_all(b"\x1b[C"),
        n => write!(out, "\x1b[{n}C"),
    }
}

/// How many bytes it takes to go over so many cells.
fn going(cells: usize) -> usize {
    match cells {
        0 | 1 => 3,
        2..10 => 4,
        _ => 5,
    }
}

/// How many bytes fewer it takes to erase a row first, as nearly as is worth knowing: blanks need no writing then, and
/// what stays as it is does.
fn gain(old: &[Cell], new: &[Cell]) -> isize {
    let mut gained = -3;
    let mut x = 0;
    while x < new.len() {
        let is_same = |x: &usize| old[*x] == new[*x];
        let kind = (shows(&new[x]), is_same(&x));
        let run = (x..new.len()).take_while(|x| (shows(&new[*x]), is_same(x)) == kind);
        let run = x..x + run.count();
        let bytes: usize = new[run.clone()]
            .iter()
            .map(|cell| cell.symbol().len())
            .sum();
        match kind {
            // Written, or gone over.
            (false, false) => gained += bytes.saturating_sub(going(run.len())).cast_signed(),
            // Gone over, or written; what stands around it is of another style more often than not.
            (true, true) => gained -= bytes.cast_signed(),
            (false, true) | (true, false) => {}
        }
        x = run.end;
    }
    gained
}

/// Whether a cell comes out right when it is written in that style.
fn is_written_by(style: Style, cell: &Cell) -> bool {
    let own = Style::of(cell);
    let is_blank = cell.symbol() == " " && !own.shows_on_blanks();
    own == style || (is_blank && !style.shows_on_blanks())
}

/// How many cells of a row there are up to the last that shows anything.
fn length(row: &[Cell]) -> usize {
    let last = row.iter().rposition(shows);
    last.map_or(0, |last| {
        (last + width(row[last].symbol()).max(1)).min(row.len())
    })
}

/// Whether a cell looks other than plain ground.
fn shows(cell: &Cell) -> bool {
    cell.symbol() != " " || Style::of(cell).shows_on_blanks()
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
