//! Extensions: whether their definition is known, what it demands, and whether it lets them stand where they stand
//! (FHIR R4, "Defining Extensions", 2.5.3).

use super::primitive::has_scheme;
use super::report::{Fault, Subject};
use super::{Extensions, Walk};
use crate::diag::{Severity, codes, message};
use crate::fhirpath::{Options, parse};
use crate::schema::{Context, Root, TypeKind};
use crate::tree::fhir::TypeId;
use crate::tree::{Name, NodeId};

/// Places where R4's own definitions have extensions that the contexts of those leave out.
const MORE_CONTEXTS: &[(&str, &str)] = &[
    // Every element `id` of R4 has it at the type; the definition says at the code of the type.
    ("http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type", "ElementDefinition.type"),
];

/// Elements above one another that are looked at; a tree is not deeper.
const ABOVE_MAX: usize = 256;

/// A node above an extension with its type.
#[derive(Debug, Clone, Copy)]
struct Above {
    /// The name of its element in the type above it: `value` for `valueString`.
    element: Name,
    /// Its name in data.
    name: Name,
    ty: TypeId,
}

impl Walk<'_, '_> {
    /// Checks an extension against its definition.
    pub(super) fn extension(&mut self, id: NodeId, ty: TypeId) {
        let tree = self.tree;
        let Some(url) = tree.child(id, Name::URL).filter(|url| tree.has_text(*url)) else { return };
        let leaf = url;
        let url = tree.text(leaf);
        if !has_scheme(&url) {
            // Parts of an extension have names that only its definition knows.
            let holder = tree.parent(id).map_or(Name::NONE, |holder| tree.name(holder));
            if !matches!(holder, Name::EXTENSION | Name::MODIFIER_EXTENSION) && !url.is_empty() {
                let message = message!("the url of an extension is absolute, but within another extension");
                self.tell(Fault::error(codes::URL_RELATIVE, leaf, message).value(&*url));
            }
            return;
        }
        let is_modifier = tree.name(id) == Name::MODIFIER_EXTENSION;
        if let Some(definition) = self.validator.schema().type_by_url(&url) {
            self.profile(id, ty, definition);
            if let Some(root) = self.validator.schema().root(definition) {
                let url = self.validator.schema().type_info(definition).url;
                self.place(id, url, root, is_modifier);
            }
            return;
        }
        self.named_not_checked(Subject::Extension, &url);
        let (severity, message) = if is_modifier {
            (
                Severity::Error,
                message!("the extension changes the meaning of the data, and is not known here"),
            )
        } else {
            let severity = match self.validator.extensions {
                Extensions::Any => Severity::Information,
                Extensions::Known => Severity::Error,
            };
            (severity, message!("the extension is not known here"))
        };
        self.tell(Fault::new(codes::EXTENSION_UNKNOWN, severity, id, message).value(&*url));
    }

    fn place(&mut self, id: NodeId, url: &str, root: &Root, is_modifier: bool) {
        let tree = self.tree;
        let Some(holder) = tree.parent(id) else { return };
        if root.is_modifier() != is_modifier {
            let wanted = if root.is_modifier() { "modifierExtension" } else { "extension" };
            let message = message!("by its definition {url} is written as `{wanted}`", url, wanted);
            self.tell(Fault::error(codes::EXTENSION_KIND, id, message).rule(url));
        }
        let above = self.above(holder);
        let mut fits: Vec<Option<bool>> =
            root.contexts.iter().map(|context| self.is_at(holder, &above, context)).collect();
        let more = MORE_CONTEXTS.iter().filter(|(known, _)| *known == url);
        fits.extend(more.map(|(_, expression)| Some(self.is_element(&above, expression))));
        if fits.contains(&None) {
            self.not_checked(Subject::Extension, url);
        } else if !fits.is_empty() && !fits.contains(&Some(true)) {
            let wanted: Vec<&str> = root.contexts.iter().map(|context| &*context.expression).collect();
            let message = message!(
                "the extension {url} may not stand here, only at {wanted}",
                url,
                wanted = wanted.join(", ")
            );
            self.tell(Fault::error(codes::EXTENSION_CONTEXT, id, message).rule(url));
        }
        let ty = above.last().map_or(crate::schema::UNKNOWN, |above| above.ty);
        for rule in &root.context_invariants {
            if self.holds(rule, holder, ty) == Some(false) {
                let message =
                    message!("the extension {url} may stand only where this holds: {rule}", url, rule);
                self.tell(Fault::error(codes::EXTENSION_CONTEXT, id, message).rule(url));
            }
        }
    }

