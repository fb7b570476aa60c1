//! A view: the join of what one requester may see, and what is said of the rest.
//!
//! Each contribution is asked of the policy by [`decide`]; of what is disclosed, the policy's view for the requester
//! says which resources and elements are seen. The rest is taken out of copies of the contributions' trees before
//! they are joined, so nothing withheld can be reached from the result. Who the client is stays what the join of
//! everything established, and so does who is protected: an address under a protection order is in no view, whichever
//! source knows of the order. The ids in a view are made of what is seen alone.

mod hide;
mod labels;
mod outcome;
mod right;
mod seen;
mod text;

pub(in crate::plan) use right::{Right, SeenPart};
pub use text::render;

use super::join::Whole;
use super::permission::{
    Answer, Audience, Capacity, Moment, Reason, Recorder, Relation, Request, Ruling, Source, Tell, decide,
    establish,
};
use super::policy::{Policy, Sight};
use super::{Contribution, Decision, Joined, Sector};
use crate::diag::{Issue, Severity, Span, codes, message};
use std::collections::BTreeMap;

/// What one requester sees.
#[derive(Debug, Clone)]
pub struct View {
    /// The joined plan of what is seen.
    pub joined: Joined,
    /// What is withheld, as far as the policy lets it be said.
    pub withheld: Vec<Withheld>,
    /// What was decided on each contribution. It names what is withheld: it is for the log, never for the requester.
    pub decisions: Vec<(String, Ruling)>,
    /// Whether an emergency opened anything.
    pub is_emergency: bool,
    /// Whom it is for.
    pub audience: Audience,
}

/// Something that is withheld.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Withheld {
    /// The unit, where the policy lets it be said.
    pub unit: Option<String>,
    /// The sector, where the policy lets it be said.
    pub sector: Option<Sector>,
    /// What: `plan` for a whole contribution, `Condition`, `Goal.note`; where the policy lets it be said.
    pub kind: Option<String>,
    /// Why.
    pub reason: Reason,
    /// The rule of the policy.
    pub rule: String,
    /// How many.
    pub count: usize,
}

/// What stands for a whole contribution among the kinds of what is withheld.
pub const PLAN_KIND: &str = "plan";

/// The key of the client whom contributions are about: what [`Source::client`] has in a view of them, and what an
/// emergency names. Empty where that is not established.
pub fn client_key(contributions: &[Contribution], decisions: &[Decision]) -> String {
    let parts = super::join::parts_of(contributions);
    let parts: Vec<&Contribution> = parts.iter().map(AsRef::as_ref).collect();
    Whole::of(&parts, decisions).client_key()
}

/// What a requester sees of the joined plan of contributions.
///
/// Grants that stand in the contributions count beside those of `answer`. A contribution of which a person has yet to
/// say whether it is about the client is not seen, and neither is an older version.
pub fn view(
    contributions: &[Contribution],
    decisions: &[Decision],
    request: &Request,
    answer: &Answer,
    policy: &Policy,
    now: Moment,
) -> View {
    view_with_parts(contributions, decisions, request, answer, policy, now).0
}

