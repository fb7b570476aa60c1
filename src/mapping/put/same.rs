//! A value that stands on every item of a list: written on all of them when it changes, and on each new item.

use super::leaf::says_something;
use super::{Old, Run};
use crate::mapping::program::{Leaf, Path, Relation, all, anchor, any, first, meets};
use crate::tree::{Flags, Kind, NodeId};

/// What all items of a list say, once the rules have run.
#[derive(Debug)]
pub(super) struct Said {
    /// Where the path begins.
    start: NodeId,
    path: Path,
    kind: Kind,
    text: Option<String>,
    is_changed: bool,
}

impl Run<'_> {
    /// Writes the value where it stands first, and notes it for the other items.
    pub(super) fn same_leaf(&mut self, leaf: &Leaf, rule: usize) -> bool {
        let Some(start) = self.sources[leaf.source.slot] else { return false };
        if self.find_new(&leaf.target).is_none() && self.find_old(&leaf.target).is_none() {
            return false;
        }
        let place = self.find_said(&leaf.source);
        let before = place.map(|node| self.source.text(node).into_owned());
        let wrote = self.one_leaf(leaf, rule);
        // Another item may still say what was taken away from this one.
        let place = if wrote { place.or_else(|| self.find_said(&leaf.source)) } else { None };
        let text = place.map(|node| self.source.text(node).into_owned());
        let said = Said {
            start,
            path: leaf.source.clone(),
            kind: leaf.source_kind,
            is_changed: text != before,
            text,
        };
        self.said.push(said);
        wrote
    }

    /// The first place of a path that says something.
    pub(super) fn find_said(&self, path: &Path) -> Option<NodeId> {
        if self.program.same_lists.is_empty() || path.same().is_none() {
            return self.find_source(path).filter(|node| says_something(&self.source, *node));
        }
        let start = self.sources[path.slot].filter(|start| meets(&self.source, *start, &path.conditions))?;
        let mut found = None;
        any(&self.source, start, &path.steps, &mut |node| {
            found = says_something(&self.source, node).then_some(node);
            found.is_some()
        });
        found
    }

    /// Writes what was noted on all items of its list, or only on new ones where it is as it was: an item that was
    /// silent may stay so.
    pub(super) fn say_on_all(&mut self) {
        for said in std::mem::take(&mut self.said) {
            let Some(at) = said.path.same() else { continue };
            let (above, below) = said.path.steps.split_at(at + 1);
            let mut items = Vec::new();
            all(&self.source, said.start, above, &mut items);
            if items.is_empty() && said.text.is_some() {
                items.push(self.reach(said.start, above, 0..above.len()));
            }
            items.retain(|item| said.is_changed || self.source.flags(*item).has(Flags::NEW));
            for item in items {
                let place = first(&self.source, item, below);
                match &said.text {
                    Some(text) => {
                        let place = place.unwrap_or_else(|| self.reach(item, below, 0..below.len()));
                        if self.source.text(place) != *text {
                            self.write(place, text, said.kind);
                        }
                    }
                    None => place.into_iter().for_each(|place| self.source.remove(place)),
                }
            }
        }
    }

    /// Removes an item. The last of a list whose items say something that is still wanted stays for that.
    pub(super) fn remove_old(&mut self, relation: &Relation, old: &Old, is_none_wanted: bool) {
        let steps = &relation.source.steps;
        let step = anchor(steps).and_then(|at| steps.get(at.checked_sub(1)?));
        let is_last = step.filter(|step| self.program.same_lists.contains(&step.name)).is_some_and(|step| {
            let parent = self.source.parent(old.anchor);
            parent.is_some_and(|parent| self.source.children_named(parent, step.name).count() == 1)
        });
        if !(is_last && is_none_wanted) {
            return self.source.remove(old.anchor);
        }
        self.olds[relation.target_slot] = Some(old.target);
        self.clear_element(old.source, relation);
    }
}
