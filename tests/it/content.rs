//! What a joined plan holds of the content that the law asks for, and what it says of each.

use crate::join::{fhir, joined, of_kind};
use sauma::plan::join::SourceState;
use sauma::plan::text::{IdentityCode, Language, render, to_text};
use sauma::plan::{Contact, Contribution, Dialect, FindingKind, Joined, in_dialect, join, of_client};
use serde_json::{Value, json};

const OWN: &str = "https://w3id.org/sauma/fhir";
const AINO: &str = "140379-9128";
const BERTTA: &str = "290200A961A";

/// A plan of a unit: its header, and what stands beside it. The unit is the custodian too.
fn plan(label: &str, unit: &str, header: &Value, further: &[Value]) -> Contribution {
    let mut own = json!({"resourceType":"CarePlan","id":"plan","identifier":[{"system":"urn:p","value":label}],"status":"active","intent":"plan","subject":{"reference":"Patient/client"},"extension":[{"url":format!("{OWN}/StructureDefinition/custodian"),"valueIdentifier":{"value":unit}}]});
    own.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
    let all = [own, client("client", AINO)].into_iter().chain(further.iter().cloned());
    bundle(label, unit, all)
}

fn bundle(label: &str, unit: &str, resources: impl IntoIterator<Item = Value>) -> Contribution {
    let entries: Vec<Value> = resources.into_iter().map(|resource| json!({ "resource": resource })).collect();
    fhir(label, unit, &json!({"resourceType":"Bundle","type":"collection","entry":entries}).to_string())
}

fn client(id: &str, code: &str) -> Value {
    json!({"resourceType":"Patient","id":id,"identifier":[{"system":"urn:oid:1.2.246.21","value":code}],"name":[{"family":"Testikoivu"}]})
}

fn at(day: &str) -> Value {
    json!({ "meta": { "lastUpdated": format!("{day}T10:00:00+02:00") } })
}

fn kinds(joined: &Joined) -> Vec<FindingKind> {
    let of_plans = joined.findings.iter().map(|finding| finding.kind);
    of_plans.filter(|kind| *kind != FindingKind::MissingContact).collect()
}

fn page(joined: &Joined, language: Language) -> String {
    to_text(&render(joined, language, IdentityCode::Masked))
}

fn goal(origin: &str, status: &str, achievement: Option<&str>) -> Value {
    let mut goal = json!({"resourceType":"Goal","id":"g","lifecycleStatus":status,"category":[{"coding":[{"system":format!("{OWN}/CodeSystem/goal-origin"),"code":origin}]}],"description":{"text":"Uni paranee"}});
    if let Some(achievement) = achievement {
        goal["achievementStatus"] = json!({ "text": achievement });
    }
    goal
}

/// Two plans of one unit, one after the other: one goal, with what the earlier one said of its state.
fn check_state(earlier: &Value, later: &Value, expected: &[(&str, &str)]) -> Joined {
    let inputs = [
        plan("first", "talo", &at("2025-03-01"), std::slice::from_ref(earlier)),
        plan("second", "talo", &at("2025-09-01"), std::slice::from_ref(later)),
    ];
    let joined = joined(&inputs);
    let goals = of_kind(&joined, "Goal");
    assert_eq!((goals.len(), kinds(&joined)), (1, Vec::new()), "{goals:?}");
    for name in ["lifecycleStatus", "achievementStatus"] {
        assert_eq!(goals[0][name], later[name], "the newest counts");
    }
    let kept = goals[0]["extension"].as_array().into_iter().flatten();
    let kept: Vec<&Value> =
        kept.filter(|one| one["url"].as_str().unwrap().ends_with("/earlier-state")).collect();
    let mut said: Vec<(String, String)> = kept
        .iter()
        .flat_map(|one| one["extension"].as_array().unwrap())
        .filter(|part| part["url"] != "source" && part["url"] != "time")
        .map(|part| {
            let value = part["valueCode"].as_str().or_else(|| part["valueCodeableConcept"]["text"].as_str());
            (part["url"].as_str().unwrap().to_owned(), value.unwrap().to_owned())
        })
        .collect();
    said.sort();
    let expected: Vec<(String, String)> =
        expected.iter().map(|(part, value)| ((*part).to_owned(), (*value).to_owned())).collect();
    assert_eq!(said, expected);
    joined
}

