//! The lists of the joined plan and its team: what the units' plans and teams list, one for those that say the same.

use super::Element;
use super::again::{Again, Begun, Resources, Written};
use super::build::{Build, ElementRef, Part};
use super::ids::IdMap;
use super::moved::Moved;
use crate::tree::json::{self, Layout};
use crate::tree::{Flags, Name, NodeId, Packed};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, VecDeque};
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

/// An item of a unit's list that goes into a list here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given {
    pub(super) node: NodeId,
    pub(super) list: List,
    /// The place in the unit's list.
    pub(super) at: usize,
}

/// What the join before has written into lists, by the unit's resource that it came from.
pub(super) type Lists = IdMap<Arc<str>, Listed>;

/// What one resource gave to lists.
#[derive(Debug)]
pub(super) struct Listed {
    of: Resources,
    member: usize,
    /// In the order of writing; what said the same as another one is not here.
    runs: VecDeque<Run>,
}

/// Items that lie one behind another in a list.
#[derive(Debug)]
struct Run {
    items: Vec<Item>,
    written: Written<()>,
    /// What the nodes came from; that they came from equal items too is none of their own.
    elements: Vec<Element>,
}

#[derive(Debug)]
struct Item {
    list: List,
    at: usize,
    content: Content,
    node: NodeId,
}

/// The lists of the join before, and those of this one by the resource.
#[derive(Debug, Default)]
pub(super) struct Listing {
    old: Lists,
    new: BTreeMap<usize, Open>,
}

/// What one resource gives to lists, and what it gave before where it says the same.
#[derive(Debug)]
struct Open {
    target: Arc<str>,
    listed: Listed,
    before: VecDeque<Run>,
    moved: Moved,
}

impl Listing {
    pub(super) fn after(old: Lists) -> Self {
        Self { old, new: BTreeMap::new() }
    }

    /// What is left to the next join.
    pub(super) fn into_lists(self) -> Lists {
        self.new.into_values().map(|open| (open.target, open.listed)).collect()
    }

    fn open(&mut self, build: &Build<'_>, again: &Again, item: usize) -> &mut Open {
        let old = &mut self.old;
        self.new.entry(item).or_insert_with(|| {
            let target = build.items.shared_target(item);
            let known = old.remove(&target);
            Open::new(build, again, (item, target), known)
        })
    }
}

impl Open {
    fn new(
        build: &Build<'_>,
        again: &Again,
        (item, target): (usize, Arc<str>),
        known: Option<Listed>,
    ) -> Self {
        let member = build.items.list[item].member;
        let known = known.and_then(|known| {
            let stands = again.keeps(member, known.member) && known.of.stands(build, item);
            let follow = || known.of.follow(build, &[item], &[known.member]);
            let moved = if stands { Moved::default() } else { follow()? };
            Some((known, moved))
        });
        let (of, before, moved) = match known {
            Some((mut known, moved)) => {
                known.of.renew(build, &[item]);
                (known.of, known.runs, moved)
            }
            None => (Resources::new(build, &[item]), VecDeque::new(), Moved::default()),
        };
        Self { target, listed: Listed { of, member, runs: VecDeque::new() }, before, moved }
    }

    /// What was written for the first of these items and maybe more of them before, where all of it would be now.
    fn take(&mut self, build: &Build<'_>, parent: NodeId, given: &[Given]) -> Option<Run> {
        let begins = |run: &mut Run| {
            let item = run.items.first().zip(given.first());
            item.is_some_and(|(item, given)| item.at == given.at && item.list.name == given.list.name)
        };
        let run = self.before.pop_front_if(begins)?;
        let is_same = |(item, given): (&Item, &Given)| {
            (item.at, item.list) == (given.at, given.list)
                && !build.seen.contains_key(&(parent, item.content.clone()))
        };
        (run.items.len() <= given.len() && run.items.iter().zip(given).all(is_same)).then_some(run)
    }
}

