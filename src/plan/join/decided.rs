//! Values that people have decided to be right, written where others stand, and whose they are then.

use super::build::Build;
use super::{ElementState, persons};
use crate::plan::person::hetus;
use crate::tree::{NodeId, Tree, same_content};
use std::borrow::Cow;

impl Build<'_> {
    /// Writes the values that people have decided to be right where others stand.
    pub(super) fn put_decided(&mut self, resource: NodeId, group: &[usize]) {
        let items = self.items;
        let values = std::mem::take(&mut self.values);
        for value in &values {
            if !group.iter().any(|item| value.is_about(*item)) {
                continue;
            }
            let (item, node, said) = value.source(items);
            let names: Vec<&str> = value.element.split('.').skip(1).collect();
            let Some((last, above)) = names.split_last() else { continue };
            if value.element == persons::CODE {
                let wrong: Vec<NodeId> = hetus(&self.tree, resource)
                    .filter(|(_, code)| *code != said)
                    .map(|(leaf, _)| leaf)
                    .collect();
                for leaf in wrong {
                    self.blank(leaf);
                }
                continue;
            }
            let parent = above.iter().try_fold(resource, |here, name| self.tree.child_str(here, name));
            let Some(there) = parent.and_then(|parent| self.tree.child_str(parent, last)) else { continue };
            match node {
                Some(node) => self.put_in_place(there, item, node),
                None => {
                    self.tree.set_read_text(there, &said);
                    self.stands_at(there, there);
                }
            }
        }
        self.values = values;
    }

    /// Puts a copy of a source's element where another one stands; of a list of codings, for all of its code system.
    fn put_in_place(&mut self, there: NodeId, item: usize, node: NodeId) {
        let Some(parent) = self.tree.parent(there) else { return };
        let name = self.tree.name(there);
        let system = |tree: &Tree, node| tree.child_text(node, "system").map(Cow::into_owned);
        let own = system(self.items.list[item].tree, node);
        let goes = |tree: &Tree, child: NodeId| {
            child == there || tree.name(child) == name && own.is_some() && system(tree, child) == own
        };
        let children: Vec<NodeId> = self.tree.children(parent).collect();
        let copy = self.copy(parent, item, node);
        let at = children.iter().position(|child| goes(&self.tree, *child)).unwrap_or(0);
        let (before, after) = children.split_at(at);
        let kept: Vec<NodeId> = after.iter().copied().filter(|child| !goes(&self.tree, *child)).collect();
        let children: Vec<NodeId> = before.iter().copied().chain([copy]).chain(kept).collect();
        self.tree.set_children(parent, &children);
        self.stands_at(there, copy);
    }

    /// Says of those whose value stood in a place that it is now in the words of another source, but for those who say
    /// just what stands there.
    fn stands_at(&mut self, there: NodeId, now: NodeId) {
        let (tree, members) = (&self.tree, &self.items.members);
        for element in self.elements.iter_mut().filter(|element| element.node == there) {
            element.node = now;
            let source = members.get(element.source).map(|member| &*member.bundle);
            let same = source.is_some_and(|source| same_content(source, element.from, tree, now));
            element.state = if same { ElementState::Same } else { ElementState::Other };
        }
    }
}
