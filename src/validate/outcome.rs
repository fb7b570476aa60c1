//! A report as FHIR has it: an `OperationOutcome`.

use super::Report;
use crate::diag::{Code, Issue, Language, LineIndex, Message, Severity, codes, message};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Where the codes of Sauma's issues are defined.
const CODE_SYSTEM: &str = "https://w3id.org/sauma/fhir/CodeSystem/issue";
const LINE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line";
const COLUMN: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col";
const SOURCE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-source";
const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";

/// The `OperationOutcome` of a report about a text; without a finding it says so, as it must have an issue.
pub fn outcome(report: &Report, text: &str) -> Value {
    let index = LineIndex::new(text);
    let mut issues: Vec<Value> = report.issues.iter().map(|issue| of_issue(issue, &index)).collect();
    issues.extend(report.not_checked.iter().map(|(entry, count)| {
        let subject = Message::words(entry.subject.as_str());
        let message = message!("not checked: {subject} {name} ({count})", subject, name = entry.name, count);
        note("incomplete", &coded(codes::NOT_CHECKED, in_all_languages(&message)))
    }));
    if report.issues_left_out > 0 {
        let message = message!("{count} more findings are not listed", count = report.issues_left_out);
        issues.push(note("too-long", &in_all_languages(&message)));
    }
    if issues.is_empty() {
        issues.push(note("informational", &in_all_languages(&message!("nothing was found"))));
    }
    json!({ "resourceType": "OperationOutcome", "issue": issues })
}

fn note(code: &str, details: &Value) -> Value {
    json!({ "severity": "information", "code": code, "details": details })
}

fn in_all_languages(message: &Message) -> Value {
    details(|language| (message.in_language(language).into(), message.is_in(language)))
}

/// A `CodeableConcept` of a text in English, with its translations beside it. `said` gives the text in a language, and
/// whether it is one.
fn details<'a>(said: impl Fn(Language) -> (Cow<'a, str>, bool)) -> Value {
    let mut details = json!({ "text": said(Language::En).0 });
    let others = Language::ALL.into_iter().filter(|language| *language != Language::En);
    let translations: Vec<Value> = others
        .filter_map(|language| {
            let (text, is_translated) = said(language);
            is_translated.then(|| translation(language, &text))
        })
        .collect();
    if let Some(members) = details.as_object_mut().filter(|_| !translations.is_empty()) {
        members.insert("_text".to_owned(), json!({ "extension": translations }));
    }
    details
}

/// A text in another language (FHIR R4, extension `translation`).
fn translation(language: Language, text: &str) -> Value {
    json!({ "url": TRANSLATION, "extension": [
        { "url": "lang", "valueCode": language.as_str() },
        { "url": "content", "valueString": text },
    ] })
}

fn coded(code: &Code, mut details: Value) -> Value {
    if let Some(members) = details.as_object_mut() {
        let coding = json!([{ "system": CODE_SYSTEM, "code": code.id, "display": code.title }]);
        members.insert("coding".to_owned(), coding);
    }
    details
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
        "details": coded(issue.code, details(|language| issue.message_in(language))),
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
