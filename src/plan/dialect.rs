//! The activities of a joined plan in the dialect that a reader asks for: each inside the plan (`activity.detail`), or
//! each as a request of its own (`activity.reference`).
//!
//! An activity is held once, as a request; the lenses of plain FHIR write it either way. The units' own plans stay as
//! they are.

use super::join::PLAN;
use super::read::{all, reference, text};
use crate::diag::{Issue, Span, codes};
use crate::mapping::Program;
use crate::mapping::units::{Unit, schema};
use crate::tree::json::Layout;
use crate::tree::{Name, NodeId, Tree, fhir};
use std::collections::BTreeSet;

/// How a plan holds its activities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Inside the plan, as R4 has them beside the other form.
    Detail,
    /// As requests that the plan refers to, as R5 and many profiles have them alone.
    Reference,
}

impl Dialect {
    const fn unit(self) -> &'static str {
        match self {
            Self::Detail => "fhir-detail",
            Self::Reference => "fhir-reference",
        }
    }
}

/// A joined plan with its activities in one dialect. What was there stays: requests that units' plans refer to too are
/// still entries.
///
/// # Errors
/// The Bundle is no joined plan, or a lens does not read what a unit's plan says of an activity.
pub fn in_dialect(bundle: &Tree, dialect: Dialect) -> Result<Tree, Box<Issue>> {
    let no_plan = || {
        let message = "these resources are no joined plan";
        Box::new(Issue::error(codes::FORMAT_UNKNOWN, Span::default(), message))
    };
    let plan = find_plan(bundle).ok_or_else(no_plan)?;
    let detail = program(Dialect::Detail)?;
    let own = read_again(&only_activities(bundle, plan))?;
    let hub = read_again(&detail.get(&own)?.target)?;
    let written = read_again(&program(dialect)?.create(&hub)?)?;
    let from = find_plan(&written).ok_or_else(no_plan)?;
    let mut made = bundle.clone();
    replace_activities(&mut made, plan, &written, from);
    add_entries(&mut made, &written);
    Ok(made)
}

/// The lens of a dialect.
fn program(dialect: Dialect) -> Result<&'static Program, Box<Issue>> {
    Unit::find(dialect.unit())?.program().map_err(|issues| {
        let unknown = || Issue::error(codes::LENS_SYNTAX, Span::default(), "the lens does not compile");
        Box::new(issues.first().cloned().unwrap_or_else(unknown))
    })
}

/// A tree that was made, as if it were read: in the order of FHIR.
fn read_again(tree: &Tree) -> Result<Tree, Box<Issue>> {
    let mut text = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut text);
    fhir::read_json(&text, schema().names())
}

fn find_plan(bundle: &Tree) -> Option<NodeId> {
    resources(bundle).find(|(_, name)| name == PLAN).map(|(resource, _)| resource)
}

/// The resources of the entries, each with its kind and id.
fn resources(bundle: &Tree) -> impl Iterator<Item = (NodeId, String)> + use<'_> {
    bundle.children_named(NodeId::ROOT, Name::ENTRY).filter_map(|entry| {
        let resource = bundle.child(entry, Name::RESOURCE)?;
        let id = text(bundle, resource, &["id"])?;
        Some((resource, format!("{}/{id}", bundle.resource_type(resource)?)))
    })
}

/// The Bundle with the joined plan and the requests of its activities alone.
fn only_activities(bundle: &Tree, plan: NodeId) -> Tree {
    let activities = all(bundle, plan, "activity");
    let requests = activities.filter_map(|activity| {
        let request = bundle.child(activity, Name::REFERENCE)?;
        reference(bundle, request).map(std::borrow::Cow::into_owned)
    });
    let mut kept: BTreeSet<String> = requests.collect();
    kept.insert(PLAN.to_owned());
    let entries: BTreeSet<NodeId> = resources(bundle)
        .filter(|(_, name)| kept.contains(name))
        .filter_map(|(resource, _)| bundle.parent(resource))
        .collect();
    let stays = |child: &NodeId| bundle.name(*child) != Name::ENTRY || entries.contains(child);
    let children: Vec<NodeId> = bundle.children(NodeId::ROOT).filter(stays).collect();
    let mut own = bundle.clone();
    own.set_children(NodeId::ROOT, &children);
    own
}

/// Puts the activities of another plan in the place of those of this one.
fn replace_activities(made: &mut Tree, plan: NodeId, written: &Tree, from: NodeId) {
    let is_activity = |tree: &Tree, child: NodeId| tree.name_text(child) == "activity";
    let mut children: Vec<NodeId> = made.children(plan).collect();
    let place = children.iter().position(|child| is_activity(made, *child)).unwrap_or(children.len());
    children.retain(|child| !is_activity(made, *child));
    let order = made.order(plan);
    let new: Vec<NodeId> = all(written, from, "activity")
        .map(|activity| made.copy_from(plan, written, activity, order))
        .collect();
    let place = place.min(children.len());
    children.splice(place..place, new);
    made.set_children(plan, &children);
}

/// Adds requests that the other dialect has as resources of their own.
fn add_entries(made: &mut Tree, written: &Tree) {
    let known: BTreeSet<String> = resources(made).map(|(_, name)| name).collect();
    for (resource, name) in resources(written) {
        if let Some(entry) = written.parent(resource).filter(|_| !known.contains(&name)) {
            made.copy_from(NodeId::ROOT, written, entry, u16::MAX);
        }
    }
}
