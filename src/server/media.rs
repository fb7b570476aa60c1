//! Which form an answer has: `_format`, `Accept` with its weights, `_pretty` (FHIR R4, 3.1.0.1.11).

use super::refusal::{Outcome, Refusal, Why};

/// A form of FHIR resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// FHIR JSON.
    Json,
    /// FHIR XML.
    Xml,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// A resource.
    Resource(Format),
    /// A JSON Patch (RFC 6902).
    JsonPatch,
    /// A JSON Merge Patch (RFC 7396).
    MergePatch,
    /// The fields of a form, as `_search` takes them.
    Form,
    /// Something else: an operation may take documents that are no FHIR. Other interactions never meet it.
    Other,
}

/// Weights are thousandths.
const FULL_WEIGHT: u16 = 1_000;
/// Ranges of one `Accept` field that are read.
const RANGES_MAX: usize = 50;

impl Format {
    /// The media type of an answer.
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/fhir+json; charset=utf-8",
            Self::Xml => "application/fhir+xml; charset=utf-8",
        }
    }

    /// The form that a media type or a short name means; `*/*` and the like mean JSON.
    fn find(name: &str) -> Option<Self> {
        match name {
            "json"
            | "application/json"
            | "application/fhir+json"
            | "application/json+fhir"
            | "text/json"
            | "*/*"
            | "application/*"
            | "text/*" => Some(Self::Json),
            "xml" | "application/xml" | "application/fhir+xml" | "application/xml+fhir" | "text/xml" => {
                Some(Self::Xml)
            }
            _ => None,
        }
    }

    /// The form that `_format` names. A `+` that was not escaped has become a space.
    pub(super) fn of_parameter(value: &str) -> Outcome<Self> {
        let (name, rest) = parts(value);
        let name = name.replace(' ', "+");
        let found = Self::find(&name).filter(|_| is_our_version(rest));
        found.ok_or_else(|| Refusal::plain(Why::NotAcceptable))
    }

    /// The form that an `Accept` field prefers; JSON where there is none.
    pub(super) fn of_accept(accept: Option<&str>) -> Outcome<Self> {
        let Some(accept) = accept.map(str::trim).filter(|accept| !accept.is_empty()) else {
            return Ok(Self::Json);
        };
        let mut best: Option<(u16, Self)> = None;
        for range in accept.split(',').take(RANGES_MAX) {
            let (name, rest) = parts(range);
            let weight = weight(rest);
            let Some(format) = Self::find(&name).filter(|_| weight > 0 && is_our_version(rest)) else {
                continue;
            };
            if best.is_none_or(|(known, _)| weight > known) {
                best = Some((weight, format));
            }
        }
        best.map(|(_, format)| format).ok_or_else(|| Refusal::plain(Why::NotAcceptable))
    }
}

impl Media {
    /// What `Content-Type` says of a body.
    pub(super) fn of_content_type(value: &str) -> Outcome<Self> {
        let (name, rest) = parts(value);
        let refused = || Refusal::plain(Why::MediaType);
        if !is_our_version(rest) || !is_utf8(rest) {
            return Err(refused());
        }
        match &*name {
            "application/json-patch+json" => Ok(Self::JsonPatch),
            "application/merge-patch+json" => Ok(Self::MergePatch),
            "application/x-www-form-urlencoded" => Ok(Self::Form),
            name if name.contains('*') => Err(refused()),
            name => Format::find(name).map(Self::Resource).ok_or_else(refused),
        }
    }
}

impl Media {
    /// What `Content-Type` says of the body of an operation, which may be a document of any form.
    pub(super) fn of_operation(value: &str) -> Self {
        Self::of_content_type(value).unwrap_or(Self::Other)
    }
}

/// The name of a media type in small letters, and its parameters.
fn parts(value: &str) -> (String, &str) {
    let (name, rest) = value.split_once(';').unwrap_or((value, ""));
    (name.trim().to_ascii_lowercase(), rest)
}

fn parameter<'a>(rest: &'a str, name: &str) -> Option<&'a str> {
    rest.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The weight of a range; one that is not well formed counts in full (RFC 9110, 12.4.2).
fn weight(rest: &str) -> u16 {
    let Some(text) = parameter(rest, "q") else { return FULL_WEIGHT };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().take(3).filter(u8::is_ascii_digit);
    let thousandths = digits.zip([100, 10, 1]).map(|(digit, worth)| u16::from(digit - b'0') * worth).sum();
    if whole == "0" { thousandths } else { FULL_WEIGHT }
}

/// Another version of FHIR than R4 is asked for by `fhirVersion` (FHIR R4, 3.1.0.1.14).
fn is_our_version(rest: &str) -> bool {
    parameter(rest, "fhirVersion").is_none_or(|version| matches!(version, "4.0" | "4.0.0" | "4.0.1"))
}

fn is_utf8(rest: &str) -> bool {
    parameter(rest, "charset")
        .is_none_or(|name| name.eq_ignore_ascii_case("utf-8") || name.eq_ignore_ascii_case("utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_form_is_given() {
        let check = |accept: &str, expected: Option<Format>| {
            assert_eq!(Format::of_accept(Some(accept)).ok(), expected, "{accept}");
        };
        check("", Some(Format::Json));
        check("*/*", Some(Format::Json));
        check("application/fhir+xml", Some(Format::Xml));
        check("text/html, application/xml;q=0.9, */*;q=0.8", Some(Format::Xml));
        check("application/fhir+xml;q=0.5, application/fhir+json", Some(Format::Json));
        check("application/fhir+xml;q=0, application/json;q=0.001", Some(Format::Json));
        check("application/fhir+json; fhirVersion=4.0", Some(Format::Json));
        check("application/fhir+json; fhirVersion=5.0", None);
        check("text/turtle", None);
        check("application/json;q=0", None);
        assert_eq!(Format::of_parameter("application/fhir xml").ok(), Some(Format::Xml));
        assert!(Format::of_parameter("ttl").is_err());
    }

    #[test]
    fn bodies_are_of_known_types() {
        let check = |value: &str, expected: Option<Media>| {
            assert_eq!(Media::of_content_type(value).ok(), expected, "{value}");
        };
        check("application/fhir+json; charset=UTF-8", Some(Media::Resource(Format::Json)));
        check("text/xml", Some(Media::Resource(Format::Xml)));
        check("application/json-patch+json", Some(Media::JsonPatch));
        check("application/x-www-form-urlencoded", Some(Media::Form));
        check("application/fhir+json; charset=latin1", None);
        check("*/*", None);
        check("image/png", None);
    }
}
