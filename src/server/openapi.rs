//! The `OpenAPI` 3.1 document, made from the table of routes.

use super::operation::{Level, OPERATIONS, Operation, Parameter};
use super::route::{Interaction, Part, ROUTES, Root, Route};
use super::settings::Settings;
use serde_json::{Map, Value, json};

/// The routes but for operations, which are told by name. Without registered clients nobody is given a token.
fn routes(settings: &Settings) -> impl Iterator<Item = &'static Route> {
    let is_guarded = settings.is_guarded();
    ROUTES.iter().filter(move |route| match route.interaction {
        Interaction::Operation => false,
        Interaction::SmartConfiguration | Interaction::Token => is_guarded,
        _ => true,
    })
}

/// Writes the document.
pub(super) fn document(settings: &Settings) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes(settings) {
        let path = match route.root {
            Root::Base => format!("{}{}", settings.base_path(), route.template()),
            Root::Server => route.template(),
        };
        let methods = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(methods) = methods.as_object_mut() {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    for operation in OPERATIONS {
        for level in operation.levels {
            paths.insert(operation_path(settings, operation, *level), of_operation(operation, *level));
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

/// The path of an operation; where one type alone has it, that stands in the path.
fn operation_path(settings: &Settings, operation: &Operation, level: Level) -> String {
    let kind = if let [kind] = operation.kinds { kind } else { "{type}" };
    let below = match level {
        Level::System => String::new(),
        Level::Type => format!("/{kind}"),
        Level::Instance => format!("/{kind}/{{id}}"),
    };
    format!("{}{below}/${}", settings.base_path(), operation.name)
}

/// An operation by POST, and by GET where it changes nothing and its parameters are primitive.
fn of_operation(operation: &Operation, level: Level) -> Value {
    let mut in_path = Vec::new();
    if level != Level::System && operation.kinds.len() != 1 {
        in_path.extend(parameter(&Part::Type));
    }
    if level == Level::Instance {
        in_path.extend(parameter(&Part::Id));
    }
    let resource = json!({ "schema": { "$ref": "#/components/schemas/Resource" } });
    let content = json!({ "application/fhir+json": resource, "application/fhir+xml": {} });
    let told = |method: &str, parameters: &[Value]| {
        json!({
            "operationId": format!("{}-{level:?}-{method}", operation.id()),
            "summary": operation.title,
            "description": operation.about,
            "parameters": parameters,
            "responses": {
                "2XX": { "description": "Done", "content": content },
                "4XX": { "description": "Refused, with an OperationOutcome", "content": content },
                "5XX": { "description": "The server could not do it, with an OperationOutcome", "content": content },
            },
        })
    };
    let mut post = told("post", &in_path);
    post["requestBody"] = json!({ "content": content, "description": "Parameters, or the resource alone" });
    let mut methods = json!({ "post": post });
    let is_plain = |taken: &&Parameter| taken.is_primitive();
    if !operation.is_write && operation.takes().filter(|taken| taken.is_needed).all(Parameter::is_primitive) {
        let mut all = in_path;
        all.extend(operation.takes().filter(is_plain).map(in_query));
        methods["get"] = told("get", &all);
    }
    methods
}

fn in_query(taken: &'static Parameter) -> Value {
    let schema = match taken.ty {
        "boolean" => json!({ "type": "boolean" }),
        "integer" => json!({ "type": "integer" }),
        _ => json!({ "type": "string" }),
    };
    let schema = if taken.is_list { json!({ "type": "array", "items": schema }) } else { schema };
    json!({
        "name": taken.name, "in": "query", "required": taken.is_needed, "description": taken.about, "schema": schema,
    })
}

fn parameter(part: &Part) -> Option<Value> {
    let (name, description) = match part {
        Part::Word(_) => return None,
        Part::Type => ("type", "A resource type of FHIR R4"),
        Part::Id => ("id", "The id of a resource"),
        Part::Version => ("version", "The version of a resource"),
        Part::Below => ("below", "A resource type looked for in a compartment"),
        Part::Operation => ("operation", "The name of an operation"),
        Part::File => ("file", "The name of a file"),
        Part::Member => ("member", "The id of a resource of a joined plan"),
    };
    Some(json!({
        "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" },
    }))
}

/// What the interaction takes; the method tells but for searches with a form.
fn body(route: &Route) -> Option<Value> {
    let resource = json!({ "schema": { "$ref": "#/components/schemas/Resource" } });
    let is_form = matches!(route.path.last(), Some(Part::Word("_search" | "token")));
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
