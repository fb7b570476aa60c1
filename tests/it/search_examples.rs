//! Searches of HL7's published examples: every search parameter of R4 finds what stands in them, and keys never exclude
//! what values let pass.

use crate::search::{Stored, parameters, request};
use crate::shared;
use sauma::schema::Schema;
use sauma::search::{Handling, Key, Slot, matches};
use sauma::tree::fhir;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn examples() -> Option<Vec<(Stored, Value)>> {
    let folder = shared::folder()?.join("suites/r4-examples");
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let tree = fhir::read_json(text.trim_start_matches('\u{feff}'), Schema::r4().names()).ok()?;
        let json = serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
        let kind = tree.resource_type(sauma::tree::NodeId::ROOT)?.into_owned();
        parameters().has_type(&kind).then(|| (Stored::new(tree), json))
    };
    let read: Vec<_> = shared::in_parallel(&shared::files(&folder, &["json"]), read);
    Some(read.into_iter().flatten().collect())
}

#[test]
fn every_parameter_gives_keys() {
    let Some(examples) = examples() else { return };
    let mut counts: BTreeMap<(String, Slot), usize> = BTreeMap::new();
    for (stored, _) in &examples {
        assert!(stored.keys.is_sorted_by(|a, b| a < b));
        for key in &stored.keys {
            *counts.entry((stored.kind.clone(), key.slot())).or_default() += 1;
        }
    }
    for (stored, json) in &examples {
        for parameter in parameters().of_type(&stored.kind) {
            // A path of names alone, which JSON has as well, that ends at a plain value.
            let path = parameter.expression.strip_prefix(&format!("{}.", stored.kind));
            let Some(path) = path.filter(|path| !path.contains([' ', '(', '['])) else { continue };
            let is_plain = |value: &&Value| value.is_string() || value.is_boolean() || value.is_number();
            if !parameter.code.starts_with('_') && at(json, path).iter().any(is_plain) {
                let has = stored.keys.iter().any(|key| key.slot() == parameter.slot);
                assert!(has, "{}.{} of {}", stored.kind, parameter.code, stored.id);
            }
        }
    }
    let mut silent = Vec::new();
    let kinds: BTreeSet<&str> = examples.iter().map(|(stored, _)| stored.kind.as_str()).collect();
    for kind in &kinds {
        for parameter in parameters().of_type(kind) {
            if !counts.contains_key(&((*kind).to_owned(), parameter.slot)) {
                silent.push(format!("{kind}.{}", parameter.code));
            }
        }
    }
    let keys: usize = counts.values().sum();
    println!(
        "search: {} examples of {} types, {keys} keys of {} parameters; none of {}",
        examples.len(),
        kinds.len(),
        counts.len(),
        silent.len()
    );
    assert!(examples.len() > 350 && kinds.len() > 100 && counts.len() > 1_000, "{silent:?}");
}

/// What stands at a path of JSON, lists taken apart.
fn at<'j>(json: &'j Value, path: &str) -> Vec<&'j Value> {
    path.split('.').fold(vec![json], |found, name| {
        let below = found.into_iter().flat_map(|value| match value.get(name) {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        });
        below.collect()
    })
}

fn text<'j>(json: &'j Value, name: &str) -> &'j str {
    json.get(name).and_then(Value::as_str).unwrap_or("")
}

/// Tokens and references by their paths, read by another reader than ours.
#[test]
fn keys_are_those_that_json_tells() {
    let Some(examples) = examples() else { return };
    let check_tokens = |kind: &str, code: &str, paths: &[&str], value: &str| {
        let slot = parameters().find(kind, code).unwrap().slot;
        let mut count = 0;
        for (stored, json) in examples.iter().filter(|(stored, _)| stored.kind == kind) {
            let mut forms = BTreeSet::new();
            for token in paths.iter().flat_map(|path| at(json, path)) {
                let (system, code) = (text(token, "system"), text(token, value).to_lowercase());
                if system.is_empty() && code.is_empty() {
                    continue;
                }
                forms.insert(format!("c {code}"));
                if system.is_empty() {
                    forms.insert(format!("| {code}"));
                } else {
                    forms.insert(format!("s {system}"));
                    forms.insert(format!("f {system}|{code}"));
                    let query =
                        format!("{kind}?{code_name}={system}|{code}", code_name = code_of(slot, kind));
                    if !code.is_empty()
                        && !system.contains(['&', ',', '$'])
                        && !code.contains(['&', ',', '$', '|', '\\'])
                    {
                        let search = request(&query, Handling::Strict).unwrap().search;
                        assert_eq!(stored.by_keys(&search.selection.clause), Some(true), "{query}");
                    }
                }
            }
            let keys = stored.keys.iter().filter(|key| key.slot() == slot);
            let hashes = keys.filter(|key| matches!(key, Key::Hash { .. })).count();
            assert_eq!(hashes, forms.len(), "{kind}.{code} of {}: {forms:?}", stored.id);
            count += forms.len();
        }
        assert!(count > 0, "{kind}.{code}");
    };
    check_tokens("Observation", "code", &["code.coding"], "code");
    check_tokens("Observation", "category", &["category.coding"], "code");
    check_tokens("Condition", "code", &["code.coding"], "code");
    check_tokens("Procedure", "code", &["code.coding"], "code");
    check_tokens("CarePlan", "activity-code", &["activity.detail.code.coding"], "code");
    check_tokens("Encounter", "class", &["class"], "code");

    let check_references = |kind: &str, code: &str, path: &str, of: &str| {
        let slot = parameters().find(kind, code).unwrap().slot;
        let mut count = 0;
        for (stored, json) in examples.iter().filter(|(stored, _)| stored.kind == kind) {
            let references = at(json, path).into_iter().map(|reference| text(reference, "reference"));
            let references: BTreeSet<&str> = references
                .filter(|to| to.starts_with(of) && !to.is_empty() && !to.starts_with('#'))
                .collect();
            let keys = stored.keys.iter().filter(|key| key.slot() == slot);
            assert_eq!(keys.count(), references.len(), "{kind}.{code} of {}", stored.id);
            count += references.len();
        }
        assert!(count > 0, "{kind}.{code}");
    };
    check_references("CarePlan", "subject", "subject", "");
    check_references("CarePlan", "goal", "goal", "");
    check_references("CarePlan", "patient", "subject", "Patient/");
    check_references("Goal", "subject", "subject", "");
    check_references("Encounter", "patient", "subject", "Patient/");
    check_references("Condition", "subject", "subject", "");
}

