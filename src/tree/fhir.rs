//! FHIR's two forms of one resource, JSON and XML, as equal trees.
//!
//! What the definitions do not have is kept: an element under its name, an XML attribute under `@name`. Without a
//! definition XML cannot tell a number from a text or a list of one from a single element, so the writer of XML
//! refuses what would come back as something else. [`unknown_elements`] says what was kept in this way.

use super::json::{self, Layout};
use super::xml::{self, FHIR_URI};
use super::{Flags, Kind, Name, NameTable, NodeId, Tree};
use crate::diag::{Issue, codes};
use std::collections::HashMap;
use std::sync::Arc;

mod join;
mod read;
mod unknown;
mod write;

pub use read::{FAULTS_MAX, read_xml, read_xml_with_faults};
pub use unknown::unknown_elements;
pub use write::{write_json, write_xml};

/// The number of a type in the definitions: a resource type, a data type, or the type of one backbone element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// How the value of an element is written in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// An object: a data type or a backbone element.
    Object,
    /// A string: most primitives.
    Str,
    /// A number: integer, positiveInt, unsignedInt, decimal.
    Number,
    /// `true` or `false`.
    Bool,
    /// The narrative `div`.
    Xhtml,
    /// A whole resource, whose type stands in the data.
    Resource,
}

/// What the readers and writers need to know of one element, under the name it has in data (`valueString`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// Its type; for [`Form::Resource`] the type `Resource`.
    pub ty: TypeId,
    /// May repeat, so JSON writes an array.
    pub list: bool,
    /// Rank among its siblings, from 1.
    pub order: u16,
    /// Form of its value.
    pub form: Form,
    /// Written as an XML attribute (`Element.id`, `Extension.url`).
    pub attribute: bool,
}

/// The definitions as the readers and writers see them.
pub trait Shape {
    /// The type of a name, `CarePlan` or `HumanName`.
    fn type_named(&self, name: &str) -> Option<TypeId>;
    /// The element of a type by its name in data.
    fn element(&self, ty: TypeId, name: &str) -> Option<Element>;
}

type Outcome<T> = Result<T, Box<Issue>>;

/// The type that every resource with narrative and extensions is one of.
const ANY_RESOURCE: &str = "DomainResource";

/// Reads one resource from JSON; the content of each `_name` is joined to the primitive it belongs to.
///
/// # Errors
/// As for [`json::read`], and where the text is not of the form that FHIR gives to JSON.
pub fn read_json(text: &str, names: &Arc<NameTable>) -> Result<Tree, Box<Issue>> {
    let mut tree = json::read(text, names)?;
    let root = NodeId::ROOT;
    let kind = tree.child(root, Name::RESOURCE_TYPE).map(|child| tree.kind(child));
    if tree.kind(root) != Kind::Object || kind != Some(Kind::Str) {
        return Err(refuse(&tree, root, "a resource is an object with a `resourceType`"));
    }
    join::join(&mut tree)?;
    Ok(tree)
}

/// Brings the children of every element into the order of the definitions, without counting it as an edit.
///
/// An element that the definitions do not know stays behind the one it stood behind.
pub fn sort(tree: &mut Tree, shape: &dyn Shape) {
    let mut open = vec![(NodeId::ROOT, resource_type_id(tree, NodeId::ROOT, shape))];
    while let Some((id, ty)) = open.pop() {
        let ranked = ranked_children(tree, id, ty, shape);
        let children: Vec<NodeId> = ranked.iter().map(|(_, child, _)| *child).collect();
        tree.set_children(id, &children);
        for (rank, child, element) in ranked {
            tree.set_order(child, rank);
            open.push((child, child_type(tree, child, element, shape)));
        }
    }
}

/// True where two resources hold the same, whatever the order of elements with different names.
pub fn equal(a: &Tree, b: &Tree, shape: &dyn Shape) -> bool {
    let ty = resource_type_id(a, NodeId::ROOT, shape);
    equal_at(a, NodeId::ROOT, b, NodeId::ROOT, ty, shape)
}

