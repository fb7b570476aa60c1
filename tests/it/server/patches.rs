//! PATCH in both forms, and the suites of HL7.

use super::talk::Running;
use crate::shared;
use sauma::mapping::units::schema;
use sauma::tree::fhir::{self, write_json};
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree, xml};
use serde_json::{Value, json};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"a","active":true,"name":[{"family":"A","given":["B","C"]}],"gender":"male"}"#;

/// Patches a fresh resource: the members that are there afterwards, or the status and code of the refusal.
fn check(media: &str, patch: &Value, expected: Result<Value, (u16, &str)>) {
    let server = Running::start();
    assert_eq!(server.json("PUT", "/Patient/a", &[], PATIENT).status, 201);
    let reply =
        server.send("PATCH", "/fhir/Patient/a", &[("Content-Type", media)], patch.to_string().as_bytes());
    match expected {
        Ok(members) => {
            assert_eq!(reply.status, 200, "{}", reply.text());
            let mut after = reply.value();
            after
                .as_object_mut()
                .unwrap()
                .retain(|name, _| !matches!(&**name, "resourceType" | "id" | "meta"));
            assert_eq!(after, members);
        }
        Err((status, code)) => {
            assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
            assert_eq!(server.get("/Patient/a").header("etag"), Some("W/\"1\""));
        }
    }
}

fn operation(parts: &[(&str, Value)]) -> Value {
    let parts: Vec<Value> = parts
        .iter()
        .map(|(name, value)| {
            let mut part = json!({ "name": name });
            let given = value.as_object().cloned().unwrap_or_else(|| {
                let kind = if value.is_number() { "valueInteger" } else { "valueString" };
                json!({ kind: value }).as_object().cloned().unwrap_or_default()
            });
            part.as_object_mut().unwrap().extend(given);
            part
        })
        .collect();
    json!({ "name": "operation", "part": parts })
}

fn patched(operations: &[Value]) -> Value {
    json!({ "resourceType": "Parameters", "parameter": operations })
}

#[test]
fn a_json_patch_changes_what_it_names() {
    let check = |patch: Value, expected| check("application/json-patch+json", &patch, expected);
    check(
        json!([{ "op": "test", "path": "/gender", "value": "male" }, { "op": "remove", "path": "/gender" }, { "op": "add", "path": "/name/0/given/-", "value": "D" }]),
        Ok(json!({ "active": true, "name": [{ "family": "A", "given": ["B", "C", "D"] }] })),
    );
    check(json!([{ "op": "test", "path": "/gender", "value": "female" }]), Err((400, "H146")));
    check(json!([{ "op": "replace", "path": "/id", "value": "b" }]), Err((400, "H146")));
    check(json!([{ "op": "replace", "path": "/gender", "value": "mael" }]), Err((400, "V325")));
    check(json!({}), Err((400, "H145")));
}

#[test]
fn a_fhirpath_patch_changes_what_it_names() {
    let check =
        |operations: &[Value], expected| check("application/fhir+json", &patched(operations), expected);
    let rest = json!({ "active": true, "name": [{ "family": "A", "given": ["B", "C"] }] });
    check(&[operation(&[("type", json!("delete")), ("path", json!("Patient.gender"))])], Ok(rest.clone()));
    check(
        &[
            operation(&[
                ("type", json!("move")),
                ("path", json!("Patient.name.given")),
                ("source", json!(0)),
                ("destination", json!(1)),
            ]),
            operation(&[("type", json!("delete")), ("path", json!("Patient.gender"))]),
        ],
        Ok(json!({ "active": true, "name": [{ "family": "A", "given": ["C", "B"] }] })),
    );
    check(
        &[
            operation(&[
                ("type", json!("add")),
                ("path", json!("Patient")),
                ("name", json!("deceased")),
                ("value", json!({ "valueBoolean": true })),
            ]),
            operation(&[
                ("type", json!("replace")),
                ("path", json!("Patient.deceased")),
                ("value", json!({ "valueDateTime": "2020-01-01" })),
            ]),
            operation(&[("type", json!("delete")), ("path", json!("Patient.gender"))]),
        ],
        Ok(
            json!({ "active": true, "name": [{ "family": "A", "given": ["B", "C"] }], "deceasedDateTime": "2020-01-01" }),
        ),
    );
    let value = json!({ "part": [{ "name": "type", "valueCode": "refer" }, { "name": "other", "valueReference": { "reference": "Patient/b" } }] });
    check(
        &[
            operation(&[
                ("type", json!("add")),
                ("path", json!("Patient")),
                ("name", json!("link")),
                ("value", value),
            ]),
            operation(&[("type", json!("delete")), ("path", json!("Patient.gender"))]),
        ],
        Ok(
            json!({ "active": true, "name": [{ "family": "A", "given": ["B", "C"] }], "link": [{ "other": { "reference": "Patient/b" }, "type": "refer" }] }),
        ),
    );
}

