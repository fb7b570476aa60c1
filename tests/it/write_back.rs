//! Write-back: an edit reaches the document of its owner and nothing else, and no edit is lost.

use super::cli::Folder;
use super::values::{count, shown, values};
use sauma::diag::codes;
use sauma::exchange::document::{Document, read_resources};
use sauma::exchange::write_back::{Original, Written};
use sauma::mapping::Random;
use sauma::mapping::units::{UNITS, Unit};
use sauma::plan::split::{Conflict, Editor, Given, Split, own_unit, split};
use sauma::plan::{Contribution, Joined, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{Flags, Kind, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// A document with what it contributes.
#[derive(Clone)]
pub(crate) struct Paper {
    pub(crate) bytes: Vec<u8>,
    unit: Option<&'static Unit>,
    pub(crate) original: Original,
    pub(crate) contribution: Contribution,
}

pub(crate) fn paper(label: &str, bytes: &[u8], unit: Option<&'static Unit>) -> Option<Paper> {
    let (original, contribution) = match unit {
        Some(unit) => {
            let document = Document::read(bytes, Some(unit)).ok()?;
            let program = unit.program().unwrap();
            let got = program.get(&document.tree).ok()?;
            let contribution = Contribution::new(label, unit.name, got.target);
            (Original::Unit(Box::new(document), program), contribution)
        }
        None => {
            let tree = read_resources(std::str::from_utf8(bytes).unwrap()).unwrap();
            (Original::fhir(bytes).unwrap(), Contribution::new(label, "fhir", tree))
        }
    };
    Some(Paper { bytes: bytes.to_vec(), unit, original, contribution })
}

/// The documents of the cases of every unit system.
pub(crate) fn papers() -> Vec<Paper> {
    let mut found = Vec::new();
    for unit in UNITS {
        let folder = format!("{}/mappings/{}/cases", env!("CARGO_MANIFEST_DIR"), unit.name);
        let Ok(cases) = fs::read_dir(folder) else { continue };
        let mut cases: Vec<_> = cases.map(|case| case.unwrap().path()).collect();
        cases.sort();
        for case in cases {
            let mut files = fs::read_dir(&case).unwrap().map(|file| file.unwrap().path());
            let input = files.find(|file| file.file_stem().is_some_and(|stem| stem == "input"));
            let bytes = input.map(|input| fs::read(input).unwrap());
            found.extend(bytes.and_then(|bytes| paper(unit.name, &bytes, Some(unit))));
        }
    }
    found
}

/// A plan of another unit about the client of a document, so that there is somebody else to join with.
pub(crate) fn companion(of: &Paper) -> Option<Paper> {
    let tree = &of.contribution.bundle;
    let entries = tree.children(NodeId::ROOT).filter(|node| tree.name_text(*node) == "entry");
    let mut resources = entries.filter_map(|entry| tree.child_str(entry, "resource"));
    let patient = resources.find(|node| tree.resource_type(*node).as_deref() == Some("Patient"))?;
    let mut client = String::new();
    sauma::tree::json::write(tree, patient, Layout::Compact, &mut client);
    let mut client: serde_json::Value = serde_json::from_str(&client).ok()?;
    client["id"] = "same".into();
    for key in ["managingOrganization", "generalPractitioner", "link", "contained", "text", "extension"] {
        client.as_object_mut()?.remove(key);
    }
    let bundle = serde_json::json!({ "resourceType": "Bundle", "type": "collection", "entry": [
        { "fullUrl": "urn:uuid:9d8f0001-0000-4000-8000-000000000001", "resource": client },
        { "fullUrl": "urn:uuid:9d8f0001-0000-4000-8000-000000000002", "resource": {
            "resourceType": "CarePlan", "id": "theirs", "status": "active", "intent": "plan",
            "identifier": [{ "system": "urn:oid:1.2.246.999", "value": "other-plan" }],
            "subject": { "reference": "urn:uuid:9d8f0001-0000-4000-8000-000000000001" },
            "goal": [{ "reference": "urn:uuid:9d8f0001-0000-4000-8000-000000000003" }],
            "activity": [{ "detail": { "status": "in-progress", "description": "Kuorossa käyminen" } }],
            "note": [{ "text": "Puhelu sovittu maanantaille" }] } },
        { "fullUrl": "urn:uuid:9d8f0001-0000-4000-8000-000000000003", "resource": {
            "resourceType": "Goal", "id": "choir", "lifecycleStatus": "active",
            "description": { "text": "Laulan kuorossa" },
            "subject": { "reference": "urn:uuid:9d8f0001-0000-4000-8000-000000000001" },
            "note": [{ "text": "Ensimmäinen kerta torstaina" }] } }
    ] });
    paper("companion", serde_json::to_string_pretty(&bundle).unwrap().as_bytes(), None)
}

struct Plan {
    papers: Vec<Paper>,
    contributions: Vec<Contribution>,
    joined: Joined,
}

fn plan(papers: Vec<Paper>) -> Plan {
    let contributions: Vec<Contribution> = papers.iter().map(|paper| paper.contribution.clone()).collect();
    let joined = join(&contributions, &[]);
    Plan { papers, contributions, joined }
}

impl Plan {
    fn given(&self) -> Given<'_> {
        Given { joined: &self.joined, contributions: &self.contributions }
    }

    fn split(&self, edited: &Tree, editor: &str) -> Split {
        split(self.given(), &sent(edited), &editor_of(editor), &own_unit)
    }

    /// Carries an edit into the documents as they are now.
    fn write(&self, edited: &Tree, editor: &str, now: &[Paper]) -> Result<Outcome, String> {
        let split = self.split(edited, editor);
        let homeless = split.new.iter().filter(|new| new.home.is_none()).count();
        let mut outcome = Outcome { proposals: split.proposals.len(), kept: homeless, ..Outcome::default() };
        if let Some(issue) = split.refused.first() {
            return Err(format!("{} {}", issue.code.id, issue.message));
        }
        for edit in split.edits {
            let at = edit.contribution;
            assert_eq!(self.papers[at].contribution.unit, editor, "an edit of somebody else's document");
            let (edit, conflicts) = edit.rebase(&self.contributions[at], &now[at].contribution);
            outcome.conflicts.extend(conflicts);
            let written = now[at].original.write(&now[at].contribution, &edit);
            outcome
                .written
                .push((at, written.map_err(|issue| format!("{} {}", issue.code.id, issue.message))?));
        }
        Ok(outcome)
    }
}

#[derive(Default)]
struct Outcome {
    written: Vec<(usize, Written)>,
    conflicts: Vec<Conflict>,
    proposals: usize,
    /// New content that no document of the editor has a place for: Sauma keeps it.
    kept: usize,
}

fn editor_of(unit: &str) -> Editor {
    Editor { unit: Some(unit.to_owned()), ..Editor::default() }
}

/// What an editor's system sends back: the plan as text, read again.
pub(crate) fn sent(tree: &Tree) -> Tree {
    read_resources(&to_string(tree, Layout::Pretty)).unwrap()
}

/// How many values one document has that the other has not.
fn missing(left: &BTreeMap<String, usize>, right: &BTreeMap<String, usize>) -> usize {
    left.iter().map(|(value, count)| count.saturating_sub(*right.get(value).unwrap_or(&0))).sum()
}

/// One generated edit of the joined plan; false where there is nothing to edit.
pub(crate) fn generate(tree: &mut Tree, joined: &Joined, random: &mut Random, mark: &str) -> bool {
    // An edit may leave something that FHIR has no form for, as a value without anything; no system can send it.
    change(tree, joined, random, mark) && read_resources(&to_string(tree, Layout::Compact)).is_ok()
}

fn change(tree: &mut Tree, joined: &Joined, random: &mut Random, mark: &str) -> bool {
    let is_set_aside = |tree: &Tree, node: NodeId| {
        ["id", "reference", "url", "system", "resourceType", "div", "fullUrl"].contains(&tree.name_text(node))
    };
    let nodes: Vec<NodeId> = tree
        .descend(NodeId::ROOT)
        .filter(|node| !joined.origins(*node).is_empty() && !is_set_aside(tree, *node))
        .collect();
    let texts: Vec<NodeId> = nodes.iter().copied().filter(|node| tree.kind(*node) == Kind::Str).collect();
    let items: Vec<NodeId> = nodes
        .iter()
        .copied()
        .filter(|node| tree.flags(*node).has(Flags::LIST) && tree.kind(*node) == Kind::Object)
        .collect();
    match random.below(10) {
        0 if !items.is_empty() => {
            tree.remove(items[random.below(items.len())]);
            true
        }
        1 if !items.is_empty() => {
            let item = items[random.below(items.len())];
            let parent = tree.parent(item).unwrap();
            let copy = tree.clone_below(item);
            let (name, kind) = (tree.name(item), tree.kind(item));
            let node = tree.insert_after(parent, Some(item), name, kind, Flags::LIST, 0);
            tree.fill_from(node, &copy, NodeId::ROOT);
            for leaf in tree.descend(node).collect::<Vec<_>>() {
                if tree.name_text(leaf) == "id" && tree.parent(leaf) == Some(node) {
                    tree.remove(leaf);
                } else if ["text", "display", "description", "value"].contains(&tree.name_text(leaf))
                    && tree.kind(leaf) == Kind::Str
                {
                    tree.set_text(leaf, mark);
                }
            }
            true
        }
        _ if !texts.is_empty() => {
            let leaf = texts[random.below(texts.len())];
            let said = tree.text(leaf).into_owned();
            let day = format!("2026-0{}-1{}", 1 + random.below(9), random.below(10));
            let is_date = said.len() >= 10 && said.is_char_boundary(4) && said.as_bytes()[4] == b'-';
            let says = if is_date { day.as_str() } else { mark };
            tree.set_text(leaf, says);
            says != said
        }
        _ => false,
    }
}

#[test]
fn a_plan_that_nobody_edited_changes_nothing() {
    let mut tried = 0;
    for paper in papers() {
        let name = paper.contribution.unit.clone();
        let plan = plan(companion(&paper).into_iter().chain([paper]).collect());
        for editor in [name.as_str(), "fhir"] {
            for tree in [sent(&plan.joined.bundle), plan.joined.bundle.clone()] {
                let split = split(plan.given(), &tree, &editor_of(editor), &own_unit);
                let said: Vec<String> = split
                    .refused
                    .iter()
                    .map(|issue| format!("{} {} {}", issue.code.id, issue.message, issue.path))
                    .collect();
                assert!(split.edits.is_empty() && split.new.is_empty(), "{name}: edits {:?}", split.edits);
                assert!(split.proposals.is_empty() && said.is_empty(), "{name}: {said:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

/// Edits that are written; others are refused, or come to proposals.
const EDITS: usize = 500;
const SEEDS_MAX: u64 = 5_000;

#[test]
fn five_hundred_edits_change_what_they_say_and_nothing_else() {
    let papers = papers();
    let plans: Vec<Plan> = papers
        .into_iter()
        .map(|paper| plan([paper.clone()].into_iter().chain(companion(&paper)).collect()))
        .collect();
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut written = 0;
    for seed in 0..SEEDS_MAX {
        if written == EDITS {
            break;
        }
        let mut random = Random::new(seed);
        let plan = &plans[random.below(plans.len())];
        let editor = if random.chance(80) { plan.papers[0].contribution.unit.clone() } else { "fhir".into() };
        let mut edited = plan.joined.bundle.clone();
        let mark = format!("muokattu {seed}");
        if !generate(&mut edited, &plan.joined, &mut random, &mark) {
            count(&mut tally, "nothing to edit".into());
            continue;
        }
        let outcome = match plan.write(&edited, &editor, &plan.papers) {
            Ok(outcome) => outcome,
            Err(said) => {
                let is_fault = said.starts_with(codes::PROOF_FAILED.id);
                assert!(!is_fault, "seed {seed}: {said}");
                count(&mut tally, format!("refused: {said}"));
                continue;
            }
        };
        assert!(outcome.conflicts.is_empty(), "seed {seed}: a conflict with nobody");
        if outcome.written.is_empty() {
            let is_taken = outcome.proposals > 0 || outcome.kept > 0;
            count(&mut tally, if is_taken { "proposed or kept" } else { "no change" }.into());
            assert!(is_taken || editor == "fhir", "seed {seed}: the edit came to nothing");
            continue;
        }
        for (at, written) in &outcome.written {
            check_written(seed, &plan.papers[*at], written);
        }
        count(&mut tally, format!("written to {editor}"));
        written += 1;
    }
    println!("{tally:#?}");
    assert_eq!(written, EDITS, "{tally:#?}");
}

/// Bytes that a document may have around a value: its name, indents, the element that holds it alone.
const VALUE_ROOM: usize = 160;
/// Bytes that are the same between two places that differ.
const BETWEEN_PLACES: usize = 60;

/// Where two texts differ.
#[derive(Default)]
struct Differing {
    places: usize,
    gone: usize,
    came: usize,
}

/// Compares texts by their words and marks, whatever they say: the longest sequence that both have is the same.
fn differing(old: &[u8], new: &[u8]) -> Differing {
    let words = |text: &[u8]| -> Vec<Vec<u8>> {
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        text.chunk_by(|a, b| is_word(a) && is_word(b)).map(<[u8]>::to_vec).collect()
    };
    let (old, new) = (words(old), words(new));
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tails = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = tails.take_while(|(a, b)| a == b).count();
    let (old, new) = (&old[head..old.len() - tail], &new[head..new.len() - tail]);
    let mut longest = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for (at, left) in old.iter().enumerate().rev() {
        for (to, right) in new.iter().enumerate().rev() {
            longest[at][to] = if left == right {
                longest[at + 1][to + 1] + 1
            } else {
                longest[at + 1][to].max(longest[at][to + 1])
            };
        }
    }
    let (mut at, mut to, mut same, mut found) = (0, 0, usize::MAX, Differing::default());
    while at < old.len() || to < new.len() {
        if at < old.len() && to < new.len() && old[at] == new[to] {
            same = same.saturating_add(old[at].len());
            (at, to) = (at + 1, to + 1);
            continue;
        }
        found.places += usize::from(same >= BETWEEN_PLACES);
        same = 0;
        if to == new.len() || at < old.len() && longest[at + 1][to] >= longest[at][to + 1] {
            found.gone += old[at].len();
            at += 1;
        } else {
            found.came += new[to].len();
            to += 1;
        }
    }
    found
}

/// Parsers that are not ours find as many changed values as the proof tells, and a comparison that knows no format finds as
/// many places, with no more bytes in them than those values have: elsewhere it is byte for byte the same.
pub(crate) fn check_written(seed: u64, paper: &Paper, written: &Written) {
    let (old, new) = (values(&paper.bytes), values(&written.bytes));
    let (gone, came) = (missing(&old, &new), missing(&new, &old));
    let told_gone = written.proof.changed.iter().filter(|changed| changed.before.reveal().is_some()).count();
    let told_came = written.proof.changed.iter().filter(|changed| changed.after.reveal().is_some()).count();
    let name = &paper.contribution.unit;
    assert!(
        gone <= told_gone && came <= told_came,
        "seed {seed} {name}: {gone}/{told_gone} {came}/{told_came}"
    );
    // One element may stand for two places of a document, as the kind of a goal that is looked back at and set again: then
    // the proof tells of both, and each place that differs is one of those that it tells of.
    let differ = differing(&shown(&paper.bytes), &shown(&written.bytes));
    let told = &written.proof.changed;
    assert!(differ.places <= told.len(), "seed {seed} {name}: {} places, {} told", differ.places, told.len());
    let room = |value: Option<&str>| value.map_or(0, |value| VALUE_ROOM + 2 * value.len());
    let gone: usize = told.iter().map(|changed| room(changed.before.reveal().as_deref())).sum();
    let came: usize = told.iter().map(|changed| room(changed.after.reveal().as_deref())).sum();
    assert!(
        differ.gone <= gone && differ.came <= came,
        "seed {seed} {name}: {} of {gone} bytes gone, {} of {came} came",
        differ.gone,
        differ.came
    );
    assert!(paper.unit.is_none_or(|unit| Document::read(&written.bytes, Some(unit)).is_ok()), "seed {seed}");
}

#[test]
fn of_two_editors_neither_is_lost() {
    let plans: Vec<Plan> = papers().into_iter().map(|paper| plan(vec![paper])).collect();
    let (mut both, mut conflicts, mut lost) = (0, 0, Vec::new());
    for seed in 1000..1300 {
        let mut random = Random::new(seed);
        let plan = &plans[random.below(plans.len())];
        let editor = plan.papers[0].contribution.unit.clone();
        let (mut first, mut second) = (plan.joined.bundle.clone(), plan.joined.bundle.clone());
        let (left, right) = (format!("ensin {seed}"), format!("sitten {seed}"));
        if !generate(&mut first, &plan.joined, &mut random, &left)
            || !generate(&mut second, &plan.joined, &mut random, &right)
        {
            continue;
        }
        let Ok(done) = plan.write(&first, &editor, &plan.papers) else { continue };
        let Some((_, written)) = done.written.into_iter().next() else { continue };
        let Some(now) = paper(&editor, &written.bytes, plan.papers[0].unit) else { continue };
        // What the second edit alone would come to; one that is refused anyway tells nothing of two.
        if plan.write(&second, &editor, &plan.papers).is_err() {
            continue;
        }
        let Ok(then) = plan.write(&second, &editor, std::slice::from_ref(&now)) else { continue };
        if !then.conflicts.is_empty() {
            conflicts += 1;
            continue;
        }
        let Some((_, last)) = then.written.first() else { continue };
        let (start, middle, end) =
            (values(&plan.papers[0].bytes), values(&written.bytes), values(&last.bytes));
        // What nobody said before the first editor is still there; a value that is there twice may lose one to the second.
        // What a document says in several places is restated in all of them, so a new place alone is no new word.
        let words =
            |value: &str| value.split_once('=').map_or_else(String::new, |(_, words)| words.to_owned());
        let known: BTreeSet<String> = start.keys().map(|value| words(value)).collect();
        for value in middle.keys().filter(|value| !known.contains(&words(value))) {
            if !end.contains_key(value) {
                lost.push(format!("seed {seed} {editor}: {value} of the first editor is lost"));
            }
        }
        both += 1;
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
    println!("both {both}, conflicts {conflicts}");
    assert!(both >= 50, "{both} and {conflicts}");
}

/// Each folder of `tests/cases/write-back` is a run of the command: its documents, the edit, the words after
/// `sauma write-back` in `arguments`, what it says in `expected.txt`, and below `expected/` what it writes. `UPDATE=1`
/// writes both anew.
#[test]
fn cases_as_files() {
    let home = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/write-back");
    let mut folders: Vec<_> = fs::read_dir(home).unwrap().map(|folder| folder.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() >= 5);
    for case in folders {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let folder = Folder::new(&format!("write-back-{name}"));
        for file in fs::read_dir(&case).unwrap().map(|file| file.unwrap().path()) {
            if file.is_file() {
                folder.file(&file.file_name().unwrap().to_string_lossy(), fs::read(&file).unwrap());
            }
        }
        let before = folder.files();
        let words = fs::read_to_string(case.join("arguments")).unwrap();
        let arguments: Vec<&str> = std::iter::once("write-back").chain(words.split_whitespace()).collect();
        let ran = folder.run(&arguments);
        let said = format!("exit code {}\n{}{}", ran.code, ran.out, ran.err);
        let new: Vec<String> = folder.files().into_iter().filter(|file| !before.contains(file)).collect();
        let written: BTreeMap<String, String> =
            new.iter().map(|file| (file.clone(), folder.read(file))).collect();
        if std::env::var_os("UPDATE").is_some() {
            fs::write(case.join("expected.txt"), &said).unwrap();
            for (file, text) in &written {
                let path = case.join("expected").join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
        }
        assert_eq!(said, fs::read_to_string(case.join("expected.txt")).unwrap(), "{name}");
        for (file, text) in &written {
            let expected = fs::read_to_string(case.join("expected").join(file));
            assert_eq!(Some(text), expected.ok().as_ref(), "{name}: {file}");
        }
    }
}
