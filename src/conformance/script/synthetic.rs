//! A small valid resource of any type, made from the definitions.
//!
//! What a type requires is filled in, with codes of its value sets. Where an invariant asks for more, optional elements
//! are tried until the validator finds nothing: which ones is not written down anywhere, so that it holds for every type.
//! What R4 asks for in words alone is written down.

use crate::diag::Severity;
use crate::schema::{ElementDef, Found, Schema};
use crate::tree::fhir::{self, Form, TypeId};
use crate::validate::{Options, Validator};
use serde_json::{Map, Value, json};

/// Elements below elements.
const DEPTH_MAX: usize = 8;
/// Elements that are added for the sake of invariants.
const ADDED_MAX: usize = 12;
/// What a repetition of `Resource` holds.
const ANY_RESOURCE: &str = "Basic";
const MEDIA_TYPES: &str = "http://hl7.org/fhir/ValueSet/mimetypes";
const DEFINED_TYPES: &str = "http://hl7.org/fhir/ValueSet/defined-types";

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
    made.extend(worded(kind));
    let made = maker.mended(ty, Value::Object(made));
    match maker.faults(&made).first() {
        None => Ok(made.to_string()),
        Some(path) => Err(format!("no valid {kind} could be made: {path} is at fault")),
    }
}

/// What R4 asks of a type in words that no definition holds. A Subscription looks for what a search finds, and a rest hook
/// has an address (`Subscription.criteria`, `.channel.endpoint`); it is off, so that the server tells nobody anything.
fn worded(kind: &str) -> Map<String, Value> {
    let stated = match kind {
        "Subscription" => json!({
            "status": "off",
            "criteria": "Patient?active=true",
            "channel": { "type": "rest-hook", "endpoint": "https://example.org/any" },
        }),
        _ => Value::Null,
    };
    stated.as_object().cloned().unwrap_or_default()
}

/// The steps of `CarePlan.activity[2].detail`, without the type.
fn steps(path: &str) -> Vec<Step> {
    let step = |step: &str| match step.split_once('[') {
        Some((name, index)) => (name.to_owned(), index.trim_end_matches(']').parse().ok()),
        None => (step.to_owned(), None),
    };
    path.split('.').skip(1).map(step).collect()
}

/// The same as a JSON Pointer (RFC 6901).
fn pointer(path: &[Step]) -> String {
    let step = |(name, index): &Step| match index {
        Some(index) => format!("/{name}/{index}"),
        None => format!("/{name}"),
    };
    path.iter().map(step).collect()
}

struct Maker<'a, 's> {
    schema: &'a Schema,
    validator: &'a Validator<'s>,
}

/// A member of an object, and which item of it where it is a list.
type Step = (String, Option<usize>);

impl Maker<'_, '_> {
    /// The paths of what is wrong with a resource.
    fn faults(&self, resource: &Value) -> Vec<String> {
        let Ok(tree) = fhir::read_json(&resource.to_string(), self.schema.names()) else { return Vec::new() };
        let report = self.validator.validate(&tree, &Options::default());
        let errors = report.issues.into_iter().filter(|issue| issue.severity == Severity::Error);
        errors.map(|issue| issue.path).collect()
    }

    /// Adds optional elements that leave fewer faults than there were: to what is at fault, or to what that is part of.
    fn mended(&self, ty: TypeId, mut made: Value) -> Value {
        for _ in 0..ADDED_MAX {
            let faults = self.faults(&made);
            let Some(path) = faults.first().map(|path| steps(path)) else { break };
            let above = (0..=path.len()).rev().filter_map(|depth| path.get(..depth));
            let better = above.into_iter().find_map(|path| self.with_more(ty, &made, path, faults.len()));
            match better {
                Some(better) => made = better,
                None => break,
            }
        }
        made
    }

    /// The resource with one element or item more in the object at a path, by which it has fewer faults.
    fn with_more(&self, ty: TypeId, made: &Value, path: &[Step], faults: usize) -> Option<Value> {
        let ty =
            path.iter().try_fold(ty, |ty, (name, _)| self.schema.find(ty, name).map(|found| found.ty))?;
        let pointer = pointer(path);
        let tried = self.schema.elements(ty).iter().flat_map(|it| self.schema.names_in_data(ty, it));
        tried.into_iter().find_map(|found| {
            let name = self.schema.name_text(found.name);
            let mut more = made.clone();
            let object = more.pointer_mut(&pointer)?.as_object_mut()?;
            match object.get_mut(name) {
                None => {
                    object.insert(name.to_owned(), self.listed(&found, DEPTH_MAX)?);
                }
                Some(Value::Array(items)) => items.push(items.first()?.clone()),
                Some(_) => return None,
            }
            (self.faults(&more).len() < faults).then_some(more)
        })
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
                "ElementDefinition" => json!({ "id": self.any_type(), "path": self.any_type() }),
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

    /// A type that definitions may be about: the elements of a definition begin with its type.
    fn any_type(&self) -> String {
        let codes = self.schema.codes(DEFINED_TYPES).unwrap_or_default();
        codes.first().map_or_else(String::new, |code| code.code.to_owned())
    }

    fn text(&self, name: &str, found: &Found<'_>) -> String {
        let fixed = match name {
            "code" => return self.code(found).map_or_else(|| open_code(found).to_owned(), |(_, code)| code),
            "uri" if has_binding(found, DEFINED_TYPES) => return self.any_type(),
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

/// A code of a value set that is too large to be listed: media types, otherwise languages.
fn open_code(found: &Found<'_>) -> &'static str {
    if has_binding(found, MEDIA_TYPES) { "text/plain" } else { "en" }
}

fn has_binding(found: &Found<'_>, value_set: &str) -> bool {
    let url = found.element.binding().and_then(|binding| binding.value_set.split('|').next());
    url == Some(value_set)
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
