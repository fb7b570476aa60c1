//! `sauma lens`: the lenses there are, whether one is sound, and what it says.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::mask::Mask;
use super::report::{self, Finding, Source, count, findings};
use super::{files, lens_doc, lens_export, lens_mutate, lens_test};
use crate::diag::{Issue, Span, codes};
use crate::mapping::parse::looks_like_lens;
use crate::mapping::units::{self, Unit, schema};
use crate::mapping::{Format, Program, compile};
use crate::schema::Schema;
use std::borrow::Cow;
use std::fs;
use std::path::{Component, Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  sauma lens list
  sauma lens check mappings/my-unit
  sauma lens test social-client-plan
  sauma lens doc social-client-plan > social-client-plan.md
  sauma lens export --to maps";

/// List, check, test, describe and export lenses.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// The unit systems that are built in
    #[command(after_help = "Example:\n  sauma lens list --format json")]
    List,
    /// Check lenses: every fault with its place, or what the lens is
    #[command(
        after_help = "Example:\n  sauma lens check mappings/my-unit\n\nDefinitions in a folder `profiles` beside the lens are added to those that are built in."
    )]
    Check {
        /// Lens files, or folders that hold a `unit.lens` and its code tables
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Try the laws of a lens on generated documents, and print its label
    #[command(
        after_help = "Example:\n  sauma lens test social-client-plan --documents 10000\n\nWith --mutate a folder is named: each spoilt lens is tried on the cases in it."
    )]
    Test {
        /// A unit system, or a folder that holds a `unit.lens`
        #[arg(value_name = "UNIT|DIR")]
        what: String,
        /// How many documents are generated
        #[arg(long, value_name = "N", default_value_t = 500)]
        documents: u64,
        /// Also spoil the lens in every way that is known, and count the faults that nothing notices
        #[arg(long)]
        mutate: bool,
    },
    /// A page about a lens in Markdown: what goes where, how it is converted, what is kept and ignored
    #[command(after_help = "Example:\n  sauma lens doc social-client-plan > social-client-plan.md")]
    Doc {
        /// A unit system, or a folder that holds a `unit.lens`
        #[arg(value_name = "UNIT|DIR")]
        what: String,
    },
    /// Write lenses as maps of the FHIR Mapping Language, both ways: text and `StructureMap`
    #[command(
        after_help = "Examples:\n  sauma lens export --to maps\n  sauma lens export employment-plan --to maps --fhir-version R5\n\nThe forward map does what reading a document does, the backward map makes a new one. A folder without faults is written\nwhole; where a lens cannot be exported nothing is written."
    )]
    Export(lens_export::Args),
}

#[derive(serde::Serialize)]
struct Listed<'a> {
    name: &'a str,
    title: &'a str,
    url: &'a str,
    version: &'a str,
    format: &'static str,
    rules: usize,
    label: String,
}

#[derive(serde::Serialize)]
struct Checked {
    file: String,
    ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    findings: Vec<Finding>,
}

/// A lens that was read: built in, or from disk.
pub(super) struct LensFile {
    /// Its file, for findings.
    pub(super) file: String,
    /// What it says.
    pub(super) text: Cow<'static, str>,
    pub(super) folder: Option<PathBuf>,
    unit: Option<&'static Unit>,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.command {
        Command::List => list(console),
        Command::Check { files } => check(files, console),
        Command::Test { what, documents, mutate } => {
            if *mutate {
                lens_mutate::run(&LensFile::named(what)?, console)
            } else {
                test(what, *documents, console)
            }
        }
        Command::Doc { what } => doc(what, console),
        Command::Export(args) => lens_export::run(args, console),
    }
}

fn list(console: &Console) -> Result<Verdict, Stop> {
    let mut units = Vec::new();
    for unit in units::all() {
        let program = super::input::program(unit)?;
        units.push(Listed {
            name: unit.name,
            title: &program.title,
            url: &program.url,
            version: &program.version,
            format: format_word(program.format),
            rules: program.rules().len(),
            label: program.label().to_string(),
        });
    }
    if console.is_json() {
        Console::print_json(&units)?;
        return Ok(Verdict::Clean);
    }
    let width = units.iter().map(|unit| unit.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for unit in &units {
        let name = console.out_paint.ink(Ink::Strong, &format!("{:width$}", unit.name));
        text.add(format_args!("{name}  {:4}  {}\n", unit.format, unit.title));
    }
    Console::print(&text)?;
    Ok(Verdict::Clean)
}

/// The word that a lens uses for a format.
pub(super) const fn format_word(format: Format) -> &'static str {
    match format {
        Format::Json => "json",
        Format::Xml => "xml",
        Format::Csv => "csv",
        Format::Er7 => "er7",
        Format::Fhir => "fhir",
    }
}

fn check(paths: &[PathBuf], console: &Console) -> Result<Verdict, Stop> {
    let mut all = Vec::new();
    for path in paths {
        let lens = LensFile::from_disk(path)?;
        let schema = lens.schema()?;
        let compiled = lens.compile(&schema);
        let found = compiled.as_ref().err().map(|issues| lens.findings(issues, console)).unwrap_or_default();
        let program = compiled.ok();
        if !console.is_json() {
            report::print(&found, found.len(), console);
            Console::print(&verdict(&lens.file, program.as_ref(), found.len(), console))?;
        }
        all.push(Checked {
            file: lens.file.clone(),
            ok: program.is_some(),
            url: program.as_ref().map(|program| program.url.clone()),
            rules: program.as_ref().map(|program| program.rules().len()),
            label: program.as_ref().map(|program| program.label().to_string()),
            findings: found,
        });
    }
    if console.is_json() {
        Console::print_json(&all)?;
    }
    Ok(Verdict::of(all.iter().any(|lens| !lens.ok)))
}

