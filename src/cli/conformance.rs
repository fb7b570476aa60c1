//! `sauma conformance run`: TestScripts against a server; `sauma conformance check`: a whole suite.

mod caller;
mod check;
mod checked;

pub(super) use caller::Callers;

use super::bulk;
use super::checks::{definitions, now};
use super::console::{Add, Console, Format, Ink, Stop, Verdict, clean};
use super::evidence::Recorded;
use super::files;
use super::report;
use super::validate_reports::{Reports, Target};
use crate::conformance::client::Client;
use crate::conformance::report::{self as forms, About, Document, Keep, Package, Run, Task};
use crate::conformance::script::{self, Okay, Options, Runner, Script, ScriptResult, Shown};
use crate::diag::{Issue, Message, Severity, message};
use crate::schema::Schema;
use crate::validate::Validator;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

/// Findings of one test that people are shown.
const SHOWN: usize = 10;
/// Kinds of files that folders are searched for.
const ENDINGS: &[&str] = &["json", "xml"];

const EXAMPLES: &str = "\
Examples:
  sauma conformance run tests/ --base http://localhost:8080/fhir
  sauma conformance run read.json --base http://localhost:8080/fhir --only 'vread'
  sauma conformance run tests/ --base http://localhost:8080/fhir --evidence out/ \\
    --report junit=junit.xml --report testreport=report.json --report html=report.html

Files of a folder that are no TestScripts, such as fixtures, are passed over. A test that does not apply to the server
is told with its reason and is no pass; nor is one that asks for what this runner cannot do. --evidence keeps every
exchange as DIR/0001.http, secrets masked, bodies whole; findings name it by its number.";

/// Test a server.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Run TestScripts against a server.
    Run(Box<RunArgs>),
    /// Check an endpoint by a suite of ours: what it gives, takes, keeps and withholds.
    Check(Box<check::CheckArgs>),
}

/// Run TestScripts against a server.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct RunArgs {
    /// TestScripts in JSON or XML, or folders of them
    #[arg(value_name = "TESTSCRIPT", required = true)]
    files: Vec<PathBuf>,
    /// The base url of the server
    #[arg(long, value_name = "URL")]
    base: String,
    /// Only tests whose name, or whose script's name, holds this text
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// A value of a variable, which wins over what the scripts say; may be given several times
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = pair)]
    variables: Vec<(String, String)>,
    /// What the response code `okay` stands for: 200 (as R4 says), any success, or by the kind of suite
    #[arg(long, value_name = "MEANING", value_enum, default_value_t = OkayMeans::Auto)]
    okay: OkayMeans,
    /// A further server with the number that scripts know it by; may be given several times
    #[arg(long, value_name = "NUMBER=URL", value_parser = destination)]
    destination: Vec<(u32, String)>,
    #[command(flatten)]
    server: caller::Access,
    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// Keep every exchange in this folder
    #[arg(long, value_name = "DIR")]
    evidence: Option<PathBuf>,
    /// A package or definition with profiles that asserts name; may be given several times
    #[arg(long, short, value_name = "FILE")]
    package: Vec<PathBuf>,
    /// Folder with the packages that those depend on
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// Write a report: junit, testreport, html, sarif, csv, json or summary; may be given several times
    #[arg(long, value_name = "KIND=FILE", value_parser = Target::parse_of_tests)]
    report: Vec<Target>,
}

/// What `okay` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OkayMeans {
    /// Any success where the suite uses ignixa's extensions, 200 otherwise.
    Auto,
    /// 200.
    Exact,
    /// 200 to 299.
    Success,
}

fn destination(text: &str) -> Result<(u32, String), String> {
    let (number, url) = text.split_once('=').ok_or("write it as NUMBER=URL")?;
    let number = number.parse::<u32>().ok().filter(|number| *number > 1).ok_or("the number is 2 or more")?;
    Ok((number, url.to_owned()))
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.command {
        Command::Run(args) => run_scripts(args, console),
        Command::Check(args) => check::run(args, console),
    }
}

