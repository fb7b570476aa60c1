//! A document as a subcommand takes it: bytes in, resources and findings out.

pub(super) use crate::exchange::intake::{FHIR, From, Input, persons};

use super::console::{Console, Stop};
use super::mask::Mask;
use super::report::{Finding, Source, findings};
use crate::diag::{Issue, LineIndex, Span, codes};
use crate::exchange::document::Document;
use crate::exchange::intake::{self, Refused};
use crate::mapping::units::{Unit, schema};
use crate::mapping::{Counts, Format, Ledger, Program};
use crate::tree::json::Layout;
use crate::tree::{NodeId, Tree, fhir};
use std::collections::HashMap;
use std::path::Path;

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

/// Reads a document.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(
    bytes: &[u8],
    from: From,
    origin: Origin<'_>,
    console: &Console,
) -> Result<Input, Vec<Finding>> {
    Input::read(bytes, from).map_err(|refused| match refused {
        Refused::Lens(unit, issues) => {
            issues.iter().map(|issue| Finding::bare(unit.name, issue, console)).collect()
        }
        Refused::Document(unread) => {
            let text = if unread.text.is_empty() { lossy(bytes) } else { unread.text };
            findings(origin.source(&text, Mask::guess(&text)), &[*unread.issue], console)
        }
    })
}

/// The resources in a document, with everything that is to be said about it.
///
/// # Errors
/// The lens cannot read it.
pub(super) fn content(input: Input, origin: Origin<'_>, console: &Console) -> Result<Content, Vec<Finding>> {
    let unit = input.unit();
    let (document, program) = match input {
        Input::Fhir(tree) => {
            let findings = of_resources(&tree, origin, console);
            let names_further_clients = false;
            return Ok(Content { unit, resources: *tree, counts: None, findings, names_further_clients });
        }
        Input::Unit(document, program) => (document, program),
    };
    let source = origin.source(document.text(), mask_of(document.unit, document.text()));
    let read =
        intake::content_of(&document, program).map_err(|issue| findings(source, &[*issue], console))?;
    let mut found = findings(source, &read.issues, console);
    if let Some(ledger) = &read.ledger {
        name_rules(&document, program, ledger, &read.issues, &mut found);
    }
    Ok(Content {
        unit,
        findings: found,
        counts: read.ledger.map(|ledger| ledger.counts()),
        names_further_clients: read.names_further_clients,
        resources: read.resources,
    })
}

/// What plain resources hold that FHIR does not have, and what is to be said of the people in them.
pub(super) fn of_resources(tree: &Tree, origin: Origin<'_>, console: &Console) -> Vec<Finding> {
    let text = tree.source();
    findings(origin.source(text, Mask::guess(text)), &intake::issues_of(tree), console)
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
        Format::Er7 => Mask::Er7,
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
    Ok(read(&bytes, from, Origin::file(&name), console))
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

/// Bytes that are no text, so that the place of the first bad one can be shown. All before it keep their offsets.
fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