#[test]
fn what_was_said_of_a_goal_before_stays_beside_what_is_said_now() {
    let identified = |mut goal: Value| {
        goal["identifier"] = json!([{"system":"urn:g","value":"1"}]);
        goal
    };
    let (set, halfway) = (goal("this-plan", "active", None), goal("this-plan", "active", Some("osittain")));
    let reached = goal("previous-plan", "completed", Some("saavutettu"));
    check_state(&set, &reached, &[("status", "active")]);
    let both = [("achievement", "osittain"), ("status", "active")];
    let kept = check_state(&halfway, &reached, &both);
    for (language, words) in
        [(Language::Fi, "Aiempi tila"), (Language::Sv, "Tidigare läge"), (Language::En, "Earlier state")]
    {
        let page = page(&kept, language);
        assert!(page.contains(words) && page.contains("osittain"), "{page}");
    }
    check_state(
        &identified(halfway.clone()),
        &identified(goal("this-plan", "on-hold", Some("saavutettu"))),
        &both,
    );
    check_state(&halfway, &goal("previous-plan", "active", Some("osittain")), &[]);

    // Two units of one identifier speak at one time: that is a contradiction.
    let inputs = [
        plan("first", "talo", &at("2025-03-01"), &[identified(halfway)]),
        plan("second", "torppa", &at("2025-09-01"), &[identified(reached)]),
    ];
    assert!(kinds(&joined(&inputs)).contains(&FindingKind::Conflict));
}

#[test]
fn a_sub_goal_still_leads_to_the_goal_it_belongs_to() {
    let link = json!({"url":"http://hl7.org/fhir/StructureDefinition/goal-relationship","extension":[
        {"url":"type","valueCodeableConcept":{"coding":[{"code":"milestone"}]}},
        {"url":"target","valueReference":{"reference":"Goal/whole"}}]});
    let whole = json!({"resourceType":"Goal","id":"whole","lifecycleStatus":"active","description":{"text":"Takaisin töihin"}});
    let step = json!({"resourceType":"Goal","id":"step","lifecycleStatus":"active","description":{"text":"Työkokeilu"},"extension":[link]});
    let joined = joined(&[plan("one", "talo", &at("2025-03-01"), &[whole, step])]);
    let goals = of_kind(&joined, "Goal");
    let [whole, step] = ["Takaisin töihin", "Työkokeilu"]
        .map(|text| goals.iter().find(|goal| goal["description"]["text"] == text).unwrap());
    let target = &step["extension"][0]["extension"][1]["valueReference"]["reference"];
    assert_eq!(*target, json!(format!("Goal/{}", whole["id"].as_str().unwrap())));
}

/// Plans of health care of one client, and whether that they are several is told.
fn check_health(headers: &[Value], told: bool) {
    let inputs: Vec<Contribution> = headers
        .iter()
        .enumerate()
        .map(|(number, header)| {
            let mut all = at("2025-03-01");
            all["category"] = json!([{"coding":[{"code":"assess-plan"}]}]);
            all.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
            plan(&format!("plan-{number}"), &format!("asema-{number}"), &all, &[])
        })
        .collect();
    let joined = joined(&inputs);
    assert_eq!(kinds(&joined).contains(&FindingKind::SeveralHealthPlans), told, "{headers:?}");
    assert_eq!(joined.issues.iter().any(|issue| issue.code.id == "P420"), told);
    assert_eq!(page(&joined, Language::Fi).contains("vain yksi voi olla voimassa"), told);
}

#[test]
fn health_care_has_one_valid_plan_and_social_care_one_for_each_task() {
    let other = |link: &str| json!({ link: [{"identifier":{"system":"urn:p","value":"plan-0"}}] });
    check_health(&[json!({})], false);
    check_health(&[json!({}), json!({})], true);
    check_health(&[json!({}), other("replaces")], false);
    check_health(&[json!({}), other("partOf")], false);
    check_health(&[json!({}), json!({}), other("replaces")], true);
    check_health(&[json!({}), json!({ "status": "completed" })], false);
    check_health(&[json!({}), json!({ "period": { "end": "2024-12-31" } })], false);
    check_health(&[json!({}), json!({ "category": [{"coding":[{"code":"client-plan"}]}] })], false);
    let social = json!({ "category": [{"coding":[{"code":"client-plan"}]}] });
    check_health(&[social.clone(), social], false);
    // Which of them are that one plan, and when.
    let health = |category: Value| json!({"category":[category],"extension":[{"url":format!("{OWN}/StructureDefinition/sector"),"valueCode":"health"}]});
    let of_service = health(
        json!({"coding":[{"system":format!("{OWN}/CodeSystem/plan-category"),"code":"service-plan"}]}),
    );
    let in_words = health(json!({"text":"Hoitosuunnitelma"}));
    check_health(&[json!({}), of_service.clone()], false);
    check_health(&[of_service.clone(), of_service], false);
    check_health(&[json!({}), in_words], true);
    let during = |start: &str, end: &str| json!({ "period": { "start": start, "end": end } });
    check_health(&[during("2025-01-01", "2025-03-31"), during("2025-04-01", "2025-12-31")], false);
    check_health(&[during("2025-01-01", "2025-04-30"), during("2025-04-01", "2025-12-31")], true);
}

