//! The one data structure: FHIR JSON, FHIR XML, CDA, CSV and any vendor's JSON or XML become the same arena.
//!
//! A node has an interned name, a kind, its text as a slice of the source (escapes are decoded on demand) and
//! its span in the source. Three conventions let one machine walk every format:
//!
//! - A list is its items: siblings of one name with [`Flags::LIST`], always next to each other. An empty JSON
//!   array is one node of [`Kind::EmptyList`]; an array in an array is a node of [`Kind::Array`].
//! - An XML attribute is a child named `@name`; an XML element that holds nothing but text is a leaf like a
//!   JSON string.
//! - A FHIR primitive with an id or extensions is a leaf with children, in JSON and in XML alike (see
//!   [`fhir`]).
//!
//! A tree that was read can be edited in place; [`patch`] then writes the source text back with only the
//! edited places changed.

mod edit;
pub mod fhir;
pub mod json;
pub mod names;
pub mod patch;
mod path;
mod stretch;
pub mod xml;

pub use names::{Name, NameTable, Names};
pub(crate) use path::{Counted, push_number};
pub(crate) use stretch::{Mark, Packed, Stretch};

use crate::diag::{Issue, Span, codes};
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes of one document.
pub const BYTES_MAX: usize = 512 << 20;
/// Nesting of elements.
pub const DEPTH_MAX: u32 = 200;
/// Nodes of one document.
pub const NODES_MAX: usize = 20_000_000;
/// Attributes of one XML element.
pub const ATTRIBUTES_MAX: usize = 1_000;

/// The number of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    /// The root of every tree.
    pub const ROOT: NodeId = NodeId(0);
    const NIL: u32 = u32::MAX;

    /// The number, for side tables.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) const fn from_index(raw: u32) -> Self {
        Self(raw)
    }

    #[inline]
    fn some(raw: u32) -> Option<Self> {
        (raw != Self::NIL).then_some(Self(raw))
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// An element with children: a JSON object, an XML element that is more than text.
    Object,
    /// Text: a JSON string, an XML element that holds only text, a CSV cell.
    Str,
    /// A JSON number; its text is kept as written.
    Number,
    /// `true` or `false`.
    Bool,
    /// JSON `null`, or a FHIR primitive that has extensions but no value.
    Null,
    /// `[]`.
    EmptyList,
    /// A JSON array inside an array; its items have no name.
    Array,
    /// An XML attribute, named `@name`.
    Attr,
    /// A run of text beside child elements.
    Text,
    /// An XML comment.
    Comment,
    /// An XML processing instruction.
    Pi,
    /// Markup kept as one text: a FHIR narrative `div`.
    Xhtml,
}

impl Kind {
    /// True for kinds whose text is a value.
    pub const fn is_leaf(self) -> bool {
        matches!(
            self,
            Self::Str | Self::Number | Self::Bool | Self::Null | Self::Attr | Self::Text | Self::Xhtml
        )
    }
}

/// Facts of a node as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u16);

impl Flags {
    /// An item of a list.
    pub const LIST: Flags = Flags(1);
    /// The text has JSON escapes.
    pub const JSON_ESCAPES: Flags = Flags(2);
    /// The text has XML references or CDATA sections.
    pub const XML_ESCAPES: Flags = Flags(4);
    /// Made by an edit; no source text holds it.
    pub const NEW: Flags = Flags(8);
    /// The text was edited.
    pub const TEXT_EDITED: Flags = Flags(16);
    /// Children were added, removed or moved.
    pub const CHILDREN_EDITED: Flags = Flags(32);
    /// Something below was edited.
    pub const EDITED_BELOW: Flags = Flags(64);
    /// A JSON member `_name` whose content was joined to the primitive it belongs to.
    pub const JOINED: Flags = Flags(128);
    /// A FHIR primitive whose text is the value of an XML attribute, where a line break means a space.
    pub const XML_ATTRIBUTE: Flags = Flags(256);
    /// The text is that of a quoted CSV cell, with its quotes doubled.
    pub const CSV_ESCAPES: Flags = Flags(512);
    /// Any edit at or below the node.
    pub const EDITED: Flags = Flags(16 | 32 | 64);

