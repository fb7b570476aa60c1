//! A document taken in: bytes to resources, with everything that is to be said of them.

use super::document::{Document, Unread, read_resources};
use super::write_back::Original;
use crate::diag::{Issue, codes};
use crate::format::decode;
use crate::mapping::units::{Unit, schema};
use crate::mapping::{Got, Ledger, Program};
use crate::plan::identity::is_hetu_system;
use crate::plan::{Contribution, hetu_issue, several_clients};
use crate::schema::sha256;
use crate::tree::{NodeId, Tree, fhir};

/// The word that stands for plain FHIR resources beside the names of unit systems.
pub const FHIR: &str = "fhir";

/// What a document is taken for.
#[derive(Debug, Clone, Copy)]
pub enum From {
    /// Whatever recognises it.
    Any,
    /// A unit system.
    Unit(&'static Unit),
    /// Plain FHIR resources.
    Fhir,
}

impl From {
    /// From the name of a unit system, or [`FHIR`].
    ///
    /// # Errors
    /// There is no unit system of this name.
    pub fn named(name: Option<&str>) -> Result<Self, Box<Issue>> {
        match name {
            None => Ok(Self::Any),
            Some(FHIR) => Ok(Self::Fhir),
            Some(name) => Unit::find(name).map(Self::Unit),
        }
    }
}

/// A document that was read.
#[derive(Debug)]
pub enum Input {
    /// Of a unit system.
    Unit(Box<Document>, &'static Program),
    /// Plain FHIR resources.
    Fhir(Box<Tree>),
}

/// Why a document was not read.
#[derive(Debug)]
pub enum Refused {
    /// The lens of its unit system has faults, which a released one never has.
    Lens(&'static Unit, Vec<Issue>),
    /// What is wrong with it, and its text as far as it was decoded.
    Document(Box<Unread>),
}

/// What stands in a document.
#[derive(Debug)]
pub struct Content {
    /// The Bundle.
    pub resources: Tree,
    /// What became of its leaves; plain resources have no ledger.
    pub ledger: Option<Ledger>,
    /// What was found, in the order of the document.
    pub issues: Vec<Issue>,
    /// The document names clients whom the resources do not hold.
    pub names_further_clients: bool,
}

impl Input {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(bytes: &[u8], from: From) -> Result<Self, Refused> {
        let unit = match from {
            From::Fhir => return Self::read_fhir(bytes),
            From::Unit(unit) => Some(unit),
            From::Any => None,
        };
        match Document::read(bytes, unit) {
            Ok(document) => match document.unit.program() {
                Ok(program) => Ok(Self::Unit(Box::new(document), program)),
                Err(issues) => Err(Refused::Lens(document.unit, issues.to_vec())),
            },
            Err(unread) => {
                // Resources that no unit system claims are still resources.
                let is_fhir = unit.is_none()
                    && unread.issue.code == codes::FORMAT_UNKNOWN
                    && looks_like_fhir(&unread.text);
                if is_fhir { Self::read_fhir(bytes) } else { Err(Refused::Document(unread)) }
            }
        }
    }

    fn read_fhir(bytes: &[u8]) -> Result<Self, Refused> {
        let fail = |text: &str, issue| Refused::Document(Box::new(Unread { issue, text: text.to_owned() }));
        let (text, _) = decode(bytes, None).map_err(|issue| fail("", issue))?;
        match read_resources(&text) {
            Ok(tree) => Ok(Self::Fhir(Box::new(tree))),
            Err(issue) => Err(fail(&text, issue)),
        }
    }

    /// The name of the unit system, or [`FHIR`].
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Unit(document, _) => document.unit.name,
            Self::Fhir(_) => FHIR,
        }
    }

    /// The resources in the document, without what is to be said about it.
    ///
    /// # Errors
    /// The lens cannot read it.
    pub fn resources(self) -> Result<Tree, Box<Issue>> {
        match self {
            Self::Unit(document, program) => Ok(program.get(&document.tree)?.target),
            Self::Fhir(tree) => Ok(*tree),
        }
    }

