//! Building and editing trees.

use super::{Flags, Kind, Name, Node, NodeId, Tree, to_u32};
use std::sync::Arc;

impl Tree {
    /// Makes the root.
    pub fn push_root(&mut self, name: Name, kind: Kind) -> NodeId {
        self.push_node(NodeId::NIL, name, kind, Flags::default(), 0, (0, 0, 0))
    }

    /// Appends a node to the arena and to the children of `parent`.
    pub(crate) fn push(&mut self, parent: NodeId, name: Name, kind: Kind, flags: Flags) -> NodeId {
        self.push_read(parent, name, kind, flags, (0, 0, 0))
    }

    /// As [`Tree::push`], with where the node's head, it and its end stand in the text: readers make nodes by the
    /// thousand, so the parent and the sibling are looked at once.
    #[inline]
    pub(crate) fn push_read(
        &mut self,
        parent: NodeId,
        name: Name,
        kind: Kind,
        flags: Flags,
        span: (usize, usize, usize),
    ) -> NodeId {
        self.push_last(parent, name, kind, flags, 0, span)
    }

    #[inline]
    fn push_last(
        &mut self,
        parent: NodeId,
        name: Name,
        kind: Kind,
        flags: Flags,
        order: u16,
        span: (usize, usize, usize),
    ) -> NodeId {
        let id = self.push_node(parent.0, name, kind, flags, order, span);
        let above = &mut self.nodes[parent.index()];
        let last = std::mem::replace(&mut above.last, id.0);
        match NodeId::some(last) {
            None => above.first = id.0,
            Some(last) => self.nodes[last.index()].next = id.0,
        }
        id
    }

    #[inline]
    fn push_node(
        &mut self,
        parent: u32,
        name: Name,
        kind: Kind,
        flags: Flags,
        order: u16,
        (head, start, end): (usize, usize, usize),
    ) -> NodeId {
        let id = NodeId(to_u32(self.nodes.len()));
        let nil = NodeId::NIL;
        self.nodes.push(Node {
            name,
            kind,
            flags,
            order,
            parent,
            first: nil,
            last: nil,
            next: nil,
            head: to_u32(head),
            start: to_u32(start),
            end: to_u32(end),
            text: 0,
            text_len: 0,
        });
        id
    }

    fn link_after(&mut self, parent: NodeId, before: Option<NodeId>, id: NodeId) {
        debug_assert!(
            before.is_none_or(|before| before != id && self.parent(before) == Some(parent)),
            "a node stands behind one of another parent"
        );
        let next = match before {
            Some(before) => std::mem::replace(&mut self.nodes[before.index()].next, id.0),
            None => std::mem::replace(&mut self.nodes[parent.index()].first, id.0),
        };
        self.nodes[id.index()].next = next;
        self.nodes[id.index()].parent = parent.0;
        if next == NodeId::NIL {
            self.nodes[parent.index()].last = id.0;
        }
    }

    fn unlink(&mut self, id: NodeId) {
        let Some(parent) = self.parent(id) else { return };
        let next = self.nodes[id.index()].next;
        let before = self.children(parent).take_while(|child| *child != id).last();
        match before {
            Some(before) => self.nodes[before.index()].next = next,
            None => self.nodes[parent.index()].first = next,
        }
        if next == NodeId::NIL {
            self.nodes[parent.index()].last = before.map_or(NodeId::NIL, |before| before.0);
        }
        self.nodes[id.index()].next = NodeId::NIL;
    }

    pub(crate) fn set_spans(&mut self, id: NodeId, head: usize, start: usize, end: usize) {
        let node = &mut self.nodes[id.index()];
        (node.head, node.start, node.end) = (to_u32(head), to_u32(start), to_u32(end));
    }

    pub(crate) fn set_end(&mut self, id: NodeId, end: usize) {
        self.nodes[id.index()].end = to_u32(end);
    }

    pub(crate) fn set_text_range(&mut self, id: NodeId, start: usize, end: usize) {
        let node = &mut self.nodes[id.index()];
        (node.text, node.text_len) = (to_u32(start), to_u32(end - start));
    }

    pub(crate) fn set_kind(&mut self, id: NodeId, kind: Kind) {
        self.nodes[id.index()].kind = kind;
    }

    pub(crate) fn set_name(&mut self, id: NodeId, name: Name) {
        self.nodes[id.index()].name = name;
    }

    pub(crate) fn add_flags(&mut self, id: NodeId, flags: Flags) {
        let node = &mut self.nodes[id.index()];
        node.flags = node.flags.with(flags);
    }

    pub(crate) fn drop_flags(&mut self, id: NodeId, flags: Flags) {
        let node = &mut self.nodes[id.index()];
        node.flags = node.flags.without(flags);
    }

    /// Moves all children of `from` to the end of the children of `to`, without counting it as an edit.
    pub(crate) fn adopt_children(&mut self, from: NodeId, to: NodeId) {
        while let Some(child) = self.first_child(from) {
            self.unlink(child);
            let last = self.last_child(to);
            self.link_after(to, last, child);
        }
    }

    /// Takes a node out without counting it as an edit.
    pub(crate) fn detach(&mut self, id: NodeId) {
        self.unlink(id);
    }

    /// Gives a node these children in this order, without counting it as an edit.
    pub(crate) fn set_children(&mut self, parent: NodeId, children: &[NodeId]) {
        let mut next = NodeId::NIL;
        for child in children.iter().rev() {
            let node = &mut self.nodes[child.index()];
            (node.next, node.parent) = (next, parent.0);
            next = child.0;
        }
        let node = &mut self.nodes[parent.index()];
        node.first = next;
        node.last = children.last().map_or(NodeId::NIL, |last| last.0);
    }

