//! Speed, side by side with the peers and the limits that `design.md` names, in one run.
//!
//! Every row is measured in rounds that alternate with all the others, in CPU time of this thread, and the median
//! round counts. Absolute figures move with the machine; the ratios of one run are what to quote.
//! The documents come from `SAUMA_SHARED` (default `../shared`); rows whose documents are absent are left out.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first fault"
)]

#[path = "by_hand.rs"]
mod by_hand;
#[path = "er7.rs"]
mod er7;
#[path = "fhirpath.rs"]
mod fhirpath;
#[path = "join.rs"]
mod join;
#[path = "outgoing.rs"]
mod outgoing;
#[path = "search.rs"]
mod search;
#[path = "validate.rs"]
mod validate;

use cpu_time::ThreadTime;
use sauma::exchange::document::{Document, read_resources};
use sauma::mapping::units::{Unit, schema};
use sauma::mapping::{Program, compile, fml};
use sauma::plan::Contribution;
use sauma::tree::{NodeId, Tree, fhir, json, patch, xml};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

/// As the command has it.
#[cfg(feature = "server")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rounds of every row; the median counts.
const ROUNDS: usize = 9;
/// CPU time of one row in one round.
const ROUND: Duration = Duration::from_millis(60);

/// One thing that is measured.
struct Row {
    name: String,
    /// Bytes one run works through; zero where a rate of bytes says nothing.
    bytes: usize,
    /// Resources one run works through; zero where another thing is counted.
    resources: usize,
    run: Box<dyn Fn()>,
    /// Seconds of one run, by round.
    times: Vec<f64>,
}

/// Rows that belong together; ratios are to the row named first.
struct Table {
    title: &'static str,
    unit: &'static str,
    rows: Vec<Row>,
}

fn row(name: &str, bytes: usize, run: impl Fn() + 'static) -> Row {
    Row { name: name.to_owned(), bytes, resources: 0, run: Box::new(run), times: Vec::new() }
}

