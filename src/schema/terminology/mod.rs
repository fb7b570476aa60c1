//! Code systems, value sets and concept maps, and which codes a value set holds.

mod display;
mod filter;
mod index;
mod member;
#[cfg(test)]
mod tests;

pub use index::CACHED_CODES_MAX;
pub(super) use index::Cache;
pub use member::Membership;

use super::Schema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Value sets that include value sets are followed this deep.
pub const INCLUDE_DEPTH_MAX: u32 = 8;
/// Codes of one enumerated value set.
pub const CODES_MAX: usize = 500_000;

/// A code system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CodeSystem {
    /// Canonical url.
    pub url: Box<str>,
    /// Business version; empty where it has none.
    pub version: Box<str>,
    /// How much of it is here: `complete`, `fragment`, `example`, `not-present`, `supplement`.
    pub content: Box<str>,
    /// Case of letters matters.
    pub is_case_sensitive: bool,
    /// Its concepts, parents before children.
    pub concepts: Box<[Concept]>,
    /// Further parents, as pairs of child and parent, for concepts that have several.
    pub more_parents: Box<[(u32, u32)]>,
    /// Properties that it says its concepts may have.
    pub properties: Box<[Box<str>]>,
    /// What its concepts have of them, hierarchy left out: number of the concept, of the property, value.
    pub values: Box<[(u32, u32, Box<str>)]>,
    /// Further displays.
    pub designations: Box<[Designation]>,
    /// The code system that this one supplements; empty for all but supplements.
    pub supplements: Box<str>,
    /// The value set of all its codes; empty where it names none.
    pub value_set: Box<str>,
}

/// A display of a concept in another language or for another use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Designation {
    /// Number of the concept.
    pub concept: u32,
    /// Language, `sv-FI`; empty where none is said.
    pub language: Box<str>,
    /// What people read.
    pub text: Box<str>,
}

/// One concept of a code system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Concept {
    /// Its code.
    pub code: Box<str>,
    /// What people read; empty where the code system gives none.
    pub display: Box<str>,
    /// Number of its parent in the list.
    pub parent: Option<u32>,
    /// Retired or deprecated.
    pub is_inactive: bool,
    /// Groups others and is no code for data.
    pub is_abstract: bool,
}

impl CodeSystem {
    /// The concept of a code. [`Schema::concept`] is faster for large systems.
    pub fn concept(&self, code: &str) -> Option<&Concept> {
        self.concepts.iter().find(|concept| self.is_same(&concept.code, code))
    }

    /// True where two codes are one for this system.
    fn is_same(&self, a: &str, b: &str) -> bool {
        a == b || (!self.is_case_sensitive && a.to_lowercase() == b.to_lowercase())
    }

    /// True where all codes are here, so that another code is wrong.
    pub fn is_complete(&self) -> bool {
        &*self.content == "complete"
    }

    /// True where `general` is `special` or stands above it; `None` where the system does not have both.
    pub fn subsumes(&self, general: &str, special: &str) -> Option<bool> {
        let inside = self.near(general, Side::Below)?;
        let at = self.concepts.iter().position(|concept| &*concept.code == special)?;
        inside.get(at).copied()
    }

    /// A code and all codes below it; `None` where the system does not have it.
    pub fn below(&self, code: &str) -> Option<Vec<&str>> {
        self.on(Side::Below, code)
    }

    /// A code and all codes above it; `None` where the system does not have it.
    pub fn above(&self, code: &str) -> Option<Vec<&str>> {
        self.on(Side::Above, code)
    }

    fn on(&self, side: Side, code: &str) -> Option<Vec<&str>> {
        let inside = self.near(code, side)?;
        let found = self.concepts.iter().zip(inside).filter(|(_, inside)| *inside);
        Some(found.map(|(concept, _)| &*concept.code).collect())
    }

    /// Which concepts are `code` or on one side of it.
    fn near(&self, code: &str, side: Side) -> Option<Vec<bool>> {
        let start = self.concepts.iter().position(|concept| &*concept.code == code)?;
        let nested = (0..).zip(&self.concepts).filter_map(|(at, concept)| Some((at, concept.parent?)));
        let mut steps: Vec<(u32, u32)> = nested.chain(self.more_parents.iter().copied()).collect();
        if side == Side::Below {
            for (child, parent) in &mut steps {
                std::mem::swap(child, parent);
            }
        }
        steps.sort_unstable();
        let mut inside = vec![false; self.concepts.len()];
        let mut open = vec![start];
        while let Some(at) = open.pop() {
            let Some(seen) = inside.get_mut(at).filter(|seen| !**seen) else { continue };
            *seen = true;
            let first = steps.partition_point(|(from, _)| (*from as usize) < at);
            let near = steps[first..].iter().take_while(|(from, _)| *from as usize == at);
            open.extend(near.map(|(_, to)| *to as usize));
        }
        Some(inside)
    }
}

