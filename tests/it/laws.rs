//! The laws of every shipped lens: on generated documents, and on the C-CDA documents that are at hand.

use sauma::exchange::document::Document;
use sauma::exchange::laws::{Trial, generated, laws_of, trial};
use sauma::mapping::laws::Law;
use sauma::mapping::units::{UNITS, Unit, schema};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, equal, fhir};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Sizes of documents, small ones first, so that the first violation of a law is a small one.
const SIZES: [usize; 4] = [0, 3, 6, 10];

/// What the laws said of all documents of a lens.
#[derive(Default)]
struct Tally {
    held: BTreeMap<Law, usize>,
    refused: BTreeMap<(Law, String), (usize, String)>,
    broken: BTreeMap<String, (usize, String)>,
}

impl Tally {
    fn add(&mut self, name: &str, trial: Trial) {
        for law in trial.held {
            *self.held.entry(law).or_default() += 1;
        }
        for (law, issue) in trial.refused {
            let key = (law, issue.message.clone());
            self.refused.entry(key).or_insert_with(|| (0, format!("{name} at {}", issue.path))).0 += 1;
        }
        for violation in trial.broken {
            let key = format!("{}: {} (rule `{}`)", violation.law.name(), violation.message, violation.rule);
            let entry =
                self.broken.entry(key).or_insert_with(|| (0, format!("{name} at {}", violation.path)));
            entry.0 += 1;
        }
    }

    fn report(&self, title: &str) -> String {
        let mut out = format!("{title}\n");
        for (law, count) in &self.held {
            out.extend([format!("  {:<13} held {count}\n", law.name())]);
        }
        for ((law, message), (count, first)) in &self.refused {
            out.extend([format!(
                "  {:<13} refused {count}: {message}\n                first: {first}\n",
                law.name()
            )]);
        }
        for (key, (count, place)) in &self.broken {
            out.extend([format!("  BROKEN {count} {key}\n         first: {place}\n")]);
        }
        out
    }
}

fn cases() -> u64 {
    env::var("SAUMA_LAW_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

fn check(unit: &'static Unit) -> Tally {
    let program = unit.program().unwrap();
    let tally = Mutex::new(Tally::default());
    let (next, count) = (AtomicU64::new(0), cases());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let case = next.fetch_add(1, Ordering::Relaxed);
                    if case >= count {
                        return;
                    }
                    let size = SIZES[usize::try_from(case * 4 / count).unwrap()];
                    let outcome = trial(unit, program, case, size);
                    tally.lock().unwrap().add(&format!("seed {case}, size {size}"), outcome);
                }
            });
        }
    });
    tally.into_inner().unwrap()
}

/// Of a thousand changes to another whole document so many may be refused.
///
/// C-CDA: what is kept of a person or an organization decides which rule reads it, and an identifier may hold a root,
/// an extension or both, which no single rule turns into one another; and a value that no rule carried may stand where a
/// change would have another. FHIR: one in 60,000, whose cause is open. Social care: a code is drawn anew and its name,
/// of few words, comes out the same.
const REFUSED_PER_THOUSAND: [(&str, usize); 9] = [
    ("ccda-care-plan", 300),
    ("employment-plan", 0),
    ("fhir-detail", 1),
    ("fhir-reference", 0),
    ("hl7-v2-care", 250),
    ("kanta-care-plan", 300),
    ("service-need-assessment", 5),
    ("social-client-plan", 5),
    ("third-sector-support", 0),
];

impl Tally {
    fn refused(&self, law: Law) -> usize {
        self.refused.iter().filter(|((of, _), _)| *of == law).map(|(_, (count, _))| count).sum()
    }
}

