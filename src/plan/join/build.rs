//! Writes resources into the joined Bundle: references rewritten, equal resources put together.

use super::again::Again;
use super::ids::{IdMap, IdSet};
use super::items::{CLIENT, Items};
use super::lists::Content;
use super::protect::Protected;
use super::settled::SettledValue;
use super::{Element, ElementState, Finding, earlier, persons, provenance};
use crate::plan::form;
use crate::plan::identity::Hetu;
use crate::plan::person::hetus;
use crate::plan::read::SUBJECTS;
use crate::plan::{LOCAL, SAUMA};
use crate::tree::{Flags, Kind, Name, NameTable, NodeId, Tree};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// What one contribution gave to a resource that it shares with others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) member: usize,
    pub(super) target: Arc<str>,
    pub(super) element: ElementRef,
}

/// How Provenance points at an element.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ElementRef {
    /// The id of an element.
    Id(Arc<str>),
    /// A FHIRPath.
    Path(Arc<str>),
}

/// The names that the trees of all contributions share.
pub(super) fn names<'a>(items: &'a Items<'_>) -> &'a Arc<NameTable> {
    let names = items.members.first().map(|member| member.bundle.names().shared());
    names.unwrap_or_else(|| crate::mapping::units::schema().names())
}

/// The Bundle being made.
pub(super) struct Build<'a> {
    pub(super) tree: Tree,
    /// What stands before the entries.
    pub(super) head: [NodeId; 2],
    /// The entries in the order of writing.
    pub(super) entries: Vec<NodeId>,
    /// The entries of the join before, in their order.
    pub(super) before: Vec<NodeId>,
    pub(super) items: &'a Items<'a>,
    pub(super) parts: Vec<Part>,
    /// What each copied node came from.
    pub(super) elements: Vec<Element>,
    pub(super) protected: &'a Protected,
    /// Elements of persons that no value may stand for, by the person.
    contested: Vec<(String, String)>,
    /// Values that people have decided to be right.
    pub(super) values: Vec<SettledValue>,
    /// Items of lists by what they say, to find equal ones.
    pub(super) seen: IdMap<(NodeId, Content), NodeId>,
    /// The lists that are in `seen`.
    pub(super) lists: IdSet<(NodeId, Name)>,
    /// The Provenance of each member.
    pub(super) provenance: Vec<String>,
    /// The join before, where this one follows it.
    pub(super) again: Option<Again>,
}

impl<'a> Build<'a> {
    pub(super) fn new(items: &'a Items<'a>, protected: &'a Protected, mut again: Option<Again>) -> Self {
        let before = again.as_mut().and_then(Again::take_bundle);
        let (tree, elements) = (before.unwrap_or_else(|| Tree::new(names(items))), Vec::new());
        let (parts, mut seen, lists) = (Vec::new(), IdMap::default(), IdSet::default());
        seen.reserve(items.list.len());
        let (contested, values) = (Vec::new(), Vec::new());
        let provenance = provenance::references(&items.members, &items.ids);
        let mut build = Self {
            tree,
            head: [NodeId::ROOT; 2],
            entries: Vec::new(),
            before: Vec::new(),
            items,
            parts,
            elements,
            protected,
            contested,
            values,
            seen,
            lists,
            provenance,
            again,
        };
        build.begin();
        build
    }

    /// Writes what stands before the entries, unless it is there; the entries that are there are told of one by one.
    fn begin(&mut self) {
        if self.tree.is_empty() {
            self.tree.push_root(Name::NONE, Kind::Object);
        }
        let there: Vec<NodeId> = self.tree.children(NodeId::ROOT).collect();
        self.before = there.get(self.head.len()..).unwrap_or_default().to_vec();
        let mut there = there.into_iter();
        self.head = [("resourceType", "Bundle"), ("type", "collection")]
            .map(|(name, text)| there.next().unwrap_or_else(|| self.text(NodeId::ROOT, name, text)));
        let head = self.head;
        self.tree.set_children(NodeId::ROOT, &head);
    }

