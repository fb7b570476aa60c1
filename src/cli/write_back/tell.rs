//! What a write-back tells: documents with their changed values, proposals, conflicts, what was refused.

use super::documents::Documents;
use super::{Args, Done};
use crate::cli::console::{Add, Console, Ink, Stop, clean};
use crate::cli::diff;
use crate::cli::input::mask_of;
use crate::cli::mask::Mask;
use crate::cli::report::{self, Finding, count};
use crate::diag::Redacted;
use crate::exchange::write_back::{Carried, Original, Written};
use crate::plan::split::{Conflict, Proposal};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    documents: Vec<DocumentReport<'a>>,
    proposals: Vec<Told<'a>>,
    conflicts: Vec<Told<'a>>,
    written: Vec<&'a PathBuf>,
    kept: bool,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct DocumentReport<'a> {
    file: &'a str,
    unit: &'a str,
    changed: Vec<Told<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values_kept: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_kept: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<Vec<diff::Line>>,
}

/// A change, a proposal or a conflict.
#[derive(Serialize, Default)]
struct Told<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theirs: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// Tells everything.
///
/// # Errors
/// Standard output cannot be written.
pub(super) fn all(
    args: &Args,
    now: &Documents,
    done: &Done,
    pending: &[(PathBuf, Vec<u8>)],
    console: &Console,
) -> Result<(), Stop> {
    let (outcome, findings) = (&done.outcome, &done.findings);
    let report = Report {
        ok: outcome.is_whole(),
        documents: outcome.written.iter().map(|one| document(args, now, one, console)).collect(),
        proposals: outcome.proposals.iter().map(|told| proposal(told, console)).collect(),
        conflicts: outcome.conflicts.iter().map(|told| conflict(told, console)).collect(),
        written: pending.iter().map(|(path, _)| path).collect(),
        kept: outcome.kept.is_some(),
        findings,
    };
    if console.is_json() {
        return Console::print_json(&report);
    }
    Console::print(&to_human(&report, console))?;
    report::print(findings, findings.len(), console);
    Ok(())
}

fn document<'a>(
    args: &Args,
    now: &'a Documents,
    Carried { place, written, changed }: &'a Carried,
    console: &Console,
) -> DocumentReport<'a> {
    let contribution = &now.contributions[*place];
    let (file, unit) = (contribution.label.as_str(), contribution.unit.as_str());
    if let Some(changed) = changed {
        let place =
            |(target, path): &'a (String, String)| Told { target: Some(target), path, ..Told::default() };
        let changed = changed.iter().map(place).collect();
        return DocumentReport {
            file,
            unit,
            changed,
            values_kept: None,
            bytes: None,
            bytes_kept: None,
            diff: None,
        };
    }
    let proof = &written.proof;
    let changed = proof.changed.iter().map(|changed| Told {
        path: &changed.path,
        before: value(&changed.before, console),
        after: value(&changed.after, console),
        ..Told::default()
    });
    DocumentReport {
        file,
        unit,
        changed: changed.collect(),
        values_kept: Some(proof.values_kept),
        bytes: Some(proof.bytes),
        bytes_kept: Some(proof.bytes_kept),
        diff: lines(args, now, *place, written, console),
    }
}

fn proposal<'a>(proposal: &'a Proposal, console: &Console) -> Told<'a> {
    Told {
        source: Some(&proposal.source),
        target: Some(&proposal.target),
        kind: Some(proposal.kind.as_str()),
        path: &proposal.path,
        before: value(&proposal.before, console),
        after: value(&proposal.after, console),
        theirs: None,
    }
}

fn conflict<'a>(conflict: &'a Conflict, console: &Console) -> Told<'a> {
    Told {
        source: Some(&conflict.source),
        target: Some(&conflict.target),
        kind: None,
        path: &conflict.path,
        before: value(&conflict.base, console),
        theirs: value(&conflict.theirs, console),
        after: value(&conflict.mine, console),
    }
}

/// A value; its letters and digits only where they may be shown.
fn value(value: &Redacted<Option<String>>, console: &Console) -> Option<String> {
    let text = value.reveal().as_ref()?;
    Some(if console.show_values { text.clone() } else { Mask::Plain.apply(text) })
}

/// The lines that change in a document.
fn lines(
    args: &Args,
    now: &Documents,
    place: usize,
    written: &Written,
    console: &Console,
) -> Option<Vec<diff::Line>> {
    if !args.diff {
        return None;
    }
    let text = |bytes: &[u8]| {
        let decoded = crate::format::decode(bytes, None)
            .or_else(|_| crate::format::decode(bytes, Some(crate::format::Encoding::Windows1252)));
        decoded.map(|(text, _)| text).unwrap_or_default()
    };
    let (before, after) = (text(&now.bytes[place]), text(&written.bytes));
    let mask = match &now.originals[place] {
        _ if console.show_values => Mask::Open,
        Original::Unit(document, _) => mask_of(document.unit, &before),
        Original::Fhir(_) => Mask::guess(&before),
    };
    Some(diff::lines(&before, &after, &mask.apply(&before), &mask.apply(&after)))
}

fn to_human(report: &Report<'_>, console: &Console) -> String {
    let paint = console.out_paint;
    let mut out = String::new();
    for document in &report.documents {
        let head = paint.ink(Ink::Strong, &clean(document.file));
        let kept = document.values_kept.map(|kept| format!(", {} as before", count(kept, "value")));
        out.add(format_args!(
            "{head}: {} changed{}\n",
            count(document.changed.len(), "value"),
            kept.unwrap_or_default()
        ));
        for told in &document.changed {
            out.push_str(&change(told));
        }
        if let Some(lines) = &document.diff {
            out.push_str(&diff::to_human(document.file, lines, paint));
        }
    }
    for told in &report.proposals {
        let source = clean(told.source.unwrap_or_default());
        out.add(format_args!("{} to {source}\n{}", paint.ink(Ink::Warning, "proposal"), change(told)));
    }
    for told in &report.conflicts {
        let source = clean(told.source.unwrap_or_default());
        out.add(format_args!("{} with {source}\n{}", paint.ink(Ink::Error, "conflict"), change(told)));
    }
    if report.documents.is_empty()
        && report.proposals.is_empty()
        && report.conflicts.is_empty()
        && !report.kept
    {
        out.push_str("nothing changes\n");
    }
    for path in &report.written {
        out.add(format_args!("written: {}\n", clean(&path.to_string_lossy())));
    }
    if report.written.is_empty() && !(report.ok && report.documents.is_empty()) {
        out.push_str("nothing was written\n");
    }
    out
}

/// One change: where, what it was, what the unit has made of it, what it is to be.
fn change(told: &Told<'_>) -> String {
    let place = match told.target {
        Some(target) => format!("{target}: {}", told.path),
        None => told.path.to_owned(),
    };
    let mut out = format!("  {}\n", clean(&place));
    let rows = [("- ", &told.before), ("! ", &told.theirs), ("+ ", &told.after)];
    for (sign, value) in rows {
        if let Some(value) = value {
            out.add(format_args!("    {sign}{}\n", clean(value).replace('\n', " ")));
        }
    }
    out
}
