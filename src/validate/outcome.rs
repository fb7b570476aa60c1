//! A report as FHIR has it: an `OperationOutcome`.

use super::Report;
use crate::diag::{Code, Issue, LineIndex, Severity, codes};
use serde_json::{Value, json};

/// Where the codes of Sauma's issues are defined.
const CODE_SYSTEM: &str = "https://w3id.org/sauma/fhir/CodeSystem/issue";
const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
const COLUMN: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";
const SOURCE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source";

/// The `OperationOutcome` of a report about a text; without a finding it says so, as it must have an issue.
pub fn outcome(report: &Report, text: &str) -> Value {
    let index = LineIndex::new(text);
    let mut issues: Vec<Value> = report.issues.iter().map(|issue| of_issue(issue, &index)).collect();
    issues.extend(report.not_checked.iter().map(|(entry, count)| {
        let text = format!("not checked: {} {} ({count})", entry.subject.as_str(), entry.name);
        json!({ "severity": "information", "code": "incomplete", "details": details(codes::NOT_CHECKED, &text) })
    }));
    if report.issues_left_out > 0 {
        let text = format!("{} more findings are not listed", report.issues_left_out);
        issues.push(json!({ "severity": "information", "code": "too-long", "details": { "text": text } }));
    }
    if issues.is_empty() {
        let text = "nothing was found";
        issues
            .push(json!({ "severity": "information", "code": "informational", "details": { "text": text } }));
    }
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

fn details(code: &Code, text: &str) -> Value {
    json!({ "coding": [{ "system": CODE_SYSTEM, "code": code.id, "display": code.title }], "text": text })
}

fn of_issue(issue: &Issue, index: &LineIndex<'_>) -> Value {
    let place = index.place(issue.span.start);
    let mut extensions = vec![
        json!({ "url": LINE, "valueInteger": place.line }),
        json!({ "url": COLUMN, "valueInteger": place.column }),
    ];
    if !issue.rule.is_empty() {
        extensions.push(json!({ "url": SOURCE, "valueString": issue.rule }));
    }
    let mut found = json!({
        "extension": extensions,
        "severity": issue.severity.as_str(),
        "code": issue_type(issue),
        "details": details(issue.code, &issue.message),
        "diagnostics": issue.advice(),
    });
    if !issue.path.is_empty()
        && let Some(found) = found.as_object_mut()
    {
        found.insert("expression".to_owned(), json!([issue.path]));
    }
    found
}

/// The FHIR `issue-type` of an issue.
fn issue_type(issue: &Issue) -> &'static str {
    let code = issue.code;
    let is = |known: &[&Code]| known.contains(&code);
    if issue.severity == Severity::Information {
        "informational"
    } else if is(&[codes::INVARIANT, codes::NARRATIVE]) {
        "invariant"
    } else if is(&[codes::BINDING, codes::CODE_UNKNOWN, codes::DISPLAY]) {
        "code-invalid"
    } else if is(&[codes::FIXED, codes::PATTERN, codes::VALUE_FORMAT, codes::VALUE_RANGE, codes::TEXT_LENGTH])
    {
        "value"
    } else if is(&[codes::TOO_FEW, codes::SLICE_TOO_FEW]) {
        "required"
    } else if is(&[codes::REFERENCE_TARGET, codes::PROFILE_UNKNOWN, codes::NARRATIVE_LINK]) {
        "not-found"
    } else if is(&[codes::EXTENSION_UNKNOWN, codes::EXTENSION_CONTEXT, codes::EXTENSION_KIND]) {
        "extension"
    } else {
        "structure"
    }
}
