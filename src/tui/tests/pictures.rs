//! Pictures of the views for the README: the cells as SVG. `TANDEM_UPDATE=1` draws them anew.

use std::path::Path;

use super::driver::Console;
use super::fixture;
use crate::tui::svg::picture;
use crate::tui::theme::Theme;

fn shoot(name: &str, console: &mut Console, keys: &str) {
    console.keys(keys);
    for (theme, look) in [("dark", Theme::Dark), ("mono", Theme::Mono)] {
        console.model.theme = look;
        let drawn = picture(&console.buffer());
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
    shoot("runs", &mut new(fixture::with_runs(fixture::outage())), "4");
    let mut tickets = new(fixture::working());
    tickets.keys("5");
    let now = tickets.now;
    super::views::read(&mut tickets, fixture::tickets(now));
    shoot("tickets", &mut tickets, "j");
    shoot("timeline", &mut new(fixture::outage()), "6");
    shoot("confirm", &mut new(armed), "2 E");
    shoot("palette", &mut new(fixture::working()), ": \"co\"");
}
