//! Are two Bundles the same? Ids that a lens mints are names for what they point at, so they may differ as long
//! as they differ consistently; everything else must be equal. Members have no order, lists have.

use super::get::Got;
use super::links::Links;
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_name};
use std::collections::{HashMap, HashSet};

/// The first difference of two Bundles.
#[derive(Debug)]
pub(super) struct Difference {
    /// The path in the wanted resources, or in those that `get` gives.
    pub(super) path: String,
    /// What differs, without values.
    pub(super) message: String,
    /// The node of what `get` gives.
    pub(super) got: Option<NodeId>,
}

/// Target leaves whose values are known to become others: their text, and the unit's text beside it.
pub(super) type Expected = HashMap<NodeId, (Option<String>, Option<String>)>;

/// Compares what `get` gives with what is wanted.
pub(super) fn compare(got: &Got, wanted: &Tree) -> Result<(), Difference> {
    compare_expecting(got, wanted, Expected::new(), &HashMap::new())
}

/// As [`compare`], with other values for some leaves, each of which must be met. Resources known to be `clean` are
/// not compared again; they go from a resource of `got` to its wanted counterpart, which leads to clean ones alone.
pub(super) fn compare_expecting(
    got: &Got,
    wanted: &Tree,
    expected: Expected,
    clean: &HashMap<NodeId, NodeId>,
) -> Result<(), Difference> {
    let mut comparison = Comparison {
        got: &got.target,
        minted: flags_of(got, &got.minted),
        named: flags_of(got, &got.named),
        optional: flags_of(got, &got.optional),
        wanted,
        expected,
        renamed: HashMap::new(),
        taken: Links::of(wanted),
        mine: Links::of(&got.target),
        queue: Vec::new(),
    };
    comparison.bundles(clean)?;
    match comparison.expected.keys().next() {
        Some(node) => Err(comparison.only_got(*node, "an expected value was not met")),
        None => Ok(()),
    }
}

struct Comparison<'a> {
    got: &'a Tree,
    /// For each node of `got` whether it is an entry that references of the lens made.
    minted: Vec<bool>,
    /// For each node of `got` whether it is an entry that the lens made in its place, and named.
    named: Vec<bool>,
    /// For each node of `got` whether it is a constant that the wanted resources need not have.
    optional: Vec<bool>,
    /// The entries of `got` by what references call them.
    mine: Links,
    wanted: &'a Tree,
    /// Values that are still to be met.
    expected: Expected,
    /// Entries of the wanted Bundle by what references call them.
    taken: Links,
    /// Entry of `got` to entry of `wanted`, by references that were met.
    renamed: HashMap<NodeId, NodeId>,
    queue: Vec<(NodeId, NodeId)>,
}

type Outcome = Result<(), Difference>;

