//! Findings as people and programs read them: code, file, line and column, the source line with the place
//! underlined, what to do.

use super::console::{Add, Console, Ink, Paint, clean, to_json};
use super::mask::Mask;
use crate::diag::{Issue, LineIndex, Severity};
use serde::Serialize;

/// Characters of a source line that are shown; longer ones, as of JSON on one line, are cut around the place.
const LINE_CHARS_MAX: usize = 110;
/// Characters shown before the place where a line is cut.
const LINE_CHARS_BEFORE: usize = 40;
/// Findings of one code that are listed under one heading.
const LISTED_MAX: usize = 40;

/// A text that findings point into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// The file as the user named it.
    pub(super) file: &'a str,
    /// Its text.
    pub(super) text: &'a str,
    /// How its values are hidden.
    pub(super) mask: Mask,
    /// Lines of the file before this text, as for one line of an NDJSON file.
    pub(super) lines_before: u32,
}

/// One finding with its place.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Finding {
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    title: &'static str,
    message: String,
    help: String,
    file: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    /// The rule of the lens or of the definition that expected something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Characters of `source` before the place, and of the place.
    #[serde(skip)]
    mark: (usize, usize),
}

impl Finding {
    /// A finding that no source text belongs to.
    pub(super) fn bare(file: &str, issue: &Issue, console: &Console) -> Self {
        let value = issue.value.as_ref().filter(|_| console.show_values).map(|value| clean(value.reveal()));
        Self {
            code: issue.code.id,
            severity: issue.severity,
            title: issue.code.title,
            message: clean(&issue.message),
            help: clean(issue.advice()),
            file: clean(file),
            line: None,
            column: None,
            path: clean(&issue.path),
            rule: Some(clean(&issue.rule)).filter(|rule| !rule.is_empty()),
            value,
            source: None,
            mark: (0, 0),
        }
    }

    /// True for a finding of error severity.
    pub(super) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    const fn ink(&self) -> (Ink, &'static str) {
        match self.severity {
            Severity::Error => (Ink::Error, "error"),
            Severity::Warning => (Ink::Warning, "warning"),
            Severity::Information => (Ink::Note, "note"),
        }
    }

    fn heading(&self, paint: Paint, words: &str) -> String {
        let (ink, word) = self.ink();
        let head = paint.ink(ink, &format!("{word}[{}]", self.code));
        format!("{head}{}\n", paint.ink(Ink::Strong, &format!(": {words}")))
    }

    /// As compilers print it.
    pub(super) fn to_human(&self, paint: Paint) -> String {
        let mut out = self.heading(paint, &self.message);
        let number = self.line.map_or_else(String::new, |line| line.to_string());
        let margin = " ".repeat(number.len());
        let place = match (self.line, self.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", self.file),
            _ => self.file.clone(),
        };
        out.add(format_args!("{margin}{} {place}\n", paint.ink(Ink::Note, "-->")));
        if let Some(source) = &self.source {
            let bar = paint.ink(Ink::Note, "|");
            let (before, width) = self.mark;
            let caret = paint.ink(self.ink().0, &"^".repeat(width.max(1)));
            out.add(format_args!("{margin} {bar}\n{} {bar} {source}\n", paint.ink(Ink::Note, &number)));
            out.add(format_args!("{margin} {bar} {}{caret}\n", " ".repeat(before)));
        }
        let mut say = |label: &str, text: &str| {
            if !text.is_empty() {
                out.add(format_args!("{margin} = {}: {text}\n", paint.ink(Ink::Strong, label)));
            }
        };
        say("means", if self.message == self.title { "" } else { self.title });
        say("at", &self.path);
        say("rule", self.rule.as_deref().unwrap_or(""));
        say("value", self.value.as_deref().unwrap_or(""));
        say("help", &self.help);
        out
    }
}

/// Findings of one text that are given their place; in a text of one long line each takes a walk over it.
const PLACED_MAX: usize = 1_000;

/// The findings of one text.
pub(super) fn findings(source: Source<'_>, issues: &[Issue], console: &Console) -> Vec<Finding> {
    if issues.is_empty() {
        return Vec::new();
    }
    let index = LineIndex::new(source.text);
    let mask = if console.show_values { Mask::Open } else { source.mask };
    let masked = mask.apply(source.text);
    let lines: Vec<&str> = masked.split('\n').collect();
    let (placed, rest) = issues.split_at(issues.len().min(PLACED_MAX));
    let placed = placed.iter().map(|issue| located(source, issue, &index, &lines, console));
    placed.chain(rest.iter().map(|issue| Finding::bare(source.file, issue, console))).collect()
}

fn located(
    source: Source<'_>,
    issue: &Issue,
    index: &LineIndex<'_>,
    lines: &[&str],
    console: &Console,
) -> Finding {
    let mut finding = Finding::bare(source.file, issue, console);
    // A whole document is no place in it, and an issue about resources points into no text at all.
    let whole = issue.span.start == 0 && issue.span.end as usize >= source.text.trim_end().len();
    if source.text.is_empty() || (issue.span.is_empty() && issue.span.start == 0) {
        return finding;
    }
    let start = index.place(issue.span.start);
    finding.line = Some(start.line + source.lines_before);
    finding.column = Some(start.column);
    let Some(line) = lines.get(start.line as usize - 1).filter(|_| !whole) else { return finding };
    let line: Vec<char> = clean(line.trim_end_matches('\r')).chars().collect();
    let at = (start.column as usize - 1).min(line.len());
    let end = index.place(issue.span.end);
    let to = if end.line == start.line { end.column as usize - 1 } else { line.len() };
    let (text, mark) = window(&line, at, to.clamp(at, line.len().max(at)));
    finding.source = Some(text);
    finding.mark = mark;
    finding
}

