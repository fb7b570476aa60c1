//! What is one thing in the joined plan although its sources say it in other words, and what is never one.

use crate::join::{fhir, joined, of_kind};
use sauma::plan::{Contribution, Joined};
use sauma::tree::json::{Layout, to_string};
use serde_json::{Value, json};

const OWN: &str = "https://w3id.org/sauma/fhir";
const AINO: &str = "140379-9128";

/// A unit's plan of Aino, who is described so, with further resources.
fn plan(unit: &str, patient: &Value, others: &[Value]) -> Contribution {
    let mut client = json!({"resourceType":"Patient","id":"a","identifier":[{"system":"urn:oid:1.2.246.21","value":AINO}],"name":[{"family":"Testikoivu","given":["Aino"]}]});
    client.as_object_mut().unwrap().extend(patient.as_object().unwrap().clone());
    let plan = json!({"resourceType":"CarePlan","id":"p","identifier":[{"system":"urn:p","value":unit}],"status":"active","intent":"plan","subject":{"reference":"Patient/a"}});
    let all = [plan, client].into_iter().chain(others.iter().cloned());
    let entries: Vec<Value> = all.map(|resource| json!({ "resource": resource })).collect();
    fhir(unit, unit, &json!({"resourceType":"Bundle","type":"collection","entry":entries}).to_string())
}

/// The joined plan of both, in either order.
fn both(a: &Contribution, b: &Contribution) -> Joined {
    let one = joined(&[a.clone(), b.clone()]);
    let other = joined(&[b.clone(), a.clone()]);
    assert_eq!(to_string(&one.bundle, Layout::Compact), to_string(&other.bundle, Layout::Compact));
    one
}

#[test]
fn an_identity_code_is_one_identifier_whatever_is_said_beside_it() {
    let check = |a: Value, b: Value, count: usize| {
        let said = |code: Value| json!({ "identifier": [code] });
        let joined = both(&plan("talo", &said(a.clone()), &[]), &plan("torppa", &said(b.clone()), &[]));
        let found = of_kind(&joined, "Patient")[0]["identifier"].as_array().unwrap().len();
        assert_eq!(found, count, "{a} {b}");
    };
    let bare = json!({"system":"urn:oid:1.2.246.21","value":AINO});
    let official = json!({"use":"official","system":"urn:oid:1.2.246.21","value":AINO});
    let without_prefix = json!({"use":"official","system":"1.2.246.21","value":AINO});
    let typed = json!({"type":{"text":"henkilötunnus"},"system":"urn:oid:1.2.246.21","value":AINO});
    check(bare.clone(), official.clone(), 1);
    check(official.clone(), without_prefix, 1);
    check(official.clone(), typed, 1);
    check(bare, json!({"system":"urn:oid:1.2.246.21","value":AINO,"period":{"start":"1979"}}), 1);
    // What says something else of it stays beside it.
    check(official, json!({"use":"old","system":"urn:oid:1.2.246.21","value":AINO}), 2);
}

#[test]
fn a_telephone_number_in_two_spellings_is_one() {
    let check = |system: &str, values: [&str; 2], shown: &[&str]| {
        let said =
            |value: &str, usage: &str| json!({ "telecom": [{"system":system,"value":value,"use":usage}] });
        let joined = both(
            &plan("talo", &said(values[0], "home"), &[]),
            &plan("torppa", &said(values[1], "home"), &[]),
        );
        let patient = &of_kind(&joined, "Patient")[0];
        let found: Vec<&str> =
            patient["telecom"].as_array().unwrap().iter().map(|at| at["value"].as_str().unwrap()).collect();
        assert_eq!(found, shown, "{values:?}");
        // Both sources are known to have said it.
        let parts = of_kind(&joined, "Provenance");
        assert_eq!(parts.len(), 2);
    };
    check("phone", ["040 123 4567", "+358401234567"], &["040 123 4567"]);
    check("phone", ["+358 (0)40 123 4567", "00358-40-1234567"], &["+358 (0)40 123 4567"]);
    check("phone", ["tel:+358401234567", "0401234567"], &["tel:+358401234567"]);
    check("email", ["Aino@Esimerkki.example", "aino@esimerkki.example"], &["Aino@Esimerkki.example"]);
    check("phone", ["040 123 4567", "040 123 4568"], &["040 123 4567", "040 123 4568"]);
    check("phone", ["040 123 4567", "+46401234567"], &["040 123 4567", "+46401234567"]);
    check(
        "phone",
        ["040 123 4567 / 12", "040 123 4567 alanumero 12"],
        &["040 123 4567 / 12", "040 123 4567 alanumero 12"],
    );
    check("url", ["https://a.example", "https://A.example"], &["https://a.example", "https://A.example"]);
}

#[test]
fn an_edited_number_goes_to_every_source_that_has_it() {
    let said = |value: &str| json!({ "telecom": [{"system":"phone","value":value}] });
    let joined =
        both(&plan("talo", &said("040 123 4567"), &[]), &plan("torppa", &said("+358401234567"), &[]));
    let leaf = joined.bundle.descend(sauma::tree::NodeId::ROOT).find(|node| {
        let tree = &joined.bundle;
        tree.kind(*node).is_leaf() && tree.text(*node) == "040 123 4567"
    });
    let sources: Vec<usize> = joined.origins(leaf.unwrap()).iter().map(|origin| origin.source).collect();
    assert_eq!(sources, [0, 1]);
}

