//! The link's lag over as long as it may be late: it grows until a sync brings everything over.

use std::time::Duration;

use super::Panel;
use crate::domain::time::age;
use crate::tui::canvas::Canvas;
use crate::tui::format::{about, width};
use crate::tui::theme::Role;

const CELLS: u16 = 36;
const LEVELS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

impl Panel<'_> {
    /// A row of cells, and below it when the last run ended well.
    pub fn lags(&self, canvas: &mut Canvas<'_>) {
        let limit = self.lag_limit();
        // A little more than the lag may be, so that the drop of the last sync is in it.
        let span = limit + limit / 25;
        canvas.text(1, 0, &format!("lag {}", about(span)), Role::Plain);
        let cell = (span / u32::from(CELLS)).max(Duration::from_millis(1));
        let now = self.now.wall;
        for column in 0..CELLS {
            let youngest = cell * u32::from(CELLS - 1 - column);
            let lags = self.link.lags.iter().rev();
            let within = lags
                .skip_while(|(at, _)| age(now, *at) < youngest)
                .take_while(|(at, _)| age(now, *at) < youngest + cell);
            let Some(lag) = within.map(|(_, lag)| *lag).max() else {
                continue;
            };
            let level = lag.as_millis() * 8 / limit.as_millis().max(1);
            let level = usize::try_from(level).unwrap_or(7).min(7);
            let role = if lag > limit { Role::Care } else { Role::Plain };
            let glyph = LEVELS.get(level).copied().unwrap_or("█");
            canvas.text(13 + column, 0, glyph, role);
        }
        canvas.right(12 + CELLS, 1, "now ▲", Role::Dim);
        let Some(success) = self.link.sync.last_success else {
            return;
        };
        let cells = age(now, success).as_millis() / cell.as_millis().max(1);
        let Some(column) = u16::try_from(cells)
            .ok()
            .and_then(|cells| (CELLS - 1).checked_sub(cells))
        else {
            return;
        };
        let words = format!("▲ {} synced", self.model.zone.short(success, now));
        let room = usize::from(CELLS - 6);
        if usize::from(column) + width(&words) <= room {
            canvas.text(13 + column, 1, &words, Role::Dim);
        }
    }
}
