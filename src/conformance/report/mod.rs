//! A run of checks, and the forms it is written in.
//!
//! [`Run`] is what was checked and what came of it; each of the other files writes it in one form. All forms are made of
//! the same run, so that they cannot disagree.

mod annotations;
mod csv;
mod fingerprint;
mod html;
mod json;
mod junit;
mod outcome;
mod sarif;
mod summary;
mod testreport;
mod words;

pub use annotations::{github, gitlab};
pub use csv::csv;
pub(crate) use csv::csv_row;
pub use html::html;
pub use json::{json, ndjson_document, ndjson_summary};
pub use junit::junit;
pub use outcome::outcome;
pub use sarif::sarif;
pub use summary::summary;
pub use testreport::{About, testreport};

use crate::diag::{Code, Language, Severity, codes};
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of Sauma as reports give it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the codes of findings are defined; the id of a code is the fragment.
const CODES_URL: &str = "https://w3id.org/sauma/fhir/CodeSystem/issue";

/// A run of checks over documents.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// What was done.
    pub task: Task,
    /// When it was made, as RFC 3339 has it; empty where the reports are to say the same whenever they are made.
    pub time: String,
    /// What documents were held against: FHIR's version, or the JSON Schema.
    pub against: String,
    /// The language of messages.
    pub language: Language,
    /// Urls of the profiles that every document must fit.
    pub profiles: Vec<String>,
    /// The packages of definitions that were at hand.
    pub packages: Vec<Package>,
    /// The least severity that makes a document fail.
    pub fail_on: Option<Severity>,
    /// The documents that [`Run::add`] was asked to keep, in the order in which they were given.
    pub documents: Vec<Document>,
    /// What the run counts, also of documents that were not kept.
    pub counts: Counts,
    /// What could not be checked, by kind and name, and how often.
    pub not_checked: BTreeMap<(&'static str, String), usize>,
    /// Faults of the list of known findings: entries that no longer occur, or whose time is over.
    pub baseline: Vec<Finding>,
}

/// What a run did, which decides the words of its reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Task {
    /// Documents were held against definitions.
    #[default]
    Validation,
    /// Tests were run against a server.
    Tests,
    /// A suite was run against an endpoint.
    Check,
    /// A client was held against the rules of a registry.
    Registry,
}

impl Task {
    /// The command.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Validation => "validate",
            Self::Tests => "conformance run",
            Self::Check => "conformance check",
            Self::Registry => "registry simulate",
        }
    }
}

/// Findings that a run keeps for its reports; beyond that they are counted.
const FINDINGS_KEPT_MAX: usize = 1_000_000;

/// Whether a run keeps its documents for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// A report will list them.
    Documents,
    /// They have been told, and only their numbers are of use.
    Counts,
}

/// A package of definitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the archive; empty for loose definitions.
    pub sha256: String,
}

/// One document and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file as the user named it, with `/` between folders.
    pub file: String,
    /// The line of an NDJSON file, or of the test.
    pub line: Option<u32>,
    /// The name of the test, where the document is one of several in its file.
    pub title: Option<String>,
    /// How it went.
    pub verdict: Verdict,
    /// What was found.
    pub findings: Vec<Finding>,
    /// Findings beyond the limit, which are counted only.
    pub left_out: usize,
    /// Findings that the baseline knows, which are counted only.
    pub known: usize,
    /// What could not be checked.
    pub not_checked: Vec<NotChecked>,
    /// The same as an `OperationOutcome`, where the run was asked for it.
    pub outcome: Option<serde_json::Value>,
}

/// Something that could not be checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotChecked {
    /// What it is: a value set, a code system, a profile.
    pub kind: &'static str,
    /// Its url or key.
    pub name: String,
    /// How often it was asked for.
    pub count: usize,
}

/// How it went with one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing was found that anybody has to look at.
    Pass,
    /// Warnings below the severity that makes a document fail.
    Warn,
    /// Findings at or above it.
    Fail,
    /// It could not be read or run, so nothing was tested.
    Error,
    /// It does not apply, so it was not run; its finding says why.
    Skip,
}

impl Verdict {
    /// As machines read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }
}

