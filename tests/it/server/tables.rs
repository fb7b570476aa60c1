//! The table of routes, the `CapabilityStatement` and the `OpenAPI` document say the same.

use super::talk::Running;
use sauma::diag::Severity;
use sauma::mapping::units::schema;
use sauma::tree::fhir;
use sauma::validate::{Options, Validator};
use serde_json::Value;
use std::collections::BTreeSet;

fn codes(of: &Value) -> BTreeSet<String> {
    let codes = of["interaction"].as_array().unwrap().iter();
    codes.map(|interaction| interaction["code"].as_str().unwrap().to_owned()).collect()
}

fn operations(of: &Value) -> BTreeSet<String> {
    let operations = of["operation"].as_array().into_iter().flatten();
    operations.map(|operation| operation["name"].as_str().unwrap().to_owned()).collect()
}

/// The interaction of FHIR that a method and path are (FHIR R4, 3.1.0); none for what is no interaction of a resource.
fn interaction(method: &str, path: &str) -> &'static [&'static str] {
    match (method, path) {
        ("get", "/{type}/{id}") => &["read"],
        ("get", "/{type}/{id}/_history/{version}") => &["vread"],
        ("put", "/{type}/{id}") => &["update"],
        ("patch", "/{type}/{id}") => &["patch"],
        ("delete", "/{type}/{id}") => &["delete"],
        ("get", "/{type}/{id}/_history") => &["history-instance"],
        ("get", "/{type}/_history") => &["history-type"],
        ("post", "/{type}") => &["create"],
        ("get", "/{type}") => &["search-type"],
        ("get", "") => &["search-system"],
        ("get", "/_history") => &["history-system"],
        ("post", "") => &["batch", "transaction"],
        _ => &[],
    }
}

#[test]
fn the_three_tables_are_one() {
    let server = Running::start();
    let statement = server.get("/metadata").value();
    let openapi = server.get("/openapi.json").value();
    let mut told: BTreeSet<String> = codes(&statement["rest"][0]);
    told.extend(codes(&statement["rest"][0]["resource"][0]));
    let mut described = BTreeSet::new();
    let mut asked = BTreeSet::new();
    for (path, methods) in openapi["paths"].as_object().unwrap() {
        let Some(below) = path.strip_prefix("/fhir") else { continue };
        for method in methods.as_object().unwrap().keys() {
            described.extend(interaction(method, below).iter().map(|code| (*code).to_owned()));
            if let Some((_, name)) = below.split_once('$') {
                asked.insert(name.to_owned());
            }
            // What is described can be asked: with a type and an id it is neither unknown nor the wrong method.
            let address = below.replace("{type}", "Patient").replace("{id}", "a").replace("{version}", "1");
            let address = address.replace("{below}", "CarePlan").replace("{file}", "a");
            // Nobody reads the body of a request that has none.
            let body = if matches!(&**method, "get" | "delete") { "" } else { "{}" };
            let reply = server.json(&method.to_ascii_uppercase(), &address, &[], body);
            let code = if reply.status < 400 { String::new() } else { reply.code() };
            assert!(!matches!(&*code, "H110" | "H111"), "{method} {address}: {}", reply.text());
        }
    }
    assert_eq!(told, described);
    let mut operations = operations(&statement["rest"][0]);
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        operations.extend(self::operations(resource));
    }
    assert_eq!(operations, asked);
    // And what is not described cannot be asked.
    for (method, path) in
        [("PUT", "/metadata"), ("DELETE", "/"), ("POST", "/Patient/a"), ("GET", "/Patient/a/_x")]
    {
        let reply = server.json(method, path, &[], "{}");
        assert!(matches!(reply.status, 404 | 405), "{method} {path}: {}", reply.text());
        assert!(matches!(&*reply.code(), "H110" | "H111" | "H120"));
    }
}

#[test]
fn the_statement_is_valid_and_names_every_type() {
    let server = Running::start();
    let reply = server.get("/metadata");
    let resources = reply.value()["rest"][0]["resource"].as_array().unwrap().clone();
    let names: BTreeSet<&str> = resources.iter().map(|resource| resource["type"].as_str().unwrap()).collect();
    let expected: BTreeSet<&str> = schema()
        .all_types()
        .map(|ty| schema().type_info(ty))
        .filter(|info| info.is_resource() && !info.is_abstract && !info.is_profile)
        .map(|info| info.name)
        .collect();
    assert_eq!(names, expected);
    assert!(names.len() > 140);
    let plan = resources.iter().find(|resource| resource["type"] == "CarePlan").unwrap();
    assert!(!plan["supportedProfile"].as_array().unwrap().is_empty());
    assert_eq!(errors(&reply.text()), Vec::<String>::new());
}

/// The errors of a resource.
pub(super) fn errors(text: &str) -> Vec<String> {
    let tree = fhir::read_json(text, schema().names()).unwrap();
    let report = Validator::new(schema()).validate(&tree, &Options::default());
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
    errors.map(|issue| format!("{} {}", issue.path, issue.message)).collect()
}

#[test]
fn the_statement_claims_what_searches_take() {
    let server = Running::start();
    let statement = server.get("/metadata").value();
    let names = |parameters: &serde_json::Value| -> BTreeSet<String> {
        let all = parameters.as_array().unwrap();
        let names = all.iter().map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        let names: BTreeSet<String> = names.collect();
        assert_eq!(names.len(), all.len(), "a name stands there once");
        names
    };
    let rest = &statement["rest"][0];
    let common = names(&rest["searchParam"]);
    for code in ["_id", "_tag", "_has", "_sort", "_total"] {
        assert!(common.contains(code), "{code}");
    }
    for code in ["_text", "_content", "_query"] {
        assert!(!common.contains(code), "{code}");
        assert_eq!(server.get(&format!("/Patient?{code}=x")).status, 400, "{code}");
    }
    let goal = rest["resource"].as_array().unwrap().iter().find(|it| it["type"] == "Goal").unwrap();
    assert!(names(&goal["searchParam"]).is_superset(&["_tag".to_owned(), "subject".to_owned()].into()));
    let lists = |key: &str, value: &str| goal[key].as_array().unwrap().iter().any(|it| it == value);
    assert!(lists("searchInclude", "Goal:subject") && lists("searchInclude", "*"));
    assert!(lists("searchRevInclude", "CarePlan:goal") && lists("searchRevInclude", "*"));
}
