//! `sauma join`: the plans of one client's units as one plan.

use super::console::{Console, Ink, Stop, Verdict, clean};
use super::input::{From, fhir_text};
use super::plans::{Plans, contributions, known, names, said};
use super::report::{self, Finding};
use super::{files, outgoing, view};
use crate::plan::text::{IdentityCode, Line, Style, render, to_text};
use crate::plan::{Date, Dialect, Joined, history, in_dialect, join, mask_codes, of_client};
use crate::tree::json::Layout;
use std::path::{Path, PathBuf};

/// Findings about the joined resources that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma join social.json health.xml employment.csv
  sauma join sauma-demo --format json --out joined.json
  sauma join sauma-demo --as-of 2026-05-01
  sauma join old.json new.xml --same-client old.json --same-client new.xml
  sauma join plans/ --decisions decisions.ndjson
  sauma join sauma-demo --as third-sector --grants consents.json

The readable plan, or with --format json the FHIR Bundle, goes to standard output and findings to
standard error. Plans of different clients are never joined.";

/// Join the plans of one client's units into one plan.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    plans: Plans,
    #[command(flatten)]
    sight: view::Sight,
    /// The plan as it was at the end of this day, 2026-05-01, by the times that the sources state
    #[arg(long, value_name = "DAY", value_parser = day)]
    as_of: Option<Date>,
    /// Of documents about several clients, join only the part of the client whom this document is about
    #[arg(long, value_name = "FILE")]
    client_of: Option<String>,
    /// Write the activities of the joined plan inside it, or as requests of their own; for --format json
    #[arg(long, value_name = "DIALECT")]
    dialect: Option<DialectName>,
    /// Check the joined resources against FHIR R4 and their profiles; with an error no plan is written
    #[arg(long)]
    validate: bool,
    /// Write the plan to this file
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// How the joined plan holds its activities.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum DialectName {
    /// Inside the plan: `activity.detail`
    Detail,
    /// As requests of their own: `activity.reference`
    Reference,
}

impl DialectName {
    const fn dialect(self) -> Dialect {
        match self {
            Self::Detail => Dialect::Detail,
            Self::Reference => Dialect::Reference,
        }
    }
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    if args.sight.is_asked() {
        return view::show(&args.plans, &args.sight, args.validate, args.out.as_deref(), console);
    }
    let documents = args.plans.documents()?;
    known("--client-of", args.client_of.as_ref(), |name| names(&documents, name))?;
    let given = match args.plans.read(&documents, console)? {
        Ok(given) => given,
        Err(findings) => {
            report::print(&findings, findings.len(), console);
            nothing("joined", console);
            return Ok(Verdict::Findings);
        }
    };
    let (mut contributions, mut findings) = (given.contributions, given.findings);
    if let Some(label) = &args.client_of {
        contributions = of_client(&contributions, label);
    }
    let joined = match args.as_of {
        None => join(&contributions, &given.decisions),
        Some(day) => history::as_of(&contributions, &given.decisions, day),
    };
    let joined = said(joined, console, &mut findings);
    report::print(&findings, findings.len(), console);
    if joined.is_refused() {
        nothing("joined", console);
        return Ok(Verdict::Findings);
    }
    let bundle = match args.dialect {
        None => joined.bundle.clone(),
        Some(name) => in_dialect(&joined.bundle, name.dialect()).map_err(Stop::Issue)?,
    };
    let resources = || fhir_text(&bundle, false, Layout::Pretty).map_err(Stop::Issue);
    if args.validate {
        let found = outgoing::check_resources(&resources()?, console);
        report::print(&found, SHOWN, console);
        if found.iter().any(Finding::is_error) {
            nothing("written", console);
            return Ok(Verdict::Findings);
        }
    }
    let text = if console.is_json() { resources()? } else { readable(&joined, console) };
    finish(&text, args.out.as_deref())?;
    Ok(Verdict::of(findings.iter().any(Finding::is_error)))
}

/// Tells people that a run has made nothing.
fn nothing(done: &str, console: &Console) {
    if !console.is_json() {
        Console::note(&format!("nothing was {done}\n"));
    }
}

/// Writes a plan to a file, or to standard output.
pub(super) fn finish(text: &str, out: Option<&Path>) -> Result<(), Stop> {
    match out {
        Some(out) => files::write(out, text.as_bytes()),
        None => Console::print(text),
    }
}

/// A day of a command line.
pub(super) fn day(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "write a day of the calendar as 2026-05-01".to_owned())
}

/// Joins documents about which nobody has decided anything. Where one of them cannot be read there is no plan.
pub(super) fn joined(
    documents: &[(String, Vec<u8>)],
    from: From,
    console: &Console,
) -> (Option<Joined>, Vec<Finding>) {
    let (contributions, mut found) = contributions(documents, from, console);
    let joined = contributions.map(|contributions| join(&contributions, &[]));
    let joined = joined.map(|joined| said(joined, console, &mut found));
    (joined, found)
}

/// The plan for people. The identity code is in it only where values may be shown.
pub(super) fn readable(joined: &Joined, console: &Console) -> String {
    let code = if console.show_values { IdentityCode::Shown } else { IdentityCode::Masked };
    paint(render(joined, console.lang, code), code, console)
}

/// Lines for people in their colours.
pub(super) fn paint(mut lines: Vec<Line>, code: IdentityCode, console: &Console) -> String {
    for line in &mut lines {
        let ink = match line.style {
            Style::Heading => Some(Ink::Strong),
            Style::Warning | Style::Contested => Some(Ink::Warning),
            Style::Source => Some(Ink::Faint),
            Style::Label | Style::Text => None,
        };
        let mut text = clean(&line.text);
        // Units write the code into texts too, and a contradiction about it cites it.
        if code == IdentityCode::Masked {
            text = mask_codes(&text).into_owned();
        }
        line.text = ink.map_or(text.clone(), |ink| console.out_paint.ink(ink, &text));
    }
    to_text(&lines)
}
