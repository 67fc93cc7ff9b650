//! How a bulk repair begins: a few records first, then more and more of them; and when it stops for a person (`ux.md`
//! (b) 5; reliability S7). Pure: it counts, and knows nothing of requests.

/// Records that are carried out one by one before anything else of a bulk repair is.
pub const CANARY: usize = 5;

/// Repairs of no more records than this are not ramped: a person has seen each of them.
pub const SMALL: usize = 25;

/// Failures in a row that stop it.
const RUN: usize = 10;

/// Outcomes before a share of them means anything.
const LEAST: usize = 20;

/// The share of failures that stops it, in percent.
const SHARE: usize = 5;

/// How many records each step of a repair takes: all of a small one; else five, and then up to a tenth, a quarter, half
/// and all of them. Each step begins when the one before it has ended.
pub fn steps(records: usize) -> Vec<usize> {
    let mut taken = 0;
    let steps = marks(records).into_iter().map(|(_, upto)| {
        let step = upto - taken;
        taken = upto;
        step
    });
    steps.collect()
}

/// The same as people are told of it: what each step is called, and how many records have been taken up by its end.
pub fn marks(records: usize) -> Vec<(&'static str, usize)> {
    if records <= SMALL {
        return vec![("all", records)];
    }
    let upto = [
        ("5", CANARY),
        ("10 %", records / 10),
        ("25 %", records / 4),
        ("50 %", records / 2),
        ("100 %", records),
    ];
    let mut taken = 0;
    let longer = upto.into_iter().filter(|(_, upto)| {
        let is_longer = *upto > taken;
        taken = taken.max(*upto);
        is_longer
    });
    longer.collect()
}

/// Counts outcomes, and trips when too many of them are failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fuse {
    ended: usize,
    failed: usize,
    run: usize,
}

impl Fuse {
    /// Takes in one outcome; the reason to stop, once there is one. It counts anew from there.
    pub fn record(&mut self, failed: bool) -> Option<String> {
        self.ended += 1;
        if failed {
            self.failed += 1;
            self.run += 1;
        } else {
            self.run = 0;
        }
        let too_many = self.ended >= LEAST && self.failed * 100 > self.ended * SHARE;
        let why = if self.run >= RUN {
            format!("{RUN} records in a row failed")
        } else if too_many {
            format!("{} of {} records failed", self.failed, self.ended)
        } else {
            return None;
        };
        *self = Self::default();
        Some(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bulk_repair_begins_with_five_records() {
        assert_eq!(steps(25), [25]);
        assert_eq!(steps(26), [5, 1, 7, 13]);
        assert_eq!(steps(20_000), [5, 1_995, 3_000, 5_000, 10_000]);
        assert_eq!(marks(25), [("all", 25)]);
        let names: Vec<&str> = marks(30).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["5", "25 %", "50 %", "100 %"], "3 are fewer than 5");
    }

    proptest! {
        #[test]
        fn every_record_has_its_step(records in 0usize..100_000) {
            prop_assert_eq!(steps(records).iter().sum::<usize>(), records);
        }
    }

    #[test]
    fn ten_failures_in_a_row_stop_it_and_a_success_between_starts_over() {
        let mut fuse = Fuse::default();
        let mut outcomes = [true; 10].into_iter().chain([false]).cycle();
        for _ in 0..9 {
            assert_eq!(fuse.record(outcomes.next() == Some(true)), None);
        }
        assert_eq!(
            fuse.record(true).as_deref(),
            Some("10 records in a row failed")
        );
        assert_eq!(fuse, Fuse::default(), "who goes on has decided");
    }

    #[test]
    fn more_than_five_percent_stop_it_once_twenty_have_ended() {
        let mut fuse = Fuse::default();
        for place in 0..19 {
            assert_eq!(fuse.record(place % 5 == 0), None, "{place}");
        }
        assert_eq!(
            fuse.record(false).as_deref(),
            Some("4 of 20 records failed")
        );
        let mut fuse = Fuse::default();
        for place in 0..1000 {
            assert_eq!(fuse.record(place % 25 == 24), None, "four percent: {place}");
        }
    }
}
