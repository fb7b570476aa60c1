//! The ways in which a chain of conversions reads a text. Ways exclude each other; a text that none of them reads is
//! outside the domain. Every expression in a way gives one value for every text that says something, whether the way
//! reads it or not, so that conditions can be negated.

use super::accept::{Known, whole_number};
use super::expr::{Expr, escaped};
use super::{date, table, ts, urn};
use crate::mapping::convert::Convert;
use crate::mapping::program::{Leaf, Primitive};

/// One way to read a text.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// All of these are true.
    pub(super) fits: Vec<Expr>,
    /// What is read.
    pub(super) value: Expr,
    pub(super) known: Known,
    /// The opposite direction always gives the very text again. Otherwise it never does, for a single conversion; for
    /// a chain it has to be seen.
    pub(super) is_exact: bool,
}

impl Way {
    fn new(fits: Vec<Expr>, value: Expr, known: Known) -> Self {
        Self { fits, value, known, is_exact: true }
    }
}

/// The ways of a chain from the unit's text to FHIR's.
pub(super) fn forward(chain: &[Convert], text: &Expr) -> Vec<Way> {
    follow(chain.iter(), Way::new(Vec::new(), text.clone(), Known::Text), &one_forward)
}

/// The ways of a chain from FHIR's text to the unit's.
pub(super) fn backward(chain: &[Convert], value: &Expr, known: Known) -> Vec<Way> {
    follow(chain.iter().rev(), Way::new(Vec::new(), value.clone(), known), &one_backward)
}

fn follow<'c>(
    chain: impl Iterator<Item = &'c Convert>,
    start: Way,
    ways: &dyn Fn(&Convert, &Expr, Known) -> Vec<Way>,
) -> Vec<Way> {
    chain.fold(vec![start], |before, convert| {
        let next = before.iter().flat_map(|way| {
            ways(convert, &way.value, way.known).into_iter().map(|mut next| {
                next.fits.splice(0..0, way.fits.iter().cloned());
                next.is_exact &= way.is_exact;
                next
            })
        });
        next.collect()
    })
}

fn one_forward(convert: &Convert, text: &Expr, known: Known) -> Vec<Way> {
    match convert {
        Convert::Date(patterns) => date::forward(patterns, text),
        Convert::Ts => ts::forward(text),
        Convert::Codes(map) => table::ways(&map.rows().collect::<Vec<_>>(), convert, text),
        Convert::Prefix(prefix) => with_prefix(prefix, text, known),
        Convert::Strip(prefix) => without_prefix(prefix, text),
        Convert::Urn => urn::forward(text),
        Convert::Bool(yes, no) => table::ways(&[(yes, "true"), (no, "false")], convert, text),
        Convert::Decimal(sign) => {
            vec![Way::new(vec![text.matches(&number(*sign))], swapped(text, *sign, '.'), Known::Text)]
        }
    }
}

fn one_backward(convert: &Convert, value: &Expr, known: Known) -> Vec<Way> {
    match convert {
        Convert::Date(patterns) => date::backward(patterns, value, known),
        Convert::Ts => ts::backward(value, known),
        Convert::Codes(map) => table::ways_back(&map.rows().collect::<Vec<_>>(), convert, value),
        Convert::Prefix(prefix) => without_prefix(prefix, value),
        Convert::Strip(prefix) => with_prefix(prefix, value, known),
        Convert::Urn => urn::backward(value),
        Convert::Bool(yes, no) => table::ways_back(&[(yes, "true"), (no, "false")], convert, value),
        Convert::Decimal(sign) => {
            let form = if known == Known::Number { "^[0-9.-]+$".to_owned() } else { number('.') };
            vec![Way::new(vec![value.matches(&form)], swapped(value, '.', *sign), Known::Text)]
        }
    }
}

fn with_prefix(prefix: &str, text: &Expr, known: Known) -> Vec<Way> {
    let known = if prefix.trim().is_empty() && known == Known::Rest { Known::Rest } else { Known::Text };
    vec![Way::new(Vec::new(), Expr::literal(prefix).joined(text), known)]
}

/// What follows the prefix. Engines differ in what `substring` gives at the very end; `replaceMatches` gives a text.
fn without_prefix(prefix: &str, text: &Expr) -> Vec<Way> {
    let pattern: String = prefix.chars().map(escaped).collect();
    let rest = text.replace_matches(&format!("^{pattern}"), "");
    vec![Way::new(vec![text.starts_with(prefix)], rest, Known::Rest)]
}

/// What all ways of a chain ask together, where that is less than what each asks.
pub(super) fn domain(chain: &[Convert], text: &Expr) -> Option<Vec<Expr>> {
    matches!(chain, [Convert::Ts]).then(|| ts::domain(text))
}

/// The only way of a leaf that reads nothing but numbers: the form of the FHIR type, with the unit's sign. Only
/// what a text must be for both is asked; what is read and then refused goes the way of what is not read.
pub(super) fn number_alone(leaf: &Leaf, text: &Expr) -> Option<Way> {
    let ([Convert::Decimal(sign)], None) = (leaf.convert.as_slice(), &leaf.otherwise) else { return None };
    let fits = match leaf.primitive {
        Primitive::Decimal => vec![text.matches(&format!("^-?(0|[1-9][0-9]*)({}[0-9]+)?$", escaped(*sign)))],
        Primitive::Integer => whole_number(text),
        Primitive::Text
        | Primitive::Boolean
        | Primitive::Date
        | Primitive::DateTime
        | Primitive::Instant
        | Primitive::Time
        | Primitive::Code
        | Primitive::Id
        | Primitive::Uri
        | Primitive::Base64 => return None,
    };
    let value = if leaf.primitive == Primitive::Integer { text.clone() } else { swapped(text, *sign, '.') };
    Some(Way::new(fits, value, Known::Number))
}

/// Digits with at most one sign among them.
fn number(sign: char) -> String {
    let sign = escaped(sign);
    format!("^-?([0-9]+{sign}?[0-9]*|{sign}[0-9]*)$")
}

fn swapped(text: &Expr, from: char, to: char) -> Expr {
    if from == to { text.clone() } else { text.replace(&from.to_string(), &to.to_string()) }
}
