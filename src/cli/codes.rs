//! `sauma codes`: code lists of the national code service, from files.

use super::bulk;
use super::checks::now;
use super::console::{Console, Stop, Verdict, clean};
use super::files;
use super::input::From;
use crate::exchange::code_lists::{CodeList, Report, Why, read};
use crate::exchange::intake::Input;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Kinds of files that folders are searched for.
const ENDINGS: &[&str] = &["json", "xml", "csv"];
/// Places of one code that people are shown.
const SHOWN: usize = 3;

const EXAMPLES: &str = "\
Examples:
  sauma codes import palvelutehtava.csv --oid 1.2.246.537.6.1221.201601 --version 2016-01-01 --name Palvelutehtava
  sauma codes list --on 2026-01-01
  sauma codes report plans/
  sauma validate plan.json --package codes/1.2.246.537.6.1221.201601_2016-01-01.json

A list is a table in CSV, TSV, XML or JSON with a column for the code. It is kept in the folder of --codes as a FHIR
CodeSystem, one file for each OID and version, which `sauma validate --package` and a server's $validate-code take. The
report holds each code against the version that was in force on the day of its document.";

/// Import code lists, and report codes that they do not have.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The folder of the code lists
    #[arg(long, global = true, value_name = "DIR", default_value = "codes")]
    codes: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Import one version of a list.
    Import(ImportArgs),
    /// List what was imported, and which version is in force.
    List {
        /// The day; today by default
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
    },
    /// Report codes of documents that no list has, and the rows that they touch.
    Report {
        /// Documents: files and folders
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// The day against which documents are held; by default that of each document
        #[arg(long, value_name = "DATE")]
        on: Option<String>,
    },
}

/// Import one version of a list.
#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The table
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The OID of the list
    #[arg(long, value_name = "OID", value_parser = oid)]
    oid: String,
    /// The day from which this version is in force
    #[arg(long, value_name = "DATE", value_parser = date)]
    version: String,
    /// What the list is called
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
}

fn oid(text: &str) -> Result<String, String> {
    let text = text.strip_prefix("urn:oid:").unwrap_or(text);
    let is_arc = |arc: &str| !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
    let is_oid = text.len() <= 128 && text.contains('.') && text.split('.').all(is_arc);
    if is_oid {
        Ok(text.to_owned())
    } else {
        Err("it is no object identifier, as 1.2.246.537.6.1221".to_owned())
    }
}

fn date(text: &str) -> Result<String, String> {
    let is_date = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if is_date { Ok(text.to_owned()) } else { Err("write it as 2026-01-31".to_owned()) }
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    match &args.command {
        Command::Import(import) => self::import(&args.codes, import, console),
        Command::List { on } => list(&args.codes, on.as_deref(), console),
        Command::Report { files, on } => report(&args.codes, files, on.as_deref(), console),
    }
}

fn today() -> String {
    now().to_string().trim_start_matches('@').chars().take(10).collect()
}

fn import(folder: &Path, args: &ImportArgs, console: &Console) -> Result<Verdict, Stop> {
    let bytes = files::read(&args.file)?;
    let list = read(&bytes, &args.oid, &args.version, &args.name).map_err(Stop::Issue)?;
    std::fs::create_dir_all(folder).map_err(|source| Stop::Unwritable { path: folder.to_owned(), source })?;
    let path = folder.join(format!("{}_{}.json", list.oid, list.version));
    let text = format!("{:#}\n", list.to_code_system(&today()));
    files::write(&path, text.as_bytes())?;
    if !console.quiet {
        Console::note(&format!("{} codes in `{}`\n", list.rows.len(), clean(&path.to_string_lossy())));
    }
    Ok(Verdict::Clean)
}

/// The lists of a folder, by OID and version.
fn lists(folder: &Path) -> Result<Vec<CodeList>, Stop> {
    let unreadable = |source| Stop::Unreadable { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            found.push(CodeList::of_code_system(&files::read_text(&path)?).map_err(Stop::Issue)?);
        }
    }
    found.sort_by(|a, b| (&a.oid, &a.version).cmp(&(&b.oid, &b.version)));
    Ok(found)
}

