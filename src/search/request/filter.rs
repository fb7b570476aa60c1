//! `_filter`: conditions with `and`, `or` and `not` (FHIR R4, "_filter Parameter").

use super::parameter::Scope;
use super::value::{Asker, Modifier};
use super::{Refused, refuse};
use crate::diag::codes;
use crate::search::condition::Condition;
use crate::search::fold::fold;
use crate::search::range::Prefix;
use crate::search::table::ParameterKind;
use crate::search::test::Test;

/// Parentheses, brackets and links of one filter inside each other.
pub const FILTER_DEPTH_MAX: usize = 32;
/// Conditions of one filter.
const CONDITIONS_MAX: usize = 200;

const NAME: &str = "_filter";

impl Scope<'_> {
    /// What a filter asks.
    pub(super) fn filter(self, text: &str) -> Result<Condition, Refused> {
        let mut parser = Parser { text, at: 0, conditions: 0 };
        let filter = parser.filter(FILTER_DEPTH_MAX)?;
        parser.space();
        if parser.at < text.len() {
            return Err(parser.fault());
        }
        filter.condition(self)
    }
}

/// A filter as it is written.
#[derive(Debug, PartialEq)]
enum Filter<'t> {
    And(Box<Filter<'t>>, Box<Filter<'t>>),
    Or(Box<Filter<'t>>, Box<Filter<'t>>),
    Not(Box<Filter<'t>>),
    /// A reference that leads to what passes: `subject[gender eq male].name co x`.
    Link {
        code: &'t str,
        within: Option<Box<Filter<'t>>>,
        rest: Box<Filter<'t>>,
    },
    Test {
        code: &'t str,
        operator: Operator,
        value: Value<'t>,
    },
}

/// A value as it is written.
#[derive(Debug, Clone, PartialEq)]
enum Value<'t> {
    Quoted(String),
    Bare(&'t str),
}

impl Value<'_> {
    fn text(&self) -> &str {
        match self {
            Self::Quoted(text) => text,
            Self::Bare(text) => text,
        }
    }
}

/// What is compared how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Compare(Prefix),
    Contains,
    Starts,
    Ends,
    Present,
    Overlaps,
    Subsumes,
    SubsumedBy,
    In,
    NotIn,
    Refers,
}

impl Operator {
    fn named(word: &str) -> Option<Self> {
        Some(match word {
            "co" => Self::Contains,
            "sw" => Self::Starts,
            "ew" => Self::Ends,
            "pr" => Self::Present,
            "po" => Self::Overlaps,
            "ss" => Self::Subsumes,
            "sb" => Self::SubsumedBy,
            "in" => Self::In,
            "ni" => Self::NotIn,
            "re" => Self::Refers,
            _ => Self::Compare(Prefix::named(word)?),
        })
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    conditions: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn fault(&self) -> Refused {
        let place = self.text.get(..self.at).map_or(0, |before| before.chars().count()) + 1;
        refuse(codes::SEARCH_FILTER, NAME, format!("it cannot be read from character {place} on"))
    }

    fn limit() -> Refused {
        let message =
            format!("over {CONDITIONS_MAX} conditions, or over {FILTER_DEPTH_MAX} of them inside each other");
        refuse(codes::SEARCH_LIMIT, NAME, message)
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, symbol: char) -> bool {
        let found = self.rest().starts_with(symbol);
        self.at += usize::from(found) * symbol.len_utf8();
        found
    }

    /// A word that a space or a parenthesis follows.
    fn eat_word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let found = after.is_some_and(|after| after.starts_with([' ', '(']));
        self.at += usize::from(found) * word.len();
        found
    }

