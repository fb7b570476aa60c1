//! `$export` and `$import`: jobs in the background, their files and their end.

use super::operations::ward;
use super::talk::{Reply, Running};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const ASYNC: (&str, &str) = ("Prefer", "respond-async");

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
}

/// The path of an address of the server.
fn below(url: &str) -> String {
    url.split_once("/fhir").unwrap().1.to_owned()
}

/// The address of the job that a request started.
fn job(reply: &Reply) -> String {
    assert_eq!((reply.status, &*reply.text()), (202, ""));
    below(reply.header("content-location").unwrap())
}

fn start(server: &Running, path: &str) -> String {
    job(&server.send("GET", &format!("/fhir{path}"), &[ASYNC], b""))
}

/// Asks until the job is done.
fn finished(server: &Running, job: &str) -> Reply {
    for _ in 0..600 {
        let reply = server.get(job);
        if reply.status != 202 {
            return reply;
        }
        assert!(reply.header("x-progress").is_some() && reply.header("retry-after").is_some());
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("the job does not end");
}

/// Ids by type, as the files of a manifest have them.
fn exported(server: &Running, path: &str) -> BTreeMap<String, Vec<String>> {
    let job = start(server, path);
    let reply = finished(server, &job);
    assert_eq!(
        (reply.status, reply.header("content-type")),
        (200, Some("application/json")),
        "{}",
        reply.text()
    );
    assert!(reply.header("expires").is_some());
    let manifest = reply.value();
    assert_eq!(manifest["requiresAccessToken"], false);
    assert!(manifest["request"].as_str().unwrap().contains("$export"), "{manifest}");
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in manifest["output"].as_array().unwrap() {
        let reply = server.get(&below(file["url"].as_str().unwrap()));
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/fhir+ndjson")));
        let lines: Vec<Value> =
            reply.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(file["count"], lines.len());
        assert!(lines.iter().all(|resource| resource["resourceType"] == file["type"]));
        let ids = lines.iter().map(|resource| resource["id"].as_str().unwrap().to_owned());
        found.entry(file["type"].as_str().unwrap().to_owned()).or_default().extend(ids);
    }
    assert_eq!(server.json("DELETE", &job, &[], "").status, 202);
    for ids in found.values_mut() {
        ids.sort_unstable();
    }
    found
}

fn kinds(found: &BTreeMap<String, Vec<String>>) -> Vec<(&str, usize)> {
    found.iter().map(|(kind, ids)| (&**kind, ids.len())).collect()
}

#[test]
fn all_resources_are_exported() {
    let server = ward();
    let found = exported(&server, "/$export");
    let all = [
        ("Condition", 1),
        ("Encounter", 1),
        ("Observation", 2),
        ("Organization", 1),
        ("Patient", 2),
        ("Practitioner", 1),
    ];
    assert_eq!(kinds(&found), all);
    assert_eq!(found["Observation"], ["obs", "other-obs"]);
    assert_eq!(
        kinds(&exported(&server, "/$export?_type=Patient,Observation")),
        [("Observation", 2), ("Patient", 2)]
    );
    assert_eq!(kinds(&exported(&server, "/$export?_since=2999-01-01T00:00:00Z")), []);
    assert_eq!(
        kinds(&exported(&server, "/$export?_since=2000-01-01T00:00:00%2B02:00&_type=Goal,Patient")),
        [("Patient", 2)]
    );
    let filter =
        "_type=Observation&_typeFilter=Observation%3Fpatient%3Dpat&_typeFilter=Observation%3Fdate%3D2020";
    assert_eq!(exported(&server, &format!("/$export?{filter}"))["Observation"], ["obs"]);
    // A part says that it is one.
    let job = start(&server, "/$export?_type=Organization&_elements=id");
    let manifest = finished(&server, &job).value();
    let file = server.get(&below(manifest["output"][0]["url"].as_str().unwrap())).value();
    assert_eq!((&file["name"], &file["meta"]["tag"][0]["code"]), (&Value::Null, &json!("SUBSETTED")));
}

#[test]
fn patients_and_groups_are_exported() {
    let server = ward();
    let found = exported(&server, "/Patient/$export");
    assert_eq!(kinds(&found), [("Condition", 1), ("Encounter", 1), ("Observation", 2), ("Patient", 2)]);
    assert_eq!(
        kinds(&exported(&server, "/Patient/$export?_type=Organization,Condition")),
        [("Condition", 1)]
    );
    let filter = "_typeFilter=Observation%3Fdate%3D2020&_type=Observation,Patient";
    let found = exported(&server, &format!("/Patient/$export?{filter}"));
    assert_eq!((&found["Observation"], found["Patient"].len()), (&vec!["obs".to_owned()], 2));
    let group = json!({ "resourceType": "Group", "id": "some", "type": "person", "actual": true, "member": [
        { "entity": { "reference": "Patient/other" } }, { "entity": { "reference": "Patient/pat" }, "inactive": true },
    ] });
    assert_eq!(server.json("PUT", "/Group/some", &[], &group.to_string()).status, 201);
    let found = exported(&server, "/Group/some/$export?_type=Observation");
    assert_eq!(found["Observation"], ["other-obs"]);
    let posted =
        json!({ "resourceType": "Parameters", "parameter": [{ "name": "_type", "valueString": "Patient" }] });
    let job = job(&server.json("POST", "/$export", &[ASYNC], &posted.to_string()));
    assert_eq!(finished(&server, &job).value()["output"][0]["count"], 2);
    // Whether there is such a group shows when its turn comes.
    refused(&finished(&server, &start(&server, "/Group/none/$export")), 404, "H121");
}

#[test]
fn an_export_that_makes_no_sense_is_refused_at_once() {
    let server = Running::start();
    refused(&server.get("/$export"), 400, "H117");
    refused(&server.send("GET", "/fhir/$export", &[("Prefer", "respond-status")], b""), 400, "H117");
    for odd in [
        "any=1",
        "_since=time",
        "_since=2021-06-13T00:00:00Z%20",
        "_type=Nothing",
        "_outputFormat=csv",
        "_typeFilter=Nothing%3Fa%3Db",
        "_container=..%5Cx",
    ] {
        for path in ["/$export", "/Patient/$export", "/Group/1/$export"] {
            let reply = server.send("GET", &format!("/fhir{path}?{odd}"), &[ASYNC], b"");
            assert_eq!(reply.status, 400, "{path} {odd}: {}", reply.text());
        }
    }
    let unsearchable = server.send("GET", "/fhir/$export?_typeFilter=Patient%3Fodd%3D1", &[ASYNC], b"");
    refused(&unsearchable, 400, "S101");
    refused(&server.send("GET", "/fhir/Observation/$export", &[ASYNC], b""), 404, "H110");
    let xml = server.send("GET", "/fhir/$export?any=1", &[ASYNC, ("Accept", "application/fhir+xml")], b"");
    assert!(xml.text().contains("<OperationOutcome"), "{}", xml.text());
}

#[test]
fn a_job_ends_once() {
    let server = Running::start();
    let job = start(&server, "/$export");
    assert_eq!(server.json("DELETE", &job, &[], "").status, 202);
    refused(&server.get(&job), 404, "H155");
    refused(&server.json("DELETE", &job, &[], ""), 404, "H155");
    refused(&server.get("/_jobs/00000000-0000-0000-0000-000000000000"), 404, "H155");
    let job = start(&server, "/$export");
    finished(&server, &job);
    refused(&server.get(&format!("{job}/Patient.1.ndjson")), 404, "H155");
    // There is a limit, and what is ended makes room.
    let jobs: Vec<String> = (1..32).map(|_| start(&server, "/$export?_type=Goal")).collect();
    let full = server.send("GET", "/fhir/$export", &[ASYNC], b"");
    refused(&full, 503, "H108");
    assert_eq!(server.json("DELETE", &jobs[0], &[], "").status, 202);
    start(&server, "/$export?_type=Goal");
}

fn import(server: &Running, lines: &str) -> Value {
    let headers = [ASYNC, ("Content-Type", "application/fhir+ndjson")];
    let reply = server.send("POST", "/fhir/$import", &headers, lines.as_bytes());
    let reply = finished(server, &job(&reply));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.value()
}

#[test]
fn lines_are_imported_and_faults_told() {
    let server = Running::start();
    let lines = [
        r#"{"resourceType":"Patient","id":"one","active":true}"#,
        "",
        r#"{"resourceType":"Patient","id":"two","gender":"odd"}"#,
        r#"{"resourceType":"Patient","name":"#,
        r#"{"resourceType":"Observation","id":"obs","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/one"},"valueQuantity":{"value":1.50}}"#,
        r#"{"resourceType":"Patient","id":"one","active":false}"#,
        r#"{"resourceType":"Goal","id":"under_score"}"#,
        r#"{"resourceType":"Organization","name":"A"}"#,
    ];
    let manifest = import(&server, &lines.join("\r\n"));
    let counts: Vec<(&str, u64)> = manifest["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|told| (told["type"].as_str().unwrap(), told["count"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [("Observation", 1), ("Organization", 1), ("Patient", 2)]);
    let errors = &manifest["error"][0];
    assert_eq!((&errors["type"], &errors["count"]), (&json!("OperationOutcome"), &json!(3)));
    let told = server.get(&below(errors["url"].as_str().unwrap())).text();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut places: Vec<(u64, &str)> = told
        .iter()
        .map(|outcome| &outcome["issue"][0])
        .map(|issue| {
            let code = issue["details"]["coding"][0]["code"].as_str().unwrap();
            (issue["extension"][0]["valueInteger"].as_u64().unwrap(), code)
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 4, 7]);
    assert!(!told.iter().any(|outcome| outcome.to_string().contains("odd")));
    assert_eq!(server.get("/Patient/one").value()["active"], false);
    assert!(server.get("/Observation/obs").text().contains("1.50"));
    assert_eq!(server.get("/Observation?patient=one&_summary=count").value()["total"], 1);
    // What was exported can be imported again, and changes nothing.
    let manifest = import(&server, &server.get("/Patient/one").text());
    assert_eq!(manifest["output"][0]["count"], 1);
    assert_eq!(server.get("/Patient/one").header("etag"), Some("W/\"2\""));
}

#[test]
fn an_import_is_asked_for_with_its_lines() {
    let server = Running::start();
    let typed = |headers: &[(&str, &str)]| {
        server.send("POST", "/fhir/$import", headers, b"{\"resourceType\":\"Patient\"}")
    };
    refused(&typed(&[("Content-Type", "application/fhir+ndjson")]), 400, "H117");
    refused(&server.json("POST", "/$import", &[ASYNC], ""), 400, "H151");
    refused(&server.get("/$import"), 405, "H111");
    // Addresses to fetch from are no parameters.
    let manifest = json!({ "resourceType": "Parameters", "parameter": [{ "name": "input", "part": [{ "name": "url", "valueUrl": "http://a.example/x" }] }] });
    refused(&server.json("POST", "/$import", &[ASYNC], &manifest.to_string()), 400, "H151");
    refused(
        &server.send("POST", "/fhir/Patient", &[("Content-Type", "application/fhir+ndjson")], b"{}"),
        415,
        "H113",
    );
}

#[test]
fn the_audit_tells_of_each_client_whom_an_export_gave_out() {
    let server = ward();
    exported(&server, "/$export");
    let told = |patient: &str| {
        let found = server.get(&format!("/AuditEvent?patient={patient}&action=E&_count=500")).value();
        let events = found["entry"].as_array().cloned().unwrap_or_default();
        events.iter().filter(|entry| entry["resource"]["subtype"][0]["code"] == "operation").count()
    };
    assert!(told("pat") > 0 && told("other") > 0 && told("nobody") == 0);
}
