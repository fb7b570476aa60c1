//! Units of measure by the grammar of UCUM 2.1: prefixes, exponents, products, quotients, annotations.
//!
//! The table in [`units`] holds the units that care documents use. A code that it does not know is still a unit: it
//! equals itself and compares with nothing else.

mod ratio;
mod units;

pub(super) use ratio::Ratio;

use super::decimal::Decimal;
use units::{PREFIXES, UNITS};

/// Characters of a unit.
const UNIT_BYTES_MAX: usize = 200;
/// Units whose definition leads to units, and parentheses, are followed this deep.
const DEPTH_MAX: u32 = 16;

/// What a unit is in base units: `value * factor + offset`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scale {
    pub(super) factor: Ratio,
    offset: Ratio,
    /// Base units by their number in the table, with their exponents; in order, none is zero.
    dimensions: Vec<(usize, i32)>,
}

impl Scale {
    fn plain(factor: Ratio) -> Self {
        Self { factor, offset: Ratio::ZERO, dimensions: Vec::new() }
    }

    /// True where the two measure the same thing.
    pub(super) fn is_commensurable(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions
    }

    /// An amount in base units.
    pub(super) fn to_base(&self, value: Decimal) -> Option<Ratio> {
        Ratio::from_decimal(value)?.mul(self.factor)?.add(self.offset)
    }

    /// What the unit measures, as a product of base units: `g.m-3`.
    pub(super) fn dimension(&self) -> String {
        let base = |(number, exponent): &(usize, i32)| {
            UNITS.get(*number).map(|unit| format!("{}{exponent}", unit.code)).unwrap_or_default()
        };
        let mut bases: Vec<String> = self.dimensions.iter().map(base).collect();
        // In an order that does not change with the table.
        bases.sort_unstable();
        bases.join(".")
    }

    /// An amount of this unit in another one of the same dimension.
    pub(super) fn convert(&self, value: Decimal, to: &Self) -> Option<Decimal> {
        if !self.is_commensurable(to) {
            return None;
        }
        self.to_base(value)?.add(to.offset.negated())?.div(to.factor)?.to_decimal()
    }

    fn times(mut self, other: &Self, exponent: i32) -> Option<Self> {
        self.factor = self.factor.mul(other.factor.power(exponent)?)?;
        for (base, count) in &other.dimensions {
            let count = count.checked_mul(exponent)?;
            match self.dimensions.binary_search_by_key(base, |(base, _)| *base) {
                Ok(at) => {
                    if let Some(entry) = self.dimensions.get_mut(at) {
                        entry.1 = entry.1.checked_add(count)?;
                    }
                }
                Err(at) => self.dimensions.insert(at, (*base, count)),
            }
        }
        self.dimensions.retain(|(_, count)| *count != 0);
        Some(self)
    }
}

/// The scale of a UCUM code; `None` where it is not valid or not known.
pub(super) fn parse(code: &str) -> Option<Scale> {
    if code.is_empty() || code.len() > UNIT_BYTES_MAX || !code.is_ascii() {
        return None;
    }
    let mut parser = Parser { rest: code, depth: DEPTH_MAX };
    let scale = parser.term()?;
    parser.rest.is_empty().then_some(scale)
}

