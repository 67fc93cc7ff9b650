//! The index over real files: what is saved is loaded, and what can't be trusted is thrown away.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use chrono::TimeZone;

use super::*;
use crate::domain::row::PageLink;

fn account() -> TableName {
    TableName::new("account").unwrap()
}

fn checkpoint(version: u32) -> Checkpoint {
    let link = |host: &str| {
        DeltaLink::new(&format!(
            "https://{host}/api/data/v9.2/accounts?$deltatoken={version}"
        ))
    };
    Checkpoint {
        rules: u64::MAX - 1,
        source: link("us"),
        target: link("europe"),
        taken: Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, version).unwrap(),
        compared: Utc.with_ymd_and_hms(2026, 11, 23, 3, 0, 0).unwrap(),
        sources: 41,
        in_sync: 40,
        local: 2,
    }
}

fn problem(number: u128, drift: Drift) -> Problem {
    Problem {
        id: RowId::new(Uuid::from_u128(number)).unwrap(),
        drift,
        since: (number != 1).then(|| Utc.with_ymd_and_hms(2026, 11, 22, 3, 0, 0).unwrap()),
        target: Some(u64::MAX),
        other: RowId::new(Uuid::from_u128(number + 7)),
        is_guess: number == 2,
        name: format!("Contoso {number}"),
        number: format!("C{number}"),
    }
}

fn change(version: u32, is_whole: bool, problems: Vec<Problem>, solved: Vec<RowId>) -> Change {
    Change {
        checkpoint: checkpoint(version),
        after: (!is_whole).then(|| checkpoint(version - 1)),
        problems,
        solved,
        gone: Vec::new(),
        members: Vec::new(),
    }
}

async fn load(index: &Index) -> Option<Kept> {
    let mut kept = index
        .load("us-europe".to_owned(), account())
        .await
        .expect("it is read");
    if let Some(kept) = &mut kept {
        kept.problems.sort_by_key(|problem| problem.id);
    }
    kept
}

async fn save(index: &Index, change: Change) -> bool {
    index
        .save("us-europe".to_owned(), account(), change)
        .await
        .expect("it is saved")
}

async fn members(index: &Index, version: u32, wanted: &[(Group, u16)]) -> Option<Vec<Vec<u64>>> {
    let (link, checkpoint) = ("us-europe".to_owned(), checkpoint(version));
    let shards = index
        .members(link, account(), checkpoint, wanted.to_vec())
        .await
        .expect("it is read")?;
    Some(
        shards
            .into_iter()
            .map(|(_, (_, ids))| ids.to_vec())
            .collect(),
    )
}

#[tokio::test]
async fn sets_of_rows_are_kept_in_shards_and_belong_to_one_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    let shard = |number, ids: &[u64]| (number, Arc::new(ids.to_vec()));
    let (source, local) = ((Group::Sources, 7), (Group::Local, 7));
    let first = Change {
        members: vec![
            (Group::Sources, shard(7, &[1, u64::MAX])),
            (Group::Sources, shard(1023, &[5])),
            (Group::Local, shard(7, &[9])),
        ],
        ..change(1, true, vec![], vec![])
    };
    assert!(save(&index, first).await);
    let second = Change {
        members: vec![(Group::Sources, shard(7, &[1]))],
        ..change(2, false, vec![], vec![])
    };
    assert!(save(&index, second.clone()).await);
    assert!(!save(&index, second).await, "it does not follow on that");
    let wanted = [source, local, (Group::Local, 1), (Group::Sources, 1023)];
    let known = members(&index, 2, &wanted).await;
    assert_eq!(known, Some(vec![vec![1], vec![9], vec![], vec![5]]));
    assert_eq!(
        members(&index, 1, &wanted).await,
        None,
        "it is not that any more"
    );
    // Who does not keep it has everything at once, as it belongs together.
    let beside = Index::beside(folder.path());
    let all = load(&beside).await.and_then(|kept| kept.members);
    let mut all: Vec<(u16, Vec<u64>)> = all
        .unwrap_or_default()
        .into_iter()
        .map(|(_, (number, ids))| (number, ids.to_vec()))
        .collect();
    all.sort();
    assert_eq!(all, [(7, vec![1]), (7, vec![9]), (1023, vec![5])]);
    assert_eq!(load(&index).await.and_then(|kept| kept.members), None);
    save(&index, change(3, true, vec![], vec![])).await;
    let known = members(&index, 3, &[source, local]).await;
    assert_eq!(
        known,
        Some(vec![vec![], vec![]]),
        "a whole comparison forgets"
    );
}

