//! What a requester may change of what they see.

use super::Case;
use crate::plan::contribution::Contribution;
use crate::plan::permission::{Action, Relation, Request, Source, decide};
use crate::plan::policy::{Policy, Sight};

/// What is seen of one contribution.
pub(in crate::plan) struct SeenPart {
    /// The contribution as far as it is seen; its nodes have the numbers that they have in the whole.
    pub(in crate::plan) contribution: Contribution,
    pub(in crate::plan) right: Right,
}

/// How far somebody may change a contribution.
#[derive(Debug, Clone)]
pub(in crate::plan) enum Right {
    /// Not at all: they propose.
    Propose,
    /// What they see, where the policy may withhold more: as it stands in the policy, so that no answer to an edit
    /// tells whether anything is withheld.
    Part(Box<Sight>),
    /// All of it.
    Whole,
}

impl Case<'_> {
    /// Nobody changes what they may only see, and no emergency widens that.
    pub(super) fn right(&self, member: &Contribution, sight: &Sight, relation: Relation) -> Right {
        let request = Request { action: Action::Write, break_glass: None, ..self.request.clone() };
        let source = Source::of(member, &self.client);
        if !decide(&request, &source, self.answer, self.policy, self.now).permitted {
            Right::Propose
        } else if sight.shows_everything() && shows_sensitive(self.policy, relation) {
            Right::Whole
        } else {
            Right::Part(Box::new(sight.clone()))
        }
    }
}

fn shows_sensitive(policy: &Policy, relation: Relation) -> bool {
    policy.sensitive.iter().all(|rule| rule.relation.has(relation))
}
