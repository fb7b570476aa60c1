//! Writes resources into the joined Bundle: references rewritten, equal resources put together.

use super::items::{CLIENT, Items};
use crate::plan::contribution::make_id;
use crate::plan::{LOCAL, SAUMA};
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What one contribution gave to a resource that it shares with others.
pub(super) struct Part {
    pub(super) member: usize,
    pub(super) target: String,
    pub(super) element: ElementRef,
}

/// How Provenance points at an element.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum ElementRef {
    /// The id of an element.
    Id(String),
    /// A FHIRPath.
    Path(String),
}

/// The Bundle being made.
pub(super) struct Build<'a> {
    pub(super) tree: Tree,
    pub(super) items: &'a Items<'a>,
    pub(super) parts: Vec<Part>,
    /// Items of lists by what they say, to find equal ones.
    seen: HashMap<(NodeId, String), NodeId>,
}

impl<'a> Build<'a> {
    pub(super) fn new(items: &'a Items<'a>) -> Self {
        let names = items.members.first().map(|member| member.bundle.names().shared().clone());
        let tree = Tree::new(&names.unwrap_or_else(|| crate::mapping::units::schema().names().clone()));
        let mut build = Self { tree, items, parts: Vec::new(), seen: HashMap::new() };
        build.tree.push_root(Name::NONE, Kind::Object);
        build.text(NodeId::ROOT, "resourceType", "Bundle");
        build.text(NodeId::ROOT, "type", "collection");
        build
    }

    /// A new resource as an entry; its id is written.
    pub(super) fn resource(&mut self, target: &str) -> NodeId {
        let entry = self.tree.push(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST);
        let url = self.tree.push(entry, Name::FULL_URL, Kind::Str, Flags::default());
        self.tree.set_read_text(url, &format!("{LOCAL}{target}"));
        let resource = self.tree.push(entry, Name::RESOURCE, Kind::Object, Flags::default());
        let (kind, id) = target.split_once('/').unwrap_or((target, ""));
        self.leaf(resource, Name::RESOURCE_TYPE, kind);
        self.leaf(resource, Name::ID, id);
        resource
    }

    fn leaf(&mut self, parent: NodeId, name: Name, text: &str) -> NodeId {
        let leaf = self.tree.push(parent, name, Kind::Str, Flags::default());
        self.tree.set_read_text(leaf, text);
        leaf
    }

    /// An element with one text.
    pub(super) fn text(&mut self, parent: NodeId, name: &str, text: &str) -> NodeId {
        let name = self.tree.intern(name);
        self.leaf(parent, name, text)
    }

    /// An element that may stand once.
    pub(super) fn object(&mut self, parent: NodeId, name: &str) -> NodeId {
        let name = self.tree.intern(name);
        self.tree.push(parent, name, Kind::Object, Flags::default())
    }

    /// An item of a list.
    pub(super) fn item(&mut self, parent: NodeId, name: &str) -> NodeId {
        let name = self.tree.intern(name);
        self.tree.push(parent, name, Kind::Object, Flags::LIST)
    }

    /// A coding of one of Sauma's own code systems in a new item of a list of concepts.
    pub(super) fn own_concept(&mut self, parent: NodeId, name: &str, system: &str, code: &str) {
        let concept = self.item(parent, name);
        self.own_coding(concept, system, code);
    }

    pub(super) fn own_coding(&mut self, concept: NodeId, system: &str, code: &str) {
        let coding = self.item(concept, "coding");
        self.text(coding, "system", &format!("{SAUMA}CodeSystem/{system}"));
        self.text(coding, "code", code);
    }

    /// One of Sauma's own extensions; the value follows.
    pub(super) fn extension(&mut self, parent: NodeId, word: &str) -> NodeId {
        let extension = self.item(parent, "extension");
        self.text(extension, "url", &format!("{SAUMA}StructureDefinition/{word}"));
        extension
    }

    pub(super) fn reference(&mut self, parent: NodeId, name: &str, target: &str) -> NodeId {
        let reference = self.object(parent, name);
        self.leaf(reference, Name::REFERENCE, target);
        reference
    }

    pub(super) fn reference_item(&mut self, parent: NodeId, name: &str, target: &str) -> NodeId {
        let reference = self.item(parent, name);
        self.leaf(reference, Name::REFERENCE, target);
        reference
    }

