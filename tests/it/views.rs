//! Views: each role sees what it is entitled to, and nothing that is withheld can be told from what is seen.

use sauma::mapping::units::schema;
use sauma::plan::permission::{Answer, Capacity, Moment, Purpose, Reason, Request, Requester, Tell};
use sauma::plan::policy::{COUNTY, Policy};
use sauma::plan::text::{IdentityCode, Language, to_text};
use sauma::plan::view::{View, render, view};
use sauma::plan::{Contact, Contribution, Sector};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use std::collections::BTreeSet;

const NOW: &str = "2026-06-15T12:00:00Z";
pub(crate) const COUNTY_OID: &str = "1.2.246.10.99999999.19.0";

pub(crate) fn read(json: &str) -> Tree {
    fhir::read_json(json, schema().names()).expect(json)
}

pub(crate) fn now() -> Moment {
    Moment::parse(NOW).unwrap()
}

/// A Bundle of one unit about the test client: the plan with more elements, and more resources.
fn unit(label: &str, sector: Sector, plan: &str, resources: &[&str]) -> Contribution {
    let entries: Vec<String> = resources.iter().map(|json| format!(r#",{{"resource":{json}}}"#)).collect();
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/custodian","valueIdentifier":{{"value":"{COUNTY_OID}"}}}},{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/sector","valueCode":"{}"}}],"identifier":[{{"system":"urn:p","value":"{label}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}{plan}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}],"name":[{{"family":"Testikoivu","given":["Aino"]}}],"telecom":[{{"value":"0401112223"}}],"address":[{{"line":["Koivukuja 5"],"city":"Testilä"}}]}}}}{}]}}"#,
        sector.as_str(),
        entries.concat()
    );
    Contribution::new(label, label, read(&json))
}

const DIAGNOSIS: &str = r#"{"resourceType":"Condition","id":"c","code":{"text":"Vaikea masennus"},"subject":{"reference":"Patient/a"},"asserter":{"reference":"Practitioner/psy"}}"#;
const PSYCHIATRIST: &str =
    r#"{"resourceType":"Practitioner","id":"psy","name":[{"text":"Pekka Psykiatri"}]}"#;
const NURSE: &str = r#"{"resourceType":"Practitioner","id":"nurse","name":[{"text":"Sari Sairaanhoitaja"}],"telecom":[{"value":"0503334445"}]}"#;
const GOAL: &str = r#"{"resourceType":"Goal","id":"g","lifecycleStatus":"active","description":{"text":"Kuoro jatkuu"},"subject":{"reference":"Patient/a"},"addresses":[{"reference":"Condition/c","display":"masennustila"}],"note":[{"text":"Ei jaksa aamuisin"}]}"#;
const TEAM: &str = r#"{"resourceType":"CareTeam","id":"t","participant":[{"role":[{"text":"Asiakasvastaava"}],"member":{"reference":"Practitioner/nurse"}},{"member":{"reference":"Practitioner/psy"}}]}"#;
const OURS: &str = r#"{"resourceType":"ServiceRequest","id":"s1","status":"active","intent":"plan","code":{"text":"Kuoroharjoitus"},"subject":{"reference":"Patient/a"},"performer":[{"display":"Oma yhdistys"}],"reasonCode":[{"text":"yksinäisyys"}]}"#;
const THEIRS: &str = r#"{"resourceType":"ServiceRequest","id":"s2","status":"active","intent":"plan","code":{"text":"Terapiakäynti"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/psy"}]}"#;
const SISTER: &str = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"siskon tilanne"},"subject":{"reference":"Patient/b"}}"#;
const OTHER: &str = r#"{"resourceType":"Patient","id":"b","identifier":[{"system":"urn:oid:1.2.246.21","value":"290200A961A"}],"name":[{"family":"Siskonen"}]}"#;
const LATER: &str = r#"{"resourceType":"Observation","id":"l","extension":[{"url":"https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition/ReleaseDateForPatientViewing","valueDate":"2026-07-01"}],"status":"final","code":{"text":"koepala"},"subject":{"reference":"Patient/a"}}"#;
const LABELLED: &str = r#"{"resourceType":"Observation","id":"r","meta":{"security":[{"code":"R"}]},"status":"final","code":{"text":"päihdearvio"},"subject":{"reference":"Patient/a"}}"#;

