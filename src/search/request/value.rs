//! From the value of a parameter to what it asks of a resource.

use super::escape::{split, unescape};
use super::{Refused, refuse};
use crate::diag::codes;
use crate::fhirpath::{Decimal, Quantity, Unit};
use crate::search::extract::UCUM;
use crate::search::fold::{fold, fold_code};
use crate::search::key::Form;
use crate::search::range::{Prefix, Written, amount_test, date_test, dates, written};
use crate::search::table::{Component, Parameter, ParameterKind, Parameters};
use crate::search::test::{Test, UnitTest, Wanted};

/// Codes of a value set, or below a code, that one search asks for.
pub const CODES_MAX: usize = 5_000;
/// The code system of `true` and `false`, where somebody names one.
const SPECIAL_VALUES: &str = "http://terminology.hl7.org/CodeSystem/special-values";
const SPECIAL_VALUES_R4: &str = "http://hl7.org/fhir/special-values";

/// How a value is compared, beside what its type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modifier<'m> {
    None,
    Missing,
    Exact,
    Contains,
    Not,
    Text,
    In,
    NotIn,
    Above,
    Below,
    OfType,
    Identifier,
    /// The type that a reference leads to.
    Type(&'m str),
}

impl<'m> Modifier<'m> {
    /// A modifier by its name; none for one that R4 does not have.
    pub(super) fn named(name: &'m str, parameters: &Parameters) -> Option<Self> {
        Some(match name {
            "missing" => Self::Missing,
            "exact" => Self::Exact,
            "contains" => Self::Contains,
            "not" => Self::Not,
            "text" => Self::Text,
            "in" => Self::In,
            "not-in" => Self::NotIn,
            "above" => Self::Above,
            "below" => Self::Below,
            "of-type" => Self::OfType,
            "identifier" => Self::Identifier,
            kind if parameters.has_type(kind) => Self::Type(kind),
            _ => return None,
        })
    }

    /// True where what passes must not have what the tests say.
    pub(super) const fn is_negative(self) -> bool {
        matches!(self, Self::Not | Self::NotIn)
    }
}

/// What a value is compared with.
#[derive(Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) parameters: &'a Parameters,
    /// Microseconds UTC.
    pub(super) now: i64,
    /// The type that is searched.
    pub(super) kind: &'a str,
    pub(super) parameter: &'a Parameter,
}

/// The part of a parameter that one text is of: the whole, or a component.
#[derive(Clone, Copy)]
struct Part<'a> {
    kind: ParameterKind,
    targets: &'a [String],
    /// FHIRPath of what it finds.
    expression: &'a str,
}

