//! The definitions of R4 with what R5 added to `StructureMap` and `ConceptMap`, so that both forms are read and
//! written by one reader and writer.

use crate::schema::Schema;
use crate::tree::fhir::{Element, Form, Shape, TypeId};

/// The type of `StructureMap.const`, which R4 does not have.
const CONSTANT: TypeId = TypeId(u32::MAX - 1);

/// Definitions to read and write `StructureMap` in both forms.
#[derive(Debug, Clone, Copy)]
pub struct MapShape<'a> {
    schema: &'a Schema,
}

/// Elements that R5 added: type, name, form, is a list, type of its value, the element of R4 it follows.
const ADDED: &[(&str, &str, Form, bool, &str, &str)] = &[
    ("StructureMap", "versionAlgorithmString", Form::Str, false, "string", "version"),
    ("StructureMap", "versionAlgorithmCoding", Form::Object, false, "Coding", "version"),
    ("StructureMap", "copyrightLabel", Form::Str, false, "string", "copyright"),
    ("StructureMap", "const", Form::Object, true, "", "import"),
    ("StructureMap.group.rule.source", "defaultValue", Form::Str, false, "string", "type"),
    (
        "StructureMap.group.rule.dependent",
        "parameter",
        Form::Object,
        true,
        "StructureMap.group.rule.target.parameter",
        "variable",
    ),
    ("StructureMap.group.rule.target.parameter", "valueDate", Form::Str, false, "date", "valueDecimal"),
    ("StructureMap.group.rule.target.parameter", "valueTime", Form::Str, false, "time", "valueDecimal"),
    (
        "StructureMap.group.rule.target.parameter",
        "valueDateTime",
        Form::Str,
        false,
        "dateTime",
        "valueDecimal",
    ),
    ("ConceptMap.group.element", "noMap", Form::Bool, false, "boolean", "display"),
    ("ConceptMap.group.element.target", "relationship", Form::Str, false, "code", "display"),
];

impl<'a> MapShape<'a> {
    /// From the definitions of R4.
    pub const fn new(schema: &'a Schema) -> Self {
        Self { schema }
    }

    /// The type of one path of elements below a resource type: `StructureMap.group.rule`.
    fn body(self, path: &str) -> Option<TypeId> {
        let (name, below) = path.split_once('.').map_or((path, None), |(name, below)| (name, Some(below)));
        let ty = self.schema.type_named(name)?;
        below.map_or(Some(ty), |below| self.schema.find_path(ty, below).map(|found| found.ty))
    }

    fn added(self, ty: TypeId, name: &str) -> Option<Element> {
        let owner = self.schema.type_info(ty).name;
        let (.., form, list, value, after) =
            *ADDED.iter().find(|(of, added, ..)| *of == owner && *added == name)?;
        let order = Shape::element(self.schema, ty, after).map_or(0, |element| element.order);
        let ty = if value.is_empty() { CONSTANT } else { self.body(value)? };
        Some(Element { ty, list, order, form, attribute: false })
    }

    fn constant(self, name: &str) -> Option<Element> {
        let of = |base: &str, order: u16| {
            let element = Shape::element(self.schema, self.schema.type_named(base)?, name)?;
            Some(Element { order, ..element })
        };
        match name {
            "name" => Some(Element {
                ty: self.schema.type_named("id")?,
                list: false,
                order: 3,
                form: Form::Str,
                attribute: false,
            }),
            "value" => Some(Element {
                ty: self.schema.type_named("string")?,
                list: false,
                order: 4,
                form: Form::Str,
                attribute: false,
            }),
            _ => of("BackboneElement", 1),
        }
    }
}

impl Shape for MapShape<'_> {
    fn type_named(&self, name: &str) -> Option<TypeId> {
        self.schema.type_named(name)
    }

    fn element(&self, ty: TypeId, name: &str) -> Option<Element> {
        if ty == CONSTANT {
            return self.constant(name);
        }
        Shape::element(self.schema, ty, name).or_else(|| self.added(ty, name))
    }
}
