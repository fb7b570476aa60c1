//! Who did what, to whose data: an event for each client, before the answer, and nobody else writes one.

use super::talk::{Reply, Running};
use sauma::diag::Severity;
use sauma::mapping::units::schema;
use sauma::tree::fhir;
use sauma::validate::{Options, Validator};
use serde_json::Value;

const PROFILES: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.";

fn plan(patient: &str) -> String {
    format!(
        r#"{{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{{"reference":"Patient/{patient}"}}}}"#
    )
}

fn put_patient(server: &Running, id: &str) {
    let body = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"Virtanen"}}]}}"#);
    assert_eq!(server.json("PUT", &format!("/Patient/{id}"), &[], &body).status, 201);
}

/// Resources of a bundle, oldest first where they come newest first.
fn resources(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let bundle = reply.value();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.into_iter().rev().map(|entry| entry["resource"].clone()).collect()
}

fn events(server: &Running, query: &str) -> Vec<Value> {
    resources(&server.get(&format!("/AuditEvent?_count=500{query}")))
}

/// The name of the profile, the interaction, the action and the outcome.
fn told(event: &Value) -> String {
    let profile = event["meta"]["profile"][0].as_str().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let profile = profile.strip_prefix(PROFILES).unwrap_or("-");
    format!(
        "{profile} {} {} {}",
        word(&event["subtype"][0]["code"]),
        word(&event["action"]),
        word(&event["outcome"])
    )
}

/// The references that an event names in an entity with this role.
fn named(event: &Value, role: &str) -> Vec<String> {
    let entities = event["entity"].as_array().unwrap().iter();
    let named = entities.filter(|entity| entity["role"]["code"] == role);
    named.filter_map(|entity| entity["what"]["reference"].as_str().map(str::to_owned)).collect()
}

#[test]
fn each_interaction_is_told_of() {
    let server = Running::start();
    put_patient(&server, "pat-1");
    let id = server.create(&plan("pat-1"));
    let path = format!("/CarePlan/{id}");
    assert_eq!(server.get(&path).status, 200);
    assert_eq!(server.get(&format!("{path}/_history/1")).status, 200);
    let changed = plan("pat-1").replace("\"active\"", &format!("\"completed\",\"id\":\"{id}\""));
    assert_eq!(server.json("PUT", &path, &[], &changed).status, 200);
    let patch = r#"[{"op":"replace","path":"/status","value":"revoked"}]"#;
    let media = [("Content-Type", "application/json-patch+json")];
    let patched = server.send("PATCH", &format!("/fhir{path}"), &media, patch.as_bytes());
    assert_eq!(patched.status, 200, "{}", patched.text());
    assert_eq!(server.get(&format!("{path}/_history")).status, 200);
    assert_eq!(server.get("/CarePlan?subject=Patient/pat-1").status, 200);
    assert_eq!(server.send("DELETE", &format!("/fhir{path}"), &[], b"").status, 200);
    assert_eq!(server.get(&path).status, 410);
    assert_eq!(server.get(&format!("{path}/$meta")).status, 410);
    assert_eq!(server.get("/metadata").status, 200);
    let events = events(&server, "&patient=Patient/pat-1");
    let expected = [
        "PatientCreate create C 0",
        "PatientCreate create C 0",
        "PatientRead read R 0",
        "PatientRead vread R 0",
        "PatientUpdate update U 0",
        "PatientUpdate patch U 0",
        "PatientRead history-instance R 0",
        "PatientQuery search-type E 0",
        "PatientDelete delete D 0",
        "- read R 4",
        "- operation E 4",
    ];
    assert_eq!(events.iter().map(told).collect::<Vec<_>>(), expected);
    for event in &events {
        assert_eq!(named(event, "1"), ["Patient/pat-1"], "{event}");
    }
    assert_eq!(named(&events[1], "4"), [format!("CarePlan/{id}/_history/1")]);
    assert_eq!(named(&events[5], "4"), [format!("CarePlan/{id}/_history/3")]);
    assert_eq!(named(&events[8], "4"), [format!("CarePlan/{id}/_history/4")]);
    let query = events[7]["entity"][1]["query"].as_str().unwrap();
    // CarePlan?subject=Patient/pat-1
    assert_eq!(query, "Q2FyZVBsYW4/c3ViamVjdD1QYXRpZW50L3BhdC0x");
}

