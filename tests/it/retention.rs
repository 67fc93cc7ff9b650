//! What is over and older than it is to be kept leaves the journal by itself, once a day.

use std::time::{Duration, SystemTime};

use tandem::config::Config;
use tandem::domain::drift::Drift;
use tandem::domain::operation::Verb;
use tandem::engine::audit::{Audit, Verified};
use tandem::engine::{Options, State};

use super::support::lab::{Lab, in_drift, keys, options};

fn agent() -> Options {
    Options {
        is_agent: true,
        is_unattended: true,
        first_sync: Duration::from_secs(24 * 3600),
        ..options()
    }
}

fn nothing_for_long(config: &mut Config) {
    config.keep = Some(Duration::ZERO);
}

fn taken_away(state: &State) -> bool {
    let mut lines = state.timeline.iter();
    lines.any(|line| {
        line.text
            .contains("entries of the journal that are older than")
    })
}

fn verified(lab: &Lab) -> Verified {
    let found = Audit::open(&lab.state_folder())
        .unwrap()
        .verify(&[])
        .unwrap();
    assert_eq!(found.fault, None);
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_and_old_leaves_the_journal_once_a_day_and_the_rest_proves_itself() {
    let mut lab = Lab::demo().await;
    let mut state = lab.compared().await;
    let filled = keys(&in_drift(&state, "account", Drift::Stub)).remove(0);
    // The agent has no stub to fill by itself: what it was interrupted in would be kept until it is over.
    for table in ["account", "contact", "account", "contact"] {
        let stubs = keys(&in_drift(&state, table, Drift::Stub));
        if !stubs.is_empty() {
            lab.repair(Verb::Rehydrate, &stubs).await;
            state = lab.compare_again().await;
        }
    }
    let stale = keys(&in_drift(&state, "account", Drift::Stale));
    let written = verified(&lab).head;
    assert_eq!(verified(&lab).origin.seq, 0);

    let mut lab = lab
        .restart_configured(agent(), |config| config.keep = None)
        .await;
    lab.compared().await;
    assert_eq!(verified(&lab).origin.seq, 0, "it is kept for ever");

    let mut lab = lab.restart_configured(agent(), nothing_for_long).await;
    lab.until("the old entries are gone", taken_away).await;
    assert!(verified(&lab).origin.seq >= written.seq);
    let state = lab.compare_again().await;
    let listed = state.records.iter().map(|(_, record)| record);
    let mut again = listed.filter(|record| record.key == filled);
    assert!(
        again.all(|record| record.drift == Drift::InSync),
        "what was agreed is still known"
    );

    lab.repair(Verb::Rehydrate, &stale[..1]).await;
    let before = verified(&lab);
    let mut lab = lab.restart_configured(agent(), nothing_for_long).await;
    lab.compared().await;
    assert_eq!(verified(&lab).origin, before.origin, "it was done today");

    let mark = std::fs::File::open(lab.state_folder().join("journal.pruned")).unwrap();
    mark.set_modified(SystemTime::now() - Duration::from_secs(25 * 3600))
        .unwrap();
    let mut lab = lab.restart_configured(agent(), nothing_for_long).await;
    lab.until("a day later they are gone, too", taken_away)
        .await;
    assert!(verified(&lab).origin.seq >= before.head.seq);
    lab.stop().await;
}
