//! Newest versions in memory, ready to be sent.
//!
//! Shards with a lock each. What was read longest ago goes first, roughly: a hand goes round over the entries of a
//! shard and takes the first that nobody asked for since it last came by.

use super::{Record, Tenant};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;
/// What an entry costs beside its document, about.
const ENTRY_BYTES: usize = 256;

/// Newest versions by name, up to some bytes.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    shard_bytes_max: usize,
    /// What was written so far, in all shards.
    writes: AtomicU64,
}

#[derive(Default)]
struct Shard {
    /// By the hash of tenant and name, which is the key itself: of two names with one hash the later is kept.
    places: HashMap<u64, usize, BuildHasherDefault<Same>>,
    entries: Vec<Entry>,
    hand: usize,
    bytes: usize,
    writes: u64,
}

struct Entry {
    hash: u64,
    tenant: Tenant,
    record: Arc<Record>,
    is_used: bool,
}

/// Takes a number that is a hash for the hash.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// How many writes a shard had seen when a reader looked: what was read before a later write is not kept.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

/// How many writes there were when a search began.
#[derive(Clone, Copy)]
pub(super) struct Before(u64);

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / SHARDS,
            writes: AtomicU64::new(0),
        }
    }

    /// The newest version of a resource, or what to give to [`keep`](Self::keep) once it was read.
    pub(super) fn get(&self, tenant: Tenant, kind: &str, id: &str) -> Result<Arc<Record>, Seen> {
        let hash = self.hash(tenant, kind, id);
        let Some(mut shard) = self.shard(hash) else { return Err(Seen(0)) };
        let shard = &mut *shard;
        match shard.places.get(&hash).and_then(|place| shard.entries.get_mut(*place)) {
            Some(entry) if entry.is_of(tenant, kind, id) => {
                entry.is_used = true;
                Ok(Arc::clone(&entry.record))
            }
            _ => Err(Seen(shard.writes)),
        }
    }

    /// Keeps what was read, unless something was written since.
    pub(super) fn keep(&self, tenant: Tenant, record: Arc<Record>, seen: Seen) {
        let hash = self.hash(tenant, &record.name.kind, &record.name.id);
        if let Some(mut shard) = self.shard(hash)
            && shard.writes == seen.0
        {
            shard.put(Entry { hash, tenant, record, is_used: false }, self.shard_bytes_max);
        }
    }

    /// What to give to [`keep_found`](Self::keep_found), to be asked for before a search begins to read.
    pub(super) fn before(&self) -> Before {
        Before(self.writes.load(Ordering::Acquire))
    }

    /// Keeps what a search found, unless anything was written since it began.
    pub(super) fn keep_found(&self, tenant: Tenant, record: Arc<Record>, before: Before) {
        let hash = self.hash(tenant, &record.name.kind, &record.name.id);
        // A write is counted before it takes the lock: one that is not counted yet puts its version over this one.
        if let Some(mut shard) = self.shard(hash)
            && self.writes.load(Ordering::Acquire) == before.0
        {
            shard.put(Entry { hash, tenant, record, is_used: false }, self.shard_bytes_max);
        }
    }

    /// Keeps what was committed. To be called before anybody is told of the commit.
    pub(super) fn written(&self, tenant: Tenant, record: Arc<Record>) {
        let hash = self.hash(tenant, &record.name.kind, &record.name.id);
        self.writes.fetch_add(1, Ordering::AcqRel);
        if let Some(mut shard) = self.shard(hash) {
            shard.writes += 1;
            shard.put(Entry { hash, tenant, record, is_used: false }, self.shard_bytes_max);
        }
    }

    fn hash(&self, tenant: Tenant, kind: &str, id: &str) -> u64 {
        self.hasher.hash_one((tenant, kind, id))
    }

    fn shard(&self, hash: u64) -> Option<MutexGuard<'_, Shard>> {
        // Other bits than those by which a table takes its place.
        let at = usize::try_from((hash >> 32) % SHARDS as u64).unwrap_or(0);
        // A shard is whole between any two of its statements, so a panic elsewhere leaves nothing half done.
        Some(self.shards.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Entry {
    fn is_of(&self, tenant: Tenant, kind: &str, id: &str) -> bool {
        self.tenant == tenant && self.record.name.id == id && self.record.name.kind == kind
    }
}

fn cost(record: &Record) -> usize {
    ENTRY_BYTES + record.document.as_ref().map_or(0, |document| document.len())
}

impl Shard {
    fn put(&mut self, entry: Entry, bytes_max: usize) {
        self.remove(entry.hash);
        let bytes = cost(&entry.record);
        if bytes > bytes_max {
            return;
        }
        while self.bytes + bytes > bytes_max && !self.entries.is_empty() {
            self.evict();
        }
        self.bytes += bytes;
        self.places.insert(entry.hash, self.entries.len());
        self.entries.push(entry);
    }

    fn evict(&mut self) {
        // Each entry is passed over once at most, for then it is no longer marked as used.
        for _ in 0..=self.entries.len() {
            self.hand = if self.hand + 1 < self.entries.len() { self.hand + 1 } else { 0 };
            let Some(entry) = self.entries.get_mut(self.hand) else { return };
            if entry.is_used {
                entry.is_used = false;
            } else {
                let hash = entry.hash;
                return self.remove(hash);
            }
        }
    }

    fn remove(&mut self, hash: u64) {
        let Some(place) = self.places.remove(&hash) else { return };
        let gone = self.entries.swap_remove(place);
        self.bytes -= cost(&gone.record);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.hash, place);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::super::{Method, Name};
    use super::*;

    const TENANT: Tenant = Tenant(1);

    fn get(cache: &Cache, id: usize) -> Result<Arc<Record>, Seen> {
        cache.get(TENANT, "Patient", &id.to_string())
    }

    fn record(id: usize, version: u64, bytes: usize) -> Arc<Record> {
        let name = Name::new("Patient", id.to_string());
        let document = Some(Arc::from(vec![b'x'; bytes]));
        let record =
            Record { name, version, updated: 0, method: Method::Put, document, client: None, seq: 1 };
        Arc::new(record)
    }

    #[test]
    fn what_is_asked_for_stays() {
        let cache = Cache::new(SHARDS * 20 * (ENTRY_BYTES + 100));
        cache.written(TENANT, record(0, 1, 100));
        for id in 1..10_000 {
            cache.written(TENANT, record(id, 1, 100));
            assert!(get(&cache, 0).is_ok(), "gone after {id}");
            assert!(cache.get(Tenant(2), "Patient", "0").is_err());
        }
        let held: usize = cache.shards.iter().map(|shard| shard.lock().unwrap().bytes).sum();
        assert!(held <= SHARDS * 20 * (ENTRY_BYTES + 100));
        for shard in &cache.shards {
            let shard = shard.lock().unwrap();
            assert_eq!(shard.bytes, shard.entries.iter().map(|entry| cost(&entry.record)).sum::<usize>());
            assert_eq!(shard.places.len(), shard.entries.len());
        }
    }

    #[test]
    fn an_old_read_does_not_hide_a_new_write() {
        let cache = Cache::new(1 << 20);
        let Err(seen) = get(&cache, 1) else { panic!("the cache is empty") };
        cache.written(TENANT, record(1, 2, 10));
        cache.keep(TENANT, record(1, 1, 10), seen);
        assert_eq!(get(&cache, 1).map(|record| record.version).ok(), Some(2));
    }

    #[test]
    fn what_a_search_found_before_a_write_is_not_kept() {
        let cache = Cache::new(1 << 20);
        let before = cache.before();
        cache.keep_found(TENANT, record(1, 1, 10), before);
        assert_eq!(get(&cache, 1).map(|record| record.version).ok(), Some(1));
        cache.written(TENANT, record(1, 2, 10));
        cache.keep_found(TENANT, record(1, 1, 10), before);
        cache.keep_found(TENANT, record(2, 1, 10), before);
        assert_eq!(get(&cache, 1).map(|record| record.version).ok(), Some(2));
        assert!(get(&cache, 2).is_err());
    }

    #[test]
    fn what_is_larger_than_a_shard_is_not_kept() {
        let cache = Cache::new(SHARDS * 1_000);
        cache.written(TENANT, record(1, 1, 5_000));
        assert!(get(&cache, 1).is_err());
    }
}
