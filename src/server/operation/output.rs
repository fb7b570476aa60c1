//! What an operation answers: a `Parameters` resource, written as text so that a resource in it stays as it is.

use crate::server::answer::{Answer, Body};
use crate::server::bundle_writer::quoted;
use hyper::StatusCode;
use serde_json::Value;

/// A `Parameters` resource that is being written, or the parts of one parameter.
#[derive(Debug, Default)]
pub(in crate::server) struct Output {
    text: String,
}

impl Output {
    /// Adds a value: `value("result", "valueBoolean", true)`.
    pub(in crate::server) fn value(&mut self, name: &str, key: &str, value: impl Into<Value>) {
        let value = value.into();
        self.add(name, key, &value.to_string());
    }

    /// Adds a resource as it stands.
    pub(in crate::server) fn resource(&mut self, name: &str, resource: &str) {
        self.add(name, "resource", resource);
    }

    /// Adds a parameter with parts.
    pub(in crate::server) fn group(&mut self, name: &str, parts: &Self) {
        self.add(name, "part", &format!("[{}]", parts.text));
    }

    fn add(&mut self, name: &str, key: &str, content: &str) {
        if !self.text.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(&format!("{{\"name\":{},{}:{content}}}", quoted(name), quoted(key)));
    }

    /// Adds what another one holds.
    pub(in crate::server) fn append(&mut self, more: &Self) {
        if !self.text.is_empty() && !more.text.is_empty() {
            self.text.push(',');
        }
        self.text.push_str(&more.text);
    }

    /// The resource.
    pub(in crate::server) fn text(&self) -> String {
        if self.text.is_empty() {
            return "{\"resourceType\":\"Parameters\"}".to_owned();
        }
        format!("{{\"resourceType\":\"Parameters\",\"parameter\":[{}]}}", self.text)
    }

    /// The answer.
    pub(in crate::server) fn answer(&self) -> Answer {
        Answer::new(StatusCode::OK, Body::Resource(self.text().into()))
    }
}
