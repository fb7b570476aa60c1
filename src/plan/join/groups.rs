//! The resources that are one, and those of each kind among them.

use super::items::Items;
use crate::plan::time;
use std::cmp::Reverse;
use std::sync::Arc;

/// The groups of resources that are one, in order of their first; what counts most stands first in each.
pub(super) struct Groups<'a> {
    pub(super) all: Arc<Vec<Vec<usize>>>,
    /// The numbers of the groups of each kind. There are few kinds.
    of_kind: Vec<(&'a str, Vec<usize>)>,
}

impl<'a> Groups<'a> {
    pub(super) fn of(items: &Items<'a>) -> Self {
        let mut places = vec![usize::MAX; items.list.len()];
        let mut all: Vec<Vec<usize>> = Vec::with_capacity(items.list.len());
        let mut of_kind: Vec<(&str, Vec<usize>)> = Vec::new();
        for item in 0..items.list.len() {
            let root = items.root(item);
            if places[root] == usize::MAX {
                places[root] = all.len();
                let kind = items.kind(item);
                match of_kind.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, numbers)) => numbers.push(all.len()),
                    None => of_kind.push((kind, vec![all.len()])),
                }
                all.push(vec![item]);
            } else {
                all[places[root]].push(item);
            }
        }
        for group in all.iter_mut().filter(|group| group.len() > 1 && items.kind(group[0]) == "Goal") {
            // What was said last counts, and of one plan what it sets now rather than what it looks back at.
            group.sort_by_cached_key(|item| {
                let time = items.members[items.list[*item].member].time.as_deref().and_then(time::seconds);
                (Reverse(time), !items.origin(*item).is_empty(), *item)
            });
        }
        Self { all: Arc::new(all), of_kind }
    }

    /// The numbers of the groups of a kind.
    pub(super) fn numbers(&self, kind: &str) -> &[usize] {
        self.of_kind.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, numbers)| numbers)
    }

    /// The groups of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &[usize]> + Clone {
        self.numbers(kind).iter().map(|number| self.all[*number].as_slice())
    }
}
