//! Elements of the document that say again what stands in a resource which other rules carry.

use super::Run;
use super::carry::{States, carry_children, carry_group, list_flag};
use crate::mapping::get::{Got, Restated};
use crate::mapping::program::{Copied, Program, Rest, Restatement, all};
use crate::mapping::sync::sync_children;
use crate::tree::{Kind, Name, NodeId, Tree, same_content};

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
            if let Some((got, old, was)) = restated
                && self.leads_as_before(got, old, place)
            {
                return self.say_changes(restatement, (old, was.resource), (place, resource));
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

    /// Carries of what no rule names only what changed, and gives the names: what a unit says of a resource that an
    /// element says again may be older than the element, and nobody has edited that.
    pub(super) fn carry_changes(&mut self, rest: &Rest, to: NodeId, new: NodeId) -> Vec<Name> {
        let got = self.got.filter(|got| !got.restated.is_empty());
        let (Some(got), Some(old)) = (got, self.olds[rest.target_slot]) else { return Vec::new() };
        let mut names: Vec<Name> = self.changed.children(new).map(|child| self.changed.name(child)).collect();
        // A name that the definitions do not have has another number in every tree.
        names.retain(|name| name.number() < self.program.names.len() && !rest.target_named.contains(name));
        names.sort_unstable();
        names.dedup();
        for name in &names {
            let items = |tree: &Tree, node: NodeId| tree.children_named(node, *name).collect::<Vec<NodeId>>();
            let (olds, news) = (items(&got.target, old), items(self.changed, new));
            let Some(first) = news.first().copied() else { continue };
            let flags = list_flag(self.changed, first);
            let states = States { old_tree: &got.target, old: olds, new_tree: self.changed, new: news };
            carry_group(&mut self.source, to, &states, (*name, flags, self.changed.order(first)));
        }
        names
    }

    /// Carries into a resource that is copied what changed in it; false where nothing says it again, or it is another.
    pub(super) fn carry_copy(&mut self, copied: &Copied, have: &[NodeId], wanted: &[NodeId]) -> bool {
        let Some(got) = self.got.filter(|got| !got.restated.is_empty()) else { return false };
        let Some(start) = self.olds[copied.target.slot] else { return false };
        let mut olds = Vec::new();
        all(&got.target, start, &copied.target.steps, &mut olds);
        let ([to], [old], [new]) = (have, olds.as_slice(), wanted) else { return false };
        let kind = |tree: &Tree, node| tree.resource_type(node).map(std::borrow::Cow::into_owned);
        let is_same = self.source.kind(*to) == Kind::Object
            && kind(&got.target, *old).is_some_and(|old| {
                Some(&old) == kind(self.changed, *new).as_ref()
                    && Some(&old) == kind(&self.source, *to).as_ref()
            });
        if is_same {
            let states = States { old_tree: &got.target, old: *old, new_tree: self.changed, new: *new };
            carry_children(&mut self.source, *to, states);
        }
        is_same
    }

    /// Says of a resource again what changed in it.
    fn say_changes(
        &mut self,
        restatement: &Restatement,
        (old_place, was): (NodeId, NodeId),
        (place, resource): (NodeId, NodeId),
    ) -> bool {
        let (Some(got), Some(element)) = (self.got, self.find_source(&restatement.relation.source)) else {
            return self.say_again(restatement, place, resource);
        };
        let old = restated(self.program, &got.target, restatement, old_place, was);
        let new = self.wanted(restatement, place, resource);
        let states = States { old_tree: &old, old: NodeId::ROOT, new_tree: &new, new: NodeId::ROOT };
        carry_children(&mut self.source, element, states);
        true
    }

    fn say_again(&mut self, restatement: &Restatement, place: NodeId, resource: NodeId) -> bool {
        let wanted = self.wanted(restatement, place, resource);
        let Some(element) = self.ensure(&restatement.relation.source) else { return false };
        sync_children(&mut self.source, element, &wanted, NodeId::ROOT, &[], &[]);
        true
    }

    /// What an element is to say of a resource.
    fn wanted(&mut self, restatement: &Restatement, place: NodeId, resource: NodeId) -> Tree {
        let wanted = restated(self.program, self.changed, restatement, place, resource);
        self.restated_bytes +=
            wanted.descend(NodeId::ROOT).map(|node| 1 + wanted.raw_text(node).len()).sum::<usize>();
        wanted
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
