//! The run as JSON. `conformance/reports/report.schema.json` is its schema, which only ever gains optional members within one
//! version of the form.

use super::{Document, Finding, NotChecked, Run, VERSION, Verdict};
use serde::Serialize;
use serde_json::{Value, json};

/// Version of this form.
const FORM: u32 = 1;

#[derive(Serialize)]
struct Row<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    verdict: Verdict,
    valid: bool,
    findings: &'a [Finding],
    findings_left_out: usize,
    known_findings: usize,
    not_checked: &'a [NotChecked],
}

impl<'a> Row<'a> {
    fn of(document: &'a Document) -> Self {
        Self {
            file: &document.file,
            line: document.line,
            title: document.title.as_deref(),
            verdict: document.verdict,
            valid: !document.findings.iter().any(Finding::is_error),
            findings: &document.findings,
            findings_left_out: document.left_out,
            known_findings: document.known,
            not_checked: &document.not_checked,
        }
    }
}

/// The whole run.
pub fn json(run: &Run) -> String {
    let mut value = head(run);
    if let Some(members) = value.as_object_mut() {
        let rows: Vec<Row<'_>> = run.documents.iter().map(Row::of).collect();
        members.insert("documents".to_owned(), json!(rows));
        members.insert("summary".to_owned(), summary(run));
    }
    pretty(&value)
}

/// One document as a line of NDJSON.
pub fn ndjson_document(document: &Document) -> String {
    format!("{}\n", json!({ "type": "document", "document": Row::of(document) }))
}

/// The last line of NDJSON: all but the documents.
pub fn ndjson_summary(run: &Run) -> String {
    let mut value = head(run);
    if let Some(members) = value.as_object_mut() {
        members.insert("type".to_owned(), json!("summary"));
        members.insert("summary".to_owned(), summary(run));
    }
    format!("{value}\n")
}

fn head(run: &Run) -> Value {
    json!({
        "form": FORM,
        "tool": { "name": "sauma", "version": VERSION },
        "time": run.time,
        "against": run.against,
        "language": run.language.as_str(),
        "profiles": run.profiles,
        "packages": run.packages,
        "fail_on": run.fail_on,
        "baseline": run.baseline,
    })
}

fn summary(run: &Run) -> Value {
    let mut value = json!(run.counts);
    if let Some(members) = value.as_object_mut() {
        members.insert("verdict".to_owned(), json!(run.verdict()));
    }
    value
}

/// With line breaks, and one at the end.
pub(super) fn pretty(value: &Value) -> String {
    // A value of strings and numbers always has a text.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}
