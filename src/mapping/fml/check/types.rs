//! The types of a map: what its `uses` and the definitions know, and one step from a type to an element.

use super::Checker;
use crate::diag::codes;
use crate::mapping::fml::compile::found_in_data;
use crate::mapping::fml::model::{InputMode, Map, StructureMode, Text};
use crate::schema::{ElementDef, Schema, TypeKind, UNKNOWN};
use crate::tree::fhir::{Form, TypeId};

/// Where definitions of R4 stand in maps between versions, with or without `StructureDefinition/`.
const R4_BASE: &str = "http://hl7.org/fhir/4.0/";

/// Names of types as a map uses them.
pub(super) struct Types<'m, 'a> {
    schema: &'a Schema,
    /// Name, side, and the type where its definition is known.
    named: Vec<(&'m str, InputMode, Option<TypeId>)>,
}

impl<'m, 'a> Types<'m, 'a> {
    pub(super) fn new(map: &'m Map, schema: &'a Schema) -> Self {
        let named = map.structures.iter().map(|structure| {
            let url = structure.url.text.as_str();
            let last = url.rsplit('/').next().unwrap_or(url);
            let name = structure.alias.as_ref().map_or(last, |alias| alias.as_str());
            (name, side(structure.mode), resolve_url(schema, url))
        });
        Self { schema, named: named.collect() }
    }

    /// True where a side is of a version or model that is not known, so that no name can be called wrong.
    pub(super) fn is_open(&self, mode: InputMode) -> bool {
        let mut of_side = self.named.iter().filter(|(_, side, _)| *side == mode).peekable();
        of_side.peek().is_none() || of_side.any(|(.., ty)| ty.is_none())
    }

    /// The type of a name: `Err` where it is wrong, `None` where its definition is not known.
    fn find(&self, name: &str, mode: InputMode) -> Result<Option<TypeId>, ()> {
        let named = || self.named.iter().filter(|(known, ..)| *known == name);
        if let Some((.., ty)) = named().find(|(_, side, _)| *side == mode).or_else(|| named().next()) {
            return Ok(*ty);
        }
        if is_url(name) {
            let found = resolve_url(self.schema, name);
            return if found.is_some() || self.is_open(mode) { Ok(found) } else { Err(()) };
        }
        if let Some((first, below)) = name.split_once('.')
            && let Ok(Some(ty)) = self.find(first, mode)
        {
            return self.schema.find_path(ty, below).map(|found| Some(found.ty)).ok_or(());
        }
        if self.is_open(mode) {
            return Ok(None);
        }
        self.schema.type_named(name).map(Some).ok_or(())
    }

    fn known_names(&self) -> Vec<String> {
        let types = self.schema.all_types().map(|ty| self.schema.type_info(ty).name.to_owned());
        self.named.iter().map(|(name, ..)| (*name).to_owned()).chain(types).collect()
    }
}

/// The type of a name as a map uses it: an alias, the name of a type, the path of an element, the url of a definition.
/// A definition of another release stands for the type of its name.
pub(in crate::mapping::fml) fn find_type(
    map: &Map,
    schema: &Schema,
    name: &str,
    mode: InputMode,
) -> Option<TypeId> {
    let types = Types::new(map, schema);
    if is_url(name) {
        return types.find(name, mode).ok().flatten();
    }
    let (first, below) = name.split_once('.').map_or((name, None), |(first, below)| (first, Some(below)));
    let alike = || {
        let named = |known: &&crate::mapping::fml::model::Structure| {
            known.alias.as_ref().is_some_and(|alias| alias.text == first)
        };
        let url = map.structures.iter().find(named).map(|known| known.url.text.as_str())?;
        schema.type_named(url.rsplit('/').next().unwrap_or(url))
    };
    let root = types.find(first, mode).ok().flatten().or_else(alike).or_else(|| schema.type_named(first))?;
    match below {
        Some(below) => schema.find_path(root, below).map(|found| found.ty),
        None => Some(root),
    }
}

/// Primitive types that can be cast to each other; text can be cast to and from all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Boolean,
    Number,
    Date,
    Time,
}

/// The family of a primitive type; texts are of none.
pub(super) fn family(name: &str) -> Option<Family> {
    match name {
        "boolean" => Some(Family::Boolean),
        "integer" | "positiveInt" | "unsignedInt" | "decimal" => Some(Family::Number),
        "date" | "dateTime" | "instant" => Some(Family::Date),
        "time" => Some(Family::Time),
        _ => None,
    }
}

/// The side of a map on which a definition is used.
pub(super) const fn side(mode: StructureMode) -> InputMode {
    match mode {
        StructureMode::Source | StructureMode::Queried => InputMode::Source,
        StructureMode::Target | StructureMode::Produced => InputMode::Target,
    }
}

fn is_url(name: &str) -> bool {
    name.contains("://")
}

fn resolve_url(schema: &Schema, url: &str) -> Option<TypeId> {
    schema.type_by_url(url).or_else(|| {
        let name = url.strip_prefix(R4_BASE)?;
        schema.type_named(name.strip_prefix("StructureDefinition/").unwrap_or(name))
    })
}

