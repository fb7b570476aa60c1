//! Write-back of views: a requester changes what they see of their own documents, what is withheld stays as it was, and
//! no answer tells of it. And edits that two people make at one time, beside those of `write_back`.

use super::write_back::{Paper, check_written, companion, generate, paper, papers, sent};
use sauma::mapping::Random;
use sauma::plan::permission::{
    Answer, BreakGlass, Capacity, EmergencyReason, Moment, Purpose, Request, Requester,
};
use sauma::plan::policy::{COUNTY, Policy};
use sauma::plan::split::{Conflict, Seen, Split};
use sauma::plan::view::client_key;
use sauma::plan::{Contribution, Sector};
use sauma::tree::{Kind, NodeId, Tree};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OWN: &str = "1.2.246.10.1";
const OTHER: &str = "1.2.246.10.2";

fn now() -> Moment {
    Moment::parse("2026-06-15T12:00:00Z").unwrap()
}

/// The default policy, but for one's own register, of which notes and identity codes are withheld.
fn narrow() -> Policy {
    let whole = "audience = \"own-register\"\nshow = \"*\"\nidentity-code = true\n";
    let part = "audience = \"own-register\"\nshow = \"*\"\nwithhold = [\"*.note\"]\n";
    assert!(COUNTY.contains(whole));
    Policy::read(&COUNTY.replace(whole, part)).map_err(|issues| issues[0].message.clone()).unwrap()
}

fn request(sector: Sector, register: &str) -> Request {
    let mut requester = Requester::new(Capacity::Professional(sector));
    requester.registers.push(register.to_owned());
    let purpose = match sector {
        Sector::Health => Purpose::Care,
        Sector::Employment => Purpose::EmploymentService,
        _ => Purpose::SocialService,
    };
    Request::read(requester, purpose)
}

fn see<'a>(contributions: &'a [Contribution], request: &Request, policy: &Policy) -> Seen<'a> {
    Seen::new(contributions, &[], request, &Answer::None, policy, now())
}

/// Each document with a plan of somebody else, in registers of their own.
fn in_registers() -> Vec<Vec<Paper>> {
    let two = |first: Paper| {
        let second = companion(&first);
        let mut both: Vec<Paper> = [first].into_iter().chain(second).collect();
        for (paper, register) in both.iter_mut().zip([OWN, OTHER]) {
            paper.contribution.custodian = Some(register.to_owned());
        }
        both
    };
    papers().into_iter().map(two).collect()
}

fn contributions(papers: &[Paper]) -> Vec<Contribution> {
    papers.iter().map(|paper| paper.contribution.clone()).collect()
}

#[test]
fn a_view_that_nobody_edited_changes_nothing() {
    let narrow = narrow();
    let mut seen_any = 0;
    for papers in in_registers() {
        let contributions = contributions(&papers);
        for policy in [Policy::county(), &narrow] {
            for sector in [contributions[0].sector, Sector::ThirdSector] {
                let seen = see(&contributions, &request(sector, OWN), policy);
                if seen.view.joined.sources.is_empty() {
                    continue;
                }
                let split = seen.split(&sent(&seen.view.joined.bundle));
                assert!(split.edits.is_empty() && split.new.is_empty() && split.proposals.is_empty());
                assert!(split.refused.is_empty() && split.told.is_empty(), "{}", told(&split));
                seen_any += 1;
            }
        }
    }
    assert!(seen_any > 50, "{seen_any}");
}

/// Edits that are written; others are refused, or come to proposals.
const EDITS: usize = 300;
const SEEDS_MAX: u64 = 6_000;

