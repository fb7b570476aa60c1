//! The conversions of a lens as `FHIRPath` expressions.
//!
//! A leaf becomes a list of [`Reading`]s, alternatives that exclude each other: a map has a rule for each, under the
//! condition that it fits. Forward they cover every text that says something and tell what `Leaf::forward` tells;
//! backward there is none where `Leaf::backward` gives nothing.
//!
//! What is given must be a term of the `FHIRPath` grammar (`$this`, `%v`, `%v.name`, a call, or anything in
//! parentheses), as functions are called on it: forward a text, backward the value as its FHIR type has it and the
//! text of its `source-text`. FHIR's values are taken as valid ones of their type: what cannot stand in a resource is
//! not asked for again.
//!
//! Tables of more than a few rows are not an expression but [`Value::Translate`], for a concept map.
//!
//! Regular expressions are tied to both ends, as engines differ in what an untied one means, and have only what those
//! of Java, .NET, JavaScript and RE2 share. Two differences remain in others than ours: some take a line feed after
//! the end of a text as no part of it, and some know only the white space of ASCII.

mod accept;
mod date;
mod expr;
mod table;
mod ts;
mod urn;
mod ways;

#[cfg(test)]
mod tests;

use crate::mapping::convert::Convert;
use crate::mapping::program::{Leaf, Primitive};
use accept::{Accepted, Known, accepts};
use expr::Expr;
use table::Table;
use ways::Way;

/// Conversions of one leaf. The expression of a chain holds that of each part several times, and so grows with the
/// power of its length; a longer chain has no readings.
const CHAIN_MAX: usize = 4;

/// A string of `FHIRPath`.
pub(super) fn quoted(text: &str) -> String {
    Expr::literal(text).into_text()
}

/// One way to read a text or a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The condition; `None` where it always fits.
    pub(super) fits: Option<String>,
    /// What becomes of it.
    pub(super) value: Value,
    /// The text that the extension `source-text` carries beside the value, or instead of it.
    pub(super) beside: Option<String>,
}

/// What a reading gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// No value: only the text beside it.
    Nothing,
    /// An expression that gives a text.
    Expression(String),
    /// What a concept map of these rows (source, target) says of a text. Every text that fits is in one of them, and
    /// none is in two.
    Translate { text: String, rows: Vec<(String, String)> },
}

impl Reading {
    fn new(fits: Option<Expr>, value: Value) -> Self {
        Self { fits: fits.map(Expr::into_text), value, beside: None }
    }

    fn with_beside(mut self, text: &Expr) -> Self {
        self.beside = Some(text.clone().into_text());
        self
    }
}

/// From the unit's text to FHIR's value. None at all for a chain of too many conversions.
pub(super) fn forward(leaf: &Leaf, text: &str) -> Vec<Reading> {
    let text = Expr::term(text);
    if let Some(table) = Table::of(leaf) {
        return table.forward(&text);
    }
    let outcomes = if leaf.convert.len() > CHAIN_MAX { Vec::new() } else { outcomes(leaf, &text) };
    let reading = |outcome: Outcome| {
        let value = outcome.value.map_or(Value::Nothing, |value| Value::Expression(value.into_text()));
        let reading = Reading::new(outcome.fits, value);
        if outcome.is_exact { reading } else { reading.with_beside(&text) }
    };
    outcomes.into_iter().map(reading).collect()
}

