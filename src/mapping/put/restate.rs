//! Elements of the document that say again what stands in a resource which other rules carry.

use super::Run;
use crate::mapping::get::{Got, Restated};
use crate::mapping::program::{Program, Rest, Restatement};
use crate::mapping::sync::{sync_children, sync_group};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};

/// Bytes of all that elements restate in one run. Many may restate one large resource; beyond this their References
/// stay plain.
const RESTATED_BYTES_MAX: usize = 64 << 20;

/// What an element says of a resource to which the Reference at `place` leads: its root is the element.
pub(in crate::mapping) fn restated(
    program: &Program,
    resources: &Tree,
    restatement: &Restatement,
    place: NodeId,
    resource: NodeId,
) -> Tree {
    let mut element = Tree::new(&program.names);
    element.push_root(Name::NONE, Kind::Object);
    let relation = &restatement.relation;
    let mut run = Run::restating(program, element, resources);
    run.sources[relation.source_slot] = Some(NodeId::ROOT);
    run.news[relation.target_slot] = Some(resource);
    if let Some(held) = run.ensure(&restatement.reference) {
        run.source.fill_from(held, resources, place);
    }
    run.content(&relation.block);
    run.source
}

impl Run<'_> {
    /// An element that restates goes on doing so as long as there is something to restate. Where there was no such
    /// Reference, as in a new document, the element begins to; what a unit wrote as a plain Reference stays plain.
    pub(super) fn restate(&mut self, restatement: &Restatement) -> bool {
        let relation = &restatement.relation;
        let old = self.find_old(&relation.target);
        let restated = old.and_then(|(got, place)| Some((got, place, got.restated.get(&place)?)));
        let place = self.find_new(&relation.target);
        let resource = place.and_then(|place| self.follow_new(place, relation));
        if let (Some(place), Some(resource)) = (place, resource)
            && self.restated_bytes < RESTATED_BYTES_MAX
            && (restated.is_some() || !old.is_some_and(|(got, old)| self.leads_as_before(got, old, place)))
        {
            let same = |(got, old, restated): (&Got, NodeId, &Restated)| {
                same_content(&got.target, old, self.changed, place)
                    && same_content(&got.target, restated.resource, self.changed, resource)
            };
            if restated.is_some_and(same) {
                return true;
            }
            if restated.is_none() {
                self.clear(restatement);
            }
            return self.say_again(restatement, place, resource);
        }
        if restated.is_some() {
            self.fall_silent(restatement);
        }
        let wrote = self.content(&restatement.otherwise);
        self.settle(&restatement.otherwise, self.got.is_none());
        wrote
    }

    fn leads_as_before(&self, got: &Got, old: NodeId, new: NodeId) -> bool {
        let text = |tree: &Tree, place: NodeId| {
            tree.child(place, Name::REFERENCE).map(|reference| tree.text(reference).into_owned())
        };
        text(&got.target, old) == text(self.changed, new)
    }

    /// Carries only what changed of the lists that are as long as they were, and gives their names. The unit's own
    /// words for a resource that an element says again may be older than the element; as long as nobody changes
    /// that resource they stay.
    pub(super) fn carry_changes(&mut self, rest: &Rest, to: NodeId, new: NodeId) -> Vec<Name> {
        let got = self.got.filter(|got| !got.restated.is_empty());
        let (Some(got), Some(old)) = (got, self.olds[rest.target_slot]) else { return Vec::new() };
        let mut names: Vec<Name> = self.changed.children(new).map(|child| self.changed.name(child)).collect();
        // A name that the definitions do not have has another number in every tree.
        names.retain(|name| name.number() < self.program.names.len() && !rest.target_named.contains(name));
        names.sort_unstable();
        names.dedup();
        names.retain(|name| {
            let items = |tree: &Tree, node: NodeId| tree.children_named(node, *name).collect::<Vec<NodeId>>();
            let (olds, news) = (items(&got.target, old), items(self.changed, new));
            let have = items(&self.source, to);
            if olds.len() != news.len() || have.len() != news.len() {
                return false;
            }
            for ((old, new), have) in olds.into_iter().zip(news).zip(have) {
                if !same_content(&got.target, old, self.changed, new) {
                    let is_item = self.changed.flags(new).has(Flags::LIST);
                    let flags = if is_item { Flags::LIST } else { Flags::default() };
                    let place = (*name, flags, self.changed.order(new));
                    sync_group(&mut self.source, to, &[have], self.changed, &[new], place);
                }
            }
            true
        });
        names
    }

    fn say_again(&mut self, restatement: &Restatement, place: NodeId, resource: NodeId) -> bool {
        let wanted = restated(self.program, self.changed, restatement, place, resource);
        self.restated_bytes +=
            wanted.descend(NodeId::ROOT).map(|node| 1 + wanted.raw_text(node).len()).sum::<usize>();
        let Some(element) = self.ensure(&restatement.relation.source) else { return false };
        sync_children(&mut self.source, element, &wanted, NodeId::ROOT, &[], &[]);
        true
    }

    /// Takes away what the other rules wrote in place of a restatement.
    fn clear(&mut self, restatement: &Restatement) {
        let slot = restatement.relation.target.slot;
        if self.olds[slot].is_some() {
            let new = self.news[slot].take();
            self.content(&restatement.otherwise);
            self.news[slot] = new;
        }
    }

    /// Takes a restatement away, so that the other rules find what they would in a new document.
    fn fall_silent(&mut self, restatement: &Restatement) {
        let source = &restatement.relation.source;
        if let Some(element) = self.find_source(source) {
            self.remove_item(element, source);
        }
    }
}
