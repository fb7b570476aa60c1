//! The laws of the join over made families of contributions: clients, versions, clocks that disagree, goals that two
//! plans share, plans that were taken back. `SAUMA_LAW_CASES` says how many of each.

use crate::join::{assert_complete, bytes, fhir, resources};
use proptest::prelude::*;
use sauma::mapping::Random;
use sauma::plan::compare::{Change, ChangeKind, compare};
use sauma::plan::history::days;
use sauma::plan::join::SourceState;
use sauma::plan::{Contribution, Finding, FindingKind, Joined, as_of, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::env;

/// One version of a plan as the generator makes it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    unit: usize,
    plan: usize,
    client: usize,
    version: u64,
    /// The month that the source's clock showed, whatever its versions say; without one the source gave no time.
    month: Option<u8>,
    /// The place in [`STATUS`].
    status: usize,
    /// Words and origin of each goal, and how far it has come.
    goals: Vec<(usize, usize, usize)>,
    activities: Vec<usize>,
    coordinator: bool,
    shared_goal: bool,
    cosubject: bool,
}

const UNITS: [&str; 3] = ["social-client-plan", "employment-plan", "kunto"];
const ORIGINS: [&str; 3] = ["this-plan", "previous-plan", "none"];
const STATUS: [&str; 3] = ["active", "revoked", "entered-in-error"];
const STATES: [&str; 3] = ["active", "on-hold", "completed"];
/// The codes of the clients; the second comes seldom.
const CLIENTS: [&str; 2] = ["140379-9128", "290200A961A"];

const WORDS: &[&str] = &[
    "Takaisin työelämään syksyllä",
    "takaisin työelämään syksyllä!",
    "Uni paranee",
    "Velat on selvitetty",
    "Kuoro jatkuu",
    "Käyn kävelyllä joka päivä",
];

pub(crate) fn made() -> impl Strategy<Value = Made> {
    let goals = prop::collection::vec((0..WORDS.len(), 0..3_usize, 0..3_usize), 0..5);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let client = prop_oneof![15 => Just(0_usize), 1 => Just(1_usize)];
    let status = prop_oneof![8 => Just(0_usize), 1 => Just(1_usize), 1 => Just(2_usize)];
    let month = prop::option::weighted(0.9, 1..9_u8);
    let activities = prop::collection::vec(0..6_usize, 0..5);
    let header = (0..3_usize, 0..2_usize, client, 1..4_u64, month, status);
    (header, goals, activities, flags).prop_map(
        |((unit, plan, client, version, month, status), goals, activities, flags)| Made {
            unit,
            plan,
            client,
            version,
            month,
            status,
            goals,
            activities,
            coordinator: flags.0,
            shared_goal: flags.1,
            cosubject: flags.2,
        },
    )
}

fn family() -> impl Strategy<Value = Vec<Contribution>> {
    prop::collection::vec(made(), 1..6).prop_map(distinct)
}

/// One content for each version of each plan, so that a version means one thing.
fn distinct(made: Vec<Made>) -> Vec<Contribution> {
    let by_label: BTreeMap<String, Made> = made.into_iter().map(|made| (made.label(), made)).collect();
    by_label.values().map(Made::contribution).collect()
}

impl Made {
    fn label(&self) -> String {
        format!("{}-{}-{}-v{}", self.unit, self.plan, self.client, self.version)
    }