/// From FHIR's value to the unit's text; `source_text` is `None` where the caller knows that no such text stands
/// beside the value. Without a value and without that text there is nothing to read.
pub(super) fn backward(leaf: &Leaf, value: &str, source_text: Option<&str>) -> Vec<Reading> {
    let no_value = Expr::term(value).is_empty();
    let value = as_text(leaf, Expr::term(value));
    let held = source_text.map(Expr::term);
    if let Some(table) = Table::of(leaf) {
        return table.backward(&value, &no_value, held.as_ref());
    }
    if leaf.convert.len() > CHAIN_MAX {
        return Vec::new();
    }
    let ways = ways::backward(&leaf.convert, &value, known(leaf.primitive));
    let mut readings: Vec<Reading> = ways
        .into_iter()
        .filter_map(|way| {
            let again = match leaf.own.map(|own| allows(own, &way.value, way.known)) {
                Some(Accepted::Never) => return None,
                Some(Accepted::Where(form)) => Some(form),
                Some(Accepted::Always) => None,
                None if way.is_exact => None,
                None => gives_back(leaf, &way.value, &value),
            };
            let fits = held.as_ref().map(Expr::is_empty).into_iter().chain(way.fits).chain(again);
            Some(Reading::new(Expr::all(fits), Value::Expression(way.value.into_text())))
        })
        .collect();
    readings.extend(held.and_then(|held| {
        let still_holds = still_holds(leaf, &value, &no_value, &held)?;
        Some(Reading::new(Some(still_holds), Value::Expression(held.into_text())))
    }));
    readings
}

/// One outcome of the forward direction.
struct Outcome {
    fits: Option<Expr>,
    value: Option<Expr>,
    /// Nothing stands beside the value.
    is_exact: bool,
}

fn outcomes(leaf: &Leaf, text: &Expr) -> Vec<Outcome> {
    let (mut outcomes, mut taken, mut refused, mut read) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let ways =
        ways::number_alone(leaf, text).map_or_else(|| ways::forward(&leaf.convert, text), |way| vec![way]);
    for way in ways {
        read.push(way.fits.clone());
        let form = match accepts(leaf.primitive, looked_at(leaf, text, &way), way.known) {
            Accepted::Always => None,
            Accepted::Where(form) => {
                refused.push(Expr::all(way.fits.iter().cloned().chain([form.not()])));
                Some(form)
            }
            Accepted::Never => {
                refused.push(Expr::all(way.fits));
                continue;
            }
        };
        let fits: Vec<Expr> = way.fits.iter().cloned().chain(form).collect();
        outcomes.extend(exactness(leaf, text, &way, &fits));
        taken.push(fits);
    }
    let Some(otherwise) = &leaf.otherwise else {
        let whole = if refused.is_empty() { ways::domain(&leaf.convert, text) } else { None };
        outcomes.extend(rest(&whole.map_or(taken, |whole| vec![whole]), None));
        return outcomes;
    };
    if !refused.is_empty() {
        outcomes.push(Outcome { fits: Expr::any(refused), value: None, is_exact: false });
    }
    outcomes.extend(rest(&read, Some(Expr::literal(otherwise))));
    outcomes
}

/// What tells whether the FHIR type takes the value: a plain prefix adds nothing that a uri has not.
fn looked_at<'e>(leaf: &Leaf, text: &'e Expr, way: &'e Way) -> &'e Expr {
    match leaf.convert.as_slice() {
        [Convert::Prefix(prefix)]
            if leaf.primitive == Primitive::Uri && !prefix.contains(char::is_whitespace) =>
        {
            text
        }
        _ => &way.value,
    }
}

/// What a way gives, with the text beside it where the opposite direction would not give the text again.
fn exactness(leaf: &Leaf, text: &Expr, way: &Way, fits: &[Expr]) -> Vec<Outcome> {
    let outcome = |more: Option<Expr>, is_exact: bool| Outcome {
        fits: Expr::all(fits.iter().cloned().chain(more)),
        value: Some(way.value.clone()),
        is_exact,
    };
    if let Some(own) = leaf.own {
        return match allows(own, text, way.known) {
            Accepted::Always => vec![outcome(None, true)],
            Accepted::Never => vec![outcome(None, false)],
            Accepted::Where(form) => {
                vec![outcome(Some(form.clone()), true), outcome(Some(form.not()), false)]
            }
        };
    }
    if way.is_exact || leaf.convert.len() < 2 {
        return vec![outcome(None, way.is_exact)];
    }
    let back = ways::backward(&leaf.convert, &way.value, way.known)
        .into_iter()
        .map(|back| Expr::all(back.fits.into_iter().chain([back.value.equals(text)])));
    let back: Vec<Option<Expr>> = back.collect();
    if back.is_empty() {
        return vec![outcome(None, false)];
    }
    match Expr::any(back) {
        Some(is_exact) => vec![outcome(Some(is_exact.clone()), true), outcome(Some(is_exact.not()), false)],
        None => vec![outcome(None, true)],
    }
}

