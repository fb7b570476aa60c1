//! The types of two models, `System` and `FHIR`, and what is known of the type of an expression before it runs.

use super::ast::TypeName;
use super::value::{Item, Node, TypeLabel, Value};
use crate::schema::{Found, Schema, TypeKind, UNKNOWN};
use crate::tree::Name;
use crate::tree::fhir::{Form, TypeId};

/// A type of FHIRPath's own model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// `Boolean`.
    Boolean,
    /// `String`.
    String,
    /// `Integer`.
    Integer,
    /// `Long`.
    Long,
    /// `Decimal`.
    Decimal,
    /// `Date`.
    Date,
    /// `DateTime`.
    DateTime,
    /// `Time`.
    Time,
    /// `Quantity`.
    Quantity,
}

impl System {
    const ALL: [Self; 9] = [
        Self::Boolean,
        Self::String,
        Self::Integer,
        Self::Long,
        Self::Decimal,
        Self::Date,
        Self::DateTime,
        Self::Time,
        Self::Quantity,
    ];

    /// The name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "Boolean",
            Self::String => "String",
            Self::Integer => "Integer",
            Self::Long => "Long",
            Self::Decimal => "Decimal",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Time => "Time",
            Self::Quantity => "Quantity",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    pub(super) const fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Long | Self::Decimal)
    }

    pub(super) const fn is_temporal(self) -> bool {
        matches!(self, Self::Date | Self::DateTime | Self::Time)
    }
}

/// The FHIR types that the language itself knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) resource: TypeId,
    pub(super) domain_resource: TypeId,
    pub(super) backbone: TypeId,
    pub(super) extension: TypeId,
    pub(super) quantity: TypeId,
    id: TypeId,
    /// FHIR primitives that are no texts, with the types they are converted to.
    systems: [(TypeId, System); 11],
}

impl Known {
    pub(super) fn new(schema: &Schema) -> Self {
        let ty = |name: &str| schema.type_named(name).unwrap_or(UNKNOWN);
        Self {
            resource: ty("Resource"),
            domain_resource: ty("DomainResource"),
            backbone: ty("BackboneElement"),
            extension: ty("Extension"),
            quantity: ty("Quantity"),
            id: ty("id"),
            systems: [
                (ty("boolean"), System::Boolean),
                (ty("dateTime"), System::DateTime),
                (ty("date"), System::Date),
                (ty("instant"), System::DateTime),
                (ty("decimal"), System::Decimal),
                (ty("integer"), System::Integer),
                (ty("positiveInt"), System::Integer),
                (ty("unsignedInt"), System::Integer),
                (ty("integer64"), System::Long),
                (ty("time"), System::Time),
                (ty("Quantity"), System::Quantity),
            ],
        }
    }

    /// The type a FHIR type is converted to, where it is not a text and not [`System::Quantity`] by inheritance.
    pub(super) fn system(&self, ty: TypeId) -> Option<System> {
        self.systems.iter().find(|(known, _)| *known == ty && ty != UNKNOWN).map(|(_, system)| *system)
    }

    /// True for a type whose data say which type they really have.
    pub(super) fn is_open(&self, ty: TypeId) -> bool {
        ty == self.resource || ty == self.domain_resource
    }
}

/// The definitions beside the types the language knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model<'a> {
    pub(super) schema: &'a Schema,
    pub(super) known: &'a Known,
}

impl Model<'_> {
    /// The type of a node; of a resource the one its data name.
    pub(super) fn type_of(&self, node: &Node<'_>) -> TypeId {
        if !self.known.is_open(node.ty) && node.ty != UNKNOWN {
            return node.ty;
        }
        let named = node.tree.resource_type(node.id).and_then(|name| self.schema.type_named(&name));
        named.unwrap_or(node.ty)
    }

    /// True where `ty` is `of` or derives from it.
    pub(super) fn is_subtype(&self, ty: TypeId, of: TypeId) -> bool {
        let mut here = Some(ty);
        // A chain of definitions that never ends would be a fault of a package; R4 has at most five.
        for _ in 0..16 {
            let Some(ty) = here else { return false };
            if ty == of {
                return true;
            }
            let info = self.schema.type_info(ty);
            here = match info.kind {
                TypeKind::Body if ty != UNKNOWN => Some(self.known.backbone),
                _ => info.base,
            };
        }
        false
    }

    /// The type of an element. The id of a resource is an `id` (FHIR R4, "Resource"), though its definition speaks of
    /// a text of FHIRPath.
    pub(super) fn element_type(&self, parent: TypeId, found: &Found<'_>) -> TypeId {
        let is_id = found.name == Name::ID && self.schema.form(parent) == Form::Resource;
        if is_id { self.known.id } else { found.ty }
    }

    pub(super) fn is_primitive(&self, ty: TypeId) -> bool {
        self.schema.type_info(ty).is_primitive()
    }

    /// The type a FHIR type is converted to where a value is wanted.
    pub(super) fn system(&self, ty: TypeId) -> Option<System> {
        self.known.system(ty).or_else(|| {
            if self.is_primitive(ty) {
                Some(System::String)
            } else {
                self.is_subtype(ty, self.known.quantity).then_some(System::Quantity)
            }
        })
    }

    /// The answer of `type()`.
    pub(super) fn label(&self, item: &Item<'_>) -> Option<TypeLabel> {
        match item {
            Item::Value(value) => {
                Some(TypeLabel { namespace: "System", name: value.system()?.name().into() })
            }
            Item::Node(node) => {
                let info = self.schema.type_info(self.type_of(node));
                let name = if info.kind == TypeKind::Body { "BackboneElement" } else { info.name };
                (!name.is_empty()).then(|| TypeLabel { namespace: "FHIR", name: name.into() })
            }
        }
    }
}

