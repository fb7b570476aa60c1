//! Nodes that were made one after another, copied to another tree as they lie: no walk, no text by text.

use super::{Node, NodeId, Tree, to_u32};
use std::ops::Range;
use std::sync::Arc;

/// Where a stretch of an arena begins, or is to begin.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    node: u32,
    text: u32,
}

/// A node with its following siblings and all below them, made one after another in a tree that is being built, with
/// nothing else between them.
#[derive(Debug, Clone)]
pub(crate) struct Stretch {
    nodes: Range<u32>,
    texts: Range<u32>,
}

impl Stretch {
    /// The first node.
    pub(crate) fn first(&self) -> NodeId {
        NodeId(self.nodes.start)
    }

    /// The first node behind the stretch.
    pub(crate) fn end(&self) -> NodeId {
        NodeId(self.nodes.end)
    }

    /// This stretch and the one that lies right behind it as one; nothing where something lies between them.
    pub(crate) fn with_next(&self, next: &Self) -> Option<Self> {
        let is_next = self.nodes.end == next.nodes.start && self.texts.end == next.texts.start;
        is_next.then_some(Self {
            nodes: self.nodes.start..next.nodes.end,
            texts: self.texts.start..next.texts.end,
        })
    }

    /// Where a part of a stretch is in the copy of the whole.
    pub(crate) fn part_of(&self, copy: &Self, copied: &Self) -> Self {
        let shifted = |part: &Range<u32>, copy: u32, copied: u32| {
            let shift = copy.wrapping_sub(copied);
            part.start.wrapping_add(shift)..part.end.wrapping_add(shift)
        };
        Self {
            nodes: shifted(&self.nodes, copy.nodes.start, copied.nodes.start),
            texts: shifted(&self.texts, copy.texts.start, copied.texts.start),
        }
    }

    /// The copy here of a node of the stretch that this one is a copy of.
    pub(crate) fn place_of(&self, node: NodeId, copied: &Self) -> NodeId {
        NodeId(self.nodes.start + node.0.saturating_sub(copied.nodes.start))
    }
}

impl Tree {
    /// An empty tree over the same names, with room for as much as this one holds.
    pub(crate) fn with_room_of(&self) -> Self {
        Self::with_room(self.nodes.len(), self.buffer.len(), self.names.shared())
    }

    /// The place where the next node will be.
    pub(crate) fn next_place(&self) -> Mark {
        Mark { node: to_u32(self.nodes.len()), text: to_u32(self.buffer.len()) }
    }

    /// All nodes that were made since a mark.
    pub(crate) fn since(&self, mark: Mark) -> Stretch {
        let end = self.next_place();
        Stretch { nodes: mark.node..end.node, texts: mark.text..end.text }
    }

    /// Copies a stretch of another tree behind the children of `parent`, each node and its text as far from each other as
    /// there, and gives the stretch that it is here.
    pub(crate) fn append(&mut self, parent: NodeId, other: &Tree, stretch: &Stretch) -> Stretch {
        let copy = self.append_apart(parent, other, stretch);
        self.link_stretch(parent, &copy);
        copy
    }

    /// As [`Tree::append`], for several children of `parent` whose order [`Tree::set_children`] gives later: until then
    /// they have none.
    pub(crate) fn append_apart(&mut self, parent: NodeId, other: &Tree, stretch: &Stretch) -> Stretch {
        let mark = self.next_place();
        let (node_shift, text_shift) =
            (mark.node.wrapping_sub(stretch.nodes.start), mark.text.wrapping_sub(stretch.texts.start));
        let texts = stretch.texts.start as usize..stretch.texts.end as usize;
        self.buffer.push_str(other.buffer.get(texts).unwrap_or(""));
        let nodes = stretch.nodes.start as usize..stretch.nodes.end as usize;
        let nodes = other.nodes.get(nodes).unwrap_or_default();
        let shared = self.shared_with(other);
        let is_shared =
            shared > 0 && !other.names.has_own() || nodes.iter().all(|node| node.name.number() < shared);
        // What has no text of its own lies before all texts.
        let text = |text: u32| if text < stretch.texts.start { text } else { text.wrapping_add(text_shift) };
        let lies_as_there = node_shift == 0 && parent == NodeId::ROOT;
        if lies_as_there {
            self.nodes.extend_from_slice(nodes);
            let copied = self.nodes.get_mut(mark.node as usize..).filter(|_| text_shift != 0);
            copied.into_iter().flatten().for_each(|node| node.text = text(node.text));
        } else {
            let (start, length) =
                (stretch.nodes.start, stretch.nodes.end.saturating_sub(stretch.nodes.start));
            let link = |to: u32, outside: u32| {
                if to.wrapping_sub(start) < length { to.wrapping_add(node_shift) } else { outside }
            };
            self.nodes.extend(nodes.iter().map(|node| Node {
                parent: link(node.parent, parent.0),
                first: link(node.first, NodeId::NIL),
                last: link(node.last, NodeId::NIL),
                next: link(node.next, NodeId::NIL),
                text: text(node.text),
                ..*node
            }));
        }
        if !is_shared {
            self.rename(mark, other);
        }
        self.since(mark)
    }