#[test]
fn edits_of_views_reach_their_owner_and_leave_what_is_withheld() {
    let plans = in_registers();
    let narrow = narrow();
    let mut tally: BTreeMap<String, usize> = BTreeMap::new();
    let mut written = 0;
    for seed in 0..SEEDS_MAX {
        if written == EDITS {
            break;
        }
        let mut random = Random::new(seed);
        let papers = &plans[random.below(plans.len())];
        let contributions = contributions(papers);
        let policy = if random.chance(50) { Policy::county() } else { &narrow };
        let seen = see(&contributions, &request(contributions[0].sector, OWN), policy);
        let mut edited = seen.view.joined.bundle.clone();
        if !generate(&mut edited, &seen.view.joined, &mut random, &format!("muokattu {seed}")) {
            continue;
        }
        let split = seen.split(&sent(&edited));
        for edit in &split.edits {
            assert_eq!(edit.contribution, 0, "seed {seed}: somebody else's document");
            let (edit, conflicts) = seen.rebase(edit.clone(), &seen);
            assert!(conflicts.is_empty(), "seed {seed}: a conflict with nobody");
            let Ok(done) = papers[0].original.write(&contributions[0], &edit) else {
                *tally.entry("not taken".into()).or_default() += 1;
                continue;
            };
            check_written(seed, &papers[0], &done);
            let unit = sauma::mapping::units::Unit::find(&contributions[0].unit).ok();
            let again = paper("again", &done.bytes, unit).expect("it is read again");
            if !seen.shows_all_of(0) {
                check_withheld(seed, &seen, &contributions[0], &again.contribution);
            }
            written += 1;
        }
        let outcome = match (split.refused.first(), split.proposals.is_empty(), split.edits.is_empty()) {
            (Some(issue), ..) => format!("refused {}", issue.code.id),
            (None, _, false) => "written".into(),
            (None, false, true) => "proposed".into(),
            (None, true, true) => "nothing".into(),
        };
        *tally.entry(outcome).or_default() += 1;
    }
    println!("{tally:#?}");
    assert_eq!(written, EDITS, "{tally:#?}");
}

/// The texts of a tree, each with how often it stands there.
fn texts(tree: &Tree) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for node in tree.descend(NodeId::ROOT).filter(|node| tree.kind(*node) == Kind::Str) {
        *found.entry(tree.text(node).into_owned()).or_default() += 1;
    }
    found
}

/// Every text that the view does not have at all is still there, as often as it was.
fn check_withheld(seed: u64, seen: &Seen<'_>, before: &Contribution, after: &Contribution) {
    let shown = texts(&seen.view.joined.bundle);
    let (before, after) = (texts(&before.bundle), texts(&after.bundle));
    for (text, count) in before.iter().filter(|(text, _)| !shown.contains_key(*text)) {
        let is_made = text.starts_with("https://w3id.org/sauma/") || text.contains('/');
        assert!(is_made || after.get(text) >= Some(count), "seed {seed}: {text} is lost");
    }
}

/// What an edit comes to, as its editor is told.
fn told(split: &Split) -> String {
    let mut out = String::new();
    for issue in split.refused.iter().chain(&split.told) {
        out += &format!("{} {} {}\n", issue.code.id, issue.message, issue.path);
    }
    for operation in split.edits.iter().flat_map(|edit| &edit.operations) {
        out += &format!("edit {} {}\n", operation.target, operation.path);
    }
    for proposal in &split.proposals {
        out += &format!("ask {} {} {}\n", proposal.source, proposal.target, proposal.path);
    }
    out
}

fn without_notes(contribution: &Contribution) -> Contribution {
    let mut tree = (*contribution.bundle).clone();
    let notes: Vec<NodeId> =
        tree.descend(NodeId::ROOT).filter(|node| tree.name_text(*node) == "note").collect();
    for note in notes {
        tree.remove(note);
    }
    let mut less = Contribution::new(contribution.label.clone(), contribution.unit.clone(), sent(&tree));
    less.custodian.clone_from(&contribution.custodian);
    less
}

#[test]
fn no_answer_to_an_edit_tells_what_is_withheld() {
    let narrow = narrow();
    let (mut tried, mut withheld) = (0, 0);
    for papers in in_registers() {
        let whole = contributions(&papers);
        let less: Vec<Contribution> =
            [without_notes(&whole[0])].into_iter().chain(whole.iter().skip(1).cloned()).collect();
        let request = request(whole[0].sector, OWN);
        let (of_whole, of_less) = (see(&whole, &request, &narrow), see(&less, &request, &narrow));
        let told_less = |text: String| text.replace("withheld", "");
        let bundle = |seen: &Seen<'_>| {
            told_less(sauma::tree::json::to_string(
                &seen.view.joined.bundle,
                sauma::tree::json::Layout::Compact,
            ))
        };
        if seen_texts(&of_whole) != seen_texts(&of_less) {
            // Narratives go with what is withheld, so the two views differ: nothing to compare.
            continue;
        }
        withheld += usize::from(bundle(&of_whole).len() != bundle(&of_less).len());
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut edited = of_less.view.joined.bundle.clone();
            if !generate(&mut edited, &of_less.view.joined, &mut random, "muokattu") {
                continue;
            }
            // The head, the Provenance and what is said of the withheld are left out, so that one edit is of both.
            let edited = only_units(&sent(&edited));
            assert_eq!(told(&of_whole.split(&edited)), told(&of_less.split(&edited)), "seed {seed}");
            tried += 1;
        }
    }
    assert!(tried > 500 && withheld > 0, "{tried} {withheld}");
}

