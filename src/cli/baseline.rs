//! `sauma baseline`: findings that are known, each with its reason and its last day.

use super::checks::{Checks, Wanted, checked, now};
use super::console::{Add, Console, Format, Ink, Stop, Verdict};
use super::report;
use super::validate::ended;
use super::{files, validate_reports};
use crate::conformance::baseline::{Baseline, Terms};
use crate::conformance::report::{Document, Keep, Run};
use crate::diag::LineIndex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Findings of one document that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma baseline write plans/ --baseline known.toml --reason 'mended in release 4' --expires 2026-12-31
  sauma baseline check plans/ --baseline known.toml

`check` fails on findings that are not in the list, on entries that no longer occur, and on entries whose day is
over. `write` lists what is found now; entries that are still needed keep their reasons and their days.";

/// Keep a list of known findings.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List what is found now, so that it does not fail until its day is over
    Write(Write),
    /// Check documents: what is in the list is known, and the list must fit exactly
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Write {
    #[command(flatten)]
    checks: Checks,
    /// The list
    #[arg(long, value_name = "TOML")]
    baseline: PathBuf,
    /// Why new entries may stand; needed where there are any
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// The last day on which new entries may stand, as 2026-12-31
    #[arg(long, value_name = "DATE", default_value = "")]
    expires: String,
}

#[derive(Debug, clap::Args)]
struct Check {
    #[command(flatten)]
    checks: Checks,
    /// The list
    #[arg(long, value_name = "TOML")]
    baseline: PathBuf,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    if !matches!(console.format, Format::Human | Format::Json) {
        return Err(Stop::usage(
            "`baseline` writes no such --format",
            "use `sauma validate --baseline`, which writes all of them",
        ));
    }
    match &args.action {
        Action::Write(args) => write(args, console),
        Action::Check(args) => check(args, console),
    }
}

fn write(args: &Write, console: &Console) -> Result<Verdict, Stop> {
    let before = if args.baseline.exists() { Known::open(&args.baseline)?.list } else { Baseline::default() };
    let wanted = Wanted { keep: Keep::Documents, outcomes: false };
    let run = checked(&args.checks, wanted, console, &mut |_| Ok(()))?;
    if run.counts.documents == 0 {
        return Ok(Verdict::Untested);
    }
    let fail_on = args.checks.fail_on();
    let findings = run.documents.iter().flat_map(|document| &document.findings);
    let terms = Terms { reason: &args.reason, expires: &args.expires };
    let list = before
        .rewritten(findings.filter(|finding| finding.severity >= fail_on), terms)
        .map_err(|why| Stop::usage(why, "give --reason and --expires for what is new"))?;
    files::write(&args.baseline, list.to_toml().as_bytes())?;
    if console.is_json() {
        Console::print_json(&serde_json::json!({ "baseline": args.baseline, "entries": list.len() }))?;
    } else if !console.quiet {
        let path = args.baseline.display().to_string();
        let entries = if list.len() == 1 { "entry" } else { "entries" };
        let mut text = String::new();
        text.add(format_args!("{} {entries} in {}\n", list.len(), console.out_paint.ink(Ink::Strong, &path)));
        Console::print(&text)?;
    }
    Ok(Verdict::Clean)
}

fn check(args: &Check, console: &Console) -> Result<Verdict, Stop> {
    let mut known = Known::open(&args.baseline)?;
    let keep = if console.is_json() { Keep::Documents } else { Keep::Counts };
    let mut tell = |document: &mut Document| {
        known.leave_out(document);
        if console.format == Format::Human {
            report::print_some(&document.findings, document.left_out, SHOWN, console);
        }
        Ok(())
    };
    let mut run = checked(&args.checks, Wanted { keep, outcomes: false }, console, &mut tell)?;
    known.judge(&mut run, Scope::Everything);
    if console.format == Format::Human {
        report::print(&run.baseline, SHOWN, console);
    }
    validate_reports::print(&run, console)?;
    Ok(ended(&run))
}

/// Which entries of a list a run judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Those of the files that it was over: the rest may be checked elsewhere.
    FilesOfTheRun,
    /// All.
    Everything,
}

/// A list of known findings during a run.
#[derive(Debug)]
pub(super) struct Known {
    list: Baseline,
    name: String,
    today: String,
    files: BTreeSet<String>,
}

impl Known {
    /// Reads a list.
    ///
    /// # Errors
    /// It cannot be read, or is not well formed.
    pub(super) fn open(path: &Path) -> Result<Self, Stop> {
        let text = files::read_text(path)?;
        let list = Baseline::read(&text).map_err(|mut issue| {
            let line = LineIndex::new(&text).place(issue.span.start).line;
            issue.message = format!("`{}`, line {line}: {}", path.display(), issue.message);
            Stop::Issue(issue)
        })?;
        let today = now().to_string().chars().take("2026-12-31".len()).collect();
        Ok(Self { list, name: path.to_string_lossy().into_owned(), today, files: BTreeSet::new() })
    }

    /// Takes what is known out of the findings of a document, and counts it.
    pub(super) fn leave_out(&mut self, document: &mut Document) {
        self.files.insert(document.file.clone());
        let before = document.findings.len();
        document.findings.retain(|finding| !self.list.knows(finding, &self.today));
        document.known += before - document.findings.len();
    }

    /// Adds to a run what is wrong with the list itself.
    pub(super) fn judge(&self, run: &mut Run, scope: Scope) {
        let files = (scope == Scope::FilesOfTheRun).then_some(&self.files);
        for fault in self.list.faults(&self.name, files, &self.today) {
            run.add_baseline_fault(fault);
        }
    }
}
