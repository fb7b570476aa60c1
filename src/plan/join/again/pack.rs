//! Leaves out of the Bundle of the join before what nothing leads to any more, and says of what stays where it is.

use super::Memo;
use crate::plan::join::{Joined, lists};

/// How many times the nodes that it had when it was last packed the arena of a Bundle may hold.
const GROWTH_MAX: usize = 3;

impl Memo {
    /// Packs the Bundle of a join that left this behind, once too much of it is of no use.
    pub(super) fn pack(&mut self, before: &mut Joined) {
        if before.bundle.len() <= self.packed_nodes.saturating_mul(GROWTH_MAX) {
            return;
        }
        let packed = before.bundle.pack();
        self.packed_nodes = before.bundle.len();
        for element in &mut before.elements {
            element.node = packed.node(element.node);
        }
        let resources = self.resources.iter_mut().flatten().map(|written| &mut written.stretch);
        let sources = self.sources.values_mut().map(|written| &mut written.stretch);
        let findings = self.findings.iter_mut().flatten().map(|written| &mut written.stretch);
        let references = self.references.values_mut().map(|list| &mut list.stretch);
        for stretch in resources.chain(sources).chain(findings).chain(references) {
            *stretch = packed.stretch(stretch);
        }
        lists::pack(&mut self.lists, &packed);
    }
}
