//! A page for each definition, in Markdown: what it is for, its elements and rules in three languages, its examples.

use super::words::Words;
use super::{Example, Guide, Resource};
use crate::schema::{ElementDef, Schema};
use crate::tree::fhir::TypeId;
use serde_json::Value;
use std::fmt::Write as _;

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its file name.
    pub file: String,
    /// Its text.
    pub text: String,
}

/// Kinds of resources that have pages, in the order of the first page.
const KINDS: &[(&str, &str)] = &[
    ("StructureDefinition", "Profiilit · Profiler · Profiles"),
    ("Extension", "Laajennukset · Tillägg · Extensions"),
    ("LogicalModel", "Yksiköiden asiakirjat · Enheternas dokument · Documents of units"),
    ("CodeSystem", "Koodistot · Kodsystem · Code systems"),
    ("ValueSet", "Arvojoukot · Värdemängder · Value sets"),
    ("ConceptMap", "Koodien vastaavuudet · Kodmappningar · Concept maps"),
];

pub(super) fn pages(guide: &Guide, examples: &[Example]) -> Vec<Page> {
    let mut pages = vec![Page { file: "index.md".to_owned(), text: index(guide) }];
    for resource in guide.resources.values() {
        if KINDS.iter().any(|(name, _)| *name == kind(resource)) {
            pages.push(Page { file: file(resource), text: page(guide, resource, examples) });
        }
    }
    pages
}

fn kind(resource: &Resource) -> &str {
    match resource.text("resourceType") {
        "StructureDefinition" if resource.is_logical() => "LogicalModel",
        "StructureDefinition" if resource.text("type") == "Extension" => "Extension",
        kind => kind,
    }
}

fn file(resource: &Resource) -> String {
    resource.file.replace(".json", ".md")
}

fn index(guide: &Guide) -> String {
    let mut text = format!("# {} {}\n", guide.manifest.name, guide.manifest.version);
    for (name, heading) in KINDS {
        add(
            &mut text,
            format_args!("\n## {heading}\n\n| | suomeksi | på svenska | in English |\n|---|---|---|---|\n"),
        );
        for resource in guide.resources.values().filter(|resource| kind(resource) == *name) {
            let title = Words::of(&resource.value, "title");
            let link = format!("[{}]({})", resource.text("id"), file(resource));
            row(&mut text, &[&link, &title.fi, &title.sv, &title.en]);
        }
    }
    text
}

fn page(guide: &Guide, resource: &Resource, examples: &[Example]) -> String {
    let title = Words::of(&resource.value, "title");
    let said: Vec<&str> = [&title.fi, &title.sv, &title.en]
        .into_iter()
        .map(String::as_str)
        .filter(|it| !it.is_empty())
        .collect();
    let mut text = format!("# {}\n\n`{}`", said.join(" · "), resource.text("url"));
    if !resource.text("version").is_empty() {
        add(&mut text, format_args!(" version {}", resource.text("version")));
    }
    text += "\n\n";
    let purpose = Words::of(&resource.value, "description");
    for (language, words) in
        [("Suomeksi", &purpose.fi), ("På svenska", &purpose.sv), ("In English", &purpose.en)]
    {
        if !words.is_empty() {
            add(&mut text, format_args!("**{language}**: {words}\n\n"));
        }
    }
    match kind(resource) {
        "CodeSystem" => concepts(&mut text, resource),
        "ValueSet" => value_set(&mut text, resource),
        "ConceptMap" => concept_map(&mut text, resource),
        _ => definition(&mut text, guide, resource, examples),
    }
    text
}

fn definition(text: &mut String, guide: &Guide, resource: &Resource, examples: &[Example]) {
    let base = resource.text("baseDefinition");
    add(text, format_args!("Based on {}.\n", link(guide, base)));
    let contexts: Vec<String> =
        list(&resource.value, "context").map(|it| format!("`{}`", said(it, "expression"))).collect();
    if !contexts.is_empty() {
        add(text, format_args!("Stands in {}.\n", contexts.join(", ")));
    }
    text.push_str("\n## Kentät · Element · Elements\n\n");
    text.push_str("`!` is must support: whoever reads the profile must carry the element.\n\n");
    row(text, &["element", "", "number", "type", "codes or value", "suomeksi", "på svenska", "in English"]);
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    let ty = guide.schema.type_by_url(resource.text("url"));
    for element in resource.elements() {
        let words = Words::of(element, "short");
        let id = said(element, "id");
        // The first element and those that only open a slicing say nothing of their own.
        if words == Words::default()
            && element["min"].is_null()
            && element["max"].is_null()
            && value(guide, element).is_empty()
        {
            continue;
        }
        let found = ty.and_then(|ty| resolve(&guide.schema, ty, id));
        let mark = if element["mustSupport"].as_bool() == Some(true) { "!" } else { "" };
        let number = found.map_or_else(String::new, number);
        let types = types(guide, element, found);
        row(
            text,
            &[
                &format!("`{id}`"),
                mark,
                &number,
                &types,
                &value(guide, element),
                &words.fi,
                &words.sv,
                &words.en,
            ],
        );
    }
    rules(text, guide, resource);
    shown(text, resource, examples);
}

