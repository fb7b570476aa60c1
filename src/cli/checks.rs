//! The checks of `validate` and `baseline`: every document against FHIR R4, profiles and packages, or against a JSON
//! Schema.

use super::bulk::{self, Inputs, Item};
use super::console::{Console, Stop, clean};
use super::mask::Mask;
use super::packages::{self, Folder};
use super::report::{self, Finding, Source};
use super::{files, path, progress};
use crate::conformance::contract::Contract;
use crate::conformance::report::{Document, Keep, NotChecked, Package, Run, Verdict};
use crate::diag::{Issue, Severity, Span, codes};
use crate::fhirpath::Temporal;
use crate::format::decode;
use crate::mapping::units;
use crate::schema::{Archive, Manifest, Schema};
use crate::tree::{fhir, json};
use crate::validate::{Extensions, Options, Report, Validator, outcome};
use std::path::{MAIN_SEPARATOR_STR, Path, PathBuf};

/// Findings about packages that people are shown.
const SHOWN: usize = 50;
/// What standard input is called in reports.
const STDIN: &str = "stdin";

/// What is checked, and against what.
#[derive(Debug, clap::Args)]
pub(super) struct Checks {
    /// Documents: files, folders, NDJSON files with one resource a line, `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Url of a profile that every document must fit; may be given several times
    #[arg(long, value_name = "URL")]
    profile: Vec<String>,
    /// A package (.tgz), or one definition, value set, code system, questionnaire, measure or guide in JSON or XML; may
    /// be given several times
    #[arg(long, short, value_name = "FILE")]
    package: Vec<PathBuf>,
    /// Folder with the packages that those depend on
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// An extension whose definition is not at hand is an error
    #[arg(long)]
    known_extensions: bool,
    /// The version of FHIR
    #[arg(long, value_name = "VERSION", default_value = "4.0.1")]
    fhir_version: String,
    /// Check against this JSON Schema instead of FHIR; it must refer to nothing outside itself
    #[arg(long, value_name = "SCHEMA", conflicts_with_all = ["profile", "package", "packages"])]
    json_schema: Option<PathBuf>,
    /// The least severity that fails
    #[arg(long, value_name = "SEVERITY", value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
}

/// The least severity that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// Errors alone.
    Error,
    /// Warnings too.
    Warning,
    /// Whatever is found.
    Information,
}

impl Checks {
    /// The least severity that fails.
    pub(super) const fn fail_on(&self) -> Severity {
        match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Information => Severity::Information,
        }
    }
}

/// What a run is asked for beside its findings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Whether a report will list the documents.
    pub(super) keep: Keep,
    /// Each document as an `OperationOutcome`.
    pub(super) outcomes: bool,
}

/// What documents are held against.
enum Against<'a> {
    Fhir { validator: Box<Validator<'a>>, profiles: &'a [String] },
    Contract(Contract),
}

struct Job<'a> {
    against: Against<'a>,
    fail_on: Severity,
    outcomes: bool,
    now: Temporal,
    console: &'a Console,
}

