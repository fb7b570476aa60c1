//! The check of PutGet for the commonest change: texts of leaves, and nothing else, were edited.
//!
//! Then `get` over the edited document would make what it made before, but for the target leaves that come from
//! the edited ones. Their new values are known without running it, so one comparison settles the matter. Where
//! an edited text is one that conditions look at, becomes an id, or is copied on, the full check decides.

use super::get::Got;
use super::program::{
    Block, Condition, Content, Leaf, Path, Program, Relation, Resource, Settled, Step, is_blank_text,
};
use super::same::{Expected, compare_expecting};
use super::value::tidy;
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::HashMap;

/// Edited leaves beyond which the full check is as quick.
const EDITS_MAX: usize = 64;

/// True where the edited document certainly gives the wanted resources; false where only the full check can say.
pub(super) fn settles(
    program: &Program,
    edited: &Tree,
    got: &Got,
    wanted: &Tree,
    clean: &HashMap<NodeId, NodeId>,
) -> bool {
    // What is said twice has two texts.
    if !got.restated.is_empty() || !program.same_lists.is_empty() {
        return false;
    }
    let mut texts = Vec::new();
    if !edited_texts(edited, NodeId::ROOT, &mut texts) || texts.len() > EDITS_MAX {
        return false;
    }
    let looked_at = |tree: &Tree, node: NodeId| program.looked_at.binary_search(&tree.name(node)).is_ok();
    if texts.iter().any(|node| looked_at(edited, *node) || is_blank_text(&edited.text(*node))) {
        return false;
    }
    let mut expected = Expected::new();
    for (target, source) in got.origins.made_from(&texts) {
        let leaf = got.origins.rule(target).and_then(|rule| program.leaf(rule));
        let Some(leaf) =
            leaf.filter(|_| got.target.name(target) != Name::ID && !looked_at(&got.target, target))
        else {
            return false;
        };
        let text = edited.text(source);
        let value = leaf.forward(&tidy(&text, program.format)).held();
        expected.insert(target, value);
    }
    compare_expecting(got, wanted, expected, clean).is_ok()
}

/// Collects the leaves whose text was edited; false where anything else was.
fn edited_texts(tree: &Tree, node: NodeId, texts: &mut Vec<NodeId>) -> bool {
    let flags = tree.flags(node);
    if flags.any(Flags::CHILDREN_EDITED.with(Flags::NEW)) {
        return false;
    }
    if flags.has(Flags::TEXT_EDITED) {
        let element = if tree.kind(node) == Kind::Text { tree.parent(node).unwrap_or(node) } else { node };
        texts.push(element);
        return tree.kind(node).is_leaf() && tree.first_child(node).is_none();
    }
    !flags.has(Flags::EDITED_BELOW) || tree.children(node).all(|child| edited_texts(tree, child, texts))
}

impl Program {
    /// The leaf rule of a number.
    fn leaf(&self, rule: usize) -> Option<&Leaf> {
        self.roots.iter().find_map(|root| leaf_in(&root.block, rule))
    }

    /// Names of all elements whose text a condition compares, sorted.
    pub(super) fn names_looked_at(&self) -> Vec<Name> {
        let mut names = Vec::new();
        for root in &self.roots {
            compared(&root.source_conditions, &mut names);
            compared(&root.target_conditions, &mut names);
            compared_in(&root.block, &mut names);
        }
        names.sort_unstable();
        names.dedup();
        names
    }
}

fn leaf_in(block: &Block, rule: usize) -> Option<&Leaf> {
    let content = block.content.iter().find_map(|(number, content)| match content {
        Content::Leaf(leaf) if *number == rule => Some(leaf),
        Content::Relate(relation) => leaf_in(&relation.block, rule),
        Content::Restate(restatement) => {
            leaf_in(&restatement.relation.block, rule).or_else(|| leaf_in(&restatement.otherwise, rule))
        }
        Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => None,
    });
    content.or_else(|| {
        block.settled.iter().find_map(|(number, settled)| match settled {
            Settled::Derived(leaf) if *number == rule => Some(leaf),
            _ => None,
        })
    })
}

fn compared_in(block: &Block, names: &mut Vec<Name>) {
    for (_, content) in &block.content {
        match content {
            Content::Leaf(leaf) => compared_on([&leaf.source, &leaf.target], names),
            Content::Copy(copied) => compared_on([&copied.source, &copied.target], names),
            Content::Relate(relation) => compared_by(relation, names),
            Content::Restate(restatement) => {
                compared_by(&restatement.relation, names);
                compared_on([&restatement.reference], names);
                compared_in(&restatement.otherwise, names);
            }
            Content::Rest(_) => {}
        }
    }
    for (_, settled) in &block.settled {
        match settled {
            Settled::Constant { path, .. }
            | Settled::Reference { path, .. }
            | Settled::SourceConstant { path, .. } => {
                compared_on([path], names);
            }
            Settled::Same { path, from } => compared_on([path, from], names),
            Settled::Derived(leaf) => compared_on([&leaf.source, &leaf.target], names),
        }
        // What a constant of the source is checked against is looked at as well.
        if let Settled::SourceConstant { path, .. } = settled {
            names.extend(path.steps.last().map(|step| step.name));
        }
    }
    for (_, mark) in &block.marks {
        compared_on([&mark.path], names);
    }
}

fn compared_by(relation: &Relation, names: &mut Vec<Name>) {
    compared_on([&relation.source, &relation.target], names);
    for resource in [&relation.source_resource, &relation.target_resource].into_iter().flatten() {
        let Resource { conditions, .. } = resource;
        compared(conditions, names);
    }
    compared_in(&relation.block, names);
}

fn compared_on<const N: usize>(paths: [&Path; N], names: &mut Vec<Name>) {
    for path in paths {
        compared(&path.conditions, names);
        compared_steps(&path.steps, names);
    }
}

fn compared_steps(steps: &[Step], names: &mut Vec<Name>) {
    for step in steps {
        compared(&step.conditions, names);
    }
}

fn compared(conditions: &[Condition], names: &mut Vec<Name>) {
    for condition in conditions {
        match condition {
            Condition::Equals(steps, _) | Condition::Differs(steps, _) => {
                names.extend(steps.last().map(|step| step.name));
                compared_steps(steps, names);
            }
            Condition::Has(steps) | Condition::Lacks(steps) => compared_steps(steps, names),
        }
    }
}
