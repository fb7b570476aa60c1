//! What both engines give back, and the sum that tells a damaged document.

use super::{Method, Name, Noted, Person, Record, StoreError, Tenant};
use flate2::Crc;
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
pub(super) const COLUMNS: usize = 11;

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
    pub(super) client: Option<String>,
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
            client: self.client.map(Arc::from),
            seq: self.seq,
        };
        Ok(Row { rid: self.rid, record: Arc::new(record), keys: self.keys, sort: self.sort })
    }
}

/// The columns of an entry of a log as an engine gives them.
pub(super) struct NotedParts {
    pub(super) tenant: i64,
    pub(super) log: String,
    pub(super) place: i64,
    pub(super) time: i64,
    pub(super) entry: Vec<u8>,
    pub(super) sum: Option<Vec<u8>>,
    pub(super) hash: Vec<u8>,
    pub(super) client: Option<i64>,
    pub(super) salt: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

impl NotedParts {
    /// The entry. What is no hash or no place becomes one that fits nothing, so that it is found where the chain is
    /// followed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where the tenant is none.
    pub(super) fn noted(self) -> Result<Noted, StoreError> {
        let person = match (self.client, self.salt, self.value) {
            (Some(client), Some(salt), Some(value)) => {
                Some(Person { client, salt: fixed(&salt), value: Arc::from(value) })
            }
            _ => None,
        };
        Ok(Noted {
            tenant: u32::try_from(self.tenant).map(Tenant).map_err(|_| StoreError::Damaged)?,
            log: self.log,
            place: u64::try_from(self.place).unwrap_or(0),
            time: self.time,
            entry: Arc::from(self.entry),
            person,
            sum: self.sum.map(|sum| fixed(&sum)),
            hash: fixed(&self.hash),
        })
    }
}

/// Bytes of a fixed length; zeros where there are more or fewer.
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap_or([0; N])
}

/// The sum under which a document is stored: CRC-32.
pub(super) fn sum(document: &[u8]) -> i64 {
    let mut crc = Crc::new();
    crc.update(document);
    i64::from(crc.sum())
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
