//! `$write-back`, `$decide` and `$explain`: an edit reaches the document that it belongs to and nothing else in it, what
//! people decide is followed from then on, and every element leads back to who says it.

use super::plans::{
    Document, all, case, contribute, contribute_all, decoded, joined, journey, on_each, one, plain, plan,
};
use super::talk::{Reply, Running};
use sauma::plan::{Decision, decision};
use serde_json::{Value, json};

const UNIT: &str = "social-client-plan";

/// The bytes of the current version of the document that a Patient was first told of in.
fn bytes_of(server: &Running, document: &str) -> Vec<u8> {
    let binary = document.replace("DocumentReference", "Binary");
    decoded(server.get(&format!("/{binary}")).value()["data"].as_str().unwrap())
}

fn write_back(server: &Running, client: &str, query: &str, body: &str) -> Reply {
    server.json("POST", &format!("/{client}/$write-back{query}"), &[], body)
}

/// The text of a goal that one unit alone says.
fn a_goal(server: &Running, client: &str, unit: &str) -> (String, String) {
    let bundle = plan(server, client, "").value();
    let entries = bundle["entry"].as_array().unwrap().clone();
    let goals = entries.iter().map(|entry| &entry["resource"]).filter(|it| it["resourceType"] == "Goal");
    for goal in goals {
        let id = format!("Goal/{}", goal["id"].as_str().unwrap());
        let query = format!("?resource={id}&path=description.text");
        let told = server.get(&format!("/{client}/$explain{query}")).value();
        let says = all(&told, "element");
        let is_own = |element: &Value| {
            element.as_array().unwrap().iter().any(|part| part["name"] == "unit" && part["valueCode"] == unit)
        };
        if says.len() == 1 && is_own(&says[0]) {
            return (id, goal["description"]["text"].as_str().unwrap().to_owned());
        }
    }
    panic!("no goal is of {unit} alone")
}

#[test]
fn an_edit_changes_its_own_place_in_its_own_document() {
    on_each(|server| {
        let original = case("social-client-plan/cases/full");
        let told = contribute(server, &original, "").value();
        let client = one(&told, "client");
        let (_, text) = a_goal(server, &client, UNIT);
        let given = plan(server, &client, "").text();
        let edited = given.replace(&text, "Uusi tavoite");
        let reply = write_back(server, &client, &format!("?editor={UNIT}"), &edited);
        assert_eq!(reply.status, 200, "{}", reply.text());
        let done = reply.value();
        assert_eq!(one(&done, "status"), "written");
        let changed = all(&done, "changed");
        assert_eq!(changed.len(), 1, "{done}");
        let now = changed[0][0]["valueReference"]["reference"].as_str().unwrap();
        let expected = String::from_utf8(original.clone()).unwrap().replace(&text, "Uusi tavoite");
        assert_eq!(String::from_utf8(bytes_of(server, now)).unwrap(), expected);
        // The version before is as it was, and sending it once more undoes nothing.
        assert_eq!(bytes_of(server, &one(&told, "document")), original);
        assert_eq!(one(&contribute(server, &original, "").value(), "status"), "unchanged");
        let after = plan(server, &client, "").text();
        assert!(after.contains("Uusi tavoite") && !after.contains(&text));
        // Nothing changes where nothing was changed.
        let same = write_back(server, &client, &format!("?editor={UNIT}"), &after).value();
        assert_eq!((one(&same, "status").as_str(), all(&same, "changed").len()), ("checked", 0), "{same}");
    });
}

#[test]
fn what_belongs_to_others_becomes_a_proposal() {
    let (documents, _) = journey("soite/multi-service-process");
    let server = Running::start();
    let client = contribute_all(&server, &documents);
    let (goal, text) = a_goal(&server, &client, "ccda-care-plan");
    let edited = plan(&server, &client, "").text().replace(&text, "Something else");
    let query = "?editor=social&name=Irja%20Mallila";
    let dry = write_back(&server, &client, &format!("{query}&dry-run=true"), &edited).value();
    assert_eq!(one(&dry, "status"), "checked");
    assert_eq!(
        server
            .get("/Task?intent=proposal&_source=https://w3id.org/sauma/fhir/proposal&_summary=count")
            .value()["total"],
        0
    );
    let reply = write_back(&server, &client, query, &edited);
    assert_eq!(reply.status, 200, "{}", reply.text());
    let task = server.get(&format!("/{}", one(&reply.value(), "proposal"))).value();
    let focus = task["focus"]["reference"].as_str().unwrap();
    assert!(focus.ends_with(&format!("/{client}/$joined-plan/{goal}")), "{focus}");
    assert_eq!(task["input"][2]["valueString"], "Something else", "{task}");
    // The plan is as it was: a proposal is no part of it.
    let (documents, _) = journey("soite/multi-service-process");
    assert_eq!(plain(&plan(&server, &client, ""), &client), joined(&documents, &[]));
}

