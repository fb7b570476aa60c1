//! What was worked out before, of what never changes: what one version of a document contributes, and what was answered
//! from the very same versions. It may be forgotten at any time, and an answer from here is what would be made anew.

use crate::plan::Contribution;
use crate::store::Tenant;
use hyper::body::Bytes;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Contributions that are held.
const CONTRIBUTIONS_MAX: usize = 512;
/// Answers that are held.
const ANSWERS_MAX: usize = 256;
/// Bytes of an answer that is held.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Of whom a version is, its id, and the generation of the maps by which it was read.
type Made = (Tenant, String, u64);

/// What is held.
#[derive(Debug, Default)]
pub(in crate::server) struct Cache {
    contributions: Mutex<HashMap<Made, Arc<Contribution>>>,
    answers: Mutex<HashMap<String, Bytes>>,
}

impl Cache {
    pub(super) fn contribution(&self, made: &Made) -> Option<Arc<Contribution>> {
        find(&self.contributions, made)
    }

    pub(super) fn keep_contribution(&self, made: Made, contribution: &Arc<Contribution>) {
        keep(&self.contributions, made, Arc::clone(contribution), CONTRIBUTIONS_MAX);
    }

    /// The answer of a key, which names all that it is made of.
    pub(in crate::server) fn answer(&self, key: &str) -> Option<Bytes> {
        find(&self.answers, &key.to_owned())
    }

    /// Holds an answer.
    pub(in crate::server) fn keep_answer(&self, key: String, answer: &Bytes) {
        if answer.len() <= ANSWER_BYTES_MAX {
            keep(&self.answers, key, answer.clone(), ANSWERS_MAX);
        }
    }
}

fn find<K: Eq + Hash, V: Clone>(held: &Mutex<HashMap<K, V>>, key: &K) -> Option<V> {
    held.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
}

fn keep<K: Eq + Hash, V>(held: &Mutex<HashMap<K, V>>, key: K, value: V, max: usize) {
    let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
    if held.len() >= max {
        held.clear();
    }
    held.insert(key, value);
}
