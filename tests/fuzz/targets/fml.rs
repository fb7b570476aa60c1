//! Any text as a map: faults with a place inside the text; what has none is laid out and printed without change, and
//! runs to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::mapping::fml::{
    Compat, Dialect, Library, Map, RULES_MAX, Settings, check, compile, format, parse, print,
};
use sauma::schema::Schema;
use sauma::tree::{Tree, fhir};
use std::sync::OnceLock;

const PATIENT: &str = include_str!("../../cases/maps/evaluate/input.json");

fn patient() -> Option<&'static Tree> {
    static PATIENT_TREE: OnceLock<Option<Tree>> = OnceLock::new();
    PATIENT_TREE.get_or_init(|| fhir::read_json(PATIENT, Schema::r4().names()).ok()).as_ref()
}

fuzz_target!(|text: &str| {
    let parsed = parse(text);
    let inside = |end: u32| assert!(end as usize <= text.len());
    parsed.issues.iter().for_each(|issue| inside(issue.span.end));
    check(&parsed.map, &Library::new([&parsed.map]), Schema::r4())
        .iter()
        .for_each(|issue| inside(issue.span.end));
    if !parsed.issues.is_empty() {
        return;
    }
    if let Ok(laid_out) = format(text) {
        assert_eq!(parse(&laid_out).map, parsed.map, "laid out");
        assert_eq!(format(&laid_out).as_ref(), Ok(&laid_out), "laid out twice");
    }
    if let Ok(printed) = print(&parsed.map, Dialect::R5) {
        assert_eq!(parse(&printed).map, parsed.map, "printed");
    }
    run(&parsed.map);
});

/// Runs a map that compiles, as often as it wants a document.
fn run(map: &Map) {
    let (Ok(program), Some(patient)) = (compile(0, &[map], Schema::r4(), Compat::default()), patient())
    else {
        return;
    };
    // Running into the limit again and again would find nothing else.
    let settings = Settings {
        with_ledger: true,
        with_origins: true,
        rules_max: RULES_MAX / 1_000,
        ..Settings::default()
    };
    drop(program.run(&[patient], settings));
}
