//! One request, understood: what is asked for, and how the client wishes it to be done.

use super::answer::Form;
use super::caller::Caller;
use super::media::{Format, Media};
use super::moment;
use super::query::Pair;
use super::refusal::{Outcome, Refusal, Why};
use super::route::{Interaction, Names};
use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName};
use std::sync::Arc;

/// Tags of one `If-None-Match` field that are read.
const TAGS_MAX: usize = 50;

/// What an answer to a write holds (FHIR R4, 3.1.0.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Return {
    /// The resource.
    #[default]
    Representation,
    /// Nothing.
    Minimal,
    /// An `OperationOutcome`.
    OperationOutcome,
}

/// The version that a write expects (`If-Match`, `If-None-Match`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Precondition {
    /// Any, or none.
    #[default]
    None,
    /// This one.
    Version(u64),
    /// Some version, which is not deleted.
    Exists,
    /// No version at all.
    Absent,
}

/// What the header fields of a request ask for.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    pub(super) returned: Return,
    /// The answer may come later.
    pub(super) is_async: bool,
    /// Unknown search parameters are ignored rather than refused.
    pub(super) is_lenient: bool,
    pub(super) precondition: Precondition,
    /// Versions that the client has.
    pub(super) known_versions: Vec<u64>,
    /// A moment at which the client had the resource.
    pub(super) known_at: Option<i64>,
    /// The criteria of a conditional create.
    pub(super) if_none_exist: Option<String>,
    /// Where a change comes from, as JSON.
    pub(super) provenance: Option<String>,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) bytes: Bytes,
    /// What it says to be; nothing where the field is missing.
    pub(super) media: Option<Media>,
}

/// One request.
#[derive(Debug)]
pub(super) struct Call {
    /// Who asks.
    pub(super) caller: Arc<Caller>,
    pub(super) interaction: Interaction,
    pub(super) names: Names,
    /// The query without `_format` and `_pretty`.
    pub(super) query: Vec<Pair>,
    pub(super) wishes: Wishes,
    pub(super) content: Content,
}

/// The text of a header field.
pub(super) fn field(headers: &HeaderMap, name: HeaderName) -> Outcome<Option<&str>> {
    let told = |_| Refusal::new(Why::HeaderValue, "a header field is not plain text");
    headers.get(name).map(|value| value.to_str().map_err(told)).transpose()
}

impl Wishes {
    /// Reads what the header fields ask for.
    pub(super) fn of(headers: &HeaderMap) -> Outcome<Self> {
        let mut wishes = Self::default();
        for preference in headers.get_all("prefer") {
            let text = preference.to_str().map_err(|_| Refusal::plain(Why::HeaderValue))?;
            wishes.prefer(text)?;
        }
        if let Some(text) = field(headers, header::IF_NONE_MATCH)? {
            wishes.if_none_match(text);
        }
        if let Some(text) = field(headers, header::IF_MATCH)? {
            wishes.if_match(text)?;
        }
        wishes.known_at = field(headers, header::IF_MODIFIED_SINCE)?.and_then(moment::of_http_date);
        wishes.if_none_exist = field(headers, HeaderName::from_static("if-none-exist"))?.map(str::to_owned);
        let told = |_| Refusal::new(Why::HeaderValue, "X-Provenance is no text in UTF-8");
        let provenance =
            headers.get("x-provenance").map(|value| String::from_utf8(value.as_bytes().to_vec()));
        wishes.provenance = provenance.transpose().map_err(told)?;
        Ok(wishes)
    }

    fn prefer(&mut self, text: &str) -> Outcome<()> {
        for preference in text.split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            match (name.trim(), value.trim().trim_matches('"')) {
                ("return", "representation") => self.returned = Return::Representation,
                ("return", "minimal") => self.returned = Return::Minimal,
                ("return", "OperationOutcome") => self.returned = Return::OperationOutcome,
                ("handling", "strict") => self.is_lenient = false,
                ("handling", "lenient") => self.is_lenient = true,
                ("respond-async", "") => self.is_async = true,
                ("return" | "handling", _) => {
                    return Err(Refusal::new(Why::HeaderValue, "Prefer has a value that is not known"));
                }
                // Preferences that a server does not know are ignored (RFC 7240, 2).
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads `If-Match`: one version, as FHIR has it (FHIR R4, 3.1.0.5).
    pub(super) fn if_match(&mut self, text: &str) -> Outcome<()> {
        self.precondition = match text.trim() {
            "*" => Precondition::Exists,
            tag => match version_of(tag) {
                Some(version) => Precondition::Version(version),
                None => return Err(Refusal::new(Why::HeaderValue, "If-Match is one version, like W/\"3\"")),
            },
        };
        Ok(())
    }

    /// Reads `If-None-Match`: versions that a read need not send, or `*` for a write that must create.
    pub(super) fn if_none_match(&mut self, text: &str) {
        if text.trim() == "*" {
            self.precondition = Precondition::Absent;
        } else {
            self.known_versions = text.split(',').take(TAGS_MAX).filter_map(version_of).collect();
        }
    }
}

/// The version of an entity tag, weak or strong.
fn version_of(tag: &str) -> Option<u64> {
    let tag = tag.trim();
    let tag = tag.strip_prefix("W/").unwrap_or(tag);
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

/// Takes `_format` and `_pretty` out of a query, and says in which form the answer is written.
pub(super) fn form(query: &mut Vec<Pair>, headers: &HeaderMap) -> Outcome<Form> {
    let mut format = None;
    let mut is_pretty = false;
    for (name, value) in query.iter() {
        match (&**name, &**value) {
            ("_format", value) => format = Some(Format::of_parameter(value)?),
            ("_pretty", "true") => is_pretty = true,
            ("_pretty", "false") => is_pretty = false,
            ("_pretty", _) => return Err(Refusal::new(Why::QueryForm, "_pretty is true or false")),
            _ => {}
        }
    }
    query.retain(|(name, _)| name != "_format" && name != "_pretty");
    let format = match format {
        Some(format) => format,
        None => Format::of_accept(field(headers, header::ACCEPT)?)?,
    };
    Ok(Form { format, is_pretty })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn wishes(name: &'static str, value: &str) -> Outcome<Wishes> {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_str(value).map_err(|_| Refusal::plain(Why::HeaderValue))?;
        headers.insert(HeaderName::from_static(name), value);
        Wishes::of(&headers)
    }

    #[test]
    fn header_fields_are_understood() {
        let prefer = |text: &str| wishes("prefer", text).map(|w| (w.returned, w.is_lenient)).ok();
        assert_eq!(prefer("return=minimal"), Some((Return::Minimal, false)));
        assert_eq!(
            prefer("respond-async, handling=lenient; return=\"OperationOutcome\""),
            Some((Return::OperationOutcome, true))
        );
        assert_eq!(prefer("return="), None);
        let matched = |text: &str| wishes("if-match", text).map(|w| w.precondition).ok();
        assert_eq!(matched("W/\"3\""), Some(Precondition::Version(3)));
        assert_eq!(matched("\"3\""), Some(Precondition::Version(3)));
        assert_eq!(matched("*"), Some(Precondition::Exists));
        assert_eq!(matched("3"), None);
        let known = wishes("if-none-match", "W/\"1\", \"x\", W/\"2\"").map(|w| w.known_versions).ok();
        assert_eq!(known, Some(vec![1, 2]));
        assert_eq!(wishes("if-none-match", "*").map(|w| w.precondition).ok(), Some(Precondition::Absent));
    }
}
