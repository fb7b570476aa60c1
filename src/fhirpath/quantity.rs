//! Quantities: a decimal with a unit of UCUM or of the calendar, compared whatever the unit they are written in.

use super::decimal::Decimal;
use super::ucum::{self, Scale};
use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;

/// A duration of the calendar, finest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// `millisecond`.
    Millisecond,
    /// `second`.
    Second,
    /// `minute`.
    Minute,
    /// `hour`.
    Hour,
    /// `day`.
    Day,
    /// `week`.
    Week,
    /// `month`: 30 days where nothing anchors it.
    Month,
    /// `year`: 12 months, or 365 days where nothing anchors it.
    Year,
}

impl Calendar {
    const ALL: [Self; 8] = [
        Self::Millisecond,
        Self::Second,
        Self::Minute,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Year,
    ];

    /// The duration of a word, singular or plural.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| word.strip_suffix('s').unwrap_or(word) == unit.word())
    }

    /// The word in the singular.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Millisecond => "millisecond",
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The UCUM unit that stands for the same duration.
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Millisecond => "ms",
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
            Self::Week => "wk",
            Self::Month => "mo",
            Self::Year => "a",
        }
    }

    /// The calendar duration of a UCUM unit.
    pub fn of_ucum(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.ucum() == code)
    }

    /// True where the length is the same at every time of the year.
    pub const fn is_definite(self) -> bool {
        !matches!(self, Self::Month | Self::Year)
    }

    const fn milliseconds(self) -> i64 {
        match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
            Self::Week => 7 * 86_400_000,
            Self::Month => 30 * 86_400_000,
            Self::Year => 365 * 86_400_000,
        }
    }

    /// What one of these is in another unit, as a fraction.
    pub fn in_unit(self, other: Self) -> Option<(Decimal, Decimal)> {
        let (up, down) = match (self, other) {
            (Self::Month, Self::Year) => (1, 12),
            (Self::Year, Self::Month) => (12, 1),
            _ => (self.milliseconds(), other.milliseconds()),
        };
        (down != 0).then_some((Decimal::whole(up), Decimal::whole(down)))
    }
}

/// The unit of a quantity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A word of the calendar: `4 days`.
    Calendar(Calendar),
    /// A UCUM code; `1` for a plain number.
    Ucum(Box<str>),
}

impl Unit {
    /// The unit that a text names: a word of the calendar or a UCUM code.
    pub fn named(text: &str) -> Self {
        Calendar::named(text).map_or_else(|| Self::Ucum(text.into()), Self::Calendar)
    }

    /// Its UCUM code.
    pub fn ucum(&self) -> &str {
        match self {
            Self::Calendar(unit) => unit.ucum(),
            Self::Ucum(code) => code,
        }
    }

    /// The calendar duration that a date may be moved by: a word, or a definite duration up to seconds. A quoted
    /// word counts as the word; days and weeks are as definite in UCUM as in the calendar.
    pub fn duration(&self) -> Option<Calendar> {
        match self {
            Self::Calendar(unit) => Some(*unit),
            Self::Ucum(code) => Calendar::of_ucum(code).filter(|unit| unit.is_definite()),
        }
    }

    /// True for a year or a month of the calendar beside one of UCUM, which are not comparable.
    fn is_open_against(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Calendar(unit), Self::Ucum(_)) | (Self::Ucum(_), Self::Calendar(unit)) => {
                !unit.is_definite()
            }
            _ => false,
        }
    }
}

/// A value with a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// The number.
    pub value: Decimal,
    /// The unit.
    pub unit: Unit,
}

impl Quantity {
    /// A quantity.
    pub const fn new(value: Decimal, unit: Unit) -> Self {
        Self { value, unit }
    }

    /// A number as a quantity of unit `1`.
    pub fn plain(value: Decimal) -> Self {
        Self { value, unit: Unit::Ucum("1".into()) }
    }

