//! A resource: its type, its id, and what holds it.

use super::primitive::is_id;
use super::report::Fault;
use super::rules::{Role, TypeRules};
use super::{Scope, Walk};
use crate::diag::{codes, message, nearest};
use crate::schema::TypeKind;
use crate::tree::{Kind, Name, NodeId};

impl<'a, 's> Walk<'a, 's> {
    /// Checks the resource at a node, with all that it holds.
    pub(super) fn resource(&mut self, id: NodeId) {
        let Some(rules) = self.resource_rules(id) else { return };
        let outer = self.scope.clone();
        self.enter(id, rules);
        let mark = self.local.len();
        self.children(id, rules);
        if self.tree.name(id) != Name::CONTAINED {
            self.contained(id, mark);
        }
        self.resource_id(id);
        self.invariants(&rules.invariants, id, rules.ty);
        if rules.role == Role::Bundle {
            self.bundle(id);
        }
        if rules.role == Role::StructureDefinition {
            self.definition(id);
        }
        self.profiles_of(id, rules.ty);
        self.counterpart(id, rules.ty);
        self.scope = outer;
    }

    /// The rules of the type that a resource says it has.
    fn resource_rules(&mut self, id: NodeId) -> Option<&'a TypeRules<'s>> {
        let (tree, schema) = (self.tree, self.validator.schema());
        let named = tree.child(id, Name::RESOURCE_TYPE).filter(|leaf| tree.kind(*leaf) == Kind::Str);
        let Some(leaf) = named else {
            self.tell(Fault::error(
                codes::RESOURCE_TYPE,
                id,
                message!("a resource says its type in `resourceType`"),
            ));
            return None;
        };
        let name = tree.text(leaf);
        let is_resource = |ty: &crate::tree::fhir::TypeId| {
            let info = schema.type_info(*ty);
            info.kind == TypeKind::Resource && !info.is_abstract
        };
        let Some(ty) = schema.type_named(&name).filter(is_resource) else {
            let all = schema.all_types().filter(is_resource).map(|ty| schema.type_info(ty).name);
            let mut fault =
                Fault::error(codes::RESOURCE_TYPE, id, message!("FHIR R4 has no resource of this type"));
            if let Some(near) = nearest(&name, all) {
                fault = fault.help(message!("did you mean `{near}`?", near));
            }
            self.tell(fault);
            return None;
        };
        self.validator.rules.of(ty)
    }

    /// `%resource` is the resource itself, `%rootResource` the one that contains it.
    pub(super) fn enter(&mut self, id: NodeId, rules: &TypeRules<'_>) {
        let outer = &self.scope;
        let is_contained = self.tree.name(id) == Name::CONTAINED;
        let root = if is_contained { outer.root } else { id };
        let item = self.item(id, rules.ty);
        let root_item = if is_contained {
            let name = self.tree.resource_type(root).unwrap_or_default();
            let ty = self.validator.schema().type_named(&name).unwrap_or(crate::schema::UNKNOWN);
            self.item(root, ty)
        } else {
            item.clone()
        };
        let bundle = if is_contained { outer.bundle } else { self.bundle_of(id) };
        let context = outer.context.clone().with_resource(item, root_item);
        self.scope = Scope { resource: id, root, bundle, context };
    }

    /// The Bundle in which a resource is that of an entry.
    pub(super) fn bundle_of(&self, id: NodeId) -> Option<NodeId> {
        let entry = self.tree.parent(id).filter(|entry| self.tree.name(*entry) == Name::ENTRY)?;
        self.tree.parent(entry)
    }

    fn resource_id(&mut self, id: NodeId) {
        let Some(leaf) = self.tree.child(id, Name::ID) else { return };
        if !self.tree.has_text(leaf) {
            return;
        }
        let text = self.tree.text(leaf);
        if !text.is_empty() && !is_id(&text) {
            let message = message!("the id of a resource is 1 to 64 letters, digits, `-` and `.`");
            self.tell(Fault::error(codes::VALUE_FORMAT, leaf, message));
        }
    }
}
