//! Edits of one contribution, by node of its tree, and the resources with them.

use crate::diag::Redacted;
use crate::mapping::units::schema;
use crate::plan::Contribution;
use crate::plan::LOCAL;
use crate::plan::read::{reference, text};
use crate::tree::fhir::{self, Shape, TypeId};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::HashMap;

/// One edit of a contribution.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The resource of the joined plan that was edited: `Goal/0123…`.
    pub target: String,
    /// The element in it.
    pub path: String,
    /// Which of the new content of the edit it carries.
    pub new: Option<usize>,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    /// A leaf gets another value, or none.
    Set { node: NodeId, value: Option<Value> },
    /// An element goes, or a resource with its entry.
    Remove { node: NodeId },
    /// An element comes.
    Insert { parent: NodeId, behind: Option<NodeId>, content: Content },
    /// A resource comes, under the url that the editor gave its entry.
    InsertResource { content: Content, url: Option<String> },
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Kind, Redacted<String>),
    /// A reference to a resource of the contribution, whatever it is called there.
    Refers(NodeId),
}

/// An element or resource that is new.
#[derive(Debug, Clone)]
pub(super) struct Content {
    pub(super) tree: Tree,
    pub(super) list: bool,
    /// What it was added to in the edited resources.
    pub(super) below: Option<NodeId>,
    /// Leaves of it that refer to resources of the contribution.
    pub(super) refers: Vec<(NodeId, NodeId)>,
}

impl Content {
    /// The content with its references as the contribution writes them.
    fn written(&self, contribution: &Contribution) -> Tree {
        let mut tree = self.tree.clone();
        for (leaf, resource) in &self.refers {
            if let Some(said) = reference_to(contribution, *resource) {
                tree.set_text(*leaf, &said);
            }
        }
        tree
    }
}

/// Carries operations into a tree that holds a contribution's resources under the contribution's node numbers: its own
/// Bundle, or the document that was read into it. Elements stand where FHIR has them.
pub(super) fn apply(tree: &mut Tree, contribution: &Contribution, operations: &[Operation]) {
    // Items that come behind one item keep their order.
    let mut last: HashMap<(NodeId, Option<NodeId>, Name), NodeId> = HashMap::new();
    for operation in operations {
        match &operation.action {
            Action::Set { node, value } => set(tree, contribution, *node, value.as_ref()),
            Action::Remove { node } => {
                let entry = tree.parent(*node).filter(|_| tree.name(*node) == Name::RESOURCE);
                tree.remove(entry.unwrap_or(*node));
            }
            Action::Insert { parent, behind, content } => {
                let content_tree = content.written(contribution);
                let name = tree.name_of(&content_tree, content_tree.name(NodeId::ROOT));
                let place = (*parent, *behind, name);
                let behind = last.get(&place).copied().or(*behind);
                let node = insert(tree, *parent, behind, &content_tree, content.list);
                last.insert(place, node);
            }
            Action::InsertResource { content, url } => {
                insert_resource(tree, &content.written(contribution), url.as_deref());
            }
        }
    }
}

fn set(tree: &mut Tree, contribution: &Contribution, node: NodeId, value: Option<&Value>) {
    match value {
        Some(Value::Text(kind, text)) => {
            tree.change_kind(node, *kind);
            tree.set_text(node, text.reveal());
        }
        Some(Value::Refers(resource)) => {
            if let Some(said) = reference_to(contribution, *resource) {
                tree.set_text(node, &said);
            }
        }
        None if tree.first_child(node).is_none() => tree.remove(node),
        None => {
            tree.change_kind(node, Kind::Null);
            tree.set_text(node, "");
        }
    }
}

fn insert(tree: &mut Tree, parent: NodeId, behind: Option<NodeId>, content: &Tree, list: bool) -> NodeId {
    let name = tree.name_of(content, content.name(NodeId::ROOT));
    let flags = if list { Flags::LIST } else { Flags::default() };
    let order = order_of(tree, parent, name);
    let siblings = || tree.children_named(parent, name).last();
    let is_sibling = |node: &NodeId| tree.parent(*node) == Some(parent) && tree.name(*node) == name;
    let before = behind.filter(is_sibling).or_else(siblings);
    let kind = content.kind(NodeId::ROOT);
    let node = match before {
        Some(before) => tree.insert_after(parent, Some(before), name, kind, flags, order),
        None => tree.insert(parent, name, kind, flags, order),
    };
    tree.fill_from(node, content, NodeId::ROOT);
    node
}

