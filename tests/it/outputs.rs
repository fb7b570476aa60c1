//! What Sauma makes is FHIR R4 without error, and fits the profiles that it claims: every document of every unit system translated, and what they join into.
//! Where a document itself says what FHIR does not allow, `conformance/outputs` lists it.

use crate::ratchet::{self, Failure};
use sauma::diag::{Issue, Severity};
use sauma::exchange::document::Document;
use sauma::mapping::units::{UNITS, Unit, schema};
use sauma::plan::{Contribution, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use sauma::validate::{Options, Validator};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Documents of one invented client, as `sauma demo` writes them.
const DEMO: &str = "src/cli/demo";

/// A document, by the name that failures have.
struct Case {
    name: String,
    unit: &'static Unit,
    document: Document,
}

fn inputs(unit: &Unit) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(Path::new("mappings").join(unit.name).join("cases"))
        .map_or_else(|_| Vec::new(), |found| found.map(|folder| folder.unwrap().path()).collect());
    folders.sort();
    let is_input = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "input");
    let input = |folder: PathBuf| {
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).find(is_input).unwrap()
    };
    folders.into_iter().map(input).collect()
}

fn cases() -> Vec<Case> {
    let of_unit = |unit: &'static Unit| {
        inputs(unit).into_iter().map(move |input| {
            let folder = input.parent().and_then(Path::file_name).unwrap().to_string_lossy().into_owned();
            let document = Document::read(&fs::read(&input).unwrap(), Some(unit)).unwrap();
            Case { name: format!("{}/{folder}", unit.name), unit, document }
        })
    };
    UNITS.iter().flat_map(of_unit).collect()
}

fn demo() -> Vec<Case> {
    let mut files: Vec<PathBuf> = fs::read_dir(DEMO).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: PathBuf| {
        let document = Document::read(&fs::read(&file).unwrap(), None).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        Case { name: format!("demo/{name}"), unit: document.unit, document }
    };
    files.into_iter().map(read).collect()
}

/// The resources of a document; nothing where the lens refuses it.
fn translated(case: &Case) -> Option<Tree> {
    Some(case.unit.program().unwrap().get(&case.document.tree).ok()?.target)
}

/// What an error is about: an invariant, or an element by its name.
fn about(issue: &Issue) -> String {
    let key = issue.message.split_once(": ").map(|(key, _)| key).filter(|key| !key.contains(' '));
    let last = issue.path.rsplit('.').next().unwrap_or_default();
    let element = last.split('[').next().unwrap_or_default();
    format!("{} {}", issue.code.id, key.unwrap_or(element))
}

/// The errors of resources as they are written and read again, each kind once.
fn errors(validator: &Validator<'_>, name: &str, resources: &Tree) -> Vec<Failure> {
    let text = to_string(resources, Layout::Compact);
    let tree = match fhir::read_json(&text, schema().names()) {
        Ok(tree) => tree,
        Err(issue) => {
            return vec![Failure { file: name.to_owned(), check: about(&issue), why: issue.path }];
        }
    };
    let report = validator.validate(&tree, &Options::default());
    assert_eq!(report.issues_left_out, 0, "{name}");
    let found = report.issues.into_iter().filter(|issue| issue.severity == Severity::Error);
    let kinds: BTreeMap<String, String> =
        found.map(|issue| (about(&issue), format!("{}: {}", issue.path, issue.message))).collect();
    kinds.into_iter().map(|(check, why)| Failure { file: name.to_owned(), check, why }).collect()
}

fn joined(cases: &[&Case]) -> Tree {
    let contribution = |case: &&Case| {
        let resources = translated(case)?;
        let tree = fhir::read_json(&to_string(&resources, Layout::Compact), schema().names()).ok()?;
        Some(Contribution::new(&case.name, case.unit.name, tree))
    };
    let contributions: Vec<Contribution> = cases.iter().filter_map(contribution).collect();
    join(&contributions, &[]).bundle
}

#[test]
fn what_is_translated_and_joined_is_valid() {
    let validator = Validator::new(schema());
    let (cases, demo) = (cases(), demo());
    let mut failures = Vec::new();
    for case in cases.iter().chain(&demo) {
        let Some(resources) = translated(case) else { continue };
        failures.extend(errors(&validator, &case.name, &resources));
        failures.extend(errors(&validator, &format!("joined/{}", case.name), &joined(&[case])));
    }
    let all: Vec<&Case> = demo.iter().collect();
    let plan = joined(&all);
    assert!(plan.children(NodeId::ROOT).count() > 10, "the documents of the demonstration join");
    failures.extend(errors(&validator, "joined/demo", &plan));
    for unit in UNITS {
        let of_unit: Vec<&Case> = cases.iter().filter(|case| std::ptr::eq(case.unit, unit)).collect();
        failures.extend(errors(&validator, &format!("joined/{}", unit.name), &joined(&of_unit)));
    }
    ratchet::check("outputs", &failures);
}
