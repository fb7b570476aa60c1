//! Nodes that were made one after another, and that stay as they lie where their tree is written anew.

use super::{Node, NodeId, Tree, to_u32};
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

/// Where the nodes of a tree are since it was packed: for each of the old ones, and for their end, how many before it
/// were kept.
pub(crate) struct Packed(Vec<u32>);

impl Packed {
    /// Where a node is that was kept.
    pub(crate) fn node(&self, old: NodeId) -> NodeId {
        NodeId(self.place(old.0))
    }

    /// A stretch without the nodes in it that were not kept.
    pub(crate) fn stretch(&self, old: &Stretch) -> Stretch {
        Stretch(self.place(old.0.start)..self.place(old.0.end))
    }

    fn place(&self, raw: u32) -> u32 {
        self.0.get(raw as usize).copied().unwrap_or(NodeId::NIL)
    }
}

impl Tree {
    /// Takes the nodes that the root does not lead to out of the arena of a tree that was built, with their texts. The
    /// others stay in their order.
    pub(crate) fn pack(&mut self) -> Packed {
        debug_assert_eq!(self.source_len, 0, "the texts are those that were given");
        let mut is_kept = vec![false; self.nodes.len()];
        for node in self.descend(NodeId::ROOT) {
            is_kept[node.index()] = true;
        }
        let mut places = Vec::with_capacity(is_kept.len() + 1);
        let mut count = 0;
        for is_kept in &is_kept {
            places.push(count);
            count += u32::from(*is_kept);
        }
        places.push(count);
        let packed = Packed(places);
        let (mut buffer, mut nodes) =
            (String::with_capacity(self.buffer.len()), Vec::with_capacity(count as usize));
        for (node, _) in self.nodes.iter().zip(&is_kept).filter(|(_, is_kept)| **is_kept) {
            let place = |raw| packed.place(raw);
            nodes.push(Node {
                parent: place(node.parent),
                first: place(node.first),
                last: place(node.last),
                next: place(node.next),
                text: to_u32(buffer.len()),
                ..*node
            });
            let text = node.text as usize;
            buffer.push_str(self.buffer.get(text..text + node.text_len as usize).unwrap_or_default());
        }
        (self.buffer, self.nodes) = (buffer, nodes);
        packed
    }

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
    fn a_packed_tree_says_what_it_said() {
        let mut tree = Tree::new(&Arc::new(NameTable::new()));
        tree.push_root(Name::NONE, Kind::Object);
        let old = object(&mut tree, NodeId::ROOT, "old", Flags::default());
        item(&mut tree, old, "left behind");
        let mark = tree.next_place();
        let new = object(&mut tree, NodeId::ROOT, "new", Flags::default());
        item(&mut tree, new, "a");
        let gone = object(&mut tree, new, "gone", Flags::default());
        item(&mut tree, new, "b");
        tree.detach(gone);
        let stretch = tree.since(mark);
        tree.set_children(NodeId::ROOT, &[new]);
        let before = json::to_string(&tree, Layout::Compact);
        let packed = tree.pack();
        assert_eq!(json::to_string(&tree, Layout::Compact), before);
        assert_eq!(tree.len(), tree.descend(NodeId::ROOT).count());
        let stretch = packed.stretch(&stretch);
        assert_eq!((stretch.first(), stretch.end().index()), (packed.node(new), tree.len()));
        item(&mut tree, packed.node(new), "c");
        let written = json::to_string(&tree, Layout::Compact);
        assert_eq!(written.trim_end(), r#"{"new":{"goal":[{"text":"a"},{"text":"b"},{"text":"c"}]}}"#);
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
