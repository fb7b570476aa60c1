//! What a search asks of a resource: of its values, which is exact, and of its keys, which never excludes too much.

use super::clause::{Clause, Selection, settled};
use super::key::Slot;
use super::range::RangeTest;
use super::table::{Found, Parameters};
use super::test::Test;
use crate::tree::{Tree, fhir};
use std::sync::Arc;

/// What a search asks of a resource.
#[derive(Clone, PartialEq)]
pub(super) enum Condition {
    Everything,
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Present(Slot),
    Test { slot: Slot, test: Test },
    Refers { slot: Slot, to: Selection },
    ReferredBy { slot: Slot, by: Selection },
    Ids(Vec<String>),
    Is { kind: String, id: String },
    Updated(RangeTest),
}

/// What a document must pass where its keys do not decide.
#[derive(Clone)]
pub struct Exact {
    parameters: Parameters,
    condition: Arc<Condition>,
}

impl Exact {
    /// True where a resource passes, read with the names of the same definitions. A clause about other resources, which one document cannot tell, counts as passed:
    /// the clause of the selection has decided it.
    pub fn holds(&self, tree: &Tree) -> bool {
        let found = self.parameters.values(tree).unwrap_or_default();
        self.condition.holds(&found) != Some(false)
    }

    /// As [`Exact::holds`], of a resource as it is stored, in JSON. What cannot be read passes: its keys have decided.
    pub fn holds_document(&self, json: &[u8]) -> bool {
        let text = std::str::from_utf8(json).ok();
        let tree = text.and_then(|text| fhir::read_json(text, self.parameters.schema().names()).ok());
        tree.is_none_or(|tree| self.holds(&tree))
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.condition == other.condition
    }
}

impl std::fmt::Debug for Exact {
    /// Without what is searched for.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Exact")
    }
}

/// Which way a clause may differ from its condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// It lets pass all that the condition does.
    Upper,
    /// It lets nothing else pass.
    Lower,
}

impl Bound {
    const fn other(self) -> Self {
        match self {
            Self::Upper => Self::Lower,
            Self::Lower => Self::Upper,
        }
    }
}

impl Condition {
    /// The resources of some types that pass, and what each of them must pass.
    pub(super) fn select(self, types: Vec<String>, parameters: &Parameters) -> (Selection, Exact) {
        let (clause, is_decided) = (self.clause(Bound::Upper), self.is_decided());
        let whole = Exact { parameters: parameters.clone(), condition: Arc::new(self) };
        (Selection { types, clause, exact: (!is_decided).then(|| whole.clone()) }, whole)
    }

    /// Both, or the one where the other asks for nothing.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, one) | (one, Self::Everything) => one,
            (Self::All(mut parts), other) => {
                parts.push(other);
                Self::All(parts)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }

    fn clause(&self, bound: Bound) -> Clause {
        let all = |parts: &[Self]| parts.iter().map(|part| part.clause(bound)).collect();
        match self {
            Self::Everything => Clause::Everything,
            Self::All(parts) => Clause::All(all(parts)),
            Self::Any(parts) => joined(all(parts)),
            Self::Not(part) => Clause::Not(Box::new(part.clause(bound.other()))),
            Self::Present(slot) => Clause::Present(*slot),
            Self::Test { slot, test } => {
                let asked = test.asked(*slot);
                if asked.is_exact || bound == Bound::Upper { asked.clause } else { Clause::NOTHING }
            }
            Self::Refers { slot, to } => Clause::Refers { slot: *slot, to: Box::new(to.clone()) },
            Self::ReferredBy { slot, by } => Clause::ReferredBy { slot: *slot, by: Box::new(by.clone()) },
            Self::Ids(ids) => Clause::Ids(ids.clone()),
            Self::Is { kind, id } => Clause::Is { kind: kind.clone(), id: id.clone() },
            Self::Updated(test) => Clause::Updated(*test),
        }
    }

    /// True where keys and the document decide together: no alternative asks other resources beside one that asks
    /// what no key tells.
    pub(super) fn is_told(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::is_told),
            Self::Any(_) | Self::Not(_) => self.is_decided() || !self.asks_others(),
            _ => true,
        }
    }

    fn asks_others(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::asks_others),
            Self::Not(part) => part.asks_others(),
            Self::Refers { .. } | Self::ReferredBy { .. } => true,
            _ => false,
        }
    }

    /// True where keys decide.
    fn is_decided(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().all(Self::is_decided),
            Self::Not(part) => part.is_decided(),
            Self::Test { slot, test } => test.asked(*slot).is_exact,
            Self::Everything
            | Self::Present(_)
            | Self::Refers { .. }
            | Self::ReferredBy { .. }
            | Self::Ids(_)
            | Self::Is { .. }
            | Self::Updated(_) => true,
        }
    }

    /// Whether a resource passes; none where other resources decide.
    pub(super) fn holds(&self, found: &Found<'_>) -> Option<bool> {
        match self {
            Self::Everything => Some(true),
            Self::All(parts) => every(parts, found),
            Self::Any(parts) => {
                let none = parts.iter().map(|part| part.holds(found).map(|holds| !holds));
                settled(none).map(|holds| !holds)
            }
            Self::Not(part) => part.holds(found).map(|holds| !holds),
            Self::Present(slot) => Some(found.values.iter().any(|(at, _)| at == slot)),
            Self::Test { slot, test } => {
                Some(found.values.iter().any(|(at, value)| at == slot && test.holds(value)))
            }
            Self::Refers { .. } | Self::ReferredBy { .. } => None,
            Self::Ids(ids) => Some(ids.contains(&found.id)),
            Self::Is { kind, id } => Some(*kind == found.kind && *id == found.id),
            Self::Updated(test) => Some(found.updated.is_some_and(|at| test.holds(at, at))),
        }
    }
}

/// Clauses of which one must pass: hashes of one slot are asked for together.
fn joined(clauses: Vec<Clause>) -> Clause {
    let mut kept: Vec<Clause> = Vec::with_capacity(clauses.len());
    for clause in clauses {
        if let Clause::Hash { slot, hashes } = &clause
            && let Some(Clause::Hash { hashes: all, .. }) =
                kept.iter_mut().find(|kept| matches!(kept, Clause::Hash { slot: at, .. } if at == slot))
        {
            all.extend(hashes.iter().copied());
            continue;
        }
        kept.push(clause);
    }
    match kept.len() {
        1 => kept.pop().unwrap_or(Clause::NOTHING),
        _ => Clause::Any(kept),
    }
}

fn every(parts: &[Condition], found: &Found<'_>) -> Option<bool> {
    settled(parts.iter().map(|part| part.holds(found)))
}
