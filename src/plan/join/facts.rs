//! What the join reads of one contribution whatever it is joined with: read once, for all joins that it takes part in.

use super::health::HealthPlan;
use super::identified::NAMED;
use super::items::is_unique;
use super::others::Whose;
use super::participants::Team;
use crate::plan::contribution::{Contribution, Resource, goal_origin, make_id};
use crate::plan::decision::APART;
use crate::plan::read::{all, identifiers, text};
use crate::plan::similar::Triples;
use crate::tree::Tree;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// Kinds of which two may be likely duplicates.
const COMPARED: [&str; 2] = ["Goal", "ServiceRequest"];

/// What the resources of a contribution say; each is named by its number.
#[derive(Debug)]
pub(in crate::plan) struct Facts {
    /// What each resource is called by its source: `Goal/0123…`.
    pub(super) references: Vec<Arc<str>>,
    pub(super) identified: Vec<Identified>,
    /// The identifiers, `system|value`, of what references may name by an identifier alone.
    pub(super) own: Vec<(u32, String)>,
    pub(super) goals: Vec<Goal>,
    /// What goals and activities say they are, in order of the resources.
    said: Vec<Said>,
    pub(super) teams: Vec<Team>,
    pub(super) whose: Whose,
    /// What stands for the contribution: `Provenance/0123…`.
    pub(super) provenance: String,
    pub(super) plan_identifier: Option<(String, String)>,
    pub(super) health_plans: Vec<HealthPlan>,
}

/// An identifier by which a resource may be one with another.
#[derive(Debug)]
pub(super) struct Identified {
    pub(super) resource: u32,
    /// Of kind and name: most are told apart by it.
    pub(super) hash: u64,
    /// `system|value`.
    pub(super) name: String,
}

/// What a goal says it is.
#[derive(Debug)]
pub(super) struct Goal {
    pub(super) resource: u32,
    /// The code and the text; the names of codes do not count.
    pub(super) words: String,
    pub(super) origin: &'static str,
    /// How many of the same origin say the same before it: two equal goals of one plan are two.
    pub(super) count: usize,
}

/// What a goal or an activity says it is.
#[derive(Debug)]
pub(super) struct Said {
    resource: u32,
    pub(super) words: String,
    pub(super) triples: Triples,
    /// As `system|code`.
    pub(super) codes: Vec<String>,
    /// What a decision about it goes by, once a finding has asked for it.
    print: OnceLock<String>,
}

impl Facts {
    pub(in crate::plan) fn of(contribution: &Contribution) -> Self {
        let resources = &contribution.resources;
        let reference = |resource: &Resource| [&resource.kind, "/", &resource.id].concat().into();
        Self {
            references: resources.iter().map(reference).collect(),
            identified: identified(contribution),
            own: own(contribution),
            goals: goals(contribution),
            said: said(contribution),
            teams: Team::all(contribution),
            whose: Whose::of(contribution),
            provenance: format!("Provenance/{}", make_id(&[&contribution.key(), "contribution"])),
            plan_identifier: contribution.plan_identifier(),
            health_plans: HealthPlan::all(contribution),
        }
    }
}

impl Facts {
    /// What a resource says it is, of a goal or an activity.
    pub(super) fn said(&self, resource: u32) -> Option<&Said> {
        let at = self.said.binary_search_by_key(&resource, |said| said.resource).ok()?;
        self.said.get(at)
    }
}

fn said(contribution: &Contribution) -> Vec<Said> {
    let resources = contribution.resources.iter().zip(0_u32..);
    let compared = resources.filter(|(resource, _)| COMPARED.contains(&resource.kind.as_str()));
    compared.map(|(resource, number)| Said::of(&contribution.bundle, resource, number)).collect()
}

impl Said {
    fn of(tree: &Tree, resource: &Resource, number: u32) -> Self {
        let element = tree.child_str(resource.node, said_in(&resource.kind));
        let own = element.and_then(|node| text(tree, node, &["text"]));
        let note = || text(tree, resource.node, &["note", "text"]);
        let words = own.or_else(note).map(Cow::into_owned).unwrap_or_default();
        let code = |coding| {
            let code = text(tree, coding, &["code"])?;
            Some([&*text(tree, coding, &["system"])?, "|", &*code].concat())
        };
        let codes = element.into_iter().flat_map(|node| all(tree, node, "coding")).filter_map(code);
        let (triples, codes) = (Triples::new(&words), codes.collect());
        Self { resource: number, words, triples, codes, print: OnceLock::new() }
    }

    /// What a decision about it goes by: made once.
    pub(super) fn print(&self, make: impl FnOnce() -> String) -> String {
        self.print.get_or_init(make).clone()
    }
}

/// The element that says what a goal or an activity is.
pub(super) fn said_in(kind: &str) -> &'static str {
    if kind == "Goal" { "description" } else { "code" }
}

fn identified(contribution: &Contribution) -> Vec<Identified> {
    let mut found = Vec::new();
    for (resource, number) in contribution.resources.iter().zip(0_u32..) {
        if APART.contains(&resource.kind.as_str()) {
            continue;
        }
        for (system, value) in identifiers(&contribution.bundle, resource.node) {
            if system.is_empty() && !is_unique(&value) {
                continue;
            }
            let name = [&*system, "|", &*value].concat();
            let mut hasher = DefaultHasher::new();
            (&resource.kind, &name).hash(&mut hasher);
            found.push(Identified { resource: number, hash: hasher.finish(), name });
        }
    }
    found
}

fn own(contribution: &Contribution) -> Vec<(u32, String)> {
    let resources = contribution.resources.iter().zip(0_u32..);
    let named = resources.filter(|(resource, _)| NAMED.contains(&resource.kind.as_str()));
    let names = named.flat_map(|(resource, number)| {
        let identifiers = identifiers(&contribution.bundle, resource.node);
        identifiers.map(move |(system, value)| (number, [&*system, "|", &*value].concat()))
    });
    names.collect()
}

fn goals(contribution: &Contribution) -> Vec<Goal> {
    let tree = &contribution.bundle;
    let mut counts: HashMap<(&str, String), usize> = HashMap::new();
    let mut found = Vec::new();
    for (resource, number) in contribution.resources.iter().zip(0_u32..) {
        let Some(words) = goal_words(tree, resource) else { continue };
        let origin = goal_origin(tree, resource.node);
        let next = counts.entry((origin, words.clone())).or_insert(0);
        found.push(Goal { resource: number, words, origin, count: *next });
        *next += 1;
    }
    found
}

fn goal_words(tree: &Tree, resource: &Resource) -> Option<String> {
    if resource.kind != "Goal" {
        return None;
    }
    let description = tree.child_str(resource.node, "description")?;
    let mut said = String::new();
    for leaf in tree.descend(description).filter(|leaf| tree.kind(*leaf).is_leaf()) {
        if tree.name_text(leaf) != "display" {
            said.push_str(&tree.text(leaf));
            said.push('\n');
        }
    }
    (!said.is_empty()).then_some(said)
}
