//! The laws of a lens on whole documents, bytes included: generated ones, and any that are at hand.

use super::document::{Document, write_new};
use crate::diag::Issue;
use crate::format::er7;
use crate::mapping::laws::{Law, Outcome, Violation};
use crate::mapping::units::{Unit, schema};
use crate::mapping::{Format, Got, Program, Random, generate};
use crate::tree::{Kind, NodeId, Tree, fhir};

/// Documents that are drawn for a change before it is given up.
const DRAWS_MAX: u64 = 16;

/// What the laws said of one document.
#[derive(Debug, Default)]
pub struct Trial {
    /// Laws that held, with those that had nothing to be tried on left out.
    pub held: Vec<Law>,
    /// Changes that were refused by name.
    pub refused: Vec<(Law, Box<Issue>)>,
    /// Laws that are broken.
    pub broken: Vec<Box<Violation>>,
}

impl Trial {
    fn note(&mut self, law: Law, outcome: Result<Outcome, Box<Violation>>) {
        match outcome {
            Ok(Outcome::Held) => self.held.push(law),
            Ok(Outcome::Idle) => {}
            Ok(Outcome::Refused(issue)) => self.refused.push((law, issue)),
            Err(violation) => self.broken.push(violation),
        }
    }

    fn said(&mut self, message: &str, path: String) {
        let violation = Violation { law: Law::Text, rule: String::new(), path, message: message.to_owned() };
        self.broken.push(Box::new(violation));
    }
}

/// The text of a generated document.
pub fn generated(unit: &'static Unit, program: &Program, seed: u64, size: usize) -> (Tree, String) {
    let tree = generate::document(program, schema(), seed, size);
    let text = write_new(unit, program, &tree);
    (tree, text)
}

/// Asks every law of a document drawn from a seed, with a change that another document brings.
pub fn trial(unit: &'static Unit, program: &Program, seed: u64, size: usize) -> Trial {
    let mut trial = Trial::default();
    let (tree, text) = generated(unit, program, seed, size);
    let document = match Document::read(text.as_bytes(), Some(unit)) {
        Ok(document) => document,
        Err(unread) => {
            trial.said(
                &format!("a generated document is not read: {}", unread.issue.message),
                unread.issue.path.clone(),
            );
            return trial;
        }
    };
    if !alike(unit, &tree, &document.tree) {
        trial.said("a generated document reads back as another", different(&tree, &document.tree));
    }
    let Some(got) = laws_of(&mut trial, program, &document) else { return trial };
    let outcome = program.check_explained(&document.tree, &got).map(|()| Outcome::Held);
    trial.note(Law::Ledger, outcome);
    let Some(other) = other(unit, program, &got, seed, size) else { return trial };
    match program.check_put_get(&document.tree, &got, &other.target) {
        Ok((outcome, edited)) => {
            trial.note(Law::PutGet, Ok(outcome));
            if let Some(edited) = edited {
                rereads(&mut trial, &document, &edited);
            }
        }
        Err(violation) => trial.broken.push(violation),
    }
    let outcome = program.check_locality(&document.tree, &got, &other, &mut Random::new(seed));
    trial.note(Law::Locality, outcome);
    trial
}

/// What another document of the same form gives.
fn other(unit: &'static Unit, program: &Program, got: &Got, seed: u64, size: usize) -> Option<Got> {
    (0..DRAWS_MAX).find_map(|draw| {
        let (_, text) = generated(unit, program, (seed ^ 0x5bd1_e995).wrapping_add(draw << 40), size);
        let document = Document::read(text.as_bytes(), Some(unit)).ok()?;
        program.get(&document.tree).ok().filter(|other| program.are_of_one_form(got, other))
    })
}

/// The laws that need but one document.
pub fn laws_of(trial: &mut Trial, program: &Program, document: &Document) -> Option<Got> {
    let got = match program.get(&document.tree) {
        Ok(got) => got,
        Err(issue) => {
            trial.said(&format!("the document is refused: {}", issue.message), issue.path);
            return None;
        }
    };
    let held = |()| Outcome::Held;
    trial.note(Law::NoInvention, program.check_no_invention(&document.tree, &got).map(held));
    trial.note(Law::Ledger, program.check_ledger(&document.tree, &got).map(held));
    trial.note(Law::GetPut, program.check_get_put(&document.tree, &got).map(held));
    match document.write(&document.tree) {
        Ok(bytes) if bytes == document.bytes() => trial.held.push(Law::Text),
        Ok(_) => trial.said("an unchanged document is written in other bytes", String::new()),
        Err(issue) => trial.said(&issue.message, issue.path),
    }
    match program.check_create_get(&got) {
        Ok((outcome, made)) => {
            trial.note(Law::CreateGet, Ok(outcome));
            if let Some(made) = made {
                created(trial, program, document.unit, &made);
            }
        }
        Err(violation) => trial.broken.push(violation),
    }
    Some(got)
}

