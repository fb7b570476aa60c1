//! `sauma demo`: four invented documents of four unit systems about one invented client, and the plan that they
//! join into.

use super::console::{Console, Stop, Verdict};
use super::input::From;
use super::join::{joined, readable};
use super::{files, report};
use std::fs;
use std::path::{Path, PathBuf};

/// The documents. Nobody in them exists: individual numbers 900–999 are given to no person.
const DOCUMENTS: &[(&str, &str)] = &[
    ("social-services.json", include_str!("demo/social-services.json")),
    ("health-centre.xml", include_str!("demo/health-centre.xml")),
    ("employment-services.csv", include_str!("demo/employment-services.csv")),
    ("ngo.json", include_str!("demo/ngo.json")),
];

const EXAMPLES: &str = "\
Example:
  sauma demo
  sauma translate sauma-demo/health-centre.xml --to fhir
  sauma explain sauma-demo/employment-services.csv
  sauma join sauma-demo --format json -o joined.json

The client, the workers and the units are invented.";

/// Write example documents of one invented client and join them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder to write them to
    #[arg(default_value = "sauma-demo")]
    dir: PathBuf,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let paths = write(&args.dir)?;
    let documents: Vec<(String, Vec<u8>)> = paths
        .iter()
        .zip(DOCUMENTS)
        .map(|(path, (_, text))| (path.to_string_lossy().into_owned(), text.as_bytes().to_vec()))
        .collect();
    let (plan, findings) = joined(&documents, From::Any, console);
    let text = plan.map(|plan| readable(&plan, console)).unwrap_or_default();
    if console.is_json() {
        let report = serde_json::json!({ "documents": paths, "plan": text, "findings": findings });
        Console::print_json(&report)?;
    } else {
        if !console.quiet {
            Console::note(&format!("{} documents are in {}\n\n", paths.len(), args.dir.display()));
        }
        report::print(&findings, findings.len(), console);
        Console::print(&text)?;
    }
    // The documents contradict each other on purpose; that is no failure of the demonstration.
    Ok(Verdict::Clean)
}

/// Writes what is not there yet. A file of the same name with other content is somebody's.
fn write(folder: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut paths = Vec::new();
    for (name, text) in DOCUMENTS {
        let path = folder.join(name);
        if path.exists() && files::read(&path)? != text.as_bytes() {
            let message = format!("`{}` is there already, with other content", path.display());
            return Err(Stop::usage(message, "name another folder: sauma demo DIR"));
        }
        paths.push(path);
    }
    fs::create_dir_all(folder).map_err(|source| Stop::Unwritable { path: folder.to_owned(), source })?;
    for (path, (_, text)) in paths.iter().zip(DOCUMENTS) {
        if !path.exists() {
            files::write(path, text.as_bytes())?;
        }
    }
    Ok(paths)
}
