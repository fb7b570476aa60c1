//! `get`: a unit's document becomes resources, and every leaf of it is accounted for.

use super::convert::Unfit;
use super::links::{Links, ids_in};
use super::make::list_flag;
use super::program::{
    Block, Content, Copied, Fate, Leaf, Path, Program, Rest, Root, Settled, all, first, is_blank_text, meets,
};
use super::reach::children_bits;
use super::value::{Value, tidy};
use crate::diag::{Issue, codes};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};
use std::collections::{BTreeMap, HashSet};

mod fate;
mod listed;
mod make;
mod origins;
mod relation;
mod resource;
mod restate;
mod same;

pub use origins::Origins;
use restate::Claim;
pub(super) use restate::Restated;

/// The extension that holds what a unit wrote where the FHIR type cannot hold it.
pub const SOURCE_TEXT: &str = "https://w3id.org/sauma/fhir/StructureDefinition/source-text";
/// Base of the `fullUrl` of resources that a lens makes.
pub(super) const LOCAL_BASE: &str = "https://w3id.org/sauma/local/";
/// Resources of one document.
pub(super) const RESOURCES_MAX: usize = 200_000;

/// What a run of `get` gives.
#[derive(Debug)]
pub struct Got {
    /// The Bundle.
    pub target: Tree,
    /// Findings about the document.
    pub issues: Vec<Issue>,
    /// For each node of the target, which rule made it from which source node.
    pub origins: Origins,
    /// For each node of the source, what a rule said of it.
    pub(super) fates: Vec<(Fate, u32)>,
    /// The same of what lies below each node.
    pub(super) below: Vec<(Fate, u32)>,
    /// Nodes of the document that was read.
    pub(super) read: usize,
    /// Which root of the lens was used.
    pub(super) root: usize,
    /// Entries that references made, by their place in the order of making.
    pub(super) minted: Vec<NodeId>,
    /// Entries that rules made where their paths say, of resources that the lens named.
    pub(super) named: Vec<NodeId>,
    /// Constants that resources need not have to be the same.
    pub(super) optional: Vec<NodeId>,
    /// From Reference elements to the resources that were made for them.
    pub(super) made_for: BTreeMap<NodeId, NodeId>,
    /// From Reference elements to the resources that elements of the document say again.
    pub(super) restated: BTreeMap<NodeId, Restated>,
    /// For source nodes that say again what the target has from elsewhere: where it has it, and by which rule.
    pub(super) said_again: BTreeMap<NodeId, (NodeId, usize)>,
}

impl Program {
    /// Reads a unit's document into a Bundle.
    ///
    /// # Errors
    /// The document is not of the kind that the lens reads, or its items differ where all should say the same.
    pub fn get(&self, source: &Tree) -> Result<Got, Box<Issue>> {
        self.run(source, true)
    }

    /// As [`Program::get`], where nobody will ask for the ledger.
    pub(super) fn get_alone(&self, source: &Tree) -> Result<Got, Box<Issue>> {
        self.run(source, false)
    }

    fn run(&self, source: &Tree, with_ledger: bool) -> Result<Got, Box<Issue>> {
        let (got, refused) = self.run_as(self.root_of(source)?, source, with_ledger);
        refused.map_or(Ok(got), Err)
    }

    /// Reads a document by one of the maps, whether its conditions are met or not.
    pub(super) fn get_as(&self, root: usize, source: &Tree) -> Got {
        self.run_as(root, source, false).0
    }

    fn run_as(&self, root: usize, source: &Tree, with_ledger: bool) -> (Got, Option<Box<Issue>>) {
        let mut run = Run::new(self, source, with_ledger);
        if let Some(root) = self.roots.get(root) {
            run.root(root);
        }
        let Run {
            target,
            issues,
            origins,
            fates,
            below,
            minted,
            named,
            optional,
            made_for,
            restated,
            said_again,
            refused,
            ..
        } = run;
        let read = source.len();
        let got = Got {
            target,
            issues,
            origins,
            fates,
            below,
            read,
            root,
            minted,
            named,
            optional,
            made_for,
            restated,
            said_again,
        };
        (got, refused)
    }

    /// True where a document is of the kind that this lens reads.
    pub fn recognises(&self, source: &Tree) -> bool {
        self.root_of(source).is_ok()
    }

