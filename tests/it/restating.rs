//! A request that another system plans, seen inline by one that reads `CarePlan.activity.detail` alone.

use sauma::exchange::document::read_resources;
use sauma::mapping::Program;
use sauma::mapping::units::Unit;
use sauma::tree::{Tree, json};
use serde_json::{Value, json};

const HELD: &str = "https://w3id.org/sauma/fhir/StructureDefinition/activity-request";

fn program() -> &'static Program {
    Unit::find("fhir-detail").unwrap().program().unwrap()
}

/// A plan with one activity, and resources of several types that it may refer to.
fn resources(activity: &Value) -> Value {
    let request = |id: &str, code: &str| {
        json!({
            "resourceType": "ServiceRequest", "id": id, "status": "active", "intent": "plan",
            "code": {"text": code}, "subject": {"reference": "Patient/p"},
            "occurrenceDateTime": "2026-05-04", "note": [{"authorString": "a doctor", "text": "heard"}],
        })
    };
    json!({
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": "https://ehr.example.org/fhir/ServiceRequest/r1", "resource": request("r1", "walking")},
            {"fullUrl": "urn:uuid:7d3a1e0e-8f58-4b8b-a5a3-90a6f0d2c111", "resource": request("r2", "swimming")},
            {"fullUrl": "https://ehr.example.org/fhir/Task/t1",
             "resource": {"resourceType": "Task", "id": "t1", "status": "requested", "intent": "plan"}},
            {"resource": {"resourceType": "Appointment", "id": "a1", "status": "proposed",
             "participant": [{"status": "accepted"}]}},
            {"resource": {
                "resourceType": "CarePlan", "id": "c1", "status": "active", "intent": "plan",
                "contained": [request("held", "rowing"), {"resourceType": "Goal", "id": "goal"}],
                "subject": {"reference": "Patient/p"}, "activity": [activity]}},
        ],
    })
}

fn tree(value: &Value) -> Tree {
    read_resources(&value.to_string()).unwrap()
}

fn value(tree: &Tree) -> Value {
    serde_json::from_str(&json::to_string(tree, json::Layout::Compact)).unwrap()
}

fn create(resources: &Value) -> Value {
    value(&program().create(&tree(resources)).unwrap())
}

fn get(document: &Value) -> Value {
    value(&program().get(&tree(document)).unwrap().target)
}

fn put(document: &Value, resources: &Value) -> Value {
    value(&program().put(&tree(document), &tree(resources)).unwrap())
}

/// The entry of a resource.
fn at<'a>(document: &'a mut Value, id: &str) -> &'a mut Value {
    let entries = document["entry"].as_array_mut().unwrap();
    entries.iter_mut().map(|entry| &mut entry["resource"]).find(|resource| resource["id"] == id).unwrap()
}

fn activity(document: &mut Value) -> &mut Value {
    &mut at(document, "c1")["activity"][0]
}

/// What a new document shows of an activity: the code that stands inline, or else the reference.
fn check(reference: &Value, expected: &str) {
    let hub = resources(&json!({"reference": reference}));
    let mut document = create(&hub);
    assert_eq!(get(&document), value(&tree(&hub)), "{reference}");
    let shown = activity(&mut document);
    let detail = &shown["detail"];
    if detail.is_object() {
        assert_eq!(detail["extension"][0], json!({"url": HELD, "valueReference": reference}), "{reference}");
        assert!(shown.get("reference").is_none(), "cpl-3: {reference}");
        assert_eq!(detail["code"]["text"], expected, "{reference}");
        assert_eq!(detail["status"], "scheduled", "{reference}");
    } else {
        assert_eq!(shown["reference"]["reference"].as_str().unwrap_or("nothing"), expected, "{reference}");
    }
}

#[test]
fn a_reference_to_a_request_is_shown_inline_and_any_other_stays() {
    check(&json!({"reference": "ServiceRequest/r1"}), "walking");
    check(
        &json!({"reference": "ServiceRequest/r1", "display": "kävely", "type": "ServiceRequest"}),
        "walking",
    );
    check(&json!({"reference": "https://ehr.example.org/fhir/ServiceRequest/r1"}), "walking");
    check(&json!({"reference": "urn:uuid:7d3a1e0e-8f58-4b8b-a5a3-90a6f0d2c111"}), "swimming");
    check(&json!({"reference": "#held"}), "rowing");
    check(&json!({"reference": "Task/t1"}), "Task/t1");
    check(&json!({"reference": "Appointment/a1"}), "Appointment/a1");
    check(&json!({"reference": "#goal"}), "#goal");
    check(&json!({"reference": "ServiceRequest/unknown"}), "ServiceRequest/unknown");
    check(&json!({"identifier": {"value": "7"}}), "nothing");
}

