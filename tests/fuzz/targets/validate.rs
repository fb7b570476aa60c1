//! Any text as a document to validate: every finding has its place inside the text, and the outcome is itself valid.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::exchange::document::read_resources;
use sauma::schema::Schema;
use sauma::tree::fhir;
use sauma::validate::{Options, Validator, outcome};
use std::sync::OnceLock;

fn validator() -> &'static Validator<'static> {
    static VALIDATOR: OnceLock<Validator<'static>> = OnceLock::new();
    VALIDATOR.get_or_init(|| Validator::new(Schema::r4()))
}

fuzz_target!(|text: &str| {
    let Ok(tree) = read_resources(text) else { return };
    let report = validator().validate(&tree, &Options::default());
    for issue in &report.issues {
        assert!(issue.span.end as usize <= text.len(), "{} has its place outside", issue.code.id);
    }
    let told = outcome(&report, text).to_string();
    let told = fhir::read_json(&told, Schema::r4().names()).expect("an outcome is FHIR JSON");
    let again = validator().validate(&told, &Options::default());
    assert!(again.is_valid(), "{:?}", again.issues.first());
});
