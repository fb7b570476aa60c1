//! Code systems, value sets and concept maps, and which codes a value set holds.

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
    /// How much of it is here: `complete`, `fragment`, `example`, `not-present`.
    pub content: Box<str>,
    /// Case of letters matters.
    pub is_case_sensitive: bool,
    /// Its concepts, parents before children.
    pub concepts: Box<[Concept]>,
    /// Further parents, as pairs of child and parent, for concepts that have several.
    pub more_parents: Box<[(u32, u32)]>,
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
    /// The concept of a code.
    pub fn concept(&self, code: &str) -> Option<&Concept> {
        self.concepts.iter().find(|concept| &*concept.code == code)
    }

    /// True where all codes are here, so that another code is wrong.
    pub fn is_complete(&self) -> bool {
        &*self.content == "complete"
    }

    /// True where `general` is `special` or stands above it; `None` where the system does not have both.
    pub fn subsumes(&self, general: &str, special: &str) -> Option<bool> {
        let inside = self.below(general, true)?;
        let at = self.concepts.iter().position(|concept| &*concept.code == special)?;
        inside.get(at).copied()
    }

    /// Which concepts are `code` or below it.
    fn below(&self, code: &str, with_itself: bool) -> Option<Vec<bool>> {
        let start = self.concepts.iter().position(|concept| &*concept.code == code)?;
        let mut inside = vec![false; self.concepts.len()];
        inside[start] = true;
        loop {
            let mut grown = false;
            let nested = self
                .concepts
                .iter()
                .enumerate()
                .filter_map(|(i, concept)| Some((i, concept.parent? as usize)));
            let further = self.more_parents.iter().map(|(child, parent)| (*child as usize, *parent as usize));
            for (child, parent) in nested.chain(further) {
                if inside.get(parent) == Some(&true) && inside.get(child) == Some(&false) {
                    inside[child] = true;
                    grown = true;
                }
            }
            if !grown {
                inside[start] = with_itself;
                return Some(inside);
            }
        }
    }
}

/// A value set: what it includes and excludes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ValueSet {
    /// Canonical url.
    pub url: Box<str>,
    /// Included parts.
    pub include: Box<[Include]>,
    /// Excluded parts.
    pub exclude: Box<[Include]>,
}

/// One part of a value set. All that it names must hold together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Include {
    /// Code system; empty where only value sets are named.
    pub system: Box<str>,
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
        let mut inside = vec![true; system.concepts.len()];
        for filter in &part.filters {
            let below = match (&*filter.property, &*filter.op) {
                ("concept", "is-a") => system.below(&filter.value, true)?,
                ("concept", "descendent-of") => system.below(&filter.value, false)?,
                ("concept", "is-not-a") => {
                    system.below(&filter.value, true)?.iter().map(|inside| !inside).collect()
                }
                _ => return None,
            };
            inside.iter_mut().zip(below).for_each(|(inside, below)| *inside &= below);
        }
        let chosen =
            system.concepts.iter().zip(inside).filter(|(concept, inside)| *inside && !concept.is_abstract);
        let code = |concept: &'a Concept| Code {
            system: &system.url,
            code: &concept.code,
            display: &concept.display,
        };
        Some(chosen.map(|(concept, _)| code(concept)).collect())
    }
}
