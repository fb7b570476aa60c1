//! `sauma map trace`: where each value that a map made comes from, and which values of the document no rule read.

use super::console::{Add, Console, Stop, Verdict, clean};
use super::map_run::{MapArgs, Ready};
use super::mask::Mask;
use super::report::{self, Finding, Source};
use super::{files, map_log};
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
    /// The rule whose value stands there instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
}

#[derive(serde::Serialize)]
struct Trace {
    values: Vec<Step>,
    unread: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logs: Vec<map_log::Entry>,
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
    let tracer = Tracer::new(&ready, &tree);
    let values = output.targets.first().map_or_else(Vec::new, |target| tracer.steps(target, &output));
    let unread: Vec<String> = unread.into_iter().map(|issue| issue.path).collect();
    let logs = map_log::entries(&ready, &output, console);
    map_log::tell(&name, &logs, console);
    if console.is_json() {
        Console::print_json(&Trace { values, unread, logs, findings })?;
    } else {
        let mut lines = String::new();
        for step in &values {
            let from = step.source.as_deref().unwrap_or("-");
            let instead =
                step.replaced_by.as_ref().map(|by| format!("\treplaced by {by}")).unwrap_or_default();
            let Step { target, map, line, rule, .. } = step;
            lines.add(format_args!("{target}\t{from}\t{map}:{line} {rule}{instead}\n"));
        }
        Console::print(&lines)?;
        report::print(&findings, SHOWN, console);
    }
    Ok(Verdict::of(failed))
}

/// What is needed to say where values come from.
struct Tracer<'a> {
    ready: &'a Ready,
    indexes: Vec<LineIndex<'a>>,
    source: &'a Tree,
}

impl<'a> Tracer<'a> {
    fn new(ready: &'a Ready, source: &'a Tree) -> Self {
        let indexes = ready.loaded.iter().map(|one| LineIndex::new(&one.text)).collect();
        Self { ready, indexes, source }
    }

    /// Every value that was made, with its rule and where it was read; then those that gave way to others.
    fn steps(&self, target: &Tree, output: &Output) -> Vec<Step> {
        let leaves = target
            .descend(NodeId::ROOT)
            .filter(|id| target.kind(*id).is_leaf() && target.kind(*id) != Kind::Null);
        let stand = leaves.filter_map(|id| {
            let rule = output.origins.rule(id)?;
            self.step(&target.path(id), rule, output.origins.source(id))
        });
        let gave_way = output.replaced.iter().filter_map(|one| {
            let step = self.step(&one.path, one.rule, one.source)?;
            let (map, line, rule) = self.rule(one.by)?;
            Some(Step { replaced_by: Some(format!("{map}:{line} {rule}")), ..step })
        });
        stand.chain(gave_way).collect()
    }

    fn step(&self, target: &str, rule: usize, source: Option<NodeId>) -> Option<Step> {
        let (map, line, rule) = self.rule(rule)?;
        Some(Step {
            target: clean(target),
            rule,
            map,
            line,
            source: source.map(|node| clean(&self.source.path(node))),
            span: source.map(|node| self.source.span(node)),
            replaced_by: None,
        })
    }

    /// The file, line and name of a rule.
    fn rule(&self, number: usize) -> Option<(String, u32, String)> {
        let rule = self.ready.program.rule(number)?;
        let line = self.indexes.get(rule.map)?.place(rule.span.start).line;
        let name = clean(format!("{} {}", rule.group, rule.name).trim_end());
        Some((clean(&self.ready.loaded.get(rule.map)?.file), line, name))
    }
}

/// What no rule read for a value.
fn unread(tree: &Tree, output: &Output) -> Vec<Issue> {
    let ledger = output.ledger(tree);
    let lost = output.lost();
    let open = ledger.entries.iter().filter(|entry| entry.fate == Fate::Unexplained);
    // What was read and then replaced has a finding of its own.
    let open = open.filter(|entry| !lost.contains(&entry.node));
    open.map(|entry| {
        let message = "no rule of the map reads this for a value";
        Issue::new(codes::FML_UNREAD, Severity::Information, tree.span(entry.node), message)
            .at(tree.path(entry.node))
    })
    .collect()
}
