//! Items of lists that several sources say in other words: one identifier, one way to reach somebody.

use super::build::Build;
use crate::plan::identity::is_hetu_system;
use crate::plan::read::{all, contact_point};
use crate::tree::{Flags, NodeId, Tree};
use std::borrow::Cow;

impl Build<'_> {
    /// The item of a list of a resource that this one says again.
    pub(super) fn said_again(&self, resource: NodeId, item: usize, child: NodeId) -> Option<NodeId> {
        match self.items.list[item].tree.name_text(child) {
            "identifier" => self.same_identifier(resource, item, child),
            "telecom" => self.same_contact(resource, item, child),
            _ => None,
        }
    }

    /// The identifier of the resource that this one says again, maybe with more or less beside: system and value are the
    /// identity, and nothing else in them contradicts it. The identity code has one system in two forms.
    fn same_identifier(&self, resource: NodeId, item: usize, child: NodeId) -> Option<NodeId> {
        let source = self.items.list[item].tree;
        let part = |tree: &Tree, node, name: &str| tree.child_text(node, name).map(Cow::into_owned);
        let value = part(source, child, "value")?;
        let system = part(source, child, "system");
        let same_system = |other: Option<String>| {
            system == other
                || [&system, &other].into_iter().all(|system| system.as_deref().is_some_and(is_hetu_system))
        };
        all(&self.tree, resource, "identifier").find(|there| {
            part(&self.tree, *there, "value").as_ref() == Some(&value)
                && same_system(part(&self.tree, *there, "system"))
                && self.agrees_but(*there, item, child, "system")
        })
    }

    /// The way to reach somebody that this one says again, maybe spelt otherwise: the first spelling stays. What says for
    /// what and since when it serves is no spelling.
    fn same_contact(&self, resource: NodeId, item: usize, child: NodeId) -> Option<NodeId> {
        let point = contact_point(self.items.list[item].tree, child)?;
        all(&self.tree, resource, "telecom").find(|there| {
            contact_point(&self.tree, *there).as_ref() == Some(&point)
                && self.agrees_but(*there, item, child, "value")
        })
    }

    /// True where nothing that both items say differs, but for one element.
    fn agrees_but(&self, there: NodeId, item: usize, child: NodeId, set_aside: &str) -> bool {
        let source = self.items.list[item].tree;
        source.children(child).all(|part| {
            let name = source.name_text(part);
            let other = self.tree.child_str(there, name);
            name == set_aside
                || name == "id"
                || source.flags(part).has(Flags::LIST)
                || other.is_none_or(|other| agree(&self.tree, other, source, part))
        })
    }
}

/// True where nothing that both say differs: lists are put together, and what one leaves out the other may say.
fn agree(left: &Tree, left_node: NodeId, right: &Tree, right_node: NodeId) -> bool {
    if left.kind(left_node).is_leaf() || right.kind(right_node).is_leaf() {
        return left.kind(left_node) == right.kind(right_node)
            && left.text(left_node) == right.text(right_node)
            && left.first_child(left_node).is_none() == right.first_child(right_node).is_none();
    }
    right.children(right_node).all(|child| {
        let other = left.child_str(left_node, right.name_text(child));
        right.flags(child).has(Flags::LIST) || other.is_none_or(|other| agree(left, other, right, child))
    })
}
