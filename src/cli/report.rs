//! Findings as people and programs read them: code, file, line and column, the source line with the place
//! underlined, what to do.

use super::console::{Add, Console, Ink, Paint, clean, to_json};
use super::mask::Mask;
pub(super) use crate::conformance::report::Finding;
use crate::conformance::report::Spoken;
use crate::diag::{CharIndex, Issue, Language, LineIndex, Message, Severity, message, template, translated};
use serde::Serialize;
use std::borrow::Cow;

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

impl Finding {
    /// A finding that no source text belongs to.
    pub(super) fn bare(file: &str, issue: &Issue, console: &Console) -> Self {
        let value = issue.value.as_ref().filter(|_| console.show_values).map(|value| clean(value.reveal()));
        Self {
            code: issue.code.id,
            severity: issue.severity,
            title: issue.code.title_in(console.report_lang),
            message: clean(&issue.message_in(console.report_lang).0),
            help: clean(&issue.advice_in(console.report_lang).0),
            file: clean(file),
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            path: clean(&issue.path),
            rule: Some(clean(&issue.rule)).filter(|rule| !rule.is_empty()),
            value,
            source: None,
            mark: (0, 0),
            shows_values: console.show_values,
            spoken: spoken(issue, console.lang),
        }
    }

    const fn ink(&self) -> (Ink, &'static str) {
        match self.severity {
            Severity::Error => (Ink::Error, template!("error")),
            Severity::Warning => (Ink::Warning, template!("warning")),
            Severity::Information => (Ink::Note, template!("note")),
        }
    }

    fn heading(&self, paint: Paint, words: &str) -> String {
        let (ink, word) = self.ink();
        let head = paint.ink(ink, &format!("{}[{}]", translated(word, self.language()), self.code));
        format!("{head}{}\n", paint.ink(Ink::Strong, &format!(": {words}")))
    }

    /// As compilers print it.
    pub(super) fn to_human(&self, paint: Paint) -> String {
        let mut out = self.heading(paint, self.message_for_people());
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
        let mut say = |label: &'static str, text: &str| {
            if !text.is_empty() {
                let label = paint.ink(Ink::Strong, translated(label, self.language()));
                out.add(format_args!("{margin} = {label}: {text}\n"));
            }
        };
        let title = self.title_for_people();
        say(template!("means"), if self.message_for_people() == title { "" } else { title });
        say(template!("at"), &self.path);
        say(template!("rule"), self.rule.as_deref().unwrap_or(""));
        say(template!("value"), self.value.as_deref().unwrap_or(""));
        say(template!("help"), self.help_for_people());
        out
    }
}

/// What people are told who do not read English.
fn spoken(issue: &Issue, language: Language) -> Option<Box<Spoken>> {
    let said = |(text, is_in): (Cow<'_, str>, bool)| is_in.then(|| clean(&text));
    (language != Language::En).then(|| {
        Box::new(Spoken {
            language,
            title: issue.code.title_in(language),
            message: said(issue.message_in(language)),
            help: said(issue.advice_in(language)),
        })
    })
}

/// The findings of one text.
pub(super) fn findings(source: Source<'_>, issues: &[Issue], console: &Console) -> Vec<Finding> {
    let is_shown = |issue: &Issue| !console.hides(issue.severity);
    if !issues.iter().any(is_shown) {
        return issues.iter().map(|issue| Finding::bare(source.file, issue, console)).collect();
    }
    let mask = if console.show_values { Mask::Open } else { source.mask };
    let masked = mask.apply(source.text);
    let text = Text { source, index: LineIndex::new(source.text), shown: CharIndex::new(&masked) };
    let one = |issue: &Issue| {
        let mut finding = Finding::bare(source.file, issue, console);
        if is_shown(issue) {
            text.locate(issue, &mut finding);
        }
        finding
    };
    issues.iter().map(one).collect()
}

/// A text in which places are looked up.
struct Text<'a> {
    source: Source<'a>,
    index: LineIndex<'a>,
    /// The text as it may be shown, character for character.
    shown: CharIndex<'a>,
}

impl Text<'_> {
    fn locate(&self, issue: &Issue, finding: &mut Finding) {
        // A whole document is no place in it, and an issue about resources points into no text at all.
        let text = self.source.text;
        let whole = issue.span.start == 0 && issue.span.end as usize >= text.trim_end().len();
        if text.is_empty() || (issue.span.is_empty() && issue.span.start == 0) {
            return;
        }
        let (start, end) = (self.index.place(issue.span.start), self.index.place(issue.span.end));
        finding.line = Some(start.line + self.source.lines_before);
        finding.column = Some(start.column);
        if whole {
            return;
        }
        finding.end_line = Some(end.line + self.source.lines_before);
        finding.end_column = Some(end.column);
        let at = self.index.chars_before(start);
        let upto = if end.line == start.line { self.index.chars_before(end) } else { usize::MAX };
        let (line, mark) = self.window(at, start.column as usize - 1, upto.max(at));
        finding.source = Some(clean(&line));
        finding.mark = mark;
    }

    /// The part of a line around the characters `at..to` that fits, and where the place stands in it; `before`
    /// characters of the line stand before the place. A line of megabytes is never copied.
    fn window(&self, at: usize, before: usize, to: usize) -> (String, (usize, usize)) {
        let rest = self.shown.chars(at, at + LINE_CHARS_MAX + 1);
        let rest = rest.split('\n').next().unwrap_or("").trim_end_matches('\r');
        let after = rest.chars().count();
        // A short rest leaves room for more of what stands before.
        let kept = before.min(LINE_CHARS_BEFORE.max(LINE_CHARS_MAX.saturating_sub(after)));
        let shown = after.min(LINE_CHARS_MAX - kept);
        let (cut_before, cut_after) = (before > kept, after > shown);
        let mut text = if cut_before { "…".to_owned() } else { String::new() };
        text.push_str(self.shown.chars(at - kept, at + shown));
        if cut_after {
            text.push('…');
        }
        (text, (kept + usize::from(cut_before), (to - at).min(shown)))
    }
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