    /// A new resource as an entry; its id is written.
    pub(super) fn resource(&mut self, target: &str) -> NodeId {
        let entry = self.tree.push(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST);
        self.entries.push(entry);
        let url = self.tree.push(entry, Name::FULL_URL, Kind::Str, Flags::default());
        self.tree.set_read_text(url, &format!("{LOCAL}{target}"));
        let resource = self.tree.push(entry, Name::RESOURCE, Kind::Object, Flags::default());
        let (kind, id) = target.split_once('/').unwrap_or((target, ""));
        self.leaf(resource, Name::RESOURCE_TYPE, kind);
        self.leaf(resource, Name::ID, id);
        resource
    }

    /// What each node came from, in the order of the nodes.
    pub(super) fn take_elements(&mut self) -> Vec<Element> {
        let mut elements = std::mem::take(&mut self.elements);
        // Nearly in order: a sort that takes what is sorted as it is.
        elements.sort();
        elements.dedup();
        match &mut self.again {
            Some(again) => again.with_those_that_stay(&elements),
            None => elements,
        }
    }

    /// The reference of the resource of an entry.
    pub(super) fn reference_of_entry(&self, entry: NodeId) -> String {
        let url = self.tree.child(entry, Name::FULL_URL).map(|url| self.tree.raw_text(url));
        url.and_then(|url| url.strip_prefix(LOCAL)).unwrap_or_default().to_owned()
    }

    /// Says which of our profiles a resource fits; FHIR has that behind the id.
    pub(super) fn claim(&mut self, resource: NodeId, profile: &str) {
        let meta = self.meta(resource);
        let name = self.tree.intern("profile");
        let claim = self.tree.push(meta, name, Kind::Str, Flags::LIST);
        self.tree.set_read_text(claim, &format!("{SAUMA}StructureDefinition/{profile}"));
    }