#[tokio::test]
async fn what_was_saved_is_known_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    assert_eq!(load(&index).await, None);
    let (missing, stub) = (problem(1, Drift::Missing), problem(2, Drift::Stub));
    save(&index, change(1, true, vec![missing.clone(), stub], vec![])).await;
    let stale = problem(2, Drift::Stale);
    save(
        &index,
        change(2, false, vec![stale.clone()], vec![missing.id]),
    )
    .await;
    drop(index);

    let index = Index::open(folder.path()).expect("it opens again");
    let kept = load(&index).await.expect("something is known");
    assert_eq!(
        (kept.checkpoint, kept.problems),
        (checkpoint(2), vec![stale])
    );
    save(&index, change(3, true, vec![missing.clone()], vec![])).await;
    let kept = load(&index).await.expect("something is known");
    assert_eq!(kept.problems, vec![missing], "a whole comparison forgets");
}

#[tokio::test]
async fn one_process_keeps_it_and_others_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let keeper = Index::open(folder.path()).expect("it opens");
    save(&keeper, change(1, true, vec![], vec![])).await;
    let other = Index::open(folder.path()).expect("it opens for reading");
    assert!(keeper.is_keeper() && !other.is_keeper());
    save(&other, change(2, true, vec![], vec![])).await;
    assert_eq!(
        load(&other).await.map(|kept| kept.checkpoint),
        Some(checkpoint(1))
    );
    drop(keeper);
    assert!(Index::open(folder.path()).expect("it opens").is_keeper());
}

#[tokio::test]
async fn a_file_that_is_damaged_or_of_another_format_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index.db");
    let index = Index::open(folder.path()).expect("it opens");
    save(&index, change(1, true, vec![], vec![])).await;
    drop(index);
    fs::write(&file, b"SQLite format 3\0 and nothing more of it").unwrap();
    let index = Index::open(folder.path()).expect("it is made anew");
    assert_eq!(load(&index).await, None);
    drop(index);
    Connection::open(&file)
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let index = Index::open(folder.path()).expect("it is made anew");
    save(&index, change(1, true, vec![], vec![])).await;
    assert!(load(&index).await.is_some());
}

#[tokio::test]
async fn it_is_left_to_another_process_and_kept_again_once_that_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let first = Index::open(folder.path()).expect("it opens");
    save(&first, change(1, true, vec![], vec![])).await;
    first.let_go().await;
    let second = Index::open(folder.path()).expect("it opens");
    assert!(second.is_keeper() && !first.keep().await);
    save(&second, change(2, true, vec![], vec![])).await;
    let tell = |text: &'static str| second.tell(move || Some(text.to_owned()));
    tell("one").await.expect("it is written");
    tell("two").await.expect("it is written");
    let kept = load(&first).await.map(|kept| kept.checkpoint);
    assert_eq!(kept, Some(checkpoint(2)), "the other's work is read");
    assert_eq!(first.told().await.expect("read"), Some("two".to_owned()));
    drop(second);
    assert!(first.keep().await);
}

#[tokio::test]
async fn samples_are_kept_for_fourteen_days() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    let now = Utc.with_ymd_and_hms(2026, 11, 24, 3, 0, 0).unwrap();
    let sample = |days: i64| InstanceSample {
        instance: "europe".to_owned(),
        at: now - chrono::Duration::days(days),
        health: crate::domain::health::Health::CutOff,
        since: now - chrono::Duration::days(20),
        minute: crate::domain::health::Minute {
            latency: (days == 1).then(|| Duration::from_micros(61_500)),
            calls: 12,
            errors: 1,
        },
        breakers: vec!["read OPEN".to_owned(), "auth half-open".to_owned()],
    };
    let link = LinkSample {
        link: "us-europe".to_owned(),
        at: now,
        pending: 7,
        lag: Duration::from_secs(95),
        drifts: [("stub".to_owned(), 7)].into(),
        last_success: Some(now),
    };
    let samples = Samples {
        instances: vec![sample(15), sample(2), sample(1)],
        links: vec![link.clone()],
    };
    index.sample(samples, now).await.expect("it is kept");
    let from = now - chrono::Duration::days(30);
    let kept = index.samples(from).await.expect("it is read");
    assert_eq!(kept.instances, [sample(2), sample(1)]);
    assert_eq!(kept.links, [link]);
    let kept = index.samples(now).await.expect("it is read");
    assert_eq!(kept.instances, []);
}

