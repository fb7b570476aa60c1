//! Places of a document that paths of a lens or map lead to: the types there, and how to say where they are.

use super::{Element, Meaning, Outline, merge};
use crate::diag::Span;
use crate::schema::{Schema, UNKNOWN};
use crate::tree::fhir::TypeId;

/// What is read and what is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::mapping) enum Side {
    Source,
    Target,
}

/// A place of a document.
#[derive(Debug, Clone, Default)]
pub(in crate::mapping) struct Spot {
    /// The types that may stand there; none where nothing is known.
    pub(in crate::mapping) types: Vec<TypeId>,
    /// Where it is, from its resource or the root of its document.
    pub(in crate::mapping) place: String,
}

impl Spot {
    /// The root of a document, or a resource.
    pub(in crate::mapping) fn root(schema: &Schema, ty: Option<TypeId>) -> Self {
        let place = ty.map_or_else(String::new, |ty| schema.type_info(ty).name.to_owned());
        Self { types: ty.into_iter().collect(), place }
    }
}

/// One step to an element, which is marked.
pub(in crate::mapping) fn steps<'a>(
    outline: &mut Outline,
    schema: &Schema,
    from: &Spot,
    names: impl IntoIterator<Item = (&'a str, Span)>,
    side: Side,
) -> Spot {
    let mut here = from.clone();
    for (name, span) in names {
        let next = step(schema, &here, name);
        let element = Element {
            owners: here.types,
            name: name.to_owned(),
            place: next.place.clone(),
            is_source: side == Side::Source,
        };
        outline.mark(span, Meaning::Element(element));
        here = next;
    }
    here
}

fn step(schema: &Schema, from: &Spot, name: &str) -> Spot {
    let mut types = Vec::new();
    for ty in from.types.iter().filter(|ty| **ty != UNKNOWN) {
        merge(&mut types, &below(schema, *ty, name));
    }
    let place = match (from.place.as_str(), name) {
        // The text of an XML element is the element, as people see it.
        (place, "text()") => place.to_owned(),
        ("", name) => name.to_owned(),
        (place, name) => format!("{place}.{name}"),
    };
    Spot { types, place }
}

/// The types of an element of a type.
fn below(schema: &Schema, ty: TypeId, name: &str) -> Vec<TypeId> {
    if let Some(found) = schema.find(ty, name) {
        return vec![found.ty];
    }
    if let Some(choice) = schema.choice(ty, name) {
        return choice.types.iter().map(|it| it.ty).collect();
    }
    let info = schema.type_info(ty);
    if info.is_primitive() && name == "value" {
        return vec![ty];
    }
    if name == "resourceType" && info.is_resource() {
        return schema.type_named("code").into_iter().collect();
    }
    if info.name == "Resource" {
        // Which resource stands there only the data say; any resource that has the element tells its type.
        let resources = schema.all_types().filter(|ty| schema.type_info(*ty).is_resource());
        let found = resources.filter_map(|ty| Some((ty, schema.find(ty, name)?.ty))).min();
        return found.map(|(_, ty)| ty).into_iter().collect();
    }
    Vec::new()
}
