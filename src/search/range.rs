//! Spans of dates, numbers and quantities, and what a search asks of them (FHIR R4, "Search", "Prefixes").

use super::value::Span;
use crate::fhirpath::Decimal;
use crate::fhirpath::calendar::days_since_1970;

/// What is asked of a span `low..=high` of a resource. All bounds are whole numbers, in the coding of the keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeTest {
    /// `eq`: the span lies within.
    Within {
        /// Least value.
        low: i64,
        /// Greatest value.
        high: i64,
    },
    /// `ne`: it does not.
    NotWithin {
        /// Least value.
        low: i64,
        /// Greatest value.
        high: i64,
    },
    /// `gt`, `ge`: it ends above.
    HighAbove(i64),
    /// `lt`, `le`: it starts below.
    LowBelow(i64),
    /// `sa`: it starts above.
    LowAbove(i64),
    /// `eb`: it ends below.
    HighBelow(i64),
    /// `ap`: both have something in common.
    Overlaps {
        /// Least value.
        low: i64,
        /// Greatest value.
        high: i64,
    },
}

impl RangeTest {
    /// True where a span passes.
    pub const fn holds(self, low: i64, high: i64) -> bool {
        match self {
            Self::Within { low: from, high: to } => from <= low && high <= to,
            Self::NotWithin { low: from, high: to } => low < from || to < high,
            Self::HighAbove(bound) => bound < high,
            Self::LowBelow(bound) => low < bound,
            Self::LowAbove(bound) => bound < low,
            Self::HighBelow(bound) => high < bound,
            Self::Overlaps { low: from, high: to } => from <= high && low <= to,
        }
    }
}

impl std::fmt::Debug for RangeTest {
    /// Without its bounds: a date of birth is personal data.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Within { .. } => "Within",
            Self::NotWithin { .. } => "NotWithin",
            Self::HighAbove(_) => "HighAbove",
            Self::LowBelow(_) => "LowBelow",
            Self::LowAbove(_) => "LowAbove",
            Self::HighBelow(_) => "HighBelow",
            Self::Overlaps { .. } => "Overlaps",
        })
    }
}

/// Microseconds of a second, and seconds of a day.
const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

/// The span of time that a date or date-time stands for, in microseconds UTC: `2015` is a whole year. One without a
/// zone is taken as UTC. A time may lack its seconds, as in a search.
pub(super) fn dates(text: &str) -> Option<Span> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    if year == 0 || parts.next().is_some() {
        return None;
    }
    let first = month.map_or(Some(1), |month| within(month, 1, 12))?;
    let start_day = day.map_or(Some(1), |day| within(day, 1, days_in(year, first)))?;
    let start = days_since_1970(year, first, start_day);
    let days = match (month, day) {
        (None, _) => days_since_1970(year + 1, 1, 1) - start,
        (Some(_), None) => days_in(year, first),
        (Some(_), Some(_)) => 1,
    };
    let low = start * DAY_S * SECOND_US;
    match time {
        None => Some(Span { low, high: low + days * DAY_S * SECOND_US - 1 }),
        Some(time) if day.is_some() => of_day(time, low),
        Some(_) => None,
    }
}

/// The span of a time of the day that starts at `midnight`.
fn of_day(time: &str, midnight: i64) -> Option<Span> {
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at_checked(zone)?;
    let mut parts = clock.split(':');
    let (hour, minute) = (within(parts.next()?, 0, 23)?, within(parts.next()?, 0, 59)?);
    let (seconds, length) = match parts.next() {
        None => (0, 60 * SECOND_US),
        Some(second) => second_of(second)?,
    };
    if parts.next().is_some() {
        return None;
    }
    let low = midnight + (hour * 60 + minute - offset(zone)?) * 60 * SECOND_US + seconds;
    Some(Span { low, high: low + length - 1 })
}

/// Microseconds of a second and its fraction, and how many microseconds it stands for.
fn second_of(text: &str) -> Option<(i64, i64)> {
    let Some((whole, fraction)) = text.split_once('.') else {
        // FHIR allows the leap second.
        return Some((within(text, 0, 60)? * SECOND_US, SECOND_US));
    };
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let held = fraction.get(..fraction.len().min(6))?;
    let length = 10_i64.pow(6_u32.checked_sub(u32::try_from(held.len()).ok()?)?);
    Some((within(whole, 0, 60)? * SECOND_US + held.parse::<i64>().ok()? * length, length))
}

