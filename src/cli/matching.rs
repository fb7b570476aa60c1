//! `sauma match`: which records may be one person, and how sure that is.

use super::console::{Console, Stop, Verdict, clean};
use super::input::{From, Origin, fhir_text};
use super::report::{self, Finding};
use super::{bulk, files};
use crate::exchange::document::read_resources;
use crate::mapping::units::schema;
use crate::plan::matching::{Field, Grade, Level, Record, Score, name, to_json};
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree};
use std::path::PathBuf;

/// Patients that are compared in one run.
const PATIENTS_MAX: usize = 1_000_000;

const EXAMPLES: &str = "\
Examples:
  sauma match patient.json plans/
  sauma match patient.json register.ndjson --only-certain --format json
  sauma match plan.json other-plan.xml --show-values

As FHIR's Patient/$match: the likeliest first, each with a score from 0 to 1 and a grade. Only an equal
personal identity code makes a match certain; what is probable or possible is for a person to decide.
With --format json the answer is a Bundle of type searchset.";

/// Find records that may be one person, with a score and a grade.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The person: a Patient, the Parameters of `$match`, or a document about one client
    #[arg(value_name = "PATIENT")]
    patient: PathBuf,
    /// Where to look: files and folders
    #[arg(required = true, value_name = "CANDIDATES")]
    candidates: Vec<PathBuf>,
    /// Only certain matches
    #[arg(long)]
    only_certain: bool,
    /// At most so many matches
    #[arg(long, value_name = "N")]
    count: Option<usize>,
}

/// A match that is shown.
struct Found<'a> {
    file: &'a str,
    path: String,
    tree: &'a Tree,
    node: NodeId,
    score: Score,
    grade: Grade,
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let name = args.patient.to_string_lossy().into_owned();
    let sought = match read(&name, &files::read(&args.patient)?, console) {
        Ok(tree) => tree,
        Err(found) => return Ok(refuse(&found, console)),
    };
    let persons = patients(&sought);
    let [person] = persons[..] else {
        let message = format!("`{name}` holds {} patients", persons.len());
        return Err(Stop::usage(message, "give a file with the one Patient to look for"));
    };
    let record = Record::of(&sought, person);
    let mut documents = Vec::new();
    let mut unread = Vec::new();
    for entry in bulk::expand(&args.candidates)?.entries {
        let file = entry.path.to_string_lossy().into_owned();
        let bytes = files::read(&entry.path)?;
        let lines: Vec<&[u8]> =
            if entry.is_lines { bytes.split(|byte| *byte == b'\n').collect() } else { vec![&bytes] };
        for (number, line) in lines.into_iter().enumerate().filter(|(_, line)| !line.trim_ascii().is_empty())
        {
            let place = if entry.is_lines { format!("{file}:{}", number + 1) } else { file.clone() };
            match read(&place, line, console) {
                Ok(tree) => documents.push((place, tree)),
                Err(found) => unread.extend(found),
            }
        }
    }
    let (only_certain, count) = parameters(&sought, args);
    let found = matches(&record, &documents, only_certain, count);
    report::print(&unread, unread.len(), console);
    if console.is_json() {
        print_bundle(&found)?
    } else {
        print_table(&found, console)?
    }
    Ok(Verdict::of(unread.iter().any(Finding::is_error)))
}

fn refuse(found: &[Finding], console: &Console) -> Verdict {
    report::print(found, found.len(), console);
    Verdict::Findings
}

fn read(file: &str, bytes: &[u8], console: &Console) -> Result<Tree, Vec<Finding>> {
    let origin = Origin::file(file);
    let input = super::input::read(bytes, From::Any, origin, console)?;
    Ok(super::input::content(input, origin, console)?.resources)
}

/// Patients that are resources of their own, not parts of others.
fn patients(tree: &Tree) -> Vec<NodeId> {
    let is_own = |node: &NodeId| {
        let contained = tree.name_text(*node) == "contained";
        tree.resource_type(*node).as_deref() == Some("Patient") && !contained
    };
    tree.descend(NodeId::ROOT).filter(is_own).take(PATIENTS_MAX).collect()
}

/// `onlyCertainMatches` and `count`, by option or as the Parameters say.
fn parameters(tree: &Tree, args: &Args) -> (bool, Option<usize>) {
    let named = |name: &str, value: &str| {
        let all = tree.children(NodeId::ROOT).filter(|child| tree.name_text(*child) == "parameter");
        let mut named = all.filter(|child| tree.child_text(*child, "name").as_deref() == Some(name));
        named.next().and_then(|child| tree.child_text(child, value)).map(std::borrow::Cow::into_owned)
    };
    let only = named("onlyCertainMatches", "valueBoolean").is_some_and(|text| text == "true");
    let count = named("count", "valueInteger").and_then(|text| text.parse().ok());
    (args.only_certain || only, args.count.or(count))
}

fn matches<'a>(
    record: &Record,
    documents: &'a [(String, Tree)],
    only_certain: bool,
    count: Option<usize>,
) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for (file, tree) in documents {
        for node in patients(tree) {
            let score = record.score(&Record::of(tree, node));
            let Some(grade) = score.grade else { continue };
            if grade == Grade::CertainlyNot || only_certain && grade != Grade::Certain {
                continue;
            }
            found.push(Found { file, path: tree.path(node), tree, node, score, grade });
        }
    }
    // Equal ones stay in the order of the files and of their lines.
    found.sort_by(|a, b| b.score.score.total_cmp(&a.score.score));
    found.truncate(count.unwrap_or(usize::MAX));
    found
}

fn print_bundle(found: &[Found<'_>]) -> Result<(), Stop> {
    let entries: Vec<String> = found
        .iter()
        .map(|found| {
            let (score, grade) = (found.score.score, found.grade.as_str());
            format!(
                r#"{{"resource":{},"search":{{"extension":[{{"url":"http://hl7.org/fhir/StructureDefinition/match-grade","valueCode":"{grade}"}}],"mode":"match","score":{score}}}}}"#,
                to_json(found.tree, found.node, schema())
            )
        })
        .collect();
    let entry =
        if entries.is_empty() { String::new() } else { format!(r#","entry":[{}]"#, entries.join(",")) };
    let bundle =
        format!(r#"{{"resourceType":"Bundle","type":"searchset","total":{}{entry}}}"#, entries.len());
    let tree = read_resources(&bundle).map_err(Stop::Issue)?;
    Console::print(&fhir_text(&tree, false, Layout::Pretty).map_err(Stop::Issue)?)
}

fn print_table(found: &[Found<'_>], console: &Console) -> Result<(), Stop> {
    if found.is_empty() {
        Console::note("no record may be this person\n");
        return Ok(());
    }
    let mut text = String::new();
    for found in found {
        let said = |(field, level): &(Field, Level)| format!("{}: {}", field.as_str(), level.as_str());
        let fields: Vec<String> = found.score.fields.iter().map(said).collect();
        let who = if console.show_values {
            let name = name(found.tree, found.node).unwrap_or_default();
            let birth = found.tree.child_text(found.node, "birthDate").unwrap_or_default();
            format!("  {name} {birth}")
        } else {
            String::new()
        };
        let row = format!(
            "{:.3}  {:<10}  {} {}{who}\n       {}\n",
            found.score.score,
            found.grade.as_str(),
            found.file,
            found.path,
            fields.join("; ")
        );
        text.push_str(&clean(&row));
        if found.score.disagrees {
            text.push_str(
                "       one identity, but name or birth date disagree: find out which record is wrong\n",
            );
        }
    }
    Console::print(&text)
}
