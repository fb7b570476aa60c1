//! What published plans have in them that other programs stumble over, each as a small document of our own.

use crate::join::{bytes, fhir, joined, of_kind, resources};
use sauma::plan::{Contact, Contribution, Decision, FindingKind, Joined, join};
use serde_json::{Value, json};

/// The document of one unit: a plan, the client, and further resources; every entry as it comes.
fn document(label: &str, code: &str, plan: &Value, further: &[Value]) -> Contribution {
    let mut own = json!({"resourceType":"CarePlan","id":"plan","identifier":[{"system":"urn:p","value":label}],"status":"active","intent":"plan","subject":{"reference":"Patient/client"}});
    own.as_object_mut().unwrap().extend(plan.as_object().unwrap().clone());
    let client = json!({"resourceType":"Patient","id":"client","identifier":[{"system":"urn:oid:1.2.246.21","value":code}],"name":[{"family":"Testikoivu","given":["Aino"]}]});
    let all = [own, client].into_iter().chain(further.iter().cloned());
    let entries: Vec<Value> = all.map(|resource| json!({ "resource": resource })).collect();
    let bundle = json!({"resourceType":"Bundle","type":"collection","entry":entries});
    fhir(label, label, &bundle.to_string())
}

const AINO: &str = "140379-9128";
const BERTTA: &str = "290200A961A";

fn goal(id: &str, text: &str) -> Value {
    json!({"resourceType":"Goal","id":id,"identifier":[{"system":"urn:g","value":"1"}],"lifecycleStatus":"active","description":{"text":text},"subject":{"reference":"Patient/client"}})
}

#[test]
fn two_goals_of_one_identifier_stay_two_and_are_told() {
    let goals = [goal("a", "Haluan takaisin töihin"), goal("b", "Perhe toivoo lepoa")];
    let plan = json!({"goal":[{"reference":"Goal/a"},{"reference":"Goal/b"}]});
    let joined = joined(&[document("unit", AINO, &plan, &goals)]);
    assert_eq!(of_kind(&joined, "Goal").len(), 2);
    assert!(joined.findings.iter().any(|finding| finding.kind == FindingKind::Conflict));
    let plan = of_kind(&joined, "CarePlan").into_iter().find(|plan| plan["id"] == "joined-plan").unwrap();
    assert_eq!(plan["goal"].as_array().unwrap().len(), 2);
}

#[test]
fn a_task_based_on_the_plan_of_another_person_is_not_taken_for_the_clients_in_silence() {
    let other = json!({"resourceType":"Patient","id":"child","identifier":[{"system":"urn:oid:1.2.246.21","value":BERTTA}],"name":[{"family":"Testipaju","given":["Bertta"]}]});
    let plan = json!({"resourceType":"CarePlan","id":"childs","identifier":[{"system":"urn:p","value":"childs"}],"status":"active","intent":"plan","subject":{"reference":"Patient/child"}});
    let task = |based_on: &str, id: &str| json!({"resourceType":"Task","id":id,"status":"requested","intent":"order","basedOn":[{"reference":based_on}],"for":{"reference":"Patient/client"}});
    // The plan of the other person stands in the same document: that is a document about two clients.
    let both = [other, plan, task("CarePlan/childs", "t")];
    let both = join(&[document("unit", AINO, &json!({}), &both)], &[]);
    assert!(both.is_refused() && both.issues.iter().any(|issue| issue.code.id == "P403"));
    // It stands elsewhere: the reference stays as it was, and leads to nobody's plan here.
    let alone = joined(&[document("unit", AINO, &json!({}), &[task("CarePlan/elsewhere", "t")])]);
    assert_eq!(of_kind(&alone, "Task")[0]["basedOn"][0]["reference"], "CarePlan/elsewhere");
}

#[test]
fn entries_without_full_url_are_found_by_kind_and_id() {
    let plan = json!({"goal":[{"reference":"Goal/a"}]});
    let joined = joined(&[document("unit", AINO, &plan, &[goal("a", "Uni paranee")])]);
    let goals = of_kind(&joined, "Goal");
    let target = format!("Goal/{}", goals[0]["id"].as_str().unwrap());
    let plan = of_kind(&joined, "CarePlan").into_iter().find(|plan| plan["id"] != "joined-plan").unwrap();
    assert_eq!(plan["goal"][0]["reference"], target.as_str());
    assert_eq!(goals[0]["subject"]["reference"], "Patient/client");
}

#[test]
fn references_that_lead_nowhere_stay_as_they_are() {
    let said = [
        "Goal/missing",
        "{{org1-fhir-url}}/Goal/7",
        "https://one.example/fhir/Goal/7",
        "https://two.example/fhir/Goal/7/_history/2",
        "urn:uuid:6f1b9a4e-0b0a-4b0e-9a53-6b6a0f8a2f11",
        "#nowhere",
    ];
    let refs: Vec<Value> = said.iter().map(|said| json!({ "reference": said })).collect();
    let joined = joined(&[document("unit", AINO, &json!({ "goal": refs }), &[goal("7", "Uni paranee")])]);
    let plan = of_kind(&joined, "CarePlan").into_iter().find(|plan| plan["id"] != "joined-plan").unwrap();
    let kept: Vec<&str> =
        plan["goal"].as_array().unwrap().iter().map(|goal| goal["reference"].as_str().unwrap()).collect();
    // The goal of this document has the id 7 too: no host makes it another's.
    assert_eq!(kept, said);
}

