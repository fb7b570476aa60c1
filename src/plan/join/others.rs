//! Resources of a plan that say that they are about another person than the plan's client and those beside: they stay
//! where the source put them, but are never taken for the client's in silence.

use super::findings::{Finding, side};
use super::items::Items;
use super::persons::conflict;
use crate::plan::contribution::Contribution;
use crate::plan::read::{SUBJECTS, all, extensions, human_name, reference, text, value};
use crate::tree::{NodeId, Tree};
use std::collections::BTreeSet;

/// The findings about them.
pub(super) fn find(items: &Items<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (member, contribution) in items.members.iter().enumerate() {
        let whose = &contribution.facts().whose;
        if items.client.is_none() && whose.patients.is_empty() && whose.references.is_empty() {
            continue;
        }
        let root = |patient: &u32| items.root(items.number(member, *patient));
        let client = items.client.map(|client| items.root(client));
        let is_known = |patient: &u32| {
            let patient = root(patient);
            client == Some(patient) || whose.patients.iter().any(|own| root(own) == patient)
        };
        for other in whose.others.iter().filter(|other| !other.patient.as_ref().is_some_and(is_known)) {
            let item = items.number(member, other.resource);
            let said = [other.name.clone(), whose.name.clone()];
            let sides = said.map(|name| side(items, item, name)).into();
            found.push(conflict(format!("{}.{}", items.kind(item), other.element), sides));
        }
    }
    found
}

/// Whom the plans of one contribution are about.
#[derive(Debug, Default)]
pub(super) struct Whose {
    /// Their resources.
    patients: BTreeSet<u32>,
    /// Ends of references that say so.
    references: BTreeSet<String>,
    name: String,
    others: Vec<Other>,
    /// Several clients, of whom no entry names one that is not the first: it says nothing of whose each entry is.
    tells_nobody_apart: bool,
}

/// A resource that says that it is about somebody whom the plans do not name.
#[derive(Debug)]
struct Other {
    resource: u32,
    /// The element that says so.
    element: &'static str,
    /// The person's resource, which may be one with the client's.
    patient: Option<u32>,
    name: String,
}

impl Whose {
    /// True where what a resource says of one of the clients it says of all of them, and this patient is one.
    pub(super) fn is_of_all(&self, is_client: impl Fn(u32) -> bool) -> bool {
        self.tells_nobody_apart && self.patients.iter().any(|patient| is_client(*patient))
    }

    pub(super) fn of(contribution: &Contribution) -> Self {
        let mut new = Self::default();
        let tree = &contribution.bundle;
        for plan in &contribution.plans {
            let Some(resource) = contribution.resources.get(*plan as usize) else { continue };
            let beside = extensions(tree, resource.node, "co-subject");
            let subject = all(tree, resource.node, "subject");
            for node in subject.chain(beside.filter_map(|extension| value(tree, extension))) {
                new.add(contribution, *plan, node);
            }
        }
        for (resource, number) in contribution.resources.iter().zip(0_u32..) {
            if resource.kind == "CarePlan" {
                continue;
            }
            for element in SUBJECTS {
                let node = tree.child_str(resource.node, element);
                let other = node.and_then(|node| new.other(contribution, (number, element), node));
                new.others.extend(other);
            }
        }
        new.tells_nobody_apart = new.patients.len() > 1 && tells_nobody_apart(contribution);
        new
    }

    fn add(&mut self, contribution: &Contribution, plan: u32, node: NodeId) {
        let tree = &contribution.bundle;
        let said = reference(tree, node);
        self.references.extend(said.as_deref().map(end));
        let mut name = shown(tree, node);
        let patient = said.as_ref().and_then(|said| contribution.resolve(plan, said));
        if let Some((patient, resource)) =
            patient.and_then(|patient| Some((patient, contribution.resources.get(patient as usize)?)))
        {
            self.patients.insert(patient);
            self.references.extend(text(tree, resource.node, &["id"]).map(|id| format!("Patient/{id}")));
            name = human_name(tree, resource.node).or(name);
        }
        if self.name.is_empty() {
            self.name = name.or_else(|| said.map(|said| end(&said))).unwrap_or_default();
        }
    }

    /// The person whom a reference names, where it is none of these.
    fn other(
        &self,
        contribution: &Contribution,
        (resource, element): (u32, &'static str),
        node: NodeId,
    ) -> Option<Other> {
        let tree = &contribution.bundle;
        let said = reference(tree, node)?;
        if let Some(patient) = contribution.resolve(resource, &said) {
            let found = contribution.resources.get(patient as usize)?;
            if found.kind != "Patient" || self.patients.contains(&patient) {
                return None;
            }
            let name = human_name(tree, found.node).or_else(|| shown(tree, node));
            let name = name.unwrap_or_else(|| end(&said));
            return Some(Other { resource, element, patient: Some(patient), name });
        }
        let end = end(&said);
        let is_other = end.starts_with("Patient/") && !self.references.contains(&end);
        let name = || shown(tree, node).unwrap_or(end);
        is_other.then(|| Other { resource, element, patient: None, name: name() })
    }
}

/// True where everything that names a person names the one whom the plan names as its subject.
fn tells_nobody_apart(contribution: &Contribution) -> bool {
    let tree = &contribution.bundle;
    let person = |number: u32, node: NodeId, element: &&str| {
        let said = reference(tree, tree.child_str(node, element)?)?.into_owned();
        contribution.resolve(number, &said)
    };
    let resources = contribution.resources.iter().zip(0_u32..);
    let named: BTreeSet<u32> = resources
        .flat_map(|(resource, number)| {
            SUBJECTS.iter().filter_map(move |name| person(number, resource.node, name))
        })
        .filter(|person| contribution.resources.get(*person as usize).is_some_and(|of| of.kind == "Patient"))
        .collect();
    named.len() == 1
}

fn shown(tree: &Tree, node: NodeId) -> Option<String> {
    text(tree, node, &["display"]).map(std::borrow::Cow::into_owned)
}

/// The kind and the id at the end of a reference: `Patient/7`, whatever the server.
fn end(reference: &str) -> String {
    let reference = reference.split("/_history/").next().unwrap_or(reference);
    let mut parts = reference.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(id), Some(kind)) => format!("{kind}/{id}"),
        _ => reference.to_owned(),
    }
}