    /// True where all bits of `other` are set.
    #[inline]
    pub const fn has(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// True where any bit of `other` is set.
    #[inline]
    pub const fn any(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// These bits without those of `other`.
    #[must_use]
    pub const fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }
}

/// One node of the arena.
#[derive(Debug, Clone, Copy)]
struct Node {
    name: Name,
    kind: Kind,
    flags: Flags,
    /// Rank among its siblings by definition; 0 where no definition is known.
    order: u16,
    parent: u32,
    first: u32,
    last: u32,
    next: u32,
    /// Where the node starts with its name: the JSON key, the XML tag.
    head: u32,
    start: u32,
    end: u32,
    text: u32,
    text_len: u32,
}

/// A document as an arena of nodes over its source text.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The source text, followed by the text of edits.
    buffer: String,
    source_len: u32,
    nodes: Vec<Node>,
    names: Names,
    edited: bool,
}

impl Tree {
    /// An empty tree to build in; it has no node, so [`Tree::push_root`] comes first.
    pub fn new(names: &Arc<NameTable>) -> Self {
        Self::with_room(64, 0, names)
    }

    /// A tree for a reader to fill from `text`, which must be within [`BYTES_MAX`]; [`Tree::set_source`] follows.
    pub(crate) fn to_read(text: &str, names: &Arc<NameTable>) -> Result<Self, Box<Issue>> {
        if text.len() > BYTES_MAX {
            let message = format!("the document is over {BYTES_MAX} bytes");
            return Err(Box::new(Issue::error(codes::LIMIT, Span::default(), message)));
        }
        // One node in about 24 bytes is what FHIR JSON has; it spares the arena its first moves.
        Ok(Self::with_room(text.len() / 24 + 64, 0, names))
    }

    /// A tree to build in, with room for so many nodes and bytes of text.
    pub(crate) fn with_room(nodes: usize, bytes: usize, names: &Arc<NameTable>) -> Self {
        let (buffer, nodes) = (String::with_capacity(bytes), Vec::with_capacity(nodes));
        Self { buffer, source_len: 0, nodes, names: Names::new(names), edited: false }
    }

    /// Hands over the source text that the spans of the nodes point into, before any edit.
    pub(crate) fn set_source(&mut self, source: String) {
        self.source_len = to_u32(source.len());
        self.buffer = source;
    }

    /// The source text as it was read.
    pub fn source(&self) -> &str {
        self.buffer.get(..self.source_len as usize).unwrap_or("")
    }

    /// About how many bytes the tree takes when it is written: what was read, or the names and texts of what was made.
    pub(crate) const fn written_len(&self) -> usize {
        if self.source_len > 0 { self.buffer.len() } else { self.buffer.len() + self.nodes.len() * 20 }
    }

    /// Names used here.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// The name of a string, new where the tree has not met it.
    ///
    /// A document over its limit of names gets the empty name; readers refuse such a document before.
    pub fn intern(&mut self, name: &str) -> Name {
        self.names.intern(name).unwrap_or(Name::NONE)
    }

    pub(crate) const fn names_mut(&mut self) -> &mut Names {
        &mut self.names
    }

    /// How many nodes the arena holds, removed ones included.
    pub const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True before the root was made.
    pub const fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// True once an edit was made.
    pub const fn is_edited(&self) -> bool {
        self.edited
    }

    /// The interned name of a node.
    #[inline]
    pub fn name(&self, id: NodeId) -> Name {
        self.nodes[id.index()].name
    }

    /// The name of a node as text.
    pub fn name_text(&self, id: NodeId) -> &str {
        self.names.text(self.name(id))
    }

    /// The kind of a node.
    #[inline]
    pub fn kind(&self, id: NodeId) -> Kind {
        self.nodes[id.index()].kind
    }

    /// The flags of a node.
    #[inline]
    pub fn flags(&self, id: NodeId) -> Flags {
        self.nodes[id.index()].flags
    }

    /// The source span of a node's value; empty for a node that an edit made.
    pub fn span(&self, id: NodeId) -> Span {
        let node = &self.nodes[id.index()];
        Span::new(node.start, node.end)
    }

    /// The source span of a node with its name: the JSON key and value, the whole XML element or attribute.
    pub fn head_span(&self, id: NodeId) -> Span {
        let node = &self.nodes[id.index()];
        Span::new(node.head, node.end)
    }

    /// The span of a leaf's text without its quotes or tags.
    pub fn text_span(&self, id: NodeId) -> Span {
        let node = &self.nodes[id.index()];
        Span::new(node.text, node.text + node.text_len)
    }

