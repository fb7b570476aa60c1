//! Bundles written as text around documents that are copied byte for byte: nothing stored is parsed to be answered.

use super::answer::{Answer, Body};
use super::moment;
use crate::store::{Method, Record};
use hyper::StatusCode;
use hyper::body::Bytes;
use serde_json::Value;

/// Bytes of an entry around its resource, for room.
const AROUND: usize = 200;

/// The extension that grades a match (FHIR R4, Patient, "Operation match").
const MATCH_GRADE: &str = "http://hl7.org/fhir/StructureDefinition/match-grade";

/// A bundle that is being written. Its total and its links may be told at any time.
#[derive(Debug)]
pub(super) struct BundleWriter {
    head: String,
    links: String,
    /// The entries.
    out: Vec<u8>,
}

/// Text as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Parts of a text as one JSON string. Names and addresses have no sign that JSON would escape.
fn quote(parts: &[&str], out: &mut Vec<u8>) {
    let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
    if parts.iter().all(|part| part.bytes().all(is_plain)) {
        out.push(b'"');
        for part in parts {
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    } else {
        out.extend_from_slice(quoted(&parts.concat()).as_bytes());
    }
}

impl BundleWriter {
    /// A bundle of a type.
    pub(super) fn new(kind: &str) -> Self {
        let head = format!("{{\"resourceType\":\"Bundle\",\"type\":\"{kind}\"");
        Self { head, links: String::new(), out: Vec::new() }
    }

    /// Makes room for entries, so that their text is not moved while it grows.
    pub(super) fn reserve(&mut self, entries: usize, bytes: usize) {
        self.out.reserve(entries * AROUND + bytes);
    }

    /// How many there are in all pages.
    pub(super) fn total(&mut self, total: u64) {
        self.head.push_str(&format!(",\"total\":{total}"));
    }

    /// A link of the bundle.
    pub(super) fn link(&mut self, relation: &str, url: &str) {
        if !self.links.is_empty() {
            self.links.push(',');
        }
        self.links.push_str(&format!("{{\"relation\":\"{relation}\",\"url\":{}}}", quoted(url)));
    }

    fn open(&mut self, room: usize) {
        self.out.extend_from_slice(if self.out.is_empty() { b"{" } else { b",{" });
        self.out.reserve(room + AROUND);
    }

    /// What a search found.
    pub(super) fn found(&mut self, base: &str, record: &Record, document: &[u8], mode: &str) {
        self.open(document.len());
        self.out.extend_from_slice(b"\"fullUrl\":");
        quote(&[base, "/", &record.name.kind, "/", &record.name.id], &mut self.out);
        self.out.extend_from_slice(b",\"resource\":");
        self.out.extend_from_slice(document);
        self.out.extend_from_slice(b",\"search\":{\"mode\":\"");
        self.out.extend_from_slice(mode.as_bytes());
        self.out.extend_from_slice(b"\"}}");
    }

    /// What may be the same person, and how sure that is.
    pub(super) fn graded(&mut self, base: &str, record: &Record, document: &str, score: f64, grade: &str) {
        self.open(document.len());
        let url = quoted(&format!("{base}/{}/{}", record.name.kind, record.name.id));
        let extension = format!("[{{\"url\":\"{MATCH_GRADE}\",\"valueCode\":\"{grade}\"}}]");
        self.out.extend_from_slice(
            format!(
                "\"fullUrl\":{url},\"resource\":{document},\"search\":{{\"extension\":{extension},\"mode\":\"match\",\"score\":{score}}}}}"
            )
            .as_bytes(),
        );
    }

    /// What is told about a search.
    pub(super) fn outcome(&mut self, outcome: &Value) {
        self.open(0);
        self.out.extend_from_slice(
            format!("\"resource\":{outcome},\"search\":{{\"mode\":\"outcome\"}}}}").as_bytes(),
        );
    }

    /// One version of a resource.
    pub(super) fn history_entry(&mut self, base: &str, record: &Record) {
        let document = record.document.as_deref().unwrap_or_default();
        self.open(document.len());
        let name = format!("{}/{}", record.name.kind, record.name.id);
        self.out.extend_from_slice(format!("\"fullUrl\":{},", quoted(&format!("{base}/{name}"))).as_bytes());
        if !document.is_empty() {
            self.out.extend_from_slice(b"\"resource\":");
            self.out.extend_from_slice(document);
            self.out.push(b',');
        }
        let (method, status, url) = match record.method {
            Method::Post => ("POST", "201 Created", record.name.kind.clone()),
            Method::Put if record.version == 1 => ("PUT", "201 Created", name),
            Method::Put => ("PUT", "200 OK", name),
            Method::Patch => ("PATCH", "200 OK", name),
            Method::Delete => ("DELETE", "204 No Content", name),
        };
        let (url, updated) = (quoted(&url), moment::instant(record.updated));
        self.out.extend_from_slice(
            format!(
                "\"request\":{{\"method\":\"{method}\",\"url\":{url}}},\"response\":{{\"status\":\"{status}\",\"etag\":\"W/\\\"{}\\\"\",\"lastModified\":\"{updated}\"}}}}",
                record.version
            )
            .as_bytes(),
        );
    }

    /// The answer to one request of a batch or transaction.
    pub(super) fn response(&mut self, answer: &Answer) {
        let (resource, outcome) = match &answer.body {
            Body::Resource(bytes) if answer.status.is_success() => (Some(bytes), None),
            Body::Resource(bytes) => (None, Some(bytes)),
            Body::Empty | Body::Text(..) => (None, None),
        };
        self.open(resource.or(outcome).map_or(0, Bytes::len));
        if let Some(bytes) = resource {
            self.out.extend_from_slice(b"\"resource\":");
            self.out.extend_from_slice(bytes);
            self.out.push(b',');
        }
        self.out.extend_from_slice(format!("\"response\":{{\"status\":\"{}\"", answer.status).as_bytes());
        let mut put = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                self.out.extend_from_slice(format!(",\"{name}\":{}", quoted(&value)).as_bytes());
            }
        };
        put("location", answer.location.clone());
        put("etag", answer.etag());
        put("lastModified", answer.updated.map(moment::instant));
        if let Some(bytes) = outcome {
            self.out.extend_from_slice(b",\"outcome\":");
            self.out.extend_from_slice(bytes);
        }
        self.out.extend_from_slice(b"}}");
    }

    /// The whole bundle.
    pub(super) fn answer(self) -> Answer {
        let mut out = Vec::with_capacity(self.head.len() + self.links.len() + self.out.len() + 32);
        out.extend_from_slice(self.head.as_bytes());
        if !self.links.is_empty() {
            out.extend_from_slice(b",\"link\":[");
            out.extend_from_slice(self.links.as_bytes());
            out.push(b']');
        }
        if !self.out.is_empty() {
            out.extend_from_slice(b",\"entry\":[");
            out.extend_from_slice(&self.out);
            out.push(b']');
        }
        out.push(b'}');
        Answer::new(StatusCode::OK, Body::Resource(out.into()))
    }
}