/// A type that an expression names. A name without its model may be one of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeTest {
    pub(super) fhir: Option<TypeId>,
    pub(super) system: Option<System>,
}

impl TypeTest {
    /// The type of a name; `None` where there is none. A type that `System` does not have is one of no item.
    pub(super) fn new(name: &TypeName, schema: &Schema) -> Option<Self> {
        let fhir = || schema.type_named(&name.name);
        match name.namespace.as_deref() {
            None => Some(Self { fhir: fhir(), system: System::named(&name.name) })
                .filter(|test| test.fhir.is_some() || test.system.is_some()),
            Some("FHIR") => fhir().map(|ty| Self { fhir: Some(ty), system: None }),
            Some("System") => Some(Self { fhir: None, system: System::named(&name.name) }),
            Some(_) => None,
        }
    }

    /// `is`: of the type, or of one derived from it.
    pub(super) fn holds(self, item: &Item<'_>, model: Model<'_>) -> bool {
        match item {
            Item::Value(value) => self.system.is_some() && value.system() == self.system,
            Item::Node(node) => self.fhir.is_some_and(|of| model.is_subtype(model.type_of(node), of)),
        }
    }

    /// `as` and `ofType`: as `is`, but a primitive must be of exactly the type, since a `code` that is wanted as
    /// `string` is a choice of another name (HL7's tests `testFHIRPathAsFunction11` and on).
    pub(super) fn selects(self, item: &Item<'_>, model: Model<'_>) -> bool {
        match (item, self.fhir) {
            (Item::Node(node), Some(of)) if model.is_primitive(of) => model.type_of(node) == of,
            _ => self.holds(item, model),
        }
    }
}

/// A type of either model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnyType {
    Fhir(TypeId),
    System(System),
    /// The answer of `type()`.
    Label,
}

/// What is known of the type of an expression before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticType {
    /// The types its items may have; `None` where nothing is known, none where there never is an item.
    pub(super) of: Option<Vec<AnyType>>,
    /// There may be more than one item.
    pub(super) is_many: bool,
    /// The order of the items means nothing.
    pub(super) is_unordered: bool,
}

impl StaticType {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { of: None, is_many: true, is_unordered: false };

    /// One item of a FHIR type.
    pub fn fhir(ty: TypeId) -> Self {
        Self::one(AnyType::Fhir(ty))
    }

    /// One item of one of several FHIR types, as of a choice.
    pub fn any_of(types: impl IntoIterator<Item = TypeId>) -> Self {
        types.into_iter().fold(Self::empty(), |all, ty| all.or(Self::fhir(ty)))
    }

    /// One item of a type of the language.
    pub fn system(system: System) -> Self {
        Self::one(AnyType::System(system))
    }

    pub(super) fn one(ty: AnyType) -> Self {
        Self { of: Some(vec![ty]), is_many: false, is_unordered: false }
    }

    pub(super) const fn empty() -> Self {
        Self { of: Some(Vec::new()), is_many: false, is_unordered: false }
    }

    /// The same types, any number of items.
    #[must_use]
    pub fn many(mut self) -> Self {
        self.is_many = true;
        self
    }

    /// The same types, one item.
    #[must_use]
    pub fn single(mut self) -> Self {
        (self.is_many, self.is_unordered) = (false, false);
        self
    }

    pub(super) fn many_if(mut self, is_many: bool) -> Self {
        self.is_many |= is_many;
        self
    }

    /// There never is an item.
    pub(super) fn is_empty(&self) -> bool {
        self.of.as_ref().is_some_and(Vec::is_empty)
    }

    /// The items of both.
    pub(super) fn or(self, other: Self) -> Self {
        let of = match (self.of, other.of) {
            (Some(mut types), Some(others)) => {
                for ty in others {
                    if !types.contains(&ty) {
                        types.push(ty);
                    }
                }
                Some(types)
            }
            _ => None,
        };
        Self {
            of,
            is_many: self.is_many || other.is_many,
            is_unordered: self.is_unordered || other.is_unordered,
        }
    }

    /// The types of the language that its items are converted to; `None` where one of them is unknown or is none.
    pub(super) fn systems(&self, model: Model<'_>) -> Option<Vec<System>> {
        let system = |ty: &AnyType| match ty {
            AnyType::System(system) => Some(*system),
            AnyType::Fhir(ty) => model.system(*ty),
            AnyType::Label => None,
        };
        self.of.as_ref()?.iter().map(system).collect()
    }

    /// The type for people: `FHIR.HumanName`, with `*` where there may be several items.
    pub fn text(&self, schema: &Schema) -> String {
        let name = |ty: &AnyType| match ty {
            AnyType::Fhir(ty) => format!("FHIR.{}", schema.type_info(*ty).name),
            AnyType::System(system) => format!("System.{}", system.name()),
            AnyType::Label => "System.TypeInfo".to_owned(),
        };
        let mut text = match &self.of {
            None => "any".to_owned(),
            Some(types) if types.is_empty() => "empty".to_owned(),
            Some(types) => types.iter().map(name).collect::<Vec<_>>().join(" | "),
        };
        if self.is_many && !self.is_empty() {
            text.push_str(" *");
        }
        text
    }
}

/// Keeps the answer of `type()` where only its parts are asked for.
pub(super) fn label_part(value: &Value<'_>, part: &str) -> Option<Value<'static>> {
    let Value::Type(label) = value else { return None };
    match part {
        "namespace" => Some(Value::String(label.namespace.into())),
        "name" => Some(Value::String(label.name.to_string().into())),
        _ => None,
    }
}
