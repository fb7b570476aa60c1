//! What one write changes, worked out before anything is written; the same for both engines.

use super::row::sum;
use super::schema::Partitions;
use super::{COMMIT_WRITES_MAX, Commit, CommitError, Expect, Name, Record, StoreError, Tenant, Write, keys};
use crate::search::{Key, reference_hash};
use std::collections::HashSet;
use std::sync::Arc;

/// What the store knows of the newest version of a resource.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) part: i64,
    pub(super) rid: i64,
    pub(super) version: u64,
    pub(super) keys: Vec<u8>,
}

/// All that a write changes.
pub(super) struct Change<'a> {
    pub(super) write: &'a Write,
    pub(super) tenant: Tenant,
    pub(super) seq: i64,
    pub(super) part: i64,
    pub(super) rid: i64,
    pub(super) reference: i64,
    pub(super) sum: i64,
    pub(super) slots: String,
    pub(super) keys: Vec<u8>,
    pub(super) added: Vec<Key>,
    pub(super) removed: Vec<Key>,
    /// The partition and the version before, where there was one.
    pub(super) before: Option<(i64, u64)>,
}

/// Refuses a commit that no engine could write.
///
/// # Errors
///
/// [`StoreError::Limit`] where it has too many writes, or two of one resource.
pub(super) fn check(commit: &Commit) -> Result<(), CommitError> {
    if commit.writes.len() > COMMIT_WRITES_MAX {
        return Err(StoreError::Limit("writes of a commit").into());
    }
    let names: HashSet<&Name> = commit.writes.iter().map(|write| &write.name).collect();
    if names.len() < commit.writes.len() {
        return Err(StoreError::Limit("one write of each resource").into());
    }
    Ok(())
}

/// Whether an expectation of a version is met.
pub(super) fn is_met(expected: Option<u64>, current: Option<&Current>) -> bool {
    expected == current.map(|current| current.version)
}

/// The names whose newest version a commit asks for.
pub(super) fn names_of(commit: &Commit) -> impl Iterator<Item = &Name> {
    let expected = commit.expects.iter().filter_map(|expect| match expect {
        Expect::Version(name, _) => Some(name),
        Expect::Matches(..) => None,
    });
    expected.chain(commit.writes.iter().map(|write| &write.name))
}

/// What a write changes; none where it does not follow the newest version.
///
/// # Errors
///
/// [`StoreError::Damaged`] where the keys of the newest version cannot be read.
pub(super) fn plan<'a>(
    write: &'a Write,
    tenant: Tenant,
    partitions: Partitions,
    seq: i64,
    current: Option<&Current>,
) -> Result<Option<Change<'a>>, StoreError> {
    let follows = match current {
        Some(current) => current.version.checked_add(1) == Some(write.version),
        None => write.version >= 1,
    };
    if !follows || i64::try_from(write.version).is_err() {
        return Ok(None);
    }
    let reference = reference_hash(&write.name.kind, &write.name.id);
    let part = partitions.one(tenant, write.client.as_deref(), reference);
    let new = if write.document.is_some() { keys::sorted(write.keys.clone()) } else { Vec::new() };
    let (removed, added) = match current {
        // In another partition each key is another.
        Some(current) if current.part != part => (keys::decode(&current.keys)?, new.clone()),
        Some(current) => keys::difference(keys::decode(&current.keys)?, &new),
        None => (Vec::new(), new.clone()),
    };
    Ok(Some(Change {
        write,
        tenant,
        seq,
        part,
        // Resources are numbered by their first place in the change log: small numbers that grow with time.
        rid: current.map_or(seq, |current| current.rid),
        reference,
        sum: write.document.as_deref().map_or(0, sum),
        slots: keys::slots(&new),
        keys: keys::encode(&new),
        added,
        removed,
        before: current.map(|current| (current.part, current.version)),
    }))
}

impl Change<'_> {
    /// The newest version once it is written.
    pub(super) fn current(&self) -> Current {
        Current { part: self.part, rid: self.rid, version: self.write.version, keys: self.keys.clone() }
    }

    /// The version as readers get it.
    pub(super) fn record(&self) -> Arc<Record> {
        Arc::new(Record {
            name: self.write.name.clone(),
            version: self.write.version,
            updated: self.write.updated,
            method: self.write.method,
            document: self.write.document.clone(),
            client: self.write.client.as_deref().map(Arc::from),
            seq: self.seq,
        })
    }

    /// The partition that the resource leaves, if it does.
    pub(super) fn left(&self) -> Option<i64> {
        self.before.map(|(part, _)| part).filter(|part| *part != self.part)
    }
}
