//! References of a Bundle and the resources they point at.

use crate::tree::{Name, NameTable, NodeId, Tree};
use std::collections::HashSet;

/// `Type/id` of every resource in a tree.
pub(super) fn ids_in(tree: &Tree) -> HashSet<String> {
    tree.descend(NodeId::ROOT)
        .filter_map(|node| {
            let kind = tree.resource_type(node)?;
            let id = tree.child(node, Name::ID)?;
            Some(format!("{kind}/{}", tree.text(id)))
        })
        .collect()
}

/// The resource that a reference written at `from` points at: contained, by `Type/id`, or by `fullUrl`
/// (FHIR R4, Bundle, resolving references).
pub(super) fn resolve(tree: &Tree, from: NodeId, reference: &str) -> Option<NodeId> {
    if let Some(id) = reference.strip_prefix('#') {
        return contained(tree, from, id);
    }
    Links::of(tree).find(tree, from, reference)
}

fn contained(tree: &Tree, from: NodeId, id: &str) -> Option<NodeId> {
    let mut above = Some(from);
    while let Some(node) = above {
        let mut contained = tree.children_named(node, Name::CONTAINED);
        if let Some(found) =
            contained.find(|child| tree.child(*child, Name::ID).is_some_and(|at| tree.text(at) == id))
        {
            return Some(found);
        }
        above = tree.parent(node);
    }
    None
}

/// What the references of one Bundle can point at, looked up many times.
#[derive(Debug)]
pub(super) struct Links {
    known: NameTable,
    resources: Vec<NodeId>,
}

impl Links {
    /// The resources of a Bundle by `fullUrl` and by `Type/id`. The first of a name counts.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut links = Self { known: NameTable::new(), resources: Vec::new() };
        links.resources.resize(links.known.len(), NodeId::ROOT);
        let mut local = String::new();
        for entry in tree.children_named(NodeId::ROOT, Name::ENTRY) {
            let Some(resource) = tree.child(entry, Name::RESOURCE) else { continue };
            if let Some(url) = tree.child(entry, Name::FULL_URL) {
                links.add(&tree.text(url), resource);
            }
            if let (Some(kind), Some(id)) = (tree.resource_type(resource), tree.child(resource, Name::ID)) {
                local.clear();
                local.push_str(&kind);
                local.push('/');
                local.push_str(&tree.text(id));
                links.add(&local, resource);
            }
        }
        links
    }

    fn add(&mut self, reference: &str, resource: NodeId) {
        self.known.intern(reference);
        if self.resources.len() < self.known.len() {
            self.resources.push(resource);
        }
    }

    /// The resource of an entry that is called exactly so, by `fullUrl` or by `Type/id`.
    pub(super) fn exact(&self, reference: &str) -> Option<NodeId> {
        let resource = *self.resources.get(self.known.get(reference)?.number())?;
        (resource != NodeId::ROOT).then_some(resource)
    }

    /// The resource that a reference written at `from` points at.
    pub(super) fn find(&self, tree: &Tree, from: NodeId, reference: &str) -> Option<NodeId> {
        if let Some(id) = reference.strip_prefix('#') {
            return contained(tree, from, id);
        }
        let by = |reference: &str| self.exact(reference);
        // An absolute reference may name a resource that the Bundle holds under its type and id alone.
        by(reference).or_else(|| {
            let (rest, _) = reference.rsplit_once('/')?;
            let at = rest.rfind('/')? + 1;
            by(&reference[at..])
        })
    }
}
