//! A small valid resource of any type, made from the definitions.
//!
//! What a type requires is filled in, with codes of its value sets. Where an invariant asks for more, optional elements
//! are tried until the validator finds nothing: which ones is not written down anywhere, so that it holds for every type.

use crate::schema::{ElementDef, Found, Schema};
use crate::tree::fhir::{self, Form, TypeId};
use crate::validate::{Options, Validator};
use serde_json::{Map, Value, json};

/// Elements below elements.
const DEPTH_MAX: usize = 8;
/// Elements that are added for the sake of invariants.
const ADDED_MAX: usize = 4;
/// What a repetition of `Resource` holds.
const ANY_RESOURCE: &str = "Basic";

/// A valid resource of a type of R4, as JSON.
///
/// # Errors
/// R4 has no such type, or none that is valid was found.
pub fn synthetic(kind: &str, validator: &Validator<'_>) -> Result<String, String> {
    let schema = validator.schema();
    let ty = schema.type_named(kind).ok_or_else(|| format!("FHIR R4 has no type {kind}"))?;
    let info = schema.type_info(ty);
    if !info.is_resource() || info.is_abstract {
        return Err(format!("{kind} is no type of a resource"));
    }
    let maker = Maker { schema, validator };
    let mut made = maker.object(ty, DEPTH_MAX);
    made.insert("resourceType".to_owned(), json!(kind));
    let made = maker.mended(ty, made);
    if maker.faults(&made) == 0 {
        Ok(Value::Object(made).to_string())
    } else {
        Err(format!("no valid {kind} could be made"))
    }
}

struct Maker<'a, 's> {
    schema: &'a Schema,
    validator: &'a Validator<'s>,
}

impl Maker<'_, '_> {
    fn faults(&self, resource: &Map<String, Value>) -> usize {
        let text = Value::Object(resource.clone()).to_string();
        let Ok(tree) = fhir::read_json(&text, self.schema.names()) else { return usize::MAX };
        let report = self.validator.validate(&tree, &Options::default());
        let errors = report.issues.iter().filter(|issue| issue.severity == crate::diag::Severity::Error);
        errors.count()
    }

    /// Adds optional elements that leave fewer faults than there were.
    fn mended(&self, ty: TypeId, mut made: Map<String, Value>) -> Map<String, Value> {
        for _ in 0..ADDED_MAX {
            let faults = self.faults(&made);
            if faults == 0 {
                break;
            }
            let tried =
                self.schema.elements(ty).iter().flat_map(|element| self.schema.names_in_data(ty, element));
            let better = tried
                .filter(|found| !made.contains_key(self.schema.name_text(found.name)))
                .find_map(|found| {
                    let mut more = made.clone();
                    let value = self.listed(&found, DEPTH_MAX)?;
                    more.insert(self.schema.name_text(found.name).to_owned(), value);
                    (self.faults(&more) < faults).then_some(more)
                });
            match better {
                Some(better) => made = better,
                None => break,
            }
        }
        made
    }

    /// What a type requires; where it requires nothing, its first element that is one value.
    fn object(&self, ty: TypeId, depth: usize) -> Map<String, Value> {
        let mut members = Map::new();
        for element in self.schema.elements(ty).iter().filter(|element| element.min > 0) {
            if let Some((name, value)) = self.member(ty, element, depth) {
                members.insert(name, value);
            }
        }
        if members.is_empty() && depth < DEPTH_MAX {
            let mut optional = self.schema.elements(ty).iter().filter(|element| {
                !matches!(self.schema.name_text(element.name), "id" | "extension" | "modifierExtension")
            });
            let found = optional.find_map(|element| self.member(ty, element, depth));
            members.extend(found);
        }
        members
    }

    fn member(&self, ty: TypeId, element: &ElementDef, depth: usize) -> Option<(String, Value)> {
        let found = self.schema.names_in_data(ty, element).into_iter().next()?;
        let value = self.listed(&found, depth)?;
        Some((self.schema.name_text(found.name).to_owned(), value))
    }

    fn listed(&self, found: &Found<'_>, depth: usize) -> Option<Value> {
        let value = self.value(found, depth.checked_sub(1)?)?;
        Some(if found.element.is_list() { json!([value]) } else { value })
    }

    fn value(&self, found: &Found<'_>, depth: usize) -> Option<Value> {
        let name = self.schema.type_info(found.ty).name;
        Some(match found.form {
            Form::Bool => json!(true),
            Form::Number => json!(1),
            Form::Xhtml => json!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>text</p></div>"),
            Form::Str => json!(self.text(name, found)),
            Form::Resource => json!({ "resourceType": ANY_RESOURCE, "code": { "text": "any" } }),
            Form::Object => match name {
                "Reference" => json!({ "display": "somebody" }),
                "CodeableConcept" => match self.code(found) {
                    Some((system, code)) => json!({ "coding": [{ "system": system, "code": code }] }),
                    None => json!({ "text": "something" }),
                },
                "Coding" => match self.code(found) {
                    Some((system, code)) => json!({ "system": system, "code": code }),
                    None => json!({ "display": "something" }),
                },
                "Identifier" => json!({ "system": "http://example.org/id", "value": "1" }),
                "Period" => json!({ "start": "2026-01-01" }),
                "Extension" => return None,
                _ => Value::Object(self.object(found.ty, depth)),
            },
        })
    }

    /// The first code of the value set that an element is bound to.
    fn code(&self, found: &Found<'_>) -> Option<(String, String)> {
        let codes = self.schema.codes(&found.element.binding()?.value_set)?;
        codes.first().map(|code| (code.system.to_owned(), code.code.to_owned()))
    }

    fn text(&self, name: &str, found: &Found<'_>) -> String {
        let fixed = match name {
            "code" => return self.code(found).map_or_else(|| "en".to_owned(), |(_, code)| code),
            "uri" | "url" | "canonical" => "http://example.org/any",
            "oid" => "urn:oid:1.2.3",
            "uuid" => "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
            "id" => "any",
            "date" => "2026-01-01",
            "dateTime" | "instant" => "2026-01-01T00:00:00Z",
            "time" => "12:00:00",
            "base64Binary" => "YQ==",
            _ => "Any text",
        };
        fixed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_r4_has_a_valid_resource() {
        let schema = Schema::r4();
        let validator = Validator::new(schema);
        let types = schema.all_types().map(|ty| schema.type_info(ty));
        let names = types.filter(|info| info.is_resource() && !info.is_abstract && !info.is_profile);
        let names: Vec<&str> = names.map(|info| info.name).collect();
        assert!(names.len() > 140);
        let failed: Vec<String> = names.iter().filter_map(|name| synthetic(name, &validator).err()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        assert!(synthetic("DeviceUsage", &validator).is_err() && synthetic("HumanName", &validator).is_err());
    }
}