fn code_of(slot: Slot, kind: &str) -> &'static str {
    let parameter = parameters().of_type(kind).iter().find(|parameter| parameter.slot == slot);
    parameter.map_or("", |parameter| parameter.code.as_str())
}

/// Texts of a document, and what a search would put together of them.
fn words(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(members) => {
            let get = |name: &str| {
                members.get(name).map(|value| value.as_str().map_or(value.to_string(), str::to_owned))
            };
            for (one, other) in [("system", "code"), ("system", "value")] {
                if let (Some(one), Some(other)) = (get(one), get(other)) {
                    found.insert(format!("{one}|{other}"));
                }
            }
            if let (Some(value), Some(system), Some(code)) = (get("value"), get("system"), get("code")) {
                found.insert(format!("{value}|{system}|{code}"));
            }
            members.values().for_each(|value| words(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| words(item, found)),
        Value::String(text) if text.len() < 300 && !text.contains('&') => {
            found.insert(text.clone());
            found.insert(text.chars().take(7).collect());
        }
        Value::Number(_) | Value::Bool(_) => {
            found.insert(json.to_string());
        }
        Value::String(_) | Value::Null => {}
    }
}

/// Whatever is asked: what passes by its values passes by its keys, and where keys decide, nothing else does.
#[test]
fn keys_never_exclude_what_values_let_pass() {
    const FORMS: [&str; 22] = [
        "{c}={v}",
        "{c}:not={v}",
        "{c}:exact={v}",
        "{c}:contains={v}",
        "{c}:text={v}",
        "{c}:missing=true",
        "{c}:above={v}",
        "{c}:below={v}",
        "{c}:identifier={v}",
        "{c}=gt{v}",
        "{c}=ne{v}",
        "{c}=le{v}",
        "{c}=ap{v}",
        "{c}=sa{v}",
        "_filter={c} co \"{v}\"",
        "_filter=not ({c} ew \"{v}\")",
        "_filter={c} ne \"{v}\"",
        "_filter={c} eq \"{v}\"",
        "{c}:not-in={v}",
        "{c}={v},x",
        "{c}={v}&{c}:not=x",
        "{c}={v}$x",
    ];
    let Some(examples) = examples() else { return };
    let numbered: Vec<(usize, &(Stored, Value))> = examples.iter().enumerate().collect();
    let counts = shared::in_parallel(&numbered, |(number, (stored, json))| {
        let mut all = BTreeSet::new();
        words(json, &mut all);
        let all: Vec<&String> = all.iter().collect();
        let mut random = *number as u64;
        let mut next = |limit: usize| {
            // SplitMix64.
            random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            usize::try_from((mixed ^ (mixed >> 31)) % (limit as u64)).unwrap()
        };
        let (mut asked, mut passed) = (0, 0);
        // The examples do not say when they were updated.
        let all_but_time = parameters().of_type(&stored.kind).iter().filter(|it| it.code != "_lastUpdated");
        for parameter in all_but_time {
            for _ in 0..24 {
                let value = all[next(all.len())].replace(['&', '"'], "");
                let form = FORMS[next(FORMS.len())];
                let query = form.replace("{c}", &parameter.code).replace("{v}", &value);
                let query = format!("{}?{query}", stored.kind);
                let Ok(parsed) = request(&query, Handling::Strict) else { continue };
                let search = parsed.search;
                let by_values = matches(&search, parameters(), &stored.tree);
                let by_keys = stored.by_keys(&search.selection.clause).unwrap();
                assert!(by_keys || !by_values, "{query} of {} {}", stored.kind, stored.id);
                if search.selection.exact.is_none() {
                    assert_eq!(by_keys, by_values, "{query} of {} {}", stored.kind, stored.id);
                }
                asked += 1;
                passed += usize::from(by_values);
            }
        }
        (asked, passed)
    });
    let (asked, passed) = counts.into_iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("search: {asked} requests, {passed} of them passed");
    assert!(asked > 50_000 && passed > 5_000 && passed < asked, "{asked} {passed}");
}
