//! Header fields and addresses of answers, as far as what is watched needs them.

use super::asked::decoded;
use crate::conformance::script::Header;
use crate::fhirpath::Temporal;
use crate::tree::{NodeId, Tree};

pub(super) const FHIR_JSON: &str = "application/fhir+json";
pub(super) const FHIR_XML: &str = "application/fhir+xml";

/// The media type of FHIR that a request asks for; none where it leaves that open.
pub(super) fn wanted(headers: &[Header]) -> Option<&'static str> {
    let accept = field(headers, "accept").unwrap_or_default();
    match (accept.contains("json"), accept.contains("xml")) {
        (true, false) => Some(FHIR_JSON),
        (false, true) => Some(FHIR_XML),
        _ => None,
    }
}

pub(super) fn field<'h>(headers: &'h [Header], name: &str) -> Option<&'h str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}

pub(super) fn essence(media: &str) -> String {
    media.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// `meta.versionId` of a resource.
pub(super) fn tree_version(tree: &Tree, at: NodeId) -> Option<String> {
    let meta = tree.child_str(at, "meta")?;
    tree.child_text(meta, "versionId").map(std::borrow::Cow::into_owned)
}

/// Type and id, and the version, that an address on this server names.
pub(super) fn located(location: &str, base: &str) -> (String, Option<String>) {
    let below = decoded(location.strip_prefix(base).unwrap_or(location));
    let (key, version) = match below.split_once("/_history/") {
        Some((key, version)) => (key.to_owned(), Some(version.to_owned())),
        None => (below, None),
    };
    (key.trim_matches('/').to_owned(), version)
}

/// An instant without its fraction: header fields tell whole seconds.
pub(super) fn seconds(instant: &str) -> Option<Temporal> {
    let (start, rest) = instant.split_once('.').unwrap_or((instant, ""));
    let zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    Temporal::date_time(&format!("{start}{zone}"))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The date of a header field, `Mon, 23 Nov 2026 12:16:09 GMT` (RFC 9110, 5.6.7).
pub(super) fn of_http(text: &str) -> Option<Temporal> {
    let words: Vec<&str> = text.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    let [_, day, month, year, time, "GMT"] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|known| known == month)? + 1;
    Temporal::date_time(&format!("{year}-{month:02}-{day}T{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Ordering;

    #[test]
    fn a_time_of_http_is_compared_with_an_instant() {
        let check = |instant: &str, http: &str, expected: Option<Ordering>| {
            let order = seconds(instant).zip(of_http(http)).and_then(|(a, b)| a.compare(b));
            assert_eq!(order, expected, "{instant} {http}");
        };
        check("2026-11-23T12:16:09.123Z", "Mon, 23 Nov 2026 12:16:09 GMT", Some(Ordering::Equal));
        check("2026-11-23T14:16:09+02:00", "Mon, 23 Nov 2026 12:16:09 GMT", Some(Ordering::Equal));
        check("2026-11-23T12:16:10Z", "Mon, 23 Nov 2026 12:16:09 GMT", Some(Ordering::Greater));
        check("2026-11-23T12:16:10Z", "yesterday", None);
    }

    #[test]
    fn an_address_names_a_version() {
        let check = |location: &str, key: &str, version: Option<&str>| {
            assert_eq!(located(location, "http://h/fhir/"), (key.to_owned(), version.map(str::to_owned)));
        };
        check("http://h/fhir/Goal/1/_history/2", "Goal/1", Some("2"));
        check("Goal/1", "Goal/1", None);
        check("/Goal/1/_history/a", "Goal/1", Some("a"));
    }
}
