//! `$contribute` and `$joined-plan`: what units send makes one plan, the same that `sauma join` makes of the files.

use super::talk::{Reply, Running};
use crate::journeys::told_of_each;
use crate::store_engines::Database;
use sauma::exchange::document::read_resources;
use sauma::exchange::intake::{From, take};
use sauma::mapping::units::schema;
use sauma::plan::{Contribution, Decision, join};
use sauma::tree::json::Layout;
use sauma::tree::{NodeId, Tree, fhir};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// A document with its name.
pub(super) type Document = (String, Vec<u8>);

/// A server on each engine that this machine has.
pub(super) fn on_each(test: impl Fn(&Running)) {
    test(&Running::start());
    if let Some(database) = Database::new() {
        test(&Running::on_postgres(database.options));
    }
}

/// The documents of a journey, in the order in which they come, and what was decided.
pub(super) fn journey(name: &str) -> (Vec<Document>, Vec<Decision>) {
    let all = told_of_each();
    let (_, contributions, decisions) = all.into_iter().find(|(known, ..)| known == name).unwrap();
    let folder = Path::new("tests/cases/journeys").join(name);
    let read = |contribution: &Contribution| {
        (contribution.label.clone(), fs::read(folder.join(&contribution.label)).unwrap())
    };
    (contributions.iter().map(read).collect(), decisions)
}

pub(super) fn case(path: &str) -> Vec<u8> {
    let folder = PathBuf::from("mappings").join(path);
    let mut inputs = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    fs::read(inputs.find(|path| path.file_stem().unwrap() == "input").unwrap()).unwrap()
}

/// Contributes a document as it is.
pub(super) fn contribute(server: &Running, bytes: &[u8], query: &str) -> Reply {
    let media = match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{' | b'[') => "application/json",
        Some(b'<') => "application/xml",
        _ => "text/csv",
    };
    server.send("POST", &format!("/fhir/$contribute{query}"), &[("Content-Type", media)], bytes)
}

/// The values of the parameters of a name, whatever their type.
pub(super) fn all(parameters: &Value, name: &str) -> Vec<Value> {
    let list = parameters["parameter"].as_array().cloned().unwrap_or_default();
    let named = list.into_iter().filter(|parameter| parameter["name"] == name);
    let value = |parameter: Value| {
        let members = parameter.as_object().unwrap();
        let value =
            members.iter().find(|(key, _)| key.starts_with("value") || *key == "part" || *key == "resource");
        value.map(|(_, value)| value.clone()).unwrap_or_default()
    };
    named.map(value).collect()
}

pub(super) fn one(parameters: &Value, name: &str) -> String {
    let found = all(parameters, name);
    assert!(!found.is_empty(), "no {name} in {parameters}");
    found[0].as_str().or(found[0]["reference"].as_str()).unwrap_or_default().to_owned()
}

/// Contributes documents, and gives the Patient that the first one is about: later ones may be about a whole family.
pub(super) fn contribute_all(server: &Running, documents: &[Document]) -> String {
    let mut client = String::new();
    for (name, bytes) in documents {
        let reply = contribute(server, bytes, "");
        if reply.status == 422 {
            assert_eq!(reply.code(), "H161", "{name}: {}", reply.text());
            continue;
        }
        assert_eq!(reply.status, 200, "{name}: {}", reply.text());
        if client.is_empty() {
            client = one(&reply.value(), "client");
        }
    }
    client
}

/// The joined plan without what the server says of itself, as the library would write it.
pub(super) fn plain(reply: &Reply, client: &str) -> Value {
    assert_eq!(reply.status, 200, "{}", reply.text());
    stripped(&reply.text(), client)
}

/// A Bundle of a client's plan without what the server says of itself: its own address, and what was found.
pub(super) fn stripped(text: &str, client: &str) -> Value {
    let mut bundle: Value = serde_json::from_str(text).unwrap();
    let url = bundle["entry"][0]["fullUrl"].as_str().unwrap_or_default();
    let path = format!("/fhir/{client}/$joined-plan/");
    if let Some(end) = url.find(&path).map(|at| at + path.len()) {
        let text = text.replace(&url[..end], "https://w3id.org/sauma/local/");
        bundle = serde_json::from_str(&text).unwrap();
    }
    bundle.as_object_mut().unwrap().remove("identifier");
    if let Some(entries) = bundle["entry"].as_array_mut() {
        entries.retain(|entry| entry["resource"]["id"] != "findings");
    }
    bundle
}

pub(super) fn plan(server: &Running, client: &str, query: &str) -> Reply {
    server.get(&format!("/{client}/$joined-plan{query}"))
}

/// What `sauma join` makes of files.
pub(super) fn joined(documents: &[Document], decisions: &[Decision]) -> Value {
    let read = |(name, bytes): &Document| take(name, bytes, From::Any).unwrap().contribution;
    let contributions: Vec<Contribution> = documents.iter().map(read).collect();
    value(&join(&contributions, decisions).bundle)
}

pub(super) fn value(tree: &Tree) -> Value {
    let mut text = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema()), Layout::Compact, &mut text);
    serde_json::from_str(&text).unwrap()
}

