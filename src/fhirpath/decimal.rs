//! Exact decimals: what FHIR's `decimal` and FHIRPath's `Decimal` need, with the precision they were written in.

use std::cmp::Ordering;
use std::fmt;

/// Digits behind the point that a decimal holds.
pub(super) const SCALE_MAX: u32 = 28;
/// Digits behind the point of a quotient that does not end before.
const QUOTIENT_SCALE: u32 = 20;
/// Digits of a result that passes through floating point (`ln`, `exp`, a power that is no integer).
const FLOAT_DIGITS: usize = 15;

/// `digits / 10^scale`. Trailing zeros are kept, so `1.50` and `1.5` are equal but not written alike.
#[derive(Debug, Clone, Copy)]
pub struct Decimal {
    digits: i128,
    scale: u32,
}

#[allow(clippy::should_implement_trait, reason = "a sum can overflow, which the operators cannot say")]
impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self { digits: 0, scale: 0 };
    /// One.
    pub const ONE: Self = Self { digits: 1, scale: 0 };

    /// A whole number.
    pub const fn whole(n: i64) -> Self {
        Self { digits: n as i128, scale: 0 }
    }

    /// `digits / 10^scale`, where the scale can be held.
    pub fn new(digits: i128, scale: u32) -> Option<Self> {
        (scale <= SCALE_MAX).then_some(Self { digits, scale })
    }

    /// The digits without their point.
    pub const fn digits(self) -> i128 {
        self.digits
    }

    /// Digits behind the point, as written.
    pub const fn scale(self) -> u32 {
        self.scale
    }

    /// Reads `-12.50` or `1.5e3`; `None` where it is no decimal or has too many digits.
    pub fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.find(['e', 'E']) {
            Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let negative = number.starts_with('-');
        let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.is_empty() || (unsigned.contains('.') && fraction.is_empty()) {
            return None;
        }
        let mut digits = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            if !digit.is_ascii_digit() {
                return None;
            }
            digits = digits.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
        let digits = if negative { -digits } else { digits };
        match u32::try_from(scale) {
            Ok(scale) => Self::new(digits, scale),
            Err(_) => Self::new(digits.checked_mul(power_of_ten(scale.unsigned_abs())?)?, 0),
        }
    }

    /// The nearest decimal of 15 significant digits; `None` where it cannot be represented.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:.*e}", FLOAT_DIGITS - 1);
        let (digits, exponent) = text.split_once('e')?;
        let exponent: i32 = exponent.parse().ok()?;
        // Digits behind the point beyond what can be held are rounded away.
        let held = Self::parse(digits)?.trimmed();
        let scale = i32::try_from(held.scale).ok()?.checked_sub(exponent)?;
        match u32::try_from(scale) {
            Err(_) => Self::new(held.digits.checked_mul(power_of_ten(scale.unsigned_abs())?)?, 0),
            Ok(scale) if scale <= SCALE_MAX => Self::new(held.digits, scale),
            Ok(scale) => {
                let drop = power_of_ten(scale - SCALE_MAX).map_or(0, |power| held.digits / power);
                Self::new(drop, SCALE_MAX).map(Self::trimmed)
            }
        }
    }

    /// The nearest floating-point number.
    #[allow(clippy::cast_precision_loss, reason = "the functions that need it are defined over real numbers")]
    pub fn to_f64(self) -> f64 {
        self.to_string().parse().unwrap_or(self.digits as f64)
    }

    /// Its integer, where it is one.
    pub fn to_integer(self) -> Option<i64> {
        let whole = self.trimmed();
        (whole.scale == 0).then(|| i64::try_from(whole.digits).ok()).flatten()
    }

    /// The same value without zeros at the end of its fraction.
    #[must_use]
    pub fn trimmed(self) -> Self {
        let Self { mut digits, mut scale } = self;
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        Self { digits, scale }
    }

    /// True for zero.
    pub const fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// True below zero.
    pub const fn is_negative(self) -> bool {
        self.digits < 0
    }

    /// The value with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self { digits: self.digits.saturating_neg(), scale: self.scale }
    }

    /// The value without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self { digits: self.digits.saturating_abs(), scale: self.scale }
    }

    /// The same value with exactly `scale` digits behind the point, where none but zeros are lost.
    fn with_scale(self, scale: u32) -> Option<i128> {
        self.digits.checked_mul(power_of_ten(scale.checked_sub(self.scale)?)?)
    }

    /// Both as digits of one scale.
    fn aligned(self, other: Self) -> Option<(i128, i128, u32)> {
        let scale = self.scale.max(other.scale);
        Some((self.with_scale(scale)?, other.with_scale(scale)?, scale))
    }

    /// The sum; `None` on overflow.
    pub fn add(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other).or_else(|| self.trimmed().aligned(other.trimmed()))?;
        Self::new(a.checked_add(b)?, scale)
    }

    /// The difference; `None` on overflow.
    pub fn sub(self, other: Self) -> Option<Self> {
        self.add(other.negated())
    }

    /// The product; where it has too many digits, those at the end of its fraction are rounded away.
    pub fn mul(self, other: Self) -> Option<Self> {
        let (mut a, mut b) = (self, other);
        loop {
            if let Some(digits) = a.digits.checked_mul(b.digits)
                && let Some(product) = Self::new(digits, a.scale + b.scale)
            {
                return Some(product);
            }
            let longer = if a.scale >= b.scale { &mut a } else { &mut b };
            *longer = longer.round(longer.scale.checked_sub(1)?);
        }
    }

    /// The quotient; `None` for a division by zero or an overflow.
    pub fn div(self, other: Self) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        let (a, b, _) = self.aligned(other).or_else(|| self.trimmed().aligned(other.trimmed()))?;
        let (mut digits, mut rest, mut scale) = (a / b, a % b, 0);
        while rest != 0 && scale < QUOTIENT_SCALE {
            let (Some(next), Some(longer)) = (rest.checked_mul(10), digits.checked_mul(10)) else { break };
            let Some(longer) = longer.checked_add(next / b) else { break };
            (digits, rest, scale) = (longer, next % b, scale + 1);
        }
        if rest.unsigned_abs() >= b.unsigned_abs().div_ceil(2) {
            digits += if (a < 0) == (b < 0) { 1 } else { -1 };
        }
        Self::new(digits, scale)
    }

    /// The quotient without its fraction.
    pub fn whole_div(self, other: Self) -> Option<Self> {
        let (a, b, _) = self.aligned(other)?;
        Self::new(a.checked_div(b)?, 0)
    }

    /// What [`Decimal::whole_div`] leaves.
    pub fn rem(self, other: Self) -> Option<Self> {
        let (a, b, scale) = self.aligned(other)?;
        Self::new(a.checked_rem(b)?, scale)
    }

    /// The whole number towards zero.
    #[must_use]
    pub fn truncate(self) -> Self {
        self.cut(0)
    }

    /// Digits behind the point beyond `scale` are dropped.
    #[must_use]
    pub fn cut(self, scale: u32) -> Self {
        let Some(drop) = self.scale.checked_sub(scale).filter(|drop| *drop > 0) else { return self };
        let power = power_of_ten(drop).unwrap_or(i128::MAX);
        Self { digits: self.digits / power, scale }
    }

    /// The greatest whole number that is not above.
    #[must_use]
    pub fn floor(self) -> Self {
        let whole = self.truncate();
        if whole > self { Self { digits: whole.digits - 1, scale: 0 } } else { whole }
    }

    /// The least whole number that is not below.
    #[must_use]
    pub fn ceiling(self) -> Self {
        let whole = self.truncate();
        if whole < self { Self { digits: whole.digits + 1, scale: 0 } } else { whole }
    }

    /// At most `scale` digits behind the point, halves away from zero.
    #[must_use]
    pub fn round(self, scale: u32) -> Self {
        let cut = self.cut(scale);
        let Some(drop) = self.scale.checked_sub(scale).filter(|drop| *drop > 0) else { return self };
        let power = power_of_ten(drop).unwrap_or(i128::MAX);
        let rest = (self.digits % power).unsigned_abs();
        let up = rest >= power.unsigned_abs().div_ceil(2);
        Self { digits: cut.digits + if up { self.digits.signum() } else { 0 }, scale }
    }

    /// The same value with zeros up to `scale` digits behind the point, where they can be held.
    #[must_use]
    pub fn padded(self, scale: u32) -> Self {
        match self.with_scale(scale) {
            Some(digits) if scale <= SCALE_MAX => Self { digits, scale },
            _ => self,
        }
    }

    /// A power with a whole exponent; `None` on overflow.
    pub fn power(self, exponent: u32) -> Option<Self> {
        let (mut result, mut base, mut left) = (Self::ONE, self, exponent);
        while left > 0 {
            if left & 1 == 1 {
                result = result.mul(base)?;
            }
            left >>= 1;
            if left > 0 {
                base = base.mul(base)?;
            }
        }
        Some(result)
    }
}

