//! Snapshots that are made from differentials are those that were published.

use crate::shared;
use sauma::schema::{ElementDef, Facts, Literal, Schema, Slicing, TypeRef};
use sauma::tree::fhir::TypeId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::fs;

/// A definition in JSON without its snapshot.
fn without_snapshot(text: &str) -> String {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    value.as_object_mut().unwrap().remove("snapshot");
    value.to_string()
}

/// Every element of a definition, as one line each, by its id.
fn lines(schema: &Schema, ty: TypeId) -> BTreeMap<String, String> {
    let mut lines = BTreeMap::new();
    let root = schema.root(ty).unwrap();
    let mut keys: Vec<&str> = schema.type_constraints(ty).iter().map(|it| &*it.key).collect();
    keys.sort_unstable();
    lines.insert(String::new(), format!("{keys:?} {} {}", root.is_modifier(), facts(&root.facts)));
    let mut open = vec![(ty, String::new())];
    while let Some((ty, above)) = open.pop() {
        for element in schema.elements(ty) {
            let choice = if element.is_choice() { "[x]" } else { "" };
            let slice = element.slice().map_or(String::new(), |slice| format!(":{slice}"));
            let id = format!("{above}.{}{choice}{slice}", schema.name_text(element.name));
            lines.insert(id.clone(), line(schema, ty, element));
            let is_own = |body: &TypeId| schema.type_info(*body).name.split_once('.').is_some_and(|(_, rest)| rest == &id[1..]);
            if let Some(body) = element.body.filter(is_own) {
                open.push((body, id));
            }
        }
    }
    lines
}

fn line(schema: &Schema, owner: TypeId, element: &ElementDef) -> String {
    let max = if element.max == u32::MAX { "*".to_owned() } else { element.max.to_string() };
    let types: Vec<String> = element.types.iter().map(|ty| type_ref(schema, ty)).collect();
    let mut keys: Vec<&str> =
        schema.element_constraints(owner, element).iter().map(|constraint| &*constraint.key).collect();
    keys.sort_unstable();
    let marks: String = [
        (element.is_list(), " list"),
        (element.is_modifier(), " modifier"),
        (element.is_must_support(), " must"),
    ]
    .iter()
    .filter_map(|(holds, mark)| holds.then_some(*mark))
    .collect();
    format!("{}..{max} {types:?} {keys:?}{marks}{}", element.min, facts(element.facts()))
}

fn type_ref(schema: &Schema, ty: &TypeRef) -> String {
    // Later publishers give the id of a resource the type `id`; in R4 itself it has `string`.
    let mut text = schema.type_info(ty.ty).name.replace("id", "string");
    for profile in &ty.profiles {
        text += &format!(" as {profile}");
    }
    for target in &ty.targets {
        text += &format!(" to {target}");
    }
    text
}

fn facts(facts: &Facts) -> String {
    let mut text = String::new();
    if let Some(binding) = &facts.binding {
        text += &format!(" {:?} {}", binding.strength, binding.value_set);
    }
    let literals = [
        ("fixed", &facts.fixed),
        ("pattern", &facts.pattern),
        ("least", &facts.min_value),
        ("most", &facts.max_value),
    ];
    for (what, literal) in literals {
        if let Some(Literal { code, json }) = literal {
            // Objects with their keys in order.
            let value: serde_json::Value = serde_json::from_str(json).unwrap();
            text += &format!(" {what} {code} {value}");
        }
    }
    if let Some(max) = facts.max_length {
        text += &format!(" length {max}");
    }
    // Every extension is sliced by its url, whether a snapshot says so or not.
    let by_url = |slicing: &&Slicing| {
        matches!(&*slicing.discriminators, [only] if (&*only.kind, &*only.path) == ("value", "url")) && &*slicing.rules == "open"
    };
    if let Some(slicing) = facts.slicing.as_ref().filter(|slicing| !by_url(slicing)) {
        let by: Vec<String> =
            slicing.discriminators.iter().map(|it| format!("{} {}", it.kind, it.path)).collect();
        let ordered = if slicing.ordered { " ordered" } else { "" };
        text += &format!(" sliced by {by:?} {}{ordered}", slicing.rules);
    }
    text
}

/// The differences between what is published and what is made of its differential.
fn differences(schema: &Schema, text: &str) -> Vec<(String, String)> {
    let definition: serde_json::Value = serde_json::from_str(text).unwrap();
    let Some(url) = definition["url"].as_str() else { return Vec::new() };
    if definition["differential"].is_null() || definition["baseDefinition"].is_null() {
        return Vec::new();
    }
    let mut with = schema.clone();
    let made = match with.add_definition(&without_snapshot(text)) {
        Ok(made) => lines(&with, made),
        Err(error) => return vec![("all".to_owned(), error.to_string())],
    };
    let published = lines(schema, schema.type_by_url(url).unwrap());
    let mut found = Vec::new();
    for (id, line) in &published {
        match made.get(id) {
            Some(other) if other == line => {}
            Some(other) => found.push((id.clone(), format!("published {line}, made {other}"))),
            None => found.push((id.clone(), format!("published {line}, not made"))),
        }
    }
    for (id, line) in made.iter().filter(|(id, _)| !published.contains_key(*id)) {
        found.push((id.clone(), format!("made {line}, not published")));
    }
    found
}

pub(crate) fn scratch(folder: &str) {
    let mut files = shared::files(Path::new(folder), &["json"]);
    files.retain(|file| file.file_name().unwrap().to_string_lossy().starts_with("StructureDefinition"));
    let texts: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let mut schema = Schema::r4().clone();
    if !folder.contains("/r4/") {
        schema.add_definitions(texts.iter().map(String::as_str)).unwrap();
    }
    let mut bad = 0;
    let mut all = 0;
    let both: Vec<(&PathBuf, &String)> = files.iter().zip(&texts).collect();
    let results = shared::in_parallel(&both, |(_, text)| differences(&schema, text));
    for ((file, _), found) in both.iter().zip(results) {
        all += 1;
        bad += usize::from(!found.is_empty());
        for (id, why) in found {
            println!("DIFF {} {id} {why}", file.file_name().unwrap().to_string_lossy());
        }
    }
    println!("TOTAL {all} {bad}");
}
