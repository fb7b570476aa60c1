//! Nodes that were made one after another, and that stay as they lie where their tree is written anew.

use super::{NodeId, Tree, to_u32};
use std::ops::Range;

/// Where a stretch of an arena begins, or is to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(u32);

/// A node with its following siblings and all below them, made one after another in a tree that is being built, with
/// nothing else between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch(Range<u32>);

impl Stretch {
    /// The first node.
    pub(crate) const fn first(&self) -> NodeId {
        NodeId(self.0.start)
    }

    /// The first node behind the stretch.
    pub(crate) const fn end(&self) -> NodeId {
        NodeId(self.0.end)
    }

    /// This stretch and the one that lies right behind it as one; nothing where something lies between them.
    pub(crate) fn with_next(&self, next: &Self) -> Option<Self> {
        (self.0.end == next.0.start).then_some(Self(self.0.start..next.0.end))
    }
}

impl Tree {
    /// The place where the next node will be.
    pub(crate) fn next_place(&self) -> Mark {
        Mark(to_u32(self.nodes.len()))
    }

    /// All nodes that were made since a mark.
    pub(crate) fn since(&self, mark: Mark) -> Stretch {
        Stretch(mark.0..self.next_place().0)
    }

    /// Makes the siblings that a stretch begins with the last children of `parent`. The element that had them before must
    /// be one that nothing leads to any more: its links to them stay, and are wrong.
    pub(crate) fn take_over(&mut self, parent: NodeId, stretch: &Stretch) {
        if stretch.0.is_empty() {
            return;
        }
        match self.last_child(parent) {
            None => self.nodes[parent.index()].first = stretch.0.start,
            Some(before) => self.nodes[before.index()].next = stretch.0.start,
        }
        let mut last = stretch.first();
        self.nodes[last.index()].parent = parent.0;
        while let Some(next) = self.next_sibling(last).filter(|next| stretch.0.contains(&next.0)) {
            self.nodes[next.index()].parent = parent.0;
            last = next;
        }
        self.nodes[last.index()].next = NodeId::NIL;
        self.nodes[parent.index()].last = last.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::json::{self, Layout};
    use crate::tree::{Flags, Kind, Name, names::NameTable};
    use std::sync::Arc;

    fn object(tree: &mut Tree, parent: NodeId, name: &str, flags: Flags) -> NodeId {
        let name = tree.intern(name);
        tree.push(parent, name, Kind::Object, flags)
    }

    fn item(tree: &mut Tree, parent: NodeId, text: &str) {
        let item = object(tree, parent, "goal", Flags::LIST);
        let name = tree.intern("text");
        let leaf = tree.push(item, name, Kind::Str, Flags::default());
        tree.set_read_text(leaf, text);
    }

    #[test]
    fn another_element_takes_over_a_stretch() {
        let mut tree = Tree::new(&Arc::new(NameTable::new()));
        tree.push_root(Name::NONE, Kind::Object);
        let old = object(&mut tree, NodeId::ROOT, "old", Flags::default());
        item(&mut tree, old, "left behind");
        let mark = tree.next_place();
        item(&mut tree, old, "a");
        item(&mut tree, old, "b");
        let stretch = tree.since(mark);
        item(&mut tree, old, "left behind");
        let new = object(&mut tree, NodeId::ROOT, "new", Flags::default());
        item(&mut tree, new, "first");
        tree.take_over(new, &stretch);
        item(&mut tree, new, "last");
        tree.set_children(NodeId::ROOT, &[new]);
        let parents: Vec<Option<NodeId>> = tree.children(new).map(|child| tree.parent(child)).collect();
        assert_eq!(parents, [Some(new); 4]);
        let goals = ["first", "a", "b", "last"].map(|text| format!(r#"{{"text":"{text}"}}"#)).join(",");
        let written = json::to_string(&tree, Layout::Compact);
        assert_eq!(written.trim_end(), format!(r#"{{"new":{{"goal":[{goals}]}}}}"#));
    }
}