    /// The `meta` of a resource, made where it has none.
    fn meta(&mut self, resource: NodeId) -> NodeId {
        if let Some(meta) = self.tree.child_str(resource, "meta") {
            return meta;
        }
        let meta = self.object(resource, "meta");
        let mut children: Vec<NodeId> = self.tree.children(resource).filter(|child| *child != meta).collect();
        let after = children.iter().position(|child| self.tree.name(*child) == Name::ID);
        children.insert(after.map_or(0, |at| at + 1), meta);
        self.tree.set_children(resource, &children);
        meta
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
            let state = match found {
                Some(found) => {
                    self.tree.set_read_text(copy, self.items.target(found));
                    ElementState::Reference
                }
                None => match form::claimed(source, self.items.node(item), node, &text) {
                    Some(claimed) => {
                        self.tree.set_read_text(copy, &claimed);
                        ElementState::Other
                    }
                    None => {
                        let shown = self.protected.blot_in(source.name_text(node), text.clone());
                        self.tree.set_read_text(copy, &shown);
                        if shown == text { ElementState::Same } else { ElementState::Blotted }
                    }
                },
            };
            self.stems(copy, item, node, state);
        } else {
            self.stems(copy, item, node, ElementState::Same);
            if let Some(found) = self.items.identified(item, node) {
                self.leaf(copy, Name::REFERENCE, self.items.target(found));
            }
        }
        for child in source.children(node) {
            if !self.is_left_out(item, child) {
                self.copy(copy, item, child);
            }
        }
        copy
    }

    /// Keeps which node of a source a node of the joined plan came from.
    fn stems(&mut self, node: NodeId, item: usize, from: NodeId, state: ElementState) {
        self.elements.push(Element { node, source: self.items.list[item].member, from, state });
    }

    /// What an equal element came from is what the one that stands came from too. Elements that were given to that
    /// one since have no counterpart.
    pub(super) fn stems_as(&mut self, there: NodeId, copy: NodeId, from: usize) {
        let mut open = vec![(there, copy)];
        let mut counterpart: HashMap<NodeId, NodeId> = HashMap::new();
        while let Some((there, copy)) = open.pop() {
            counterpart.insert(copy, there);
            let mut free = self.tree.children(there);
            for child in self.tree.children(copy) {
                let same = |other: &NodeId| self.tree.name(*other) == self.tree.name(child);
                open.extend(free.find(same).map(|other| (other, child)));
            }
        }
        for at in from..self.elements.len() {
            if let Some(there) = counterpart.get(&self.elements[at].node) {
                self.elements[at].node = *there;
            }
        }
    }

    fn is_left_out(&self, item: usize, node: NodeId) -> bool {
        let silent = matches!(self.items.list[item].tree.kind(node), Kind::Comment | Kind::Pi);
        silent || self.protected.hides(self.items, item, node)
    }

    /// Writes what stands for a group of resources that are one.
    pub(super) fn write_group(&mut self, group: &[usize]) {
        let target = self.items.target(group[0]).to_owned();
        let resource = self.resource(&target);
        for item in group {
            self.stems(resource, *item, self.items.node(*item), ElementState::Same);
            self.add(resource, *item, &target, group.len() > 1);
        }
        if group.len() > 1 {
            self.gather(resource);
        }
        self.put_decided(resource, group);
        self.blank_contested(resource, &target);
        self.mark_common(resource, group);
        self.mark_of_another(resource, group);
    }

    /// Marks what a document about several clients says of more than one of them. Whom else it concerns is not told.
    fn mark_common(&mut self, resource: NodeId, group: &[usize]) {
        let is_common = |item: &usize| {
            let of = &self.items.list[*item];
            self.items.members[of.member].common.contains(&of.resource.node) || self.is_of_all(*item)
        };
        if !self.items.is_shared_by_nature(group[0]) && group.iter().any(is_common) {
            self.tag(resource, "common");
        }
    }

    /// Marks what is recorded for somebody else than the client, as a parent's own goal in the plan of a family: the client
    /// may share it or not, and whose it is stays as it was.
    fn mark_of_another(&mut self, resource: NodeId, group: &[usize]) {
        let items = self.items;
        let Some(client) = items.client.map(|client| items.root(client)) else { return };
        let is_of_another = |item: &usize| {
            let person = self.subject_of(*item);
            person.is_some_and(|person| items.kind(person) == "Patient" && items.root(person) != client)
                && !self.is_of_all(*item)
        };
        if !items.is_shared_by_nature(group[0]) && group.iter().all(is_of_another) {
            self.tag(resource, "of-another");
        }
    }

    /// Whom a resource names as the one whom it is about.
    fn subject_of(&self, item: usize) -> Option<usize> {
        let items = self.items;
        let subject = |name: &&str| items.list[item].tree.child_str(items.node(item), name);
        items.follow(item, SUBJECTS.iter().find_map(subject)?)
    }

    /// True for what a plan of several clients says of one of them because its form has no place for more: the client is
    /// one of those.
    pub(super) fn is_of_all(&self, item: usize) -> bool {
        let items = self.items;
        let (member, client) = (items.list[item].member, items.client.map(|client| items.root(client)));
        let is_client = |patient| Some(items.root(items.number(member, patient))) == client;
        items.members[member].facts().whose.is_of_all(is_client) && self.subject_of(item).is_some()
    }

    fn tag(&mut self, resource: NodeId, code: &str) {
        let meta = self.meta(resource);
        let tag = self.item(meta, "tag");
        self.text(tag, "system", &format!("{SAUMA}CodeSystem/plan-part"));
        self.text(tag, "code", code);
        self.gather(meta);
    }

    fn add(&mut self, resource: NodeId, item: usize, target: &str, shared: bool) {
        let source = self.items.list[item].tree;
        let mut counts: HashMap<Name, usize> = HashMap::new();
        let shared_target: Arc<str> = target.into();
        let earlier = if shared { earlier::states(self, resource, item) } else { Vec::new() };
        for child in source.children(self.items.node(item)) {
            let name = source.name(child);
            let word = source.name_text(child);
            let apart =
                matches!(name, Name::RESOURCE_TYPE | Name::ID | Name::CONTAINED) || earlier.contains(&child);
            if apart || shared && word == "text" || self.is_left_out(item, child) {
                continue;
            }
            if !shared {
                self.copy(resource, item, child);
                continue;
            }
            let count = counts.entry(name).or_insert(0);
            let element = self.put_together(resource, item, child, target, *count);
            *count += 1;
            self.parts.push(Part {
                member: self.items.list[item].member,
                target: Arc::clone(&shared_target),
                element,
            });
        }
        earlier::write(self, resource, target, item, &earlier);
    }

    /// True where an element says what stands in the plan already, or one of the two only says more.
    pub(super) fn agrees(&self, there: NodeId, item: usize, node: NodeId) -> bool {
        let leaves = |tree: &Tree, node| -> BTreeSet<String> {
            let below = tree.descend(node).filter(|leaf| tree.kind(*leaf).is_leaf());
            below.map(|leaf| tree.text(leaf).into_owned()).collect()
        };
        let (known, said) = (leaves(&self.tree, there), leaves(self.items.list[item].tree, node));
        known.is_subset(&said) || said.is_subset(&known)
    }

    /// Adds an element to a resource that several sources share, and says how Provenance may point at it.
    fn put_together(
        &mut self,
        resource: NodeId,
        item: usize,
        child: NodeId,
        target: &str,
        count: usize,
    ) -> ElementRef {
        let source = self.items.list[item].tree;
        let word = source.name_text(child);
        let kind = target.split('/').next().unwrap_or("");
        let path = ElementRef::Path(format!("{kind}.{word}").into());
        if !source.flags(child).has(Flags::LIST) {
            match self.tree.child_str(resource, word) {
                Some(there) => self.fill(there, item, child),
                None => {
                    self.copy(resource, item, child);
                }
            }
            return path;
        }
        if let Some(there) = self.said_again(resource, item, child) {
            self.fill(there, item, child);
            return ElementRef::Id(self.id_of(there, item, word, count).into());
        }
        let element = self.copy_new(resource, item, child);
        if self.tree.kind(element) != Kind::Object {
            return path;
        }
        ElementRef::Id(self.id_of(element, item, word, count).into())
    }

    /// The id of an element that came from the `at`th item of a list of a source; given where it has none.
    pub(super) fn id_of(&mut self, element: NodeId, item: usize, list: &str, at: usize) -> String {
        if let Some(id) = self.tree.child(element, Name::ID) {
            return self.tree.text(id).into_owned();
        }
        let id = self.items.ids.id(&[&self.items.own_name(item), list, &at.to_string()]);
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
            _ => {
                let text = self.protected.blot_in(source.name_text(node), source.text(node));
                self.tree.text(there) == text
            }
        };
        let is_reference = self.tree.name(there) == Name::REFERENCE;
        let state = match (mergeable, is_reference) {
            (true, true) => ElementState::Reference,
            (true, false) => ElementState::Same,
            (false, _) => ElementState::Other,
        };
        self.stems(there, item, node, state);
        if !mergeable {
            return;
        }
        for child in source.children(node) {
            if self.is_left_out(item, child) {
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

    /// Says which values of persons no resource may state as if they were known.
    pub(super) fn set_contested(&mut self, found: &[Finding]) {
        let contested = persons::contested(self.items, found).into_iter();
        self.contested = contested.map(|(target, element)| (target.to_owned(), element.to_owned())).collect();
    }

    /// The elements of a resource that no value may stand for.
    pub(super) fn contested_of(&self, target: &str) -> impl Iterator<Item = &str> {
        self.contested.iter().filter(move |(of, _)| of == target).map(|(_, element)| element.as_str())
    }

    /// Takes contested values out of a person: the finding states all of them, and none stands for the truth.
    fn blank_contested(&mut self, resource: NodeId, target: &str) {
        let contested = std::mem::take(&mut self.contested);
        for (_, element) in contested.iter().filter(|(of, _)| of == target) {
            let torn: Vec<NodeId> = if element == persons::CODE {
                let valid = hetus(&self.tree, resource).filter(|(_, code)| Hetu::parse(code).is_ok());
                valid.map(|(value, _)| value).collect()
            } else {
                let name = element.trim_start_matches("Patient.");
                self.tree.child_str(resource, name).into_iter().collect()
            };
            for leaf in torn {
                self.blank(leaf);
            }
        }
        self.contested = contested;
    }

    /// Leaves of a primitive only that its value is not known.
    pub(super) fn blank(&mut self, leaf: NodeId) {
        for element in self.elements.iter_mut().filter(|element| element.node == leaf) {
            element.state = ElementState::Contested;
        }
        self.tree.set_kind(leaf, Kind::Null);
        self.tree.set_read_text(leaf, "");
        self.say_unknown(leaf);
    }

    /// FHIR's extension that says why there is no value.
    pub(super) fn say_unknown(&mut self, leaf: NodeId) {
        let extension = self.tree.push(leaf, Name::EXTENSION, Kind::Object, Flags::LIST);
        self.text(extension, "url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason");
        self.text(extension, "valueCode", "unknown");
    }

    /// The id that stands for the client.
    pub(super) fn client(&self) -> Option<&'static str> {
        self.items.client.map(|_| CLIENT)
    }
}
