//! Bundles: full urls, and that all of a document or message hangs together.

use super::Walk;
use super::primitive::has_scheme;
use super::reference::{Rest, Target};
use super::report::Fault;
use crate::diag::{Severity, codes, message};
use crate::tree::{Kind, Name, NodeId};
use std::collections::{HashMap, HashSet};

/// What a Bundle is for, as far as rules differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Document,
    Message,
    /// What is sent to a server to be done, and its answer.
    Interaction,
    Other,
}

impl Use {
    fn named(text: &str) -> Self {
        match text {
            "document" => Self::Document,
            "message" => Self::Message,
            "transaction" | "transaction-response" | "batch" | "batch-response" => Self::Interaction,
            _ => Self::Other,
        }
    }
}

/// The elements of a Composition whose targets a document must hold (FHIR R4, "Documents", 3.3.1).
const OF_COMPOSITION: &[&str] =
    &["subject", "encounter", "author", "party", "custodian", "detail", "entry", "focus"];

impl Walk<'_, '_> {
    /// Checks what holds for a Bundle as a whole.
    pub(super) fn bundle(&mut self, id: NodeId) {
        let tree = self.tree;
        let kind = Use::named(&tree.child_text(id, "type").unwrap_or_default());
        let entries: Vec<NodeId> =
            tree.children_named(id, Name::ENTRY).filter(|entry| tree.kind(*entry) == Kind::Object).collect();
        for entry in &entries {
            self.full_url(*entry, kind);
        }
        if matches!(kind, Use::Document | Use::Message) {
            self.hangs_together(id, &entries, kind);
        }
    }

    fn full_url(&mut self, entry: NodeId, kind: Use) {
        let tree = self.tree;
        let Some(resource) = tree.child(entry, Name::RESOURCE) else { return };
        let Some(node) = tree.child(entry, Name::FULL_URL) else {
            // What a server says about a search is no resource that it holds.
            let is_outcome = tree.resource_type(resource).is_some_and(|name| name == "OperationOutcome");
            if kind != Use::Interaction && !is_outcome {
                let message = message!(
                    "every entry has a fullUrl that says who its resource is; only transactions and batches do without"
                );
                self.tell(Fault::error(codes::FULL_URL, entry, message));
            }
            return;
        };
        let url = tree.text(node);
        if !url.is_empty() && !has_scheme(&url) {
            let message = message!("a fullUrl is absolute");
            self.tell(Fault::error(codes::FULL_URL, node, message).value(&*url));
            return;
        }
        let id = tree.child_text(resource, "id");
        let Some(rest) = Rest::read(&url, self.validator.schema()) else {
            // An url of another form says who the resource is by its end, too.
            let is_url = url.starts_with("http://") || url.starts_with("https://");
            if is_url && id.is_some_and(|id| url.rsplit('/').next() != Some(&*id)) {
                self.other_id(entry);
            }
            return;
        };
        if rest.kind != tree.resource_type(resource).unwrap_or_default() {
            let message = message!("the fullUrl is that of another type of resource");
            self.tell(Fault::error(codes::FULL_URL, entry, message));
            return;
        }
        match id {
            Some(id) if id == rest.id => {}
            Some(_) => self.other_id(entry),
            None if kind == Use::Interaction => {}
            None => {
                let message =
                    message!("the fullUrl is that of a resource on a server, but the resource has no id");
                self.tell(Fault::error(codes::FULL_URL, entry, message));
            }
        }
    }

    fn other_id(&mut self, entry: NodeId) {
        let message = message!("the fullUrl ends with another id than that of the resource");
        self.tell(Fault::error(codes::FULL_URL, entry, message));
    }

    /// Every entry is reached from the first by references, in either direction.
    fn hangs_together(&mut self, id: NodeId, entries: &[NodeId], kind: Use) {
        let tree = self.tree;
        let resources: Vec<NodeId> =
            entries.iter().filter_map(|entry| tree.child(*entry, Name::RESOURCE)).collect();
        let Some(first) = resources.first().copied() else { return };
        let outer = self.scope.clone();
        let mut links: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for resource in &resources {
            self.scope.root = *resource;
            self.scope.bundle = Some(id);
            for (reference, target) in self.references_of(*resource) {
                if let Some(node) = target.node() {
                    links.entry(*resource).or_default().push(node);
                    links.entry(node).or_default().push(*resource);
                } else if *resource == first && kind == Use::Document {
                    self.composition_target(reference, &target);
                }
            }
        }
        self.scope = outer;
        let mut reached = HashSet::from([first]);
        let mut open = vec![first];
        while let Some(here) = open.pop() {
            let next = links.get(&here).into_iter().flatten();
            open.extend(next.copied().filter(|node| reached.insert(*node)));
        }
        for resource in resources.iter().filter(|resource| !reached.contains(resource)) {
            let entry = tree.parent(*resource).unwrap_or(*resource);
            let severity = if kind == Use::Document { Severity::Error } else { Severity::Warning };
            let message = message!("no chain of references leads from the first entry to this one");
            self.tell(Fault::new(codes::UNREACHABLE, severity, entry, message));
        }
    }

    /// What the Composition refers to directly is part of the document.
    fn composition_target(&mut self, reference: NodeId, target: &Target) {
        let tree = self.tree;
        let holder = tree.parent(reference).unwrap_or(reference);
        let is_demanded = OF_COMPOSITION.contains(&tree.name_text(holder));
        if is_demanded && *target != Target::Nothing {
            let message = message!("the document does not hold what its Composition refers to");
            self.tell(Fault::error(codes::REFERENCE_TARGET, holder, message));
        }
    }

    /// The literal references below a resource, and where they lead. Narratives link too.
    fn references_of(&mut self, resource: NodeId) -> Vec<(NodeId, Target)> {
        let tree = self.tree;
        let texts = tree.descend(resource).filter(|node| {
            let is_text = tree.kind(*node) == Kind::Str;
            is_text
                && (tree.name(*node) == Name::REFERENCE
                    || tree.name_text(*node).ends_with("Uri")
                    || tree.name_text(*node).ends_with("Url"))
        });
        let texts: Vec<NodeId> = texts.collect();
        let found = texts.into_iter().map(|node| (node, self.resolve(&tree.text(node))));
        found
            .filter(|(node, target)| tree.name(*node) == Name::REFERENCE || target.node().is_some())
            .collect()
    }
}