    /// Conditions from left to right: `and` and `or` have one rank.
    fn filter(&mut self, depth: usize) -> Result<Filter<'t>, Refused> {
        let depth = depth.checked_sub(1).ok_or_else(Self::limit)?;
        let mut left = self.one(depth)?;
        loop {
            self.space();
            if self.eat_word("and") {
                left = Filter::And(Box::new(left), Box::new(self.one(depth)?));
            } else if self.eat_word("or") {
                left = Filter::Or(Box::new(left), Box::new(self.one(depth)?));
            } else {
                return Ok(left);
            }
        }
    }

    fn one(&mut self, depth: usize) -> Result<Filter<'t>, Refused> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(Self::limit());
        }
        self.space();
        let is_negative = self.eat_word("not");
        self.space();
        if self.eat('(') {
            let inner = self.filter(depth)?;
            self.space();
            if !self.eat(')') {
                return Err(self.fault());
            }
            return Ok(if is_negative { Filter::Not(Box::new(inner)) } else { inner });
        }
        if is_negative { Err(self.fault()) } else { self.path(depth) }
    }

    fn path(&mut self, depth: usize) -> Result<Filter<'t>, Refused> {
        let depth = depth.checked_sub(1).ok_or_else(Self::limit)?;
        let code = self.name()?;
        let within = if self.eat('[') {
            let inner = self.filter(depth)?;
            self.space();
            if !self.eat(']') {
                return Err(self.fault());
            }
            Some(Box::new(inner))
        } else {
            None
        };
        if self.eat('.') {
            return Ok(Filter::Link { code, within, rest: Box::new(self.path(depth)?) });
        }
        if within.is_some() {
            return Err(self.fault());
        }
        self.space();
        let before = self.at;
        let word = self.name()?;
        let Some(operator) = Operator::named(word) else {
            self.at = before;
            return Err(self.fault());
        };
        self.space();
        Ok(Filter::Test { code, operator, value: self.value()? })
    }

    fn name(&mut self) -> Result<&'t str, Refused> {
        let rest = self.rest();
        let is_name = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
        let end = rest.find(|character| !is_name(character)).unwrap_or(rest.len());
        match rest.get(..end).filter(|name| !name.is_empty()) {
            Some(name) => {
                self.at += end;
                Ok(name)
            }
            None => Err(self.fault()),
        }
    }

    fn value(&mut self) -> Result<Value<'t>, Refused> {
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut is_escaped = false;
            let end = quoted.char_indices().find(|(_, character)| {
                let ends = *character == '"' && !is_escaped;
                is_escaped = *character == '\\' && !is_escaped;
                ends
            });
            let whole = end.and_then(|(end, _)| rest.get(..end + 2));
            let text = whole.and_then(|whole| serde_json::from_str(whole).ok());
            let (Some(whole), Some(text)) = (whole, text) else { return Err(self.fault()) };
            self.at += whole.len();
            return Ok(Value::Quoted(text));
        }
        let end = rest.find([' ', ')', ']']).unwrap_or(rest.len());
        match rest.get(..end).filter(|value| !value.is_empty()) {
            Some(value) => {
                self.at += end;
                Ok(Value::Bare(value))
            }
            None => Err(self.fault()),
        }
    }
}

impl Filter<'_> {
    fn condition(&self, scope: Scope<'_>) -> Result<Condition, Refused> {
        match self {
            Self::And(left, right) => {
                Ok(Condition::All(vec![left.condition(scope)?, right.condition(scope)?]))
            }
            Self::Or(left, right) => {
                Ok(Condition::Any(vec![left.condition(scope)?, right.condition(scope)?]))
            }
            Self::Not(inner) => Ok(Condition::Not(Box::new(inner.condition(scope)?))),
            Self::Link { code, within, rest } => scope.linked(code, None, &|inner| {
                let rest = rest.condition(inner)?;
                match within {
                    Some(within) => Ok(Condition::All(vec![within.condition(inner)?, rest])),
                    None => Ok(rest),
                }
            }),
            Self::Test { code, operator, value } => test(scope, code, *operator, value),
        }
    }
}

fn test(scope: Scope<'_>, code: &str, operator: Operator, value: &Value<'_>) -> Result<Condition, Refused> {
    let not = |inner: Condition| Condition::Not(Box::new(inner));
    if let ("_id", Operator::Compare(Prefix::Eq | Prefix::Ne)) = (code, operator) {
        let ids = Condition::Ids(vec![value.text().to_owned()]);
        return Ok(if operator == Operator::Compare(Prefix::Eq) { ids } else { not(ids) });
    }
    if let ("_lastUpdated", Operator::Compare(prefix)) = (code, operator) {
        return scope.updated_by(prefix, value.text());
    }
    if operator == Operator::Present {
        let present = scope.known(code)?.iter().map(|(_, it)| Condition::Present(it.slot)).collect();
        return match value.text() {
            "true" => Ok(Condition::Any(present)),
            "false" => Ok(not(Condition::Any(present))),
            _ => Err(refuse(codes::SEARCH_FILTER, NAME, "`pr` is of `true` or `false`".to_owned())),
        };
    }
    let (positive, is_negative) = match operator {
        Operator::NotIn => (Operator::In, true),
        // A span differs by itself; anything else differs where it is there and not the same.
        Operator::Compare(Prefix::Ne) if !scope.known(code)?.iter().all(|(_, it)| has_spans(it.kind)) => {
            (Operator::Compare(Prefix::Eq), true)
        }
        _ => (operator, false),
    };
    let asked = scope.each(code, &|asker| tests(asker, positive, value.text()))?;
    if !is_negative {
        return Ok(asked);
    }
    let present = scope.known(code)?.iter().map(|(_, it)| Condition::Present(it.slot)).collect();
    Ok(Condition::All(vec![Condition::Any(present), not(asked)]))
}

