//! What data of one type must be, compiled once from its definition and looked up by [`TypeId`].

use super::invariant::Invariant;
use super::primitive::Primitive;
use super::terminology::Bound;
use crate::schema::{ElementDef, Found, Schema, TypeRef, UNKNOWN};
use crate::tree::Name;
use crate::tree::fhir::{Form, TypeId};
use std::sync::OnceLock;

/// What the values of a type mean to rules that no definition states as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Extension,
    Reference,
    Coding,
    CodeableConcept,
    Quantity,
    Attachment,
    /// Its `system` is an absolute uri, and nothing more is looked at.
    System,
    Narrative,
    ElementDefinition,
    StructureDefinition,
    Bundle,
}

/// The rules of one type.
#[derive(Debug)]
pub(super) struct TypeRules<'s> {
    pub(super) ty: TypeId,
    pub(super) role: Role,
    /// Of a primitive type its form.
    pub(super) primitive: Option<Primitive>,
    /// The children by their names in data, sorted.
    members: Box<[Member<'s>]>,
    /// Ranks of the children that must be there.
    pub(super) required: Ranks,
    pub(super) invariants: Box<[Invariant<'s>]>,
}

/// A child of a type under one of its names in data.
#[derive(Debug)]
pub(super) struct Member<'s> {
    pub(super) name: Name,
    pub(super) element: &'s ElementDef,
    pub(super) type_ref: Option<&'s TypeRef>,
    pub(super) ty: TypeId,
    pub(super) form: Form,
    pub(super) binding: Option<Bound<'s>>,
    /// Those of the element that its type does not have.
    pub(super) invariants: Box<[Invariant<'s>]>,
}

/// A set of ranks of children.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ranks(u128, u128);

impl Ranks {
    /// Adds a rank; false where it is there already. No type of FHIR has a rank over 255, and one that had would not be
    /// in the set.
    pub(super) fn insert(&mut self, rank: u16) -> bool {
        let bit = 1_u128 << (rank % 128);
        let half = match rank / 128 {
            0 => &mut self.0,
            1 => &mut self.1,
            _ => return true,
        };
        let is_new = *half & bit == 0;
        *half |= bit;
        is_new
    }

    /// True where every rank of `other` is in the set.
    pub(super) const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0 && self.1 & other.1 == other.1
    }

    pub(super) const fn has(self, rank: u16) -> bool {
        match rank / 128 {
            0 => self.0 >> (rank % 128) & 1 == 1,
            1 => self.1 >> (rank % 128) & 1 == 1,
            _ => false,
        }
    }
}

/// Names that rules beyond the definitions ask for, found once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    pub(super) code: Name,
    pub(super) coding: Name,
    pub(super) data: Name,
    pub(super) display: Name,
    pub(super) end: Name,
    pub(super) hash: Name,
    pub(super) meta: Name,
    pub(super) profile: Name,
    pub(super) size: Name,
    pub(super) start: Name,
    pub(super) system: Name,
    pub(super) kind: Name,
}

impl Words {
    fn new(schema: &Schema) -> Self {
        let name = |text: &str| schema.names().get(text).unwrap_or(Name::NONE);
        Self {
            code: name("code"),
            coding: name("coding"),
            data: name("data"),
            display: name("display"),
            end: name("end"),
            hash: name("hash"),
            meta: name("meta"),
            profile: name("profile"),
            size: name("size"),
            start: name("start"),
            system: name("system"),
            kind: name("type"),
        }
    }
}

/// The rules of all types of a schema, each compiled at first use.
#[derive(Debug)]
pub(super) struct RuleTable<'s> {
    pub(super) schema: &'s Schema,
    pub(super) words: Words,
    types: Box<[OnceLock<Box<TypeRules<'s>>>]>,
    roles: [(TypeId, Role); 12],
}

impl<'s> RuleTable<'s> {
    pub(super) fn new(schema: &'s Schema) -> Self {
        let role = |name: &str, role: Role| (schema.type_named(name).unwrap_or(UNKNOWN), role);
        let within = |name: &str, path: &str| {
            let found = schema.type_named(name).and_then(|ty| schema.find_path(ty, path));
            found.map_or(UNKNOWN, |found| found.ty)
        };
        Self {
            schema,
            words: Words::new(schema),
            types: std::iter::repeat_with(OnceLock::new).take(schema.type_count() as usize).collect(),
            roles: [
                role("Extension", Role::Extension),
                role("Reference", Role::Reference),
                role("Coding", Role::Coding),
                role("CodeableConcept", Role::CodeableConcept),
                role("Quantity", Role::Quantity),
                role("Attachment", Role::Attachment),
                role("Identifier", Role::System),
                (within("ValueSet", "compose.include"), Role::System),
                role("ElementDefinition", Role::ElementDefinition),
                role("StructureDefinition", Role::StructureDefinition),
                role("Narrative", Role::Narrative),
                role("Bundle", Role::Bundle),
            ],
        }
    }

    /// The rules of a type; none for a type that is not known.
    pub(super) fn of(&self, ty: TypeId) -> Option<&TypeRules<'s>> {
        let place = self.types.get(ty.0 as usize)?;
        Some(place.get_or_init(|| Box::new(self.compile(ty))))
    }

    fn compile(&self, ty: TypeId) -> TypeRules<'s> {
        let schema = self.schema;
        let info = schema.type_info(ty);
        let mut required = Ranks::default();
        for element in schema.required(ty) {
            required.insert(element.order);
        }
        let own = schema.elements(ty).iter().filter(|element| element.slice().is_none());
        let mut members: Vec<Member<'s>> = own
            .flat_map(|element| schema.names_in_data(ty, element))
            .map(|found| self.member(ty, &found))
            .collect();
        members.sort_by_key(|member| member.name);
        let invariants = schema.type_constraints(ty);
        TypeRules {
            ty,
            role: self.role(ty),
            primitive: info.is_primitive().then(|| Primitive::named(info.name)),
            members: members.into(),
            required,
            invariants: Invariant::all(invariants.into_iter(), ty, info.url),
        }
    }

    fn role(&self, ty: TypeId) -> Role {
        // `Age`, `Money quantity` and their like are quantities by their base.
        let base = self.schema.type_info(ty).base;
        let of = |ty: TypeId| self.roles.iter().find(|(known, _)| *known == ty && ty != UNKNOWN);
        of(ty)
            .or_else(|| of(base?).filter(|(_, role)| *role == Role::Quantity))
            .map_or(Role::Plain, |(_, role)| *role)
    }

    fn member(&self, owner: TypeId, found: &Found<'s>) -> Member<'s> {
        let schema = self.schema;
        let of_type = schema.type_constraints(found.ty);
        let own = schema
            .element_constraints(owner, found.element)
            .into_iter()
            .filter(|constraint| !of_type.iter().any(|known| known.key == constraint.key));
        let url = schema.type_info(owner).url;
        Member {
            name: found.name,
            element: found.element,
            type_ref: found.type_ref,
            ty: found.ty,
            form: found.form,
            binding: found.element.binding().map(Bound::new),
            invariants: Invariant::all(own, found.ty, url),
        }
    }
}

impl<'s> TypeRules<'s> {
    /// The child of a name in data.
    pub(super) fn member(&self, name: Name) -> Option<&Member<'s>> {
        let at = self.members.binary_search_by_key(&name, |member| member.name).ok()?;
        self.members.get(at)
    }

    /// The children by their names in data.
    pub(super) fn members(&self) -> &[Member<'s>] {
        &self.members
    }
}
