//! batch and transaction.

use super::talk::{Reply, Running};
use serde_json::{Value, json};

fn patient(value: &str) -> Value {
    json!({ "resourceType": "Patient", "identifier": [{ "system": "urn:x", "value": value }] })
}

fn entry(method: &str, url: &str, resource: Option<Value>, more: &Value) -> Value {
    let mut entry = json!({ "request": { "method": method, "url": url } });
    if let Some(resource) = resource {
        entry["resource"] = resource;
    }
    for (name, value) in more.as_object().unwrap() {
        if name == "fullUrl" { entry[name] = value.clone() } else { entry["request"][name] = value.clone() }
    }
    entry
}

fn post(server: &Running, kind: &str, entries: &[Value]) -> Reply {
    server.json(
        "POST",
        "",
        &[],
        &json!({ "resourceType": "Bundle", "type": kind, "entry": entries }).to_string(),
    )
}

fn statuses(reply: &Reply) -> Vec<String> {
    let value = reply.value();
    let entries = value["entry"].as_array().unwrap_or_else(|| panic!("{value}"));
    entries.iter().map(|entry| entry["response"]["status"].as_str().unwrap()[..3].to_owned()).collect()
}

const GOAL: &str = r#"{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"}}"#;

fn goal(subject: &str) -> Value {
    let mut goal: Value = serde_json::from_str(GOAL).unwrap();
    goal["subject"] = json!({ "reference": subject });
    goal
}

#[test]
fn a_transaction_is_done_as_a_whole() {
    let server = Running::start();
    let old = server.create(&patient("old").to_string());
    let gone = server.create(&patient("gone").to_string());
    let plan = json!({
        "resourceType": "CarePlan", "status": "active", "intent": "plan",
        "subject": { "reference": "urn:uuid:11111111-1111-4111-8111-111111111111" },
        "goal": [{ "reference": "urn:uuid:22222222-2222-4222-8222-222222222222" }],
        "author": { "reference": "Patient?identifier=urn:x|old" },
    });
    let mut updated = patient("old");
    updated["id"] = json!(old);
    updated["active"] = json!(true);
    let reply = post(
        &server,
        "transaction",
        &[
            entry("GET", &format!("Patient/{old}"), None, &json!({})),
            entry("POST", "CarePlan", Some(plan), &json!({})),
            entry(
                "POST",
                "Goal",
                Some(goal("urn:uuid:11111111-1111-4111-8111-111111111111")),
                &json!({ "fullUrl": "urn:uuid:22222222-2222-4222-8222-222222222222" }),
            ),
            entry(
                "POST",
                "Patient",
                Some(patient("new")),
                &json!({ "fullUrl": "urn:uuid:11111111-1111-4111-8111-111111111111", "ifNoneExist": "identifier=urn:x|new" }),
            ),
            entry("PUT", &format!("Patient/{old}"), Some(updated), &json!({ "ifMatch": "W/\"1\"" })),
            entry("DELETE", &format!("Patient/{gone}"), None, &json!({})),
        ],
    );
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(statuses(&reply), ["200", "201", "201", "201", "200", "200"]);
    let made = reply.value();
    assert_eq!(made["type"], "transaction-response");
    let name = |at: usize| {
        let resource = &made["entry"][at]["resource"];
        format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
    };
    let plan = &made["entry"][1]["resource"];
    assert_eq!(plan["subject"]["reference"], name(3));
    assert_eq!(plan["goal"][0]["reference"], name(2));
    assert_eq!(plan["author"]["reference"], format!("Patient/{old}"));
    assert_eq!(made["entry"][2]["resource"]["subject"]["reference"], name(3));
    // What is read sees what was written.
    assert_eq!(made["entry"][0]["resource"]["active"], true);
    assert_eq!(made["entry"][4]["response"]["etag"], "W/\"2\"");
    assert!(made["entry"][3]["response"]["location"].as_str().unwrap().ends_with("/_history/1"));
    assert_eq!(server.get(&format!("/Patient/{gone}")).status, 410);

    // Once more: the condition finds what is there, and others refer to it.
    let again = post(
        &server,
        "transaction",
        &[
            entry("POST", "Goal", Some(goal("urn:uuid:33333333-3333-4333-8333-333333333333")), &json!({})),
            entry(
                "POST",
                "Patient",
                Some(patient("new")),
                &json!({ "fullUrl": "urn:uuid:33333333-3333-4333-8333-333333333333", "ifNoneExist": "identifier=urn:x|new" }),
            ),
        ],
    );
    assert_eq!(statuses(&again), ["201", "200"]);
    assert_eq!(again.value()["entry"][0]["resource"]["subject"]["reference"], name(3));
}

