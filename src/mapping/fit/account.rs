//! What a document holds of the resources it was made from: every difference, not only the first.

use super::align::{Side, align};
use super::{Got, Loss, LossKind, altered, loss};
use crate::mapping::links::Links;
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::{HashMap, HashSet};

/// Resources of one Bundle among which one that says the same is looked for.
const REPEATED_MAX: usize = 1_000;

/// The differences between what a document gives and what was wanted, in the order of the wanted resources.
pub(super) fn account(got: &Got, wanted: &Tree) -> Vec<Loss> {
    let (ours, theirs) = (Links::of(&got.target), Links::of(wanted));
    let mut account = Account {
        ours: Side { tree: &got.target, links: &ours },
        theirs: Side { tree: wanted, links: &theirs },
        minted: got.minted.iter().copied().collect(),
        named: got.minted.iter().chain(&got.named).copied().collect(),
        optional: got.optional.iter().copied().collect(),
        pairs: HashMap::new(),
        taken: HashSet::new(),
        queue: Vec::new(),
        losses: Vec::new(),
    };
    account.bundles();
    account.losses
}

struct Account<'a> {
    /// What the document gives.
    ours: Side<'a>,
    /// What was wanted.
    theirs: Side<'a>,
    /// Entries that references of the lens made.
    minted: HashSet<NodeId>,
    /// Entries of which the ids and urls are names only.
    named: HashSet<NodeId>,
    /// Constants that nobody need have said.
    optional: HashSet<NodeId>,
    /// Resources that are one, and those of the wanted side that have their counterpart.
    pairs: HashMap<NodeId, NodeId>,
    taken: HashSet<NodeId>,
    queue: Vec<(NodeId, NodeId)>,
    losses: Vec<Loss>,
}

impl Account<'_> {
    fn bundles(&mut self) {
        let entries = [Name::ENTRY, Name::ID];
        self.members(NodeId::ROOT, NodeId::ROOT, &entries);
        let (ours, theirs) = (resources(self.ours.tree), resources(self.theirs.tree));
        // Resources that stand for themselves come first; what they refer to follows from the references.
        let own = |account: &Self, resource: &NodeId| {
            account.ours.tree.parent(*resource).is_some_and(|entry| !account.minted.contains(&entry))
        };
        let first: Vec<NodeId> = ours.iter().copied().filter(|resource| own(self, resource)).collect();
        self.pair_by_type(&first, &theirs);
        self.work();
        self.pair_by_type(&ours, &theirs);
        self.work();
        for resource in theirs.iter().filter(|resource| !self.taken.contains(resource)) {
            self.losses.push(loss(LossKind::Left, self.theirs.tree, *resource));
        }
        for resource in ours.iter().filter(|resource| !self.pairs.contains_key(resource)) {
            // A format may say one thing in several places; then nothing is said that was not there.
            if !self.repeats_any(*resource, &theirs) {
                self.losses.push(loss(LossKind::Stated, self.ours.tree, *resource));
            }
        }
        let order = |loss: &Loss| (loss.kind, loss.element.clone());
        self.losses.sort_by_cached_key(order);
    }

    /// Pairs the resources of each type that have no counterpart yet.
    fn pair_by_type(&mut self, ours: &[NodeId], theirs: &[NodeId]) {
        let mut kinds: Vec<String> = Vec::new();
        for resource in ours {
            if let Some(kind) = self.ours.tree.resource_type(*resource)
                && !kinds.iter().any(|known| *known == kind)
            {
                kinds.push(kind.into_owned());
            }
        }
        for kind in kinds {
            let of =
                |tree: &Tree, resource: NodeId| tree.resource_type(resource).is_some_and(|of| of == kind);
            let mine: Vec<NodeId> = ours
                .iter()
                .copied()
                .filter(|node| !self.pairs.contains_key(node) && of(self.ours.tree, *node))
                .collect();
            let others: Vec<NodeId> = theirs
                .iter()
                .copied()
                .filter(|node| !self.taken.contains(node) && of(self.theirs.tree, *node))
                .collect();
            for (a, b) in align(&self.ours, &mine, &self.theirs, &others) {
                self.pair(mine[a], others[b]);
            }
        }
    }

    fn pair(&mut self, ours: NodeId, theirs: NodeId) {
        self.pairs.insert(ours, theirs);
        self.taken.insert(theirs);
        self.queue.push((ours, theirs));
    }

    fn work(&mut self) {
        while let Some((ours, theirs)) = self.queue.pop() {
            let named = self.ours.tree.parent(ours).is_some_and(|entry| self.named.contains(&entry));
            self.members(ours, theirs, if named { &[Name::ID] } else { &[] });
        }
    }

    /// Compares the children of two elements that are one, but those of some names.
    fn members(&mut self, a: NodeId, b: NodeId, but: &[Name]) {
        let (ours, theirs) = (self.ours.tree, self.theirs.tree);
        let mut names: Vec<String> = Vec::new();
        for (tree, node) in [(theirs, b), (ours, a)] {
            for child in tree.children(node).filter(|child| !is_silent(tree, *child)) {
                let name = tree.name_text(child);
                if !but.iter().any(|but| tree.names().text(*but) == name)
                    && !names.iter().any(|known| known == name)
                {
                    names.push(name.to_owned());
                }
            }
        }
        for name in names {
            let of = |tree: &Tree, node| -> Vec<NodeId> {
                tree.children(node).filter(|child| tree.name_text(*child) == name).collect()
            };
            self.items(&of(ours, a), &of(theirs, b));
        }
    }

    /// Compares the elements of one name.
    fn items(&mut self, ours: &[NodeId], theirs: &[NodeId]) {
        let pairs = align(&self.ours, ours, &self.theirs, theirs);
        for (at, node) in theirs.iter().enumerate() {
            if !pairs.iter().any(|(_, b)| *b == at) {
                self.losses.push(loss(LossKind::Left, self.theirs.tree, *node));
            }
        }
        for (at, node) in ours.iter().enumerate() {
            match pairs.iter().find(|(a, _)| *a == at) {
                Some((_, b)) => self.element(*node, theirs[*b]),
                None if self.is_optional(*node) => {}
                None => self.losses.push(loss(LossKind::Stated, self.ours.tree, *node)),
            }
        }
    }

    fn is_optional(&self, node: NodeId) -> bool {
        let tree = self.ours.tree;
        let mut leaves = tree.descend(node).filter(|leaf| tree.kind(*leaf).is_leaf());
        leaves.all(|leaf| self.optional.contains(&leaf))
    }

    fn element(&mut self, a: NodeId, b: NodeId) {
        let (ours, theirs) = (self.ours.tree, self.theirs.tree);
        let leaves = (ours.kind(a).is_leaf(), theirs.kind(b).is_leaf());
        let differs = match leaves {
            (true, true) if ours.name(a) == Name::REFERENCE => !self.same_reference(a, b),
            (true, true) => ours.text(a) != theirs.text(b),
            (false, false) => false,
            _ => true,
        };
        if differs {
            self.losses.push(altered(ours, a, theirs, b));
        }
        self.members(a, b, &[]);
    }

    /// True where two references lead to resources that are one, or say the same where they lead nowhere.
    fn same_reference(&mut self, a: NodeId, b: NodeId) -> bool {
        let (a_text, b_text) = (self.ours.tree.text(a), self.theirs.tree.text(b));
        let mine = self.ours.links.find(self.ours.tree, a, &a_text);
        let other = self.theirs.links.find(self.theirs.tree, b, &b_text);
        let (Some(mine), Some(other)) = (mine, other) else {
            return mine.is_none() && other.is_none() && a_text == b_text;
        };
        match self.pairs.get(&mine) {
            Some(known) => *known == other,
            None if self.taken.contains(&other) => self.repeats(mine, other),
            None => {
                self.pair(mine, other);
                true
            }
        }
    }
}

