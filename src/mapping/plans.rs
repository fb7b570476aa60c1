//! FHIR care plans from a seed, by the definitions of R4: what a system that speaks FHIR may send.
//!
//! Lenses over FHIR copy most elements whole, so their rules ask for too little to make a document of; the
//! definitions lead here, and the elements that the lenses do look at are made more often.

use super::generate::{GENERATED_NODES_MAX, value};
use super::make::{equality, list_flag};
use super::program::{Block, Condition, Content, Program, Restatement, Root, first};
use super::random::Random;
use crate::schema::{Found, Schema};
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Flags, Kind, Name, NodeId, Tree};

/// Nesting of elements that need not be there.
const DEPTH_MAX: usize = 4;
/// What stands in a Bundle beside its plans.
const ENTRIES: [&str; 5] = ["CareTeam", "Goal", "Patient", "ServiceRequest", "CarePlan"];
/// What is contained in a resource.
const CONTAINED: [&str; 3] = ["Goal", "Organization", "ServiceRequest"];

/// A document that a root of the lens reads: a Bundle, or a resource alone.
pub(super) fn document(program: &Program, schema: &Schema, root: &Root, random: Random, size: usize) -> Tree {
    let mut tree = Tree::new(&program.names);
    tree.push_root(Name::NONE, Kind::Object);
    let restatement = restatement_in(&root.block);
    let mut maker = Maker { schema, random, tree, size, restatement, known: Vec::new(), number: 0 };
    let kind = root.source_conditions.iter().find_map(|condition| match condition {
        Condition::Equals(steps, text) if steps.iter().all(|step| step.name == Name::RESOURCE_TYPE) => {
            Some(&**text)
        }
        _ => None,
    });
    match kind {
        Some("Bundle") | None => maker.bundle(),
        Some(kind) => {
            let id = maker.id();
            maker.resource(NodeId::ROOT, kind, &id, 0);
        }
    }
    maker.shown(program)
}

/// The rule by which an activity says again what a request holds.
fn restatement_in(block: &Block) -> Option<&Restatement> {
    block.content.iter().find_map(|(_, content)| match content {
        Content::Restate(restatement) => Some(&**restatement),
        Content::Relate(relation) => restatement_in(&relation.block),
        Content::Leaf(_) | Content::Copy(_) | Content::Rest(_) => None,
    })
}

struct Maker<'a> {
    schema: &'a Schema,
    restatement: Option<&'a Restatement>,
    random: Random,
    tree: Tree,
    size: usize,
    /// What references lead to.
    known: Vec<String>,
    number: usize,
}

