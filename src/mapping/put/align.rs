//! Items of lists: which of the wanted ones is which of the document's, and where a new one goes.

use super::{Old, Run, follow_old};
use crate::mapping::get::Got;
use crate::mapping::program::{Condition, Relation, Step, all, anchor, any, first, meets};
use crate::tree::{Name, NodeId, Tree, same_content};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;

/// Pairs of items whose words are compared at most.
const WEIGHED_MAX: usize = 10_000;
/// So much of what an item said, in percent, must be said again for it to be the same item.
const SIMILAR_PERCENT_MIN: usize = 20;

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

    /// For each wanted item the old one it is: by key, then by id, then by what the two have in common. Of several
    /// with one key those of one id belong together, then those that stand nearest.
    pub(super) fn align(
        &self,
        relation: &Relation,
        olds: &[Old],
        wanted: &[(NodeId, NodeId)],
    ) -> Vec<Option<usize>> {
        let Some(got) = self.got else { return vec![None; wanted.len()] };
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
        let ids: Vec<Option<String>> = wanted.iter().map(|(place, _)| self.reference(*place)).collect();
        let mut pairs = Pairs::new(olds.len(), wanted.len());
        let both = |key: &String, id: Option<&str>| id.map(|id| [key, id].join("\u{1d}"));
        pairs.pair_equal(
            olds.iter().zip(&old_keys).map(|(old, key)| both(key, old.reference.as_deref())),
            new_keys.iter().zip(&ids).map(|(key, id)| both(key, id.as_deref())),
        );
        pairs.pair_equal(old_keys.iter().map(Some), new_keys.iter().map(Some));
        pairs.pair_equal(olds.iter().map(|old| old.reference.as_ref()), ids.iter().map(Option::as_ref));
        pairs.pair_similar(
            |old| carried_words(got, olds[old].target),
            |new| words(self.changed, wanted[new].1).collect(),
        );
        if relation.key.is_empty() {
            pairs.pair_in_order();
        }
        pairs.of_new
    }

    fn reference(&self, place: NodeId) -> Option<String> {
        self.changed.child(place, Name::REFERENCE).map(|at| self.changed.text(at).into_owned())
    }

    /// Moves an item to right after another, or to the first place. It stays where the other is part of something
    /// else: an order of one goal does not become one of another because the plan names them in another order.
    pub(super) fn move_item(&mut self, item: NodeId, before: Option<NodeId>) {
        if before.is_none_or(|before| self.source.parent(before) == self.source.parent(item)) {
            self.source.move_after(item, before);
        }
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
            (None, None) => match self.vacant(parent, step, olds) {
                Some(vacant) => {
                    self.write_conditions(vacant, step);
                    vacant
                }
                None => self.make_step(parent, step),
            },
        };
        let element = self.reach(anchor, steps, at..steps.len());
        Some((anchor, element))
    }

    /// An item that is there and not of this rule yet.
    fn vacant(&mut self, parent: NodeId, step: &Step, olds: &[Old]) -> Option<NodeId> {
        self.vacant_first(parent, step).or_else(|| self.vacant_same(parent, step, olds))
    }

    /// The one item of a list whose items all say the same, where no item of this rule came from it: the row of a
    /// plan without tasks takes the first task.
    fn vacant_same(&mut self, parent: NodeId, step: &Step, olds: &[Old]) -> Option<NodeId> {
        if self.got.is_none() || !self.program.same_lists.contains(&step.name) {
            return None;
        }
        let items: Vec<NodeId> = self.source.children_named(parent, step.name).take(2).collect();
        let [item] = items.as_slice() else { return None };
        let is_taken = olds.iter().any(|old| old.anchor == *item);
        let is_vacant = !is_taken && self.source.kind(*item) == step.kind && self.can_take(*item, step);
        is_vacant.then_some(*item)
    }

    /// False for an item that says already that it is of another kind than the step asks for, or holds what no rule
    /// carries: a row of a kind of its own stays what it is.
    fn can_take(&mut self, item: NodeId, step: &Step) -> bool {
        let asks = step.conditions.iter().any(|condition| matches!(condition, Condition::Equals(..)));
        let cells: Vec<NodeId> = self.source.children(item).collect();
        !asks
            || cells
                .into_iter()
                .all(|cell| !self.is_kept(cell) && !is_told_by(&self.source, item, cell, step))
    }

    /// The one item of a list of a new document, where rules over `[first]` or `[same]` made it and it has nothing yet
    /// of what the step asks for: the first row of a table says what the table is about and is its first item as well.
    pub(super) fn vacant_first(&self, parent: NodeId, step: &Step) -> Option<NodeId> {
        let mut items = self.source.children_named(parent, step.name);
        let item = items.next().filter(|item| self.got.is_none() && self.firsts.contains(item))?;
        let is_same = self.program.same_lists.contains(&step.name);
        let can_be_met = step.conditions.iter().all(|condition| match condition {
            Condition::Has(_) => true,
            Condition::Equals(..) => is_same,
            Condition::Differs(..) | Condition::Lacks(_) => false,
        });
        let is_vacant = if step.conditions.is_empty() {
            is_same
        } else {
            can_be_met
                && !meets(&self.source, item, &step.conditions)
                && !self.source.children(item).any(|cell| is_told_by(&self.source, item, cell, step))
        };
        (is_vacant && items.next().is_none()).then_some(item)
    }
}

