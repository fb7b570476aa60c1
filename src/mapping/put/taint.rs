//! What of the wanted resources is as it was, so that no rule need look at it.

use crate::mapping::get::Got;
use crate::mapping::links::Links;
use crate::tree::{Name, NodeId, Tree, same_content};
use std::collections::HashMap;

/// Which resources that `get` made differ from those of the same name that are wanted, and what leads to them.
#[derive(Debug, Default)]
pub(super) struct Taint {
    /// Resources that are as they were, and lead only to such, with their wanted counterparts.
    pub(super) clean: HashMap<NodeId, NodeId>,
    /// For each node of what `get` gave whether a reference at or below it leads to a resource that is not clean.
    pub(super) below: Vec<bool>,
}

impl Taint {
    #[allow(clippy::iter_over_hash_type, reason = "marks are set, and no order of setting them shows")]
    pub(super) fn of(got: &Got, changed: &Tree, links: &Links) -> Self {
        let mut taint = Self { clean: HashMap::new(), below: vec![false; got.target.len()] };
        for (place, resource) in &got.made_for {
            let reference = got.target.child(*place, Name::REFERENCE);
            let new = reference.and_then(|at| links.find(changed, *place, &got.target.text(at)));
            if let Some(new) = new.filter(|new| same_content(&got.target, *resource, changed, *new)) {
                taint.clean.insert(*resource, new);
            }
        }
        for (place, restated) in &got.restated {
            taint.restated(got, changed, links, *place, restated.resource);
        }
        // A resource that leads to a changed one is not clean either; each pass follows references one step.
        loop {
            let before = taint.clean.len();
            for (place, resource) in &got.made_for {
                if !taint.clean.contains_key(resource) {
                    taint.spread(&got.target, *place);
                }
            }
            let below = std::mem::take(&mut taint.below);
            taint.clean.retain(|resource, _| !below[resource.index()]);
            taint.below = below;
            if taint.clean.len() == before {
                return taint;
            }
        }
    }

    /// What an element says again changes with the resource.
    fn restated(&mut self, got: &Got, changed: &Tree, links: &Links, place: NodeId, resource: NodeId) {
        let tree = &got.target;
        let reference = tree.child(place, Name::REFERENCE).map(|at| tree.text(at));
        let Some(reference) = reference else { return };
        if reference.starts_with('#') {
            // Which contained resource that is now its container decides: where that is as it was, so is this.
            return self.spread_below(tree, place, tree.parent(resource));
        }
        let new = links.find(changed, place, &reference);
        if !new.is_some_and(|new| same_content(tree, resource, changed, new)) {
            self.spread(tree, place);
        }
    }

    /// Marks a place and all above it.
    fn spread(&mut self, tree: &Tree, place: NodeId) {
        self.spread_below(tree, place, None);
    }

    /// Marks a place and what is above it, up to an element that is not marked.
    fn spread_below(&mut self, tree: &Tree, place: NodeId, end: Option<NodeId>) {
        let mut here = Some(place);
        while let Some(node) = here.filter(|node| Some(*node) != end) {
            self.below[node.index()] = true;
            here = tree.parent(node);
        }
    }
}
