//! The `OpenAPI` 3.1 document, made from the table of routes.

use super::route::{Part, ROUTES, Root, Route};
use super::settings::Settings;
use serde_json::{Map, Value, json};

/// Writes the document.
pub(super) fn document(settings: &Settings) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = match route.root {
            Root::Base => format!("{}{}", settings.base_path(), route.template()),
            Root::Server => route.template(),
        };
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Sauma FHIR R4 API",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT" },
        },
        "servers": [{ "url": settings.origin() }],
        "paths": paths,
        "components": { "schemas": { "Resource": {
            "type": "object",
            "required": ["resourceType"],
            "properties": { "resourceType": { "type": "string" }, "id": { "type": "string" } },
        } } },
    })
}

fn operation(route: &Route) -> Value {
    let parameters: Vec<Value> = route.path.iter().filter_map(parameter).collect();
    let mut told = Map::new();
    let mut put = |key: &str, value: Value| told.insert(key.to_owned(), value);
    put("operationId", json!(format!("{:?}", route.interaction)));
    put("summary", json!(route.summary));
    if !parameters.is_empty() {
        put("parameters", json!(parameters));
    }
    if let Some(body) = body(route) {
        put("requestBody", body);
    }
    let resource =
        json!({ "application/fhir+json": { "schema": { "$ref": "#/components/schemas/Resource" } } });
    let done = match route.root {
        Root::Base => json!({ "description": "Done", "content": resource }),
        Root::Server => json!({ "description": "Done" }),
    };
    put(
        "responses",
        json!({
            "2XX": done,
            "4XX": { "description": "Refused, with an OperationOutcome", "content": resource },
            "5XX": { "description": "The server could not do it, with an OperationOutcome", "content": resource },
        }),
    );
    Value::Object(told)
}

fn parameter(part: &Part) -> Option<Value> {
    let (name, description) = match part {
        Part::Word(_) => return None,
        Part::Type => ("type", "A resource type of FHIR R4"),
        Part::Id => ("id", "The id of a resource"),
        Part::Version => ("version", "The version of a resource"),
        Part::Below => ("below", "A resource type looked for in a compartment"),
        Part::Operation => ("operation", "The name of an operation"),
    };
    Some(json!({
        "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" },
    }))
}

/// What the interaction takes; the method tells but for searches with a form.
fn body(route: &Route) -> Option<Value> {
    let resource = json!({ "schema": { "$ref": "#/components/schemas/Resource" } });
    let is_form = route.path.last() == Some(&Part::Word("_search"));
    let content = match route.method.as_str() {
        "POST" if is_form => {
            json!({ "application/x-www-form-urlencoded": { "schema": { "type": "object" } } })
        }
        "POST" | "PUT" => json!({ "application/fhir+json": resource, "application/fhir+xml": {} }),
        "PATCH" => json!({
            "application/json-patch+json": { "schema": { "type": "array" } },
            "application/merge-patch+json": { "schema": { "type": "object" } },
            "application/fhir+json": resource,
        }),
        _ => return None,
    };
    // A search may ask for everything.
    Some(json!({ "required": !is_form, "content": content }))
}
