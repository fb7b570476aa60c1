//! Newest versions in memory, ready to be sent.
//!
//! Shards with a lock each. What was read longest ago goes first, roughly: a hand goes round over the entries of a
//! shard and takes the first that nobody asked for since it last came by.

use super::{Name, Record, Tenant};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;
/// What an entry costs beside its document, about.
const ENTRY_BYTES: usize = 256;

/// Newest versions by name, up to some bytes.
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    shard_bytes_max: usize,
}

#[derive(Default)]
struct Shard {
    places: HashMap<(Tenant, Name), usize>,
    entries: Vec<Entry>,
    hand: usize,
    bytes: usize,
    writes: u64,
}

struct Entry {
    key: (Tenant, Name),
    record: Arc<Record>,
    is_used: bool,
}

/// How many writes a shard had seen when a reader looked: what was read before a later write is not kept.
#[derive(Clone, Copy)]
pub(super) struct Seen(u64);

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: RandomState::new(),
            shard_bytes_max: bytes_max / SHARDS,
        }
    }

    /// The newest version of a resource, or what to give to [`keep`](Self::keep) once it was read.
    pub(super) fn get(&self, key: &(Tenant, Name)) -> Result<Arc<Record>, Seen> {
        let Some(mut shard) = self.shard(key) else { return Err(Seen(0)) };
        let shard = &mut *shard;
        match shard.places.get(key).and_then(|place| shard.entries.get_mut(*place)) {
            Some(entry) => {
                entry.is_used = true;
                Ok(Arc::clone(&entry.record))
            }
            None => Err(Seen(shard.writes)),
        }
    }

    /// Keeps what was read, unless something was written since.
    pub(super) fn keep(&self, key: (Tenant, Name), record: Arc<Record>, seen: Seen) {
        if let Some(mut shard) = self.shard(&key)
            && shard.writes == seen.0
        {
            shard.put(key, record, self.shard_bytes_max);
        }
    }

    /// Keeps what was committed. To be called before anybody is told of the commit.
    pub(super) fn written(&self, key: (Tenant, Name), record: Arc<Record>) {
        if let Some(mut shard) = self.shard(&key) {
            shard.writes += 1;
            shard.put(key, record, self.shard_bytes_max);
        }
    }

    fn shard(&self, key: &(Tenant, Name)) -> Option<MutexGuard<'_, Shard>> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        // A shard is whole between any two of its statements, so a panic elsewhere leaves nothing half done.
        Some(self.shards.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn cost(record: &Record) -> usize {
    ENTRY_BYTES + record.document.as_ref().map_or(0, |document| document.len())
}

impl Shard {
    fn put(&mut self, key: (Tenant, Name), record: Arc<Record>, bytes_max: usize) {
        self.remove(&key);
        let bytes = cost(&record);
        if bytes > bytes_max {
            return;
        }
        while self.bytes + bytes > bytes_max && !self.entries.is_empty() {
            self.evict();
        }
        self.bytes += bytes;
        self.places.insert(key.clone(), self.entries.len());
        self.entries.push(Entry { key, record, is_used: false });
    }

    fn evict(&mut self) {
        // Each entry is passed over once at most, for then it is no longer marked as used.
        for _ in 0..=self.entries.len() {
            self.hand = if self.hand + 1 < self.entries.len() { self.hand + 1 } else { 0 };
            let Some(entry) = self.entries.get_mut(self.hand) else { return };
            if entry.is_used {
                entry.is_used = false;
            } else {
                let key = entry.key.clone();
                return self.remove(&key);
            }
        }
    }

    fn remove(&mut self, key: &(Tenant, Name)) {
        let Some(place) = self.places.remove(key) else { return };
        let gone = self.entries.swap_remove(place);
        self.bytes -= cost(&gone.record);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.key.clone(), place);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::store::Method;

    fn record(id: usize, version: u64, bytes: usize) -> ((Tenant, Name), Arc<Record>) {
        let name = Name::new("Patient", id.to_string());
        let document = Some(Arc::from(vec![b'x'; bytes]));
        let record = Record {
            name: name.clone(),
            version,
            updated: 0,
            method: Method::Put,
            document,
            client: None,
            seq: 1,
        };
        ((Tenant(1), name), Arc::new(record))
    }

    #[test]
    fn what_is_asked_for_stays() {
        let cache = Cache::new(SHARDS * 20 * (ENTRY_BYTES + 100));
        let (hot, first) = record(0, 1, 100);
        cache.written(hot.clone(), first);
        for id in 1..10_000 {
            let (key, record) = record(id, 1, 100);
            cache.written(key, record);
            assert!(cache.get(&hot).is_ok(), "gone after {id}");
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
        let (key, old) = record(1, 1, 10);
        let Err(seen) = cache.get(&key) else { panic!("the cache is empty") };
        let (_, new) = record(1, 2, 10);
        cache.written(key.clone(), new);
        cache.keep(key.clone(), old, seen);
        assert_eq!(cache.get(&key).map(|record| record.version).ok(), Some(2));
    }

    #[test]
    fn what_is_larger_than_a_shard_is_not_kept() {
        let cache = Cache::new(SHARDS * 1_000);
        let (key, record) = record(1, 1, 5_000);
        cache.written(key.clone(), record);
        assert!(cache.get(&key).is_err());
    }
}