    /// The resources in the document, with everything that is to be said about it.
    ///
    /// # Errors
    /// The lens cannot read it.
    pub fn content(self) -> Result<Content, Box<Issue>> {
        match self {
            Self::Unit(document, program) => content_of(&document, program),
            Self::Fhir(tree) => Ok(Content {
                issues: issues_of(&tree),
                resources: *tree,
                ledger: None,
                names_further_clients: false,
            }),
        }
    }
}

/// A document that an edit may be carried into, and what it contributes.
#[derive(Debug)]
pub struct Taken {
    /// The document.
    pub original: Original,
    /// What it contributes.
    pub contribution: Contribution,
    /// What became of its leaves.
    pub ledger: Option<Ledger>,
    /// What was found.
    pub issues: Vec<Issue>,
}

/// Takes in a document under a name that the caller gives it.
///
/// # Errors
/// What is wrong with it.
pub fn take(label: &str, bytes: &[u8], from: From) -> Result<Taken, Refused> {
    take_telling(Telling::All, label, bytes, from)
}

/// The same where nobody is told what is to be said of the document: without findings and ledger.
///
/// # Errors
/// What is wrong with it.
pub fn take_silently(label: &str, bytes: &[u8], from: From) -> Result<Taken, Refused> {
    take_telling(Telling::Nothing, label, bytes, from)
}

/// How much is to be said of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Telling {
    All,
    Nothing,
}

fn take_telling(telling: Telling, label: &str, bytes: &[u8], from: From) -> Result<Taken, Refused> {
    let input = Input::read(bytes, from)?;
    let unit = input.unit();
    let fail = |issue| {
        let text = decode(bytes, None).map(|(text, _)| text).unwrap_or_default();
        Refused::Document(Box::new(Unread { issue, text }))
    };
    let (original, content) = match input {
        Input::Unit(document, program) => {
            let content = match telling {
                Telling::All => content_of(&document, program),
                Telling::Nothing => silent_content_of(&document, program),
            };
            (Original::Unit(document, program), content.map_err(fail)?)
        }
        Input::Fhir(tree) => {
            let issues = if telling == Telling::All { issues_of(&tree) } else { Vec::new() };
            let content = Content { resources: *tree, ledger: None, issues, names_further_clients: false };
            (Original::fhir(bytes).map_err(fail)?, content)
        }
    };
    let made = contribution((label, unit), content.resources, content.names_further_clients, bytes);
    Ok(Taken { contribution: made, original, ledger: content.ledger, issues: content.issues })
}

/// The document of an input as one that an edit may be carried into.
///
/// # Errors
/// The bytes are no FHIR resource, where the input is one.
pub fn original_of(input: &Input, bytes: &[u8]) -> Result<Original, Box<Issue>> {
    match input {
        Input::Unit(document, program) => Ok(Original::Unit(document.clone(), program)),
        Input::Fhir(_) => Original::fhir(bytes),
    }
}

/// What a document contributes. By its hash an edited plan is known to be of this version of it.
pub fn contribution(
    (label, unit): (&str, &str),
    resources: Tree,
    names_further_clients: bool,
    bytes: &[u8],
) -> Contribution {
    let mut contribution = Contribution::new(label, unit, resources);
    contribution.names_further_clients = names_further_clients;
    contribution.document_hash = Some(sha256::hex(bytes));
    contribution
}

/// What a unit's document holds.
///
/// # Errors
/// The lens cannot read it.
pub fn content_of(document: &Document, program: &Program) -> Result<Content, Box<Issue>> {
    let got = program.get(&document.tree)?;
    let ledger = program.ledger(&document.tree, &got);
    let mut issues = program.unexplained(&document.tree, &ledger);
    issues.extend(document.remarks());
    issues.extend(persons(document, &got));
    let further = !document.further_clients().is_empty();
    issues.extend(got.issues);
    issues.sort_by_key(|issue| issue.span);
    Ok(Content { resources: got.target, ledger: Some(ledger), issues, names_further_clients: further })
}

/// What a unit's document holds, with nothing said of it.
fn silent_content_of(document: &Document, program: &Program) -> Result<Content, Box<Issue>> {
    let resources = program.get(&document.tree)?.target;
    let names_further_clients = !document.further_clients().is_empty();
    Ok(Content { resources, ledger: None, issues: Vec::new(), names_further_clients })
}

/// What plain resources hold that FHIR does not have, and what is to be said of the people in them.
pub fn issues_of(tree: &Tree) -> Vec<Issue> {
    let mut issues = fhir::unknown_elements(tree, schema());
    let located = |(node, issue)| Issue { span: tree.span(node), path: tree.path(node), ..issue };
    issues.extend(of_persons(tree).map(located));
    issues.sort_by_key(|issue| issue.span);
    issues
}

/// What is to be said of the people in a document, at their places in it.
pub fn persons(document: &Document, got: &Got) -> Vec<Issue> {
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

fn looks_like_fhir(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let head: String = start.chars().take(400).collect();
    (start.starts_with('{') && text.contains("\"resourceType\""))
        || (start.starts_with('<') && head.contains("http://hl7.org/fhir"))
}
