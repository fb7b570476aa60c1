//! Which of the contributions that a store holds may concern one person: what leads from one to the others, and which
//! of those that were found are to be joined. A join of contributions of several people is refused, so whoever keeps
//! those of many asks here first. Nothing is decided: what shares an identifier and disagrees stays, for the join to tell.

use super::decision::Log;
use super::person::{by_client, decided, find_client, hetus, read_patient};
use super::{Contribution, Decision};
use crate::diag::codes;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;

/// What a Patient may be found by elsewhere: an identifier with its system; a personal identity code, which is written
/// with several systems, without one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// The system.
    pub system: Option<String>,
    /// The value.
    pub value: String,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Known(«redacted»)")
    }
}

/// What a Patient may be found by: what two sources may share that makes them one person.
pub fn known_by(tree: &Tree, patient: NodeId) -> Vec<Known> {
    let codes = hetus(tree, patient).map(|(_, code)| Known { system: None, value: code.into_owned() });
    let others = read_patient(tree, patient).others.into_iter().filter_map(|other| {
        let (system, value) = other.split_once('|')?;
        Some(Known { system: Some(system.to_owned()), value: value.to_owned() })
    });
    let mut found: Vec<Known> = codes.chain(others).collect();
    found.sort();
    found.dedup();
    found
}

/// The contributions, each document about several clients as one for each of them.
pub fn parted(contributions: &[Contribution]) -> Vec<Contribution> {
    super::join::parts_of(contributions).into_iter().map(Cow::into_owned).collect()
}

/// The places of those that concern the person whom the ones at `start` are about, as far as official facts and
/// decisions lead, or that share an identifier with them and disagree.
pub fn linked(parts: &[Contribution], decisions: &[Decision], start: &[usize]) -> Vec<usize> {
    let log = Log::new(decisions);
    let mut is_in: Vec<bool> = (0..parts.len()).map(|at| start.contains(&at)).collect();
    let mut open: Vec<usize> = start.to_vec();
    while let Some(at) = open.pop() {
        let Some(here) = parts.get(at) else { continue };
        for (other, part) in parts.iter().enumerate() {
            if !is_in[other] && are_linked(here, part, &log) {
                is_in[other] = true;
                open.push(other);
            }
        }
    }
    (0..parts.len()).filter(|at| is_in[*at]).collect()
}

/// True for two versions of one plan, or two documents that would be versions of one plan but for their clients.
pub fn is_same_client(left: &Contribution, right: &Contribution) -> bool {
    by_client(vec![left, right], &Log::new(&[])).len() == 1
}

fn are_linked(left: &Contribution, right: &Contribution, log: &Log<'_>) -> bool {
    if left.key() == right.key() && by_client(vec![left, right], log).len() == 1 {
        return true;
    }
    // A document that names further clients keeps all apart, which is for the join to tell.
    let mut pair = [left.clone(), right.clone()];
    pair.iter_mut().for_each(|one| one.names_further_clients = false);
    let pair: Vec<&Contribution> = pair.iter().collect();
    let names: Vec<Vec<String>> = pair.iter().map(|one| vec![one.label.clone(), one.key()]).collect();
    let found = find_client(&pair, &decided(log, &pair, &names).0);
    found.members == [0, 1] || found.issues.iter().any(|issue| issue.code == codes::IDENTITY_CONFLICT)
}