    fn root_of(&self, source: &Tree) -> Result<usize, Box<Issue>> {
        let fits = |root: &Root| {
            root.source_name.as_deref().is_none_or(|name| source.name_text(NodeId::ROOT) == name)
                && meets(source, NodeId::ROOT, &root.source_conditions)
        };
        self.roots.iter().position(fits).ok_or_else(|| {
            let message = format!("the document is not of the kind that the lens {} reads", self.url);
            Box::new(Issue::error(codes::LENS_MISMATCH, source.span(NodeId::ROOT), message))
        })
    }
}

struct Run<'a> {
    program: &'a Program,
    source: &'a Tree,
    target: Tree,
    sources: Vec<Option<NodeId>>,
    targets: Vec<Option<NodeId>>,
    /// For each node of the source which children it has, as bits.
    reach: Vec<u64>,
    origins: Origins,
    with_ledger: bool,
    fates: Vec<(Fate, u32)>,
    below: Vec<(Fate, u32)>,
    issues: Vec<Issue>,
    minted: Vec<NodeId>,
    named: Vec<NodeId>,
    optional: Vec<NodeId>,
    made_for: BTreeMap<NodeId, NodeId>,
    restated: BTreeMap<NodeId, Restated>,
    said_again: BTreeMap<NodeId, (NodeId, usize)>,
    /// What references of the source lead to, looked up where a rule asks.
    links: Option<Links>,
    /// Elements that say again what resources hold, until those are there.
    claims: Vec<Claim<'a>>,
    /// The kinds of resources that were named, and how many of each there are.
    counters: Vec<(String, usize)>,
    taken: HashSet<String>,
    /// Nodes of lists that are being walked; lists within lists share it.
    stack: Vec<NodeId>,
    /// What waits for elements and ids that the resources around are given last.
    late: Vec<Late>,
    is_late: bool,
    refused: Option<Box<Issue>>,
}

/// A rule about another element that is not there yet.
struct Late {
    rule: usize,
    path: Path,
    start: NodeId,
    from: From,
}

enum From {
    Element(Path, NodeId),
    Resource(NodeId),
}

impl<'a> Run<'a> {
    fn new(program: &'a Program, source: &'a Tree, with_ledger: bool) -> Self {
        // The resources hold about what the part of the document that they carry does, with the names of code systems.
        let (nodes, bytes) = (source.len() * 2, source.source().len() + 1024);
        let mut target = Tree::with_room(nodes, bytes, program.names());
        target.push_root(Name::NONE, Kind::Object);
        let noted = if with_ledger { source.len() } else { 0 };
        Self {
            program,
            source,
            target,
            sources: vec![None; program.source_slots],
            targets: vec![None; program.target_slots],
            reach: children_bits(source),
            origins: Origins::with_room(nodes),
            with_ledger,
            fates: vec![(Fate::Unexplained, u32::MAX); noted],
            below: vec![(Fate::Unexplained, u32::MAX); noted],
            issues: Vec::new(),
            minted: Vec::new(),
            named: Vec::new(),
            optional: Vec::new(),
            made_for: BTreeMap::new(),
            restated: BTreeMap::new(),
            said_again: BTreeMap::new(),
            links: None,
            claims: Vec::new(),
            counters: Vec::new(),
            taken: HashSet::new(),
            stack: Vec::new(),
            late: Vec::new(),
            is_late: false,
            refused: None,
        }
    }

    fn root(&mut self, root: &'a Root) {
        let kind = self.target.insert(NodeId::ROOT, Name::RESOURCE_TYPE, Kind::Str, Flags::default(), 0);
        self.target.set_text(kind, "Bundle");
        self.sources[root.source_slot] = Some(NodeId::ROOT);
        self.targets[root.target_slot] = Some(NodeId::ROOT);
        if self.program.format == super::Format::Fhir {
            self.taken = ids_in(self.source);
        }
        self.mark_conditions(NodeId::ROOT, &root.source_conditions, 0);
        for condition in &root.target_conditions {
            self.write_condition(NodeId::ROOT, condition, 0);
        }
        self.content(&root.block);
        self.settle(&root.block);
        self.name_entries();
        self.is_late = true;
        for late in std::mem::take(&mut self.late) {
            self.targets[late.path.slot] = Some(late.start);
            match late.from {
                From::Element(from, start) => {
                    self.targets[from.slot] = Some(start);
                    self.same(&late.path, &from, late.rule);
                }
                From::Resource(resource) => self.refer(&late.path, resource, late.rule),
            }
        }
        self.restate_all();
        self.unlisted_codes();
        self.entries_in_order();
    }

