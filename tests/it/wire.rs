//! Golden exchanges: what the contract says of the wire, as data, held against the emulator over real sockets and
//! against our own client. One file for each section; each golden carries the evidence for it, printed when it fails.

mod client;
mod exchange;
mod pattern;
mod s00_quick;
mod s01_root;
mod s02_records;
mod s03_queries;
mod s04_changes;
mod s05_bulk;
mod s06_limits;
mod s07_identity;
mod s08_plug_ins;
mod s09_metadata;
mod s10_errors;
mod s15_webhooks;

use std::collections::BTreeMap;
use std::fmt;

use self::exchange::Instance;

/// How a statement of the contract is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    /// Microsoft's documentation.
    Doc,
    /// Source or tests of a Microsoft client.
    MsSrc,
    /// Seen by others on a real instance.
    Obs,
    /// The published table of error codes, which has no statuses.
    Enum,
    /// Deduced by us.
    Inferred,
    /// Looked for and not found: the emulator's choice.
    NotFound,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mark::Doc => "[doc]",
            Mark::MsSrc => "[ms-src]",
            Mark::Obs => "[obs]",
            Mark::Enum => "[enum]",
            Mark::Inferred => "[inferred]",
            Mark::NotFound => "[not found]",
        })
    }
}

/// One request and its answer, as text with placeholders (`pattern.rs`), after some that make what it needs.
#[derive(Clone, Copy)]
struct Golden {
    /// The section of the contract.
    section: &'static str,
    /// The weakest evidence that any part of it rests on.
    marks: &'static [Mark],
    about: &'static str,
    given: &'static [&'static str],
    request: &'static str,
    /// Status and, for an error, the class that our client must find; headers; body.
    answer: &'static str,
}

const fn golden(
    section: &'static str,
    marks: &'static [Mark],
    about: &'static str,
    given: &'static [&'static str],
    request: &'static str,
    answer: &'static str,
) -> Golden {
    Golden {
        section,
        marks,
        about,
        given,
        request,
        answer,
    }
}

/// All of them, by file.
const ALL: [&[Golden]; 12] = [
    s00_quick::GOLDENS,
    s01_root::GOLDENS,
    s02_records::GOLDENS,
    s03_queries::GOLDENS,
    s04_changes::GOLDENS,
    s05_bulk::GOLDENS,
    s06_limits::GOLDENS,
    s07_identity::GOLDENS,
    s08_plug_ins::GOLDENS,
    s09_metadata::GOLDENS,
    s10_errors::GOLDENS,
    s15_webhooks::GOLDENS,
];

fn all() -> impl Iterator<Item = Golden> {
    ALL.into_iter().flatten().copied()
}

impl fmt::Display for Golden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks: Vec<String> = self.marks.iter().map(Mark::to_string).collect();
        write!(
            f,
            "contract {} {}: {}",
            self.section,
            marks.join(" "),
            self.about
        )
    }
}

/// Plays each on an instance of its own, and gives the answers to our client; all that differ are reported at once.
async fn hold(goldens: &[Golden]) {
    let mut differences = Vec::new();
    for golden in goldens {
        let mut instance = Instance::start().await;
        let (answer, difference) = instance.play(golden).await;
        let difference = match difference {
            None => client::misunderstands(golden, &answer).await,
            some => some,
        };
        if let Some(difference) = difference {
            differences.push(format!("{golden}\n{}\n{difference}\n", golden.request));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ\n\n{}",
        differences.len(),
        goldens.len(),
        differences.join("\n")
    );
}

macro_rules! sections {
    ($($name:ident: $module:ident,)*) => {$(
        #[tokio::test]
        async fn $name() {
            hold($module::GOLDENS).await;
        }
    )*};
}

sections! {
    the_quick_contract_holds: s00_quick,
    root_headers_and_probes_answer_as_documented: s01_root,
    records_answer_as_documented: s02_records,
    queries_answer_as_documented: s03_queries,
    changes_are_told_as_documented: s04_changes,
    bulk_messages_answer_as_documented: s05_bulk,
    limits_are_told_as_documented: s06_limits,
    strangers_are_told_as_documented: s07_identity,
    plug_ins_refuse_as_documented: s08_plug_ins,
    metadata_answers_as_documented: s09_metadata,
    errors_have_their_documented_codes: s10_errors,
    steps_and_hooks_answer_as_documented: s15_webhooks,
}

#[test]
fn every_golden_names_its_section_and_its_evidence() {
    let mut by_mark: BTreeMap<Mark, usize> = BTreeMap::new();
    let mut abouts = Vec::new();
    for golden in all() {
        assert!(!golden.marks.is_empty(), "no evidence: {golden}");
        let number = golden.section.split('.').next().unwrap();
        let number: u32 = number.parse().unwrap_or_else(|_| panic!("{golden}"));
        assert!((0..=10).contains(&number) || number == 15, "{golden}");
        for mark in golden.marks {
            *by_mark.entry(*mark).or_default() += 1;
        }
        abouts.push(golden.about);
    }
    let count = abouts.len();
    abouts.sort_unstable();
    let twice: Vec<_> = abouts.windows(2).filter(|two| two[0] == two[1]).collect();
    assert!(twice.is_empty(), "said twice: {twice:?}");
    println!("{count} golden exchanges");
    for (mark, count) in by_mark {
        println!("{count:4} {mark}");
    }
}
