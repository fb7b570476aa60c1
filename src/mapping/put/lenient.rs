//! What a lenient run does where a document has no place for what is wanted: it leaves it out, and never says
//! something else instead.

use super::{Manner, Run};
use crate::mapping::get::Got;
use crate::mapping::program::{Leaf, Relation, Root, Settled, first, meets};
use crate::tree::{NodeId, Tree};

impl crate::mapping::Program {
    /// As [`crate::mapping::Program::create`], leaving out what the document has no place for.
    pub(in crate::mapping) fn start_lenient(&self, root: &Root, resources: &Tree) -> Tree {
        self.start(root, resources).lenient(root)
    }

    /// As [`crate::mapping::Program::put`], leaving out what the document has no place for.
    pub(in crate::mapping) fn put_lenient(
        &self,
        root: &Root,
        source: Tree,
        got: &Got,
        resources: &Tree,
    ) -> Tree {
        Run::new(self, source, Some(got), resources).lenient(root)
    }
}

impl Run<'_> {
    /// Writes what a document of this kind is known by.
    pub(super) fn mark(&mut self, root: &Root) {
        for condition in &root.source_conditions {
            if !meets(&self.source, NodeId::ROOT, std::slice::from_ref(condition)) {
                self.write_condition(NodeId::ROOT, condition);
            }
        }
    }

    fn lenient(mut self, root: &Root) -> Tree {
        self.manner = Manner::Lenient;
        self.root(root);
        // A rule that had nothing for such an element took it away.
        self.mark(root);
        self.source
    }

    /// False where a relation would put a code under another code system than its own: a code means something
    /// only in its system (FHIR R4, Coding). A run that is not lenient finds that out at its end and refuses.
    pub(super) fn has_place(&self, relation: &Relation, new: NodeId) -> bool {
        let fits = |settled: &Settled| {
            let Settled::Constant { path, text, .. } = settled else { return true };
            let Some((last, above)) = path.steps.split_last() else { return true };
            if path.slot != relation.target_slot || self.program.names.text(last.name) != "system" {
                return true;
            }
            first(self.changed, new, above).is_none_or(|coding| {
                self.changed.child(coding, last.name).is_some_and(|node| self.changed.text(node) == **text)
            })
        };
        self.manner != Manner::Lenient || relation.block.settled.iter().all(|(_, settled)| fits(settled))
    }

    /// Writes of a value that the unit has no word for what it has a word for: of a point in time its day.
    pub(super) fn nearest(&mut self, leaf: &Leaf, node: Option<NodeId>, text: Option<&str>) -> bool {
        let day = text.and_then(|text| text.split_once('T')).map(|(day, _)| day);
        let Some(written) = day.and_then(|day| leaf.backward(Some(day), None)) else {
            if let Some(node) = node {
                self.remove_leaf(node, &leaf.source);
            }
            return false;
        };
        if let Some(target) = node.or_else(|| self.ensure(&leaf.source)) {
            self.write(target, &written, leaf.source_kind);
        }
        true
    }
}
