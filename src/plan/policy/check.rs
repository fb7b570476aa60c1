//! What only all rules together show: a rule that can never fire, a combination that no rule covers, an audience
//! that no view is for, a reason that does not fit its effect. The facts are few and closed, so all are tried.

use super::Policy;
use super::read::Places;
use crate::diag::{Issue, Message, Severity, Span, codes, message};
use crate::plan::permission::{Audience, Facts, Reason, Word};

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
        issues.push(fault(codes::POLICY_DEAD, place(&rule.id), said));
    }
    for rule in policy.rules.iter().filter(|rule| permits(rule.reason) != Some(rule.permits)) {
        let said = message!(
            "the reason `{reason}` does not fit the effect of the rule",
            reason = rule.reason.code()
        );
        issues.push(fault(codes::POLICY_WORD, place(&rule.id), said));
    }
    if let Some(facts) = gap {
        let said = message!("no rule covers this: {facts}", facts = words(&facts));
        issues.push(fault(codes::POLICY_GAP, Span::default(), said));
    }
    for audience in Audience::ALL {
        let sights: Vec<_> = policy.sights.iter().filter(|sight| sight.audience.has(*audience)).collect();
        match sights.as_slice() {
            [_] => {}
            [] => {
                let said = message!("no view is for `{audience}`", audience = audience.code());
                issues.push(fault(codes::POLICY_GAP, Span::default(), said));
            }
            [_, second, ..] => {
                let said = message!("another view is for `{audience}` already", audience = audience.code());
                issues.push(fault(codes::POLICY_DEAD, place(&second.id), said));
            }
        }
    }
}

fn fault(code: &'static crate::diag::Code, place: Span, said: Message) -> Issue {
    Issue::said(code, Severity::Error, place, said, None)
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