    /// The parent of a node.
    #[inline]
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        NodeId::some(self.nodes[id.index()].parent)
    }

    /// The first child.
    #[inline]
    pub fn first_child(&self, id: NodeId) -> Option<NodeId> {
        NodeId::some(self.nodes[id.index()].first)
    }

    /// The last child.
    #[inline]
    pub fn last_child(&self, id: NodeId) -> Option<NodeId> {
        NodeId::some(self.nodes[id.index()].last)
    }

    /// The next sibling.
    #[inline]
    pub fn next_sibling(&self, id: NodeId) -> Option<NodeId> {
        NodeId::some(self.nodes[id.index()].next)
    }

    /// The children of a node, in order.
    #[inline]
    pub fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'_> {
        std::iter::successors(self.first_child(id), |child| self.next_sibling(*child))
    }

    /// The children of one name.
    pub fn children_named(&self, id: NodeId, name: Name) -> impl Iterator<Item = NodeId> + use<'_> {
        self.children(id).filter(move |child| self.name(*child) == name)
    }

    /// The first child of a name.
    #[inline]
    pub fn child(&self, id: NodeId, name: Name) -> Option<NodeId> {
        let mut at = self.nodes[id.index()].first;
        // After the last child there is no node of such a number.
        while let Some(node) = self.nodes.get(at as usize) {
            if node.name == name {
                return Some(NodeId(at));
            }
            at = node.next;
        }
        None
    }

    /// The first child whose name is `name`.
    pub fn child_str(&self, id: NodeId, name: &str) -> Option<NodeId> {
        self.child(id, self.names.get(name)?)
    }

    /// The parent and the name of every node, removed ones included, in the order of their numbers.
    pub(crate) fn parents(&self) -> impl Iterator<Item = (Option<NodeId>, Name)> + use<'_> {
        self.nodes.iter().map(|node| (NodeId::some(node.parent), node.name))
    }

    /// The text of a leaf as it stands in the source, escapes included.
    #[inline]
    pub fn raw_text(&self, id: NodeId) -> &str {
        let node = &self.nodes[id.index()];
        let start = node.text as usize;
        self.buffer.get(start..start + node.text_len as usize).unwrap_or("")
    }

    /// The text of a node: of a leaf its value, of an element the value of its one run of text.
    #[inline]
    pub fn text(&self, id: NodeId) -> Cow<'_, str> {
        self.plain_text(id).map_or_else(|| self.decoded_text(id), Cow::Borrowed)
    }

    fn decoded_text(&self, id: NodeId) -> Cow<'_, str> {
        let flags = self.flags(id);
        let raw = self.raw_text(id);
        if self.kind(id) == Kind::Object {
            let run = self.children(id).find(|child| self.kind(*child) == Kind::Text);
            return run.map_or(Cow::Borrowed(""), |run| self.text(run));
        }
        if flags.has(Flags::JSON_ESCAPES) {
            Cow::Owned(json::unescape(raw))
        } else if flags.has(Flags::XML_ESCAPES) {
            let attribute = flags.has(Flags::XML_ATTRIBUTE) || self.kind(id) == Kind::Attr;
            Cow::Owned(if attribute { xml::unescape_attribute(raw) } else { xml::unescape(raw) })
        } else if flags.has(Flags::CSV_ESCAPES) {
            Cow::Owned(raw.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(raw)
        }
    }

    /// True where the text of a node is `text`; plain text is compared where it lies.
    #[inline]
    pub fn text_is(&self, id: NodeId, text: &str) -> bool {
        match self.plain_text(id) {
            Some(plain) => plain == text,
            None => self.text(id) == text,
        }
    }

    /// The text of a node where it lies; `None` where it has escapes, or is that of an element.
    #[inline]
    pub(crate) fn plain_text(&self, id: NodeId) -> Option<&str> {
        let escapes =
            Flags::JSON_ESCAPES.with(Flags::XML_ESCAPES).with(Flags::XML_ATTRIBUTE).with(Flags::CSV_ESCAPES);
        let node = &self.nodes[id.index()];
        if node.kind == Kind::Object || node.flags.any(escapes) {
            return None;
        }
        let start = node.text as usize;
        self.buffer.get(start..start + node.text_len as usize)
    }

    /// The text of the first child of a name.
    pub fn child_text(&self, id: NodeId, name: &str) -> Option<Cow<'_, str>> {
        self.child_str(id, name).map(|child| self.text(child))
    }

    /// True where the node has a value of its own: a leaf that is not null, or an element with a run of text.
    #[inline]
    pub fn has_text(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::Null | Kind::EmptyList | Kind::Array | Kind::Comment | Kind::Pi => false,
            Kind::Object => self.children(id).any(|child| self.kind(child) == Kind::Text),
            Kind::Str | Kind::Number | Kind::Bool | Kind::Attr | Kind::Text | Kind::Xhtml => true,
        }
    }

    /// True for a node that is something: no comment, no empty list, no null without anything below it.
    pub fn is_present(&self, id: NodeId) -> bool {
        match self.kind(id) {
            Kind::EmptyList | Kind::Comment | Kind::Pi => false,
            Kind::Null => self.first_child(id).is_some(),
            Kind::Object
            | Kind::Str
            | Kind::Number
            | Kind::Bool
            | Kind::Array
            | Kind::Attr
            | Kind::Text
            | Kind::Xhtml => true,
        }
    }

    /// The FHIR resource type of a node that is a resource.
    pub fn resource_type(&self, id: NodeId) -> Option<Cow<'_, str>> {
        self.child(id, Name::RESOURCE_TYPE).map(|child| self.text(child))
    }

    /// Every node at and below `id`, parents before children.
    pub fn descend(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<'_> {
        let mut next = Some(id);
        std::iter::from_fn(move || {
            let here = next?;
            next = self.first_child(here).or_else(|| self.after(here, id));
            Some(here)
        })
    }

    /// The node that follows `here` and all below it, inside `root`.
    fn after(&self, mut here: NodeId, root: NodeId) -> Option<NodeId> {
        while here != root {
            if let Some(sibling) = self.next_sibling(here) {
                return Some(sibling);
            }
            here = self.parent(here)?;
        }
        None
    }
}

