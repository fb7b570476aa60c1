//! Definitions as data: whether what a `StructureDefinition` says fits what it derives from.

use super::Walk;
use super::report::{Fault, Subject};
use crate::diag::{codes, message};
use crate::schema::{ElementDef, Schema, Strength, UNKNOWN};
use crate::tree::fhir::{self, TypeId};
use crate::tree::{Name, NodeId, Tree, json};

/// Definitions of one document that are completed.
const DEFINITIONS_MAX: usize = 20;
/// Elements of one differential that are looked at.
const ELEMENTS_MAX: usize = 10_000;

impl Walk<'_, '_> {
    /// Checks a `StructureDefinition`: its differential can be laid over its base, and loosens nothing of it (FHIR R4,
    /// "Profiling", 5.1.0.5). What the base says can be told only where it is at hand.
    pub(super) fn definition(&mut self, id: NodeId) {
        let tree = self.tree;
        let Some(differential) = tree.child_str(id, "differential") else { return };
        let Some(name) = tree.names().get("element") else { return };
        let elements: Vec<NodeId> = tree.children_named(differential, name).take(ELEMENTS_MAX).collect();
        if let Some(first) = elements.first().filter(|first| tree.child_str(**first, "slicing").is_some())
            && tree.child_text(*first, "path").is_some_and(|path| !path.contains('.'))
        {
            let message = message!("the root of a profile is not sliced");
            self.tell(Fault::error(codes::DEFINITION_SHAPE, *first, message));
        }
        let schema = self.validator.schema();
        let base = tree.child_text(id, "baseDefinition").and_then(|url| schema.type_by_url(&url));
        let is_profile = tree.child_text(id, "derivation").is_some_and(|it| it == "constraint");
        if let Some(base) = base.filter(|_| is_profile) {
            self.in_order(&elements, base);
            for element in elements {
                self.narrows(element, base);
            }
            self.is_completed(id);
        }
    }

    /// Checks that a definition without a snapshot can be given one.
    fn is_completed(&mut self, id: NodeId) {
        let (tree, schema) = (self.tree, self.validator.schema());
        if tree.child_str(id, "snapshot").is_some() {
            return;
        }
        if self.definitions >= DEFINITIONS_MAX {
            let url = tree.child_text(id, "url").unwrap_or_default();
            return self.named_not_checked(Subject::Profile, &url);
        }
        self.definitions += 1;
        let mut json = String::new();
        fhir::write_json(tree, id, Some(schema), json::Layout::Compact, &mut json);
        if let Ok(Some(reason)) = schema.refusal(&json) {
            let message = message!("the differential cannot be laid over its base");
            self.tell(Fault::error(codes::DEFINITION_SHAPE, id, message).value(reason));
        }
    }

