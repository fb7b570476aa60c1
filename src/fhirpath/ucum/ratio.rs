//! Fractions of whole numbers, for factors between units that no decimal holds.

use super::super::decimal::{Decimal, power_of_ten};
use std::cmp::Ordering;

/// Greatest exponent of a power.
const EXPONENT_MAX: u32 = 64;

/// `up / down`, in lowest terms; `down` is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in super::super) struct Ratio {
    up: i128,
    down: i128,
}

impl Ratio {
    pub(super) const ZERO: Self = Self { up: 0, down: 1 };
    pub(super) const ONE: Self = Self { up: 1, down: 1 };
    pub(super) const TEN: Self = Self { up: 10, down: 1 };

    fn new(up: i128, down: i128) -> Option<Self> {
        let common = common_divisor(up.unsigned_abs(), down.unsigned_abs());
        let common = i128::try_from(common).ok().filter(|common| *common > 0)?;
        let sign = if down < 0 { -1 } else { 1 };
        (down != 0).then(|| Self { up: sign * (up / common), down: (down / common).abs() })
    }

    pub(super) fn from_decimal(value: Decimal) -> Option<Self> {
        Self::new(value.digits(), power_of_ten(value.scale())?)
    }

    pub(in super::super) fn to_decimal(self) -> Option<Decimal> {
        Decimal::new(self.up, 0)?.div(Decimal::new(self.down, 0)?)
    }

    pub(super) const fn negated(self) -> Self {
        Self { up: -self.up, down: self.down }
    }

    pub(super) fn mul(self, other: Self) -> Option<Self> {
        // What cancels is taken out first, so that the products stay small.
        let (a, b) = (Self::new(self.up, other.down)?, Self::new(other.up, self.down)?);
        Self::new(a.up.checked_mul(b.up)?, a.down.checked_mul(b.down)?)
    }

    pub(super) fn div(self, other: Self) -> Option<Self> {
        self.mul(Self::new(other.down, other.up)?)
    }

    pub(super) fn add(self, other: Self) -> Option<Self> {
        let up = self.up.checked_mul(other.down)?.checked_add(other.up.checked_mul(self.down)?)?;
        Self::new(up, self.down.checked_mul(other.down)?)
    }

    pub(super) fn power(self, exponent: i32) -> Option<Self> {
        let count = Some(exponent.unsigned_abs()).filter(|count| *count <= EXPONENT_MAX)?;
        let base = if exponent < 0 { Self::ONE.div(self)? } else { self };
        Self::new(base.up.checked_pow(count)?, base.down.checked_pow(count)?)
    }

    #[allow(clippy::cast_precision_loss, reason = "only where the exact products do not fit")]
    pub(in super::super) fn cmp(self, other: Self) -> Ordering {
        match (self.up.checked_mul(other.down), other.up.checked_mul(self.down)) {
            (Some(left), Some(right)) => left.cmp(&right),
            _ => (self.up as f64 / self.down as f64).total_cmp(&(other.up as f64 / other.down as f64)),
        }
    }
}

fn common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}
