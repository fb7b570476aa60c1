//! What the definitions say about types, elements, codes and search parameters.

use crate::tree::Name;
use crate::tree::fhir::{Form, TypeId};
use serde::{Deserialize, Serialize};

/// The kind of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TypeKind {
    /// A data type with children: `HumanName`.
    Complex,
    /// A data type that is one value: `dateTime`.
    Primitive,
    /// A resource type.
    Resource,
    /// A logical model: the structure of a document that is not FHIR.
    Logical,
    /// The children of one element of another type: `CarePlan.activity`.
    Body,
}

/// What is known of a type as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeInfo<'a> {
    /// `CarePlan`, `HumanName`; of a body its path, `CarePlan.activity`.
    pub name: &'a str,
    /// Canonical url of the definition it stands in.
    pub url: &'a str,
    /// Its kind.
    pub kind: TypeKind,
    /// The type it derives from; of a profile whose base is not at hand the type that it constrains.
    pub base: Option<TypeId>,
    /// No data has exactly this type: `DomainResource`.
    pub is_abstract: bool,
    /// Made by constraining another type, which is its base.
    pub is_profile: bool,
    /// How a value of the type is written in JSON.
    pub form: Form,
    /// Regular expression of a primitive type; empty for others.
    pub regex: &'a str,
}

impl TypeInfo<'_> {
    /// True for a resource type.
    pub fn is_resource(&self) -> bool {
        self.kind == TypeKind::Resource
    }

    /// True for a type that is one value.
    pub fn is_primitive(&self) -> bool {
        self.kind == TypeKind::Primitive
    }
}

/// One type an element may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeRef {
    /// The type; [`super::UNKNOWN`] where no package has it.
    pub ty: TypeId,
    /// Profiles the value must fit, as urls.
    pub profiles: Box<[Box<str>]>,
    /// What a reference may point at, as urls.
    pub targets: Box<[Box<str>]>,
    /// Where a reference may find its target; anywhere where none is named.
    pub aggregation: Box<[Aggregation]>,
}

/// Where the target of a reference is found (FHIR R4, `ElementDefinition.type.aggregation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Aggregation {
    /// In the resource that holds the reference.
    Contained,
    /// Anywhere else.
    Referenced,
    /// In the Bundle that holds the resource.
    Bundled,
}

impl Aggregation {
    /// From its code; none for another text.
    pub(super) fn named(code: &str) -> Option<Self> {
        match code {
            "contained" => Some(Self::Contained),
            "referenced" => Some(Self::Referenced),
            "bundled" => Some(Self::Bundled),
            _ => None,
        }
    }

    /// Its code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contained => "contained",
            Self::Referenced => "referenced",
            Self::Bundled => "bundled",
        }
    }
}

/// One child element of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementDef {
    /// Its name; of a choice the part before `[x]`; of an XML attribute of a logical model with `@`.
    pub name: Name,
    /// Least number of values.
    pub min: u32,
    /// Greatest number of values; [`u32::MAX`] where there is no limit.
    pub max: u32,
    /// Its types; several only for a choice, none where `body` comes from a content reference.
    pub types: Box<[TypeRef]>,
    /// The type of its children, where the definition itself lists or refers to them.
    pub body: Option<TypeId>,
    /// Rank among its siblings, from 1. A slice has the rank of the element it slices.
    pub order: u16,
    pub(super) flags: u16,
    pub(super) constraints: u32,
    pub(super) facts: Option<Box<Facts>>,
}

/// Bits of [`ElementDef::flags`].
pub(super) mod bit {
    pub(crate) const CHOICE: u16 = 1;
    pub(crate) const MODIFIER: u16 = 2;
    pub(crate) const SUMMARY: u16 = 4;
    pub(crate) const ATTRIBUTE: u16 = 8;
    pub(crate) const LIST: u16 = 16;
    pub(crate) const MUST_SUPPORT: u16 = 32;
    pub(crate) const ORDERED: u16 = 64;
    pub(crate) const XML_TEXT: u16 = 128;
}

static NO_FACTS: Facts = Facts {
    binding: None,
    fixed: None,
    pattern: None,
    min_value: None,
    max_value: None,
    max_length: None,
    short: None,
    label: None,
    slicing: None,
    slice: None,
};

impl ElementDef {
    const fn has(&self, bit: u16) -> bool {
        self.flags & bit != 0
    }

    /// Named `value[x]` in the definition, so that data carry the type in the name.
    pub const fn is_choice(&self) -> bool {
        self.has(bit::CHOICE)
    }

    /// JSON writes an array, whatever a profile says of the greatest number.
    pub const fn is_list(&self) -> bool {
        self.has(bit::LIST)
    }

    /// Changes the meaning of what it stands in.
    pub const fn is_modifier(&self) -> bool {
        self.has(bit::MODIFIER)
    }

    /// Part of the summary form.
    pub const fn is_summary(&self) -> bool {
        self.has(bit::SUMMARY)
    }

    /// Written as an XML attribute.
    pub const fn is_attribute(&self) -> bool {
        self.has(bit::ATTRIBUTE)
    }

    /// The run of text of its XML element.
    pub const fn is_xml_text(&self) -> bool {
        self.has(bit::XML_TEXT)
    }

    /// Must be supported, by a profile.
    pub const fn is_must_support(&self) -> bool {
        self.has(bit::MUST_SUPPORT)
    }

    /// The order of its values means something.
    pub const fn is_ordered(&self) -> bool {
        self.has(bit::ORDERED)
    }

    /// At least one value must be there.
    pub const fn is_required(&self) -> bool {
        self.min > 0
    }

