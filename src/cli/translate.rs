//! `sauma translate`: documents to FHIR resources or to documents of another unit system.

use super::bulk::{self, Inputs, Item};
use super::console::{Console, Stop, Verdict};
use super::documents::Documents;
use super::input::{self, Content, FHIR, From, Input, Origin, fhir_text, program};
use super::report::{self, Finding, Tally};
use super::sink::Sink;
use super::{files, outgoing, progress, put};
use crate::diag::{Issue, Span, codes};
use crate::exchange::document::{Document, write_new};
use crate::mapping::units::{Unit, schema};
use crate::mapping::{Counts, Format, Program};
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir, json};
use std::path::{Path, PathBuf};

/// Findings of one document that people are shown.
const SHOWN_ALONE: usize = 20;
/// Findings of one of many documents that people are shown.
const SHOWN_AMONG_MANY: usize = 3;

const EXAMPLES: &str = "\
Examples:
  sauma translate plan.json --to fhir
  sauma translate care-plan.xml --to fhir --xml -o care-plan.fhir.xml
  sauma translate export/ more.ndjson --to fhir --out-dir out
  sauma translate bundle.json --from fhir --to employment-plan -o plan.csv
  sauma translate changed.json --from fhir --to employment-plan --base plan.csv -o new.csv

A new document of a unit system holds what its format has a place for; the rest is listed, each part with
what became of it. --strict makes no document unless it holds everything, --validate none with an error in it.

Documents go to standard output, findings to standard error. Where the documents go to files,
--format json gives the report on standard output. A document that fails does not stop the rest.";

/// Translate documents to FHIR or to another unit system.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct Args {
    /// Documents: files, folders, NDJSON files with one JSON document a line, `-` for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The unit system they come from, or `fhir`; by default the one that recognises them
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// A unit system, or `fhir`
    #[arg(long, value_name = "UNIT|fhir")]
    to: String,
    /// Carry the content into this document of the unit system instead of making a new one
    #[arg(long, value_name = "ORIGINAL")]
    base: Option<PathBuf>,
    /// Make no document of a unit system that would not hold everything
    #[arg(long)]
    strict: bool,
    /// Check what leaves against FHIR R4 and its profiles; a document with an error is not written
    #[arg(long)]
    validate: bool,
    /// Write FHIR XML instead of FHIR JSON
    #[arg(long)]
    xml: bool,
    /// Write one JSON document a line
    #[arg(long, conflicts_with = "xml")]
    ndjson: bool,
    /// Write to this file
    #[arg(long, short, value_name = "OUT", conflicts_with = "out_dir")]
    out: Option<PathBuf>,
    /// Write one file for each input to this folder
    #[arg(long, value_name = "DIR")]
    out_dir: Option<PathBuf>,
}

/// Where the content goes.
enum To {
    Fhir { as_xml: bool },
    New(&'static Unit, &'static Program, Fit),
    Base(Box<Document>, &'static Program, String),
}

/// What a new document must hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Everything,
    WhatItCan,
}

struct Job<'a> {
    from: From,
    to: To,
    /// One line a document.
    as_lines: bool,
    /// What leaves is checked first.
    validates: bool,
    console: &'a Console,
}

/// What became of one document.
struct Done {
    unit: Option<&'static str>,
    bytes: Option<Vec<u8>>,
    written: Option<PathBuf>,
    counts: Option<Counts>,
    findings: Vec<Finding>,
    failed: bool,
    /// The file could not be read or written.
    stop: Option<Stop>,
}

impl Done {
    fn failed(findings: Vec<Finding>) -> Self {
        Self { unit: None, bytes: None, written: None, counts: None, findings, failed: true, stop: None }
    }