/// True of a document that names somebody: guidance without a name is nobody's plan.
fn names_somebody((_, bytes): &Document) -> bool {
    take("", bytes, From::Any).unwrap().contribution.entries().any(|(_, kind, _)| kind == "Patient")
}

#[test]
fn documents_of_every_journey_make_the_plan_that_join_makes() {
    for (name, _, _) in told_of_each() {
        let (mut documents, _) = journey(&name);
        documents.retain(names_somebody);
        let expected = joined(&documents, &[]);
        let server = Running::start();
        let client = contribute_all(&server, &documents);
        let first = plain(&plan(&server, &client, ""), &client);
        assert_eq!(first, expected, "{name}");
        // In the other order it is the same plan.
        let other = Running::start();
        let mut turned = documents.clone();
        turned.reverse();
        contribute_all(&other, &turned);
        assert_eq!(plain(&plan(&other, &client, ""), &client), expected, "{name}, turned");
        // And every document once more changes nothing.
        for (label, bytes) in &documents {
            let again = contribute(&server, bytes, "").value();
            assert!(matches!(&*one(&again, "status"), "unchanged"), "{name} {label}: {again}");
            assert_eq!(all(&again, "made"), Vec::<Value>::new(), "{name} {label}");
        }
    }
}

#[test]
fn each_engine_gives_the_same_plan() {
    let (documents, _) = journey("soite/multi-service-process");
    let expected = joined(&documents, &[]);
    on_each(|server| {
        let client = contribute_all(server, &documents);
        assert_eq!(plain(&plan(server, &client, ""), &client), expected);
    });
}

#[test]
fn a_document_is_kept_byte_for_byte() {
    for path in [
        "social-client-plan/cases/full",
        "employment-plan/cases/windows-1252",
        "ccda-care-plan/cases/care-plan-full",
        "fhir-reference/cases/bundle-full",
    ] {
        let server = Running::start();
        let bytes = case(path);
        let reply = contribute(&server, &bytes, "");
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        let told = reply.value();
        let document = server.get(&format!("/{}", one(&told, "document"))).value();
        let url = document["content"][0]["attachment"]["url"].as_str().unwrap();
        let binary = server.get(&format!("/{url}")).value();
        assert_eq!(decoded(binary["data"].as_str().unwrap()), bytes, "{path}");
        // What was made can be read, and leads back to the document.
        for made in all(&told, "made") {
            let reference = made[1]["valueReference"]["reference"].as_str().unwrap();
            assert_eq!(server.get(&format!("/{reference}")).status, 200, "{reference}");
        }
        let patient = server.get(&format!("/{}", one(&told, "client"))).value();
        let source = patient["meta"]["source"].as_str().unwrap();
        assert!(source.starts_with("https://w3id.org/sauma/fhir/contribution/"), "{source}");
        let found = server.get(&format!("/Patient?_source={source}")).value();
        assert!(found["entry"].as_array().is_some_and(|entries| !entries.is_empty()), "{found}");
    }
}

