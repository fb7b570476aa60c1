//! The keys of a resource in one compact piece beside it, so that an update writes only what differs and no index
//! needs another that leads back.
//!
//! Keys are sorted and grouped by kind and slot: kind (one byte), slot (four), number of keys (four), then each key:
//! eight bytes a number, a text with its length before it. All numbers are little-endian.

use super::StoreError;
use crate::search::{Key, Slot};
use std::cmp::Ordering;

const HASH: u8 = 0;
const RANGE: u8 = 1;
const TEXT: u8 = 2;

/// Sorted and without doubles, as [`encode`] and [`difference`] need them.
pub(super) fn sorted(mut keys: Vec<Key>) -> Vec<Key> {
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The compact form of sorted keys.
pub(super) fn encode(keys: &[Key]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(keys.len() * 12);
    for group in keys.chunk_by(|a, b| (kind(a), a.slot()) == (kind(b), b.slot())) {
        let Some(first) = group.first() else { continue };
        bytes.push(kind(first));
        bytes.extend(first.slot().0.to_le_bytes());
        bytes.extend(u32::try_from(group.len()).unwrap_or(u32::MAX).to_le_bytes());
        for key in group {
            match key {
                Key::Hash { hash, .. } => bytes.extend(hash.to_le_bytes()),
                Key::Range { unit, low, high, .. } => {
                    for number in [unit, low, high] {
                        bytes.extend(number.to_le_bytes());
                    }
                }
                Key::Text { text, .. } => {
                    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
            }
        }
    }
    bytes
}

const fn kind(key: &Key) -> u8 {
    match key {
        Key::Hash { .. } => HASH,
        Key::Range { .. } => RANGE,
        Key::Text { .. } => TEXT,
    }
}

/// The keys that [`encode`] wrote.
///
/// # Errors
///
/// [`StoreError::Damaged`] where it did not.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Key>, StoreError> {
    let mut rest = Reader(bytes);
    let mut keys = Vec::new();
    while !rest.0.is_empty() {
        let [kind] = rest.take::<1>()?;
        let slot = Slot(u32::from_le_bytes(rest.take()?));
        for _ in 0..u32::from_le_bytes(rest.take()?) {
            keys.push(match kind {
                HASH => Key::Hash { slot, hash: rest.number()? },
                RANGE => Key::Range { slot, unit: rest.number()?, low: rest.number()?, high: rest.number()? },
                TEXT => Key::Text { slot, text: rest.text()? },
                _ => return Err(StoreError::Damaged),
            });
        }
    }
    Ok(keys)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(StoreError::Damaged)?;
        self.0 = rest;
        Ok(*head)
    }

    fn number(&mut self) -> Result<i64, StoreError> {
        self.take().map(i64::from_le_bytes)
    }

    fn text(&mut self) -> Result<String, StoreError> {
        let length = u32::from_le_bytes(self.take()?) as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(StoreError::Damaged)?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).map_err(|_| StoreError::Damaged)
    }
}

/// The slots of sorted keys as text, each between two semicolons, so that both engines can look for one of them.
pub(super) fn slots(keys: &[Key]) -> String {
    let mut slots: Vec<Slot> = keys.iter().map(Key::slot).collect();
    slots.sort_unstable();
    slots.dedup();
    let mut text = String::with_capacity(1 + slots.len() * 9);
    text.push(';');
    for slot in slots {
        text += &slot_text(slot);
        text.push(';');
    }
    text
}

/// One slot as it stands in [`slots`].
pub(super) fn slot_text(slot: Slot) -> String {
    format!("{:x}", slot.0)
}

/// What an update takes away, and what it adds.
pub(super) fn difference(old: Vec<Key>, new: &[Key]) -> (Vec<Key>, Vec<Key>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    let mut new = new.iter().peekable();
    for key in old {
        while let Some(before) = new.next_if(|other| **other < key) {
            added.push(before.clone());
        }
        match new.peek().map(|other| (*other).cmp(&key)) {
            Some(Ordering::Equal) => {
                new.next();
            }
            _ => removed.push(key),
        }
    }
    added.extend(new.cloned());
    (removed, added)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn some(numbers: &[i64]) -> Vec<Key> {
        let keys = numbers.iter().flat_map(|&number| {
            let slot = Slot(u32::try_from(number.rem_euclid(3)).unwrap());
            [
                Key::Text { slot, text: "å".repeat(usize::try_from(number.rem_euclid(7)).unwrap()) },
                Key::Range { slot, unit: 0, low: -number, high: number },
                Key::Hash { slot, hash: number },
            ]
        });
        sorted(keys.collect())
    }

    #[test]
    fn keys_come_back_as_they_were() {
        let check = |numbers: &[i64]| {
            let keys = some(numbers);
            assert_eq!(decode(&encode(&keys)), Ok(keys));
        };
        check(&[]);
        check(&[i64::MIN + 1, -1, 0, 1, 2, 3, 4, i64::MAX]);
    }

    #[test]
    fn what_is_cut_short_is_damaged() {
        let whole = encode(&some(&[5]));
        let groups = [9 + 8, 9 + 8 + 9 + 24];
        for end in (1..whole.len()).filter(|end| !groups.contains(end)) {
            assert_eq!(decode(&whole[..end]), Err(StoreError::Damaged), "{end}");
        }
    }

    #[test]
    fn an_update_writes_what_differs() {
        let check = |old: &[i64], new: &[i64]| {
            let (old, new) = (some(old), some(new));
            let (removed, added) = difference(old.clone(), &new);
            let mut result: Vec<Key> = old.iter().filter(|key| !removed.contains(key)).cloned().collect();
            assert!(removed.iter().all(|key| old.contains(key) && !new.contains(key)));
            assert!(added.iter().all(|key| new.contains(key) && !old.contains(key)));
            result.extend(added);
            assert_eq!(sorted(result), new);
        };
        check(&[], &[1, 2]);
        check(&[1, 2], &[]);
        check(&[1, 2, 3, 9], &[0, 2, 3, 4]);
        check(&[1, 2], &[1, 2]);
    }

    #[test]
    fn slots_are_told_once_each() {
        assert_eq!(slots(&some(&[1, 2, 4])), ";1;2;");
        assert_eq!(slots(&[]), ";");
    }
}
