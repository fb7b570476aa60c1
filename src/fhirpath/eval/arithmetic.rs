//! Arithmetic on numbers, texts, dates and quantities. What overflows is empty (FHIRPath 2.0.0, "Math").

use super::super::code::{Arithmetic, Code};
use super::super::decimal::Decimal;
use super::super::error::{Error, Fault, Outcome, kind_of};
use super::super::quantity::Quantity;
use super::super::temporal::Temporal;
use super::super::value::{Item, Value};
use super::compare::{decimal, quantity};
use super::{Machine, Scope};
use crate::diag::Span;

impl<'a> Machine<'a> {
    pub(super) fn arithmetic(
        &self,
        arithmetic: Arithmetic,
        left: &'a Code,
        right: &'a Code,
        span: Span,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<Value<'a>>> {
        let Some(first) = self.single(left, scope)? else { return Ok(None) };
        let Some(second) = self.single(right, scope)? else { return Ok(None) };
        let (Some(a), Some(b)) = (self.value(&first), self.value(&second)) else {
            return Err(operands(arithmetic, &first, &second, span));
        };
        match (&a, &b) {
            (Value::String(left), Value::String(right)) if arithmetic == Arithmetic::Add => {
                self.made(format!("{left}{right}"), span).map(Some)
            }
            (Value::Temporal(value), Value::Quantity(by)) => moved(arithmetic, *value, by, span),
            (Value::Integer(left), Value::Integer(right)) => {
                Ok(integers(arithmetic, i64::from(*left), i64::from(*right)).and_then(narrowed))
            }
            (Value::Integer(_) | Value::Long(_), Value::Integer(_) | Value::Long(_)) => {
                let both = whole(&a).zip(whole(&b));
                Ok(both.and_then(|(left, right)| integers(arithmetic, left, right)))
            }
            _ => {
                if let (Some(left), Some(right)) = (decimal(&a), decimal(&b)) {
                    return Ok(decimals(arithmetic, left, right).map(Value::Decimal));
                }
                match (quantity(&a), quantity(&b)) {
                    (Some(left), Some(right)) if is_of_quantities(arithmetic) => {
                        let found = quantities(arithmetic, &left, &right);
                        Ok(found.map(|found| Value::Quantity(Box::new(found))))
                    }
                    _ => Err(operands(arithmetic, &first, &second, span)),
                }
            }
        }
    }

    /// A number or quantity, with the other sign where `is_minus`.
    pub(super) fn signed(
        &self,
        operand: &'a Code,
        is_minus: bool,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<Value<'a>>> {
        let Some(item) = self.single(operand, scope)? else { return Ok(None) };
        let found = kind_of(&item);
        match self.value(&item) {
            Some(value @ (Value::Integer(_) | Value::Long(_) | Value::Decimal(_) | Value::Quantity(_)))
                if !is_minus =>
            {
                Ok(Some(value))
            }
            Some(Value::Integer(value)) => Ok(value.checked_neg().map(Value::Integer)),
            Some(Value::Long(value)) => Ok(value.checked_neg().map(Value::Long)),
            Some(Value::Decimal(value)) => Ok(Some(Value::Decimal(value.negated()))),
            Some(Value::Quantity(value)) => Ok(Some(Value::Quantity(Box::new(value.negated())))),
            _ => Err(Error::new(operand.span, Fault::Type { wanted: "a number", found })),
        }
    }
}

fn operands(arithmetic: Arithmetic, left: &Item<'_>, right: &Item<'_>, span: Span) -> Box<Error> {
    let (left, right) = (kind_of(left), kind_of(right));
    Error::new(span, Fault::Operands { operator: arithmetic.text(), left, right })
}

fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(value) => Some(i64::from(*value)),
        Value::Long(value) => Some(*value),
        _ => None,
    }
}

/// An integer of 32 bits, where both operands were.
fn narrowed(value: Value<'_>) -> Option<Value<'_>> {
    match value {
        Value::Long(value) => i32::try_from(value).ok().map(Value::Integer),
        other => Some(other),
    }
}

fn integers(arithmetic: Arithmetic, left: i64, right: i64) -> Option<Value<'static>> {
    let value = match arithmetic {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Div => left.checked_div(right),
        Arithmetic::Mod => left.checked_rem(right),
        Arithmetic::Divide => {
            return Decimal::whole(left).div(Decimal::whole(right)).map(Value::Decimal);
        }
    };
    value.map(Value::Long)
}

fn decimals(arithmetic: Arithmetic, left: Decimal, right: Decimal) -> Option<Decimal> {
    match arithmetic {
        Arithmetic::Add => left.add(right),
        Arithmetic::Subtract => left.sub(right),
        Arithmetic::Multiply => left.mul(right),
        Arithmetic::Divide => left.div(right),
        Arithmetic::Div => left.whole_div(right),
        Arithmetic::Mod => left.rem(right),
    }
}

const fn is_of_quantities(arithmetic: Arithmetic) -> bool {
    !matches!(arithmetic, Arithmetic::Div | Arithmetic::Mod)
}

fn quantities(arithmetic: Arithmetic, left: &Quantity, right: &Quantity) -> Option<Quantity> {
    match arithmetic {
        Arithmetic::Add => left.add(right),
        Arithmetic::Subtract => left.add(&right.negated()),
        Arithmetic::Multiply => left.mul(right),
        Arithmetic::Divide => left.div(right),
        Arithmetic::Div | Arithmetic::Mod => None,
    }
}

/// A date or time moved by a duration.
fn moved<'a>(
    arithmetic: Arithmetic,
    value: Temporal,
    by: &Quantity,
    span: Span,
) -> Outcome<Option<Value<'a>>> {
    let amount = match arithmetic {
        Arithmetic::Add => by.value,
        Arithmetic::Subtract => by.value.negated(),
        Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Div | Arithmetic::Mod => {
            let (operator, left, right) = (arithmetic.text(), "a date or time", "Quantity");
            return Err(Error::new(span, Fault::Operands { operator, left, right }));
        }
    };
    let unit = by.unit.duration().ok_or_else(|| Error::new(span, Fault::Unit))?;
    if !value.takes(unit) {
        return Err(Error::new(span, Fault::Unit));
    }
    Ok(value.plus(amount, unit).map(Value::Temporal))
}
