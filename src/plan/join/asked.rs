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
    /// The findings about a kind, if its groups, which come by their places before, are the same in the same order.
    pub(super) fn take(
        &mut self,
        kind: &str,
        groups: impl Iterator<Item = Option<usize>>,
    ) -> Option<Vec<Finding>> {
        let known = self.0.remove(kind)?;
        groups.eq(known.groups.iter().copied().map(Some)).then_some(known.found)
    }

    /// Keeps what is found about a kind, and gives it.
    pub(super) fn put(&mut self, kind: &'static str, groups: &[usize], found: Vec<Finding>) -> Vec<Finding> {
        self.0.insert(kind, Answer { groups: groups.to_vec(), found: found.clone() });
        found
    }
}