const fn has_spans(kind: ParameterKind) -> bool {
    matches!(kind, ParameterKind::Date | ParameterKind::Number | ParameterKind::Quantity)
}

fn tests(asker: Asker<'_>, operator: Operator, text: &str) -> Result<Vec<Test>, Refused> {
    let one = |test: Test| Ok(vec![test]);
    match (asker.parameter.kind, operator) {
        (ParameterKind::Date, Operator::Compare(prefix)) => one(asker.date(prefix, text)?),
        (ParameterKind::Date, Operator::Overlaps) => one(asker.date(Prefix::Po, text)?),
        (ParameterKind::Number, Operator::Compare(prefix)) => one(asker.number(prefix, text)?),
        (ParameterKind::Quantity, Operator::Compare(prefix)) => one(asker.quantity(prefix, text)?),
        (ParameterKind::String, Operator::Compare(Prefix::Eq)) => one(Test::Equals(fold(text))),
        (ParameterKind::String, Operator::Contains) => one(Test::Contains(fold(text))),
        (ParameterKind::String, Operator::Starts) => one(Test::Starts(fold(text))),
        (ParameterKind::String, Operator::Ends) => one(Test::Ends(fold(text))),
        (ParameterKind::Uri, Operator::Contains) => one(Test::UriContains(text.to_lowercase())),
        (ParameterKind::Uri, Operator::Starts) => one(Test::UriBelow(text.to_owned())),
        (ParameterKind::Token, Operator::Subsumes) => asker.related(Modifier::Below, text),
        (ParameterKind::Token, Operator::SubsumedBy) => asker.related(Modifier::Above, text),
        (ParameterKind::Token, Operator::In) => asker.of_value_set(text),
        (ParameterKind::Token | ParameterKind::Uri, Operator::Compare(Prefix::Eq))
        | (ParameterKind::Reference, Operator::Compare(Prefix::Eq) | Operator::Refers) => {
            asker.tests(Modifier::None, text)
        }
        _ => {
            let kind = asker.parameter.kind.as_str();
            let message = format!("a parameter of the type `{kind}` is not compared in this way");
            Err(refuse(codes::SEARCH_FILTER, NAME, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_from_left_to_right() {
        let check = |text: &str, expected: &str| {
            let mut parser = Parser { text, at: 0, conditions: 0 };
            let found = parser.filter(FILTER_DEPTH_MAX).ok().filter(|_| parser.at == text.len());
            assert_eq!(found.map_or_else(String::new, |filter| shape(&filter)), expected, "{text}");
        };
        check("name eq peter", "name");
        check(r#"a eq "x \") y" or b gt 5"#, "(a or b)");
        check("a eq 1 and b eq 2 or c eq 3", "((a and b) or c)");
        check("a eq 1 and (b eq 2 or not (c eq 3))", "(a and (b or not c))");
        check("subject[gender eq male].name co x", "subject[gender].name");
        check("subject.organization.name sw x", "subject.organization.name");
        for text in
            ["", "a", "a eq", "a is b", "not a eq b", "(a eq b", "a[b eq c] eq d", "a eq b c", "a eq \"x"]
        {
            check(text, "");
        }
    }

    fn shape(filter: &Filter<'_>) -> String {
        match filter {
            Filter::And(left, right) => format!("({} and {})", shape(left), shape(right)),
            Filter::Or(left, right) => format!("({} or {})", shape(left), shape(right)),
            Filter::Not(inner) => format!("not {}", shape(inner)),
            Filter::Link { code, within: None, rest } => format!("{code}.{}", shape(rest)),
            Filter::Link { code, within: Some(within), rest } => {
                format!("{code}[{}].{}", shape(within), shape(rest))
            }
            Filter::Test { code, .. } => (*code).to_owned(),
        }
    }
}
