//! How many writes go into one request: ten to begin with, more while the time for each stays flat (design, "Parallel
//! writes"; contract 5.1). Pure: it counts and compares, and sends nothing.

use std::time::Duration;

/// Writes in a request to begin with.
const FIRST: usize = 10;

/// Requests of one size before it is judged, by their median: one that was slow for a reason of its own tells nothing.
const LOOKS: usize = 5;

/// Requests of a size that was gone back to, before a larger one is tried again.
const REST: usize = 50;

/// The size of the next request, learnt from those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSize {
    size: usize,
    most: usize,
    /// Microseconds that a write took in each request of this size.
    each: Vec<u64>,
    /// The median of those of the size before it.
    before: Option<u64>,
    rest: usize,
}

impl BatchSize {
    /// A size that grows up to this one.
    pub fn up_to(most: usize) -> Self {
        Self {
            size: FIRST.min(most),
            most,
            each: Vec::with_capacity(LOOKS),
            before: None,
            rest: 0,
        }
    }

    /// How many writes the next request may have.
    pub fn get(&self) -> usize {
        self.size
    }

    /// Learns from a request that went well. One that was not full tells nothing.
    pub fn took(&mut self, writes: usize, took: Duration) {
        if writes < self.size {
            return;
        }
        if self.rest > 0 {
            self.rest -= 1;
            return;
        }
        let each = took.as_micros() / u128::try_from(writes.max(1)).unwrap_or(1);
        self.each.push(u64::try_from(each).unwrap_or(u64::MAX));
        if self.each.len() < LOOKS {
            return;
        }
        self.each.sort_unstable();
        let median = self.each.get(LOOKS / 2).copied().unwrap_or_default();
        self.each.clear();
        let is_flat = |before: u64| median <= before.saturating_add(before / 2);
        if self.before.is_none_or(is_flat) {
            self.before = Some(median);
            self.size = (self.size + self.size / 2).min(self.most);
        } else {
            self.before = None;
            self.size = (self.size - self.size / 3).max(FIRST.min(self.most));
            self.rest = REST;
        }
    }

    /// Begins anew with few, after a request that failed.
    pub fn failed(&mut self) {
        *self = Self::up_to(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends full requests, each write in so many microseconds for that size.
    fn after(size: &mut BatchSize, requests: u32, each: impl Fn(usize, u32) -> u64) {
        for place in 0..requests {
            let writes = size.get();
            let took = each(writes, place) * u64::try_from(writes).unwrap_or(u64::MAX);
            size.took(writes, Duration::from_micros(took));
        }
    }

    #[test]
    fn it_grows_to_the_most_there_may_be_while_the_time_for_each_stays_flat() {
        let mut size = BatchSize::up_to(100);
        assert_eq!(size.get(), 10);
        after(&mut size, 30, |_, _| 200);
        assert_eq!(size.get(), 100);
        after(&mut size, 300, |_, _| 200);
        assert_eq!(size.get(), 100);
    }

    #[test]
    fn a_slow_request_now_and_then_does_not_make_it_smaller() {
        let mut size = BatchSize::up_to(100);
        after(
            &mut size,
            300,
            |_, place| if place % 3 == 0 { 5_000 } else { 200 },
        );
        assert_eq!(size.get(), 100);
    }

    #[test]
    fn it_goes_back_where_writes_get_slower_and_tries_again_much_later() {
        let mut size = BatchSize::up_to(100);
        let slow_from =
            |from: usize| move |writes: usize, _| if writes > from { 2_000 } else { 200 };
        after(&mut size, 20, slow_from(30));
        assert_eq!(size.get(), 22);
        after(&mut size, 49, slow_from(30));
        assert_eq!(size.get(), 22);
        after(&mut size, 300, |_, _| 200);
        assert_eq!(size.get(), 100, "what was slow may have passed");
    }

    #[test]
    fn what_fails_or_is_not_full_makes_nothing_grow() {
        let mut size = BatchSize::up_to(100);
        for _ in 0..100 {
            size.took(9, Duration::from_millis(1));
        }
        assert_eq!(size.get(), 10);
        after(&mut size, 30, |_, _| 200);
        size.failed();
        assert_eq!(size.get(), 10);
        assert_eq!(BatchSize::up_to(4).get(), 4);
    }
}
