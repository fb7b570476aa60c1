//! Clients whom a unit's document names and its lens does not carry.

use super::document::Document;
use crate::diag::{Issue, codes};
use crate::tree::{NodeId, Tree};
use std::collections::BTreeSet;

impl Document {
    /// A warning at each further client of the document. A lens carries one client and keeps the rest in the document,
    /// so the resources alone would not tell that the plan is not this client's only.
    ///
    /// A CDA document has a `recordTarget` for each patient (CDA R2, 4.2.2.11); one with an id of the first is the first
    /// patient again, as another organisation knows the person.
    pub fn further_clients(&self) -> Vec<Issue> {
        let tree = &self.tree;
        if tree.is_empty() || tree.name_text(NodeId::ROOT) != "ClinicalDocument" {
            return Vec::new();
        }
        let mut targets = named(tree, NodeId::ROOT, "recordTarget");
        let known = targets.next().map(|first| ids(tree, first)).unwrap_or_default();
        let further = targets.filter(|target| ids(tree, *target).is_disjoint(&known));
        let issue = |target: NodeId| {
            let message = "the document is about a further client, whose data stay in it";
            Issue::warning(codes::SEVERAL_CLIENTS, tree.head_span(target), message).at(tree.path(target))
        };
        further.map(issue).collect()
    }
}

fn named<'a>(tree: &'a Tree, node: NodeId, name: &str) -> impl Iterator<Item = NodeId> + use<'a> {
    let name = tree.names().get(name);
    tree.children(node).filter(move |child| Some(tree.name(*child)) == name)
}

/// The ids of a patient; one without a root, as with a `nullFlavor`, names nobody.
fn ids(tree: &Tree, target: NodeId) -> BTreeSet<(String, String)> {
    let Some(role) = tree.child_str(target, "patientRole") else { return BTreeSet::new() };
    let id = |node: NodeId| {
        let root = tree.child_text(node, "@root")?.into_owned();
        Some((root, tree.child_text(node, "@extension").unwrap_or_default().into_owned()))
    };
    named(tree, role, "id").filter_map(id).collect()
}