#[test]
fn what_has_no_exact_place_stays_in_the_request() {
    let hub = resources(&json!({"reference": {"reference": "ServiceRequest/r1"}}));
    let mut document = create(&hub);
    assert_eq!(at(&mut document, "r1"), at(&mut hub.clone(), "r1"));
    let detail = activity(&mut document)["detail"].clone();
    let members: Vec<&String> = detail.as_object().unwrap().keys().collect();
    assert_eq!(members, ["code", "extension", "status"]);
}

#[test]
fn an_edit_of_the_detail_reaches_the_request() {
    let hub = resources(&json!({"reference": {"reference": "ServiceRequest/r1"}}));
    let mut document = create(&hub);
    activity(&mut document)["detail"]["status"] = json!("completed");
    activity(&mut document)["detail"]["code"] = json!({"text": "running"});
    let mut wanted = hub;
    at(&mut wanted, "r1")["status"] = json!("completed");
    at(&mut wanted, "r1")["code"] = json!({"text": "running"});
    assert_eq!(get(&document), value(&tree(&wanted)));
    // Unchanged resources leave the document as it is, and an edit of another element leaves the rest of its entry.
    assert_eq!(put(&document, &wanted), document);
    at(&mut wanted, "r1")["intent"] = json!("order");
    let edited = put(&document, &wanted);
    let mut expected = document.clone();
    at(&mut expected, "r1")["intent"] = json!("order");
    assert_eq!(edited, expected);
    assert_eq!(get(&edited), value(&tree(&wanted)));
}

#[test]
fn an_edit_of_the_request_reaches_the_detail() {
    for reference in ["ServiceRequest/r1", "#held"] {
        let hub = resources(&json!({"reference": {"reference": reference}}));
        let document = create(&hub);
        let mut wanted = hub;
        let request = match reference {
            "#held" => &mut at(&mut wanted, "c1")["contained"][0],
            _ => at(&mut wanted, "r1"),
        };
        request["status"] = json!("revoked");
        request["note"] = json!([{"text": "from june"}]);
        let mut edited = put(&document, &wanted);
        let detail = &activity(&mut edited)["detail"];
        assert_eq!((&detail["status"], &detail["description"]), (&json!("cancelled"), &json!("from june")));
        assert_eq!(get(&edited), value(&tree(&wanted)), "{reference}");
    }
}

/// An activity refers to one thing and then to another.
fn changes(from: &str, to: &str, expected: &str) {
    let document = create(&resources(&json!({"reference": {"reference": from}})));
    let wanted = resources(&json!({"reference": {"reference": to}}));
    let mut edited = put(&document, &wanted);
    let shown = activity(&mut edited);
    let form = shown["detail"]["code"]["text"].as_str().or_else(|| shown["reference"]["reference"].as_str());
    assert_eq!(form, Some(expected), "{from} {to}");
    assert_eq!(get(&edited), value(&tree(&wanted)), "{from} {to}");
}

#[test]
fn an_activity_may_come_to_refer_to_another_thing() {
    changes("ServiceRequest/r1", "urn:uuid:7d3a1e0e-8f58-4b8b-a5a3-90a6f0d2c111", "swimming");
    changes("ServiceRequest/r1", "#held", "rowing");
    changes("ServiceRequest/r1", "Task/t1", "Task/t1");
    changes("Task/t1", "ServiceRequest/r1", "walking");
    changes("Task/t1", "ServiceRequest/unknown", "ServiceRequest/unknown");
}

#[test]
fn what_a_unit_wrote_as_a_plain_reference_stays_plain() {
    let document = resources(&json!({"reference": {"reference": "ServiceRequest/r1"}}));
    let mut wanted = get(&document);
    at(&mut wanted, "r1")["status"] = json!("completed");
    activity(&mut wanted)["reference"]["display"] = json!("walking");
    assert_eq!(put(&document, &wanted), wanted);
}

