//! Documents from a seed: what the rules of a lens look for, and between it what the model allows.
//!
//! Documents drawn from the model alone would almost never meet a condition such as
//! `section[templateId.@root = "…"]`, so the rules lead; afterwards elements that no rule asked for are strewn in.

use super::make::{list_flag, reusable};
use super::plans;
use super::program::{
    Block, Condition, Content, Format, Leaf, Path, Pick, Primitive, Program, Relation, Resource, Settled,
    Step, all, anchor, any, first, meets,
};
use super::random::Random;
use crate::schema::{Found, Schema};
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};

/// Nodes of a generated document; beyond it no further items are begun.
pub const GENERATED_NODES_MAX: usize = 1_500;

/// Of a hundred elements so many hold something that the model does not have.
const ADDITIONS_PERCENT: usize = 5;
/// Nesting of elements that no rule asked for.
const STREWN_DEPTH_MAX: usize = 5;

/// A document of the kind that a lens reads. The same seed and size give the same document; a greater size gives
/// more elements and longer lists.
pub fn document(program: &Program, schema: &Schema, seed: u64, size: usize) -> Tree {
    let mut random = Random::new(seed);
    let at = random.below(program.roots.len());
    let mut tree = Tree::new(&program.names);
    let Some(root) = program.roots.get(at) else {
        tree.push_root(Name::NONE, Kind::Object);
        return tree;
    };
    if program.format == Format::Fhir {
        return plans::document(program, schema, root, random, size);
    }
    program.start_document(&mut tree, root);
    let mut maker =
        Maker { program, schema, random, tree, sources: vec![None; program.source_slots], size, made: 0 };
    maker.sources[root.source_slot] = Some(NodeId::ROOT);
    maker.namespaces();
    for condition in &root.source_conditions {
        maker.write_condition(NodeId::ROOT, condition);
    }
    maker.block(&root.block);
    let ty = TypeId(program.source_type);
    maker.strew(NodeId::ROOT, ty, 0);
    maker.additions();
    maker.agree(&root.block);
    maker.settle(NodeId::ROOT);
    maker.tree
}

struct Maker<'a> {
    program: &'a Program,
    schema: &'a Schema,
    random: Random,
    tree: Tree,
    sources: Vec<Option<NodeId>>,
    size: usize,
    /// Resources that references of FHIR documents lead to.
    made: usize,
}