/// What BALP asks of each event that claims one of its profiles, beside what R4 asks.
fn check_balp(event: &Value) {
    let about = event.to_string();
    let tree = fhir::read_json(&about, schema().names()).unwrap();
    let report = Validator::new(schema()).validate(&tree, &Options::default());
    let is_error = |severity: Severity| severity == Severity::Error;
    let errors: Vec<_> = report.issues.iter().filter(|issue| is_error(issue.severity)).collect();
    assert!(errors.is_empty(), "{errors:?}\n{about}");
    let code = |agent: &Value| agent["type"]["coding"][0]["code"].as_str().unwrap().to_owned();
    let agents: Vec<String> = event["agent"].as_array().unwrap().iter().map(code).collect();
    let profile = event["meta"]["profile"][0].as_str().unwrap_or_default();
    let expected = match profile.strip_prefix(PROFILES).unwrap_or_default().trim_start_matches("Patient") {
        "Read" => ["110152", "110153"],
        "Delete" => ["110150", "custodian"],
        "Create" | "Update" | "Query" => ["110153", "110152"],
        "" => return assert_ne!(event["outcome"], "0", "{about}"),
        other => panic!("{other}"),
    };
    assert_eq!(agents, expected, "{about}");
    for agent in event["agent"].as_array().unwrap() {
        assert!(agent["who"].is_object() && agent["network"]["address"].is_string(), "{about}");
    }
    let roles = |wanted: &str| {
        let entities = event["entity"].as_array().unwrap().iter();
        entities.filter(|entity| entity["role"]["code"] == wanted).count()
    };
    let is_query = profile.ends_with("Query");
    assert_eq!((roles("4"), roles("24")), (usize::from(!is_query), usize::from(is_query)), "{about}");
    assert_eq!(roles("1"), usize::from(profile.contains("Patient")), "{about}");
    assert!(event["source"]["observer"].is_object() && event["recorded"].is_string(), "{about}");
}

#[test]
fn events_are_what_balp_and_r4_ask() {
    let server = Running::start();
    put_patient(&server, "pat-1");
    server.create(&plan("pat-1"));
    server.create(r#"{"resourceType":"Organization","name":"Kotihoito"}"#);
    for path in ["/CarePlan", "/Organization", "/_history", "/Patient/pat-1/CarePlan", "/Patient/none"] {
        server.get(path);
    }
    server.send("DELETE", "/fhir/Patient/pat-1", &[], b"");
    let events = events(&server, "");
    assert_eq!(events.len(), 9);
    for event in &events {
        check_balp(event);
    }
}

#[test]
fn a_search_is_told_of_to_each_client_and_a_bundle_by_its_entries() {
    let server = Running::start();
    for id in ["pat-1", "pat-2", "pat-3"] {
        put_patient(&server, id);
        server.create(&plan(id));
    }
    assert_eq!(server.get("/CarePlan?status=active").status, 200);
    for id in ["pat-1", "pat-2", "pat-3"] {
        let events = events(&server, &format!("&patient={id}"));
        let searches: Vec<&Value> = events.iter().filter(|event| event["action"] == "E").collect();
        assert!(searches.iter().all(|event| named(event, "1") == [format!("Patient/{id}")]));
        assert_eq!(told(searches[0]), "PatientQuery search-type E 0");
    }
    let bundle = r#"{"resourceType":"Bundle","type":"batch","entry":[
        {"request":{"method":"GET","url":"Patient/pat-1"}},
        {"request":{"method":"GET","url":"Patient/pat-2"}}]}"#;
    assert_eq!(server.json("POST", "", &[], bundle).status, 200);
    let transaction = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[
        {{"resource":{},"request":{{"method":"POST","url":"CarePlan"}}}},
        {{"request":{{"method":"GET","url":"Patient/pat-3"}}}}]}}"#,
        plan("pat-2")
    );
    assert_eq!(server.json("POST", "", &[], &transaction).status, 200);
    let last = |id: &str, count: usize| {
        let events = events(&server, &format!("&patient={id}&action=R,C"));
        assert!(events.is_empty(), "a list of codes is no code");
        let mut all = resources(&server.get(&format!("/AuditEvent?patient={id}&_count=500")));
        all.retain(|event| event["action"] != "E");
        all.iter().rev().take(count).map(told).collect::<Vec<_>>()
    };
    assert_eq!(last("pat-1", 1), ["PatientRead read R 0"]);
    assert_eq!(last("pat-2", 2), ["PatientCreate create C 0", "PatientRead read R 0"]);
    assert_eq!(last("pat-3", 1), ["PatientRead read R 0"]);
}

