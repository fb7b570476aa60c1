//! The mapping benchmark's map as a lens gives what the same map by hand gives, document by document.

#[path = "../../benches/by_hand.rs"]
mod by_hand;

use crate::shared::folder as shared;
use sauma::mapping::{compile, units::schema};
use sauma::tree::{NodeId, fhir, json};
use serde_json::Value;
use std::fs;

#[test]
fn the_lens_gives_the_resources_that_the_map_describes() {
    let Some(shared) = shared() else { return };
    let lens = compile(include_str!("../../benches/care.lens"), schema(), &|_| None).unwrap();
    let lines = fs::read_to_string(shared.join("bench/care/qrs.ndjson")).unwrap();
    let mut count = 0;
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let tree = fhir::read_json(line, lens.names()).unwrap();
        let got = lens.get(&tree).unwrap();
        assert!(got.issues.is_empty(), "{:?}", got.issues);
        let mut out = String::new();
        fhir::write_json(&got.target, NodeId::ROOT, Some(schema()), json::Layout::Compact, &mut out);
        let wanted = by_hand::map(&serde_json::from_str(line).unwrap());
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), wanted);
        count += 1;
    }
    println!("{count} documents");
    assert!(count >= 199);
}
