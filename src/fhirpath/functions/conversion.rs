//! Conversions between types. What cannot be converted is empty, or false where only that was asked.

use super::super::decimal::Decimal;
use super::super::error::Outcome;
use super::super::quantity::{Quantity, Unit};
use super::super::temporal::{Temporal, TemporalKind};
use super::super::types::System;
use super::super::value::{Collection, Value};
use super::Takes::{Anything, Text};
use super::{Call, Scalar, boolean};
use std::borrow::Cow;

pub(super) static SCALARS: &[Scalar] = &[
    Scalar::new("toBoolean", Anything, Some(System::Boolean), |call| Ok(to_boolean(call).into())),
    Scalar::new("toInteger", Anything, Some(System::Integer), |call| Ok(to_integer(call).into())),
    Scalar::new("toLong", Anything, Some(System::Long), |call| Ok(to_long(call).into())),
    Scalar::new("toDecimal", Anything, Some(System::Decimal), |call| Ok(to_decimal(call).into())),
    Scalar::new("toString", Anything, Some(System::String), |call| Ok(to_string(call).into())),
    Scalar::new("toDate", Anything, Some(System::Date), |call| Ok(to_date(call).into())),
    Scalar::new("toDateTime", Anything, Some(System::DateTime), |call| Ok(to_date_time(call).into())),
    Scalar::new("toTime", Anything, Some(System::Time), |call| Ok(to_time(call).into())),
    Scalar::new("toQuantity", Anything, Some(System::Quantity), |call| Ok(to_quantity(call)?.into()))
        .taking_some(&[Text], 0),
    Scalar::new("convertsToBoolean", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_boolean(call).as_ref()))
    }),
    Scalar::new("convertsToInteger", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_integer(call).as_ref()))
    }),
    Scalar::new("convertsToLong", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_long(call).as_ref()))
    }),
    Scalar::new("convertsToDecimal", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_decimal(call).as_ref()))
    }),
    Scalar::new("convertsToString", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_string(call).as_ref()))
    }),
    Scalar::new("convertsToDate", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_date(call).as_ref()))
    }),
    Scalar::new("convertsToDateTime", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_date_time(call).as_ref()))
    }),
    Scalar::new("convertsToTime", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_time(call).as_ref()))
    }),
    Scalar::new("convertsToQuantity", Anything, Some(System::Boolean), |call| {
        Ok(is_some(to_quantity(call)?.as_ref()))
    })
    .taking_some(&[Text], 0),
];

fn is_some<'a>(value: Option<&Value<'_>>) -> Collection<'a> {
    boolean(value.is_some())
}

fn to_boolean<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let of_number = |value: Decimal| match value {
        _ if value == Decimal::ONE => Some(true),
        _ if value.is_zero() => Some(false),
        _ => None,
    };
    let found = match call.value()? {
        Value::Boolean(value) => Some(value),
        Value::Integer(value) => of_number(Decimal::whole(i64::from(value))),
        Value::Long(value) => of_number(Decimal::whole(value)),
        Value::Decimal(value) => of_number(value),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
            _ => None,
        },
        Value::Temporal(_) | Value::Quantity(_) | Value::Type(_) => None,
    };
    found.map(Value::Boolean)
}

fn to_long<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let found = match call.value()? {
        Value::Boolean(value) => Some(i64::from(value)),
        Value::Integer(value) => Some(i64::from(value)),
        Value::Long(value) => Some(value),
        Value::String(text) => text.parse().ok(),
        Value::Decimal(_) | Value::Temporal(_) | Value::Quantity(_) | Value::Type(_) => None,
    };
    found.map(Value::Long)
}

fn to_integer<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    match to_long(call)? {
        Value::Long(value) => i32::try_from(value).ok().map(Value::Integer),
        _ => None,
    }
}

fn to_decimal<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let found = match call.value()? {
        Value::Boolean(value) => Decimal::new(if value { 10 } else { 0 }, 1),
        Value::Integer(value) => Some(Decimal::whole(i64::from(value))),
        Value::Long(value) => Some(Decimal::whole(value)),
        Value::Decimal(value) => Some(value),
        Value::String(text) => Decimal::parse(&text).filter(|_| !text.contains(['e', 'E'])),
        Value::Temporal(_) | Value::Quantity(_) | Value::Type(_) => None,
    };
    found.map(Value::Decimal)
}

/// A primitive of data keeps its text: `-0`, `1e3` and a zone of `-00:00` would not keep theirs as values, and what
/// stands for a date and is none has no other value.
fn to_string<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    if call.input.as_node().is_some()
        && let Ok(text) = call.text()
    {
        return Some(Value::String(text));
    }
    match call.value()? {
        Value::Type(_) => None,
        value @ Value::String(_) => Some(value),
        value => Some(Value::String(Cow::Owned(value.to_text().into_owned()))),
    }
}

fn to_date<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let found = match call.value()? {
        Value::Temporal(value) => value.date_part(),
        Value::String(text) => Temporal::date(&text).or_else(|| Temporal::date_time(&text)?.date_part()),
        _ => None,
    };
    found.map(Value::Temporal)
}

fn to_date_time<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let found = match call.value()? {
        Value::Temporal(value) => value.to_date_time(),
        Value::String(text) => Temporal::date_time(&text),
        _ => None,
    };
    found.map(Value::Temporal)
}

fn to_time<'a>(call: &Call<'_, 'a>) -> Option<Value<'a>> {
    let found = match call.value()? {
        Value::Temporal(value) => Some(value).filter(|value| value.kind() == TemporalKind::Time),
        Value::String(text) => Temporal::time(text.strip_prefix('T').unwrap_or(&text)),
        _ => None,
    };
    found.map(Value::Temporal)
}

fn to_quantity<'a>(call: &Call<'_, 'a>) -> Outcome<Option<Value<'a>>> {
    let found = match call.value() {
        Some(Value::Boolean(value)) => Decimal::new(if value { 10 } else { 0 }, 1).map(Quantity::plain),
        Some(Value::Integer(value)) => Some(Quantity::plain(Decimal::whole(i64::from(value)))),
        Some(Value::Long(value)) => Some(Quantity::plain(Decimal::whole(value))),
        Some(Value::Decimal(value)) => Some(Quantity::plain(value)),
        Some(Value::Quantity(value)) => Some(*value),
        Some(Value::String(text)) => Quantity::parse(&text),
        Some(Value::Temporal(_) | Value::Type(_)) | None => None,
    };
    let wanted = call.argument(0).map(|_| call.text_argument(0)).transpose()?;
    let found = match wanted {
        None => found,
        Some(unit) => found.and_then(|found| found.to_unit(&Unit::named(&unit))),
    };
    Ok(found.map(|found| Value::Quantity(Box::new(found))))
}