/// An element that a path leads to.
#[derive(Clone, Copy)]
pub(super) struct Stepped<'a> {
    /// Its definition, where the type it belongs to is known.
    pub(super) element: Option<&'a ElementDef>,
    /// Its type, where it is one and known.
    pub(super) ty: Option<TypeId>,
    /// It holds a resource of any type.
    pub(super) is_resource: bool,
    /// There may be several.
    pub(super) is_many: bool,
}

impl Stepped<'_> {
    /// Nothing is known.
    pub(super) const fn of(ty: Option<TypeId>) -> Self {
        Self { element: None, ty, is_resource: false, is_many: false }
    }
}

impl<'a> Checker<'_, 'a> {
    /// The type of a name, reported where it is wrong.
    pub(super) fn type_of(&mut self, name: &Text, mode: InputMode) -> Option<TypeId> {
        match self.types.find(&name.text, mode) {
            Ok(ty) => ty,
            Err(()) => {
                let known = self.types.known_names();
                let message = format!("no type `{}` is known", name.text);
                self.unknown(codes::FML_TYPE, &name.text, &name.origin, message, &known);
                None
            }
        }
    }

    /// From a type to one of its elements, reported where it has none of that name.
    pub(super) fn step(&mut self, ty: Option<TypeId>, element: &Text) -> Stepped<'a> {
        let unknown = Stepped::of(None);
        let schema = self.schema;
        let Some(ty) = ty.filter(|ty| *ty != UNKNOWN) else { return unknown };
        let name = element.text.as_str();
        // Attributes of XML are named without their sign, its text as HL7's models name it.
        let of_xml = || match found_in_data(schema, ty, name).as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        if let Some(found) = schema.find(ty, name).or_else(of_xml) {
            let is_resource = found.form == Form::Resource;
            let ty = Some(found.ty).filter(|ty| !is_resource && *ty != UNKNOWN);
            return Stepped { element: Some(found.element), ty, is_resource, is_many: false };
        }
        if let Some(choice) = schema.choice(ty, name) {
            let ty = match &*choice.types {
                [only] => Some(only.ty),
                _ => None,
            };
            return Stepped { element: Some(choice), ty, is_resource: false, is_many: false };
        }
        let info = schema.type_info(ty);
        // Maps between primitives read and set the value itself.
        if info.is_primitive() && name == "value" {
            return Stepped::of(Some(ty));
        }
        let every_element_has = matches!(name, "id" | "extension");
        let says_nothing = schema.elements(ty).is_empty() || (info.is_abstract && info.base.is_none());
        let may_have = if info.is_primitive() { every_element_has } else { says_nothing };
        if may_have {
            return unknown;
        }
        let owner = if info.name.is_empty() { "this type" } else { info.name };
        let message = format!("`{owner}` has no element `{name}`");
        let known = schema.elements(ty).iter().flat_map(|known| {
            let in_data = schema.names_in_data(ty, known);
            std::iter::once(known.name).chain(in_data.into_iter().map(|found| found.name))
        });
        let known: Vec<String> = known.map(|known| schema.name_text(known).to_owned()).collect();
        self.unknown(codes::FML_ELEMENT, name, &element.origin, message, &known);
        unknown
    }

    /// True where a value of one type may stand where the other is expected: they are one, one derives from the
    /// other, or both are primitives of one family or one is text.
    pub(super) fn is_compatible(&self, a: TypeId, b: TypeId) -> bool {
        if self.derives(a, b) || self.derives(b, a) {
            return true;
        }
        let (a, b) = (self.schema.type_info(a), self.schema.type_info(b));
        if !(a.is_primitive() && b.is_primitive()) {
            return false;
        }
        match (family(a.name), family(b.name)) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        }
    }

    pub(super) fn derives(&self, ty: TypeId, base: TypeId) -> bool {
        let mut here = Some(ty);
        // Chains of base types are short; the limit only guards against a circle in definitions.
        for _ in 0..64 {
            match here {
                Some(found) if found == base => return true,
                Some(found) => here = self.schema.type_info(found).base,
                None => return false,
            }
        }
        false
    }

    /// True where an element may have a type.
    pub(super) fn allows(&self, stepped: Stepped<'_>, ty: TypeId) -> bool {
        if stepped.is_resource {
            return matches!(self.schema.type_info(ty).kind, TypeKind::Resource | TypeKind::Logical);
        }
        let Some(element) = stepped.element else { return true };
        if let Some(body) = element.body {
            return body == ty || self.derives(body, ty);
        }
        let fits = |allowed: TypeId| self.derives(ty, allowed) || self.derives(allowed, ty);
        element.types.iter().any(|allowed| allowed.ty == UNKNOWN || fits(allowed.ty))
    }

    /// The name of a type, as people know it.
    pub(super) fn type_name(&self, ty: TypeId) -> &'a str {
        self.schema.type_info(ty).name
    }
}