#[tokio::test]
async fn lines_come_back_in_their_order_and_are_forgotten_after_14_days() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    let at = |day: u32| Utc.with_ymd_and_hms(2026, 11, day, 3, 0, 0).unwrap();
    let line = |day, text: &str| Line {
        at: at(day),
        instance: (day == 24).then(|| "europe".to_owned()),
        text: text.to_owned(),
        tone: "bad".to_owned(),
    };
    let all = vec![line(2, "old"), line(23, "ran"), line(24, "DOWN")];
    index.keep_lines(all.clone(), at(24)).await.unwrap();
    assert_eq!(index.lines(10).await.unwrap(), &all[1..]);
    assert_eq!(index.lines(1).await.unwrap(), &all[2..], "the latest");
}

#[tokio::test]
async fn what_a_comparison_has_read_is_kept_page_by_page_until_it_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    let (link, table) = ("us-europe".to_owned(), account());
    let id = |number: u128| RowId::new(Uuid::from_u128(number)).unwrap();
    let listing = |page: u32| Listing {
        rules: u64::MAX,
        seed: u64::MAX - 2,
        started: checkpoint(5).taken,
        began: (page > 1).then(|| checkpoint(4).taken),
        pages: page,
        rows: 2 * page as usize,
        next: (page < 2).then(|| PageLink::new("https://us.example/api/data/v9.2/accounts?p=1")),
        delta: (page == 2).then(|| DeltaLink::new("https://us.example/api/data/v9.2/accounts?d=1")),
    };
    let page = |number: u32| Listed {
        rows: vec![(id(u128::from(number)), u64::MAX - 1), (id(9), 7)],
        unreadable: vec![id(u128::from(number) + 100)],
    };
    for number in [1, 2] {
        let saved = index.save_listed(
            link.clone(),
            table.clone(),
            vec![SidePage {
                side: "source",
                listing: listing(number),
                page: page(number),
            }],
        );
        assert!(saved.await.unwrap());
        let kept = index
            .listing(link.clone(), table.clone(), "source")
            .await
            .unwrap();
        assert_eq!(kept, Some(listing(number)));
    }
    let kept = index
        .listed(link.clone(), table.clone(), "source", 1)
        .await
        .unwrap();
    assert_eq!(kept, Some(page(1)));
    assert_eq!(
        index
            .listed(link.clone(), table.clone(), "source", 3)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        index
            .listing(link.clone(), table.clone(), "target")
            .await
            .unwrap(),
        None
    );
    // The comparison is done: its pages are of no use any more.
    assert!(save(&index, change(1, true, Vec::new(), Vec::new())).await);
    assert_eq!(
        index
            .listing(link.clone(), table.clone(), "source")
            .await
            .unwrap(),
        None
    );
    assert_eq!(index.listed(link, table, "source", 1).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_gone_outlives_a_full_comparison_and_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).expect("it opens");
    let id = |number| RowId::new(Uuid::from_u128(number)).unwrap();
    let first = Change {
        gone: vec![(id(1), true), (id(2), true)],
        ..change(1, true, Vec::new(), Vec::new())
    };
    assert!(save(&index, first).await);
    let second = Change {
        gone: vec![(id(1), false)],
        ..change(2, false, Vec::new(), Vec::new())
    };
    assert!(save(&index, second).await);
    assert!(save(&index, change(3, true, Vec::new(), Vec::new())).await);
    drop(index);
    let index = Index::open(folder.path()).expect("it opens");
    assert_eq!(load(&index).await.unwrap().gone, [id(2)]);
}
