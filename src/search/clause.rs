//! A search in the terms that a store answers.

use super::condition::Exact;
use super::key::{Key, Slot};
use super::range::RangeTest;

/// What is asked of the keys of one resource.
#[derive(Clone, PartialEq)]
pub enum Clause {
    /// Nothing: each resource passes.
    Everything,
    /// All of these; none at all pass everything.
    All(Vec<Clause>),
    /// One of these; none at all pass nothing.
    Any(Vec<Clause>),
    /// Not this.
    Not(Box<Clause>),
    /// Some key stands in the slot (`:missing=false`).
    Present(Slot),
    /// A [`Key::Hash`](super::Key::Hash) with one of these hashes stands in the slot.
    Hash {
        /// Search parameter.
        slot: Slot,
        /// Any of these.
        hashes: Vec<i64>,
    },
    /// A [`Key::Range`](super::Key::Range) of the unit passes the test.
    Range {
        /// Search parameter.
        slot: Slot,
        /// Unit, as in the key.
        unit: i64,
        /// What is asked of the span.
        test: RangeTest,
    },
    /// A [`Key::Text`](super::Key::Text) starts with the prefix, byte by byte.
    Text {
        /// Search parameter.
        slot: Slot,
        /// At most [`TEXT_BYTES_MAX`](super::TEXT_BYTES_MAX) bytes, folded as the key is.
        prefix: String,
    },
    /// The slot refers to a resource that is selected (chaining): a hash in it is the
    /// [`reference_hash`](super::reference_hash) of one.
    Refers {
        /// Reference parameter.
        slot: Slot,
        /// What it refers to.
        to: Box<Selection>,
    },
    /// A resource that is selected refers to this one by the slot (`_has`).
    ReferredBy {
        /// Reference parameter of the other resource.
        slot: Slot,
        /// What refers.
        by: Box<Selection>,
    },
    /// The id is one of these.
    Ids(Vec<String>),
    /// It is this very resource.
    Is {
        /// Type.
        kind: String,
        /// Id.
        id: String,
    },
    /// The time of the last update, in microseconds UTC: a span of one moment.
    Updated(RangeTest),
}

impl Clause {
    /// What passes nothing.
    pub const NOTHING: Self = Self::Any(Vec::new());

    /// Whether a resource with these keys passes, as a store works it out; none where other resources decide.
    pub fn holds(&self, keys: &[Key], kind: &str, id: &str, updated: i64) -> Option<bool> {
        let some = |test: &dyn Fn(&Key) -> bool| Some(keys.iter().any(test));
        match self {
            Self::Everything => Some(true),
            Self::All(parts) => settled(parts.iter().map(|part| part.holds(keys, kind, id, updated))),
            Self::Any(parts) => {
                let none = |part: &Self| part.holds(keys, kind, id, updated).map(|holds| !holds);
                settled(parts.iter().map(none)).map(|holds| !holds)
            }
            Self::Not(part) => part.holds(keys, kind, id, updated).map(|holds| !holds),
            Self::Present(slot) => some(&|key| key.slot() == *slot),
            Self::Hash { slot, hashes } => some(
                &|key| matches!(key, Key::Hash { slot: at, hash } if at == slot && hashes.contains(hash)),
            ),
            Self::Range { slot, unit, test } => some(&|key| {
                matches!(key, Key::Range { slot: at, unit: of, low, high }
                    if at == slot && of == unit && test.holds(*low, *high))
            }),
            Self::Text { slot, prefix } => some(
                &|key| matches!(key, Key::Text { slot: at, text } if at == slot && text.starts_with(prefix)),
            ),
            Self::Refers { .. } | Self::ReferredBy { .. } => None,
            Self::Ids(ids) => Some(ids.iter().any(|wanted| wanted == id)),
            Self::Is { kind: of, id: wanted } => Some(of == kind && wanted == id),
            Self::Updated(test) => Some(test.holds(updated, updated)),
        }
    }
}

