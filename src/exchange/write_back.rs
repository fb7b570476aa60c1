//! An edit of the joined plan, carried into the bytes of the document it belongs to, with the proof that nothing else
//! in it changed.
//!
//! The proof does not rely on how the bytes were made. They are read again; what they say must be exactly the wanted
//! resources, and between the values that both texts have in one order every byte must be the same.

mod basis;
mod carry;
mod proof;
pub mod stale;

pub use basis::{Basis, Given};
pub use carry::{Carried, Edit, Outcome, carry, patched};
pub use proof::{Changed, Proof};

use super::document::{Document, read_resources};
use crate::diag::{Issue, Span, codes};
use crate::format::{Encoding, decode, encode};
use crate::mapping::Program;
use crate::mapping::units::schema;
use crate::plan::Contribution;
use crate::plan::split::SourceEdit;
use crate::tree::{Tree, fhir, patch};

/// A document that an edit may be carried into.
#[derive(Debug, Clone)]
pub enum Original {
    /// Of a unit system.
    Unit(Box<Document>, &'static Program),
    /// Plain FHIR resources.
    Fhir(Box<Resources>),
}

/// Plain FHIR resources as they were read.
#[derive(Debug, Clone)]
pub struct Resources {
    tree: Tree,
    encoding: Encoding,
    is_xml: bool,
}

/// A document with an edit in it.
#[derive(Debug, Clone)]
pub struct Written {
    /// The new bytes.
    pub bytes: Vec<u8>,
    /// What of the old ones changed, and how much did not.
    pub proof: Proof,
    /// What was left as it was and may no longer be right.
    pub left: Vec<Issue>,
}

impl Original {
    /// Plain FHIR resources. Their nodes have the numbers that [`read_resources`] gives them.
    ///
    /// # Errors
    /// The bytes are no FHIR resource.
    pub fn fhir(bytes: &[u8]) -> Result<Self, Box<Issue>> {
        let (text, encoding) = decode(bytes, None)?;
        let is_xml = text.trim_start_matches('\u{feff}').trim_start().starts_with('<');
        let names = schema().names();
        let tree =
            if is_xml { fhir::read_xml(&text, names, schema())? } else { fhir::read_json(&text, names)? };
        Ok(Self::Fhir(Box::new(Resources { tree, encoding, is_xml })))
    }

    /// True where the document is written as XML.
    pub fn is_xml(&self) -> bool {
        match self {
            Self::Unit(document, _) => {
                document.text().trim_start_matches('\u{feff}').trim_start().starts_with('<')
            }
            Self::Fhir(resources) => resources.is_xml,
        }
    }

    /// Carries an edit into the document. The contribution must be the one that was read from it.
    ///
    /// # Errors
    /// The document cannot hold the edit, or more than the edit would change; nothing is done then.
    pub fn write(&self, contribution: &Contribution, edit: &SourceEdit) -> Result<Written, Box<Issue>> {
        match self {
            Self::Unit(document, program) => write_unit(document, program, contribution, edit),
            Self::Fhir(resources) => write_fhir(resources, contribution, edit),
        }
    }
}

fn write_unit(
    document: &Document,
    program: &Program,
    contribution: &Contribution,
    edit: &SourceEdit,
) -> Result<Written, Box<Issue>> {
    let wanted = edit.resources(contribution);
    let edited = program.put(&document.tree, &wanted)?;
    let bytes = document.write(&edited)?;
    let again =
        Document::read(&bytes, Some(document.unit)).map_err(|_| fault("it would not be read again"))?;
    program.gives(&again.tree, &wanted)?;
    let proof = proof::prove(&document.tree, &again.tree).map_err(fault)?;
    Ok(Written { bytes, proof, left: program.narratives_left(&edited) })
}

fn write_fhir(
    resources: &Resources,
    contribution: &Contribution,
    edit: &SourceEdit,
) -> Result<Written, Box<Issue>> {
    let mut edited = resources.tree.clone();
    if !resources.is_xml {
        rank(&mut edited);
    }
    edit.apply(&mut edited, contribution);
    let syntax = if resources.is_xml { patch::Syntax::FhirXml } else { patch::Syntax::Json };
    let text = patch::write(&edited, syntax);
    let wanted = edit.resources(contribution);
    let again = read_resources(&text).map_err(|_| fault("it would not be read again"))?;
    if !fhir::equal(&again, &wanted, schema()) {
        return Err(fault("it would say something else than the edit"));
    }
    let proof = proof::prove(&resources.tree, &again).map_err(fault)?;
    Ok(Written { bytes: encode(&text, resources.encoding)?, proof, left: Vec::new() })
}

/// Gives the nodes the ranks of their definitions, and leaves them where they stand.
fn rank(tree: &mut Tree) {
    let mut sorted = tree.clone();
    fhir::sort(&mut sorted, schema());
    let nodes: Vec<_> = tree.descend(crate::tree::NodeId::ROOT).collect();
    for node in nodes {
        tree.set_order(node, sorted.order(node));
    }
}

fn fault(message: &str) -> Box<Issue> {
    Box::new(Issue::error(codes::PROOF_FAILED, Span::default(), message))
}