impl Account<'_> {
    /// True for a resource that says nothing but what another of its type says.
    fn repeats(&self, ours: NodeId, theirs: NodeId) -> bool {
        if self.ours.tree.resource_type(ours) != self.theirs.tree.resource_type(theirs) {
            return false;
        }
        let held = said(&self.theirs, theirs, true);
        said(&self.ours, ours, true).iter().all(|leaf| held.contains(leaf))
    }

    fn repeats_any(&self, ours: NodeId, theirs: &[NodeId]) -> bool {
        theirs.len() <= REPEATED_MAX && theirs.iter().any(|other| self.repeats(ours, *other))
    }
}

/// What a resource says, each with the name of its element; a reference says what the resource there says.
fn said(side: &Side<'_>, resource: NodeId, follow: bool) -> Vec<(String, String)> {
    let tree = side.tree;
    let mut out = Vec::new();
    for leaf in tree.descend(resource).filter(|leaf| tree.kind(*leaf).is_leaf() && tree.has_text(*leaf)) {
        let name = tree.name(leaf);
        let text = tree.text(leaf);
        let linked = if name == Name::REFERENCE { side.links.find(tree, leaf, &text) } else { None };
        match linked {
            Some(linked) if follow => {
                let mut words = said(side, linked, false);
                words.sort_unstable();
                out.push((tree.name_text(leaf).to_owned(), format!("{words:?}")));
            }
            Some(_) => {}
            None if matches!(name, Name::ID | Name::RESOURCE_TYPE) => {}
            None => out.push((tree.name_text(leaf).to_owned(), text.into_owned())),
        }
    }
    out
}

/// The resources of the entries of a Bundle.
fn resources(tree: &Tree) -> Vec<NodeId> {
    let entries = tree.children_named(NodeId::ROOT, Name::ENTRY);
    entries.filter_map(|entry| tree.child(entry, Name::RESOURCE)).collect()
}

fn is_silent(tree: &Tree, node: NodeId) -> bool {
    matches!(tree.kind(node), Kind::Comment | Kind::Pi) || tree.name(node) == Name::RESOURCE_TYPE
}
