//! Relations of elements: what stands in a pair of braces, once or for each item of a list.

use super::{RESOURCES_MAX, Run};
use crate::mapping::make::is_bare;
use crate::mapping::program::{Content, Fate, Path, Relation, all, meets};
use crate::tree::{Name, NodeId};

impl<'a> Run<'a> {
    pub(super) fn relate(&mut self, relation: &'a Relation, rule: usize) -> bool {
        self.sources[relation.source_slot] = None;
        self.targets[relation.target_slot] = None;
        let Some(mut node) = self.find_source(&relation.source) else { return false };
        if let Some(resource) = &relation.source_resource {
            let Some(found) = self.follow_source(node, resource) else { return false };
            if resource.by_reference {
                self.set_fate(node, Fate::Carried, rule);
            }
            node = found;
        }
        if relation.is_out_of_reach(self.reach[node.index()]) {
            self.pass_over_all(relation, node);
            return false;
        }
        // A Reference that is there already belongs to another resource.
        let own = relation.target_resource.is_some();
        let before = self.target.len();
        let place = if own { self.make(&relation.target, rule) } else { self.ensure(&relation.target, rule) };
        let Some(place) = place else { return false };
        let made = place.index() >= before;
        let wrote = self.item(relation, node, place, made, rule);
        if !wrote && !made && !relation.target.steps.is_empty() {
            self.take_back(place, before);
        }
        wrote
    }

    pub(super) fn each(&mut self, relation: &'a Relation, rule: usize) -> bool {
        self.sources[relation.source_slot] = None;
        self.targets[relation.target_slot] = None;
        let Some(start) = self.sources[relation.source.slot] else { return false };
        if !meets(self.source, start, &relation.source.conditions) {
            return false;
        }
        let base = self.stack.len();
        let mut found = std::mem::take(&mut self.stack);
        all(self.source, start, &relation.source.steps, &mut found);
        self.stack = found;
        let mut wrote = false;
        for at in base..self.stack.len() {
            let mut node = self.stack[at];
            if let Some(resource) = &relation.source_resource {
                let Some(found) = self.follow_source(node, resource) else { continue };
                if resource.by_reference {
                    self.set_fate(node, Fate::Carried, rule);
                }
                node = found;
            }
            if relation.is_out_of_reach(self.reach[node.index()]) {
                self.pass_over_all(relation, node);
                continue;
            }
            if let Some(place) = self.make(&relation.target, rule) {
                wrote |= self.item(relation, node, place, true, rule);
            }
        }
        self.stack.truncate(base);
        wrote
    }

    /// Runs the rules of a relation for one pair of elements; an element that stays empty is taken back.
    pub(super) fn item(
        &mut self,
        relation: &'a Relation,
        node: NodeId,
        place: NodeId,
        made: bool,
        rule: usize,
    ) -> bool {
        let mut element = place;
        let mut entry = None;
        if let Some(resource) = &relation.target_resource {
            if resource.by_reference {
                if self.minted.len() >= RESOURCES_MAX {
                    return false;
                }
                let (new_entry, new_resource) = self.new_entry(resource, rule);
                entry = Some(new_entry);
                element = new_resource;
            } else {
                self.start_resource(place, resource, rule);
            }
        }
        if relation.source_resource.is_some()
            && let Some(kind) = self.source.child(node, Name::RESOURCE_TYPE)
        {
            self.set_fate(kind, Fate::Carried, rule);
        }
        self.sources[relation.source_slot] = Some(node);
        self.targets[relation.target_slot] = Some(element);
        // A relation inside may have the same target; by the origin `put` finds the item of the list again.
        for made in [place, element] {
            if self.origins.rule(made).is_none() {
                self.origins.set(made, Some(node), rule);
            }
        }
        let wrote = self.block(&relation.block);
        if !wrote {
            if let Some(entry) = entry {
                self.target.remove(entry);
            }
            if made {
                self.withdraw(place, &relation.target);
            }
            self.targets[relation.target_slot] = None;
            return false;
        }
        self.mark_way(&relation.source, node, rule);
        if let (Some(entry), Some(resource)) = (entry, &relation.target_resource) {
            self.finish_entry(place, entry, element, resource, rule);
        }
        true
    }

    /// Takes back an element that was made for nothing, with the elements above it that hold nothing else.
    pub(super) fn withdraw(&mut self, place: NodeId, path: &Path) {
        let mut here = place;
        for at in (0..path.steps.len()).rev() {
            let Some(parent) = self.target.parent(here) else { return };
            self.target.remove(here);
            let Some(above) = at.checked_sub(1).and_then(|above| path.steps.get(above)) else { return };
            if !is_bare(&self.target, parent, above) {
                return;
            }
            here = parent;
        }
    }

    /// A rule whose element is not there binds nothing.
    pub(super) fn pass_over(&mut self, content: &Content) {
        if let Content::Relate(relation) = content {
            self.sources[relation.source_slot] = None;
            self.targets[relation.target_slot] = None;
            if relation.source.steps.is_empty()
                && let Some(node) = self.find_source(&relation.source)
            {
                self.pass_over_all(relation, node);
            }
        }
    }

    /// As [`Run::item`] for an element that has nothing for the rules inside: nothing is made, what is kept is marked.
    fn pass_over_all(&mut self, relation: &Relation, node: NodeId) {
        self.sources[relation.source_slot] = Some(node);
        self.targets[relation.target_slot] = None;
        for (rule, mark) in &relation.block.marks {
            self.mark(mark, *rule);
        }
        for (_, content) in &relation.block.content {
            self.pass_over(content);
        }
    }
}
