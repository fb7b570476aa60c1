//! `bench/care`: a questionnaire response of 7.7 KB becomes eight resources, by one map.

use crate::measure::{Run, seconds};
use crate::{by_hand, finish};
use fml_check::{CoreDefinitions, Release};
use fml_engine::{Engine, FhirPathExpressions};
use sauma::mapping::fml;
use sauma::mapping::units::schema;
use sauma::tree::{NodeId, fhir, json};
use serde_json::Value;
use std::cell::Cell;
use std::fs;
use std::hint::black_box;
use std::path::Path;

/// The text of a document in, the text of what the map makes of it out.
type Mapper = Box<dyn Fn(&str) -> String>;

/// Compares the results, then the speed.
pub(crate) fn table(shared: &Path) {
    let map = fs::read_to_string(shared.join("bench/care/care.map")).unwrap();
    let lines = fs::read_to_string(shared.join("bench/care/qrs.ndjson")).unwrap();
    let lines: Vec<String> = lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let lines: &'static [String] = lines.leak();
    let mappers = [("Sauma", sauma(&map)), ("fml-engine 0.2.0", fml_engine(&map))];

    println!("FML: map one questionnaire response (bench/care), parse + run + write");
    println!("{:<24} {:>12} {:>12} {:>8} {:>18}", "", "documents/s", "µs", "ratio", "as mapped by hand");
    let right: Vec<String> = mappers.iter().map(|(_, mapper)| agreement(mapper, lines)).collect();
    let (names, runs): (Vec<&str>, Vec<Run>) =
        mappers.into_iter().map(|(name, mapper)| (name, each(mapper, lines))).unzip();
    let times = seconds(&runs);
    for ((name, time), right) in names.iter().zip(&times).zip(right) {
        println!("{name:<24} {:>12.0} {:>12.1} {:>8.1} {right:>18}", 1.0 / time, time * 1e6, time / times[0]);
    }
}

/// One document after the other.
fn each(mapper: Mapper, lines: &'static [String]) -> Run {
    let next = Cell::new(0);
    Box::new(move || {
        next.set((next.get() + 1) % lines.len());
        black_box(mapper(&lines[next.get()]));
    })
}

/// Of how many documents the result is what the map by hand makes.
fn agreement(mapper: &Mapper, lines: &[String]) -> String {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let same = lines.iter().filter(|line| value(&mapper(line)) == by_hand::map(&value(line)));
    format!("{} of {}", same.count(), lines.len())
}

fn sauma(map: &str) -> Mapper {
    let map = fml::parse(map).map;
    let program = fml::compile(0, &[&map], schema(), fml::Compat::Page).unwrap();
    Box::new(move |line| {
        let source = fhir::read_json(line, schema().names()).unwrap();
        let output = program.run(&[&source], fml::Settings::default()).unwrap();
        let mut out = String::with_capacity(8 << 10);
        json::write(&output.targets[0], NodeId::ROOT, json::Layout::Compact, &mut out);
        out
    })
}

fn fml_engine(map: &str) -> Mapper {
    let compiled = fml_model::compile(map);
    assert!(!compiled.has_errors(), "the map does not compile");
    let definitions: &'static CoreDefinitions = Box::leak(Box::new(CoreDefinitions::new(Release::R4)));
    let engine = Engine::new(definitions, finish(FhirPathExpressions::new(Release::R4)).unwrap());
    Box::new(move |line| {
        let source: Value = serde_json::from_str(line).unwrap();
        let output = finish(engine.transform(&compiled.map, &source)).unwrap();
        serde_json::to_string(&output.target).unwrap()
    })
}