/// Whether the unit's own model allows a text.
fn allows(own: Primitive, text: &Expr, known: Known) -> Accepted {
    // A number may still be none of that type.
    let known = if known == Known::Number { Known::Text } else { known };
    accepts(own, text, known)
}

/// What becomes of a text of which no list is all true; `None` where some list always is. What all lists ask is asked
/// once.
fn rest(lists: &[Vec<Expr>], value: Option<Expr>) -> Option<Outcome> {
    let Some((first, others)) = lists.split_first() else {
        return Some(Outcome { fits: None, value, is_exact: false });
    };
    let common: Vec<&Expr> =
        first.iter().filter(|part| others.iter().all(|list| list.contains(part))).collect();
    let own = |list: &Vec<Expr>| Expr::all(list.iter().filter(|part| !common.contains(part)).cloned());
    let some_list = Expr::any(lists.iter().map(own));
    let failing = some_list.iter().chain(common.iter().copied()).map(|part| Some(part.not()));
    Expr::any(failing).map(|fits| Outcome { fits: Some(fits), value, is_exact: false })
}

/// True where a text becomes just this value with nothing beside it.
fn gives_back(leaf: &Leaf, text: &Expr, value: &Expr) -> Option<Expr> {
    let exact = outcomes(leaf, text).into_iter().filter(|outcome| outcome.is_exact);
    let cases = exact.map(|outcome| {
        Expr::all(outcome.fits.into_iter().chain(outcome.value.map(|again| again.equals(value))))
    });
    Expr::any(cases)
}

/// True where the text beside a value would still become just that value; `None` where no text stands beside one.
fn still_holds(leaf: &Leaf, value: &Expr, no_value: &Expr, held: &Expr) -> Option<Expr> {
    let kept = outcomes(leaf, held).into_iter().filter(|outcome| !outcome.is_exact);
    let cases: Vec<Option<Expr>> = kept
        .map(|outcome| {
            let same = outcome.value.map_or_else(|| no_value.clone(), |again| again.equals(value));
            Expr::all(outcome.fits.into_iter().chain([same]))
        })
        .collect();
    if cases.is_empty() {
        return None;
    }
    Expr::all([held.exists()].into_iter().chain(Expr::any(cases)))
}

/// A value of FHIR as a text: engines call functions of texts on texts alone. What is not converted and not looked at stays as it is.
fn as_text(leaf: &Leaf, value: Expr) -> Expr {
    if leaf.convert.is_empty() && leaf.own.is_none() {
        return value;
    }
    match leaf.primitive {
        Primitive::Text | Primitive::Code | Primitive::Id | Primitive::Uri | Primitive::Base64 => value,
        Primitive::Boolean
        | Primitive::Integer
        | Primitive::Decimal
        | Primitive::Date
        | Primitive::DateTime
        | Primitive::Instant
        | Primitive::Time => value.to_text(),
    }
}

/// What is known of a valid value.
const fn known(primitive: Primitive) -> Known {
    match primitive {
        Primitive::Date => Known::Day,
        Primitive::Instant => Known::Moment,
        Primitive::DateTime => Known::Temporal,
        Primitive::Integer | Primitive::Decimal => Known::Number,
        Primitive::Text
        | Primitive::Code
        | Primitive::Id
        | Primitive::Uri
        | Primitive::Base64
        | Primitive::Boolean
        | Primitive::Time => Known::Text,
    }
}
