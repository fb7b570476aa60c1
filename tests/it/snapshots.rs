//! Snapshots that are made from differentials are those that were published.

use crate::ratchet::Failure;
use crate::{ratchet, shared};
use sauma::schema::{Constraint, ElementDef, Facts, Literal, Schema, Slicing, TypeKind, TypeRef};
use sauma::tree::fhir::TypeId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

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
    let keys = keys(&schema.type_constraints(ty));
    lines.insert(String::new(), format!("{keys:?} {} {}", root.is_modifier(), facts(&root.facts)));
    let mut open = vec![(ty, String::new())];
    while let Some((ty, above)) = open.pop() {
        for element in schema.elements(ty) {
            let choice = if element.is_choice() { "[x]" } else { "" };
            let slice = element.slice().map_or(String::new(), |slice| format!(":{slice}"));
            let id = format!("{above}.{}{choice}{slice}", schema.name_text(element.name));
            lines.insert(id.clone(), line(schema, ty, element));
            let is_own = |body: &TypeId| {
                schema.type_info(*body).name.split_once('.').is_some_and(|(_, rest)| rest == &id[1..])
            };
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
    let keys = keys(&schema.element_constraints(owner, element));
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

/// The keys of invariants; those that are warnings are marked.
fn keys(constraints: &[&Constraint]) -> Vec<String> {
    let key = |it: &&Constraint| format!("{}{}", it.key, if it.is_error { "" } else { "?" });
    let mut keys: Vec<String> = constraints.iter().map(key).collect();
    keys.sort_unstable();
    keys
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
        matches!(&*slicing.discriminators, [only] if (&*only.kind, &*only.path) == ("value", "url"))
            && &*slicing.rules == "open"
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

/// Compares every definition of a folder that has both forms, and the failures with those that are known.
fn score(suite: &str, folder: &Path, schema: &Schema, name: impl Fn(&Path) -> String + Sync) {
    let files = definitions(folder);
    let results = shared::in_parallel(&files, |(path, text)| {
        let fail = |(check, why): (String, String)| Failure { file: name(path), check, why };
        differences(schema, text).into_iter().map(fail).collect::<Vec<_>>()
    });
    let failures: Vec<Failure> = results.into_iter().flatten().collect();
    println!("{}: {} definitions, {} differences", suite, files.len(), failures.len());
    ratchet::check(suite, &failures);
}

fn definitions(folder: &Path) -> Vec<(PathBuf, String)> {
    let is_definition =
        |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with("StructureDefinition");
    let files = shared::files(folder, &["json"]).into_iter().filter(is_definition);
    files.map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_finnish_package_is_as_it_was_published() {
    let Some(folder) = shared::folder() else { return };
    let folder = folder.join("finland/hl7.fhir.fi.base-2.0.0-rc2");
    let mut schema = Schema::r4().clone();
    let texts: Vec<String> = definitions(&folder).into_iter().map(|(_, text)| text).collect();
    schema.add_definitions(texts.iter().map(String::as_str)).unwrap();
    score("snapshots-fi", &folder, &schema, file_name);
}

/// Only where the official package is at hand, unpacked: `SAUMA_R4_FOLDER` names it.
#[test]
fn the_core_package_is_as_it_was_published() {
    let Some(folder) = env::var_os("SAUMA_R4_FOLDER").map(PathBuf::from) else { return };
    score("snapshots-r4", &folder, Schema::r4(), file_name);
}

/// The definitions of HL7's suite for validators, which come without snapshots.
#[test]
fn the_definitions_of_the_suite_are_completed() {
    let Some(folder) = shared::folder() else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    let mut schema = Schema::r4().clone();
    let files = shared::files(&folder.join("suites/validator/files"), &["json", "xml"]);
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| (path.clone(), String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned()))
        .collect();
    let mut open: Vec<&(PathBuf, String)> = texts.iter().filter(|(_, text)| is_definition(text)).collect();
    // One by one, until none can be added that waits for another.
    loop {
        let waiting = open.len();
        open.retain(|(_, text)| schema.add_definition(text).is_err());
        count += waiting - open.len();
        if open.len() == waiting {
            break;
        }
    }
    for (path, text) in open {
        let why = schema.add_definition(text).unwrap_err().to_string();
        failures.push(Failure { file: file_name(path), check: "completed".to_owned(), why });
    }
    println!("{count} definitions of the suite are completed, {} are not", failures.len());
    ratchet::check("snapshots-suite", &failures);
}

fn is_definition(text: &str) -> bool {
    let is_json = text.contains("\"StructureDefinition\"") && text.contains("\"differential\"");
    is_json || text.contains("<StructureDefinition")
}

/// A profile that says nothing is as its base, for every type of R4; and twice the same is the same.
#[test]
fn an_empty_differential_changes_nothing() {
    let schema = Schema::r4();
    let types: Vec<TypeId> =
        schema.all_types().filter(|ty| schema.type_info(*ty).kind != TypeKind::Logical).collect();
    assert!(types.len() > 200);
    let faults = shared::in_parallel(&types, |ty| {
        let info = schema.type_info(*ty);
        let text = profile(info.url, info.name, "[]");
        let made = || {
            let mut with = schema.clone();
            let made = with.add_definition(&text).unwrap();
            lines(&with, made)
        };
        (lines(schema, *ty) != made() || made() != made()).then(|| info.name.to_owned())
    });
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{faults:?}");
}

fn profile(base: &str, ty: &str, elements: &str) -> String {
    format!(
        r#"{{"resourceType":"StructureDefinition","url":"https://example.org/made","name":"Made","kind":"resource",
        "type":"{ty}","derivation":"constraint","baseDefinition":"{base}","differential":{{"element":{elements}}}}}"#
    )
}

/// Every case: a differential in `differential.json`, with other definitions that it needs in files beside it, and the
/// elements that differ from the base in `expected.txt`, or why it is refused. `UPDATE=1` writes it.
#[test]
fn cases() {
    let mut folders: Vec<PathBuf> =
        fs::read_dir("tests/cases/snapshots").unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut faults = Vec::new();
    for folder in folders {
        let made = case(&folder);
        let expected = folder.join("expected.txt");
        if env::var_os("UPDATE").is_some() {
            fs::write(&expected, &made).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != made {
            faults.push(format!("{}:\n{made}", folder.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn case(folder: &Path) -> String {
    let mut schema = Schema::r4().clone();
    let mut texts = Vec::new();
    for path in shared::files(folder, &["json", "xml"]) {
        texts.push((file_name(&path), fs::read_to_string(path).unwrap()));
    }
    schema.add_definitions(texts.iter().map(|(_, text)| text.as_str())).unwrap();
    let refused: Vec<String> = schema.incomplete().map(|(url, reason)| format!("{url} {reason}\n")).collect();
    let text = &texts.iter().find(|(name, _)| name.starts_with("differential.")).unwrap().1;
    let url = text.split("https://example.org/").nth(1).unwrap().split('"').next().unwrap();
    let Some(ty) = schema.type_by_url(&format!("https://example.org/{url}")) else { return refused.concat() };
    let base = schema.type_info(ty).base.map_or_else(BTreeMap::new, |base| lines(&schema, base));
    let differs = lines(&schema, ty).into_iter().filter(|(id, line)| base.get(id) != Some(line));
    differs.map(|(id, line)| format!("{id}  {line}\n")).collect::<String>() + &refused.concat()
}
