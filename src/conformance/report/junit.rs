//! The run as JUnit XML, the form that build servers show test results from.
//!
//! A document is a test case: it passes, fails (`failure`: findings at or above the severity that fails) or could not be
//! read (`error`). What could not be checked in a document is a skipped test case of its own, with the reason, so that
//! no tool counts it as passed; so is a test that does not apply to the server.

use super::{Counts, Document, Finding, Run, VERSION, Verdict};
use crate::diag::Severity;
use crate::diag::escape;

/// The whole run as one suite.
pub fn junit(run: &Run) -> String {
    let counts = run.counts;
    let not_checked: usize = run.documents.iter().map(|document| document.not_checked.len()).sum();
    let skipped = not_checked + counts.not_applicable;
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let totals = totals(run, counts, not_checked);
    out.push_str(&format!("<testsuites name=\"sauma\" {totals}>\n"));
    out.push_str(&format!(
        "  <testsuite name=\"sauma {}\" {totals} skipped=\"{skipped}\"{}>\n",
        run.task.command(),
        timestamp(run)
    ));
    out.push_str(&properties(run));
    for document in &run.documents {
        out.push_str(&of_document(document, run));
    }
    for finding in &run.baseline {
        let name = escape(&format!("{} {}", finding.code, finding.message));
        let body = element("failure", finding.code, &finding.message, &line(finding));
        out.push_str(&case("sauma baseline", &name, "", &body));
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// When it was run; nothing where the report is to say the same whenever it is made.
fn timestamp(run: &Run) -> String {
    let time = escape(run.time.trim_end_matches('Z'));
    if time.is_empty() { String::new() } else { format!(" timestamp=\"{time}\"") }
}

fn totals(run: &Run, counts: Counts, not_checked: usize) -> String {
    let (baseline, errors) = (run.baseline.len(), counts.unreadable);
    let tests = counts.documents + not_checked + baseline;
    format!("tests=\"{tests}\" failures=\"{}\" errors=\"{errors}\"", counts.failed + baseline)
}

fn properties(run: &Run) -> String {
    let mut named = vec![
        ("sauma.version".to_owned(), VERSION.to_owned()),
        ("against".to_owned(), run.against.clone()),
        ("fail_on".to_owned(), run.fail_on.unwrap_or(Severity::Error).as_str().to_owned()),
    ];
    named.extend(run.profiles.iter().map(|profile| ("profile".to_owned(), profile.clone())));
    named.extend(run.packages.iter().map(|package| {
        let hash =
            if package.sha256.is_empty() { String::new() } else { format!(" sha256:{}", package.sha256) };
        (format!("package.{}", package.name), format!("{}{hash}", package.version))
    }));
    let property = |(name, value): &(String, String)| {
        format!("      <property name=\"{}\" value=\"{}\"/>\n", escape(name), escape(value))
    };
    format!("    <properties>\n{}    </properties>\n", named.iter().map(property).collect::<String>())
}

fn of_document(document: &Document, run: &Run) -> String {
    let fail_on = run.fail_on.unwrap_or(Severity::Error);
    let name = escape(&document.name());
    let first = document.findings.iter().find(|finding| finding.severity >= fail_on);
    let body = match (document.verdict, first) {
        (Verdict::Skip, _) => {
            let why = document.findings.first().map_or("", |finding| &finding.message);
            format!("      <skipped message=\"{}\"/>\n", escape(why))
        }
        (Verdict::Pass | Verdict::Warn, _) | (_, None) => String::new(),
        (verdict @ (Verdict::Fail | Verdict::Error), Some(first)) => {
            let kind = if verdict == Verdict::Error { "error" } else { "failure" };
            let lines: String = document.findings.iter().map(line).collect();
            let said = if document.findings.len() == 1 {
                first.message.clone()
            } else {
                format!("{} (and {} more)", first.message, document.findings.len() - 1)
            };
            element(kind, first.code, &said, &lines)
        }
    };
    let at = first.and_then(|finding| finding.line).or(document.line);
    let at = at.map_or_else(String::new, |line| format!(" line=\"{line}\""));
    let place = format!(" file=\"{}\"{at}", escape(&document.file));
    let mut out = case(&format!("sauma {}", run.task.command()), &name, &place, &body);
    for entry in &document.not_checked {
        let what = escape(&format!("{} {}", entry.kind, entry.name));
        let why = format!("not checked {} times: it is not at hand", entry.count);
        let body = format!("      <skipped message=\"{}\"/>\n", escape(&why));
        out.push_str(&case("sauma not checked", &format!("{name}: {what}"), &place, &body));
    }
    out
}

fn case(class: &str, escaped_name: &str, attributes: &str, body: &str) -> String {
    let open = format!("    <testcase classname=\"{class}\" name=\"{escaped_name}\"{attributes} time=\"0\"");
    if body.is_empty() { format!("{open}/>\n") } else { format!("{open}>\n{body}    </testcase>\n") }
}

fn element(name: &str, kind: &str, message: &str, text: &str) -> String {
    let text = escape(text).replace("&#10;", "\n");
    format!("      <{name} type=\"{kind}\" message=\"{}\">{text}</{name}>\n", escape(message))
}

/// A finding as compilers print it, so that build servers make a link of it.
fn line(finding: &Finding) -> String {
    let place = match (finding.line, finding.column) {
        (Some(line), Some(column)) => format!(":{line}:{column}"),
        (Some(line), None) => format!(":{line}"),
        (None, _) => String::new(),
    };
    let at = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
    let value = finding.value.as_deref().map_or_else(String::new, |value| format!(" ({value})"));
    format!(
        "{}{place}: {}[{}]: {at}{}{value}; {}\n",
        finding.file,
        finding.severity.as_str(),
        finding.code,
        finding.message,
        finding.help
    )
}