#[test]
fn the_log_is_read_and_searched_and_never_written() {
    let server = Running::start();
    put_patient(&server, "pat-1");
    server.create(&plan("pat-1"));
    let event = server.get("/AuditEvent/1").value();
    assert_eq!((event["id"].as_str(), event["action"].as_str()), (Some("1"), Some("C")));
    assert_eq!(server.get("/AuditEvent/1/_history/1").value(), event);
    for path in ["/AuditEvent/0", "/AuditEvent/999", "/AuditEvent/01", "/AuditEvent/1/_history/2"] {
        assert_eq!(server.get(path).status, 404, "{path}");
    }
    let count = |query: &str| events(&server, query).len();
    assert_eq!(count("&_id=2"), 1);
    assert_eq!(count("&action=C"), 2);
    assert_eq!(count("&agent=open&action=C"), 2);
    assert_eq!(count("&agent-who=nobody"), 0);
    assert_eq!(count("&date=ge2020&action=C"), 2);
    assert_eq!(count("&date=lt2020"), 0);
    assert_eq!(count("&date=gt2020&date=lt2021"), 0);
    assert_eq!(count("&outcome=4"), 1);
    assert_eq!(resources(&server.get("/Patient/pat-1/AuditEvent?action=C")).len(), 2);
    assert_eq!(server.get("/AuditEvent?entity=x").code(), "H191");
    // Pages: newest first, without gaps, until the first.
    let mut path = "/AuditEvent?_count=3&date=lt2100".to_owned();
    let mut places: Vec<u64> = Vec::new();
    loop {
        let page = server.get(&path).value();
        for entry in page["entry"].as_array().unwrap() {
            places.push(entry["resource"]["id"].as_str().unwrap().parse().unwrap());
        }
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        path = next["url"].as_str().unwrap().split_once("/fhir").unwrap().1.to_owned();
    }
    assert!(places.len() > 15);
    assert_eq!(places, (1..=places[0]).rev().collect::<Vec<_>>());
    let event = r#"{"resourceType":"AuditEvent","id":"1","type":{"code":"x"},"recorded":"2026-01-01T00:00:00Z","agent":[{"requestor":true}],"source":{"observer":{"display":"x"}}}"#;
    for (method, path) in [("POST", "/AuditEvent"), ("PUT", "/AuditEvent/1"), ("DELETE", "/AuditEvent/1")] {
        let reply = server.json(method, path, &[], event);
        assert_eq!((reply.status, &*reply.code()), (405, "H190"), "{method}");
    }
    let transaction = format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{event},"request":{{"method":"POST","url":"AuditEvent"}}}}]}}"#
    );
    assert_eq!(server.json("POST", "", &[], &transaction).code(), "H190");
}

#[test]
fn a_client_reads_the_own_log_in_plain_words() {
    let server = Running::start();
    put_patient(&server, "pat-1");
    server.create(&plan("pat-1"));
    for (language, words) in [
        ("fi", "tuntematon tallensi suunnitelman."),
        ("sv", "okänd sparade planen."),
        ("en", "somebody unknown stored a plan."),
    ] {
        let reply = server.get(&format!("/Patient/pat-1/$audit-log?language={language}"));
        let events = resources(&reply);
        let text = events[1]["text"]["div"].as_str().unwrap();
        assert!(text.contains(words), "{text}");
        assert_eq!(events[1]["language"], language);
        for event in &events {
            check_balp(event);
        }
    }
    assert_eq!(server.get("/Patient/pat-1/$audit-log?language=de").status, 400);
}

#[test]
fn without_audit_nothing_is_told() {
    let audit = sauma::server::AuditSettings { enabled: false, ..Default::default() };
    let server = Running::with(sauma::server::Settings { audit, ..Default::default() });
    put_patient(&server, "pat-1");
    assert_eq!(server.get("/AuditEvent").value()["entry"], Value::Null);
    assert_eq!(server.get("/Patient/pat-1/$audit-log").status, 404);
}
