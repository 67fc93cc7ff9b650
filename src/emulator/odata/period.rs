//! Spans of the calendar, in UTC: days, weeks from Sunday, months and years, and how far back or ahead so many of them are.
//!
//! `LastX…` of days and more begins with a day, as its documentation says "including today"; hours and minutes are exact
//! (inferred: no source says how they are rounded).

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};

/// From the first moment, until just before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

/// A span that today decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    This(Unit),
    Last(Unit),
    Next(Unit),
    LastSevenDays,
    NextSevenDays,
}

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

impl Period {
    pub(crate) fn span(self, now: DateTime<Utc>) -> Span {
        match self {
            Period::This(unit) => unit.around(now),
            Period::Last(unit) => {
                let until = unit.start(now);
                let from = unit.back(until, 1);
                Span { from, until }
            }
            Period::Next(unit) => {
                let from = unit.ahead(unit.start(now), 1);
                let until = unit.ahead(from, 1);
                Span { from, until }
            }
            Period::LastSevenDays => Span::last(now, 7, Unit::Day),
            Period::NextSevenDays => Span::next(now, 7, Unit::Day),
        }
    }
}

impl Span {
    /// The day of a moment.
    pub(crate) fn day(moment: DateTime<Utc>) -> Span {
        Unit::Day.around(moment)
    }

    /// So many units back, up to and with this moment.
    pub(crate) fn last(now: DateTime<Utc>, number: u32, unit: Unit) -> Span {
        let from = unit.back(now, number);
        Span {
            from: unit.coarse_start(from),
            until: moment_after(now),
        }
    }

    /// From this moment, so many units ahead.
    pub(crate) fn next(now: DateTime<Utc>, number: u32, unit: Unit) -> Span {
        let until = unit.ahead(now, number);
        Span {
            from: now,
            until: match unit {
                Unit::Minute | Unit::Hour => moment_after(until),
                _ => Span::day(until).until,
            },
        }
    }
}

impl Unit {
    /// Earlier by so many, or the beginning of time where the calendar ends before.
    pub(crate) fn back(self, from: DateTime<Utc>, number: u32) -> DateTime<Utc> {
        let moved = match self.months() {
            Some(months) => months
                .checked_mul(number)
                .and_then(|months| from.checked_sub_months(Months::new(months))),
            None => self
                .length(number)
                .and_then(|length| from.checked_sub_signed(length)),
        };
        moved.unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    /// Later by so many, or the end of time.
    fn ahead(self, from: DateTime<Utc>, number: u32) -> DateTime<Utc> {
        let moved = match self.months() {
            Some(months) => months
                .checked_mul(number)
                .and_then(|months| from.checked_add_months(Months::new(months))),
            None => self
                .length(number)
                .and_then(|length| from.checked_add_signed(length)),
        };
        moved.unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn around(self, moment: DateTime<Utc>) -> Span {
        let from = self.start(moment);
        Span {
            from,
            until: self.ahead(from, 1),
        }
    }

    /// Where the unit that holds the moment begins.
    fn start(self, moment: DateTime<Utc>) -> DateTime<Utc> {
        let date = moment.date_naive();
        let first = match self {
            Unit::Minute | Unit::Hour | Unit::Day => Some(date),
            Unit::Week => {
                let days = u64::from(date.weekday().num_days_from_sunday());
                date.checked_sub_days(chrono::Days::new(days))
            }
            Unit::Month => date.with_day(1),
            Unit::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
        };
        midnight(first.unwrap_or(date))
    }

    /// Its day for all but hours and minutes.
    fn coarse_start(self, moment: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Unit::Minute | Unit::Hour => moment,
            _ => midnight(moment.date_naive()),
        }
    }

    fn months(self) -> Option<u32> {
        match self {
            Unit::Month => Some(1),
            Unit::Year => Some(12),
            _ => None,
        }
    }

    fn length(self, number: u32) -> Option<TimeDelta> {
        let number = i64::from(number);
        match self {
            Unit::Minute => TimeDelta::try_minutes(number),
            Unit::Hour => TimeDelta::try_hours(number),
            Unit::Week => TimeDelta::try_weeks(number),
            _ => TimeDelta::try_days(number),
        }
    }
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

fn moment_after(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment
        .checked_add_signed(TimeDelta::milliseconds(1))
        .unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    #[test]
    fn spans_are_those_of_the_calendar() {
        // A Wednesday.
        let now = time("2024-02-28T15:30:00Z");
        let cases = [
            (Period::This(Unit::Day), "2024-02-28", "2024-02-29"),
            (Period::Last(Unit::Day), "2024-02-27", "2024-02-28"),
            (Period::Next(Unit::Day), "2024-02-29", "2024-03-01"),
            (Period::This(Unit::Week), "2024-02-25", "2024-03-03"),
            (Period::Last(Unit::Week), "2024-02-18", "2024-02-25"),
            (Period::Next(Unit::Month), "2024-03-01", "2024-04-01"),
            (Period::Last(Unit::Month), "2024-01-01", "2024-02-01"),
            (Period::This(Unit::Year), "2024-01-01", "2025-01-01"),
            (Period::Last(Unit::Year), "2023-01-01", "2024-01-01"),
        ];
        for (period, from, until) in cases {
            let span = period.span(now);
            assert_eq!(span.from, time(&format!("{from}T00:00:00Z")), "{period:?}");
            assert_eq!(
                span.until,
                time(&format!("{until}T00:00:00Z")),
                "{period:?}"
            );
        }
    }

    #[test]
    fn no_number_leaves_the_calendar() {
        for unit in [
            Unit::Minute,
            Unit::Hour,
            Unit::Week,
            Unit::Month,
            Unit::Year,
        ] {
            let now = time("2024-02-28T15:30:00Z");
            assert!(Span::last(now, u32::MAX, unit).from < now);
            assert!(Span::next(now, u32::MAX, unit).until > now);
        }
    }
}
