//! What can be done with one resource.

use super::talk::{Reply, Running};
use serde_json::{Value, json};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"mine","meta":{"versionId":"9999"},"active":true}"#;

fn refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!((reply.status, &*reply.code()), (status, code), "{}", reply.text());
}

#[test]
fn a_resource_lives_and_dies() {
    let server = Running::start();
    let made = server.json("POST", "/Patient", &[], PATIENT);
    assert_eq!(made.status, 201);
    let id = made.value()["id"].as_str().unwrap().to_owned();
    assert_ne!(id, "mine");
    assert_eq!(made.value()["meta"]["versionId"], "1");
    assert_eq!(made.header("etag"), Some("W/\"1\""));
    assert!(made.header("last-modified").is_some_and(|date| date.ends_with(" GMT")));
    let location = format!("http://{}/fhir/Patient/{id}/_history/1", server.address);
    assert_eq!(made.header("location"), Some(&*location));

    let path = format!("/Patient/{id}");
    let read = server.get(&path);
    assert_eq!((read.status, read.header("etag")), (200, Some("W/\"1\"")));
    assert_eq!(read.header("content-type"), Some("application/fhir+json; charset=utf-8"));
    assert_eq!(read.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(read.value(), made.value());

    let mut changed = read.value();
    changed["gender"] = json!("female");
    let updated = server.json("PUT", &path, &[("If-Match", "W/\"1\"")], &changed.to_string());
    assert_eq!((updated.status, updated.header("etag")), (200, Some("W/\"2\"")));
    // What is so already is no new version.
    let again = server.json("PUT", &path, &[], &updated.text());
    assert_eq!((again.status, again.header("etag")), (200, Some("W/\"2\"")));
    refused(&server.json("PUT", &path, &[("If-Match", "W/\"1\"")], &changed.to_string()), 412, "H123");
    refused(&server.json("PUT", &path, &[("If-None-Match", "*")], &changed.to_string()), 412, "H123");

    assert_eq!(server.get(&format!("{path}/_history/1")).value(), made.value());
    refused(&server.get(&format!("{path}/_history/9")), 404, "H121");
    refused(&server.get(&format!("{path}/_history/x")), 404, "H121");

    let deleted = server.json("DELETE", &path, &[], "");
    assert_eq!((deleted.status, deleted.header("etag")), (200, Some("W/\"3\"")));
    assert_eq!(server.json("DELETE", &path, &[("Prefer", "return=minimal")], "").status, 204);
    let gone = server.get(&path);
    refused(&gone, 410, "H122");
    assert_eq!(gone.header("etag"), Some("W/\"3\""));
    assert_eq!(server.get(&format!("{path}/_history/2")).status, 200);

    let history = server.get(&format!("{path}/_history")).value();
    let entries: Vec<(&Value, &Value)> = history["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (&e["request"]["method"], &e["response"]["status"]))
        .collect();
    assert_eq!(
        entries,
        [
            (&json!("DELETE"), &json!("204 No Content")),
            (&json!("PUT"), &json!("200 OK")),
            (&json!("POST"), &json!("201 Created"))
        ]
    );
    assert_eq!(history["total"], 3);

    let reborn = server.json("PUT", &path, &[], &changed.to_string());
    assert_eq!((reborn.status, reborn.header("etag")), (201, Some("W/\"4\"")));
}

#[test]
fn what_cannot_be_is_refused() {
    let server = Running::start();
    refused(&server.get("/Patient/none"), 404, "H121");
    refused(&server.get("/Patient/under_score"), 404, "H121");
    refused(&server.get("/patient/a"), 404, "H120");
    refused(&server.json("POST", "/NoType", &[], PATIENT), 404, "H120");
    refused(&server.json("POST", "/Observation", &[], PATIENT), 400, "H126");
    refused(&server.json("PUT", "/Patient/other", &[], PATIENT), 400, "H126");
    refused(&server.json("PUT", "/Patient/a", &[], r#"{"resourceType":"Patient"}"#), 400, "H126");
    refused(
        &server.json("PUT", "/Patient/under_score", &[], r#"{"resourceType":"Patient","id":"under_score"}"#),
        400,
        "H126",
    );
    refused(&server.json("POST", "/Patient", &[], ""), 400, "H118");
    refused(&server.json("POST", "/Patient", &[], r#"{"resourceType":"Patient","active":tru}"#), 400, "F102");
    refused(
        &server.json("POST", "/Patient", &[], r#"{"resourceType":"Patient","active":true,"active":true}"#),
        400,
        "F103",
    );
    refused(&server.json("POST", "/Patient", &[], r#"{"resourceType":"Quark"}"#), 400, "H118");
    let typed =
        |media: &str| server.send("POST", "/fhir/Patient", &[("Content-Type", media)], PATIENT.as_bytes());
    refused(&typed("application/x-www-form-urlencoded"), 415, "H113");
    refused(&typed("application/not-fhir"), 415, "H113");
    refused(&server.send("POST", "/fhir/Patient", &[], PATIENT.as_bytes()), 415, "H113");
    refused(&server.json("PATCH", "/Patient/a/b/c/d", &[], "{}"), 404, "H110");
    let wrong = server.json("POST", "/Patient/a", &[], PATIENT);
    refused(&wrong, 405, "H111");
    assert_eq!(wrong.header("allow"), Some("GET, PUT, PATCH, DELETE, HEAD"));
    refused(&server.json("POST", "/Patient", &[("Prefer", "return=all")], PATIENT), 400, "H117");
    refused(&server.json("PUT", "/Patient/mine", &[("If-Match", "one")], PATIENT), 400, "H117");
    refused(&server.get("/Patient/%zz"), 400, "H115");
}

#[test]
fn broken_resources_are_refused_with_their_place() {
    let server = Running::start();
    let text = "{\n  \"resourceType\": \"CarePlan\",\n  \"status\": \"actve\",\n  \"intent\": \"plan\",\n  \"subject\": {\"display\": \"x\"}\n}";
    let reply = server.json("POST", "/CarePlan", &[], text);
    refused(&reply, 400, "V325");
    let issue = &reply.value()["issue"][0];
    assert_eq!(issue["expression"][0], "CarePlan.status");
    assert_eq!(issue["extension"][0]["valueInteger"], 3, "{issue}");
    assert!(!reply.text().contains("actve"), "{}", reply.text());

    let open = Running::with(sauma::server::Settings { validate: false, ..Default::default() });
    assert_eq!(open.json("POST", "/CarePlan", &[], text).status, 201);
}

#[test]
fn criteria_find_the_resource_that_is_meant() {
    let server = Running::start();
    let patient = |value: &str| {
        format!(r#"{{"resourceType":"Patient","identifier":[{{"system":"urn:x","value":"{value}"}}]}}"#)
    };
    let unless = |value: &str| {
        server.json(
            "POST",
            "/Patient",
            &[("If-None-Exist", &format!("identifier=urn:x|{value}"))],
            &patient(value),
        )
    };
    let first = unless("1");
    assert_eq!(first.status, 201);
    let second = unless("1");
    assert_eq!((second.status, &second.value()["id"]), (200, &first.value()["id"]));
    refused(&server.json("POST", "/Patient", &[("If-None-Exist", "")], &patient("1")), 400, "H125");
    refused(&server.json("POST", "/Patient", &[("If-None-Exist", "_count=1")], &patient("1")), 400, "H125");

    let by = |value: &str| format!("/Patient?identifier=urn:x|{value}");
    let put = server.json(
        "PUT",
        &by("1"),
        &[],
        &patient("1").replace("\"identifier\"", "\"active\":true,\"identifier\""),
    );
    assert_eq!((put.status, &put.value()["id"]), (200, &first.value()["id"]));
    assert_eq!(server.json("PUT", &by("2"), &[], &patient("2")).status, 201);
    refused(
        &server.json(
            "PUT",
            &by("2"),
            &[],
            &patient("2").replace("\"identifier\"", "\"id\":\"other\",\"identifier\""),
        ),
        400,
        "H126",
    );
    refused(&server.json("PUT", "/Patient", &[], &patient("2")), 400, "H125");
    refused(&server.json("PUT", "/Patient?nonsense=1", &[], &patient("2")), 400, "S101");
    server.create(&patient("2"));
    refused(&unless("2"), 412, "H124");
    refused(&server.json("PUT", &by("2"), &[], &patient("2")), 412, "H124");
    refused(&server.json("DELETE", &by("2"), &[], ""), 412, "H124");
    assert_eq!(server.json("DELETE", &by("3"), &[], "").status, 200);
    assert_eq!(server.json("DELETE", &by("1"), &[], "").status, 200);
    refused(&server.get(&format!("/Patient/{}", first.value()["id"].as_str().unwrap())), 410, "H122");
    // A conditional reference becomes the resource that meets it.
    let goal = r#"{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient?identifier=urn:x|4"}}"#;
    refused(&server.json("POST", "/Goal", &[], goal), 400, "H141");
    let id = server.create(&patient("4"));
    let made = server.json("POST", "/Goal", &[], goal);
    assert_eq!(made.value()["subject"]["reference"], format!("Patient/{id}"));
}

#[test]
fn creates_with_one_criterion_at_once_make_one_resource() {
    let server = Running::start();
    let body = r#"{"resourceType":"Patient","identifier":[{"system":"urn:x","value":"1"}]}"#;
    let headers = [("If-None-Exist", "identifier=urn:x|1")];
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tasks: Vec<_> =
            (0..8).map(|_| scope.spawn(|| server.json("POST", "/Patient", &headers, body).status)).collect();
        tasks.into_iter().map(|task| task.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 201)), "{statuses:?}");
}

#[test]
fn searches_give_bundles() {
    let server = Running::start();
    let patient = server.create(r#"{"resourceType":"Patient","identifier":[{"system":"urn:oid:1.2.246.21","value":"131052-308T"}],"name":[{"family":"Virtanen"}]}"#);
    for number in 0..5 {
        server.create(&format!(
            r#"{{"resourceType":"CarePlan","status":"active","intent":"plan","title":"{number}","subject":{{"reference":"Patient/{patient}"}}}}"#
        ));
    }
    let found = server
        .get(&format!(
            "/CarePlan?subject=Patient/{patient}&_count=2&_include=CarePlan:subject&_total=accurate"
        ))
        .value();
    assert_eq!((&found["type"], &found["total"]), (&json!("searchset"), &json!(5)));
    let modes: Vec<&str> = found["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["search"]["mode"].as_str().unwrap())
        .collect();
    assert_eq!(modes, ["match", "match", "include"]);
    // Pages follow each other until all were seen once.
    let mut titles = Vec::new();
    let mut page = found;
    loop {
        titles.extend(
            page["entry"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|entry| entry["resource"]["title"].as_str().map(str::to_owned)),
        );
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        let path = next["url"].as_str().unwrap().split_once("/fhir").unwrap().1.to_owned();
        page = server.get(&path).value();
    }
    titles.sort();
    assert_eq!(titles, ["0", "1", "2", "3", "4"]);

    // Where keys cannot decide, the document does.
    let count =
        |query: &str| server.get(&format!("/Patient?{query}&_total=accurate")).value()["total"].clone();
    assert_eq!((count("family:exact=Virtanen"), count("family:exact=virtanen")), (json!(1), json!(0)));
    assert_eq!((count("family:contains=rtan"), count("family:contains=xyz")), (json!(1), json!(0)));
    refused(&server.get("/CarePlan?sttus=active"), 400, "S101");
    let lenient = server.send(
        "GET",
        "/fhir/CarePlan?sttus=active&_summary=count",
        &[("Prefer", "handling=lenient")],
        b"",
    );
    assert_eq!((lenient.status, &lenient.value()["total"]), (200, &json!(5)));
    let compartment = server.get(&format!("/Patient/{patient}/CarePlan?_elements=title")).value();
    assert_eq!(compartment["entry"].as_array().unwrap().len(), 5);
    assert!(compartment["entry"][0]["resource"]["meta"]["tag"][0]["code"] == "SUBSETTED");

    // A personal identity code travels in a body, and in no link.
    let code = "identifier=urn:oid:1.2.246.21%7C131052-308T";
    refused(&server.get(&format!("/Patient?{code}")), 400, "H116");
    refused(&server.get("/Patient/131052-308T"), 400, "H116");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let posted = server.send("POST", "/fhir/Patient/_search", &form, code.as_bytes());
    assert_eq!(posted.value()["entry"][0]["resource"]["id"], patient, "{}", posted.text());
    assert!(!posted.value()["link"].to_string().contains("131052"), "{}", posted.value()["link"]);
    let allowed = Running::with(sauma::server::Settings { identity_in_urls: true, ..Default::default() });
    assert_eq!(allowed.get(&format!("/Patient?{code}")).status, 200);
}

#[test]
fn histories_are_cut_by_time_and_page() {
    let server = Running::start();
    for number in 0..3 {
        server.create(&format!(r#"{{"resourceType":"Patient","name":[{{"text":"{number}"}}]}}"#));
    }
    server.create(r#"{"resourceType":"Practitioner"}"#);
    let count = |path: &str| server.get(path).value()["entry"].as_array().map_or(0, Vec::len);
    assert_eq!((count("/_history"), count("/Patient/_history")), (4, 3));
    assert_eq!(
        (count("/_history?_since=2000-01-01"), count("/_history?_since=2999-01-01T00:00:00Z")),
        (4, 0)
    );
    assert_eq!(count("/Patient/_history?_at=2999"), 3);
    let first = server.get("/_history?_count=3").value();
    let next =
        first["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next").unwrap()["url"]
            .clone();
    assert_eq!(count(next.as_str().unwrap().split_once("/fhir").unwrap().1), 1);
    refused(&server.get("/_history?_since=yesterday"), 400, "H115");
    refused(&server.get("/_history?_sort=_id"), 400, "H115");
}

#[test]
fn rules_of_fhir_and_of_profiles_are_told_apart() {
    let server = Running::start();
    let plan = |status: &str, profile: &str| {
        json!({ "resourceType": "CarePlan", "meta": { "profile": [profile] }, "status": status, "intent": "plan",
            "subject": { "display": "somebody" } })
        .to_string()
    };
    let check = |text: &str, status: u16| {
        let reply = server.json("POST", "/CarePlan", &[], text);
        assert_eq!(reply.status, status, "{}", reply.text());
    };
    let (ours, core) = (
        "https://w3id.org/sauma/fhir/StructureDefinition/sauma-plan",
        "http://hl7.org/fhir/StructureDefinition/CarePlan",
    );
    check(&plan("active", core), 201);
    // FHIR R4, "create": 400 for basic rules, 422 for profiles and rules of the server.
    check(&plan("actve", core), 400);
    check(&plan("active", ours), 422);
    check(&plan("actve", ours), 400);
}

#[test]
fn a_system_may_be_relative() {
    let server = Running::start();
    let weight = |system: &str| {
        json!({ "resourceType": "Observation", "status": "final", "code": { "text": "weight" },
            "valueQuantity": { "value": 5, "system": system, "code": "kg" } })
        .to_string()
    };
    assert_eq!(server.json("POST", "/Observation", &[], &weight("ours")).status, 201);
    let found = server.get("/Observation?value-quantity=5|ours|kg").value();
    // The page holds all there is, so that the number is known without counting.
    assert_eq!((&found["total"], found["entry"].as_array().map(Vec::len)), (&json!(1), Some(1)));
    let untyped = r#"{"resourceType":"Patient","managingOrganization":{"reference":"an-id-alone"}}"#;
    refused(&server.json("POST", "/Patient", &[], untyped), 400, "V333");
}

#[test]
fn a_compartment_is_searched_as_a_whole() {
    let server = Running::start();
    let put = |path: &str, resource: &Value| {
        assert_eq!(server.json("PUT", path, &[], &resource.to_string()).status, 201);
    };
    put("/Patient/a", &json!({ "resourceType": "Patient", "id": "a" }));
    put(
        "/Goal/g",
        &json!({ "resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "description": { "text": "x" },
            "subject": { "reference": "Patient/a" } }),
    );
    put("/Patient/b", &json!({ "resourceType": "Patient", "id": "b" }));
    let ids = |path: &str| {
        let bundle = server.get(path).value();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let of = |mode: &str| entries.iter().filter(|entry| entry["search"]["mode"] == *mode).count();
        (of("match"), of("outcome"))
    };
    assert_eq!(ids("/Patient/a/*"), (2, 0));
    assert_eq!(ids("/Patient/a/*?_type=Goal"), (1, 0));
    assert_eq!(ids("/Patient/a/*?_type=Gaol"), (0, 1));
    assert_eq!(ids("/Patient/a/*?_type=Gaol,Goal"), (1, 1));
    assert_eq!(ids("/?_type=Gaol"), (0, 1));
    let link = server.get("/Patient/a/*?_count=1").value();
    let next = link["link"][1]["url"].as_str().unwrap().to_owned();
    assert!(next.contains("/Patient/a/*?_count=1&_page="), "{next}");
}

#[test]
fn invariants_count_for_what_plans_are_made_of() {
    let server = Running::start();
    let status = |kind: &str, body: &str| server.json("POST", &format!("/{kind}"), &[], body).status;
    // app-3: a booked appointment has a start and an end.
    let appointment = r#"{"resourceType":"Appointment","status":"booked","participant":[{"status":"accepted","actor":{"display":"A"}}]}"#;
    assert_eq!(status("Appointment", appointment), 201);
    assert_eq!(status("Appointment", &appointment.replace("booked", "odd")), 400);
    // cpl-3: a reference or a detail, not both.
    let plan = r#"{"resourceType":"CarePlan","status":"active","intent":"plan","subject":{"display":"A"},"activity":[{"reference":{"display":"B"},"detail":{"status":"scheduled"}}]}"#;
    assert_eq!(status("CarePlan", plan), 400);
    assert_eq!(status("CarePlan", &plan.replace(r#""reference":{"display":"B"},"#, "")), 201);
}

#[test]
fn where_a_change_comes_from_is_recorded_in_its_commit() {
    let server = Running::start();
    let said = r#"{"resourceType":"Provenance","recorded":"2026-11-23T10:00:00Z","agent":[{"who":{"display":"Kotihoito"}}]}"#;
    let goal = r#"{"resourceType":"Goal","lifecycleStatus":"active","description":{"text":"x"},"subject":{"reference":"Patient/a"}}"#;
    let made = server.json("POST", "/Goal", &[("X-Provenance", said)], goal);
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.value()["id"].as_str().unwrap().to_owned();
    let found = server.get(&format!("/Provenance?target=Goal/{id}")).value();
    let entries = found["entry"].as_array().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["resource"]["target"][0]["reference"], format!("Goal/{id}"));
    // Both or nothing.
    let wrong = said.replace("\"recorded\":\"2026-11-23T10:00:00Z\",", "");
    let refused = server.json("POST", "/Goal", &[("X-Provenance", &wrong)], goal);
    assert!(refused.status >= 400, "{}", refused.text());
    assert_eq!(server.get("/Goal?_summary=count").value()["total"], 1);
    for odd in [
        "x",
        "{\"resourceType\":\"Goal\"}",
        &*said.replacen('{', "{\"target\":[{\"reference\":\"Goal/1\"}],", 1),
    ] {
        assert_eq!(server.json("POST", "/Goal", &[("X-Provenance", odd)], goal).status, 400, "{odd}");
    }
    let gone = server.json("DELETE", &format!("/Goal/{id}"), &[("X-Provenance", said)], "");
    assert_eq!(gone.status, 400);
}
