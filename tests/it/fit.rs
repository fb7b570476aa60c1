//! A document of any unit system becomes one of any other, and what it loses on the way is listed.

use sauma::exchange::document::Document;
use sauma::mapping::units::UNITS;
use sauma::mapping::{Fitted, LossKind, Program};
use sauma::tree::{Kind, Name, NodeId, Tree};
use std::collections::BTreeSet;
use std::fs;

/// The documents of every case of every unit system, with what they are called.
fn documents() -> Vec<(String, Document)> {
    let mut documents = Vec::new();
    for unit in UNITS {
        let Ok(folders) = fs::read_dir(format!("mappings/{}/cases", unit.name)) else { continue };
        for folder in folders.map(|entry| entry.unwrap().path()) {
            let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
            let input =
                files.into_iter().find(|file| file.file_stem().is_some_and(|stem| stem == "input")).unwrap();
            let name = format!("{}/{}", unit.name, folder.file_name().unwrap().to_string_lossy());
            documents.push((name, Document::read(&fs::read(input).unwrap(), Some(unit)).unwrap()));
        }
    }
    documents
}

/// What resources say, without the names that resources are given and what refers by them.
fn words(tree: &Tree) -> BTreeSet<String> {
    let set_aside = [Name::ID, Name::REFERENCE, Name::RESOURCE_TYPE, Name::FULL_URL];
    tree.descend(NodeId::ROOT)
        .filter(|node| tree.kind(*node).is_leaf() && tree.kind(*node) != Kind::Null)
        .filter(|node| !set_aside.contains(&tree.name(*node)))
        .map(|node| tree.text(node).into_owned())
        .collect()
}

/// Every word of the resources is in the document or in the list of losses, and no other word is in the document
/// unless the list says so.
fn check(name: &str, program: &Program, resources: &Tree, fitted: &Fitted) {
    let listed = |word: &str| fitted.losses.iter().any(|loss| loss.value.reveal().contains(word));
    if fitted.losses.iter().any(|loss| loss.kind == LossKind::Missing) {
        // What lacks its own mark cannot be read again by itself.
        assert!(program.get(&fitted.document).is_err(), "{name}");
        return;
    }
    let got = program.get(&fitted.document).unwrap_or_else(|issue| panic!("{name}: {}", issue.message));
    let (wanted, held) = (words(resources), words(&got.target));
    for word in wanted.difference(&held) {
        assert!(listed(word), "{name} lost a value in silence: {word}");
    }
    if fitted.losses.iter().all(|loss| loss.kind == LossKind::Left) {
        // What a document claims of itself need not have been said.
        let is_claim = |word: &str| word.contains("/StructureDefinition/sauma-") || word == "official";
        let invented: Vec<&String> = held.difference(&wanted).filter(|word| !is_claim(word)).collect();
        assert!(invented.is_empty(), "{name} says {invented:?}");
    }
    // What the document holds, a document of its kind holds without loss.
    let again =
        program.create(&got.target).map_err(|issue| format!("{name}: {} {}", issue.path, issue.message));
    assert_eq!(again.map(|_| ()), Ok(()));
}

#[test]
fn every_document_becomes_one_of_every_unit_system() {
    let (mut whole, mut partly) = (0, 0);
    for (name, document) in documents() {
        let got = document.unit.program().unwrap().get(&document.tree).unwrap();
        for unit in UNITS {
            let program = unit.program().unwrap();
            let name = format!("{name} -> {}", unit.name);
            let fitted =
                program.create_fitting(&got.target).unwrap_or_else(|issue| panic!("{name}: {issue:?}"));
            assert!(program.create(&got.target).is_err() || fitted.losses.is_empty(), "{name}");
            if fitted.losses.is_empty() {
                whole += 1
            } else {
                partly += 1
            }
            check(&name, program, &got.target, &fitted);
        }
    }
    println!("translated: {whole} without loss, {partly} with a list of losses");
    assert!(whole > 0 && partly > 0);
}
