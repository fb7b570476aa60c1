//! A store as lines of JSON, one for each version, and back: for another engine, another format, another machine.
//!
//! Versions stand in the order in which they were made. A document stands as it is where it has no line end, and as a
//! JSON string otherwise, so that each comes back byte for byte. Keys are not dumped: whoever restores says how they are
//! made, so that a store restored by a newer Sauma has the keys of that one. Behind the versions stand the entries of
//! the logs, each with its hash, so that a restored log is the one that was dumped or is refused.

mod log;

pub use log::notes_of;

use super::{
    Commit, CommitError, Expect, Flaw, Head, Method, Name, Note, NoteQuery, Noted, Person, Record, Store,
    StoreError, Tenant, Write,
};
use crate::diag::codes::{self, Code};
use crate::search::Key;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::io::{self, BufRead};
use std::sync::Arc;

/// Lines of the change log that are read at a time.
const CHANGES: usize = 1_000;
/// Versions that are restored in one commit, at most.
const RESTORED_WRITES: usize = 500;

/// Why a dump or a restore ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// The store could not.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store refused a version: it was not empty, or the dump is not whole.
    #[error("version in line {line} was refused: {error}")]
    Refused {
        /// Line of the dump, from 1.
        line: u64,
        /// Why.
        #[source]
        error: CommitError,
    },
    /// The entry of a log in a line is not the next of its chain.
    #[error("the entry in line {line} is not what was written: {}", flaw.code().title)]
    Log {
        /// Line of the dump, from 1.
        line: u64,
        /// What is wrong.
        flaw: Flaw,
    },
    /// A line is not what [`dump`] writes.
    #[error("line {0} is no version ({code})", code = codes::DUMP_SHAPE.id)]
    Line(u64),
    /// The dump cannot be read or written.
    #[error("the dump cannot be read or written")]
    File(#[from] io::Error),
}

impl DumpError {
    /// Its permanent code.
    pub const fn code(&self) -> &'static Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Refused { error, .. } => error.code(),
            Self::Log { .. } => codes::LOG_DUMP,
            Self::Line(_) => codes::DUMP_SHAPE,
            Self::File(_) => codes::STORE_FAILED,
        }
    }
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Versions.
    pub versions: u64,
    /// Entries of logs.
    pub notes: u64,
}

/// What the store keeps beside a document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findable {
    /// Patient in whose compartment the resource is.
    pub client: Option<String>,
    /// What it can be found by.
    pub keys: Vec<Key>,
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    tenant: u32,
    kind: &'a str,
    id: &'a str,
    version: u64,
    updated: i64,
    method: Word,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    document: Option<&'a RawValue>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Word {
    Post,
    Put,
    Patch,
    Delete,
}

impl From<Method> for Word {
    fn from(method: Method) -> Self {
        match method {
            Method::Post => Self::Post,
            Method::Put => Self::Put,
            Method::Patch => Self::Patch,
            Method::Delete => Self::Delete,
        }
    }
}

impl From<Word> for Method {
    fn from(word: Word) -> Self {
        match word {
            Word::Post => Self::Post,
            Word::Put => Self::Put,
            Word::Patch => Self::Patch,
            Word::Delete => Self::Delete,
        }
    }
}

/// Writes every version that the store holds when it comes to it, oldest first, then the entries of its logs; how many
/// versions that were. The store may be in use: what is written meanwhile is in the dump or not, but each version in it
/// is whole, and each log ends with an entry that was its last at some moment.
///
/// # Errors
///
/// See [`DumpError`].
pub async fn dump<S: Store>(store: &S, out: &mut (dyn io::Write + Send)) -> Result<u64, DumpError> {
    let mut count = 0;
    let mut after = 0;
    loop {
        let changes = store.changes(after, CHANGES).await?;
        let Some(last) = changes.last() else { break };
        after = last.seq;
        for change in changes {
            let record = store.version(change.tenant, &change.name, change.version).await?;
            let record = record.ok_or(StoreError::Damaged)?;
            write_line(change.tenant, &record, out)?;
            count += 1;
        }
    }
    for head in store.heads().await? {
        log::write(store, &head, out).await?;
    }
    out.flush()?;
    Ok(count)
}

