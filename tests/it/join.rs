//! The laws of the join, over the plans of the mapping cases and over made ones.

use proptest::prelude::*;
use sauma::mapping::units::{UNITS, schema};
use sauma::plan::join::SourceState;
use sauma::plan::{Contact, Contribution, Decision, FindingKind, Joined, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The hub form of every case of every unit system, with the unit's name and the case's.
fn cases() -> &'static [(String, String, Tree)] {
    static CASES: OnceLock<Vec<(String, String, Tree)>> = OnceLock::new();
    CASES.get_or_init(|| {
        let mut cases = Vec::new();
        for unit in UNITS {
            let folder = format!("{}/mappings/{}/cases", env!("CARGO_MANIFEST_DIR"), unit.name);
            // A unit system may have no documents of its own kind to show, as plain FHIR has not.
            let Ok(found) = std::fs::read_dir(folder) else { continue };
            let mut names: Vec<_> = found.map(|entry| entry.unwrap().path()).collect();
            names.sort();
            for folder in names {
                let input = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
                let Some(input) =
                    input.into_iter().find(|file| file.file_stem().is_some_and(|stem| stem == "input"))
                else {
                    continue;
                };
                let bytes = std::fs::read(input).unwrap();
                let Ok(document) = sauma::exchange::document::Document::read(&bytes, Some(unit)) else {
                    continue;
                };
                let Ok(got) = unit.program().unwrap().get(&document.tree) else { continue };
                let name = folder.file_name().unwrap().to_string_lossy().into_owned();
                // A document that the machine maps to no FHIR of good form is a fault of its lens, tested elsewhere.
                let Ok(bundle) = fhir::read_json(&to_string(&got.target, Layout::Compact), schema().names())
                else {
                    continue;
                };
                cases.push((unit.name.to_owned(), name, bundle));
            }
        }
        cases
    })
}

fn case(unit: &str, name: &str) -> Contribution {
    let found = cases().iter().find(|(of, called, _)| of == unit && called == name).unwrap();
    Contribution::new(name, unit, found.2.clone())
}

pub(crate) fn fhir(label: &str, unit: &str, json: &str) -> Contribution {
    Contribution::new(label, unit, fhir::read_json(json, schema().names()).unwrap())
}

pub(crate) fn bytes(joined: &Joined) -> String {
    to_string(&joined.bundle, Layout::Compact)
}

/// The resources of a bundle as JSON, by reference.
pub(crate) fn resources(tree: &Tree) -> BTreeMap<String, String> {
    let entries = tree.children(NodeId::ROOT).filter(|child| tree.name_text(*child) == "entry");
    entries
        .filter_map(|entry| {
            let resource = tree.child_str(entry, "resource")?;
            let mut json = String::new();
            sauma::tree::json::write(tree, resource, Layout::Compact, &mut json);
            Some((format!("{}/{}", tree.resource_type(resource)?, tree.child_text(resource, "id")?), json))
        })
        .collect()
}

/// The joined plan of contributions that nothing keeps apart.
pub(crate) fn joined(inputs: &[Contribution]) -> Joined {
    let joined = join(inputs, &[]);
    assert!(!joined.is_refused(), "{:?}", joined.issues);
    joined
}

/// The parsed resources of one kind.
pub(crate) fn of_kind(joined: &Joined, kind: &str) -> Vec<serde_json::Value> {
    let made = resources(&joined.bundle).into_iter();
    let of_kind = made.filter(|(name, _)| name.split('/').next() == Some(kind));
    of_kind.map(|(_, json)| serde_json::from_str(&json).unwrap()).collect()
}

/// Every text below a node but ids, references and what stands apart in a joined resource.
fn leaves(tree: &Tree, node: NodeId) -> BTreeSet<String> {
    let set_aside = ["id", "reference", "resourceType", "lifecycleStatus", "div", "contained", "url"];
    let mut found = BTreeSet::new();
    let mut open: Vec<NodeId> = tree.children(node).collect();
    while let Some(here) = open.pop() {
        if set_aside.contains(&tree.name_text(here))
            && tree.first_child(here).is_none_or(|_| tree.name_text(here) == "contained")
        {
            continue;
        }
        if tree.kind(here).is_leaf() && tree.has_text(here) {
            found.insert(tree.text(here).into_owned());
        }
        open.extend(tree.children(here));
    }
    found
}