const PLAN: &str = r#","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Vaikea masennus</div>"},"title":"Masennuksen hoito","careTeam":[{"reference":"CareTeam/t"}],"addresses":[{"reference":"Condition/c"}],"goal":[{"reference":"Goal/g"}],"activity":[{"reference":{"reference":"ServiceRequest/s1"}},{"progress":[{"text":"käynyt terapiassa"}],"reference":{"reference":"ServiceRequest/s2"}},{"detail":{"status":"scheduled","description":"Ryhmä 140379-9128","performer":[{"display":"Oma yhdistys"}]}}]"#;

pub(crate) fn health() -> Contribution {
    let all = [DIAGNOSIS, PSYCHIATRIST, NURSE, GOAL, TEAM, OURS, THEIRS, SISTER, OTHER, LATER, LABELLED];
    unit("health", Sector::Health, PLAN, &all)
}

pub(crate) fn request(capacity: Capacity, register: &str) -> Request {
    let purpose = match capacity {
        Capacity::Professional(Sector::Health) => Purpose::Care,
        Capacity::Professional(_) => Purpose::SocialService,
        Capacity::Client | Capacity::Guardian => Purpose::OwnAccess,
        Capacity::Service => Purpose::Administration,
    };
    let mut requester = Requester::new(capacity);
    requester.registers.push(register.to_owned());
    requester.organisations.push("Oma yhdistys".to_owned());
    Request::read(requester, purpose)
}

/// Everything that a client may permit, to everybody in these tests.
pub(crate) fn permissions() -> Answer {
    let consent = |category: &str, body: &str| {
        format!(
            r#"{{"resource":{{"resourceType":"Consent","status":"active","scope":{{"coding":[{{"code":"patient-privacy"}}]}},{category}"sourceReference":{{"display":"x"}},"provision":{{{body}}}}}}}"#
        )
    };
    let own = |code: &str| {
        format!(
            r#""category":[{{"coding":[{{"system":"https://w3id.org/sauma/fhir/CodeSystem/permission","code":"{code}"}}]}}],"#
        )
    };
    let permit = r#""type":"permit""#;
    let all = [
        consent(&own("health-to-social"), permit),
        consent(&own("social-to-health"), permit),
        consent("", permit),
        consent(
            &own("written-consent"),
            r#""type":"permit","period":{"end":"2030"},"actor":[{"reference":{"display":"Oma yhdistys"}}]"#,
        ),
        consent(&own("joint-plan"), permit),
    ];
    Answer::read(&read(&format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#,
        all.join(",")
    )))
    .0
}

/// Everything that a view says, in each form: the Bundle, the resources as the command writes them, the pages, issues,
/// findings, candidates, people, decisions of people, what is withheld.
pub(crate) fn said(view: &View) -> String {
    let mut out = to_string(&view.joined.bundle, Layout::Compact);
    if !view.joined.bundle.is_empty() {
        fhir::write_json(&view.joined.bundle, NodeId::ROOT, Some(schema()), Layout::Compact, &mut out);
    }
    for language in [Language::Fi, Language::Sv, Language::En] {
        out.push_str(&to_text(&render(view, Policy::county(), language, IdentityCode::Shown)));
    }
    for issue in &view.joined.issues {
        out.push_str(&format!("{issue:?} {} {}", issue.path, issue.message));
        out.push_str(issue.value.as_ref().map_or("", |value| value.reveal()));
    }
    for side in view.joined.findings.iter().flat_map(|finding| &finding.sides) {
        out.push_str(&format!("{} {} {}\n", side.source, side.target, side.value));
    }
    let contacts = match &view.joined.contact {
        Contact::One(person) => vec![person],
        Contact::Several(people) => people.iter().collect(),
        Contact::Missing => Vec::new(),
    };
    for person in contacts.into_iter().chain(&view.joined.people) {
        let reached = person.telecom.join(" ");
        let said =
            [&person.name, &person.role, &person.organisation, &reached, &person.source, &person.target];
        out.push_str(&said.map(String::as_str).join(" "));
    }
    let joined = &view.joined;
    out.push_str(&format!(
        "{:?}{:?}{:?}{:?}",
        view.withheld, joined.sources, joined.candidates, joined.lineage
    ));
    out.push_str(&format!("{:?}{:?}", joined.rulings, joined.elements));
    out
}

