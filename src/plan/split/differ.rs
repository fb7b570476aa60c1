//! What differs between two trees of resources, as the smallest edits that make one of the other.
//!
//! Members of objects are paired by name. Items of lists are paired by what names them (an id, a url, a system), then
//! by equal contents, then by likeness: an item that moved or was changed is not taken for one that went and another
//! that came.

use crate::plan::LOCAL;
use crate::plan::read::text;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};

/// Pairs of items that are held against each other by likeness; in longer lists only equal items are paired.
const LIKENESS_MAX: usize = 40_000;

/// How far ids name the same thing in both trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Both come from one joined plan, whose ids are stable.
    Ids,
    /// Both are versions of one unit's plan; ids that a lens gave by place say nothing.
    Contents,
}

/// One difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// A leaf has another value, or none.
    Set { before: NodeId, after: NodeId },
    /// An element is gone.
    Remove { before: NodeId },
    /// An element is new: below `parent`, right after `behind`, where that is known.
    Insert { parent: NodeId, behind: Option<NodeId>, after: NodeId },
    /// The items of a list, of which this was the first, stand in another order.
    Order { before: NodeId },
}

/// Two trees and what was found of them.
pub(super) struct Differ<'a> {
    before: &'a Tree,
    after: &'a Tree,
    trust: Trust,
    pub(super) changes: Vec<Change>,
    /// Which node stands where which one stood.
    pub(super) pairs: HashMap<NodeId, NodeId>,
}

impl<'a> Differ<'a> {
    pub(super) fn new(before: &'a Tree, after: &'a Tree, trust: Trust) -> Self {
        Self { before, after, trust, changes: Vec::new(), pairs: HashMap::new() }
    }

    /// Compares two nodes that are the same element. Nothing recurses deeper than trees may be.
    pub(super) fn compare(&mut self, before: NodeId, after: NodeId) {
        self.pairs.insert(before, after);
        if value(self.before, before) != value(self.after, after) {
            self.changes.push(Change::Set { before, after });
        }
        for (old, new) in members(self.before, before, self.after, after) {
            self.member(before, &old, &new);
        }
    }

    fn member(&mut self, parent: NodeId, old: &[NodeId], new: &[NodeId]) {
        let mut partner = vec![None; old.len()];
        let is_list = |tree: &Tree, nodes: &[NodeId]| {
            nodes.len() > 1 || nodes.iter().any(|node| tree.flags(*node).has(Flags::LIST))
        };
        if !is_list(self.before, old) && !is_list(self.after, new) {
            if let (Some(a), Some(b)) = (old.first(), new.first())
                && is_leaf(self.before, *a) == is_leaf(self.after, *b)
            {
                partner[0] = Some(0);
            }
        } else {
            self.align(old, new, &mut partner);
        }
        if let Some(first) = old.first().filter(|_| !partner.iter().flatten().is_sorted()) {
            self.changes.push(Change::Order { before: *first });
        }
        let mut behind: Vec<Option<NodeId>> = vec![None; new.len()];
        let mut taken = vec![false; new.len()];
        for (at, partner) in partner.iter().enumerate() {
            match partner {
                Some(to) => {
                    taken[*to] = true;
                    behind[*to] = Some(old[at]);
                    self.compare(old[at], new[*to]);
                }
                None => self.changes.push(Change::Remove { before: old[at] }),
            }
        }
        let mut last = None;
        for (at, node) in new.iter().enumerate() {
            if taken[at] {
                last = behind[at];
            } else {
                self.changes.push(Change::Insert { parent, behind: last, after: *node });
            }
        }
    }

    /// Finds for each old item the new one that it has become.
    fn align(&self, old: &[NodeId], new: &[NodeId], partner: &mut [Option<usize>]) {
        let keys = |tree: &Tree, nodes: &[NodeId]| -> Vec<Option<String>> {
            nodes.iter().map(|node| self.key(tree, *node)).collect()
        };
        let (old_keys, new_keys) = (keys(self.before, old), keys(self.after, new));
        let mut taken = vec![false; new.len()];
        let once = |keys: &[Option<String>], key: &String| {
            keys.iter().flatten().filter(|other| *other == key).count() == 1
        };
        for (at, key) in old_keys.iter().enumerate() {
            let Some(key) = key.as_ref().filter(|key| once(&old_keys, key) && once(&new_keys, key)) else {
                continue;
            };
            let found = new_keys.iter().position(|other| other.as_ref() == Some(key));
            if let Some(to) =
                found.filter(|to| is_leaf(self.before, old[at]) == is_leaf(self.after, new[*to]))
            {
                (partner[at], taken[to]) = (Some(to), true);
            }
        }
        let old_words: Vec<Vec<String>> = old.iter().map(|node| self.words(self.before, *node)).collect();
        let new_words: Vec<Vec<String>> = new.iter().map(|node| self.words(self.after, *node)).collect();
        pair_equal(&old_words, &new_words, partner, &mut taken);
        let may = |at: usize, to: usize| match (&old_keys[at], &new_keys[to]) {
            (Some(a), Some(b)) => a == b,
            _ => kind_of(self.before, old[at]) == kind_of(self.after, new[to]),
        };
        if old.len().saturating_mul(new.len()) <= LIKENESS_MAX {
            pair_alike(&old_words, &new_words, partner, &mut taken, &may);
        }
        self.pair_leaves(old, new, partner, &mut taken);
    }