#[test]
fn one_id_on_two_hosts_is_two_resources() {
    let entry = |host: &str, text: &str| {
        let mut goal = goal("7", text);
        goal.as_object_mut().unwrap().remove("identifier");
        json!({"fullUrl":format!("https://{host}.example/fhir/Goal/7"),"resource":goal})
    };
    let refs = ["one", "two"].map(|host| json!({"reference":format!("https://{host}.example/fhir/Goal/7")}));
    let plan = json!({"resourceType":"CarePlan","id":"p","status":"active","intent":"plan","subject":{"reference":"Patient/c"},"goal":refs});
    let client = json!({"resourceType":"Patient","id":"c","identifier":[{"system":"urn:oid:1.2.246.21","value":AINO}]});
    let entries = [
        json!({ "resource": plan }),
        json!({ "resource": client }),
        entry("one", "Uni"),
        entry("two", "Työ"),
    ];
    let bundle = json!({"resourceType":"Bundle","type":"collection","entry":entries});
    let joined = joined(&[fhir("unit", "fhir", &bundle.to_string())]);
    let plan = of_kind(&joined, "CarePlan").into_iter().find(|plan| plan["id"] != "joined-plan").unwrap();
    let texts: Vec<String> = plan["goal"]
        .as_array()
        .unwrap()
        .iter()
        .map(|goal| {
            let json = &resources(&joined.bundle)[goal["reference"].as_str().unwrap()];
            serde_json::from_str::<Value>(json).unwrap()["description"]["text"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(texts, ["Uni", "Työ"]);
}

#[test]
fn patients_beside_the_client_are_not_the_client() {
    let sister = json!({"resourceType":"Patient","id":"sister","identifier":[{"system":"urn:oid:1.2.246.21","value":BERTTA}],"name":[{"family":"Testikoivu","given":["Bertta"]}]});
    let need = json!({"resourceType":"Condition","id":"n","code":{"text":"Uupumus"},"subject":{"reference":"Patient/sister"}});
    let joined = joined(&[document("unit", AINO, &json!({}), &[sister, need])]);
    assert_eq!(of_kind(&joined, "Patient").len(), 2);
    let told = joined.findings.iter().find(|finding| finding.element == "Condition.subject").unwrap();
    assert_eq!(told.kind, FindingKind::Conflict);
}

#[test]
fn a_code_with_a_wrong_check_character_matches_nobody() {
    // Two documents with the same faulty code: nobody knows whose it is.
    let inputs = ["one", "two"].map(|label| document(label, "140379-912X", &json!({}), &[]));
    let apart = join(&inputs, &[]);
    assert!(apart.is_refused());
    let codes: Vec<&str> = apart.issues.iter().map(|issue| issue.code.id).collect();
    assert!(codes.contains(&"P402") && codes.contains(&"P405"), "{codes:?}");
    // A person may say so, and the faulty code is told of.
    let decided = join(&inputs, &[Decision::same_client(vec!["one".to_owned(), "two".to_owned()])]);
    assert!(!decided.is_refused() && bytes(&decided).contains("P402"));
}

/// A team of one member with these periods, as start and end.
fn team(role: &str, periods: &[(&str, Option<&str>)]) -> Value {
    let participants = periods.iter().map(|(start, end)| {
        let mut period = json!({ "start": start });
        if let Some(end) = end {
            period["end"] = json!(end);
        }
        json!({"role":[{"text":role}],"member":{"reference":"Practitioner/w"},"period":period})
    });
    json!({"resourceType":"CareTeam","id":"t","participant":participants.collect::<Vec<_>>()})
}

#[test]
fn who_left_and_came_back_takes_part_twice() {
    let worker = json!({"resourceType":"Practitioner","id":"w","identifier":[{"system":"urn:w","value":"7"}],"name":[{"text":"Elina"}]});
    let plan = json!({"meta":{"lastUpdated":"2026-03-01T10:00:00Z"},"careTeam":[{"reference":"CareTeam/t"}]});
    let participants = |joined: &Joined| {
        let team = of_kind(joined, "CareTeam").into_iter().find(|team| team["id"] == "joined-team").unwrap();
        let mut periods: Vec<String> =
            team["participant"].as_array().unwrap().iter().map(|one| one["period"].to_string()).collect();
        periods.sort();
        periods
    };
    let left = ("2025-01-01", Some("2025-06-30"));
    let (first, again) =
        (team("Omatyöntekijä", &[left]), team("Omatyöntekijä", &[left, ("2026-01-01", None)]));
    let gone = joined(&[document("unit", AINO, &plan, &[first.clone(), worker.clone()])]);
    assert_eq!(gone.contact, Contact::Missing, "who has left is not the one to contact");
    let back = joined(&[document("unit", AINO, &plan, &[again, worker.clone()])]);
    assert_eq!(participants(&back).len(), 2, "never merged over the gap");
    assert!(matches!(&back.contact, Contact::One(person) if person.name == "Elina"));
    // One unit knows the first time, another the second: still two.
    let second = team("Omatyöntekijä", &[("2026-01-01", None)]);
    let units = [
        document("one", AINO, &plan, &[first, worker.clone()]),
        document("two", AINO, &plan, &[second, worker]),
    ];
    let both = joined(&units);
    assert_eq!(participants(&both), participants(&back));
    assert!(matches!(&both.contact, Contact::One(person) if person.name == "Elina"));
}
