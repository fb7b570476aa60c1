//! Whether a code is in a value set: yes, no, or not to be said from what is at hand.

use super::filter::verdicts;
use super::index::{Opening, SystemIndex, and, or};
use super::{CODES_MAX, Filter, Include, ValueSet};
use crate::schema::resources::{self, Json};
use crate::schema::{Schema, version};
use crate::tree::{NodeId, Tree};
use std::collections::HashSet;
use std::sync::Arc;

/// Which codes a value set holds.
#[derive(Debug)]
pub struct Membership {
    include: Vec<Part>,
    exclude: Vec<Part>,
    /// The codes of an expansion, for what the rest leaves open.
    expansion: Option<Vec<Part>>,
    /// It was asked for in another version, which may hold more.
    is_other_version: bool,
}

/// What one include or exclude holds: all that it names together.
#[derive(Debug)]
struct Part {
    /// None where only value sets are named.
    system: Option<Box<str>>,
    codes: Codes,
    /// None where one is not at hand.
    value_sets: Vec<Option<Arc<Membership>>>,
}

/// Codes of one system.
#[derive(Debug)]
enum Codes {
    All,
    Listed(HashSet<Box<str>>),
    /// By the numbers of the concepts.
    Chosen {
        index: Arc<SystemIndex>,
        verdicts: Vec<Option<bool>>,
        is_complete: bool,
    },
    Unknown,
}

impl Membership {
    /// Whether a code is in the value set. Without a system, as in an element of type `code`, a code of any of its
    /// systems is. `None` where the part that would tell is not at hand. Codes that only group others are not.
    /// Of another version than the one that is named only a yes is taken over.
    pub fn contains(&self, system: Option<&str>, code: &str) -> Option<bool> {
        let any = |parts: &[Part]| {
            let mut found = Some(false);
            for part in parts {
                found = or(found, part.contains(system, code));
                if found == Some(true) {
                    break;
                }
            }
            found
        };
        let included = any(&self.include);
        let found = match included {
            Some(false) => Some(false),
            included => and(included, any(&self.exclude).map(|excluded| !excluded)),
        };
        let found = found.or_else(|| self.expansion.as_deref().and_then(any));
        found.filter(|is_in| *is_in || !self.is_other_version)
    }

    pub(super) fn of(schema: &Schema, url: &str, opening: &mut Opening) -> Option<Self> {
        let version = version::split(url).1;
        let Some(found) = schema.value_set(url) else { return Self::implicit(schema, url) };
        let mut made = opening.open(url, |opening| Self::of_value_set(schema, found, opening))?;
        made.is_other_version = !version::is_compatible(&found.version, version);
        Some(made)
    }

    fn of_value_set(schema: &Schema, value_set: &ValueSet, opening: &mut Opening) -> Self {
        let active = value_set.is_active_only;
        let mut parts =
            |parts: &[Include]| parts.iter().map(|part| Part::of(schema, part, active, opening)).collect();
        let expansion: Option<Vec<Part>> = value_set.expansion.as_deref().map(&mut parts);
        let include = parts(&value_set.include);
        let exclude = parts(&value_set.exclude);
        if include.is_empty()
            && let Some(expansion) = expansion
        {
            return Self { include: expansion, exclude, expansion: None, is_other_version: false };
        }
        Self { include, exclude, expansion, is_other_version: false }
    }

    /// The value set of all codes of a system, or of those below one (FHIR R4, 4.9.7, implicit value sets).
    fn implicit(schema: &Schema, url: &str) -> Option<Self> {
        let (system, filters) = match url.split_once("?fhir_vs") {
            Some((system, "")) => (system, Vec::new()),
            Some((system, chosen)) => {
                let filter = |value: &str| Filter {
                    property: "concept".into(),
                    op: "is-a".into(),
                    value: value.into(),
                };
                (system, vec![filter(chosen.strip_prefix("=isa/")?)])
            }
            None => (schema.system_of_value_set(url)?, Vec::new()),
        };
        schema.code_system(system)?;
        let include = Include {
            system: system.into(),
            version: Box::default(),
            concepts: Box::default(),
            filters: filters.into(),
            value_sets: Box::default(),
        };
        let include = vec![Part::of(schema, &include, false, &mut Opening::default())];
        Some(Self { include, exclude: Vec::new(), expansion: None, is_other_version: false })
    }

