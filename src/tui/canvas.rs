//! A piece of the screen to write on: places are relative to it, what does not fit is cut, and no place is out of
//! bounds. It draws text and rules; what they mean is the views' business.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::format::{fit, width, wrapped};
use super::theme::{Role, Theme};

/// A rectangle of cells and the theme to draw in.
#[derive(Debug)]
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    theme: Theme,
}

impl<'a> Canvas<'a> {
    /// All of a buffer.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        let area = *buffer.area();
        Self {
            buffer,
            area,
            theme,
        }
    }

    /// A part of it; what lies outside is cut off.
    pub fn part(&mut self, x: u16, y: u16, columns: u16, rows: u16) -> Canvas<'_> {
        let wanted = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width: columns,
            height: rows,
        };
        Canvas {
            area: self.area.intersection(wanted),
            buffer: self.buffer,
            theme: self.theme,
        }
    }

    /// Its columns.
    pub fn columns(&self) -> u16 {
        self.area.width
    }

    /// Its rows.
    pub fn rows(&self) -> u16 {
        self.area.height
    }

    /// Writes from a place on; what reaches the right edge is cut with `…`. The column behind it comes back.
    pub fn text(&mut self, x: u16, y: u16, text: &str, role: Role) -> u16 {
        let room = self.area.width.saturating_sub(x);
        self.cell(x, y, room, text, role)
    }

    /// Writes into so many columns, cut with `…`. The column behind the text comes back.
    pub fn cell(&mut self, x: u16, y: u16, columns: u16, text: &str, role: Role) -> u16 {
        let room = columns.min(self.area.width.saturating_sub(x));
        if room == 0 || y >= self.area.height {
            return x;
        }
        let text = fit(text, usize::from(room));
        let (end, _) = self.buffer.set_stringn(
            self.area.x + x,
            self.area.y + y,
            &text,
            usize::from(room),
            self.theme.style(role),
        );
        end - self.area.x
    }

    /// Writes into so many columns and rows, broken between words; what has no room even so is cut with `…`. How many
    /// rows were needed comes back.
    pub fn flow(
        &mut self,
        (x, y): (u16, u16),
        (columns, rows): (u16, u16),
        text: &str,
        role: Role,
    ) -> u16 {
        let room = usize::from(columns.min(self.area.width.saturating_sub(x)));
        if width(text) <= room {
            self.cell(x, y, columns, text, role);
            return 1.min(rows);
        }
        let lines = wrapped(text, room);
        let shown = lines.len().min(usize::from(rows));
        for (row, line) in (y..).zip(lines.iter().take(shown)) {
            let is_last = usize::from(row - y) + 1 == shown;
            if is_last && lines.len() > shown {
                let rest = lines.get(shown - 1..).unwrap_or_default().join(" ");
                self.cell(x, row, columns, &rest, role);
            } else {
                self.cell(x, row, columns, line, role);
            }
        }
        u16::try_from(shown).unwrap_or(rows)
    }

    /// Writes so that the text ends in that column.
    pub fn right(&mut self, last: u16, y: u16, text: &str, role: Role) {
        let wide = u16::try_from(width(text)).unwrap_or(u16::MAX);
        if let Some(x) = (last + 1).checked_sub(wide) {
            self.text(x, y, text, role);
        }
    }

    /// Writes pieces one behind the other.
    pub fn pieces(&mut self, x: u16, y: u16, pieces: &[(&str, Role)]) -> u16 {
        pieces
            .iter()
            .fold(x, |x, (text, role)| self.text(x, y, text, *role))
    }

    /// A rule over the whole width that carries a name on its left and a state on its right.
    pub fn rule(&mut self, y: u16, name: &str, state: &str) {
        self.rule_in(y, name, Role::Plain, state, Role::Plain);
    }

    /// The same in given roles.
    pub fn rule_in(&mut self, y: u16, name: &str, named: Role, state: &str, stated: Role) {
        let columns = usize::from(self.area.width);
        self.text(0, y, &"─".repeat(columns), Role::Dim);
        let state_wide = if state.is_empty() {
            0
        } else {
            width(state) + 4
        };
        if !name.is_empty() {
            let room = columns.saturating_sub(state_wide + 5);
            self.text(2, y, &format!(" {} ", fit(name, room)), named);
        }
        if state_wide > 0 {
            let last = self.area.width.saturating_sub(3);
            self.right(last, y, &format!(" {state} "), stated);
        }
    }

    /// A box of lines around its edge, with a title on the left and one on the right of its top; cleared inside.
    pub fn frame(&mut self, title: &str, right: &str, right_role: Role) {
        let (columns, rows) = (usize::from(self.area.width), self.area.height);
        if columns < 2 || rows < 2 {
            return;
        }
        let inner = columns - 2;
        for y in 0..rows {
            let line = if y == 0 {
                format!("┌{}┐", "─".repeat(inner))
            } else if y == rows - 1 {
                format!("└{}┘", "─".repeat(inner))
            } else {
                format!("│{}│", " ".repeat(inner))
            };
            self.cut_wide(y);
            self.blank(y);
            self.text(0, y, &line, Role::Plain);
        }
        self.text(2, 0, &format!(" {title} "), Role::Strong);
        if !right.is_empty() {
            let last = self.area.width.saturating_sub(3);
            self.right(last, 0, &format!(" {right} "), right_role);
        }
    }

    /// Empties the cell left of the area where its letter is so wide that it would reach in.
    fn cut_wide(&mut self, y: u16) {
        let Some(x) = self.area.x.checked_sub(1) else {
            return;
        };
        if let Some(cell) = self.buffer.cell_mut((x, self.area.y + y))
            && width(cell.symbol()) > 1
        {
            cell.reset();
        }
    }

    /// Empties a row, styles included.
    pub fn blank(&mut self, y: u16) {
        self.blank_part(0, y, self.area.width);
    }

    /// Empties a part of a row.
    pub fn blank_part(&mut self, x: u16, y: u16, columns: u16) {
        for x in x..x.saturating_add(columns).min(self.area.width) {
            let place = (self.area.x + x, self.area.y + y);
            if y < self.area.height
                && let Some(cell) = self.buffer.cell_mut(place)
            {
                cell.reset();
            }
        }
    }

    /// Empties everything.
    pub fn clear(&mut self) {
        for y in 0..self.area.height {
            self.blank(y);
        }
    }

    /// Gives everything that is drawn one role, whatever it was.
    pub fn repaint(&mut self, role: Role) {
        let style = self.theme.style(role);
        for y in 0..self.area.height {
            self.repaint_row(y, style);
        }
    }

    /// Gives one row a role.
    pub fn paint_row(&mut self, y: u16, role: Role) {
        let style = self.theme.style(role);
        self.repaint_row(y, style);
    }

    fn repaint_row(&mut self, y: u16, style: ratatui::style::Style) {
        for x in 0..self.area.width {
            let place = (self.area.x + x, self.area.y + y);
            if y < self.area.height
                && let Some(cell) = self.buffer.cell_mut(place)
            {
                cell.set_style(ratatui::style::Style::reset().patch(style));
            }
        }
    }
}