    fn stopped(file: &str, stop: Stop, console: &Console) -> Self {
        let issue = Issue::error(codes::FILE, Span::default(), stop.to_string()).with_help(stop.help());
        Self { stop: Some(stop), ..Self::failed(vec![Finding::bare(file, &issue, console)]) }
    }
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
    let inputs = bulk::expand(&args.files)?;
    let to = match target(args, &inputs, console)? {
        Ok(to) => to,
        Err(findings) => {
            report::print(&findings, SHOWN_ALONE, console);
            return Ok(Verdict::Findings);
        }
    };
    let as_lines = args.ndjson || inputs.entries.iter().any(|entry| entry.is_lines);
    check_shape(args, &to, &inputs, as_lines)?;
    let mut sink = Sink::new(args.out.as_deref(), args.out_dir.as_deref(), ending(&to), &inputs)?;
    let job = Job { from, to, as_lines, validates: args.validate, console };
    let tally = work(&job, &inputs, &mut sink)?;
    sink.finish()?;
    Ok(Verdict::of(tally.failed > 0 || tally.errors > 0))
}

fn target(args: &Args, inputs: &Inputs, console: &Console) -> Result<Result<To, Vec<Finding>>, Stop> {
    if args.to == FHIR {
        if args.base.is_some() {
            return Err(Stop::usage(
                "--base takes a document of a unit system",
                "name the unit system with --to",
            ));
        }
        return Ok(Ok(To::Fhir { as_xml: args.xml }));
    }
    let unit = Unit::find(&args.to).map_err(Stop::Issue)?;
    let lens = program(unit)?;
    if args.xml {
        return Err(Stop::usage(
            "--xml is for `--to fhir`",
            format!("the format of `{}` is its own", unit.name),
        ));
    }
    let fit = if args.strict { Fit::Everything } else { Fit::WhatItCan };
    let Some(base) = &args.base else { return Ok(Ok(To::New(unit, lens, fit))) };
    if inputs.is_many {
        return Err(Stop::usage("--base takes one input", "translate the documents one by one"));
    }
    let document = super::input::read_file(base, From::Unit(unit), console)?;
    Ok(document.and_then(|input| match input {
        Input::Unit(document, program) => {
            Ok(To::Base(document, program, base.to_string_lossy().into_owned()))
        }
        Input::Fhir(_) => Err(Vec::new()),
    }))
}

/// The arguments must fit each other before anything is written.
fn check_shape(args: &Args, to: &To, inputs: &Inputs, as_lines: bool) -> Result<(), Stop> {
    let is_json = match to {
        To::Fhir { as_xml } => !as_xml,
        To::New(unit, ..) => matches!(unit.format(), Format::Json | Format::Fhir),
        To::Base(..) => false,
    };
    if as_lines && !is_json {
        return Err(Stop::usage(
            "NDJSON holds JSON documents only",
            "choose a target that is written as JSON, and no --base",
        ));
    }
    if inputs.is_many && !as_lines && args.out_dir.is_none() {
        return Err(Stop::usage(
            "several documents do not fit one output",
            "add --out-dir DIR, or --ndjson for one document a line",
        ));
    }
    if inputs.entries.is_empty() {
        let help = "a folder is searched for .json, .xml, .csv, .xlsx, .ndjson and .jsonl";
        return Err(Stop::usage("there is no document in what was named", help));
    }
    Ok(())
}

fn ending(to: &To) -> String {
    let (name, format) = match to {
        To::Fhir { as_xml } => (FHIR, if *as_xml { Format::Xml } else { Format::Fhir }),
        To::New(unit, ..) => (unit.name, unit.format()),
        To::Base(document, ..) if document.is_workbook() => return format!("{}.xlsx", document.unit.name),
        To::Base(document, ..) => (document.unit.name, document.unit.format()),
    };
    let ending = match format {
        Format::Json | Format::Fhir => "json",
        Format::Xml => "xml",
        Format::Csv => "csv",
        Format::Er7 => "hl7",
    };
    format!("{name}.{ending}")
}

