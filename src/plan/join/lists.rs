//! The lists of the joined plan and its team: what the units' plans and teams list, one for those that say the same.

use super::Element;
use super::again::{Again, Begun, Moved, Resources, Written};
use super::build::{Build, ElementRef, Part};
use super::ids::IdMap;
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Name, NodeId};
use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// A list of the joined plan or team, and whence an item of it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    /// The reference of what has the list.
    pub(super) of: &'static str,
    /// The list in the unit's resource.
    pub(super) name: &'static str,
    /// The list here.
    pub(super) to: &'static str,
    /// The item is to be marked as the one who coordinates.
    pub(super) marks: bool,
}

/// What an item of a list says. Items are looked up by a hash that is made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    hash: u64,
    text: Arc<str>,
}

impl Content {
    fn new(text: String) -> Self {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        Self { hash: hasher.finish(), text: text.into() }
    }
}

impl Hash for Content {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// What the join before has written into lists, by the unit's resource that it came from.
pub(super) type Lists = IdMap<String, Listed>;

/// What one resource gave to lists.
#[derive(Debug)]
pub(super) struct Listed {
    of: Resources,
    member: usize,
    /// In the order of writing; what said the same as another one is not here.
    items: VecDeque<Item>,
}

#[derive(Debug)]
struct Item {
    list: List,
    /// The place in the unit's list.
    at: usize,
    content: Content,
    written: Written<()>,
    /// What its nodes came from; that they came from equal items too is none of its own.
    elements: Vec<Element>,
}

/// The lists of the join before, and those of this one.
#[derive(Debug, Default)]
pub(super) struct Listing {
    old: Lists,
    new: IdMap<String, Open>,
}

/// What one resource gives to lists, and what it gave before where it says the same.
#[derive(Debug)]
struct Open {
    listed: Listed,
    before: VecDeque<Item>,
    moved: Moved,
}

impl Listing {
    pub(super) fn after(old: Lists) -> Self {
        let mut new = IdMap::default();
        new.reserve(old.len());
        Self { old, new }
    }

    /// What is left to the next join.
    pub(super) fn into_lists(self) -> Lists {
        self.new.into_iter().map(|(target, open)| (target, open.listed)).collect()
    }

    fn open(&mut self, build: &Build<'_>, item: usize) -> &mut Open {
        let target = build.items.target(item);
        if !self.new.contains_key(target) {
            let known = self.old.remove(target);
            self.new.insert(target.to_owned(), Open::new(build, item, known));
        }
        self.new.entry(target.to_owned()).or_insert_with(|| Open::new(build, item, None))
    }
}

impl Open {
    fn new(build: &Build<'_>, item: usize, known: Option<Listed>) -> Self {
        let member = build.items.list[item].member;
        let known = known.and_then(|known| {
            let moved = known.of.follow(build, &[item], &[known.member])?;
            Some((known, moved))
        });
        match known {
            Some((known, moved)) => {
                let of = if moved.is_empty() { known.of } else { Resources::new(build, &[item]) };
                let items = VecDeque::with_capacity(known.items.len());
                Self { listed: Listed { of, member, items }, before: known.items, moved }
            }
            None => {
                let listed = Listed { of: Resources::new(build, &[item]), member, items: VecDeque::new() };
                Self { listed, before: VecDeque::new(), moved: Moved::new() }
            }
        }
    }

