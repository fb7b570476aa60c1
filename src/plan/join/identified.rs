//! Where references lead that name a resource by an identifier alone.
//!
//! Only persons and organisations answer, for of anything else the same identifier may be that of an order and of what was
//! done for it. The document itself answers first, then all documents; a patient of another document never does, for
//! whose plans are joined is decided on more than that.

use super::ids::IdMap;
use super::items::Items;
use crate::tree::NodeId;
use std::collections::{BTreeSet, HashMap};

/// What has an identifier of its own, which nothing else has.
pub(super) const NAMED: [&str; 5] =
    ["Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"];

/// What the references lead to, by the resource and the Reference in it.
#[derive(Default)]
pub(super) struct Identified(IdMap<usize, Vec<(NodeId, Option<usize>)>>);

impl Identified {
    /// Looks up the references of all documents. Which resources are one is known.
    pub(super) fn of(items: &Items<'_>) -> Self {
        let wanted: BTreeSet<&str> = items
            .members
            .iter()
            .flat_map(|member| member.named())
            .map(|named| named.identifier.as_str())
            .collect();
        let mut found = Self::default();
        if wanted.is_empty() {
            return found;
        }
        let mut known: HashMap<&str, Vec<usize>> = HashMap::new();
        for (member, contribution) in items.members.iter().enumerate() {
            let own = contribution.facts().own.iter();
            for (resource, identifier) in own.filter(|(_, identifier)| wanted.contains(identifier.as_str())) {
                known.entry(identifier).or_default().push(items.number(member, *resource));
            }
        }
        for (member, contribution) in items.members.iter().enumerate() {
            for named in contribution.named() {
                let from = items.number(member, named.from);
                let fits = |number: &&usize| {
                    let kind = items.kind(**number);
                    **number != from && named.kind.as_deref().is_none_or(|wanted| wanted == kind)
                };
                let all: Vec<usize> = known
                    .get(named.identifier.as_str())
                    .into_iter()
                    .flatten()
                    .filter(fits)
                    .copied()
                    .collect();
                let is_own = |number: &usize| items.list[*number].member == member;
                let elsewhere = |number: &usize| items.kind(*number) != "Patient";
                let one = only(items, all.iter().copied().filter(is_own))
                    .or_else(|| only(items, all.iter().copied().filter(elsewhere)));
                found.0.entry(from).or_default().push((named.node, one));
            }
        }
        found
    }

    /// The resource that the Reference at a node leads to.
    pub(super) fn at(&self, item: usize, node: NodeId) -> Option<usize> {
        self.0.get(&item)?.iter().find(|(at, _)| *at == node)?.1
    }

    /// What each of the references of a resource leads to, if to anything.
    pub(super) fn of_item(&self, item: usize) -> impl Iterator<Item = Option<usize>> {
        self.0.get(&item).into_iter().flatten().map(|(_, to)| *to)
    }
}

/// The first of the resources, where all of them are one.
fn only(items: &Items<'_>, mut numbers: impl Iterator<Item = usize>) -> Option<usize> {
    let first = numbers.next()?;
    numbers.all(|number| items.root(number) == items.root(first)).then_some(first)
}
