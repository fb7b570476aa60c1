//! The data types that search parameters are compared by.

use crate::schema::Schema;
use crate::tree::fhir::TypeId;

/// How a value of some type is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Data {
    Coding,
    CodeableConcept,
    Identifier,
    ContactPoint,
    Boolean,
    Text,
    Uri,
    Canonical,
    Reference,
    Date,
    Period,
    Timing,
    Number,
    Quantity,
    Money,
    Range,
    Samples,
    HumanName,
    Address,
    Extension,
    Resource,
    /// What no search parameter is compared by.
    Other,
}

const NAMED: &[(&str, Data)] = &[
    ("Coding", Data::Coding),
    ("CodeableConcept", Data::CodeableConcept),
    ("Identifier", Data::Identifier),
    ("ContactPoint", Data::ContactPoint),
    ("boolean", Data::Boolean),
    ("code", Data::Text),
    ("string", Data::Text),
    ("id", Data::Text),
    ("markdown", Data::Text),
    ("uri", Data::Uri),
    ("url", Data::Uri),
    ("oid", Data::Uri),
    ("uuid", Data::Uri),
    ("canonical", Data::Canonical),
    ("Reference", Data::Reference),
    ("date", Data::Date),
    ("dateTime", Data::Date),
    ("instant", Data::Date),
    ("Period", Data::Period),
    ("Timing", Data::Timing),
    ("decimal", Data::Number),
    ("integer", Data::Number),
    ("unsignedInt", Data::Number),
    ("positiveInt", Data::Number),
    ("integer64", Data::Number),
    ("Quantity", Data::Quantity),
    ("Age", Data::Quantity),
    ("Count", Data::Quantity),
    ("Distance", Data::Quantity),
    ("Duration", Data::Quantity),
    ("Money", Data::Money),
    ("Range", Data::Range),
    ("SampledData", Data::Samples),
    ("HumanName", Data::HumanName),
    ("Address", Data::Address),
    ("Extension", Data::Extension),
    ("Resource", Data::Resource),
];

/// From the numbers of types to how their values are read.
#[derive(Debug)]
pub(super) struct DataTypes(Vec<(TypeId, Data)>);

impl DataTypes {
    pub(super) fn new(schema: &Schema) -> Self {
        let known = NAMED.iter().filter_map(|(name, data)| Some((schema.type_named(name)?, *data)));
        let mut known: Vec<_> = known.collect();
        known.sort_by_key(|(ty, _)| *ty);
        Self(known)
    }

    pub(super) fn of(&self, ty: TypeId) -> Data {
        let found = self.0.binary_search_by_key(&ty, |(known, _)| *known).ok();
        found.and_then(|at| self.0.get(at)).map_or(Data::Other, |(_, data)| *data)
    }
}
