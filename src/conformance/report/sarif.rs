//! The run as SARIF 2.1.0, the form in which forges take the results of static analysis.

use super::fingerprint::Fingerprints;
use super::json::pretty;
use super::{Finding, Run, VERSION, Verdict, code_url};
use crate::diag::{Severity, codes};
use serde_json::{Map, Value, json};

/// Results that GitHub takes in one run; the gravest are kept.
const RESULTS_MAX: usize = 25_000;
/// The name of the fingerprint, with the version of how it is made.
const FINGERPRINT: &str = "saumaFinding/v1";
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The log with one run.
pub fn sarif(run: &Run) -> String {
    let mut findings: Vec<&Finding> = run.findings().collect();
    let left_out = findings.len().saturating_sub(RESULTS_MAX) + run.counts.left_out;
    if findings.len() > RESULTS_MAX {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        findings.truncate(RESULTS_MAX);
    }
    let mut ids: Vec<&'static str> = findings.iter().map(|finding| finding.code).collect();
    ids.sort_unstable();
    ids.dedup();
    let rules: Vec<Value> = ids
        .iter()
        .filter_map(|id| findings.iter().find(|finding| finding.code == *id))
        .map(|f| rule(f))
        .collect();
    let mut prints = Fingerprints::default();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &ids, &mut prints)).collect();
    pretty(&json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "sauma", "version": VERSION, "semanticVersion": VERSION, "rules": rules
            } },
            "automationDetails": { "id": format!("sauma/{}/", run.task.command()) },
            "columnKind": "unicodeCodePoints",
            "invocations": [invocation(run, left_out)],
            "results": results,
            "properties": {
                "against": run.against, "profiles": run.profiles, "packages": run.packages,
                "verdict": run.verdict(), "counts": run.counts,
            },
        }],
    }))
}

fn rule(finding: &Finding) -> Value {
    let help = finding.code().map_or("", |code| code.help);
    json!({
        "id": finding.code,
        "shortDescription": { "text": finding.title },
        "fullDescription": { "text": format!("{}: {help}", finding.title) },
        "help": { "text": help },
        "helpUri": code_url(finding.code),
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "note",
    }
}

fn result(finding: &Finding, ids: &[&str], prints: &mut Fingerprints) -> Value {
    let mut physical = Map::new();
    physical.insert("artifactLocation".to_owned(), json!({ "uri": uri(&finding.file) }));
    if let Some(region) = region(finding) {
        physical.insert("region".to_owned(), region);
    }
    let mut location = Map::new();
    location.insert("physicalLocation".to_owned(), Value::Object(physical));
    if !finding.path.is_empty() {
        location.insert("logicalLocations".to_owned(), json!([{ "fullyQualifiedName": finding.path }]));
    }
    let mut properties = Map::new();
    for (name, text) in [("rule", &finding.rule), ("value", &finding.value)] {
        if let Some(text) = text {
            properties.insert(name.to_owned(), json!(text));
        }
    }
    json!({
        "ruleId": finding.code,
        "ruleIndex": ids.binary_search(&finding.code).unwrap_or_default(),
        "level": level(finding.severity),
        "message": { "text": format!("{}; {}", finding.message, finding.help) },
        "locations": [location],
        "partialFingerprints": { FINGERPRINT: prints.of(finding) },
        "properties": properties,
    })
}

/// The place. A snippet is a piece of the document, so it is there only where its value may be shown.
fn region(finding: &Finding) -> Option<Value> {
    let mut region = Map::new();
    region.insert("startLine".to_owned(), json!(finding.line?));
    let more =
        [("startColumn", finding.column), ("endLine", finding.end_line), ("endColumn", finding.end_column)];
    for (name, number) in more {
        if let Some(number) = number {
            region.insert(name.to_owned(), json!(number));
        }
    }
    if let Some(snippet) = finding.source.as_ref().filter(|_| finding.shows_values) {
        region.insert("snippet".to_owned(), json!({ "text": snippet }));
    }
    Some(Value::Object(region))
}

/// How the run went: what was not checked or left out stands here, so that nobody takes silence for a pass.
fn invocation(run: &Run, left_out: usize) -> Value {
    let note = |text: String| json!({ "level": "note", "descriptor": { "id": codes::NOT_CHECKED.id }, "message": { "text": text } });
    let mut notes: Vec<Value> = Vec::new();
    for document in &run.documents {
        notes.extend(document.not_checked.iter().map(|entry| {
            note(format!("{}: not checked: {} {} ({})", document.name(), entry.kind, entry.name, entry.count))
        }));
    }
    notes.truncate(RESULTS_MAX);
    if left_out > 0 {
        notes.push(note(format!("{left_out} more findings are not listed")));
    }
    let unread = run.documents.iter().any(|document| document.verdict == Verdict::Error);
    let mut told = json!({ "executionSuccessful": !unread, "toolExecutionNotifications": notes });
    if !run.time.is_empty() {
        told["endTimeUtc"] = json!(run.time);
    }
    told
}

/// A file name as an URI reference (RFC 3986): relative stays relative.
fn uri(file: &str) -> String {
    let is_drive = file.as_bytes().get(1) == Some(&b':');
    let start = if file.starts_with('/') {
        "file://"
    } else if is_drive {
        "file:///"
    } else {
        ""
    };
    let mut out = start.to_owned();
    for byte in file.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/');
        if is_plain || (byte == b':' && is_drive) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn names_of_files_become_uris() {
        let check = |file: &str, expected: &str| assert_eq!(uri(file), expected);
        check("a/b å.json", "a/b%20%C3%A5.json");
        check("/a.json", "file:///a.json");
        check("C:/a.json", "file:///C:/a.json");
        check("a:b", "file:///a:b");
        check("plan:a.json", "plan%3Aa.json");
    }

    #[test]
    fn a_snippet_is_there_only_where_values_may_be_shown() {
        let hidden = Finding { source: Some("··".to_owned()), ..samples::finding("a", Severity::Error) };
        assert_eq!(region(&hidden).and_then(|region| region.get("snippet").cloned()), None);
        let shown = Finding { shows_values: true, ..hidden };
        assert_eq!(region(&shown).map(|region| region["snippet"]["text"].clone()), Some(json!("··")));
    }

    #[test]
    fn rules_are_found_by_their_index() {
        let log: Value = serde_json::from_str(&sarif(&samples::run())).unwrap_or_default();
        let run = &log["runs"][0];
        for result in run["results"].as_array().into_iter().flatten() {
            let at = usize::try_from(result["ruleIndex"].as_u64().unwrap_or(9)).unwrap_or(9);
            assert_eq!(run["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        }
        assert_eq!(run["results"].as_array().map(Vec::len), Some(4));
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    }
}
