//! Every published R4 plan joins, alone and in random groups, and no goal, activity or participant is lost. What is lost
//! is counted here over plain JSON, with nothing of ours: an element is there where one of the joined plan holds all
//! of its leaves.

use crate::shared::{folder as shared, in_parallel};
use sauma::exchange::document::read_resources;
use sauma::mapping::Random;
use sauma::plan::{Contribution, Decision, join};
use sauma::tree::json::{Layout, to_string};
use sauma::tree::{NodeId, Tree, fhir};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Groups of files that are joined as one client's.
const GROUPS: usize = 300;
/// Files of one group at most.
const GROUP_MAX: usize = 6;

/// What is counted: what a file has, and what of it the joined plan does not.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    joins: usize,
    plans: usize,
    goals: usize,
    activities: usize,
    participants: usize,
    lost: [usize; 3],
}

impl Count {
    fn add(&mut self, other: &Self) {
        self.joins += other.joins;
        self.plans += other.plans;
        self.goals += other.goals;
        self.activities += other.activities;
        self.participants += other.participants;
        self.lost.iter_mut().zip(other.lost).for_each(|(all, lost)| *all += lost);
    }

    fn row(&self, title: &str) {
        let Self { joins, plans, goals, activities, participants, lost } = self;
        println!(
            "| {title} | {joins} | {plans} | {goals} | {} | {activities} | {} | {participants} | {} |",
            lost[0], lost[1], lost[2]
        );
    }
}

/// A published file: its name, the tree that is joined, and the JSON that is counted.
struct File {
    name: String,
    tree: Tree,
    json: Value,
}

fn files() -> Vec<File> {
    let Some(shared) = shared() else { return Vec::new() };
    let index: Value =
        serde_json::from_str(&fs::read_to_string(shared.join("corpus/INDEX.json")).unwrap()).unwrap();
    let is_plan = |file: &&Value| {
        file["fhir_version"] == "R4" && file["counts"]["CarePlan"].as_u64().is_some_and(|plans| plans > 0)
    };
    let listed = index["files"].as_array().unwrap().iter().filter(is_plan);
    let read = |file: &Value| {
        let name = file["file"].as_str().unwrap();
        let text = fs::read_to_string(shared.join("corpus").join(name)).unwrap();
        let tree = read_resources(&text).map_err(|issue| format!("{name}: {}", issue.message)).unwrap();
        // Of XML there is no reader here but ours.
        let json = if file["format"] == "json" {
            serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap()
        } else {
            serde_json::from_str(&written(&tree)).unwrap()
        };
        File { name: name.to_owned(), tree, json }
    };
    listed.map(read).collect()
}

fn written(tree: &Tree) -> String {
    let schema = sauma::mapping::units::schema();
    let mut text = String::new();
    fhir::write_json(tree, NodeId::ROOT, Some(schema), Layout::Compact, &mut text);
    text
}

/// All resources of a file, contained ones too.
fn resources(json: &Value) -> Vec<&Value> {
    let alone = (json["resourceType"] != "Bundle").then_some(json);
    let entries = json["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    let whole = alone.into_iter().chain(entries).filter(|resource| resource.is_object());
    whole
        .flat_map(|entry| [entry].into_iter().chain(entry["contained"].as_array().into_iter().flatten()))
        .collect()
}

fn of_kind<'a>(resources: &[&'a Value], kind: &str) -> Vec<&'a Value> {
    resources.iter().copied().filter(|resource| resource["resourceType"] == kind).collect()
}

fn items<'a>(resource: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    resource[name].as_array().into_iter().flatten()
}

/// The leaves of an element by their paths; of a reference only that there is one, for its end is rewritten. Ids,
/// narratives and how a resource is kept belong to the file.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    const ASIDE: &[&str] = &["id", "meta", "contained", "text", "implicitRules", "language"];
    match value {
        Value::Object(object) => {
            for (name, below) in object {
                let is_aside = ASIDE.contains(&name.as_str()) && path.is_empty();
                if !is_aside && name != "id" && name != "fhir_comments" {
                    leaves(below, &format!("{path}.{name}"), found);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|below| leaves(below, path, found)),
        Value::Null => {}
        _ if path.ends_with(".reference") => {
            found.insert(path.to_owned());
        }
        leaf => {
            found.insert(format!("{path}={leaf}"));
        }
    }
}

fn all_leaves<'a>(elements: impl IntoIterator<Item = &'a Value>) -> Vec<BTreeSet<String>> {
    let of = |element: &Value| {
        let mut found = BTreeSet::new();
        leaves(element, "", &mut found);
        found
    };
    elements.into_iter().map(of).collect()
}