/// True for a child in which a condition of the step looks for its value.
fn is_told_by(tree: &Tree, item: NodeId, cell: NodeId, step: &Step) -> bool {
    step.conditions.iter().any(|condition| match condition {
        Condition::Equals(steps, _) => any(tree, item, steps, &mut |node| node == cell),
        Condition::Differs(..) | Condition::Has(_) | Condition::Lacks(_) => false,
    })
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

/// Which of the wanted items is which of the old ones, as far as it is known.
struct Pairs {
    of_new: Vec<Option<usize>>,
    is_free: Vec<bool>,
}

impl Pairs {
    fn new(olds: usize, news: usize) -> Self {
        Self { of_new: vec![None; news], is_free: vec![true; olds] }
    }

    fn pair(&mut self, old: usize, new: usize) {
        self.of_new[new] = Some(old);
        self.is_free[old] = false;
    }

    /// Pairs free items that are told by equal texts; of several the nearest that is left.
    fn pair_equal<T: Hash + Eq>(
        &mut self,
        olds: impl Iterator<Item = Option<T>>,
        news: impl Iterator<Item = Option<T>>,
    ) {
        let mut known: HashMap<T, VecDeque<usize>> = HashMap::new();
        for (old, told) in olds.enumerate() {
            if let Some(told) = told.filter(|_| self.is_free[old]) {
                known.entry(told).or_default().push_back(old);
            }
        }
        let news: Vec<Option<T>> = news.collect();
        let mut left: HashMap<&T, usize> = HashMap::new();
        for told in
            (0..news.len()).filter(|new| self.of_new[*new].is_none()).filter_map(|new| news[new].as_ref())
        {
            *left.entry(told).or_default() += 1;
        }
        for (new, told) in news.iter().enumerate() {
            let Some(told) = told.as_ref().filter(|_| self.of_new[new].is_none()) else { continue };
            let Some(olds) = known.get_mut(told) else { continue };
            let count = left.entry(told).or_default();
            // Items before this place are passed over as long as enough are left for those that follow.
            while olds.len() > *count && olds.front().is_some_and(|old| *old < new) {
                olds.pop_front();
            }
            *count -= 1;
            if let Some(old) = olds.pop_front() {
                self.pair(old, new);
            }
        }
    }

    /// Pairs free items that have a good part of their words in common, the most alike first. So an item whose text
    /// and id were both changed stays the item it was.
    fn pair_similar(
        &mut self,
        old_words: impl Fn(usize) -> HashSet<String>,
        new_words: impl Fn(usize) -> HashSet<String>,
    ) {
        let olds: Vec<usize> = (0..self.is_free.len()).filter(|old| self.is_free[*old]).collect();
        let news: Vec<usize> = (0..self.of_new.len()).filter(|new| self.of_new[*new].is_none()).collect();
        if olds.is_empty() || news.is_empty() || olds.len() * news.len() > WEIGHED_MAX {
            return;
        }
        let new_words: Vec<HashSet<String>> = news.iter().map(|new| new_words(*new)).collect();
        let mut weighed = Vec::new();
        for old in olds {
            let mine = old_words(old);
            for (new, others) in news.iter().zip(&new_words) {
                let common = weight(mine.intersection(others));
                let whole = weight(mine.iter()).max(1);
                let share = common * 100 / whole;
                if share >= SIMILAR_PERCENT_MIN {
                    weighed.push((Reverse(share), old.abs_diff(*new), old, *new));
                }
            }
        }
        weighed.sort_unstable();
        for (_, _, old, new) in weighed {
            if self.is_free[old] && self.of_new[new].is_none() {
                self.pair(old, new);
            }
        }
    }

    fn pair_in_order(&mut self) {
        let mut free =
            (0..self.is_free.len()).filter(|old| self.is_free[*old]).collect::<Vec<_>>().into_iter();
        for new in 0..self.of_new.len() {
            if self.of_new[new].is_none()
                && let Some(old) = free.next()
            {
                self.pair(old, new);
            }
        }
    }
}

/// Long words tell more than short ones.
fn weight<'a>(words: impl Iterator<Item = &'a String>) -> usize {
    words.map(String::len).sum()
}

/// The words of an item that come from the document; what the lens states, every item has.
fn carried_words(got: &Got, item: NodeId) -> HashSet<String> {
    let tree = &got.target;
    let is_carried = |leaf: &NodeId| got.origins.source(*leaf).is_some();
    leaves(tree, item).filter(is_carried).flat_map(|leaf| split(&tree.text(leaf))).collect()
}

fn words(tree: &Tree, item: NodeId) -> impl Iterator<Item = String> + use<'_> {
    leaves(tree, item).flat_map(|leaf| split(&tree.text(leaf)))
}

fn leaves(tree: &Tree, item: NodeId) -> impl Iterator<Item = NodeId> + use<'_> {
    tree.descend(item).filter(|leaf| tree.kind(*leaf).is_leaf())
}

fn split(text: &str) -> Vec<String> {
    let words = text.split(|character: char| !character.is_alphanumeric());
    words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}
