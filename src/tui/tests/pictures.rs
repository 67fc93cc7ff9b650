//! Pictures of the views for the README: the cells as SVG. `TANDEM_UPDATE=1` draws them anew.

use std::fmt::Write;
use std::path::Path;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::driver::Console;
use super::fixture;
use crate::tui::theme::Theme;

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
fn svg(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let (wide, high) = (columns * CELL.0 + 16, rows * CELL.1 + 16);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" viewBox=\"0 0 {wide} {high}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" font-size=\"15\">\n\
         <rect width=\"{wide}\" height=\"{high}\" rx=\"6\" fill=\"#16181d\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let style = buffer[(x, y)].style();
            let mut text = String::new();
            let start = x;
            while x < area.width && buffer[(x, y)].style() == style {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            run(&mut out, (usize::from(start), usize::from(y)), &text, style);
        }
    }
    out.push_str("</svg>\n");
    out
}

fn run(out: &mut String, (x, y): (usize, usize), text: &str, style: ratatui::style::Style) {
    let wide = crate::tui::format::width(text) * CELL.0;
    let colour = rgb(style.fg.unwrap_or(Color::Reset));
    let has = |modifier| style.add_modifier.contains(modifier);
    let (left, top) = (8 + x * CELL.0, 8 + y * CELL.1);
    let is_reversed = has(Modifier::REVERSED);
    if is_reversed {
        writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{wide}\" height=\"{}\" fill=\"{colour}\"/>",
            CELL.1
        )
        .unwrap();
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
    writeln!(
        out,
        "<text x=\"{left}\" y=\"{}\" textLength=\"{wide}\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\" \
         fill=\"{fill}\"{bold}{dim}>{}</text>",
        top + 14,
        escaped(text)
    )
    .unwrap();
}

fn shoot(name: &str, console: &mut Console, keys: &str) {
    console.keys(keys);
    for (theme, look) in [("dark", Theme::Dark), ("mono", Theme::Mono)] {
        console.model.theme = look;
        let drawn = svg(&console.buffer());
        roxmltree::Document::parse(&drawn).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("assets")
            .join(format!("{name}-{theme}.svg"));
        if std::env::var_os("TANDEM_UPDATE").is_some() {
            std::fs::write(&path, drawn).unwrap();
            continue;
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == drawn,
            "{name}-{theme}.svg is old: TANDEM_UPDATE=1 draws it anew"
        );
    }
}

#[test]
fn every_view_has_its_picture() {
    let new = |state| Console::new(state, (100, 30));
    shoot("pulse", &mut new(fixture::outage()), "");
    shoot("records", &mut new(fixture::working()), "2 j");
    shoot("sides", &mut new(fixture::working()), "2 ] ] ] ] Enter");
    shoot("operations", &mut new(fixture::bulk()), "3");
    let armed = fixture::armed(
        fixture::working(),
        "CAS-01877 customer cannot open a ticket",
    );
    shoot("confirm", &mut new(armed), "2 E");
    shoot("palette", &mut new(fixture::working()), ": \"co\"");
}
