//! A screen as a picture: its cells as SVG, for the README, the hand-over and whoever was not there. It reads no model.

use std::fmt::Write;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use super::format::width;

const CELL: (usize, usize) = (9, 19);

/// How the sixteen colours look in the picture of a dark terminal.
fn rgb(colour: Color) -> &'static str {
    match colour {
        Color::Green => "#5fd75f",
        Color::Yellow => "#e5c07b",
        Color::Red => "#f0616d",
        Color::LightBlue => "#6cb6ff",
        Color::LightMagenta => "#d787ff",
        _ => "#d0d0d0",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// One run of cells of one style per `text`, each told how wide it is, so that any font keeps the columns.
pub fn picture(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let (wide, high) = (columns * CELL.0 + 16, rows * CELL.1 + 16);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{wide}\" height=\"{high}\" rx=\"6\" fill=\"#16181d\"/>\n"
    );
    for y in 0..area.height {
        let cells = (0..area.width).filter_map(|x| Some((x, buffer.cell((x, y))?)));
        let mut runs: Vec<(u16, String, Style)> = Vec::new();
        for (x, cell) in cells {
            match runs.last_mut() {
                Some((_, text, style)) if *style == cell.style() => text.push_str(cell.symbol()),
                _ => runs.push((x, cell.symbol().to_owned(), cell.style())),
            }
        }
        for (x, text, style) in runs {
            run(&mut out, (usize::from(x), usize::from(y)), &text, style);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn run(out: &mut String, (x, y): (usize, usize), text: &str, style: Style) {
    let wide = width(text) * CELL.0;
    let colour = rgb(style.fg.unwrap_or(Color::Reset));
    let has = |modifier| style.add_modifier.contains(modifier);
    let (left, top) = (8 + x * CELL.0, 8 + y * CELL.1);
    let is_reversed = has(Modifier::REVERSED);
    // Writing into a string can't fail.
    if is_reversed {
        let _never = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{}\" fill=\"{colour}\"/>",
            CELL.1
        );
    }
    if text.trim().is_empty() {
        return;
    }
    let fill = if is_reversed { "#16181d" } else { colour };
    let bold = if has(Modifier::BOLD) {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let dim = if has(Modifier::DIM) {
        " fill-opacity=\"0.6\""
    } else {
        ""
    };
    let _never = writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" textLength=\"{wide}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" \
         fill=\"{fill}\"{bold}{dim}>{}</text>",
        top + 14,
        escaped(text)
    );
}