/// The view of a requester; what it must say, and what it must not.
fn check(capacity: Capacity, register: &str, answer: &Answer, seen: &[&str], unseen: &[&str]) -> View {
    let view = view(&[health()], &[], &request(capacity, register), answer, Policy::county(), now());
    let said = said(&view);
    for word in seen {
        assert!(said.contains(word), "{capacity:?} does not see {word}: {said}");
    }
    for word in unseen {
        assert!(!said.contains(word), "{capacity:?} sees {word}: {said}");
    }
    view
}

#[test]
fn each_role_sees_what_it_is_entitled_to() {
    let all = permissions();
    let professional = |sector| Capacity::Professional(sector);
    check(
        professional(Sector::Health),
        COUNTY_OID,
        &Answer::None,
        &["Vaikea masennus", "Pekka Psykiatri", "siskon tilanne", "koepala", "päihdearvio", "140379-9128"],
        &[],
    );
    let social = check(
        professional(Sector::Social),
        COUNTY_OID,
        &all,
        &["Vaikea masennus", "Kuoro jatkuu", "Ei jaksa aamuisin", "Terapiakäynti", "koepala", "140379-9128"],
        &["päihdearvio", "siskon tilanne", "Siskonen", "290200A961A"],
    );
    assert!(
        social
            .withheld
            .iter()
            .any(|told| told.reason == Reason::Sensitive && told.kind.as_deref() == Some("Observation"))
    );
    let partner = check(
        professional(Sector::ThirdSector),
        "1.2.3",
        &all,
        &["Kuoro jatkuu", "Kuoroharjoitus", "Sari Sairaanhoitaja", "0503334445", "Aino", "Ryhmä ••••79-••••"],
        &[
            "masennus",
            "Masennus",
            "Psykiatri",
            "Ei jaksa",
            "Terapiakäynti",
            "käynyt terapiassa",
            "yksinäisyys",
            "140379-9128",
            "0401112223",
            "Koivukuja",
            "siskon",
            "Siskonen",
            "koepala",
            "päihdearvio",
            "Condition/",
        ],
    );
    assert!(partner.withheld.iter().all(|told| told.kind.is_none() && told.sector.is_none()));
    check(
        Capacity::Client,
        "",
        &Answer::None,
        &["Vaikea masennus", "Ei jaksa aamuisin", "päihdearvio", "Koivukuja 5", "140379-9128"],
        &["siskon tilanne", "Siskonen", "290200A961A", "koepala"],
    );
    let none = check(Capacity::Guardian, "", &all, &[], &["masennus", "Kuoro", "Aino"]);
    assert!(none.joined.sources.is_empty());
    let service = check(Capacity::Service, COUNTY_OID, &all, &[], &["Kuoro", "Aino"]);
    assert_eq!(service.withheld, []);
    check(professional(Sector::Social), COUNTY_OID, &Answer::None, &["no-answer"], &["masennus", "Kuoro"]);
}

#[test]
fn what_is_withheld_is_told_as_far_as_the_policy_lets_it() {
    let levels = [
        (Tell::Nothing, "nothing", [false, false, false]),
        (Tell::Reason, "reason", [true, false, false]),
        (Tell::Kind, "kind", [true, true, false]),
        (Tell::Source, "source", [true, true, true]),
    ];
    for (level, word, expected) in levels {
        // The view of social care is the one that tells `kind` after its list of what is withheld.
        let (before, after) = COUNTY.split_once("id = \"view-social\"").unwrap();
        let text = format!(
            "{before}id = \"view-social\"{}",
            after.replacen("tell = \"kind\"", &format!("tell = \"{word}\""), 1)
        );
        let policy = Policy::read(&text).unwrap();
        let request = request(Capacity::Professional(Sector::Social), COUNTY_OID);
        let view = view(&[health()], &[], &request, &Answer::None, &policy, now());
        let told = view.withheld.first();
        let found = [
            told.is_some(),
            told.is_some_and(|told| {
                told.kind.as_deref() == Some("plan") && told.sector == Some(Sector::Health)
            }),
            told.is_some_and(|told| told.unit.is_some()),
        ];
        assert_eq!(found, expected, "{level:?}");
    }
}