    /// How many codes it holds by itself.
    pub(super) fn codes(&self) -> usize {
        let of = |part: &Part| match &part.codes {
            Codes::Listed(codes) => codes.len(),
            Codes::Chosen { verdicts, .. } => verdicts.len() / 8,
            Codes::All | Codes::Unknown => 0,
        };
        self.include.iter().chain(&self.exclude).chain(self.expansion.iter().flatten()).map(of).sum()
    }
}

impl Part {
    fn of(schema: &Schema, include: &Include, is_active_only: bool, opening: &mut Opening) -> Self {
        let codes = if include.system.is_empty() && include.concepts.is_empty() {
            Codes::All
        } else {
            Codes::of(schema, include, is_active_only)
        };
        Self {
            system: (!include.system.is_empty()).then(|| include.system.clone()),
            codes,
            value_sets: include.value_sets.iter().map(|url| schema.membership_within(url, opening)).collect(),
        }
    }

    fn contains(&self, system: Option<&str>, code: &str) -> Option<bool> {
        if let (Some(own), Some(system)) = (&self.system, system)
            && &**own != system
        {
            return Some(false);
        }
        let system = system.or(self.system.as_deref());
        let in_set = |set: &Option<Arc<Membership>>| set.as_ref().and_then(|set| set.contains(system, code));
        let mut found = self.codes.contains(code);
        for set in &self.value_sets {
            if found == Some(false) {
                break;
            }
            found = and(found, in_set(set));
        }
        found
    }
}

impl Codes {
    fn of(schema: &Schema, include: &Include, is_active_only: bool) -> Self {
        if !include.concepts.is_empty() {
            let is_known = include.filters.is_empty() && include.concepts.len() <= CODES_MAX;
            let codes = include.concepts.iter().map(|(code, _)| code.clone());
            return if is_known { Self::Listed(codes.collect()) } else { Self::Unknown };
        }
        let system = schema.code_system(&include.system).filter(|system| !system.concepts.is_empty());
        let (Some(system), Some(index)) = (system, schema.system_index(&include.system)) else {
            return Self::Unknown;
        };
        let mut verdicts = verdicts(system, &include.filters);
        for (verdict, concept) in verdicts.iter_mut().zip(&system.concepts) {
            if concept.is_abstract || (is_active_only && concept.is_inactive) {
                *verdict = Some(false);
            }
        }
        let is_same = version::is_compatible(&system.version, &include.version);
        if !is_same {
            for verdict in &mut verdicts {
                *verdict = verdict.filter(|is_in| *is_in);
            }
        }
        Self::Chosen { index, verdicts, is_complete: is_same && system.is_complete() }
    }

    fn contains(&self, code: &str) -> Option<bool> {
        match self {
            Self::All => Some(true),
            Self::Listed(codes) => Some(codes.contains(code)),
            Self::Chosen { index, verdicts, is_complete } => match index.number(code) {
                Some(number) => verdicts.get(number).copied().flatten(),
                // Of a part of a system nobody knows what else it has.
                None => is_complete.then_some(false),
            },
            Self::Unknown => None,
        }
    }
}

impl Schema {
    /// Which codes the `ValueSet` at a node of a tree holds, as one that a resource contains.
    pub fn membership_at(&self, tree: &Tree, id: NodeId) -> Membership {
        Membership::of_value_set(self, &resources::value_set(Json::at(tree, id)), &mut Opening::default())
    }

    /// Whether a code is in a value set, as [`Membership::contains`] says; `None` also where the value set is not at
    /// hand.
    pub fn contains(&self, value_set: &str, system: Option<&str>, code: &str) -> Option<bool> {
        self.membership(value_set)?.contains(system, code)
    }
}
