//! How often one client, or one address, may ask: a bucket of tokens for each, which fills with time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Buckets that are kept; the fullest go first, whose owners have not asked for long.
const BUCKETS_MAX: usize = 10_000;
/// Seconds' worth of requests that may come at once.
const BURST_SECONDS: i64 = 2;
const SECOND_MICROS: i64 = 1_000_000;

/// Buckets of one kind of asker.
#[derive(Debug)]
pub(super) struct Rate<K> {
    per_second: i64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// What is left of an allowance, in millionths of a request.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: i64,
    at: i64,
}

impl<K: Hash + Eq> Rate<K> {
    /// So many requests a second; 0 is no limit.
    pub(super) fn new(per_second: u32) -> Self {
        Self { per_second: i64::from(per_second), buckets: Mutex::default() }
    }

    /// Takes one request from the bucket of an asker, at a moment in microseconds; false where it is empty.
    pub(super) fn take(&self, asker: K, now: i64) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let full = self.per_second * BURST_SECONDS * SECOND_MICROS;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&asker) {
            let per_second = self.per_second;
            buckets.retain(|_, bucket| bucket.filled(now, per_second, full).left < full);
            // All have asked a moment ago: the table starts anew rather than grow.
            if buckets.len() >= BUCKETS_MAX {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(asker).or_insert(Bucket { left: full, at: now });
        *bucket = bucket.filled(now, self.per_second, full);
        let has_one = bucket.left >= SECOND_MICROS;
        if has_one {
            bucket.left -= SECOND_MICROS;
        }
        has_one
    }
}

impl Bucket {
    fn filled(self, now: i64, per_second: i64, full: i64) -> Self {
        let came = now.saturating_sub(self.at).max(0).saturating_mul(per_second);
        Self { left: self.left.saturating_add(came).min(full), at: self.at.max(now) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills() {
        let rate = Rate::new(10);
        let taken = |asker: u8, now: i64| (0..100).filter(|_| rate.take(asker, now)).count();
        assert_eq!(taken(1, 0), 20);
        assert_eq!(taken(2, 0), 20);
        assert_eq!(taken(1, SECOND_MICROS / 2), 5);
        assert_eq!(taken(1, 0), 0);
        assert_eq!(taken(1, 100 * SECOND_MICROS), 20);
        assert_eq!((0..100).filter(|_| Rate::new(0).take(0, 0)).count(), 100);
    }
}
