//! The run as a page in Markdown, as the summary of a step of GitHub Actions shows it.
//!
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary>

use super::{Document, Finding, Run, Verdict};

/// Findings in the table. GitHub shows a summary of one mebibyte at most.
const FINDINGS_MAX: usize = 200;
/// Letters of one cell: with [`FINDINGS_MAX`] rows the page stays below that limit.
const CELL_CHARS_MAX: usize = 300;
/// Things that were not checked that are shown by name.
const NOT_CHECKED_MAX: usize = 50;

/// The page: how many documents are valid, a table of findings, and what was not checked.
pub fn summary(run: &Run) -> String {
    let counts = &run.counts;
    let valid = counts.documents - counts.bad() - counts.not_applicable;
    let mut page = format!("## Sauma: {}\n\n", run.verdict());
    page.push_str(&row(&["documents", "valid", "errors", "warnings", "unreadable", "not checked"]));
    page.push_str("|---|---|---|---|---|---|\n");
    let numbers =
        [counts.documents, valid, counts.errors, counts.warnings, counts.unreadable, counts.not_checked];
    page.push_str(&row(&numbers.map(|number| number.to_string()).each_ref().map(String::as_str)));
    findings(&mut page, run);
    not_checked(&mut page, run);
    page
}

fn findings(page: &mut String, run: &Run) {
    let bad = |document: &&Document| !matches!(document.verdict, Verdict::Pass | Verdict::Skip);
    let told: Vec<&Finding> = run
        .documents
        .iter()
        .filter(bad)
        .flat_map(|document| &document.findings)
        .chain(&run.baseline)
        .collect();
    if told.is_empty() {
        return;
    }
    page.push_str("\n| | code | file | element | message |\n|---|---|---|---|---|\n");
    for finding in told.iter().take(FINDINGS_MAX) {
        let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
        let file = format!("{}{line}", finding.file);
        page.push_str(&row(&[
            finding.severity.as_str(),
            finding.code,
            &file,
            &finding.path,
            &finding.message,
        ]));
    }
    let more = told.len().saturating_sub(FINDINGS_MAX) + run.counts.left_out;
    if more > 0 {
        page.push_str(&format!("\n{more} findings more are in the other reports.\n"));
    }
}

fn not_checked(page: &mut String, run: &Run) {
    if run.not_checked.is_empty() {
        return;
    }
    page.push_str("\n| not checked | | times |\n|---|---|---|\n");
    for ((kind, name), times) in run.not_checked.iter().take(NOT_CHECKED_MAX) {
        page.push_str(&row(&[kind, name, &times.to_string()]));
    }
    let more = run.not_checked.len().saturating_sub(NOT_CHECKED_MAX);
    if more > 0 {
        page.push_str(&format!("\n{more} more are in the other reports.\n"));
    }
}

fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Text without a meaning in Markdown or HTML, so that the name of a file cannot draw a link or end the table.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(CELL_CHARS_MAX) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '@' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn the_page_has_the_numbers_and_the_findings() {
        let page = summary(&samples::run());
        assert!(page.starts_with("## Sauma: fail\n\n| documents | valid |"), "{page}");
        assert!(page.contains("| 4 | 2 | 3 | 1 | 1 | 2 |\n"), "{page}");
        let found =
            "| error | V325 | c.ndjson:4 | Goal.lifecycleStatus | the code is not in &lt;a> &amp; \"b\" |\n";
        assert_eq!(page.matches(found).count(), 2, "{page}");
        assert!(page.contains("| code system | http://loinc.org | 2 |\n"), "{page}");
        assert!(!summary(&Run::default()).contains("code"));
    }

    #[test]
    fn nothing_in_a_cell_is_markup() {
        let check = |text: &str, expected: &str| assert_eq!(cell(text), expected);
        check("a|b\nc", "a\\|b c");
        check("[x](http://a.example)", "\\[x\\](http://a.example)");
        check("<img>", "&lt;img>");
        assert_eq!(cell(&"å".repeat(1000)).chars().count(), CELL_CHARS_MAX);
    }
}
