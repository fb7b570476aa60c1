//! The join: four contributions, twenty, and one of the twenty renewed; and what one role sees of four.

use super::{Row, Table, row};
use sauma::exchange::document::{Document, read_resources};
use sauma::plan::permission::{Answer, Capacity, Moment, Purpose, Request, Requester};
use sauma::plan::policy::Policy;
use sauma::plan::view::view;
use sauma::plan::{Contribution, Joined, Joiner, Sector, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Name, NodeId};
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

/// Contributions of the larger plan.
const MANY: usize = 20;
/// Where its documents come from: those of the demonstration first, then the cases of the unit systems.
const FOLDERS: &[&str] = &["src/cli/demo", "mappings"];

pub(crate) fn table() -> Table {
    let few: &'static [Contribution] = super::contributions().leak();
    let many: &'static [Contribution] = many().leak();
    let title = |text: &str| text.replacen("\"title\":\"", "\"title\":\"Uusi ", 1);
    let words = |text: &str| text.replace("\"text\":\"", "\"text\":\"Uusi ");
    let rows = vec![
        row(&format!("Sauma: join of {}", told(many)), 0, move || {
            black_box(join_copies(many));
        }),
        row("Sauma: join of the same, read before", 0, move || {
            black_box(join(many, &[]));
        }),
        renewal("another title", many, title, |joined| {
            black_box(joined);
        }),
        renewal("other words everywhere", many, words, |joined| {
            black_box(joined);
        }),
        row("Sauma: join of the 20, written as JSON", 0, move || {
            write(&join_copies(many));
        }),
        renewal("another title, written as JSON", many, title, write),
        row(&format!("Sauma: join of {}", told(few)), 0, move || {
            black_box(join_copies(few));
        }),
        view_of(few),
    ];
    Table { title: "Join the plans of one client", unit: "joins", rows }
}

/// Joins contributions as they come in: a copy has nothing of what was read of a contribution before.
fn join_copies(contributions: &[Contribution]) -> Joined {
    let copies = contributions.to_vec();
    join(&copies, &[])
}

/// One contribution of many in another version, and in the first one again.
fn renewal(
    what: &str,
    many: &'static [Contribution],
    change: fn(&str) -> String,
    finish: fn(&Joined),
) -> Row {
    let in_another_version = |of: &'static Contribution| {
        let text = to_string(&of.bundle, Layout::Compact);
        let changed = change(&text);
        (text != changed).then_some((of, changed))
    };
    let (first, changed) = many[MANY / 2..].iter().find_map(in_another_version).unwrap();
    let tree = read_resources(&changed).unwrap();
    let second = Contribution::new(first.label.clone(), first.unit.clone(), tree);
    assert_eq!(first.key(), second.key());
    let versions = [first.clone(), second];
    let joiner = RefCell::new(Joiner::new(many.to_vec(), Vec::new()));
    let next = Cell::new(0);
    row(&format!("Sauma: one of {MANY} renewed: {what}"), 0, move || {
        next.set((next.get() + 1) % versions.len());
        let mut joiner = joiner.borrow_mut();
        joiner.renew(versions[next.get()].clone());
        finish(joiner.joined());
    })
}

fn write(joined: &Joined) {
    black_box(to_string(&joined.bundle, Layout::Compact));
}

/// What a professional of social services sees.
fn view_of(few: &'static [Contribution]) -> Row {
    let mut requester = Requester::new(Capacity::Professional(Sector::Social));
    requester.registers.extend(few.iter().filter_map(|contribution| contribution.custodian.clone()));
    let request = Request::read(requester, Purpose::SocialService);
    let now = Moment::parse("2026-06-15T12:00:00Z").unwrap();
    row("Sauma: view of the same for one role", 0, move || {
        black_box(view(few, &[], &request, &Answer::None, Policy::county(), now));
    })
}

fn told(contributions: &[Contribution]) -> String {
    let entries =
        |contribution: &Contribution| contribution.bundle.children_named(NodeId::ROOT, Name::ENTRY).count();
    let resources: usize = contributions.iter().map(entries).sum();
    format!("{} contributions, {resources} resources", contributions.len())
}

/// Plans of many units about the client of the demonstration.
fn many() -> Vec<Contribution> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        documents(Path::new(folder), &mut files);
    }
    let made = files.iter().filter_map(|file| of_the_client(file)).take(MANY).collect::<Vec<_>>();
    assert_eq!(made.len(), MANY, "too few documents");
    assert!(!join(&made, &[]).is_refused(), "they are of one client");
    made
}

/// The documents below a folder, of each unit system in turn.
fn documents(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut units: Vec<Vec<PathBuf>> = Vec::new();
    let mut below: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    below.sort();
    for unit in below {
        let mut found = Vec::new();
        if unit.is_file() {
            found.push(unit);
        } else {
            let Ok(cases) = fs::read_dir(unit.join("cases")) else { continue };
            for case in cases {
                let inputs = fs::read_dir(case.unwrap().path()).unwrap().map(|file| file.unwrap().path());
                found.extend(inputs.filter(|file| file.file_stem().is_some_and(|stem| stem == "input")));
            }
        }
        found.sort();
        units.push(found);
    }
    let most = units.iter().map(Vec::len).max().unwrap_or(0);
    files.extend((0..most).flat_map(|at| units.iter().filter_map(move |unit| unit.get(at).cloned())));
}

/// What a document contributes, with the client of the demonstration in the place of its own.
fn of_the_client(file: &Path) -> Option<Contribution> {
    let document = Document::read(&fs::read(file).unwrap(), None).ok()?;
    let got = document.unit.program().unwrap().get(&document.tree).ok()?;
    let label = file.to_str().unwrap();
    let mut bundle: Value = serde_json::from_str(&to_string(&got.target, Layout::Compact)).unwrap();
    let entries = bundle["entry"].as_array_mut()?;
    let plan = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == "CarePlan")?;
    plan["resource"]["identifier"] = json!([{"system": "urn:bench", "value": label}]);
    let subject = plan["resource"]["subject"]["reference"].as_str()?.to_owned();
    let client = entries
        .iter_mut()
        .find(|entry| entry["fullUrl"].as_str().is_some_and(|url| url.ends_with(&subject)))?;
    client["resource"]["identifier"] = json!([{"system": "urn:oid:1.2.246.21", "value": "240986-918J"}]);
    client["resource"]["name"] = json!([{"family": "Testisaari", "given": ["Taimi"]}]);
    client["resource"]["birthDate"] = json!("1986-09-24");
    let tree = read_resources(&bundle.to_string()).unwrap();
    Some(Contribution::new(label, document.unit.name, tree))
}