struct Parser<'a> {
    rest: &'a str,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, symbol: char) -> bool {
        let rest = self.rest.strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `/a.b/c`.
    fn term(&mut self) -> Option<Scale> {
        let mut scale = Scale::plain(Ratio::ONE);
        let mut exponent = if self.eat('/') { -1 } else { 1 };
        loop {
            let (component, own) = self.component()?;
            let alone = scale == Scale::plain(Ratio::ONE) && exponent * own == 1;
            // A scale with another zero stands alone.
            scale = if alone { component } else { scale.times(&component, exponent * own)? };
            exponent = match (self.eat('.'), self.eat('/')) {
                (true, _) => 1,
                (_, true) => -1,
                _ => return Some(scale),
            };
        }
    }

    /// A unit with its exponent, a number, an annotation or a term in parentheses.
    fn component(&mut self) -> Option<(Scale, i32)> {
        if self.eat('(') {
            self.depth = self.depth.checked_sub(1)?;
            let inner = self.term()?;
            self.depth += 1;
            return self.eat(')').then_some((inner, 1));
        }
        if self.annotation()? {
            return Some((Scale::plain(Ratio::ONE), 1));
        }
        let (scale, exponent) = if self.is_number() {
            let number = self.digits();
            (Scale::plain(Ratio::from_decimal(Decimal::parse(number)?)?), 1)
        } else {
            let symbol = self.symbol();
            let scale = self.unit(symbol)?;
            (scale, self.exponent()?)
        };
        self.annotation()?;
        Some((scale, exponent))
    }

    /// True for a number that is not the unit `10*` or `10^`.
    fn is_number(&self) -> bool {
        let digits = self.rest.trim_start_matches(|c: char| c.is_ascii_digit());
        digits.len() < self.rest.len() && !self.rest.starts_with("10*") && !self.rest.starts_with("10^")
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn digits(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_ascii_digit());
        self.take(end.unwrap_or(self.rest.len()))
    }

    /// The letters of a unit with its prefix; what stands in brackets belongs to it.
    fn symbol(&mut self) -> &'a str {
        if self.rest.starts_with("10*") || self.rest.starts_with("10^") {
            return self.take(3);
        }
        let mut in_brackets = false;
        let end = self.rest.find(|c: char| {
            match c {
                '[' => in_brackets = true,
                ']' => in_brackets = false,
                _ => {}
            }
            !in_brackets && (c.is_ascii_digit() || matches!(c, '.' | '/' | '(' | ')' | '{' | '+' | '-'))
        });
        self.take(end.unwrap_or(self.rest.len()))
    }

    fn exponent(&mut self) -> Option<i32> {
        let negative = self.eat('-');
        let signed = negative || self.eat('+');
        let digits = self.digits();
        if digits.is_empty() {
            return (!signed).then_some(1);
        }
        digits.parse::<i32>().ok().map(|exponent| if negative { -exponent } else { exponent })
    }

    /// A unit of the table, with or without a prefix.
    fn unit(&mut self, symbol: &str) -> Option<Scale> {
        if let Some(number) = UNITS.iter().position(|unit| unit.code == symbol) {
            return self.defined(number);
        }
        PREFIXES.iter().find_map(|(prefix, ten)| {
            let rest = symbol.strip_prefix(prefix)?;
            let number = UNITS.iter().position(|unit| unit.code == rest && unit.is_metric)?;
            let mut scale = self.defined(number)?;
            scale.factor = scale.factor.mul(Ratio::TEN.power(*ten)?)?;
            Some(scale)
        })
    }

    fn defined(&mut self, number: usize) -> Option<Scale> {
        let unit = UNITS.get(number)?;
        if unit.of.is_empty() {
            return Some(Scale { dimensions: vec![(number, 1)], ..Scale::plain(Ratio::ONE) });
        }
        let mut below = Parser { rest: unit.of, depth: self.depth.checked_sub(1)? };
        let mut scale = below.term()?;
        let (up, down) = unit.factor.split_once('/').unwrap_or((unit.factor, "1"));
        let ratio = |text: &str| Ratio::from_decimal(Decimal::parse(text)?);
        scale.factor = scale.factor.mul(ratio(up)?.div(ratio(down)?)?)?;
        let (up, down) = unit.offset.split_once('/').unwrap_or((unit.offset, "1"));
        scale.offset = ratio(up)?.div(ratio(down)?)?;
        Some(scale)
    }

    /// True where an annotation in braces was passed over.
    fn annotation(&mut self) -> Option<bool> {
        if !self.eat('{') {
            return Some(false);
        }
        let (_, rest) = self.rest.split_once('}')?;
        self.rest = rest;
        Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, from: &str, to: &str, expected: &str) {
        let scales = parse(from).zip(parse(to));
        let value = Decimal::parse(value).unwrap_or(Decimal::ZERO);
        let found = scales.and_then(|(from, to)| from.convert(value, &to));
        let found = found.map_or_else(|| "none".to_owned(), |found| found.trimmed().to_string());
        assert_eq!(found, expected, "{value} {from} in {to}");
    }

    #[test]
    fn every_definition_of_the_table_is_valid() {
        for unit in UNITS {
            assert!(parse(unit.code).is_some(), "{}", unit.code);
            let same = UNITS.iter().filter(|other| other.code == unit.code).count();
            assert_eq!(same, 1, "{}", unit.code);
        }
    }

    #[test]
    fn units_convert() {
        check("4", "g", "mg", "4000");
        check("1", "[in_i]", "cm", "2.54");
        check("185", "[lb_av]", "kg", "83.91458845");
        check("36.6", "Cel", "[degF]", "97.88");
        check("310.15", "K", "Cel", "37");
        check("120", "mm[Hg]", "kPa", "15.99864");
        check("2", "m/s", "km/h", "7.2");
        check("1", "kg.m/s2", "N", "1");
        check("1", "mL", "cm3", "1");
        check("5", "%", "1", "0.05");
        check("3", "{beats}/min", "/min", "3");
        check("1", "10*3/uL", "10*9/L", "1");
        check("7", "d", "wk", "1");
        check("1", "(m/s)/s", "m.s-2", "1");
    }

    #[test]
    fn what_does_not_compare_is_refused() {
        check("1", "cm", "s", "none");
        check("1", "[iU]", "mg", "none");
        check("1", "furlong", "m", "none");
        check("1", "m/", "m", "none");
        check("1", "k[in_i]", "m", "none");
        check("1", "m+", "m", "none");
        check("1", "((((((((((((((((((m))))))))))))))))))", "m", "none");
        check("1", "m9999999999", "m", "none");
    }
}