    /// Of values in a list, as given names, those that are left over stand for each other in their order.
    fn pair_leaves(&self, old: &[NodeId], new: &[NodeId], partner: &mut [Option<usize>], taken: &mut [bool]) {
        for at in 0..old.len() {
            if partner[at].is_some() || !is_leaf(self.before, old[at]) {
                continue;
            }
            let free = (0..new.len()).find(|to| !taken[*to] && is_leaf(self.after, new[*to]));
            if let Some(to) = free {
                (partner[at], taken[to]) = (Some(to), true);
            }
        }
    }

    /// What names an item among its siblings.
    fn key(&self, tree: &Tree, node: NodeId) -> Option<String> {
        let own = |name: &str| text(tree, node, &[name]).map(Cow::into_owned);
        match tree.name_text(node) {
            "entry" => {
                entry_key(tree, node).filter(|(_, local)| self.trust == Trust::Ids || !local).map(|key| key.0)
            }
            "extension" | "modifierExtension" => own("url"),
            "coding" => own("system"),
            _ if self.trust == Trust::Ids => own("id"),
            _ => None,
        }
    }

    /// All that an item says, as names and values.
    fn words(&self, tree: &Tree, node: NodeId) -> Vec<String> {
        let mut words = Vec::new();
        for leaf in tree.descend(node) {
            let name = tree.name_text(leaf);
            // What a lens names by place says nothing of what it names.
            let by_place = self.trust == Trust::Contents && matches!(name, "id" | "fullUrl" | "reference");
            if let Some(value) = value(tree, leaf).filter(|_| !by_place) {
                words.push(format!("{name}={value}"));
            }
        }
        words
    }
}

/// What names an entry: the type and id of its resource, or its url; true where a lens gave the name.
pub(super) fn entry_key(tree: &Tree, entry: NodeId) -> Option<(String, bool)> {
    let resource = tree.child(entry, Name::RESOURCE)?;
    let url = tree.child(entry, Name::FULL_URL).map(|url| tree.text(url).into_owned());
    let local = url.as_deref().is_some_and(|url| url.starts_with(LOCAL));
    let key = resource_key(tree, resource).or(url)?;
    Some((key, local))
}

/// The type and the id of a resource.
pub(super) fn resource_key(tree: &Tree, resource: NodeId) -> Option<String> {
    Some(format!("{}/{}", tree.resource_type(resource)?, text(tree, resource, &["id"])?))
}

/// The value of a leaf; the full url of one of our own resources is the reference to it.
pub(super) fn value(tree: &Tree, node: NodeId) -> Option<Cow<'_, str>> {
    if !is_leaf(tree, node) || !tree.has_text(node) {
        return None;
    }
    let text = tree.text(node);
    if tree.name(node) == Name::REFERENCE
        && let Some(own) = text.strip_prefix(LOCAL)
    {
        return Some(Cow::Owned(own.to_owned()));
    }
    Some(text)
}

pub(super) fn is_leaf(tree: &Tree, node: NodeId) -> bool {
    tree.kind(node).is_leaf()
}

fn kind_of(tree: &Tree, node: NodeId) -> (bool, Option<String>) {
    let resource = tree.child(node, Name::RESOURCE).and_then(|resource| tree.resource_type(resource));
    (is_leaf(tree, node), resource.map(Cow::into_owned))
}

/// The children of both by name, in the order in which names come.
fn members(before: &Tree, a: NodeId, after: &Tree, b: NodeId) -> Vec<(Vec<NodeId>, Vec<NodeId>)> {
    let mut found: Vec<(Vec<NodeId>, Vec<NodeId>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (tree, node, is_old) in [(before, a, true), (after, b, false)] {
        for child in tree.children(node) {
            if !tree.is_present(child) || tree.kind(child) == Kind::Pi {
                continue;
            }
            let place = *places.entry(tree.name_text(child).to_owned()).or_insert(found.len());
            if place == found.len() {
                found.push((Vec::new(), Vec::new()));
            }
            let side = if is_old { &mut found[place].0 } else { &mut found[place].1 };
            side.push(child);
        }
    }
    found
}

fn pair_equal(old: &[Vec<String>], new: &[Vec<String>], partner: &mut [Option<usize>], taken: &mut [bool]) {
    let mut free: HashMap<&[String], VecDeque<usize>> = HashMap::new();
    for (to, words) in new.iter().enumerate().filter(|(to, _)| !taken[*to]) {
        free.entry(words).or_default().push_back(to);
    }
    for (at, words) in old.iter().enumerate() {
        if partner[at].is_none()
            && let Some(to) = free.get_mut(words.as_slice()).and_then(VecDeque::pop_front)
        {
            (partner[at], taken[to]) = (Some(to), true);
        }
    }
}

/// Pairs the items that share most, where they share a third of what they say.
fn pair_alike(
    old: &[Vec<String>],
    new: &[Vec<String>],
    partner: &mut [Option<usize>],
    taken: &mut [bool],
    may: &dyn Fn(usize, usize) -> bool,
) {
    let mut likeness = Vec::new();
    for at in (0..old.len()).filter(|at| partner[*at].is_none()) {
        for to in (0..new.len()).filter(|to| !taken[*to] && may(at, *to)) {
            let shared = shared(&old[at], &new[to]);
            if shared > 0 && shared * 3 >= old[at].len().max(new[to].len()) {
                likeness.push((Reverse(shared), at.abs_diff(to), at, to));
            }
        }
    }
    likeness.sort_unstable();
    for (_, _, at, to) in likeness {
        if partner[at].is_none() && !taken[to] {
            (partner[at], taken[to]) = (Some(to), true);
        }
    }
}

fn shared(old: &[String], new: &[String]) -> usize {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for word in old {
        *counts.entry(word).or_default() += 1;
    }
    let mut shared = 0;
    for word in new {
        if let Some(count) = counts.get_mut(word.as_str()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    shared
}
