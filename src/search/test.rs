//! What a search asks of one value, and of the keys that stand for it.

use super::clause::Clause;
use super::fold::{cut, fold, fold_code};
use super::key::{Form, Slot, TEXT_BYTES_MAX};
use super::range::RangeTest;
use super::value::{UnitOf, Value};

/// What a search asks of one value. Codes and texts in it are folded.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Test {
    /// A code, or any of a system where the code is none.
    Token { system: Wanted, code: Option<String> },
    /// What a code is called starts so.
    TokenText(String),
    /// An identifier of a type.
    OfType { system: String, code: String, value: String },
    /// A reference to this.
    Reference(String),
    /// The identifier in a reference; any of a system where the value is none.
    Identifier { system: Wanted, value: Option<String> },
    /// An uri, or a canonical url of any version.
    Uri(String),
    /// A canonical url of this version.
    Canonical { url: String, version: String },
    /// A canonical url of a version that starts so: `1` of `1.2`.
    CanonicalBelow { url: String, version: String },
    /// An uri that starts so.
    UriBelow(String),
    /// An uri that this one starts with, up to where a part of it ends.
    UriAbove(String),
    /// An uri with this in it, whatever the case.
    UriContains(String),
    /// A string that starts so.
    Starts(String),
    /// A string that is so, with case and marks.
    Exact(String),
    /// A string that is so, without.
    Equals(String),
    /// A string that ends so.
    Ends(String),
    /// A string with this in it.
    Contains(String),
    /// A span of time.
    Dates(RangeTest),
    /// A number or quantity, and the same in base units of UCUM with the hash of what they measure.
    Amount { unit: UnitTest, test: RangeTest, base: Option<(i64, RangeTest)> },
    /// One of the tests of each component passes.
    Composite(Vec<Vec<Test>>),
}

/// Which system is asked for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    Any,
    None,
    Is(String),
}

impl Wanted {
    fn holds(&self, system: &str) -> bool {
        match self {
            Self::Any => true,
            Self::None => system.is_empty(),
            Self::Is(wanted) => wanted == system,
        }
    }
}

/// Which unit is asked for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum UnitTest {
    Any,
    /// Its code, or its name as people read it.
    Code(String),
    System(String),
    SystemCode(String, String),
}

impl UnitTest {
    fn holds(&self, unit: Option<&UnitOf<'_>>) -> bool {
        match (self, unit) {
            (Self::Any, _) => true,
            (_, None) => false,
            (Self::Code(code), Some(unit)) => unit.code == *code || unit.name == *code,
            (Self::System(system), Some(unit)) => unit.system == *system,
            (Self::SystemCode(system, code), Some(unit)) => unit.system == *system && unit.code == *code,
        }
    }

    fn hash(&self) -> i64 {
        match self {
            Self::Any => 0,
            Self::Code(code) => Form::UnitCode.hash(&[code]),
            Self::System(system) => Form::UnitSystem.hash(&[system]),
            Self::SystemCode(system, code) => Form::Unit.hash(&[system, "|", code]),
        }
    }
}

/// What a test asks of keys.
pub(super) struct Asked {
    /// It never excludes what passes the test.
    pub(super) clause: Clause,
    /// It lets nothing else pass.
    pub(super) is_exact: bool,
}

impl Asked {
    const fn exactly(clause: Clause) -> Self {
        Self { clause, is_exact: true }
    }

    const fn at_most(clause: Clause) -> Self {
        Self { clause, is_exact: false }
    }
}

