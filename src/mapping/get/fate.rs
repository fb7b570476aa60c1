//! What becomes of each source leaf, for the ledger.

use super::Run;
use crate::mapping::program::Mark;
use crate::mapping::program::{Condition, Fate, Path, all, any};
use crate::tree::{Kind, NodeId};

impl Run<'_> {
    pub(super) fn mark(&mut self, mark: &Mark, rule: usize) {
        if !self.with_ledger {
            return;
        }
        let Some(start) = self.sources[mark.path.slot] else { return };
        if mark.path.steps.is_empty() && mark.below {
            self.set_below(start, mark.fate, rule);
            return;
        }
        let mut found = std::mem::take(&mut self.stack);
        let base = found.len();
        all(self.source, start, &mark.path.steps, &mut found);
        for node in &found[base..] {
            if mark.below {
                self.set_below(*node, mark.fate, rule);
            } else {
                self.set_fate(*node, mark.fate, rule);
            }
        }
        found.truncate(base);
        self.stack = found;
    }

    pub(super) fn set_below(&mut self, node: NodeId, fate: Fate, rule: usize) {
        let here = &mut self.below[node.index()];
        if here.0 < fate {
            *here = (fate, crate::tree::to_u32(rule));
        }
    }

    pub(super) fn set_fate(&mut self, node: NodeId, fate: Fate, rule: usize) {
        let Some(here) = self.fates.get_mut(node.index()) else { return };
        if here.0 < fate {
            *here = (fate, crate::tree::to_u32(rule));
        }
    }

    /// Marks a leaf as carried, and with it the constants that the conditions on its way state.
    pub(super) fn mark_carried(&mut self, path: &Path, node: NodeId, rule: usize) {
        self.set_carried(node, rule);
        if path.steps.iter().any(|step| !step.conditions.is_empty()) {
            self.mark_way(path, node, rule);
        }
    }

    /// A leaf that is an element with attributes gives its text alone.
    fn set_carried(&mut self, node: NodeId, rule: usize) {
        let source = self.source;
        let leaf = match source.kind(node) {
            Kind::Object => source.children(node).find(|child| source.kind(*child) == Kind::Text),
            _ => Some(node),
        };
        if let Some(leaf) = leaf {
            self.set_fate(leaf, Fate::Carried, rule);
        }
    }

    /// Marks what the conditions of the steps that lead to `node` compare.
    pub(super) fn mark_way(&mut self, path: &Path, node: NodeId, rule: usize) {
        if !self.with_ledger {
            return;
        }
        let mut here = Some(node);
        for step in path.steps.iter().rev() {
            let Some(at) = here else { return };
            self.mark_conditions(at, &step.conditions, rule);
            here = self.source.parent(at);
        }
    }

    pub(super) fn mark_conditions(&mut self, node: NodeId, conditions: &[Condition], rule: usize) {
        for condition in conditions {
            if let Condition::Equals(steps, text) = condition {
                let mut found = None;
                any(self.source, node, steps, &mut |here| {
                    let equal = self.source.text(here) == **text;
                    if equal {
                        found = Some(here);
                    }
                    equal
                });
                if let Some(found) = found {
                    self.set_carried(found, rule);
                }
            }
        }
    }
}
