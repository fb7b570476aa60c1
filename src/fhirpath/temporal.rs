//! Dates, date-times and times of partial precision, with time zones (FHIRPath 2.0.0, "Date/Time Equality" and
//! "Date/Time Arithmetic").

use super::calendar::{date_of, days_since_1970};
use super::decimal::Decimal;
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;

mod arithmetic;
mod boundary;

pub use boundary::Bound;

/// Which of the three types a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TemporalKind {
    /// `@2015-02-04`.
    Date,
    /// `@2015-02-04T14:34:28+02:00`.
    DateTime,
    /// `@T14:34:28`.
    Time,
}

/// How far a value is known. Seconds and their fraction are one precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// A year.
    Year,
    /// A month.
    Month,
    /// A day.
    Day,
    /// An hour.
    Hour,
    /// A minute.
    Minute,
    /// A second, perhaps with a fraction.
    Second,
}

/// Nanoseconds of a second.
const NANOS: i64 = 1_000_000_000;
/// Minutes between the earliest and the latest zone: values without a zone that lie further apart than this are
/// ordered whatever the zone.
const ZONES_MINUTES: i64 = 26 * 60;

/// A date, a date-time or a time. What its precision does not cover is the least value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Temporal {
    kind: TemporalKind,
    precision: Precision,
    year: i32,
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    /// Digits of the fraction of the second, as written.
    fraction_digits: u8,
    /// Minutes east of Greenwich.
    offset: Option<i16>,
}

impl Temporal {
    const START: Self = Self {
        kind: TemporalKind::Date,
        precision: Precision::Year,
        year: 1,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        fraction_digits: 0,
        offset: None,
    };

    /// The date-time in Greenwich so many seconds and milliseconds after the start of 1970.
    pub fn utc(seconds: i64, milliseconds: u32) -> Self {
        let (year, month, day) = civil_from_days(seconds.div_euclid(86_400)).unwrap_or((1970, 1, 1));
        let of_day = seconds.rem_euclid(86_400);
        let part = |n: i64| u8::try_from(n).unwrap_or(0);
        Self {
            kind: TemporalKind::DateTime,
            precision: Precision::Second,
            year,
            month,
            day,
            hour: part(of_day / 3_600),
            minute: part(of_day / 60 % 60),
            second: part(of_day % 60),
            nanos: milliseconds.min(999) * 1_000_000,
            fraction_digits: 3,
            offset: Some(0),
        }
    }

    /// Reads a date `2015`, `2015-02`, `2015-02-04`.
    pub fn date(text: &str) -> Option<Self> {
        let mut value = Self::START;
        value.read_date(text)?;
        Some(value)
    }

    /// Reads a date-time; the time and the parts behind any part may be missing, as may the zone.
    pub fn date_time(text: &str) -> Option<Self> {
        let mut value = Self { kind: TemporalKind::DateTime, ..Self::START };
        let (date, time) = text.split_once('T').unwrap_or((text, ""));
        value.read_date(date)?;
        if time.is_empty() {
            return Some(value);
        }
        if value.precision != Precision::Day {
            return None;
        }
        let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
        value.read_time(time.get(..zone)?)?;
        value.offset = match time.get(zone..)? {
            "" => None,
            zone => Some(read_zone(zone)?),
        };
        Some(value)
    }

    /// Reads a time `14`, `14:34`, `14:34:28.123`.
    pub fn time(text: &str) -> Option<Self> {
        let mut value = Self { kind: TemporalKind::Time, ..Self::START };
        value.read_time(text)?;
        Some(value)
    }

    fn read_date(&mut self, text: &str) -> Option<()> {
        let mut parts = text.split('-');
        self.year = number(parts.next()?, 4)?;
        self.precision = Precision::Year;
        if let Some(month) = parts.next() {
            self.month = within(number(month, 2)?, 1, 12)?;
            self.precision = Precision::Month;
        }
        if let Some(day) = parts.next() {
            self.day = within(number(day, 2)?, 1, days_in_month(self.year, self.month))?;
            self.precision = Precision::Day;
        }
        (self.year > 0 && parts.next().is_none()).then_some(())
    }