fn write_line(tenant: Tenant, record: &Record, out: &mut (dyn io::Write + Send)) -> Result<(), DumpError> {
    let text = record.document.as_deref().map(str::from_utf8).transpose().map_err(|_| StoreError::Damaged)?;
    let has_lines = text.is_some_and(|text| text.contains(['\n', '\r']));
    let raw = text.filter(|_| !has_lines).and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    // Space around it would be lost, so that it stands as a string as well.
    let raw = raw.filter(|raw| text.is_some_and(|text| raw.get().len() == text.len()));
    let line = Line {
        tenant: tenant.0,
        kind: &record.name.kind,
        id: &record.name.id,
        version: record.version,
        updated: record.updated,
        method: record.method.into(),
        document: raw,
        text: text.filter(|_| raw.is_none()).map(ToOwned::to_owned),
    };
    serde_json::to_writer(&mut *out, &line).map_err(io::Error::from)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Writes the versions of a dump into an empty store. `findable` says of a document what it is found by.
///
/// # Errors
///
/// See [`DumpError`]; what was restored before stays.
pub async fn restore<S: Store>(
    store: &S,
    dump: &mut (dyn BufRead + Send),
    findable: impl Fn(&Name, &[u8]) -> Findable + Send,
) -> Result<Restored, DumpError> {
    let mut restored = Restored::default();
    let mut batch = Batch::default();
    let mut logs = log::Logs::default();
    let mut text = String::new();
    let mut number = 0;
    loop {
        text.clear();
        number += 1;
        if dump.read_line(&mut text)? == 0 {
            break;
        }
        if log::is_note(&text) {
            restored.versions += batch.write(store, number - 1).await?;
            restored.notes += logs.take(store, &text, number).await?;
            continue;
        }
        let line: Line = serde_json::from_str(&text).map_err(|_| DumpError::Line(number))?;
        let (tenant, write) = read_line(line, &findable).ok_or(DumpError::Line(number))?;
        if !batch.takes(tenant, &write) {
            restored.versions += batch.write(store, number - 1).await?;
        }
        batch.tenant = tenant;
        batch.writes.push(write);
    }
    restored.versions += batch.write(store, number - 1).await?;
    restored.notes += logs.end(store, number).await?;
    Ok(restored)
}

fn read_line(line: Line, findable: &impl Fn(&Name, &[u8]) -> Findable) -> Option<(Tenant, Write)> {
    let document: Option<Arc<[u8]>> = match (line.document, line.text) {
        (Some(_), Some(_)) => return None,
        (Some(raw), None) => Some(raw.get().as_bytes().into()),
        (None, text) => text.map(|text| text.into_bytes().into()),
    };
    let method = Method::from(line.method);
    if document.is_none() != (method == Method::Delete) {
        return None;
    }
    let name = Name::new(line.kind, line.id);
    let found = document.as_deref().map(|bytes| findable(&name, bytes)).unwrap_or_default();
    let (version, updated) = (line.version, line.updated);
    let write = Write { name, version, updated, method, document, client: found.client, keys: found.keys };
    Some((Tenant(line.tenant), write))
}

/// Versions of different resources of one tenant, for one commit.
#[derive(Default)]
struct Batch {
    tenant: Tenant,
    writes: Vec<Write>,
}

impl Batch {
    fn takes(&self, tenant: Tenant, write: &Write) -> bool {
        self.writes.len() < RESTORED_WRITES
            && (self.writes.is_empty() || self.tenant == tenant)
            && self.writes.iter().all(|other| other.name != write.name)
    }

    async fn write<S: Store>(&mut self, store: &S, line: u64) -> Result<u64, DumpError> {
        let writes = std::mem::take(&mut self.writes);
        let count = writes.len() as u64;
        if count == 0 {
            return Ok(0);
        }
        // What is there already is never written over.
        let fresh = writes.iter().filter(|write| write.version == 1);
        let expects = fresh.map(|write| Expect::Version(write.name.clone(), None)).collect();
        let commit = Commit { tenant: self.tenant, expects, writes, ..Commit::default() };
        let outcome = store.commit(commit).await;
        outcome.map(|_| count).map_err(|error| DumpError::Refused { line, error })
    }
}
