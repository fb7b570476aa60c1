//! What each rule of a program can have written, for the laws.

use super::ledger::Fates;
use super::program::{
    Block, Condition, Content, Fate, Leaf, Path, Program, Relation, Resource, Settled, Step, all,
};
use super::put::follow;
use crate::tree::{Name, NodeId, Tree};
use std::collections::HashSet;

/// The rules of a program by their numbers.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// The value that a rule carries, and whether it is only derived.
    pub(super) leaves: Vec<Option<(&'a Leaf, bool)>>,
    /// Constants that a rule writes into the target.
    pub(super) constants: Vec<Vec<&'a str>>,
    /// Rules that copy whole elements.
    pub(super) copies: Vec<bool>,
    /// Constants that conditions and rules state of the source.
    pub(super) stated: HashSet<&'a str>,
    /// Names of what a reference to a resource of the source leads through.
    pub(super) references: bool,
}

impl<'a> Facts<'a> {
    pub(super) fn new(program: &'a Program) -> Self {
        let count = program.rules.len();
        let mut facts = Self {
            leaves: vec![None; count],
            constants: vec![Vec::new(); count],
            copies: vec![false; count],
            stated: HashSet::new(),
            references: false,
        };
        for root in &program.roots {
            facts.target(0, &root.target_conditions);
            facts.source(&root.source_conditions);
            facts.block(&root.block);
        }
        facts
    }

    /// True for a rule whose value stands on every item of a list.
    pub(super) fn says_same(&self, rule: Option<usize>) -> bool {
        let leaf = rule.and_then(|rule| *self.leaves.get(rule)?);
        leaf.is_some_and(|(leaf, _)| leaf.source.same().is_some())
    }

    fn block(&mut self, block: &'a Block) {
        for (rule, content) in &block.content {
            match content {
                Content::Leaf(leaf) => self.leaf(*rule, leaf, false),
                Content::Copy(copied) => {
                    self.copies[*rule] = true;
                    self.target_path(*rule, &copied.target);
                    self.source_path(&copied.source);
                }
                Content::Rest(_) => self.copies[*rule] = true,
                Content::Relate(relation) => self.relation(*rule, relation),
                Content::Restate(restatement) => {
                    // Its Reference is copied whole.
                    self.copies[*rule] = true;
                    self.source_path(&restatement.reference);
                    self.relation(*rule, &restatement.relation);
                    self.block(&restatement.otherwise);
                }
            }
        }
        for (rule, settled) in &block.settled {
            match settled {
                Settled::Constant { path, text, .. } => {
                    self.constants[*rule].push(text);
                    self.target_path(*rule, path);
                }
                Settled::Same { path, .. } | Settled::Reference { path, .. } => self.target_path(*rule, path),
                Settled::Derived(leaf) => self.leaf(*rule, leaf, true),
                Settled::SourceConstant { path, text } => {
                    self.stated.insert(text);
                    self.source_path(path);
                }
            }
        }
    }

    fn leaf(&mut self, rule: usize, leaf: &'a Leaf, derived: bool) {
        self.leaves[rule] = Some((leaf, derived));
        self.constants[rule].extend(leaf.default.as_deref());
        self.constants[rule].extend(leaf.otherwise.as_deref());
        self.target_path(rule, &leaf.target);
        self.source_path(&leaf.source);
    }

    fn relation(&mut self, rule: usize, relation: &'a Relation) {
        self.target_path(rule, &relation.target);
        self.source_path(&relation.source);
        if let Some(Resource { kind, conditions, .. }) = &relation.target_resource {
            self.constants[rule].push(kind);
            self.target(rule, conditions);
        }
        if let Some(Resource { kind, conditions, .. }) = &relation.source_resource {
            self.references = true;
            self.stated.insert(kind);
            self.source(conditions);
        }
        self.block(&relation.block);
    }

    fn target_path(&mut self, rule: usize, path: &'a Path) {
        for step in &path.steps {
            self.target(rule, &step.conditions);
        }
    }

    fn target(&mut self, rule: usize, conditions: &'a [Condition]) {
        let texts = conditions.iter().filter_map(stated);
        self.constants[rule].extend(texts);
    }