#[test]
fn an_edit_of_an_older_plan_is_held_against_what_has_changed() {
    let original = case("social-client-plan/cases/full");
    let server = Running::start();
    let client = one(&contribute(&server, &original, "").value(), "client");
    let (_, text) = a_goal(&server, &client, UNIT);
    let given = plan(&server, &client, "").text();
    let query = format!("?editor={UNIT}");
    // Another edit comes first, in another place: both are kept.
    let first = given.replace("kuorossa", "kansantanssissa");
    assert_ne!(first, given);
    assert_eq!(write_back(&server, &client, &query, &first).status, 200);
    let second = write_back(&server, &client, &query, &given.replace(&text, "Toinen"));
    assert_eq!(second.status, 200, "{}", second.text());
    let now = plan(&server, &client, "").text();
    assert!(now.contains("Toinen") && now.contains("kansantanssissa"));
    // An edit of the same place conflicts, is told with all three values, and nothing of it is written.
    let third = write_back(&server, &client, &query, &given.replace(&text, "Kolmas"));
    assert_eq!(third.status, 409, "{}", third.text());
    let conflict = all(&third.value(), "conflict");
    let values: Vec<&str> = conflict[0].as_array().unwrap()[2..]
        .iter()
        .map(|part| part["valueString"].as_str().unwrap())
        .collect();
    assert_eq!(values, [text.as_str(), "Toinen", "Kolmas"]);
    assert_eq!(plan(&server, &client, "").text(), now);
    // A patch says which versions it is of.
    let place = plan(&server, &client, "").value();
    let (goal, _) = a_goal(&server, &client, UNIT);
    let version = place["identifier"]["value"].as_str().unwrap();
    let patch = json!([{ "op": "replace", "path": "/description/text", "value": "Neljäs" }]).to_string();
    let parameters = |version: &str| {
        json!({ "resourceType": "Parameters", "parameter": [
            { "name": "patch", "valueString": patch }, { "name": "patch-of", "valueString": goal },
            { "name": "version", "valueString": version }, { "name": "editor", "valueString": UNIT },
        ] })
        .to_string()
    };
    let patched = write_back(&server, &client, "", &parameters(version));
    assert_eq!(patched.status, 200, "{}", patched.text());
    assert!(plan(&server, &client, "").text().contains("Neljäs"));
    let unknown = write_back(&server, &client, "", &parameters("0123456789ab"));
    assert_eq!((unknown.status, &*unknown.code()), (409, "P448"), "{}", unknown.text());
    assert_eq!(write_back(&server, &client, "?editor=health", "{\"resourceType\":\"Goal\",\"id\":\"x\",\"lifecycleStatus\":\"active\",\"description\":{\"text\":\"x\"},\"subject\":{}}").code(), "P448");
}

#[test]
fn a_view_is_written_back_with_what_is_withheld_as_it_was() {
    let (mut documents, _) = journey("soite/multi-service-process");
    let consents = "tests/cases/journeys/soite/multi-service-process/consents.json";
    documents.push(("consents.json".to_owned(), std::fs::read(consents).unwrap()));
    let server = Running::start();
    let client = contribute_all(&server, &documents);
    let query = "?role=third-sector&organisation=Kumppanuustalo%20ry";
    let given = plan(&server, &client, query);
    assert_eq!(given.status, 200, "{}", given.text());
    let same = write_back(&server, &client, query, &given.text()).value();
    assert_eq!(one(&same, "status"), "checked", "{same}");
    assert!(all(&same, "changed").is_empty());
}

/// What people may decide on: a conflict or a pair, by the id of its `DetectedIssue`.
fn found(bundle: &Value, code: &str) -> Vec<String> {
    let entries = bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    let issues = entries.filter(|it| it["resourceType"] == "DetectedIssue" && it.to_string().contains(code));
    issues.map(|issue| issue["id"].as_str().unwrap().to_owned()).collect()
}

fn decide(server: &Running, client: &str, parameters: &[(&str, &str)]) -> Reply {
    let parameter = |(name, value): &(&str, &str)| json!({ "name": name, "valueString": value });
    let by = [("by", "Tuula Esimerkki"), ("reason", "Asiasta sovittiin kokouksessa.")];
    let all: Vec<Value> = parameters.iter().chain(&by).map(parameter).collect();
    let body = json!({ "resourceType": "Parameters", "parameter": all });
    server.json("POST", &format!("/{client}/$decide"), &[], &body.to_string())
}

fn decision_of(server: &Running, reply: &Reply) -> Decision {
    let basic = server.get(&format!("/{}", one(&reply.value(), "decision"))).value();
    let line = basic["extension"][0]["valueString"].as_str().unwrap();
    decision::read(line).unwrap().remove(0)
}

