//! The `CapabilityStatement`, made from the table of routes and the definitions.

use super::audit;
use super::operation::{Level, OPERATIONS, Operation};
use super::route::{Interaction, ROUTES, Root};
use super::settings::Settings;
use super::subscription::{JOINED_PLAN, SUBSCRIPTION};
use crate::schema::Schema;
use crate::search::is_offered;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The day of the API as it is described here; a client that keeps the statement sees by it that it is another one.
const DATE: &str = "2026-11-23";

/// Parameters of every type, with their kinds; the definitions have them at `Resource`.
const COMMON: &str = "Resource";
/// Parameters of every search that R4 describes without giving them definitions (FHIR R4, "Search").
const UNDEFINED: [(&str, &str); 10] = [
    ("_count", "number"),
    ("_elements", "special"),
    ("_has", "special"),
    ("_include", "special"),
    ("_list", "special"),
    ("_revinclude", "special"),
    ("_sort", "special"),
    ("_summary", "special"),
    ("_total", "special"),
    ("_type", "special"),
];
/// A parameter that leads to as many types leads anywhere.
const ANYWHERE_MIN: usize = 100;
/// Every reference that there is, as a value of `_include` and `_revinclude`.
const ANY_REFERENCE: &str = "*";
/// Names the topics of subscriptions.
const TOPICS: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical";

/// The statement, as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Statement<R> {
    resource_type: &'static str,
    status: &'static str,
    date: &'static str,
    publisher: &'static str,
    kind: &'static str,
    software: Value,
    implementation: Value,
    fhir_version: &'static str,
    format: [&'static str; 2],
    patch_format: [&'static str; 4],
    rest: [Rest<R>; 1],
}

/// What the server does over HTTP.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rest<R> {
    mode: &'static str,
    documentation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    security: Option<Value>,
    resource: R,
    interaction: Vec<Value>,
    search_param: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    operation: Vec<Value>,
}

/// What is told of each type, made and dropped one after the other: all at once they take thirty times their text.
struct Each<F> {
    types: Vec<&'static str>,
    told_of: F,
}

impl<F: Fn(&str) -> Value> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.types.iter().map(|name| (self.told_of)(name)))
    }
}

/// Writes the statement.
pub(super) fn statement(schema: &'static Schema, settings: &Settings) -> String {
    let (parameters, referrers) = (parameters(schema), referrers(schema));
    let mut types: Vec<&str> = schema
        .all_types()
        .map(|ty| schema.type_info(ty))
        .filter(|info| info.is_resource() && !info.is_abstract && !info.is_profile)
        .map(|info| info.name)
        .collect();
    types.sort_unstable();
    let told_of = |name: &str| {
        let is_log = settings.audit.enabled && name == audit::AUDIT_EVENT;
        let mut told = if is_log {
            audit::statement()
        } else {
            resource(name, schema, settings, (&parameters, &referrers))
        };
        if name == SUBSCRIPTION {
            told["extension"] = json!([{ "url": TOPICS, "valueCanonical": JOINED_PLAN }]);
        }
        told
    };
    let of_system = base_interactions().flat_map(Interaction::of_system).map(|code| json!({ "code": code }));
    let rest = Rest {
        mode: "server",
        documentation: "Unknown search parameters are refused unless the client prefers handling=lenient. A personal identity code is never taken in an address: search with POST to _search.",
        security: settings.is_guarded().then(|| security(settings)),
        resource: Each { types, told_of },
        interaction: of_system.collect(),
        search_param: common(&parameters),
        operation: operations(|levels| levels.contains(&Level::System), ""),
    };
    let statement = Statement {
        resource_type: "CapabilityStatement",
        status: "active",
        date: DATE,
        publisher: "Sauma",
        kind: "instance",
        software: json!({ "name": "Sauma", "version": env!("CARGO_PKG_VERSION") }),
        implementation: json!({ "description": "Joins care plans of many units", "url": settings.base }),
        fhir_version: "4.0.1",
        format: ["application/fhir+json", "application/fhir+xml"],
        patch_format: [
            "application/json-patch+json",
            "application/merge-patch+json",
            "application/fhir+json",
            "application/fhir+xml",
        ],
        rest: [rest],
    };
    serde_json::to_string(&statement).unwrap_or_default()
}

/// How callers show who they are. Where a token is asked for stands in `.well-known/smart-configuration` (SMART App
/// Launch 2.2, "Conformance"): the extension `oauth-uris` needs an address for authorization, which this server has not.
fn security(settings: &Settings) -> Value {
    let service = json!({ "system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR" });
    json!({
        "cors": !settings.cors.origins.is_empty(),
        "service": [{ "coding": [service] }],
    })
}

fn base_interactions() -> impl Iterator<Item = Interaction> {
    ROUTES.iter().filter(|route| route.root == Root::Base).map(|route| route.interaction)
}

fn has(interaction: Interaction) -> bool {
    base_interactions().any(|known| known == interaction)
}

/// The operations at these levels that a resource type has; of the system where it is empty.
fn operations(is_here: impl Fn(&[Level]) -> bool, kind: &str) -> Vec<Value> {
    let fitting = OPERATIONS.iter().filter(|operation| {
        is_here(operation.levels)
            && (kind.is_empty() || operation.kinds.is_empty() || operation.kinds.contains(&kind))
    });
    // What an operation does is said once, in its definition, which this server answers too.
    let told = |operation: &Operation| json!({ "name": operation.name, "definition": operation.definition });
    fitting.map(told).collect()
}