/// Nothing of any joined contribution is missing, and every reference to an entry leads to one.
pub(crate) fn assert_complete(contributions: &[Contribution], joined: &Joined) {
    let made = resources(&joined.bundle);
    let parsed: BTreeMap<&str, Tree> = made
        .iter()
        .map(|(name, json)| (name.as_str(), fhir::read_json(json, schema().names()).expect(json)))
        .collect();
    for line in &joined.lineage {
        let source = &joined.sources[line.source];
        let contribution = contributions
            .iter()
            .find(|from| {
                from.label == source.label && from.key() == format!("{}|{}", source.unit, source.plan_key)
            })
            .unwrap();
        let target = parsed.get(&*line.target).expect(&line.target);
        let there = leaves(target, NodeId::ROOT);
        // Of values that contradict each other one stands in the resource, all of them in the finding.
        let sides: Vec<&str> = joined
            .findings
            .iter()
            .flat_map(|finding| &finding.sides)
            .filter(|side| side.target == *line.target && side.source == source.label)
            .map(|side| side.value.as_str())
            .collect();
        let stated = |leaf: &String| sides.iter().any(|side| side.contains(leaf.as_str()));
        let lost: Vec<String> = leaves(&contribution.bundle, line.node)
            .difference(&there)
            .filter(|leaf| !stated(leaf))
            .cloned()
            .collect();
        assert!(lost.is_empty(), "{} lost {lost:?}", line.target);
    }
    for (name, tree) in &parsed {
        for node in tree
            .descend(NodeId::ROOT)
            .filter(|node| tree.name_text(*node) == "reference" && tree.first_child(*node).is_none())
        {
            let reference = tree.text(node).into_owned();
            let own = reference
                .split_once('/')
                .is_some_and(|(_, id)| id.len() == 32 || id.starts_with("joined-") || id == "client");
            assert!(!own || made.contains_key(&reference), "{name} refers to {reference}");
        }
    }
    let of_joined: usize = contributions
        .iter()
        .filter(|from| {
            joined
                .sources
                .iter()
                .any(|source| source.state == SourceState::Joined && source.label == from.label)
        })
        .count();
    assert!(of_joined > 0 || joined.is_refused());
}

