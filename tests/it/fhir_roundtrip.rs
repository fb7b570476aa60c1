//! Every published FHIR R4 document is read and written back, from JSON to XML and round again, and nothing of
//! it is lost. What documents say is judged by parsers that are not ours.

use crate::oracle::{self, difference};
use crate::ratchet::{self, Failure};
use crate::shared;
use sauma::diag::Issue;
use sauma::format::decode;
use sauma::mapping::units::schema;
use sauma::tree::fhir::{equal, read_json, read_xml, write_json, write_xml};
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// One file of the published documents.
struct Sample {
    path: PathBuf,
    /// Its path inside the folder of published documents.
    name: String,
    /// The FHIR version, where the index of the corpus gives it.
    version: Option<String>,
}

/// What became of one file.
enum Outcome {
    /// Not a document of this test, and why.
    PassedOver(String),
    /// Read and written; the checks that failed.
    Done(Vec<(&'static str, String)>),
}

#[derive(Deserialize)]
struct Index {
    files: Vec<IndexEntry>,
}

#[derive(Deserialize)]
struct IndexEntry {
    file: String,
    fhir_version: Option<String>,
}

#[test]
fn published_resources_come_back() {
    let Some(folder) = shared::folder() else { return };
    let samples = samples(&folder);
    let outcomes = shared::in_parallel(&samples, check);
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut passed_over: BTreeMap<String, usize> = BTreeMap::new();
    let mut failures = Vec::new();
    for (sample, outcome) in samples.iter().zip(outcomes) {
        let place = sample.name.split('/').take(2).collect::<Vec<_>>().join("/");
        let count = counts.entry(place).or_default();
        match outcome {
            Outcome::PassedOver(why) => {
                println!("passed over: {}: {why}", sample.name);
                *passed_over.entry(why).or_default() += 1;
            }
            Outcome::Done(failed) => {
                count.0 += 1;
                count.1 += usize::from(failed.is_empty());
                failures.extend(failed.into_iter().map(|(check, why)| failure(&sample.name, check, why)));
            }
        }
    }
    let twins = twins(&samples, &mut failures);
    for (place, (all, good)) in &counts {
        println!("{place}: {good} of {all} come back");
    }
    let sum = counts.values().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    println!("all: {} of {} come back; {twins} pairs of JSON and XML compared", sum.1, sum.0);
    println!("passed over: {passed_over:?}");
    ratchet::check("fhir-roundtrip", &failures);
}

fn failure(file: &str, check: &str, why: String) -> Failure {
    Failure { file: file.to_owned(), check: check.to_owned(), why }
}

fn samples(folder: &Path) -> Vec<Sample> {
    let index: Index =
        serde_json::from_str(&fs::read_to_string(folder.join("corpus/INDEX.json")).unwrap()).unwrap();
    let versions: HashMap<String, Option<String>> =
        index.files.into_iter().map(|entry| (format!("corpus/{}", entry.file), entry.fhir_version)).collect();
    let mut samples = Vec::new();
    for part in ["corpus", "suites/hl7/r4", "suites/r4-examples", "finland"] {
        for path in shared::files(&folder.join(part), &["json", "xml"]) {
            let name = path.strip_prefix(folder).unwrap().to_string_lossy().replace('\\', "/");
            if name == "corpus/INDEX.json" || name.starts_with("corpus/ccda") {
                continue;
            }
            let version = versions.get(&name).cloned().flatten();
            samples.push(Sample { path, name, version });
        }
    }
    samples
}

fn check(sample: &Sample) -> Outcome {
    if let Some(version) = sample.version.as_deref().filter(|version| *version != "R4") {
        return Outcome::PassedOver(format!("FHIR {version}"));
    }
    let bytes = fs::read(&sample.path).unwrap();
    let Ok((text, _)) = decode(&bytes, None) else { return Outcome::PassedOver("not UTF-8".to_owned()) };
    if text.trim_start().starts_with('<') { check_xml(&text) } else { check_json(&text) }
}

fn shown(issue: &Issue) -> String {
    format!("{} {} at {} {}", issue.code.id, issue.message, issue.path, issue.help).trim_end().to_owned()
}

fn from_json(text: &str) -> Result<Tree, String> {
    read_json(text, schema().names()).map_err(|issue| shown(&issue))
}

fn from_xml(text: &str) -> Result<Tree, String> {
    read_xml(text, schema().names(), schema()).map_err(|issue| shown(&issue))
}

fn to_json(tree: &Tree) -> String {
    let mut out = String::new();
    write_json(tree, NodeId::ROOT, Some(schema()), Layout::Pretty, &mut out);
    out
}

fn to_xml(tree: &Tree) -> Result<String, String> {
    let mut out = String::new();
    write_xml(tree, NodeId::ROOT, schema(), Layout::Pretty, &mut out).map_err(|issue| shown(&issue))?;
    Ok(out)
}

fn same(before: &[String], after: Result<Vec<String>, String>) -> Result<(), String> {
    difference(before, &after?).map_or(Ok(()), Err)
}

fn check_json(text: &str) -> Outcome {
    let before = match oracle::json(text) {
        Ok(before) => before,
        Err(error) => return Outcome::PassedOver(format!("not well formed: {}", first_line(&error))),
    };
    if !before.iter().any(|line| line.starts_with(".resourceType \"")) {
        return Outcome::PassedOver("no resourceType".to_owned());
    }
    let mut failed = Vec::new();
    match from_json(text) {
        Err(why) => failed.push(("read JSON", why)),
        Ok(tree) => {
            note(&mut failed, "JSON to JSON", same(&before, oracle::json(&to_json(&tree))));
            let round = to_xml(&tree).and_then(|xml| {
                let other = from_xml(&xml)?;
                if !equal(&tree, &other, schema()) {
                    return Err(difference(&before, &oracle::json(&to_json(&other))?)
                        .unwrap_or_else(|| "the trees differ".to_owned()));
                }
                same(&before, oracle::json(&to_json(&other)))
            });
            note(&mut failed, "JSON to XML to JSON", round);
        }
    }
    Outcome::Done(failed)
}

fn check_xml(text: &str) -> Outcome {
    let before = match oracle::xml(text) {
        Ok(before) => before,
        Err(error) => return Outcome::PassedOver(format!("not well formed: {}", first_line(&error))),
    };
    if !before.first().is_some_and(|line| line.starts_with("1 {http://hl7.org/fhir}")) {
        return Outcome::PassedOver("the root is not in the namespace of FHIR".to_owned());
    }
    let mut failed = Vec::new();
    match from_xml(text) {
        Err(why) => failed.push(("read XML", why)),
        Ok(tree) => {
            let written = to_xml(&tree).and_then(|xml| same(&before, oracle::xml(&xml)));
            note(&mut failed, "XML to XML", written);
            let round = from_json(&to_json(&tree)).and_then(|other| {
                if !equal(&tree, &other, schema()) {
                    return Err("the trees differ".to_owned());
                }
                same(&before, oracle::xml(&to_xml(&other)?))
            });
            note(&mut failed, "XML to JSON to XML", round);
        }
    }
    Outcome::Done(failed)
}

fn note(failed: &mut Vec<(&'static str, String)>, check: &'static str, outcome: Result<(), String>) {
    if let Err(why) = outcome {
        failed.push((check, why));
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}

/// Files of one name in both forms in the suites hold one resource; how many pairs there are. In the corpus, files
/// of one name are of different editions.
fn twins(samples: &[Sample], failures: &mut Vec<Failure>) -> usize {
    let mut pairs = 0;
    let read = |sample: &Sample| {
        let text = decode(&fs::read(&sample.path).ok()?, None).ok()?.0;
        if text.trim_start().starts_with('<') { from_xml(&text).ok() } else { from_json(&text).ok() }
    };
    let in_suites = |sample: &&Sample| sample.name.starts_with("suites/");
    let ends = |sample: &Sample, end: &str| sample.path.extension().is_some_and(|found| found == end);
    for xml in samples.iter().filter(in_suites).filter(|sample| ends(sample, "xml")) {
        for json in samples.iter().filter(in_suites).filter(|sample| ends(sample, "json")) {
            if xml.path.file_stem() != json.path.file_stem() {
                continue;
            }
            let (Some(left), Some(right)) = (read(json), read(xml)) else { continue };
            pairs += 1;
            if !equal(&left, &right, schema()) {
                let (left, right) = (oracle::json(&to_json(&left)), oracle::json(&to_json(&right)));
                let why = difference(&left.unwrap(), &right.unwrap());
                failures.push(failure(
                    &xml.name,
                    &format!("twin of {}", json.name),
                    why.unwrap_or_else(|| "only the trees differ".to_owned()),
                ));
            }
        }
    }
    pairs
}