/// True where two nodes hold the same: name, kind, text and children in order. Spans do not count, nor do
/// comments and processing instructions.
pub fn equal(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    same_name(a, a_id, b, b_id) && equal_content(a, a_id, b, b_id)
}

/// True where two nodes have one name. Names of a shared table are compared as numbers.
pub(crate) fn same_name(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let (left, right) = (a.name(a_id), b.name(b_id));
    let shared = a.names.shared();
    if Arc::ptr_eq(shared, b.names.shared())
        && ((left.0 as usize) < shared.len() || (right.0 as usize) < shared.len())
    {
        return left == right;
    }
    a.names.text(left) == b.names.text(right)
}

/// As [`equal`], whatever the names of the two nodes themselves.
pub fn equal_content(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let silent = |kind: Kind| matches!(kind, Kind::Comment | Kind::Pi);
    // A null is `null` in one form and nothing in another; neither is a value.
    let valued = a.kind(a_id).is_leaf() && a.kind(a_id) != Kind::Null;
    if a.kind(a_id) != b.kind(b_id) || (valued && a.text(a_id) != b.text(b_id)) {
        return false;
    }
    let mut left = a.children(a_id).filter(|child| !silent(a.kind(*child)));
    let mut right = b.children(b_id).filter(|child| !silent(b.kind(*child)));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(l), Some(r)) if equal(a, l, b, r) => {}
            _ => return false,
        }
    }
}

/// As [`equal_content`], with members of different names in any order, as JSON has them.
pub fn same_content(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let valued = a.kind(a_id).is_leaf() && a.kind(a_id) != Kind::Null;
    if a.kind(a_id) != b.kind(b_id) || (valued && a.text(a_id) != b.text(b_id)) {
        return false;
    }
    let (mut left, mut right) = (a.first_child(a_id), b.first_child(b_id));
    while let (Some(l), Some(r)) = (left, right) {
        if !same_name(a, l, b, r) {
            return same_members(a, a_id, b, b_id);
        }
        if !same_content(a, l, b, r) {
            return false;
        }
        (left, right) = (a.next_sibling(l), b.next_sibling(r));
    }
    left.is_none() && right.is_none()
}

/// The members of both by name, those of one name in order.
fn same_members(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId) -> bool {
    let nth = |node: NodeId| {
        let before = a.children(a_id).take_while(|other| *other != node);
        before.filter(|other| a.name(*other) == a.name(node)).count()
    };
    a.children(a_id).count() == b.children(b_id).count()
        && a.children(a_id).all(|child| {
            let alike = b.children(b_id).filter(|other| same_name(a, child, b, *other)).nth(nth(child));
            alike.is_some_and(|other| same_content(a, child, b, other))
        })
}

#[inline]
pub(crate) fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
