//! What both engines give back, and the sum that tells a damaged document.

use super::{Method, Name, Record, StoreError};
use std::sync::Arc;

/// A value that is sent to an engine, or sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// A version with what the store keeps beside it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// Number of the resource, growing with its place in the change log.
    pub(super) rid: i64,
    /// The version.
    pub(super) record: Arc<Record>,
    /// Its keys (`keys`); empty in a history.
    pub(super) keys: Vec<u8>,
    /// What it is sorted by, if it is.
    pub(super) sort: Vec<Value>,
}

/// The columns of [`Parts`], in order, in every query that gives rows.
pub(super) const COLUMNS: usize = 10;

/// The columns of a row as an engine gives them.
pub(super) struct Parts {
    pub(super) rid: i64,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) updated: i64,
    pub(super) method: i64,
    pub(super) seq: i64,
    pub(super) sum: i64,
    pub(super) keys: Vec<u8>,
    pub(super) document: Option<Arc<[u8]>>,
    pub(super) sort: Vec<Value>,
}

impl Parts {
    /// The row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where the document is not what was stored.
    pub(super) fn row(self) -> Result<Row, StoreError> {
        if let Some(document) = &self.document
            && sum(document) != self.sum
        {
            return Err(StoreError::Damaged);
        }
        let record = Record {
            name: Name { kind: self.kind, id: self.id },
            version: u64::try_from(self.version).map_err(|_| StoreError::Damaged)?,
            updated: self.updated,
            method: method(self.method)?,
            document: self.document,
            seq: self.seq,
        };
        Ok(Row { rid: self.rid, record: Arc::new(record), keys: self.keys, sort: self.sort })
    }
}

/// The sum under which a document is stored: CRC-32.
pub(super) fn sum(document: &[u8]) -> i64 {
    i64::from(crc32fast::hash(document))
}

/// The number of a method, as it is stored.
pub(super) const fn method_number(method: Method) -> i64 {
    match method {
        Method::Post => 0,
        Method::Put => 1,
        Method::Patch => 2,
        Method::Delete => 3,
    }
}

/// The method of a number.
///
/// # Errors
///
/// [`StoreError::Damaged`] where there is no such number.
pub(super) const fn method(number: i64) -> Result<Method, StoreError> {
    match number {
        0 => Ok(Method::Post),
        1 => Ok(Method::Put),
        2 => Ok(Method::Patch),
        3 => Ok(Method::Delete),
        _ => Err(StoreError::Damaged),
    }
}

/// A version as engines keep it. One that passes what they can keep is refused as none of theirs.
pub(super) fn version_number(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}