/// Of a plan that is new here nothing is read before it is written; what was there all the same is not written over.
#[test]
fn a_plan_comes_again_after_its_document_was_deleted() {
    on_each(|server| {
        let bytes = case("social-client-plan/cases/minimal");
        let told = contribute(server, &bytes, "").value();
        let (document, client) = (one(&told, "document"), one(&told, "client"));
        let deleted = server.send("DELETE", &format!("/fhir/{document}"), &[], b"");
        assert!(deleted.status < 300, "{}", deleted.text());
        let again = contribute(server, &bytes, "");
        assert_eq!(again.status, 200, "{}", again.text());
        assert_eq!(one(&again.value(), "status"), "created");
        let version = |name: &str| server.get(&format!("/{name}")).value()["meta"]["versionId"].clone();
        assert_eq!([version(&document), version(&client)], ["3", "1"]);
    });
}

pub(super) fn decoded(text: &str) -> Vec<u8> {
    let signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits: Vec<bool> = Vec::new();
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = signs.iter().position(|sign| *sign == byte).unwrap();
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}

pub(super) fn encoded(bytes: &[u8]) -> String {
    let signs = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<bool> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1)).collect();
    let sign = |bits: &[bool]| {
        let value = bits.iter().fold(0_usize, |value, bit| value << 1 | usize::from(*bit));
        char::from(signs[value << (6 - bits.len())])
    };
    let mut text: String = bits.chunks(6).map(sign).collect();
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

