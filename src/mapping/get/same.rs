//! A value that stands on every item of a list, as the client does on every row of a table.

use super::Run;
use crate::diag::{Issue, codes};
use crate::mapping::program::{Fate, Leaf, all, is_blank_text, meets};
use crate::mapping::value::tidy;
use crate::tree::NodeId;

impl Run<'_> {
    /// Carries what all items say. An item may be silent; where two say different things nobody knows which of them
    /// is meant, so the document is refused.
    pub(super) fn same_leaf(&mut self, leaf: &Leaf, rule: usize) -> bool {
        let Some(start) = self.sources[leaf.source.slot] else { return false };
        let mut found = Vec::new();
        if meets(self.source, start, &leaf.source.conditions) {
            all(self.source, start, &leaf.source.steps, &mut found);
        }
        let source = self.source;
        let text = |node: NodeId| tidy(&source.text(node), self.program.format).into_owned();
        let mut saying = found.iter().copied().filter(|node| !is_blank_text(&text(*node)));
        let first = saying.next();
        let others: Vec<NodeId> = saying.collect();
        if let Some(first) = first
            && let Some(other) = others.iter().find(|other| text(**other) != text(first))
        {
            self.refuse_difference(*other);
        }
        for silent in found.iter().filter(|node| Some(**node) != first && !others.contains(node)) {
            self.set_fate(*silent, Fate::Kept, rule);
        }
        let wrote = self.one_leaf(leaf, first.or_else(|| found.first().copied()), rule);
        let made = first.and_then(|first| self.origins.last_from(first));
        if let Some(made) = made.filter(|_| wrote) {
            for other in others {
                self.mark_carried(&leaf.source, other, rule);
                self.said_again.insert(other, (made, rule));
            }
        }
        wrote
    }

    fn refuse_difference(&mut self, node: NodeId) {
        if self.refused.is_some() {
            return;
        }
        let message = format!(
            "`{}` is another here than in the items before, and all should say the same",
            self.source.name_text(node)
        );
        let issue = Issue::error(codes::SAME_DIFFERS, self.source.span(node), message);
        let issue = issue.at(self.source.path(node)).with_value(&*self.source.text(node));
        self.refused = Some(Box::new(issue));
    }
}