/// Search parameters by the type they belong to: code, kind, url.
type Parameters = BTreeMap<&'static str, Vec<(&'static str, &'static str, &'static str)>>;
/// Search parameters that lead to a type, as `_revinclude` names them, by that type.
type Referrers = BTreeMap<&'static str, Vec<String>>;

fn parameters(schema: &'static Schema) -> Parameters {
    let mut found = Parameters::new();
    for parameter in schema.search_parameters().filter(|parameter| is_offered(&parameter.code)) {
        for base in &parameter.bases {
            let known: &mut Vec<(&str, &str, &str)> = found.entry(base).or_default();
            // A name stands once for a type (cpb-12), though R4 defines some twice.
            if known.iter().all(|(code, ..)| *code != &*parameter.code) {
                known.push((&parameter.code, &parameter.kind, &parameter.url));
            }
        }
    }
    found
}

/// A parameter that leads anywhere is said by `*` alone.
fn referrers(schema: &'static Schema) -> Referrers {
    let mut found = Referrers::new();
    for parameter in schema.search_parameters().filter(|parameter| parameter.targets.len() < ANYWHERE_MIN) {
        for target in &parameter.targets {
            let known: &mut Vec<String> = found.entry(target).or_default();
            known.extend(parameter.bases.iter().map(|base| format!("{base}:{}", parameter.code)));
        }
    }
    for known in found.values_mut() {
        known.sort_unstable();
        known.dedup();
    }
    found
}

fn told((code, kind, url): &(&str, &str, &str)) -> Value {
    json!({ "name": code, "definition": url, "type": kind })
}

fn common(parameters: &Parameters) -> Vec<Value> {
    let undefined = UNDEFINED.iter().map(named);
    parameters.get(COMMON).into_iter().flatten().map(told).chain(undefined).collect()
}

fn named((code, kind): &(&str, &str)) -> Value {
    json!({ "name": code, "type": kind })
}

fn resource(
    name: &str,
    schema: &'static Schema,
    settings: &Settings,
    (parameters, referrers): (&Parameters, &Referrers),
) -> Value {
    let own = parameters.get(name).into_iter().flatten();
    let conditional = |interaction| Value::Bool(has(interaction));
    let mut told_of = Map::new();
    let mut put = |key: &str, value: Value| told_of.insert(key.to_owned(), value);
    put("type", json!(name));
    put("profile", json!(format!("http://hl7.org/fhir/StructureDefinition/{name}")));
    let profiles = profiles(name, schema);
    if !profiles.is_empty() {
        put("supportedProfile", json!(profiles));
    }
    let codes = base_interactions().filter_map(Interaction::of_type).map(|code| json!({ "code": code }));
    put("interaction", codes.collect());
    put("versioning", json!("versioned-update"));
    put("readHistory", conditional(Interaction::VersionRead));
    put("updateCreate", Value::Bool(true));
    put("conditionalCreate", conditional(Interaction::Create));
    put("conditionalRead", json!("full-support"));
    put("conditionalUpdate", conditional(Interaction::ConditionalUpdate));
    put(
        "conditionalDelete",
        json!(if has(Interaction::ConditionalDelete) { "single" } else { "not-supported" }),
    );
    put("referencePolicy", json!(["literal", "logical"]));
    let references = own.clone().filter(|(_, kind, _)| *kind == "reference");
    let includes = references.map(|(code, ..)| format!("{name}:{code}"));
    put("searchInclude", includes.chain([ANY_REFERENCE.to_owned()]).collect());
    let referring = referrers.get(name).into_iter().flatten().cloned();
    put("searchRevInclude", referring.chain([ANY_REFERENCE.to_owned()]).collect());
    // What all types have is said of each once more, without its definition: clients look for it there.
    let common = parameters.get(COMMON).into_iter().flatten().map(|(code, kind, _)| named(&(code, kind)));
    put("searchParam", own.map(told).chain(common).collect());
    let operations = operations(|levels| levels.iter().any(|level| *level != Level::System), name);
    if !operations.is_empty() {
        put("operation", json!(operations));
    }
    if !settings.validate {
        put("documentation", json!("Resources are not validated: the configuration turns it off."));
    }
    Value::Object(told_of)
}

/// The profiles of Sauma's own guide for a type; resources that claim them are held against them.
fn profiles(name: &str, schema: &'static Schema) -> Vec<&'static str> {
    let mut found: Vec<&str> = schema
        .profiles()
        .map(|ty| schema.type_info(ty))
        .filter(|info| info.url.starts_with(super::PROFILES_BASE))
        .filter(|info| info.base.is_some_and(|base| constrained(schema, base) == name))
        .map(|info| info.url)
        .collect();
    found.sort_unstable();
    found
}

/// Profiles that stand on profiles are followed so far.
const BASES_MAX: usize = 16;

/// The type that a chain of profiles constrains.
fn constrained(schema: &'static Schema, mut ty: crate::tree::fhir::TypeId) -> &'static str {
    for _ in 0..BASES_MAX {
        let info = schema.type_info(ty);
        match info.base.filter(|_| info.is_profile) {
            Some(base) => ty = base,
            None => return info.name,
        }
    }
    ""
}
