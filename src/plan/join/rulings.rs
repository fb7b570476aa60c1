//! What became of the decisions: which the plan follows, and why it does not follow the others.

use super::build::Build;
use super::provenance::{self, Target};
use super::team::TEAM;
use super::{PLAN, settled};
use crate::diag::{Code, Issue, Severity, Span, codes};
use crate::plan::contribution::Contribution;
use crate::plan::decision::{Decision, Ground, Log, Ruling, Standing, Statement};
use crate::plan::person::Standings;
use std::collections::BTreeSet;

/// The decisions about these contributions, those that somebody revoked too, in order of their ids.
pub(super) fn rulings(log: &Log<'_>, standings: &Standings, names: &[Vec<String>]) -> Vec<Ruling> {
    let known: BTreeSet<&str> = names.iter().flatten().map(String::as_str).collect();
    let is_here = |ruling: &Ruling| {
        let grounds = ruling.decision.statement().grounds();
        grounds.iter().any(|ground| known.contains(ground.contribution.as_str()))
    };
    let about = standings
        .iter()
        .map(|(at, standing)| Ruling { decision: log.in_force[*at].clone(), standing: standing.clone() });
    let revoked = log
        .revoked
        .iter()
        .map(|decision| Ruling { decision: (*decision).clone(), standing: Standing::Revoked });
    let mut found: Vec<Ruling> = about.chain(revoked.filter(is_here)).collect();
    found.sort_by(|a, b| a.decision.id().cmp(b.decision.id()));
    found
}

/// Writes each decision that the plan follows as Provenance of what it settled.
pub(super) fn write(build: &mut Build<'_>, rulings: &[Ruling]) {
    for ruling in rulings.iter().filter(|ruling| ruling.standing == Standing::Applied) {
        let decision = &ruling.decision;
        let targets = targets(build, decision);
        provenance::write_decision(build, decision, &targets);
    }
}

fn targets(build: &Build<'_>, decision: &Decision) -> Vec<Target> {
    let items = build.items;
    let resources = |grounds: &[&Ground]| -> BTreeSet<String> {
        let found = grounds.iter().filter_map(|ground| settled::place(items, ground));
        found.map(|item| items.target(item).to_owned()).collect()
    };
    let statement = decision.statement();
    let resources = resources(&statement.grounds());
    match statement {
        Statement::SameClient(_) | Statement::NotSameClient(_) | Statement::Revoke(_) => {
            vec![Target::whole(build.client().unwrap_or(PLAN))]
        }
        Statement::SameResource(_) | Statement::NotSameResource(_) => {
            resources.iter().map(|resource| Target::whole(resource)).collect()
        }
        Statement::Value { element, .. } => {
            resources.iter().map(|resource| Target::path(resource, element)).collect()
        }
        Statement::Coordinator(_) => vec![Target::whole(TEAM)],
    }
}

/// Tells of each decision that is not followed although nobody revoked it.
pub(super) fn issues(rulings: &[Ruling], members: &[&Contribution]) -> Vec<Issue> {
    let told = rulings.iter().filter_map(|ruling| {
        let (code, severity, why): (&'static Code, _, _) = match ruling.standing {
            Standing::Applied | Standing::Revoked => return None,
            Standing::Older => {
                (codes::DECISION_OLDER, Severity::Information, "gives way to a newer one that says otherwise")
            }
            Standing::Torn => {
                (codes::DECISION_TORN, Severity::Warning, "contradicts another one of the same time")
            }
            Standing::GroundGone => (
                codes::DECISION_GROUND,
                Severity::Warning,
                "was made about something that has changed or gone",
            ),
        };
        let (id, kind) = (ruling.decision.id(), ruling.decision.statement().as_str());
        let named = |name: &str| {
            let member = members.iter().find(|member| member.key() == name);
            member.map_or_else(|| name.to_owned(), |member| member.label.clone())
        };
        let places: BTreeSet<String> = ruling
            .decision
            .statement()
            .grounds()
            .iter()
            .map(|ground| match ground.resource.as_str() {
                "" => named(&ground.contribution),
                resource => format!("{}: {resource}", named(&ground.contribution)),
            })
            .collect();
        let message = format!("the decision {id} ({kind}) {why}");
        let places: Vec<String> = places.into_iter().collect();
        Some(Issue::new(code, severity, Span::default(), message).at(places.join(", ")))
    });
    told.collect()
}
