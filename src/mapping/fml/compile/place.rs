//! Steps to elements, and where values are put.

use super::{Compiler, Place, Slot, Spot, Step};
use crate::diag::codes;
use crate::mapping::fml::model::{InputMode, Path, Text};
use crate::schema::{Found, Schema, TypeKind, UNKNOWN};
use crate::tree::fhir::{Form, TypeId};
use crate::tree::{Kind, Name};

/// What HL7's models of XML call the run of text of an element.
const TEXT_NAMES: &[&str] = &["data", "xmlText", "value"];

impl Compiler<'_, '_, '_> {
    /// A variable and the elements below it, with the type where it leads.
    pub(super) fn place(&mut self, path: &Path, wanted: InputMode) -> Option<(Place, TypeId)> {
        let (slot, mut ty) = self.slot(&path.context, wanted)?;
        let mut steps = Vec::new();
        for element in &path.elements {
            let step = self.step(ty, element);
            ty = match &*step.names {
                [(_, only)] => *only,
                _ if &*step.text == "value" && self.schema.type_info(ty).is_primitive() => ty,
                _ => UNKNOWN,
            };
            steps.push(step);
        }
        Some((Place { slot, steps, span: path.context.origin.span }, ty))
    }

    pub(super) fn slot(&mut self, name: &Text, wanted: InputMode) -> Option<(Slot, TypeId)> {
        if let Some(variable) = self.variable(&name.text, wanted) {
            return Some((Slot::Local(variable.slot), variable.ty));
        }
        if let Some(constant) = self.constant(&name.text) {
            return Some((Slot::Constant(constant), UNKNOWN));
        }
        let message = format!("no variable `{}` is known here", name.text);
        self.error(codes::FML_VARIABLE, &name.origin, message);
        None
    }

    fn step(&mut self, ty: TypeId, element: &Text) -> Step {
        step(self.schema, ty, &element.text)
    }
}

/// A step from a type.
pub(super) fn step(schema: &Schema, ty: TypeId, name: &str) -> Step {
    let names: Box<[(Name, TypeId)]> =
        found_in_data(schema, ty, name).iter().map(|found| (found.name, found.ty)).collect();
    Step {
        text: name.into(),
        expected: ty,
        names,
        spots: spots(schema, ty, name).into(),
        is_value: name == "value",
        is_text: TEXT_NAMES.contains(&name),
    }
}

/// What an element of a type is called in data: one name, or of a choice one for each type.
pub(in crate::mapping::fml) fn found_in_data<'s>(
    schema: &'s Schema,
    ty: TypeId,
    name: &str,
) -> Vec<Found<'s>> {
    if ty == UNKNOWN {
        return Vec::new();
    }
    if let Some(choice) = schema.choice(ty, name) {
        return schema.names_in_data(ty, choice);
    }
    if let Some(found) = schema.find(ty, name) {
        return vec![found];
    }
    let info = schema.type_info(ty);
    if info.is_primitive() && matches!(name, "id" | "extension") {
        // The types of primitives are mute about what all elements have.
        return schema.type_named("Element").and_then(|ty| schema.find(ty, name)).into_iter().collect();
    }
    let attribute = schema.find(ty, &format!("@{name}")).or_else(|| schema.find(ty, &format!("@xsi:{name}")));
    let text = || schema.find(ty, "text()").filter(|_| TEXT_NAMES.contains(&name));
    attribute.or_else(text).into_iter().collect()
}

/// Where a value may be put: one spot, or of a choice one for each type.
pub(in crate::mapping::fml) fn spots(schema: &Schema, ty: TypeId, name: &str) -> Vec<Spot> {
    let found = found_in_data(schema, ty, name);
    let is_choice = found.len() > 1;
    let is_logical = is_logical(schema, ty);
    found.iter().map(|found| spot(found, is_choice, is_logical)).collect()
}

/// True for the type of a logical model, or of what stands in one.
fn is_logical(schema: &Schema, ty: TypeId) -> bool {
    let info = schema.type_info(ty);
    let own = |ty: Option<TypeId>| ty.is_some_and(|ty| schema.type_info(ty).kind == TypeKind::Logical);
    info.kind == TypeKind::Logical || (info.kind == TypeKind::Body && own(schema.type_by_url(info.url)))
}

fn spot(found: &Found<'_>, is_choice: bool, is_logical: bool) -> Spot {
    let element = found.element;
    let kind = if element.is_attribute() && is_logical {
        Kind::Attr
    } else if element.is_xml_text() {
        Kind::Text
    } else {
        match found.form {
            Form::Object | Form::Resource => Kind::Object,
            Form::Str => Kind::Str,
            Form::Number => Kind::Number,
            Form::Bool => Kind::Bool,
            Form::Xhtml => Kind::Xhtml,
        }
    };
    Spot {
        name: if kind == Kind::Text { Name::NONE } else { found.name },
        ty: found.ty,
        form: found.form,
        kind,
        is_list: element.is_list(),
        order: element.order,
        is_choice,
        is_logical,
    }
}