#[test]
fn a_fhirpath_patch_that_does_not_fit_is_refused() {
    let check =
        |operations: &[Value], expected| check("application/fhir+json", &patched(operations), expected);
    for (parts, code) in [
        (vec![("type", json!("coo")), ("path", json!("Patient.gender"))], "H145"),
        (vec![("type", json!("replace")), ("value", json!("x"))], "H145"),
        (vec![("type", json!("replace")), ("path", json!("Patient.gender"))], "H145"),
        (
            vec![("type", json!("replace")), ("path", json!("Patient.gender + ")), ("value", json!("x"))],
            "H145",
        ),
        (
            vec![
                ("type", json!("replace")),
                ("path", json!("Patient.id")),
                ("value", json!({ "valueId": "b" })),
            ],
            "H146",
        ),
        (
            vec![
                ("type", json!("add")),
                ("path", json!("Patient")),
                ("name", json!("dummy")),
                ("value", json!("x")),
            ],
            "H146",
        ),
        (
            vec![
                ("type", json!("add")),
                ("path", json!("Patient")),
                ("name", json!("active")),
                ("value", json!({ "valueBoolean": true })),
            ],
            "H146",
        ),
        (
            vec![
                ("type", json!("add")),
                ("path", json!("Patient")),
                ("name", json!("birthDate")),
                ("value", json!({ "valueDateTime": "2020-01-01T00:00:00Z" })),
            ],
            "H146",
        ),
        (vec![("type", json!("delete")), ("path", json!("Patient.name.given"))], "H146"),
        (
            vec![
                ("type", json!("insert")),
                ("path", json!("Patient.name.given")),
                ("index", json!(3)),
                ("value", json!("x")),
            ],
            "H146",
        ),
    ] {
        check(&[operation(&parts)], Err((400, code)));
    }
}

#[test]
fn what_is_not_there_is_not_patched() {
    let server = Running::start();
    let reply = server.json("PATCH", "/Patient/none", &[], &patched(&[]).to_string());
    assert_eq!((reply.status, reply.code()), (404, "H121".to_owned()));
    let reply = server.json("PATCH", "/Patient/none", &[], PATIENT);
    assert_eq!((reply.status, reply.code()), (400, "H145".to_owned()));
}

/// A resource that stands in an element of the suite, as JSON; none where the element is empty.
fn resource(suite: &Tree, case: NodeId, name: &str) -> Option<(String, String)> {
    let around = suite.child_str(case, name)?;
    let node = suite.children(around).find(|child| suite.kind(*child) != sauma::tree::Kind::Text)?;
    let span = suite.head_span(node);
    let text = suite.source().get(span.start as usize..span.end as usize)?;
    let tree = fhir::read_xml(text, schema().names(), schema())
        .unwrap_or_else(|issue| panic!("{}: {text}", issue.message));
    let mut out = String::new();
    write_json(&tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut out);
    Some((suite.name_text(node).to_owned(), out))
}

#[test]
fn the_fhirpath_patches_of_hl7() {
    let Some(folder) = shared::folder() else { return };
    let text = std::fs::read_to_string(folder.join("suites/hl7/r4/patch/fhir-patch-tests.xml")).unwrap();
    let suite = xml::read(&text, schema().names()).unwrap();
    let server = Running::with(sauma::server::Settings { validate: false, ..Default::default() });
    let (mut passed, mut faults) = (0, Vec::new());
    for (at, case) in suite.children(NodeId::ROOT).filter(|node| suite.name_text(*node) == "case").enumerate()
    {
        let name = suite.child_text(case, "@name").unwrap_or_default().into_owned();
        let (Some((kind, input)), Some((_, patch))) =
            (resource(&suite, case, "input"), resource(&suite, case, "diff"))
        else {
            continue;
        };
        let mut input: Value = serde_json::from_str(&input).unwrap();
        input["id"] = json!(format!("case-{at}"));
        let path = format!("/{kind}/case-{at}");
        let made = server.json("PUT", &path, &[], &input.to_string());
        assert_eq!(made.status, 201, "{name}: {}", made.text());
        let reply = server.json("PATCH", &path, &[], &patch);
        let Some((_, output)) = resource(&suite, case, "output") else {
            if reply.status < 400 {
                faults.push(format!("{name}: is taken"))
            } else {
                passed += 1
            }
            continue;
        };
        let plain = |text: &str| {
            // A quote in a narrative says the same with and without its entity.
            let mut value: Value = serde_json::from_str(&text.replace("&quot;", "\\\"")).unwrap();
            value.as_object_mut().unwrap().retain(|name, _| name != "id" && name != "meta");
            value
        };
        if reply.status == 200 && plain(&reply.text()) == plain(&output) {
            passed += 1;
        } else {
            faults.push(format!("{name}: {} {}\n   expected {output}", reply.status, reply.text()));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), faults.len() + passed, faults.join("\n"));
    assert!(passed >= 30, "{passed}");
}
