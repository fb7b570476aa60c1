//! Which items of two lists are the same thing: those that have the most words in common.

use crate::mapping::links::Links;
use crate::tree::{Kind, Name, NodeId, Tree};

/// Pairs of items that are weighed at most; longer lists are taken in step.
const WEIGHED_MAX: usize = 10_000;

/// The items of one side with what they say.
pub(super) struct Side<'a> {
    pub(super) tree: &'a Tree,
    pub(super) links: &'a Links,
}

impl Side<'_> {
    /// The texts of an element, sorted; a reference says what its resource says.
    fn words(&self, node: NodeId) -> Vec<String> {
        let mut words = Vec::new();
        self.collect(node, true, &mut words);
        words.sort_unstable();
        words
    }

    fn collect(&self, node: NodeId, follow: bool, words: &mut Vec<String>) {
        for leaf in self.tree.descend(node) {
            if !self.tree.kind(leaf).is_leaf() || self.tree.kind(leaf) == Kind::Null {
                continue;
            }
            let name = self.tree.name(leaf);
            let text = self.tree.text(leaf);
            let resource =
                if name == Name::REFERENCE { self.links.find(self.tree, leaf, &text) } else { None };
            match resource {
                Some(resource) if follow => self.collect(resource, false, words),
                Some(_) => {}
                None if name == Name::ID || name == Name::RESOURCE_TYPE => {}
                None => words.push(text.into_owned()),
            }
        }
    }
}

/// Pairs items, each with at most one of the other side, by place in the two lists.
pub(super) fn align(
    left: &Side<'_>,
    ours: &[NodeId],
    right: &Side<'_>,
    theirs: &[NodeId],
) -> Vec<(usize, usize)> {
    if ours.len() == 1 && theirs.len() == 1 {
        return vec![(0, 0)];
    }
    if ours.len() * theirs.len() > WEIGHED_MAX {
        return (0..ours.len().min(theirs.len())).map(|at| (at, at)).collect();
    }
    let words = |side: &Side<'_>, items: &[NodeId]| -> Vec<Vec<String>> {
        items.iter().map(|item| side.words(*item)).collect()
    };
    let (left, right) = (words(left, ours), words(right, theirs));
    let mut weighed = Vec::new();
    for (a, mine) in left.iter().enumerate() {
        for (b, other) in right.iter().enumerate() {
            let common = common(mine, other);
            if common > 0 {
                // The share in percent; of equally alike items those that stand nearest belong together.
                let share = common * 200 / (weight(mine) + weight(other));
                weighed.push((std::cmp::Reverse(share), a.abs_diff(b), a, b));
            }
        }
    }
    weighed.sort_unstable();
    let (mut used, mut taken) = (vec![false; left.len()], vec![false; right.len()]);
    let mut pairs = Vec::new();
    for (_, _, a, b) in weighed {
        if !used[a] && !taken[b] {
            (used[a], taken[b]) = (true, true);
            pairs.push((a, b));
        }
    }
    pairs
}

/// A sentence tells more of what a thing is than a code that many have.
fn weight(words: &[String]) -> usize {
    words.iter().map(String::len).sum()
}

/// The weight of the texts that two sorted lists have in common.
fn common(left: &[String], right: &[String]) -> usize {
    let (mut at, mut found) = (0, 0);
    for word in left {
        while right.get(at).is_some_and(|other| other < word) {
            at += 1;
        }
        if right.get(at) == Some(word) {
            found += word.len();
            at += 1;
        }
    }
    found
}
