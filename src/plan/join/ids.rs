//! Ids that are made again in every join: a hash of what names a thing is looked up where the join before made it.

use crate::plan::contribution::make_id;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map whose keys end in ids or are numbers of nodes. Ids are hashes, which no document can choose, so little is left to
/// be hashed.
pub(super) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;
/// A set of such keys.
pub(super) type IdSet<K> = HashSet<K, BuildHasherDefault<IdHasher>>;

/// Takes words as they come.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let last = rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte));
            self.write_u64(last);
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, word: u64) {
        const MIX: u64 = 0x517c_c1b7_2722_0a95;
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(MIX);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }
}

/// The ids of the join before, and those of this one. Without memory each is made.
#[derive(Debug, Default)]
pub(super) struct Ids(Option<RefCell<Generations>>);

#[derive(Debug, Default)]
struct Generations {
    old: HashMap<String, String>,
    new: HashMap<String, String>,
}

impl Ids {
    /// Remembers what it makes, and nothing that it is not asked for.
    pub(super) fn with_memory(known: HashMap<String, String>) -> Self {
        let new = HashMap::with_capacity(known.len());
        Self(Some(RefCell::new(Generations { old: known, new })))
    }

    /// The id of what these parts name, as [`make_id`] makes it.
    pub(super) fn id(&self, parts: &[&str]) -> String {
        let Some(mut generations) = self.0.as_ref().and_then(|memory| memory.try_borrow_mut().ok()) else {
            return make_id(parts);
        };
        // The bytes that are hashed: equal ones have one id.
        let mut name = String::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        for part in parts {
            name.push_str(part);
            name.push('\u{1e}');
        }
        if let Some(id) = generations.new.get(&name) {
            return id.clone();
        }
        let (name, id) = generations.old.remove_entry(&name).unwrap_or_else(|| (name, make_id(parts)));
        generations.new.insert(name, id.clone());
        id
    }

    /// What this join asked for.
    pub(super) fn take_known(&self) -> HashMap<String, String> {
        self.0.as_ref().map(|memory| memory.take().new).unwrap_or_default()
    }
}
