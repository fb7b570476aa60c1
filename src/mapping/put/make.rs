//! Making source elements.

use super::Run;
use crate::mapping::make::{list_flag, reusable};
use crate::mapping::program::{Condition, Path, Pick, Step, first, meets};
use crate::tree::{Kind, NodeId};
use std::ops::Range;

impl Run<'_> {
    pub(super) fn ensure(&mut self, path: &Path) -> Option<NodeId> {
        let start = self.sources[path.slot]?;
        if let Some(found) = first(&self.source, start, &path.steps) {
            return Some(found);
        }
        Some(self.reach(start, &path.steps, 0..path.steps.len()))
    }

    pub(super) fn ensure_parent(&mut self, path: &Path) -> Option<NodeId> {
        let start = self.sources[path.slot]?;
        let above = path.steps.len().checked_sub(1)?;
        Some(self.reach(start, &path.steps, 0..above))
    }

    /// Goes the steps of a range from an element, making those that are not there. The steps after the range say
    /// which of several elements will do.
    pub(super) fn reach(&mut self, from: NodeId, steps: &[Step], range: Range<usize>) -> NodeId {
        let mut here = from;
        for at in range {
            here = match reusable(&self.source, here, &steps[at], &steps[at + 1..]) {
                Some(found) => found,
                None => self.make_step(here, &steps[at]),
            };
        }
        here
    }

    /// Adds the element of a step after its likes, or where the definition ranks it.
    pub(super) fn make_step(&mut self, parent: NodeId, step: &Step) -> NodeId {
        self.open_list(parent, step);
        // The first item belongs to another rule, which had nothing for it.
        if step.pick == Pick::Rest && step.kind == Kind::Object && !self.has_item(parent, step) {
            let first = self.add_step(parent, step);
            return self.insert_step(parent, Some(first), step);
        }
        self.add_step(parent, step)
    }

    fn add_step(&mut self, parent: NodeId, step: &Step) -> NodeId {
        let like = self.source.children_named(parent, step.name).last();
        if let Some(like) = like {
            return self.insert_step(parent, Some(like), step);
        }
        self.rank_children(parent, step);
        let node = self.source.insert(parent, step.name, step.kind, list_flag(step), step.order);
        self.write_conditions(node, step);
        if matches!(step.pick, Pick::First | Pick::Same) {
            self.firsts.push(node);
        }
        node
    }

    /// True where an item is there that the conditions of a step let in.
    fn has_item(&self, parent: NodeId, step: &Step) -> bool {
        let mut items = self.source.children_named(parent, step.name);
        items.any(|item| meets(&self.source, item, &step.conditions))
    }

    /// `[]` gives way to items.
    pub(super) fn open_list(&mut self, parent: NodeId, step: &Step) {
        let empty = self
            .source
            .children_named(parent, step.name)
            .find(|node| self.source.kind(*node) == Kind::EmptyList);
        if let Some(empty) = empty {
            self.source.remove(empty);
        }
    }

    pub(super) fn insert_step(&mut self, parent: NodeId, before: Option<NodeId>, step: &Step) -> NodeId {
        let node =
            self.source.insert_after(parent, before, step.name, step.kind, list_flag(step), step.order);
        self.write_conditions(node, step);
        node
    }

    /// A document is read without ranks; they are looked up where one is needed.
    pub(super) fn rank_children(&mut self, parent: NodeId, step: &Step) {
        let children: Vec<NodeId> = self.source.children(parent).collect();
        let mut rank = 0;
        for child in children {
            let known = self.program.ranks.get(&(step.parent_type, self.source.name(child)));
            rank = known.copied().unwrap_or(rank).max(u16::from(rank > 0));
            self.source.set_order(child, rank);
        }
    }

    pub(super) fn write_conditions(&mut self, node: NodeId, step: &Step) {
        for condition in &step.conditions {
            self.write_condition(node, condition);
            if let Condition::Has(steps) = condition
                && steps.last().is_some_and(|last| last.kind == Kind::Object)
            {
                self.reach(node, steps, 0..steps.len());
            }
        }
    }

    /// Makes what the conditions of a variable ask for, so that the rule will read what it writes.
    pub(super) fn bring_about(&mut self, path: &Path) {
        let Some(start) = self.sources[path.slot] else { return };
        for condition in &path.conditions {
            if let Condition::Has(steps) = condition
                && steps.last().is_some_and(|last| last.kind == Kind::Object)
                && !meets(&self.source, start, std::slice::from_ref(condition))
            {
                // Rules inside may fill what the condition asks for.
                self.reach(start, steps, 0..steps.len());
            }
        }
    }

    pub(super) fn write_condition(&mut self, node: NodeId, condition: &Condition) {
        if let Condition::Equals(steps, text) = condition {
            let Some((last, above)) = steps.split_last() else { return };
            let parent = self.reach(node, steps, 0..above.len());
            let made = self.make_step(parent, last);
            self.write(made, text, last.kind);
        }
    }
}