fn list(folder: &Path, on: Option<&str>, console: &Console) -> Result<Verdict, Stop> {
    let day = on.map_or_else(today, str::to_owned);
    let lists = lists(folder)?;
    let newest = |list: &CodeList| {
        let of_oid = lists.iter().filter(|other| other.oid == list.oid && other.version <= day);
        of_oid.map(|other| &other.version).max() == Some(&list.version)
    };
    let row = |list: &CodeList| {
        let active = list.rows.values().filter(|row| row.is_in_force(&day)).count();
        json!({
            "oid": list.oid, "version": list.version, "name": list.name, "codes": list.rows.len(),
            "active": active, "in_force": newest(list),
        })
    };
    let rows: Vec<Value> = lists.iter().map(row).collect();
    if console.is_json() {
        Console::print_json(&rows)?;
        return Ok(Verdict::Clean);
    }
    for (list, row) in lists.iter().zip(&rows) {
        let mark = if newest(list) { "in force" } else { "not in force" };
        let CodeList { oid, version, name, .. } = list;
        let line =
            format!("{oid} {version} {mark}: {} codes, {} active {name}\n", row["codes"], row["active"]);
        Console::print(&clean(&line))?;
    }
    Ok(Verdict::Clean)
}

fn report(
    folder: &Path,
    documents: &[PathBuf],
    on: Option<&str>,
    console: &Console,
) -> Result<Verdict, Stop> {
    let lists = lists(folder)?;
    let mut report = Report::default();
    let (mut read_ones, mut unread) = (0_usize, 0_usize);
    for entry in bulk::expand_as(documents, ENDINGS)?.entries {
        let bytes = files::read(&entry.path)?;
        let content = Input::read(&bytes, From::Any).ok().and_then(|input| input.content().ok());
        let Some(content) = content else {
            unread += 1;
            continue;
        };
        read_ones += 1;
        let day = on.map(str::to_owned).or_else(|| day_of(&content.resources)).unwrap_or_else(today);
        report.add(&entry.path.to_string_lossy(), &content, &day, &lists);
    }
    tell(&report, (read_ones, unread), console)?;
    Ok(match (read_ones, unread) {
        (0, 0) => Verdict::Untested,
        (_, 0) => Verdict::of(!report.faulty.is_empty()),
        (_, _) => Verdict::Unreadable,
    })
}

/// The day of the plan in a document.
fn day_of(tree: &crate::tree::Tree) -> Option<String> {
    tree.descend(crate::tree::NodeId::ROOT)
        .filter(|node| tree.resource_type(*node).as_deref() == Some("CarePlan"))
        .find_map(|node| tree.child_text(node, "created").map(|text| text.chars().take(10).collect()))
}

fn tell(report: &Report, (read_ones, unread): (usize, usize), console: &Console) -> Result<(), Stop> {
    let word = |why: Why| match why {
        Why::Unmapped => "unmapped",
        Why::Retired => "retired",
    };
    if console.is_json() {
        let rows: Vec<Value> = report
            .faulty
            .iter()
            .map(|(faulty, missing)| {
                json!({
                    "issue": faulty.why.code().id, "why": word(faulty.why), "list": faulty.list,
                    "code": faulty.code, "rows": missing.rows, "documents": missing.documents.len(),
                    "places": missing.places,
                })
            })
            .collect();
        return Console::print_json(&json!({
            "documents": read_ones, "unread": unread, "checked": report.checked,
            "faulty": rows, "not_at_hand": report.not_at_hand,
        }));
    }
    for (faulty, missing) in &report.faulty {
        let code = faulty.code.as_deref().unwrap_or("(not of the form of a code)");
        let (id, documents) = (faulty.why.code().id, missing.documents.len());
        let head = format!(
            "{} [{id}] {} {code}: {} rows in {documents} documents\n",
            word(faulty.why),
            faulty.list,
            missing.rows
        );
        Console::print(&clean(&head))?;
        for place in missing.places.iter().take(SHOWN) {
            Console::print(&clean(&format!("  {place}\n")))?;
        }
    }
    for (oid, count) in &report.not_at_hand {
        Console::print(&format!("not at hand: {oid} ({count} codes not checked)\n"))?;
    }
    let checked = report.checked;
    Console::print(&format!("{read_ones} documents, {checked} codes checked, {unread} documents not read\n"))
}
