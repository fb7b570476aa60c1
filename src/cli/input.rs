//! A document as a subcommand takes it: bytes in, resources and findings out.

use super::console::{Console, Stop};
use super::mask::Mask;
use super::report::{Finding, Source, findings};
use crate::diag::{Issue, LineIndex, Span, codes};
use crate::exchange::document::{Document, read_resources};
use crate::format::decode;
use crate::mapping::units::{Unit, schema};
use crate::mapping::{Counts, Format, Got, Ledger, Program};
use crate::plan::identity::is_hetu_system;
use crate::plan::{hetu_issue, several_clients};
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir};
use std::collections::HashMap;
use std::path::Path;

/// The word that stands for plain FHIR resources beside the names of unit systems.
pub(super) const FHIR: &str = "fhir";

/// What a document is taken for.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// Whatever recognises it.
    Any,
    /// A unit system.
    Unit(&'static Unit),
    /// Plain FHIR resources.
    Fhir,
}

impl From {
    /// From the name that `--from` gives.
    ///
    /// # Errors
    /// There is no unit system of this name.
    pub(super) fn named(name: Option<&str>) -> Result<Self, Stop> {
        match name {
            None => Ok(Self::Any),
            Some(FHIR) => Ok(Self::Fhir),
            Some(name) => Unit::find(name).map(Self::Unit).map_err(Stop::Issue),
        }
    }
}

