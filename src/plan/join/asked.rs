//! What was found among all resources of a kind, for as long as they say the same.

use super::Finding;
use std::collections::BTreeMap;

/// The findings about resources of each kind.
#[derive(Debug, Default)]
pub(super) struct Answers(BTreeMap<&'static str, Answer>);

#[derive(Debug)]
struct Answer {
    /// The groups of the kind.
    groups: Vec<usize>,
    found: Vec<Finding>,
}

impl Answers {
    /// The findings about a kind, if its groups are the same in the same order; each comes with its place before.
    pub(super) fn take(&mut self, kind: &str, groups: &[(usize, Option<usize>)]) -> Option<Vec<Finding>> {
        let known = self.0.remove(kind)?;
        let is_same = groups.iter().map(|(_, before)| *before).eq(known.groups.iter().copied().map(Some));
        is_same.then_some(known.found)
    }

    /// Keeps what is found about a kind, and gives it.
    pub(super) fn put(
        &mut self,
        kind: &'static str,
        groups: &[(usize, Option<usize>)],
        found: Vec<Finding>,
    ) -> Vec<Finding> {
        let groups = groups.iter().map(|(now, _)| *now).collect();
        self.0.insert(kind, Answer { groups, found: found.clone() });
        found
    }
}
