//! Logs whose entries are chained, so that none can be changed, taken out or put in unseen.
//!
//! Each entry has a hash over the hash before it and over all that is kept of the entry itself, one chain for each
//! tenant and log. Personal values lie apart: the chain covers a salted hash of them alone, so that they can be removed
//! one day while the chain still holds. A chain alone does not show that its end was cut off, or that all of it was
//! made anew: [`Checkpoint`](super::Checkpoint)s that are kept elsewhere do.

use super::{Noted, StoreError, Tenant};
use crate::diag::codes::{self, Code};
use ring::digest::{Context, SHA256};
use std::sync::Arc;

/// A SHA-256.
pub type Hash = [u8; 32];

/// The hash before the first entry.
pub(super) const START: Hash = [0; 32];

/// Bytes that make the hash of a personal value one that nobody can guess.
const SALT_BYTES: usize = 16;

/// The personal values of an entry, and whose they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The hash by which the entry is found, see [`client_hash`].
    pub client: i64,
    /// Random bytes.
    pub salt: [u8; SALT_BYTES],
    /// The values, byte for byte.
    pub value: Arc<[u8]>,
}

impl std::fmt::Debug for Person {
    /// Without the values, and whose they are.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").finish_non_exhaustive()
    }
}

impl Person {
    /// Values with a new salt.
    ///
    /// # Errors
    ///
    /// [`StoreError::Database`] where the system gives no random bytes.
    pub fn new(client: i64, value: Arc<[u8]>) -> Result<Self, StoreError> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|_| StoreError::Database("no random bytes".to_owned()))?;
        Ok(Self { client, salt, value })
    }

    /// What the chain covers of them.
    pub fn sum(&self) -> Hash {
        hash_of(&[&self.salt, &self.client.to_be_bytes(), &self.value])
    }
}

/// The hash by which the entries about one client of a tenant are found. The id itself stands in no index.
pub fn client_hash(tenant: Tenant, id: &str) -> i64 {
    let hash = hash_of(&[&tenant.0.to_be_bytes(), b"Patient/", id.as_bytes()]);
    hash.first_chunk().copied().map_or(0, i64::from_be_bytes)
}

/// Where a chain ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose log.
    pub tenant: Tenant,
    /// Which log.
    pub log: String,
    /// How many entries it has: the place of the last.
    pub size: u64,
    /// The hash of the last entry.
    pub hash: Hash,
}

impl Head {
    /// Of a log without entries.
    pub(super) fn empty(tenant: Tenant, log: &str) -> Self {
        Self { tenant, log: log.to_owned(), size: 0, hash: START }
    }

    /// Takes one more entry in: what is kept of it and stands behind what is there.
    pub(super) fn link(&mut self, time: i64, entry: &[u8], sum: Option<&Hash>) {
        self.size += 1;
        let log = self.log.as_bytes();
        let length = |bytes: &[u8]| (bytes.len() as u64).to_be_bytes();
        // A length before each part of no fixed length: no two entries give one row of bytes.
        self.hash = hash_of(&[
            &self.hash,
            &self.tenant.0.to_be_bytes(),
            &length(log),
            log,
            &self.size.to_be_bytes(),
            &time.to_be_bytes(),
            &[u8::from(sum.is_some())],
            sum.map_or(&[], |sum| sum.as_slice()),
            &length(entry),
            entry,
        ]);
    }
}

fn hash_of(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

/// What is wrong with a row of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// There is none at its place.
    Missing,
    /// It, or one before it, is not what was written.
    Altered,
    /// Its personal values are not what was written, or are gone.
    Personal,
    /// It belongs to no chain.
    Stray,
    /// It is another one than a checkpoint was made of.
    Checkpoint,
    /// It is not found under its client.
    Unlisted,
}

impl Flaw {
    /// Its permanent code.
    pub const fn code(self) -> &'static Code {
        match self {
            Self::Missing => codes::LOG_MISSING,
            Self::Altered => codes::LOG_ALTERED,
            Self::Personal => codes::LOG_PERSONAL,
            Self::Stray => codes::LOG_STRAY,
            Self::Checkpoint => codes::LOG_CHECKPOINT,
            Self::Unlisted => codes::LOG_UNLISTED,
        }
    }
}

/// The first bad row of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("log `{log}` of tenant {}, entry {place}: {}", tenant.0, flaw.code().title)]
pub struct Fault {
    /// Whose log.
    pub tenant: Tenant,
    /// Which log.
    pub log: String,
    /// Which entry, from 1.
    pub place: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// Follows one chain from its first entry on.
#[derive(Debug)]
pub struct Verifier {
    head: Head,
}

impl Verifier {
    /// Before the first entry of a log.
    pub fn new(tenant: Tenant, log: &str) -> Self {
        Self { head: Head::empty(tenant, log) }
    }

    /// Where the entries so far end.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The fault that a row of this log has.
    pub(super) fn fault(&self, place: u64, flaw: Flaw) -> Fault {
        Fault { tenant: self.head.tenant, log: self.head.log.clone(), place, flaw }
    }

    /// Takes the next entry.
    ///
    /// # Errors
    ///
    /// The row that is not as it was written.
    pub fn take(&mut self, noted: &Noted) -> Result<(), Fault> {
        let place = self.head.size + 1;
        if noted.place != place {
            let (at, flaw) =
                if noted.place < place { (noted.place, Flaw::Altered) } else { (place, Flaw::Missing) };
            return Err(self.fault(at, flaw));
        }
        self.head.link(noted.time, &noted.entry, noted.sum.as_ref());
        if self.head.hash != noted.hash {
            return Err(self.fault(place, Flaw::Altered));
        }
        if noted.person.as_ref().map(Person::sum) != noted.sum {
            return Err(self.fault(place, Flaw::Personal));
        }
        Ok(())
    }

    /// Holds the end against what the store says it is.
    ///
    /// # Errors
    ///
    /// The row that is missing, or one too many.
    pub fn end(&self, stated: &Head) -> Result<(), Fault> {
        let size = self.head.size;
        match size.cmp(&stated.size) {
            std::cmp::Ordering::Less => Err(self.fault(size + 1, Flaw::Missing)),
            std::cmp::Ordering::Greater => Err(self.fault(stated.size + 1, Flaw::Stray)),
            std::cmp::Ordering::Equal if self.head.hash != stated.hash => {
                Err(self.fault(size, Flaw::Altered))
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_salt_hides_whose_values_they_are() {
        let value: Arc<[u8]> = Arc::from(*b"x");
        let one = Person::new(client_hash(Tenant(1), "a"), Arc::clone(&value)).unwrap();
        let two = Person::new(one.client, value).unwrap();
        assert_ne!(one.sum(), two.sum());
        assert_ne!(client_hash(Tenant(1), "a"), client_hash(Tenant(2), "a"));
    }

    #[test]
    fn every_part_of_an_entry_counts() {
        let after = |tenant, log: &str, time, entry: &[u8], sum: Option<&Hash>| {
            let mut head = Head::empty(Tenant(tenant), log);
            head.link(time, entry, sum);
            head.hash
        };
        let plain = after(1, "audit", 7, b"x", None);
        assert_eq!(plain, after(1, "audit", 7, b"x", None));
        for other in [
            after(2, "audit", 7, b"x", None),
            after(1, "audi", 7, b"x", None),
            after(1, "audit", 8, b"x", None),
            after(1, "audit", 7, b"xy", None),
            after(1, "audit", 7, b"x", Some(&START)),
        ] {
            assert_ne!(plain, other);
        }
    }
}
