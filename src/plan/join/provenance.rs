//! What came from whom: one Provenance for each contribution, down to the element where sources share a resource.

use super::build::{Build, ElementRef, Part};
use super::ids::Ids;
use super::items::Items;
use crate::plan::Decision;
use crate::plan::contribution::Contribution;
use crate::plan::{SAUMA, Sector, time};
use crate::tree::{Flags, Kind, NodeId};
use std::collections::HashSet;

/// FHIR's extension on a Reference that names the id of an element.
pub(in crate::plan) const TARGET_ELEMENT: &str = "http://hl7.org/fhir/StructureDefinition/targetElement";
/// FHIR's extension on a Reference that names an element by FHIRPath.
const TARGET_PATH: &str = "http://hl7.org/fhir/StructureDefinition/targetPath";

/// What stands for the Provenance of each contribution.
pub(super) fn references(members: &[&Contribution], ids: &Ids) -> Vec<String> {
    let reference = |(at, member): (usize, &&Contribution)| {
        // Contributions stand in order of their keys. Those of one key are one contribution, unless their clients differ
        // and other documents hold them together.
        let has_key = |other: &&&Contribution| other.unit == member.unit && other.plan_key == member.plan_key;
        match members[..at].iter().rev().take_while(has_key).count() {
            0 => member.facts().provenance.clone(),
            earlier => {
                let id = ids.id(&[&member.key(), "contribution", &earlier.to_string()]);
                format!("Provenance/{id}")
            }
        }
    };
    members.iter().enumerate().map(reference).collect()
}

/// Writes the Provenance of one member: what it alone says, and its part in what several say.
pub(super) fn write(build: &mut Build<'_>, member: usize, whole: &[&str], parts: &[Part]) {
    let contribution = build.items.members[member];
    let reference = build.provenance[member].clone();
    let provenance = build.resource(&reference);
    build.claim(provenance, "sauma-contribution");
    for target in whole {
        build.reference_item(provenance, "target", target);
    }
    let mut seen: HashSet<(&str, &ElementRef)> = HashSet::new();
    for part in parts {
        if !seen.insert((&part.target, &part.element)) {
            continue;
        }
        let target = build.item(provenance, "target");
        let extension = build.item(target, "extension");
        match &part.element {
            ElementRef::Id(id) => {
                build.text(extension, "url", TARGET_ELEMENT);
                build.text(extension, "valueUri", id);
            }
            ElementRef::Path(path) => {
                build.text(extension, "url", TARGET_PATH);
                build.text(extension, "valueString", path);
            }
        }
        build.text(target, "reference", &part.target);
    }
    write_time(build, provenance, contribution);
    let agent = build.item(provenance, "agent");
    let kind = build.object(agent, "type");
    let coding = build.item(kind, "coding");
    build.text(coding, "system", "http://terminology.hl7.org/CodeSystem/provenance-participant-type");
    build.text(coding, "code", "author");
    let who = build.object(agent, "who");
    if let Some(custodian) = &contribution.custodian {
        let (system, value) = custodian.split_once('|').unwrap_or(("", custodian));
        write_identifier(build, who, system, value);
    }
    build.text(who, "display", contribution.organisation.as_deref().unwrap_or(&contribution.unit));
    write_entity(build, provenance, member);
}

/// What Provenance tells of a contribution beside what stands for it.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    unit: String,
    sector: Sector,
    plan_key: String,
    version: Option<u64>,
    time: Option<String>,
    custodian: Option<String>,
    organisation: Option<String>,
    document_hash: Option<String>,
    /// What stands for its plan, and how the plan is identified.
    plan: Option<String>,
    identifier: Option<(String, String)>,
}

impl Header {
    pub(super) fn of(items: &Items<'_>, member: usize) -> Self {
        let contribution = items.members[member];
        let plan = contribution.plans.first().map(|plan| items.target(items.number(member, *plan)));
        Self {
            unit: contribution.unit.clone(),
            sector: contribution.sector,
            plan_key: contribution.plan_key.clone(),
            version: contribution.version,
            time: contribution.time.clone(),
            custodian: contribution.custodian.clone(),
            organisation: contribution.organisation.clone(),
            document_hash: contribution.document_hash.clone(),
            plan: plan.map(str::to_owned),
            identifier: contribution.facts().plan_identifier.clone(),
        }
    }
}

/// Writes who settled a finding, when and why.
pub(super) fn write_mitigation(build: &mut Build<'_>, issue: NodeId, decision: &Decision) {
    let mitigation = build.item(issue, "mitigation");
    let action = build.object(mitigation, "action");
    build.own_coding(action, "decision", decision.statement().as_str());
    build.text(action, "text", decision.reason());
    build.text(mitigation, "date", decision.time());
    let author = build.object(mitigation, "author");
    write_identifier(build, author, &format!("{SAUMA}NamingSystem/decision"), decision.id());
    build.text(author, "display", &decision.by().to_words());
}