fn resource_values(tree: &Tree) -> Vec<Value> {
    let bundle: Value =
        serde_json::from_str(&sauma::tree::json::to_string(tree, sauma::tree::json::Layout::Compact))
            .unwrap();
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let is_of_unit = |entry: &Value| {
        !["Provenance", "OperationOutcome"]
            .contains(&entry["resource"]["resourceType"].as_str().unwrap_or_default())
    };
    entries.into_iter().filter(is_of_unit).collect()
}

fn seen_texts(seen: &Seen<'_>) -> Vec<Value> {
    resource_values(&seen.view.joined.bundle)
}

fn only_units(tree: &Tree) -> Tree {
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": resource_values(tree) });
    sauma::exchange::document::read_resources(&bundle.to_string()).unwrap()
}

/// A plan of one goal, as plain FHIR.
fn plan(unit: &str, sector: &str, goal: &Value) -> Contribution {
    let patient = json!({ "resourceType": "Patient", "id": "a",
        "identifier": [{ "system": "urn:oid:1.2.246.21", "value": "140379-9128" }],
        "name": [{ "text": "Aino Testikoivu" }] });
    let care_plan = json!({ "resourceType": "CarePlan", "id": "p", "status": "active", "intent": "plan",
        "extension": [{ "url": "https://w3id.org/sauma/fhir/StructureDefinition/sector", "valueCode": sector }],
        "identifier": [{ "system": "urn:plan", "value": unit }],
        "subject": { "reference": "Patient/a" }, "goal": [{ "reference": "Goal/g" }] });
    let entries: Vec<Value> =
        [&care_plan, &patient, goal].iter().map(|resource| json!({ "resource": resource })).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    let tree = sauma::exchange::document::read_resources(&bundle.to_string()).unwrap();
    let mut contribution = Contribution::new(unit, unit, tree);
    contribution.custodian = Some(unit.to_owned());
    contribution
}

fn goal(more: &Value) -> Value {
    let mut goal = json!({ "resourceType": "Goal", "id": "g", "lifecycleStatus": "active",
        "description": { "text": "Kuoro jatkuu" }, "subject": { "reference": "Patient/a" } });
    let object = goal.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            object.remove(name)
        } else {
            object.insert(name.clone(), value.clone())
        };
    }
    goal
}

/// The view with changes in its first goal.
fn edited(seen: &Seen<'_>, more: &Value) -> Tree {
    let text = sauma::tree::json::to_string(&seen.view.joined.bundle, sauma::tree::json::Layout::Compact);
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let entries = bundle["entry"].as_array_mut().unwrap();
    let entry = entries.iter_mut().find(|entry| entry["resource"]["resourceType"] == "Goal").unwrap();
    let object = entry["resource"].as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        if value.is_null() {
            object.remove(name)
        } else {
            object.insert(name.clone(), value.clone())
        };
    }
    sauma::exchange::document::read_resources(&bundle.to_string()).unwrap()
}

#[test]
fn an_emergency_opens_reading_and_never_writing() {
    let inputs = [plan("social", "social", &goal(&json!({}))), plan("health", "health", &goal(&json!({})))];
    let mut request = request(Sector::Health, "nowhere");
    request.break_glass = Some(BreakGlass {
        reason: EmergencyReason::Life,
        words: "tajuton, omaisia ei tavoiteta".into(),
        client: client_key(&inputs, &[]),
        since: now(),
    });
    // The sources of permissions have answered: there is none.
    let answer = Answer::Grants(Vec::new());
    let seen = Seen::new(&inputs, &[], &request, &answer, Policy::county(), now());
    assert!(seen.view.is_emergency);
    let split = seen.split(&edited(&seen, &json!({ "lifecycleStatus": "on-hold" })));
    assert!(split.edits.is_empty() && split.refused.is_empty(), "{}", told(&split));
    assert_eq!(split.proposals.len(), 1);
}

/// Two edits of a goal: what the unit made of it, what the editor made of the view; the conflicts, and the edit that is
/// left.
fn check(base: &Value, theirs: &Value, mine: &Value, policy: &Policy) -> (Vec<Conflict>, usize) {
    let was = [plan("social", "social", &goal(base))];
    let is = [plan("social", "social", &goal(theirs))];
    let request = request(Sector::Social, "social");
    let (seen, seen_now) = (see(&was, &request, policy), see(&is, &request, policy));
    let split = seen.split(&edited(&seen, mine));
    assert!(split.refused.is_empty() && split.proposals.is_empty(), "{}", told(&split));
    let (mut conflicts, mut left) = (Vec::new(), 0);
    for edit in split.edits {
        let (edit, mut found) = seen.rebase(edit, &seen_now);
        left += edit.operations.len();
        conflicts.append(&mut found);
    }
    (conflicts, left)
}

