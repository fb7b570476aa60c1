//! `sauma join`: the plans of one client's units as one plan.

use super::console::{Console, Ink, Stop, Verdict, clean};
use super::input::{From, Input, Origin, fhir_text};
use super::report::{self, Finding};
use super::{bulk, files, outgoing};
use crate::diag::codes;
use crate::plan::text::{IdentityCode, Style, render, to_text};
use crate::plan::{Contribution, Decision, Joined, join, mask_codes};
use crate::schema::sha256::digest;
use crate::tree::json::Layout;
use std::path::PathBuf;

/// Findings about the joined resources that people are shown.
const SHOWN: usize = 50;

const EXAMPLES: &str = "\
Examples:
  sauma join social.json health.xml employment.csv
  sauma join sauma-demo --format json --out joined.json
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
    /// Check the joined resources against FHIR R4 and their profiles; with an error no plan is written
    #[arg(long)]
    validate: bool,
    /// Write the plan to this file
    #[arg(long, short, value_name = "OUT")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let from = From::named(args.from.as_deref())?;
    let mut documents = Vec::new();
    for entry in bulk::expand(&args.files)?.entries {
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
    if let Some(name) = args.same_client.iter().find(|name| documents.iter().all(|(file, _)| file != *name)) {
        return Err(Stop::usage(
            format!("--same-client names `{name}`, which is not joined"),
            "name one of the FILEs",
        ));
    }
    let mut decisions = Vec::new();
    if !args.same_client.is_empty() {
        decisions.push(Decision::SameClient(args.same_client.clone()));
    }
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
    let (mut contributions, mut found, mut failed) = (Vec::new(), Vec::new(), false);
    for (file, bytes) in documents {
        let origin = Origin::file(file);
        match Input::read(bytes, from, origin, console).and_then(|input| input.content(origin, console)) {
            Ok(content) => {
                found.extend(content.findings);
                let mut contribution = Contribution::new(file.clone(), content.unit, content.resources);
                contribution.names_further_clients = content.names_further_clients;
                contribution.document_hash = Some(document_hash(bytes));
                contributions.push(contribution);
            }
            Err(findings) => {
                failed = true;
                found.extend(findings);
            }
        }
    }
    if failed {
        return (None, found);
    }
    let joined = join(&contributions, decisions);
    // Identity codes were looked at with their places when the documents were read.
    let known = [codes::HETU_FORMAT.id, codes::HETU_CHECK.id];
    let issues = joined.issues.iter().filter(|issue| !known.contains(&issue.code.id));
    found.extend(issues.map(|issue| Finding::bare("the joined plan", issue, console)));
    (Some(joined), found)
}

/// The hash by which an edited plan is known to be of a version of a document.
pub(super) fn document_hash(bytes: &[u8]) -> String {
    digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The plan for people. The identity code is in it only where values may be shown.
pub(super) fn readable(joined: &Joined, console: &Console) -> String {
    let code = if console.show_values { IdentityCode::Shown } else { IdentityCode::Masked };
    let mut lines = render(joined, console.lang, code);
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