    /// Reads `4 days`, `10 'mg'` or `1.5`.
    pub fn parse(text: &str) -> Option<Self> {
        let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(end)?;
        let value = Decimal::parse(number)?;
        let unit = unit.trim_ascii_start();
        if unit.is_empty() {
            return Some(Self::plain(value));
        }
        if let Some(quoted) = unit.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return (!quoted.is_empty()).then(|| Self::new(value, Unit::Ucum(quoted.into())));
        }
        Calendar::named(unit).map(|unit| Self::new(value, Unit::Calendar(unit)))
    }

    /// How two quantities are ordered; `None` where their units do not compare.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.unit == other.unit {
            return Some(self.value.cmp(&other.value));
        }
        if self.unit.is_open_against(&other.unit) {
            return None;
        }
        let (mine, theirs) = (scale(&self.unit)?, scale(&other.unit)?);
        if !mine.is_commensurable(&theirs) {
            return None;
        }
        Some(mine.to_base(self.value)?.cmp(theirs.to_base(other.value)?))
    }

    /// True where the two are equal when the more precise one is rounded to the other.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        if self.unit == other.unit {
            return equivalent(self.value, other.value);
        }
        // Both are seen in the coarser unit of the two, in which the least precise one was written.
        let (Some(mine), Some(theirs)) = (scale(&self.unit), scale(&other.unit)) else { return false };
        if !mine.is_commensurable(&theirs) {
            return false;
        }
        let (left, right) = if mine.factor.cmp(theirs.factor) == Ordering::Less {
            (self.converted(&other.unit), Some(other.value))
        } else {
            (Some(self.value), other.converted(&self.unit))
        };
        left.zip(right).is_some_and(|(left, right)| equivalent(left, right))
    }

    /// The same quantity in another unit; `None` where they do not compare.
    pub fn to_unit(&self, unit: &Unit) -> Option<Self> {
        Some(Self::new(self.converted(unit)?, unit.clone()))
    }

    fn converted(&self, unit: &Unit) -> Option<Decimal> {
        if self.unit == *unit {
            return Some(self.value);
        }
        if let (Unit::Calendar(from), Unit::Calendar(to)) = (&self.unit, unit) {
            let (up, down) = from.in_unit(*to)?;
            return self.value.mul(up)?.div(down).map(Decimal::trimmed);
        }
        let (from, to) = (scale(&self.unit)?, scale(unit)?);
        from.convert(self.value, &to)
    }

    /// What is measured, as a product of base units of UCUM, and how much of it; `None` for a unit that is not known.
    pub fn to_base(&self) -> Option<(String, Decimal)> {
        let scale = scale(&self.unit)?;
        Some((scale.dimension(), scale.to_base(self.value)?.to_decimal()?))
    }

    /// The same for quantities that are equal, whatever their units.
    pub(super) fn key(&self) -> impl Hash {
        let base = scale(&self.unit).and_then(|scale| scale.to_base(self.value));
        let plain = self.value.trimmed();
        base.ok_or((plain.digits(), plain.scale()))
    }

    /// True where the two have one dimension.
    pub fn is_comparable(&self, other: &Self) -> bool {
        let scales = scale(&self.unit).zip(scale(&other.unit));
        self.unit == other.unit || scales.is_some_and(|(a, b)| a.is_commensurable(&b))
    }

    /// The sum in the finer unit of the two; `None` where they do not compare, or on overflow.
    pub fn add(&self, other: &Self) -> Option<Self> {
        if self.unit == other.unit {
            return Some(Self::new(self.value.add(other.value)?, self.unit.clone()));
        }
        let finer = if scale(&self.unit)?.factor.cmp(scale(&other.unit)?.factor) == Ordering::Greater {
            &other.unit
        } else {
            &self.unit
        };
        let value = self.converted(finer)?.add(other.converted(finer)?)?;
        Some(Self::new(value, finer.clone()))
    }

    /// The quantity with the other sign.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self::new(self.value.negated(), self.unit.clone())
    }

    /// The product, in the product of the units.
    pub fn mul(&self, other: &Self) -> Option<Self> {
        let value = self.value.mul(other.value)?;
        Some(Self::new(value, Unit::Ucum(combined(self.unit.ucum(), '.', other.unit.ucum()))))
    }

    /// The quotient, in the quotient of the units.
    pub fn div(&self, other: &Self) -> Option<Self> {
        let value = self.value.div(other.value)?;
        Some(Self::new(value, Unit::Ucum(combined(self.unit.ucum(), '/', other.unit.ucum()))))
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Calendar(unit) => {
                let plural = if self.value == Decimal::ONE { "" } else { "s" };
                write!(f, "{} {}{plural}", self.value, unit.word())
            }
            Unit::Ucum(code) => write!(f, "{} '{code}'", self.value),
        }
    }
}

/// Equal when both are rounded to the digits of the one with fewer; zeros at the end do not count.
pub(super) fn equivalent(a: Decimal, b: Decimal) -> bool {
    let scale = a.trimmed().scale().min(b.trimmed().scale());
    a.round(scale) == b.round(scale)
}

fn scale(unit: &Unit) -> Option<Scale> {
    ucum::parse(unit.ucum())
}

/// Two units beside an operator; what is itself a quotient stands in parentheses.
fn combined(left: &str, operator: char, right: &str) -> Box<str> {
    match (left, operator, right) {
        (_, _, "1") => left.into(),
        ("1", '.', _) => right.into(),
        _ if left == right && operator == '/' => "1".into(),
        _ => {
            let right = if right.contains(['/', '.']) { format!("({right})") } else { right.to_owned() };
            format!("{left}{operator}{right}").into()
        }
    }
}
