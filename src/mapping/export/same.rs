//! Values that stand on every item of a list: a new document has them on every item that other rules make.

use super::draft::{Draft, path};
use super::relation::Sides;
use super::{Direction, Exporter, Var};
use crate::mapping::program::{Block, Content};

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

    /// What every item says, where the items of a relation are such.
    pub(super) fn every_item(&mut self, _sides: &Sides<'a>, _made: &Var, _here: &Var) -> Vec<Draft> {
        Vec::new()
    }
}

fn says_same(content: &Content) -> bool {
    match content {
        Content::Leaf(leaf) => leaf.source.same().is_some(),
        Content::Relate(relation) => holds_same(&relation.block),
        Content::Copy(_) | Content::Restate(_) | Content::Rest(_) => false,
    }
}

fn holds_same(block: &Block) -> bool {
    block.content.iter().any(|(_, content)| says_same(content))
}