impl Comparison<'_> {
    /// The outcome where the members of both stand in one order, which is the common case.
    fn in_step(&mut self, a: NodeId, b: NodeId) -> Option<Outcome> {
        let (got, wanted) = (self.got, self.wanted);
        let (mut left, mut right) = (got.first_child(a), wanted.first_child(b));
        while let (Some(l), Some(r)) = (left, right) {
            if !same_name(got, l, wanted, r)
                || got.flags(l).has(Flags::LIST) != wanted.flags(r).has(Flags::LIST)
            {
                return None;
            }
            (left, right) = (got.next_sibling(l), wanted.next_sibling(r));
        }
        if left.is_some() || right.is_some() {
            return None;
        }
        let (mut left, mut right) = (got.first_child(a), wanted.first_child(b));
        while let (Some(l), Some(r)) = (left, right) {
            if let Err(difference) = self.element(l, r) {
                return Some(Err(difference));
            }
            (left, right) = (got.next_sibling(l), wanted.next_sibling(r));
        }
        Some(Ok(()))
    }

    fn bundles(&mut self, clean: &HashMap<NodeId, NodeId>) -> Outcome {
        self.members(NodeId::ROOT, NodeId::ROOT, &[Name::ENTRY])?;
        let got_entries: Vec<NodeId> = self.got.children_named(NodeId::ROOT, Name::ENTRY).collect();
        let wanted_entries: Vec<NodeId> = self.wanted.children_named(NodeId::ROOT, Name::ENTRY).collect();
        // Entries that no reference of the lens made stand in the same order among those of their type.
        let mut used: HashSet<NodeId> = HashSet::new();
        for entry in &got_entries {
            let resource = self.got.child(*entry, Name::RESOURCE);
            let same = resource.and_then(|resource| self.wanted.parent(*clean.get(&resource)?));
            if let Some(same) = same {
                self.renamed.insert(*entry, same);
                used.insert(same);
            }
        }
        for (at, entry) in got_entries.iter().enumerate() {
            if self.minted[entry.index()] {
                continue;
            }
            let kind = type_of(self.got, *entry);
            let free = |other: &&NodeId| !used.contains(other) && type_of(self.wanted, **other) == kind;
            let local = local_of(self.got, *entry);
            let alike = |other: &&NodeId| local_of(self.wanted, **other) == local;
            // Mostly both stand in one order.
            let in_step = wanted_entries.get(at).filter(free).filter(alike);
            let alike = in_step.or_else(|| wanted_entries.iter().filter(free).find(alike));
            let pair = alike.or_else(|| wanted_entries.iter().find(free));
            let Some(pair) = pair else {
                return Err(
                    self.only_got(*entry, "the change takes away a resource that the document still has")
                );
            };
            used.insert(*pair);
            if self.named[entry.index()] {
                self.renamed.insert(*entry, *pair);
            }
            self.queue.push((*entry, *pair));
        }
        while let Some((entry, other)) = self.queue.pop() {
            let minted = self.minted[entry.index()];
            if minted {
                if used.contains(&other) {
                    return Err(self.only_got(entry, "two resources of the document are one here"));
                }
                used.insert(other);
            }
            self.entry(entry, other)?;
        }
        if let Some(extra) = wanted_entries.iter().find(|entry| !used.contains(entry)) {
            let message = "no rule carries this resource into the unit's document".to_owned();
            return Err(Difference { path: self.wanted.path(*extra), message, got: None });
        }
        match got_entries
            .iter()
            .find(|entry| self.minted[entry.index()] && !self.renamed.contains_key(*entry))
        {
            Some(entry) => {
                Err(self.only_got(*entry, "the change takes away a resource that the document still has"))
            }
            None => Ok(()),
        }
    }

    /// True for a wanted entry that a reference already paired.
    fn is_referred(&self, entry: NodeId) -> bool {
        self.renamed.values().any(|other| *other == entry)
    }

    fn is_named(&self, entry: NodeId) -> bool {
        self.minted[entry.index()] || self.named[entry.index()]
    }

    fn entry(&mut self, got: NodeId, wanted: NodeId) -> Outcome {
        if !self.is_named(got) {
            return self.element(got, wanted);
        }
        let both = (self.got.child(got, Name::RESOURCE), self.wanted.child(wanted, Name::RESOURCE));
        match both {
            (Some(a), Some(b)) => self.members(a, b, &[Name::ID]),
            _ => Err(self.only_got(got, "an entry has no resource")),
        }
    }

    fn element(&mut self, a: NodeId, b: NodeId) -> Outcome {
        let (got, wanted) = (self.got, self.wanted);
        if !self.expected.is_empty()
            && let Some(value) = self.expected.remove(&a)
        {
            let met = value == held(wanted, b);
            return if met {
                Ok(())
            } else {
                Err(self.differs(a, b, "the document gives another value here"))
            };
        }
        let (a_kind, b_kind) = (got.kind(a), wanted.kind(b));
        if got.name(a) == Name::REFERENCE && a_kind == Kind::Str && b_kind == Kind::Str {
            return self.reference(a, b);
        }
        let empty = |kind: Kind| matches!(kind, Kind::EmptyList);
        if a_kind != b_kind || empty(a_kind) != empty(b_kind) {
            return Err(self.differs(a, b, "the two have different forms"));
        }
        if a_kind.is_leaf() && got.text(a) != wanted.text(b) {
            return Err(self.differs(a, b, "the document gives another value here"));
        }
        self.members(a, b, &[])
    }

    fn reference(&mut self, a: NodeId, b: NodeId) -> Outcome {
        let (a_text, b_text) = (self.got.text(a), self.wanted.text(b));
        let mine = self.mine.exact(&a_text).and_then(|resource| self.got.parent(resource));
        let Some(mine) = mine.filter(|entry| self.is_named(*entry)) else {
            return if a_text == b_text {
                Ok(())
            } else {
                Err(self.differs(a, b, "the document gives another reference here"))
            };
        };
        let theirs = self.taken.exact(&b_text).and_then(|resource| self.wanted.parent(resource));
        let Some(theirs) = theirs else {
            return Err(self.differs(a, b, "the reference leads nowhere in the Bundle"));
        };
        match self.renamed.get(&mine) {
            Some(known) if *known == theirs => Ok(()),
            Some(_) => Err(self.differs(a, b, "the document gives another reference here")),
            None if self.is_referred(theirs) => {
                Err(self.differs(a, b, "two resources of the document are one here"))
            }
            None => {
                self.renamed.insert(mine, theirs);
                self.queue.push((mine, theirs));
                Ok(())
            }
        }
    }

    /// Compares children by name; those of one name in order.
    fn members(&mut self, a: NodeId, b: NodeId, but: &[Name]) -> Outcome {
        let (got, wanted) = (self.got, self.wanted);
        if but.is_empty()
            && let Some(outcome) = self.in_step(a, b)
        {
            return outcome;
        }
        let counts = |tree: &Tree, node: NodeId| {
            tree.children(node)
                .filter(|child| !but.contains(&tree.name(*child)) || tree.name_text(*child).is_empty())
                .count()
        };
        let mut left = 0;
        let mut child = got.first_child(a);
        while let Some(here) = child {
            child = got.next_sibling(here);
            if but.contains(&got.name(here)) {
                continue;
            }
            let at = got.children_named(a, got.name(here)).take_while(|other| *other != here).count();
            let name = got.name_text(here);
            let other = wanted.children(b).filter(|node| wanted.name_text(*node) == name).nth(at);
            let Some(other) = other else {
                if self.is_optional(here) {
                    continue;
                }
                return Err(self.only_got(here, "the document has an element that the change takes away"));
            };
            left += 1;
            if got.flags(here).has(Flags::LIST) != wanted.flags(other).has(Flags::LIST) {
                return Err(self.differs(here, other, "a list on one side is a single value on the other"));
            }
            self.element(here, other)?;
        }
        if left == counts(wanted, b) {
            return Ok(());
        }
        let extra = wanted.children(b).find(|node| {
            let name = wanted.name_text(*node);
            let at = wanted
                .children(b)
                .filter(|other| wanted.name_text(*other) == name)
                .position(|other| other == *node);
            !but.iter().any(|but| got.names().text(*but) == name)
                && got
                    .children(a)
                    .filter(|other| got.name_text(*other) == name)
                    .nth(at.unwrap_or(0))
                    .is_none()
        });
        let path = extra.map(|node| wanted.path(node)).unwrap_or_default();
        let message = "no rule carries this element into the unit's document".to_owned();
        Err(Difference { path, message, got: None })
    }

    /// True for what holds nothing but constants that need not be there.
    fn is_optional(&self, node: NodeId) -> bool {
        let mut leaves = self.got.descend(node).filter(|leaf| self.got.kind(*leaf).is_leaf());
        leaves.all(|leaf| self.optional[leaf.index()])
    }

    fn differs(&self, got: NodeId, wanted: NodeId, message: &str) -> Difference {
        Difference { path: self.wanted.path(wanted), message: message.to_owned(), got: Some(got) }
    }

    fn only_got(&self, got: NodeId, message: &str) -> Difference {
        Difference { path: self.got.path(got), message: message.to_owned(), got: Some(got) }
    }
}

