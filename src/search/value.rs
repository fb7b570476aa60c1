//! What a search parameter finds in a resource, and the keys that stand for it.

use super::fold::{cut, fold, fold_code};
use super::key::{Form, Key, Slot, TEXT_BYTES_MAX};
use std::borrow::Cow;

/// One value of a search parameter.
#[derive(Clone)]
pub(super) enum Value<'a> {
    /// A code of a system; the system is empty where there is none.
    Token { system: Cow<'a, str>, code: Cow<'a, str> },
    /// What a code or an identifier is called (`:text`).
    TokenText(Cow<'a, str>),
    /// An identifier with a coding of its type (`:of-type`).
    OfType { system: Cow<'a, str>, code: Cow<'a, str>, value: Cow<'a, str> },
    /// A reference: `Type/id` of this server, or an absolute url.
    Reference { target: Cow<'a, str>, version: Option<Cow<'a, str>> },
    /// The identifier in a reference (`:identifier`).
    Identifier { system: Cow<'a, str>, value: Cow<'a, str> },
    /// An uri that is no canonical url.
    Uri(Cow<'a, str>),
    /// A canonical url with its version.
    Canonical { url: Cow<'a, str>, version: Option<Cow<'a, str>> },
    /// A string.
    Text(Cow<'a, str>),
    /// A date.
    Dates(Span),
    /// A number or a quantity.
    Amount { span: Span, unit: Option<UnitOf<'a>> },
    /// The values of each component of a composite.
    Composite(Vec<Vec<Value<'a>>>),
}

/// From the least to the greatest value, in the coding of the keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) low: i64,
    pub(super) high: i64,
}

/// The unit of a quantity.
#[derive(Clone)]
pub(super) struct UnitOf<'a> {
    pub(super) system: Cow<'a, str>,
    pub(super) code: Cow<'a, str>,
    /// As people read it.
    pub(super) name: Cow<'a, str>,
    /// The same amount in base units of UCUM, with the hash of what it measures.
    pub(super) base: Option<(i64, Span)>,
}

/// Where the keys of one parameter go.
pub(super) struct Keys<'k> {
    pub(super) slot: Slot,
    pub(super) found: &'k mut Vec<Key>,
}

impl Keys<'_> {
    fn hash(&mut self, hash: i64) {
        self.found.push(Key::Hash { slot: self.slot, hash });
    }

    fn range(&mut self, unit: i64, span: Span) {
        self.found.push(Key::Range { slot: self.slot, unit, low: span.low, high: span.high });
    }

    fn text(&mut self, text: &str) {
        self.found.push(Key::Text { slot: self.slot, text: cut(text, TEXT_BYTES_MAX).to_owned() });
    }

    /// Adds the keys of a value.
    pub(super) fn add(&mut self, value: &Value<'_>) {
        match value {
            Value::TokenText(text) => self.text(&fold(text)),
            Value::OfType { system, code, value } => {
                self.hash(Form::OfType.hash(&[system, "|", &fold_code(code), "|", &fold_code(value)]));
            }
            Value::Uri(uri) => {
                self.hash(Form::Uri.hash(&[uri]));
                self.text(uri);
            }
            Value::Canonical { url, version } => {
                self.hash(Form::Uri.hash(&[url]));
                if let Some(version) = version {
                    self.hash(Form::Canonical.hash(&[url, "|", version]));
                }
                self.text(url);
            }
            Value::Text(text) => {
                self.hash(Form::Exact.hash(&[text]));
                self.text(&fold(text));
            }
            Value::Dates(span) => self.range(0, *span),
            Value::Amount { span, unit } => self.amount(*span, unit.as_ref(), |unit| unit),
            Value::Composite(components) => self.composite(components),
            Value::Token { .. } | Value::Reference { .. } | Value::Identifier { .. } => {
                value.hashes(&mut |hash| self.hash(hash));
            }
        }
    }

    fn amount(&mut self, span: Span, unit: Option<&UnitOf<'_>>, slot_unit: impl Fn(i64) -> i64) {
        self.range(slot_unit(0), span);
        for hash in unit.map(UnitOf::hashes).into_iter().flatten() {
            self.range(slot_unit(hash), span);
        }
        if let Some((dimension, base)) = unit.and_then(|unit| unit.base) {
            self.range(slot_unit(dimension), base);
        }
    }

    /// Each form of the first component alone, and with each key of the second where there are two. A text is no part
    /// of a pair: it is asked for by its start.
    fn composite(&mut self, components: &[Vec<Value<'_>>]) {
        let Some((first, others)) = components.split_first() else { return };
        let mut firsts = Vec::new();
        for value in first {
            value.hashes(&mut |hash| firsts.push(hash));
        }
        for hash in &firsts {
            self.hash(Form::First.pair(*hash, 0));
            let [second] = others else { continue };
            for value in second {
                match value {
                    Value::Dates(span) => self.range(Form::Pair.pair(*hash, 0), *span),
                    Value::Amount { span, unit } => {
                        self.amount(*span, unit.as_ref(), |unit| Form::Pair.pair(*hash, unit));
                    }
                    other => other.hashes(&mut |second| self.hash(Form::Pair.pair(*hash, second))),
                }
            }
        }
    }
}

impl Value<'_> {
    /// The hashes by which the value is asked for, where it has some.
    fn hashes(&self, sink: &mut dyn FnMut(i64)) {
        match self {
            Self::Token { system, code } => {
                let folded = fold_code(code);
                sink(Form::Code.hash(&[&folded]));
                if system.is_empty() {
                    sink(Form::CodeAlone.hash(&[&folded]));
                } else {
                    sink(Form::SystemCode.hash(&[system, "|", &folded]));
                    sink(Form::System.hash(&[system]));
                }
            }
            Self::Reference { target, version } => {
                sink(Form::Reference.hash(&[target]));
                if let Some(version) = version {
                    sink(Form::Reference.hash(&[target, "/_history/", version]));
                }
            }
            Self::Identifier { system, value } => {
                let folded = fold_code(value);
                sink(Form::Identifier.hash(&[&folded]));
                if system.is_empty() {
                    sink(Form::IdentifierAlone.hash(&[&folded]));
                } else {
                    sink(Form::SystemIdentifier.hash(&[system, "|", &folded]));
                    sink(Form::IdentifierSystem.hash(&[system]));
                }
            }
            Self::Uri(uri) => sink(Form::Uri.hash(&[uri])),
            Self::Canonical { url, version } => {
                sink(Form::Uri.hash(&[url]));
                if let Some(version) = version {
                    sink(Form::Canonical.hash(&[url, "|", version]));
                }
            }
            Self::TokenText(_)
            | Self::OfType { .. }
            | Self::Text(_)
            | Self::Dates(_)
            | Self::Amount { .. }
            | Self::Composite(_) => {}
        }
    }
}

impl UnitOf<'_> {
    /// The hashes by which the unit is asked for.
    fn hashes(&self) -> impl Iterator<Item = i64> {
        let named = |text: &str| (!text.is_empty()).then(|| Form::UnitCode.hash(&[text]));
        let whole = !self.system.is_empty() && !self.code.is_empty();
        let whole = whole.then(|| Form::Unit.hash(&[&self.system, "|", &self.code]));
        let system = (!self.system.is_empty()).then(|| Form::UnitSystem.hash(&[&self.system]));
        let name = (self.name != self.code).then(|| named(&self.name)).flatten();
        [whole, named(&self.code), name, system].into_iter().flatten()
    }
}
