//! What making elements has to know of those that are there, on either side.

use crate::mapping::program::{Condition, Step, any};
use crate::tree::{Flags, NodeId, Tree};

/// True for an element that holds nothing but what the conditions of its step state.
pub(super) fn is_bare(tree: &Tree, node: NodeId, step: &Step) -> bool {
    let stated: Vec<(&[Step], &str)> = step.conditions.iter().filter_map(equality).collect();
    tree.children(node).all(|child| is_stated(tree, child, &stated))
}

pub(super) fn equality(condition: &Condition) -> Option<(&[Step], &str)> {
    match condition {
        Condition::Equals(steps, text) => Some((steps, text)),
        Condition::Differs(..) | Condition::Has(_) | Condition::Lacks(_) => None,
    }
}

pub(super) fn is_stated(tree: &Tree, node: NodeId, stated: &[(&[Step], &str)]) -> bool {
    let here = stated.iter().filter_map(|(steps, text)| Some((steps.split_first()?, *text)));
    let here: Vec<(&[Step], &str)> = here
        .filter(|((first, _), _)| first.name == tree.name(node))
        .map(|((_, rest), text)| (rest, text))
        .collect();
    if tree.kind(node).is_leaf() {
        return here.iter().any(|(rest, text)| rest.is_empty() && tree.text(node) == *text);
    }
    !here.is_empty() && tree.children(node).all(|child| is_stated(tree, child, &here))
}

/// An existing child for `step` in which the steps after it can still be made.
pub(super) fn reusable(tree: &Tree, parent: NodeId, step: &Step, after: &[Step]) -> Option<NodeId> {
    let candidates = std::slice::from_ref(step);
    let mut found = None;
    any(tree, parent, candidates, &mut |node| {
        let free = match after.split_first() {
            None => true,
            Some((next, beyond)) => {
                next.list
                    || tree.child(node, next.name).is_none()
                    || reusable(tree, node, next, beyond).is_some()
            }
        };
        if free {
            found = Some(node);
        }
        free
    });
    found
}

pub(super) fn list_flag(step: &Step) -> Flags {
    if step.list { Flags::LIST } else { Flags::default() }
}