    pub(crate) fn contribution(&self) -> Contribution {
        let own = "https://w3id.org/sauma/fhir";
        let entry = |resource: Value| {
            let name = format!(
                "{}/{}",
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap()
            );
            json!({ "fullUrl": format!("https://w3id.org/sauma/local/{name}"), "resource": resource })
        };
        let mut entries = vec![entry(self.plan(own)), entry(self.team(own))];
        let worker = format!("Työntekijä {}", self.unit);
        entries.push(entry(json!({"resourceType":"Practitioner","id":"a","name":[{"text":worker}]})));
        for (id, code) in [("p", CLIENTS[self.client]), ("q", CLIENTS[1 - self.client])] {
            entries.push(entry(json!({"resourceType":"Patient","id":id,"identifier":[{"system":"urn:oid:1.2.246.21","value":code}],"name":[{"family":"Testikoivu"}]})));
        }
        for (at, (words, origin, state)) in self.goals.iter().enumerate() {
            let (origin, note) = (ORIGINS[*origin], format!("{} {at}", self.label()));
            let mut goal = json!({"resourceType":"Goal","id":format!("g{at}"),"lifecycleStatus":STATES[*state],"category":[{"coding":[{"system":format!("{own}/CodeSystem/goal-origin"),"code":origin}]}],"description":{"text":WORDS[*words]},"achievementStatus":{"text":format!("vaihe {state}")},"subject":{"reference":"Patient/p"},"note":[{"text":note}]});
            if self.shared_goal && at == 0 {
                goal["identifier"] = json!([{"system":"urn:oid:1.2.3","value":"G1"}]);
            }
            entries.push(entry(goal));
        }
        for (at, code) in self.activities.iter().enumerate() {
            entries.push(entry(json!({"resourceType":"ServiceRequest","id":format!("s{at}"),"status":"active","intent":"plan","code":{"coding":[{"system":"urn:x","code":code.to_string()}]},"subject":{"reference":"Patient/p"}})));
        }
        let bundle = json!({"resourceType":"Bundle","type":"collection","entry":entries});
        fhir(&self.label(), UNITS[self.unit], &bundle.to_string())
    }

    fn plan(&self, own: &str) -> Value {
        let refs = |kind: &str, count: usize| -> Vec<Value> {
            (0..count).map(|at| json!({"reference":format!("{kind}{at}")})).collect()
        };
        let activities: Vec<Value> = refs("ServiceRequest/s", self.activities.len())
            .into_iter()
            .map(|to| json!({"reference":to}))
            .collect();
        let mut plan = json!({"resourceType":"CarePlan","id":"x","meta":{"versionId":self.version.to_string()},"contained":[{"resourceType":"Organization","id":"o","name":format!("Talo {}", self.unit)}],"extension":[{"url":format!("{own}/StructureDefinition/custodian"),"valueIdentifier":{"value":format!("talo-{}", self.unit)}}],"identifier":[{"system":"urn:plans","value":format!("{}-{}", self.unit, self.plan)}],"status":STATUS[self.status],"intent":"plan","subject":{"reference":"Patient/p"},"author":{"reference":"#o"},"careTeam":[{"reference":"CareTeam/t"}]});
        if let Some(month) = self.month {
            plan["meta"]["lastUpdated"] = json!(format!("2025-0{month}-01T10:00:00Z"));
        }
        if self.cosubject {
            let beside = json!({"url":format!("{own}/StructureDefinition/co-subject"),"valueReference":{"reference":"Patient/q"}});
            plan["extension"].as_array_mut().unwrap().push(beside);
        }
        for (name, list) in [("goal", refs("Goal/g", self.goals.len())), ("activity", activities)] {
            if !list.is_empty() {
                plan[name] = Value::Array(list);
            }
        }
        plan
    }

    fn team(&self, own: &str) -> Value {
        let role = if self.coordinator { "coordinator" } else { "author" };
        // One who left and came back has two periods.
        json!({"resourceType":"CareTeam","id":"t","subject":{"reference":"Patient/p"},"participant":[
            {"role":[{"coding":[{"system":format!("{own}/CodeSystem/team-role"),"code":role}]}],"member":{"reference":"Practitioner/a"}},
            {"member":{"display":"Sisar"},"period":{"end":"2024"}},
            {"member":{"display":"Sisar"},"period":{"start":"2025"}}]})
    }
}

