//! `sauma map trace`: where each value that a map made comes from, and which values of the document no rule read.

use super::console::{Add, Console, Stop, Verdict, clean};
use super::files;
use super::map_run::{MapArgs, Ready};
use super::mask::Mask;
use super::report::{self, Finding, Source};
use crate::diag::{Issue, LineIndex, Severity, Span, codes};
use crate::mapping::Fate;
use crate::mapping::fml::Output;
use crate::tree::{Kind, NodeId, Tree};
use std::path::PathBuf;

/// Findings that people are shown.
const SHOWN: usize = 20;

/// What `map trace` takes.
#[derive(Debug, clap::Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    map: MapArgs,
    /// The document
    #[arg(value_name = "INPUT")]
    input: PathBuf,
}

/// Where one value comes from.
#[derive(serde::Serialize)]
struct Step {
    target: String,
    rule: String,
    map: String,
    line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    /// Bytes of the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    span: Option<Span>,
}

#[derive(serde::Serialize)]
struct Trace {
    values: Vec<Step>,
    unread: Vec<String>,
    findings: Vec<Finding>,
}

pub(super) fn run(args: &TraceArgs, console: &Console) -> Result<Verdict, Stop> {
    let ready = match Ready::new(&args.map, console)? {
        Ok(ready) => ready,
        Err(findings) => {
            report::print(&findings, SHOWN, console);
            return Ok(Verdict::Findings);
        }
    };
    let (bytes, name) = (files::read(&args.input)?, args.input.to_string_lossy());
    let (tree, text) = match ready.read(&bytes, &name, 0, 0, console) {
        Ok(read) => read,
        Err(findings) => {
            report::print(&findings, SHOWN, console);
            return Ok(Verdict::Findings);
        }
    };
    let output = ready.program.run(&[&tree], ready.settings(&bytes, true)).map_err(Stop::Issue)?;
    let mut findings = ready.findings(&output, &name, console);
    let failed = findings.iter().any(Finding::is_error);
    let unread = unread(&tree, &output);
    let source = Source { file: &name, text: &text, mask: Mask::guess(&text), lines_before: 0 };
    findings.extend(report::findings(source, &unread, console));
    let values = output.targets.first().map_or_else(Vec::new, |target| steps(&ready, &tree, target, &output));
    let unread: Vec<String> = unread.into_iter().map(|issue| issue.path).collect();
    if console.is_json() {
        Console::print_json(&Trace { values, unread, findings })?;
    } else {
        let mut lines = String::new();
        for step in &values {
            let from = step.source.as_deref().unwrap_or("-");
            lines.add(format_args!("{}\t{from}\t{}:{} {}\n", step.target, step.map, step.line, step.rule));
        }
        Console::print(&lines)?;
        report::print(&findings, SHOWN, console);
    }
    Ok(Verdict::of(failed))
}

/// Every value that was made, with its rule and where it was read.
fn steps(ready: &Ready, tree: &Tree, target: &Tree, output: &Output) -> Vec<Step> {
    let indexes: Vec<LineIndex<'_>> = ready.loaded.iter().map(|one| LineIndex::new(&one.text)).collect();
    let leaves = target
        .descend(NodeId::ROOT)
        .filter(|id| target.kind(*id).is_leaf() && target.kind(*id) != Kind::Null);
    leaves
        .filter_map(|id| {
            let rule = ready.program.rule(output.origins.rule(id)?)?;
            let map = ready.loaded.get(rule.map)?;
            Some(Step {
                target: clean(&target.path(id)),
                rule: clean(format!("{} {}", rule.group, rule.name).trim_end()),
                map: clean(&map.file),
                line: indexes.get(rule.map)?.place(rule.span.start).line,
                source: output.origins.source(id).map(|node| clean(&tree.path(node))),
                span: output.origins.source(id).map(|node| tree.span(node)),
            })
        })
        .collect()
}

/// What no rule read for a value.
fn unread(tree: &Tree, output: &Output) -> Vec<Issue> {
    let ledger = output.ledger(tree);
    let open = ledger.entries.iter().filter(|entry| entry.fate == Fate::Unexplained);
    open.map(|entry| {
        let message = "no rule of the map reads this for a value";
        Issue::new(codes::FML_UNREAD, Severity::Information, tree.span(entry.node), message)
            .at(tree.path(entry.node))
    })
    .collect()
}