    /// The nodes from the innermost resource down to one, with their types.
    fn above(&self, id: NodeId) -> Vec<Above> {
        let tree = self.tree;
        let up = std::iter::successors(Some(id), |node| {
            if tree.resource_type(*node).is_some() { None } else { tree.parent(*node) }
        });
        let mut path: Vec<NodeId> = up.take(ABOVE_MAX).collect();
        path.reverse();
        let mut above: Vec<Above> = Vec::with_capacity(path.len());
        for node in path {
            let name = tree.name(node);
            let found = above.last().and_then(|above| {
                let rules = self.validator.rules.of(above.ty)?;
                rules.member(name).map(|member| (member.element.name, member.ty))
            });
            let (element, declared) = found.unwrap_or((name, crate::schema::UNKNOWN));
            above.push(Above { element, name, ty: self.actual_type(node, declared) });
        }
        above
    }

    /// True where a node is one at which a definition lets an extension stand; `None` where that cannot be said.
    fn is_at(&self, holder: NodeId, above: &[Above], context: &Context) -> Option<bool> {
        let expression = &*context.expression;
        match &*context.kind {
            "element" => Some(self.is_element(above, expression)),
            "extension" => {
                // In the extension itself, or at its value.
                let around = [Some(holder), self.tree.parent(holder)];
                let urls = around.into_iter().flatten().filter_map(|node| self.tree.child(node, Name::URL));
                Some(urls.into_iter().any(|url| self.tree.text_is(url, expression)))
            }
            "fhirpath" => self.is_found(holder, above.first()?.ty, expression),
            _ => None,
        }
    }

    /// True for a node of a type, or at a path from a type: `HumanName`, `Patient.contact.name`, `Element`.
    fn is_element(&self, above: &[Above], expression: &str) -> bool {
        let mut steps = expression.split('.');
        let ty = steps.next().unwrap_or_default();
        let steps: Vec<&str> = steps.map(|step| step.strip_suffix("[x]").unwrap_or(step)).collect();
        let Some(start) = above.len().checked_sub(steps.len() + 1) else {
            return above.last().is_some_and(|here| self.is_type(here.ty, expression));
        };
        let is_step = |(above, step): (&Above, &&str)| {
            let names = self.tree.names();
            names.text(above.element) == *step || names.text(above.name) == *step
        };
        let is_path = self.is_type(above[start].ty, ty) && above[start + 1..].iter().zip(&steps).all(is_step);
        // An element that refers to the content of another is found by the path of that.
        is_path || above.last().is_some_and(|here| self.is_type(here.ty, expression))
    }

    /// True where a type has a name, or derives from one that has it.
    fn is_type(&self, ty: TypeId, name: &str) -> bool {
        // A resource is an element too, as R4's own examples have it.
        if name == "Element" {
            return true;
        }
        let schema = self.validator.schema();
        let info = schema.type_info(ty);
        if info.kind == TypeKind::Body {
            return info.name == name || name == "BackboneElement";
        }
        schema.type_named(name).is_some_and(|wanted| self.is_a(ty, wanted))
    }

    /// True where an expression on the resource finds a node.
    fn is_found(&self, holder: NodeId, ty: TypeId, expression: &str) -> Option<bool> {
        let schema = self.validator.schema();
        let compiled = parse(expression).ok()?.compile(schema, &Options::new().on(ty).invariant()).ok()?;
        let item = self.item(self.scope.resource, ty);
        let found = compiled.evaluate(&self.scope.context, &item).ok()?;
        Some(found.items().iter().any(|item| item.as_node().is_some_and(|node| node.id == holder)))
    }

    fn holds(&self, expression: &str, id: NodeId, ty: TypeId) -> Option<bool> {
        let schema = self.validator.schema();
        let compiled = parse(expression).ok()?.compile(schema, &Options::new().on(ty).invariant()).ok()?;
        compiled.evaluate_boolean(&self.scope.context, &self.item(id, ty)).ok()?
    }
}