#[test]
fn a_health_a_social_and_an_employment_plan_become_one() {
    let inputs = [case("social-client-plan", "full"), case("employment-plan", "multi-sector")];
    let joined = join(&inputs, &[]);
    assert_complete(&inputs, &joined);
    assert!(!joined.is_refused(), "{:?}", joined.issues);
    let made = resources(&joined.bundle);
    assert!(made.contains_key("CarePlan/joined-plan") && made.contains_key("CareTeam/joined-team"));
    assert_eq!(made.keys().filter(|name| name.starts_with("Patient/")).count(), 1);
    assert_eq!(made.keys().filter(|name| name.starts_with("Goal/")).count(), 3);
    assert_eq!(made.keys().filter(|name| name.starts_with("Provenance/")).count(), 2);
    assert!(
        matches!(&joined.contact, Contact::One(person) if person.name == "Kirsi Testala"),
        "{:?}",
        joined.contact
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The cases of the mappings, in any choice and order, lose nothing.
    #[test]
    fn real_cases_join_in_any_order(chosen in prop::collection::vec(0..100_usize, 1..5)) {
        let inputs: Vec<Contribution> = chosen.iter().map(|at| {
            let (unit, name, bundle) = &cases()[at % cases().len()];
            Contribution::new(format!("{unit}/{name}"), unit, bundle.clone())
        }).collect();
        let labels: BTreeSet<String> = inputs.iter().map(|input| input.label.clone()).collect();
        let decision = [Decision::same_client(labels.into_iter().collect())];
        let mut reversed = inputs.clone();
        reversed.reverse();
        for decisions in [&decision[..], &[]] {
            let joined = join(&inputs, decisions);
            if !joined.is_refused() {
                assert_complete(&inputs, &joined);
            }
            prop_assert_eq!(bytes(&joined), bytes(&join(&reversed, decisions)));
        }
        // Plans that were all recorded in error, some by a version that replaces another, leave nothing to join.
        let all = join(&inputs, &decision);
        let gone = [SourceState::Retracted, SourceState::Superseded];
        let are_gone = all.sources.iter().all(|source| gone.contains(&source.state));
        let in_error = chosen.iter().any(|at| is_in_error(&cases()[at % cases().len()].2));
        prop_assert!(!all.is_refused() || (are_gone && in_error), "{:?}", all.issues);
    }
}

fn is_in_error(bundle: &Tree) -> bool {
    let entries = bundle.children_named(NodeId::ROOT, sauma::tree::Name::ENTRY);
    let mut resources = entries.filter_map(|entry| bundle.child(entry, sauma::tree::Name::RESOURCE));
    resources.any(|resource| {
        bundle.resource_type(resource).as_deref() == Some("CarePlan")
            && bundle.child_text(resource, "status").as_deref() == Some("entered-in-error")
    })
}

/// A plan of one unit with the given resources beside the plan and the client.
fn plan_with(label: &str, resources: &[&str]) -> Contribution {
    let entries: Vec<String> = resources.iter().map(|json| format!(r#",{{"resource":{json}}}"#)).collect();
    let json = format!(
        r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","identifier":[{{"system":"urn:p","value":"{label}"}}],"status":"active","intent":"plan","subject":{{"reference":"Patient/a"}},"created":"2026-01-0{}"}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}]}}}}{}]}}"#,
        label.len(),
        entries.concat()
    );
    fhir(label, label, &json)
}

/// The joined plan of two units, the kinds of findings in it, and how many goals it has.
fn check(left: &[&str], right: &[&str], kinds: &[FindingKind], goals: usize) -> Joined {
    let inputs = [plan_with("a", left), plan_with("bb", right)];
    let joined = join(&inputs, &[]);
    assert_complete(&inputs, &joined);
    let found: Vec<FindingKind> = joined.findings.iter().map(|finding| finding.kind).collect();
    let made = resources(&joined.bundle);
    assert_eq!(
        (found.as_slice(), made.keys().filter(|name| name.starts_with("Goal/")).count()),
        (kinds, goals)
    );
    joined
}

const SHARED: &str = r#"{"resourceType":"Goal","id":"g","identifier":[{"system":"urn:g","value":"1"}],"lifecycleStatus":"active","description":{"text":"Takaisin työhön"}}"#;
const SHARED_AND_MORE: &str = r#"{"resourceType":"Goal","id":"h","identifier":[{"system":"urn:g","value":"1"}],"lifecycleStatus":"active","achievementStatus":{"text":"Hyvä alku"},"description":{"text":"Takaisin työhön"}}"#;
const SHARED_ON_HOLD: &str = r#"{"resourceType":"Goal","id":"h","identifier":[{"system":"urn:g","value":"1"}],"lifecycleStatus":"on-hold","description":{"text":"Takaisin työhön"}}"#;
const NEARLY: &str = r#"{"resourceType":"Goal","id":"h","lifecycleStatus":"active","description":{"text":"takaisin työhön!"}}"#;

#[test]
fn one_identifier_joins_what_agrees_and_shows_what_contradicts() {
    check(&[SHARED], &[SHARED_AND_MORE], &[FindingKind::MissingContact], 1);
    let conflict = [FindingKind::Conflict, FindingKind::LikelyDuplicate, FindingKind::MissingContact];
    let joined = check(&[SHARED], &[SHARED_ON_HOLD], &conflict, 2);
    let issue = joined.issues.iter().find(|issue| issue.code.id == "P406").unwrap();
    assert_eq!(issue.value.as_ref().map(|value| value.reveal().as_str()), Some("active / on-hold"));
    assert!(!format!("{issue:?}").contains("on-hold"));
    check(&[SHARED], &[NEARLY], &[FindingKind::LikelyDuplicate, FindingKind::MissingContact], 2);
}

fn team(role: &str, name: &str) -> String {
    format!(
        r#"{{"resourceType":"CareTeam","id":"t","participant":[{{"role":[{{"text":"{role}"}}],"member":{{"display":"{name}"}}}}]}}"#
    )
}

#[test]
fn whom_to_contact_is_one_answer_or_a_stated_conflict() {
    let (elina, kaisa) = (team("Omatyöntekijä", "Elina"), team("egen kontaktperson", "Kaisa"));
    let one = check(&[&elina], &[&team("sairaanhoitaja", "Jari")], &[], 0);
    assert!(matches!(&one.contact, Contact::One(person) if person.name == "Elina"));
    let made = resources(&one.bundle);
    assert!(made["CareTeam/joined-team"].contains(r#""code":"coordinator""#));
    let several = check(&[&elina], &[&kaisa], &[FindingKind::SeveralCoordinators], 0);
    assert!(matches!(&several.contact, Contact::Several(people) if people.len() == 2));
    assert_eq!(check(&[&elina], &[&elina], &[], 0).contact, one.contact);
}

/// A team of people who lead as a pair, each with further codes of ours.
fn pair(people: &[(&str, &[&str])]) -> String {
    let system = "https://w3id.org/sauma/fhir/CodeSystem/team-role";
    let participant = |(name, further): &(&str, &[&str])| {
        let coded = |code: &&str| format!(r#"{{"coding":[{{"system":"{system}","code":"{code}"}}]}}"#);
        let further: String = further.iter().map(|code| format!(",{}", coded(code))).collect();
        format!(
            r#"{{"role":[{{"coding":[{{"system":"{system}","code":"pair-lead","display":"Pair lead"}}]}}{further}],"member":{{"display":"{name}"}}}}"#
        )
    };
    let people: Vec<String> = people.iter().map(participant).collect();
    format!(r#"{{"resourceType":"CareTeam","id":"t","participant":[{}]}}"#, people.join(","))
}

#[test]
fn two_who_lead_as_a_pair_are_not_two_coordinators() {
    let claim = "StructureDefinition/sauma-team";
    let named = pair(&[("Elina", &["coordinator"]), ("Kaisa", &[])]);
    let one = check(&[&named], &[&team("sairaanhoitaja", "Jari")], &[], 0);
    assert!(matches!(&one.contact, Contact::One(person) if person.name == "Elina"));
    let made = resources(&one.bundle);
    assert_eq!(made["CareTeam/joined-team"].matches(r#""code":"coordinator""#).count(), 1);
    assert!(
        made["CareTeam/joined-team"].contains(claim)
            && made["CarePlan/joined-plan"].contains("sauma-joined-plan")
    );

    // Of two alike neither is the one to contact, and that is said.
    let alike = pair(&[("Elina", &[]), ("Kaisa", &[])]);
    assert_eq!(check(&[&alike], &[], &[FindingKind::MissingContact], 0).contact, Contact::Missing);
    let coordinated = check(&[&alike], &[&team("Omatyöntekijä", "Jari")], &[], 0);
    assert!(matches!(&coordinated.contact, Contact::One(person) if person.name == "Jari"));

    // Two pairs are no pair: then neither the team nor the plan claims to be what it is not.
    let other = pair(&[("Jari", &[]), ("Leena", &[])]);
    let two = resources(&check(&[&alike], &[&other], &[FindingKind::MissingContact], 0).bundle);
    assert!(!two["CareTeam/joined-team"].contains(claim));
    assert!(!two["CarePlan/joined-plan"].contains("sauma-joined-plan"));
}

#[test]
fn a_protected_client_has_no_address_in_the_plan() {
    let patient = |label: &str| {
        let json = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","identifier":[{{"system":"urn:p","value":"{label}"}}],"subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","meta":{{"security":[{{"code":"{label}"}}]}},"identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}],"telecom":[{{"value":"Puhelin {label}"}}],"contact":[{{"name":{{"text":"Sisar"}},"address":{{"city":"Kylä {label}"}}}}],"address":[{{"city":"Salapaikka {label}"}}]}}}}]}}"#
        );
        fhir(label, label, &json)
    };
    for inputs in [vec![patient("TURVAKIELTO")], vec![patient("muu"), patient("TURVAKIELTO")]] {
        let client = resources(&join(&inputs, &[]).bundle)["Patient/client"].clone();
        assert!(client.contains("140379-9128") && client.contains("Sisar"), "{client}");
        assert!(
            !client.contains("Salapaikka") && !client.contains("Puhelin") && !client.contains("Kylä"),
            "{client}"
        );
    }
}

