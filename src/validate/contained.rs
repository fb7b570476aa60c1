//! Contained resources: each is referred to, or refers to what contains it (invariant dom-3).
//!
//! Its expression looks at all descendants once for each contained resource. Here the walk notes the local references
//! it passes, so that the answer costs nothing more.

use super::Walk;
use super::report::Fault;
use crate::diag::{codes, message};
use crate::tree::{Name, NodeId};
use std::collections::HashSet;

/// A reference to a part of the resource: `#id`, or `#` for the resource itself.
#[derive(Debug)]
pub(super) struct LocalReference {
    /// The innermost resource that it stands in.
    from: NodeId,
    /// Without its `#`.
    to: String,
}

impl Walk<'_, '_> {
    /// Notes a text that may be a local reference.
    pub(super) fn local_reference(&mut self, text: &str) {
        if let Some(to) = text.strip_prefix('#') {
            self.local.push(LocalReference { from: self.scope.resource, to: to.to_owned() });
        }
    }

    /// Checks the resources that a resource contains, once all of it was visited. `mark` is how many local references
    /// there were before.
    pub(super) fn contained(&mut self, id: NodeId, mark: usize) {
        let tree = self.tree;
        let local = self.local.split_off(mark);
        let (up, down): (Vec<_>, Vec<_>) = local.into_iter().partition(|reference| reference.to.is_empty());
        let up: HashSet<NodeId> = up.into_iter().map(|reference| reference.from).collect();
        let down: HashSet<String> = down.into_iter().map(|reference| reference.to).collect();
        let mut seen: HashSet<String> = HashSet::new();
        for contained in tree.children_named(id, Name::CONTAINED) {
            if let Some(leaf) = tree.child(contained, Name::ID).filter(|leaf| tree.has_text(*leaf))
                && !seen.insert(tree.text(leaf).into_owned())
            {
                let message = message!("another contained resource has this id too");
                self.tell(Fault::error(codes::ID_TWICE, leaf, message));
            }
            if tree.child(contained, Name::ID).is_none() {
                let message = message!("`id` is required in a contained resource and missing");
                self.tell(Fault::error(codes::TOO_FEW, contained, message));
            }
            let name = tree.child_text(contained, "id").unwrap_or_default();
            let is_linked = up.contains(&contained) || down.contains(&*name);
            if !is_linked {
                let message = message!(
                    "dom-3: the contained resource is not referred to, and does not refer to what contains it"
                );
                let rule = "http://hl7.org/fhir/StructureDefinition/DomainResource#dom-3";
                self.tell(Fault::error(codes::INVARIANT, contained, message).rule(rule));
            }
        }
    }
}