    fn read_time(&mut self, text: &str) -> Option<()> {
        let mut parts = text.split(':');
        self.hour = within(number(parts.next()?, 2)?, 0, 23)?;
        self.precision = Precision::Hour;
        if let Some(minute) = parts.next() {
            self.minute = within(number(minute, 2)?, 0, 59)?;
            self.precision = Precision::Minute;
        }
        if let Some(second) = parts.next() {
            let (whole, fraction) = second.split_once('.').unwrap_or((second, ""));
            // FHIR allows the leap second.
            self.second = within(number(whole, 2)?, 0, 60)?;
            self.precision = Precision::Second;
            if second.contains('.') {
                (self.nanos, self.fraction_digits) = read_fraction(fraction)?;
            }
        }
        parts.next().is_none().then_some(())
    }

    /// Date, date-time or time.
    pub const fn kind(self) -> TemporalKind {
        self.kind
    }

    /// How far the value is known.
    pub const fn precision(self) -> Precision {
        self.precision
    }

    fn has(self, precision: Precision) -> bool {
        let first = if self.kind == TemporalKind::Time { Precision::Hour } else { Precision::Year };
        (first..=self.precision).contains(&precision)
    }

    /// A component; `None` where the value does not have it. Seconds come without their fraction.
    pub fn component(self, precision: Precision) -> Option<i32> {
        self.has(precision).then_some(match precision {
            Precision::Year => self.year,
            Precision::Month => i32::from(self.month),
            Precision::Day => i32::from(self.day),
            Precision::Hour => i32::from(self.hour),
            Precision::Minute => i32::from(self.minute),
            Precision::Second => i32::from(self.second),
        })
    }

    /// Milliseconds of the second; `None` where no fraction is written.
    pub fn milliseconds(self) -> Option<i32> {
        (self.fraction_digits > 0).then(|| i32::try_from(self.nanos / 1_000_000).unwrap_or(0))
    }

    /// Hours east of Greenwich.
    pub fn zone_hours(self) -> Option<Decimal> {
        let minutes = Decimal::whole(i64::from(self.offset?));
        minutes.padded(1).div(Decimal::whole(60)).map(|hours| hours.padded(1))
    }

    /// The date of a date or date-time.
    pub fn date_part(self) -> Option<Self> {
        let precision = self.precision.min(Precision::Day);
        let date = Self { year: self.year, month: self.month, day: self.day, precision, ..Self::START };
        (self.kind != TemporalKind::Time).then_some(date)
    }

    /// The time of a date-time, without its zone.
    pub fn time_part(self) -> Option<Self> {
        let time = Self { kind: TemporalKind::Time, year: 1, month: 1, day: 1, offset: None, ..self };
        (self.has(Precision::Hour)).then_some(time)
    }

    /// The value as a date-time; a time is none.
    pub fn to_date_time(self) -> Option<Self> {
        (self.kind != TemporalKind::Time).then_some(Self { kind: TemporalKind::DateTime, ..self })
    }

