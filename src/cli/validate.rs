//! `sauma validate`: documents against FHIR R4, profiles and packages.

use super::bulk::{self, Item};
use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files;
use super::mask::Mask;
use super::packages::{self, Folder};
use super::path::now;
use super::report::{self, Finding, Source, Tally, count};
use crate::diag::{Issue, Span, codes};
use crate::format::decode;
use crate::mapping::units;
use crate::schema::{Archive, Manifest, Schema};
use crate::tree::{Tree, fhir};
use crate::validate::{Extensions, NotChecked, Options, Report, Validator, outcome};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Findings of one document that people are shown.
const SHOWN: usize = 50;
/// Things that were not checked that people are shown by name.
const NOT_CHECKED_SHOWN: usize = 5;

const EXAMPLES: &str = "\
Examples:
  sauma validate plan.json
  sauma validate export/ --quiet
  sauma validate plan.xml -p guide.tgz --profile http://example.org/StructureDefinition/plan
  sauma validate answers.json -p questionnaire.json
  sauma validate plan.json --format outcome

Each resource is checked against FHIR R4, against the profiles that it names in `meta.profile`, and against
those of --profile. What could not be checked, because a value set, a code system or a profile is not at hand,
is listed and counted.";

/// Check documents against FHIR R4 and profiles.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
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
}

struct Job<'a> {
    validator: Validator<'a>,
    profiles: &'a [String],
    now: crate::fhirpath::Temporal,
    console: &'a Console,
}

/// What one document gave.
struct Done {
    report: Report,
    findings: Vec<Finding>,
    outcome: String,
    failed: bool,
}

#[derive(serde::Serialize)]
struct Checked<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    valid: bool,
    findings: &'a [Finding],
    #[serde(rename = "not_checked")]
    open: Vec<Unchecked<'a>>,
}

#[derive(serde::Serialize)]
struct Unchecked<'a> {
    kind: &'static str,
    name: &'a str,
    count: usize,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    if !matches!(args.fhir_version.as_str(), "4.0.1" | "4.0") {
        return Err(Stop::usage("only FHIR R4 is supported", "leave out --fhir-version, or write 4.0.1"));
    }
    let schema = schema(args, console)?;
    if let Some(url) = args.profile.iter().find(|url| schema.type_by_url(url).is_none()) {
        return Err(Stop::usage(
            format!("no definition of the profile {url} is known"),
            "name the package that holds it with --package",
        ));
    }
    let extensions = if args.known_extensions { Extensions::Known } else { Extensions::Any };
    let validator = Validator::new(&schema).with_extensions(extensions);
    let job = Job { validator, profiles: &args.profile, now: now(), console };
    let inputs = bulk::expand(&args.files)?;
    let mut tally = Tally { skipped: inputs.skipped, ..Tally::default() };
    let mut not_checked = BTreeMap::new();
    bulk::run(&inputs.entries, &|item| document(&job, item), &mut |item, done: Done| {
        tally.add(&done.findings, done.failed);
        told(item, &done, console)?;
        for (entry, count) in done.report.not_checked {
            *not_checked.entry(entry).or_insert(0) += count;
        }
        Ok(())
    })?;
    if !console.is_for_programs() && !console.quiet {
        Console::print(&summary(tally, &not_checked, console))?;
    }
    Ok(if tally.documents == 0 { Verdict::Untested } else { Verdict::of(tally.failed > 0) })
}

