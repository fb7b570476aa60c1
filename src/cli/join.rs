//! `sauma join`: the plans of one client's units as one plan.

use super::console::{Console, Ink, Stop, Verdict, clean};
use super::input::{From, Input, Origin, fhir_text};
use super::report::{self, Finding};
use super::{bulk, files, outgoing, view};
use crate::diag::codes;
use crate::plan::text::{IdentityCode, Line, Style, render, to_text};
use crate::plan::{Contribution, Decision, Joined, join, mask_codes};
use crate::tree::json::Layout;
use std::path::{Path, PathBuf};

/// Findings about the joined resources that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma join social.json health.xml employment.csv
  sauma join sauma-demo --format json --out joined.json
  sauma join old.json new.xml --same-client old.json --same-client new.xml
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
    /// Check the joined resources against FHIR R4 and their profiles; with an error no plan is written
    #[arg(long)]
    validate: bool,
    /// Write the plan to this file
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
}

/// The documents that are joined.
#[derive(Debug, clap::Args)]
pub(super) struct Plans {
    /// Documents of one client: files and folders
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The unit system that all of them come from, or `fhir`; by default each is recognised
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
    /// A person has decided that the documents named so concern one client; give it for each of them
    #[arg(long, value_name = "FILE")]
    same_client: Vec<String>,
}

impl Plans {
    /// The name of the unit system that all come from.
    pub(super) fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The documents with their names, and what was decided on them.
    pub(super) fn read(&self) -> Result<(Documents, Vec<Decision>), Stop> {
        let mut documents = Vec::new();
        for entry in bulk::expand(&self.files)?.entries {
            if entry.is_lines {
                let message = format!("`{}` holds one document a line", entry.path.display());
                return Err(Stop::usage(message, "give the documents of one client as files of their own"));
            }
            documents.push((entry.path.to_string_lossy().into_owned(), files::read(&entry.path)?));
        }
        if documents.is_empty() {
            let help = "a folder is searched for .json, .xml and .csv";
            return Err(Stop::usage("there is no document in what was named", help));
        }
        let is_joined = |name: &&String| documents.iter().any(|(file, _)| file == *name);
        if let Some(name) = self.same_client.iter().find(|name| !is_joined(name)) {
            return Err(Stop::usage(
                format!("--same-client names `{name}`, which is not joined"),
                "name one of the FILEs",
            ));
        }
        let mut decisions = Vec::new();
        if !self.same_client.is_empty() {
            decisions.push(Decision::SameClient(self.same_client.clone()));
        }
        Ok((documents, decisions))
    }
}

/// Documents with their names.
type Documents = Vec<(String, Vec<u8>)>;

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    if args.sight.is_asked() {
        return view::show(&args.plans, &args.sight, args.validate, args.out.as_deref(), console);
    }
    let from = From::named(args.plans.from())?;
    let (documents, decisions) = args.plans.read()?;
    let (joined, findings) = joined(&documents, from, &decisions, console);
    report::print(&findings, findings.len(), console);
    let failed = findings.iter().any(Finding::is_error);
    let Some(joined) = joined.filter(|joined| !joined.is_refused()) else {
        if !console.is_json() {
            Console::note("nothing was joined\n");
        }
        return Ok(Verdict::Findings);
    };
    let resources = || fhir_text(&joined.bundle, false, Layout::Pretty).map_err(Stop::Issue);
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
    finish(&text, args.out.as_deref())?;
    Ok(Verdict::of(failed))
}

/// Writes a plan to a file, or to standard output.
pub(super) fn finish(text: &str, out: Option<&Path>) -> Result<(), Stop> {
    match out {
        Some(out) => files::write(out, text.as_bytes()),
        None => Console::print(text),
    }
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
    let Some(contributions) = contributions else { return (None, found) };
    let joined = join(&contributions, decisions);
    // Identity codes were looked at with their places when the documents were read.
    let known = [codes::HETU_FORMAT.id, codes::HETU_CHECK.id];
    let issues = joined.issues.iter().filter(|issue| !known.contains(&issue.code.id));
    found.extend(issues.map(|issue| Finding::bare("the joined plan", issue, console)));
    (Some(joined), found)
}

/// The contributions in documents; none where one of them cannot be read.
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
    to_text(&inked(render(joined, console.lang, code), code, console))
}

/// The lines in their colours, without what could steer a terminal.
pub(super) fn inked(mut lines: Vec<Line>, code: IdentityCode, console: &Console) -> Vec<Line> {
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
    lines
}