#[test]
fn a_document_comes_in_any_wrapping() {
    let bytes = case("employment-plan/cases/multi-sector");
    let plainly = Running::start();
    let expected = one(&contribute(&plainly, &bytes, "").value(), "document");
    let binary = json!({ "resourceType": "Binary", "contentType": "text/csv", "data": encoded(&bytes) });
    let parameter = |parameter: Value| json!({ "resourceType": "Parameters", "parameter": [parameter] });
    for body in [
        binary.clone(),
        parameter(json!({ "name": "document", "resource": binary })),
        parameter(json!({ "name": "content", "valueBase64Binary": encoded(&bytes) })),
    ] {
        let server = Running::start();
        let reply = server.json("POST", "/Patient/$contribute", &[], &body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(one(&reply.value(), "document"), expected);
    }
}

#[test]
fn what_is_no_contribution_is_refused() {
    let server = Running::start();
    let check = |bytes: &[u8], query: &str, status: u16, code: &str| {
        let reply = contribute(&server, bytes, query);
        assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
    };
    check(b"{\"a\":1}", "", 422, "F109");
    check(b"no document at all", "", 422, "F109");
    check(b"", "", 400, "H151");
    check(&case("social-client-plan/cases/full"), "?unit=nothing", 422, "F109");
    check(&case("social-client-plan/cases/full"), "?nothing=1", 400, "H151");
    check(br#"{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Flag","status":"active","code":{"text":"x"},"subject":{"display":"x"}}}]}"#, "", 422, "H161");
    assert_eq!(server.get("/$contribute").status, 405);
    // Nothing is left of any of them.
    assert_eq!(server.get("/?_summary=count").value()["total"], 0);
}

#[test]
fn a_dry_run_tells_and_writes_nothing() {
    let server = Running::start();
    let reply = contribute(&server, &case("ccda-care-plan/cases/care-plan-full"), "?dry-run=true").value();
    assert_eq!(one(&reply, "status"), "checked");
    assert!(!all(&reply, "left-out").is_empty(), "{reply}");
    let ledger = all(&reply, "ledger");
    assert!(ledger[0][0]["valueUnsignedInt"].as_u64().unwrap() > 10, "{ledger:?}");
    assert_eq!(server.get("/?_summary=count").value()["total"], 0);
}

const FIRST: &str = "social-client-plan/cases/full";
const SECOND: &str = "social-client-plan/cases/later-version";

#[test]
fn a_newer_version_takes_the_place_of_the_older_in_any_order() {
    let (first, second) = (case(FIRST), case(SECOND));
    let expected = joined(&[(String::new(), second.clone())], &[]);
    for (documents, words) in
        [([&first, &second], ["created", "renewed"]), ([&second, &first], ["created", "history"])]
    {
        let server = Running::start();
        let told: Vec<Value> = documents.iter().map(|bytes| contribute(&server, bytes, "").value()).collect();
        assert_eq!(told.iter().map(|told| one(told, "status")).collect::<Vec<_>>(), words);
        let client = one(&told[0], "client");
        assert_eq!(plain(&plan(&server, &client, ""), &client), expected);
        // Both are kept: one is current, and a day before the newer one the older one counts.
        let found = server.get("/DocumentReference").value();
        let mut states: Vec<&str> = found["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["resource"]["status"].as_str().unwrap())
            .collect();
        states.sort_unstable();
        assert_eq!(states, ["current", "superseded"]);
        let then = plain(&plan(&server, &client, "?at=2025-05-01"), &client);
        assert_eq!(then, joined(&[(String::new(), first.clone())], &[]));
        assert_eq!(plain(&plan(&server, &client, "?at=2025-12-31"), &client), expected);
        assert_eq!(plan(&server, &client, "?at=2024-01-01").code(), "H162");
        // What stands beside the documents is what the current one says, and nothing else.
        let goals = server.get("/Goal?_count=100").value();
        let mut told: Vec<String> = goals["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["resource"]["description"]["text"].to_string())
            .collect();
        let own = take("", &second, From::Any).unwrap().contribution;
        let resources = value(&own.bundle);
        let mut wanted: Vec<String> = resources["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| &entry["resource"])
            .filter(|resource| resource["resourceType"] == "Goal")
            .map(|goal| goal["description"]["text"].to_string())
            .collect();
        told.sort();
        wanted.sort();
        assert_eq!(told, wanted);
    }
}

#[test]
fn a_plan_that_was_recorded_in_error_is_no_plan() {
    let server = Running::start();
    let text = String::from_utf8(case("fhir-reference/cases/bundle-full")).unwrap();
    let client = one(&contribute(&server, text.as_bytes(), "").value(), "client");
    assert_eq!(plan(&server, &client, "").status, 200);
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    for entry in bundle["entry"].as_array_mut().unwrap() {
        if entry["resource"]["resourceType"] == "CarePlan" {
            entry["resource"]["status"] = json!("entered-in-error");
        }
    }
    let told = contribute(&server, bundle.to_string().as_bytes(), "").value();
    assert_eq!(one(&told, "status"), "renewed");
    let gone = plan(&server, &client, "");
    assert_eq!((gone.status, &*gone.code()), (409, "P421"), "{}", gone.text());
}

#[test]
fn contributions_at_once_lose_none() {
    let (documents, _) = journey("soite/multi-service-process");
    let documents: Vec<Document> = documents.into_iter().filter(names_somebody).collect();
    let expected = joined(&documents, &[]);
    on_each(|server| {
        std::thread::scope(|scope| {
            for (name, bytes) in documents.iter().chain(&documents) {
                scope.spawn(move || {
                    let reply = contribute(server, bytes, "");
                    assert_eq!(reply.status, 200, "{name}: {}", reply.text());
                });
            }
        });
        let client = contribute_all(server, &documents);
        assert_eq!(plain(&plan(server, &client, ""), &client), expected);
    });
}

#[test]
fn what_a_unit_writes_by_rest_is_its_contribution() {
    let server = Running::start();
    let client = one(&contribute(&server, &case(FIRST), "").value(), "client");
    let person = server.get(&format!("/{client}")).value();
    let patient =
        json!({ "resourceType": "Patient", "identifier": person["identifier"], "name": person["name"] });
    let id = server.create(&patient.to_string());
    let goal = server.create(&json!({ "resourceType": "Goal", "lifecycleStatus": "active", "description": { "text": "Walks to the library" }, "subject": { "reference": format!("Patient/{id}") } }).to_string());
    let plan_id = server.create(&json!({ "resourceType": "CarePlan", "status": "active", "intent": "plan", "identifier": [{ "system": "urn:x", "value": "1" }], "subject": { "reference": format!("Patient/{id}") }, "goal": [{ "reference": format!("Goal/{goal}") }] }).to_string());
    for patient in [format!("Patient/{id}"), client.clone()] {
        let text = plan(&server, &patient, "").text();
        assert!(text.contains("Walks to the library"), "{patient}: {text}");
    }
    // An edit of it is an update of the unit's own resource.
    let given = plan(&server, &client, "").text();
    let edited = given.replace("Walks to the library", "Walks to the swimming hall");
    let reply = server.json("POST", &format!("/{client}/$write-back?editor=fhir-reference"), &[], &edited);
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(
        server.get(&format!("/Goal/{goal}")).value()["description"]["text"],
        "Walks to the swimming hall"
    );
    assert_eq!(server.get(&format!("/CarePlan/{plan_id}")).header("etag"), Some("W/\"1\""));
}

#[test]
fn forms_are_written_for_people_and_for_programs() {
    let (documents, _) = journey("luvn/health-station-client");
    let server = Running::start();
    let client = contribute_all(&server, &documents);
    let html = plan(&server, &client, "?form=html&language=fi");
    assert_eq!(html.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(html.text().contains("<html lang=\"fi\""), "{}", &html.text()[..300]);
    let text = plan(&server, &client, "?form=text&language=sv&role=social&register=1.2.246.10.99999991.19.2");
    assert_eq!(text.header("content-type"), Some("text/plain; charset=utf-8"));
    assert!(text.text().contains("Tuula Esimerkki"), "{}", text.text());
    for (query, code) in
        [("?form=pdf", "H151"), ("?language=de", "H151"), ("?role=king", "H151"), ("?at=x", "H151")]
    {
        assert_eq!(plan(&server, &client, query).code(), code, "{query}");
    }
    let detail = plain(&plan(&server, &client, "?dialect=detail"), &client);
    assert!(detail.to_string().contains("\"detail\""));
    // Each resource of it can be read at its url.
    let whole = plan(&server, &client, "").value();
    for entry in whole["entry"].as_array().unwrap() {
        let url = entry["fullUrl"].as_str().unwrap();
        let path = url.split_once("/fhir").unwrap().1;
        assert_eq!(server.get(path).value(), entry["resource"], "{url}");
    }
    assert_eq!(server.get(&format!("/{client}/$joined-plan/Goal/none")).status, 404);
    assert_eq!(server.get(&format!("/{client}/$meta/Goal/none")).status, 404);
    assert_eq!(plan(&server, "Patient/nobody", "").status, 404);
    // POST takes the same.
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "language", "valueCode": "fi" }, { "name": "form", "valueCode": "html" }] });
    let posted = server.json("POST", &format!("/{client}/$joined-plan"), &[], &parameters.to_string());
    assert_eq!(posted.body, html.body);
}

#[test]
fn an_answer_that_is_held_is_what_would_be_made_anew() {
    let (documents, _) = journey("varha/working-pair");
    let documents: Vec<Document> = documents.into_iter().filter(names_somebody).collect();
    let server = Running::start();
    let client = contribute_all(&server, &documents[..2]);
    let before = plan(&server, &client, "");
    assert_eq!(plan(&server, &client, "").body, before.body);
    contribute_all(&server, &documents[2..]);
    let after = plan(&server, &client, "");
    assert_ne!(after.body, before.body);
    assert_eq!(plan(&server, &client, "").body, after.body);
    assert_eq!(plain(&after, &client), joined(&documents, &[]));
    let resources = read_resources(&after.text()).unwrap();
    assert_eq!(value(&resources)["resourceType"], "Bundle");
}
