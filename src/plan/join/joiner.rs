//! A joined plan that is kept up to date: what one contribution changes is written anew, the rest is as it was.

use super::again::Memo;
use super::{Joined, join_after};
use crate::plan::{Contribution, Decision};

/// The contributions of one client with the decisions about them, and the plan that they join into.
///
/// [`Joiner::joined`] is what [`super::join()`] makes of the same, to the byte.
///
/// ```
/// # use sauma::plan::{Contribution, Joiner};
/// # fn keep(health: Contribution, social: Contribution, newer: Contribution) {
/// let mut plan = Joiner::new(vec![health, social], Vec::new());
/// let before = plan.joined().findings.len();
/// plan.renew(newer);
/// assert!(plan.joined().findings.len() >= before);
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Joiner {
    contributions: Vec<Contribution>,
    decisions: Vec<Decision>,
    joined: Option<Joined>,
    memo: Memo,
    /// Something came or went since the last join.
    is_stale: bool,
}

impl Joiner {
    /// The contributions and decisions to start with.
    pub fn new(contributions: Vec<Contribution>, decisions: Vec<Decision>) -> Self {
        Self { contributions, decisions, is_stale: true, ..Self::default() }
    }

    /// Puts a contribution in the place of those of its key: of all versions of the same plan of the same unit. One of
    /// a new key is added.
    pub fn renew(&mut self, contribution: Contribution) {
        let key = contribution.key();
        self.remove(&key);
        self.add(contribution);
    }

    /// Adds a contribution beside those that are there.
    pub fn add(&mut self, contribution: Contribution) {
        self.contributions.push(contribution);
        self.is_stale = true;
    }

    /// Takes out all contributions of a key, see [`Contribution::key`].
    pub fn remove(&mut self, key: &str) {
        self.contributions.retain(|contribution| contribution.key() != key);
        self.is_stale = true;
    }

    /// Adds a decision.
    pub fn decide(&mut self, decision: Decision) {
        self.decisions.push(decision);
        self.is_stale = true;
    }

    /// What is joined.
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// The decisions about it.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The joined plan, as of all that was added and taken out until now.
    pub fn joined(&mut self) -> &Joined {
        if let Some(joined) = self.joined.take_if(|_| !self.is_stale) {
            return self.joined.insert(joined);
        }
        let before = self.joined.take();
        let memo = std::mem::take(&mut self.memo);
        let (joined, memo) = join_after(&self.contributions, &self.decisions, Some((before, memo)));
        self.memo = memo.unwrap_or_default();
        self.is_stale = false;
        self.joined.insert(joined)
    }
}
