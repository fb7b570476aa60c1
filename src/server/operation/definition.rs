//! The `OperationDefinition`s, made from the table (FHIR R4, `OperationDefinition`). Operations of FHIR itself are told
//! as what this server does of them, with FHIR's own definition as the base.

use super::table::{Level, OPERATIONS, Operation, Parameter, Usage};
use serde_json::{Map, Value, json};

/// Where our own definitions are.
const OWN_BASE: &str = "https://w3id.org/sauma/fhir/OperationDefinition/";
/// The day of the definitions as they are described here.
const DATE: &str = "2026-11-23";

/// The definition of an id.
pub(in crate::server) fn named(id: &str) -> Option<Value> {
    OPERATIONS.iter().find(|operation| operation.id() == id).map(described)
}

/// The definition of an operation.
fn described(operation: &Operation) -> Value {
    let at = |level| Value::Bool(operation.levels.contains(&level));
    let mut told = json!({
        "resourceType": "OperationDefinition",
        "id": operation.id(),
        "url": format!("{OWN_BASE}{}", operation.id()),
        "version": env!("CARGO_PKG_VERSION"),
        "name": identifier(operation.id()),
        "title": operation.title,
        "status": "active",
        "kind": "operation",
        "date": DATE,
        "publisher": "Sauma",
        "description": operation.about,
        "affectsState": operation.is_write,
        "code": operation.name,
        "resource": if operation.kinds.is_empty() { vec!["Resource"] } else { operation.kinds.to_vec() },
        "system": at(Level::System),
        "type": at(Level::Type),
        "instance": at(Level::Instance),
        "parameter": operation.parameters.iter().map(parameter).collect::<Vec<_>>(),
    });
    if operation.definition.starts_with("http://hl7.org/") {
        told["base"] = json!(operation.definition);
    }
    told
}

/// A name that programs can use (invariant opd-0).
fn identifier(id: &str) -> String {
    let mut name = String::new();
    for word in id.split('-') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

fn parameter(parameter: &Parameter) -> Value {
    let mut told = Map::new();
    let mut put = |key: &str, value: Value| told.insert(key.to_owned(), value);
    put("name", json!(parameter.name));
    put("use", json!(if parameter.usage == Usage::In { "in" } else { "out" }));
    put("min", json!(u8::from(parameter.is_needed)));
    put("max", json!(if parameter.is_list { "*" } else { "1" }));
    put("documentation", json!(parameter.about));
    if !parameter.ty.is_empty() {
        put("type", json!(parameter.ty));
    }
    if !parameter.parts.is_empty() {
        put("part", parameter.parts.iter().map(self::parameter).collect());
    }
    Value::Object(told)
}