    /// How two values are ordered; `None` where their precision or their zones leave it open, or where one is a
    /// time and the other is not.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        if (self.kind == TemporalKind::Time) != (other.kind == TemporalKind::Time) {
            return None;
        }
        let timed = self.precision >= Precision::Hour && other.precision >= Precision::Hour;
        let (a, b) = match (self.offset, other.offset) {
            (Some(left), Some(right)) if timed && left != right => (self.to_utc()?, other.to_utc()?),
            (Some(_), None) | (None, Some(_)) if timed && self.kind != TemporalKind::Time => {
                let apart = self.minutes() - other.minutes();
                return (apart.abs() > ZONES_MINUTES).then(|| apart.cmp(&0));
            }
            _ => (self, other),
        };
        a.compare_parts(b)
    }

    fn compare_parts(self, other: Self) -> Option<Ordering> {
        use Precision::{Day, Hour, Minute, Month, Second, Year};
        for precision in [Year, Month, Day, Hour, Minute, Second] {
            match (self.component(precision), other.component(precision)) {
                (Some(left), Some(right)) if left != right => return Some(left.cmp(&right)),
                (Some(_), Some(_)) if precision == Second => return Some(self.nanos.cmp(&other.nanos)),
                (Some(_), None) | (None, Some(_)) => return None,
                _ => {}
            }
        }
        Some(Ordering::Equal)
    }

    /// Minutes since the first day of year zero, as the value is written.
    fn minutes(self) -> i64 {
        let days = days_since_1970(self.year.into(), self.month.into(), self.day.into());
        days * 1440 + i64::from(self.hour) * 60 + i64::from(self.minute)
    }

    /// The same instant in Greenwich.
    fn to_utc(self) -> Option<Self> {
        let minutes = self.minutes() - i64::from(self.offset.unwrap_or(0));
        Some(Self { offset: Some(0), ..self.with_minutes(minutes)? })
    }

    /// The value at so many minutes, its seconds unchanged.
    fn with_minutes(self, minutes: i64) -> Option<Self> {
        let (year, month, day) = civil_from_days(minutes.div_euclid(1440))?;
        let rest = minutes.rem_euclid(1440);
        let hour = u8::try_from(rest / 60).ok()?;
        let minute = u8::try_from(rest % 60).ok()?;
        Some(Self { year, month, day, hour, minute, ..self })
    }

    /// The same for values that are equal, whatever their zones.
    pub(super) fn key(self) -> impl Hash {
        let timed = self.offset.is_some() && self.precision >= Precision::Hour;
        let same = if timed { self.to_utc().unwrap_or(self) } else { self };
        let date = (same.year, same.month, same.day);
        (same.precision, date, (same.hour, same.minute, same.second, same.nanos))
    }

    /// True where the two are the same point in time of the same precision.
    pub fn is_equivalent(self, other: Self) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }

    /// Digits of precision: 4 for a year, 8 for a day, 17 for a date-time with milliseconds, 9 for such a time.
    pub fn precision_digits(self) -> i32 {
        let seconds = 14 + i32::from(self.fraction_digits);
        let digits = match self.precision {
            Precision::Year => 4,
            Precision::Month => 6,
            Precision::Day => 8,
            Precision::Hour => 10,
            Precision::Minute => 12,
            Precision::Second => seconds,
        };
        if self.kind == TemporalKind::Time { digits - 8 } else { digits }
    }
}

impl fmt::Display for Temporal {
    /// As in FHIR data: without `@`, and a time without `T`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != TemporalKind::Time {
            write!(f, "{:04}", self.year)?;
            if self.has(Precision::Month) {
                write!(f, "-{:02}", self.month)?;
            }
            if self.has(Precision::Day) {
                write!(f, "-{:02}", self.day)?;
            }
            if self.has(Precision::Hour) {
                f.write_str("T")?;
            }
        }
        if self.has(Precision::Hour) {
            write!(f, "{:02}", self.hour)?;
        }
        if self.has(Precision::Minute) {
            write!(f, ":{:02}", self.minute)?;
        }
        if self.has(Precision::Second) {
            write!(f, ":{:02}", self.second)?;
        }
        if self.fraction_digits > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, ".{}", fraction.get(..usize::from(self.fraction_digits)).unwrap_or(&fraction))?;
        }
        match self.offset {
            None => Ok(()),
            Some(0) => f.write_str("Z"),
            Some(minutes) => {
                let sign = if minutes < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60)
            }
        }
    }
}

/// A number of exactly `digits` digits.
fn number(text: &str, digits: usize) -> Option<i32> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

fn within(value: i32, least: i32, greatest: u8) -> Option<u8> {
    u8::try_from(value).ok().filter(|value| i32::from(*value) >= least && *value <= greatest)
}

/// Nanoseconds, and how many digits were written; digits beyond the ninth are dropped.
fn read_fraction(text: &str) -> Option<(u32, u8)> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let held = text.get(..text.len().min(9))?;
    let digits = u8::try_from(held.len()).ok()?;
    let nanos = held.parse::<u32>().ok()? * 10_u32.pow(9 - u32::from(digits));
    Some((nanos, digits))
}

fn read_zone(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let hours = within(number(hours, 2)?, 0, 14)?;
    let minutes = within(number(minutes, 2)?, 0, 59)?;
    Some(sign * (i16::from(hours) * 60 + i16::from(minutes)))
}

const fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The date of a day; `None` outside the years 1 to 9999.
fn civil_from_days(days: i64) -> Option<(i32, u8, u8)> {
    let (year, month, day) = date_of(days);
    let date = (i32::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    (1..=9999).contains(&date.0).then_some(date)
}

#[cfg(test)]
mod tests;