impl Listed {
    /// Adds what was written last; what lies behind the run before it becomes part of that one.
    fn add(&mut self, mut run: Run) {
        let list = |item: Option<&Item>| item.map(|item| item.list.name);
        let last = self.runs.back_mut().filter(|last| list(last.items.last()) == list(run.items.first()));
        match last.and_then(|last| Some((last.written.with_next(&run.written)?, last))) {
            Some((written, last)) => {
                last.items.append(&mut run.items);
                last.elements.append(&mut run.elements);
                last.written = written;
            }
            None => self.runs.push_back(run),
        }
    }
}

/// Follows the nodes of a Bundle that was packed.
pub(super) fn pack(lists: &mut Lists, packed: &Packed) {
    for run in lists.values_mut().flat_map(|listed| &mut listed.runs) {
        run.written.stretch = packed.stretch(&run.written.stretch);
        let items = run.items.iter_mut().map(|item| &mut item.node);
        for node in items.chain(run.elements.iter_mut().map(|element| &mut element.node)) {
            *node = packed.node(*node);
        }
    }
}

/// Copies items of a list of a unit's plan or team into a list of the joined one, unless that has equal ones, and keeps
/// whose they are.
pub(super) fn copy(build: &mut Build<'_>, parent: NodeId, item: usize, given: &[Given]) {
    for given in given {
        let renamed = build.tree.intern(given.list.to);
        build.see_list(parent, renamed);
    }
    let Some(mut again) = build.again.take() else {
        for given in given {
            write(build, parent, item, given);
        }
        return;
    };
    let mut listing = std::mem::take(&mut again.listing);
    let open = listing.open(build, &again, item);
    let mut rest = given;
    while let Some(next) = rest.first() {
        let known = open.take(build, parent, rest);
        let known = known.map(|known| keep_run(build, parent, known, open));
        let done = known.as_ref().map_or(1, |known| known.items.len());
        let run = known.or_else(|| write_run(build, parent, item, next));
        if let Some(run) = run {
            open.listed.add(run);
        }
        rest = rest.get(done..).unwrap_or_default();
    }
    again.listing = listing;
    build.again = Some(again);
}

/// Lets items stay that the join before has written, as items of this list.
fn keep_run(build: &mut Build<'_>, parent: NodeId, mut run: Run, open: &Open) -> Run {
    build.tree.take_over(parent, &run.written.stretch);
    let member = open.listed.member;
    if !run.written.is_in_place(std::iter::once(member), &open.moved) {
        run.written.follow(vec![member], &open.moved, &mut run.elements);
    }
    build.elements.extend_from_slice(&run.elements);
    build.parts.extend_from_slice(&run.written.parts);
    for item in &run.items {
        build.seen.insert((parent, item.content.clone()), item.node);
    }
    run
}

/// Writes an item; nothing comes back where the list has an equal one.
fn write_run(build: &mut Build<'_>, parent: NodeId, item: usize, given: &Given) -> Option<Run> {
    let (begun, from) = (Begun::new(build), build.elements.len());
    let content = write(build, parent, item, given)?;
    let written = begun.end(build, (), vec![build.items.list[item].member]);
    let item = Item { list: given.list, at: given.at, content, node: written.stretch.first() };
    let elements = build.elements.get(from..).unwrap_or_default().to_vec();
    Some(Run { items: vec![item], written, elements })
}

/// Writes an item; what it says comes back where nothing in the list said it.
fn write(build: &mut Build<'_>, parent: NodeId, item: usize, given: &Given) -> Option<Content> {
    let list = given.list;
    let renamed = build.tree.intern(list.to);
    let (element, new) = build.copy_as(parent, item, given.node, renamed);
    if list.marks && new.is_some() {
        build.own_concept(element, "role", "team-role", "coordinator");
        build.gather(element);
    }
    let id = build.id_of(element, item, list.name, given.at);
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
