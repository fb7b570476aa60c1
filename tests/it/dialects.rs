//! Every published R4 `CarePlan` goes from inline activities to separate ones and back, and comes back equal.

use crate::ratchet::{self, Failure};
use crate::shared::folder as shared;
use sauma::exchange::document::{Document, read_resources};
use sauma::mapping::units::{Unit, schema};
use sauma::tree::{Name, NodeId, Tree, fhir, json};
use serde_json::Value;
use std::fs;

#[derive(Default, Debug)]
struct Count {
    files: usize,
    plans: usize,
    inline: usize,
}

#[test]
fn published_plans_change_dialect_and_come_back_equal() {
    let Some(shared) = shared() else { return };
    let index: Value =
        serde_json::from_str(&fs::read_to_string(shared.join("corpus/INDEX.json")).unwrap()).unwrap();
    let mut count = Count::default();
    let mut failures = Vec::new();
    for file in index["files"].as_array().unwrap() {
        let plans = file["counts"]["CarePlan"].as_u64().unwrap_or(0);
        if file["fhir_version"] != "R4" || plans == 0 {
            continue;
        }
        let path = shared.join("corpus").join(file["file"].as_str().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        count.files += 1;
        count.plans += usize::try_from(plans).unwrap();
        match there_and_back(&text) {
            Ok(inline) => count.inline += inline,
            Err(why) => failures.push(Failure {
                file: format!("corpus/{}", file["file"].as_str().unwrap()),
                check: "there and back".to_owned(),
                why,
            }),
        }
    }
    println!("inline to separate and back: {count:?}, {} files fail", failures.len());
    ratchet::check("dialects", &failures);
    assert_eq!(count.plans, 267);
}

/// Gives the number of inline activities.
fn there_and_back(text: &str) -> Result<usize, String> {
    let program = |name: &str| Unit::find(name).unwrap().program().unwrap();
    let (detail, reference) = (program("fhir-detail"), program("fhir-reference"));
    let document = match Document::read(text.as_bytes(), Some(Unit::find("fhir-detail").unwrap())) {
        Ok(document) => document.tree,
        // Plans inside other resources than a Bundle are carried in a Bundle of their own.
        Err(unread) => return Err(format!("{} {}", unread.issue.code.id, unread.issue.message)),
    };
    let hub = detail.get(&document).map_err(|issue| issue.message)?;
    let open = detail.ledger(&document, &hub).counts().unexplained;
    if open > 0 {
        return Err(format!("{open} leaves are not accounted for"));
    }
    let separate =
        reference.create(&hub.target).map_err(|issue| format!("create: {} {}", issue.path, issue.message))?;
    let separate = rewritten(&separate)?;
    let inline = inline_activities(&document);
    if inline_activities(&separate) > both_forms(&document) {
        return Err("an activity is still inline".to_owned());
    }
    let hub = reference.get(&separate).map_err(|issue| issue.message)?;
    let back =
        detail.create(&hub.target).map_err(|issue| format!("back: {} {}", issue.path, issue.message))?;
    let back = rewritten(&back)?;
    if !fhir::equal(&document, &back, schema()) {
        return Err("the plan came back changed".to_owned());
    }
    Ok(inline)
}

/// The tree as it is after being written and read.
fn rewritten(tree: &Tree) -> Result<Tree, String> {
    let mut text = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema()), json::Layout::Pretty, &mut text);
    read_resources(&text).map_err(|issue| format!("{} {}", issue.code.id, issue.message))
}

fn inline_activities(tree: &Tree) -> usize {
    activities(tree).filter(|activity| tree.child_str(*activity, "detail").is_some()).count()
}

fn both_forms(tree: &Tree) -> usize {
    let both = |activity: &NodeId| {
        tree.child_str(*activity, "detail").is_some() && tree.child(*activity, Name::REFERENCE).is_some()
    };
    activities(tree).filter(both).count()
}

fn activities(tree: &Tree) -> impl Iterator<Item = NodeId> {
    tree.descend(NodeId::ROOT).filter(|node| {
        tree.name_text(*node) == "activity"
            && tree
                .parent(*node)
                .is_some_and(|plan| tree.resource_type(plan).is_some_and(|kind| kind == "CarePlan"))
    })
}
