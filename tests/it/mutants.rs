//! A lens with one fault is noticed: by the compiler, by the cases, or by a law.

use sauma::exchange::document::Document;
use sauma::exchange::laws::generated;
use sauma::mapping::mutants::{Mutant, mutants};
use sauma::mapping::units::{UNITS, Unit, schema};
use sauma::mapping::{Fate, Format, Program, laws::Outcome};
use sauma::tree::{Tree, json};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Generated documents that each mutant is tried on.
const GENERATED: u64 = 8;
/// Of a hundred mutants so many must be noticed.
const NOTICED_PERCENT_MIN: usize = 95;

/// A document and what the lens itself makes of it.
struct Sample {
    tree: Tree,
    recorded: Option<(String, Vec<Fate>, usize)>,
    is_created: bool,
}

fn samples(unit: &'static Unit, program: &Program) -> Vec<Sample> {
    let mut documents: Vec<(Vec<u8>, bool)> = Vec::new();
    // A unit system may have no cases; then its lens is tried on drawn documents alone.
    let folders = fs::read_dir(Path::new("mappings").join(unit.name).join("cases"));
    for folder in folders.into_iter().flatten() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.file_stem().is_some_and(|stem| stem == "input") {
                documents.push((fs::read(path).unwrap(), true));
            }
        }
    }
    for seed in 0..GENERATED {
        documents.push((generated(unit, program, seed, 10).1.into_bytes(), false));
    }
    let sample = |(bytes, is_case): (Vec<u8>, bool)| {
        let tree = Document::read(&bytes, Some(unit)).unwrap().tree;
        let recorded = is_case.then(|| record(program, &tree).unwrap());
        let got = program.get(&tree).unwrap();
        let is_created = matches!(program.check_create_get(&got), Ok((Outcome::Held, _)));
        Sample { tree, recorded, is_created }
    };
    documents.into_iter().map(sample).collect()
}

/// What the files of a case hold: the resources, the ledger, the findings.
fn record(program: &Program, tree: &Tree) -> Option<(String, Vec<Fate>, usize)> {
    let got = program.get(tree).ok()?;
    let fates = program.ledger(tree, &got).entries.iter().map(|entry| entry.fate).collect();
    Some((json::to_string(&got.target, json::Layout::Compact), fates, got.issues.len()))
}

fn is_noticed(unit: &'static Unit, mutant: &Mutant, samples: &[Sample]) -> bool {
    let file =
        |path: &str| unit.files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let Ok(program) = mutant.compile(unit.lens, schema(), &file) else { return true };
    let differs =
        |sample: &Sample| sample.recorded.is_some() && record(&program, &sample.tree) != sample.recorded;
    samples.iter().any(differs) || samples.iter().any(|sample| breaks_a_law(&program, sample))
}

fn breaks_a_law(program: &Program, sample: &Sample) -> bool {
    let Ok(got) = program.get(&sample.tree) else { return true };
    program.check_no_invention(&sample.tree, &got).is_err()
        || program.check_ledger(&sample.tree, &got).is_err()
        || (sample.recorded.is_none() && program.check_explained(&sample.tree, &got).is_err())
        || program.check_get_put(&sample.tree, &got).is_err()
        || (sample.is_created && !matches!(program.check_create_get(&got), Ok((Outcome::Held, _))))
}

/// `DRAW=1` adds cases for what nothing notices: of documents drawn from seeds the few that tell most mutants from
/// the lens itself.
fn draw(unit: &'static Unit, all: &[Mutant], survivors: &[String]) {
    let program = unit.program().unwrap();
    let file =
        |path: &str| unit.files.iter().find(|(name, _)| *name == path).map(|(_, text)| (*text).to_owned());
    let documents: Vec<(u64, Tree)> = (1_000..1_160)
        .filter_map(|seed| {
            Some((
                seed,
                Document::read(generated(unit, program, seed, 10).1.as_bytes(), Some(unit)).ok()?.tree,
            ))
        })
        .collect();
    let records: Vec<_> = documents.iter().map(|(_, tree)| record(program, tree)).collect();
    let told = Mutex::new(Vec::new());
    let (next, left) = (
        AtomicUsize::new(0),
        all.iter().filter(|mutant| survivors.contains(&mutant.name)).collect::<Vec<_>>(),
    );
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(mutant) = left.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(spoilt) = mutant.compile(unit.lens, schema(), &file) else { continue };
                    let tells = |at: &usize| record(&spoilt, &documents[*at].1) != records[*at];
                    told.lock().unwrap().push((0..documents.len()).filter(tells).collect::<Vec<usize>>());
                }
            });
        }
    });
    let mut told = told.into_inner().unwrap();
    told.retain(|seeds| !seeds.is_empty());
    for number in 1..=12 {
        let Some(best) =
            (0..documents.len()).max_by_key(|at| told.iter().filter(|seeds| seeds.contains(at)).count())
        else {
            return;
        };
        let before = told.len();
        told.retain(|seeds| !seeds.contains(&best));
        if before == told.len() {
            return;
        }
        println!(
            "  drawn {number}: seed {} tells {}, {} left",
            documents[best].0,
            before - told.len(),
            told.len()
        );
        let folder = Path::new("mappings").join(unit.name).join(format!("cases/drawn-{number:02}"));
        fs::create_dir_all(&folder).unwrap();
        let extension = match unit.format() {
            Format::Xml => "xml",
            Format::Csv => "csv",
            Format::Er7 => "hl7",
            Format::Json | Format::Fhir => "json",
        };
        let text = generated(unit, program, documents[best].0, 10).1;
        fs::write(folder.join(format!("input.{extension}")), text).unwrap();
    }
}

#[test]
fn faults_of_a_lens_are_noticed() {
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut weak = Vec::new();
    for unit in UNITS.iter().filter(|unit| unit.name.contains(&only)) {
        let started = std::time::Instant::now();
        let samples = samples(unit, unit.program().unwrap());
        let all = mutants(unit.lens, unit.files).unwrap();
        let survivors = Mutex::new(Vec::new());
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
                scope.spawn(|| {
                    while let Some(mutant) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if !is_noticed(unit, mutant, &samples) {
                            survivors.lock().unwrap().push(mutant.name.clone());
                        }
                    }
                });
            }
        });
        let mut survivors = survivors.into_inner().unwrap();
        survivors.sort();
        if std::env::var_os("DRAW").is_some() {
            draw(unit, &all, &survivors);
        }
        let noticed = all.len() - survivors.len();
        println!("{}: {noticed} of {} mutants noticed, {:.1?}", unit.name, all.len(), started.elapsed());
        for survivor in &survivors {
            println!("  {survivor}");
        }
        if noticed * 100 < all.len() * NOTICED_PERCENT_MIN {
            weak.push(unit.name);
        }
    }
    assert!(weak.is_empty(), "too many faults pass unnoticed: {weak:?}");
}