/// `10^n`, where it can be held.
pub(super) fn power_of_ten(n: u32) -> Option<i128> {
    10_i128.checked_pow(n)
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.scale == other.scale {
            return self.digits.cmp(&other.digits);
        }
        match self.aligned(*other) {
            Some((a, b, _)) => a.cmp(&b),
            // One of them is too great for the digits of the other: the whole parts then differ.
            None => self.truncate().digits.cmp(&other.truncate().digits),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.digits);
        }
        let power = power_of_ten(self.scale).map_or(1, i128::unsigned_abs);
        let (whole, fraction) = (self.digits.unsigned_abs() / power, self.digits.unsigned_abs() % power);
        let sign = if self.digits < 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{fraction:0width$}", width = self.scale as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(found: Option<Decimal>, expected: &str) {
        assert_eq!(found.map_or_else(|| "none".to_owned(), |found| found.to_string()), expected);
    }

    fn decimal(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or(Decimal::ZERO)
    }

    #[test]
    fn the_written_precision_is_kept() {
        for text in ["0", "-0.010", "1.50", "12345678901234567890.12345678", "0.0000000000000000000000000001"]
        {
            check(Decimal::parse(text), text);
        }
        check(Decimal::parse("1.5e3"), "1500");
        check(Decimal::parse("1.5E-3"), "0.0015");
        for text in
            ["", "-", "1.", ".5", "1a", "1e", "1e99", "--1", "99999999999999999999999999999999999999999"]
        {
            check(Decimal::parse(text), "none");
        }
        assert_eq!(decimal("1.50"), decimal("1.5"));
        assert!(decimal("1e30") > decimal("0.0000000000000000000000000001"));
    }

    #[test]
    fn arithmetic_is_exact() {
        check(decimal("0.1").add(decimal("0.2")), "0.3");
        check(decimal("1.20").mul(decimal("1.8")), "2.160");
        check(decimal("1").div(decimal("3")), "0.33333333333333333333");
        check(decimal("-2").div(decimal("3")), "-0.66666666666666666667");
        check(decimal("6").div(decimal("4")), "1.5");
        check(decimal("6").div(Decimal::ZERO), "none");
        check(decimal("2.2").whole_div(decimal("1.8")), "1");
        check(decimal("-5.5").rem(decimal("2")), "-1.5");
        check(decimal("2.5").power(2), "6.25");
        check(decimal("10").power(99), "none");
    }

    #[test]
    fn rounding_goes_away_from_zero_at_the_half() {
        check(Some(decimal("2.5").round(0)), "3");
        check(Some(decimal("-2.5").round(0)), "-3");
        check(Some(decimal("3.14159").round(3)), "3.142");
        check(Some(decimal("-2.1").floor()), "-3");
        check(Some(decimal("-1.1").ceiling()), "-1");
        check(Decimal::from_f64(0.1 + 0.2), "0.3");
        check(Decimal::from_f64(1e300), "none");
        check(Decimal::from_f64(1e-300), "0");
    }
}
