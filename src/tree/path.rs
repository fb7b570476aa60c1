//! Where a node stands, in words.

use super::{Flags, Kind, Name, NodeId, Tree};
use std::borrow::Cow;
use std::collections::HashMap;

impl Tree {
    /// The path of a node for people: `CarePlan.activity[2].detail.status`.
    pub fn path(&self, id: NodeId) -> String {
        self.counted_path(id, None)
    }

    fn counted_path(&self, id: NodeId, counted: Option<&mut Counted>) -> String {
        let mut path = String::with_capacity(64);
        self.write_path(id, counted, &mut path);
        path
    }

    fn write_path(&self, id: NodeId, mut counted: Option<&mut Counted>, path: &mut String) {
        let Some(parent) = self.parent(id) else {
            let kind = self.resource_type(id);
            return path.push_str(kind.as_deref().unwrap_or_else(|| self.name_text(id)));
        };
        self.write_path(parent, counted.as_deref_mut(), path);
        let name = self.name(id);
        if name == Name::NONE && self.kind(id) != Kind::Text {
            let at = self.children(parent).position(|child| child == id).unwrap_or(0);
            return push_index(at, path);
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(if self.kind(id) == Kind::Text { "text()" } else { self.names.text(name) });
        if self.flags(id).has(Flags::LIST) {
            let nth = || self.children_named(parent, name).position(|child| child == id).unwrap_or(0);
            let at = counted.map_or_else(nth, |counted| self.number(parent, id, counted));
            push_index(at, path);
        }
    }

    /// The number of a node among the children of its name, counted on from the one that was asked for last.
    fn number(&self, parent: NodeId, id: NodeId, counted: &mut Counted) -> usize {
        let name = self.name(id);
        let last = counted.0.get(&(parent, name)).copied().filter(|(node, _)| *node <= id);
        let (mut here, mut at) = last.map_or((self.child(parent, name), 0), |(node, at)| (Some(node), at));
        while let Some(node) = here.filter(|node| *node != id) {
            here = self.next_sibling(node);
            at += usize::from(here.is_some_and(|next| self.name(next) == name));
        }
        if here.is_none() {
            // An edit may have put a later node before an earlier one.
            at = self.children_named(parent, name).position(|child| child == id).unwrap_or(0);
        }
        counted.0.insert((parent, name), (id, at));
        at
    }

    /// The path of a node as far as all names in it are names of the shared table. What a document calls by a name of
    /// its own is told by the place of what holds it: such a name may be personal data.
    pub fn known_path(&self, id: NodeId) -> String {
        self.known_path_after(id, &mut Counted::default())
    }

    /// As [`Tree::known_path`], for the paths of many nodes of one tree.
    pub(crate) fn known_path_after(&self, id: NodeId, counted: &mut Counted) -> String {
        let is_known = |name: Name| {
            let plain = || self.names.text(name).trim_start_matches(['_', '@']);
            self.names.is_shared(name) || self.names.shared().get(plain()).is_some()
        };
        let (mut shown, mut here) = (id, id);
        while let Some(parent) = self.parent(here) {
            if !is_known(self.name(here)) {
                shown = parent;
            }
            here = parent;
        }
        let root = self.resource_type(here).unwrap_or_else(|| Cow::Borrowed(self.name_text(here)));
        let path = self.counted_path(shown, Some(counted));
        if root.is_empty() || self.names.shared().get(&root).is_some() {
            return path;
        }
        format!("Resource{}", path.get(root.len()..).unwrap_or_default())
    }
}

/// Of each list the node whose number was asked for last, with the number: faults come in the order of the document, so
/// that the paths of all of them take one walk over each list.
#[derive(Debug, Default)]
pub(crate) struct Counted(HashMap<(NodeId, Name), (NodeId, usize)>);

fn push_index(at: usize, path: &mut String) {
    path.push('[');
    push_number(at, path);
    path.push(']');
}

/// Appends a number in decimal digits.
pub(crate) fn push_number(number: usize, out: &mut String) {
    if number > 9 {
        push_number(number / 10, out);
    }
    // A remainder of ten is a digit.
    out.push(char::from(b'0' + u8::try_from(number % 10).unwrap_or_default()));
}