    fn block(&mut self, block: &'a Block) -> bool {
        let wrote = self.content(block);
        if wrote {
            self.settle(block);
        }
        wrote
    }

    fn content(&mut self, block: &'a Block) -> bool {
        let mut wrote = false;
        for (rule, mark) in &block.marks {
            self.mark(mark, *rule);
        }
        let here = self.sources[block.slot].map_or(u64::MAX, |node| self.reach[node.index()]);
        for ((rule, content), start) in block.content.iter().zip(&block.starts) {
            if *start != 0 && here & start == 0 {
                self.pass_over(content);
                continue;
            }
            wrote |= match content {
                Content::Leaf(leaf) => self.leaf(leaf, *rule),
                Content::Copy(copied) => self.copy(copied, *rule),
                Content::Relate(relation) if relation.each => self.each(relation, *rule),
                Content::Relate(relation) => self.relate(relation, *rule),
                Content::Restate(restatement) => self.restate(restatement, *rule),
                Content::Rest(rest) => self.rest(rest, *rule),
            };
        }
        wrote
    }

    fn settle(&mut self, block: &Block) {
        for (rule, settled) in &block.settled {
            match settled {
                Settled::Constant { path, text, is_optional } => {
                    let node = self.constant(path, text, *rule);
                    self.optional.extend(node.filter(|_| *is_optional));
                }
                Settled::Same { path, from } => self.same(path, from, *rule),
                Settled::Reference { path, slot } => self.reference_to(path, *slot, *rule),
                Settled::Derived(leaf) => {
                    self.leaf(leaf, *rule);
                }
                Settled::SourceConstant { path, text } => self.source_constant(path, text, *rule),
            }
        }
    }

    fn find_source(&self, path: &Path) -> Option<NodeId> {
        let start = self.sources[path.slot]?;
        meets(self.source, start, &path.conditions).then(|| first(self.source, start, &path.steps))?
    }

    fn leaf(&mut self, leaf: &Leaf, rule: usize) -> bool {
        if !self.program.same_lists.is_empty() && leaf.source.same().is_some() {
            return self.same_leaf(leaf, rule);
        }
        self.one_leaf(leaf, self.find_source(&leaf.source), rule)
    }

    fn one_leaf(&mut self, leaf: &Leaf, found: Option<NodeId>, rule: usize) -> bool {
        if let Some(node) = found.filter(|node| self.has_beside(*node, leaf)) {
            return self.primitive(leaf, node, rule);
        }
        let Some(node) = found.filter(|node| self.source.has_text(*node)) else {
            return self.default(leaf, rule);
        };
        let text = self.source.text(node);
        let text = tidy(&text, self.program.format);
        if is_blank_text(&text) {
            self.set_fate(node, Fate::Kept, rule);
            return self.default(leaf, rule);
        }
        let value = leaf.forward(&text);
        if let Some(problem) = value.problem {
            self.report(problem, node, &text);
        }
        if value.text.is_none() && (value.source_text.is_none() || leaf.target.ends_in_attribute()) {
            return false;
        }
        let Some(target) = self.ensure(&leaf.target, rule) else { return false };
        self.write_value(target, &value);
        self.origins.set(target, Some(node), rule);
        self.mark_carried(&leaf.source, node, rule);
        true
    }

    /// True for a primitive of FHIR with an id or extensions that the target can hold too.
    fn has_beside(&self, node: NodeId, leaf: &Leaf) -> bool {
        self.program.format == super::Format::Fhir
            && self.source.first_child(node).is_some()
            && self.source.kind(node).is_leaf()
            && !leaf.target.ends_in_attribute()
    }

    /// A primitive with what stands beside its value, or instead of it.
    fn primitive(&mut self, leaf: &Leaf, node: NodeId, rule: usize) -> bool {
        let text = self.source.text(node);
        let text = tidy(&text, self.program.format);
        let valued = self.source.has_text(node) && !is_blank_text(&text);
        let value = if valued { leaf.forward(&text) } else { Value::default() };
        if let Some(problem) = value.problem {
            self.report(problem, node, &text);
        }
        let Some(target) = self.ensure(&leaf.target, rule) else { return false };
        let source = self.source;
        for child in source.children(node) {
            let copy = self.target.copy_from(target, source, child, source.order(child));
            let made: Vec<NodeId> = self.target.descend(copy).collect();
            for (made, from) in made.into_iter().zip(source.descend(child)) {
                self.origins.set(made, Some(from), rule);
                self.set_fate(from, Fate::Carried, rule);
            }
        }
        self.write_value(target, &value);
        self.origins.set(target, Some(node), rule);
        self.mark_carried(&leaf.source, node, rule);
        true
    }

