//! What the server answers, before it has a form: handlers give FHIR JSON, the edge writes what the client asked for.

use super::moment;
use super::refusal::{Outcome, Refusal, Why};
use crate::schema::Schema;
use crate::store::Record;
use crate::tree::NodeId;
use crate::tree::fhir;
use crate::tree::json::Layout;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::HeaderName;
use serde_json::Value;
use std::sync::Arc;

use super::media::Format;

/// The body of an answer.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// None.
    Empty,
    /// A resource as compact FHIR JSON.
    Resource(Bytes),
    /// Something that is no resource, with its media type.
    Text(&'static str, Bytes),
}

/// An answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Body,
    /// The version of the resource that the answer is about.
    pub(super) version: Option<u64>,
    /// When that version was made.
    pub(super) updated: Option<i64>,
    /// Where the resource is.
    pub(super) location: Option<String>,
    /// Seconds after which to try again.
    pub(super) retry_seconds: Option<u32>,
    /// The methods that the path takes.
    pub(super) allow: Option<String>,
    /// Further header fields.
    pub(super) more: Vec<(HeaderName, String)>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            body,
            version: None,
            updated: None,
            location: None,
            retry_seconds: None,
            allow: None,
            more: Vec::new(),
        }
    }

    /// A resource that was made for this answer.
    pub(super) fn resource(status: StatusCode, resource: &Value) -> Self {
        Self::new(status, Body::Resource(resource.to_string().into()))
    }

    /// One version of a resource, as it is stored.
    pub(super) fn of_record(record: &Record) -> Self {
        let body = match &record.document {
            Some(document) => Body::Resource(Bytes::from_owner(Arc::clone(document))),
            None => Body::Empty,
        };
        let (version, updated) = (Some(record.version), Some(record.updated));
        Self { version, updated, ..Self::new(StatusCode::OK, body) }
    }

    /// The entity tag.
    pub(super) fn etag(&self) -> Option<String> {
        self.version.map(|version| format!("W/\"{version}\""))
    }

    /// When the resource was changed, as HTTP has it.
    pub(super) fn last_modified(&self) -> Option<String> {
        self.updated.map(moment::http_date)
    }
}

impl From<Box<Refusal>> for Answer {
    fn from(refusal: Box<Refusal>) -> Self {
        let retry_seconds = refusal.retry_seconds();
        Self { retry_seconds, ..Self::resource(refusal.status(), &refusal.outcome()) }
    }
}

/// How a resource is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) format: Format,
    pub(super) is_pretty: bool,
}

/// A resource in the form that the client asked for. Compact JSON is what is stored, so it passes as it is.
pub(super) fn written(resource: &Bytes, form: Form, schema: &Schema) -> Outcome<Bytes> {
    if form.format == Format::Json && !form.is_pretty {
        return Ok(resource.clone());
    }
    let damaged = || Refusal::new(Why::StoreFailed, "a stored resource cannot be written in this form");
    let text = std::str::from_utf8(resource).map_err(|_| damaged())?;
    let tree = fhir::read_json(text, schema.names()).map_err(|_| damaged())?;
    let layout = if form.is_pretty { Layout::Pretty } else { Layout::Compact };
    let mut out = String::with_capacity(text.len() * 2);
    match form.format {
        Format::Json => fhir::write_json(&tree, NodeId::ROOT, None, layout, &mut out),
        Format::Xml => {
            fhir::write_xml(&tree, NodeId::ROOT, schema, layout, &mut out)
                .map_err(|issue| Refusal::issue(Why::NotAcceptable, *issue, text))?;
        }
    }
    Ok(out.into())
}