#[test]
fn one_version_with_two_contents_is_told_and_one_of_them_counts() {
    let plan = |label: &str, title: &str| {
        let json = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[{{"resource":{{"resourceType":"CarePlan","id":"p","meta":{{"versionId":"1"}},"identifier":[{{"system":"urn:p","value":"1"}}],"status":"active","intent":"plan","title":"{title}","subject":{{"reference":"Patient/a"}}}}}},{{"resource":{{"resourceType":"Patient","id":"a","identifier":[{{"system":"urn:oid:1.2.246.21","value":"140379-9128"}}]}}}}]}}"#
        );
        fhir(label, "one-unit", &json)
    };
    for (titles, told) in [(["Alku", "Loppu"], vec!["P423"]), (["Alku", "Alku"], vec![])] {
        let joined = join(&[plan("b", titles[1]), plan("a", titles[0])], &[]);
        let contents = joined.issues.iter().filter(|issue| issue.code.id == "P423");
        assert_eq!(contents.map(|issue| issue.code.id).collect::<Vec<_>>(), told);
        let of_other = joined.sources.iter().find(|source| source.label == "b").map(|source| source.state);
        assert_eq!(of_other == Some(SourceState::Superseded), !told.is_empty(), "{of_other:?}");
        assert!(resources(&joined.bundle).values().any(|resource| resource.contains("Alku")));
    }
}

