//! `sauma join`: the plans of one client's units as one plan.

use super::console::{Console, Ink, Stop, Verdict, clean};
use super::input::{From, Input, Origin, fhir_text};
use super::report::{self, Finding};
use super::{bulk, files, outgoing};
use crate::diag::codes;
use crate::plan::text::{IdentityCode, Line, Style, render, to_text};
use crate::plan::{
    Contribution, Date, Decision, Dialect, Joined, history, in_dialect, join, mask_codes, of_client,
};
use crate::tree::json::Layout;
use std::path::PathBuf;

/// Findings about the joined resources that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma join social.json health.xml employment.csv
  sauma join sauma-demo --format json --out joined.json
  sauma join sauma-demo --as-of 2026-05-01
  sauma join old.json new.xml --same-client old.json --same-client new.xml

The readable plan, or with --format json the FHIR Bundle, goes to standard output and findings to
standard error. Plans of different clients are never joined.";

/// Join the plans of one client's units into one plan.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Documents of one client: files and folders
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The unit system that all of them come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// A person has decided that the documents named so concern one client; give it for each of them
    #[arg(long, value_name = "FILE")]
    same_client: Vec<String>,
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
    let from = From::named(args.from.as_deref())?;
    let documents = bulk::documents(&args.files)?;
    let decisions = decisions(&args.same_client, &documents)?;
    known("--client-of", args.client_of.as_ref(), &documents)?;
    let (found, mut findings) = contributions(&documents, from, console);
    let joined = found.map(|mut found| {
        if let Some(label) = &args.client_of {
            found = of_client(&found, label);
        }
        match args.as_of {
            None => said(join(&found, &decisions), console, &mut findings),
            Some(day) => said(history::as_of(&found, &decisions, day), console, &mut findings),
        }
    });
    report::print(&findings, findings.len(), console);
    let failed = findings.iter().any(Finding::is_error);
    let Some(joined) = joined.filter(|joined| !joined.is_refused()) else {
        if !console.is_json() {
            Console::note("nothing was joined\n");
        }
        return Ok(Verdict::Findings);
    };
    let bundle = match args.dialect {
        None => joined.bundle.clone(),
        Some(name) => in_dialect(&joined.bundle, name.dialect()).map_err(Stop::Issue)?,
    };
    let resources = || fhir_text(&bundle, false, Layout::Pretty).map_err(Stop::Issue);
    if args.validate {
        let found = outgoing::check_resources(&resources()?, console);
        report::print(&found, SHOWN, console);
        if found.iter().any(Finding::is_error) {
            if !console.is_json() {
                Console::note("nothing was written\n");
            }
            return Ok(Verdict::Findings);
        }
    }
    let text = if console.is_json() { resources()? } else { readable(&joined, console) };
    match &args.out {
        Some(out) => files::write(out, text.as_bytes())?,
        None => Console::print(&text)?,
    }
    Ok(Verdict::of(failed))
}

/// Joins documents. Where one of them cannot be read there is no plan: a plan that silently lacks a unit would
/// pass for the whole.
pub(super) fn joined(
    documents: &[(String, Vec<u8>)],
    from: From,
    decisions: &[Decision],
    console: &Console,
) -> (Option<Joined>, Vec<Finding>) {
    let (contributions, mut found) = contributions(documents, from, console);
    let joined = contributions.map(|found| join(&found, decisions));
    let joined = joined.map(|joined| said(joined, console, &mut found));
    (joined, found)
}

/// A joined plan, with what is to be said of it among the findings.
pub(super) fn said(joined: Joined, console: &Console, found: &mut Vec<Finding>) -> Joined {
    // Identity codes were looked at with their places when the documents were read.
    let known = [codes::HETU_FORMAT.id, codes::HETU_CHECK.id];
    let issues = joined.issues.iter().filter(|issue| !known.contains(&issue.code.id));
    found.extend(issues.map(|issue| Finding::bare("the joined plan", issue, console)));
    joined
}

/// The decision that `--same-client` tells.
///
/// # Errors
/// It names what is not among the documents.
pub(super) fn decisions(
    same_client: &[String],
    documents: &[(String, Vec<u8>)],
) -> Result<Vec<Decision>, Stop> {
    known("--same-client", same_client, documents)?;
    let decided = (!same_client.is_empty()).then(|| Decision::same_client(same_client.to_vec()));
    Ok(decided.into_iter().collect())
}

/// Stops where an option names what is not among the documents.
fn known<'a>(
    option: &str,
    names: impl IntoIterator<Item = &'a String>,
    documents: &[(String, Vec<u8>)],
) -> Result<(), Stop> {
    let is_there = |name: &&String| documents.iter().any(|(file, _)| file == *name);
    match names.into_iter().find(|name| !is_there(name)) {
        None => Ok(()),
        Some(name) => {
            Err(Stop::usage(format!("{option} names `{name}`, which is not joined"), "name one of the FILEs"))
        }
    }
}

/// A day of a command line.
pub(super) fn day(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| "write a day of the calendar as 2026-05-01".to_owned())
}

/// Reads documents. Where one of them cannot be read there are no contributions.
pub(super) fn contributions(
    documents: &[(String, Vec<u8>)],
    from: From,
    console: &Console,
) -> (Option<Vec<Contribution>>, Vec<Finding>) {
    let (mut contributions, mut found, mut failed) = (Vec::new(), Vec::new(), false);
    for (file, bytes) in documents {
        let origin = Origin::file(file);
        match Input::read(bytes, from, origin, console).and_then(|input| input.content(origin, console)) {
            Ok(content) => {
                found.extend(content.findings);
                let mut contribution = Contribution::new(file.clone(), content.unit, content.resources);
                contribution.names_further_clients = content.names_further_clients;
                contributions.push(contribution);
            }
            Err(findings) => {
                failed = true;
                found.extend(findings);
            }
        }
    }
    ((!failed).then_some(contributions), found)
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
