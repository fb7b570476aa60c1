//! Every published R4 `CarePlan` goes from inline activities to separate ones and back, or from separate ones to
//! inline ones and back, and comes back equal. What other unit systems plan is seen inline.

use crate::ratchet::{self, Failure};
use crate::shared::folder as shared;
use sauma::exchange::document::{Document, read_resources};
use sauma::mapping::Program;
use sauma::mapping::units::{Unit, schema};
use sauma::tree::{Name, NodeId, Tree, fhir, json};
use serde_json::Value;
use std::fs;

#[derive(Default, Debug)]
struct Count {
    files: usize,
    plans: usize,
    /// Activities that were inline, or requests that are shown so.
    inline: usize,
}

/// Runs one way over every published file that has an R4 plan.
fn over_the_corpus(
    check: &str,
    way: &dyn Fn(&str) -> Result<Option<usize>, String>,
) -> (Count, Vec<Failure>) {
    let (mut count, mut failures) = (Count::default(), Vec::new());
    let Some(shared) = shared() else { return (count, failures) };
    let index: Value =
        serde_json::from_str(&fs::read_to_string(shared.join("corpus/INDEX.json")).unwrap()).unwrap();
    for file in index["files"].as_array().unwrap() {
        let plans = file["counts"]["CarePlan"].as_u64().unwrap_or(0);
        if file["fhir_version"] != "R4" || plans == 0 {
            continue;
        }
        let name = file["file"].as_str().unwrap();
        let text = fs::read_to_string(shared.join("corpus").join(name)).unwrap();
        let outcome = way(&text);
        if outcome != Ok(None) {
            count.files += 1;
            count.plans += usize::try_from(plans).unwrap();
        }
        match outcome {
            Ok(inline) => count.inline += inline.unwrap_or(0),
            Err(why) => {
                failures.push(Failure { file: format!("corpus/{name}"), check: check.to_owned(), why })
            }
        }
    }
    (count, failures)
}

#[test]
fn published_plans_change_dialect_and_come_back_equal() {
    if shared().is_none() {
        return;
    }
    let (count, mut failures) = over_the_corpus("there and back", &inline_separate_inline);
    println!("inline to separate and back: {count:?}, {} files fail", failures.len());
    let (shown, others) = over_the_corpus("back and there", &separate_inline_separate);
    println!("separate to inline and back: {shown:?}");
    failures.extend(others);
    let (foreign, others) = over_the_corpus("as requests of others", &requests_of_others);
    println!("inline as requests of others, to inline and back: {foreign:?}");
    failures.extend(others);
    ratchet::check("dialects", &failures);
    assert_eq!(count.plans, 267);
    assert_eq!((shown.inline, foreign.inline), (8, 8 + count.inline));
}

fn program(name: &str) -> &'static Program {
    Unit::find(name).unwrap().program().unwrap()
}

fn read(text: &str, unit: &str) -> Result<Tree, String> {
    let read = Document::read(text.as_bytes(), Some(Unit::find(unit).unwrap()));
    read.map(|document| document.tree)
        .map_err(|unread| format!("{} {}", unread.issue.code.id, unread.issue.message))
}

fn created(unit: &str, resources: &Tree, step: &str) -> Result<Tree, String> {
    let made = program(unit).create(resources);
    rewritten(&made.map_err(|issue| format!("{step}: {} {}", issue.path, issue.message))?)
}

/// Gives the number of inline activities that become requests: those with both forms stay as they are.
fn inline_separate_inline(text: &str) -> Result<Option<usize>, String> {
    let (detail, reference) = (program("fhir-detail"), program("fhir-reference"));
    let document = read(text, "fhir-detail")?;
    let hub = detail.get(&document).map_err(|issue| issue.message)?;
    let open = detail.ledger(&document, &hub).counts().unexplained;
    if open > 0 {
        return Err(format!("{open} leaves are not accounted for"));
    }
    let separate = created("fhir-reference", &hub.target, "create")?;
    if inline_activities(&separate) > both_forms(&document) {
        return Err("an activity is still inline".to_owned());
    }
    let again = reference.get(&separate).map_err(|issue| issue.message)?;
    let back = created("fhir-detail", &again.target, "back")?;
    let inline = inline_activities(&document);
    if inline_activities(&back) == inline {
        return if fhir::equal(&document, &back, schema()) {
            Ok(Some(inline - both_forms(&document)))
        } else {
            Err("the plan came back changed".to_owned())
        };
    }
    // A new document shows the requests too that this one has apart; it says the same, and this one stays as it is.
    let shown = detail.get(&back).map_err(|issue| issue.message)?;
    let put = detail.put(&document, &again.target).map_err(|issue| issue.message)?;
    if !fhir::equal(&hub.target, &shown.target, schema()) || put.is_edited() {
        return Err("the plan came back changed".to_owned());
    }
    Ok(Some(inline - both_forms(&document)))
}

