//! Values that stand on every item of a list: a new document has them on every item that other rules make, and on one
//! where they make none.

use super::condition::has_content;
use super::draft::{Draft, call, path, rules, target};
use super::leaf::Single;
use super::place::Make;
use super::read::Take;
use super::relation::Sides;
use super::{Direction, Exporter, Frame, Side, Var};
use crate::mapping::program::{Block, Content, Leaf, Path, Root, Step, anchor};

/// Which rules are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Every {
    /// All but those for every item.
    No,
    /// Those for every item alone.
    Only,
}

impl<'a> Exporter<'a> {
    /// True for content of which no rule is made now.
    pub(super) fn is_left_out(&self, content: &'a Content) -> bool {
        if self.direction == Direction::Forward {
            return false;
        }
        match (self.every, content) {
            (Every::No, Content::Leaf(leaf)) => leaf.source.same().is_some(),
            (Every::No, _) => false,
            (Every::Only, content) => !says_same(content),
        }
    }

    /// The rule for what one of the items says, which is the variable of the element around.
    pub(super) fn every_leaf(&mut self, leaf: &'a Leaf) -> Vec<Draft> {
        let below = leaf.source.same().map_or(0, |at| at + 1);
        let steps = leaf.source.steps.get(below..).unwrap_or(&[]).to_vec();
        let write = Path { slot: leaf.source.slot, conditions: Vec::new(), steps };
        let single =
            Single { leaf, read: &leaf.target, write: &write, take: Take::First, make: Make::Shared };
        self.single(&single)
    }

    /// What every item says, where the items of a relation are such.
    pub(super) fn every_item(&mut self, sides: &Sides<'a>, made: &Var, here: &Var) -> Vec<Draft> {
        let item = anchor(&sides.write.steps).and_then(|at| sides.write.steps.get(at.checked_sub(1)?));
        let is_such = item.is_some_and(|item| self.program.same_lists.contains(&item.name));
        if self.direction == Direction::Forward || !is_such || !sides.relation.each {
            return Vec::new();
        }
        let Some((group, from)) = self.every_group(made) else { return Vec::new() };
        let mut draft = Draft::guarded(&here.name, Some(&has_content(&made.name)));
        draft.calls.push(call(&group, &[from.name, made.name.clone()]));
        vec![draft]
    }

    /// The item of a list of which no other rule makes any.
    pub(super) fn lone_item(&mut self, root: &'a Root, from: &Var, to: &Var) -> Vec<Draft> {
        if self.direction == Direction::Forward || self.program.same_lists.is_empty() {
            return Vec::new();
        }
        let Some(item) = same_step(&root.block) else { return Vec::new() };
        self.scoped(|this| {
            let element = this.element(item);
            let made = this.var(&element.name, element.ty);
            let Some((group, from)) = this.every_group(&made).filter(|(_, known)| known == from) else {
                return Vec::new();
            };
            let none = format!("%{}.{}.descendants().exists(hasValue()).not()", to.name, element.name);
            let mut draft = Draft::guarded(&from.name, Some(&none));
            draft.targets.push(target(Some(path(&to.name, Some(&element.name))), None, Some(&made.name)));
            draft.calls.push(call(&group, &[from.name, made.name]));
            vec![draft]
        })
    }

    /// The group that writes what every item says, and the variable of the resources that it reads.
    fn every_group(&mut self, item: &Var) -> Option<(String, Var)> {
        let root = self.root?;
        let from = self.known(Side::Read, root.target_slot)?;
        let every = std::mem::replace(&mut self.every, Every::Only);
        if every == Every::Only {
            return None;
        }
        let outer = std::mem::take(&mut self.frame);
        let (read, write) = (self.reads.clone(), self.writes.clone());
        self.depth += 1;
        let (source, made) = (self.var(&from.name, from.ty), self.var(&item.name, item.ty));
        self.reads[root.target_slot] = Some(source.clone());
        self.writes[root.source_slot] = Some(made.clone());
        let content = self.content(&root.block, &source);
        self.depth -= 1;
        let Frame { imports, .. } = std::mem::replace(&mut self.frame, outer);
        (self.reads, self.writes, self.every) = (read, write, every);
        if content.now.is_empty() || !imports.is_empty() {
            return None;
        }
        let inputs = self.inputs(&source, &made, &[]);
        let name = format!("Every{}", super::group::capitalized(&item.name));
        Some((self.add_group(&name, inputs, rules(content.now)), from))
    }
}

/// True for content with a value of every item.
fn says_same(content: &Content) -> bool {
    match content {
        Content::Leaf(leaf) => leaf.source.same().is_some(),
        Content::Relate(relation) => same_step(&relation.block).is_some(),
        Content::Copy(_) | Content::Restate(_) | Content::Rest(_) => false,
    }
}

/// The step to the items that all say the same.
fn same_step(block: &Block) -> Option<&Step> {
    block.content.iter().find_map(|(_, content)| match content {
        Content::Leaf(leaf) => leaf.source.same().and_then(|at| leaf.source.steps.get(at)),
        Content::Relate(relation) => same_step(&relation.block),
        Content::Copy(_) | Content::Restate(_) | Content::Rest(_) => None,
    })
}
