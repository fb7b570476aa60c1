//! Operations of FHIR: what they take, what they answer, and how they are told of.

use super::talk::{Reply, Running};
use sauma::diag::Severity;
use sauma::mapping::units::schema;
use sauma::tree::fhir;
use sauma::validate::{Options, Validator};
use serde_json::{Value, json};

const XML: (&str, &str) = ("Accept", "application/fhir+xml");

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
}

fn post(server: &Running, path: &str, body: &Value) -> Reply {
    server.json("POST", path, &[], &body.to_string())
}

fn parameters(parts: &Value) -> Value {
    json!({ "resourceType": "Parameters", "parameter": parts })
}

/// Errors that a validation finds in a resource.
fn errors(text: &str) -> Vec<String> {
    let tree = fhir::read_json(text, schema().names()).unwrap();
    let report = Validator::new(schema()).validate(&tree, &Options::default());
    let errors = report.issues.iter().filter(|issue| issue.severity == Severity::Error);
    errors.map(|issue| format!("{} {}", issue.path, issue.message)).collect()
}

#[test]
fn each_operation_of_ours_is_defined() {
    let server = Running::start();
    let statement = server.get("/metadata").value();
    let mut definitions: Vec<String> = Vec::new();
    let rest = &statement["rest"][0];
    for told in [rest].into_iter().chain(rest["resource"].as_array().unwrap()) {
        for operation in told["operation"].as_array().into_iter().flatten() {
            definitions.push(operation["definition"].as_str().unwrap().to_owned());
        }
    }
    definitions.sort_unstable();
    definitions.dedup();
    assert!(definitions.len() > 3);
    for definition in definitions {
        let id = definition.rsplit('/').next().unwrap();
        let reply = server.get(&format!("/OperationDefinition/{id}"));
        assert_eq!(reply.status, 200, "{definition}");
        assert_eq!(errors(&reply.text()), Vec::<String>::new(), "{id}: {}", reply.text());
        let xml = server.send("GET", &format!("/fhir/OperationDefinition/{id}"), &[XML], b"");
        assert!(xml.text().contains("<OperationDefinition"), "{}", xml.text());
    }
    refused(&server.get("/OperationDefinition/none"), 404, "H121");
}

