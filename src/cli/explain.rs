//! `sauma explain`: where each field of a document goes and by which rule, or what a code or a rule means.

use super::console::{Add, Console, Ink, Stop, Verdict, clean};
use super::explain_code::{Named, unknown};
use super::files;
use super::input::{From, Input, Origin, mask_of, persons};
use super::report::{self, Finding, Source, findings};
use crate::diag::{Issue, LineIndex, Place, codes};
use crate::exchange::document::Document;
use crate::mapping::{Counts, Entry, Fate, Got, Ledger, Program, SOURCE_TEXT};
use crate::tree::{NodeId, Tree};
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;

/// Characters of a rule that people are shown.
const RULE_CHARS_MAX: usize = 100;

const EXAMPLES: &str = "\
Examples:
  sauma explain plan.json
  sauma explain plan.json --show-values --format json
  sauma explain M221 --lang fi
  sauma explain sauma-pl-1";

/// Tell where each field of a document goes, or what a code or a rule of a finding means.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A document, the code of a finding, or the key of a rule of our profiles
    #[arg(value_name = "FILE|CODE|RULE")]
    what: PathBuf,
    /// The unit system of the document; by default the one that recognises it
    #[arg(long, value_name = "UNIT")]
    from: Option<String>,
}

/// One leaf of the document and where it went.
#[derive(Debug, Serialize)]
struct Field {
    path: String,
    line: u32,
    column: u32,
    fate: Fate,
    rule: Option<Rule>,
    /// Where it stands in the resources.
    targets: Vec<String>,
    /// Carried as the unit wrote it, because the FHIR type or a table has no place for it.
    as_written: bool,
    /// Codes of the findings about it.
    findings: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
}

#[derive(Debug, Serialize)]
struct Rule {
    line: u32,
    text: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

#[derive(Serialize)]
struct Report<'a> {
    file: &'a str,
    unit: &'a str,
    lens: &'a str,
    lens_version: &'a str,
    fields: &'a [Field],
    counts: Counts,
    total: usize,
    findings: &'a [Finding],
}

pub(super) fn run(args: &Args, console: &Console) -> Result<Verdict, Stop> {
    let name = args.what.to_string_lossy();
    let is_file = args.what.exists() || name == "-";
    if !is_file && let Some(named) = Named::find(&name) {
        return named.explain(console);
    }
    let from = From::named(args.from.as_deref()).map_err(Stop::Issue)?;
    if !is_file && let Some(stop) = unknown(&name) {
        return Err(stop);
    }
    let bytes = files::read(&args.what)?;
    let read = super::input::read(&bytes, from, Origin::file(&name), console);
    let (document, program) = match read {
        Ok(Input::Unit(document, program)) => (document, program),
        Ok(Input::Fhir(_)) => {
            let help = "only the documents of unit systems go through a lens";
            return Err(Stop::usage(format!("`{name}` holds plain FHIR resources"), help));
        }
        Err(findings) => {
            report::print(&findings, findings.len(), console);
            return Ok(Verdict::Findings);
        }
    };
    explain(&name, &document, program, console)
}

fn explain(name: &str, document: &Document, program: &Program, console: &Console) -> Result<Verdict, Stop> {
    let source = Source {
        file: name,
        text: document.text(),
        mask: mask_of(document.unit, document.text()),
        lines_before: 0,
    };
    let got = match program.get(&document.tree) {
        Ok(got) => got,
        Err(issue) => {
            report::print(&findings(source, &[*issue], console), 1, console);
            return Ok(Verdict::Findings);
        }
    };
    let ledger = program.ledger(&document.tree, &got);
    let fields = fields(document, program, &got, &ledger, console);
    let mut issues = program.unexplained(&document.tree, &ledger);
    issues.extend(document.remarks());
    let of_persons = persons(document, &got);
    issues.extend(of_persons.iter().cloned());
    issues.extend(got.issues.iter().cloned());
    let found = findings(source, &issues, console);
    let (counts, total) = (ledger.counts(), ledger.entries.len());
    if console.is_json() {
        Console::print_json(&Report {
            file: name,
            unit: document.unit.name,
            lens: &program.url,
            lens_version: &program.version,
            fields: &fields,
            counts,
            total,
            findings: &found,
        })?;
    } else {
        Console::print(&to_human(name, document, &fields, counts, total, console))?;
        // The others stand with their fields; whose plan it is concerns the whole document.
        report::print(&findings(source, &of_persons, console), of_persons.len(), console);
    }
    // The ledger is an equation that is checked, not a sum that is assumed.
    Ok(Verdict::of(counts.total() != total || found.iter().any(Finding::is_error)))
}

fn fields(
    document: &Document,
    program: &Program,
    got: &Got,
    ledger: &Ledger,
    console: &Console,
) -> Vec<Field> {
    let tree = &document.tree;
    let index = LineIndex::new(document.text());
    let lens = LineIndex::new(document.unit.lens);
    let targets = targets(got);
    let mut about: HashMap<(u32, u32), Vec<&Issue>> = HashMap::new();
    for issue in &got.issues {
        about.entry((issue.span.start, issue.span.end)).or_default().push(issue);
    }
    let rule = |entry: &Entry| {
        let info = program.rules().get(entry.rule?)?;
        let Place { line, .. } = lens.place(info.span.start);
        Some(Rule { line, text: info.text.clone(), reason: info.reason.clone() })
    };
    let field = |entry: &Entry| {
        let span = tree.span(entry.node);
        let Place { line, column } = index.place(span.start);
        let found = about.get(&(span.start, span.end)).map(Vec::as_slice).unwrap_or_default();
        let places = if entry.fate == Fate::Carried {
            target_paths(tree, got, &targets, entry.node)
        } else {
            Places::default()
        };
        Field {
            path: tree.path(entry.node),
            line,
            column,
            fate: entry.fate,
            rule: rule(entry),
            targets: places.paths,
            as_written: places.as_written,
            findings: found.iter().map(|issue| issue.code.id).collect(),
            value: console.show_values.then(|| clean(&tree.text(entry.node))),
        }
    };
    ledger.entries.iter().map(field).collect()
}

