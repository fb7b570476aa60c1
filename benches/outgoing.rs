//! What `--validate` adds to what leaves: every row is followed by the same work with it.

use super::validate::{options, own, resources};
use super::{Row, Table, change_one, contributions, demo, row};
use sauma::exchange::document::{Document, read_resources};
use sauma::mapping::Format;
use sauma::mapping::units::schema;
use sauma::plan::{Contribution, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Tree, fhir};
use std::hint::black_box;

/// Reads what was written and validates it, as the command line does before anything leaves.
fn checked(text: &str) {
    let tree = fhir::read_json(text, schema().names()).unwrap();
    black_box(own().validate(&tree, &options()));
}

/// A piece of work that gives resources as text, alone and with validation.
fn pair(name: &str, count: usize, work: impl Fn() -> String + Clone + 'static) -> [Row; 2] {
    let alone = work.clone();
    let of = |row: Row| Row { resources: count, ..row };
    [
        of(row(name, 0, move || {
            black_box(alone());
        })),
        of(row(&format!("{name} --validate"), 0, move || checked(&work()))),
    ]
}

/// The resources that a document says.
fn translated(document: &Document) -> Tree {
    document.unit.program().unwrap().get(&document.tree).unwrap().target
}

pub(super) fn table() -> Table {
    let mut rows = Vec::new();
    for (_, document) in demo() {
        let bytes = document.bytes();
        let unit = document.unit;
        let count = resources(&translated(&document));
        rows.extend(pair(&format!("translate {}", unit.name), count, move || {
            let document = Document::read(&bytes, Some(unit)).unwrap();
            to_string(&translated(&document), Layout::Pretty)
        }));
    }
    let all: &'static [Contribution] = contributions().leak();
    let count = resources(&join(all, &[]).bundle);
    rows.extend(pair("join", count, || to_string(&join(all, &[]).bundle, Layout::Pretty)));
    rows.extend(demo().into_iter().filter_map(|(_, document)| put(document)).flatten());
    Table { title: "What leaves, without and with --validate", unit: "run", rows }
}

/// A change of the plan's title, carried into the document; nothing where the unit's plans have no title.
fn put(document: Document) -> Option<[Row; 2]> {
    let resources = translated(&document);
    let changed = read_resources(&change_one(&to_string(&resources, Layout::Compact))).unwrap();
    let count = super::validate::resources(&resources);
    let unit = document.unit;
    let name = format!("put {}", unit.name);
    let (document, changed) = (&*Box::leak(Box::new(document)), &*Box::leak(Box::new(changed)));
    let program = unit.program().unwrap();
    program.put(&document.tree, changed).ok()?;
    let bytes = move || document.write(&program.put(&document.tree, changed).unwrap()).unwrap();
    let of = |row: Row| Row { resources: count, ..row };
    Some([
        of(row(&name, 0, move || {
            black_box(bytes());
        })),
        of(row(&format!("{name} --validate"), 0, move || {
            let bytes = bytes();
            if unit.format() == Format::Fhir {
                return checked(&String::from_utf8(bytes).unwrap());
            }
            // What another format says is checked as the resources that are read back from it.
            let back = Document::read(&bytes, Some(unit)).unwrap();
            checked(&to_string(&translated(&back), Layout::Pretty));
        })),
    ])
}
