//! Many decisions together: what is revoked, and which of those count that contradict each other.

use super::{Decision, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions of one log, each once and in an order of their own; those that somebody revoked stand apart.
pub(in crate::plan) struct Log<'a> {
    pub(in crate::plan) in_force: Vec<&'a Decision>,
    pub(in crate::plan) revoked: Vec<&'a Decision>,
}

impl<'a> Log<'a> {
    /// A revocation is a decision and may be revoked itself: then what it revoked counts again.
    pub(in crate::plan) fn new(decisions: &'a [Decision]) -> Self {
        let by_id: BTreeMap<&str, &Decision> =
            decisions.iter().map(|decision| (decision.id(), decision)).collect();
        let mut revokers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, decision) in &by_id {
            if let Statement::Revoke(revoked) = decision.statement() {
                revokers.entry(revoked).or_default().push(id);
            }
        }
        // A revocation has a hash of the id that it names in its own id, so no two can revoke each other. Each round
        // settles at least the one that nobody unsettled revokes, or is the last.
        let mut settled: BTreeMap<&str, bool> = BTreeMap::new();
        loop {
            let known = settled.len();
            for id in by_id.keys().filter(|id| !settled.contains_key(*id)).copied().collect::<Vec<_>>() {
                let by: Vec<Option<bool>> =
                    revokers.get(id).into_iter().flatten().map(|by| settled.get(by).copied()).collect();
                if by.contains(&Some(true)) {
                    settled.insert(id, false);
                } else if by.iter().all(Option::is_some) {
                    settled.insert(id, true);
                }
            }
            if settled.len() == known {
                break;
            }
        }
        let about =
            by_id.values().copied().filter(|decision| !matches!(decision.statement(), Statement::Revoke(_)));
        let (in_force, revoked) =
            about.partition(|decision| settled.get(decision.id()).copied().unwrap_or(false));
        Self { in_force, revoked }
    }
}

/// That some things are one, or that each is another one.
#[derive(Debug)]
pub(in crate::plan) struct Claim {
    /// The place of the decision in [`Log::in_force`].
    pub(in crate::plan) decision: usize,
    pub(in crate::plan) age: i64,
    pub(in crate::plan) same: bool,
    pub(in crate::plan) things: Vec<usize>,
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::plan) enum Fate {
    Counts,
    Older,
    Torn,
}

/// Which of the claims count: the newest first, and of an older one only what contradicts none of those. Claims of one
/// time that contradict each other do not count at all.
pub(in crate::plan) fn settle(claims: &[Claim]) -> Vec<Fate> {
    let mut fates = vec![Fate::Counts; claims.len()];
    let ages: BTreeSet<i64> = claims.iter().map(|claim| claim.age).collect();
    let mut accepted: Vec<usize> = Vec::new();
    for age in ages.into_iter().rev() {
        let mut batch: Vec<usize> = (0..claims.len()).filter(|at| claims[*at].age == age).collect();
        for at in std::mem::take(&mut batch) {
            if violated(claims, accepted.iter().chain([&at])).is_empty() {
                batch.push(at);
            } else {
                fates[at] = Fate::Older;
            }
        }
        let torn = violated(claims, accepted.iter().chain(&batch));
        for at in batch {
            let claim = &claims[at];
            if torn
                .iter()
                .any(|things| claim.things.iter().filter(|thing| things.contains(thing)).count() > 1)
            {
                fates[at] = Fate::Torn;
            } else {
                accepted.push(at);
            }
        }
    }
    fates
}

/// Groups of things that claims make one although others say of two of them that they are not.
fn violated<'a>(claims: &[Claim], chosen: impl Iterator<Item = &'a usize> + Clone) -> Vec<BTreeSet<usize>> {
    let mut groups: Vec<BTreeSet<usize>> = Vec::new();
    for claim in chosen.clone().map(|at| &claims[*at]).filter(|claim| claim.same) {
        let mut whole: BTreeSet<usize> = claim.things.iter().copied().collect();
        groups.retain(|group| {
            let apart = group.is_disjoint(&whole);
            if !apart {
                whole.extend(group);
            }
            apart
        });
        groups.push(whole);
    }
    let apart: Vec<&Claim> = chosen.map(|at| &claims[*at]).filter(|claim| !claim.same).collect();
    groups.retain(|group| {
        apart.iter().any(|claim| claim.things.iter().filter(|thing| group.contains(thing)).count() > 1)
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::super::{Decider, Decision, Ground, Statement};
    use super::*;

    fn claim((age, same, things): &(i64, bool, &[usize])) -> Claim {
        Claim { decision: 0, age: *age, same: *same, things: things.to_vec() }
    }

    /// The fates of claims, in any order of them: `c` counts, `o` older, `t` torn.
    fn check(claims: &[(i64, bool, &[usize])], expected: &str) {
        let told = |fate: &Fate| match fate {
            Fate::Counts => 'c',
            Fate::Older => 'o',
            Fate::Torn => 't',
        };
        let settled = |claims: Vec<Claim>| settle(&claims).iter().map(told).collect::<String>();
        assert_eq!(settled(claims.iter().map(claim).collect()), expected);
        let reversed = settled(claims.iter().rev().map(claim).collect());
        assert_eq!(reversed.chars().rev().collect::<String>(), expected);
    }

    #[test]
    fn the_newest_counts_and_equals_tear_each_other() {
        check(&[(1, true, &[0, 1]), (2, false, &[0, 1])], "oc");
        check(&[(2, true, &[0, 1]), (1, false, &[0, 1])], "co");
        check(&[(1, true, &[0, 1]), (1, false, &[0, 1])], "tt");
        check(&[(1, true, &[0, 1]), (1, true, &[0, 1])], "cc");
        check(&[(1, true, &[0, 1]), (1, false, &[0, 1]), (1, true, &[3, 4])], "ttc");
        // By way of a third.
        check(&[(1, true, &[0, 1]), (2, true, &[1, 2]), (3, false, &[0, 2])], "occ");
        check(&[(1, true, &[0, 1]), (1, true, &[1, 2]), (1, false, &[0, 2])], "ttt");
        check(&[(1, true, &[0, 1]), (3, true, &[1, 2]), (2, false, &[0, 2])], "occ");
    }

    #[test]
    fn a_revocation_that_is_revoked_revokes_nothing() -> Result<(), super::super::DecisionFault> {
        let by = || Decider { name: "A".to_owned(), ..Decider::default() };
        let made = |statement| Decision::new(statement, by(), "2026-01-01T10:00:00Z", "x");
        let grounds = || ["a", "b"].map(Ground::contribution).to_vec();
        let first = made(Statement::SameClient(grounds()))?;
        let second = made(Statement::Revoke(first.id().to_owned()))?;
        let third = made(Statement::Revoke(second.id().to_owned()))?;
        let in_force = |log: &[Decision]| (Log::new(log).in_force.len(), Log::new(log).revoked.len());
        assert_eq!(in_force(std::slice::from_ref(&first)), (1, 0));
        assert_eq!(in_force(&[second.clone(), first.clone()]), (0, 1));
        assert_eq!(in_force(&[second, third, first]), (1, 0));
        Ok(())
    }
}