/// Checks every document; `each` sees it before it is counted, in order.
///
/// # Errors
/// The arguments make no sense, or what `each` says.
pub(super) fn checked(
    checks: &Checks,
    wanted: Wanted,
    console: &Console,
    each: &mut dyn FnMut(&mut Document) -> Result<(), Stop>,
) -> Result<Run, Stop> {
    if !matches!(checks.fhir_version.as_str(), "4.0.1" | "4.0") {
        return Err(Stop::usage("only FHIR R4 is supported", "leave out --fhir-version, or write 4.0.1"));
    }
    let now = now();
    let fail_on = checks.fail_on();
    let mut run = Run {
        time: now.to_string(),
        language: console.report_lang,
        fail_on: Some(fail_on),
        profiles: checks.profile.clone(),
        ..Run::default()
    };
    let schema;
    let against = if let Some(path) = &checks.json_schema {
        let contract = contract(path)?;
        contract.name().clone_into(&mut run.against);
        Against::Contract(contract)
    } else {
        schema = definitions(&checks.package, checks.packages.as_deref(), console)?;
        if let Some(url) = checks.profile.iter().find(|url| schema.type_by_url(url).is_none()) {
            return Err(Stop::usage(
                format!("no definition of the profile {url} is known"),
                "name the package that holds it with --package",
            ));
        }
        "FHIR R4 4.0.1".clone_into(&mut run.against);
        run.packages = schema.packages().map(package).collect();
        let extensions = if checks.known_extensions { Extensions::Known } else { Extensions::Any };
        let validator = Box::new(Validator::new(&schema).with_extensions(extensions));
        Against::Fhir { validator, profiles: &checks.profile }
    };
    let job = Job { against, fail_on, outcomes: wanted.outcomes, now, console };
    let inputs = inputs(&checks.files)?;
    run.counts.skipped = inputs.skipped;
    let bar = progress::bar(&inputs, console);
    bulk::run(&inputs.entries, &|item| document(&job, item), &mut |_, mut document: Document| {
        bar.suspend(|| each(&mut document))?;
        bar.inc(1);
        if document.verdict != Verdict::Error {
            document.judge(fail_on);
        }
        run.add(document, wanted.keep);
        Ok(())
    })?;
    bar.finish_and_clear();
    Ok(run)
}

/// The time of the run, which `SOURCE_DATE_EPOCH` sets for reports that must come out alike.
/// <https://reproducible-builds.org/specs/source-date-epoch/>
pub(super) fn now() -> Temporal {
    let fixed = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|seconds| seconds.parse().ok());
    fixed.map_or_else(path::now, |seconds| Temporal::utc(seconds, 0))
}

fn package((name, version, sha256): (&str, &str, &str)) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), sha256: sha256.to_owned() }
}

fn contract(path: &Path) -> Result<Contract, Stop> {
    let text = files::read_text(path)?;
    Contract::compile(&text).map_err(|mut issue| {
        issue.message = format!("`{}`: {}", path.display(), issue.message);
        Stop::Issue(issue)
    })
}

/// The files that are named. Standard input is read here, because only its content tells whether it holds one document
/// or one a line.
fn inputs(files: &[PathBuf]) -> Result<Inputs, Stop> {
    let mut inputs = bulk::expand(files)?;
    for entry in inputs.entries.iter_mut().filter(|entry| entry.path.as_os_str() == "-") {
        let bytes = files::read(&entry.path)?;
        entry.is_lines = bulk::is_ndjson(&bytes);
        inputs.is_many |= entry.is_lines;
        entry.content = Some(bytes);
    }
    Ok(inputs)
}

/// R4 and Sauma's own definitions, with those of the packages and what they depend on.
///
/// # Errors
/// A package cannot be read or used.
pub(super) fn definitions(
    files: &[PathBuf],
    folder: Option<&Path>,
    console: &Console,
) -> Result<Schema, Stop> {
    let mut schema = units::schema().clone();
    let folder = folder.map(Folder::open).transpose()?;
    let (mut archives, mut texts) = (Vec::new(), Vec::new());
    for path in files {
        let bytes = super::files::read(path)?;
        if bytes.starts_with(&[0x1f, 0x8b]) {
            archives.push(Archive::read(&bytes)?);
        } else {
            let named = |issue: Box<Issue>| {
                let message = format!("`{}`: {}", path.display(), issue.message);
                Stop::Issue(Box::new(Issue { message, ..*issue }))
            };
            texts.push(decode(&bytes, None).map_err(named)?.0);
        }
    }
    let manifests: Vec<&Manifest> = archives.iter().map(Archive::manifest).collect();
    let mut issues = packages::load_dependencies(&mut schema, &manifests, folder.as_ref())?;
    for archive in archives {
        schema.add_archive(archive)?;
    }
    schema.add_definitions(texts.iter().map(String::as_str))?;
    issues.extend(schema.incomplete().map(|(url, reason)| {
        let message = format!("the definition {url} cannot be used: it {reason}");
        Issue::warning(codes::DEFINITION_SHAPE, Span::default(), message)
    }));
    let findings: Vec<Finding> =
        issues.iter().map(|issue| Finding::bare("packages", issue, console)).collect();
    report::print(&findings, SHOWN, console);
    Ok(schema)
}

