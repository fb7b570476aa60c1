//! What a requester may do to a contribution of which the policy may withhold something.
//!
//! The answers are made of the policy and of what is seen, never of what is withheld: an edit is refused where
//! something may be hidden, whether or not anything is.

use super::{Owner, is_item};
use crate::plan::policy::Sight;
use crate::plan::split::operation::is_form_of_choice;
use crate::plan::view::Right;
use crate::tree::{Name, NodeId, Tree};

/// Elements that say how a resource is kept; every view has them.
const STRUCTURE: &[&str] = &["resourceType", "id"];

impl Owner<'_> {
    fn sight(&self, contribution: usize) -> Option<&Sight> {
        match self.rights.get(contribution)? {
            Right::Part(sight) => Some(sight),
            Right::Propose | Right::Whole => None,
        }
    }

    /// True where the view shows a text otherwise than the document has it.
    pub(super) fn is_masked(&self, contribution: usize, node: NodeId) -> bool {
        let whole = self.whole.and_then(|whole| whole.get(contribution));
        let seen = &self.given.contributions[contribution].bundle;
        whole.is_some_and(|whole| {
            whole.bundle.kind(node).is_leaf() && whole.bundle.text(node) != seen.text(node)
        })
    }

    /// True where taking an element away can take nothing that is withheld: a value.
    pub(super) fn admits_removal(&self, contribution: usize, node: NodeId) -> bool {
        let tree = &self.given.contributions[contribution].bundle;
        self.sight(contribution).is_none() || tree.kind(node).is_leaf()
    }

    /// True where a new element can stand beside whatever is withheld, and shows nothing that its editor may not see:
    /// an item of a list, or a value of which there is one form.
    pub(super) fn admits_element(&self, contribution: usize, parent: NodeId, after: NodeId) -> bool {
        let Some(sight) = self.sight(contribution) else { return true };
        let tree = &self.given.contributions[contribution].bundle;
        let name = self.edited.name_text(after);
        let is_value = self.edited.kind(after).is_leaf() && !is_form_of_choice(tree, parent, name);
        let mut place = path_of(tree, parent);
        place.push(part(self.edited, after));
        (is_value || is_item(self.edited, after)) && shows(sight, self.edited, after, &mut place)
    }

    /// True where a new item of a list of the plan or the team, or a new resource, shows nothing that its editor may
    /// not see.
    pub(super) fn admits_new(&self, contribution: usize, above: &[&str], after: NodeId) -> bool {
        let Some(sight) = self.sight(contribution) else { return true };
        let mut place: Vec<String> = above.iter().map(|part| (*part).to_owned()).collect();
        shows(sight, self.edited, after, &mut place)
    }
}

/// True where all at and below a place is shown. Nothing is deeper than trees may be.
fn shows(sight: &Sight, tree: &Tree, node: NodeId, place: &mut Vec<String>) -> bool {
    let parts: Vec<&str> = place.iter().map(String::as_str).collect();
    let is_structure = matches!(parts.as_slice(), [_, last] if STRUCTURE.contains(last));
    if tree.kind(node).is_leaf() && !is_structure && !sight.shows(&parts) {
        return false;
    }
    tree.children(node).all(|child| {
        place.push(part(tree, child));
        let shown = shows(sight, tree, child, place);
        place.pop();
        shown
    })
}

/// The kind of the resource of a node, and the elements down to it, as policies name them.
fn path_of(tree: &Tree, node: NodeId) -> Vec<String> {
    let mut path = Vec::new();
    let mut here = node;
    loop {
        if let Some(kind) = tree.resource_type(here) {
            path.push(kind.into_owned());
            break;
        }
        path.push(part(tree, here));
        let Some(above) = tree.parent(here) else { break };
        here = above;
    }
    path.reverse();
    path
}

/// The part of a path that a node is; of an extension with the last word of its url.
fn part(tree: &Tree, node: NodeId) -> String {
    let word = tree.name_text(node).to_owned();
    let url = (tree.name(node) == Name::EXTENSION).then(|| tree.child_text(node, "url")).flatten();
    match url {
        Some(url) => format!("{word}:{}", url.rsplit('/').next().unwrap_or_default()),
        None => word,
    }
}