impl Maker<'_> {
    fn id(&mut self) -> String {
        self.number += 1;
        format!("{}{}", self.random.pick(&["plan-", "a", "service-request-"]).unwrap_or("a"), self.number)
    }

    fn is_full(&self) -> bool {
        self.tree.len() > GENERATED_NODES_MAX
    }

    fn leaf(&mut self, node: NodeId, name: Name, order: u16, text: &str) {
        let made = self.tree.insert(node, name, Kind::Str, Flags::default(), order);
        self.tree.set_text(made, text);
    }

    fn bundle(&mut self) {
        self.leaf(NodeId::ROOT, Name::RESOURCE_TYPE, 0, "Bundle");
        let Some(ty) = self.schema.type_named("Bundle") else { return };
        self.fill(NodeId::ROOT, ty, 1, 12, &["id", "entry", "signature"]);
        let Some(found) = self.schema.find(ty, "entry") else { return };
        let mut kinds = vec!["CarePlan"];
        for _ in 0..=self.random.below(1 + self.size / 2) {
            kinds.extend(self.random.pick(&ENTRIES));
        }
        let entries: Vec<(&str, String)> = kinds.into_iter().map(|kind| (kind, self.id())).collect();
        self.known.extend(entries.iter().map(|(kind, id)| format!("{kind}/{id}")));
        for (kind, id) in entries {
            let entry =
                self.tree.insert(NodeId::ROOT, found.name, Kind::Object, Flags::LIST, found.element.order);
            if self.random.chance(70)
                && let Some(url) = self.schema.find(found.ty, "fullUrl")
            {
                self.leaf(
                    entry,
                    url.name,
                    url.element.order,
                    &format!("https://example.org/fhir/{kind}/{id}"),
                );
            }
            if let Some(held) = self.schema.find(found.ty, "resource") {
                let held =
                    self.tree.insert(entry, held.name, Kind::Object, Flags::default(), held.element.order);
                self.resource(held, kind, &id, 0);
            }
            self.fill(entry, found.ty, 3, 4, &["resource", "fullUrl"]);
        }
    }

    fn resource(&mut self, node: NodeId, kind: &str, id: &str, depth: usize) {
        self.leaf(node, Name::RESOURCE_TYPE, 0, kind);
        let Some(ty) = self.schema.type_named(kind) else { return };
        if depth > 0 || self.random.chance(90) {
            let order = self.schema.find(ty, "id").map_or(1, |found| found.element.order);
            self.leaf(node, Name::ID, order, id);
        }
        let local = self.known.len();
        if depth == 0
            && self.random.chance(20)
            && let Some(found) = self.schema.find(ty, "contained")
        {
            for number in 0..=self.random.below(2) {
                let held = self.tree.insert(node, found.name, Kind::Object, Flags::LIST, found.element.order);
                let kind = self.random.pick(&CONTAINED).unwrap_or("Goal");
                self.resource(held, kind, &format!("c{number}"), 1);
                self.known.push(format!("#c{number}"));
            }
        }
        let often = if kind == "CarePlan" { 25 } else { 12 };
        self.fill(node, ty, depth, often, &["id", "contained", "activity"]);
        if let Some(found) = self.schema.find(ty, "activity") {
            for _ in 0..self.random.below(2 + self.size / 3) {
                self.activity(node, found);
            }
        }
        self.known.truncate(local);
    }

    /// An activity of every form: inline, a request, both, neither.
    fn activity(&mut self, plan: NodeId, found: Found<'_>) {
        if self.is_full() {
            return;
        }
        let node = self.tree.insert(plan, found.name, Kind::Object, Flags::LIST, found.element.order);
        let form = self.random.below(100);
        if form >= 82
            && let Some(restatement) = self.restatement
        {
            return self.restating_activity(node, found, restatement);
        }
        if form < 65
            && let Some(detail) = self.schema.find(found.ty, "detail")
        {
            let made =
                self.tree.insert(node, detail.name, Kind::Object, Flags::default(), detail.element.order);
            let often = if self.random.chance(25) { 70 } else { 20 };
            self.fill(made, detail.ty, 2, often, &[]);
        }
        if (55..88).contains(&form)
            && let Some(reference) = self.schema.find(found.ty, "reference")
        {
            self.element(node, reference, 3);
        }
        self.fill(node, found.ty, 3, 12, &["detail", "reference"]);
    }

    /// An activity whose detail names a request, and says whatever it says of it.
    fn restating_activity(&mut self, node: NodeId, found: Found<'_>, restatement: &Restatement) {
        let Some(detail) = self.schema.find(found.ty, "detail") else { return };
        let order = detail.element.order;
        let made = self.tree.insert(node, detail.name, Kind::Object, Flags::default(), order);
        let mut here = made;
        for step in &restatement.reference.steps {
            here = self.tree.insert(here, step.name, step.kind, list_flag(step), step.order);
            for (steps, text) in step.conditions.iter().filter_map(equality) {
                if let [step] = steps {
                    self.leaf(here, step.name, step.order, text);
                }
            }
        }
        let kind = restatement.relation.target_resource.as_ref().map_or("", |resource| &*resource.kind);
        let may_be = |known: &&String| known.starts_with(kind) || known.starts_with('#');
        let requests: Vec<String> = self.known.iter().filter(may_be).cloned().collect();
        let at = self.random.below(requests.len());
        let reference = self.schema.type_named("Reference");
        match (requests.get(at), reference.and_then(|ty| self.schema.find(ty, "reference")), reference) {
            (Some(known), Some(found), _) => self.leaf(here, found.name, found.element.order, known),
            (_, _, Some(ty)) => self.reference(here, ty, DEPTH_MAX),
            _ => {}
        }
        self.fill(made, detail.ty, 2, 20, &["extension"]);
    }

    /// Of some documents what the lens itself makes of their resources, which shows requests inline; a part of what
    /// is shown was then taken away by somebody.
    fn shown(mut self, program: &Program) -> Tree {
        let Some(restatement) = self.restatement.filter(|_| self.random.chance(50)) else { return self.tree };
        let made = program.get_alone(&self.tree).and_then(|got| program.create(&got.target));
        let Ok(mut tree) = made else { return self.tree };
        let elements: Vec<NodeId> = tree
            .descend(NodeId::ROOT)
            .filter(|node| first(&tree, *node, &restatement.reference.steps).is_some())
            .collect();
        for element in elements {
            let held = restatement.reference.steps.first().map(|step| step.name);
            let said: Vec<NodeId> =
                tree.children(element).filter(|child| Some(tree.name(*child)) != held).collect();
            for child in said {
                if self.random.chance(8) {
                    tree.remove(child);
                }
            }
        }
        tree
    }

    /// Gives an element children: those that must be there, and of the others so many of a hundred.
    fn fill(&mut self, node: NodeId, ty: TypeId, depth: usize, often: usize, but: &[&str]) {
        for element in self.schema.elements(ty).iter().filter(|element| element.slice().is_none()) {
            let name = self.schema.name_text(element.name);
            // `Element.id` and what modifies are rarer than the rest.
            let often = match name {
                "id" | "modifierExtension" | "implicitRules" => often / 4,
                "extension" => often / 2,
                _ => often,
            };
            let wanted =
                element.is_required() || (depth <= DEPTH_MAX && !self.is_full() && self.random.chance(often));
            if but.contains(&name) || !wanted {
                continue;
            }
            let names = self.schema.names_in_data(ty, element);
            let at = self.random.below(names.len());
            let Some(found) = names.get(at) else { continue };
            let count = if element.is_list() && self.random.chance(30) { 2 } else { 1 };
            for _ in 0..count {
                self.element(node, *found, depth);
            }
        }
        if self.tree.first_child(node).is_none() {
            self.something(node, ty, depth);
        }
    }

    /// No element is empty.
    fn something(&mut self, node: NodeId, ty: TypeId, depth: usize) {
        let plain: Vec<Found<'_>> = self
            .schema
            .elements(ty)
            .iter()
            .filter(|element| element.slice().is_none())
            .flat_map(|element| self.schema.names_in_data(ty, element))
            .filter(|found| matches!(found.form, Form::Str | Form::Number | Form::Bool))
            .collect();
        // The first is `Element.id`.
        let at = if plain.len() > 1 { 1 + self.random.below(plain.len() - 1) } else { 0 };
        if let Some(found) = plain.get(at) {
            self.element(node, *found, depth);
        }
    }

    fn element(&mut self, parent: NodeId, found: Found<'_>, depth: usize) {
        let element = found.element;
        let flags = if element.is_list() { Flags::LIST } else { Flags::default() };
        let kind = match found.form {
            Form::Resource => return,
            Form::Object => Kind::Object,
            Form::Xhtml => Kind::Xhtml,
            Form::Number => Kind::Number,
            Form::Bool => Kind::Bool,
            Form::Str => Kind::Str,
        };
        let node = self.tree.insert(parent, found.name, kind, flags, element.order);
        let info = self.schema.type_info(found.ty).name;
        match (kind, info) {
            (Kind::Object, "Extension") => self.extension(node, found.ty, depth),
            (Kind::Object, "Reference") => self.reference(node, found.ty, depth),
            (Kind::Object, _) => {
                let often = [20, 20, 18, 14, 10, 6].get(depth).copied().unwrap_or(3);
                self.fill(node, found.ty, depth + 1, often, &[]);
            }
            (Kind::Xhtml, _) => {
                let number = self.random.below(90);
                let text = format!(
                    "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Teksti {number} &amp; muu</p></div>"
                );
                self.tree.set_text(node, &text);
            }
            _ => {
                let plain = element.is_attribute() || self.schema.name_text(found.name) == "id";
                if !plain && self.random.chance(4) {
                    self.companion(node);
                }
                if self.tree.kind(node) != Kind::Null {
                    let text = value(self.schema, &mut self.random, found, info);
                    self.tree.set_text(node, &text);
                }
            }
        }
    }

    /// What stands beside the value of a primitive, or instead of it.
    fn companion(&mut self, node: NodeId) {
        let Some(ty) = self.schema.type_named("Element") else { return };
        if self.random.chance(30)
            && let Some(id) = self.schema.find(ty, "id")
        {
            let text = format!("e{}", self.random.below(99));
            self.leaf(node, id.name, id.element.order, &text);
        }
        if (self.tree.first_child(node).is_none() || self.random.chance(70))
            && let Some(extension) = self.schema.find(ty, "extension")
        {
            self.element(node, extension, DEPTH_MAX);
        }
        if self.random.chance(30) {
            self.tree.set_kind(node, Kind::Null);
        }
    }

    fn extension(&mut self, node: NodeId, ty: TypeId, depth: usize) {
        let url = format!("https://example.org/fhir/StructureDefinition/word-{}", self.random.below(9));
        let order = self.schema.find(ty, "url").map_or(1, |found| found.element.order);
        self.leaf(node, Name::URL, order, &url);
        if depth <= DEPTH_MAX
            && self.random.chance(15)
            && let Some(inner) = self.schema.find(ty, "extension")
        {
            return self.element(node, inner, depth + 2);
        }
        let Some(choice) = self.schema.choice(ty, "value") else { return };
        let names = self.schema.names_in_data(ty, choice);
        let plain = self.random.chance(60);
        let fits = |found: &&Found<'_>| !plain || found.form != Form::Object;
        let fitting: Vec<&Found<'_>> = names.iter().filter(fits).collect();
        let at = self.random.below(fitting.len());
        if let Some(found) = fitting.get(at) {
            self.element(node, **found, depth + 1);
        }
    }

    fn reference(&mut self, node: NodeId, ty: TypeId, depth: usize) {
        let at = self.random.below(self.known.len());
        let text = match (self.random.below(10), self.known.get(at)) {
            (0..6, Some(known)) => Some(known.clone()),
            (0..8, _) => Some(format!("Practitioner/p{}", self.random.below(20))),
            (8, _) => Some(format!("urn:uuid:6f9619ff-8b86-4011-b42d-00c04fc9{:04}", self.random.below(99))),
            _ => None,
        };
        if let (Some(text), Some(found)) = (&text, self.schema.find(ty, "reference")) {
            self.leaf(node, found.name, found.element.order, text);
        }
        let often = if text.is_some() { 6 } else { 40 };
        self.fill(node, ty, depth.max(3) + 1, often, &["reference"]);
    }
}
