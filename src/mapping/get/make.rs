//! Making target elements.

use super::Run;
use crate::mapping::make::{equality, list_flag, reusable};
use crate::mapping::program::{Condition, Path, Step, anchor, first, meets};
use crate::tree::{Name, NodeId};

impl Run<'_> {
    /// Writes a constant; its element comes back.
    pub(super) fn constant(&mut self, path: &Path, text: &str, rule: usize) -> Option<NodeId> {
        let node = self.ensure(path, rule)?;
        self.target.set_text(node, text);
        self.origins.set(node, None, rule);
        Some(node)
    }

    /// The element that a path leads to, made where it is not there.
    pub(super) fn ensure(&mut self, path: &Path, rule: usize) -> Option<NodeId> {
        let mut here = self.targets[path.slot]?;
        let mut is_new = false;
        for (at, step) in path.steps.iter().enumerate() {
            if !step.is_plain() {
                return self.ensure_items(here, &path.steps[at..], is_new, rule);
            }
            let there = if is_new { None } else { self.target.child(here, step.name) };
            is_new = there.is_none();
            here = match there {
                Some(there) => there,
                None => self.insert(here, step, rule)?,
            };
        }
        Some(here)
    }

    /// As [`Run::ensure`], for steps that begin with one that may repeat or states conditions.
    fn ensure_items(&mut self, start: NodeId, steps: &[Step], is_new: bool, rule: usize) -> Option<NodeId> {
        if !is_new && let Some(found) = first(&self.target, start, steps) {
            return Some(found);
        }
        let parent = self.ensure_above(start, steps, rule)?;
        self.make_step(parent, steps.last()?, rule)
    }

    pub(super) fn ensure_parent(&mut self, path: &Path, rule: usize) -> Option<NodeId> {
        self.ensure_above(self.targets[path.slot]?, &path.steps, rule)
    }

    fn ensure_above(&mut self, start: NodeId, steps: &[Step], rule: usize) -> Option<NodeId> {
        let mut here = start;
        let (_, above) = steps.split_last()?;
        for (at, step) in above.iter().enumerate() {
            here = match reusable(&self.target, here, step, &steps[at + 1..]) {
                Some(found) => found,
                None => self.make_step(here, step, rule)?,
            };
        }
        Some(here)
    }

    /// A new item at a path: the last step that may repeat is made anew.
    pub(super) fn make(&mut self, path: &Path, rule: usize) -> Option<NodeId> {
        let mut here = self.targets[path.slot]?;
        let anchor = anchor(&path.steps).unwrap_or(0);
        for (at, step) in path.steps.iter().enumerate() {
            // Below the new item only what its conditions wrote is there already.
            let fresh = at + 1 == anchor;
            let there = if fresh && !step.list { self.target.child(here, step.name) } else { None };
            // An element that stands once takes one resource; conditions may have begun it.
            if there.is_some_and(|there| self.target.child(there, Name::REFERENCE).is_some()) {
                return None;
            }
            let reuse = if fresh { there } else { reusable(&self.target, here, step, &path.steps[at + 1..]) };
            here = match reuse {
                Some(found) => found,
                None => self.make_step(here, step, rule)?,
            };
        }
        Some(here)
    }

    /// Makes the element of a step. One that stands once and is there takes the conditions of the step on,
    /// unless it says otherwise already; then there is no place.
    pub(super) fn make_step(&mut self, parent: NodeId, step: &Step, rule: usize) -> Option<NodeId> {
        if !step.list
            && let Some(there) = self.target.child(parent, step.name)
        {
            for condition in &step.conditions {
                if meets(&self.target, there, std::slice::from_ref(condition)) {
                    continue;
                }
                let (steps, _) = equality(condition)?;
                if steps.iter().all(|step| !step.list) && first(&self.target, there, steps).is_some() {
                    return None;
                }
                self.write_condition(there, condition, rule);
            }
            return Some(there);
        }
        self.insert(parent, step, rule)
    }

    /// Adds an element for a step with what its conditions state, unless the place is taken by another form.
    fn insert(&mut self, parent: NodeId, step: &Step, rule: usize) -> Option<NodeId> {
        if self.has_other_form(parent, step) {
            return None;
        }
        let node = self.target.insert(parent, step.name, step.kind, list_flag(step), step.order);
        for condition in &step.conditions {
            self.write_condition(node, condition, rule);
        }
        Some(node)
    }

    /// True where another form of the same choice stands already, as `valueString` beside `valueCodeableConcept`: of
    /// several forms the first that is said counts (FHIR R4, 2.6.1.5).
    fn has_other_form(&self, parent: NodeId, step: &Step) -> bool {
        let is_other =
            |child: NodeId| self.target.order(child) == step.order && self.target.name(child) != step.name;
        step.is_form && self.target.children(parent).any(is_other)
    }

    pub(super) fn write_condition(&mut self, node: NodeId, condition: &Condition, rule: usize) {
        if let Condition::Equals(steps, text) = condition {
            let mut here = node;
            for (at, step) in steps.iter().enumerate() {
                here = match reusable(&self.target, here, step, &steps[at + 1..]) {
                    Some(found) if at + 1 < steps.len() => found,
                    _ => match self.make_step(here, step, rule) {
                        Some(made) => made,
                        None => return,
                    },
                };
            }
            self.target.set_text(here, text);
            self.origins.set(here, None, rule);
        }
    }

    /// Takes back what conditions stated in an element that was there, where the rules inside then wrote nothing.
    pub(super) fn take_back(&mut self, place: NodeId, before: usize) {
        let is_new = |node: &NodeId| node.index() >= before;
        let below: Vec<NodeId> = self.target.descend(place).filter(is_new).collect();
        for node in below {
            if self.target.parent(node).is_some_and(|parent| !is_new(&parent)) {
                self.target.remove(node);
            }
        }
    }
}
