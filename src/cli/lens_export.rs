//! `sauma lens export`: lenses as maps of the FHIR Mapping Language, for tools that know no lens.

use super::console::{Add, Console, Stop, Verdict};
use super::files;
use super::lens::{LensFile, faults};
use super::map_convert::{self, Fhir};
use crate::diag::{Issue, Severity};
use crate::mapping::Direction;
use crate::mapping::units;
use std::fs;
use std::path::{Path, PathBuf};

/// What is written, and in which form.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Unit systems, or folders that hold a `unit.lens`; all that are built in where none is named
    #[arg(value_name = "UNIT|DIR")]
    what: Vec<String>,
    /// The folder that the files are written to
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
    /// The release whose form is written
    #[arg(long, visible_alias = "fhir", value_enum, ignore_case = true, default_value_t = Fhir::R4)]
    fhir_version: Fhir,
}

/// A file, and the url of the map in it.
#[derive(serde::Serialize)]
struct Ready {
    file: PathBuf,
    url: String,
    #[serde(skip)]
    text: String,
}

/// Writes all files, or none where a lens cannot be exported.
pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let all: Vec<String> = units::all().map(|unit| unit.name.to_owned()).collect();
    let mut ready = Vec::new();
    for what in if args.what.is_empty() { &all } else { &args.what } {
        let lens = LensFile::named(what)?;
        match exported(&lens, what, args)? {
            Ok(files) => ready.extend(files),
            Err(issues) => return Ok(faults(&lens, &issues, console)),
        }
    }
    fs::create_dir_all(&args.to).map_err(|source| Stop::Unwritable { path: args.to.clone(), source })?;
    for file in &ready {
        files::write(&file.file, file.text.as_bytes())?;
    }
    report(&ready, console)?;
    Ok(Verdict::Clean)
}

/// The files of one lens, or its faults.
fn exported(lens: &LensFile, what: &str, args: &Args) -> Result<Result<Vec<Ready>, Vec<Issue>>, Stop> {
    let schema = lens.schema()?;
    let name = Path::new(what).file_name().unwrap_or_default().to_string_lossy();
    let files = || {
        let program = lens.compile(&schema)?;
        let mut ready = Vec::new();
        for direction in Direction::ALL {
            for one in program.export(&schema, direction)? {
                let url = one.map.url.as_ref().map(|url| url.text.clone()).unwrap_or_default();
                let text = map_convert::text(&one.map, args.fhir_version)?;
                let (json, lost) = map_convert::json(&one.map, args.fhir_version);
                if lost.iter().any(|issue| issue.severity == Severity::Error) {
                    return Err(lost);
                }
                let name = format!("{name}-{}", one.name);
                for (file, text) in
                    [(format!("{name}.map"), text), (format!("StructureMap-{name}.json"), json)]
                {
                    ready.push(Ready { file: args.to.join(file), url: url.clone(), text });
                }
            }
        }
        Ok(ready)
    };
    Ok(files())
}

fn report(ready: &[Ready], console: &Console) -> Result<(), Stop> {
    if console.is_json() {
        return Console::print_json(&ready);
    }
    let mut text = String::new();
    for file in ready.iter().filter(|_| !console.quiet) {
        text.add(format_args!("{}\n", file.file.display()));
    }
    Console::print(&text)
}