fn run_scripts(args: &RunArgs, console: &Console) -> Result<Verdict, Stop> {
    let reports = Reports::create(&args.report)?;
    let schema = definitions(&args.package, args.packages.as_deref(), console)?;
    let scripts = scripts(&args.files, &schema, console)?;
    let validator = Validator::new(&schema);
    let (client, callers) =
        args.server.client(&args.base, &args.destination, Duration::from_secs(args.timeout))?;
    let options = options(args, &client, &scripts);
    let mut about = Run {
        task: Task::Tests,
        time: now().to_string(),
        against: client.base().to_owned(),
        language: console.report_lang,
        fail_on: Some(Severity::Error),
        packages: schema.packages().map(package).collect(),
        ..Run::default()
    };
    let mut exchange = Recorded::new(client, callers, args.evidence.as_deref())?;
    let mut runner = Runner::new(&validator, options);
    let shown = if console.show_values { Shown::Values } else { Shown::NoValues };
    let mut results: Vec<ScriptResult> = Vec::new();
    for Found { script, root, path } in &scripts {
        let result = runner.run(script, &mut exchange, &|name| fixture(name, path, root));
        for document in script::documents(&result, shown, console.report_lang) {
            tell(&document, console)?;
            about.add(document, Keep::Documents);
        }
        let is_unreachable = result.is_unreachable;
        results.push(result);
        if is_unreachable {
            break;
        }
    }
    if let Some(failed) = exchange.failed {
        return Err(failed);
    }
    print(&about, &results, console)?;
    let server = about.against.clone();
    let testreport = forms::testreport(&results, &About { time: about.time.clone(), server });
    reports.write_with(&about, &testreport, console)?;
    Ok(ended(&about, &results))
}

/// A script, its file, and the folder that its fixtures may come from.
struct Found {
    script: Script,
    path: PathBuf,
    root: PathBuf,
}

/// The scripts that are named. A file that is named itself must be one; in folders other files are passed over.
fn scripts(files: &[PathBuf], schema: &Schema, console: &Console) -> Result<Vec<Found>, Stop> {
    let mut found = Vec::new();
    for named in files {
        let is_folder = named.is_dir();
        let root = if is_folder { named.clone() } else { named.parent().unwrap_or(Path::new("")).to_owned() };
        for entry in bulk::expand_as(std::slice::from_ref(named), ENDINGS)?.entries {
            let text = files::read_text(&entry.path)?;
            if is_folder && !text.contains("TestScript") {
                continue;
            }
            let name = entry.path.to_string_lossy().replace(std::path::MAIN_SEPARATOR_STR, "/");
            match script::read(&name, &text, schema) {
                Ok(script) => found.push(Found { script, path: entry.path, root: root.clone() }),
                Err(_) if is_folder && !text.contains("\"TestScript\"") && !text.contains("<TestScript") => {}
                Err(issue) => {
                    let message = format!("`{}`: {}", clean(&name), issue.message);
                    return Err(Stop::Issue(Box::new(Issue { message, ..*issue })));
                }
            }
        }
    }
    if found.is_empty() && !console.quiet {
        Console::note("there is no TestScript in what was named\n");
    }
    Ok(found)
}

fn options(args: &RunArgs, client: &Client, scripts: &[Found]) -> Options {
    // One script of a suite that uses the extensions speaks for those beside it that have no need of them.
    let is_ignixa = scripts.iter().any(|found| found.script.is_ignixa);
    Options {
        base: client.base().to_owned(),
        destinations: args
            .destination
            .iter()
            .map(|(number, url)| (*number, url.trim_end_matches('/').to_owned()))
            .collect(),
        given: std::collections::BTreeSet::new(),
        variables: args.variables.iter().cloned().collect::<BTreeMap<_, _>>(),
        okay: match args.okay {
            OkayMeans::Auto if is_ignixa => Okay::Success,
            OkayMeans::Auto | OkayMeans::Exact => Okay::Exact,
            OkayMeans::Success => Okay::Success,
        },
        only: args.only.clone(),
        now: now(),
    }
}

fn package((name, version, sha256): (&str, &str, &str)) -> Package {
    Package { name: name.to_owned(), version: version.to_owned(), sha256: sha256.to_owned() }
}

/// A file that a fixture names. It is sent to the server, so it must lie in the folder that was named: a script is no
/// reason to read anything else.
fn fixture(name: &str, script: &Path, root: &Path) -> Result<String, String> {
    let read = |name: &str| beside(name, script, root);
    read(name).or_else(|why| file_names(name).iter().find_map(|name| read(name).ok()).ok_or(why))
}

/// The names that published examples give to the file of `Patient/example`: `patient-example.json`,
/// `Patient-example.json`, and those of XML.
fn file_names(reference: &str) -> Vec<String> {
    let Some((kind, id)) = reference.split_once('/').filter(|(_, id)| !id.contains(['/', '.'])) else {
        return Vec::new();
    };
    let kinds = [kind.to_owned(), kind.to_ascii_lowercase()];
    let named =
        |kind: &String| ENDINGS.iter().map(|ending| format!("{kind}-{id}.{ending}")).collect::<Vec<_>>();
    kinds.iter().flat_map(named).collect()
}

