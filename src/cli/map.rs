//! `sauma map`: maps of the FHIR Mapping Language, as text or as `StructureMap` resources.

use super::console::{Console, Stop, Verdict};
use super::mask::Mask;
use super::report::{Finding, Source, findings};
use super::{files, map_check, map_convert, map_format, map_run, map_run_trace};
use crate::diag::{Issue, Span};
use crate::format::decode;
use crate::mapping::fml::resource::{self, MapShape};
use crate::mapping::fml::{Map, parse};
use crate::mapping::units::schema;
use crate::tree::fhir;
use std::path::{Path, PathBuf};

/// What text files of a folder are called when they are maps.
pub(super) const ENDINGS: &[&str] = &["map", "fml"];

const EXAMPLES: &str = "\
Examples:
  sauma map check maps/
  sauma map format --check maps/
  sauma map convert my.map --to json > my.json
  sauma map run my.map answers.json
  sauma map convert StructureMap-my.xml --to fml";

/// Check, lay out, convert and run maps of the FHIR Mapping Language.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Find what is wrong with maps, without running them
    #[command(
        after_help = "Example:\n  sauma map check maps/ StructureMap-my.json\n\nMaps that are checked together know each other: what one imports is looked for among the others."
    )]
    Check {
        /// FML text, `StructureMap` resources in JSON or XML, or folders with `.map` and `.fml` files
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Definitions beside those of R4: logical models, concept maps, code systems, in JSON
        #[arg(long, value_name = "FILE")]
        definition: Vec<PathBuf>,
    },
    /// Lay FML text out in the canonical form; comments are kept
    #[command(after_help = "Example:\n  sauma map format --write maps/")]
    Format {
        /// FML text, or folders with `.map` and `.fml` files
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Only say which files are laid out otherwise
        #[arg(long, conflicts_with = "write")]
        check: bool,
        /// Replace the files
        #[arg(long)]
        write: bool,
    },
    /// Convert between FML text and `StructureMap` in JSON or XML, in the forms of R4 and R5
    #[command(after_help = "Example:\n  sauma map convert my.map --to json --fhir r5")]
    Convert {
        /// FML text, or a `StructureMap` resource in JSON or XML; `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The form to write
        #[arg(long, value_enum)]
        to: map_convert::To,
        /// The release whose form is written
        #[arg(long, alias = "fhir-version", value_enum, default_value_t = map_convert::Fhir::R4)]
        fhir: map_convert::Fhir,
    },
    /// Make documents of others by a map
    #[command(
        after_help = "Examples:\n  sauma map run my.map answers.json\n  sauma map run my.map answers.ndjson --import maps/ --out-dir out\n\nDocuments go to standard output, findings to standard error, each with its place in the map."
    )]
    Run(Box<map_run::RunArgs>),
    /// Show where each value that a map makes comes from, and what no rule reads
    #[command(after_help = "Example:\n  sauma map trace my.map answers.json --format json")]
    Trace(Box<map_run_trace::TraceArgs>),
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.command {
        Command::Check { paths, definition } => map_check::run(paths, definition, console),
        Command::Format { paths, check, write } => {
            let action = match (check, write) {
                (true, _) => map_format::Action::Check,
                (_, true) => map_format::Action::Write,
                _ => map_format::Action::Print,
            };
            map_format::run(paths, action, console)
        }
        Command::Convert { file, to, fhir } => map_convert::run(file, *to, *fhir, console),
        Command::Run(args) => map_run::run(args, console),
        Command::Trace(args) => map_run_trace::run(args, console),
    }
}

/// A map that was read from a file.
#[derive(Debug)]
pub(super) struct Loaded {
    /// The file as the user named it.
    pub(super) file: String,
    /// Its text, which findings point into.
    pub(super) text: String,
    /// What it says, as far as it was understood.
    pub(super) map: Map,
    /// What was wrong in reading it.
    pub(super) issues: Vec<Issue>,
    /// Comments of a text that are no part of what it says.
    pub(super) loose_comments: Vec<Span>,
}

impl Loaded {
    /// Reads FML text or a resource. What is wrong with the file stands among the issues.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, Stop> {
        let bytes = files::read(path)?;
        let file = path.to_string_lossy().into_owned();
        let text = match decode(&bytes, None) {
            Ok((text, _)) => text,
            Err(issue) => {
                let (map, loose_comments) = (Map::default(), Vec::new());
                return Ok(Self { file, text: String::new(), map, issues: vec![*issue], loose_comments });
            }
        };
        // No map starts with a brace or a bracket, and every resource does.
        let mut loose_comments = Vec::new();
        let (map, issues) = match text.trim_start().chars().next() {
            Some('{' | '<') => of_resource(&text).unwrap_or_else(|issue| (Map::default(), vec![*issue])),
            _ => {
                let parsed = parse(&text);
                loose_comments = parsed.loose_comments;
                (parsed.map, parsed.issues)
            }
        };
        Ok(Self { file, text, map, issues, loose_comments })
    }

    /// The findings of issues about this map.
    pub(super) fn findings(&self, issues: &[Issue], console: &Console) -> Vec<Finding> {
        let source = Source { file: &self.file, text: &self.text, mask: Mask::Open, lines_before: 0 };
        findings(source, issues, console)
    }
}

fn of_resource(text: &str) -> Result<(Map, Vec<Issue>), Box<Issue>> {
    let tree = if text.trim_start().starts_with('<') {
        fhir::read_xml(text, schema().names(), &MapShape::new(schema()))?
    } else {
        fhir::read_json(text, schema().names())?
    };
    let read = resource::read(&tree)?;
    Ok((read.map, read.issues))
}