/// A side of a concept in the hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The general ones.
    Above,
    /// The special ones.
    Below,
}

/// A value set: what it includes and excludes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ValueSet {
    /// Canonical url.
    pub url: Box<str>,
    /// Business version; empty where it has none.
    pub version: Box<str>,
    /// Included parts.
    pub include: Box<[Include]>,
    /// Excluded parts.
    pub exclude: Box<[Include]>,
    /// It leaves codes out that are no longer active.
    pub is_active_only: bool,
    /// The codes of an expansion that came with it; none where it came without or with a part only.
    pub expansion: Option<Box<[Include]>>,
}

/// One part of a value set. All that it names must hold together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Include {
    /// Code system; empty where only value sets are named.
    pub system: Box<str>,
    /// Version of the code system; empty where none is named.
    pub version: Box<str>,
    /// Codes listed one by one, with their displays.
    pub concepts: Box<[(Box<str>, Box<str>)]>,
    /// Filters.
    pub filters: Box<[Filter]>,
    /// Value sets.
    pub value_sets: Box<[Box<str>]>,
}

/// A filter on the concepts of a code system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Filter {
    /// Property.
    pub property: Box<str>,
    /// Operator: `is-a`, `=`, …
    pub op: Box<str>,
    /// Value.
    pub value: Box<str>,
}

/// A concept map.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConceptMap {
    /// Canonical url.
    pub url: Box<str>,
    /// Its groups, one for each pair of systems.
    pub groups: Box<[MapGroup]>,
}

/// The part of a concept map for one pair of systems.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MapGroup {
    /// System of the sources.
    pub source: Box<str>,
    /// System of the targets.
    pub target: Box<str>,
    /// One row for each pair of codes.
    pub rows: Box<[MapRow]>,
}

/// One pair of codes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MapRow {
    /// Code of the source.
    pub source: Box<str>,
    /// Code of the target; empty where there is none.
    pub target: Box<str>,
    /// How the two are related: `equivalent`, `wider`, …
    pub equivalence: Box<str>,
}

/// A code of an enumerated value set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code<'a> {
    /// System.
    pub system: &'a str,
    /// Code.
    pub code: &'a str,
    /// What people read; may be empty.
    pub display: &'a str,
}

impl Schema {
    /// Every code of a value set, in the order of its definition. `None` where it is unknown, or is not
    /// enumerable from the code systems at hand.
    pub fn codes(&self, value_set: &str) -> Option<Vec<Code<'_>>> {
        self.codes_within(value_set, INCLUDE_DEPTH_MAX)
    }

    fn codes_within(&self, value_set: &str, depth: u32) -> Option<Vec<Code<'_>>> {
        let definition = self.value_set(value_set)?;
        let mut codes: Vec<Code<'_>> = Vec::new();
        let mut seen = HashSet::new();
        for part in &definition.include {
            for code in self.codes_of(part, depth)? {
                if seen.insert((code.system, code.code)) {
                    codes.push(code);
                }
            }
            if codes.len() > CODES_MAX {
                return None;
            }
        }
        for part in &definition.exclude {
            let out: HashSet<(&str, &str)> =
                self.codes_of(part, depth)?.iter().map(|code| (code.system, code.code)).collect();
            codes.retain(|code| !out.contains(&(code.system, code.code)));
        }
        Some(codes)
    }

    fn codes_of<'a>(&'a self, part: &'a Include, depth: u32) -> Option<Vec<Code<'a>>> {
        let mut codes = if part.system.is_empty() { None } else { Some(self.of_system(part)?) };
        for url in &part.value_sets {
            let other = self.codes_within(url, depth.checked_sub(1)?)?;
            codes = Some(match codes {
                None => other,
                Some(codes) => {
                    let both: HashSet<(&str, &str)> =
                        other.iter().map(|code| (code.system, code.code)).collect();
                    codes.into_iter().filter(|code| both.contains(&(code.system, code.code))).collect()
                }
            });
        }
        codes
    }

    fn of_system<'a>(&'a self, part: &'a Include) -> Option<Vec<Code<'a>>> {
        if !part.concepts.is_empty() {
            let code =
                |(code, display): &'a (Box<str>, Box<str>)| Code { system: &part.system, code, display };
            return part.filters.is_empty().then(|| part.concepts.iter().map(code).collect());
        }
        let system = self.code_system(&part.system).filter(|system| system.is_complete())?;
        let code = |concept: &'a Concept| Code {
            system: &system.url,
            code: &concept.code,
            display: &concept.display,
        };
        let mut codes = Vec::new();
        for (concept, verdict) in system.concepts.iter().zip(filter::verdicts(system, &part.filters)) {
            if verdict? && !concept.is_abstract {
                codes.push(code(concept));
            }
        }
        Some(codes)
    }
}
