//! Logical models of JSON documents as JSON Schema (draft 2020-12): the contract that a vendor can check against.
//!
//! What the model does not list may stand in a document all the same: units carry more than we know, and it survives.

use super::json::{Object, quoted};
use super::{Guide, Resource};
use serde_json::Value;

/// Marks a definition whose documents are XML, or HL7 v2, which has a namespace of its own too.
const NAMESPACE: &str = "http://hl7.org/fhir/StructureDefinition/elementdefinition-namespace";
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Forms of primitive values that the type alone does not say.
const PATTERNS: &[(&str, &str)] = &[
    ("date", "^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$"),
    (
        "dateTime",
        "^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2}))?)?)?$",
    ),
    ("time", "^([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?$"),
    ("uri", "^\\S+$"),
];

pub(super) fn all(guide: &Guide) -> Vec<(String, String)> {
    let models = guide.resources.values().filter(|resource| resource.is_logical() && !is_xml(resource));
    models.map(|model| (format!("{}.schema.json", model.text("id")), schema(model))).collect()
}

fn is_xml(model: &Resource) -> bool {
    let extensions = model.value["extension"].as_array().into_iter().flatten();
    extensions.into_iter().any(|extension| extension["url"].as_str() == Some(NAMESPACE))
}

fn schema(model: &Resource) -> String {
    let elements: Vec<&Value> = model.elements().collect();
    let root = elements.first().map_or("", |first| text(first, "path"));
    let mut made = Object::default();
    made.text("$schema", DIALECT);
    made.text("$id", &format!("{}.schema.json", model.text("url")));
    made.text("title", model.text("title")).text("description", model.text("description"));
    members(&mut made, &elements, root);
    let made: Result<Value, _> = serde_json::from_str(&made.end());
    let pretty = made.ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.map_or_else(String::new, |text| text + "\n")
}

fn text<'v>(element: &'v Value, name: &str) -> &'v str {
    element[name].as_str().unwrap_or_default()
}

/// Type, members and required members of the object at a path. Its depth is that of the model.
fn members(made: &mut Object, elements: &[&Value], path: &str) {
    let is_child =
        |element: &&&Value| text(element, "path").rsplit_once('.').map(|(above, _)| above) == Some(path);
    let (mut required, mut properties) = (Vec::new(), Object::default());
    for child in elements.iter().filter(is_child) {
        let child_path = text(child, "path");
        let name = child_path.rsplit('.').next().unwrap_or_default();
        if child["min"].as_u64().unwrap_or(0) > 0 {
            required.push(quoted(name));
        }
        properties.raw(name, &property(child, elements, child_path));
    }
    made.text("type", "object").list("required", &required).raw("properties", &properties.end());
}

fn property(element: &Value, elements: &[&Value], path: &str) -> String {
    let mut one = Object::default();
    let code = element["type"].as_array().and_then(|types| types.first()).map_or("", |ty| text(ty, "code"));
    let max = text(element, "max");
    let is_list = !matches!(max, "" | "0" | "1");
    if !is_list {
        one.copy_as("description", element, "short");
    }
    match code {
        "boolean" => one.text("type", "boolean"),
        "integer" => one.text("type", "integer"),
        "positiveInt" => one.text("type", "integer").raw("minimum", "1"),
        "unsignedInt" => one.text("type", "integer").raw("minimum", "0"),
        "decimal" => one.text("type", "number"),
        "BackboneElement" | "Element" => {
            members(&mut one, elements, path);
            &mut one
        }
        _ => one.text("type", "string"),
    };
    if let Some((_, pattern)) = PATTERNS.iter().find(|(name, _)| *name == code) {
        one.text("pattern", pattern);
    }
    one.copy_as("const", element, "fixedString");
    if !is_list {
        return one.end();
    }
    let mut list = Object::default();
    list.copy_as("description", element, "short").text("type", "array").raw("items", &one.end());
    if let Ok(most) = max.parse::<u32>() {
        list.raw("maxItems", &most.to_string());
    }
    if let Some(least) = element["min"].as_u64().filter(|least| *least > 0) {
        list.raw("minItems", &least.to_string());
    }
    list.end()
}
