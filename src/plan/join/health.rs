//! Health care has one valid plan for each patient; social care has one for each service task.

use super::findings::{Finding, FindingKind, side};
use super::items::Items;
use crate::plan::Sector;
use crate::plan::contribution::Contribution;
use crate::plan::read::{all, concept, extension_text, identifiers, text};
use crate::plan::time;
use crate::tree::{NodeId, Tree};
use std::collections::BTreeSet;

/// How a plan says which others stand back for it, or that it is part of one.
const LINKS: &[&str] = &["replaces", "partOf", "basedOn"];

/// Categories of the plan of which a patient has one: the health and care plan as a whole. The plan of one service or
/// of one disease has another category, and there may be any number of those.
const WHOLE_PLANS: &[&str] = &["care-plan", "52521-2", "18776-5", "734163000", "assess-plan"];

/// The plans of health care that are valid at once, of which none replaces the others.
pub(super) fn find(items: &Items<'_>) -> Option<Finding> {
    let plans = items.members.iter().enumerate().flat_map(|(at, member)| {
        let valid = member.facts().health_plans.iter();
        valid.map(move |plan| (items.number(at, plan.resource), &plan.time))
    });
    let valid: Vec<(usize, &Time)> = plans.collect();
    let linked: BTreeSet<usize> = valid
        .iter()
        .filter(|(plan, _)| links(items, *plan).next().is_some())
        .flat_map(|(plan, _)| valid.iter().map(move |(other, _)| (*plan, *other)))
        .filter(|(plan, other)| plan != other && names(items, *plan, *other))
        .map(|(_, other)| other)
        .collect();
    let open: Vec<(usize, &Time)> = valid.into_iter().filter(|(plan, _)| !linked.contains(plan)).collect();
    let at_once =
        |(plan, time): &&(usize, &Time)| open.iter().any(|(other, at)| plan != other && time.meets(at));
    let several: Vec<usize> = open.iter().filter(at_once).map(|(plan, _)| *plan).collect();
    (several.len() > 1).then(|| Finding {
        kind: FindingKind::SeveralHealthPlans,
        element: "CarePlan".to_owned(),
        sides: several.into_iter().map(|plan| side(items, plan, title(items, plan))).collect(),
        decided: None,
    })
}

/// A plan of health care that is the one plan of its patient, and in force.
#[derive(Debug)]
pub(super) struct HealthPlan {
    resource: u32,
    time: Time,
}

impl HealthPlan {
    /// Those of a contribution.
    pub(super) fn all(contribution: &Contribution) -> Vec<Self> {
        let tree = &contribution.bundle;
        let plans = contribution.plans.iter().filter(|plan| contribution.sector_of(**plan) == Sector::Health);
        let plans = plans.filter_map(|plan| {
            let node = contribution.resources.get(*plan as usize)?.node;
            let time = Time::of(tree, node);
            let is_valid = is_of_patient(tree, node) && is_valid(contribution, node, &time);
            is_valid.then_some(Self { resource: *plan, time })
        });
        plans.collect()
    }
}

/// True for the one plan of the patient. In Finland's registry a plan of one service names its service task; a category
/// in words alone is nothing to go by.
fn is_of_patient(tree: &Tree, node: NodeId) -> bool {
    let codings = all(tree, node, "category").flat_map(|category| all(tree, category, "coding"));
    let mut codes = codings.filter_map(|coding| text(tree, coding, &["code"])).peekable();
    let is_whole = codes.peek().is_none() || codes.any(|code| WHOLE_PLANS.contains(&code.as_ref()));
    is_whole && extension_text(tree, node, "service-task").is_none()
}

/// True for a plan that is in force, and had not ended when its source wrote it.
fn is_valid(contribution: &Contribution, plan: NodeId, time: &Time) -> bool {
    let written = contribution.time.as_deref().and_then(time::seconds);
    let has_ended = time.end.zip(written).is_some_and(|(end, written)| end < written);
    text(&contribution.bundle, plan, &["status"]).as_deref() == Some("active") && !has_ended
}

/// From when and until when a plan holds, as far as it says so.
#[derive(Debug)]
struct Time {
    start: Option<i64>,
    end: Option<i64>,
}

impl Time {
    fn of(tree: &Tree, node: NodeId) -> Self {
        let said = |name| text(tree, node, &["period", name]).and_then(|said| time::seconds(&said));
        Self { start: said("start"), end: said("end") }
    }

    /// True unless one is over before the other begins.
    fn meets(&self, other: &Self) -> bool {
        let is_before = |a: &Self, b: &Self| a.end.zip(b.start).is_some_and(|(end, start)| end < start);
        !is_before(self, other) && !is_before(other, self)
    }
}

/// True where a plan names another one as replaced by it, or as the whole that it is part of.
fn names(items: &Items<'_>, plan: usize, other: usize) -> bool {
    let tree = items.list[plan].tree;
    let known: BTreeSet<_> = identifiers(items.list[other].tree, items.node(other)).collect();
    links(items, plan).any(|link| {
        let system = text(tree, link, &["identifier", "system"]).unwrap_or_default();
        let value = text(tree, link, &["identifier", "value"]);
        let leads = items.follow(plan, link).is_some_and(|found| {
            let (tree, node) = (items.list[found].tree, items.node(found));
            found == other || identifiers(tree, node).any(|identifier| known.contains(&identifier))
        });
        leads || value.is_some_and(|value| known.contains(&(system, value)))
    })
}

/// Where a plan names others.
fn links<'a>(items: &Items<'a>, plan: usize) -> impl Iterator<Item = NodeId> + use<'a> {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    LINKS.iter().flat_map(move |name| all(tree, node, name))
}

fn title(items: &Items<'_>, plan: usize) -> String {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    let category = || all(tree, node, "category").find_map(|category| concept(tree, category));
    text(tree, node, &["title"]).or_else(category).map(std::borrow::Cow::into_owned).unwrap_or_default()
}