fn work(job: &Job<'_>, inputs: &Inputs, sink: &mut Sink) -> Result<Tally, Stop> {
    let console = job.console;
    let bar = progress::bar(inputs, console);
    let mut tally = Tally { skipped: inputs.skipped, ..Tally::default() };
    let mut documents = Documents::new(console, matches!(sink, Sink::Stdout));
    let folder = sink.folder();
    let one = |item: &Item<'_>| match &folder {
        // Workers write whole files themselves; only what is appended to one output is written in order.
        Some(folder) if item.line.is_none() => translate(job, item).written_to(folder, item, console),
        _ => translate(job, item),
    };
    bulk::run(&inputs.entries, &one, &mut |item, done| {
        if let Some(bytes) = &done.bytes {
            sink.put(item.entry, bytes)?;
        }
        tally.add(&done.findings, done.failed);
        bar.suspend(|| add(&mut documents, item, &done, (console, inputs.is_many)))?;
        bar.inc(1);
        // A file that was named alone and cannot be read is no finding about data.
        done.stop.filter(|_| !inputs.is_many).map_or(Ok(()), Err)
    })?;
    bar.finish_and_clear();
    documents.finish(tally, inputs.is_many)?;
    Ok(tally)
}

fn translate(job: &Job<'_>, item: &Item<'_>) -> Done {
    let name = item.entry.path.to_string_lossy();
    let console = job.console;
    let whole;
    let (bytes, lines_before) = match &item.line {
        Some((number, Ok(bytes))) => (bytes.as_slice(), number - 1),
        Some((_, Err(error))) => {
            let source = std::io::Error::new(error.kind(), error.to_string());
            return Done::stopped(&name, Stop::Unreadable { path: item.entry.path.clone(), source }, console);
        }
        None => match files::read(&item.entry.path) {
            Ok(bytes) => {
                whole = bytes;
                (whole.as_slice(), 0)
            }
            Err(stop) => return Done::stopped(&name, stop, console),
        },
    };
    let origin = Origin { file: &name, lines_before };
    let content =
        input::read(bytes, job.from, origin, console).and_then(|read| input::content(read, origin, console));
    let Content { unit, resources, counts, mut findings, .. } = match content {
        Ok(content) => content,
        Err(findings) => return Done::failed(findings),
    };
    match written(job, &resources) {
        Ok((bytes, issues)) => {
            match &job.to {
                To::Base(document, _, base) => findings.extend(put::placed(base, document, &issues, console)),
                To::Fhir { .. } | To::New(..) => {
                    findings.extend(issues.iter().map(|issue| Finding::bare(&name, issue, console)));
                }
            }
            if let Err(unit) = checked(job, &bytes, unit, &mut findings) {
                return Done { unit: Some(unit), counts, ..Done::failed(findings) };
            }
            Done {
                unit: Some(unit),
                bytes: Some(bytes),
                written: None,
                counts,
                findings,
                failed: false,
                stop: None,
            }
        }
        Err(issue) => {
            findings.push(Finding::bare(&name, &issue, console));
            Done { unit: Some(unit), counts, ..Done::failed(findings) }
        }
    }
}

/// The bytes of the output, and what a new document could not hold, or what stayed in the base as it was.
fn written(job: &Job<'_>, resources: &Tree) -> Result<(Vec<u8>, Vec<Issue>), Box<Issue>> {
    let layout = if job.as_lines { Layout::Compact } else { Layout::Pretty };
    match &job.to {
        To::Fhir { as_xml } => Ok((fhir_text(resources, *as_xml, layout)?.into_bytes(), Vec::new())),
        To::Base(document, program, _) => {
            let carried = put::carry(document, program, resources)?;
            Ok((carried.bytes, carried.left))
        }
        To::New(unit, program, fit) => {
            let bundled = bundled(resources)?;
            let resources = bundled.as_ref().unwrap_or(resources);
            let (made, losses) = match fit {
                Fit::Everything => {
                    (program.create(resources).map_err(|issue| not_held(unit, *issue))?, Vec::new())
                }
                Fit::WhatItCan => {
                    let fitted = program.create_fitting(resources)?;
                    let losses = fitted.issues(unit.name);
                    (fitted.document, losses)
                }
            };
            Ok((new_text(unit, program, &made, job.as_lines).into_bytes(), losses))
        }
    }
}

