//! Functions of numbers. Where a result needs real numbers it has 15 significant digits.

use super::super::decimal::Decimal;
use super::super::error::{Fault, Outcome};
use super::super::eval::decimal;
use super::super::quantity::Quantity;
use super::super::types::System;
use super::super::value::{Collection, Value};
use super::Takes::{Integer, Number};
use super::{Call, Scalar, one};

pub(super) static SCALARS: &[Scalar] = &[
    Scalar::new("abs", Number, None, abs),
    Scalar::new("ceiling", Number, Some(System::Integer), ceiling),
    Scalar::new("floor", Number, Some(System::Integer), floor),
    Scalar::new("truncate", Number, Some(System::Integer), truncate),
    Scalar::new("round", Number, Some(System::Decimal), round).taking_some(&[Integer], 0),
    Scalar::new("exp", Number, Some(System::Decimal), exp),
    Scalar::new("ln", Number, Some(System::Decimal), ln),
    Scalar::new("log", Number, Some(System::Decimal), log).taking(&[Number]),
    Scalar::new("sqrt", Number, Some(System::Decimal), sqrt),
    Scalar::new("power", Number, None, power).taking(&[Number]),
];

fn input(call: &Call<'_, '_>) -> Outcome<Decimal> {
    let found = call.value().as_ref().and_then(decimal);
    found.ok_or_else(|| call.wrong_type("a number", call.input))
}

fn argument(call: &Call<'_, '_>) -> Outcome<Decimal> {
    let item = call.argument(0).ok_or_else(|| call.fault(Fault::Argument))?;
    let found = call.machine.value(item).as_ref().and_then(decimal);
    found.ok_or_else(|| call.wrong_type("a number", item))
}

/// A decimal, or nothing where it cannot be represented.
fn result<'a>(value: Option<Decimal>) -> Collection<'a> {
    value.map(Value::Decimal).into()
}

fn whole<'a>(value: Decimal) -> Collection<'a> {
    let value = value.to_integer();
    let narrow = value.and_then(|value| i32::try_from(value).ok()).map(Value::Integer);
    narrow.or(value.map(Value::Long)).into()
}

fn abs<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    Ok(match call.value() {
        Some(Value::Integer(value)) => value.checked_abs().map(Value::Integer).into(),
        Some(Value::Long(value)) => value.checked_abs().map(Value::Long).into(),
        Some(Value::Quantity(value)) => {
            one(Value::Quantity(Box::new(Quantity::new(value.value.abs(), value.unit))))
        }
        _ => one(Value::Decimal(input(call)?.abs())),
    })
}

fn ceiling<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| whole(value.ceiling()))
}

fn floor<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| whole(value.floor()))
}

fn truncate<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| whole(value.truncate()))
}

fn round<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let digits = u32::try_from(call.integer_argument(0)?.unwrap_or(0));
    let digits = digits.map_err(|_| call.fault(Fault::Argument))?;
    Ok(one(Value::Decimal(input(call)?.round(digits))))
}

fn real<'a>(value: f64) -> Collection<'a> {
    result(Decimal::from_f64(value))
}

fn exp<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| real(value.to_f64().exp()))
}

fn ln<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| real(value.to_f64().ln()))
}

fn log<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (value, base) = (input(call)?, argument(call)?);
    Ok(real(value.to_f64().ln() / base.to_f64().ln()))
}

fn sqrt<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    input(call).map(|value| real(value.to_f64().sqrt()))
}

fn power<'a>(call: &Call<'_, 'a>) -> Outcome<Collection<'a>> {
    let (base, exponent) = (input(call)?, argument(call)?);
    let is_whole = |item| matches!(call.machine.value(item), Some(Value::Integer(_) | Value::Long(_)));
    let whole_exponent = exponent.to_integer().and_then(|exponent| u32::try_from(exponent).ok());
    let exact = whole_exponent.and_then(|exponent| base.power(exponent));
    Ok(match exact {
        Some(value) if is_whole(call.input) && call.argument(0).is_some_and(is_whole) => whole(value),
        Some(value) => one(Value::Decimal(value)),
        None => real(base.to_f64().powf(exponent.to_f64())),
    })
}
