//! Moments and periods, to the second and in universal time.

use crate::plan::time;

const DAY: i64 = 86_400;

/// A moment, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(i64);

impl Moment {
    /// From seconds since 1970.
    pub const fn at(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The beginning of a FHIR `date`, `dateTime` or `instant`.
    pub fn parse(text: &str) -> Option<Self> {
        time::seconds(text).map(Self)
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// The moment so many seconds later.
    pub const fn later(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }
}

/// A period; what is not stated is open, and what cannot be read is kept as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    start: Bound,
    end: Bound,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Bound {
    #[default]
    Open,
    At(i64),
    Unread,
}

impl Period {
    /// From the texts of a FHIR Period. The end is the whole of the day, month or year that it names.
    pub fn of(start: Option<&str>, end: Option<&str>) -> Self {
        let start = start.map_or(Bound::Open, |text| time::seconds(text).map_or(Bound::Unread, Bound::At));
        let end = end.map_or(Bound::Open, |text| last_second(text).map_or(Bound::Unread, Bound::At));
        Self { start, end }
    }

    /// Whether it holds a moment; `None` where that cannot be known.
    pub fn holds(self, moment: Moment) -> Option<bool> {
        let begun = match self.start {
            Bound::Open => Some(true),
            Bound::At(start) => Some(start <= moment.0),
            Bound::Unread => None,
        };
        let lasts = match self.end {
            Bound::Open => Some(true),
            Bound::At(end) => Some(moment.0 <= end),
            Bound::Unread => None,
        };
        match (begun, lasts) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            (None, _) | (_, None) => None,
        }
    }

    /// True where an end is stated.
    pub fn is_limited(self) -> bool {
        matches!(self.end, Bound::At(_))
    }
}

fn last_second(text: &str) -> Option<i64> {
    let first = time::seconds(text)?;
    let length = match text.len() {
        4 => {
            let year: i64 = text.parse().ok()?;
            return time::seconds(&format!("{:04}", year + 1)).map(|next| next - 1);
        }
        7 => {
            let (year, month) = text.split_once('-')?;
            let (year, month): (i64, i64) = (year.parse().ok()?, month.parse().ok()?);
            let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            return time::seconds(&format!("{:04}-{:02}", next.0, next.1)).map(|next| next - 1);
        }
        10 => DAY,
        16 => 60,
        _ => 1,
    };
    Some(first + length - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_the_whole_of_what_it_names() {
        let check = |end: &str, moment: &str, expected| {
            let period = Period::of(Some("2026-01-02"), Some(end));
            assert_eq!(Moment::parse(moment).and_then(|at| period.holds(at)), expected, "{end} {moment}");
        };
        check("2026-03-19", "2026-03-19T23:59:59Z", Some(true));
        check("2026-03-19", "2026-03-20T00:00:00Z", Some(false));
        check("2026-12", "2026-12-31T23:59:59Z", Some(true));
        check("2026-12", "2027-01-01", Some(false));
        check("2026", "2026-12-31", Some(true));
        check("2026", "2026-01-01", Some(false));
        check("2026-03-19T10:00:00Z", "2026-03-19T10:00:01Z", Some(false));
        check("in spring", "2026-02-01", None);
        check("in spring", "2026-01-01", Some(false));
    }
}