pub(crate) fn cases() -> u32 {
    env::var("SAUMA_LAW_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// The same contributions, some of them twice, in another order.
fn stirred(inputs: &[Contribution], order: u64) -> Vec<Contribution> {
    let again = inputs.iter().enumerate().filter(|(at, _)| order >> at & 1 == 1).map(|(_, input)| input);
    let mut other: Vec<Contribution> = inputs.iter().chain(again).cloned().collect();
    let mut random = Random::new(order);
    for at in (1..other.len()).rev() {
        other.swap(at, random.below(at + 1));
    }
    other
}

/// A leaf as its path without places in lists, and its value.
type Leaf = (String, String);

/// What became of the leaves of the contributions. There is no fourth way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Ledger {
    /// They stand in the joined plan: as they are, or as what an earlier plan said of a goal's state.
    held: usize,
    /// They contradict another source, and a finding states both.
    stated: usize,
    /// Their whole contribution is told of, and not joined: superseded, taken back, or left for a person to decide.
    apart: usize,
}

/// The leaves of a resource; ids and the ends of references are the join's own.
fn leaves_of(value: &Value, path: &str, found: &mut Vec<Leaf>) {
    match value {
        Value::Object(object) => {
            for (name, below) in object
                .iter()
                .filter(|(name, _)| !["id", "contained", "resourceType"].contains(&name.as_str()))
            {
                leaves_of(below, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(list) => list.iter().for_each(|below| leaves_of(below, path, found)),
        _ if path.ends_with(".reference") => {
            found.push((path.to_owned(), String::new()));
        }
        leaf => found.push((path.to_owned(), leaf.as_str().map_or_else(|| leaf.to_string(), str::to_owned))),
    }
}

/// The resources of a Bundle by kind, contained ones among them, each as its leaves.
fn by_kind(bundle: &Value) -> BTreeMap<String, Vec<Vec<Leaf>>> {
    let mut found: BTreeMap<String, Vec<Vec<Leaf>>> = BTreeMap::new();
    let entries = bundle["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    for resource in entries
        .flat_map(|entry| [entry].into_iter().chain(entry["contained"].as_array().into_iter().flatten()))
    {
        let kind = resource["resourceType"].as_str().unwrap();
        let mut leaves = Vec::new();
        leaves_of(resource, kind, &mut leaves);
        found.entry(kind.to_owned()).or_default().push(leaves);
    }
    found
}

/// Counts every leaf of every contribution, over plain JSON; one that is nowhere comes back as an error.
fn ledger(inputs: &[Contribution], joined: &Joined) -> Result<Ledger, String> {
    let mut ledger = Ledger::default();
    let plan: Value = serde_json::from_str(&to_string(&joined.bundle, Layout::Compact)).unwrap();
    let made = by_kind(&plan);
    for input in inputs {
        let state =
            joined.sources.iter().find(|source| source.label == input.label).map(|source| source.state);
        let own: Value = serde_json::from_str(&to_string(&input.bundle, Layout::Compact)).unwrap();
        for (kind, resources) in by_kind(&own) {
            for leaves in resources {
                match state {
                    None => return Err(format!("{} is told of nowhere", input.label)),
                    Some(SourceState::Joined) => {}
                    Some(SourceState::Superseded | SourceState::Retracted | SourceState::LeftOut) => {
                        ledger.apart += leaves.len();
                        continue;
                    }
                }
                let candidates = made.get(&kind).into_iter().flatten();
                let missing = candidates.map(|there| missing(&leaves, there)).min_by_key(Vec::len);
                let missing = missing.ok_or_else(|| format!("{kind} of {} is nowhere", input.label))?;
                let sides = joined.findings.iter().flat_map(|finding| &finding.sides);
                let said: Vec<&str> =
                    sides.filter(|side| side.source == input.label).map(|side| side.value.as_str()).collect();
                for (path, value) in &missing {
                    if !said.iter().any(|said| said.contains(value.as_str())) {
                        return Err(format!("{}: {path} is nowhere", input.label));
                    }
                }
                ledger.stated += missing.len();
                ledger.held += leaves.len() - missing.len();
            }
        }
    }
    Ok(ledger)
}

/// The leaves that a resource of the joined plan lacks; an earlier state of a goal is kept in an extension.
fn missing<'a>(leaves: &'a [Leaf], there: &[Leaf]) -> Vec<&'a Leaf> {
    let mut free: Vec<&Leaf> = there.iter().collect();
    leaves
        .iter()
        .filter(|leaf| {
            let is = |other: &Leaf| {
                let earlier = (leaf.0.starts_with("Goal.lifecycleStatus")
                    || leaf.0.starts_with("Goal.achievementStatus"))
                    && other.0.starts_with("Goal.extension.extension.value");
                other.1 == leaf.1 && (other.0 == leaf.0 || earlier)
            };
            // Equal items of two sources are one, so a leaf may stand for several; of one resource each has its own.
            let found = free.iter().position(|other| is(other));
            found.map(|at| free.remove(at)).is_none() && !there.iter().any(is)
        })
        .collect()
}

/// A finding still stands after a further contribution: it is listed for something of each of its sides, or the
/// further one showed that they are one. A side may have fallen into parts: two plans' goal of one identifier is no
/// longer one when a third plan has the identifier and contradicts, and what was a likely duplicate of the whole is then
/// listed for the parts that it is like.
fn stands(finding: &Finding, before: &Joined, after: &Joined) -> bool {
    let now = |target: &str| -> BTreeSet<&str> {
        let was = before.lineage.iter().filter(|line| &*line.target == target);
        was.flat_map(|line| {
            let source = &before.sources[line.source];
            after
                .lineage
                .iter()
                .filter(move |other| other.node == line.node && after.sources[other.source] == *source)
        })
        .map(|line| &*line.target)
        .collect()
    };
    let sides: Vec<BTreeSet<&str>> = finding.sides.iter().map(|side| now(&side.target)).collect();
    let together: BTreeSet<&str> = sides.iter().flatten().copied().collect();
    let settled = finding.kind == FindingKind::LikelyDuplicate && together.len() == 1;
    let listed = |other: &Finding| {
        let targets: BTreeSet<&str> = other.sides.iter().map(|side| side.target.as_str()).collect();
        other.kind == finding.kind
            && other.element == finding.element
            && sides.iter().all(|side| !side.is_disjoint(&targets))
    };
    settled || after.findings.iter().any(listed)
}

/// Where each resource of each contribution stands in the joined plan.
fn places(joined: &Joined) -> BTreeMap<(String, NodeId), String> {
    let lines = joined.lineage.iter();
    lines
        .map(|line| ((joined.sources[line.source].label.clone(), line.node), line.target.to_string()))
        .collect()
}

/// The targets that the contributions of one key stand for.
fn touched(joined: &Joined, key: &str) -> BTreeSet<String> {
    let lines = joined.lineage.iter().filter(|line| {
        let source = &joined.sources[line.source];
        format!("{}|{}", source.unit, source.plan_key) == key
    });
    lines.map(|line| line.target.to_string()).collect()
}

/// The identifiers of a resource but a Patient, whose plan it is either way.
fn identifiers(json: &str) -> Vec<String> {
    let resource: Value = serde_json::from_str(json).unwrap();
    let of_patient = resource["resourceType"] == "Patient";
    let all = resource["identifier"].as_array().filter(|_| !of_patient).into_iter().flatten();
    all.map(|identifier| format!("{}|{}", identifier["system"], identifier["value"])).collect()
}

fn mirrored(change: &Change) -> (String, String, ChangeKind, Option<NodeId>, Option<NodeId>) {
    let kind = match change.kind {
        ChangeKind::Added => ChangeKind::Removed,
        ChangeKind::Removed => ChangeKind::Added,
        ChangeKind::Changed => ChangeKind::Changed,
    };
    (change.target.clone(), change.element.clone(), kind, change.after, change.before)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Order-independence and idempotence: any order and any number of copies give the same bytes, the same issues and
    /// the same contact.
    #[test]
    fn order_and_copies_do_not_matter(inputs in family(), order in any::<u64>()) {
        let once = join(&inputs, &[]);
        let again = join(&stirred(&inputs, order), &[]);
        prop_assert_eq!(bytes(&once), bytes(&again));
        prop_assert_eq!(once.issues, again.issues);
        prop_assert_eq!(once.contact, again.contact);
    }

    /// Monotony: every leaf of every contribution is in the joined plan, in a finding, or of a contribution that is
    /// told of and not joined.
    #[test]
    fn every_leaf_is_accounted_for(inputs in family()) {
        let joined = join(&inputs, &[]);
        assert_complete(&inputs, &joined);
        let counted = ledger(&inputs, &joined);
        prop_assert!(counted.is_ok(), "{counted:?}");
    }

    /// A further contribution takes nothing away: all that stood in the plan still stands in it.
    #[test]
    fn a_further_contribution_removes_nothing(mut all in family()) {
        let last = all.pop().unwrap();
        // A newer version of the same plan replaces it, so it is no further contribution.
        all.retain(|other| other.key() != last.key());
        let before = join(&all, &[]);
        all.push(last);
        let after = join(&all, &[]);
        // One about another client keeps everything apart until a person decides.
        prop_assume!(!after.is_refused());
        for line in &before.lineage {
            let source = &before.sources[line.source];
            let still = after.lineage.iter().any(|other| after.sources[other.source] == *source && other.node == line.node);
            prop_assert!(still, "{} of {}", line.target, source.label);
        }
        for finding in before.findings.iter().filter(|finding| finding.kind != FindingKind::MissingContact) {
            prop_assert!(stands(finding, &before, &after), "{finding:?} is gone");
        }
    }

    /// Locality: a changed contribution changes nothing that others alone contributed to.
    #[test]
    fn a_change_stays_where_it_belongs(made in prop::collection::vec(made(), 2..6), change in made()) {
        let kept = made.iter().map(|made| Made { client: 0, ..made.clone() }).collect();
        let before_inputs = distinct(kept);
        let of = made.last().unwrap();
        let new = Made { unit: of.unit, plan: of.plan, client: 0, version: 9, ..change }.contribution();
        let changed = new.key();
        let mut inputs = before_inputs.clone();
        inputs.push(new);
        let (before, after) = (join(&before_inputs, &[]), join(&inputs, &[]));
        let mut shared = touched(&before, &changed);
        shared.extend(touched(&after, &changed));
        // What the changed plan had in common with another may now stand under the other's id.
        let (old_places, new_places) = (places(&before), places(&after));
        let moved = old_places.iter().filter_map(|(at, old)| new_places.get(at).filter(|new| *new != old).map(|new| (old, new)));
        let moved: Vec<(&String, &String)> = moved.collect();
        let (old, new) = (resources(&before.bundle), resources(&after.bundle));
        // What has an identifier in common with it, too: whether two of others are one depends on what a third says.
        let named: BTreeSet<String> =
            [&old, &new].iter().flat_map(|of| shared.iter().filter_map(|name| of.get(name))).flat_map(|json| identifiers(json)).collect();
        for (name, json) in old.iter().chain(&new) {
            if identifiers(json).iter().any(|identifier| named.contains(identifier)) {
                shared.insert(name.clone());
            }
        }
        for (name, json) in &old {
            let own = ["CarePlan/joined", "CareTeam/joined", "DetectedIssue/", "Provenance/"].iter().any(|own| name.starts_with(own));
            let now = moved.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
            if own || shared.contains(name) || shared.contains(now) {
                continue;
            }
            let blank = |json: &String| moved.iter().fold(json.clone(), |json, (old, new)| json.replace(*old, "#").replace(*new, "#"));
            prop_assert_eq!(Some(blank(json)), new.get(now).map(blank), "{}", name);
        }
        // The comparison says the same: whatever it tells of stands in what the changed plan gave something to.
        for change in compare(&before, &after) {
            let own = ["CareTeam/joined", "DetectedIssue/", "Provenance/"].iter().any(|own| change.target.starts_with(own));
            let of_moved = moved.iter().any(|(old, new)| [*old, *new].contains(&&change.target));
            let refers = moved.iter().any(|(old, new)| {
                [old, new].iter().any(|name| old_and_new(&change, &before, &after).contains(name.as_str()))
            });
            prop_assert!(own || of_moved || refers || shared.contains(&change.target), "{} {}", change.target, change.element);
        }
    }

    /// Stable ids: what one source alone contributes has the id that it has without the others, and keeps it over
    /// the versions of its plan.
    #[test]
    fn ids_stay(inputs in family()) {
        let all = join(&inputs, &[]);
        let places_of_all = places(&all);
        for input in inputs.iter().filter(|input| places_of_all.keys().any(|(label, _)| *label == input.label)) {
            let alone = join(std::slice::from_ref(input), &[]);
            // Whose plan it is others may say: who stands beside here is the client there.
            for (at, target) in places(&alone).into_iter().filter(|(_, target)| !target.starts_with("Patient/")) {
                let Some(here) = places_of_all.get(&at) else { continue };
                let shared = places_of_all.iter().filter(|(_, other)| *other == here).count() > 1;
                // What plans call alike, as two goals of the same words, is numbered: a plan of the same key, about
                // another client of a family, may have taken the first numbers.
                let base = |name: &str| name.rsplit_once('-').map_or(name, |(base, _)| base).to_owned();
                let crowded = base(&target) == base(here) && places_of_all.values().any(|other| other.starts_with(&format!("{}-", base(&target))));
                prop_assert!(target == *here || shared || crowded, "{target} is {here} among others");
            }
        }
    }

    /// History: a day's plan is the join of what the sources had dated by then, and grows with the days.
    #[test]
    fn a_day_knows_nothing_of_later_ones(inputs in family(), order in any::<u64>()) {
        let dated: Vec<Contribution> = inputs.into_iter().filter(|input| input.time.is_some()).collect();
        let mut known = 0;
        for day in days(&dated) {
            let by_then: Vec<Contribution> = dated.iter().filter(|input| input.time.as_deref().unwrap()[..10] <= *day.to_string()).cloned().collect();
            let (then, joined) = (as_of(&stirred(&dated, order), &[], day), join(&by_then, &[]));
            prop_assert_eq!(bytes(&then), bytes(&joined));
            prop_assert!(then.sources.len() > known, "each day adds a version");
            known = then.sources.len();
        }
        prop_assert_eq!(known, join(&dated, &[]).sources.len());
    }

    /// What was added one way is removed the other way, and a plan differs from itself in nothing.
    #[test]
    fn differences_have_two_directions(left in family(), right in family()) {
        let (left, right) = (join(&left, &[]), join(&right, &[]));
        prop_assert_eq!(compare(&left, &left), Vec::new());
        let there = compare(&left, &right);
        let mut back: Vec<_> = compare(&right, &left).iter().map(mirrored).collect();
        let mut there: Vec<_> = there.iter().map(|change| {
            (change.target.clone(), change.element.clone(), change.kind, change.before, change.after)
        }).collect();
        there.sort();
        back.sort();
        prop_assert_eq!(there, back);
    }
}

/// What stands on both sides of a change, as JSON.
fn old_and_new(change: &Change, before: &Joined, after: &Joined) -> String {
    let mut said = String::new();
    for (joined, node) in [(before, change.before), (after, change.after)] {
        if let Some(node) = node {
            json::write(&joined.bundle, node, Layout::Compact, &mut said);
        }
    }
    said
}

#[test]
fn a_plan_that_shows_two_goals_to_be_one_settles_the_question() {
    let goal = |unit, plan, origin, shared_goal| Made {
        unit,
        plan,
        client: 0,
        version: 1,
        month: Some(1),
        status: 0,
        goals: vec![(5, origin, 0)],
        activities: Vec::new(),
        coordinator: false,
        shared_goal,
        cosubject: false,
    };
    // The last has the identifier of the first and looks back at the goal of the second.
    let inputs =
        [goal(0, 0, 0, true), goal(2, 0, 0, false), goal(2, 1, 1, true)].map(|made| made.contribution());
    let kinds = |joined: &Joined| joined.findings.iter().map(|finding| finding.kind).collect::<Vec<_>>();
    let (before, after) = (join(&inputs[..2], &[]), join(&inputs, &[]));
    assert_eq!(kinds(&before), [FindingKind::LikelyDuplicate, FindingKind::MissingContact]);
    assert_eq!(kinds(&after), [FindingKind::MissingContact]);
    assert!(before.findings.iter().take(1).all(|finding| stands(finding, &before, &after)));
    let goals = resources(&after.bundle).keys().filter(|name| name.starts_with("Goal/")).count();
    assert_eq!(goals, 1);
}
