//! Items of lists: which of the wanted ones is which of the document's, and where a new one goes.

use super::{Old, Run, follow_old};
use crate::mapping::program::{Condition, Relation, Step, all, anchor, any, first, meets};
use crate::tree::{Name, NodeId, Tree, same_content};
use std::collections::{HashMap, VecDeque};

impl Run<'_> {
    /// The items that `get` made of the source, with the source elements they came from.
    pub(super) fn old_items(&self, relation: &Relation) -> Vec<Old> {
        let (Some(got), Some(start)) = (self.got, self.olds[relation.target.slot]) else { return Vec::new() };
        let mut found = Vec::new();
        all(&got.target, start, &relation.target.steps, &mut found);
        let items = found.into_iter().filter_map(|node| {
            let target = follow_old(got, node, relation)?;
            let source = got.origins.source(target)?;
            let reference =
                got.target.child(node, Name::REFERENCE).map(|at| got.target.text(at).into_owned());
            Some(Old { anchor: self.anchor_of(source, relation)?, source, target, reference })
        });
        items.collect()
    }

    /// From the element of an item up to the element that repeats.
    pub(super) fn anchor_of(&self, source: NodeId, relation: &Relation) -> Option<NodeId> {
        let steps = &relation.source.steps;
        let up = steps.len() - anchor(steps)?;
        let mut here = source;
        for _ in 0..up {
            here = self.source.parent(here)?;
        }
        Some(here)
    }

    /// For each wanted item the old one it is: by key, then by id, then, where no key is declared, by content.
    pub(super) fn align(
        &self,
        relation: &Relation,
        olds: &[Old],
        wanted: &[(NodeId, NodeId)],
    ) -> Vec<Option<usize>> {
        let mut pairs = vec![None; wanted.len()];
        let mut free: Vec<bool> = vec![true; olds.len()];
        let Some(got) = self.got else { return pairs };
        let in_step = olds.len() == wanted.len()
            && olds
                .iter()
                .zip(wanted)
                .all(|(old, (_, new))| same_key(&got.target, old.target, self.changed, *new, relation));
        if in_step {
            return (0..olds.len()).map(Some).collect();
        }
        let old_keys: Vec<String> = olds.iter().map(|old| key(&got.target, old.target, relation)).collect();
        let new_keys: Vec<String> = wanted.iter().map(|(_, new)| key(self.changed, *new, relation)).collect();
        pair_equal(&old_keys, &new_keys, &mut free, &mut pairs);
        let reference = |node: NodeId| {
            self.changed.child(node, Name::REFERENCE).map(|at| self.changed.text(at).into_owned())
        };
        for (at, (node, _)) in wanted.iter().enumerate() {
            if pairs[at].is_none()
                && let Some(wanted) = reference(*node)
                && let Some(old) = olds.iter().position(|old| old.reference.as_deref() == Some(&wanted))
                && free[old]
            {
                pairs[at] = Some(old);
                free[old] = false;
            }
        }
        if relation.key.is_empty() {
            let mut left = (0..olds.len()).filter(|old| free[*old]);
            for pair in pairs.iter_mut().filter(|pair| pair.is_none()) {
                *pair = left.next();
            }
        }
        pairs
    }

    /// Makes the source element of a new item after the item before it.
    pub(super) fn make_item(
        &mut self,
        relation: &Relation,
        before: Option<NodeId>,
        olds: &[Old],
        pairs: &[Option<usize>],
    ) -> Option<(NodeId, NodeId)> {
        let steps = &relation.source.steps;
        let at = anchor(steps)?;
        let step = &steps[at - 1];
        let kept =
            olds.iter().enumerate().find(|(old, _)| pairs.contains(&Some(*old))).map(|(_, old)| old.anchor);
        let parent = match before.or(kept).and_then(|sibling| self.source.parent(sibling)) {
            Some(parent) => parent,
            None => {
                let start = self.sources[relation.source.slot]?;
                self.reach(start, steps, 0..at - 1)
            }
        };
        let anchor = match (before, kept) {
            (Some(before), _) => self.insert_step(parent, Some(before), step),
            (None, Some(kept)) => {
                let previous = self.source.children(parent).take_while(|child| *child != kept).last();
                self.insert_step(parent, previous, step)
            }
            (None, None) => match self.vacant_first(parent, step) {
                Some(first) => first,
                None => self.make_step(parent, step),
            },
        };
        let element = self.reach(anchor, steps, at..steps.len());
        Some((anchor, element))
    }

    /// The one item of a list of a new document, where rules over `[first]` made it and it has nothing yet of what
    /// the step asks for: the first row of a table says what the table is about and is its first item as well.
    pub(super) fn vacant_first(&self, parent: NodeId, step: &Step) -> Option<NodeId> {
        let mut items = self.source.children_named(parent, step.name);
        let item = items.next().filter(|item| self.got.is_none() && self.firsts.contains(item))?;
        let asks = !step.conditions.is_empty()
            && step.conditions.iter().all(|condition| matches!(condition, Condition::Has(_)));
        (asks && items.next().is_none() && !meets(&self.source, item, &step.conditions)).then_some(item)
    }
}

/// The key of an item: the texts at its key paths, or all its text where none is declared.
fn key(tree: &Tree, item: NodeId, relation: &Relation) -> String {
    let mut out = String::new();
    if relation.key.is_empty() {
        add_text(tree, item, &mut out);
        return out;
    }
    for path in &relation.key {
        any(tree, item, &path.steps, &mut |node| {
            add_text(tree, node, &mut out);
            false
        });
        out.push('\u{1e}');
    }
    out
}

/// True where two items have one key, told without writing the keys out.
fn same_key(old_tree: &Tree, old: NodeId, new_tree: &Tree, new: NodeId, relation: &Relation) -> bool {
    if relation.key.is_empty() {
        return same_content(old_tree, old, new_tree, new);
    }
    relation.key.iter().all(|path| {
        match (first(old_tree, old, &path.steps), first(new_tree, new, &path.steps)) {
            (Some(old), Some(new)) => same_content(old_tree, old, new_tree, new),
            (None, None) => true,
            _ => false,
        }
    })
}

fn add_text(tree: &Tree, node: NodeId, out: &mut String) {
    for leaf in tree.descend(node).filter(|leaf| tree.kind(*leaf).is_leaf()) {
        out.push_str(&tree.text(leaf));
        out.push('\u{1f}');
    }
}

fn pair_equal(olds: &[String], news: &[String], free: &mut [bool], pairs: &mut [Option<usize>]) {
    let mut by_key: HashMap<&str, VecDeque<usize>> = HashMap::new();
    for (at, key) in olds.iter().enumerate() {
        by_key.entry(key).or_default().push_back(at);
    }
    for (pair, key) in pairs.iter_mut().zip(news) {
        if let Some(old) = by_key.get_mut(key.as_str()).and_then(VecDeque::pop_front) {
            *pair = Some(old);
            free[old] = false;
        }
    }
}
