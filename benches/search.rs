//! What a resource can be found by, and what a request asks for.

use super::validate::examples;
use super::{Row, Table, row};
use sauma::schema::Schema;
use sauma::search::{Base, Handling, Parameters, parse};
use sauma::tree::{Tree, fhir};
use std::hint::black_box;
use std::path::Path;
use std::sync::OnceLock;

fn parameters() -> &'static Parameters {
    static PARAMETERS: OnceLock<Parameters> = OnceLock::new();
    PARAMETERS.get_or_init(|| Parameters::new(Schema::r4(), ["https://sauma.example/fhir".to_owned()]))
}

/// The keys of all documents of a kind.
fn keys(name: &str, texts: &[String]) -> Row {
    let read = |text: &String| fhir::read_json(text, Schema::r4().names()).ok();
    let trees: Vec<Tree> = texts.iter().filter_map(read).collect();
    let resources = trees.len();
    let found: usize = trees.iter().map(|tree| parameters().keys(tree).unwrap().len()).sum();
    let bytes = texts.iter().map(String::len).sum();
    let name = format!("{name} ({resources}, {found} keys)");
    let run = move || {
        for tree in &trees {
            black_box(parameters().keys(tree).unwrap());
        }
    };
    Row { resources, ..row(&name, bytes, run) }
}

fn request(name: &str, kind: &'static str, pairs: &[(&str, &str)]) -> Row {
    let pairs: Vec<(String, String)> =
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let run = move || {
        black_box(parse(parameters(), Base::Type(kind), &pairs, Handling::Strict, 0).unwrap());
    };
    Row { resources: 1, ..row(name, 0, run) }
}

pub(super) fn table(shared: &Path) -> Table {
    let rows = vec![
        keys("keys of care plans", &examples(shared, &["careplan-example.", "careplan-example-f"])),
        keys("keys of a patient", &examples(shared, &["patient-example."])),
        keys("keys of observations", &examples(shared, &["observation-"])),
        keys("keys of all examples", &examples(shared, &[""])),
        request("request by patient", "Observation", &[("patient", "Patient/a"), ("_count", "20")]),
        request("request with a chain", "Observation", &[("subject:Patient.family", "x"), ("code", "a|b")]),
    ];
    Table { title: "Search: keys of published examples, reading of requests", unit: "run", rows }
}