/// Minutes east of Greenwich.
fn offset(zone: &str) -> Option<i64> {
    if zone.is_empty() || zone == "Z" {
        return Some(0);
    }
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    Some(sign * (within(hours, 0, 14)? * 60 + within(minutes, 0, 59)?))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn within(text: &str, least: i64, greatest: i64) -> Option<i64> {
    digits(text, 2).filter(|number| (least..=greatest).contains(number))
}

const fn days_in(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_since_1970(next_year, next, 1) - days_since_1970(year, month, 1)
}

/// Digits that the coding of a number keeps.
const DIGITS: u32 = 16;
/// Bits of those digits.
const DIGIT_BITS: u32 = 54;
/// Added to the exponent, so that it is above zero.
const EXPONENT_BIAS: i64 = 128;

/// A number as a whole number that keeps the order: sign, exponent, and its first 16 digits. Numbers that differ only
/// behind those are one number to a search.
pub(super) fn code(number: Decimal) -> i64 {
    let digits = number.digits().unsigned_abs();
    if digits == 0 {
        return 0;
    }
    let count = digits.ilog10() + 1;
    let kept = if count > DIGITS {
        digits / 10_u128.pow(count - DIGITS)
    } else {
        digits * 10_u128.pow(DIGITS - count)
    };
    let exponent = i64::from(count) - i64::from(number.scale()) + EXPONENT_BIAS;
    let size = (exponent << DIGIT_BITS) | i64::try_from(kept).unwrap_or(0);
    if number.is_negative() { -size } else { size }
}

/// A number as a search writes it.
#[derive(Clone, Copy)]
pub(super) struct Written {
    pub(super) number: Decimal,
    /// The least number that rounds to it, and the one where the next begins.
    pub(super) low: Decimal,
    pub(super) high: Decimal,
}

/// Reads a number with the numbers that round to it: `100` is from 99.5 to below 100.5, `1e2` from 95 to below 105
/// (FHIR R4, "Search", "number").
pub(super) fn written(text: &str) -> Option<Written> {
    let number = Decimal::parse(text)?;
    let half = match text.find(['e', 'E']) {
        None => Decimal::new(5, number.scale() + 1)?,
        Some(at) => {
            let fraction = text.get(..at)?.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            let exponent: i64 = text.get(at + 1..)?.parse().ok()?;
            let scale = i64::try_from(fraction.max(1)).ok()?.checked_sub(exponent)?.checked_add(1)?;
            Decimal::parse(&format!("5e{}", scale.checked_neg()?))?
        }
    };
    Some(Written { number, low: number.sub(half)?, high: number.add(half)? })
}

/// How a value of a search is compared (FHIR R4, "Search", "Prefixes").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
    /// `po` of a filter: both have something in common.
    Po,
}

/// All prefixes of a search parameter.
const PREFIXES: [(&str, Prefix); 9] = [
    ("eq", Prefix::Eq),
    ("ne", Prefix::Ne),
    ("gt", Prefix::Gt),
    ("lt", Prefix::Lt),
    ("ge", Prefix::Ge),
    ("le", Prefix::Le),
    ("sa", Prefix::Sa),
    ("eb", Prefix::Eb),
    ("ap", Prefix::Ap),
];

impl Prefix {
    /// The prefix of a value, `eq` where it has none, and what follows.
    pub(super) fn read(text: &str) -> (Self, &str) {
        let found = PREFIXES.iter().find_map(|(word, prefix)| Some((*prefix, text.strip_prefix(word)?)));
        found.unwrap_or((Self::Eq, text))
    }

    pub(super) fn named(word: &str) -> Option<Self> {
        PREFIXES.iter().find(|(known, _)| *known == word).map(|(_, prefix)| *prefix)
    }
}

/// What is asked of the span of a date; `now` is in microseconds.
pub(super) fn date_test(prefix: Prefix, span: Span, now: i64) -> RangeTest {
    let Span { low, high } = span;
    match prefix {
        Prefix::Eq => RangeTest::Within { low, high },
        Prefix::Ne => RangeTest::NotWithin { low, high },
        Prefix::Gt => RangeTest::HighAbove(high),
        Prefix::Ge => RangeTest::HighAbove(low.saturating_sub(1)),
        Prefix::Lt => RangeTest::LowBelow(low),
        Prefix::Le => RangeTest::LowBelow(high.saturating_add(1)),
        Prefix::Sa => RangeTest::LowAbove(high),
        Prefix::Eb => RangeTest::HighBelow(low),
        Prefix::Po => RangeTest::Overlaps { low, high },
        // A tenth of the time between the date and now.
        Prefix::Ap => {
            let gap = now.saturating_sub(low).saturating_abs() / 10;
            RangeTest::Overlaps { low: low.saturating_sub(gap), high: high.saturating_add(gap) }
        }
    }
}