/// One finding with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The permanent code.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What the code means.
    pub title: &'static str,
    /// What is wrong here, without any value.
    pub message: String,
    /// What to do.
    pub help: String,
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// The line in which the place ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// The column after its last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
    /// The element, as FHIRPath or as a path of the document.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The rule of the lens or of the definition that expected something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The value, only where values may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The source line, with its values masked unless they may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Characters of `source` before the place, and of the place.
    #[serde(skip)]
    pub mark: (usize, usize),
    /// True where `source` is as it stands in the document.
    #[serde(skip)]
    pub shows_values: bool,
    /// What people are told instead, where they do not read English.
    #[serde(skip)]
    pub spoken: Option<Box<Spoken>>,
}

/// The texts of a finding for people who read another language than English. Programs read those of the finding itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The language.
    pub language: Language,
    /// What the code means.
    pub title: &'static str,
    /// What is wrong here; none where that exists in English only.
    pub message: Option<String>,
    /// What to do; none where that exists in English only.
    pub help: Option<String>,
}

/// What a run counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Documents in all.
    pub documents: usize,
    /// Of those, without a finding that anybody has to look at.
    pub passed: usize,
    /// Of those, with warnings only.
    pub warned: usize,
    /// Of those, with findings at or above the severity that fails.
    pub failed: usize,
    /// Of those, that could not be read.
    pub unreadable: usize,
    /// Of those, tests that do not apply.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_applicable: usize,
    /// Files of folders that are no documents by their names.
    pub skipped: usize,
    /// Findings of error severity.
    pub errors: usize,
    /// Findings of warning severity.
    pub warnings: usize,
    /// Findings that are information.
    pub information: usize,
    /// Findings beyond the limit of one document.
    pub left_out: usize,
    /// Findings that the baseline knows.
    pub known: usize,
    /// Times that something could not be checked.
    pub not_checked: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the serialiser hands over a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl Counts {
    fn add(&mut self, document: &Document) {
        self.documents += 1;
        match document.verdict {
            Verdict::Pass => self.passed += 1,
            Verdict::Warn => self.warned += 1,
            Verdict::Fail => self.failed += 1,
            Verdict::Error => self.unreadable += 1,
            Verdict::Skip => self.not_applicable += 1,
        }
        for finding in &document.findings {
            self.finding(finding);
        }
        self.left_out += document.left_out;
        self.known += document.known;
        self.not_checked += document.not_checked.iter().map(|entry| entry.count).sum::<usize>();
    }

    fn finding(&mut self, finding: &Finding) {
        match finding.severity {
            Severity::Error => self.errors += 1,
            Severity::Warning => self.warnings += 1,
            Severity::Information => self.information += 1,
        }
    }

    /// Documents that are not valid, or could not be read.
    pub const fn bad(&self) -> usize {
        self.failed + self.unreadable
    }
}

impl Run {
    /// Takes a document into the run.
    pub fn add(&mut self, mut document: Document, keep: Keep) {
        self.counts.add(&document);
        for entry in &document.not_checked {
            *self.not_checked.entry((entry.kind, entry.name.clone())).or_default() += entry.count;
        }
        if keep == Keep::Counts {
            return;
        }
        let kept = self.counts.errors + self.counts.warnings + self.counts.information;
        if kept > FINDINGS_KEPT_MAX {
            let more = document.findings.len();
            document.findings.truncate(1);
            document.left_out += more - document.findings.len();
            self.counts.left_out += more - document.findings.len();
        }
        self.documents.push(document);
    }

    /// Takes a fault of the list of known findings into the run.
    pub fn add_baseline_fault(&mut self, finding: Finding) {
        self.counts.finding(&finding);
        self.baseline.push(finding);
    }

    /// The word for the whole run: `untested` where there was no document.
    pub fn verdict(&self) -> &'static str {
        let counts = &self.counts;
        if counts.documents == counts.not_applicable {
            "untested"
        } else if counts.failed > 0 || !self.baseline.is_empty() {
            Verdict::Fail.as_str()
        } else if counts.unreadable > 0 {
            Verdict::Error.as_str()
        } else if counts.warned > 0 {
            Verdict::Warn.as_str()
        } else {
            Verdict::Pass.as_str()
        }
    }

    /// Every finding of the run: those of the documents, then those of the baseline.
    fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.documents.iter().flat_map(|document| &document.findings).chain(&self.baseline)
    }
}

