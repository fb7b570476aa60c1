//! `sauma validate`: documents against FHIR R4, profiles and packages, or against a JSON Schema.

use super::baseline::{Known, Scope};
use super::checks::{Checks, Wanted, checked};
use super::console::{Console, Format, Stop, Verdict};
use super::report;
use super::validate_reports::{self as reports, Reports, Target};
use crate::conformance::report::{Document, Keep, Run};
use std::path::PathBuf;

/// Findings of one document that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma validate plan.json
  sauma validate export/ --quiet
  sauma validate answers.json -p questionnaire.json
  sauma validate plan.xml -p guide.tgz --profile http://example.org/StructureDefinition/plan
  sauma validate plans/ --report junit=junit.xml --report html=report.html --fail-on warning
  sauma validate plans/ --baseline known.toml --format github
  sauma validate plan.json --json-schema plan.schema.json

Each resource is checked against FHIR R4, against the profiles that it names in `meta.profile`, and against
those of --profile. What could not be checked, because a value set, a code system or a profile is not at hand,
is listed and counted. Reports are written whole or not at all, and hold no values without --show-values.";

/// Check documents against FHIR R4 and profiles, or against a JSON Schema.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    checks: Checks,
    /// Write a report: junit, sarif, html, outcome, csv, json or summary (Markdown, for GitHub Actions); may be given several times
    #[arg(long, value_name = "KIND=FILE", value_parser = Target::parse)]
    report: Vec<Target>,
    /// Findings that are known, as `sauma baseline write` lists them; they do not fail
    #[arg(long, value_name = "TOML")]
    baseline: Option<PathBuf>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let reports = Reports::create(&args.report)?;
    let mut known = args.baseline.as_deref().map(Known::open).transpose()?;
    let is_listed = !args.report.is_empty() || needs_all(console.format);
    let wanted = Wanted {
        keep: if is_listed { Keep::Documents } else { Keep::Counts },
        outcomes: console.format == Format::Outcome || args.report.iter().any(Target::is_outcome),
    };
    let mut tell = |document: &mut Document| {
        if let Some(known) = &mut known {
            known.leave_out(document);
        }
        told(document, console)
    };
    let mut run = checked(&args.checks, wanted, console, &mut tell)?;
    if let Some(known) = &known {
        known.judge(&mut run, Scope::FilesOfTheRun);
        if console.format == Format::Human {
            report::print(&run.baseline, SHOWN, console);
        }
    }
    reports::print(&run, console)?;
    reports.write(&run, console)?;
    Ok(ended(&run))
}

/// The forms that are written when everything is known.
const fn needs_all(format: Format) -> bool {
    match format {
        Format::Json | Format::Github | Format::Gitlab | Format::Junit | Format::Sarif => true,
        Format::Human | Format::Html | Format::Ndjson | Format::Outcome => false,
    }
}

/// Says what was found in one document, where that is said document by document.
fn told(document: &Document, console: &Console) -> Result<(), Stop> {
    match console.format {
        Format::Human | Format::Html => {
            report::print_some(&document.findings, document.left_out, SHOWN, console);
            Ok(())
        }
        Format::Ndjson => Console::print(&crate::conformance::report::ndjson_document(document)),
        Format::Outcome => {
            let outcome = document.outcome.as_ref().map_or_else(String::new, ToString::to_string);
            Console::print(&format!("{outcome}\n"))
        }
        Format::Json | Format::Github | Format::Gitlab | Format::Junit | Format::Sarif => Ok(()),
    }
}

/// How the run ended.
pub(super) fn ended(run: &Run) -> Verdict {
    if run.counts.documents == 0 {
        Verdict::Untested
    } else if run.counts.failed > 0 || !run.baseline.is_empty() {
        Verdict::Findings
    } else if run.counts.unreadable > 0 {
        Verdict::Unreadable
    } else {
        Verdict::Clean
    }
}