fn main() {
    let shared = env::var_os("SAUMA_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let mut tables = vec![join::table(), validate::own_table(), outgoing::table(), er7::table()];
    if shared.is_dir() {
        tables.push(map_table(&shared));
        tables.push(cda_table(&shared));
        tables.push(json_table(&shared));
        tables.push(xml_table(&shared));
        tables.push(fhirpath::table(&shared));
        tables.push(validate::table(&shared));
        tables.push(search::table(&shared));
    } else {
        println!("skipped: {} is not there; SAUMA_SHARED names it", shared.display());
    }
    // A word on the command line measures only the rows and tables that have it, for a profiler.
    let word = env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    for table in &mut tables {
        table.rows.retain(|row| format!("{} {}", table.title, row.name).contains(&word));
    }
    tables.retain(|table| !table.rows.is_empty());
    for _ in 0..ROUNDS {
        for row in tables.iter_mut().flat_map(|table| &mut table.rows) {
            row.times.push(measure(&row.run));
        }
    }
    for table in &mut tables {
        print(table);
    }
    if word.is_empty() {
        cold_start();
    }
}

/// Seconds of CPU time that one run takes.
fn measure(run: &dyn Fn()) -> f64 {
    let start = ThreadTime::now();
    let mut runs = 0_u32;
    while start.elapsed() < ROUND {
        for _ in 0..8 {
            run();
        }
        runs += 8;
    }
    start.elapsed().as_secs_f64() / f64::from(runs)
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn print(table: &mut Table) {
    println!("\n{}", table.title);
    let rate = format!("{}/CPU-s", table.unit);
    println!("{:<58} {rate:>12} {:>10} {:>8} {:>12}", "", "MB/s", "ratio", "µs/resource");
    let first = table.rows.first_mut().map_or(1.0, |row| median(&mut row.times));
    for row in &mut table.rows {
        let seconds = median(&mut row.times);
        let (bytes, resources) = (float(row.bytes), float(row.resources));
        let shown = |figure: f64, places: usize| {
            if figure.is_finite() && figure > 0.0 { format!("{figure:.places$}") } else { String::new() }
        };
        let (rate, each) = (shown(bytes / seconds / 1e6, 0), shown(seconds * 1e6 / resources, 1));
        println!("{:<58} {:>12.0} {rate:>10} {:>8.2} {each:>12}", row.name, 1.0 / seconds, first / seconds);
    }
}

#[allow(clippy::cast_precision_loss, reason = "documents are far smaller than 2^52 bytes")]
fn float(count: usize) -> f64 {
    count as f64
}

/// `bench/care`: a questionnaire response of 7.7 KB becomes eight resources.
fn map_table(shared: &Path) -> Table {
    let lines = fs::read_to_string(shared.join("bench/care/qrs.ndjson")).unwrap();
    let lines: Vec<String> = lines.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let lines: &'static [String] = lines.leak();
    let bytes = lines.iter().map(String::len).sum::<usize>() / lines.len();
    let lens: &'static Program =
        Box::leak(Box::new(compile(include_str!("care.lens"), schema(), &|_| None).unwrap()));
    let each = move |work: fn(&Program, &str)| {
        let at = std::cell::Cell::new(0);
        move || {
            at.set((at.get() + 1) % lines.len());
            work(lens, &lines[at.get()]);
        }
    };
    let rows = vec![
        row(
            "serde_json::Value, mapped by hand: parse + map + write",
            bytes,
            each(|_, line| {
                let value = serde_json::from_str(line).unwrap();
                black_box(serde_json::to_string(&by_hand::map(&value)).unwrap());
            }),
        ),
        row(
            "Sauma lens: parse + get + write",
            bytes,
            each(|lens, line| {
                black_box(mapped(lens, line));
            }),
        ),
        fml_row(shared, lines, bytes),
        row(
            "Sauma lens, with ledger and trace",
            bytes,
            each(|lens, line| {
                let tree = fhir::read_json(line, lens.names()).unwrap();
                let got = lens.get(&tree).unwrap();
                black_box(lens.ledger(&tree, &got).counts());
                let mut out = String::with_capacity(line.len());
                json::write(&got.target, NodeId::ROOT, json::Layout::Compact, &mut out);
                black_box(out);
            }),
        ),
        row("Sauma: get alone", bytes, {
            let trees: &'static [Tree] = lines
                .iter()
                .map(|line| fhir::read_json(line, lens.names()).unwrap())
                .collect::<Vec<_>>()
                .leak();
            let at = std::cell::Cell::new(0);
            move || {
                at.set((at.get() + 1) % trees.len());
                black_box(lens.get(&trees[at.get()]).unwrap());
            }
        }),
        row(
            "serde_json::Value, parse only",
            bytes,
            each(|_, line| {
                black_box(serde_json::from_str::<serde_json::Value>(line).unwrap());
            }),
        ),
        row(
            "sonic-rs, parse only",
            bytes,
            each(|_, line| {
                black_box(sonic_rs::from_str::<sonic_rs::Value>(line).unwrap());
            }),
        ),
    ];
    Table { title: "Map one questionnaire response (bench/care)", unit: "documents", rows }
}

/// The map of the benchmark as it stands, in the FHIR Mapping Language.
fn fml_row(shared: &Path, lines: &'static [String], bytes: usize) -> Row {
    let text = fs::read_to_string(shared.join("bench/care/care.map")).unwrap();
    let map: &'static fml::Map = Box::leak(Box::new(fml::parse(&text).map));
    let program = fml::compile(0, &[map], schema(), fml::Compat::Page).unwrap();
    let next = std::cell::Cell::new(0);
    row("Sauma, the same map as FML: parse + run + write", bytes, move || {
        next.set((next.get() + 1) % lines.len());
        let source = fhir::read_json(&lines[next.get()], schema().names()).unwrap();
        let output = program.run(&[&source], fml::Settings::default()).unwrap();
        let mut out = String::with_capacity(8 << 10);
        json::write(&output.targets[0], NodeId::ROOT, json::Layout::Compact, &mut out);
        black_box(out);
    })
}

fn mapped(lens: &Program, line: &str) -> String {
    let tree = fhir::read_json(line, lens.names()).unwrap();
    let got = lens.get(&tree).unwrap();
    let mut out = String::with_capacity(line.len());
    json::write(&got.target, NodeId::ROOT, json::Layout::Compact, &mut out);
    out
}

/// The four documents of the demonstration, by file name: one client, four unit systems.
fn demo() -> Vec<(PathBuf, Document)> {
    let folder = Path::new("src/cli/demo");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &PathBuf| Document::read(&fs::read(file).unwrap(), None).unwrap();
    files.iter().map(|file| (file.clone(), read(file))).collect()
}

/// What each unit contributes to the plan of the demonstration.
fn contributions() -> Vec<Contribution> {
    let contribution = |(file, document): (PathBuf, Document)| {
        let got = document.unit.program().unwrap().get(&document.tree).unwrap();
        Contribution::new(file.to_str().unwrap(), document.unit.name, got.target)
    };
    demo().into_iter().map(contribution).collect()
}

/// A C-CDA Care Plan of 62 KB: read, get, and put with one changed goal.
fn cda_table(shared: &Path) -> Table {
    let path = shared.join("corpus/ccda/HL7__C-CDA-Examples/Documents/Care_Plan/Care_Plan.xml");
    let text: &'static str = fs::read_to_string(path).unwrap().leak();
    let bytes = text.len();
    let unit = Unit::find("ccda-care-plan").unwrap();
    let lens: &'static Program = unit.program().unwrap();
    let document = Document::read(text.as_bytes(), Some(unit)).unwrap();
    let resources = json::to_string(&lens.get(&document.tree).unwrap().target, json::Layout::Compact);
    let changed: &'static Tree = Box::leak(Box::new(read_resources(&change_one(&resources)).unwrap()));
    let tree: &'static Tree = Box::leak(Box::new(document.tree));
    let rows = vec![
        row("Sauma: put (parse + get + put + check + write)", bytes, move || {
            let tree = xml::read(text, lens.names()).unwrap();
            let edited = lens.put_into(tree, changed).unwrap();
            black_box(patch::write(&edited, patch::Syntax::Xml));
        }),
        row("Sauma: get (parse + get + write JSON)", bytes, move || {
            let tree = xml::read(text, lens.names()).unwrap();
            black_box(json::to_string(&lens.get(&tree).unwrap().target, json::Layout::Compact));
        }),
        row("Sauma: get alone", bytes, move || {
            black_box(lens.get(tree).unwrap());
        }),
        row("Sauma: put alone", bytes, move || {
            black_box(lens.put(tree, changed).unwrap());
        }),
        row("quick-xml, all events, nothing kept", bytes, move || quick_events(text)),
    ];
    Table { title: "C-CDA Care Plan, 62 KB", unit: "documents", rows }
}

/// The resources with the title of the plan changed, as an editor would.
fn change_one(resources: &str) -> String {
    let mut bundle: serde_json::Value = serde_json::from_str(resources).unwrap();
    let plan = bundle["entry"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|e| e["resource"]["resourceType"] == "CarePlan");
    plan.unwrap()["resource"]["title"] = "Care plan, second half of the year".into();
    bundle.to_string()
}

fn quick_events(text: &str) {
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Eof => return,
            event => {
                black_box(&event);
            }
        }
    }
}