#[test]
fn parameters_are_held_against_the_table() {
    let server = Running::start();
    let id = server.create(r#"{"resourceType":"Patient"}"#);
    let meta = format!("/Patient/{id}/$meta");
    refused(&server.get(&format!("{meta}?odd=1")), 400, "H151");
    let lenient = [("Prefer", "handling=lenient")];
    assert_eq!(server.send("GET", &format!("/fhir{meta}?odd=1"), &lenient, b"").status, 200);
    refused(&post(&server, &meta, &parameters(&json!([{ "name": "odd", "valueCode": "a" }]))), 400, "H151");
    refused(&post(&server, &meta, &json!({ "resourceType": "Patient" })), 400, "H151");
    let twice = json!([{ "name": "mode", "valueCode": "create" }, { "name": "mode", "valueCode": "create" }]);
    refused(&post(&server, "/Patient/$validate", &parameters(&twice)), 400, "H151");
    refused(
        &post(
            &server,
            "/Patient/$validate?mode=create",
            &parameters(&json!([{ "name": "mode", "valueCode": "update" }])),
        ),
        400,
        "H151",
    );
    refused(&server.get("/Patient/$nothing"), 404, "H110");
    refused(&server.get("/Patient/$meta"), 404, "H110");
    // What changes the store is no matter of GET.
    let wrong = server.get(&format!("/Patient/{id}/$meta-add"));
    refused(&wrong, 405, "H111");
    assert_eq!(wrong.header("allow"), Some("POST"));
    assert_eq!(server.send("HEAD", &format!("/fhir/Patient/{id}/$meta-add"), &[], b"").status, 405);
}

#[test]
fn labels_are_added_and_taken_away() {
    let server = Running::start();
    let id = server.create(
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50},"meta":{"tag":[{"system":"urn:t","code":"a"}]}}"#,
    );
    let path = format!("/Observation/{id}");
    let codes = |reply: &Reply| -> Vec<String> {
        assert_eq!(reply.status, 200, "{}", reply.text());
        let value = reply.value();
        assert_eq!(value["parameter"][0]["name"], "return");
        let tags = value["parameter"][0]["valueMeta"]["tag"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag["code"].as_str().unwrap().to_owned()).collect()
    };
    let labels = |codes: &[&str]| {
        let tags: Vec<Value> = codes.iter().map(|code| json!({ "system": "urn:t", "code": code })).collect();
        parameters(&json!([{ "name": "meta", "valueMeta": { "tag": tags } }]))
    };
    assert_eq!(codes(&server.get(&format!("{path}/$meta"))), ["a"]);
    assert_eq!(codes(&post(&server, &format!("{path}/$meta-add"), &labels(&["a", "b"]))), ["a", "b"]);
    assert_eq!(server.get(&path).header("etag"), Some("W/\"2\""));
    // What is there already makes no version.
    assert_eq!(codes(&post(&server, &format!("{path}/$meta-add"), &labels(&["b"]))), ["a", "b"]);
    assert_eq!(server.get(&path).header("etag"), Some("W/\"2\""));
    assert_eq!(codes(&post(&server, &format!("{path}/$meta-delete"), &labels(&["a", "c"]))), ["b"]);
    assert!(server.get(&path).text().contains("1.50"));
    assert_eq!(server.get("/Observation?_tag=urn:t|b&_summary=count").value()["total"], 1);
    assert_eq!(codes(&post(&server, &format!("{path}/$meta-delete"), &labels(&["b"]))), Vec::<String>::new());
    let xml = server.send("GET", &format!("/fhir{path}/$meta"), &[XML], b"");
    assert!(xml.text().contains("<valueMeta>"), "{}", xml.text());
    refused(
        &post(
            &server,
            &format!("{path}/$meta-add"),
            &parameters(&json!([{ "name": "meta", "valueString": "x" }])),
        ),
        400,
        "H151",
    );
    refused(&post(&server, &format!("{path}/$meta-add"), &parameters(&json!([]))), 400, "H151");
    refused(&post(&server, "/Observation/none/$meta-add", &labels(&["b"])), 404, "H121");
    server.json("DELETE", &path, &[], "");
    refused(&post(&server, &format!("{path}/$meta-add"), &labels(&["b"])), 410, "H122");
}

/// The severities of an `OperationOutcome` that came with 200, and the whole.
fn outcome(reply: &Reply) -> (Vec<String>, Value) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let value = reply.value();
    assert_eq!(value["resourceType"], "OperationOutcome");
    assert_eq!(errors(&value.to_string()), Vec::<String>::new());
    let issues = value["issue"].as_array().unwrap();
    (issues.iter().map(|issue| issue["severity"].as_str().unwrap().to_owned()).collect(), value)
}

fn is_good(reply: &Reply) {
    let (severities, value) = outcome(reply);
    assert!(!severities.iter().any(|severity| severity == "error"), "{value}");
}

fn is_bad(reply: &Reply, code: &str) -> Value {
    let (_, value) = outcome(reply);
    let issues = value["issue"].as_array().unwrap();
    let found = issues.iter().find(|issue| issue["details"]["coding"][0]["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code} in {value}"));
    assert_eq!(found["severity"], "error");
    found.clone()
}

#[test]
fn resources_are_validated() {
    let server = Running::start();
    let good = json!({ "resourceType": "Patient", "active": true });
    let bad = json!({ "resourceType": "Patient", "name": "x", "gender": "odd" });
    for path in ["/$validate", "/Patient/$validate"] {
        is_good(&post(&server, path, &good));
        is_good(&post(&server, path, &parameters(&json!([{ "name": "resource", "resource": good }]))));
        is_bad(&post(&server, path, &bad), "V325");
        refused(&post(&server, path, &parameters(&json!([]))), 400, "H151");
        refused(&server.get(path), 400, "H151");
        refused(
            &server.json("POST", path, &[], "{\"resourceType\":\"Patient\",\"active\":tru}"),
            400,
            "F102",
        );
    }
    is_bad(&post(&server, "/Observation/$validate", &good), "H126");
    refused(&post(&server, "/Patient/$validate?mode=odd", &good), 400, "H151");
    refused(&post(&server, "/Patient/$validate?mode=profile", &good), 400, "H151");
    is_good(&post(&server, "/Patient/$validate?mode=create", &good));
    is_bad(&post(&server, "/Patient/$validate?mode=update", &good), "H126");
    // `Parameters` is a resource like any other.
    is_good(&post(&server, "/$validate", &parameters(&json!([{ "name": "x", "valueCode": "a" }]))));
    let xml = server.send(
        "POST",
        "/fhir/$validate",
        &[("Content-Type", "application/fhir+json"), XML],
        bad.to_string().as_bytes(),
    );
    assert!(xml.text().contains("<OperationOutcome"), "{}", xml.text());
    let xml = br#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/><resource><Patient><gender value="odd"/></Patient></resource></parameter></Parameters>"#;
    is_bad(&server.send("POST", "/fhir/$validate", &[("Content-Type", "application/fhir+xml")], xml), "V325");
}