fn equal_at(a: &Tree, a_id: NodeId, b: &Tree, b_id: NodeId, ty: Option<TypeId>, shape: &dyn Shape) -> bool {
    let sorted = |tree: &Tree, id: NodeId| {
        let silent = |child: &NodeId| matches!(tree.kind(*child), Kind::Comment | Kind::Pi);
        let mut children: Vec<NodeId> = tree.children(id).filter(|child| !silent(child)).collect();
        children.sort_by(|l, r| tree.name_text(*l).cmp(tree.name_text(*r)));
        children
    };
    let (left, right) = (sorted(a, a_id), sorted(b, b_id));
    left.len() == right.len()
        && left.iter().zip(&right).all(|(l, r)| {
            let (name, l, r) = (a.name_text(*l), *l, *r);
            let element = ty.and_then(|ty| shape.element(ty, name));
            // A narrative that nobody told to be one is a string all the same.
            let markup = element.is_some_and(|element| element.form == Form::Xhtml)
                || (a.kind(l) == Kind::Xhtml && b.kind(r) == Kind::Xhtml);
            let kinds = a.kind(l) == b.kind(r) || (markup && a.kind(l).is_leaf() && b.kind(r).is_leaf());
            let texts = !a.kind(l).is_leaf()
                || a.text(l) == b.text(r)
                || (markup && line_ends(&a.text(l)) == line_ends(&b.text(r)));
            let below = child_type(a, l, element, shape);
            name == b.name_text(r) && kinds && texts && equal_at(a, l, b, r, below, shape)
        })
}

/// A narrative as a parser of XML sees it, for which every line end is one character (XML 1.0, 2.11).
fn line_ends(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The type of a resource, by what it says of itself. One that the definitions do not have is a resource all the
/// same, with the id, text and extensions that all of them have.
fn resource_type_id(tree: &Tree, id: NodeId, shape: &dyn Shape) -> Option<TypeId> {
    tree.resource_type(id).and_then(|name| shape.type_named(&name).or_else(|| shape.type_named(ANY_RESOURCE)))
}

/// The type of what stands in an element; without a definition it is what it says of itself, if anything.
fn child_type(tree: &Tree, id: NodeId, element: Option<Element>, shape: &dyn Shape) -> Option<TypeId> {
    match element {
        Some(element) if element.form != Form::Resource => Some(element.ty),
        Some(_) | None => resource_type_id(tree, id, shape),
    }
}

/// An element of a type. Its id and extensions are known of an element of which nothing else is, and of a
/// primitive whose own type is mute.
fn element_of(shape: &dyn Shape, ty: Option<TypeId>, name: &str, primitive: bool) -> Option<Element> {
    let own = ty.and_then(|ty| shape.element(ty, name));
    if own.is_some() || (ty.is_some() && !primitive) {
        return own;
    }
    let holder = match name {
        "id" | "extension" => "Element",
        "modifierExtension" if !primitive => "BackboneElement",
        _ => return None,
    };
    shape.type_named(holder).and_then(|holder| shape.element(holder, name))
}

/// The children with their ranks, in the order of the definitions.
fn ranked_children(
    tree: &Tree,
    id: NodeId,
    ty: Option<TypeId>,
    shape: &dyn Shape,
) -> Vec<(u16, NodeId, Option<Element>)> {
    let primitive = tree.kind(id).is_leaf();
    let mut before = 0;
    let mut ranked: Vec<(u16, NodeId, Option<Element>)> = Vec::new();
    for child in tree.children(id) {
        let name = tree.name(child);
        let element = if name == Name::RESOURCE_TYPE {
            before = 0;
            None
        } else {
            element_of(shape, ty, tree.names().text(name), primitive)
        };
        before = element.map_or(before, |element| element.order);
        ranked.push((before, child, element));
    }
    ranked.sort_by_key(|(rank, _, _)| *rank);
    ranked
}

/// The name of an element or attribute for people, where it is one that the definitions have.
fn known_name(tree: &Tree, name: &str) -> Option<String> {
    tree.names().shared().get(name).map(|_| format!("`{name}`"))
}

fn refuse(tree: &Tree, id: NodeId, message: impl Into<String>) -> Box<Issue> {
    Box::new(Issue::error(codes::FHIR_SHAPE, tree.head_span(id), message).at(tree.known_path(id)))
}

#[cfg(test)]
mod tests;
