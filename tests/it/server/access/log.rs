//! The log over several registers: disclosures, denials, logins and emergencies each have an event of their own, and a
//! register reads what it did and what was done with its data.

use super::units::{World, consent, goal, person};
use super::{token, with};
use serde_json::{Value, json};

const LOG: &str = "system/AuditEvent.rs";

/// Every event that a unit's program reads of the log, the oldest first: subtype, outcome and what it names.
fn log(world: &World, unit: &str, query: &str) -> Vec<String> {
    let token = token(&world.server, &format!("{unit}-app"), &world.key, LOG);
    let reply = with(&world.server, &token, "GET", &format!("/AuditEvent?_count=500{query}"), "");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let bundle = reply.value();
    let told = |event: &Value| {
        let named: Vec<&str> = event["entity"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entity| entity["what"]["reference"].as_str())
            .collect();
        let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let who = &event["agent"][0]["who"]["identifier"]["value"];
        format!(
            "{} {} {} {}",
            word(who),
            word(&event["subtype"][0]["code"]),
            word(&event["outcome"]),
            named.join(",")
        )
    };
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    entries.iter().rev().map(|entry| told(&entry["resource"])).collect()
}

fn plan(id: &str, patient: &str) -> Value {
    json!({ "resourceType": "CarePlan", "id": id, "status": "active", "intent": "plan",
        "subject": { "reference": format!("Patient/{patient}") } })
}

fn world() -> World {
    let world = World::with_scopes(LOG);
    for unit in ["one", "far", "third"] {
        world.put(unit, &person(&format!("{unit}.p"), "131052-308T"));
        world.put(unit, &plan(&format!("{unit}.plan"), &format!("{unit}.p")));
    }
    world.put("one", &consent("one.c", "one.p", None, true, "2090-01-01"));
    world
}

#[test]
fn what_a_view_shows_of_others_is_told_to_whom_it_is_of() {
    let world = world();
    let shown = world.get("far", "/Patient/far.p/$joined-plan").value();
    let entries = shown["entry"].as_array().unwrap();
    let found = entries.iter().find(|entry| entry["resource"]["resourceType"] == "CarePlan").unwrap();
    let explain = format!("$explain?resource=CarePlan/{}", found["resource"]["id"].as_str().unwrap());
    for path in ["$joined-plan", &*explain] {
        let before = log(&world, "one", "&patient=one.p");
        let reply = world.get("far", &format!("/Patient/far.p/{path}"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let after = log(&world, "one", "&patient=one.p");
        let new = &after[before.len()..];
        let disclosed = |event: &&String| event.contains(" disclose 0 ");
        let disclosed: Vec<&String> = new.iter().filter(disclosed).collect();
        let [disclosed] = &*disclosed else { panic!("{path}: {new:?}") };
        assert!(disclosed.starts_with("far-app disclose 0 "), "{disclosed}");
        assert!(disclosed.contains("CarePlan/one.plan/_history/1"), "{disclosed}");
        assert!(disclosed.ends_with("Patient/one.p"), "{disclosed}");
    }
    // Of those whose data are withheld nothing is told, for nothing was given out.
    assert!(!log(&world, "third", "&patient=third.p").iter().any(|event| event.starts_with("far-app")));
    // One's own register discloses nothing to itself.
    world.get("one", "/Patient/one.p/$joined-plan");
    let own = log(&world, "one", "&patient=one.p");
    assert!(!own.iter().any(|event| event.starts_with("one-app disclose")), "{own:?}");
}

#[test]
fn disclosures_of_reads_and_searches_are_told() {
    let world = world();
    world.put("one", &goal("one.g", "one.p"));
    world.get("far", "/Goal/one.g");
    world.get("far", "/Goal?patient=Patient/one.p");
    let told = log(&world, "one", "&patient=one.p&agent=far-app");
    let expected = "far-app disclose 0 Goal/one.g/_history/1,Patient/one.p";
    assert_eq!(told.iter().filter(|event| **event == expected).count(), 2, "{told:?}");
}

#[test]
fn who_is_let_in_and_who_is_not_is_told() {
    let world = world();
    let count = |subtype: &str, outcome: &str| {
        let wanted = format!("far-app {subtype} {outcome} ");
        log(&world, "far", "").iter().filter(|event| event.starts_with(&wanted)).count()
    };
    let (logins, denials) = (count("110122", "0"), count("AuthZ-Role", "8"));
    let narrow = token(&world.server, "far-app", &world.key, "system/Goal.rs");
    assert_eq!(with(&world.server, &narrow, "GET", "/CarePlan/far.plan", "").status, 403);
    // Reading the log takes a token each time.
    assert_eq!((count("110122", "0"), count("AuthZ-Role", "8")), (logins + 3, denials + 1));
}

#[test]
fn an_emergency_has_an_event_of_its_own() {
    let world = world();
    let bearer = format!("Bearer {}", world.token("far"));
    let glass = |words: &'static str| {
        [
            ("Authorization", &*bearer),
            ("X-Sauma-Emergency", "life"),
            ("X-Sauma-Emergency-Patient", "one.p"),
            ("X-Sauma-Emergency-Words", words),
        ]
    };
    for words in ["unconscious%20on%20arrival", "unconscious%20on%20arrival", "still%20not%20awake"] {
        assert_eq!(world.server.json("GET", "/CarePlan", &glass(words), "").status, 200);
    }
    let told = log(&world, "one", "&patient=one.p");
    let broken: Vec<&String> = told.iter().filter(|event| event.contains(" 110127 ")).collect();
    assert_eq!(broken, ["far-app 110127 0 Patient/one.p"; 2], "each declaration once: {told:?}");
    // Under it the joined plan opens too, for the client that it names alone.
    let path = "/Patient/far.p/$joined-plan";
    world.ask("one", "DELETE", "/Consent/one.c", &Value::Null);
    let text = |fields: &[(&str, &str)]| world.server.json("GET", path, fields, "").text();
    assert!(!text(&glass("x")[..1]).contains("one.plan"));
    assert!(text(&glass("unconscious%20on%20arrival")).contains("one.plan"));
}

#[test]
fn a_register_reads_its_own_part_of_the_log() {
    let world = world();
    world.get("far", "/CarePlan/far.plan");
    world.get("third", "/CarePlan/third.plan");
    let far = log(&world, "far", "");
    assert!(far.iter().all(|event| event.starts_with("far-app ")), "{far:?}");
    // The other unit of the register reads what the first did.
    assert!(log(&world, "twin", "").iter().any(|event| event.starts_with("one-app create 0 ")));
    let officer = log(&world, "officer", "");
    for program in ["one-app", "far-app", "third-app"] {
        assert!(officer.iter().any(|event| event.starts_with(program)), "{program}");
    }
    assert!(!officer.iter().any(|event| event.starts_with("else-app")), "of another tenant nothing");
    // One event by its id is bound in the same way.
    let read = |unit: &str, id: u32| {
        let token = token(&world.server, &format!("{unit}-app"), &world.key, LOG);
        with(&world.server, &token, "GET", &format!("/AuditEvent/{id}"), "").status
    };
    let ids = 1..20;
    assert!(ids.clone().all(|id| read("officer", id) == 200));
    let seen = ids.filter(|id| read("third", *id) == 200).count();
    assert!((1..19).contains(&seen), "{seen}");
}