/// The documents of a run by their number.
pub(super) fn documents(count: usize) -> Message {
    if count == 1 { message!("1 document") } else { message!("{count} documents", count) }
}

/// The errors of a run by their number.
pub(super) fn errors(count: usize) -> Message {
    if count == 1 { message!("1 error") } else { message!("{count} errors", count) }
}

/// The warnings of a run by their number.
pub(super) fn warnings(count: usize) -> Message {
    if count == 1 { message!("1 warning") } else { message!("{count} warnings", count) }
}

/// Prints findings to standard error, at most `shown` of them to people; the rest are counted.
pub(super) fn print(findings: &[Finding], shown: usize, console: &Console) {
    print_some(findings, 0, shown, console);
}

/// As [`print`], where `left_out` findings more were counted only.
pub(super) fn print_some(findings: &[Finding], left_out: usize, shown: usize, console: &Console) {
    if console.is_json() {
        if !findings.is_empty() {
            Console::note(&format!("{}\n", to_json(&serde_json::json!({ "findings": findings }))));
        }
        return;
    }
    let mut wanted: Vec<&Finding> =
        findings.iter().filter(|finding| !console.hides(finding.severity)).collect();
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
    let more = wanted.len() - told;
    if more > 0 {
        let words = match more {
            1 => message!("… and 1 more finding; --format json lists all"),
            _ => message!("… and {count} more findings; --format json lists all", count = more),
        };
        text.add(format_args!("{}\n", words.in_language(console.lang)));
    }
    if left_out > 0 {
        let words = match left_out {
            1 => message!("… and 1 more finding that no report lists"),
            _ => message!("… and {count} more findings that no report lists", count = left_out),
        };
        text.add(format_args!("{}\n", words.in_language(console.lang)));
    }
    if more + left_out > 0 {
        text.push('\n');
    }
    Console::note(&text);
}

/// Findings of one code about one file that have no place in a text, as one list.
fn list(group: &[&Finding], paint: Paint) -> String {
    let Some(first) = group.first() else { return String::new() };
    let mut out = first.heading(paint, &format!("{} ({})", first.title_for_people(), group.len()));
    out.add(format_args!("{} {}\n", paint.ink(Ink::Note, "-->"), first.file));
    for finding in group.iter().take(LISTED_MAX) {
        let value = finding.value.as_deref().map_or_else(String::new, |value| format!(": {value}"));
        out.add(format_args!("  - {}{value}\n", finding.message_for_people()));
    }
    if group.len() > LISTED_MAX {
        let more = message!("… and {count} more", count = group.len() - LISTED_MAX);
        out.add(format_args!("  - {}\n", more.in_language(first.language())));
    }
    let label = paint.ink(Ink::Strong, translated(template!("help"), first.language()));
    out.add(format_args!(" = {label}: {}\n", first.help_for_people()));
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
            unit_dir: Vec::new(),
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
        let check = |chars: usize, at: u32, to: u32, expected: (usize, usize, usize)| {
            let text = format!("å\n{}\n", "x".repeat(chars));
            let source = Source { file: "a", text: &text, mask: Mask::Open, lines_before: 0 };
            let issue = Issue::warning(codes::NOT_CONVERTIBLE, Span::new(at + 3, to + 3), "no date");
            let found = findings(source, &[issue], &console());
            let shown = found[0].source.as_ref().map_or(0, |source| source.chars().count());
            assert_eq!((shown, found[0].mark.0, found[0].mark.1), expected);
            assert_eq!(found[0].column, Some(at + 1));
        };
        check(500, 300, 310, (112, 41, 10));
        check(500, 500, 500, (111, 111, 0));
        check(500, 0, 400, (111, 0, 110));
        check(80, 70, 75, (80, 70, 5));
    }

    #[test]
    fn places_in_a_line_of_megabytes_are_found_at_once() {
        let text = format!("[{}1]", "12345,".repeat(400_000));
        let source = Source { file: "a", text: &text, mask: Mask::Json, lines_before: 0 };
        let issue = |at: u32| Issue::warning(codes::NOT_CONVERTIBLE, Span::new(at * 6 + 1, at * 6 + 6), "no");
        let issues: Vec<Issue> = (0..20_000).map(|at| issue(at * 19)).collect();
        let began = cpu_time::ThreadTime::now();
        let found = findings(source, &issues, &console());
        // Walking over the line for each of them would take minutes.
        assert!(began.elapsed().as_secs() < 10);
        assert!(found.iter().zip(0..).all(|(found, at)| found.column == Some(at * 19 * 6 + 2)));
    }
}
