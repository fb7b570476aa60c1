//! Adding durations, by the calendar from days on, exactly below.

use super::super::decimal::Decimal;
use super::super::quantity::Calendar;
use super::{NANOS, Precision, Temporal, TemporalKind, days_in_month};

impl Temporal {
    /// The value moved by a calendar duration. Fractions count for seconds and below only; a duration that is finer
    /// than the value is brought to the precision of the value first.
    ///
    /// `None` where the unit does not fit the type, or where the result is outside the years 1 to 9999.
    pub fn plus(self, amount: Decimal, unit: Calendar) -> Option<Self> {
        if !self.takes(unit) {
            return None;
        }
        let (amount, unit) = self.coarsened(amount, unit)?;
        match unit {
            Calendar::Year => self.plus_months(amount.truncate().to_integer()?.checked_mul(12)?),
            Calendar::Month => self.plus_months(amount.truncate().to_integer()?),
            Calendar::Week => self.plus_minutes(amount.truncate().to_integer()?.checked_mul(7 * 1440)?),
            Calendar::Day => self.plus_minutes(amount.truncate().to_integer()?.checked_mul(1440)?),
            Calendar::Hour => self.plus_minutes(amount.truncate().to_integer()?.checked_mul(60)?),
            Calendar::Minute => self.plus_minutes(amount.truncate().to_integer()?),
            Calendar::Second => self.plus_nanos(amount.mul(Decimal::whole(NANOS))?),
            Calendar::Millisecond => self.plus_nanos(amount.mul(Decimal::whole(NANOS / 1000))?),
        }
    }

    /// True where values of this type can be moved by the unit.
    pub fn takes(self, unit: Calendar) -> bool {
        match self.kind {
            TemporalKind::Date => unit >= Calendar::Day,
            TemporalKind::DateTime => true,
            TemporalKind::Time => unit < Calendar::Day,
        }
    }

    /// The duration in the unit of the value's precision, where it is finer than that.
    fn coarsened(self, amount: Decimal, unit: Calendar) -> Option<(Decimal, Calendar)> {
        let finest = match self.precision {
            Precision::Year => Calendar::Year,
            Precision::Month => Calendar::Month,
            Precision::Day => Calendar::Day,
            Precision::Hour => Calendar::Hour,
            Precision::Minute => Calendar::Minute,
            Precision::Second => return Some((amount, unit)),
        };
        if unit >= finest {
            return Some((amount, unit));
        }
        let factor = unit.in_unit(finest)?;
        Some((amount.mul(factor.0)?.div(factor.1)?.truncate(), finest))
    }

    fn plus_months(self, months: i64) -> Option<Self> {
        let total = i64::from(self.year) * 12 + i64::from(self.month) - 1;
        let total = total.checked_add(months)?;
        let year = i32::try_from(total.div_euclid(12)).ok().filter(|year| (1..=9999).contains(year))?;
        let month = u8::try_from(total.rem_euclid(12) + 1).ok()?;
        Some(Self { year, month, day: self.day.min(days_in_month(year, month)), ..self })
    }

    fn plus_minutes(self, minutes: i64) -> Option<Self> {
        let moved = self.minutes().checked_add(minutes)?;
        if self.kind == TemporalKind::Time {
            // A time goes round the clock.
            let day = self.minutes() - i64::from(self.hour) * 60 - i64::from(self.minute);
            return self.with_minutes(day + moved.rem_euclid(1440));
        }
        self.with_minutes(moved)
    }

    fn plus_nanos(self, nanos: Decimal) -> Option<Self> {
        let nanos = nanos.truncate().to_integer()?;
        let within = i64::from(self.second) * NANOS + i64::from(self.nanos);
        let total = within.checked_add(nanos)?;
        let minute = 60 * NANOS;
        let moved = self.plus_minutes(total.div_euclid(minute))?;
        let rest = total.rem_euclid(minute);
        let left = u32::try_from(rest % NANOS).ok()?;
        // As many digits as were written, or as the new fraction needs.
        let needed = (0..=9).find(|digits| left % 10_u32.pow(9 - u32::from(*digits)) == 0).unwrap_or(9);
        let fraction_digits =
            if needed > self.fraction_digits { needed.next_multiple_of(3) } else { self.fraction_digits };
        Some(Self { second: u8::try_from(rest / NANOS).ok()?, nanos: left, fraction_digits, ..moved })
    }
}
