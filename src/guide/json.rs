//! JSON objects with their properties in the order in which they are put.

use serde_json::Value;

/// An object that is being written.
#[derive(Debug, Default)]
pub(super) struct Object {
    text: String,
}

impl Object {
    /// A property that is text.
    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &quoted(value))
    }

    /// A property that is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &str) -> &mut Self {
        self.text += if self.text.is_empty() { "{" } else { "," };
        self.text += &quoted(name);
        self.text.push(':');
        self.text += json;
        self
    }

    /// A property of another object, where it is there.
    pub(super) fn copy(&mut self, name: &str, from: &Value) -> &mut Self {
        self.copy_as(name, from, name)
    }

    /// A property of another object under a name of its own.
    pub(super) fn copy_as(&mut self, name: &str, from: &Value, of: &str) -> &mut Self {
        match &from[of] {
            Value::Null => self,
            value => self.raw(name, &value.to_string()),
        }
    }

    /// A property that stands only where it holds.
    pub(super) fn mark(&mut self, name: &str, holds: bool) -> &mut Self {
        if holds { self.raw(name, "true") } else { self }
    }

    /// A list, where it is not empty.
    pub(super) fn list(&mut self, name: &str, items: &[String]) -> &mut Self {
        if items.is_empty() { self } else { self.raw(name, &array(items)) }
    }

    pub(super) fn end(&self) -> String {
        if self.text.is_empty() { "{}".to_owned() } else { format!("{}}}", self.text) }
    }
}

/// A JSON text.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A JSON array of what is JSON already.
pub(super) fn array(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}