/// Adds an entry with a resource at the end of a Bundle.
pub(super) fn insert_resource(tree: &mut Tree, content: &Tree, url: Option<&str>) {
    let last = tree.children_named(NodeId::ROOT, Name::ENTRY).last();
    let entry = match last {
        Some(last) => {
            let order = tree.order(last);
            tree.insert_after(NodeId::ROOT, Some(last), Name::ENTRY, Kind::Object, Flags::LIST, order)
        }
        None => tree.insert(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST, u16::MAX),
    };
    let leaf = tree.insert(entry, Name::FULL_URL, Kind::Str, Flags::default(), 1);
    let kind = content.resource_type(NodeId::ROOT).unwrap_or_default();
    let id = text(content, NodeId::ROOT, &["id"]).unwrap_or_default();
    tree.set_text(leaf, url.unwrap_or(&format!("{LOCAL}{kind}/{id}")));
    let resource = tree.insert(entry, Name::RESOURCE, Kind::Object, Flags::default(), 2);
    tree.fill_from(resource, content, NodeId::ROOT);
}

/// The rank of an element among its siblings, by the definition of what holds it.
fn order_of(tree: &Tree, parent: NodeId, name: Name) -> u16 {
    let element = type_of(tree, parent).and_then(|ty| schema().element(ty, tree.names().text(name)));
    element.map_or(u16::MAX, |element| element.order)
}

/// True for the name of one of the forms that a value may have: `startDate` of `start[x]`.
pub(super) fn is_form_of_choice(tree: &Tree, parent: NodeId, name: &str) -> bool {
    let found = type_of(tree, parent).and_then(|ty| schema().find(ty, name));
    found.is_some_and(|found| found.element.is_choice())
}

/// The value of an element in another of its forms.
pub(super) fn other_form(tree: &Tree, parent: NodeId, name: &str) -> Option<NodeId> {
    let ty = type_of(tree, parent)?;
    let own = schema().find(ty, name).filter(|found| found.element.is_choice())?.element.order;
    let is_other = |child: &NodeId| {
        let other = tree.name_text(*child);
        other != name && schema().find(ty, other).is_some_and(|found| found.element.order == own)
    };
    tree.children(parent).find(is_other)
}

fn type_of(tree: &Tree, node: NodeId) -> Option<TypeId> {
    if let Some(kind) = tree.resource_type(node) {
        return schema().type_named(&kind);
    }
    let above = type_of(tree, tree.parent(node)?)?;
    schema().element(above, tree.name_text(node)).map(|element| element.ty)
}

/// What a contribution calls one of its resources in references: as it does elsewhere, or by its id.
pub(super) fn reference_to(contribution: &Contribution, resource: NodeId) -> Option<String> {
    let tree = &contribution.bundle;
    let number = contribution.number(resource)?;
    let id = text(tree, resource, &["id"]);
    if contribution.resources.get(number as usize)?.container.is_some() {
        return id.map(|id| format!("#{id}"));
    }
    let holders = tree.descend(NodeId::ROOT).filter_map(|node| reference(tree, node));
    let mut said = holders.filter(|said| !said.starts_with('#'));
    if let Some(said) = said.find(|said| contribution.resolve(0, said) == Some(number)) {
        return Some(said.into_owned());
    }
    let url = tree.parent(resource).and_then(|entry| tree.child(entry, Name::FULL_URL));
    match (url.map(|url| tree.text(url)), id) {
        (Some(url), _) if url.starts_with("urn:") => Some(url.into_owned()),
        (_, Some(id)) => Some(format!("{}/{id}", tree.resource_type(resource)?)),
        (url, None) => url.map(std::borrow::Cow::into_owned),
    }
}

/// The contribution's resources with the operations, in the order of FHIR's definitions.
pub(super) fn resources_with(contribution: &Contribution, operations: &[Operation]) -> Tree {
    let mut tree = (*contribution.bundle).clone();
    apply(&mut tree, contribution, operations);
    fhir::sort(&mut tree, schema());
    tree
}