#[test]
fn a_decision_is_followed_until_it_is_revoked() {
    let (documents, _) = journey("luvn/health-station-client");
    on_each(|server| {
        let client = contribute_all(server, &documents);
        let before = plan(server, &client, "").value();
        let pairs = found(&before, "likely-duplicate");
        assert!(!pairs.is_empty(), "nothing to decide on");
        let reply = decide(server, &client, &[("same", &pairs[0])]);
        assert_eq!(reply.status, 200, "{}", reply.text());
        assert_eq!(one(&reply.value(), "standing"), "applied");
        let made = decision_of(server, &reply);
        let expected = joined(&documents, std::slice::from_ref(&made));
        assert_eq!(plain(&plan(server, &client, ""), &client), expected);
        // It is found from every unit's Patient, and holds when a document is sent anew.
        for (_, bytes) in &documents {
            let told = contribute(server, bytes, "");
            let patient = one(&told.value(), "client");
            assert_eq!(plain(&plan(server, &patient, ""), &patient), expected, "{patient}");
        }
        let back = decide(server, &client, &[("revoke", made.id())]);
        assert_eq!(back.status, 200, "{}", back.text());
        let revoked = [made, decision_of(server, &back)];
        assert_eq!(plain(&plan(server, &client, ""), &client), joined(&documents, &revoked));
    });
}

#[test]
fn people_are_one_or_two_as_somebody_decides() {
    let server = Running::start();
    let document = |key: &str, name: &str| {
        json!({ "resourceType": "Bundle", "type": "collection", "entry": [
            { "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001", "resource": { "resourceType": "Patient", "name": [{ "family": name }], "birthDate": "1950-01-01" } },
            { "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000002", "resource": { "resourceType": "CarePlan", "status": "active", "intent": "plan", "title": key, "identifier": [{ "system": "urn:test", "value": key }], "subject": { "reference": "urn:uuid:00000000-0000-4000-8000-000000000001" } } },
        ] })
        .to_string()
    };
    let contributed = |key: &str, name: &str| {
        let reply = contribute(&server, document(key, name).as_bytes(), "");
        assert_eq!(reply.status, 200, "{}", reply.text());
        one(&reply.value(), "client")
    };
    let (one_patient, other) = (contributed("plan one", "Testinen"), contributed("plan two", "Testinen"));
    let both = |client: &str| {
        let text = plan(&server, client, "").text();
        (text.contains("plan one"), text.contains("plan two"))
    };
    assert_eq!((both(&one_patient), both(&other)), ((true, false), (false, true)));
    let same = decide(&server, &one_patient, &[("same-client", &other)]);
    assert_eq!(same.status, 200, "{}", same.text());
    assert_eq!((both(&one_patient), both(&other)), ((true, true), (true, true)));
    let back = decide(&server, &other, &[("revoke", decision_of(&server, &same).id())]);
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!((both(&one_patient), both(&other)), ((true, false), (false, true)));
}

#[test]
fn what_cannot_be_decided_is_refused() {
    let server = Running::start();
    let client = one(&contribute(&server, &case("social-client-plan/cases/full"), "").value(), "client");
    for (parameters, code) in [
        (&[("same", "0123456789")][..], "H166"),
        (&[("value", "0123456789"), ("side", "1")], "H166"),
        (&[("coordinator", "Nobody")], "H166"),
        (&[("revoke", "0123456789")], "H166"),
        (&[], "H151"),
        (&[("revoke", "0123456789"), ("coordinator", "Nobody")], "H151"),
        (&[("same-client", "Patient/nobody")], "H121"),
    ] {
        let reply = decide(&server, &client, parameters);
        assert_eq!(reply.code(), code, "{parameters:?} {}", reply.text());
    }
    assert_eq!(server.get(&format!("/{client}/$decide")).status, 405);
}

#[test]
fn codes_and_elements_are_explained() {
    let server = Running::start();
    let told = server.get("/$explain?code=H161").value();
    let texts = all(&told, "text");
    assert_eq!(texts.len(), 3, "{told}");
    assert_eq!(server.get("/$explain?code=H999").code(), "H167");
    assert_eq!(server.get("/$explain").code(), "H151");
    let (documents, _): (Vec<Document>, _) = journey("soite/multi-service-process");
    let client = contribute_all(&server, &documents);
    let told = server.get(&format!("/{client}/$explain?resource=CarePlan/joined-plan&path=status")).value();
    assert!(!all(&told, "made").is_empty(), "{told}");
    assert_eq!(server.get(&format!("/{client}/$explain?resource=Goal/x")).code(), "H167");
    assert_eq!(
        server.get(&format!("/{client}/$explain?resource=CarePlan/joined-plan&path=nothing")).code(),
        "H167"
    );
}