#[test]
fn what_is_found_has_its_place_in_what_was_sent() {
    let server = Running::start();
    let text = "{\"resourceType\":\"Parameters\",\"parameter\":[\n  {\"name\":\"resource\",\"resource\":\n    {\"resourceType\":\"Patient\",\"gender\":\"odd\"}}]}";
    let issue = is_bad(&server.json("POST", "/$validate", &[], text), "V325");
    assert_eq!(issue["expression"][0], "Patient.gender");
    assert_eq!(issue["extension"][0]["valueInteger"], 3, "{issue}");
    assert!(!issue.to_string().contains("odd"), "{issue}");
}

#[test]
fn a_stored_resource_is_validated_where_it_is() {
    let server = Running::with(sauma::server::Settings { validate: false, ..Default::default() });
    let id = server.create(r#"{"resourceType":"Patient","gender":"odd"}"#);
    let path = format!("/Patient/{id}/$validate");
    is_bad(&server.get(&path), "V325");
    is_good(&server.get(&format!("{path}?mode=delete")));
    let own = json!({ "resourceType": "Patient", "id": id });
    is_good(&post(&server, &format!("{path}?mode=update"), &own));
    is_bad(
        &post(&server, &format!("{path}?mode=update"), &json!({ "resourceType": "Patient", "id": "b" })),
        "H126",
    );
    refused(&server.get("/Patient/none/$validate"), 404, "H121");
    refused(&server.get("/Patient/$validate?mode=delete"), 400, "H151");
}

#[test]
fn a_profile_is_asked_for_and_may_be_stored() {
    let server = Running::start();
    let url = "http://a.example/StructureDefinition/born";
    let profile = json!({
        "resourceType": "StructureDefinition", "url": url, "name": "Born", "status": "active", "kind": "resource",
        "abstract": false, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": { "element": [{ "id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1 }] },
    });
    let (born, unborn) = (
        json!({ "resourceType": "Patient", "birthDate": "1970-01-01" }),
        json!({ "resourceType": "Patient", "active": true }),
    );
    let path = format!("/Patient/$validate?profile={url}");
    // A check that cannot be made is no check that was passed.
    refused(&post(&server, &path, &born), 400, "H151");
    server.create(&profile.to_string());
    is_good(&post(&server, &path, &born));
    let issue = is_bad(&post(&server, &path, &unborn), "V315");
    assert!(issue.to_string().contains("birthDate"), "{issue}");
    let wrapped = json!([{ "name": "profile", "valueUri": url }, { "name": "resource", "resource": unborn }]);
    is_bad(&post(&server, "/$validate?mode=profile", &parameters(&wrapped)), "V315");
    let own = "https://w3id.org/sauma/fhir/StructureDefinition/none";
    refused(&post(&server, &format!("/Patient/$validate?profile={own}"), &born), 400, "H151");
    let base = "http://hl7.org/fhir/StructureDefinition/Patient";
    is_good(&post(&server, &format!("/Patient/$validate?profile={base}"), &born));
}

#[test]
fn what_was_not_checked_is_said() {
    let server = Running::start();
    let named = json!({ "resourceType": "Patient", "active": true, "meta": { "profile": ["http://a.example/none"] } });
    let (_, value) = outcome(&post(&server, "/$validate", &named));
    assert!(value["issue"].as_array().unwrap().iter().any(|issue| issue["code"] == "incomplete"), "{value}");
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let value = reply.value();
    assert_eq!((&value["resourceType"], &value["type"]), (&json!("Bundle"), &json!("searchset")));
    assert_eq!(errors(&value.to_string()), Vec::<String>::new());
    let entries = value["entry"].as_array().cloned().unwrap_or_default();
    let mut ids: Vec<String> =
        entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()).collect();
    ids.sort_unstable();
    ids
}