    fn default(&mut self, leaf: &Leaf, rule: usize) -> bool {
        // A default stands in for a value of an element that is there, so its surroundings must exist.
        if let (Some(text), Some(_)) = (&leaf.default, self.sources[leaf.source.slot])
            && let Some(target) = self.ensure(&leaf.target, rule)
        {
            self.target.set_text(target, text);
            self.origins.set(target, None, rule);
        }
        false
    }

    fn report(&mut self, problem: Unfit, node: NodeId, text: &str) {
        let (code, message) = match problem {
            Unfit::Code => (codes::UNKNOWN_CODE, "the code is not in the table of this rule"),
            Unfit::Form => {
                (codes::NOT_CONVERTIBLE, "the value does not have the form that this rule expects")
            }
        };
        let issue = Issue::warning(code, self.source.span(node), message);
        self.issues.push(issue.at(self.source.path(node)).with_value(text));
    }

    fn write_value(&mut self, target: NodeId, value: &Value<'_>) {
        match &value.text {
            Some(text) => self.target.set_text(target, text),
            None => self.target.set_kind(target, Kind::Null),
        }
        if let Some(text) = &value.source_text {
            let known = self.program.known;
            let extension =
                self.target.insert(target, Name::EXTENSION, Kind::Object, Flags::LIST, known.extension);
            let url = self.target.insert(extension, Name::URL, Kind::Str, Flags::default(), known.url);
            self.target.set_text(url, SOURCE_TEXT);
            let held =
                self.target.insert(extension, Name::VALUE_STRING, Kind::Str, Flags::default(), known.value);
            self.target.set_text(held, text);
        }
    }

    fn copy(&mut self, copied: &Copied, rule: usize) -> bool {
        let Some(start) = self.sources[copied.source.slot] else { return false };
        if !meets(self.source, start, &copied.source.conditions) {
            return false;
        }
        let base = self.stack.len();
        let mut found = std::mem::take(&mut self.stack);
        all(self.source, start, &copied.source.steps, &mut found);
        let mut wrote = false;
        for node in found.drain(base..) {
            wrote |= self.copy_one(node, &copied.target, rule).is_some();
            self.set_fate(node, Fate::Carried, rule);
            self.mark_way(&copied.source, node, rule);
        }
        self.stack = found;
        wrote
    }

    fn copy_one(&mut self, node: NodeId, path: &Path, rule: usize) -> Option<NodeId> {
        let last = path.steps.last()?;
        let parent = self.ensure_parent(path, rule)?;
        let copy = self.target.insert(parent, last.name, self.source.kind(node), list_flag(last), last.order);
        self.target.fill_from(copy, self.source, node);
        self.origins.set(copy, Some(node), rule);
        Some(copy)
    }

    fn rest(&mut self, rest: &Rest, rule: usize) -> bool {
        let (Some(from), Some(to)) = (self.sources[rest.source_slot], self.targets[rest.target_slot]) else {
            return false;
        };
        let mut wrote = false;
        let mut child = self.source.first_child(from);
        while let Some(node) = child {
            child = self.source.next_sibling(node);
            if !rest.source_named.contains(&self.source.name(node)) {
                let copy = self.target.copy_from(to, self.source, node, self.source.order(node));
                self.origins.set(copy, Some(node), rule);
                self.set_fate(node, Fate::Carried, rule);
                wrote = true;
            }
        }
        wrote
    }

    fn source_constant(&mut self, path: &Path, text: &str, rule: usize) {
        let Some(node) = self.find_source(path) else { return };
        if self.source.text(node) != text {
            let message = "the value differs from what this lens expects here";
            let issue = Issue::warning(codes::CONSTANT_DIFFERS, self.source.span(node), message);
            self.issues.push(issue.at(self.source.path(node)));
            self.set_fate(node, Fate::Kept, rule);
            return;
        }
        self.mark_carried(path, node, rule);
    }
}

impl Path {
    /// True where the last element cannot take an extension beside its value.
    fn ends_in_attribute(&self) -> bool {
        self.steps.last().is_some_and(|step| matches!(step.name, Name::ID | Name::URL))
    }
}