    /// What only some elements have.
    pub fn facts(&self) -> &Facts {
        self.facts.as_deref().unwrap_or(&NO_FACTS)
    }

    /// The slice that this entry defines; `None` for the element itself.
    pub fn slice(&self) -> Option<&str> {
        self.facts().slice.as_deref()
    }

    /// The binding to a value set.
    pub fn binding(&self) -> Option<&Binding> {
        self.facts().binding.as_ref()
    }
}

/// Facts that only some elements have.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Facts {
    /// The value set of its codes.
    pub binding: Option<Binding>,
    /// The value must be exactly this.
    pub fixed: Option<Literal>,
    /// The value must contain this.
    pub pattern: Option<Literal>,
    /// Least value.
    pub min_value: Option<Literal>,
    /// Greatest value.
    pub max_value: Option<Literal>,
    /// Most characters.
    pub max_length: Option<u32>,
    /// What it is, in a few words; kept for logical models.
    pub short: Option<Box<str>>,
    /// Its label; kept for logical models.
    pub label: Option<Box<str>>,
    /// How the element is sliced.
    pub slicing: Option<Slicing>,
    /// Name of the slice that this entry defines.
    pub slice: Option<Box<str>>,
}

/// What a definition says of the value as a whole, in its first element and beside its elements.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Root {
    /// Version of the definition; empty where it has none.
    pub version: Box<str>,
    /// Least number of values where an element has this profile; only extensions use it.
    pub min: u32,
    /// Greatest number of values; [`u32::MAX`] where there is no limit.
    pub max: u32,
    /// Binding, fixed value, pattern and the like of the value itself.
    pub facts: Facts,
    /// Where an extension may stand; empty for all else.
    pub contexts: Box<[Context]>,
    /// FHIRPath that must hold where an extension stands.
    pub context_invariants: Box<[Box<str>]>,
    /// Profiles that whatever claims this one must fit as well (the extension `imposeProfile`).
    pub imposes: Box<[Box<str>]>,
    pub(super) flags: u16,
}

impl Root {
    /// An extension that changes the meaning of what it stands in.
    pub const fn is_modifier(&self) -> bool {
        self.flags & bit::MODIFIER != 0
    }
}

/// A place where an extension may stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// `element`, `extension` or `fhirpath`.
    pub kind: Box<str>,
    /// Path of the element, url of the extension, or FHIRPath.
    pub expression: Box<str>,
}

/// A value that stands in a definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literal {
    /// Its type, as in the name of the property: `fixedUri` has `Uri`.
    pub code: Box<str>,
    /// The value as JSON text.
    pub json: Box<str>,
}

/// How strictly the codes must come from the value set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Strength {
    /// An example only.
    Example,
    /// Encouraged.
    Preferred,
    /// Required where it has a fitting code.
    Extensible,
    /// Required.
    Required,
}

/// The value set that an element takes its codes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// How strictly.
    pub strength: Strength,
    /// Url of the value set, maybe with `|version`; empty where only words describe it.
    pub value_set: Box<str>,
    /// Url of the value set that no code may be outside of, whatever the strength (extension
    /// `elementdefinition-maxValueSet`); empty where there is none.
    pub greatest: Box<str>,
}

/// How an element is sliced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slicing {
    /// What tells the slices apart.
    pub discriminators: Box<[Discriminator]>,
    /// `open`, `closed` or `openAtEnd`.
    pub rules: Box<str>,
    /// The slices stand in the order of the definition.
    pub ordered: bool,
}

/// What tells slices apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discriminator {
    /// `value`, `exists`, `pattern`, `type` or `profile`.
    pub kind: Box<str>,
    /// FHIRPath below the element.
    pub path: Box<str>,
}

/// An invariant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Constraint {
    /// Its key, `cpl-3`.
    pub key: Box<str>,
    /// An error; otherwise a warning.
    pub is_error: bool,
    /// The rule in words.
    pub human: Box<str>,
    /// The rule in FHIRPath; empty where it has none.
    pub expression: Box<str>,
}

/// An element found by its name in data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// The name in data: `valueString`.
    pub name: Name,
    /// What is defined: of `valueString` the element `value[x]`.
    pub element: &'a ElementDef,
    /// The type of its value: the body where it has one, else the type that the name in data chooses.
    pub ty: TypeId,
    /// The declared type with its profiles and targets; none for a content reference.
    pub type_ref: Option<&'a TypeRef>,
    /// How its value is written in JSON.
    pub form: Form,
}

/// One type of a definition, decoded.
#[derive(Debug)]
pub(super) struct TypeData {
    pub(super) path: Box<str>,
    pub(super) regex: Box<str>,
    /// None for the body of an element.
    pub(super) root: Option<Box<Root>>,
    pub(super) elements: Box<[ElementDef]>,
    /// Sorted by name.
    pub(super) by_name: Box<[NameEntry]>,
    pub(super) constraints: u32,
}

/// From a name in data to an element and one of its types.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameEntry {
    pub(super) name: Name,
    pub(super) element: u16,
    pub(super) variant: u16,
    pub(super) ty: TypeId,
    pub(super) form: Form,
}

/// A search parameter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SearchParameter {
    /// Canonical url.
    pub url: Box<str>,
    /// Its name in a search.
    pub code: Box<str>,
    /// Resource types it applies to.
    pub bases: Box<[Box<str>]>,
    /// `token`, `reference`, `date`, …
    pub kind: Box<str>,
    /// FHIRPath of what is indexed.
    pub expression: Box<str>,
    /// What a reference may point at.
    pub targets: Box<[Box<str>]>,
    /// Parts of a composite: url and FHIRPath.
    pub components: Box<[(Box<str>, Box<str>)]>,
}
