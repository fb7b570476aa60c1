//! FHIRPath: the invariants of `CarePlan` on its published examples, and dom-3 on documents that grow.

mod octofhir;
mod rh;
mod sauma;

use crate::measure::{Run, seconds};
use std::collections::BTreeMap;
use std::fs;
use std::hint::black_box;
use std::path::Path;

/// Contained resources of the documents that dom-3 works through.
const SIZES: [usize; 4] = [100, 200, 400, 800];
/// Characters of an invariant that name its row.
const NAME_LENGTH: usize = 40;

/// What an invariant says of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    True,
    False,
    Empty,
    Error,
}

/// One invariant, parsed, on one document, read.
type Evaluate = Box<dyn Fn() -> Answer>;

/// Makes an invariant and a document ready.
type Prepare = Box<dyn Fn(&str, &str) -> Evaluate>;

struct Engine {
    name: &'static str,
    prepare: Prepare,
}

/// One engine and one invariant: what it says of each document, and the seconds that one evaluation takes.
struct Cell {
    answers: Vec<Answer>,
    seconds: f64,
}

/// Both tables.
pub(crate) fn tables(shared: &Path) {
    let engines = [sauma::engine(), octofhir::fresh(), octofhir::remembering(), rh::engine()];
    let text = fs::read_to_string(shared.join("bench/careplan-invariants.json")).unwrap();
    let rules: Vec<String> = serde_json::from_str(&text).unwrap();
    invariants(&engines, &rules, &examples(shared));
    growth(&engines, rules.iter().find(|rule| rule.contains("as(canonical)")).unwrap());
}

fn examples(shared: &Path) -> Vec<String> {
    let files = fs::read_dir(shared.join("suites/r4-examples")).unwrap().map(|entry| entry.unwrap().path());
    let plan = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with("careplan") && path.extension().is_some_and(|end| end == "json")
    };
    let mut files: Vec<_> = files.filter(|path| plan(path)).collect();
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Every invariant on every example.
fn invariants(engines: &[Engine], rules: &[String], documents: &[String]) {
    println!("\nFHIRPath: µs of one invariant of CarePlan, mean of {} examples", documents.len());
    heading(engines);
    let lines: Vec<(&str, &[String])> = rules.iter().map(|rule| (rule.as_str(), documents)).collect();
    let grid = grid(engines, &lines);
    for (rule, cells) in rules.iter().zip(&grid) {
        print_line(&rule.chars().take(NAME_LENGTH).collect::<String>(), cells);
    }
    let answered = |cells: &&Vec<Cell>| cells.iter().all(|cell| !cell.answers.contains(&Answer::Error));
    let common: Vec<&Vec<Cell>> = grid.iter().filter(answered).collect();
    print_line(&format!("mean of all {}", grid.len()), &mean(&grid.iter().collect::<Vec<_>>()));
    print_line(&format!("mean of the {} that all can answer", common.len()), &mean(&common));
    for (column, engine) in engines.iter().enumerate() {
        println!("{:<22} {}", engine.name, tally(&grid, column));
    }
}

/// dom-3 where every contained resource is referred to.
fn growth(engines: &[Engine], rule: &str) {
    println!("\nFHIRPath: µs of dom-3 by contained resources");
    heading(engines);
    let documents = SIZES.map(|size| [document(size)]);
    let grid = grid(engines, &documents.each_ref().map(|document| (rule, document.as_slice())));
    for (size, cells) in SIZES.iter().zip(&grid) {
        print_line(&format!("{size} contained resources"), cells);
    }
    print!("{:<42}", "the last is so many times the first");
    for (first, last) in grid[0].iter().zip(&grid[SIZES.len() - 1]) {
        print!("{:>24.1}", last.seconds / first.seconds);
    }
    println!("\nA cost that grows with the document would be {}.", SIZES[SIZES.len() - 1] / SIZES[0]);
}

/// A line for each invariant with its documents, a cell for each engine.
fn grid(engines: &[Engine], lines: &[(&str, &[String])]) -> Vec<Vec<Cell>> {
    let mut runs: Vec<Run> = Vec::new();
    let mut grid = Vec::new();
    for (rule, documents) in lines {
        let mut cells = Vec::new();
        for engine in engines {
            let all: Vec<Evaluate> =
                documents.iter().map(|document| (engine.prepare)(rule, document)).collect();
            cells.push(Cell { answers: all.iter().map(|evaluate| evaluate()).collect(), seconds: 0.0 });
            runs.push(Box::new(move || {
                for evaluate in &all {
                    black_box(evaluate());
                }
            }));
        }
        grid.push(cells);
    }
    for (cell, seconds) in grid.iter_mut().flatten().zip(seconds(&runs)) {
        cell.seconds = seconds / count(cell.answers.len());
    }
    grid
}

fn document(size: usize) -> String {
    let contained = |n| format!(r#"{{"resourceType":"Goal","id":"g{n}","note":[{{"text":"x"}}]}}"#);
    let goal = |n| format!("{{\"reference\":\"#g{n}\"}}");
    let contained: Vec<String> = (0..size).map(contained).collect();
    let goals: Vec<String> = (0..size).map(goal).collect();
    let (contained, goals) = (contained.join(","), goals.join(","));
    format!(r#"{{"resourceType":"CarePlan","contained":[{contained}],"goal":[{goals}]}}"#)
}

fn heading(engines: &[Engine]) {
    print!("{:<42}", "");
    for engine in engines {
        print!("{:>24}", engine.name);
    }
    println!();
}

/// Times and their ratios to the first. Where answers are errors, or not those of the first, the cell says so.
fn print_line(name: &str, cells: &[Cell]) {
    print!("{name:<42}");
    for cell in cells {
        let mark = if cell.answers.contains(&Answer::Error) {
            "error "
        } else if cell.answers != cells[0].answers {
            "differs "
        } else {
            ""
        };
        let ratio = cell.seconds / cells[0].seconds;
        print!("{:>24}", format!("{mark}{:.2} ({ratio:.1})", cell.seconds * 1e6));
    }
    println!();
}

/// The mean of each column.
fn mean(lines: &[&Vec<Cell>]) -> Vec<Cell> {
    let columns = lines.first().map_or(0, |cells| cells.len());
    let of =
        |column: usize| lines.iter().map(|cells| cells[column].seconds).sum::<f64>() / count(lines.len());
    (0..columns).map(|column| Cell { answers: Vec::new(), seconds: of(column) }).collect()
}

/// How often an engine gave each answer, and how many are not the first engine's.
fn tally(grid: &[Vec<Cell>], column: usize) -> String {
    let answers = |column: usize| grid.iter().flat_map(move |cells| &cells[column].answers);
    let mut counts: BTreeMap<Answer, usize> = BTreeMap::new();
    for answer in answers(column) {
        *counts.entry(*answer).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(answer, count)| format!("{answer:?} {count}")).collect();
    let differ = answers(column).zip(answers(0)).filter(|(one, other)| one != other).count();
    format!("{}; {differ} differ from the first engine's", counts.join(", "))
}

#[allow(clippy::cast_precision_loss, reason = "small counts")]
fn count(number: usize) -> f64 {
    number as f64
}
