//! What goes from the document when a target element goes: what the rules of its relation carried, leaf by leaf, and
//! then the element, if nothing is left in it. What other rules carry, what is kept and what no rule knows stays.

use super::Run;
use crate::mapping::Format;
use crate::mapping::make::{equality, is_bare, is_stated};
use crate::mapping::program::{Block, Content, Pick, Relation, Settled, Step, anchor};
use crate::tree::{Kind, NodeId};

impl Run<'_> {
    /// Takes away what a relation carried of a source element whose target is gone.
    pub(super) fn take_leave(&mut self, place: NodeId, relation: &Relation) {
        if relation.source.steps.iter().any(|step| step.pick == Pick::First) {
            // Without it the second item would be the first.
            return self.clear_element(place, relation);
        }
        if self.program.format == Format::Fhir {
            // There all of an element is carried, by `rest` if by no other rule.
            return self.remove_item(place, &relation.source);
        }
        self.clear_element(place, relation);
        self.drop_element(place, relation);
    }

    /// Takes away what the rules of a relation carried of an element, which itself stays.
    pub(super) fn clear_element(&mut self, place: NodeId, relation: &Relation) {
        self.sources[relation.source_slot] = self.follow_place(place, relation);
        self.news[relation.target_slot] = None;
        self.content(&relation.block);
    }

    /// Removes an element that holds nothing but what its path and its rules state, with what is empty then above it.
    /// An item of a list goes as well where only unmapped content is left: it was the item that went.
    fn drop_element(&mut self, place: NodeId, relation: &Relation) {
        let steps = &relation.source.steps;
        let items = anchor(steps).unwrap_or(0);
        let mut here = place;
        for at in (0..steps.len()).rev() {
            let Some(step) = steps.get(at) else { return };
            let is_item = at + 1 == items && !self.is_carried_below(here);
            let is_empty = if at + 1 == steps.len() {
                self.is_stated_only(here, step, relation)
            } else {
                is_bare(&self.source, here, step)
            };
            let Some(parent) = self.source.parent(here).filter(|_| is_item || is_empty) else { return };
            self.source.remove(here);
            here = parent;
        }
    }

    /// True where a rule carries a leaf of an element, or made it.
    fn is_carried_below(&mut self, node: NodeId) -> bool {
        let below: Vec<NodeId> = self.source.descend(node).collect();
        below.into_iter().any(|below| self.source.kind(below).is_leaf() && self.is_carried(below))
    }

    /// True for a text that the unit keeps to itself: no rule carried it, so none may take it away or write over it.
    pub(super) fn is_kept(&mut self, node: NodeId) -> bool {
        // In FHIR documents all is carried; what several elements restate they say anew.
        self.before.is_some() && self.program.format != Format::Fhir && !self.is_carried(node)
    }

    fn is_carried(&mut self, node: NodeId) -> bool {
        let Some(before) = self.before else { return true };
        let carried = self.carried.get_or_insert_with(|| {
            let mut carried = Vec::new();
            for from in before.target.descend(NodeId::ROOT).filter_map(|made| before.origins.source(made)) {
                let at = from.index();
                if carried.len() <= at {
                    carried.resize(at + 1, false);
                }
                carried[at] = true;
            }
            carried.resize(before.read, false);
            for again in before.said_again.keys() {
                carried[again.index()] = true;
            }
            carried
        });
        // A text is carried with the element that it is the text of. What is new rules have made.
        let element = if self.source.kind(node) == Kind::Text { self.source.parent(node) } else { None };
        carried.get(element.unwrap_or(node).index()).copied().unwrap_or(true)
    }

    fn is_stated_only(&self, node: NodeId, step: &Step, relation: &Relation) -> bool {
        let mut stated: Vec<(&[Step], &str)> = step.conditions.iter().filter_map(equality).collect();
        constants(&relation.block, relation.source_slot, &mut stated);
        self.source.children(node).all(|child| is_stated(&self.source, child, &stated))
    }
}

/// The constants that rules write into the element of a source slot.
fn constants<'a>(block: &'a Block, slot: usize, out: &mut Vec<(&'a [Step], &'a str)>) {
    for (_, settled) in &block.settled {
        if let Settled::SourceConstant { path, text } = settled
            && path.slot == slot
        {
            out.push((&path.steps, text));
        }
    }
    for (_, content) in &block.content {
        if let Content::Relate(inner) = content
            && inner.source.slot == slot
            && inner.source.steps.is_empty()
        {
            constants(&inner.block, inner.source_slot, out);
        }
    }
}
