//! Requests and what they are answered, as data: a file has resources to store and cases. A case names a request
//! (`"GET /…"` or `"POST /…"` with a `body`), the status, and values of the answer by JSON pointers. Each is asked in
//! JSON and in XML, and what comes back is valid by our own validator.

use super::talk::{Reply, Running};
use sauma::diag::Severity;
use sauma::mapping::units::schema;
use sauma::tree::{Tree, fhir};
use sauma::validate::{Options, Validator};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    setup: Vec<Value>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    request: String,
    #[serde(default)]
    body: Value,
    status: u16,
    /// JSON pointer to value; null: there is nothing.
    #[serde(default)]
    expected: BTreeMap<String, Value>,
    /// What the answer must not have anywhere.
    #[serde(default)]
    absent: Vec<String>,
}

/// Runs all cases of a file on one server.
pub(super) fn run(server: &Running, text: &str) {
    let file: File = serde_json::from_str(text).unwrap();
    for resource in &file.setup {
        let path =
            format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let reply = server.json("PUT", &path, &[], &resource.to_string());
        assert_eq!(reply.status, 201, "{path}: {}", reply.text());
    }
    let faults: Vec<String> = file.cases.iter().filter_map(|case| run_one(server, case).err()).collect();
    assert!(faults.is_empty(), "{} of {} fail:\n{}", faults.len(), file.cases.len(), faults.join("\n"));
}

fn run_one(server: &Running, case: &Case) -> Result<(), String> {
    let (method, path) = case.request.split_once(' ').unwrap();
    let body = if case.body.is_null() { String::new() } else { case.body.to_string() };
    let told = |reply: &Reply| format!("{} {}: {}", case.request, body, reply.text());
    let reply = server.json(method, path, &[], &body);
    if reply.status != case.status {
        return Err(format!("{} for {}", reply.status, told(&reply)));
    }
    let value = reply.value();
    for (pointer, expected) in &case.expected {
        if value.pointer(pointer).unwrap_or(&Value::Null) != expected {
            return Err(format!("{pointer} is not {expected}: {}", told(&reply)));
        }
    }
    if case.absent.iter().any(|absent| reply.text().contains(absent)) {
        return Err(format!("too much in {}", told(&reply)));
    }
    is_valid(&fhir::read_json(&reply.text(), schema().names()).unwrap(), &told(&reply))?;
    let xml = server.json(method, path, &[("Accept", "application/fhir+xml")], &body);
    if xml.status != case.status {
        return Err(format!("{} for {}", xml.status, told(&xml)));
    }
    is_valid(&fhir::read_xml(&xml.text(), schema().names(), schema()).unwrap(), &told(&xml))
}

fn is_valid(tree: &Tree, told: &str) -> Result<(), String> {
    let report = Validator::new(schema()).validate(tree, &Options::default());
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|issue| format!("{} {}", issue.path, issue.message)).collect();
    if errors.is_empty() { Ok(()) } else { Err(format!("{errors:?} in {told}")) }
}

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/server").join(name);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn terminology() {
    run(&Running::start(), &file("terminology.json"));
}

#[test]
fn transforms_and_conversions() {
    run(&Running::start(), &file("transform.json"));
}
