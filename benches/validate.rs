//! Validation of one resource and of a Bundle, beside reading it.

use super::{Row, Table, row};
use sauma::fhirpath::Temporal;
use sauma::schema::Schema;
use sauma::tree::{Tree, fhir};
use sauma::validate::{Options, Validator};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::OnceLock;

fn validator() -> &'static Validator<'static> {
    static VALIDATOR: OnceLock<Validator<'static>> = OnceLock::new();
    VALIDATOR.get_or_init(|| Validator::new(Schema::r4()))
}

/// The published examples whose names begin with one of these words.
fn examples(shared: &Path, words: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(shared.join("suites/r4-examples")).unwrap();
    let named = |name: &str| words.iter().any(|word| name.starts_with(word));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| named(&name.to_string_lossy())));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn tree(text: &str) -> Tree {
    fhir::read_json(text, Schema::r4().names()).unwrap()
}

fn options() -> Options<'static> {
    Options { profiles: &[], now: Some(Temporal::utc(1_770_000_000, 0)) }
}

/// Every row is all documents of its kind, so that what is quoted is the mean of one.
fn rows(kind: &str, texts: Vec<String>) -> Vec<Row> {
    let count = texts.len();
    let bytes = texts.iter().map(String::len).sum();
    let trees: Vec<Tree> = texts.iter().map(|text| tree(text)).collect();
    vec![
        row(&format!("{kind} ({count}): validate"), bytes, move || {
            for tree in &trees {
                black_box(validator().validate(tree, &options()));
            }
        }),
        row(&format!("{kind} ({count}): read and validate"), bytes, move || {
            for text in &texts {
                black_box(validator().validate(&tree(text), &options()));
            }
        }),
    ]
}

pub(super) fn table(shared: &Path) -> Table {
    let mut all = rows("CarePlan, CareTeam, Goal", examples(shared, &["careplan-", "careteam-", "goal-"]));
    all.extend(rows("all examples", examples(shared, &[""])));
    Table { title: "Validation against R4 with all invariants", unit: "run", rows: all }
}
