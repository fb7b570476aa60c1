//! Values of leaves between the two sides; whatever a unit wrote, nothing is lost.

use crate::mapping::convert::{Convert, Unfit};
use crate::mapping::program::{Leaf, Primitive};
use std::borrow::Cow;

/// A converted value: what the FHIR type holds, and the unit's own text where that is not the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) text: Option<Cow<'a, str>>,
    pub(super) source_text: Option<Cow<'a, str>>,
    pub(super) problem: Option<Unfit>,
}

impl Value<'_> {
    /// What a target leaf of this value holds: its text, and the unit's text beside it.
    pub(super) fn held(self) -> (Option<String>, Option<String>) {
        (self.text.map(Cow::into_owned), self.source_text.map(Cow::into_owned))
    }
}

impl Leaf {
    /// Converts a unit's text; nothing is lost, whatever it is.
    pub(super) fn forward<'a>(&'a self, text: &'a str) -> Value<'a> {
        // Most values are the same on both sides.
        if self.convert.is_empty() && self.own.is_none() && self.primitive.accepts(text) {
            return Value { text: Some(Cow::Borrowed(text)), ..Value::default() };
        }
        match forward(&self.convert, text) {
            Ok(value) if self.primitive.accepts(&value) => {
                // What the unit's own model does not allow is not written by `put`, so its text stands beside.
                let is_foreign = self.own.is_some_and(|own| !own.accepts(&value));
                let exact = match self.convert.as_slice() {
                    [] => !is_foreign,
                    [convert] => convert.is_exact(text, &value),
                    chain => backward(chain, &value).is_ok_and(|back| back == text),
                };
                Value {
                    text: Some(value),
                    source_text: (!exact).then_some(Cow::Borrowed(text)),
                    problem: is_foreign.then_some(Unfit::Form),
                }
            }
            Ok(_) => Value { text: None, source_text: Some(Cow::Borrowed(text)), problem: Some(Unfit::Form) },
            Err(problem) => Value {
                text: self.otherwise.as_deref().map(Cow::Borrowed),
                source_text: Some(Cow::Borrowed(text)),
                problem: Some(problem),
            },
        }
    }

    /// The unit's text for a FHIR value; `None` where no text of the unit's gives it.
    pub(super) fn backward(&self, text: Option<&str>, source_text: Option<&str>) -> Option<String> {
        if let Some(held) = source_text {
            let again = self.forward(held);
            let fits = again.text.as_deref() == text && again.source_text.as_deref() == source_text;
            return fits.then(|| held.to_owned());
        }
        let text = text?;
        let back = backward(&self.convert, text).ok()?;
        let again = self.forward(&back);
        (again.text.as_deref() == Some(text) && again.source_text.is_none()).then(|| back.into_owned())
    }
}

fn forward<'a>(chain: &'a [Convert], text: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let Some((first, rest)) = chain.split_first() else { return Ok(Cow::Borrowed(text)) };
    let mut value = first.forward(text)?;
    for convert in rest {
        value = Cow::Owned(convert.forward(&value)?.into_owned());
    }
    Ok(value)
}

fn backward<'a>(chain: &'a [Convert], text: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let mut value = Cow::Borrowed(text);
    for convert in chain.iter().rev() {
        value = Cow::Owned(convert.backward(&value)?.into_owned());
    }
    Ok(value)
}

/// In XML white space around and line breaks inside a value are layout.
pub(super) fn tidy(text: &str, format: super::Format) -> Cow<'_, str> {
    if format != super::Format::Xml {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
    if graphic(bytes.first()) && graphic(bytes.last()) && bytes.iter().all(|byte| *byte >= b' ') {
        return Cow::Borrowed(text);
    }
    let trimmed = text.trim();
    if trimmed.contains(['\n', '\t']) {
        return Cow::Owned(trimmed.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    Cow::Borrowed(trimmed)
}

/// The FHIR primitive of a type code.
impl Primitive {
    pub(super) fn of(code: &str) -> Self {
        match code {
            "boolean" => Self::Boolean,
            "integer" | "positiveInt" | "unsignedInt" => Self::Integer,
            "decimal" => Self::Decimal,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "instant" => Self::Instant,
            "time" => Self::Time,
            "code" => Self::Code,
            "id" => Self::Id,
            "uri" | "url" | "canonical" | "oid" | "uuid" => Self::Uri,
            "base64Binary" => Self::Base64,
            _ => Self::Text,
        }
    }
}
