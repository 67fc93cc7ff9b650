//! Game days: when the time runs, what counts, and what is said at the end.

use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::domain::alert::AlertKey;
use crate::domain::drift::Drift;
use crate::domain::health::Health;
use crate::domain::note::Taken;
use crate::domain::operation::Verb;
use crate::engine::State;
use crate::tui::goal::{Goal, Playing};

fn playing(story: &str) -> Console {
    let mut console = Console::new(fixture::quiet(), (80, 24));
    console.model.playing = Goal::of(story).map(Playing::of);
    console
}

fn down(state: &mut State) {
    state.instances[1].health = Health::Down;
}

fn taken(state: &mut State) {
    let at = state.now.wall;
    let key = AlertKey {
        rule: "down".to_owned(),
        subject: "europe read".to_owned(),
    };
    let taken = Taken {
        who: "anna".to_owned(),
        at,
        until: at + chrono::Duration::hours(1),
        text: String::new(),
    };
    state.taken.insert(key, taken);
}

/// Europe answers again, and everything was compared after that.
fn back(console: &mut Console) {
    console.change(|state| state.instances[1].health = Health::Healthy);
    console.wait(Duration::from_secs(5));
    console.change(|state| {
        let now = state.now;
        for table in &mut state.tables {
            table.compared = Some(now);
        }
    });
}

#[test]
fn the_goal_of_an_outage_is_reached_by_what_was_asked_for_and_by_nothing_less() {
    let mut console = playing("outage");
    console.tick();
    assert!(console.screen().contains("GAME DAY, it has not begun"));
    console.keys("Y Esc");
    console.change(down);
    let screen = console.screen();
    assert!(
        screen.contains("○ taken  ○ told  ○ in step  √ kept"),
        "what was told before does not count: {screen}"
    );
    let words = "alert taken, status told, link in step, nothing overwritten, under 10m";
    assert_eq!(console.model.playing.unwrap().goal.sentence(), words);
    console.wait(Duration::from_secs(60)).change(taken);
    console.keys("Y Esc");
    assert!(
        console.screen().contains("√ taken  √ told  ○ in step"),
        "{}",
        console.screen()
    );
    back(&mut console);
    let screen = console.screen();
    assert!(screen.contains("GAME DAY √ GOAL REACHED in 1m"), "{screen}");
    console.change(down);
    assert!(
        console.screen().contains("GOAL REACHED"),
        "it stays reached"
    );
}

#[test]
fn what_waits_from_before_the_end_of_the_trouble_keeps_the_link_out_of_step() {
    let mut console = playing("throttled");
    console.change(|state| state.instances[1].health = Health::Throttled);
    console.change(|state| {
        state.tables[0].counts = [Drift::Missing].into_iter().collect();
        state.tables[0].oldest_pending = Some(state.now.wall);
    });
    back(&mut console);
    assert!(
        console.screen().contains("○ in step"),
        "{}",
        console.screen()
    );
    console.change(|state| {
        // What is new since then may wait for the next sync.
        state.tables[0].oldest_pending = Some(state.now.wall);
    });
    assert!(
        console.screen().contains("GOAL REACHED"),
        "{}",
        console.screen()
    );
}

#[test]
fn an_edit_that_was_overwritten_and_a_time_that_is_over_miss_the_goal() {
    let mut console = playing("diverged");
    console.change(|state| state.tables[0].counts = [Drift::Diverged].into_iter().collect());
    assert!(
        console.screen().contains("○ decided  √ kept"),
        "{}",
        console.screen()
    );
    console.change(|state| {
        let mut one = fixture::operation(
            Verb::TakeSource,
            state.now,
            "anna",
            "",
            crate::engine::state::Tally::default(),
        );
        one.radius = Some(crate::domain::plan::BlastRadius {
            overwrites: 2,
            ..Default::default()
        });
        state.operations = vec![std::sync::Arc::new(one)];
        for table in &mut state.tables {
            table.counts = std::iter::empty().collect();
        }
    });
    assert!(
        console.screen().contains("√ decided  ○ kept"),
        "{}",
        console.screen()
    );
    console.wait(Duration::from_secs(601)).tick();
    assert!(
        console.screen().contains("GAME DAY × MISSED: 10m are over"),
        "{}",
        console.screen()
    );
}

#[test]
fn a_goal_that_nobody_can_reach_any_more_says_so_and_how_it_is_played_again() {
    let mut console = playing("outage");
    let fires = |state: &mut State| {
        down(state);
        let now = state.now;
        state.alarms = vec![fixture::alarm("breaker-open", "europe read", now)];
    };
    console.change(fires);
    console.wait(Duration::from_secs(60));
    console.change(|state| state.instances[1].health = Health::Healthy);
    console.wait(Duration::from_secs(30)).tick();
    assert!(
        console.screen().contains("○ taken"),
        "the alert fires still"
    );
    console.change(|state| state.alarms.clear());
    let screen = console.screen();
    assert!(
        screen.contains("GAME DAY × MISSED: the alert is over, and nobody took it"),
        "{screen}"
    );
    console.take(crate::tui::message::Message::Resize(140, 42));
    let screen = console.screen();
    assert!(
        screen.contains("again: tandem demo --scenario outage"),
        "{screen}"
    );
}

#[test]
fn every_story_that_asks_for_something_is_one_of_the_demo() {
    for story in [
        "outage",
        "throttled",
        "stalled-sync",
        "hook-down",
        "diverged",
    ] {
        let goal = Goal::of(story).unwrap();
        assert!(goal.sentence().ends_with("under 10m"), "{story}");
        assert!(goal.needs.len() > 1, "{story}");
    }
    assert!(Goal::of("calm").is_none());
}