/// What is asked of the span of an amount; none where it is too great. `convert` brings it into another unit.
pub(super) fn amount_test(
    prefix: Prefix,
    written: Written,
    convert: impl Fn(Decimal) -> Option<Decimal>,
) -> Option<RangeTest> {
    let at = |number: Decimal| Some(code(convert(number)?));
    let within = || Some((at(written.low)?, at(written.high)?.saturating_sub(1)));
    let point = at(written.number)?;
    Some(match prefix {
        Prefix::Eq => within().map(|(low, high)| RangeTest::Within { low, high })?,
        Prefix::Ne => within().map(|(low, high)| RangeTest::NotWithin { low, high })?,
        Prefix::Gt => RangeTest::HighAbove(point),
        Prefix::Ge => RangeTest::HighAbove(point.saturating_sub(1)),
        Prefix::Lt => RangeTest::LowBelow(point),
        Prefix::Le => RangeTest::LowBelow(point.saturating_add(1)),
        Prefix::Sa => RangeTest::LowAbove(point),
        Prefix::Eb => RangeTest::HighBelow(point),
        Prefix::Po => within().map(|(low, high)| RangeTest::Overlaps { low, high })?,
        Prefix::Ap => {
            let tenth = written.number.abs().div(Decimal::whole(10))?;
            let (low, high) = (at(written.number.sub(tenth)?)?, at(written.number.add(tenth)?)?);
            RangeTest::Overlaps { low, high }
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_date_is_the_time_that_it_may_mean() {
        let day = |text: &str| dates(text).map(|span| (span.low / SECOND_US, (span.high + 1) / SECOND_US));
        let check = |text: &str, expected: Option<(i64, i64)>| assert_eq!(day(text), expected, "{text}");
        check("1970", Some((0, 365 * DAY_S)));
        check("1972-02", Some((761 * DAY_S, 790 * DAY_S)));
        check("1970-01-02", Some((DAY_S, 2 * DAY_S)));
        check("1970-01-01T10:00", Some((36_000, 36_060)));
        check("1970-01-01T10:00:05Z", Some((36_005, 36_006)));
        check("1970-01-01T10:00:05+02:00", Some((28_805, 28_806)));
        check("1969-12-31T23:59:59-00:30", Some((1_799, 1_800)));
        let span = dates("1970-01-01T00:00:00.25Z").unwrap();
        assert_eq!((span.low, span.high), (250_000, 259_999));
        for text in [
            "",
            "197",
            "1970-13",
            "1970-02-30",
            "1970-1-1",
            "1970T10:00",
            "1970-01-01T",
            "1970-01-01T24:00",
            "1970-01-01T10",
            "1970-01-01T10:00:00.",
            "1970-01-01T10:00Z+01:00",
            "1970-01-01T10:00+1:00",
            "0000",
            "1970-01-01-01",
            "1970-01-01T10:00:00.é",
            "१९७०",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn codes_keep_the_order_of_numbers() {
        let ordered = [
            "-100000000000000000000",
            "-2",
            "-1.5",
            "-1.49999",
            "-0.001",
            "0",
            "0.0000000000000000000000001",
            "0.1",
            "0.100000000000001",
            "0.2",
            "1",
            "9.99",
            "10",
            "99",
            "100",
            "123456789012345.6",
            "1e20",
        ];
        let codes: Vec<i64> = ordered.iter().map(|text| code(Decimal::parse(text).unwrap())).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        let same =
            |a: &str, b: &str| assert_eq!(code(Decimal::parse(a).unwrap()), code(Decimal::parse(b).unwrap()));
        same("1.50", "1.5");
        same("100", "1e2");
        same("-0", "0.00");
    }

    #[test]
    fn a_number_is_as_exact_as_it_is_written() {
        let check = |text: &str, low: &str, high: &str| {
            let code = |text: &str| code(Decimal::parse(text).unwrap());
            let written = written(text).unwrap();
            assert_eq!(
                (super::code(written.low), super::code(written.high)),
                (code(low), code(high)),
                "{text}"
            );
        };
        check("100", "99.5", "100.5");
        check("100.00", "99.995", "100.005");
        check("1e2", "95", "105");
        check("5.4", "5.35", "5.45");
        check("-5", "-5.5", "-4.5");
        check("2e-3", "0.00195", "0.00205");
        assert!(written("x").is_none() && written("1e").is_none() && written("").is_none());
    }
}
