//! What only all rules together show: a rule that can never fire, a combination that no rule covers, an audience
//! that no view is for, a reason that does not fit its effect. The facts are few and closed, so all are tried.

use super::read::Places;
use super::{Policy, Rule};
use crate::diag::{Issue, Message, Severity, Span, codes, message};
use crate::plan::permission::{Audience, Facts, Keeper, Opening, Reason, Word};
use std::collections::BTreeSet;

pub(super) fn check(policy: &Policy, places: &Places, issues: &mut Vec<Issue>) {
    let mut fired = vec![false; policy.rules.len()];
    let mut gap = None;
    for facts in Facts::all() {
        match policy.rules.iter().position(|rule| rule.when.holds(&facts)) {
            Some(rule) => fired[rule] = true,
            None => gap = gap.or(Some(facts)),
        }
    }
    let place = |id: &str| places.get(id).copied().unwrap_or_default();
    for (rule, _) in policy.rules.iter().zip(&fired).filter(|(_, fired)| !**fired) {
        let said = message!(
            "the rule `{id}` can never fire: rules before it decide all that it is about",
            id = rule.id
        );
        issues.push(fault(codes::POLICY_DEAD, place(&rule.id), said, Some(before(policy, rule))));
    }
    for rule in policy.rules.iter().filter(|rule| permits(rule.reason) != Some(rule.permits)) {
        let said = message!(
            "the reason `{reason}` does not fit the effect of the rule",
            reason = rule.reason.code()
        );
        issues.push(fault(codes::POLICY_WORD, place(&rule.id), said, Some(fitting(rule.permits))));
    }
    if let Some(facts) = gap {
        let said = message!("no rule covers this: {facts}", facts = words(&facts));
        let help = message!("let a last rule without `when` deny what no other rule is about");
        issues.push(fault(codes::POLICY_GAP, Span::default(), said, Some(help)));
    }
    for opening in Opening::ALL {
        if !Keeper::ALL.iter().any(|keeper| policy.takes(*opening, *keeper)) {
            let said = message!("nobody may record a `{opening}`", opening = opening.code());
            let help = message!("say in a [[keeping]] whose records of it count");
            issues.push(fault(codes::POLICY_GAP, Span::default(), said, Some(help)));
        }
    }
    for audience in Audience::ALL {
        let sights: Vec<_> = policy.sights.iter().filter(|sight| sight.audience.has(*audience)).collect();
        match sights.as_slice() {
            [_] => {}
            [] => {
                let said = message!("no view is for `{audience}`", audience = audience.code());
                let help = message!("add a [[view]] for it; one that shows nothing has no `show`");
                issues.push(fault(codes::POLICY_GAP, Span::default(), said, Some(help)));
            }
            [_, second, ..] => {
                let said = message!("another view is for `{audience}` already", audience = audience.code());
                issues.push(fault(codes::POLICY_DEAD, place(&second.id), said, None));
            }
        }
    }
}

fn fault(code: &'static crate::diag::Code, place: Span, said: Message, help: Option<Message>) -> Issue {
    Issue::said(code, Severity::Error, place, said, help)
}

/// The rules that decide what a rule is about before it is asked.
fn before(policy: &Policy, rule: &Rule) -> Message {
    let about = Facts::all().filter(|facts| rule.when.holds(facts));
    let deciding: BTreeSet<&str> =
        about.filter_map(|facts| policy.first(&facts)).map(|first| first.id.as_str()).collect();
    if deciding.is_empty() {
        return message!("what its `when` asks for never is the case together");
    }
    let known = deciding.into_iter().collect::<Vec<_>>().join(", ");
    message!(
        "these decide it: {known}; a rule that is an exception stands before the one it is an exception from",
        known
    )
}

/// The reasons that fit an effect.
fn fitting(effect: bool) -> Message {
    let known = Reason::ALL.iter().filter(|reason| permits(**reason) == Some(effect));
    let known = known.map(|reason| reason.code()).collect::<Vec<_>>().join(", ");
    message!("known are: {known}", known)
}

fn words(facts: &Facts) -> String {
    format!(
        "relation {}, purpose {}, action {}, permission {}, denial {}, joint-plan {}, emergency {}, restriction {}, \
         statute {}, direction {}, sector {}",
        facts.relation.code(),
        facts.purpose.code(),
        facts.action.code(),
        facts.permission.code(),
        facts.denial.code(),
        facts.joint_plan.code(),
        facts.emergency.code(),
        facts.restriction.code(),
        facts.statute.code(),
        facts.direction.code(),
        facts.sector.code()
    )
}

/// Whether a rule of this reason permits; `None` for reasons that no rule on disclosure has.
const fn permits(reason: Reason) -> Option<bool> {
    match reason {
        Reason::SameRegister
        | Reason::Permitted
        | Reason::Consented
        | Reason::ByStatute
        | Reason::OwnData
        | Reason::OfMinor
        | Reason::Emergency => Some(true),
        Reason::NoPermission
        | Reason::PermissionLapsed
        | Reason::NoAnswer
        | Reason::DocumentDenied
        | Reason::ServiceTaskDenied
        | Reason::RegisterDenied
        | Reason::NoJointPlan
        | Reason::WrongPurpose
        | Reason::OwnerWrites
        | Reason::MinorDenies
        | Reason::NobodyAsks
        | Reason::NotCovered => Some(false),
        Reason::NotForRole
        | Reason::NotOwnActivity
        | Reason::Sensitive
        | Reason::OtherPerson
        | Reason::NotReleased
        | Reason::OnlyOfWithheld => None,
    }
}