/// JSON of a care-plan Bundle.
fn json_table(shared: &Path) -> Table {
    let path = shared.join("corpus/smart-on-fhir__generated-sample-data/R4/SYNTHEA");
    let mut files: Vec<PathBuf> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort_by_key(|file| fs::metadata(file).unwrap().len().abs_diff(290_000));
    let text: &'static str = fs::read_to_string(&files[0]).unwrap().leak();
    let bytes = text.len();
    let names = schema().names();
    let tree: &'static Tree = Box::leak(Box::new(json::read(text, names).unwrap()));
    let value: &'static serde_json::Value = Box::leak(Box::new(serde_json::from_str(text).unwrap()));
    let sonic: &'static sonic_rs::Value = Box::leak(Box::new(sonic_rs::from_str(text).unwrap()));
    let rows = vec![
        row("serde_json::Value, read", bytes, move || {
            black_box(serde_json::from_str::<serde_json::Value>(text).unwrap());
        }),
        row("Sauma tree, read", bytes, move || {
            black_box(json::read(text, schema().names()).unwrap());
        }),
        row("sonic-rs, read", bytes, move || {
            black_box(sonic_rs::from_str::<sonic_rs::Value>(text).unwrap());
        }),
        row("serde_json::Value, write", bytes, move || {
            black_box(serde_json::to_string(value).unwrap());
        }),
        row("Sauma tree, write", bytes, move || {
            black_box(json::to_string(tree, json::Layout::Compact));
        }),
        row("sonic-rs, write", bytes, move || {
            black_box(sonic_rs::to_string(sonic).unwrap());
        }),
    ];
    Table { title: "JSON of a care-plan Bundle (about 290 KB)", unit: "documents", rows }
}

