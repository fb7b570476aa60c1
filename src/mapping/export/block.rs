//! Blocks of rules: what carries content, and what waits until there is some.

use super::condition::has_content_at;
use super::draft::{Draft, push};
use super::place::Make;
use super::{Direction, Exporter, Side, Var};
use crate::mapping::program::{Block, Content, Path, Settled, anchor};

/// What the rules of a block become.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Those that carry content.
    pub(super) now: Vec<Draft>,
    /// Those for elements that are silent; they run when the element around is known to have content.
    pub(super) late: Vec<Draft>,
}

impl Rules {
    pub(super) fn extend(&mut self, other: Self) {
        for rule in other.now {
            push(&mut self.now, rule);
        }
        self.late.extend(other.late);
    }
}

impl<'a> Exporter<'a> {
    /// The rules of a block that carry content.
    pub(super) fn content(&mut self, block: &'a Block, here: &Var) -> Rules {
        self.enclosing.push(block);
        let mut rules = Rules::default();
        for (rule, content) in &block.content {
            self.rule = *rule;
            let made = self.scoped(|this| this.one(content, here));
            rules.extend(made);
        }
        self.enclosing.pop();
        if let Some(first) = rules.now.first_mut() {
            first.note = self.left_out(block).or_else(|| first.note.take());
        }
        rules
    }

    pub(super) fn one(&mut self, content: &'a Content, here: &Var) -> Rules {
        if self.is_left_out(content) {
            return Rules::default();
        }
        let now = match content {
            Content::Leaf(leaf) => {
                let late = self.default(leaf, here).into_iter().collect();
                return Rules { now: self.leaf(leaf), late };
            }
            Content::Copy(copied) => self.copy(copied).into_iter().collect(),
            Content::Rest(rest) => self.rest(rest),
            Content::Relate(relation) => return self.relate(relation),
            Content::Restate(restatement) => return self.restate(restatement, here),
        };
        Rules { now, late: Vec::new() }
    }

    /// A block that makes no element of its own: its rules, and what goes with them.
    pub(super) fn shared_block(&mut self, block: &'a Block, here: &Var) -> Rules {
        let hoisted = self.hoist(block);
        let mut rules = self.content(block, here);
        if self.direction == Direction::Forward {
            let guard = self.wrote(block);
            self.enclosing.push(block);
            rules.now.extend(
                self.scoped(|this| this.settle(&block.settled, here, guard.as_deref(), None, Vec::new())),
            );
            self.enclosing.pop();
        }
        rules.now = hoisted.around(rules.now, here);
        rules
    }

    /// True where any rule of a block wrote, as an expression on the places where they write.
    pub(super) fn wrote(&mut self, block: &'a Block) -> Option<String> {
        let mut places = Vec::new();
        self.places(block, &mut places);
        places.dedup();
        (!places.is_empty()).then(|| places.join(" or "))
    }

    fn places(&mut self, block: &'a Block, places: &mut Vec<String>) {
        for (_, content) in &block.content {
            let path = match content {
                Content::Leaf(leaf) => self.sides(&leaf.source, &leaf.target).1,
                Content::Copy(copied) => self.sides(&copied.source, &copied.target).1,
                Content::Relate(relation) if relation.stays() => {
                    // The variables inside are those outside.
                    let (outer, inner) = self.write_slots(relation);
                    self.writes[inner] = self.known(Side::Write, outer);
                    self.places(&relation.block, places);
                    continue;
                }
                Content::Relate(relation) => {
                    let path = self.sides(&relation.source, &relation.target).1;
                    let start = self.known(Side::Write, path.slot);
                    // An element that was made for rules inside may have stayed empty.
                    places.extend(
                        start.map(|start| has_content_at(&self.steps(Some(&start.name), &path.steps))),
                    );
                    continue;
                }
                Content::Restate(_) | Content::Rest(_) => continue,
            };
            places.extend(self.is_there(path));
        }
    }

    /// True where a value stands at a path of the written side.
    fn is_there(&mut self, path: &Path) -> Option<String> {
        let start = self.known(Side::Write, path.slot)?;
        Some(format!("{}.exists()", self.steps(Some(&start.name), &path.steps)))
    }

    /// Notes the elements of which rules make a new item each time.
    pub(super) fn note_anew(&mut self) {
        let mut open: Vec<&'a Block> = self.program.roots.iter().map(|root| &root.block).collect();
        while let Some(block) = open.pop() {
            for (_, content) in &block.content {
                let relation = match content {
                    Content::Relate(relation) => &**relation,
                    Content::Restate(restatement) => {
                        open.push(&restatement.otherwise);
                        &restatement.relation
                    }
                    Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => continue,
                };
                open.push(&relation.block);
                let sides = self.sides_of(relation);
                let item =
                    anchor(&sides.write.steps).and_then(|at| sides.write.steps.get(at.checked_sub(1)?));
                if let Some(item) = item.filter(|_| sides.make() == Make::New) {
                    self.anew.insert((item.parent_type, item.name));
                }
            }
        }
    }

    /// The settled rule of an open block, or of those around it, that sets a path.
    pub(super) fn settled_at(&self, path: &Path) -> Option<&'a Settled> {
        let blocks = self.enclosing.iter().rev();
        let mut settled = blocks.flat_map(|block| block.settled.iter().map(|(_, settled)| settled));
        settled.find(|settled| match settled {
            Settled::Constant { path: set, .. }
            | Settled::Same { path: set, .. }
            | Settled::Reference { path: set, .. } => self.is_same_place(set, path),
            Settled::Derived(_) | Settled::SourceConstant { .. } => false,
        })
    }

    fn is_same_place(&self, one: &Path, other: &Path) -> bool {
        let names = |path: &Path| path.steps.iter().map(|step| step.name).collect::<Vec<_>>();
        self.canonical(one.slot) == self.canonical(other.slot) && names(one) == names(other)
    }
}
