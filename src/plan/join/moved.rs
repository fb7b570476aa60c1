//! Where the nodes of sources are in another version of them that says the same.

use super::Element;
use crate::tree::{Flags, NodeId, Tree, same_name};

/// The nodes that are at other places by now, in order of the place that the source had and the node that it was.
#[derive(Debug, Default)]
pub(super) struct Moved(Vec<((usize, NodeId), NodeId)>);

impl Moved {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds what a node and all below it are in another version of a source; false where that says anything else.
    pub(super) fn compare(
        &mut self,
        member: usize,
        (old_tree, old): (&Tree, NodeId),
        (new_tree, new): (&Tree, NodeId),
    ) -> bool {
        let (mut old, mut new) = (old_tree.descend(old), new_tree.descend(new));
        loop {
            match (old.next(), new.next()) {
                (None, None) => return true,
                (Some(old), Some(new)) if is_same_node(old_tree, old, new_tree, new) => {
                    if old != new {
                        self.0.push(((member, old), new));
                    }
                }
                _ => return false,
            }
        }
    }

    /// All that was compared, to be looked up.
    pub(super) fn in_order(mut self) -> Self {
        self.0.sort_unstable();
        self
    }

    /// Takes elements to where the nodes that they came from are by now.
    pub(super) fn follow(&self, elements: &mut [Element]) {
        let mut next = 0;
        for element in elements {
            let old = (element.source, element.from);
            // Most come in the order of what they came from.
            let is_next = self.0.get(next).is_some_and(|(place, _)| *place == old);
            let found = || self.0.binary_search_by_key(&old, |(place, _)| *place).ok();
            if let Some(at) = is_next.then_some(next).or_else(found) {
                element.from = self.0[at].1;
                next = at + 1;
            }
        }
    }
}

/// True where two nodes, whose subtrees are walked side by side, are the same but for what is below them.
fn is_same_node(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let count = |tree: &Tree, id| tree.children(id).count();
    same_name(a, a_id, b, b_id)
        && a.kind(a_id) == b.kind(b_id)
        && a.flags(a_id).has(Flags::LIST) == b.flags(b_id).has(Flags::LIST)
        && count(a, a_id) == count(b, b_id)
        && (!a.kind(a_id).is_leaf() || a.text(a_id) == b.text(b_id))
}
