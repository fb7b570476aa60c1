//! Any text as the query of a search: refused with a reason, or understood in a way that keys and documents can be
//! held against.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sauma::schema::Schema;
use sauma::search::{Base, Handling, Parameters, matches, parse};
use sauma::tree::fhir;
use std::sync::OnceLock;

const PLAN: &str = r#"{"resourceType":"CarePlan","id":"1","meta":{"lastUpdated":"2026-11-01T10:00:00.000Z","tag":[
{"system":"urn:t","code":"a"}]},"identifier":[{"system":"urn:x","value":"7"}],"status":"active","intent":"plan",
"category":[{"coding":[{"system":"urn:c","code":"k","display":"Koti"}],"text":"Kotihoito"}],"title":"Ä",
"subject":{"reference":"Patient/1"},"period":{"start":"2026-01-02","end":"2026-03"},"instantiatesUri":["urn:i"],
"activity":[{"detail":{"status":"scheduled","scheduledPeriod":{"start":"2026-02-03T10:00:00+02:00"}}}]}"#;
/// `meta.lastUpdated` of the plan, in microseconds.
const UPDATED: i64 = 1_793_527_200_000_000;
const TYPES: [&str; 4] = ["CarePlan", "Patient", "Observation", "Questionnaire"];
/// A moment of the year 2026, which `_lastUpdated` and the like are read at.
const NOW: i64 = 1_795_000_000_000_000;

fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| Parameters::new(Schema::r4(), ["https://sauma.example/fhir".to_owned()]))
}

/// Pairs as in an address.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    text.split('&').map(pair).collect()
}

fuzz_target!(|text: &str| {
    let Some(first) = text.bytes().next() else { return };
    let kind = TYPES[usize::from(first) % TYPES.len()];
    let pairs = pairs(text);
    let Ok(tree) = fhir::read_json(PLAN, Schema::r4().names()) else { return };
    let Ok(keys) = parameters().keys(&tree) else { return };
    let compartment = Base::Compartment { kind: "Patient", id: "1", of: Some(kind) };
    for base in [Base::Type(kind), Base::System, compartment] {
        let Ok(parsed) = parse(parameters(), base, &pairs, Handling::Strict, NOW) else { continue };
        let lenient = parse(parameters(), base, &pairs, Handling::Lenient, NOW);
        let told = parsed.ignored.len();
        assert!(
            lenient.is_ok_and(|lenient| lenient.ignored.len() == told),
            "lenient takes what strict takes"
        );
        let search = &parsed.search;
        let types = &search.selection.types;
        if !types.is_empty() && types.iter().all(|of| of != "CarePlan") {
            continue;
        }
        let is_meant = matches(search, parameters(), &tree);
        let is_found = search.selection.clause.holds(&keys, "CarePlan", "1", UPDATED);
        assert!(!is_meant || is_found != Some(false), "keys exclude what is meant");
        let decides = search.selection.exact.is_none() && is_found == Some(true);
        assert!(!decides || is_meant, "keys let pass what is not meant");
    }
});