#[test]
fn of_one_document_every_plan_is_looked_at() {
    let plan_of = |id: &str, code: &str| json!({"resourceType":"CarePlan","id":id,"identifier":[{"system":"urn:p","value":id}],"status":"active","intent":"plan","category":[{"coding":[{"code":code}]}],"subject":{"reference":"Patient/c"}});
    let check = |codes: [&str; 2], told: bool| {
        let plans = [plan_of("a", codes[0]), plan_of("b", codes[1]), client("c", AINO)];
        let joined = joined(&[bundle("both", "talo", plans)]);
        assert_eq!(kinds(&joined).contains(&FindingKind::SeveralHealthPlans), told, "{codes:?}");
    };
    check(["care-plan", "assess-plan"], true);
    check(["client-plan", "care-plan"], false);
    check(["care-plan", "client-plan"], false);
}

#[test]
fn a_plan_that_its_source_took_back_is_not_joined() {
    let header = |version: &str, status: &str| json!({"meta":{"versionId":version,"lastUpdated":"2025-03-01T10:00:00Z"},"status":status});
    let set = goal("this-plan", "active", None);
    let mut inputs = vec![
        plan("kept", "torppa", &at("2025-03-01"), &[]),
        plan("mistaken", "talo", &header("1", "active"), std::slice::from_ref(&set)),
    ];
    assert_eq!(of_kind(&joined(&inputs), "Goal").len(), 1);
    let mut back = plan("mistaken", "talo", &header("2", "entered-in-error"), &[set]);
    "taken back".clone_into(&mut back.label);
    inputs.push(back);
    let joined = joined(&inputs);
    assert_eq!(of_kind(&joined, "Goal").len(), 0);
    let states: Vec<(&str, SourceState)> =
        joined.sources.iter().map(|source| (source.label.as_str(), source.state)).collect();
    assert_eq!(
        states,
        [
            ("kept", SourceState::Joined),
            ("mistaken", SourceState::Superseded),
            ("taken back", SourceState::Retracted)
        ]
    );
    assert!(joined.issues.iter().any(|issue| issue.code.id == "P421"));
    assert!(page(&joined, Language::En).contains("the source says that it was recorded in error"));
}

#[test]
fn a_team_that_is_no_more_names_nobody_to_contact() {
    let team = |status: &str| json!({"resourceType":"CareTeam","id":"t","status":status,"participant":[{"role":[{"text":"Omatyöntekijä"}],"member":{"display":"Elina"}}]});
    let contact = |status| joined(&[plan("one", "talo", &at("2025-03-01"), &[team(status)])]).contact;
    assert!(matches!(contact("active"), Contact::One(person) if person.name == "Elina"));
    assert_eq!((contact("inactive"), contact("entered-in-error")), (Contact::Missing, Contact::Missing));
}