#[test]
fn an_inline_activity_may_become_a_request_and_a_request_inline() {
    let inline = resources(&json!({"detail": {"status": "in-progress", "code": {"text": "dancing"}}}));
    let shown = create(&resources(&json!({"reference": {"reference": "ServiceRequest/r1"}})));
    let mut edited = put(&inline, &get(&shown));
    assert_eq!(activity(&mut edited)["detail"]["code"]["text"], "walking");
    assert_eq!(get(&edited), get(&shown));
    let mut edited = put(&shown, &get(&inline));
    assert_eq!(
        activity(&mut edited)["detail"],
        json!({"status": "in-progress", "code": {"text": "dancing"}})
    );
}

#[test]
fn one_request_of_several_activities_has_one_wording() {
    let mut hub = resources(&json!({"reference": {"reference": "ServiceRequest/r1"}}));
    at(&mut hub, "c1")["activity"] = json!([
        {"reference": {"reference": "ServiceRequest/r1"}},
        {"reference": {"reference": "ServiceRequest/r1", "display": "again"}},
    ]);
    let mut document = create(&hub);
    at(&mut hub, "r1")["code"] = json!({"text": "running"});
    let mut edited = put(&document, &hub);
    for number in 0..2 {
        assert_eq!(at(&mut edited, "c1")["activity"][number]["detail"]["code"]["text"], "running");
    }
    // An edit of one of them is the edit of the request; what the other says stays as long as nobody edits just that.
    at(&mut document, "c1")["activity"][1]["detail"]["code"] = json!({"text": "running"});
    assert_eq!(get(&document), value(&tree(&hub)));
    at(&mut hub, "r1")["status"] = json!("on-hold");
    let mut edited = put(&document, &hub);
    for (number, words) in ["walking", "running"].into_iter().enumerate() {
        let detail = &at(&mut edited, "c1")["activity"][number]["detail"];
        assert_eq!((&detail["code"]["text"], &detail["status"]), (&json!(words), &json!("on-hold")));
    }
    assert_eq!(get(&edited), value(&tree(&hub)));
}

#[test]
fn many_activities_of_one_large_request_do_not_make_a_document_without_bounds() {
    let mut hub = resources(&json!({"reference": {"reference": "ServiceRequest/r1"}}));
    at(&mut hub, "r1")["code"] = json!({"text": "x".repeat(16 << 20)});
    let activities: Vec<Value> = (0..7)
        .map(|number| json!({"reference": {"reference": "ServiceRequest/r1"}, "id": number.to_string()}))
        .collect();
    at(&mut hub, "c1")["activity"] = json!(activities);
    let mut document = create(&hub);
    let shown = at(&mut document, "c1")["activity"].as_array().unwrap();
    assert_eq!(shown.iter().filter(|activity| activity.get("detail").is_some()).count(), 4);
    assert_eq!(get(&document), value(&tree(&hub)));
}

#[test]
fn an_edit_of_one_element_leaves_what_else_the_statements_contradict_each_other_in() {
    let case = "mappings/fhir-detail/cases/requests-in-disagreement/input.json";
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(case);
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let check = |path: &str, value: &Value, places: &[&str]| {
        let mut resources = get(&document);
        *resources.pointer_mut(path).unwrap() = value.clone();
        let mut expected = document.clone();
        for place in places {
            *expected.pointer_mut(place).unwrap() = value.clone();
        }
        assert_eq!(put(&document, &resources), expected, "{path}");
    };
    let detail = |at: usize, rest: &str| format!("/entry/0/resource/activity/{at}/detail/{rest}");
    let codes: Vec<String> = (0..3).map(|at| detail(at, "code/text")).collect();
    let mut codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    codes.push("/entry/1/resource/code/text");
    check("/entry/1/resource/code/text", &json!("Sauvakävely"), &codes);
    let timed = detail(1, "scheduledString");
    check("/entry/1/resource/extension/0/valueString", &json!("aamuisin"), &[&timed]);
    check("/entry/2/resource/name/0/text", &json!("Testi Timo"), &["/entry/2/resource/name/0/text"]);
}