fn flags_of(got: &Got, nodes: &[NodeId]) -> Vec<bool> {
    let mut flags = vec![false; got.target.len()];
    for node in nodes {
        flags[node.index()] = true;
    }
    flags
}

fn type_of(tree: &Tree, entry: NodeId) -> Option<String> {
    let resource = tree.child(entry, Name::RESOURCE)?;
    tree.resource_type(resource).map(std::borrow::Cow::into_owned)
}

fn local_of(tree: &Tree, entry: NodeId) -> Option<String> {
    let resource = tree.child(entry, Name::RESOURCE)?;
    let id = tree.child(resource, Name::ID)?;
    Some(format!("{}/{}", tree.resource_type(resource)?, tree.text(id)))
}

/// The value of a leaf and the unit's text it holds.
pub(super) fn held(tree: &Tree, node: NodeId) -> (Option<String>, Option<String>) {
    let text = tree.has_text(node).then(|| tree.text(node).into_owned());
    let extension = tree.children_named(node, Name::EXTENSION).find(|extension| {
        tree.child(*extension, Name::URL).is_some_and(|url| tree.text(url) == super::get::SOURCE_TEXT)
    });
    let source_text = extension.and_then(|extension| tree.child(extension, Name::VALUE_STRING));
    (text, source_text.map(|node| tree.text(node).into_owned()))
}