/// An edited tree is written, read again, and the same.
fn rereads(trial: &mut Trial, document: &Document, edited: &Tree) {
    let bytes = match document.write(edited) {
        Ok(bytes) => bytes,
        Err(issue) => return trial.said(&issue.message, issue.path),
    };
    match Document::read(&bytes, Some(document.unit)) {
        Ok(again) if alike(document.unit, edited, &again.tree) => trial.held.push(Law::Text),
        Ok(again) => trial.said("an edited document reads back as another", different(edited, &again.tree)),
        Err(unread) => trial
            .said(&format!("an edited document is not read: {}", unread.issue.message), unread.issue.path),
    }
}

/// A created tree is written as text and read.
fn created(trial: &mut Trial, program: &Program, unit: &'static Unit, made: &Tree) {
    let text = write_new(unit, program, made);
    match Document::read(text.as_bytes(), Some(unit)) {
        Ok(again) if alike(unit, made, &again.tree) => trial.held.push(Law::Text),
        Ok(again) => trial.said("a created document reads back as another", different(made, &again.tree)),
        Err(unread) => trial
            .said(&format!("a created document is not read: {}", unread.issue.message), unread.issue.path),
    }
}

/// True where both show the same in XML or JSON. An element of text alone is a leaf when it is read, and may have
/// been one before an edit; either way it is an element and its text.
fn alike(unit: &Unit, a: &Tree, b: &Tree) -> bool {
    // The elements of a resource have no order, but that of their definition in XML.
    match unit.format() {
        Format::Fhir => fhir::equal(a, b, schema()),
        Format::Csv => cells(a) == cells(b),
        Format::Er7 => er7::write(a) == er7::write(b),
        Format::Json | Format::Xml => shown(a) == shown(b),
    }
}

/// The cells of each row. Their order is that of the header.
fn cells(tree: &Tree) -> Vec<Vec<(String, String)>> {
    let row = |row| {
        let cell = |cell| (tree.name_text(cell).to_owned(), tree.text(cell).trim().to_owned());
        let mut cells: Vec<(String, String)> = tree.children(row).map(cell).collect();
        cells.retain(|(_, text)| !text.is_empty());
        cells.sort_unstable();
        cells
    };
    tree.children(NodeId::ROOT).map(row).collect()
}

/// Elements with their depth, attributes by name, and texts. White space around a text may come from its neighbours.
fn shown(tree: &Tree) -> Vec<(usize, String, String)> {
    let mut out = Vec::new();
    show(tree, NodeId::ROOT, 0, &mut out);
    out
}

fn show(tree: &Tree, node: NodeId, depth: usize, out: &mut Vec<(usize, String, String)>) {
    let kind = tree.kind(node);
    if kind == Kind::Text {
        return out.push((depth, "text".to_owned(), tree.text(node).trim().to_owned()));
    }
    out.push((depth, format!("{:?} {}", form(kind), tree.name_text(node)), String::new()));
    let start = out.len();
    for attribute in tree.children(node).filter(|child| tree.kind(*child) == Kind::Attr) {
        let name = tree.name_text(attribute);
        // A declaration says how names are written, and stands where the writer needs it.
        if !name.starts_with("@xmlns") {
            out.push((depth + 1, name.to_owned(), tree.text(attribute).into_owned()));
        }
    }
    out[start..].sort();
    if kind.is_leaf() && !tree.text(node).trim().is_empty() {
        out.push((depth + 1, "text".to_owned(), tree.text(node).trim().to_owned()));
    }
    let silent = |kind: Kind| matches!(kind, Kind::Comment | Kind::Pi | Kind::Attr);
    for child in tree.children(node).filter(|child| !silent(tree.kind(*child))) {
        show(tree, child, depth + 1, out);
    }
}

/// Kinds that one text may be read as.
fn form(kind: Kind) -> Kind {
    if matches!(kind, Kind::Str | Kind::Null) { Kind::Object } else { kind }
}

/// The path of the first node, in the order of the text, that the two do not share.
fn different(a: &Tree, b: &Tree) -> String {
    let (mut left, mut right) = (shown(a).into_iter(), shown(b).into_iter());
    loop {
        match (left.next(), right.next()) {
            (Some(l), Some(r)) if l == r => {}
            (None, None) => return String::new(),
            (l, r) => return format!("{l:?} and {r:?}"),
        }
    }
}
