//! Faults as the client shows them, and what would mend them.

use super::analysis::Analysis;
use super::text::Text;
use super::workspace::Document;
use crate::diag::{Issue, Severity, Span, codes, nearest};
use crate::mapping::outline::{Flow, Kind};
use lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Uri,
};
use serde_json::{Value, json};

/// Findings that are told of one document.
const FINDINGS_MAX: usize = 500;

/// All findings of a document.
pub(super) fn findings(analysis: &Analysis, document: &Document) -> Vec<Diagnostic> {
    let all = analysis.issues.iter().take(FINDINGS_MAX);
    all.map(|issue| finding(issue, analysis, document)).collect()
}

fn finding(issue: &Issue, analysis: &Analysis, document: &Document) -> Diagnostic {
    let severity = match issue.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Information => DiagnosticSeverity::INFORMATION,
    };
    let advice = issue.advice();
    let message =
        if advice.is_empty() { issue.message.clone() } else { format!("{}\n{advice}", issue.message) };
    Diagnostic {
        range: document.text.range(issue.span),
        severity: Some(severity),
        code: Some(NumberOrString::String(issue.code.id.to_owned())),
        code_description: None,
        source: Some("sauma".to_owned()),
        message,
        related_information: related(issue, analysis, document),
        tags: None,
        data: None,
    }
}

/// Another place that a finding speaks of: the rule that sets the same element, the first of two declarations.
fn related(
    issue: &Issue,
    analysis: &Analysis,
    document: &Document,
) -> Option<Vec<DiagnosticRelatedInformation>> {
    let outline = &analysis.outline;
    let (span, message) = if issue.code == codes::LENS_CONFLICT {
        let own = outline.flows.iter().find(|flow| flow.span == issue.span)?;
        let before = |it: &&Flow| it.target == own.target && it.span.start < own.span.start;
        let mut others = outline.flows.iter().filter(before);
        // Rules of one element may be told apart by conditions; of several nobody can say here which is meant.
        let (first, None) = (others.next()?, others.next()) else { return None };
        (first.span, "it is set here first")
    } else if issue.code == codes::LENS_NAME || issue.code == codes::FML_DUPLICATE {
        let own = outline.declared.iter().find(|it| it.span.start.abs_diff(issue.span.start) <= 1)?;
        let is_name = |kind: Kind| kind == own.kind || (is_variable(kind) && is_variable(own.kind));
        let first = outline
            .declared
            .iter()
            .filter(|it| it.name == own.name && is_name(it.kind) && it.span.start < own.span.start)
            .max_by_key(|it| it.span.start)?;
        (first.span, "it is declared here first")
    } else {
        return None;
    };
    let uri: Uri = document.uri.parse().ok()?;
    let location = Location { uri, range: document.text.range(span) };
    Some(vec![DiagnosticRelatedInformation { location, message: message.to_owned() }])
}

const fn is_variable(kind: Kind) -> bool {
    matches!(kind, Kind::Source | Kind::Target | Kind::Resource)
}

/// What would mend the findings of a range.
pub(super) fn repairs(analysis: &Analysis, document: &Document, span: Span) -> Vec<Value> {
    let touches = |issue: &&Issue| issue.span.start <= span.end && span.start <= issue.span.end;
    let issues = analysis.issues.iter().filter(touches).take(FINDINGS_MAX);
    issues.filter_map(|issue| repair(issue, analysis, document)).collect()
}

fn repair(issue: &Issue, analysis: &Analysis, document: &Document) -> Option<Value> {
    let text = &document.text;
    let (title, span, new) = match meant(issue) {
        Some(meant) => {
            let span = word(text, issue.span);
            // The place may be of a whole rule; only the word itself is changed.
            nearest(text.slice(span), [meant])?;
            (format!("Change to `{meant}`"), span, meant.to_owned())
        }
        None if issue.code == codes::LENS_UNREAD => keep(issue, analysis, text)?,
        None => return None,
    };
    Some(json!({
        "title": title,
        "kind": "quickfix",
        "isPreferred": meant(issue).is_some(),
        "diagnostics": [finding(issue, analysis, document)],
        "edit": { "changes": { &document.uri: [{ "range": text.range(span), "newText": new }] } },
    }))
}

/// The name that was perhaps meant.
fn meant(issue: &Issue) -> Option<&str> {
    let rest = issue.help.split_once("did you mean `")?.1;
    rest.split_once('`').map(|(meant, _)| meant)
}

/// A place without its quotes.
fn word(text: &Text, span: Span) -> Span {
    let is_quoted = text.slice(span).len() > 1 && text.slice(span).starts_with(['"', '\'', '`']);
    if is_quoted { Span::new(span.start + 1, span.end - 1) } else { span }
}

/// `keep` for an element that no rule reads, at the end of the map that its path starts from.
fn keep(issue: &Issue, analysis: &Analysis, text: &Text) -> Option<(String, Span, String)> {
    let root = issue.path.split('.').next()?;
    let roots = analysis.outline.declared.iter().filter(|it| it.kind == Kind::Source && it.name == root);
    let map =
        roots.map(|it| it.whole).find(|whole| analysis.outline.parts.iter().any(|it| it.span == *whole))?;
    let brace = map.end.checked_sub(1).filter(|at| text.slice(Span::new(*at, map.end)) == "}")?;
    let title = format!("Add `keep {}`", issue.path);
    Some((title, Span::new(brace, brace), format!("  keep {}\n", issue.path)))
}
