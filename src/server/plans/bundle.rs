//! A joined plan as the server gives it out. Its resources stand below the address of the operation,
//! `Patient/1/$joined-plan/Goal/2`: so each has a url that leads to it, references between them hold inside the Bundle,
//! and none is taken for a resource that a unit has stored. What is found beside the plan is its last entry.

use super::asking::Shown;
use crate::diag::Issue;
use crate::exchange::write_back::stale;
use crate::mapping::units::schema;
use crate::plan::{Dialect, LOCAL, SAUMA, in_dialect};
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::tree::json::Layout;
use crate::tree::{Flags, Name, NodeId, Tree, fhir};
use crate::validate::{self, Report};
use serde_json::{Value, json};

/// Digits of the hash of a document that its version in the identifier of a plan has.
const HASH_DIGITS: usize = 12;
/// The entry with what was found.
const FINDINGS: &str = "findings";
/// The entry with what a view withholds.
const WITHHELD: &str = "withheld";
/// The identifier of the versions that a plan was made of.
const VERSIONS: &str = "NamingSystem/joined-plan-version";

/// The Bundle, its urls below an address, with what is to be said of units that have not answered.
pub(in crate::server) fn written(
    shown: &Shown,
    dialect: Option<Dialect>,
    address: &str,
    silent: &[Issue],
) -> Outcome<String> {
    let joined = shown.joined();
    let mut bundle = match dialect {
        None => joined.bundle.clone(),
        Some(dialect) => {
            in_dialect(&joined.bundle, dialect).map_err(|issue| Refusal::issue(Why::NotJoined, *issue, ""))?
        }
    };
    let urls: Vec<NodeId> = bundle
        .children_named(NodeId::ROOT, Name::ENTRY)
        .filter_map(|entry| bundle.child(entry, Name::FULL_URL))
        .collect();
    for url in urls {
        let here = bundle.text(url).strip_prefix(LOCAL).map(|rest| format!("{address}/{rest}"));
        if let Some(here) = here {
            bundle.set_text(url, &here);
        }
    }
    let mut text = json_of(&bundle, NodeId::ROOT);
    let head = "{\"resourceType\":\"Bundle\",";
    // Who sees nothing sees no versions either, and a value is never empty (ele-1).
    let versions = versions(&joined.bundle);
    if let Some(rest) = text.strip_prefix(head).filter(|_| !versions.is_empty()) {
        let identifier = json!({ "system": format!("{SAUMA}{VERSIONS}"), "value": versions });
        text = format!("{head}\"identifier\":{identifier},{rest}");
    }
    let issues: Vec<Issue> = joined.issues.iter().chain(silent).cloned().collect();
    if let (Some(entry), Some(rest)) = (findings(&issues, address), text.strip_suffix("]}")) {
        text = format!("{rest},{entry}]}}");
    }
    Ok(text)
}

/// A part of a tree as compact JSON.
pub(in crate::server) fn json_of(tree: &Tree, node: NodeId) -> String {
    let mut text = String::new();
    fhir::write_json(tree, node, Some(schema()), Layout::Compact, &mut text);
    text
}

/// A resource of a Bundle by type and id.
pub(in crate::server) fn resource_of(bundle: &Tree, kind: &str, id: &str) -> Option<NodeId> {
    let mut resources = bundle
        .children_named(NodeId::ROOT, Name::ENTRY)
        .filter_map(|entry| bundle.child(entry, Name::RESOURCE));
    resources.find(|resource| {
        bundle.resource_type(*resource).as_deref() == Some(kind)
            && bundle.child_text(*resource, "id").as_deref() == Some(id)
    })
}

/// The versions of the documents that a plan was made of, as far as it tells of them itself.
pub(in crate::server) fn versions(plan: &Tree) -> String {
    let hashes = stale::hashes(plan);
    let mut short: Vec<&str> = hashes.iter().filter_map(|(_, hash)| hash.get(..HASH_DIGITS)).collect();
    short.sort_unstable();
    short.join("-")
}

/// True where a document has one of these versions.
pub(in crate::server) fn is_of_version(versions: &str, hash: &str) -> bool {
    hash.get(..HASH_DIGITS).is_some_and(|short| versions.split('-').any(|known| known == short))
}

fn findings(issues: &[Issue], address: &str) -> Option<Value> {
    if issues.is_empty() {
        return None;
    }
    let mut outcome = validate::outcome(&Report { issues: issues.to_vec(), ..Report::default() }, "");
    outcome.as_object_mut()?.insert("id".to_owned(), json!(FINDINGS));
    Some(json!({ "fullUrl": format!("{address}/OperationOutcome/{FINDINGS}"), "resource": outcome }))
}

/// A plan that has come back, as it is without what the server says of itself: its urls, and what was found.
pub(in crate::server) fn given_back(edited: &mut Tree, address: &str) {
    let entries: Vec<NodeId> = edited.children_named(NodeId::ROOT, Name::ENTRY).collect();
    for entry in entries {
        let resource = edited.child(entry, Name::RESOURCE);
        let is_findings = resource.is_some_and(|resource| {
            edited.resource_type(resource).as_deref() == Some("OperationOutcome")
                && edited.child_text(resource, "id").as_deref() == Some(FINDINGS)
        });
        if is_findings {
            edited.remove(entry);
            continue;
        }
        let Some(url) = edited.child(entry, Name::FULL_URL) else { continue };
        let local = edited
            .text(url)
            .strip_prefix(address)
            .map(|rest| format!("{LOCAL}{}", rest.trim_start_matches('/')));
        if let Some(local) = local {
            edited.set_text(url, &local);
        }
    }
    if edited.resource_type(NodeId::ROOT).as_deref() == Some("Bundle")
        && let Some(identifier) = edited.child_str(NodeId::ROOT, "identifier")
    {
        edited.remove(identifier);
    }
}

/// Lets a view that has come back say of what is withheld what the view says that it is held against: what was withheld
/// may be told otherwise by now, and nobody edits it.
pub(in crate::server) fn with_withheld_of(edited: &mut Tree, base: &Tree) {
    if edited.resource_type(NodeId::ROOT).as_deref() != Some("Bundle") {
        return;
    }
    let entry_of = |tree: &Tree| tree.parent(resource_of(tree, "OperationOutcome", WITHHELD)?);
    if let Some(entry) = entry_of(edited) {
        edited.remove(entry);
    }
    if let Some(entry) = entry_of(base) {
        let copy = edited.copy_from(NodeId::ROOT, base, entry, u16::MAX);
        edited.add_flags(copy, Flags::LIST);
    }
}
