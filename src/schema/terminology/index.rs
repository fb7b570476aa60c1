//! What is worked out once of code systems and value sets, and kept as long as there is room.

use super::{CODES_MAX, CodeSystem, Concept, Membership};
use crate::schema::Schema;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// Codes that are kept for fast answers; when there are more, all are given up and made again as they are asked for.
pub const CACHED_CODES_MAX: usize = 4_000_000;

/// Value sets within value sets.
const NESTED_DEPTH_MAX: usize = 32;
/// Value sets that are made for one.
const NESTED_MAX: usize = 2_000;

/// And, where one side may be unknown.
pub(super) fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        (None, Some(true) | None) | (Some(true), None) => None,
    }
}

/// Or, where one side may be unknown.
pub(super) fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        (None, Some(false) | None) | (Some(false), None) => None,
    }
}

/// The concepts of a code system by their codes.
#[derive(Debug)]
pub(super) struct SystemIndex {
    numbers: HashMap<Box<str>, u32>,
    /// Codes in small letters, of a system for which case does not matter.
    folded: HashMap<Box<str>, u32>,
}

impl SystemIndex {
    fn of(system: &CodeSystem) -> Option<Self> {
        let concepts = &system.concepts;
        if concepts.len() > CODES_MAX {
            return None;
        }
        let folded: HashMap<Box<str>, u32> = if system.is_case_sensitive {
            HashMap::new()
        } else {
            concepts.iter().map(|it| it.code.to_lowercase().into()).zip(0..).collect()
        };
        Some(Self { numbers: concepts.iter().map(|it| it.code.clone()).zip(0..).collect(), folded })
    }

    /// The number of the concept of a code.
    pub(super) fn number(&self, code: &str) -> Option<usize> {
        let folded = || if self.folded.is_empty() { None } else { self.folded.get(&*code.to_lowercase()) };
        self.numbers.get(code).or_else(folded).map(|number| *number as usize)
    }
}

type Kept<T> = RwLock<HashMap<Box<str>, Known<T>>>;

/// What is known of a url: also that there is nothing at hand.
#[derive(Debug)]
enum Known<T> {
    Absent,
    Made(Arc<T>),
}

/// Indexes and memberships by url.
#[derive(Debug, Default)]
pub(in crate::schema) struct Cache {
    systems: Kept<SystemIndex>,
    sets: Kept<Membership>,
    codes: AtomicUsize,
}

impl Cache {
    /// What is kept; otherwise what `make` gives, with how many codes it holds.
    fn get<T>(&self, kept: &Kept<T>, url: &str, make: impl FnOnce() -> Made<T>) -> Option<Arc<T>> {
        match kept.read().unwrap_or_else(PoisonError::into_inner).get(url) {
            Some(Known::Absent) => return None,
            Some(Known::Made(made)) => return Some(Arc::clone(made)),
            None => {}
        }
        let made = make();
        if made.is_whole {
            self.keep(kept, url, made.item.clone(), made.codes);
        }
        made.item
    }

    fn keep<T>(&self, kept: &Kept<T>, url: &str, item: Option<Arc<T>>, codes: usize) {
        if self.codes.fetch_add(codes + 1, Ordering::Relaxed) > CACHED_CODES_MAX {
            self.codes.store(codes, Ordering::Relaxed);
            self.systems.write().unwrap_or_else(PoisonError::into_inner).clear();
            self.sets.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let known = item.map_or(Known::Absent, Known::Made);
        kept.write().unwrap_or_else(PoisonError::into_inner).insert(url.into(), known);
    }
}

/// What was worked out.
struct Made<T> {
    item: Option<Arc<T>>,
    codes: usize,
    /// It may be kept.
    is_whole: bool,
}

impl Schema {
    /// The concept of a code of a code system, with or without `|version`. `None` where either is not at hand.
    pub fn concept(&self, system: &str, code: &str) -> Option<&Concept> {
        let number = self.system_index(system)?.number(code)?;
        self.code_system(system)?.concepts.get(number)
    }

    pub(super) fn system_index(&self, url: &str) -> Option<Arc<SystemIndex>> {
        self.cache.get(&self.cache.systems, url, || {
            let system = self.code_system(url);
            Made {
                item: system.and_then(SystemIndex::of).map(Arc::new),
                codes: system.map_or(0, |system| system.concepts.len()),
                is_whole: true,
            }
        })
    }

    /// Which codes a value set holds, ready to be asked; `None` where it is not at hand. It may have `|version`,
    /// and may be the implicit value set of a code system (`…?fhir_vs`).
    pub fn membership(&self, value_set: &str) -> Option<Arc<Membership>> {
        self.membership_within(value_set, &mut Opening::default())
    }

    /// `opening` knows the value sets that are just being made.
    pub(super) fn membership_within(&self, url: &str, opening: &mut Opening) -> Option<Arc<Membership>> {
        self.cache.get(&self.cache.sets, url, || {
            let was_cut = std::mem::take(&mut opening.is_cut);
            let item = Membership::of(self, url, opening).map(Arc::new);
            // What was made inside a circle lacks a part of it, which it has when it is asked for itself.
            let is_whole = opening.urls.is_empty() || !opening.is_cut;
            opening.is_cut |= was_cut;
            Made { codes: item.as_ref().map_or(0, |made| made.codes()), item, is_whole }
        })
    }
}

/// The value sets that are just being made, each for the one before it.
#[derive(Debug, Default)]
pub(super) struct Opening {
    urls: Vec<String>,
    /// How many were made, circles among them.
    count: usize,
    /// One was left out, as it was open already or there were too many.
    is_cut: bool,
}

impl Opening {
    /// Runs `make` for a value set; `None` where it is open already, or too many are.
    pub(super) fn open<T>(&mut self, url: &str, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.count += 1;
        let is_deep = self.urls.len() >= NESTED_DEPTH_MAX || self.count > NESTED_MAX;
        if is_deep || self.urls.iter().any(|open| open == url) {
            self.is_cut = true;
            return None;
        }
        self.urls.push(url.to_owned());
        let made = make(self);
        self.urls.pop();
        Some(made)
    }
}