impl Asker<'_> {
    /// The tests of which one must pass for one value of a list.
    pub(super) fn tests(&self, modifier: Modifier<'_>, text: &str) -> Result<Vec<Test>, Refused> {
        let Parameter { kind, targets, expression, .. } = self.parameter;
        let part = Part { kind: *kind, targets, expression };
        if text.is_empty() {
            return Err(self.wrong_value());
        }
        match (part.kind, modifier) {
            (_, Modifier::None) | (ParameterKind::Token, Modifier::Not) => self.part(part, text),
            (ParameterKind::String, Modifier::Exact) => Ok(vec![Test::Exact(unescape(text).into_owned())]),
            (ParameterKind::String, Modifier::Contains) => Ok(vec![Test::Contains(fold(&unescape(text)))]),
            (ParameterKind::Uri, Modifier::Contains) => {
                Ok(vec![Test::UriContains(unescape(text).to_lowercase())])
            }
            (ParameterKind::Uri | ParameterKind::Reference, Modifier::Below) => self.uri_below(text),
            (ParameterKind::Uri | ParameterKind::Reference, Modifier::Above) => self.uri_above(text),
            (ParameterKind::Token, Modifier::Text) => Ok(vec![Test::TokenText(fold(&unescape(text)))]),
            (ParameterKind::Token, Modifier::In | Modifier::NotIn) => self.of_value_set(&unescape(text)),
            (ParameterKind::Token, Modifier::Above | Modifier::Below) => self.related(modifier, text),
            (ParameterKind::Token, Modifier::OfType) => self.of_type(text),
            (ParameterKind::Reference, Modifier::Identifier) => Ok(vec![self.identifier(text)?]),
            (ParameterKind::Reference, Modifier::Type(kind)) => {
                Ok(self.reference(&unescape(text), &[kind.to_owned()], true)?)
            }
            _ => Err(refuse(
                codes::SEARCH_MODIFIER,
                &self.parameter.code,
                format!("a parameter of the type `{}` does not take this modifier", part.kind.as_str()),
            )),
        }
    }

    fn wrong_value(&self) -> Refused {
        let kind = self.parameter.kind.as_str();
        refuse(codes::SEARCH_VALUE, &self.parameter.code, format!("the value is not of the type `{kind}`"))
    }

    /// The tests of a value without a modifier.
    fn part(&self, part: Part<'_>, text: &str) -> Result<Vec<Test>, Refused> {
        let wrong = || self.wrong_value();
        match part.kind {
            ParameterKind::String => Ok(vec![Test::Starts(fold(&unescape(text)))]),
            ParameterKind::Token => self.token(part.expression, text),
            ParameterKind::Uri => Ok(uri(&unescape(text))),
            ParameterKind::Reference => self.reference(&unescape(text), part.targets, false),
            ParameterKind::Date => {
                let (prefix, date) = Prefix::read(text);
                self.date(prefix, date).map(|test| vec![test])
            }
            ParameterKind::Number => {
                let (prefix, number) = Prefix::read(text);
                self.number(prefix, number).map(|test| vec![test])
            }
            ParameterKind::Quantity => {
                let (prefix, quantity) = Prefix::read(text);
                self.quantity(prefix, quantity).map(|test| vec![test])
            }
            ParameterKind::Composite => {
                let parts = split(text, '$');
                let components = &self.parameter.components;
                if parts.len() != components.len() || parts.iter().any(|part| part.is_empty()) {
                    return Err(wrong());
                }
                let component = |(part, component): (&&str, &Component)| {
                    let Component { kind, targets, expression, .. } = component;
                    self.part(Part { kind: *kind, targets, expression }, part)
                };
                let tests = parts.iter().zip(components).map(component);
                Ok(vec![Test::Composite(tests.collect::<Result<_, _>>()?)])
            }
            ParameterKind::Special => Err(refuse(
                codes::SEARCH_UNSUPPORTED,
                &self.parameter.code,
                "this parameter is not offered".to_owned(),
            )),
        }
    }

    pub(super) fn date(&self, prefix: Prefix, text: &str) -> Result<Test, Refused> {
        // A plus sign in an url means a space, and a zone east of Greenwich is often written with it.
        let text = text.replace(' ', "+");
        let span = dates(&text).ok_or_else(|| self.wrong_value())?;
        Ok(Test::Dates(date_test(prefix, span, self.now)))
    }

    pub(super) fn number(&self, prefix: Prefix, text: &str) -> Result<Test, Refused> {
        let test = written(text).and_then(|written| amount_test(prefix, written, Some));
        let test = test.ok_or_else(|| self.wrong_value())?;
        Ok(Test::Amount { unit: UnitTest::Any, test, base: None })
    }

    /// `number`, `number|system|code` or `number||code`.
    pub(super) fn quantity(&self, prefix: Prefix, text: &str) -> Result<Test, Refused> {
        let parts: Vec<_> = split(text, '|').into_iter().map(unescape).collect();
        let (number, system, code) = match parts.as_slice() {
            [number] => (number, "", ""),
            [number, system] => (number, &**system, ""),
            [number, system, code] => (number, &**system, &**code),
            _ => return Err(self.wrong_value()),
        };
        let written = written(number).ok_or_else(|| self.wrong_value())?;
        let test = amount_test(prefix, written, Some).ok_or_else(|| self.wrong_value())?;
        let base =
            (system == UCUM && !code.is_empty()).then(|| in_base_units(prefix, written, code)).flatten();
        let unit = match (system.is_empty(), code.is_empty()) {
            (true, true) => UnitTest::Any,
            (true, false) => UnitTest::Code(code.to_owned()),
            (false, true) => UnitTest::System(system.to_owned()),
            (false, false) => UnitTest::SystemCode(system.to_owned(), code.to_owned()),
        };
        Ok(Test::Amount { unit, test, base })
    }

    /// `code`, `system|code`, `|code` or `system|`.
    fn token(&self, expression: &str, text: &str) -> Result<Vec<Test>, Refused> {
        let (system, code) = self.system_and_code(text)?;
        let mut tests = Vec::new();
        // Codes of an element that is no Coding have the system of its binding without saying so.
        if let Wanted::Is(named) = &system
            && (named == SPECIAL_VALUES || named == SPECIAL_VALUES_R4 || self.is_bound_to(expression, named))
            && code.is_some()
        {
            tests.push(Test::Token { system: Wanted::None, code: code.clone() });
        }
        tests.push(Test::Token { system, code });
        Ok(tests)
    }

    fn is_bound_to(&self, expression: &str, system: &str) -> bool {
        let systems = self.parameters.systems(self.kind, expression);
        systems.iter().any(|known| known == system)
    }

    fn system_and_code(&self, text: &str) -> Result<(Wanted, Option<String>), Refused> {
        let parts: Vec<_> = split(text, '|').into_iter().map(unescape).collect();
        let folded = |code: &str| (!code.is_empty()).then(|| fold_code(code).into_owned());
        let (system, code) = match parts.as_slice() {
            [code] => (Wanted::Any, folded(code)),
            [system, code] if system.is_empty() => (Wanted::None, folded(code)),
            [system, code] => (Wanted::Is(system.clone().into_owned()), folded(code)),
            _ => return Err(self.wrong_value()),
        };
        if code.is_none() && !matches!(system, Wanted::Is(_)) {
            return Err(self.wrong_value());
        }
        Ok((system, code))
    }

    fn identifier(&self, text: &str) -> Result<Test, Refused> {
        self.system_and_code(text).map(|(system, value)| Test::Identifier { system, value })
    }

    /// `type system|type code|value`.
    fn of_type(&self, text: &str) -> Result<Vec<Test>, Refused> {
        let parts: Vec<_> = split(text, '|').into_iter().map(unescape).collect();
        match parts.as_slice() {
            [system, code, value] if !code.is_empty() && !value.is_empty() => Ok(vec![Test::OfType {
                system: system.clone().into_owned(),
                code: fold_code(code).into_owned(),
                value: fold_code(value).into_owned(),
            }]),
            _ => Err(self.wrong_value()),
        }
    }

    /// The codes of a value set.
    pub(super) fn of_value_set(&self, url: &str) -> Result<Vec<Test>, Refused> {
        let Some(codes) = self.parameters.schema().codes(url) else {
            let message = "the codes of the value set cannot be listed from what is loaded".to_owned();
            return Err(refuse(codes::SEARCH_VALUE_SET, &self.parameter.code, message));
        };
        self.of_codes(codes.iter().map(|code| (code.system, code.code)))
    }

    /// A code with those above or below it.
    pub(super) fn related(&self, modifier: Modifier<'_>, text: &str) -> Result<Vec<Test>, Refused> {
        let parts: Vec<_> = split(text, '|').into_iter().map(unescape).collect();
        let [system, code] = parts.as_slice() else { return Err(self.wrong_value()) };
        let known = self.parameters.schema().code_system(system).and_then(|known| match modifier {
            Modifier::Above => known.above(code),
            _ => known.below(code),
        });
        let Some(known) = known else {
            let message = "the code is of no code system that is loaded".to_owned();
            return Err(refuse(codes::SEARCH_VALUE_SET, &self.parameter.code, message));
        };
        self.of_codes(known.into_iter().map(|code| (&**system, code)))
    }

    fn of_codes<'c>(&self, codes: impl Iterator<Item = (&'c str, &'c str)>) -> Result<Vec<Test>, Refused> {
        let bound = self.parameters.systems(self.kind, &self.parameter.expression);
        let mut tests = Vec::new();
        for (system, code) in codes {
            let code = Some(fold_code(code).into_owned());
            if bound.iter().any(|known| known == system) {
                tests.push(Test::Token { system: Wanted::None, code: code.clone() });
            }
            tests.push(Test::Token { system: Wanted::Is(system.to_owned()), code });
            if tests.len() > CODES_MAX {
                let message = format!("more than {CODES_MAX} codes would be searched for");
                return Err(refuse(codes::SEARCH_LIMIT, &self.parameter.code, message));
            }
        }
        Ok(tests)
    }

    /// An id, `Type/id` or an url. A reference that says no type, as data should not have it, is found by its id where
    /// that leaves nothing open.
    fn reference(&self, text: &str, targets: &[String], is_narrowed: bool) -> Result<Vec<Test>, Refused> {
        let local = self.parameters.below_base(text);
        if local.is_none() && (text.contains("://") || text.starts_with("urn:")) {
            return Ok(std::iter::once(Test::Reference(text.to_owned())).chain(uri(text)).collect());
        }
        let text = local.unwrap_or(text);
        let kinds: Vec<&str> = if targets.is_empty() || targets.iter().any(|kind| kind == "Resource") {
            self.parameters.types()
        } else {
            targets.iter().map(String::as_str).collect()
        };
        if let Some((kind, _)) = text.split_once('/') {
            // Of another type than the modifier says: nothing is both.
            let is_both = !is_narrowed || kinds.contains(&kind);
            return Ok(is_both.then(|| Test::Reference(text.to_owned())).into_iter().collect());
        }
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if text.len() > 64 || !text.bytes().all(is_id) {
            return Err(self.wrong_value());
        }
        let bare = (!is_narrowed).then(|| text.to_owned());
        let typed = kinds.iter().map(|kind| format!("{kind}/{text}"));
        Ok(typed.chain(bare).map(Test::Reference).collect())
    }

    fn uri_below(&self, text: &str) -> Result<Vec<Test>, Refused> {
        let text = self.hierarchical(text)?;
        Ok(vec![match text.split_once('|') {
            Some((url, version)) => Test::CanonicalBelow { url: url.to_owned(), version: version.to_owned() },
            None => Test::UriBelow(text),
        }])
    }

    fn uri_above(&self, text: &str) -> Result<Vec<Test>, Refused> {
        self.hierarchical(text).map(|text| vec![Test::UriAbove(text)])
    }

    /// An url, or how one begins: its parts stand below each other, those of a urn do not (FHIR R4, "Search", "uri").
    fn hierarchical(&self, text: &str) -> Result<String, Refused> {
        let text = unescape(text);
        if !text.starts_with("urn:") {
            return Ok(text.into_owned());
        }
        let message = "`:above` and `:below` are of urls, not of urns".to_owned();
        Err(refuse(codes::SEARCH_UNSUPPORTED, &self.parameter.code, message))
    }
}

/// An uri as it stands, or a canonical url with its version.
fn uri(text: &str) -> Vec<Test> {
    let whole = Test::Uri(text.to_owned());
    let canonical = text.split_once('|').filter(|(url, version)| !url.is_empty() && !version.is_empty());
    let canonical =
        canonical.map(|(url, version)| Test::Canonical { url: url.to_owned(), version: version.to_owned() });
    std::iter::once(whole).chain(canonical).collect()
}

/// The same question in base units of UCUM.
fn in_base_units(prefix: Prefix, written: Written, code: &str) -> Option<(i64, crate::search::RangeTest)> {
    let convert = |number: Decimal| Quantity::new(number, Unit::Ucum(code.into())).to_base();
    let (dimension, _) = convert(written.number)?;
    let test = amount_test(prefix, written, |number| Some(convert(number)?.1))?;
    Some((Form::Dimension.hash(&[&dimension]), test))
}
