//! The least and the greatest value that a partial value may stand for (FHIRPath 3.0.0, `lowBoundary`).

use super::{Precision, Temporal, TemporalKind, days_in_month};

/// Which end of the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// The least value.
    Low,
    /// The greatest value.
    High,
}

/// Minutes east of Greenwich of the zone where a day begins first, and of the one where it ends last.
const EARLIEST: i16 = 14 * 60;
const LATEST: i16 = -12 * 60;

impl Temporal {
    /// The boundary at a precision in digits, without one at the greatest of the type; `None` where the type has no
    /// such precision.
    pub fn boundary(self, bound: Bound, digits: Option<i32>) -> Option<Self> {
        let greatest = match self.kind {
            TemporalKind::Date => 8,
            TemporalKind::DateTime => 17,
            TemporalKind::Time => 9,
        };
        let digits = digits.unwrap_or(greatest);
        let within = digits + if self.kind == TemporalKind::Time { 8 } else { 0 };
        let (precision, fraction_digits) = match within {
            4 => (Precision::Year, 0),
            6 => (Precision::Month, 0),
            8 => (Precision::Day, 0),
            10 => (Precision::Hour, 0),
            12 => (Precision::Minute, 0),
            14 => (Precision::Second, 0),
            17 => (Precision::Second, 3),
            _ => return None,
        };
        let fits = match self.kind {
            TemporalKind::Date => precision <= Precision::Day,
            TemporalKind::DateTime => true,
            TemporalKind::Time => precision >= Precision::Hour,
        };
        fits.then(|| self.filled(bound).limited(precision, fraction_digits))
    }

    /// Everything that is not known set to the boundary.
    fn filled(self, bound: Bound) -> Self {
        let mut value = self;
        if bound == Bound::High {
            if !self.has(Precision::Month) {
                value.month = 12;
            }
            if !self.has(Precision::Day) {
                value.day = days_in_month(value.year, value.month);
            }
            if !self.has(Precision::Hour) {
                value.hour = 23;
            }
            if !self.has(Precision::Minute) {
                value.minute = 59;
            }
            if !self.has(Precision::Second) {
                value.second = 59;
            }
            if self.fraction_digits == 0 {
                value.nanos = 999_000_000;
            }
        }
        if self.kind == TemporalKind::DateTime && self.offset.is_none() {
            value.offset = Some(if bound == Bound::Low { EARLIEST } else { LATEST });
        }
        value
    }

    /// The value cut to a precision.
    fn limited(self, precision: Precision, fraction_digits: u8) -> Self {
        let timed = precision >= Precision::Hour;
        Self { precision, fraction_digits, offset: self.offset.filter(|_| timed), ..self }
    }
}
