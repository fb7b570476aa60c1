//! What a document holds beyond its resources survives a `put`.

use super::{Checked, Law};
use crate::mapping::Format;
use crate::mapping::facts::list_names;
use crate::mapping::get::Got;
use crate::mapping::program::{Fate, Program};
use crate::tree::{NodeId, Tree};
use std::collections::HashSet;

impl Program {
    /// Complement: every leaf that no rule carries is in the edited document as it was, unless the item of a list that
    /// it stood in was removed.
    pub(super) fn check_complement(&self, source: &Tree, got: &Got, edited: &Tree) -> Checked<()> {
        // In FHIR documents all is carried; what several elements restate they say anew.
        if self.format == Format::Fhir {
            return Ok(());
        }
        let lists = list_names(self);
        let stays: HashSet<NodeId> = edited.descend(NodeId::ROOT).collect();
        for entry in self.ledger(source, got).entries {
            if entry.fate == Fate::Carried {
                continue;
            }
            let above = std::iter::successors(Some(entry.node), |node| source.parent(*node));
            let mut gone = above.take_while(|node| !stays.contains(node)).peekable();
            let is_lost = gone.peek().is_some() && !gone.any(|node| lists.contains(&source.name(node)));
            if is_lost || (stays.contains(&entry.node) && edited.text(entry.node) != source.text(entry.node))
            {
                let message = "no rule carries it, and a change of the resources takes it away";
                return Err(self.broken(Law::Complement, entry.rule, source.path(entry.node), message));
            }
        }
        Ok(())
    }
}
