//! Which children of an element the rules of a block can carry: a run passes over rules whose element is not there, and
//! makes nothing for a block that could only stay empty.

use super::program::{Block, Content, Path, Relation};
use crate::tree::{Name, Tree};

/// What [`Block::reach`] is where its rules may write whatever the children are.
const ANY: u64 = u64::MAX;

impl Block {
    /// Notes which child each rule starts with.
    pub(super) fn index(&mut self) {
        for (_, content) in &mut self.content {
            match content {
                Content::Relate(relation) => relation.block.index(),
                Content::Restate(restatement) => {
                    restatement.relation.block.index();
                    restatement.otherwise.index();
                }
                Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => {}
            }
        }
        let slots: Vec<usize> =
            self.content.iter().filter_map(|(_, content)| content.start()).map(|start| start.0).collect();
        let count = |slot: usize| slots.iter().filter(|other| **other == slot).count();
        self.slot = slots.iter().copied().max_by_key(|slot| (count(*slot), *slot)).unwrap_or(0);
        let slot = self.slot;
        let bits = self
            .content
            .iter()
            .map(|(_, content)| content.start().filter(|start| start.0 == slot).map_or(0, |start| start.1));
        self.starts = bits.collect();
        self.reach = self.starts.iter().fold(0, |all, start| if *start == 0 { ANY } else { all | start });
    }
}

impl Content {
    /// The slot that a rule starts from and the bits of the children without one of which it writes nothing.
    fn start(&self) -> Option<(usize, u64)> {
        match self {
            Self::Leaf(leaf) if leaf.default.is_none() => leaf.source.start(),
            Self::Copy(copied) => copied.source.start(),
            Self::Relate(relation) => relation.start(),
            // Where nothing is said again its other rules run.
            Self::Leaf(_) | Self::Rest(_) | Self::Restate(_) => None,
        }
    }
}

impl Relation {
    fn start(&self) -> Option<(usize, u64)> {
        self.source.start().or_else(|| self.inner_reach().map(|reach| (self.source.slot, reach)))
    }

    /// For rules about the element that the relation itself starts from: what they start with there.
    fn inner_reach(&self) -> Option<u64> {
        (self.source.steps.is_empty() && self.is_about_its_element()).then_some(self.block.reach)
    }

    /// True where each rule inside starts with a child of the element that the relation leads to.
    fn is_about_its_element(&self) -> bool {
        let Block { slot, reach, .. } = self.block;
        let is_outer = slot == self.source.slot && self.source.steps.is_empty();
        reach != ANY && self.source_resource.is_none() && (slot == self.source_slot || is_outer)
    }

    /// True where its rules can write nothing for an element with children of these bits, since it has none of those
    /// that they start with.
    pub(super) fn is_out_of_reach(&self, bits: u64) -> bool {
        bits & self.block.reach == 0 && self.is_about_its_element()
    }
}

impl Path {
    /// The slot and the bit of the first step.
    fn start(&self) -> Option<(usize, u64)> {
        self.steps.first().map(|step| (self.slot, bit(step.name)))
    }
}

/// One of 64 bits for a name; two names may share one.
fn bit(name: Name) -> u64 {
    1 << (name.0.wrapping_mul(0x9E37_79B1) >> 26)
}

/// For each node the bits of the names of its children. One that an edit took out still counts, so a rule may run for
/// nothing.
pub(super) fn children_bits(tree: &Tree) -> Vec<u64> {
    let mut bits = vec![0; tree.len()];
    for (parent, name) in tree.parents() {
        if let Some(parent) = parent {
            bits[parent.index()] |= bit(name);
        }
    }
    bits
}
