//! `sauma coverage`: which requirements of a folder of definitions its examples test.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::files::{self, Whole};
use super::package_guide::{EXAMPLES, guide, index};
use super::report::count;
use crate::conformance::coverage::{Counts, Coverage, Reason, State, counts, coverage, csv, json, reasons};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of one kind that people are shown.
const SHOWN: usize = 200;
/// The list of what cannot be tested, beside the index of the examples.
const NOT_TESTABLE: &str = "not-testable.toml";

const HELP: &str = "\
Examples:
  sauma coverage
  sauma coverage guide/ --packages packages --report csv=coverage.csv
  sauma coverage guide/ --fail-on faults --format json

Requirements are what the definitions of the folder demand beyond their bases: constraints of error severity, elements
that must stand or may stand less often, required bindings, fixed and pattern values, closed slicings. One is tested
where a bad example of `examples/index.toml` breaks it and nothing else. `examples/not-testable.toml` says of which
none can, and why:

  [[not-testable]]
  requirement = \"my-profile#Goal.category min\"
  reason = \"R4 demands it first\"

Every example is validated on the way: one that is not what the index says is a fault, and so is a reason that
explains nothing.";

/// Tell which requirements of a folder of definitions its examples test.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Args {
    /// A folder of JSON definitions with its package.json and its examples
    #[arg(value_name = "DIR", default_value = "profiles")]
    folder: PathBuf,
    /// Folder with the packages that the definitions depend on
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
    /// Write a report: csv or json; may be given several times
    #[arg(long, value_name = "KIND=FILE", value_parser = Target::parse)]
    report: Vec<Target>,
    /// What fails
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = FailOn::Untested)]
    fail_on: FailOn,
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// A requirement that is not tested, and every fault.
    Untested,
    /// Faults alone: examples that are not what the index says, reasons that explain nothing.
    Faults,
}

/// The form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Csv,
    Json,
}

/// A report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    kind: Kind,
    path: PathBuf,
}

impl Target {
    /// From `KIND=FILE`.
    ///
    /// # Errors
    /// What is wrong with it.
    fn parse(text: &str) -> Result<Self, String> {
        let (name, path) = text.split_once('=').ok_or("write it as KIND=FILE, as in csv=coverage.csv")?;
        let kind = match name {
            "csv" => Kind::Csv,
            "json" => Kind::Json,
            _ => return Err(format!("`{name}` is none of csv, json")),
        };
        if path.is_empty() {
            return Err(format!("name the file, as in {name}=FILE"));
        }
        Ok(Self { kind, path: PathBuf::from(path) })
    }
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    // Begun first, so that a folder that is not there is told at once.
    let create = |target: &Target| Ok((target.kind, Whole::create(&target.path)?));
    let reports: Vec<(Kind, Whole)> = args.report.iter().map(create).collect::<Result<_, Stop>>()?;
    let guide = guide(&args.folder, args.packages.as_deref())?;
    let examples = index(&args.folder)?;
    let mut texts = BTreeMap::new();
    for example in &examples {
        let path = args.folder.join(EXAMPLES).join(&example.file);
        if path.is_file() {
            texts.insert(example.file.clone(), files::read_text(&path)?);
        }
    }
    let reasons = not_testable(&args.folder)?;
    let coverage = coverage(&guide, &examples, &texts, &reasons)
        .map_err(|error| Stop::usage(format!("the index of examples: {error}"), "part the package"))?;
    if console.is_json() {
        Console::print(&json(&coverage))?;
    } else {
        Console::print(&to_human(&coverage, console))?;
    }
    for (kind, mut file) in reports {
        let text = match kind {
            Kind::Csv => csv(&coverage),
            Kind::Json => json(&coverage),
        };
        file.write(text.as_bytes())?;
        file.commit()?;
    }
    Ok(ended(&coverage, args.fail_on))
}

/// The list of what cannot be tested; empty where there is none.
fn not_testable(folder: &Path) -> Result<Vec<Reason>, Stop> {
    let path = folder.join(EXAMPLES).join(NOT_TESTABLE);
    if !path.is_file() {
        return Ok(Vec::new());
    }
    reasons(&files::read_text(&path)?).map_err(|error| {
        let help = "write [[not-testable]] tables with `requirement` and `reason`";
        Stop::usage(format!("`{}`: {error}", path.display()), help)
    })
}

fn ended(coverage: &Coverage, fail_on: FailOn) -> Verdict {
    let counts = coverage.counts();
    if counts.requirements == 0 {
        return Verdict::Untested;
    }
    let is_short = match fail_on {
        FailOn::Untested => counts.not_tested > 0,
        FailOn::Faults => false,
    };
    Verdict::of(is_short || !coverage.faults.is_empty())
}

fn to_human(coverage: &Coverage, console: &Console) -> String {
    let paint = console.out_paint;
    let mut text = String::new();
    if !console.quiet {
        for rows in coverage.rows.chunk_by(|(a, _), (b, _)| a.definition == b.definition) {
            let Some((first, _)) = rows.first() else { continue };
            let name = paint.ink(Ink::Strong, &clean(&first.definition));
            text.add(format_args!("{name}: {}\n", in_words(counts(rows))));
        }
    }
    let untested: Vec<String> = coverage
        .rows
        .iter()
        .filter(|(_, state)| *state == State::NotTested)
        .map(|(requirement, _)| format!("{requirement} ({})", requirement.text))
        .collect();
    for (label, lines) in [("not tested", &untested), ("fault", &coverage.faults)] {
        for line in lines.iter().take(SHOWN) {
            text.add(format_args!("{} {}\n", paint.ink(Ink::Error, label), clean(line)));
        }
        if lines.len() > SHOWN {
            text.add(format_args!("  … and {} more; --format json lists all\n", lines.len() - SHOWN));
        }
    }
    if !console.quiet {
        let counts = coverage.counts();
        let ink = if counts.not_tested == 0 { Ink::Good } else { Ink::Error };
        let words = paint.ink(ink, &in_words(counts));
        let package = clean(&coverage.package);
        text.add(format_args!("{package}: {}: {words}\n", count(counts.requirements, "requirement")));
    }
    text
}

fn in_words(counts: Counts) -> String {
    let Counts { tested, not_testable, not_tested, .. } = counts;
    format!("{tested} tested, {not_testable} not testable, {not_tested} not tested")
}
