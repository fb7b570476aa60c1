//! Any text as a definition: it is refused, or listed as incomplete, or a plan is validated against it to an end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::schema::Schema;
use sauma::tree::{Tree, fhir};
use sauma::validate::{Options, Validator};
use std::sync::OnceLock;

const PLAN: &str = include_str!("../../cases/validate/valid-care-plan/input.json");

fn plan() -> &'static Tree {
    static TREE: OnceLock<Tree> = OnceLock::new();
    TREE.get_or_init(|| fhir::read_json(PLAN, Schema::r4().names()).expect("a valid plan"))
}

fuzz_target!(|text: &str| {
    let mut schema = Schema::r4().clone();
    if schema.add_resource(text).is_err() {
        return;
    }
    let profiles: Vec<String> =
        schema.profiles().map(|profile| schema.type_info(profile).url.to_owned()).collect();
    // Those of R4 itself stand before.
    let profiles = profiles.last().map(std::slice::from_ref).unwrap_or_default();
    Validator::new(&schema).validate(plan(), &Options { profiles, now: None });
});
