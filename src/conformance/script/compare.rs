//! The operators of asserts (FHIR R4, `assert-operator-codes`) over texts.

use crate::fhirpath::Decimal;
use std::cmp::Ordering;

/// How what came is compared with what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equals,
    NotEquals,
    In,
    NotIn,
    GreaterThan,
    LessThan,
    Empty,
    NotEmpty,
    Contains,
    NotContains,
    Eval,
}

impl Operator {
    const ALL: [(Self, &'static str); 11] = [
        (Self::Equals, "equals"),
        (Self::NotEquals, "notEquals"),
        (Self::In, "in"),
        (Self::NotIn, "notIn"),
        (Self::GreaterThan, "greaterThan"),
        (Self::LessThan, "lessThan"),
        (Self::Empty, "empty"),
        (Self::NotEmpty, "notEmpty"),
        (Self::Contains, "contains"),
        (Self::NotContains, "notContains"),
        (Self::Eval, "eval"),
    ];

    /// From its code.
    pub(super) fn named(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == code).map(|(operator, _)| *operator)
    }

    /// As people read it.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Equals => "equal to",
            Self::NotEquals => "other than",
            Self::In => "one of",
            Self::NotIn => "none of",
            Self::GreaterThan => "greater than",
            Self::LessThan => "less than",
            Self::Empty => "nothing",
            Self::NotEmpty => "something",
            Self::Contains => "containing",
            Self::NotContains => "not containing",
            Self::Eval => "true for",
        }
    }

    /// True where it needs no value to compare with.
    pub(super) const fn is_alone(self) -> bool {
        matches!(self, Self::Empty | Self::NotEmpty | Self::Eval)
    }
}

/// Whether what was found stands to what is expected as the operator says.
///
/// Several values are equal to, greater or less than one where each of them is; they contain one where any does. So
/// `equals` and `notEquals` of no value at all do not hold.
pub(super) fn holds(operator: Operator, found: &[String], expected: &str) -> bool {
    let any = |test: &dyn Fn(&str) -> bool| found.iter().any(|text| test(text));
    let each = |test: &dyn Fn(&str) -> bool| !found.is_empty() && found.iter().all(|text| test(text));
    let listed = |text: &str| expected.split(',').any(|item| is_equal(text, item.trim()));
    let contains = |text: &str| text.contains(expected);
    match operator {
        Operator::Equals => each(&|text| is_equal(text, expected)),
        Operator::NotEquals => each(&|text| !is_equal(text, expected)),
        Operator::In => each(&listed),
        Operator::NotIn => !any(&listed),
        Operator::GreaterThan => each(&|text| order(text, expected) == Some(Ordering::Greater)),
        Operator::LessThan => each(&|text| order(text, expected) == Some(Ordering::Less)),
        Operator::Empty => found.iter().all(String::is_empty),
        Operator::NotEmpty => any(&|text| !text.is_empty()),
        Operator::Contains => any(&contains),
        Operator::NotContains => !any(&contains),
        Operator::Eval => each(&|text| text == "true"),
    }
}

/// Equal as text or as numbers.
fn is_equal(a: &str, b: &str) -> bool {
    a == b || Decimal::parse(a).zip(Decimal::parse(b)).is_some_and(|(a, b)| a == b)
}

/// As numbers, otherwise as texts where both have the form of a date: in one zone those sort as they stand.
fn order(a: &str, b: &str) -> Option<Ordering> {
    if let Some((a, b)) = Decimal::parse(a).zip(Decimal::parse(b)) {
        return a.partial_cmp(&b);
    }
    let is_date = |text: &str| text.len() >= 4 && text.bytes().take(4).all(|byte| byte.is_ascii_digit());
    (is_date(a) && is_date(b)).then(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator_holds_and_fails() {
        let check = |code: &str, found: &[&str], expected: &str, wanted: bool| {
            let found: Vec<String> = found.iter().map(|text| (*text).to_owned()).collect();
            let operator = Operator::named(code);
            assert_eq!(operator.map(|it| holds(it, &found, expected)), Some(wanted), "{code} {found:?}");
        };
        check("equals", &["a"], "a", true);
        check("equals", &["1.50"], "1.5", true);
        check("equals", &["a", "b"], "a", false);
        check("equals", &[], "a", false);
        check("notEquals", &["a"], "b", true);
        check("notEquals", &["a"], "a", false);
        check("notEquals", &[], "a", false);
        check("in", &["200"], "200, 201", true);
        check("in", &["404"], "200,201", false);
        check("notIn", &["404"], "200,201", true);
        check("notIn", &["201"], "200,201", false);
        check("greaterThan", &["10"], "9", true);
        check("greaterThan", &["9"], "10", false);
        check("greaterThan", &["2026-02-01"], "2026-01-31", true);
        check("greaterThan", &["b"], "a", false);
        check("lessThan", &["9"], "10", true);
        check("lessThan", &["10"], "9", false);
        check("empty", &[], "", true);
        check("empty", &["a"], "", false);
        check("notEmpty", &["a"], "", true);
        check("notEmpty", &[], "", false);
        check("contains", &["x", "abc"], "b", true);
        check("contains", &["x"], "b", false);
        check("notContains", &["x"], "b", true);
        check("notContains", &["abc"], "b", false);
        check("eval", &["true"], "", true);
        check("eval", &["false"], "", false);
        assert_eq!(Operator::named("manualEval"), None);
    }
}