    /// Copies an element with all below it to the end of `parent`, with its references rewritten.
    pub(super) fn copy(&mut self, parent: NodeId, item: usize, node: NodeId) -> NodeId {
        let source = self.items.list[item].tree;
        let name = self.tree.name_of(source, source.name(node));
        let kind = source.kind(node);
        let list = if source.flags(node).has(Flags::LIST) { Flags::LIST } else { Flags::default() };
        let copy = self.tree.push(parent, name, kind, list);
        if kind.is_leaf() && kind != Kind::Null {
            let text = source.text(node);
            let found = if name == Name::REFERENCE && kind == Kind::Str {
                self.items.resolve(item, &text)
            } else {
                None
            };
            match found {
                Some(found) => self.tree.set_read_text(copy, self.items.target(found)),
                None => self.tree.set_read_text(copy, &text),
            }
        }
        for child in source.children(node) {
            if !matches!(source.kind(child), Kind::Comment | Kind::Pi) {
                self.copy(copy, item, child);
            }
        }
        copy
    }

    /// Copies an item of a list unless the list has an equal one. The items of the list need not stand together
    /// until [`Build::gather`].
    pub(super) fn copy_new(&mut self, parent: NodeId, item: usize, node: NodeId) -> (NodeId, bool) {
        let source = self.items.list[item].tree;
        let name = self.tree.name_of(source, source.name(node));
        self.copy_as(parent, item, node, name)
    }

    /// As [`Build::copy_new`], as an item of the list `name`.
    pub(super) fn copy_as(
        &mut self,
        parent: NodeId,
        item: usize,
        node: NodeId,
        name: Name,
    ) -> (NodeId, bool) {
        let copy = self.copy(parent, item, node);
        self.tree.set_name(copy, name);
        self.tree.add_flags(copy, Flags::LIST);
        let mut content = self.tree.name_text(copy).to_owned();
        json::write(&self.tree, copy, Layout::Compact, &mut content);
        match self.seen.entry((parent, content)) {
            Entry::Occupied(there) => {
                self.tree.detach(copy);
                (*there.get(), false)
            }
            Entry::Vacant(free) => (*free.insert(copy), true),
        }
    }

    /// Writes what stands for a group of resources that are one.
    pub(super) fn write_group(&mut self, group: &[usize]) {
        let target = self.items.target(group[0]).to_owned();
        let protected = self.items.kind(group[0]) == "Patient"
            && group.iter().any(|item| is_protected(self.items, *item));
        let resource = self.resource(&target);
        for item in group {
            self.add(resource, *item, &target, group.len() > 1, protected);
        }
        if group.len() > 1 {
            self.gather(resource);
        }
    }

    fn add(&mut self, resource: NodeId, item: usize, target: &str, shared: bool, protected: bool) {
        let source = self.items.list[item].tree;
        let mut counts: HashMap<Name, usize> = HashMap::new();
        for child in source.children(self.items.node(item)) {
            let name = source.name(child);
            let word = source.name_text(child);
            let silent = matches!(source.kind(child), Kind::Comment | Kind::Pi);
            if silent || matches!(name, Name::RESOURCE_TYPE | Name::ID | Name::CONTAINED) {
                continue;
            }
            if protected && gives_away(source, child) || shared && word == "text" {
                continue;
            }
            if !shared {
                let copy = self.copy(resource, item, child);
                if protected {
                    self.hide(copy);
                }
                continue;
            }
            let count = counts.entry(name).or_insert(0);
            let element = self.put_together(resource, item, child, target, *count, protected);
            *count += 1;
            self.parts.push(Part {
                member: self.items.list[item].member,
                target: target.to_owned(),
                element,
            });
        }
    }

    /// Adds an element to a resource that several sources share, and says how Provenance may point at it.
    fn put_together(
        &mut self,
        resource: NodeId,
        item: usize,
        child: NodeId,
        target: &str,
        count: usize,
        protected: bool,
    ) -> ElementRef {
        let source = self.items.list[item].tree;
        let word = source.name_text(child);
        let kind = target.split('/').next().unwrap_or("");
        let path = ElementRef::Path(format!("{kind}.{word}"));
        if !source.flags(child).has(Flags::LIST) {
            match self.tree.child_str(resource, word) {
                Some(there) => self.fill(there, item, child),
                None => {
                    self.copy(resource, item, child);
                }
            }
            return path;
        }
        let (element, _) = self.copy_new(resource, item, child);
        if protected {
            self.hide(element);
        }
        if self.tree.kind(element) != Kind::Object {
            return path;
        }
        ElementRef::Id(self.id_of(element, item, word, count))
    }