    /// How many names mean here what they mean in another tree.
    fn shared_with(&self, other: &Tree) -> usize {
        let shared = self.names.shared();
        if Arc::ptr_eq(shared, other.names.shared()) { shared.len() } else { 0 }
    }

    /// Gives copied nodes the names that they have here.
    fn rename(&mut self, mark: Mark, other: &Tree) {
        let shared = self.shared_with(other);
        for at in mark.node as usize..self.nodes.len() {
            let name = self.nodes[at].name;
            if name.number() >= shared {
                self.nodes[at].name = self.name_of(other, name);
            }
        }
    }

    /// Makes the siblings of a stretch the last children of `parent`.
    fn link_stretch(&mut self, parent: NodeId, stretch: &Stretch) {
        if stretch.nodes.is_empty() {
            return;
        }
        let next = |node: &NodeId| self.next_sibling(*node).filter(|next| stretch.nodes.contains(&next.0));
        let last = std::iter::successors(Some(stretch.first()), next).last().unwrap_or(stretch.first());
        match self.last_child(parent) {
            None => self.nodes[parent.index()].first = stretch.nodes.start,
            Some(before) => self.nodes[before.index()].next = stretch.nodes.start,
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

    fn empty(names: &Arc<NameTable>) -> Tree {
        let mut tree = Tree::new(names);
        tree.push_root(Name::NONE, Kind::Object);
        tree
    }

    fn leaf(tree: &mut Tree, parent: NodeId, name: &str, text: &str) {
        let name = tree.intern(name);
        let leaf = tree.push(parent, name, Kind::Str, Flags::default());
        tree.set_read_text(leaf, text);
    }

    fn item(tree: &mut Tree, name: &str, texts: &[&str]) {
        let name = tree.intern(name);
        let item = tree.push(NodeId::ROOT, name, Kind::Object, Flags::LIST);
        for text in texts {
            leaf(tree, item, text, text);
        }
    }

    #[test]
    fn a_stretch_is_the_same_in_another_tree() {
        let names = Arc::new(NameTable::new());
        let (mut from, mut to) = (empty(&names), empty(&names));
        item(&mut from, "before", &["x"]);
        let mark = from.next_place();
        item(&mut from, "goal", &["a", "", "own name"]);
        item(&mut from, "goal", &["b"]);
        let stretch = from.since(mark);
        item(&mut from, "behind", &["y"]);
        item(&mut to, "first", &["other name", "z"]);
        let copied = to.append(NodeId::ROOT, &from, &stretch);
        item(&mut to, "last", &[]);
        let again = to.append(NodeId::ROOT, &to.clone(), &copied);
        assert_eq!(to.children(NodeId::ROOT).nth(4), Some(again.first()));
        let goals = r#"{"a":"a","":"","own name":"own name"},{"b":"b"}"#;
        let written = json::to_string(&to, Layout::Compact);
        assert_eq!(
            written.trim_end(),
            format!(
                r#"{{"first":[{{"other name":"other name","z":"z"}}],"goal":[{goals}],"last":[{{}}],"goal":[{goals}]}}"#
            )
        );
    }
}
