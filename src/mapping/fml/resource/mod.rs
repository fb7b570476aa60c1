//! `StructureMap` resources, in the forms of R4 and of R5, to the model and back.
//!
//! What R4 has no place for travels in the extensions that R5 defines for that
//! (`http://hl7.org/fhir/5.0/StructureDefinition/extension-…`); what no form can hold is reported.

mod metadata;
mod names;
mod part;
mod read;
mod shape;
#[cfg(test)]
mod tests;
mod view;
mod write;

pub use read::{Resource, read};
pub use shape::MapShape;
pub use write::write;

/// The release whose form a `StructureMap` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 4.0.1 and 4.3.0.
    R4,
    /// 5.0.0 and the mapping language guide.
    R5,
}

/// The variable of both sides of a rule that says nothing but `src.a -> tgt.b` (HL7 reference implementation).
const IDENTITY_VARIABLE: &str = "vvv";

/// Extension that carries a constant of R5 in an R4 resource.
const CONSTANT_EXTENSION: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-StructureMap.const";

/// Extension that carries a default of R5, which is an expression, in an R4 resource.
const DEFAULT_EXTENSION: &str =
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-StructureMap.group.rule.source.defaultValue";