impl Document {
    /// The name that tells this document from all others of the run: the file, and its line in an NDJSON file or the
    /// name of the test.
    pub fn name(&self) -> String {
        if let Some(title) = &self.title {
            return format!("{}: {title}", self.file);
        }
        self.line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file))
    }

    /// Judges a document that was read by its findings.
    pub fn judge(&mut self, fail_on: Severity) {
        let gravest = self.findings.iter().map(|finding| finding.severity).max();
        self.verdict = match gravest {
            Some(gravest) if gravest >= fail_on => Verdict::Fail,
            Some(Severity::Error | Severity::Warning) => Verdict::Warn,
            Some(Severity::Information) | None => Verdict::Pass,
        };
    }
}

impl Finding {
    /// True for a finding of error severity.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// The language in which people read it.
    pub fn language(&self) -> Language {
        self.spoken.as_ref().map_or(Language::En, |spoken| spoken.language)
    }

    /// What the code means, for people.
    pub fn title_for_people(&self) -> &str {
        self.spoken.as_ref().map_or(self.title, |spoken| spoken.title)
    }

    /// What is wrong, for people.
    pub fn message_for_people(&self) -> &str {
        self.spoken.as_ref().and_then(|spoken| spoken.message.as_deref()).unwrap_or(&self.message)
    }

    /// What to do, for people.
    pub fn help_for_people(&self) -> &str {
        self.spoken.as_ref().and_then(|spoken| spoken.help.as_deref()).unwrap_or(&self.help)
    }

    /// Its code with everything that the registry says of it.
    fn code(&self) -> Option<&'static Code> {
        codes::find(self.code)
    }
}

/// The page of a code.
fn code_url(id: &str) -> String {
    format!("{CODES_URL}#{id}")
}

#[cfg(test)]
pub(crate) mod samples {
    //! One run that all forms are tested on.

    use super::*;

    /// A finding at line 4 of a file; the value is there to be looked for where it must not be.
    pub(crate) fn finding(file: &str, severity: Severity) -> Finding {
        Finding {
            code: "V325",
            severity,
            title: "a code is not in the value set that its element takes codes from",
            message: "the code is not in <a> & \"b\"".to_owned(),
            help: "choose a code of the value set".to_owned(),
            file: file.to_owned(),
            line: Some(4),
            column: Some(3),
            end_line: Some(4),
            end_column: Some(20),
            path: "Goal.lifecycleStatus".to_owned(),
            rule: Some("http://hl7.org/fhir/ValueSet/goal-status".to_owned()),
            value: None,
            source: None,
            mark: (0, 0),
            shows_values: false,
            spoken: None,
        }
    }

    fn document(file: &str, verdict: Verdict, findings: Vec<Finding>) -> Document {
        let (file, line) = (file.to_owned(), None);
        Document {
            file,
            line,
            title: None,
            verdict,
            findings,
            left_out: 0,
            known: 0,
            not_checked: Vec::new(),
            outcome: None,
        }
    }

    /// A document that passes, one with a warning, one that fails and one that could not be read.
    pub(crate) fn run() -> Run {
        let mut warned = document("b å.json", Verdict::Warn, vec![finding("b å.json", Severity::Warning)]);
        warned.not_checked =
            vec![NotChecked { kind: "code system", name: "http://loinc.org".to_owned(), count: 2 }];
        let failed = finding("c.ndjson", Severity::Error);
        let mut run = Run {
            time: "2026-11-22T10:00:00Z".to_owned(),
            against: "FHIR R4 4.0.1".to_owned(),
            packages: vec![Package {
                name: "a.b".to_owned(),
                version: "1.0.0".to_owned(),
                sha256: "ab".to_owned(),
            }],
            ..Run::default()
        };
        let documents = [
            document("a.json", Verdict::Pass, Vec::new()),
            warned,
            Document { line: Some(4), ..document("c.ndjson", Verdict::Fail, vec![failed.clone(), failed]) },
            document("=d.json", Verdict::Error, vec![finding("=d.json", Severity::Error)]),
        ];
        for document in documents {
            run.add(document, Keep::Documents);
        }
        run
    }
}