/// R4 and Sauma's own definitions, with those of the packages and what they depend on.
fn schema(args: &Args, console: &Console) -> Result<Schema, Stop> {
    let mut schema = units::schema().clone();
    let folder = args.packages.as_deref().map(Folder::open).transpose()?;
    let (mut archives, mut texts) = (Vec::new(), Vec::new());
    for path in &args.package {
        let bytes = files::read(path)?;
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

fn is_xml(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with('<')
}

fn document(job: &Job<'_>, item: &Item<'_>) -> Done {
    let name = item.entry.path.to_string_lossy();
    let whole;
    let (bytes, lines_before) = match &item.line {
        Some((number, Ok(bytes))) => (bytes.as_slice(), number - 1),
        Some((_, Err(error))) => return unread(job, &name, unreadable(&error.to_string()), ""),
        None => match files::read(&item.entry.path) {
            Ok(bytes) => {
                whole = bytes;
                (whole.as_slice(), 0)
            }
            Err(stop) => return unread(job, &name, unreadable(&stop.help()), ""),
        },
    };
    let text = match decode(bytes, None) {
        Ok((text, _)) => text,
        Err(issue) => return unread(job, &name, *issue, &String::from_utf8_lossy(bytes)),
    };
    let schema = job.validator.schema();
    let tree = if is_xml(&text) {
        fhir::read_xml(&text, schema.names(), schema)
    } else {
        fhir::read_json(&text, schema.names())
    };
    match tree {
        Ok(tree) => done(job, &name, lines_before, validated(job, &tree), &text),
        Err(issue) => unread(job, &name, *issue, &text),
    }
}

fn validated(job: &Job<'_>, tree: &Tree) -> Report {
    let options = Options { profiles: job.profiles, now: Some(job.now) };
    job.validator.validate(tree, &options)
}

fn unreadable(why: &str) -> Issue {
    Issue::error(codes::FILE, Span::default(), "it cannot be read").with_help(why)
}

fn unread(job: &Job<'_>, name: &str, issue: Issue, text: &str) -> Done {
    done(job, name, 0, Report { issues: vec![issue], ..Report::default() }, text)
}

fn done(job: &Job<'_>, name: &str, lines_before: u32, report: Report, text: &str) -> Done {
    let source = Source { file: name, text, mask: Mask::guess(text), lines_before };
    let findings = report::findings(source, &report.issues, job.console);
    let outcome = if job.console.is_outcome() { outcome(&report, text).to_string() } else { String::new() };
    let failed = !report.is_valid();
    Done { report, findings, outcome, failed }
}

/// Says what was found in one document.
fn told(item: &Item<'_>, done: &Done, console: &Console) -> Result<(), Stop> {
    if console.is_outcome() {
        return Console::print(&format!("{}\n", done.outcome));
    }
    if !console.is_json() {
        report::print(&done.findings, SHOWN, console);
        return Ok(());
    }
    let file = item.entry.path.to_string_lossy();
    let not_checked = done.report.not_checked.iter();
    let checked = Checked {
        file: &file,
        line: item.line.as_ref().map(|(number, _)| *number),
        valid: !done.failed,
        findings: &done.findings,
        open: not_checked
            .map(|(entry, count)| Unchecked {
                kind: entry.subject.as_str(),
                name: &entry.name,
                count: *count,
            })
            .collect(),
    };
    Console::print_json(&checked)
}

fn summary(tally: Tally, not_checked: &BTreeMap<NotChecked, usize>, console: &Console) -> String {
    let (ink, word) = if tally.failed == 0 { (Ink::Good, "valid") } else { (Ink::Error, "valid") };
    let valid = tally.documents - tally.failed;
    let mut text = format!(
        "{valid} of {} {} ({}, {})\n",
        count(tally.documents, "document"),
        console.out_paint.ink(ink, word),
        count(tally.errors, "error"),
        count(tally.warnings, "warning"),
    );
    if tally.skipped > 0 {
        text.add(format_args!("{} other files skipped\n", tally.skipped));
    }
    if not_checked.is_empty() {
        return text;
    }
    let times: usize = not_checked.values().sum();
    text.add(format_args!(
        "not checked {}:\n",
        if times == 1 { "once".to_owned() } else { format!("{times} times") }
    ));
    let mut most: Vec<(&NotChecked, &usize)> = not_checked.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (entry, count) in most.iter().take(NOT_CHECKED_SHOWN) {
        text.add(format_args!("  {count:>6} {} {}\n", entry.subject.as_str(), clean(&entry.name)));
    }
    if most.len() > NOT_CHECKED_SHOWN {
        text.add(format_args!("  … and {} more; --format json lists all\n", most.len() - NOT_CHECKED_SHOWN));
    }
    text
}