/// The compiled lens of a unit system.
///
/// # Errors
/// The lens has faults, which a released one never has.
pub(super) fn program(unit: &'static Unit) -> Result<&'static Program, Stop> {
    unit.program().map_err(|issues| {
        let unknown = || Issue::error(codes::LENS_SYNTAX, Span::default(), "the lens does not compile");
        Stop::Issue(Box::new(issues.first().cloned().unwrap_or_else(unknown)))
    })
}

/// A document that was read.
#[derive(Debug)]
pub(super) enum Input {
    /// Of a unit system.
    Unit(Box<Document>, &'static Program),
    /// Plain FHIR resources.
    Fhir(Box<Tree>),
}

/// What stands in a document.
#[derive(Debug)]
pub(super) struct Content {
    /// The name of the unit system, or `fhir`.
    pub(super) unit: &'static str,
    /// The Bundle.
    pub(super) resources: Tree,
    /// What became of its leaves; plain resources have no ledger.
    pub(super) counts: Option<Counts>,
    /// What was found.
    pub(super) findings: Vec<Finding>,
    /// The document names clients whom the resources do not hold.
    pub(super) names_further_clients: bool,
}

/// Where a document comes from, for its findings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// The file as the user named it.
    pub(super) file: &'a str,
    /// Lines of the file before the document.
    pub(super) lines_before: u32,
}

impl<'a> Origin<'a> {
    /// A whole file.
    pub(super) const fn file(file: &'a str) -> Self {
        Self { file, lines_before: 0 }
    }

    fn source(self, text: &'a str, mask: Mask) -> Source<'a> {
        Source { file: self.file, text, mask, lines_before: self.lines_before }
    }
}

impl Input {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(
        bytes: &[u8],
        from: From,
        origin: Origin<'_>,
        console: &Console,
    ) -> Result<Self, Vec<Finding>> {
        let unit = match from {
            From::Fhir => return Self::read_fhir(bytes, origin, console),
            From::Unit(unit) => Some(unit),
            From::Any => None,
        };
        match Document::read(bytes, unit) {
            Ok(document) => match document.unit.program() {
                Ok(program) => Ok(Self::Unit(Box::new(document), program)),
                Err(issues) => Err(issues
                    .iter()
                    .map(|issue| Finding::bare(document.unit.name, issue, console))
                    .collect()),
            },
            Err(unread) => {
                // Resources that no unit system claims are still resources.
                let is_fhir = unit.is_none()
                    && unread.issue.code == codes::FORMAT_UNKNOWN
                    && looks_like_fhir(&unread.text);
                if is_fhir {
                    return Self::read_fhir(bytes, origin, console);
                }
                let text = if unread.text.is_empty() { lossy(bytes) } else { unread.text };
                Err(findings(origin.source(&text, Mask::guess(&text)), &[*unread.issue], console))
            }
        }
    }

    fn read_fhir(bytes: &[u8], origin: Origin<'_>, console: &Console) -> Result<Self, Vec<Finding>> {
        let fail =
            |text: &str, issue: Issue| findings(origin.source(text, Mask::guess(text)), &[issue], console);
        let (text, _) = decode(bytes, None).map_err(|issue| fail(&lossy(bytes), *issue))?;
        match read_resources(&text) {
            Ok(tree) => Ok(Self::Fhir(Box::new(tree))),
            Err(issue) => Err(fail(&text, *issue)),
        }
    }

    /// The resources in the document, with everything that is to be said about it.
    ///
    /// # Errors
    /// The lens cannot read it.
    pub(super) fn content(self, origin: Origin<'_>, console: &Console) -> Result<Content, Vec<Finding>> {
        let (document, program) = match self {
            Self::Fhir(tree) => {
                let findings = of_resources(&tree, origin, console);
                let names_further_clients = false;
                return Ok(Content {
                    unit: FHIR,
                    resources: *tree,
                    counts: None,
                    findings,
                    names_further_clients,
                });
            }
            Self::Unit(document, program) => (document, program),
        };
        let source = origin.source(document.text(), mask_of(document.unit, document.text()));
        let got = program.get(&document.tree).map_err(|issue| findings(source, &[*issue], console))?;
        let ledger = program.ledger(&document.tree, &got);
        let mut issues = program.unexplained(&document.tree, &ledger);
        issues.extend(document.remarks());
        issues.extend(persons(&document, &got));
        issues.extend(got.issues);
        issues.sort_by_key(|issue| issue.span);
        let mut found = findings(source, &issues, console);
        name_rules(&document, program, &ledger, &issues, &mut found);
        Ok(Content {
            unit: document.unit.name,
            findings: found,
            counts: Some(ledger.counts()),
            names_further_clients: !document.further_clients().is_empty(),
            resources: got.target,
        })
    }
}

/// What plain resources hold that FHIR does not have, and what is to be said of the people in them.
pub(super) fn of_resources(tree: &Tree, origin: Origin<'_>, console: &Console) -> Vec<Finding> {
    let text = tree.source();
    let mut issues = fhir::unknown_elements(tree, schema());
    let located = |(node, issue)| Issue { span: tree.span(node), path: tree.path(node), ..issue };
    issues.extend(of_persons(tree).map(located));
    issues.sort_by_key(|issue| issue.span);
    findings(origin.source(text, Mask::guess(text)), &issues, console)
}

/// What is to be said of the people in a document, at their places in it.
pub(super) fn persons(document: &Document, got: &Got) -> Vec<Issue> {
    let source = &document.tree;
    let located = |(node, issue): (NodeId, Issue)| match origin_of(source, got, node) {
        Some(node) => Issue { span: source.span(node), path: source.path(node), ..issue },
        None => issue,
    };
    let mut issues: Vec<Issue> = of_persons(&got.target).map(located).collect();
    issues.extend(document.further_clients());
    issues
}

/// Personal identity codes that are none, and plans of several clients in one document.
fn of_persons(resources: &Tree) -> impl Iterator<Item = (NodeId, Issue)> + use<'_> {
    let codes = resources.descend(NodeId::ROOT).filter_map(|node| {
        resources.child_text(node, "system").filter(|system| is_hetu_system(system))?;
        let value = resources.child_str(node, "value")?;
        Some((value, hetu_issue(&resources.text(value))?))
    });
    codes.chain(several_clients(resources))
}

/// The node of the document that a node of the resources comes from, also below what was carried whole.
fn origin_of(source: &Tree, got: &Got, target: NodeId) -> Option<NodeId> {
    let mut steps = Vec::new();
    let mut here = target;
    let from = loop {
        if let Some(from) = got.origins.source(here) {
            break from;
        }
        let parent = got.target.parent(here)?;
        let name = got.target.name(here);
        let at = got.target.children_named(parent, name).position(|child| child == here)?;
        steps.push((got.target.name_text(here).to_owned(), at));
        here = parent;
    };
    let step = |node: NodeId, (name, at): &(String, usize)| {
        let name = source.names().get(name)?;
        source.children_named(node, name).nth(*at)
    };
    steps.iter().rev().try_fold(from, step)
}

/// Names the rule of the lens that each finding about a value comes from: it says what was expected.
fn name_rules(
    document: &Document,
    program: &Program,
    ledger: &Ledger,
    issues: &[Issue],
    found: &mut [Finding],
) {
    if issues.iter().all(|issue| issue.code == codes::UNKNOWN_ELEMENT) {
        return;
    }
    let lens = LineIndex::new(document.unit.lens);
    let rules = ledger.entries.iter().filter_map(|entry| Some((document.tree.span(entry.node), entry.rule?)));
    let rules: HashMap<Span, usize> = rules.collect();
    for (finding, issue) in found.iter_mut().zip(issues) {
        let info = rules.get(&issue.span).and_then(|rule| program.rules().get(*rule));
        finding.rule = info.map(|info| {
            let line = lens.place(info.span.start).line;
            format!("{}/unit.lens:{line}: {}", document.unit.name, info.text)
        });
    }
}

/// The mask of a unit system's documents.
pub(super) fn mask_of(unit: &Unit, text: &str) -> Mask {
    match unit.format() {
        Format::Json | Format::Xml | Format::Fhir => Mask::guess(text),
        Format::Csv => Mask::Csv,
    }
}

/// Reads the one document of a file.
///
/// # Errors
/// The file cannot be read. What is wrong with its content comes as findings.
pub(super) fn read_file(
    path: &Path,
    from: From,
    console: &Console,
) -> Result<Result<Input, Vec<Finding>>, Stop> {
    let bytes = super::files::read(path)?;
    let name = path.to_string_lossy();
    Ok(Input::read(&bytes, from, Origin::file(&name), console))
}

/// FHIR resources as text.
///
/// # Errors
/// XML cannot hold them.
pub(super) fn fhir_text(resources: &Tree, as_xml: bool, layout: Layout) -> Result<String, Box<Issue>> {
    let mut out = String::new();
    if as_xml {
        fhir::write_xml(resources, NodeId::ROOT, schema(), layout, &mut out)?;
    } else {
        fhir::write_json(resources, NodeId::ROOT, Some(schema()), layout, &mut out);
    }
    out.push('\n');
    Ok(out)
}

fn looks_like_fhir(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let head: String = start.chars().take(400).collect();
    (start.starts_with('{') && text.contains("\"resourceType\""))
        || (start.starts_with('<') && head.contains("http://hl7.org/fhir"))
}

/// Bytes that are no text, so that the place of the first bad one can be shown. All before it keep their offsets.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
