//! Makes copied elements of a document equal to the wanted ones, touching only what differs.

use crate::tree::{Flags, Kind, Name, NodeId, Tree, same_content};

/// Where the elements of a group stand: their name, flags and rank.
pub(super) type Place = (Name, Flags, u16);

/// Makes the children of `to` equal to those of `from`, but for the named ones. True where `from` has any.
pub(super) fn sync_children(
    tree: &mut Tree,
    to: NodeId,
    wanted: &Tree,
    from: NodeId,
    to_named: &[Name],
    from_named: &[Name],
) -> bool {
    let mut done: Vec<Name> = Vec::new();
    let mut any = false;
    for child in wanted.children(from) {
        let wanted_name = wanted.name(child);
        let name = tree.name_of(wanted, wanted_name);
        if from_named.contains(&name) || done.contains(&name) {
            continue;
        }
        any = true;
        done.push(name);
        let have: Vec<NodeId> = tree.children_named(to, name).collect();
        let want: Vec<NodeId> = wanted.children_named(from, wanted_name).collect();
        let flags = if wanted.flags(child).has(Flags::LIST) { Flags::LIST } else { Flags::default() };
        sync_group(tree, to, &have, wanted, &want, (name, flags, wanted.order(child)));
    }
    let gone: Vec<NodeId> = tree
        .children(to)
        .filter(|child| {
            let name = tree.name(*child);
            let silent = matches!(tree.kind(*child), Kind::Comment | Kind::Pi);
            !silent && !to_named.contains(&name) && !done.contains(&name)
        })
        .collect();
    for child in gone {
        tree.remove(child);
    }
    any
}

/// Makes the elements of one name equal to the wanted ones: equal ones stay, others are changed in order.
pub(super) fn sync_group(
    tree: &mut Tree,
    parent: NodeId,
    have: &[NodeId],
    wanted: &Tree,
    want: &[NodeId],
    place: Place,
) {
    let listed = |node: &NodeId| tree.flags(*node).has(Flags::LIST) == place.1.has(Flags::LIST);
    if !have.iter().all(listed) && !want.is_empty() {
        // Of another type of resource it may be a list what was a single value.
        for node in have {
            tree.remove(*node);
        }
        return sync_group(tree, parent, &[], wanted, want, place);
    }
    let mut free = vec![true; have.len()];
    let mut pairs: Vec<Option<usize>> = Vec::with_capacity(want.len());
    for node in want {
        let equal = (0..have.len()).find(|at| free[*at] && same_content(tree, have[*at], wanted, *node));
        if let Some(at) = equal {
            free[at] = false;
        }
        pairs.push(equal);
    }
    let mut left = (0..have.len()).filter(|at| free[*at]).collect::<Vec<_>>().into_iter();
    let mut changed: Vec<(usize, NodeId)> = Vec::new();
    for (pair, node) in pairs.iter_mut().zip(want) {
        if pair.is_none() {
            *pair = left.next();
            if let Some(at) = *pair {
                changed.push((at, *node));
            }
        }
    }
    for at in left {
        tree.remove(have[at]);
    }
    for (at, node) in changed {
        sync(tree, have[at], wanted, node);
    }
    order(tree, parent, have, wanted, want, &pairs, place);
}

/// Puts the paired elements into the wanted order and adds the new ones between them.
fn order(
    tree: &mut Tree,
    parent: NodeId,
    have: &[NodeId],
    wanted: &Tree,
    want: &[NodeId],
    pairs: &[Option<usize>],
    (name, flags, rank): Place,
) {
    let first_kept = pairs.iter().flatten().map(|at| have[*at]).min_by_key(|node| tree.span(*node).start);
    let mut before: Option<NodeId> = None;
    let mut furthest: Option<usize> = None;
    for (pair, node) in pairs.iter().zip(want) {
        match pair {
            Some(at) => {
                if furthest.is_some_and(|furthest| *at < furthest) {
                    tree.move_after(have[*at], before);
                } else {
                    furthest = Some(*at);
                }
                before = Some(have[*at]);
            }
            None => {
                let kind = wanted.kind(*node);
                // Items of one list have one rank.
                let rank = before.or(first_kept).map_or(rank, |sibling| tree.order(sibling));
                let made = match (before, first_kept) {
                    (Some(before), _) => tree.insert_after(parent, Some(before), name, kind, flags, rank),
                    (None, Some(kept)) => {
                        let previous = tree.children(parent).take_while(|child| *child != kept).last();
                        tree.insert_after(parent, previous, name, kind, flags, rank)
                    }
                    (None, None) => {
                        // Those of the same name that another rule has are of the same list.
                        let like = tree.children_named(parent, name).last();
                        let last = like.or_else(|| tree.last_child(parent));
                        tree.insert_after(parent, last, name, kind, flags, rank)
                    }
                };
                tree.fill_from(made, wanted, *node);
                before = Some(made);
            }
        }
    }
}

fn sync(tree: &mut Tree, to: NodeId, wanted: &Tree, from: NodeId) {
    let kind = wanted.kind(from);
    if tree.kind(to) != kind || (kind.is_leaf() && tree.text(to) != wanted.text(from)) {
        tree.change_kind(to, kind);
        if kind.is_leaf() {
            let text = wanted.text(from);
            tree.set_text(to, &text);
        }
    }
    sync_children(tree, to, wanted, from, &[], &[]);
}
