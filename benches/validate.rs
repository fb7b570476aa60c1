//! Validation of one resource and of a Bundle, beside reading it.

use super::{Row, Table, contributions, row};
use sauma::fhirpath::Temporal;
use sauma::mapping::units;
use sauma::plan::join;
use sauma::schema::Schema;
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Name, NodeId, Tree, fhir};
use sauma::validate::{Options, Validator};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::OnceLock;

/// Against R4 alone.
fn core() -> &'static Validator<'static> {
    static VALIDATOR: OnceLock<Validator<'static>> = OnceLock::new();
    VALIDATOR.get_or_init(|| Validator::new(Schema::r4()))
}

/// Against R4, the Finnish base profiles and our own, as the command line has them.
pub(super) fn own() -> &'static Validator<'static> {
    static VALIDATOR: OnceLock<Validator<'static>> = OnceLock::new();
    VALIDATOR.get_or_init(|| Validator::new(units::schema()))
}

/// The published examples whose names begin with one of these words.
pub(super) fn examples(shared: &Path, words: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(shared.join("suites/r4-examples")).unwrap();
    let named = |name: &str| words.iter().any(|word| name.starts_with(word));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| named(&name.to_string_lossy())));
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

fn tree(text: &str, validator: &Validator<'_>) -> Tree {
    fhir::read_json(text, validator.schema().names()).unwrap()
}

pub(super) fn options() -> Options<'static> {
    Options { profiles: &[], now: Some(Temporal::utc(1_770_000_000, 0)) }
}

/// The resources of a document: those of its entries, or itself.
pub(super) fn resources(tree: &Tree) -> usize {
    tree.children_named(NodeId::ROOT, Name::ENTRY).count().max(1)
}

/// Every row is all documents of its kind, so that what is quoted is the mean of one.
fn rows(kind: &str, texts: Vec<String>, validator: fn() -> &'static Validator<'static>) -> Vec<Row> {
    let bytes = texts.iter().map(String::len).sum();
    let trees: Vec<Tree> = texts.iter().map(|text| tree(text, validator())).collect();
    let count: usize = trees.iter().map(resources).sum();
    let counted = |row: Row| Row { resources: count, ..row };
    vec![
        counted(row(&format!("{kind} ({count}): validate"), bytes, move || {
            for tree in &trees {
                black_box(validator().validate(tree, &options()));
            }
        })),
        counted(row(&format!("{kind} ({count}): read and validate"), bytes, move || {
            for text in &texts {
                black_box(validator().validate(&tree(text, validator()), &options()));
            }
        })),
    ]
}

pub(super) fn table(shared: &Path) -> Table {
    let mut all =
        rows("CarePlan, CareTeam, Goal", examples(shared, &["careplan-", "careteam-", "goal-"]), core);
    all.extend(rows("all examples", examples(shared, &[""]), core));
    Table { title: "Validation against R4 with all invariants", unit: "run", rows: all }
}

/// What the demonstration makes, which claims our profiles: the plan that is joined, and what each unit contributes.
pub(super) fn own_table() -> Table {
    let contributions = contributions();
    let joined = to_string(&join(&contributions, &[]).bundle, Layout::Compact);
    let mut all = rows("the joined plan", vec![joined], own);
    for contribution in &contributions {
        let kind = format!("contribution of {}", contribution.unit);
        all.extend(rows(&kind, vec![to_string(&contribution.bundle, Layout::Compact)], own));
    }
    Table { title: "Validation of our bundles against our profiles", unit: "run", rows: all }
}