#[test]
fn of_a_family_each_client_has_the_own_part_with_what_is_common_marked() {
    let goal = |id: &str, text: &str| json!({"resourceType":"Goal","id":id,"lifecycleStatus":"active","description":{"text":text}});
    let plan_of = |id: &str, client: &str, goals: &[&str]| {
        let goals: Vec<Value> =
            goals.iter().map(|goal| json!({"reference":format!("Goal/{goal}")})).collect();
        json!({"resourceType":"CarePlan","id":id,"identifier":[{"system":"urn:p","value":id}],"status":"active","intent":"plan","subject":{"reference":format!("Patient/{client}")},"goal":goals})
    };
    let family = bundle(
        "family",
        "talo",
        [
            plan_of("mother", "m", &["work", "home"]),
            plan_of("child", "c", &["school", "home"]),
            client("m", AINO),
            client("c", BERTTA),
            goal("work", "Takaisin töihin"),
            goal("school", "Koulu sujuu"),
            goal("home", "Arki kotona rauhoittuu"),
        ],
    );
    let own = plan("own", "torppa", &at("2025-03-01"), &[]);
    // Together they are of two clients; a person asks for the part of one.
    let inputs = [family, own];
    assert!(join(&inputs, &[]).is_refused());
    let joined = joined(&of_client(&inputs, "own"));
    let mut said: Vec<(String, bool)> = of_kind(&joined, "Goal")
        .iter()
        .map(|goal| {
            (
                goal["description"]["text"].as_str().unwrap().to_owned(),
                goal["meta"]["tag"][0]["code"] == "common",
            )
        })
        .collect();
    said.sort();
    assert_eq!(said, [("Arki kotona rauhoittuu".to_owned(), true), ("Takaisin töihin".to_owned(), false)]);
    assert!(
        !sauma::tree::json::to_string(&joined.bundle, sauma::tree::json::Layout::Compact).contains(BERTTA)
    );
    assert!(page(&joined, Language::Fi).contains("yhteinen toisenkin asiakkaan kanssa"));
}

#[test]
fn guidance_that_is_no_plan_is_not_joined_into_one() {
    let visit = json!({"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"VR"},"reasonCode":[{"text":"Neuvonta puhelimessa"}]});
    let guidance = bundle("guidance", "neuvonta", [visit.clone()]);
    let inputs = [plan("one", "talo", &at("2025-03-01"), &[]), guidance];
    let joined = joined(&inputs);
    assert_eq!(of_kind(&joined, "Encounter").len(), 0);
    assert_eq!(
        joined.sources.iter().map(|source| source.state).collect::<Vec<_>>(),
        [SourceState::Joined, SourceState::LeftOut]
    );
    assert!(joined.issues.iter().any(|issue| issue.code.id == "P470"));
    // Alone it is no plan of anybody: nothing claims to be one.
    let alone = join(&[bundle("guidance", "neuvonta", [visit])], &[]);
    assert!(!of_kind(&alone, "CarePlan").iter().any(|plan| plan["meta"]["profile"].is_array()));
}

#[test]
fn a_day_in_words_stays_in_words() {
    let header = json!({"extension":[{"url":format!("{OWN}/StructureDefinition/next-review-text"),"valueString":"Lokakuussa 2020"}]});
    let joined = joined(&[plan("one", "talo", &header, &[])]);
    assert!(page(&joined, Language::Fi).contains("Lokakuussa 2020"));
    let plan = of_kind(&joined, "CarePlan").into_iter().find(|plan| plan["id"] != "joined-plan").unwrap();
    assert_eq!(plan["extension"][0]["valueString"], "Lokakuussa 2020");
}

#[test]
fn activities_are_held_once_and_written_in_the_dialect_asked_for() {
    let inline = json!({"activity":[{"detail":{"status":"in-progress","description":"Käynti joka viikko"}}]});
    let request = json!({"resourceType":"ServiceRequest","id":"s","status":"active","intent":"plan","code":{"text":"Velkaneuvonta"},"subject":{"reference":"Patient/client"}});
    let apart = json!({"activity":[{"reference":{"reference":"ServiceRequest/s"}}]});
    let joined = joined(&[plan("one", "talo", &inline, &[]), plan("two", "torppa", &apart, &[request])]);
    for (dialect, requests) in [(Dialect::Detail, 1), (Dialect::Reference, 2)] {
        let mut written = joined.clone();
        written.bundle = in_dialect(&joined.bundle, dialect).unwrap();
        let plan =
            of_kind(&written, "CarePlan").into_iter().find(|plan| plan["id"] == "joined-plan").unwrap();
        let activities = plan["activity"].as_array().unwrap();
        assert_eq!(
            (activities.len(), of_kind(&written, "ServiceRequest").len()),
            (2, requests),
            "{dialect:?}"
        );
        let is = |activity: &&Value| (activity["detail"].is_object(), activity["reference"].is_object());
        let expected = (dialect == Dialect::Detail, dialect == Dialect::Reference);
        assert!(activities.iter().all(|activity| is(&activity) == expected), "{activities:?}");
        let all = serde_json::to_string(&of_kind(&written, "ServiceRequest")).unwrap() + &plan.to_string();
        assert!(all.contains("Käynti joka viikko") && all.contains("Velkaneuvonta"), "{all}");
    }
}
