//! Which versions of the documents an edited plan was given out from: its Provenance has their hashes.

use crate::diag::{Issue, Span, codes};
use crate::plan::SAUMA;
use crate::tree::{Name, NodeId, Tree};

/// What an edited plan tells of the documents it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// They are those that it was given out from.
    Same,
    /// They are not.
    Other,
    /// Something was withheld from it.
    Part,
    /// It does not say.
    Unsaid,
}

/// Holds the Provenance of an edited plan against that of the plan as it would be given out.
pub fn check(edited: &Tree, base: &Tree) -> Known {
    let withheld = |tree: &Tree| {
        of_kind(tree, "OperationOutcome").any(|resource| {
            tree.descend(resource)
                .any(|leaf| tree.name_text(leaf) == "code" && tree.text(leaf) == "suppressed")
        })
    };
    if withheld(edited) && !withheld(base) {
        return Known::Part;
    }
    let (said, known) = (hashes(edited), hashes(base));
    if said.is_empty() {
        Known::Unsaid
    } else if said == known {
        Known::Same
    } else {
        Known::Other
    }
}

/// The hashes of the documents that a plan was made from, each with the id of the Provenance that has it.
pub fn hashes(plan: &Tree) -> Vec<(String, String)> {
    let of = |resource| Some((plan.child_text(resource, "id")?.into_owned(), hash(plan, resource)?));
    let mut found: Vec<(String, String)> = of_kind(plan, "Provenance").filter_map(of).collect();
    found.sort();
    found
}

/// Whether an edit may go on.
///
/// # Errors
/// The edit may be of other versions: carried into these it could undo what somebody else has changed.
pub fn judge(known: Known, is_stated: bool) -> Result<(), Box<Issue>> {
    let fault = |code, message: &str| Err(Box::new(Issue::error(code, Span::default(), message)));
    match known {
        Known::Same => Ok(()),
        Known::Unsaid if is_stated => Ok(()),
        Known::Other => fault(codes::STALE_VIEW, "the documents have changed since the plan was given out"),
        Known::Part => fault(codes::PART_OF_VIEW, "something was withheld from the edited plan"),
        Known::Unsaid => {
            let issue = Issue::error(
                codes::STALE_VIEW,
                Span::default(),
                "the edit does not say which versions it is of",
            );
            Err(Box::new(
                issue.with_help("give them with --base, or say with --current that they have not changed"),
            ))
        }
    }
}

fn of_kind<'a>(tree: &'a Tree, kind: &'a str) -> impl Iterator<Item = NodeId> + use<'a> {
    let resources = tree.children_named(NodeId::ROOT, Name::ENTRY);
    let resources = resources.filter_map(|entry| tree.child(entry, Name::RESOURCE));
    resources.filter(move |resource| tree.resource_type(*resource).as_deref() == Some(kind))
}

fn hash(tree: &Tree, provenance: NodeId) -> Option<String> {
    let url = format!("{SAUMA}StructureDefinition/document-hash");
    let mut nodes = tree.descend(provenance);
    let extension = nodes.find(|node| tree.child_text(*node, "url").is_some_and(|said| said == url))?;
    Some(tree.child_text(extension, "valueString")?.into_owned())
}

/// A resource of a Bundle by type and id, as a tree of its own.
pub fn resource(bundle: &Tree, wanted: &str) -> Option<Tree> {
    let (kind, id) = wanted.split_once('/')?;
    let found = of_kind(bundle, kind).find(|node| bundle.child_text(*node, "id").as_deref() == Some(id))?;
    Some(bundle.clone_below(found))
}