/// The element of an id, `Goal.extension:goal-scale`, in the completed definition.
pub(super) fn resolve<'s>(schema: &'s Schema, root: TypeId, id: &str) -> Option<&'s ElementDef> {
    let mut ty = Some(root);
    let mut found = None;
    for step in id.split('.').skip(1) {
        let (name, slice) = step.split_once(':').map_or((step, None), |(name, slice)| (name, Some(slice)));
        let name = name.trim_end_matches("[x]");
        let mut children = schema.elements(ty?).iter();
        let child = children.find(|it| schema.name_text(it.name) == name && it.slice() == slice)?;
        ty = child.body.or_else(|| child.types.first().map(|ty| ty.ty));
        found = Some(child);
    }
    found
}

fn number(element: &ElementDef) -> String {
    match element.max {
        u32::MAX => format!("{}..*", element.min),
        max => format!("{}..{max}", element.min),
    }
}

/// The types that the profile states, otherwise those of the element.
fn types(guide: &Guide, element: &Value, found: Option<&ElementDef>) -> String {
    let name = |ty: &Value| {
        let mut urls =
            list(ty, "profile").chain(list(ty, "targetProfile")).filter_map(Value::as_str).peekable();
        let code = said(ty, "code");
        let code = code.rsplit('/').next().unwrap_or(code).to_owned();
        if urls.peek().is_none() {
            return code;
        }
        let links: Vec<String> = urls.map(|url| link(guide, url)).collect();
        format!("{code}({})", links.join(", "))
    };
    let mut names: Vec<String> = list(element, "type").map(name).collect();
    if names.is_empty() {
        let inherited = found.map_or(&[][..], |found| &found.types);
        names = inherited.iter().map(|ty| guide.schema.type_info(ty.ty).name.to_owned()).collect();
    }
    names.join(", ")
}

fn value(guide: &Guide, element: &Value) -> String {
    let mut found = Vec::new();
    for (name, value) in element.as_object().into_iter().flatten() {
        if let Some(word) = ["fixed", "pattern"].iter().find(|word| name.starts_with(**word)) {
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            found.push(format!("{word} `{shown}`"));
        }
    }
    let binding = &element["binding"];
    if !binding.is_null() {
        found.push(format!("{} ({})", link(guide, said(binding, "valueSet")), said(binding, "strength")));
    }
    found.join("; ")
}

fn rules(text: &mut String, guide: &Guide, resource: &Resource) {
    let mut all = Vec::new();
    for definition in guide.line(resource) {
        for element in definition.elements() {
            all.extend(list(element, "constraint").map(|constraint| (said(element, "id"), constraint)));
        }
    }
    if all.is_empty() {
        return;
    }
    text.push_str("\n## Säännöt · Regler · Rules\n\n");
    row(text, &["rule", "", "element", "suomeksi", "på svenska", "in English", "FHIRPath"]);
    text.push_str("|---|---|---|---|---|---|---|\n");
    for (id, constraint) in all {
        let words = Words::of(constraint, "human");
        let expression = format!("`{}`", said(constraint, "expression"));
        let severity = said(constraint, "severity");
        row(text, &[said(constraint, "key"), severity, id, &words.fi, &words.sv, &words.en, &expression]);
    }
}

fn shown(text: &mut String, resource: &Resource, examples: &[Example]) {
    let own: Vec<&Example> = examples.iter().filter(|it| it.profile == resource.text("id")).collect();
    if own.is_empty() {
        return;
    }
    text.push_str("\n## Esimerkit · Exempel · Examples\n\n");
    for example in own {
        if example.is_good() {
            add(text, format_args!("- `{}`\n", example.file));
        } else {
            let rule = if example.rule.is_empty() { &example.path } else { &example.rule };
            add(text, format_args!("- `{}`: bad, {} {rule}\n", example.file, example.code));
        }
    }
}

fn concepts(text: &mut String, resource: &Resource) {
    text.push_str("| code | suomeksi | på svenska | in English |\n|---|---|---|---|\n");
    for concept in list(&resource.value, "concept") {
        let words = Words::of_concept(concept);
        row(text, &[&format!("`{}`", said(concept, "code")), &words.fi, &words.sv, &words.en]);
    }
}

fn value_set(text: &mut String, resource: &Resource) {
    for include in list(&resource.value["compose"], "include") {
        let codes: Vec<String> =
            list(include, "concept").map(|it| format!("`{}`", said(it, "code"))).collect();
        let which = if codes.is_empty() { "all codes".to_owned() } else { codes.join(", ") };
        add(text, format_args!("- `{}`: {which}\n", said(include, "system")));
    }
}

fn concept_map(text: &mut String, resource: &Resource) {
    for group in list(&resource.value, "group") {
        let target = group["target"].as_str().map_or(String::new(), |target| format!(" to `{target}`"));
        add(text, format_args!("From `{}`{target}\n\n", said(group, "source")));
        text.push_str("| from | to | | |\n|---|---|---|---|\n");
        for element in list(group, "element") {
            for target in list(element, "target") {
                let cells = [
                    said(element, "code"),
                    said(target, "code"),
                    said(target, "equivalence"),
                    said(target, "comment"),
                ];
                row(text, &cells);
            }
        }
    }
}

/// The name of a definition, as a link where it has a page.
fn link(guide: &Guide, url: &str) -> String {
    let name = url.rsplit('/').next().unwrap_or(url);
    match guide.by_url(url) {
        Some(resource) => format!("[{name}]({})", file(resource)),
        None => name.to_owned(),
    }
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> + use<'v> {
    value[name].as_array().into_iter().flatten()
}

pub(super) fn said<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// One row of a table.
fn row(text: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    add(text, format_args!("| {} |\n", cells.join(" | ")));
}

fn add(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    text.write_fmt(words).unwrap_or_default();
}