    fn source_path(&mut self, path: &'a Path) {
        self.source(&path.conditions);
        for step in &path.steps {
            self.source(&step.conditions);
        }
    }

    fn source(&mut self, conditions: &'a [Condition]) {
        self.stated.extend(conditions.iter().filter_map(stated));
    }
}

fn stated(condition: &Condition) -> Option<&str> {
    match condition {
        Condition::Equals(_, text) => Some(text),
        Condition::Differs(..) | Condition::Has(_) | Condition::Lacks(_) => None,
    }
}

/// Names of what may stand several times in a document, of all that rules lead to.
pub(super) fn list_names(program: &Program) -> HashSet<Name> {
    let mut names = HashSet::new();
    let mut note = |path: &Path| {
        names.extend(path.steps.iter().filter(|step| step.list).map(|step| step.name));
    };
    let mut blocks: Vec<&Block> = program.roots.iter().map(|root| &root.block).collect();
    while let Some(block) = blocks.pop() {
        for (_, content) in &block.content {
            match content {
                Content::Leaf(leaf) => note(&leaf.source),
                Content::Copy(copied) => note(&copied.source),
                Content::Relate(relation) => {
                    note(&relation.source);
                    blocks.push(&relation.block);
                }
                Content::Restate(restatement) => {
                    note(&restatement.relation.source);
                    blocks.extend([&restatement.relation.block, &restatement.otherwise]);
                }
                Content::Rest(_) => {}
            }
        }
    }
    names
}

/// Target nodes by which `put` tells the items of lists apart: to change one is to name another item.
pub(super) fn keyed(program: &Program, root: usize, target: &Tree) -> HashSet<NodeId> {
    let mut keys = Keys { tree: target, slots: vec![None; program.target_slots], found: HashSet::new() };
    if let Some(root) = program.roots.get(root) {
        keys.slots[root.target_slot] = Some(NodeId::ROOT);
        keys.block(&root.block);
    }
    keys.found
}

struct Keys<'a> {
    tree: &'a Tree,
    slots: Vec<Option<NodeId>>,
    found: HashSet<NodeId>,
}

impl Keys<'_> {
    fn block(&mut self, block: &Block) {
        for (_, content) in &block.content {
            match content {
                Content::Relate(relation) => self.relation(relation),
                Content::Restate(restatement) => {
                    self.relation(&restatement.relation);
                    self.block(&restatement.otherwise);
                }
                Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => {}
            }
        }
    }

    fn relation(&mut self, relation: &Relation) {
        let Some(start) = self.slots[relation.target.slot] else { return };
        let mut places = Vec::new();
        all(self.tree, start, &relation.target.steps, &mut places);
        let items: Vec<NodeId> =
            places.into_iter().filter_map(|place| follow(self.tree, place, relation)).collect();
        for item in items {
            for key in &relation.key {
                self.key(item, &key.steps);
            }
            if relation.each && relation.key.is_empty() {
                self.found.extend(self.tree.descend(item));
            }
            self.slots[relation.target_slot] = Some(item);
            self.block(&relation.block);
        }
    }

    fn key(&mut self, item: NodeId, steps: &[Step]) {
        let mut nodes = Vec::new();
        all(self.tree, item, steps, &mut nodes);
        for node in nodes {
            self.found.extend(self.tree.descend(node));
        }
    }
}

/// What becomes of the source leaves of a lens, by the rules alone: the label that users see.
pub(super) fn fates(program: &Program) -> Fates {
    let mut fates = Fates::default();
    let mut blocks: Vec<&Block> = program.roots.iter().map(|root| &root.block).collect();
    while let Some(block) = blocks.pop() {
        for (rule, mark) in &block.marks {
            if mark.fate == Fate::Ignored {
                fates.ignored.push(*rule);
            } else {
                fates.keeps = true;
            }
        }
        for (_, content) in &block.content {
            match content {
                Content::Relate(relation) => blocks.push(&relation.block),
                Content::Restate(restatement) => {
                    blocks.extend([&restatement.relation.block, &restatement.otherwise]);
                }
                Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => {}
            }
        }
    }
    fates.ignored.sort_unstable();
    fates
}