impl Maker<'_> {
    fn is_full(&self) -> bool {
        self.tree.len() > GENERATED_NODES_MAX
    }

    /// What documents of clinical systems declare at their root.
    fn namespaces(&mut self) {
        if self.program.format != Format::Xml {
            return;
        }
        for (name, text) in
            [("@xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"), ("@xmlns:sdtc", "urn:hl7-org:sdtc")]
        {
            let name = self.tree.intern(name);
            let node = self.tree.insert(NodeId::ROOT, name, Kind::Attr, Flags::default(), 0);
            self.tree.set_text(node, text);
        }
    }

    fn block(&mut self, block: &Block) {
        let often = 35 + self.size.min(10) * 4;
        for (_, content) in &block.content {
            if self.is_full() || !self.random.chance(often) {
                continue;
            }
            match content {
                Content::Leaf(leaf) => self.leaf(leaf),
                Content::Relate(relation) => self.relate(relation),
                Content::Copy(copied) => {
                    self.element(&copied.source);
                }
                // What `rest` carries has no rule of its own; it is strewn in later. Only documents of FHIR restate,
                // and those are made by the definitions.
                Content::Rest(_) | Content::Restate(_) => {}
            }
        }
        for (_, settled) in &block.settled {
            match settled {
                Settled::SourceConstant { path, text } if self.random.chance(95) => {
                    if let Some(node) = self.element(path) {
                        self.write(node, text);
                    }
                }
                Settled::Derived(leaf) if self.random.chance(30) => self.leaf(leaf),
                _ => {}
            }
        }
        for (_, mark) in &block.marks {
            if !self.is_full() && self.random.chance(12) {
                self.element(&mark.path);
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        let Some(node) = self.element(&leaf.source) else { return };
        if !self.text_of(node).trim().is_empty() {
            return;
        }
        let free =
            matches!(leaf.source_kind, Kind::Str | Kind::Attr | Kind::Text | Kind::Object | Kind::Xhtml);
        let text = if free && self.random.chance(6) {
            self.random.words()
        } else {
            self.random.convertible(&leaf.convert, leaf.primitive)
        };
        self.write(node, &text);
    }

    fn text_of(&self, node: NodeId) -> String {
        self.tree.text(node).into_owned()
    }

    fn relate(&mut self, relation: &Relation) {
        let count = if relation.each { 1 + self.random.below(2 + self.size / 4) } else { 1 };
        for _ in 0..count {
            let Some(start) = self.start(&relation.source) else { return };
            let fresh = if relation.each { anchor(&relation.source.steps) } else { None };
            let Some(place) = self.steps(start, &relation.source.steps, fresh) else { return };
            let Some(element) = self.follow(place, relation.source_resource.as_ref()) else { return };
            self.sources[relation.source_slot] = Some(element);
            self.block(&relation.block);
        }
    }

    /// The variable of a path, where what its conditions ask for can be brought about.
    fn start(&mut self, path: &Path) -> Option<NodeId> {
        let start = self.sources.get(path.slot).copied().flatten()?;
        for condition in &path.conditions {
            if matches!(condition, Condition::Equals(..) | Condition::Has(_))
                && !meets(&self.tree, start, std::slice::from_ref(condition))
            {
                self.write_condition(start, condition);
            }
        }
        (meets(&self.tree, start, &path.conditions) || self.random.chance(20)).then_some(start)
    }

    fn element(&mut self, path: &Path) -> Option<NodeId> {
        let start = self.start(path)?;
        self.steps(start, &path.steps, None)
    }

    fn steps(&mut self, start: NodeId, steps: &[Step], fresh: Option<usize>) -> Option<NodeId> {
        let mut here = start;
        for (at, step) in steps.iter().enumerate() {
            let reused =
                if fresh == Some(at + 1) { None } else { reusable(&self.tree, here, step, &steps[at + 1..]) };
            here = match reused {
                Some(found) => found,
                None => self.step(here, step)?,
            };
        }
        Some(here)
    }

    fn step(&mut self, parent: NodeId, step: &Step) -> Option<NodeId> {
        if self.tree.kind(parent) != Kind::Object {
            return None;
        }
        let there = self.tree.child(parent, step.name);
        if let Some(there) = there
            && !step.list
        {
            return Some(there);
        }
        let missing = usize::from(
            step.pick == Pick::Rest && !any(&self.tree, parent, &[first_of(step)], &mut |_| true),
        );
        let mut node = None;
        for _ in 0..=missing {
            let made = self.tree.insert(parent, step.name, step.kind, list_flag(step), step.order);
            for condition in &step.conditions {
                self.write_condition(made, condition);
            }
            node = Some(made);
        }
        node
    }

    fn write_condition(&mut self, node: NodeId, condition: &Condition) {
        let (steps, text) = match condition {
            Condition::Equals(steps, text) => (steps, Some(text)),
            Condition::Has(steps) => (steps, None),
            Condition::Differs(..) | Condition::Lacks(_) => return,
        };
        let mut here = node;
        for (at, step) in steps.iter().enumerate() {
            let reused = reusable(&self.tree, here, step, &steps[at + 1..]);
            let last = at + 1 == steps.len();
            here = match reused {
                Some(found) if !last || text.is_none() => found,
                _ => match self.step(here, step) {
                    Some(made) => made,
                    None => return,
                },
            };
        }
        match text {
            Some(text) => self.write(here, text),
            None if self.tree.kind(here).is_leaf() && self.tree.text(here).trim().is_empty() => {
                let words = self.random.words();
                self.write(here, &words);
            }
            None => {}
        }
    }

    fn write(&mut self, node: NodeId, text: &str) {
        if self.tree.kind(node) != Kind::Object {
            self.tree.set_text(node, text);
            return;
        }
        let run = self.tree.children(node).find(|child| self.tree.kind(*child) == Kind::Text);
        let run = match run {
            Some(run) => run,
            None => self.tree.insert(node, Name::NONE, Kind::Text, Flags::default(), u16::MAX),
        };
        self.tree.set_text(run, text);
    }

    /// The resource that rules inside a relation see, made where a Reference leads to none.
    fn follow(&mut self, place: NodeId, resource: Option<&Resource>) -> Option<NodeId> {
        let Some(resource) = resource else { return Some(place) };
        if !resource.by_reference {
            self.start_resource(place, resource);
            return Some(place);
        }
        if self.tree.child(place, Name::REFERENCE).is_some() {
            return None;
        }
        self.made += 1;
        let id = format!("g{}", self.made);
        let known = self.program.known;
        let entry = self.tree.insert(NodeId::ROOT, Name::ENTRY, Kind::Object, Flags::LIST, known.entry);
        let node = self.tree.insert(entry, Name::RESOURCE, Kind::Object, Flags::default(), known.resource);
        self.start_resource(node, resource);
        let held = self.tree.insert(node, Name::ID, Kind::Str, Flags::default(), known.resource_id);
        self.tree.set_text(held, &id);
        let reference =
            self.tree.insert(place, Name::REFERENCE, Kind::Str, Flags::default(), known.reference);
        self.tree.set_text(reference, &format!("{}/{id}", resource.kind));
        Some(node)
    }

    fn start_resource(&mut self, node: NodeId, resource: &Resource) {
        if self.tree.child(node, Name::RESOURCE_TYPE).is_none() {
            let kind = self.tree.insert(node, Name::RESOURCE_TYPE, Kind::Str, Flags::default(), 0);
            self.tree.set_text(kind, &resource.kind);
        }
        for condition in &resource.conditions {
            if !meets(&self.tree, node, std::slice::from_ref(condition)) {
                self.write_condition(node, condition);
            }
        }
    }
}

/// What the model allows beyond what rules ask for.
impl Maker<'_> {
    fn strew(&mut self, node: NodeId, ty: TypeId, depth: usize) {
        let children: Vec<NodeId> = self.tree.children(node).collect();
        for child in &children {
            if self.tree.kind(*child) != Kind::Object {
                continue;
            }
            let resource = self.tree.resource_type(*child).and_then(|kind| self.schema.type_named(&kind));
            let found = self.schema.element_by_name(ty, self.tree.name(*child)).map(|found| found.ty);
            if let Some(ty) = resource.or(found) {
                self.strew(*child, ty, depth + 1);
            }
        }
        if self.is_full() || depth > STREWN_DEPTH_MAX + 8 {
            return;
        }
        let bare = children.is_empty();
        for element in self.schema.elements(ty).iter().filter(|element| element.slice().is_none()) {
            let names = self.schema.names_in_data(ty, element);
            if names.is_empty() || names.iter().any(|found| self.tree.child(node, found.name).is_some()) {
                continue;
            }
            let often = if element.is_required() {
                85
            } else if bare {
                20
            } else {
                2
            };
            if depth > STREWN_DEPTH_MAX && !bare || !self.random.chance(often) {
                continue;
            }
            let at = self.random.below(names.len());
            if let Some(found) = names.get(at) {
                self.strewn(node, *found, depth);
            }
        }
    }

    fn strewn(&mut self, node: NodeId, found: Found<'_>, depth: usize) {
        let (element, order) = (found.element, found.element.order);
        let limit = usize::try_from(element.max).unwrap_or(usize::MAX).min(1 + self.size / 5);
        let name = self.schema.type_info(found.ty).name;
        let xml = self.program.format == Format::Xml;
        if element.is_xml_text() {
            let text = self.random.primitive(Primitive::of(name));
            return self.write(node, &text);
        }
        let flags = if element.is_list() { Flags::LIST } else { Flags::default() };
        if self.program.format == Format::Json && element.is_list() && self.random.chance(15) {
            self.tree.insert(node, found.name, Kind::EmptyList, Flags::default(), order);
            return;
        }
        let count = if element.is_list() { 1 + self.random.below(limit) } else { 1 };
        for _ in 0..count {
            let kind = match found.form {
                _ if element.is_attribute() && xml => Kind::Attr,
                Form::Object => Kind::Object,
                // A resource that no rule asks for would need a type and a life of its own.
                Form::Resource | Form::Xhtml => return,
                Form::Number => Kind::Number,
                Form::Bool => Kind::Bool,
                Form::Str => Kind::Str,
            };
            // Beyond its depth only single values are added, so that recursive types end.
            if kind == Kind::Object && depth >= STREWN_DEPTH_MAX {
                return;
            }
            let made = self.tree.insert(node, found.name, kind, flags, order);
            if kind == Kind::Object {
                self.strew(made, found.ty, depth + 1);
            } else {
                let text = value(self.schema, &mut self.random, found, name);
                self.tree.set_text(made, &text);
            }
        }
    }

    /// Lets all items say what the first says where a rule asks for it; some are silent.
    fn agree(&mut self, block: &Block) {
        let leaves = block.content.iter().filter_map(|(_, content)| match content {
            Content::Leaf(leaf) => Some(leaf),
            Content::Relate(_) | Content::Copy(_) | Content::Rest(_) | Content::Restate(_) => None,
        });
        for path in leaves.map(|leaf| &leaf.source).filter(|path| path.same().is_some()) {
            let Some(start) = self.sources.get(path.slot).copied().flatten() else { continue };
            let (above, below) = path.steps.split_at(path.same().map_or(0, |at| at + 1));
            let mut places = Vec::new();
            all(&self.tree, start, &path.steps, &mut places);
            let Some(text) = places.first().map(|place| self.text_of(*place)) else { continue };
            let mut items = Vec::new();
            all(&self.tree, start, above, &mut items);
            for item in items {
                let place = first(&self.tree, item, below);
                match place {
                    Some(place) => self.write(place, &text),
                    None if self.random.chance(50) => {
                        if let Some(place) = self.steps(item, below, None) {
                            self.write(place, &text);
                        }
                    }
                    None => {}
                }
            }
        }
        for (_, content) in &block.content {
            if let Content::Relate(relation) = content {
                self.agree(&relation.block);
            }
        }
    }

    /// What a vendor writes beside what the model has; it must survive every change.
    fn additions(&mut self) {
        let name = self.tree.intern(match self.program.format {
            Format::Xml => "sdtc:lisatieto",
            // A site's own field, beyond those of the standard; it stands in segments.
            Format::Er7 => "f90",
            Format::Json | Format::Csv | Format::Fhir => "lisatieto",
        });
        let nodes: Vec<NodeId> = self.tree.descend(NodeId::ROOT).skip(1).collect();
        for node in nodes {
            if self.tree.kind(node) != Kind::Object {
                continue;
            }
            let has_text = self.tree.children(node).any(|child| self.tree.kind(child) == Kind::Text);
            let is_segment = || {
                self.tree
                    .name_text(node)
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
            };
            if self.program.format == Format::Er7 && !is_segment() {
                continue;
            }
            if !has_text && self.random.chance(ADDITIONS_PERCENT) {
                let made = self.tree.insert(node, name, Kind::Str, Flags::default(), u16::MAX);
                let words = self.random.words();
                self.tree.set_text(made, &words);
            }
        }
    }

    /// Leaves behind what a reader of the format would give: no element that a text could not show.
    fn settle(&mut self, node: NodeId) {
        let children: Vec<NodeId> = self.tree.children(node).collect();
        for child in &children {
            self.settle(*child);
        }
        if matches!(self.tree.kind(node), Kind::Str | Kind::Attr)
            && self.tree.text(node).is_empty()
            && self.random.chance(90)
        {
            let words = self.random.words();
            self.tree.set_text(node, &words);
        }
        if self.names_character_set(node) {
            self.tree.set_text(node, "UNICODE UTF-8");
        }
        if node == NodeId::ROOT || self.tree.kind(node).is_leaf() {
            let empty = self.tree.kind(node).is_leaf() && self.tree.text(node).is_empty();
            let needs_text = matches!(self.tree.kind(node), Kind::Number | Kind::Bool);
            if node != NodeId::ROOT && empty && (needs_text || self.program.format != Format::Json) {
                self.tree.detach(node);
            }
            return;
        }
        let children: Vec<NodeId> = self.tree.children(node).collect();
        // A group without the segment that begins it would be part of what stands before it.
        let is_headless = |first: &NodeId| matches!(self.tree.name_text(*first), "NTE" | "VAR" | "CTD");
        let is_group = self.tree.name_text(node).len() > 3;
        if self.program.format == Format::Er7 && is_group && children.first().is_some_and(is_headless) {
            return self.tree.detach(node);
        }
        match (children.as_slice(), self.program.format) {
            ([], Format::Xml | Format::Csv | Format::Er7 | Format::Fhir)
                if self.tree.kind(node) == Kind::Object =>
            {
                self.tree.detach(node);
            }
            ([only], Format::Xml) if self.tree.kind(*only) == Kind::Text => {
                let text = self.tree.text(*only).into_owned();
                self.tree.detach(*only);
                self.tree.set_kind(node, Kind::Str);
                self.tree.set_text(node, &text);
            }
            _ => {}
        }
    }

    /// An HL7 v2 message names its character set in MSH-18, and this one is written in UTF-8.
    fn names_character_set(&self, node: NodeId) -> bool {
        let stands_in = self.tree.parent(node).map_or("", |parent| self.tree.name_text(parent));
        self.program.format == Format::Er7 && stands_in == "MSH" && self.tree.name_text(node) == "f18"
    }
}

/// The step without its `[rest]`.
fn first_of(step: &Step) -> Step {
    Step { pick: Pick::All, ..step.clone() }
}

/// A value of a primitive element: a code of its value set, or one of its type.
pub(super) fn value(schema: &Schema, random: &mut Random, found: Found<'_>, name: &str) -> String {
    let codes = found.element.binding().and_then(|binding| schema.codes(&binding.value_set));
    if let Some(codes) = codes
        && random.chance(90)
    {
        let at = random.below(codes.len());
        if let Some(code) = codes.get(at) {
            return code.code.to_owned();
        }
    }
    let primitive = match (Primitive::of(name), found.form) {
        (Primitive::Text, Form::Number) => Primitive::Decimal,
        (Primitive::Text, Form::Bool) => Primitive::Boolean,
        (primitive, _) => primitive,
    };
    random.primitive(primitive)
}