fn verdict(file: &str, program: Option<&Program>, faults: usize, console: &Console) -> String {
    let paint = console.out_paint;
    match program {
        Some(program) => {
            let rules = count(program.rules().len(), "rule");
            format!(
                "{}: {} ({rules}, {} {})\n  label: {}\n",
                clean(file),
                paint.ink(Ink::Good, "sound"),
                program.url,
                program.version,
                program.label()
            )
        }
        None => format!("{}: {}\n", clean(file), paint.ink(Ink::Error, &count(faults, "fault"))),
    }
}

fn test(what: &str, documents: u64, console: &Console) -> Result<Verdict, Stop> {
    let lens = LensFile::named(what)?;
    if let Some(unit) = lens.unit {
        let subject = lens_test::Subject::Unit(unit, super::input::program(unit)?);
        return lens_test::run(&lens, &subject, documents, console);
    }
    let schema = lens.schema()?;
    match lens.compile(&schema) {
        Ok(program) => {
            lens_test::run(&lens, &lens_test::Subject::Program(&program, &schema), documents, console)
        }
        Err(issues) => Ok(faults(&lens, &issues, console)),
    }
}

pub(super) fn faults(lens: &LensFile, issues: &[Issue], console: &Console) -> Verdict {
    report::print(&lens.findings(issues, console), issues.len(), console);
    Verdict::Findings
}

fn doc(what: &str, console: &Console) -> Result<Verdict, Stop> {
    let lens = LensFile::named(what)?;
    let schema = lens.schema()?;
    let program = match lens.compile(&schema) {
        Ok(program) => program,
        Err(issues) => return Ok(faults(&lens, &issues, console)),
    };
    match crate::mapping::parse::parse(&lens.text) {
        Ok(parsed) => Console::print(&lens_doc::page(&parsed, &program, &|file| lens.beside(file)))?,
        Err(issues) => return Ok(faults(&lens, &issues, console)),
    }
    Ok(Verdict::Clean)
}

impl LensFile {
    /// A unit system, or a folder.
    ///
    /// # Errors
    /// Neither is there.
    pub(super) fn named(what: &str) -> Result<Self, Stop> {
        let path = Path::new(what);
        match Unit::find(what) {
            Ok(unit) => Ok(Self {
                file: format!("{what}/unit.lens"),
                text: Cow::Borrowed(unit.lens),
                folder: None,
                unit: Some(unit),
            }),
            Err(_) if path.exists() => Self::from_disk(path),
            Err(issue) => Err(Stop::Issue(issue)),
        }
    }

    /// A lens file, or the `unit.lens` of a folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn from_disk(path: &Path) -> Result<Self, Stop> {
        let file = if path.is_dir() { path.join("unit.lens") } else { path.to_owned() };
        let text = files::read_text(&file)?;
        let folder = file.parent().map(Path::to_owned);
        Ok(Self { file: file.to_string_lossy().into_owned(), text: Cow::Owned(text), folder, unit: None })
    }

    /// A lens whose text is at hand, as an editor has it.
    pub(super) fn of_text(file: String, text: String, folder: Option<PathBuf>) -> Self {
        Self { file, text: Cow::Owned(text), folder, unit: None }
    }

    /// The definitions that are built in, with those of the folder `profiles` beside the lens.
    ///
    /// # Errors
    /// A definition is not well formed.
    pub(super) fn schema(&self) -> Result<Cow<'static, Schema>, Stop> {
        let Some(folder) =
            self.folder.as_ref().map(|folder| folder.join("profiles")).filter(|folder| folder.is_dir())
        else {
            return Ok(Cow::Borrowed(schema()));
        };
        let unreadable = |source| Stop::Unreadable { path: folder.clone(), source };
        let mut texts = Vec::new();
        for entry in fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "json") {
                texts.push(files::read_text(&path)?);
            }
        }
        texts.sort_unstable();
        let mut schema = schema().clone();
        schema.add_definitions(texts.iter().map(String::as_str))?;
        Ok(Cow::Owned(schema))
    }

    /// The faults of the lens at their places. Of a text that is no lens no line is shown: it may be of a client.
    fn findings(&self, issues: &[Issue], console: &Console) -> Vec<Finding> {
        if !looks_like_lens(&self.text) {
            let issue = Issue::error(codes::LENS_SYNTAX, Span::default(), "this is no lens")
                .with_help("a lens begins with the word `lens`; a document is read by `sauma translate`");
            return vec![Finding::bare(&self.file, &issue, console)];
        }
        let source = Source { file: &self.file, text: &self.text, mask: Mask::Open, lines_before: 0 };
        findings(source, issues, console)
    }

    /// The checked lens.
    ///
    /// # Errors
    /// Its faults.
    pub(super) fn compile(&self, schema: &Schema) -> Result<Program, Vec<Issue>> {
        compile(&self.text, schema, &|file| self.beside(file))
    }

    /// A file beside the lens; a lens has no business elsewhere.
    pub(super) fn beside(&self, file: &str) -> Option<String> {
        if let Some(unit) = self.unit {
            return unit.files.iter().find(|(name, _)| *name == file).map(|(_, text)| (*text).to_owned());
        }
        let inside = Path::new(file).components().all(|part| matches!(part, Component::Normal(_)));
        let path = self.folder.as_ref().filter(|_| inside)?.join(file);
        fs::read_to_string(path).ok()
    }
}
