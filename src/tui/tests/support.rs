//! A console of support: what it may not do is told before anything is armed, and never reaches the engine.

use super::driver::Console;
use super::fixture;
use crate::domain::drift::Drift;
use crate::domain::operator::Operator;
use crate::engine::Command;
use crate::tui::action::ActionId;
use crate::tui::model::Dialog;
use crate::tui::update::why_not;

fn support(size: (u16, u16)) -> Console {
    let mut console = Console::new(fixture::armed(fixture::working(), "CAS-1"), size);
    console.model.operator = Operator::Support;
    console
}

#[test]
fn support_has_no_breaker_menu_and_is_told_why() {
    let mut console = support((140, 42));
    console.keys("B");
    assert!(console.model.dialogs.is_empty());
    let screen = console.screen();
    assert!(
        screen.contains("is not for support: ask who is on call"),
        "{screen}"
    );
    console.wait(std::time::Duration::from_secs(9)).tick();
    let screen = console.screen();
    assert!(
        !screen.contains("B breaker"),
        "no key that does nothing: {screen}"
    );
    for action in [ActionId::Breaker, ActionId::StopAll, ActionId::ProbeNow] {
        assert!(
            why_not(&console.model, action, console.now).is_some(),
            "{action:?}"
        );
    }
    console.keys(": \"breaker\"");
    let screen = console.screen();
    assert!(
        screen.contains("is not for support"),
        "the palette says why: {screen}"
    );
}

#[test]
fn support_repairs_a_few_records_and_starts_no_run_of_everything() {
    let mut console = support((80, 24));
    console.keys("T");
    assert!(console.model.dialogs.is_empty(), "{}", console.screen());
    assert!(
        console
            .screen()
            .contains("a run of everything is not for support")
    );
    console.keys("2 E y");
    assert!(
        matches!(console.sent.as_slice(), [Command::Repair { .. }]),
        "{:?}",
        console.sent
    );
}

#[test]
fn support_may_not_decide_whose_values_stand() {
    let mut console = support((80, 24));
    let diverged = console.model.state.records.iter();
    let key = diverged
        .map(|(_, one)| one)
        .find(|one| one.drift == Drift::Diverged)
        .unwrap()
        .key;
    console.keys("2");
    while console.model.records.cursor != Some(key) {
        console.keys("j");
    }
    console.keys("H");
    let is_choice = |dialog: &Dialog| matches!(dialog, Dialog::Choose(_));
    assert!(!console.model.dialogs.iter().any(is_choice));
    let screen = console.screen();
    assert!(screen.contains("is not for support"), "{screen}");
    let sent = console.sent.iter();
    assert!(
        sent.filter(|one| matches!(one, Command::Repair { .. }))
            .count()
            == 0
    );
}
