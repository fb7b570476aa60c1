//! What a request asks for, by its method and address (FHIR R4, `http.html`).

use crate::conformance::script::{Method, Request};

/// An interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// `GET [type]/[id]`.
    Read { kind: String, id: String },
    /// `GET [type]/[id]/_history/[version]`.
    VersionRead { kind: String, id: String, version: String },
    /// `GET [type]?…`, `POST [type]/_search`, and a page of either.
    Search { kind: String, params: Vec<(String, String)> },
    /// `GET [type]/[id]/_history`.
    InstanceHistory { kind: String, id: String, is_whole: bool },
    /// `POST [type]`.
    Create { kind: String },
    /// `PUT [type]/[id]`.
    Update { kind: String, id: String },
    /// `PATCH [type]/[id]`.
    Patch { kind: String, id: String },
    /// `DELETE [type]/[id]`.
    Delete { kind: String, id: String },
    /// `POST [base]`.
    Bundle,
    /// Anything else below the base: operations, conditional writes, `metadata`.
    Other,
    /// Nothing of FHIR.
    Outside,
}

impl Asked {
    /// Of a request to the server at `base`.
    pub(super) fn of(request: &Request, base: &str) -> Self {
        let Some(below) = request.url.strip_prefix(base) else { return Self::Outside };
        let (path, query) = below.split_once('?').unwrap_or((below, ""));
        let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
        let own = |text: &str| text.to_owned();
        if steps.iter().any(|step| step.starts_with('.') || *step == "openapi.json") {
            return Self::Outside;
        }
        let is_type = |step: &str| step.starts_with(|c: char| c.is_ascii_uppercase());
        match (request.method, steps.as_slice()) {
            (_, steps) if steps.iter().any(|step| step.starts_with('$')) => Self::Other,
            (Method::Post, []) => Self::Bundle,
            (Method::Get | Method::Head, [kind, id]) if is_type(kind) && *id != "_history" => {
                Self::Read { kind: own(kind), id: own(id) }
            }
            (Method::Get, [kind]) if is_type(kind) => Self::Search { kind: own(kind), params: pairs(query) },
            (Method::Post, [kind, "_search"]) => {
                let mut params = pairs(query);
                params.extend(pairs(request.body.as_deref().unwrap_or("")));
                Self::Search { kind: own(kind), params }
            }
            (Method::Get, [kind, id, "_history"]) => {
                Self::InstanceHistory { kind: own(kind), id: own(id), is_whole: query.is_empty() }
            }
            (Method::Get | Method::Head, [kind, id, "_history", version]) => {
                Self::VersionRead { kind: own(kind), id: own(id), version: own(version) }
            }
            (Method::Post, [kind]) if is_type(kind) => Self::Create { kind: own(kind) },
            (Method::Put, [kind, id]) => Self::Update { kind: own(kind), id: own(id) },
            (Method::Patch, [kind, id]) => Self::Patch { kind: own(kind), id: own(id) },
            (Method::Delete, [kind, id]) => Self::Delete { kind: own(kind), id: own(id) },
            _ => Self::Other,
        }
    }
}

/// The parameters of a query or a form.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// A text without its percent-encoding (RFC 3986), in which `+` is a space, as forms have it.
pub(super) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_what_is_asked() {
        let check = |method: Method, path: &str, expected: Asked| {
            let url = format!("http://h/fhir{path}");
            let request = Request { destination: 1, method, url, headers: Vec::new(), body: None };
            assert_eq!(Asked::of(&request, "http://h/fhir"), expected, "{path}");
        };
        let text = |text: &str| text.to_owned();
        let (kind, id) = (text("Goal"), text("1"));
        check(Method::Get, "/Goal/1", Asked::Read { kind: kind.clone(), id: id.clone() });
        check(Method::Put, "/Goal/1", Asked::Update { kind: kind.clone(), id: id.clone() });
        let version = text("2");
        check(
            Method::Get,
            "/Goal/1/_history/2",
            Asked::VersionRead { kind: kind.clone(), id: id.clone(), version },
        );
        check(
            Method::Get,
            "/Goal/1/_history",
            Asked::InstanceHistory { kind: kind.clone(), id, is_whole: true },
        );
        let params = vec![(text("a b"), text("c|d"))];
        check(Method::Get, "/Goal?a+b=c%7Cd", Asked::Search { kind: kind.clone(), params });
        check(Method::Post, "/Goal", Asked::Create { kind });
        check(Method::Post, "", Asked::Bundle);
        check(Method::Get, "/Patient/1/$joined-plan", Asked::Other);
        check(Method::Get, "/.well-known/smart-configuration", Asked::Outside);
        check(Method::Put, "/Goal?identifier=1", Asked::Other);
    }
}
