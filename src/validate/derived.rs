//! A definition against the one it constrains: what its differential states may only narrow the base (FHIR R4,
//! "Profiling", 5.1.0.1).

use super::Walk;
use super::report::Fault;
use crate::diag::codes;
use crate::schema::ElementDef;
use crate::tree::fhir::TypeId;
use crate::tree::json;
use crate::tree::{Name, NodeId, Tree};

impl<'s> Walk<'_, 's> {
    /// Checks a `StructureDefinition` whose base is at hand.
    pub(super) fn derived(&mut self, id: NodeId) {
        let (tree, schema) = (self.tree, self.validator.schema());
        let is_constraint = tree.child_text(id, "derivation").is_some_and(|it| it == "constraint");
        let base = tree.child_text(id, "baseDefinition").and_then(|url| schema.type_by_url(&url));
        let (Some(base), true, Some(view)) = (base, is_constraint, tree.child_str(id, "differential")) else {
            return;
        };
        let name = tree.names().get("element").unwrap_or(Name::NONE);
        for element in tree.children_named(view, name) {
            let text = |name: &str| tree.child_text(element, name).unwrap_or_default();
            // A slice narrows the element that it is one of, in ways of its own.
            if text("id").contains(':') || tree.child_str(element, "sliceName").is_some() {
                continue;
            }
            let path = text("path");
            if let Some((_, below)) = path.split_once('.')
                && let Some(known) = self.base_element(base, below)
            {
                self.narrows(element, known);
            }
        }
    }

    /// The element of a base at a path below its root.
    fn base_element(&self, base: TypeId, path: &str) -> Option<&'s ElementDef> {
        let schema = self.validator.schema();
        let mut ty = base;
        let mut found: Option<&'s ElementDef> = None;
        for step in path.split('.') {
            let name = schema.names().get(step.strip_suffix("[x]").unwrap_or(step))?;
            let element = schema.elements(ty).iter().find(|it| it.name == name && it.slice().is_none())?;
            ty = element.body.or_else(|| element.types.first().map(|ty| ty.ty))?;
            found = Some(element);
        }
        found
    }

    fn narrows(&mut self, element: NodeId, base: &ElementDef) {
        let tree = self.tree;
        let child = |name: &str| tree.child_str(element, name).filter(|node| tree.has_text(*node));
        if let Some(node) = child("min")
            && tree.text(node).parse::<u32>().is_ok_and(|min| min < base.min)
        {
            let message = format!("the base requires the element {} times, and this fewer", base.min);
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
        if let Some(node) = child("max")
            && base.max != u32::MAX
            && tree.text(node).parse::<u32>().map_or(true, |max| max > base.max)
        {
            let message = format!("the base allows the element {} times, and this more", base.max);
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
        let fixed = tree.children(element).find(|node| tree.name_text(*node).starts_with("fixed"));
        if let (Some(node), Some(known)) = (fixed, &base.facts().fixed)
            && !is_value(tree, node, &known.json)
        {
            let message = "the base fixes another value, which a constraint keeps";
            self.tell(Fault::error(codes::WIDENED, node, message));
        }
    }
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
