//! What people have decided about whose plans they are.

use super::{Identity, Person};
use crate::plan::Contribution;
use crate::plan::contribution::make_id;
use crate::plan::decision::{Claim, Fate, Ground, Log, Standing, Statement, settle};

/// Contributions that people have decided to be about one client, or each about another, by their numbers.
#[derive(Debug, Default)]
pub(in crate::plan) struct Decided {
    pub(in crate::plan) same: Vec<Vec<usize>>,
    pub(in crate::plan) apart: Vec<Vec<usize>>,
}

/// What became of the decisions of a log, by their places in [`Log::in_force`].
pub(in crate::plan) type Standings = Vec<(usize, Standing)>;

impl Decided {
    /// The decisions that count, and what became of each that is about any of these contributions. A ground leads to
    /// contributions by their labels and keys.
    pub(in crate::plan) fn of(
        log: &Log<'_>,
        contributions: &[&Contribution],
        numbers: impl Fn(&Ground) -> Vec<usize>,
    ) -> (Self, Standings) {
        let (mut claims, mut standings) = (Vec::new(), Vec::new());
        for (decision, made) in log.in_force.iter().enumerate() {
            let (grounds, same) = match made.statement() {
                Statement::SameClient(grounds) => (grounds, true),
                Statement::NotSameClient(grounds) => (grounds, false),
                Statement::SameResource(_)
                | Statement::NotSameResource(_)
                | Statement::Value { .. }
                | Statement::Coordinator(_)
                | Statement::Revoke(_) => continue,
            };
            let named: Vec<(&Ground, usize)> = grounds
                .iter()
                .flat_map(|ground| numbers(ground).into_iter().map(move |number| (ground, number)))
                .collect();
            // A decision about plans that are not here is no business of those that are.
            if named.is_empty() || named.len() < 2 && grounds.len() > 1 {
                continue;
            }
            if named.iter().all(|(ground, number)| holds(ground, contributions[*number])) {
                let mut things: Vec<usize> = named.iter().map(|(_, number)| *number).collect();
                things.sort_unstable();
                things.dedup();
                claims.push(Claim { decision, age: made.age(), same, things });
            } else {
                standings.push((decision, Standing::GroundGone));
            }
        }
        let mut decided = Self::default();
        for (claim, fate) in claims.iter().zip(settle(&claims)) {
            standings.push((claim.decision, Standing::of(fate)));
            if fate == Fate::Counts {
                let list = if claim.same { &mut decided.same } else { &mut decided.apart };
                list.push(claim.things.clone());
            }
        }
        (decided, standings)
    }

    /// True where people have decided that two contributions are about one client.
    pub(in crate::plan) fn joins(&self, left: usize, right: usize) -> bool {
        self.same.iter().any(|group| group.contains(&left) && group.contains(&right))
    }

    /// True where people have decided that two contributions are about two clients.
    pub(in crate::plan) fn parts(&self, left: usize, right: usize) -> bool {
        left != right && self.apart.iter().any(|group| group.contains(&left) && group.contains(&right))
    }
}

fn holds(ground: &Ground, contribution: &Contribution) -> bool {
    ground.says.is_empty() || ground.says == client_print(contribution)
}

/// A fingerprint of all that tells who the client of a contribution is. A decision about the client holds as long as it
/// stays the same: a code that a later version adds may say that the decision was wrong.
pub(in crate::plan) fn client_print(contribution: &Contribution) -> String {
    let client = contribution.subjects().client();
    let Identity { hetu, others, birth, family, given } = client.map(Person::identity).unwrap_or_default();
    let mut parts = vec!["client", hetu.as_ref().map_or("", |hetu| hetu.as_str())];
    parts.push(birth.as_deref().unwrap_or(""));
    for list in [others.iter().collect::<Vec<_>>(), family.iter().collect(), given.iter().collect()] {
        parts.push("\u{1f}");
        parts.extend(list.into_iter().map(String::as_str));
    }
    make_id(&parts)
}