/// All pages, and how many there were.
fn paged(server: &Running, path: &str) -> (Vec<String>, usize) {
    let (mut all, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
    while let Some(path) = next {
        let reply = server.get(&path);
        all.extend(ids(&reply));
        pages += 1;
        assert!(pages < 50);
        let value = reply.value();
        let links = value["link"].as_array().unwrap();
        let link = links.iter().find(|link| link["relation"] == "next");
        next = link.map(|link| link["url"].as_str().unwrap().split_once("/fhir").unwrap().1.to_owned());
    }
    all.sort_unstable();
    all.dedup();
    (all, pages)
}

fn put(server: &Running, resource: &Value) {
    let path =
        format!("/{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
    let reply = server.json("PUT", &path, &[], &resource.to_string());
    assert_eq!(reply.status, 201, "{}", reply.text());
}

/// Two patients; the first with care of two years and an organisation, and an observation that names the second.
pub(super) fn ward() -> Running {
    let server = Running::start();
    let code = json!({ "text": "x" });
    put(&server, &json!({ "resourceType": "Organization", "id": "org", "name": "A" }));
    put(&server, &json!({ "resourceType": "Practitioner", "id": "doc" }));
    put(&server, &json!({ "resourceType": "Patient", "id": "other" }));
    put(
        &server,
        &json!({ "resourceType": "Patient", "id": "pat", "managingOrganization": { "reference": "Organization/org" }, "link": [{ "other": { "reference": "Patient/other" }, "type": "seealso" }] }),
    );
    put(
        &server,
        &json!({ "resourceType": "Encounter", "id": "enc", "status": "finished", "class": { "code": "AMB" }, "subject": { "reference": "Patient/pat" }, "period": { "start": "2020-02-01", "end": "2020-02-02" } }),
    );
    put(
        &server,
        &json!({ "resourceType": "Observation", "id": "obs", "status": "final", "code": code, "subject": { "reference": "Patient/pat" }, "encounter": { "reference": "Encounter/enc" }, "effectiveDateTime": "2020-02-01", "performer": [{ "reference": format!("http://{}/fhir/Practitioner/doc", server.address) }] }),
    );
    put(
        &server,
        &json!({ "resourceType": "Condition", "id": "cond", "subject": { "reference": "Patient/pat" }, "onsetDateTime": "2021-05" }),
    );
    put(
        &server,
        &json!({ "resourceType": "Observation", "id": "other-obs", "status": "final", "code": code, "subject": { "reference": "Patient/other" } }),
    );
    server
}

#[test]
fn everything_about_a_patient_is_given() {
    let server = ward();
    let all = ["cond", "doc", "enc", "obs", "org", "pat"];
    let path = "/Patient/pat/$everything";
    assert_eq!(ids(&server.get(path)), all);
    assert_eq!(ids(&post(&server, path, &parameters(&json!([])))), all);
    let (paged_ids, pages) = paged(&server, &format!("{path}?_count=1"));
    assert_eq!((paged_ids, pages), (all.map(str::to_owned).to_vec(), 4));
    assert_eq!(ids(&server.get(&format!("{path}?_type=Patient,Observation"))), ["obs", "pat"]);
    assert_eq!(ids(&server.get(&format!("{path}?_type=Observation,Practitioner"))), ["doc", "obs"]);
    assert_eq!(ids(&server.get(&format!("{path}?_type=foo"))), Vec::<String>::new());
    assert_eq!(ids(&server.get(&format!("{path}?_since=3000"))), Vec::<String>::new());
    assert_eq!(ids(&server.get(&format!("{path}?_since=2000-01-01T00:00:00Z"))), all);
    // What tells no time of care stays.
    assert_eq!(ids(&server.get(&format!("{path}?start=2021-01-01"))), ["cond", "org", "pat"]);
    assert_eq!(ids(&server.get(&format!("{path}?start=2020-02-02&end=2020-12-31"))), ["enc", "org", "pat"]);
    let body = parameters(
        &json!([{ "name": "end", "valueDate": "2020-12-31" }, { "name": "_type", "valueCode": "Observation" }, { "name": "_type", "valueCode": "Condition" }]),
    );
    assert_eq!(ids(&post(&server, path, &body)), ["obs"]);
    let xml = server.send("GET", &format!("/fhir{path}"), &[XML], b"");
    assert!(xml.text().contains("<Bundle"), "{}", xml.text());
    for odd in ["ct=abc", "start=x", "_count=-1", "_count=1&_count=2", "_page=x", "_page=1.xy"] {
        let reply = server.get(&format!("{path}?{odd}"));
        assert_eq!(reply.status, 400, "{odd}: {}", reply.text());
    }
    assert_eq!(server.get(&format!("{path}?_since=x")).status, 400);
    refused(&server.get("/Patient/none/$everything"), 404, "H121");
    refused(&server.get("/Observation/bar/$everything"), 404, "H110");
    server.json("DELETE", "/Condition/cond", &[], "");
    assert_eq!(ids(&server.get(path)), ["doc", "enc", "obs", "org", "pat"]);
}

#[test]
fn everything_about_all_patients_and_of_an_encounter() {
    let server = ward();
    let (all, pages) = paged(&server, "/Patient/$everything");
    assert_eq!(
        (all, pages),
        (["cond", "doc", "enc", "obs", "org", "other", "other-obs", "pat"].map(str::to_owned).to_vec(), 2)
    );
    let (all, pages) = paged(&server, "/Patient/$everything?_count=1&_type=Observation,Patient");
    assert_eq!((all, pages), (["obs", "other", "other-obs", "pat"].map(str::to_owned).to_vec(), 5));
    assert_eq!(ids(&server.get("/Encounter/enc/$everything")), ["doc", "enc", "obs", "pat"]);
    refused(&server.get("/Encounter/$everything"), 404, "H110");
    assert_eq!(ids(&Running::start().get("/Patient/$everything")), Vec::<String>::new());
}

/// Ids with their grades, as a match gives them.
fn grades(server: &Running, asked: &Value) -> Vec<(String, String)> {
    let reply = post(server, "/Patient/$match", asked);
    assert_eq!(ids(&reply).len(), reply.value()["entry"].as_array().map_or(0, Vec::len));
    let value = reply.value();
    let entries = value["entry"].as_array().cloned().unwrap_or_default();
    let scores: Vec<f64> = entries.iter().map(|entry| entry["search"]["score"].as_f64().unwrap()).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let grade = |entry: &Value| entry["search"]["extension"][0]["valueCode"].as_str().unwrap().to_owned();
    entries.iter().map(|entry| (entry["resource"]["id"].as_str().unwrap().to_owned(), grade(entry))).collect()
}

#[test]
fn records_of_one_person_are_found_and_graded() {
    let server = Running::start();
    let hetu = json!([{ "system": "urn:oid:1.2.246.21", "value": "010100A900F" }]);
    let named = |id: &str, family: &str, birth: &str| json!({ "resourceType": "Patient", "id": id, "name": [{ "family": family, "given": ["Aino"] }], "birthDate": birth, "gender": "female" });
    let mut same = named("same", "Virtanen", "2000-01-01");
    same["identifier"] = hetu.clone();
    put(&server, &same);
    put(&server, &named("alike", "Virtanen", "2000-01-01"));
    put(&server, &named("another", "Virtanen", "1950-07-30"));
    let mut hidden = named("hidden", "Virtanen", "2000-01-01");
    hidden["identifier"] = hetu.clone();
    hidden["address"] = json!([{ "city": "Espoo" }]);
    hidden["meta"] =
        json!({ "security": [{ "system": "urn:oid:1.2.246.537.5.40158", "code": "TURVAKIELTO" }] });
    put(&server, &hidden);

    let mut asked = named("x", "Virtanen", "2000-01-01");
    asked["identifier"] = hetu;
    let grade = |id: &str, grade: &str| (id.to_owned(), grade.to_owned());
    let certain = [grade("hidden", "certain"), grade("same", "certain")];
    let mut found = grades(&server, &asked);
    assert_eq!(found.pop(), Some(grade("alike", "probable")));
    found.sort_unstable();
    assert_eq!(found, certain);
    let wrapped = |name: &str, key: &str, value: Value| {
        let mut part = json!({ "name": name });
        part[key] = value;
        parameters(&json!([{ "name": "resource", "resource": asked }, part]))
    };
    assert_eq!(grades(&server, &wrapped("onlyCertainMatches", "valueBoolean", json!(true))).len(), 2);
    assert_eq!(grades(&server, &wrapped("count", "valueInteger", json!(1))).len(), 1);
    // Where somebody lives who must not be found leaves in no list.
    let reply = post(&server, "/Patient/$match", &asked);
    assert!(!reply.text().contains("Espoo"), "{}", reply.text());
    assert_eq!(grades(&server, &named("x", "Korhonen", "1990-01-01")), []);
    refused(&post(&server, "/Patient/$match", &json!({ "resourceType": "Group" })), 400, "H151");
    refused(&post(&server, "/Patient/$match", &parameters(&json!([]))), 400, "H151");
    refused(&post(&server, "/Patient/$match", &wrapped("count", "valueString", json!("x"))), 400, "H151");
    let xml = server.send(
        "POST",
        "/fhir/Patient/$match",
        &[("Content-Type", "application/fhir+json"), XML],
        asked.to_string().as_bytes(),
    );
    assert!(xml.text().contains("<valueCode value=\"certain\"/>"), "{}", xml.text());
}

#[test]
fn documents_of_unit_systems_are_read_and_written() {
    let server = Running::start();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings");
    let input = |unit: &str, file: &str| std::fs::read(root.join(unit).join("cases").join(file)).unwrap();
    let lens = |unit: &str| format!("/StructureMap/$transform?source=https://w3id.org/sauma/lens/{unit}");
    // A document in XML is the body as it is.
    let care_plan = input("ccda-care-plan", "care-teams/input.xml");
    let reply = server.send(
        "POST",
        &format!("/fhir{}", lens("ccda-care-plan")),
        &[("Content-Type", "application/xml")],
        &care_plan,
    );
    assert_eq!(
        (reply.status, reply.value()["resourceType"].as_str()),
        (200, Some("Bundle")),
        "{}",
        reply.text()
    );
    let resources = reply.text();
    // Rows travel as text.
    let rows = String::from_utf8(input("employment-plan", EMPLOYMENT)).unwrap();
    let wrapped = parameters(&json!([{ "name": "content", "valueString": rows }]));
    let reply = post(&server, &lens("employment-plan"), &wrapped);
    assert_eq!(
        (reply.status, reply.value()["resourceType"].as_str()),
        (200, Some("Bundle")),
        "{}",
        reply.text()
    );
    let binary =
        json!({ "resourceType": "Binary", "contentType": "text/csv", "data": base64(rows.as_bytes()) });
    let packed = parameters(&json!([{ "name": "content", "resource": binary }]));
    assert_eq!(post(&server, &lens("employment-plan"), &packed).value(), reply.value());

    // From one format to another, and what there was no place for.
    let asked = parameters(
        &json!([{ "name": "input", "valueString": rows }, { "name": "to", "valueCode": "employment-plan" }]),
    );
    let reply = post(&server, "/$convert", &asked);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(errors(&reply.text()), Vec::<String>::new());
    let made = reply.value()["parameter"][0]["valueString"].as_str().unwrap().to_owned();
    assert_eq!(made.lines().count(), rows.lines().count());
    let reply = server.json("POST", "/$convert?from=fhir&to=social-client-plan", &[], &resources);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let issues = reply.value()["parameter"][1]["resource"]["issue"].as_array().unwrap().len();
    assert!(issues > 1, "{}", reply.text());
    let reply = server.json(
        "POST",
        "/$convert?to=fhir",
        &[XML],
        &json!({ "resourceType": "Parameters", "parameter": [{ "name": "input", "valueString": rows }] })
            .to_string(),
    );
    assert!(reply.text().contains("<CarePlan"), "{}", reply.text());
}

const EMPLOYMENT: &str = "done-and-not-done/input.csv";

/// RFC 4648, 4.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let mut padded = [0; 3];
        padded[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, padded[0], padded[1], padded[2]]);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}