    /// The id of an element that came from the `at`th item of a list of a source; given where it has none.
    pub(super) fn id_of(&mut self, element: NodeId, item: usize, list: &str, at: usize) -> String {
        if let Some(id) = self.tree.child(element, Name::ID) {
            return self.tree.text(id).into_owned();
        }
        let id = make_id(&[&self.items.list[item].resource.id, list, &at.to_string()]);
        self.give_id(element, &id);
        id
    }

    /// Gives an element an id; FHIR has it first.
    fn give_id(&mut self, element: NodeId, id: &str) {
        let leaf = self.leaf(element, Name::ID, id);
        let mut children: Vec<NodeId> = self.tree.children(element).filter(|child| *child != leaf).collect();
        children.insert(0, leaf);
        self.tree.set_children(element, &children);
    }

    /// Adds to an element what it does not have yet. Of two values that contradict each other the first stays;
    /// the finding states both.
    fn fill(&mut self, there: NodeId, item: usize, node: NodeId) {
        let source = self.items.list[item].tree;
        let kinds = (self.tree.kind(there), source.kind(node));
        let is_object = |kind| kind == Kind::Object;
        // A primitive is a leaf that may hold extensions; they belong to its value and go with an equal one only.
        let mergeable = match kinds {
            (left, right) if is_object(left) || is_object(right) => is_object(left) && is_object(right),
            _ => self.tree.text(there) == source.text(node),
        };
        if !mergeable {
            return;
        }
        for child in source.children(node) {
            if matches!(source.kind(child), Kind::Comment | Kind::Pi) {
                continue;
            }
            match self.tree.child_str(there, source.name_text(child)) {
                Some(_) if source.flags(child).has(Flags::LIST) => {
                    self.copy_new(there, item, child);
                }
                Some(other) => self.fill(other, item, child),
                None => {
                    self.copy(there, item, child);
                }
            }
        }
        self.gather(there);
    }

    /// Brings the items of each list together, each list where its first item stands.
    pub(super) fn gather(&mut self, node: NodeId) {
        let mut first: HashMap<Name, usize> = HashMap::new();
        let mut children: Vec<(usize, NodeId)> = Vec::new();
        for (at, child) in self.tree.children(node).enumerate() {
            children.push((*first.entry(self.tree.name(child)).or_insert(at), child));
        }
        children.sort_by_key(|(at, _)| *at);
        let children: Vec<NodeId> = children.into_iter().map(|(_, child)| child).collect();
        self.tree.set_children(node, &children);
    }

    /// Takes out of a contact of a protected person what tells where the person lives.
    fn hide(&mut self, element: NodeId) {
        let hidden: Vec<NodeId> =
            self.tree.children(element).filter(|child| gives_away(&self.tree, *child)).collect();
        for child in hidden {
            self.tree.detach(child);
        }
    }

    /// The id that stands for the client.
    pub(super) fn client(&self) -> Option<&'static str> {
        self.items.client.map(|_| CLIENT)
    }
}

/// True where the person must not be found: the security label TURVAKIELTO.
pub(super) fn is_protected(items: &Items<'_>, item: usize) -> bool {
    let tree = items.list[item].tree;
    let Some(meta) = tree.child_str(items.node(item), "meta") else { return false };
    crate::plan::read::all(tree, meta, "security").any(|label| {
        tree.child_text(label, "code").is_some_and(|code| code.eq_ignore_ascii_case("TURVAKIELTO"))
    })
}

/// True for elements of a Patient that tell where a protected person lives or how to reach the person.
fn gives_away(tree: &Tree, node: NodeId) -> bool {
    let located = |name: &str| name.starts_with("valueAddress") || name.starts_with("valueContactPoint");
    match tree.name_text(node) {
        "address" | "telecom" | "text" => true,
        "extension" => tree.children(node).any(|child| located(tree.name_text(child))),
        _ => false,
    }
}
