//! `sauma put`: a change made elsewhere, carried into the unit's own document.

use super::console::{Console, Stop, Verdict};
use super::diff;
use super::files;
use super::input::{From, Input, Origin, mask_of, of_resources};
use super::mask::Mask;
use super::outgoing;
use super::report::{self, Finding, Source, findings};
use crate::diag::Issue;
use crate::exchange::document::Document;
use crate::mapping::Program;
use crate::tree::Tree;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma translate plan.csv --to fhir > plan.fhir.json
  (change plan.fhir.json)
  sauma put plan.csv --changed plan.fhir.json --diff
  sauma put plan.csv --changed plan.fhir.json --in-place

Every byte that the change does not concern stays as it is. A change that the unit's document cannot
hold is refused whole: nothing is written and the exit code is 1.";

/// Carry changed resources back into a unit's own document.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The unit's document
    #[arg(value_name = "ORIGINAL")]
    original: PathBuf,
    /// The changed resources: the Bundle that `sauma translate` gave, with the change made
    #[arg(long, value_name = "RESOURCES")]
    changed: PathBuf,
    /// The unit system of the document; by default the one that recognises it
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// Write the changed document to this file
    #[arg(long, short, value_name = "OUT", conflicts_with = "in_place")]
    out: Option<PathBuf>,
    /// Replace the document by the changed one
    #[arg(long)]
    in_place: bool,
    /// Check the changed document against FHIR R4 and its profiles; with an error nothing is written
    #[arg(long)]
    validate: bool,
    /// Show the lines that change; without -o or --in-place nothing is written
    #[arg(long)]
    diff: bool,
}

#[derive(serde::Serialize)]
struct Report<'a> {
    file: &'a str,
    unit: Option<&'a str>,
    ok: bool,
    changed: bool,
    output: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Vec<diff::Line>>,
    findings: &'a [Finding],
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
    let name = args.original.to_string_lossy();
    let original = files::read(&args.original)?;
    let changed = files::read(&args.changed)?;
    let document = match super::input::read(&original, from, Origin::file(&name), console) {
        Ok(Input::Unit(document, program)) => (document, program),
        Ok(Input::Fhir(_)) => {
            let help = "give the document of a unit system; plain resources need no `put`";
            return Err(Stop::usage(format!("no unit system recognises `{name}`"), help));
        }
        Err(findings) => return refused(&name, None, &findings, console),
    };
    let changed_name = args.changed.to_string_lossy();
    let resources = match super::input::read(&changed, From::Fhir, Origin::file(&changed_name), console) {
        Ok(Input::Fhir(tree)) => tree,
        Ok(Input::Unit(..)) => {
            return Err(Stop::usage("--changed takes FHIR resources", "translate the document first"));
        }
        Err(findings) => return refused(&name, None, &findings, console),
    };
    let (document, program) = document;
    match carry(&document, program, &resources) {
        Ok(Carried { bytes, left }) => {
            let mut told = of_resources(&resources, Origin::file(&changed_name), console);
            told.extend(placed(&name, &document, &left, console));
            if args.validate {
                told.extend(outgoing::check_document(&bytes, document.unit, console));
                if told.iter().any(Finding::is_error) {
                    return refused(&name, Some(document.unit.name), &told, console);
                }
            }
            done(args, &document, (&original, &bytes), &told, console)
        }
        Err(issue) => {
            // The issue points into the changed resources, by path.
            let finding = Finding::bare(&changed_name, &issue, console);
            refused(&name, Some(document.unit.name), &[finding], console)
        }
    }
}

/// A document with a change in it.
pub(super) struct Carried {
    pub(super) bytes: Vec<u8>,
    /// What was left as it was and may no longer be right, placed in the document as it was.
    pub(super) left: Vec<Issue>,
}

/// The document with the change in it.
///
/// # Errors
/// The lens does not carry the change, or the encoding of the document has no room for it.
pub(super) fn carry(document: &Document, program: &Program, resources: &Tree) -> Result<Carried, Box<Issue>> {
    let edited = program.put(&document.tree, resources)?;
    Ok(Carried { bytes: document.write(&edited)?, left: program.narratives_left(&edited) })
}

/// Findings about a document at their places.
pub(super) fn placed(name: &str, document: &Document, issues: &[Issue], console: &Console) -> Vec<Finding> {
    let text = document.text();
    let source = Source { file: name, text, mask: mask_of(document.unit, text), lines_before: 0 };
    findings(source, issues, console)
}

fn refused(name: &str, unit: Option<&str>, findings: &[Finding], console: &Console) -> Result<Verdict, Stop> {
    if console.is_json() {
        let report =
            Report { file: name, unit, ok: false, changed: false, output: None, diff: None, findings };
        Console::print_json(&report)?;
    } else {
        report::print(findings, findings.len(), console);
        Console::note("nothing was written\n");
    }
    Ok(Verdict::Findings)
}

/// Writes or shows the changed document, with what is told of the changed resources.
fn done(
    args: &Args,
    document: &Document,
    (original, bytes): (&[u8], &[u8]),
    told: &[Finding],
    console: &Console,
) -> Result<Verdict, Stop> {
    let changed = original != bytes;
    let output = if args.in_place { Some(&args.original) } else { args.out.as_ref() };
    let lines = args.diff.then(|| lines(document, bytes, console));
    // An unchanged document is not touched, not even its time.
    if let Some(path) = output
        && (changed || !args.in_place)
    {
        files::write(path, bytes)?;
    }
    if console.is_json() && (output.is_some() || args.diff) {
        Console::print_json(&Report {
            file: &args.original.to_string_lossy(),
            unit: Some(document.unit.name),
            ok: true,
            changed,
            output: output.map(PathBuf::as_path),
            diff: lines,
            findings: told,
        })?;
        return Ok(Verdict::Clean);
    }
    report::print(told, told.len(), console);
    if let Some(lines) = lines {
        Console::print(&diff::to_human(&args.original.to_string_lossy(), &lines, console.out_paint))?;
    } else if output.is_none() {
        Console::out(bytes)?;
    }
    Ok(Verdict::Clean)
}

/// The lines that differ; both texts are masked alike, so a masked change shows that, not what, it is.
fn lines(document: &Document, bytes: &[u8], console: &Console) -> Vec<diff::Line> {
    let before = document.text();
    // The bytes of a workbook are no text; what it shows is.
    let after = Document::read(bytes, Some(document.unit));
    let after = after.map(|after| after.text().to_owned()).unwrap_or_default();
    let mask = if console.show_values { Mask::Open } else { mask_of(document.unit, before) };
    let (shown_before, shown_after) = (mask.apply(before), mask.apply(&after));
    diff::lines(before, &after, &shown_before, &shown_after)
}