#[test]
fn what_two_people_change_is_shown_with_both_values() {
    let all = Policy::county();
    let said = |conflicts: &[Conflict]| -> Vec<[Option<String>; 3]> {
        let one = |of: &Conflict| [&of.base, &of.theirs, &of.mine].map(|value| value.reveal().clone());
        conflicts.iter().map(one).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    let held = json!({ "lifecycleStatus": "on-hold" });
    let (conflicts, left) = check(&json!({}), &held, &json!({ "lifecycleStatus": "completed" }), all);
    assert_eq!((said(&conflicts), left), (vec![[text("active"), text("on-hold"), text("completed")]], 0));
    // One form of a value against another: `start[x]`.
    let day = json!({ "startDate": "2026-03-01" });
    let event = json!({ "startCodeableConcept": { "text": "kotiutuminen" } });
    let (conflicts, left) = check(&json!({}), &day, &event, all);
    let concept = text(r#"{"text":"kotiutuminen"}"#);
    assert_eq!((said(&conflicts), left), (vec![[None, text("2026-03-01"), concept.clone()]], 0));
    let later = json!({ "startDate": "2026-04-01" });
    let instead = json!({ "startDate": null, "startCodeableConcept": { "text": "kotiutuminen" } });
    let (conflicts, left) = check(&day, &later, &instead, all);
    let told = [text("2026-03-01"), text("2026-04-01"), concept.clone()];
    assert_eq!((said(&conflicts), left), (vec![told], 0));
    let (conflicts, left) = check(&day, &day, &instead, all);
    assert_eq!((conflicts.len(), left), (0, 2));
    let (conflicts, left) = check(&day, &instead, &later, all);
    assert_eq!((said(&conflicts), left), (vec![[text("2026-03-01"), concept, text("2026-04-01")]], 0));
}

#[test]
fn each_of_two_equal_items_counts() {
    let all = Policy::county();
    let note = json!({ "text": "soitettu" });
    let two = json!({ "note": [note, note] });
    let (conflicts, left) = check(&json!({}), &json!({}), &two, all);
    assert_eq!((conflicts.len(), left), (0, 2));
    // The unit has added one of them itself.
    let (conflicts, left) = check(&json!({}), &json!({ "note": [note] }), &two, all);
    assert_eq!((conflicts.len(), left), (0, 1));
}

#[test]
fn another_order_of_a_list_is_told_and_changes_nothing() {
    let notes = json!({ "note": [{ "text": "ensin" }, { "text": "sitten" }] });
    let turned = json!({ "note": [{ "text": "sitten" }, { "text": "ensin" }] });
    let inputs = [plan("social", "social", &goal(&notes))];
    let seen = see(&inputs, &request(Sector::Social, "social"), Policy::county());
    let split = seen.split(&edited(&seen, &turned));
    assert!(split.edits.is_empty() && split.refused.is_empty(), "{}", told(&split));
    let codes: Vec<&str> = split.told.iter().map(|issue| issue.code.id).collect();
    assert_eq!(codes, ["P457"]);
}

#[test]
fn what_may_be_hidden_is_not_met_by_an_edit() {
    let narrow = narrow();
    let refused = |own: &Value, change: &Value| -> Vec<&'static str> {
        let inputs = [plan("social", "social", &goal(own))];
        let seen = see(&inputs, &request(Sector::Social, "social"), &narrow);
        let split = seen.split(&edited(&seen, change));
        split.refused.iter().map(|issue| issue.code.id).collect()
    };
    for own in [json!({}), json!({ "note": [{ "text": "salaisuus" }], "startDate": "2026-01-01" })] {
        // A note may not be seen, so none is written.
        assert_eq!(refused(&own, &json!({ "note": [{ "text": "uusi" }] })), ["P455"]);
        // A code beside the text is one element of which all is seen.
        assert_eq!(refused(&own, &json!({ "category": [{ "text": "arki" }] })), [""; 0]);
        assert_eq!(refused(&own, &json!({ "lifecycleStatus": "on-hold" })), [""; 0]);
        assert_eq!(refused(&own, &json!({ "expressedBy": { "display": "Aino" } })), ["P455"]);
        assert_eq!(refused(&own, &json!({ "description": { "text": "Soolo 140379-9128" } })), [""; 0]);
    }
    let coded = json!({ "description": { "text": "Kuoro 140379-9128" } });
    assert_eq!(refused(&coded, &json!({ "description": { "text": "Soolo" } })), ["P446"]);
}
