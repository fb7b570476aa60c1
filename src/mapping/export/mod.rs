//! A lens as maps of the FHIR Mapping Language.

mod value;