/// XML of C-CDA and of FHIR.
fn xml_table(shared: &Path) -> Table {
    let path = shared.join("corpus/ccda/HL7__C-CDA-Examples/Documents/Care_Plan/Care_Plan.xml");
    let text: &'static str = fs::read_to_string(path).unwrap().leak();
    let bytes = text.len();
    let tree: &'static Tree = Box::leak(Box::new(xml::read(text, schema().names()).unwrap()));
    let plan = fs::read_to_string(shared.join("suites/r4-examples/careplan-example.json")).unwrap();
    let plan: &'static Tree = Box::leak(Box::new(read_resources(&plan).unwrap()));
    let mut fhir_text = String::new();
    fhir::write_xml(plan, NodeId::ROOT, schema(), json::Layout::Pretty, &mut fhir_text).unwrap();
    let fhir_text: &'static str = fhir_text.leak();
    let rows = vec![
        row("quick-xml, all events, nothing kept", bytes, move || quick_events(text)),
        row("Sauma tree, read C-CDA", bytes, move || {
            black_box(xml::read(text, schema().names()).unwrap());
        }),
        row("Sauma tree, write C-CDA", bytes, move || {
            let mut out = String::with_capacity(bytes);
            xml::write(tree, NodeId::ROOT, json::Layout::Compact, &mut out);
            black_box(out);
        }),
        row("Sauma tree, read FHIR XML", fhir_text.len(), move || {
            black_box(fhir::read_xml(fhir_text, schema().names(), schema()).unwrap());
        }),
        row("Sauma tree, write FHIR XML", fhir_text.len(), move || {
            let mut out = String::with_capacity(fhir_text.len());
            fhir::write_xml(plan, NodeId::ROOT, schema(), json::Layout::Compact, &mut out).unwrap();
            black_box(out);
        }),
    ];
    Table { title: "XML", unit: "documents", rows }
}

/// Whole processes: from the start of the command to its end.
fn cold_start() {
    let command = env!("CARGO_BIN_EXE_sauma");
    let cases: [(&str, &[&str]); 3] = [
        ("sauma --version", &["--version"]),
        (
            "sauma translate a CSV to FHIR",
            &["translate", "mappings/employment-plan/cases/multi-sector/input.csv", "--to", "fhir"],
        ),
        (
            "sauma translate a C-CDA to FHIR",
            &["translate", "mappings/ccda-care-plan/cases/care-plan-full/input.xml", "--to", "fhir"],
        ),
    ];
    println!("\nCold start, whole process{:>47}", "ms, median");
    for (name, arguments) in cases {
        let mut times: Vec<f64> = (0..15)
            .map(|_| {
                let start = Instant::now();
                let done = Command::new(command).args(arguments).output().unwrap();
                assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
                start.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        println!("{name:<58} {:>12.1}", median(&mut times));
    }
}