/// An address under a protection order is in no view, though only a source that is withheld knows of the order.
#[test]
fn a_protected_address_is_in_no_view() {
    let secret = r#","category":[{"text":"x"}]"#;
    let mut knowing = to_string(&unit("social", Sector::Social, secret, &[]).bundle, Layout::Compact);
    knowing = knowing.replace(
        r#""resourceType":"Patient","id":"a","#,
        r#""resourceType":"Patient","id":"a","meta":{"security":[{"code":"TURVAKIELTO"}]},"#,
    );
    assert!(knowing.contains("TURVAKIELTO"), "{knowing}");
    let contributions = [Contribution::new("social", "social", read(&knowing)), health()];
    for capacity in [
        Capacity::Client,
        Capacity::Professional(Sector::Health),
        Capacity::Professional(Sector::ThirdSector),
    ] {
        let view =
            view(&contributions, &[], &request(capacity, COUNTY_OID), &Answer::None, Policy::county(), now());
        let said = said(&view);
        assert!(!said.contains("Koivukuja") && !said.contains("0401112223"), "{capacity:?}: {said}");
    }
}

#[test]
fn contributions_that_only_what_is_withheld_links_are_one_plan() {
    // Two plans of health care without the code, each with an identifier that the social plan has beside it.
    let patient = |label: &str, sector: Sector, identifiers: &str| {
        let json = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","extension":[{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/custodian","valueIdentifier":{{"value":"{COUNTY_OID}"}}}},{{"url":"https://w3id.org/sauma/fhir/StructureDefinition/sector","valueCode":"{}"}}],"identifier":[{{"system":"urn:p","value":"{label}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{identifiers}],"birthDate":"1979-03-14"}}}}]}}"#,
            sector.as_str()
        );
        Contribution::new(label, label, read(&json))
    };
    let one = r#"{"system":"urn:a","value":"1"}"#;
    let two = r#"{"system":"urn:b","value":"2"}"#;
    let inputs = [
        patient("first", Sector::Health, one),
        patient("link", Sector::Social, &format!("{one},{two}")),
        patient("second", Sector::Health, two),
    ];
    let view = view(
        &inputs,
        &[],
        &request(Capacity::Professional(Sector::Health), COUNTY_OID),
        &Answer::None,
        Policy::county(),
        now(),
    );
    let labels: Vec<&str> = view.joined.sources.iter().map(|source| source.label.as_str()).collect();
    assert_eq!(labels, ["first", "second"]);
    assert!(!said(&view).contains("link"));
}

/// A document that does not say in whose register it stands is nobody's own, unless the caller knows; and what the
/// caller has set stands in the view.
#[test]
fn a_register_that_is_not_known_is_another_one() {
    let stated = r#"{"url":"https://w3id.org/sauma/fhir/StructureDefinition/custodian","valueIdentifier":{"value":"1.2.246.10.99999999.19.0"}},"#;
    let text = to_string(&unit("association", Sector::ThirdSector, "", &[]).bundle, Layout::Compact);
    assert!(text.contains(stated), "{text}");
    let silent = || Contribution::new("association", "fhir-reference", read(&text.replace(stated, "")));
    let check = |contribution: Contribution, register: &str, expected: &[Option<&str>]| {
        let request = request(Capacity::Professional(Sector::ThirdSector), register);
        let view = view(&[contribution], &[], &request, &Answer::None, Policy::county(), now());
        let found: Vec<Option<&str>> = view.joined.sources.iter().map(|_| Some(register)).collect();
        assert_eq!(found, expected, "{register}");
        view
    };
    check(silent(), "fhir-reference", &[]);
    check(silent(), "1.2.3", &[]);
    let mut known = silent();
    known.custodian = Some("1.2.3".to_owned());
    check(known.clone(), "fhir-reference", &[]);
    let own = check(known, "urn:oid:1.2.3", &[Some("urn:oid:1.2.3")]);
    assert!(said(&own).contains("1.2.3"), "the custodian that the caller has set: {}", said(&own));
}

/// The name of a file may be that of a person.
#[test]
fn a_view_that_is_handed_on_names_no_files() {
    let renamed = |label: &str, mut from: Contribution| {
        from.label = label.to_owned();
        from
    };
    let other = unit("social", Sector::Social, r#","title":"x""#, &[TEAM, NURSE]);
    let contributions = [renamed("testikoivu-aino.json", health()), renamed("aino, testikoivu.json", other)];
    let request = request(Capacity::Client, "");
    let mut view = view(&contributions, &[], &request, &permissions(), Policy::county(), now());
    assert!(said(&view).contains("testikoivu"), "labels stand where the caller keeps them");
    view.call_sources_neutrally();
    let said = said(&view);
    assert!(!said.contains("testikoivu"), "{said}");
    let labels: BTreeSet<&str> = view.joined.sources.iter().map(|source| source.label.as_str()).collect();
    assert_eq!(labels, BTreeSet::from(["health", "social"]));
}
