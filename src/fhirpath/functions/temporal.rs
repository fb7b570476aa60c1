//! Parts, precision and boundaries of dates, times, decimals and quantities (FHIRPath 3.0.0, standard for trial use).

use super::super::decimal::{Decimal, SCALE_MAX};
use super::super::error::Outcome;
use super::super::quantity::Quantity as Amount;
use super::super::temporal::{Bound, Precision, Temporal as Moment};
use super::super::types::System;
use super::super::value::{Collection, Value};
use super::Takes::{Anything, Integer, Quantity, Temporal};
use super::{Call, Scalar, boolean, one};

/// Digits behind the point of a boundary where no precision is asked for.
const BOUNDARY_SCALE: i32 = 8;

pub(super) static SCALARS: &[Scalar] = &[
    Scalar::new("lowBoundary", Anything, None, |call| boundary(call, Bound::Low)).taking_some(&[Integer], 0),
    Scalar::new("highBoundary", Anything, None, |call| boundary(call, Bound::High))
        .taking_some(&[Integer], 0),
    Scalar::new("precision", Anything, Some(System::Integer), precision),
    Scalar::new("comparable", Quantity, Some(System::Boolean), comparable).taking(&[Quantity]),
    Scalar::new("yearOf", Temporal, Some(System::Integer), |call| component(call, Precision::Year)),
    Scalar::new("monthOf", Temporal, Some(System::Integer), |call| component(call, Precision::Month)),
    Scalar::new("dayOf", Temporal, Some(System::Integer), |call| component(call, Precision::Day)),
    Scalar::new("hourOf", Temporal, Some(System::Integer), |call| component(call, Precision::Hour)),
    Scalar::new("minuteOf", Temporal, Some(System::Integer), |call| component(call, Precision::Minute)),
    Scalar::new("secondOf", Temporal, Some(System::Integer), |call| component(call, Precision::Second)),
    Scalar::new("millisecondOf", Temporal, Some(System::Integer), milliseconds),
    Scalar::new("timezoneOffsetOf", Temporal, Some(System::Decimal), zone),
    Scalar::new("dateOf", Temporal, Some(System::Date), |call| part(call, Moment::date_part)),
    Scalar::new("timeOf", Temporal, Some(System::Time), |call| part(call, Moment::time_part)),
];

fn input(call: &Call<'_, '_>) -> Outcome<Moment> {
    match call.value() {
        Some(Value::Temporal(value)) => Ok(value),
        _ => Err(call.wrong_type("a date or time", call.input)),
    }
}

fn component<'a>(call: &Call<'_, 'a>, precision: Precision) -> Outcome<Collection<'a>> {
    input(call).map(|value| value.component(precision).map(Value::Integer).into())
}

fn milliseconds<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| value.milliseconds().map(Value::Integer).into())
}

fn zone<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| value.zone_hours().map(Value::Decimal).into())
}

fn part<'a>(call: &Call<'_, 'a>, part: fn(Moment) -> Option<Moment>) -> Outcome<Collection<'a>> {
    input(call).map(|value| part(value).map(Value::Temporal).into())
}

fn precision<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    match call.value() {
        Some(Value::Temporal(value)) => Ok(one(Value::Integer(value.precision_digits()))),
        Some(Value::Decimal(value)) => {
            Ok(one(Value::Integer(i32::try_from(value.scale()).unwrap_or(i32::MAX))))
        }
        Some(Value::Integer(_) | Value::Long(_)) => Ok(one(Value::Integer(0))),
        _ => Err(call.wrong_type("a decimal, date or time", call.input)),
    }
}

fn comparable<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let other = call.quantity_argument(0)?;
    match call.value() {
        Some(Value::Quantity(value)) => Ok(boolean(value.is_comparable(&other))),
        _ => Err(call.wrong_type("a quantity", call.input)),
    }
}

fn boundary<'a>(call: &Call<'_, 'a>, bound: Bound) -> Outcome<Collection<'a>> {
    let digits = call.integer_argument(0)?;
    let scale = digits.unwrap_or(BOUNDARY_SCALE);
    let decimal = |value: Decimal| decimal_boundary(value, bound, scale);
    Ok(match call.value() {
        Some(Value::Temporal(value)) => value.boundary(bound, digits).map(Value::Temporal).into(),
        Some(Value::Integer(value)) => decimal(Decimal::whole(i64::from(value))).map(Value::Decimal).into(),
        Some(Value::Long(value)) => decimal(Decimal::whole(value)).map(Value::Decimal).into(),
        Some(Value::Decimal(value)) => decimal(value).map(Value::Decimal).into(),
        Some(Value::Quantity(value)) => {
            let unit = value.unit;
            let found = decimal(value.value).map(|value| Amount::new(value, unit));
            found.map(|found| Value::Quantity(Box::new(found))).into()
        }
        _ => return Err(call.wrong_type("a number, quantity, date or time", call.input)),
    })
}

/// Half a unit of the last digit away. Where the boundary has more digits than are asked for, the one nearer to zero
/// is cut and the other is rounded, as HL7's tests have it.
fn decimal_boundary(value: Decimal, bound: Bound, scale: i32) -> Option<Decimal> {
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= SCALE_MAX)?;
    let half = Decimal::new(5, value.scale() + 1)?;
    let outward = value.is_negative() == (bound == Bound::Low);
    let size = if outward { value.abs().add(half)? } else { value.abs().sub(half)? };
    let size = if outward { size.round(scale) } else { size.cut(scale) }.padded(scale);
    Some(if value.is_negative() { size.negated() } else { size })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, bound: Bound, scale: i32, expected: &str) {
        let found = Decimal::parse(value).and_then(|value| decimal_boundary(value, bound, scale));
        assert_eq!(found.map_or_else(|| "none".to_owned(), |found| found.to_string()), expected);
    }

    #[test]
    fn boundaries_of_decimals_follow_their_precision() {
        check("1.587", Bound::Low, 8, "1.58650000");
        check("1.587", Bound::High, 2, "1.59");
        check("-1.587", Bound::High, 2, "-1.58");
        check("0.0034", Bound::High, 1, "0.0");
        check("1", Bound::Low, 0, "0");
        check("0", Bound::Low, 1, "-0.5");
        check("0", Bound::High, 1, "0.5");
        check("1.587", Bound::Low, 39, "none");
    }
}