/// Gives the number of requests that are shown inline; nothing for a plan that holds activities itself.
fn separate_inline_separate(text: &str) -> Result<Option<usize>, String> {
    let (detail, reference) = (program("fhir-detail"), program("fhir-reference"));
    // What is not R4 is reported by the other way.
    let Ok(document) = read(text, "fhir-reference") else { return Ok(None) };
    if inline_activities(&document) > both_forms(&document) {
        return Ok(None);
    }
    let hub = reference.get(&document).map_err(|issue| issue.message)?;
    let inline = created("fhir-detail", &hub.target, "create")?;
    let again = detail.get(&inline).map_err(|issue| issue.message)?;
    let open = detail.ledger(&inline, &again).counts().unexplained;
    if open > 0 {
        return Err(format!("{open} leaves are not accounted for"));
    }
    let back = created("fhir-reference", &again.target, "back")?;
    if !fhir::equal(&document, &back, schema()) {
        return Err("the plan came back changed".to_owned());
    }
    Ok(Some(inline_activities(&inline) - inline_activities(&document)))
}

/// As [`separate_inline_separate`], with the requests that inline activities become, as if they had never been inline.
fn requests_of_others(text: &str) -> Result<Option<usize>, String> {
    let Ok(document) = read(text, "fhir-detail") else { return Ok(None) };
    let hub = program("fhir-detail").get(&document).map_err(|issue| issue.message)?;
    let mut resources: Value = serde_json::from_str(&json::to_string(&hub.target, json::Layout::Compact))
        .map_err(|e| e.to_string())?;
    unmark(&mut resources);
    separate_inline_separate(&resources.to_string())
}

/// Takes away what says that an activity was inline, or that a plan came alone.
fn unmark(value: &mut Value) {
    let marks =
        ["StructureDefinition/inline-activity", "CodeSystem/activity-form", "CodeSystem/document-form"];
    let is_mark = |item: &Value| {
        let url = item.get("url").or_else(|| item.get("system")).and_then(Value::as_str);
        url.is_some_and(|url| marks.iter().any(|mark| url.ends_with(mark)))
    };
    match value {
        Value::Array(items) => {
            items.retain(|item| !is_mark(item));
            items.iter_mut().for_each(unmark);
        }
        Value::Object(members) => {
            members.values_mut().for_each(unmark);
            members.retain(|_, member| {
                !member.as_array().is_some_and(Vec::is_empty)
                    && !member.as_object().is_some_and(serde_json::Map::is_empty)
            });
        }
        _ => {}
    }
}

/// Every case of the unit systems whose activities are requests of their own, as a reader of `detail` sees it.
#[test]
fn requests_of_other_unit_systems_are_seen_inline() {
    let mut shown = Vec::new();
    for unit in ["social-client-plan", "employment-plan", "ccda-care-plan"] {
        let mut requests = 0;
        for case in fs::read_dir(format!("mappings/{unit}/cases")).unwrap() {
            for file in fs::read_dir(case.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                if path.file_stem().is_none_or(|stem| stem != "input") {
                    continue;
                }
                let document =
                    Document::read(&fs::read(&path).unwrap(), Some(Unit::find(unit).unwrap())).unwrap();
                let hub = program(unit).get(&document.tree).unwrap();
                let inline = created("fhir-detail", &hub.target, "create").unwrap();
                assert_eq!(inline_activities(&inline), to_requests(&hub.target), "{}", path.display());
                let again = program("fhir-detail").get(&inline).unwrap();
                assert!(fhir::equal(&hub.target, &again.target, schema()), "{}", path.display());
                requests += inline_activities(&inline);
            }
        }
        shown.push((unit, requests));
    }
    println!("requests seen inline: {shown:?}");
    assert!(shown.iter().all(|(_, requests)| *requests > 0), "{shown:?}");
}

/// Activities whose reference leads to a request.
fn to_requests(tree: &Tree) -> usize {
    let leads = |activity: &NodeId| {
        let reference = tree.child(*activity, Name::REFERENCE);
        let text = reference.and_then(|reference| tree.child(reference, Name::REFERENCE));
        text.is_some_and(|text| tree.text(text).starts_with("ServiceRequest/"))
    };
    activities(tree).filter(leads).count()
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
