//! Statements with their values, the same for both engines.

use std::sync::Arc;

/// A value that is sent to an engine, or that it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) enum Cell {
    /// Nothing.
    Null,
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Arc<[u8]>),
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Option<&str>> for Cell {
    fn from(text: Option<&str>) -> Self {
        text.map_or(Self::Null, Self::from)
    }
}

impl From<&Arc<[u8]>> for Cell {
    fn from(bytes: &Arc<[u8]>) -> Self {
        Self::Bytes(Arc::clone(bytes))
    }
}

/// A statement. Its values are numbered in the order in which the text first names them, which both engines read alike.
#[derive(Debug, Clone)]
pub(in crate::store) struct Said {
    pub(in crate::store) text: String,
    pub(in crate::store) values: Vec<Cell>,
}

impl Said {
    pub(super) fn new(text: impl Into<String>, values: Vec<Cell>) -> Self {
        Self { text: text.into(), values }
    }

    /// Puts a value behind those that are there and gives its name.
    pub(super) fn value(&mut self, value: impl Into<Cell>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }
}
