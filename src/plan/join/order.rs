//! The order of the entries: the joined plan, its team and the client first, then by kind and id.
//!
//! What the join before has written is in order already, so only what is new looks for its place.

use super::build::Build;
use super::team::TEAM;
use super::{PLAN, items};
use crate::plan::LOCAL;
use crate::tree::{Name, NodeId, Tree};

/// Puts the entries that were written or that stay into their order.
pub(super) fn order_entries(build: &mut Build<'_>) {
    let mut is_open = vec![false; build.tree.len()];
    for entry in &build.entries {
        is_open[entry.index()] = true;
    }
    let before = std::mem::take(&mut build.before).into_iter();
    let stay: Vec<NodeId> = before.filter(|entry| std::mem::take(&mut is_open[entry.index()])).collect();
    let tree = &build.tree;
    let new = build.entries.iter().copied().filter(|entry| is_open[entry.index()]);
    let mut new: Vec<Place<'_>> = new.map(|entry| place(tree, entry)).collect();
    new.sort_unstable();
    let mut children = Vec::with_capacity(build.head.len() + build.entries.len());
    children.extend(build.head);
    let mut rest = stay.as_slice();
    for next in new {
        let (smaller, larger) = rest.split_at(rest.partition_point(|entry| place(tree, *entry) < next));
        children.extend_from_slice(smaller);
        children.push(next.2);
        rest = larger;
    }
    children.extend_from_slice(rest);
    build.tree.set_children(NodeId::ROOT, &children);
}

/// Where an entry stands: before all others or behind, its reference, itself.
type Place<'a> = (usize, &'a str, NodeId);

fn place(tree: &Tree, entry: NodeId) -> Place<'_> {
    let first = [PLAN, TEAM, items::CLIENT];
    let url = tree.child(entry, Name::FULL_URL).map_or("", |url| tree.raw_text(url));
    let target = url.strip_prefix(LOCAL).unwrap_or(url);
    (first.iter().position(|first| target == *first).unwrap_or(first.len()), target, entry)
}
