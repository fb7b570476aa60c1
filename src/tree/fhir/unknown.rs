//! What the definitions do not have: names that may stand, and how the user learns of them.

use super::{
    Flags, Form, Issue, Kind, Name, NodeId, Shape, Tree, TypeId, child_type, codes, element_of, known_name,
    refuse, resource_type_id, xml,
};
use crate::diag::nearest;

/// Places of one document that are told one by one; a path takes a walk over the siblings.
const TOLD_MAX: usize = 100;

/// Warnings about the elements, attributes and resource types that the definitions do not have, in the order of
/// the document. They are kept, so without a word a misspelt name would be silent.
///
/// What stands inside an unknown element has no warning of its own.
pub fn unknown_elements(tree: &Tree, shape: &dyn Shape) -> Vec<Issue> {
    let mut found = found(tree, shape);
    found.sort_by_key(|unknown| tree.head_span(unknown.id));
    let rest = found.len().saturating_sub(TOLD_MAX);
    let mut issues: Vec<Issue> =
        found.iter().take(TOLD_MAX).map(|unknown| warning(tree, unknown, shape)).collect();
    if let Some(first) = found.get(TOLD_MAX) {
        let message = format!("here and further on are {rest} more that FHIR does not have");
        issues.push(Issue::warning(codes::NOT_IN_FHIR, tree.head_span(first.id), message));
    }
    issues
}

/// A node that the definitions do not have, and the type it stands in.
struct Unknown {
    id: NodeId,
    ty: Option<TypeId>,
    /// It names the type of a resource.
    is_type: bool,
}

fn found(tree: &Tree, shape: &dyn Shape) -> Vec<Unknown> {
    let mut found = Vec::new();
    let mut open = vec![(NodeId::ROOT, None, true)];
    while let Some((id, ty, is_resource)) = open.pop() {
        let ty = if is_resource { resource_type_id(tree, id, shape) } else { ty };
        let leaf = if is_resource { tree.child(id, Name::RESOURCE_TYPE) } else { None };
        if let Some(leaf) = leaf.filter(|leaf| shape.type_named(&tree.text(*leaf)).is_none()) {
            found.push(Unknown { id: leaf, ty: None, is_type: true });
            continue;
        }
        let primitive = tree.kind(id).is_leaf();
        for child in tree.children(id).filter(|child| Some(*child) != leaf) {
            if matches!(tree.kind(child), Kind::Comment | Kind::Pi) {
                continue;
            }
            match element_of(shape, ty, tree.name_text(child), primitive) {
                None => found.push(Unknown { id: child, ty, is_type: false }),
                // A list in a list has no element of its own to judge.
                Some(_) if tree.kind(child) == Kind::Array => {}
                Some(element) => {
                    let below = child_type(tree, child, Some(element), shape);
                    open.push((child, below, element.form == Form::Resource));
                }
            }
        }
    }
    found
}

fn warning(tree: &Tree, unknown: &Unknown, shape: &dyn Shape) -> Issue {
    let (id, ty) = (unknown.id, unknown.ty);
    let name = tree.name_text(id);
    let told = |name: &str| known_name(tree, name).unwrap_or_else(|| "of this name".to_owned());
    let (message, help) = match name.strip_prefix('@') {
        _ if unknown.is_type => ("FHIR R4 has no resource of this type".to_owned(), None),
        Some(plain) => {
            let is_element = element_of(shape, ty, plain, false).is_some();
            let help = is_element.then(|| format!("FHIR writes `{plain}` as an element"));
            (format!("there is no attribute {} here", told(plain)), help)
        }
        None => (format!("there is no element {} here", told(name)), meant(tree, name, ty, shape)),
    };
    let issue = Issue::warning(codes::NOT_IN_FHIR, tree.head_span(id), message)
        .at(tree.known_path(id))
        .with_value(name);
    help.into_iter().fold(issue, Issue::with_help)
}

/// The refusal of an element that its type does not have and that cannot be kept.
pub(super) fn refused(tree: &Tree, id: NodeId, ty: Option<TypeId>, shape: &dyn Shape) -> Box<Issue> {
    let name = tree.name_text(id);
    let told = known_name(tree, name).unwrap_or_else(|| "of this name".to_owned());
    let issue = refuse(tree, id, format!("there is no element {told} here"));
    match meant(tree, name, ty, shape) {
        Some(help) => Box::new(issue.with_help(help)),
        None => issue,
    }
}

/// Advice that names the element of the type that was perhaps meant.
fn meant(tree: &Tree, name: &str, ty: Option<TypeId>, shape: &dyn Shape) -> Option<String> {
    let ty = ty?;
    let known = tree.names().shared().iter().filter(|known| shape.element(ty, known).is_some());
    nearest(name, known).map(|meant| format!("did you mean `{meant}`?"))
}

/// True for a name that an unknown element may have in XML and in JSON alike. A member with `_` belongs to a
/// primitive, and `resourceType` is the name of an element in XML (FHIR R4, 2.6.1 and 2.6.2).
pub(super) fn may_name_element(name: &str) -> bool {
    may_name_attribute(name) && !(name.len() > 1 && name.starts_with('_')) && name != "resourceType"
}

/// True for a name without a namespace, as an unknown attribute may have it.
pub(super) fn may_name_attribute(name: &str) -> bool {
    xml::is_name(name) && !name.contains(':') && name != "xmlns"
}

/// True for the name that a resource may have in XML, whether its type is known or not.
pub(super) fn may_name_resource(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_uppercase()) && may_name_attribute(name)
}

/// True for the attributes of XML that say nothing of the resource: namespaces and hints about schemas.
pub(super) fn is_declaration(name: &str) -> bool {
    name == "@xmlns" || name.starts_with("@xmlns:") || name.starts_with("@xsi:")
}

/// True for an id that can be an attribute: one text with nothing below it.
pub(super) fn is_plain_text(tree: &Tree, id: NodeId) -> bool {
    tree.kind(id) == Kind::Str && !tree.flags(id).has(Flags::LIST) && tree.first_child(id).is_none()
}
