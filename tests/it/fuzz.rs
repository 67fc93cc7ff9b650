//! Every parser of the emulator, fuzzed through its own door: valid requests are bent by their grammar's pieces and
//! thrown at a running instance, which must answer, never with 500, and live on.
//!
//! Each target runs for two seconds; `BOLERO_RANDOM_TEST_TIME_MS` has it run longer, and the seed that a failure prints
//! goes back in as `BOLERO_RANDOM_SEED`.

mod grammar;
mod mutate;
mod nesting;
mod throw;

use std::sync::Mutex;
use std::time::Duration;

use bolero::check;

use self::grammar::Grammar;
use self::mutate::Edit;
use self::throw::Lab;

const TIME: Duration = Duration::from_secs(2);

macro_rules! targets {
    ($($name:ident: $grammar:expr,)*) => {$(
        #[test]
        fn $name() {
            let grammar: &Grammar = &$grammar;
            let lab = Mutex::new(Lab::open());
            for sample in grammar.samples {
                lab.lock().unwrap().accepts(grammar, sample);
            }
            check!()
                .with_type::<(u8, [Edit; 3])>()
                .with_test_time(TIME)
                .for_each(|(sample, edits)| {
                    let text = mutate::bent(grammar, *sample, edits);
                    let mut lab = lab.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    lab.throw(grammar, &text);
                });
            let mut lab = lab.into_inner().unwrap();
            lab.lives();
            println!("{}: {} inputs, by status: {:?}", stringify!($name), lab.thrown, lab.statuses);
            let bad = lab.statuses.range(400..).map(|(_, count)| count).sum::<u64>();
            assert!(bad > 0, "none of them was refused: the mutations do nothing");
        }
    )*};
}

targets! {
    paths_are_read_or_refused: grammar::PATH,
    query_strings_are_read_or_refused: grammar::QUERY,
    filters_are_read_or_refused: grammar::FILTER,
    orders_are_read_or_refused: grammar::ORDER,
    expansions_are_read_or_refused: grammar::EXPAND,
    aggregations_are_read_or_refused: grammar::APPLY,
    fetchxml_is_read_or_refused: grammar::FETCH,
    sql_is_read_or_refused: grammar::SQL,
    payloads_are_read_or_refused: grammar::PAYLOAD,
    batches_are_read_or_refused: grammar::BATCH,
    preferences_are_read_or_refused: grammar::PREFER,
    token_forms_are_read_or_refused: grammar::TOKEN,
    fault_rules_are_read_or_refused: grammar::FAULT,
    webhooks_are_read_or_refused: grammar::WEBHOOK,
}

#[test]
fn scenarios_are_read_or_refused() {
    let grammar = &grammar::SCENARIO;
    for sample in grammar.samples {
        tandem::emulator::Scenario::load(sample)
            .unwrap_or_else(|error| panic!("{error}: {sample}"));
    }
    check!()
        .with_type::<(u8, [Edit; 3])>()
        .with_test_time(TIME)
        .for_each(|(sample, edits)| {
            let text = mutate::bent(grammar, *sample, edits);
            let read = tandem::emulator::Scenario::load(&text);
            if let Err(error) = read {
                assert!(!error.to_string().is_empty());
            }
        });
}