/// How many of the elements no element of the joined plan holds.
fn lost(given: &[BTreeSet<String>], there: &[BTreeSet<String>]) -> usize {
    given.iter().filter(|leaves| !there.iter().any(|other| leaves.is_subset(other))).count()
}

/// Joins files as one client's, by a person's decision, and counts.
fn count(files: &[&File]) -> Count {
    let inputs: Vec<Contribution> =
        files.iter().map(|file| Contribution::new(file.name.as_str(), "fhir", file.tree.clone())).collect();
    let decision = Decision::same_client(files.iter().map(|file| file.name.clone()).collect());
    let joined = join(&inputs, &[decision]);
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert!(!joined.is_refused(), "{names:?}: {:?}", joined.issues);
    let made: Value = serde_json::from_str(&to_string(&joined.bundle, Layout::Compact)).unwrap();
    let there = resources(&made);
    let (plans, teams): (Vec<&Value>, Vec<&Value>) =
        (of_kind(&there, "CarePlan"), of_kind(&there, "CareTeam"));
    let named = |list: &[&'_ Value], id: &str| list.iter().position(|resource| resource["id"] == id);
    let plan = named(&plans, "joined-plan").map(|at| plans[at]).unwrap();
    let team = named(&teams, "joined-team").map(|at| teams[at]).unwrap();
    let held_goals = all_leaves(of_kind(&there, "Goal"));
    let held = [all_leaves(items(plan, "activity")), all_leaves(items(team, "participant"))];
    let mut count = Count { joins: 1, ..Count::default() };
    // A newer version of one plan replaces the older one, also of a part of a file, and copies count once.
    let counts = |label: &str| {
        let mut parts = joined.sources.iter().filter(|source| source.label == label);
        parts.all(|part| part.state == sauma::plan::join::SourceState::Joined)
    };
    for file in files.iter().filter(|file| counts(&file.name)) {
        let own = resources(&file.json);
        let (plans, teams) = (of_kind(&own, "CarePlan"), of_kind(&own, "CareTeam"));
        let goals = all_leaves(of_kind(&own, "Goal"));
        let activities = all_leaves(plans.iter().flat_map(|plan| items(plan, "activity")));
        let participants = all_leaves(teams.iter().flat_map(|team| items(team, "participant")));
        count.plans += plans.len();
        count.goals += goals.len();
        count.activities += activities.len();
        count.participants += participants.len();
        let lost = [lost(&goals, &held_goals), lost(&activities, &held[0]), lost(&participants, &held[1])];
        if lost != [0; 3] {
            println!("{}: lost {lost:?} in {names:?}", file.name);
        }
        count.lost.iter_mut().zip(lost).for_each(|(all, lost)| *all += lost);
    }
    count
}

#[test]
fn published_plans_join_and_lose_nothing() {
    let files = files();
    if files.is_empty() {
        return;
    }
    let alone: Vec<Count> = in_parallel(&files, |file| count(&[file]));
    let mut random = Random::new(0x5AA0);
    let mut draw = |below: usize| random.below(below);
    let groups: Vec<Vec<&File>> = (0..GROUPS)
        .map(|_| (0..2 + draw(GROUP_MAX - 1)).map(|_| &files[draw(files.len())]).collect())
        .collect();
    let groups: Vec<Count> = in_parallel(&groups, |group: &Vec<&File>| count(group));
    println!("| | joins | plans | goals | lost | activities | lost | participants | lost |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let mut sums = [Count::default(); 2];
    for (sum, counts) in sums.iter_mut().zip([&alone, &groups]) {
        for count in counts {
            sum.add(count);
        }
    }
    sums[0].row("each file alone");
    sums[1].row("random groups");
    assert_eq!(sums.map(|sum| sum.lost), [[0; 3]; 2]);
    assert_eq!(sums[0].plans, 267);
}