#[test]
fn a_goal_looked_back_at_is_the_goal_that_was_set() {
    let inputs = [case("social-client-plan", "full"), case("social-client-plan", "later-version")];
    let joined = join(&inputs, &[]);
    assert_eq!(
        joined.sources.iter().map(|source| source.state).collect::<Vec<_>>(),
        [SourceState::Joined, SourceState::Superseded]
    );
    let (first, later) = (resources(&join(&inputs[..1], &[]).bundle), resources(&joined.bundle));
    let kept = |name: &&String| name.starts_with("Goal/") && later.contains_key(*name);
    assert!(first.keys().filter(kept).count() >= 1, "a goal keeps its id over the versions of its plan");
}

#[test]
fn the_copy_of_a_plan_claims_the_form_that_it_has() {
    let own = "https://w3id.org/sauma/fhir/StructureDefinition/";
    let check = |activities: &str, claim: &str, expected: &str| {
        let text = format!(
            r#"{{"resourceType":"Bundle","type":"collection","entry":[
                {{"resource":{{"resourceType":"Patient","id":"p"}}}},
                {{"resource":{{"resourceType":"CarePlan","id":"c","meta":{{"profile":["{own}{claim}"]}},"status":"active",
                    "intent":"plan","subject":{{"reference":"Patient/p"}},"activity":[{activities}]}}}},
                {{"resource":{{"resourceType":"ServiceRequest","id":"s","status":"active","intent":"plan",
                    "subject":{{"reference":"Patient/p"}}}}}}]}}"#
        );
        let joined = bytes(&join(&[fhir("a", "fhir-detail", &text)], &[]));
        assert!(joined.contains(&format!("\"profile\":[\"{own}{expected}\"]")), "{joined}");
    };
    let referenced = r#"{"reference":{"reference":"ServiceRequest/s"}}"#;
    let inside = r#"{"detail":{"status":"scheduled","description":"a"}}"#;
    check(referenced, "sauma-plan-inline", "sauma-plan-referenced");
    check(referenced, "sauma-plan-inline|0.1.0", "sauma-plan-referenced|0.1.0");
    check(referenced, "sauma-plan", "sauma-plan");
    check(inside, "sauma-plan-inline", "sauma-plan-inline");
}
