//! The plan that is kept up to date is the plan that is joined from nothing, whatever came and went before.

use crate::families::{Made, cases, made};
use crate::join::{bytes, fhir};
use proptest::prelude::*;
use sauma::plan::{Contribution, Decider, Decision, Element, ElementState, Joined, Joiner, Statement, join};
use sauma::tree::NodeId;
use sauma::tree::json::{Layout, to_string};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Something that happens to the contributions of a client.
#[derive(Debug, Clone)]
enum Step {
    Renew(Made, Extra),
    Add(Made, Extra),
    Remove(usize),
    Decide(usize),
}

/// What a contribution says beside what the families of the other laws say.
#[derive(Debug, Clone, Copy)]
enum Extra {
    Nothing,
    /// The client has a protected address, and a telephone number.
    Protected,
    /// The number stands in a text, and with a relative.
    Number,
    /// A value that other sources contradict.
    Gender(bool),
    /// A Location that sources have in common, with an element that few have.
    Place(bool),
    /// A name of an element that no definition has.
    OwnName,
}

fn extra() -> impl Strategy<Value = Extra> {
    prop_oneof![
        4 => Just(Extra::Nothing),
        1 => Just(Extra::Protected),
        1 => Just(Extra::Number),
        1 => any::<bool>().prop_map(Extra::Gender),
        1 => any::<bool>().prop_map(Extra::Place),
        1 => Just(Extra::OwnName),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (made(), extra()).prop_map(|(made, extra)| Step::Renew(made, extra)),
        2 => (made(), extra()).prop_map(|(made, extra)| Step::Add(made, extra)),
        1 => any::<usize>().prop_map(Step::Remove),
        3 => any::<usize>().prop_map(Step::Decide),
    ]
}