fn document(job: &Job<'_>, item: &Item<'_>) -> Document {
    let name = name_of(item);
    let whole;
    let (bytes, line) = match (&item.line, &item.entry.content) {
        (Some((number, Ok(bytes))), _) => (bytes.as_slice(), Some(*number)),
        (Some((number, Err(error))), _) => return unread(job, &name, Some(*number), &error.to_string()),
        (None, Some(content)) => (content.as_slice(), None),
        (None, None) => match files::read(&item.entry.path) {
            Ok(bytes) => {
                whole = bytes;
                (whole.as_slice(), None)
            }
            Err(stop) => return unread(job, &name, None, &stop.help()),
        },
    };
    let (report, text) = match decode(bytes, None) {
        Ok((text, _)) => (report_on(job, &text), text),
        Err(issue) => (of_issue(*issue), String::from_utf8_lossy(bytes).into_owned()),
    };
    done(job, (&name, line), &report, &text)
}

fn name_of(item: &Item<'_>) -> String {
    let name = item.entry.path.to_string_lossy();
    if name == "-" { STDIN.to_owned() } else { name.replace(MAIN_SEPARATOR_STR, "/") }
}

/// What is to be said of a text.
fn report_on(job: &Job<'_>, text: &str) -> Report {
    match &job.against {
        Against::Fhir { validator, profiles } => {
            let schema = validator.schema();
            let read = if text.trim_start_matches('\u{feff}').trim_start().starts_with('<') {
                fhir::read_xml_with_faults(text, schema.names(), schema)
            } else {
                fhir::read_json(text, schema.names()).map(|tree| (tree, Vec::new()))
            };
            let (tree, faults) = match read {
                Ok(read) => read,
                Err(issue) => return of_issue(*issue),
            };
            let options = Options { profiles, now: Some(job.now) };
            let mut report = validator.validate(&tree, &options);
            report.issues.splice(0..0, faults);
            report
        }
        Against::Contract(contract) => json::read(text, Schema::r4().names())
            .map_or_else(|issue| of_issue(*issue), |tree| contract.check(&tree)),
    }
}

fn of_issue(issue: Issue) -> Report {
    Report { issues: vec![issue], ..Report::default() }
}

/// A document that could not be read: nothing in it was tested.
fn unread(job: &Job<'_>, name: &str, line: Option<u32>, why: &str) -> Document {
    let issue = Issue::error(codes::FILE, Span::default(), "it cannot be read").with_help(why);
    Document { verdict: Verdict::Error, ..done(job, (name, line), &of_issue(issue), "") }
}

fn done(job: &Job<'_>, (name, line): (&str, Option<u32>), report: &Report, text: &str) -> Document {
    let lines_before = line.map_or(0, |line| line - 1);
    let source = Source { file: name, text, mask: Mask::guess(text), lines_before };
    let mut findings = report::findings(source, &report.issues, job.console);
    // What has no place in its line still has the line.
    for finding in &mut findings {
        finding.line = finding.line.or(line);
    }
    let not_checked = report.not_checked.iter().map(|(entry, count)| NotChecked {
        kind: entry.subject.as_str(),
        name: clean(&entry.name),
        count: *count,
    });
    let mut document = Document {
        file: name.to_owned(),
        line,
        title: None,
        verdict: Verdict::Pass,
        findings,
        left_out: report.issues_left_out,
        known: 0,
        not_checked: not_checked.collect(),
        outcome: job.outcomes.then(|| outcome(report, text)),
    };
    document.judge(job.fail_on);
    document
}
