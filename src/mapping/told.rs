//! What people must be told of an edit that was carried into a document.

use super::program::{Path, Program, all};
use crate::diag::{Issue, codes};
use crate::tree::{Flags, NodeId, Tree};

impl Program {
    /// Narratives beside which something was changed: they were kept, and may no longer say what stands there.
    pub fn narratives_left(&self, edited: &Tree) -> Vec<Issue> {
        let paths = self.roots.iter().flat_map(|root| &root.narratives);
        let mut issues: Vec<Issue> = Vec::new();
        for node in paths.flat_map(|path| narratives(edited, path)) {
            let Some(parent) = edited.parent(node).filter(|parent| is_changed(edited, *parent)) else {
                continue;
            };
            let name = edited.name_text(parent);
            let code = edited.child_str(parent, "code").and_then(|code| edited.child_text(code, "@code"));
            let which = code.map_or_else(|| name.to_owned(), |code| format!("{name}` with the code `{code}"));
            let message =
                format!("the text of the `{which}` was kept, and what stands beside it was changed");
            let issue =
                Issue::warning(codes::NARRATIVE_LEFT, edited.span(node), message).at(edited.path(node));
            if !issues.contains(&issue) {
                issues.push(issue);
            }
        }
        issues
    }
}

/// The narratives of a document that say anything.
fn narratives(tree: &Tree, path: &Path) -> Vec<NodeId> {
    let mut found = Vec::new();
    all(tree, NodeId::ROOT, &path.steps, &mut found);
    let speaks = |node: &NodeId| tree.descend(*node).any(|below| tree.has_text(below));
    found.retain(speaks);
    found
}

fn is_changed(tree: &Tree, node: NodeId) -> bool {
    let flags = tree.flags(node);
    !flags.has(Flags::NEW) && flags.any(Flags::CHILDREN_EDITED.with(Flags::EDITED_BELOW))
}