#[test]
fn organisations_are_one_by_an_identifier_and_never_by_a_name() {
    let unit = |identifiers: &[(&str, &str)], name: &str| {
        let identifiers: Vec<Value> =
            identifiers.iter().map(|(system, value)| json!({"system":system,"value":value})).collect();
        json!({"resourceType":"Organization","id":"o","identifier":identifiers,"name":name})
    };
    let (oid, code) = (("urn:oid:1.2.246.537.6.202", "1.2.246.10.1"), ("urn:oid:1.2.246.10", "1234567-8"));
    let check = |units: &[Value], count: usize| {
        let plans: Vec<Contribution> = units
            .iter()
            .enumerate()
            .map(|(number, unit)| plan(&format!("talo-{number}"), &json!({}), std::slice::from_ref(unit)))
            .collect();
        for turned in [false, true] {
            let mut plans = plans.clone();
            if turned {
                plans.reverse();
            }
            assert_eq!(of_kind(&joined(&plans), "Organization").len(), count, "{units:?}");
        }
    };
    let name = "Testilän hyvinvointialue";
    check(&[unit(&[oid], name), unit(&[code], name)], 2);
    check(&[unit(&[oid], name), unit(&[code], name), unit(&[oid, code], name)], 1);
    check(&[unit(&[oid, code], name), unit(&[code], name)], 1);
    // Two home services may have one name.
    check(&[unit(&[oid], name), unit(&[], name)], 2);
    check(&[unit(&[], name), unit(&[], name)], 2);
}

#[test]
fn a_goal_of_two_sources_has_its_profile_and_its_codes_once() {
    let goal = json!({"resourceType":"Goal","id":"g","meta":{"profile":[format!("{OWN}/StructureDefinition/sauma-goal")]},"identifier":[{"system":"urn:g","value":"1"}],"lifecycleStatus":"active","description":{"coding":[{"system":"urn:c","code":"1"}],"text":"Kuoro"},"subject":{"reference":"Patient/a"}});
    let joined = both(
        &plan("talo", &json!({}), std::slice::from_ref(&goal)),
        &plan("torppa", &json!({}), std::slice::from_ref(&goal)),
    );
    let goals = of_kind(&joined, "Goal");
    assert_eq!(goals.len(), 1);
    assert_eq!(goals[0]["meta"]["profile"].as_array().unwrap().len(), 1, "{goals:?}");
    assert_eq!(goals[0]["description"]["coding"].as_array().unwrap().len(), 1, "{goals:?}");
}

#[test]
fn a_reference_by_an_identifier_alone_leads_to_what_has_it() {
    let worker = |id: &str, value: &str| json!({"resourceType":"Practitioner","id":id,"identifier":[{"system":"urn:w","value":value}],"name":[{"text":id}]});
    let visit = |system: &str, value: &str, kind: Option<&str>| {
        let mut who = json!({"identifier":{"system":system,"value":value}});
        if let Some(kind) = kind {
            who["type"] = json!(kind);
        }
        json!({"resourceType":"Observation","id":"v","status":"final","code":{"text":"Käynti"},"performer":[who]})
    };
    let check = |own: &[Value], others: &[Value], leads: Option<&str>| {
        let joined = both(&plan("talo", &json!({}), own), &plan("torppa", &json!({}), others));
        let performer = &of_kind(&joined, "Observation")[0]["performer"][0];
        let found = performer["reference"].as_str().map(|reference| {
            let kind = reference.split('/').next().unwrap();
            let of_kind = of_kind(&joined, kind).into_iter();
            let mut named =
                of_kind.filter(|of| format!("{kind}/{}", of["id"].as_str().unwrap()) == reference);
            named.next().unwrap()["name"][0]["text"].as_str().unwrap_or("Aino").to_owned()
        });
        assert_eq!(found.as_deref(), leads, "{own:?} {others:?}");
        assert!(performer["identifier"]["value"].is_string());
    };
    let seen = visit("urn:w", "7", None);
    check(&[seen.clone(), worker("Sini", "7"), worker("Hanna", "8")], &[], Some("Sini"));
    check(std::slice::from_ref(&seen), &[worker("Sini", "7")], Some("Sini"));
    check(std::slice::from_ref(&seen), &[worker("Hanna", "8")], None);
    // Two of the document's own have it: it names none of them.
    let role =
        json!({"resourceType":"PractitionerRole","id":"r","identifier":[{"system":"urn:w","value":"7"}]});
    check(&[seen, worker("Sini", "7"), role.clone()], &[], None);
    check(&[visit("urn:w", "7", Some("Practitioner")), worker("Sini", "7"), role], &[], Some("Sini"));
    check(&[visit("urn:oid:1.2.246.21", AINO, None)], &[], Some("Aino"));
}
