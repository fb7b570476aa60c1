//! `sauma lens test --mutate`: does anything notice where a lens is spoilt?

use super::bulk;
use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files;
use super::lens::{LensFile, faults};
use super::lens_test::reread;
use super::report::count;
use crate::diag::Issue;
use crate::format::{Encoding, csv, decode, er7};
use crate::mapping::laws::Outcome;
use crate::mapping::mutants::{Mutant, mutants};
use crate::mapping::{Fate, Format, Program, generate};
use crate::schema::{CodeTable, Schema};
use crate::tree::json::Layout;
use crate::tree::{Tree, fhir, json, xml};
use serde::Serialize;
use std::fs;
use std::path::Path;

/// Of a hundred faults so many should be noticed.
const NOTICED_PERCENT_MIN: usize = 95;

#[derive(Serialize)]
struct Report<'a> {
    lens: &'a str,
    cases: usize,
    mutants: usize,
    noticed: usize,
    unnoticed: &'a [&'a str],
}

/// Documents drawn from the model beside the cases.
const GENERATED: u64 = 8;
/// Their size.
const GENERATED_SIZE: usize = 10;

/// A document and what the sound lens makes of it.
struct Case {
    tree: Tree,
    /// For a written case, what its files hold; of a drawn document only the laws are asked.
    recorded: Option<Record>,
    /// The sound lens makes the document from its resources alone.
    is_created: bool,
}

type Record = (String, Vec<Fate>, usize);

pub(super) fn run(lens: &LensFile, console: &Console) -> Result<Verdict, Stop> {
    let Some(folder) = &lens.folder else {
        return Err(Stop::usage(
            "faults are tried on the cases of a lens",
            "name the folder that holds the lens and its `cases`",
        ));
    };
    let schema = lens.schema()?;
    let program = match lens.compile(&schema) {
        Ok(program) => program,
        Err(issues) => return Ok(faults(lens, &issues, console)),
    };
    let mut cases = cases(&folder.join("cases"), &program, &schema)?;
    let written = cases.len();
    if written == 0 {
        return Err(Stop::usage(
            format!("`{}` has no cases", folder.display()),
            "put a document into cases/<name>/input.*",
        ));
    }
    cases.extend(drawn(&program, &schema));
    let tables = tables(folder)?;
    let tables: Vec<(&str, &str)> =
        tables.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let all = match mutants(&lens.text, &tables) {
        Ok(all) => all,
        Err(issues) => return Ok(faults(lens, &issues, console)),
    };
    let noticed = bulk::work_all(&all, &|mutant| is_noticed(mutant, lens, &schema, &cases))?;
    let unnoticed: Vec<&str> = all
        .iter()
        .zip(noticed)
        .filter(|(_, noticed)| !noticed)
        .map(|(mutant, _)| mutant.name.as_str())
        .collect();
    let report = Report {
        lens: &program.url,
        cases: written,
        mutants: all.len(),
        noticed: all.len() - unnoticed.len(),
        unnoticed: &unnoticed,
    };
    let is_weak = report.noticed * 100 < report.mutants * NOTICED_PERCENT_MIN;
    if console.is_json() {
        Console::print_json(&report)?;
    } else {
        let (ink, tried) = (if is_weak { Ink::Error } else { Ink::Good }, count(report.cases, "case"));
        let sum =
            console.out_paint.ink(ink, &format!("{} of {} faults noticed", report.noticed, report.mutants));
        let mut text = format!("{}: {sum} with {tried} and the laws\n", clean(&lens.file));
        for name in &unnoticed {
            text.add(format_args!("  unnoticed: {}\n", clean(name)));
        }
        Console::print(&text)?;
    }
    Ok(Verdict::of(is_weak))
}

fn cases(folder: &Path, program: &Program, schema: &Schema) -> Result<Vec<Case>, Stop> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for file in bulk::expand(&[folder.to_owned()])?.entries {
        if file.path.file_stem().is_some_and(|stem| stem == "input") {
            let tree = read(&files::read(&file.path)?, program, schema).map_err(Stop::Issue)?;
            let recorded = record(program, &tree);
            found.push(Case { is_created: is_created(program, &tree), tree, recorded });
        }
    }
    Ok(found)
}

fn drawn(program: &Program, schema: &Schema) -> Vec<Case> {
    let draw =
        |seed| reread(program, schema, &generate::document(program, schema, seed, GENERATED_SIZE)).ok();
    let case = |tree| Case { is_created: is_created(program, &tree), tree, recorded: None };
    (0..GENERATED).filter_map(draw).map(case).collect()
}

fn is_created(program: &Program, tree: &Tree) -> bool {
    program.get(tree).is_ok_and(|got| matches!(program.check_create_get(&got), Ok((Outcome::Held, _))))
}

/// Reads a case as the lens says; one that is not UTF-8 is Windows-1252, as an export may be.
fn read(bytes: &[u8], program: &Program, schema: &Schema) -> Result<Tree, Box<Issue>> {
    let (text, _) = decode(bytes, None).or_else(|_| decode(bytes, Some(Encoding::Windows1252)))?;
    let names = program.names();
    match program.format {
        Format::Json => json::read(&text, names),
        Format::Xml => xml::read(&text, names),
        Format::Csv => csv::read(&text, names).map(|(tree, _)| tree),
        Format::Er7 => er7::read(&text, names).map(|(tree, _)| tree),
        Format::Fhir if text.trim_start().starts_with('<') => fhir::read_xml(&text, names, schema),
        Format::Fhir => fhir::read_json(&text, names),
    }
}

/// The code tables that the lens may name.
fn tables(folder: &Path) -> Result<Vec<(String, String)>, Stop> {
    let codes = folder.join("codes");
    let mut found = Vec::new();
    if codes.is_dir() {
        let unreadable = |source| Stop::Unreadable { path: codes.clone(), source };
        for entry in fs::read_dir(&codes).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let text = files::read_text(&entry.path())?;
            if CodeTable::parse(&text).is_ok() {
                found.push((format!("codes/{}", entry.file_name().to_string_lossy()), text));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// What the files of a case hold: the resources, the ledger, the findings.
fn record(program: &Program, tree: &Tree) -> Option<Record> {
    let got = program.get(tree).ok()?;
    let fates = program.ledger(tree, &got).entries.iter().map(|entry| entry.fate).collect();
    Some((json::to_string(&got.target, Layout::Compact), fates, got.issues.len()))
}

/// By the compiler, by a case, or by a law.
fn is_noticed(mutant: &Mutant, lens: &LensFile, schema: &Schema, cases: &[Case]) -> bool {
    let Ok(program) = mutant.compile(&lens.text, schema, &|file| lens.beside(file)) else { return true };
    let differs = |case: &Case| case.recorded.is_some() && record(&program, &case.tree) != case.recorded;
    cases.iter().any(|case| differs(case) || breaks_a_law(&program, case))
}

fn breaks_a_law(program: &Program, case: &Case) -> bool {
    let tree = &case.tree;
    let Ok(got) = program.get(tree) else { return true };
    program.check_no_invention(tree, &got).is_err()
        || program.check_ledger(tree, &got).is_err()
        || (case.recorded.is_none() && program.check_explained(tree, &got).is_err())
        || program.check_get_put(tree, &got).is_err()
        || (case.is_created && !matches!(program.check_create_get(&got), Ok((Outcome::Held, _))))
}