impl Test {
    /// True where a value passes.
    pub(super) fn holds(&self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Self::Token { system, code }, Value::Token { system: found, code: has }) => {
                system.holds(found) && code.as_ref().is_none_or(|code| *code == fold_code(has))
            }
            (Self::TokenText(start), Value::TokenText(text)) | (Self::Starts(start), Value::Text(text)) => {
                fold(text).starts_with(start)
            }
            (Self::OfType { system, code, value }, Value::OfType { system: of, code: has, value: found }) => {
                system == of && *code == fold_code(has) && *value == fold_code(found)
            }
            (Self::Reference(wanted), Value::Reference { target, version }) => {
                let versioned = || version.as_ref().map(|version| format!("{target}/_history/{version}"));
                wanted == target || versioned().is_some_and(|whole| whole == *wanted)
            }
            (Self::Identifier { system, value }, Value::Identifier { system: of, value: has }) => {
                system.holds(of) && value.as_ref().is_none_or(|value| *value == fold_code(has))
            }
            (Self::Composite(tests), Value::Composite(components)) => {
                let fits = |(tests, values): (&Vec<Self>, &Vec<Value<'_>>)| {
                    tests.iter().any(|test| values.iter().any(|value| test.holds(value)))
                };
                tests.len() == components.len() && tests.iter().zip(components).all(fits)
            }
            (Self::Exact(wanted), Value::Text(text)) => wanted == text,
            (Self::Equals(wanted), Value::Text(text)) => fold(text) == *wanted,
            (Self::Ends(end), Value::Text(text)) => fold(text).ends_with(end),
            (Self::Contains(part), Value::Text(text)) => fold(text).contains(part),
            (Self::Dates(test), Value::Dates(span)) => test.holds(span.low, span.high),
            (Self::Amount { unit, test, base }, Value::Amount { span, unit: has }) => {
                let alike = || {
                    let (dimension, test) = (*base)?;
                    let (measured, span) = has.as_ref()?.base?;
                    Some(dimension == measured && test.holds(span.low, span.high))
                };
                (unit.holds(has.as_ref()) && test.holds(span.low, span.high)) || alike().unwrap_or(false)
            }
            (_, Value::Uri(uri)) => self.holds_for_uri(uri, None),
            (_, Value::Canonical { url, version }) => self.holds_for_uri(url, version.as_deref()),
            _ => false,
        }
    }

    fn holds_for_uri(&self, uri: &str, found: Option<&str>) -> bool {
        match self {
            Self::Uri(wanted) => wanted == uri,
            Self::Canonical { url, version } => url == uri && found == Some(version),
            Self::CanonicalBelow { url, version } => {
                let rest = found.and_then(|found| found.strip_prefix(version.as_str()));
                url == uri && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
            }
            Self::UriBelow(start) => uri.starts_with(start),
            Self::UriAbove(whole) => prefixes(whole).any(|prefix| prefix == uri),
            Self::UriContains(part) => uri.to_lowercase().contains(part),
            _ => false,
        }
    }

    /// What is asked of the keys in a slot.
    pub(super) fn asked(&self, slot: Slot) -> Asked {
        match self {
            Self::Token { .. }
            | Self::OfType { .. }
            | Self::Reference(_)
            | Self::Identifier { .. }
            | Self::Uri(_)
            | Self::Canonical { .. }
            | Self::UriAbove(_)
            | Self::Exact(_) => Asked::exactly(Clause::Hash { slot, hashes: self.hashes() }),
            Self::CanonicalBelow { url, .. } => {
                Asked::at_most(Clause::Hash { slot, hashes: vec![Form::Uri.hash(&[url])] })
            }
            Self::TokenText(start) | Self::UriBelow(start) | Self::Starts(start) => {
                let prefix = cut(start, TEXT_BYTES_MAX).to_owned();
                Asked { is_exact: prefix.len() == start.len(), clause: Clause::Text { slot, prefix } }
            }
            Self::Equals(text) => {
                Asked::at_most(Clause::Text { slot, prefix: cut(text, TEXT_BYTES_MAX).to_owned() })
            }
            Self::UriContains(_) | Self::Contains(_) | Self::Ends(_) => Asked::at_most(Clause::Present(slot)),
            Self::Dates(test) => Asked::exactly(Clause::Range { slot, unit: 0, test: *test }),
            Self::Amount { .. } => Asked::exactly(any(self.ranges(slot, |unit| unit))),
            Self::Composite(tests) => composite(tests, slot),
        }
    }

    /// The hashes of values that pass; none where hashes do not tell.
    fn hashes(&self) -> Vec<i64> {
        let one = match self {
            Self::Token { system, code } => match (system, code) {
                (Wanted::Any, Some(code)) => Form::Code.hash(&[code]),
                (Wanted::None, Some(code)) => Form::CodeAlone.hash(&[code]),
                (Wanted::Is(system), Some(code)) => Form::SystemCode.hash(&[system, "|", code]),
                (Wanted::Is(system), None) => Form::System.hash(&[system]),
                (Wanted::Any | Wanted::None, None) => return Vec::new(),
            },
            Self::OfType { system, code, value } => Form::OfType.hash(&[system, "|", code, "|", value]),
            Self::Reference(target) => Form::Reference.hash(&[target]),
            Self::Identifier { system, value } => match (system, value) {
                (Wanted::Any, Some(value)) => Form::Identifier.hash(&[value]),
                (Wanted::None, Some(value)) => Form::IdentifierAlone.hash(&[value]),
                (Wanted::Is(system), Some(value)) => Form::SystemIdentifier.hash(&[system, "|", value]),
                (Wanted::Is(system), None) => Form::IdentifierSystem.hash(&[system]),
                (Wanted::Any | Wanted::None, None) => return Vec::new(),
            },
            Self::Uri(uri) => Form::Uri.hash(&[uri]),
            Self::Canonical { url, version } => Form::Canonical.hash(&[url, "|", version]),
            Self::UriAbove(whole) => {
                return prefixes(whole).map(|prefix| Form::Uri.hash(&[prefix])).collect();
            }
            Self::Exact(text) => Form::Exact.hash(&[text]),
            _ => return Vec::new(),
        };
        vec![one]
    }

    /// The spans that are asked for, by their units.
    fn ranges(&self, slot: Slot, slot_unit: impl Fn(i64) -> i64) -> Vec<Clause> {
        match self {
            Self::Dates(test) => vec![Clause::Range { slot, unit: slot_unit(0), test: *test }],
            Self::Amount { unit, test, base } => {
                let own = Clause::Range { slot, unit: slot_unit(unit.hash()), test: *test };
                let base =
                    base.map(|(dimension, test)| Clause::Range { slot, unit: slot_unit(dimension), test });
                std::iter::once(own).chain(base).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What a composite asks of keys: pairs where it has two components whose keys are hashes or spans, otherwise its first.
fn composite(tests: &[Vec<Test>], slot: Slot) -> Asked {
    let first: Vec<i64> = tests.first().into_iter().flatten().flat_map(Test::hashes).collect();
    // `system|` is no form of a pair that could be left out, so no hash means that the first component has none.
    if first.is_empty() {
        return Asked::at_most(Clause::Present(slot));
    }
    let mut hashes = Vec::new();
    let mut clauses = Vec::new();
    let mut is_exact = tests.len() == 2;
    for test in tests.get(1).into_iter().flatten() {
        let second = test.hashes();
        for hash in &first {
            let ranges = test.ranges(slot, |unit| Form::Pair.pair(*hash, unit));
            is_exact &= (!second.is_empty() && !matches!(test, Test::Exact(_))) || !ranges.is_empty();
            hashes.extend(second.iter().map(|second| Form::Pair.pair(*hash, *second)));
            clauses.extend(ranges);
        }
    }
    if !is_exact {
        let hashes = first.iter().map(|hash| Form::First.pair(*hash, 0)).collect();
        return Asked::at_most(Clause::Hash { slot, hashes });
    }
    if !hashes.is_empty() {
        clauses.push(Clause::Hash { slot, hashes });
    }
    Asked::exactly(any(clauses))
}

fn any(mut clauses: Vec<Clause>) -> Clause {
    match clauses.len() {
        1 => clauses.pop().unwrap_or(Clause::NOTHING),
        _ => Clause::Any(clauses),
    }
}

/// The starts of an uri that end where a part of it ends, and the whole.
fn prefixes(uri: &str) -> impl Iterator<Item = &str> {
    let ends = uri.char_indices().filter(|(_, character)| !character.is_alphanumeric());
    let ends = ends.flat_map(|(at, character)| [at, at + character.len_utf8()]).chain([uri.len()]);
    let mut last = 0;
    ends.filter_map(move |end| {
        let is_new = end > last;
        last = end.max(last);
        is_new.then(|| uri.get(..end)).flatten()
    })
}
