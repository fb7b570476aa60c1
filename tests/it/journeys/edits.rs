//! Edits of the joined plan after the last step of a journey, carried back into the documents they belong to.

use super::manifest::{EditCase, Journey};
use super::{Told, golden, stated};
use sauma::diag::Redacted;
use sauma::exchange::document::{Document, read_resources};
use sauma::exchange::write_back::Original;
use sauma::mapping::units::schema;
use sauma::plan::Sector;
use sauma::plan::split::{Editor, Given, Split, own_unit, split};
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree, fhir};
use serde_json::{Value, json};
use std::fs;

#[test]
fn edits_go_to_the_documents_they_belong_to() {
    super::of_each(|journey| {
        let told = Told::of(journey);
        journey.edits.iter().flat_map(|case| check(journey, &told, case)).collect()
    });
}

fn check(journey: &Journey, told: &Told, case: &EditCase) -> Vec<String> {
    let edited = match edited(&told.joined.bundle, case) {
        Ok(edited) => edited,
        Err(why) => return vec![format!("{}: {why}", case.name)],
    };
    let editor = Editor {
        unit: case.by.unit.clone(),
        sector: case.by.sector.as_deref().and_then(Sector::find),
        custodian: case.by.custodian.clone(),
        name: Redacted::new(case.by.name.clone()),
        role: case.by.role.clone(),
    };
    let given = Given { joined: &told.joined, contributions: &told.contributions };
    let found = split(given, &edited, &editor, &own_unit);
    let mut faults: Vec<String> =
        found.refused.iter().map(|issue| format!("refused: {}", issue.message)).collect();
    let label = |place: usize| told.contributions[place].label.as_str();
    let changes: Vec<&str> = found.edits.iter().map(|edit| label(edit.contribution)).collect();
    if changes != case.changes {
        faults.push(format!("it changes {changes:?}, not {:?}", case.changes));
    }
    let asked: Vec<&str> = found.proposals.iter().map(|proposal| proposal.source.as_str()).collect();
    if asked != case.proposals {
        faults.push(format!("asked are {asked:?}, not {:?}", case.proposals));
    }
    let file = format!("edit.{}.txt", case.name.replace(' ', "-"));
    match outcome(journey, told, &found) {
        Ok(outcome) => faults.extend(golden(&journey.folder.join(file), &outcome)),
        Err(why) => faults.push(why),
    }
    faults.iter().map(|fault| format!("{}: {fault}", case.name)).collect()
}

/// The joined plan with other values, with less and with more.
fn edited(bundle: &Tree, case: &EditCase) -> Result<Tree, String> {
    let text = text_of(bundle);
    let plain = read_resources(&text).map_err(|issue| issue.message)?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let place = |at: &str| {
        let found = stated::find(&plain, at)?;
        let [node] = found.as_slice() else {
            return Err(format!("`{at}` leads to {} elements", found.len()));
        };
        Ok(pointer(&plain, *node))
    };
    for set in &case.set {
        *value.pointer_mut(&place(&set.at)?).ok_or("there is no such place")? = json!(set.to);
    }
    for at in &case.remove {
        let gone = value.pointer(&place(at)?).ok_or("there is no such place")?;
        let gone = name(gone);
        take_out(&mut value, &gone);
    }
    for (number, text) in case.add.iter().enumerate() {
        let resource: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let url = format!("urn:uuid:9d8f0001-0000-4000-8000-00000000000{number}");
        value["entry"].as_array_mut().unwrap().push(json!({ "fullUrl": url, "resource": resource }));
    }
    read_resources(&value.to_string()).map_err(|issue| issue.message)
}

/// What references call a resource.
fn name(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

/// Takes a resource out, and out of what plans list. What the join says of it is the join's own.
fn take_out(bundle: &mut Value, gone: &str) {
    let entries = bundle["entry"].as_array_mut().unwrap();
    entries.retain(|entry| name(&entry["resource"]) != gone);
    let plans = entries.iter_mut().map(|entry| &mut entry["resource"]);
    for plan in plans.filter(|resource| resource["resourceType"] == "CarePlan") {
        for list in plan.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut) {
            list.retain(|item| item["reference"] != gone && item["reference"]["reference"] != gone);
        }
    }
}

/// The JSON Pointer of a node.
fn pointer(tree: &Tree, node: NodeId) -> String {
    let path = tree.path(node);
    let below = path.split_once('.').map_or("", |(_, below)| below);
    format!("/{}", below.replace(['.', '['], "/").replace(']', ""))
}

fn text_of(tree: &Tree) -> String {
    let mut text = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut text);
    text
}

/// The lines that change in each document, and what others are asked to change.
fn outcome(journey: &Journey, told: &Told, found: &Split) -> Result<String, String> {
    let mut text = String::new();
    for edit in &found.edits {
        let contribution = &told.contributions[edit.contribution];
        let bytes = fs::read(journey.folder.join(&contribution.label)).map_err(|error| error.to_string())?;
        let document = Document::read(&bytes, None).map_err(|unread| unread.issue.message)?;
        let program = document.unit.program().map_err(|issues| issues[0].message.clone())?;
        let original = Original::Unit(Box::new(document), program);
        let written = original
            .write(contribution, edit)
            .map_err(|issue| format!("{}: {}", contribution.label, issue.message))?;
        text += &format!("{}\n", contribution.label);
        text += &changed(&String::from_utf8_lossy(&bytes), &String::from_utf8_lossy(&written.bytes));
        text.extend(written.left.iter().map(|issue| format!("! {} {}\n", issue.code.id, issue.message)));
    }
    for proposal in &found.proposals {
        let said = |value: &Redacted<Option<String>>| value.reveal().clone().unwrap_or_default();
        let (before, after) = (said(&proposal.before), said(&proposal.after));
        text += &format!("? {}: {}\n- {before}\n+ {after}\n", proposal.source, proposal.path);
    }
    Ok(text)
}

/// The lines of two texts that differ. Where as many come as go they are told in pairs.
fn changed(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    if old.len() == new.len() {
        let pairs = old.iter().zip(&new).filter(|(old, new)| old != new);
        return pairs.map(|(old, new)| format!("- {}\n+ {}\n", old.trim(), new.trim())).collect();
    }
    let first = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[first..], &new[first..]);
    let last = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let told = |sign: char, lines: &[&str]| -> String {
        lines[..lines.len() - last].iter().map(|line| format!("{sign} {}\n", line.trim())).collect()
    };
    told('-', old) + &told('+', new)
}