/// Writes a decision that the plan follows.
pub(super) fn write_decision(build: &mut Build<'_>, decision: &Decision, targets: &[Target]) {
    let provenance = build.resource(&format!("Provenance/{}", decision.id()));
    build.claim(provenance, "sauma-provenance");
    for target in targets {
        let node = build.item(provenance, "target");
        if let Some((url, name, value)) = &target.inside {
            let extension = build.item(node, "extension");
            build.text(extension, "url", url);
            build.text(extension, name, value);
        }
        build.text(node, "reference", &target.resource);
    }
    if time::is_instant(decision.time()) {
        build.text(provenance, "recorded", decision.time());
    } else {
        write_unknown_time(build, provenance);
    }
    let reason = build.item(provenance, "reason");
    if decision.reason().is_empty() {
        build.say_unknown(reason);
    } else {
        build.text(reason, "text", decision.reason());
    }
    let activity = build.object(provenance, "activity");
    build.own_coding(activity, "decision", decision.statement().as_str());
    let agent = build.item(provenance, "agent");
    let kind = build.object(agent, "type");
    let coding = build.item(kind, "coding");
    build.text(coding, "system", "http://terminology.hl7.org/CodeSystem/provenance-participant-type");
    build.text(coding, "code", "author");
    let by = decision.by();
    if !by.role.is_empty() {
        let role = build.item(agent, "role");
        build.text(role, "text", &by.role);
    }
    let who = build.object(agent, "who");
    if by.name.is_empty() {
        build.say_unknown(who);
    } else {
        build.text(who, "display", &by.name);
    }
    if !by.organisation.is_empty() {
        let organisation = build.object(agent, "onBehalfOf");
        build.text(organisation, "display", &by.organisation);
    }
    let entity = build.item(provenance, "entity");
    build.text(entity, "role", "source");
    let what = build.object(entity, "what");
    write_identifier(build, what, &format!("{SAUMA}NamingSystem/decision"), decision.id());
}

/// What a decision settled.
pub(super) struct Target {
    resource: String,
    /// The extension that points into it: its url, the name of its value and the value.
    inside: Option<(&'static str, &'static str, String)>,
}

impl Target {
    pub(super) fn whole(resource: &str) -> Self {
        Self { resource: resource.to_owned(), inside: None }
    }

    pub(super) fn path(resource: &str, path: &str) -> Self {
        Self { resource: resource.to_owned(), inside: Some((TARGET_PATH, "valueString", path.to_owned())) }
    }
}

/// `recorded` asks for a time to the second. Where the source gives less, nothing is added to it: the time it gave
/// stands in `occurredDateTime`, and `recorded` says that it is not known.
fn write_time(build: &mut Build<'_>, provenance: NodeId, contribution: &Contribution) {
    let stated = contribution.time.as_deref().filter(|stated| time::seconds(stated).is_some());
    match stated {
        Some(exact) if time::is_instant(exact) => {
            build.text(provenance, "recorded", exact);
        }
        other => {
            if let Some(partial) = other {
                build.text(provenance, "occurredDateTime", partial);
            }
            write_unknown_time(build, provenance);
        }
    }
}

fn write_unknown_time(build: &mut Build<'_>, provenance: NodeId) {
    let name = build.tree.intern("recorded");
    let recorded = build.tree.push(provenance, name, Kind::Null, Flags::default());
    build.say_unknown(recorded);
}

fn write_entity(build: &mut Build<'_>, provenance: NodeId, member: usize) {
    let contribution = build.items.members[member];
    let entity = build.item(provenance, "entity");
    if let Some(version) = contribution.version {
        let extension = build.extension(entity, "document-version");
        build.text(extension, "valueString", &version.to_string());
    }
    let unit = build.extension(entity, "unit");
    build.text(unit, "valueString", &contribution.unit);
    let sector = build.extension(entity, "sector");
    build.text(sector, "valueCode", contribution.sector.as_str());
    if let Some(hash) = &contribution.document_hash {
        let extension = build.extension(entity, "document-hash");
        build.text(extension, "valueString", hash);
    }
    build.text(entity, "role", "source");
    let what = build.object(entity, "what");
    if let Some(plan) = contribution.plans.first() {
        let target = build.items.target(build.items.number(member, *plan));
        build.text(what, "reference", target);
    }
    if let Some((system, value)) = &contribution.facts().plan_identifier {
        write_identifier(build, what, system, value);
    } else {
        write_identifier(build, what, &format!("{SAUMA}NamingSystem/plan-key"), &contribution.plan_key);
    }
}

/// Writes `identifier` with a system, if there is one, and a value.
pub(super) fn write_identifier(build: &mut Build<'_>, parent: NodeId, system: &str, value: &str) {
    let identifier = build.object(parent, "identifier");
    if !system.is_empty() {
        build.text(identifier, "system", system);
    }
    build.text(identifier, "value", value);
}