/// As [`view`], with what is seen of each contribution and what the requester may change of it.
pub(in crate::plan) fn view_with_parts(
    contributions: &[Contribution],
    decisions: &[Decision],
    request: &Request,
    answer: &Answer,
    policy: &Policy,
    now: Moment,
) -> (View, Vec<SeenPart>) {
    let parts = super::join::parts_of(contributions);
    let parts: Vec<&Contribution> = parts.iter().map(AsRef::as_ref).collect();
    let whole = Whole::of(&parts, decisions);
    let mut answer = answer.clone();
    for member in whole.members() {
        answer.add(&member.bundle, &Recorder::of(member), &mut Vec::new());
    }
    let case = Case { request, answer: &answer, policy, now, client: whole.client_key() };
    let (mut withheld, mut log, mut seen, mut is_emergency) = (Vec::new(), Vec::new(), Vec::new(), false);
    let mut rights = Vec::new();
    for (number, member) in whole.members().iter().enumerate() {
        let (ruling, relation) = case.decide(member);
        let sight = case.sight(relation);
        log.push((member.label.clone(), ruling.clone()));
        let Some(sight) = sight.filter(|_| ruling.permitted) else {
            let rule = ruling.rules.first().map_or("", String::as_str);
            add(&mut withheld, (sight, member), PLAN_KIND, ruling.reason, rule, 1);
            continue;
        };
        is_emergency |= ruling.reason == Reason::Emergency;
        let hidden = hide::hide(&case, &whole, number, sight, relation);
        for ((kind, reason, rule), count) in hidden.counts {
            add(&mut withheld, (Some(sight), member), &kind, reason, &rule, count);
        }
        let contribution = member.seen(hidden.tree);
        let right = case.right(member, sight, relation);
        rights.push(SeenPart { contribution: contribution.clone(), right });
        seen.push((number, contribution));
    }
    let mut joined = whole.join_seen(seen);
    if whole.members().is_empty() {
        let said = message!("whom the contributions are about is not settled");
        joined.issues.push(Issue::said(codes::VIEW_REFUSED, Severity::Error, Span::default(), said, None));
    }
    let mut view = View {
        joined,
        withheld: gathered(withheld),
        decisions: log,
        is_emergency,
        audience: request.requester.audience(),
    };
    outcome::write(&mut view, policy);
    (view, rights)
}

/// What is the same for every contribution of a view.
struct Case<'a> {
    request: &'a Request,
    answer: &'a Answer,
    policy: &'a Policy,
    now: Moment,
    client: String,
}

impl Case<'_> {
    fn decide(&self, member: &Contribution) -> (Ruling, Relation) {
        let source = Source::of(member, &self.client);
        let (facts, _) = establish(self.request, &source, self.answer, self.policy, self.now);
        (decide(self.request, &source, self.answer, self.policy, self.now), facts.relation)
    }

    fn sight(&self, relation: Relation) -> Option<&Sight> {
        let audience = match relation {
            Relation::SameRegister => Audience::OwnRegister,
            Relation::SameSector
            | Relation::OtherSector
            | Relation::Partner
            | Relation::Client
            | Relation::Guardian
            | Relation::Service => self.request.requester.audience(),
        };
        self.policy.sight(audience)
    }

    /// True where the requester is the client or stands for the client.
    fn is_private(&self) -> bool {
        matches!(self.request.requester.capacity, Capacity::Client | Capacity::Guardian)
    }
}

/// Says of something withheld what the policy lets be said.
fn add(
    withheld: &mut Vec<Withheld>,
    (sight, member): (Option<&Sight>, &Contribution),
    kind: &str,
    reason: Reason,
    rule: &str,
    count: usize,
) {
    let tell = sight.map_or(Tell::Nothing, |sight| sight.tell);
    let unit = || member.organisation.clone().unwrap_or_else(|| member.unit.clone());
    let (unit, sector, kind) = match tell {
        Tell::Nothing => return,
        Tell::Reason => (None, None, None),
        Tell::Kind => (None, Some(member.sector), Some(kind.to_owned())),
        Tell::Source => (Some(unit()), Some(member.sector), Some(kind.to_owned())),
    };
    withheld.push(Withheld { unit, sector, kind, reason, rule: rule.to_owned(), count });
}

/// Equal lines as one, in an order that tells nothing of where they come from.
fn gathered(withheld: Vec<Withheld>) -> Vec<Withheld> {
    let mut counts: BTreeMap<Withheld, usize> = BTreeMap::new();
    for one in withheld {
        let count = one.count;
        *counts.entry(Withheld { count: 0, ..one }).or_default() += count;
    }
    counts.into_iter().map(|(one, count)| Withheld { count, ..one }).collect()
}
