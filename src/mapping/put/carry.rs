//! What changed between two states of an element, carried into a third that may say other things beside.
//!
//! A document may say one thing twice, and not alike. `get` gives one of the statements; an edit of what it gave goes
//! into every statement of the edited element, and what the statements contradict each other in elsewhere stays as it
//! stands.

use crate::mapping::sync::{Place, sync_group};
use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};

/// An element, or several of one name, as they were and as they are to be.
#[derive(Clone, Copy)]
pub(super) struct States<'a, T> {
    pub(super) old_tree: &'a Tree,
    pub(super) old: T,
    pub(super) new_tree: &'a Tree,
    pub(super) new: T,
}

impl<'a> States<'a, NodeId> {
    fn is_unchanged(&self) -> bool {
        same_content(self.old_tree, self.old, self.new_tree, self.new)
    }

    /// The names of the children of both.
    fn names(&self) -> Vec<&'a str> {
        let (old, new) = (self.old_tree, self.new_tree);
        let olds = old.children(self.old).map(|child| old.name_text(child));
        let mut names: Vec<&str> =
            olds.chain(new.children(self.new).map(|child| new.name_text(child))).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn named(&self, name: &str) -> States<'a, Vec<NodeId>> {
        let of = |tree: &Tree, node| -> Vec<NodeId> {
            tree.children(node).filter(|child| tree.name_text(*child) == name).collect()
        };
        States {
            old_tree: self.old_tree,
            old: of(self.old_tree, self.old),
            new_tree: self.new_tree,
            new: of(self.new_tree, self.new),
        }
    }
}

/// Carries what changed below an element.
pub(super) fn carry_children(tree: &mut Tree, to: NodeId, states: States<'_, NodeId>) {
    for name in states.names() {
        let states = states.named(name);
        let Some((example, of)) = states.new.first().map(|new| (*new, states.new_tree)).or_else(|| {
            let old = states.old.first()?;
            Some((*old, states.old_tree))
        }) else {
            continue;
        };
        let name = tree.name_of(of, of.name(example));
        carry_group(tree, to, &states, (name, list_flag(of, example), of.order(example)));
    }
}

/// The flag of an item of a list, where it is one.
pub(super) fn list_flag(tree: &Tree, node: NodeId) -> Flags {
    if tree.flags(node).has(Flags::LIST) { Flags::LIST } else { Flags::default() }
}

/// Carries what changed in the elements of one name.
pub(super) fn carry_group(tree: &mut Tree, parent: NodeId, states: &States<'_, Vec<NodeId>>, place: Place) {
    let States { old_tree, old, new_tree, new } = states;
    let have: Vec<NodeId> = tree.children_named(parent, place.0).collect();
    let of_new = pair((old_tree, old), (new_tree, new));
    let of_old: Vec<Option<usize>> = pair((tree, &have), (old_tree, old));
    let stands = |old: usize| of_old.get(old).copied().flatten().and_then(|at| have.get(at)).copied();
    for gone in (0..old.len()).filter(|at| !of_new.contains(&Some(*at))).filter_map(stands) {
        tree.remove(gone);
    }
    let mut before: Option<NodeId> = None;
    let mut furthest = None;
    for (pair, node) in of_new.iter().zip(new) {
        let Some(at) = *pair else {
            let unclaimed = have.iter().enumerate().filter(|(at, _)| !of_old.contains(&Some(*at)));
            let mut unclaimed = unclaimed.map(|(_, have)| *have);
            let is_list = place.1.has(Flags::LIST);
            let there = unclaimed.find(|have| !is_list || same_content(tree, *have, new_tree, *node));
            before = match there {
                Some(there) => {
                    sync_group(tree, parent, &[there], new_tree, &[*node], place);
                    Some(there)
                }
                None => Some(add(tree, parent, before, (new_tree, *node), place)),
            };
            continue;
        };
        // What this statement is silent of it stays silent of.
        let Some(there) = stands(at) else { continue };
        if furthest.is_some_and(|furthest| at < furthest) {
            tree.move_after(there, before);
        } else {
            furthest = Some(at);
        }
        before = Some(there);
        if let Some(old) = old.get(at) {
            carry(tree, there, States { old_tree, old: *old, new_tree, new: *node });
        }
    }
}

/// Carries what changed in one element.
fn carry(tree: &mut Tree, to: NodeId, states: States<'_, NodeId>) {
    let States { old_tree, old, new_tree, new } = states;
    if states.is_unchanged() {
        return;
    }
    let kind = new_tree.kind(new);
    let said = |tree: &Tree, node| {
        (tree.kind(node), tree.kind(node).is_leaf().then(|| tree.text(node).into_owned()))
    };
    if kind.is_leaf() != tree.kind(to).is_leaf() {
        let place = (tree.name(to), list_flag(tree, to), tree.order(to));
        if let Some(parent) = tree.parent(to) {
            sync_group(tree, parent, &[to], new_tree, &[new], place);
        }
        return;
    }
    if said(old_tree, old) != said(new_tree, new) {
        tree.change_kind(to, kind);
        if kind.is_leaf() {
            tree.set_text(to, &new_tree.text(new));
        }
    }
    carry_children(tree, to, states);
}

fn add(
    tree: &mut Tree,
    parent: NodeId,
    before: Option<NodeId>,
    (of, node): (&Tree, NodeId),
    place: Place,
) -> NodeId {
    let (name, flags, rank) = place;
    let like = before.or_else(|| tree.children_named(parent, name).last());
    let kind = of.kind(node);
    let made = match like {
        Some(like) => tree.insert_after(parent, Some(like), name, kind, flags, tree.order(like)),
        None => {
            let last = tree.last_child(parent);
            tree.insert_after(parent, last, name, kind, flags, rank)
        }
    };
    tree.fill_from(made, of, node);
    made
}

/// For each of the elements on the right the one on the left that it is: an equal one, then one with the same name of
/// its own, then, of those that have no name of their own, the next one.
fn pair((left, ours): (&Tree, &[NodeId]), (right, theirs): (&Tree, &[NodeId])) -> Vec<Option<usize>> {
    let mut pairs: Vec<Option<usize>> = vec![None; theirs.len()];
    let mut free = vec![true; ours.len()];
    let by_content = |a: NodeId, b: NodeId| same_content(left, a, right, b);
    let by_name = |a: NodeId, b: NodeId| named(left, a) == named(right, b);
    for fits in [&by_content as &dyn Fn(NodeId, NodeId) -> bool, &by_name] {
        for (pair, other) in pairs.iter_mut().zip(theirs).filter(|(pair, _)| pair.is_none()) {
            let found = (0..ours.len()).find(|at| free[*at] && fits(ours[*at], *other));
            if let Some(at) = found {
                (*pair, free[at]) = (Some(at), false);
            }
        }
    }
    pairs
}

/// What tells an item from its siblings: the URL of an extension, the system of a coding.
fn named(tree: &Tree, node: NodeId) -> Option<String> {
    let name = tree.child(node, Name::URL).or_else(|| tree.child_str(node, "system"))?;
    (tree.kind(name) != Kind::Object).then(|| tree.text(name).into_owned())
}
