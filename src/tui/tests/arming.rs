//! Writes are locked unless a person unlocks them, says why, and is there.

use std::time::Duration;

use super::driver::Console;
use super::fixture;
use crate::engine::Command;
use crate::engine::state::Lock;

fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

#[test]
fn security_case_55_it_starts_locked_and_stays_unlocked_for_fifteen_minutes_and_five_without_a_key()
{
    let mut console = Console::new(fixture::working(), (140, 42));
    assert!(console.screen().contains("READ-ONLY"));
    console.keys("W Enter");
    assert!(console.sent.is_empty(), "without a reason it stays locked");
    console.keys("\"INC-42\" Enter");
    let [Command::Arm { reason, lasts, .. }] = console.sent.as_slice() else {
        panic!("{:?}", console.sent);
    };
    assert_eq!((reason.as_str(), *lasts), ("INC-42", minutes(15)));

    console.sent.clear();
    let until = console.now.after(minutes(15));
    console.change(|state| {
        state.lock = Lock::Armed {
            who: "anna".to_owned(),
            reason: "INC-42".to_owned(),
            until,
        };
    });
    assert!(console.screen().contains("ARMED"));
    // Somebody is there: a key now and then.
    for _ in 0..3 {
        console.wait(minutes(4)).tick().keys("j");
    }
    assert!(console.sent.is_empty(), "{:?}", console.sent);
    // Twelve minutes are over, and the person leaves: the end comes by itself.
    console.wait(minutes(3)).tick();
    assert!(
        console.screen().contains("READ-ONLY"),
        "{}",
        console.screen()
    );

    let until = console.now.after(minutes(15));
    console.keys("j").change(|state| {
        state.lock = Lock::Armed {
            who: "anna".to_owned(),
            reason: "INC-42".to_owned(),
            until,
        };
    });
    console.wait(Duration::from_secs(5 * 60 - 2)).tick();
    assert!(console.sent.is_empty(), "{:?}", console.sent);
    console.tick();
    assert!(
        matches!(console.sent.as_slice(), [Command::Lock { who }] if who.contains("idle for 5m")),
        "{:?}",
        console.sent
    );
}
