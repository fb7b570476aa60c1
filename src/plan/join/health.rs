//! Health care has one valid plan for each patient; social care has one for each service task.

use super::findings::{Finding, FindingKind, side};
use super::items::Items;
use crate::plan::Sector;
use crate::plan::contribution::Contribution;
use crate::plan::read::{all, concept, extension_text, identifiers, text};
use crate::plan::time;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
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
        valid.map(move |plan| (items.number(at, plan.resource), plan))
    });
    let valid: Vec<(usize, &HealthPlan)> = plans.collect();
    let linking = valid.iter().filter(|(_, plan)| !plan.links.is_empty());
    let linking: Vec<Named<'_>> = linking.map(|(plan, known)| Named::by(items, *plan, known)).collect();
    let is_open = |(plan, known): &(usize, &HealthPlan)| {
        !linking.iter().any(|named| named.by != *plan && named.has(*plan, known))
    };
    let open: Vec<(usize, &HealthPlan)> = valid.into_iter().filter(is_open).collect();
    let at_once = |(plan, known): &&(usize, &HealthPlan)| {
        open.iter().any(|(other, at)| plan != other && known.time.meets(&at.time))
    };
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
    /// As system and value.
    identifiers: Vec<(String, String)>,
    /// Where it names others.
    links: Vec<NodeId>,
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
            is_valid.then(|| Self {
                resource: *plan,
                time,
                identifiers: own(tree, node),
                links: links(tree, node),
            })
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

/// What a plan names as replaced by it, or as the whole that it is part of.
struct Named<'a> {
    by: usize,
    found: Vec<usize>,
    identifiers: BTreeSet<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Named<'a> {
    fn by(items: &Items<'a>, by: usize, plan: &HealthPlan) -> Self {
        let mut named = Self { by, found: Vec::new(), identifiers: BTreeSet::new() };
        let tree = items.list[by].tree;
        for link in &plan.links {
            let system = || text(tree, *link, &["identifier", "system"]).unwrap_or_default();
            let value = text(tree, *link, &["identifier", "value"]);
            named.identifiers.extend(value.map(|value| (system(), value)));
            if let Some(found) = items.follow(by, *link) {
                named.found.push(found);
                named.identifiers.extend(identifiers(items.list[found].tree, items.node(found)));
            }
        }
        named
    }

    fn has(&self, other: usize, plan: &HealthPlan) -> bool {
        let known = |(system, value): &(String, String)| {
            self.identifiers.contains(&(Cow::Borrowed(system), Cow::Borrowed(value)))
        };
        self.found.contains(&other) || plan.identifiers.iter().any(known)
    }
}

fn own(tree: &Tree, plan: NodeId) -> Vec<(String, String)> {
    let own = identifiers(tree, plan);
    own.map(|(system, value)| (system.into_owned(), value.into_owned())).collect()
}

/// Where a plan names others.
fn links(tree: &Tree, plan: NodeId) -> Vec<NodeId> {
    LINKS.iter().flat_map(|name| all(tree, plan, name)).collect()
}

fn title(items: &Items<'_>, plan: usize) -> String {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    let category = || all(tree, node, "category").find_map(|category| concept(tree, category));
    text(tree, node, &["title"]).or_else(category).map(Cow::into_owned).unwrap_or_default()
}
