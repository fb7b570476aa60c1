//! Health care has one valid plan for each patient; social care has one for each service task.

use super::findings::{Finding, FindingKind, side};
use super::items::Items;
use crate::plan::Sector;
use crate::plan::read::{all, concept, extension_text, identifiers, text};
use crate::plan::time;
use std::collections::BTreeSet;

/// How a plan says which others stand back for it, or that it is part of one.
const LINKS: &[&str] = &["replaces", "partOf", "basedOn"];

/// The plans of health care that are valid at once, of which none replaces the others.
pub(super) fn find(items: &Items<'_>) -> Option<Finding> {
    let own = |(at, member): (usize, &&crate::plan::Contribution)| {
        member.plans.first().map(|plan| items.number(at, *plan))
    };
    let health = items.members.iter().enumerate().filter(|(_, member)| member.sector == Sector::Health);
    let valid: Vec<usize> = health.filter_map(own).filter(|plan| is_valid(items, *plan)).collect();
    let linked: BTreeSet<usize> = valid
        .iter()
        .flat_map(|plan| valid.iter().map(move |other| (*plan, *other)))
        .filter(|(plan, other)| plan != other && names(items, *plan, *other))
        .map(|(_, other)| other)
        .collect();
    let open: Vec<usize> = valid.into_iter().filter(|plan| !linked.contains(plan)).collect();
    (open.len() > 1).then(|| Finding {
        kind: FindingKind::SeveralHealthPlans,
        element: "CarePlan".to_owned(),
        sides: open.into_iter().map(|plan| side(items, plan, title(items, plan))).collect(),
        decided: None,
    })
}

/// True for a plan that is in force, and had not ended when its source wrote it.
fn is_valid(items: &Items<'_>, plan: usize) -> bool {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    let end = text(tree, node, &["period", "end"]).and_then(|end| time::seconds(&end));
    let written = items.members[items.list[plan].member].time.as_deref().and_then(time::seconds);
    let has_ended = end.zip(written).is_some_and(|(end, written)| end < written);
    // In Finland's registry a plan of one service, unlike the one plan of the patient, names its service task.
    let of_service = extension_text(tree, node, "service-task").is_some();
    text(tree, node, &["status"]).as_deref() == Some("active") && !has_ended && !of_service
}

/// True where a plan names another one as replaced by it, or as the whole that it is part of.
fn names(items: &Items<'_>, plan: usize, other: usize) -> bool {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    let known: BTreeSet<_> = identifiers(items.list[other].tree, items.node(other)).collect();
    LINKS.iter().flat_map(|name| all(tree, node, name)).any(|link| {
        let system = text(tree, link, &["identifier", "system"]).unwrap_or_default();
        let value = text(tree, link, &["identifier", "value"]);
        let leads = items.follow(plan, link).is_some_and(|found| {
            let (tree, node) = (items.list[found].tree, items.node(found));
            found == other || identifiers(tree, node).any(|identifier| known.contains(&identifier))
        });
        leads || value.is_some_and(|value| known.contains(&(system, value)))
    })
}

fn title(items: &Items<'_>, plan: usize) -> String {
    let (tree, node) = (items.list[plan].tree, items.node(plan));
    let category = || all(tree, node, "category").find_map(|category| concept(tree, category));
    text(tree, node, &["title"]).or_else(category).map(std::borrow::Cow::into_owned).unwrap_or_default()
}