/// Whether all hold; none where that is open.
pub(super) fn settled(parts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for part in parts {
        match part {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

impl std::fmt::Debug for Clause {
    /// The form without what is searched for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everything => f.write_str("Everything"),
            Self::All(parts) => f.debug_tuple("All").field(parts).finish(),
            Self::Any(parts) => f.debug_tuple("Any").field(parts).finish(),
            Self::Not(part) => f.debug_tuple("Not").field(part).finish(),
            Self::Present(slot) => f.debug_tuple("Present").field(slot).finish(),
            Self::Hash { slot, hashes } => {
                f.debug_struct("Hash").field("slot", slot).field("hashes", &hashes.len()).finish()
            }
            Self::Range { slot, test, .. } => {
                f.debug_struct("Range").field("slot", slot).field("test", test).finish_non_exhaustive()
            }
            Self::Text { slot, .. } => f.debug_struct("Text").field("slot", slot).finish_non_exhaustive(),
            Self::Refers { slot, to } => {
                f.debug_struct("Refers").field("slot", slot).field("to", to).finish()
            }
            Self::ReferredBy { slot, by } => {
                f.debug_struct("ReferredBy").field("slot", slot).field("by", by).finish()
            }
            Self::Ids(ids) => f.debug_tuple("Ids").field(&ids.len()).finish(),
            Self::Is { kind, .. } => f.debug_struct("Is").field("kind", kind).finish_non_exhaustive(),
            Self::Updated(test) => f.debug_tuple("Updated").field(test).finish(),
        }
    }
}

/// Resources of some types that pass a clause.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Names of resource types, sorted; every type where none is named.
    pub types: Vec<String>,
    /// What their keys must pass. It never excludes what is meant.
    pub clause: Clause,
    /// Where the keys cannot decide: what each document that passes the clause must pass as well. A selection inside
    /// a clause may have one of its own.
    pub exact: Option<Exact>,
}

/// A sort order that a search asks for; the first of several counts most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sort {
    /// What is sorted by.
    pub by: SortBy,
    /// Which end comes first.
    pub direction: Direction,
}

/// What is sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortBy {
    /// The id.
    Id,
    /// The time of the last update.
    Updated,
    /// The least `low` (ascending) or greatest `high` (descending) of the [`Key::Range`](super::Key::Range) with the
    /// unit 0 in the slot, one slot for each type; resources without one come last.
    Range(Vec<Slot>),
    /// The least or greatest [`Key::Text`](super::Key::Text) in the slot; resources without one come last.
    Text(Vec<Slot>),
}

/// Which end comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    Ascending,
    /// The greatest.
    Descending,
}

/// Where a page starts, in the words of the store that made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

/// How many matches there are: `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Total {
    /// It need not be known.
    #[default]
    None,
    /// About.
    Estimate,
    /// Exactly.
    Accurate,
}

/// How much of each resource is wanted: `_summary`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summary {
    /// All of it.
    #[default]
    False,
    /// The elements that their definitions call summary.
    True,
    /// Text, id, meta and what is required.
    Text,
    /// All but the text.
    Data,
    /// The number of matches alone.
    Count,
}

/// What comes with the matches: for `_include` the resources that they refer to, for `_revinclude` those that refer to
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// The type of the resource that refers.
    pub source: String,
    /// The reference parameter by which it refers.
    pub slot: Slot,
    /// The type of the resource that is referred to; any where none is named.
    pub target: Option<String>,
    /// Also of what was included (`:iterate`).
    pub is_iterated: bool,
}

/// A search, understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What it asks of a resource, told of its values instead of its keys; none for a search that no request made.
    pub(super) whole: Option<Exact>,
    /// What matches.
    pub selection: Selection,
    /// What everything that is given out must pass as well: what comes with the matches too.
    pub seen: Clause,
    /// In which order; by time of update, newest first, where nothing is said, is the choice of the store.
    pub sort: Vec<Sort>,
    /// Matches of one page, as asked for.
    pub count: Option<u32>,
    /// Where the page starts; at the first match where nothing is said.
    pub page: Option<Cursor>,
    /// Whether the number of matches is told.
    pub total: Total,
    /// How much of each resource is wanted.
    pub summary: Summary,
    /// The elements that are wanted; all where none is named.
    pub elements: Vec<String>,
    /// What comes with the matches.
    pub include: Vec<Include>,
    /// What comes with the matches because it refers to them.
    pub reverse_include: Vec<Include>,
}

impl Search {
    /// All that is selected, in no order, whole, in one page: a search that no request made.
    pub const fn of(selection: Selection) -> Self {
        Self {
            whole: None,
            selection,
            seen: Clause::Everything,
            sort: Vec::new(),
            count: None,
            page: None,
            total: Total::None,
            summary: Summary::False,
            elements: Vec::new(),
            include: Vec::new(),
            reverse_include: Vec::new(),
        }
    }
}