#[test]
fn laws_hold_on_generated_documents() {
    let mut broken = 0;
    let only = env::var("ONLY").unwrap_or_default();
    for unit in UNITS.iter().filter(|unit| unit.name.contains(&only)) {
        let started = std::time::Instant::now();
        let tally = check(unit);
        println!(
            "{}",
            tally.report(&format!("{}: {} documents, {:.1?}", unit.name, cases(), started.elapsed()))
        );
        broken += tally.broken.len();
        let limit = REFUSED_PER_THOUSAND.iter().find(|(name, _)| *name == unit.name).unwrap().1;
        let expected = limit * usize::try_from(cases()).unwrap() / 1_000;
        // Few documents scatter: three standard deviations.
        let most = expected + 3 * expected.isqrt();
        let refused = tally.refused(Law::PutGet);
        assert!(refused <= most, "{}: {refused} changes are refused, at most {most} may be", unit.name);
    }
    assert_eq!(broken, 0, "laws are broken; see above");
}

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, out);
        } else if path.extension().is_some_and(|extension| extension == "xml" || extension == "ccda") {
            out.push(path);
        }
    }
}

/// Every C-CDA document at hand: unchanged it comes back byte for byte, and its leaves are accounted for.
#[test]
fn laws_hold_on_documents_of_others() {
    let shared = env::var_os("SAUMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let folder = shared.join("corpus/ccda");
    let mut files = Vec::new();
    files_below(&folder, &mut files);
    if files.is_empty() {
        println!("{} is not there: documents of others were not tried", folder.display());
        return;
    }
    files.sort();
    let unit = Unit::find("ccda-care-plan").unwrap();
    let program = unit.program().unwrap();
    let mut tally = Tally::default();
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    let (mut carried, mut kept, mut unexplained) = (0, 0, 0);
    for file in &files {
        let document = match Document::read(&fs::read(file).unwrap(), Some(unit)) {
            Ok(document) => document,
            Err(issue) => {
                *unread.entry(format!("{} {}", issue.issue.code.id, issue.issue.message)).or_default() += 1;
                continue;
            }
        };
        let mut trial = Trial::default();
        if let Some(got) = laws_of(&mut trial, program, &document) {
            let counts = program.ledger(&document.tree, &got).counts();
            (carried, kept, unexplained) =
                (carried + counts.carried, kept + counts.kept, unexplained + counts.unexplained);
        }
        tally.add(&file.file_name().unwrap().to_string_lossy(), trial);
    }
    println!("{}", tally.report(&format!("{} documents", files.len())));
    println!("  leaves: {carried} carried, {kept} kept, {unexplained} unexplained");
    for (reason, count) in &unread {
        println!("  not read {count}: {reason}");
    }
    assert!(tally.broken.is_empty(), "laws are broken; see above");
}

/// What a document claims of itself is no content: resources without it are put and made documents of as others are.
#[test]
fn resources_need_not_claim_what_a_lens_claims() {
    for unit in UNITS.iter().filter(|unit| matches!(unit.name, "social-client-plan" | "employment-plan")) {
        let lens = unit.program().unwrap();
        let (_, text) = generated(unit, lens, 7, 10);
        let document = Document::read(text.as_bytes(), Some(unit)).unwrap();
        let got = lens.get(&document.tree).unwrap();
        let whole = to_string(&got.target, Layout::Compact);
        assert!(whole.contains("/sauma-goal\"") || unit.name == "employment-plan", "{whole}");

        let mut plain: serde_json::Value = serde_json::from_str(&whole).unwrap();
        for entry in plain["entry"].as_array_mut().unwrap() {
            entry["resource"].as_object_mut().unwrap().remove("meta");
        }
        let read = |value: &serde_json::Value| fhir::read_json(&value.to_string(), schema().names()).unwrap();
        let put = lens.put(&document.tree, &read(&plain)).unwrap();
        assert!(equal(&put, NodeId::ROOT, &document.tree, NodeId::ROOT), "{}", unit.name);
        assert!(lens.create(&read(&plain)).is_ok(), "{}", unit.name);
        assert!(lens.create_fitting(&read(&plain)).unwrap().losses.is_empty(), "{}", unit.name);

        // Another's claim has no place in the document, and is not lost in silence.
        plain["entry"][0]["resource"]["meta"] = serde_json::json!({"profile": ["http://example.org/plan"]});
        assert!(lens.put(&document.tree, &read(&plain)).is_err(), "{}", unit.name);
        let losses = lens.create_fitting(&read(&plain)).unwrap().losses;
        assert!(losses.iter().any(|loss| loss.element.contains("meta")), "{losses:?}");
    }
}
