//! Finnish CDA: the published samples come back as they were, and what is written passes the Finnish schemas.

use crate::shared;
use sauma::exchange::document::{Document, read_resources, write_new};
use sauma::exchange::laws::{Trial, laws_of};
use sauma::mapping::units::Unit;
use sauma::tree::Tree;
use sauma::tree::json::{Layout, to_string};
use serde_json::{Value, json};
use std::env::temp_dir;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};

const UNIT: &str = "kanta-care-plan";
const SAMPLES: usize = 139;

fn unit() -> &'static Unit {
    Unit::find(UNIT).unwrap()
}

/// The published samples, without the one file beside them that is a setting of logs.
fn samples() -> Vec<(String, Vec<u8>)> {
    let Some(folder) = shared::folder() else { return Vec::new() };
    let files = shared::files(&folder.join("finland/kela-kantacda-api/src/test"), &["xml"]);
    let named = files.iter().map(|path| (path.to_string_lossy().into_owned(), fs::read(path).unwrap()));
    named.filter(|(name, _)| !name.ends_with("log4j2.xml")).collect()
}

fn bundle(document: &Document) -> Value {
    let got = document.unit.program().unwrap().get(&document.tree).unwrap();
    serde_json::from_str(&to_string(&got.target, Layout::Compact)).unwrap()
}

fn resource<'a>(bundle: &'a mut Value, kind: &str) -> &'a mut Value {
    let mut entries = bundle["entry"].as_array_mut().unwrap().iter_mut().map(|entry| &mut entry["resource"]);
    entries.find(|resource| resource["resourceType"] == kind).unwrap()
}

/// The document with the client's family name changed.
fn renamed(document: &Document) -> Vec<u8> {
    let mut changed = bundle(document);
    resource(&mut changed, "Patient")["name"][0]["family"] = json!("Toinen & nimi");
    let wanted = read_resources(&changed.to_string()).unwrap();
    let program = document.unit.program().unwrap();
    let written = document.write(&program.put(&document.tree, &wanted).unwrap()).unwrap();
    let again = Document::read(&written, Some(document.unit)).unwrap();
    program.gives(&again.tree, &wanted).unwrap();
    written
}

/// The Finnish schema and the tool that checks against it, where both are at hand.
struct Schema(PathBuf);

impl Schema {
    fn find() -> Option<Self> {
        let schema = shared::folder()?.join("finland/kela-kantacda-api/Schemas/CDA_Fi.xsd");
        let tool = Command::new("xmllint").arg("--version").stderr(Stdio::null()).status();
        if tool.is_err() {
            println!("xmllint is not there: nothing was held against the Finnish schemas");
        }
        (tool.is_ok() && schema.exists()).then_some(Self(schema))
    }

    /// What is wrong with a document.
    fn faults(&self, name: &str, bytes: &[u8]) -> Option<String> {
        let file = temp_dir().join(format!("sauma-kanta-{}-{name}.xml", process::id()));
        fs::write(&file, bytes).unwrap();
        let ran =
            Command::new("xmllint").arg("--noout").arg("--schema").arg(&self.0).arg(&file).output().unwrap();
        fs::remove_file(&file).unwrap();
        (!ran.status.success()).then(|| String::from_utf8_lossy(&ran.stderr).into_owned())
    }
}

#[test]
fn published_samples_come_back_as_they_were() {
    let samples = samples();
    let mut faults = Vec::new();
    let (mut carried, mut kept) = (0, 0);
    for (name, bytes) in &samples {
        let document = match Document::read(bytes, None) {
            Ok(document) => document,
            Err(unread) => {
                faults.push(format!("{name}: {}", unread.issue.message));
                continue;
            }
        };
        let program = document.unit.program().unwrap();
        let mut trial = Trial::default();
        let got = laws_of(&mut trial, program, &document);
        faults.extend(trial.broken.iter().map(|broken| format!("{name}: {broken}")));
        let Some(got) = got else { continue };
        let ledger = program.ledger(&document.tree, &got);
        let counts = ledger.counts();
        (carried, kept) = (carried + counts.carried, kept + counts.kept);
        if document.unit.name != UNIT
            || counts.unexplained > 0
            || document.write(&document.tree).ok().as_ref() != Some(bytes)
        {
            faults.push(format!("{name}: {} {} unexplained", document.unit.name, counts.unexplained));
        }
    }
    println!("{} samples: {carried} leaves carried, {kept} kept", samples.len());
    assert!(samples.is_empty() || samples.len() == SAMPLES, "{}", samples.len());
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn an_edit_of_a_sample_leaves_it_valid() {
    let Some(schema) = Schema::find() else { return };
    let (mut valid, mut faults) = (0, Vec::new());
    for (at, (name, bytes)) in samples().iter().enumerate() {
        let document = Document::read(bytes, Some(unit())).unwrap();
        let written = renamed(&document);
        if schema.faults(&format!("before-{at}"), bytes).is_some() {
            continue;
        }
        valid += 1;
        faults
            .extend(schema.faults(&format!("after-{at}"), &written).map(|fault| format!("{name}: {fault}")));
    }
    println!("{valid} samples are valid, and are after an edit");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_made_new_is_valid() {
    let Some(schema) = Schema::find() else { return };
    let made = |target: &Tree| {
        let program = unit().program().unwrap();
        let fitted = program.create_fitting(target).unwrap();
        write_new(unit(), program, &fitted.document)
    };
    for case in ["plan", "plan-other-prefix"] {
        let path = Path::new("mappings").join(UNIT).join("cases").join(case).join("input.xml");
        let document = Document::read(&fs::read(path).unwrap(), None).unwrap();
        let target = read_resources(&bundle(&document).to_string()).unwrap();
        let text = made(&target);
        assert_eq!(schema.faults(&format!("made-{case}"), text.as_bytes()), None, "{text}");
        let again = Document::read(text.as_bytes(), None).unwrap();
        assert_eq!(again.unit.name, UNIT);
        unit().program().unwrap().gives(&again.tree, &target).unwrap();
    }
}