    /// Gives a leaf a text that the source does not hold as it should be, without counting it as an edit.
    pub(crate) fn set_read_text(&mut self, id: NodeId, text: &str) {
        let start = self.buffer.len();
        self.buffer.push_str(text);
        self.set_text_range(id, start, start + text.len());
        self.drop_flags(id, Flags::JSON_ESCAPES.with(Flags::XML_ESCAPES));
    }

    /// The rank of a node among its siblings; 0 where it is not known.
    #[inline]
    pub fn order(&self, id: NodeId) -> u16 {
        self.nodes[id.index()].order
    }

    /// Gives a node its rank among its siblings.
    pub fn set_order(&mut self, id: NodeId, order: u16) {
        self.nodes[id.index()].order = order;
    }

    /// Adds a child at the place that its rank gives it, after siblings of the same rank.
    pub fn insert(&mut self, parent: NodeId, name: Name, kind: Kind, flags: Flags, order: u16) -> NodeId {
        if self.last_child(parent).is_none_or(|last| self.order(last) <= order) {
            let id = self.push_last(parent, name, kind, flags.with(Flags::NEW), order, (0, 0, 0));
            self.mark(parent, Flags::CHILDREN_EDITED);
            return id;
        }
        let before = self.children(parent).take_while(|child| self.order(*child) <= order).last();
        self.insert_after(parent, before, name, kind, flags, order)
    }

    /// Adds a child right after a sibling, or first where there is none.
    pub fn insert_after(
        &mut self,
        parent: NodeId,
        before: Option<NodeId>,
        name: Name,
        kind: Kind,
        flags: Flags,
        order: u16,
    ) -> NodeId {
        let id = self.push_node(parent.0, name, kind, flags.with(Flags::NEW), order, (0, 0, 0));
        self.link_after(parent, before, id);
        self.mark(parent, Flags::CHILDREN_EDITED);
        id
    }

    /// Gives a leaf a new text.
    pub fn set_text(&mut self, id: NodeId, text: &str) {
        self.set_text_parts(id, &[text]);
    }

    /// Gives a leaf a new text, made of parts.
    #[inline]
    pub(crate) fn set_text_parts(&mut self, id: NodeId, parts: &[&str]) {
        let start = self.buffer.len();
        for part in parts {
            self.buffer.push_str(part);
        }
        let node = &mut self.nodes[id.index()];
        (node.text, node.text_len) = (to_u32(start), to_u32(self.buffer.len() - start));
        node.flags =
            node.flags.without(Flags::JSON_ESCAPES.with(Flags::XML_ESCAPES).with(Flags::CSV_ESCAPES));
        self.mark(id, Flags::TEXT_EDITED);
    }

    /// Makes a node one of another kind, as an edit.
    pub fn change_kind(&mut self, id: NodeId, kind: Kind) {
        if self.kind(id) != kind {
            self.set_kind(id, kind);
            self.mark(id, Flags::TEXT_EDITED);
        }
    }

    /// Takes a node and all below it out of the tree.
    pub fn remove(&mut self, id: NodeId) {
        if let Some(parent) = self.parent(id) {
            self.unlink(id);
            self.mark(parent, Flags::CHILDREN_EDITED);
        }
    }

    /// Moves a node to right after a sibling, or to the first place.
    pub fn move_after(&mut self, id: NodeId, before: Option<NodeId>) {
        if let Some(parent) = self.parent(id) {
            self.unlink(id);
            self.link_after(parent, before, id);
            self.mark(parent, Flags::CHILDREN_EDITED);
        }
    }

    /// Marks a node as edited, and every node above it as edited below.
    fn mark(&mut self, id: NodeId, flags: Flags) {
        self.edited = true;
        let node = &mut self.nodes[id.index()];
        node.flags = node.flags.with(flags);
        let mut above = node.parent;
        // Above the root there is no node of such a number.
        while let Some(node) = self.nodes.get_mut(above as usize) {
            if node.flags.has(Flags::EDITED_BELOW) {
                return;
            }
            node.flags = node.flags.with(Flags::EDITED_BELOW);
            above = node.parent;
        }
    }

    /// Copies a node of another tree, with all below it, as the last child of `parent` by rank `order`.
    pub fn copy_from(&mut self, parent: NodeId, other: &Tree, id: NodeId, order: u16) -> NodeId {
        let name = self.name_of(other, other.name(id));
        let kept = Flags(other.flags(id).0 & Flags::LIST.0);
        let copy = self.insert(parent, name, other.kind(id), kept, order);
        self.fill_from(copy, other, id);
        copy
    }

    /// Copies the text and the children of a node of another tree into `copy`.
    pub fn fill_from(&mut self, copy: NodeId, other: &Tree, id: NodeId) {
        if other.kind(id).is_leaf() {
            let text = other.text(id);
            self.set_text(copy, &text);
        }
        for child in other.children(id) {
            self.copy_from(copy, other, child, other.order(child));
        }
    }

    /// The node and all below it as a tree of its own.
    pub fn clone_below(&self, id: NodeId) -> Tree {
        let mut copy = Tree::new(self.names.shared());
        let name = copy.name_of(self, self.name(id));
        let root = copy.push_root(name, self.kind(id));
        copy.fill_from(root, self, id);
        copy
    }

    /// The name here of a name of another tree.
    pub fn name_of(&mut self, other: &Tree, name: Name) -> Name {
        let shared = self.names.shared();
        if Arc::ptr_eq(shared, other.names.shared()) && (name.0 as usize) < shared.len() {
            return name;
        }
        self.intern(other.names.text(name))
    }
}