/// The part of a line around `at..to` that fits, and where the place stands in it.
fn window(line: &[char], at: usize, to: usize) -> (String, (usize, usize)) {
    let last = line.len().saturating_sub(LINE_CHARS_MAX);
    let from = at.saturating_sub(LINE_CHARS_BEFORE).min(last);
    let upto = line.len().min(from + LINE_CHARS_MAX);
    let mut text: String = line[from..upto].iter().collect();
    let mut before = at - from;
    if from > 0 {
        text.insert(0, '…');
        before += 1;
    }
    if upto < line.len() {
        text.push('…');
    }
    (text, (before, to.min(upto).saturating_sub(at)))
}

/// What a run says about many documents.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Tally {
    pub(super) documents: usize,
    pub(super) failed: usize,
    /// Files of a folder that are no documents by their names.
    pub(super) skipped: usize,
    pub(super) errors: usize,
    pub(super) warnings: usize,
}

impl Tally {
    /// Counts the findings of one document.
    pub(super) fn add(&mut self, findings: &[Finding], failed: bool) {
        self.documents += 1;
        self.failed += usize::from(failed);
        for finding in findings {
            match finding.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Information => {}
            }
        }
    }

    /// A line for people.
    pub(super) fn to_human(self) -> String {
        let done = self.documents - self.failed;
        let skipped =
            if self.skipped == 0 { String::new() } else { format!(", {} other files skipped", self.skipped) };
        let (errors, warnings) = (count(self.errors, "error"), count(self.warnings, "warning"));
        format!(
            "{done} of {} done, {} failed; {errors}, {warnings}{skipped}",
            count(self.documents, "document"),
            self.failed
        )
    }
}

/// `1 error`, `2 errors`.
pub(super) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Prints findings to standard error, at most `shown` of them to people; the rest are counted.
pub(super) fn print(findings: &[Finding], shown: usize, console: &Console) {
    if console.is_json() {
        if !findings.is_empty() {
            Console::note(&format!("{}\n", to_json(&serde_json::json!({ "findings": findings }))));
        }
        return;
    }
    let mut wanted: Vec<&Finding> =
        findings.iter().filter(|finding| !console.quiet || finding.is_error()).collect();
    // Errors first: what is cut off at the end must not be the reason of a failure.
    wanted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let alike = |a: &&Finding, b: &&Finding| {
        a.line.is_none() && b.line.is_none() && (a.code, &a.file) == (b.code, &b.file)
    };
    let mut text = String::new();
    let mut told = 0;
    for group in wanted.chunk_by(alike).take(shown) {
        told += group.len();
        text.push_str(&if let [finding] = group {
            finding.to_human(console.err_paint)
        } else {
            list(group, console.err_paint)
        });
        text.push('\n');
    }
    if let Some(more) = wanted.len().checked_sub(told).filter(|more| *more > 0) {
        text.add(format_args!("… and {}; --format json lists all\n\n", count(more, "more finding")));
    }
    Console::note(&text);
}

/// Findings of one code about one file that have no place in a text, as one list.
fn list(group: &[&Finding], paint: Paint) -> String {
    let Some(first) = group.first() else { return String::new() };
    let mut out = first.heading(paint, &format!("{} ({})", first.title, group.len()));
    out.add(format_args!("{} {}\n", paint.ink(Ink::Note, "-->"), first.file));
    for finding in group.iter().take(LISTED_MAX) {
        let value = finding.value.as_deref().map_or_else(String::new, |value| format!(": {value}"));
        out.add(format_args!("  - {}{value}\n", finding.message));
    }
    if group.len() > LISTED_MAX {
        out.add(format_args!("  - … and {} more\n", group.len() - LISTED_MAX));
    }
    out.add(format_args!(" = {}: {}\n", paint.ink(Ink::Strong, "help"), first.help));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Span, codes};

    fn console() -> Console {
        let global = super::super::console::Global {
            format: super::super::console::Format::Human,
            show_values: false,
            lang: None,
            quiet: false,
            color: super::super::console::Color::Never,
        };
        Console::new(&global)
    }

    #[test]
    fn a_finding_shows_its_place_and_no_value() {
        let text = "{\n  \"date\": \"Aino 1\"\n}";
        let source = Source { file: "a.json", text, mask: Mask::Json, lines_before: 4 };
        let issue = Issue::warning(codes::NOT_CONVERTIBLE, Span::new(12, 20), "no date")
            .at("date")
            .with_value("Aino 1");
        let found = findings(source, &[issue], &console());
        let text = found[0].to_human(Paint::PLAIN);
        let wanted = "warning[M222]: no date\n --> a.json:6:11\n  |\n6 |   \"date\": \"···· ·\"\n  |           ^^^^^^^^\n  \
             = means: a value does not have the form the rule expects\n  = at: date\n  \
             = help: it is carried as the unit's own text; correct it in the unit's system\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let line: Vec<char> = "x".repeat(500).chars().collect();
        let (text, (before, width)) = window(&line, 300, 310);
        assert_eq!((text.chars().count(), before, width), (112, 41, 10));
        assert_eq!(window(&line, 500, 500).1, (LINE_CHARS_MAX + 1, 0));
    }
}
