//! Findings as the forges of source code show them beside the lines of a change.

use super::fingerprint::Fingerprints;
use super::json::pretty;
use super::{Finding, Run};
use crate::diag::Severity;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Annotations of one severity that GitHub shows for a step.
const GITHUB_SHOWN: usize = 10;

/// Workflow commands of GitHub Actions. GitHub shows ten of each severity, so the gravest stand first, and a last line
/// says how many there are.
pub fn github(run: &Run) -> String {
    let mut findings: Vec<&Finding> = run.findings().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut out: String = findings.iter().map(|finding| github_line(finding)).collect();
    let mut by_severity: BTreeMap<Severity, usize> = BTreeMap::new();
    for finding in &findings {
        *by_severity.entry(finding.severity).or_default() += 1;
    }
    if by_severity.values().any(|count| *count > GITHUB_SHOWN) {
        let counts = run.counts;
        let text = format!(
            "{} errors, {} warnings in {} documents; the reports of this step list all",
            counts.errors, counts.warnings, counts.documents
        );
        out.push_str(&format!("::notice title=sauma::{}\n", github_text(&text)));
    }
    out
}

fn github_line(finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information => "notice",
    };
    let mut about = vec![format!("file={}", github_property(&finding.file))];
    let numbers = [
        ("line", finding.line),
        ("endLine", finding.end_line),
        ("col", finding.column),
        // GitHub counts the last column in, and takes columns only within one line.
        ("endColumn", finding.end_column.map(|column| column.saturating_sub(1).max(1))),
    ];
    let is_one_line = finding.line == finding.end_line;
    for (name, number) in numbers {
        if let Some(number) = number.filter(|_| is_one_line || name.ends_with("ine")) {
            about.push(format!("{name}={number}"));
        }
    }
    about.push(format!("title={}", github_property(&format!("{} {}", finding.code, finding.path))));
    let text = format!("{}; {}", finding.message, finding.help);
    format!("::{command} {}::{}\n", about.join(","), github_text(&text))
}

fn github_text(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn github_property(text: &str) -> String {
    github_text(text.trim_end()).replace(':', "%3A").replace(',', "%2C")
}

/// A Code Quality report of GitLab.
pub fn gitlab(run: &Run) -> String {
    let mut prints = Fingerprints::default();
    let row = |finding: &Finding| {
        let severity = match finding.severity {
            Severity::Error => "major",
            Severity::Warning => "minor",
            Severity::Information => "info",
        };
        let at = if finding.path.is_empty() { String::new() } else { format!("{}: ", finding.path) };
        json!({
            "description": format!("{at}{}; {}", finding.message, finding.help),
            "check_name": finding.code,
            "fingerprint": prints.of(finding),
            "severity": severity,
            "location": { "path": finding.file, "lines": { "begin": finding.line.unwrap_or(1) } },
        })
    };
    pretty(&Value::Array(run.findings().map(row).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn an_annotation_cannot_be_broken_out_of() {
        let mut finding = samples::finding("a:b,c.json", Severity::Error);
        finding.message = "100 %\n::error::x".to_owned();
        let wanted = "::error file=a%3Ab%2Cc.json,line=4,endLine=4,col=3,endColumn=19,\
            title=V325 Goal.lifecycleStatus::100 %25%0A::error::x; choose a code of the value set\n";
        assert_eq!(github_line(&finding), wanted);
    }

    #[test]
    fn the_gravest_stand_first() {
        let text = github(&samples::run());
        let kinds: Vec<&str> = text.lines().filter_map(|line| line.split([' ', ':']).nth(2)).collect();
        assert_eq!(kinds, ["error", "error", "error", "warning"]);
    }

    #[test]
    fn fingerprints_of_gitlab_differ() {
        let rows: Vec<Value> = serde_json::from_str(&gitlab(&samples::run())).unwrap_or_default();
        let mut prints: Vec<&str> = rows.iter().filter_map(|row| row["fingerprint"].as_str()).collect();
        prints.sort_unstable();
        prints.dedup();
        assert_eq!((rows.len(), prints.len()), (4, 4));
        assert_eq!(rows[0]["location"]["lines"]["begin"], 4);
    }
}
