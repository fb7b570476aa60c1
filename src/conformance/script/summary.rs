//! A script's results as documents of a report: one for each test, so that every form of report has them.

use super::result::{ActionResult, Outcome, ScriptResult, TestResult};
use crate::conformance::report::{Document, Finding, Verdict};
use crate::diag::{Code, Language, Place, Severity, codes};

/// Whether values that came may stand in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// They may.
    Values,
    /// They may be personal data.
    NoValues,
}

/// The tests of a script as documents; its setup is one where it failed. What of the teardown failed is told with the
/// last of them: it is no test.
pub fn documents(result: &ScriptResult, shown: Shown, language: Language) -> Vec<Document> {
    documents_in(result, shown, language, &|_| None)
}

/// As [`documents`], with findings that point into the exchange that they are about: `saved` gives its file and the
/// place in it, where it was saved.
pub fn documents_in(
    result: &ScriptResult,
    shown: Shown,
    language: Language,
    saved: &dyn Fn(&ActionResult) -> Option<(String, Place)>,
) -> Vec<Document> {
    let teller = Teller { result, shown, language, saved };
    let has_failed = result.setup.iter().any(|action| action.outcome == Outcome::Fail);
    let verdict = if has_failed { Verdict::Fail } else { Verdict::Error };
    let setup = faults(&result.setup).next().is_some().then(|| teller.part("setup", &result.setup, verdict));
    let tests = result.tests.iter().map(|test| teller.test(test));
    let mut documents: Vec<Document> = setup.into_iter().chain(tests).collect();
    let teardown = result.teardown.iter().filter_map(|action| teller.finding("teardown", action));
    let teardown = teardown.map(|finding| Finding { severity: Severity::Warning, ..finding });
    if let Some(last) = documents.last_mut() {
        last.findings.extend(teardown);
        if last.verdict == Verdict::Pass && !last.findings.is_empty() {
            last.verdict = Verdict::Warn;
        }
    }
    documents
}

fn faults(actions: &[ActionResult]) -> impl Iterator<Item = &ActionResult> {
    actions.iter().filter(|action| matches!(action.outcome, Outcome::Fail | Outcome::Error(_)))
}

struct Teller<'a> {
    result: &'a ScriptResult,
    shown: Shown,
    language: Language,
    saved: &'a dyn Fn(&ActionResult) -> Option<(String, Place)>,
}

impl Teller<'_> {
    fn part(&self, title: &str, actions: &[ActionResult], verdict: Verdict) -> Document {
        let findings: Vec<Finding> =
            actions.iter().filter_map(|action| self.finding(title, action)).collect();
        let line = findings.first().and_then(|finding| finding.line);
        self.document(title, line, verdict, findings)
    }

    fn test(&self, test: &TestResult) -> Document {
        let mut findings: Vec<Finding> =
            test.actions.iter().filter_map(|action| self.finding(&test.name, action)).collect();
        let verdict = match &test.outcome {
            Outcome::Pass => Verdict::Pass,
            Outcome::Warn => Verdict::Warn,
            Outcome::Fail => Verdict::Fail,
            Outcome::Error(why) => {
                if findings.is_empty() {
                    findings.push(self.said(
                        &test.name,
                        test.place,
                        (codes::SCRIPT_NOT_RUN, Severity::Error),
                        why,
                    ));
                }
                Verdict::Error
            }
            Outcome::Skip(why) => {
                findings = vec![self.said(
                    &test.name,
                    test.place,
                    (codes::SCRIPT_NOT_APPLICABLE, Severity::Information),
                    why,
                )];
                Verdict::Skip
            }
        };
        self.document(&test.name, Some(test.place.line), verdict, findings)
    }

    fn document(&self, title: &str, line: Option<u32>, verdict: Verdict, findings: Vec<Finding>) -> Document {
        Document {
            file: self.result.file.clone(),
            line,
            title: Some(title.to_owned()),
            verdict,
            findings,
            left_out: 0,
            known: 0,
            not_checked: Vec::new(),
            outcome: None,
        }
    }

    fn finding(&self, title: &str, action: &ActionResult) -> Option<Finding> {
        let code = action.code?;
        let (severity, message) = match &action.outcome {
            Outcome::Pass | Outcome::Skip(_) => return None,
            Outcome::Warn => (Severity::Warning, &action.message),
            Outcome::Fail => (Severity::Error, &action.message),
            Outcome::Error(why) => (Severity::Error, why),
        };
        let exchange = action.exchange.map_or_else(String::new, |number| format!(" (exchange {number:04})"));
        let finding = self.said(title, action.place, (code, severity), &format!("{message}{exchange}"));
        let described = Some(action.description.clone()).filter(|description| !description.is_empty());
        let (finding, rule) = match (self.saved)(action) {
            None => (finding, described),
            Some((file, Place { line, column })) => {
                let of_script = format!("{}:{}", self.result.file, action.place.line);
                let rule = described.map_or_else(|| of_script.clone(), |said| format!("{of_script}: {said}"));
                (Finding { file, line: Some(line), column: Some(column), ..finding }, Some(rule))
            }
        };
        Some(Finding { rule, value: action.came.clone().filter(|_| self.shown == Shown::Values), ..finding })
    }

    fn said(
        &self,
        title: &str,
        place: Place,
        (code, severity): (&'static Code, Severity),
        message: &str,
    ) -> Finding {
        Finding {
            code: code.id,
            severity,
            title: code.title_in(self.language),
            message: message.to_owned(),
            help: code.help_in(self.language).to_owned(),
            file: self.result.file.clone(),
            line: Some(place.line),
            column: Some(place.column),
            end_line: None,
            end_column: None,
            path: title.to_owned(),
            rule: None,
            value: None,
            source: None,
            mark: (0, 0),
            shows_values: self.shown == Shown::Values,
            spoken: None,
        }
    }
}