    /// Checks one element of a differential against that of the base. A slice may stand less often than all together.
    fn narrows(&mut self, element: NodeId, base: TypeId) {
        let (tree, schema) = (self.tree, self.validator.schema());
        let Some(path) = tree.child_text(element, "path") else { return };
        let is_slice = tree.child_text(element, "id").is_some_and(|id| id.contains(':'))
            || tree.child_str(element, "sliceName").is_some();
        let Some(known) = path.split_once('.').and_then(|(_, path)| at_path(schema, base, path)) else {
            return;
        };
        let child = |name: &str| tree.child_str(element, name).filter(|node| tree.has_text(*node));
        if let Some(node) = child("min").filter(|_| !is_slice)
            && tree.text(node).parse::<u32>().is_ok_and(|min| min < known.min)
        {
            let message =
                message!("the base requires the element {min} times, and this fewer", min = known.min);
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
        if let Some(node) = child("max")
            && known.max != u32::MAX
            && tree.text(node).parse::<u32>().map_or(true, |max| max > known.max)
        {
            let message = message!("the base allows the element {max} times, and this more", max = known.max);
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
        let fixed = tree.children(element).find(|child| is_fixed(tree.name_text(*child)));
        if let (Some(node), Some(known)) = (fixed, &known.facts().fixed)
            && !is_value(tree, node, &known.json)
        {
            let message = message!("the base fixes another value, which a constraint keeps");
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
        self.keeps_types(element, known);
        self.keeps_binding(element, known);
    }

    /// Every type is one that the base allows, or derives from one (FHIR R4, `ElementDefinition.type`).
    fn keeps_types(&mut self, element: NodeId, known: &ElementDef) {
        let (tree, schema) = (self.tree, self.validator.schema());
        let Some(name) = tree.names().get("type") else { return };
        let is_told = known.types.iter().all(|ty| ty.ty != UNKNOWN);
        if known.types.is_empty() || !is_told {
            return;
        }
        for ty in tree.children_named(element, name) {
            let Some(code) = tree.child_str(ty, "code").filter(|code| tree.has_text(*code)) else { continue };
            let Some(named) = schema.type_named(&tree.text(code)) else { continue };
            let mut above = std::iter::successors(Some(named), |ty| schema.type_info(*ty).base);
            if !above.any(|ty| known.types.iter().any(|allowed| allowed.ty == ty)) {
                let message = message!("the base does not allow this type here");
                self.tell(Fault::error(codes::WIDENED, code, message));
            }
        }
    }

    /// A binding that the base requires stays required (FHIR R4, "Profiling", 5.1.0.5).
    fn keeps_binding(&mut self, element: NodeId, known: &ElementDef) {
        let tree = self.tree;
        let is_required = |known: &ElementDef| {
            known.facts().binding.as_ref().is_some_and(|binding| binding.strength == Strength::Required)
        };
        let Some(binding) = tree.child_str(element, "binding").filter(|_| is_required(known)) else { return };
        let Some(strength) = tree.child_str(binding, "strength").filter(|node| tree.has_text(*node)) else {
            return;
        };
        if tree.text(strength) != "required" {
            let message = message!("the base requires codes of a value set, and this binding is weaker");
            self.tell(Fault::error(codes::WIDENED, strength, message));
        }
    }

    /// The elements of a differential stand in the order of the base, each with its children behind it.
    fn in_order(&mut self, elements: &[NodeId], base: TypeId) {
        let (tree, schema) = (self.tree, self.validator.schema());
        // The elements that the one at hand stands in, by path, and the rank of the last child of each so far.
        let mut open: Vec<(String, u16)> = Vec::new();
        for element in elements {
            let Some(path) = tree.child_text(*element, "path") else { return };
            let Some((above, _)) = path.rsplit_once('.') else { continue };
            while open.last().is_some_and(|(holder, _)| {
                holder != above && !above.strip_prefix(&**holder).is_some_and(|rest| rest.starts_with('.'))
            }) {
                open.pop();
            }
            let known = path.split_once('.').and_then(|(_, path)| at_path(schema, base, path));
            let Some(rank) = known.map(|known| known.order) else { continue };
            match open.last_mut().filter(|(holder, _)| holder == above) {
                Some((_, last)) if *last > rank => {
                    let message = message!("the element stands behind one that it precedes in the base");
                    self.tell(Fault::error(codes::DEFINITION_SHAPE, *element, message));
                }
                Some((_, last)) => *last = rank,
                None => open.push((above.to_owned(), rank)),
            }
        }
    }
}

fn is_fixed(name: &str) -> bool {
    name.strip_prefix("fixed").is_some_and(|ty| ty.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// The element of a type at a path without slices; none where the path leads into a data type that is not listed.
fn at_path<'s>(schema: &'s Schema, ty: TypeId, path: &str) -> Option<&'s ElementDef> {
    let mut found: Option<&ElementDef> = None;
    let mut ty = Some(ty);
    for step in path.split('.') {
        let name: Name = schema.names().get(step.strip_suffix("[x]").unwrap_or(step))?;
        let is_it = |def: &&ElementDef| def.name == name && def.slice().is_none();
        let def = schema.elements(ty?).iter().find(is_it)?;
        ty = def.body.or_else(|| def.types.first().map(|ty| ty.ty).filter(|_| def.types.len() == 1));
        found = Some(def);
    }
    found
}

/// True where a node holds a value that a definition states in JSON.
fn is_value(tree: &Tree, id: NodeId, stated: &str) -> bool {
    let Ok(stated) = json::read(stated, tree.names().shared()) else { return true };
    // A value of XML has no quotes of its own, so leaves are compared by their text.
    if tree.kind(id).is_leaf() {
        return tree.text(id) == stated.text(NodeId::ROOT);
    }
    crate::tree::same_content(tree, id, &stated, NodeId::ROOT)
}