/// Which target nodes came from each source node, or say what it says again.
fn targets(got: &Got) -> HashMap<NodeId, Vec<NodeId>> {
    let mut targets: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    for node in got.target.descend(NodeId::ROOT) {
        if let Some(source) = got.origins.source(node) {
            targets.entry(source).or_default().push(node);
        }
    }
    for (again, target) in got.said_again() {
        targets.entry(again).or_default().push(target);
    }
    targets
}

#[derive(Default)]
struct Places {
    paths: Vec<String>,
    as_written: bool,
}

/// Where a leaf stands in the resources: by itself, or within an element that was copied whole.
fn target_paths(tree: &Tree, got: &Got, targets: &HashMap<NodeId, Vec<NodeId>>, leaf: NodeId) -> Places {
    let mut here = Some(leaf);
    let mut places = Places::default();
    while let Some(node) = here {
        if let Some(found) = targets.get(&node) {
            let (from, to) = (tree.path(node), tree.path(leaf));
            let below = if node == leaf { "" } else { to.strip_prefix(from.as_str()).unwrap_or("") };
            places.paths = found
                .iter()
                .map(|target| format!("{}{below}", within_resource(&got.target, *target)))
                .collect();
            places.as_written = found.iter().any(|target| holds_source_text(&got.target, *target));
            return places;
        }
        here = tree.parent(node);
    }
    places
}

/// The path of a node from the resource it stands in: `CarePlan.created`, with the id where there are several.
fn within_resource(tree: &Tree, node: NodeId) -> String {
    let path = tree.path(node);
    let mut here = Some(node);
    while let Some(at) = here {
        if let Some(kind) = tree.resource_type(at).filter(|_| at != NodeId::ROOT) {
            let id = tree.child_text(at, "id").map_or_else(String::new, |id| format!("/{id}"));
            let below = path.strip_prefix(&tree.path(at)).unwrap_or("");
            return format!("{kind}{id}{below}");
        }
        here = tree.parent(at);
    }
    path
}

fn holds_source_text(tree: &Tree, node: NodeId) -> bool {
    tree.descend(node).any(|below| tree.name_text(below) == "url" && tree.text(below) == SOURCE_TEXT)
}

fn to_human(
    name: &str,
    document: &Document,
    fields: &[Field],
    counts: Counts,
    total: usize,
    console: &Console,
) -> String {
    let paint = console.out_paint;
    let unit = document.unit.name;
    let mut out = format!("{} is a document of {}\n\n", clean(name), paint.ink(Ink::Strong, unit));
    for field in fields {
        let (ink, word) = match field.fate {
            Fate::Carried => (Ink::Good, "carried"),
            Fate::Kept => (Ink::Note, "kept"),
            Fate::Ignored => (Ink::Faint, "ignored"),
            Fate::Unexplained => (Ink::Warning, "unexplained"),
        };
        let place = paint.ink(Ink::Faint, &format!("{}:{}", field.line, field.column));
        out.add(format_args!("{} {} {place}\n", paint.ink(ink, word), clean(&field.path)));
        let mut say =
            |label: &str, text: &str| out.add(format_args!("    {} {text}\n", paint.ink(Ink::Faint, label)));
        if let Some(value) = &field.value {
            say("value", value);
        }
        for target in &field.targets {
            say("->", &clean(target));
        }
        say("why", &why(field));
        if let Some(rule) = &field.rule {
            let text: String = rule.text.chars().take(RULE_CHARS_MAX).collect();
            say("rule", &format!("{unit}/unit.lens:{}: {text}", rule.line));
        }
    }
    let fine = counts.total() == total && counts.unexplained == 0;
    let Counts { carried, kept, ignored, unexplained } = counts;
    let ledger =
        format!("{total} = {carried} carried + {kept} kept + {ignored} ignored + {unexplained} unexplained");
    out.add(format_args!("\nledger: {}\n", paint.ink(if fine { Ink::Good } else { Ink::Warning }, &ledger)));
    out
}

fn why(field: &Field) -> String {
    let reason = field.rule.as_ref().map_or("", |rule| rule.reason.as_str());
    let found = field.findings.iter().filter_map(|id| codes::find(id));
    let found: Vec<String> = found.map(|code| format!("{}: {}", code.id, code.title)).collect();
    match field.fate {
        Fate::Carried if !found.is_empty() => format!("carried as the unit wrote it ({})", found.join("; ")),
        Fate::Carried if field.as_written => {
            "carried; the unit's own text stands beside the FHIR value".to_owned()
        }
        Fate::Carried if field.targets.is_empty() => {
            "a condition of the rule states it, so nothing of it is lost".to_owned()
        }
        Fate::Carried => "in the resources".to_owned(),
        Fate::Kept => "stays in the unit's own document, where `put` leaves it".to_owned(),
        Fate::Ignored => reason.to_owned(),
        Fate::Unexplained => "no rule speaks of it; it stays in the unit's own document".to_owned(),
    }
}
