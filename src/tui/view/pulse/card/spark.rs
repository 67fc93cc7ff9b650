//! The last hour of an instance's latency in a row of cells: the higher, the slower; `×` where nothing was answered.

use std::time::Duration;

use crate::domain::health::Cell;
use crate::tui::canvas::Canvas;
use crate::tui::theme::Role;

/// The last hour in so many cells: the higher, the slower; `×` where nothing was answered well.
pub fn spark(canvas: &mut Canvas<'_>, x: u16, y: u16, columns: u16, cells: &[Cell]) {
    const HOUR: usize = 40;
    let usual = usual(cells);
    let skipped = HOUR.saturating_sub(cells.len());
    let shown = cells.get(cells.len().saturating_sub(HOUR)..).unwrap_or(&[]);
    let wide = usize::from(columns);
    for (column, at) in (0..wide).zip(x..) {
        let from = (column * HOUR / wide).saturating_sub(skipped);
        let to = ((column + 1) * HOUR / wide).saturating_sub(skipped);
        let group = shown.get(from..to.min(shown.len())).unwrap_or(&[]);
        let (glyph, role) = cell(group, usual);
        canvas.text(at, y, glyph, role);
    }
}

fn usual(cells: &[Cell]) -> Duration {
    let mut answered: Vec<Duration> = cells
        .iter()
        .filter_map(|cell| match cell {
            Cell::Answered(took) => Some(*took),
            Cell::Idle | Cell::NoAnswer => None,
        })
        .collect();
    answered.sort_unstable();
    // On loopback everything is fast: a twitch of a millisecond is no peak.
    let floor = Duration::from_millis(10);
    let middle = answered.len() / 2;
    answered.get(middle).copied().unwrap_or(floor).max(floor)
}

fn cell(group: &[Cell], usual: Duration) -> (&'static str, Role) {
    const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
    let slowest = group.iter().filter_map(|cell| match cell {
        Cell::Answered(took) => Some(*took),
        Cell::Idle | Cell::NoAnswer => None,
    });
    match slowest.max() {
        Some(took) => {
            let level = (took.as_micros() * 2 / usual.as_micros().max(1)).clamp(1, 8);
            let level = usize::try_from(level).unwrap_or(8) - 1;
            (LEVELS.get(level).copied().unwrap_or("█"), Role::Plain)
        }
        None if group.contains(&Cell::NoAnswer) => ("×", Role::Bad),
        None => (" ", Role::Plain),
    }
}
