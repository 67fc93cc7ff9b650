//! More than one link: which of them is shown, and what is wrong on those that are not.

use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::domain::health::Health;
use crate::engine::State;

/// A second link, from the same source to a third instance.
fn with_asia(state: &mut State) {
    let mut asia = state.instances[1].clone();
    asia.name = "asia".to_owned();
    asia.band = "ASIA PROD".to_owned();
    state.instances.push(asia);
    let mut link = state.links[0].clone();
    link.name = "us-asia".to_owned();
    link.target = 2;
    state.links.push(link);
    let tables = state.tables.clone();
    let tables = tables.into_iter().map(|mut table| {
        table.link = 1;
        table
    });
    state.tables.extend(tables);
}

#[test]
fn which_link_is_shown_and_its_own_records_are_counted() {
    for size in [(80, 24), (140, 42)] {
        let mut console = Console::new(fixture::working(), size);
        let before = console.screen();
        let tab = |screen: &str| {
            let tabs = screen.lines().nth(1).unwrap().to_owned();
            let at = tabs.find("2 Records").unwrap();
            tabs[at..at + 14].trim().to_owned()
        };
        console.change(with_asia);
        let both = console.screen();
        assert!(both.contains("us → europe 1/2"), "{both}");
        assert_eq!(tab(&both), tab(&before), "those of one link");
        console.keys("L");
        let other = console.screen();
        assert!(other.contains("us → asia 2/2"), "{other}");
        assert!(other.contains("ASIA PROD"), "{other}");
    }
}

#[test]
fn what_is_wrong_on_another_link_is_said_and_which_key_goes_there() {
    for size in [(80, 24), (140, 42)] {
        let mut console = Console::new(fixture::working(), size);
        console.change(with_asia);
        let calm = console.screen();
        assert!(!calm.contains("another link"), "{calm}");
        console.change(|state| state.instances[2].health = Health::Down);
        let screen = console.screen();
        assert!(
            screen.contains("ASIA PROD IS DOWN") || screen.contains("ASIA IS DOWN"),
            "{screen}"
        );
        assert!(screen.contains("L goes to us-asia"), "{screen}");
        console.keys("L");
        let there = console.screen();
        assert!(!there.contains("another link"), "{there}");
        assert!(there.contains("Tickets cannot be created"), "{there}");
        // Back here, it is late over there.
        console.keys("L").change(|state| {
            state.instances[2].health = Health::Healthy;
            for table in state.tables.iter_mut().filter(|table| table.link == 1) {
                let long = chrono::Duration::days(9);
                table.oldest_pending = Some(state.now.wall - long);
            }
        });
        console.wait(Duration::from_secs(1));
        let screen = console.screen();
        let is_told = screen.contains("US-ASIA IS LATE") || screen.contains("US-ASIA IS STALLED");
        assert!(is_told, "{screen}");
    }
}