/// Adds what is wrong with the output to the findings; an error keeps it from leaving.
fn checked(
    job: &Job<'_>,
    bytes: &[u8],
    unit: &'static str,
    findings: &mut Vec<Finding>,
) -> Result<(), &'static str> {
    if !job.validates {
        return Ok(());
    }
    let found = match &job.to {
        To::Fhir { .. } => outgoing::check_resources(&String::from_utf8_lossy(bytes), job.console),
        To::New(unit, ..) => outgoing::check_document(bytes, unit, job.console),
        To::Base(document, ..) => outgoing::check_document(bytes, document.unit, job.console),
    };
    let fails = found.iter().any(Finding::is_error);
    findings.extend(found);
    if fails { Err(unit) } else { Ok(()) }
}

fn new_text(unit: &Unit, program: &Program, made: &Tree, as_line: bool) -> String {
    if !as_line {
        return write_new(unit, program, made);
    }
    let mut out = String::new();
    match unit.format() {
        Format::Fhir => fhir::write_json(made, NodeId::ROOT, Some(schema()), Layout::Compact, &mut out),
        Format::Json | Format::Xml | Format::Csv | Format::Er7 => {
            json::write(made, NodeId::ROOT, Layout::Compact, &mut out);
        }
    }
    out.push('\n');
    out
}

/// Why no new document of a unit system is made: it has no place for something.
fn not_held(unit: &Unit, mut issue: Issue) -> Box<Issue> {
    issue.message = format!("a document of `{}` cannot hold all of this: {}", unit.name, issue.message);
    let help = "without --strict a document is made that holds the rest, and what it lacks is listed";
    Box::new(issue.with_help(help))
}

/// A resource that stands alone, as in a line of an export, in a Bundle: lenses speak of Bundles.
fn bundled(resources: &Tree) -> Result<Option<Tree>, Box<Issue>> {
    if resources.resource_type(NodeId::ROOT).is_none_or(|kind| kind == "Bundle") {
        return Ok(None);
    }
    let alone = fhir_text(resources, false, Layout::Compact)?;
    let text = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{{\"resource\":{alone}}}]}}"
    );
    crate::exchange::document::read_resources(&text).map(Some)
}

impl Done {
    /// Puts the output into the folder.
    fn written_to(mut self, folder: &super::sink::Folder, item: &Item<'_>, console: &Console) -> Self {
        let Some(bytes) = self.bytes.take() else { return self };
        match folder.file(item.entry, &bytes) {
            Ok(path) => self.written = Some(path),
            Err(stop) => {
                let Done { findings, stop, .. } =
                    Self::stopped(&item.entry.path.to_string_lossy(), stop, console);
                self.findings.extend(findings);
                (self.failed, self.stop) = (true, stop);
            }
        }
        self
    }
}

#[derive(serde::Serialize)]
struct Row<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    unit: Option<&'a str>,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a Path>,
    ledger: Option<Counts>,
    findings: &'a [Finding],
}

/// Tells of one document.
fn add(
    documents: &mut Documents<'_>,
    item: &Item<'_>,
    done: &Done,
    job: (&Console, bool),
) -> Result<(), Stop> {
    let (console, is_many) = job;
    if !console.is_json() {
        // The caller says why a file alone cannot be read.
        if is_many || done.stop.is_none() {
            let shown = if is_many { SHOWN_AMONG_MANY } else { SHOWN_ALONE };
            report::print(&done.findings, shown, console);
        }
        return Ok(());
    }
    documents.row(&Row {
        file: &item.entry.path.to_string_lossy(),
        line: item.line.as_ref().map(|(number, _)| *number),
        unit: done.unit,
        ok: !done.failed,
        output: done.written.as_deref(),
        ledger: done.counts,
        findings: &done.findings,
    })
}