    /// What was written for the item of a list before.
    fn take(&mut self, list: &List, at: usize) -> Option<Item> {
        let is_next = |item: &mut Item| item.list.name == list.name && item.at == at;
        self.before.pop_front_if(is_next).filter(|item| item.list == *list)
    }
}

/// Copies the `at`th item of a list of a unit's plan or team into a list of the joined one, unless that has an equal one,
/// and keeps whose it is.
pub(super) fn copy(
    build: &mut Build<'_>,
    parent: NodeId,
    (item, node): (usize, NodeId),
    list: &List,
    at: usize,
) {
    let renamed = build.tree.intern(list.to);
    build.see_list(parent, renamed);
    let Some(mut again) = build.again.take() else {
        write(build, parent, (item, node), list, at);
        return;
    };
    let mut listing = std::mem::take(&mut again.listing);
    let open = listing.open(build, item);
    let known = open.take(list, at);
    let written = known.and_then(|known| copy_known(build, &again, parent, known, open)).or_else(|| {
        let (begun, from) = (Begun::new(build), build.elements.len());
        let content = write(build, parent, (item, node), list, at)?;
        let written = begun.end(build, (), vec![open.listed.member]);
        Some(Item { list: *list, at, content, written, elements: elements_since(build, from) })
    });
    open.listed.items.extend(written);
    again.listing = listing;
    build.again = Some(again);
}

/// Copies what the join before has written, unless the list has an equal item.
fn copy_known(
    build: &mut Build<'_>,
    again: &Again<'_>,
    parent: NodeId,
    known: Item,
    open: &Open,
) -> Option<Item> {
    let Entry::Vacant(free) = build.seen.entry((parent, known.content.clone())) else { return None };
    free.insert(build.tree.next_node());
    let (members, from) = (vec![open.listed.member], build.elements.len());
    let of = (&open.moved, Some(known.elements.as_slice()));
    let written = again.copy(build, parent, known.written, members, of);
    Some(Item { written, elements: elements_since(build, from), ..known })
}

fn elements_since(build: &Build<'_>, from: usize) -> Vec<Element> {
    build.elements.get(from..).unwrap_or_default().to_vec()
}

/// Writes an item; what it says comes back where nothing in the list said it.
fn write(
    build: &mut Build<'_>,
    parent: NodeId,
    (item, node): (usize, NodeId),
    list: &List,
    at: usize,
) -> Option<Content> {
    let renamed = build.tree.intern(list.to);
    let (element, new) = build.copy_as(parent, item, node, renamed);
    if list.marks && new.is_some() {
        build.own_concept(element, "role", "team-role", "coordinator");
        build.gather(element);
    }
    let id = build.id_of(element, item, list.name, at);
    let member = build.items.list[item].member;
    build.parts.push(Part { member, target: list.of.into(), element: ElementRef::Id(id.into()) });
    new
}

impl Build<'_> {
    /// Copies an item of a list unless the list has an equal one. The items of the list need not stand together
    /// until [`Build::gather`].
    pub(super) fn copy_new(&mut self, parent: NodeId, item: usize, node: NodeId) -> NodeId {
        let source = self.items.list[item].tree;
        let name = self.tree.name_of(source, source.name(node));
        self.copy_as(parent, item, node, name).0
    }

    /// As [`Build::copy_new`], as an item of the list `name`; with what it says where that is new.
    fn copy_as(
        &mut self,
        parent: NodeId,
        item: usize,
        node: NodeId,
        name: Name,
    ) -> (NodeId, Option<Content>) {
        self.see_list(parent, name);
        let before = self.elements.len();
        let copy = self.copy(parent, item, node);
        self.tree.set_name(copy, name);
        self.tree.add_flags(copy, Flags::LIST);
        let content = self.content(copy);
        match self.seen.entry((parent, content.clone())) {
            Entry::Occupied(there) => {
                let there = *there.get();
                self.tree.detach(copy);
                self.stems_as(there, copy, before);
                (there, None)
            }
            Entry::Vacant(free) => (*free.insert(copy), Some(content)),
        }
    }

    /// Keeps what the items of a list say that were copied with the element that holds them.
    fn see_list(&mut self, parent: NodeId, name: Name) {
        if self.lists.insert((parent, name)) {
            let items: Vec<NodeId> = self.tree.children_named(parent, name).collect();
            for item in items {
                let content = self.content(item);
                self.seen.entry((parent, content)).or_insert(item);
            }
        }
    }

    fn content(&self, node: NodeId) -> Content {
        let mut content = self.tree.name_text(node).to_owned();
        json::write(&self.tree, node, Layout::Compact, &mut content);
        Content::new(content)
    }
}
