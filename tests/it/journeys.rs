//! The working methods of the five source texts, as `tests/cases/journeys` tells them: documents of units come in step
//! by step, and what each manifest states must hold of the plan that they join into.

mod edits;
mod manifest;
mod pages;
mod stated;
mod views;

use manifest::{Journey, Step, journeys};
use sauma::diag::{Issue, Severity};
use sauma::exchange::document::Document;
use sauma::mapping::units::schema;
use sauma::plan::join::SourceState;
use sauma::plan::{Contact, Contribution, Decision, Hetu, Joined, decision, join};
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree, fhir};
use sauma::validate::{Options, Validator};
use std::fs;
use std::path::Path;

/// Runs a check over every journey and tells of all that fail.
fn of_each(check: impl Fn(&Journey) -> Vec<String>) {
    let journeys = journeys();
    assert!(journeys.len() >= 7, "only {} journeys", journeys.len());
    let told = |journey: &Journey| -> Vec<String> {
        check(journey).iter().map(|fault| format!("{}: {fault}", journey.name)).collect()
    };
    let faults: Vec<String> = journeys.iter().flat_map(told).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is known in the end of every journey: its name, what the units contribute, what people have decided.
pub(crate) fn told_of_each() -> Vec<(String, Vec<Contribution>, Vec<Decision>)> {
    let told = |journey: &Journey| {
        let told = Told::of(journey);
        (journey.name.clone(), told.contributions, told.decisions)
    };
    journeys().iter().map(told).collect()
}

/// A document as the contribution that it is; the label is its name in the folder of the journey.
fn contribution(journey: &Journey, name: &str) -> Contribution {
    let bytes = fs::read(journey.folder.join(name)).unwrap();
    let document = Document::read(&bytes, None).map_err(|unread| unread.issue.message).unwrap();
    let got = document.unit.program().unwrap().get(&document.tree).map_err(|issue| issue.message).unwrap();
    let mut contribution = Contribution::new(name, document.unit.name, got.target);
    contribution.names_further_clients = !document.further_clients().is_empty();
    contribution
}

/// What is known after a step.
struct Told {
    contributions: Vec<Contribution>,
    decisions: Vec<Decision>,
    joined: Joined,
}

impl Told {
    /// What is known in the end.
    fn of(journey: &Journey) -> Self {
        Self::after(journey, journey.steps.len() - 1)
    }

    fn after(journey: &Journey, step: usize) -> Self {
        let steps = &journey.steps[..=step];
        let added = steps.iter().flat_map(|step| &step.adds);
        let contributions: Vec<Contribution> = added.map(|name| contribution(journey, name)).collect();
        let files = steps.iter().filter_map(|step| step.decides.as_ref());
        let texts = files.map(|name| fs::read_to_string(journey.folder.join(name)).unwrap());
        let decisions: Vec<Decision> = texts.flat_map(|text| decision::read(&text).unwrap()).collect();
        let joined = join(&contributions, &decisions);
        Self { contributions, decisions, joined }
    }
}

/// The names of those whom the client contacts.
fn names(contact: &Contact) -> Vec<&str> {
    match contact {
        Contact::One(person) => vec![&person.name],
        Contact::Several(people) => people.iter().map(|person| person.name.as_str()).collect(),
        Contact::Missing => Vec::new(),
    }
}

/// Where a file says something else than expected; `UPDATE=1` rewrites it.
fn golden(path: &Path, found: &str) -> Option<String> {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, found).unwrap();
        return None;
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    let differs = || wanted.lines().zip(found.lines()).take_while(|(a, b)| a == b).count() + 1;
    (wanted != found).then(|| format!("{} is another from line {} on", path.display(), differs()))
}

#[test]
fn after_each_step_all_holds_that_is_stated() {
    of_each(|journey| {
        let steps = journey.steps.iter().enumerate();
        let left_out = |at: usize| -> Vec<&String> {
            journey.steps[..=at].iter().flat_map(|step| &step.left_out).collect()
        };
        steps
            .flat_map(|(at, step)| check_step(step, &left_out(at), &Told::after(journey, at).joined))
            .collect()
    });
}

fn check_step(step: &Step, left_out: &[&String], joined: &Joined) -> Vec<String> {
    let mut faults: Vec<String> = stated::faults(&joined.bundle, &step.holds);
    let named = names(&joined.contact);
    if named != step.contact {
        faults.push(format!("the client contacts {named:?}, not {:?}", step.contact));
    }
    let found: Vec<&str> = joined.findings.iter().map(|finding| finding.kind.as_str()).collect();
    if found != step.findings {
        faults.push(format!("the findings are {found:?}, not {:?}", step.findings));
    }
    let apart = joined.sources.iter().filter(|source| source.state == SourceState::LeftOut);
    let apart: Vec<&str> = apart.map(|source| source.label.as_str()).collect();
    if apart != left_out {
        faults.push(format!("left out are {apart:?}, not {left_out:?}"));
    }
    faults.iter().map(|fault| format!("{}: {fault}", step.name)).collect()
}

#[test]
fn what_is_joined_is_valid() {
    of_each(|journey| {
        let joined = Told::of(journey).joined;
        let mut text = String::new();
        fhir::write_json(&joined.bundle, NodeId::ROOT, Some(schema()), Layout::Compact, &mut text);
        errors("the joined plan", &fhir::read_json(&text, schema().names()).unwrap())
    });
}

/// The people are invented: individual numbers from 900 on are never given to anybody.
#[test]
fn documents_are_valid_and_about_invented_people() {
    of_each(|journey| {
        let documents = journey.steps.iter().flat_map(|step| &step.adds).chain([&journey.grants]);
        documents.flat_map(|name| check_document(&journey.folder, name)).collect()
    });
}

fn check_document(folder: &Path, name: &str) -> Vec<String> {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    let mut faults = Vec::new();
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"-+".contains(letter));
    let codes: Vec<Hetu> = words.filter_map(|word| Hetu::parse(word).ok()).collect();
    let is_about_somebody = text.contains("1.2.246.21") || !text.contains("Encounter");
    if codes.is_empty() && is_about_somebody {
        faults.push(format!("{name}: no personal identity code with a right check character"));
    }
    let is_given = |code: &&Hetu| code.as_str().get(7..8) != Some("9");
    faults
        .extend(codes.iter().find(is_given).map(|_| format!("{name}: the code of a person that may exist")));
    if text.contains("\"Bundle\"") {
        faults.extend(errors(name, &fhir::read_json(&text, schema().names()).unwrap()));
    } else if text.contains("<Bundle") {
        faults.extend(errors(name, &fhir::read_xml(&text, schema().names(), schema()).unwrap()));
    }
    faults
}

fn errors(name: &str, tree: &Tree) -> Vec<String> {
    let report = Validator::new(schema()).validate(tree, &Options::default());
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
    errors
        .map(|issue: &Issue| format!("{name}: {} {} {}", issue.code.id, issue.path, issue.message))
        .collect()
}