fn contribution(made: &Made, extra: Extra) -> Contribution {
    let plain = made.contribution();
    let mut bundle: Value = serde_json::from_str(&to_string(&plain.bundle, Layout::Compact)).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    let kind = |entry: &Value| entry["resource"]["resourceType"].as_str().unwrap_or("").to_owned();
    let client = entries.iter().position(|entry| kind(entry) == "Patient").unwrap();
    let patient = &mut entries[client]["resource"];
    match extra {
        Extra::Nothing => {}
        Extra::Protected => {
            patient["meta"] = json!({"security": [{"code": "TURVAKIELTO"}]});
            patient["telecom"] = json!([{"value": "040 123 4567"}]);
            patient["address"] = json!([{"line": ["Piilokatu 5 A"], "city": "Esimerkkilä"}]);
        }
        Extra::Number => {
            let note = json!([{"text": "Soita 0401234567 tai käy: Piilokatu 5 a."}]);
            entries.iter_mut().filter(|entry| kind(entry) == "Goal").for_each(|goal| {
                goal["resource"]["note"] = note.clone();
            });
            entries.push(json!({"resource": {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": "Patient/p"}, "telecom": [{"value": "+358 40 123 4567"}]}}));
        }
        Extra::Gender(one) => patient["gender"] = json!(if one { "female" } else { "male" }),
        Extra::Place(known) => {
            let mut place = json!({"resourceType": "Location", "id": "l", "identifier": [{"system": "urn:places", "value": "1"}], "name": "Talo", "telecom": [{"value": "09 123"}]});
            if known {
                place["description"] = json!("Pihan puolella");
            }
            entries.push(json!({"resource": place}));
        }
        Extra::OwnName => patient["lempiväri"] = json!("sininen"),
    }
    fhir(&plain.label, &plain.unit, &bundle.to_string())
}

/// A decision on one of the findings, or one that takes an earlier one back.
fn decision(number: usize, joined: &Joined, made: &[Decision]) -> Option<Decision> {
    let statement = match (number % 5, joined.findings.get(number / 5 % joined.findings.len().max(1))) {
        (0, _) => Statement::Revoke(made.get(number / 5 % made.len().max(1))?.id().to_owned()),
        (1, Some(finding)) => finding.same()?,
        (2, Some(finding)) => finding.not_same()?,
        (_, Some(finding)) => finding.right(number / 7 % finding.sides.len().max(1))?,
        (_, None) => return None,
    };
    let by = Decider { name: "Ilona Mallikas".to_owned(), ..Decider::default() };
    let time = format!("2026-03-14T10:{:02}:00+02:00", number % 3);
    Decision::new(statement, by, time, "sovittiin palaverissa").ok()
}

/// What each node came from, by its place in the Bundle: where it lies in the arena is nobody's business.
fn origins(joined: &Joined) -> Vec<(usize, usize, NodeId, ElementState)> {
    let nodes = joined.bundle.descend(NodeId::ROOT).zip(0..);
    let places: HashMap<NodeId, usize> = nodes.collect();
    assert!(joined.elements.is_sorted(), "they are found by their order");
    let origin = |element: &Element| (places[&element.node], element.source, element.from, element.state);
    let mut origins: Vec<_> = joined.elements.iter().map(origin).collect();
    origins.sort();
    origins
}

fn same(kept: &Joined, anew: &Joined) -> Result<(), TestCaseError> {
    prop_assert_eq!(bytes(kept), bytes(anew));
    prop_assert_eq!(origins(kept), origins(anew));
    prop_assert_eq!(&kept.lineage, &anew.lineage);
    prop_assert_eq!(&kept.findings, &anew.findings);
    prop_assert_eq!(&kept.issues, &anew.issues);
    prop_assert_eq!(&kept.contact, &anew.contact);
    prop_assert_eq!(&kept.sources, &anew.sources);
    prop_assert_eq!(&kept.rulings, &anew.rulings);
    prop_assert_eq!(&kept.candidates, &anew.candidates);
    prop_assert_eq!(&kept.people, &anew.people);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_up_to_date_is_what_is_joined_anew(
        start in prop::collection::vec((made(), extra()), 0..6),
        steps in prop::collection::vec(step(), 1..6),
    ) {
        let start = start.iter().map(|(made, extra)| contribution(made, *extra)).collect();
        let mut joiner = Joiner::new(start, Vec::new());
        for step in steps {
            let joined = joiner.joined().clone();
            match step {
                Step::Renew(made, extra) => joiner.renew(contribution(&made, extra)),
                Step::Add(made, extra) => joiner.add(contribution(&made, extra)),
                Step::Remove(number) => {
                    let all = joiner.contributions();
                    let key = all.get(number % all.len().max(1)).map(Contribution::key);
                    if let Some(key) = &key {
                        joiner.remove(key);
                    }
                }
                Step::Decide(number) => {
                    if let Some(made) = decision(number, &joined, joiner.decisions()) {
                        joiner.decide(made);
                    }
                }
            }
            let anew = join(joiner.contributions(), joiner.decisions());
            same(joiner.joined(), &anew)?;
        }
    }
}

#[test]
fn nothing_joins_into_nothing_again_and_again() {
    let mut joiner = Joiner::default();
    assert_eq!(bytes(joiner.joined()), bytes(&join(&[], &[])));
    joiner.remove("nobody");
    assert_eq!(bytes(joiner.joined()), bytes(&join(&[], &[])));
}

/// One plan, in the words of a round.
fn round(unit: &str, plan: usize, number: usize) -> Contribution {
    let bundle = json!({"resourceType": "Bundle", "type": "collection", "entry": [
        {"resource": {"resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:oid:1.2.246.21", "value": "140379-9128"}]}},
        {"resource": {"resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "subject": {"reference": "Patient/p"}, "description": {"text": format!("Tavoite {plan}, kierros {number}")}}},
        {"resource": {"resourceType": "CarePlan", "id": "c", "identifier": [{"system": "urn:plans", "value": plan.to_string()}], "status": "active", "intent": "plan", "title": format!("Kierros {number}"), "subject": {"reference": "Patient/p"}, "goal": [{"reference": "Goal/g"}]}},
    ]});
    fhir(&format!("plan {plan}"), unit, &bundle.to_string())
}

#[test]
fn what_nothing_leads_to_does_not_pile_up() {
    const ROUNDS: usize = 80;
    let start = (0..4).map(|plan| round("kunto", plan, 0)).collect();
    let mut joiner = Joiner::new(start, Vec::new());
    let mut most = 0;
    for number in 1..ROUNDS {
        joiner.renew(round("kunto", number % 4, number));
        let anew = join(joiner.contributions(), joiner.decisions());
        let kept = joiner.joined();
        same(kept, &anew).unwrap();
        most = most.max(kept.bundle.len());
        assert!(kept.bundle.len() <= 5 * anew.bundle.len(), "round {number}: {}", kept.bundle.len());
    }
    assert!(most > 2 * join(joiner.contributions(), &[]).bundle.len(), "it was written over: {most}");
}
