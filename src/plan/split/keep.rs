//! New content that no document of the editor's unit takes: a contribution of its own, which Sauma keeps.

use super::differ::{resource_key, value};
use super::operation::insert_resource;
use super::{Editor, Given, New, NewKind};
use crate::diag::{Issue, Span, codes};
use crate::mapping::units::schema;
use crate::plan::SAUMA;
use crate::plan::contribution::make_id;
use crate::plan::read::text;
use crate::tree::fhir;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::{BTreeSet, HashMap};

/// Kinds that go along with what refers to them: people and organisations are matched when they come again.
const ALONG: &[&str] = &[
    "Practitioner",
    "PractitionerRole",
    "Organization",
    "RelatedPerson",
    "Location",
    "HealthcareService",
    "Endpoint",
    "Device",
];
/// Resources that go along with what is kept.
const ALONG_MAX: usize = 1_000;
/// How the kept plan lists a resource.
const LINKS: &[(&str, &str)] = &[("Goal", "goal"), ("Condition", "addresses")];

/// A plan with what is new, to be joined with the others: the client, the plan, its team, and what they refer to.
///
/// # Errors
/// The joined plan has no client, or what is new refers to what another unit's document alone holds.
pub fn keep(given: Given<'_>, edited: &Tree, new: &[&New], editor: &Editor) -> Result<Tree, Box<Issue>> {
    let base = &given.joined.bundle;
    let resources: HashMap<String, NodeId> = super::owner::resources(base).into_iter().collect();
    let client = resources.get("Patient/client").copied();
    let client = client.ok_or_else(|| refused("the joined plan names no client"))?;
    let mut kept = skeleton(given, edited, new, editor)?;
    insert_resource(&mut kept, &base.clone_below(client), None);
    let mut wanted: Vec<String> = Vec::new();
    let mut there: BTreeSet<String> = BTreeSet::from(["Patient/client".to_owned()]);
    for item in new.iter().filter(|item| item.kind == NewKind::Resource) {
        let content = edited.clone_below(item.node);
        there.extend(resource_key(&content, NodeId::ROOT));
        there.insert(item.target.clone());
        let url = edited.parent(item.node).and_then(|entry| edited.child_text(entry, "fullUrl"));
        insert_resource(&mut kept, &content, url.as_deref());
    }
    refer(&kept, NodeId::ROOT, &mut wanted);
    for _ in 0..ALONG_MAX {
        let Some(next) = wanted.pop() else { break };
        let Some(node) = resources.get(&next).filter(|_| there.insert(next.clone())) else { continue };
        if !ALONG.contains(&next.split('/').next().unwrap_or_default()) {
            return Err(refused("what is new refers to what another unit's document holds"));
        }
        insert_resource(&mut kept, &base.clone_below(*node), None);
        refer(base, *node, &mut wanted);
    }
    fhir::sort(&mut kept, schema());
    Ok(kept)
}

fn refused(message: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::NO_PLACE, Span::default(), message))
}

fn refer(tree: &Tree, node: NodeId, wanted: &mut Vec<String>) {
    let leaves = tree.descend(node).filter(|leaf| tree.name(*leaf) == Name::REFERENCE);
    wanted.extend(leaves.filter_map(|leaf| value(tree, leaf)).map(std::borrow::Cow::into_owned));
}

/// A Bundle with the plan and, where there are participants, the team.
fn skeleton(given: Given<'_>, edited: &Tree, new: &[&New], editor: &Editor) -> Result<Tree, Box<Issue>> {
    let mut seed: Vec<String> = new.iter().map(|item| super::shown(edited, item.node)).collect();
    let sources = &given.joined.sources;
    let mut keys: Vec<String> =
        sources.iter().map(|source| [source.unit.as_str(), "|", &source.plan_key].concat()).collect();
    keys.sort();
    seed.extend(keys);
    let seed: Vec<&str> = seed.iter().map(String::as_str).collect();
    let id = make_id(&seed);
    let mut plan = serde_json::json!({
        "resourceType": "CarePlan",
        "id": id,
        "identifier": [{ "system": format!("{SAUMA}NamingSystem/kept-plan"), "value": id }],
        "status": "active",
        "intent": "plan",
        "subject": { "reference": "Patient/client" },
    });
    if let Some(sector) = editor.sector {
        plan["extension"] = serde_json::json!([{
            "url": format!("{SAUMA}StructureDefinition/sector"),
            "valueCode": sector.as_str(),
        }]);
    }
    let mut entries = vec![
        serde_json::json!({ "fullUrl": format!("{}CarePlan/{id}", crate::plan::LOCAL), "resource": plan }),
    ];
    let is_team = |item: &&&New| item.kind == NewKind::TeamItem;
    if new.iter().any(|item| is_team(&item)) {
        entries[0]["resource"]["careTeam"] = serde_json::json!([{ "reference": format!("CareTeam/{id}") }]);
        let team = serde_json::json!({
            "resourceType": "CareTeam", "id": id, "status": "active",
            "subject": { "reference": "Patient/client" },
        });
        entries.push(serde_json::json!({ "fullUrl": format!("{}CareTeam/{id}", crate::plan::LOCAL), "resource": team }));
    }
    let bundle = serde_json::json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    let mut tree = fhir::read_json(&bundle.to_string(), schema().names())?;
    let places: Vec<NodeId> = tree
        .children_named(NodeId::ROOT, Name::ENTRY)
        .filter_map(|entry| tree.child(entry, Name::RESOURCE))
        .collect();
    for item in new {
        let place = match item.kind {
            NewKind::Resource | NewKind::PlanItem => places.first(),
            NewKind::TeamItem => places.get(1),
        };
        let Some(place) = place.copied() else { continue };
        if item.kind == NewKind::Resource {
            link(&mut tree, place, edited, item.node);
        } else {
            let copy = tree.copy_from(place, edited, item.node, u16::MAX);
            tree.add_flags(copy, Flags::LIST);
        }
    }
    Ok(tree)
}

fn link(tree: &mut Tree, plan: NodeId, edited: &Tree, resource: NodeId) {
    let kind = edited.resource_type(resource).unwrap_or_default();
    let list = LINKS.iter().find(|(known, _)| *known == kind).map_or("supportingInfo", |(_, list)| *list);
    let said = text(edited, resource, &["id"]).map(|id| format!("{kind}/{id}"));
    let url = || edited.parent(resource).and_then(|entry| edited.child_text(entry, "fullUrl"));
    let Some(said) = said.or_else(|| url().map(std::borrow::Cow::into_owned)) else { return };
    let name = tree.intern(list);
    let item = tree.insert(plan, name, Kind::Object, Flags::LIST, u16::MAX);
    let leaf = tree.insert(item, Name::REFERENCE, Kind::Str, Flags::default(), 0);
    tree.set_text(leaf, &said);
}
