//! Rows of FHIRPath: the invariants of `CarePlan` on its published examples, and dom-3 on documents that grow.

use super::{Row, Table, row};
use sauma::fhirpath::{Compiled, Context, Item, Options, parse};
use sauma::schema::Schema;
use sauma::tree::fhir::TypeId;
use sauma::tree::{NodeId, Tree, fhir};
use std::fs;
use std::hint::black_box;
use std::path::Path;

/// Contained resources of the documents that dom-3 works through.
const SIZES: [usize; 3] = [10, 100, 1_000];

fn plan_type() -> TypeId {
    Schema::r4().type_named("CarePlan").unwrap()
}

fn invariants(shared: &Path) -> Vec<(String, &'static Compiled)> {
    let text = fs::read_to_string(shared.join("bench/careplan-invariants.json")).unwrap();
    let texts: Vec<String> = serde_json::from_str(&text).unwrap();
    let options = Options::new().on(plan_type()).invariant();
    let compile = |text: String| {
        let compiled = parse(&text).unwrap().compile(Schema::r4(), &options).unwrap();
        (text, &*Box::leak(Box::new(compiled)))
    };
    texts.into_iter().map(compile).collect()
}

fn read(text: &str) -> &'static Tree {
    Box::leak(Box::new(fhir::read_json(text, Schema::r4().names()).unwrap()))
}

fn examples(shared: &Path) -> Vec<&'static Tree> {
    let files = fs::read_dir(shared.join("suites/r4-examples")).unwrap().map(|entry| entry.unwrap().path());
    let plan = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("careplan") && path.extension().is_some_and(|end| end == "json")
    };
    let mut files: Vec<_> = files.filter(|path| plan(path)).collect();
    files.sort();
    files.iter().map(|path| read(&fs::read_to_string(path).unwrap())).collect()
}

fn evaluate(rule: &'static Compiled, tree: &'static Tree) {
    let focus = Item::node(tree, NodeId::ROOT, plan_type());
    let context = Context::new(Schema::r4()).with_resource(focus.clone(), focus.clone());
    black_box(rule.evaluate_boolean(&context, &focus).unwrap());
}

/// Every invariant on every example, one evaluation at a time.
fn all_rules(shared: &Path) -> Vec<Row> {
    let (rules, trees) = (invariants(shared), examples(shared));
    let pairs: Vec<_> = rules.iter().flat_map(|rule| trees.iter().map(|tree| (rule.1, *tree))).collect();
    let each = move |pairs: Vec<(&'static Compiled, &'static Tree)>| {
        let at = std::cell::Cell::new(0);
        move || {
            at.set((at.get() + 1) % pairs.len());
            let (rule, tree) = pairs[at.get()];
            evaluate(rule, tree);
        }
    };
    let mut rows = vec![row("Sauma: ten invariants on the examples, each", 0, each(pairs))];
    for (text, rule) in rules {
        let pairs = trees.iter().map(|tree| (rule, *tree)).collect();
        let name: String = text.chars().take(50).collect();
        rows.push(row(&format!("  {name}"), 0, each(pairs)));
    }
    rows
}

/// dom-3 where every contained resource is referred to.
fn growing(shared: &Path) -> Vec<Row> {
    let rules = invariants(shared);
    let (_, rule) = *rules.iter().find(|(text, _)| text.contains("as(canonical)")).unwrap();
    let grown = |size: usize| {
        let contained: Vec<String> = (0..size)
            .map(|n| format!(r#"{{"resourceType":"Goal","id":"g{n}","note":[{{"text":"x"}}]}}"#))
            .collect();
        let goals: Vec<String> = (0..size).map(|n| format!("{{\"reference\":\"#g{n}\"}}")).collect();
        let (contained, goals) = (contained.join(","), goals.join(","));
        let tree =
            read(&format!(r#"{{"resourceType":"CarePlan","contained":[{contained}],"goal":[{goals}]}}"#));
        row(&format!("Sauma: dom-3, {size} contained resources"), 0, move || evaluate(rule, tree))
    };
    SIZES.into_iter().map(grown).collect()
}

/// Both groups.
pub(crate) fn table(shared: &Path) -> Table {
    let mut rows = all_rules(shared);
    rows.extend(growing(shared));
    Table { title: "FHIRPath invariants of CarePlan", unit: "evaluations", rows }
}