/// The file of a name relative to a script.
fn beside(name: &str, script: &Path, root: &Path) -> Result<String, String> {
    let below = script.parent().unwrap_or(Path::new("")).join(name);
    let mut path = PathBuf::new();
    for part in below.components() {
        match part {
            Component::ParentDir => {
                if !path.pop() {
                    return Err("the file lies outside the folder that was named".to_owned());
                }
            }
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    let real =
        |path: &Path| std::fs::canonicalize(if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let read = real(&path).and_then(|path| real(root).map(|root| (path, root)));
    let (path, root) = read.map_err(|error| format!("the file cannot be read: {}", error.kind()))?;
    if !path.starts_with(&root) {
        return Err("the file lies outside the folder that was named".to_owned());
    }
    files::read_text(&path).map_err(|_| "the file cannot be read".to_owned())
}

/// Says how one test went, where that is said test by test.
fn tell(document: &Document, console: &Console) -> Result<(), Stop> {
    match console.format {
        Format::Human | Format::Html => {
            let worth: Vec<_> =
                document.findings.iter().filter(|it| it.severity != Severity::Information).cloned().collect();
            report::print(&worth, SHOWN, console);
            Ok(())
        }
        Format::Ndjson => Console::print(&forms::ndjson_document(document)),
        Format::Json | Format::Github | Format::Gitlab | Format::Junit | Format::Sarif | Format::Outcome => {
            Ok(())
        }
    }
}

fn print(run: &Run, results: &[ScriptResult], console: &Console) -> Result<(), Stop> {
    match for_programs(run, console, "choose json, or --report testreport=FILE")? {
        Some(text) => Console::print(&text),
        None if console.quiet => Ok(()),
        None => Console::print(&table(run, results, console)),
    }
}

/// A run of tests in the form that is asked for; nothing where people read it.
pub(super) fn for_programs(
    run: &Run,
    console: &Console,
    instead: &'static str,
) -> Result<Option<String>, Stop> {
    Ok(Some(match console.format {
        Format::Human | Format::Html => return Ok(None),
        Format::Json => forms::json(run),
        Format::Ndjson => forms::ndjson_summary(run),
        Format::Github => forms::github(run),
        Format::Gitlab => forms::gitlab(run),
        Format::Junit => forms::junit(run),
        Format::Sarif => forms::sarif(run),
        Format::Outcome => return Err(Stop::usage("tests give no OperationOutcome", instead)),
    }))
}

/// One line a script, and all in one sentence.
fn table(run: &Run, results: &[ScriptResult], console: &Console) -> String {
    let width = results.iter().map(|result| result.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for result in results {
        let count = |wanted: &[&str]| {
            result.tests.iter().filter(|test| wanted.contains(&test.outcome.as_str())).count()
        };
        let [passed, failed, errors, skipped] =
            [count(&["pass", "warn"]), count(&["fail"]), count(&["error"]), count(&["skip"])];
        let ink = match (failed + errors, passed) {
            (0, 0) => Ink::Faint,
            (0, _) => Ink::Good,
            _ => Ink::Error,
        };
        let name = clean(&result.name);
        let padded = format!("{name}{}", " ".repeat(width.saturating_sub(name.chars().count())));
        let words = counted(passed, failed, errors, skipped).in_language(console.lang);
        text.add(format_args!("{}  {words}\n", console.out_paint.ink(ink, &padded)));
    }
    let counts = run.counts;
    let passed = counts.passed + counts.warned;
    let all = counted(passed, counts.failed, counts.unreadable, counts.not_applicable);
    text.add(format_args!("{}\n", all.in_language(console.lang)));
    text
}

fn counted(passed: usize, failed: usize, errors: usize, skipped: usize) -> Message {
    message!(
        "{passed} passed, {failed} failed, {errors} could not be run, {skipped} not applicable",
        passed,
        failed,
        errors,
        skipped
    )
}

/// 0 where all that applies passed, 1 where something failed, 3 where the server was not there, 4 where nothing was
/// tested or something that had to be tested could not be.
fn ended(run: &Run, results: &[ScriptResult]) -> Verdict {
    let counts = run.counts;
    if results.iter().any(|result| result.is_unreachable) {
        Verdict::Unreadable
    } else if counts.failed > 0 {
        Verdict::Findings
    } else if counts.unreadable > 0 || counts.passed + counts.warned == 0 {
        Verdict::Untested
    } else {
        Verdict::Clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_the_files_of_examples() {
        let check = |reference: &str, expected: &[&str]| assert_eq!(file_names(reference), expected);
        check(
            "Patient/example",
            &["Patient-example.json", "Patient-example.xml", "patient-example.json", "patient-example.xml"],
        );
        check("./fixtures/patient.json", &[]);
        check("patient.json", &[]);
    }
}
