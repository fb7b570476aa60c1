//! What the join reads of one contribution whatever it is joined with: read once, for all joins that it takes part in.

use super::items::is_unique;
use super::others::Whose;
use super::participants::Team;
use crate::plan::contribution::{Contribution, Resource, goal_origin};
use crate::plan::decision::APART;
use crate::plan::read::identifiers;
use crate::tree::Tree;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// What the resources of a contribution say; each is named by its number.
#[derive(Debug)]
pub(in crate::plan) struct Facts {
    /// What each resource is called by its source: `Goal/0123…`.
    pub(super) references: Vec<Arc<str>>,
    pub(super) identified: Vec<Identified>,
    pub(super) goals: Vec<Goal>,
    pub(super) teams: Vec<Team>,
    pub(super) whose: Whose,
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

impl Facts {
    pub(in crate::plan) fn of(contribution: &Contribution) -> Self {
        let resources = &contribution.resources;
        let reference = |resource: &Resource| [&resource.kind, "/", &resource.id].concat().into();
        Self {
            references: resources.iter().map(reference).collect(),
            identified: identified(contribution),
            goals: goals(contribution),
            teams: Team::all(contribution),
            whose: Whose::of(contribution),
        }
    }
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