#[test]
fn a_transaction_that_fails_leaves_nothing() {
    let server = Running::start();
    let old = server.create(&patient("old").to_string());
    let mut updated = patient("old");
    updated["id"] = json!(old);
    let check = |last: Value, status: u16, code: &str| {
        let reply = post(
            &server,
            "transaction",
            &[entry("POST", "Patient", Some(patient("lost")), &json!({})), last],
        );
        assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
        let expression = reply.value()["issue"][0]["expression"][0].as_str().unwrap_or_default().to_owned();
        assert!(expression.starts_with("Bundle.entry[1]"), "{expression}");
        assert_eq!(server.get("/Patient?identifier=urn:x|lost&_summary=count").value()["total"], 0);
    };
    check(
        entry("PUT", &format!("Patient/{old}"), Some(updated.clone()), &json!({ "ifMatch": "W/\"7\"" })),
        412,
        "H123",
    );
    check(entry("POST", "Goal", Some(goal("Patient?identifier=urn:x|none")), &json!({})), 400, "H141");
    check(entry("POST", "Goal", Some(json!({ "resourceType": "Goal" })), &json!({})), 400, "V315");
    check(
        entry("PATCH", "Patient/none", Some(json!({ "resourceType": "Parameters" })), &json!({})),
        404,
        "H121",
    );
    check(entry("POST", "Quark", Some(json!({ "resourceType": "Quark" })), &json!({})), 404, "H120");
    check(json!({ "resource": patient("x") }), 400, "H140");
    check(
        entry("POST", "", Some(json!({ "resourceType": "Bundle", "type": "batch" })), &json!({})),
        400,
        "H140",
    );
    let twice = entry("PUT", &format!("Patient/{old}"), Some(updated), &json!({}));
    let reply = post(&server, "transaction", &[twice.clone(), twice]);
    assert_eq!((reply.status, reply.code()), (400, "H142".to_owned()));
}

#[test]
fn entries_of_a_batch_stand_alone() {
    let server = Running::start();
    let reply = post(
        &server,
        "batch",
        &[
            entry("POST", "Patient", Some(patient("1")), &json!({})),
            entry("GET", "Patient/none", None, &json!({})),
            entry("GET", "Patient?identifier=urn:x|1", None, &json!({})),
            entry("PUT", "Patient/a", Some(json!({ "resourceType": "Patient", "id": "a" })), &json!({})),
            entry("GET", "Patient/a/_history", None, &json!({})),
            entry("POST", "Goal", Some(json!({ "resourceType": "Goal" })), &json!({})),
        ],
    );
    assert_eq!(statuses(&reply), ["201", "404", "200", "201", "200", "400"]);
    let value = reply.value();
    assert_eq!(value["type"], "batch-response");
    assert_eq!(value["entry"][2]["resource"]["type"], "searchset");
    assert_eq!(value["entry"][1]["response"]["outcome"]["resourceType"], "OperationOutcome");
    assert_eq!(value["entry"][4]["resource"]["entry"][0]["resource"]["id"], "a");
    let odd = |body: &str, code: &str| {
        let reply = server.json("POST", "", &[], body);
        assert_eq!((reply.status, &*reply.code()), (400, code), "{}", reply.text());
    };
    odd(r#"{"resourceType":"Patient"}"#, "H140");
    odd(r#"{"resourceType":"Bundle"}"#, "H140");
    odd(r#"{"resourceType":"Bundle","type":"history"}"#, "H140");
    assert_eq!(post(&server, "transaction", &[]).value()["type"], "transaction-response");
}

#[test]
fn a_bundle_may_be_xml() {
    let server = Running::start();
    let xml = r#"<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/><entry><fullUrl value="urn:uuid:33333333-3333-4333-8333-333333333333"/><resource><Patient><active value="true"/></Patient></resource><request><method value="POST"/><url value="Patient"/></request></entry></Bundle>"#;
    let reply = server.send("POST", "/fhir", &[("Content-Type", "application/fhir+xml")], xml.as_bytes());
    assert_eq!(statuses(&reply), ["201"]);
}

#[test]
fn many_entries_are_one_commit() {
    let server = Running::start();
    let entries: Vec<Value> = (0..500)
        .map(|number| entry("POST", "Patient", Some(patient(&number.to_string())), &json!({})))
        .collect();
    let reply = post(&server, "transaction", &entries);
    assert_eq!(statuses(&reply).len(), 500);
    assert_eq!(server.get("/Patient?_summary=count").value()["total"], 500);
}
