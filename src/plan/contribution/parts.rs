//! A document that holds plans of several clients: each client's part is a contribution of its own.
//!
//! What a plan refers to goes with it, and so does what says that it is about its client. What nobody's plan leads to,
//! as the organisation that all of them share, goes with each. Nothing is left out.

use super::{Contribution, Resource};
use crate::diag::{Issue, codes};
use crate::plan::decision::Log;
use crate::plan::person::{Decided, by_client, find_client};
use crate::plan::read::{SUBJECTS, at, reference, text};
use crate::schema::sha256::digest;
use crate::tree::json::{self, Layout};
use crate::tree::{Kind, Name, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

/// Clients of one document whose parts are told apart; each part is walked by itself.
pub(in crate::plan) const CLIENTS_MAX: usize = 64;

/// How plans say which plan they belong to.
const PLAN_LINKS: &[&str] = &["partOf", "basedOn", "replaces"];

/// Warns where resources hold plans of several clients: the place of the second one's subject.
pub fn several_clients(bundle: &Tree) -> Option<(NodeId, Issue)> {
    let plans = bundle.children_named(NodeId::ROOT, Name::ENTRY).filter_map(|entry| {
        let resource = bundle.child(entry, Name::RESOURCE)?;
        (bundle.resource_type(resource)? == "CarePlan").then_some(resource)
    });
    // Most documents hold one plan; only where subjects differ at first sight is it worth a closer look.
    let seen: HashSet<_> = plans.filter_map(|plan| text(bundle, plan, &["subject", "reference"])).collect();
    if seen.len() < 2 {
        return None;
    }
    let whole = Contribution::new("", "", bundle.clone());
    let parts = whole.parts().unwrap_or_default();
    let clients = if parts.is_empty() && whole.names_several() {
        CLIENTS_MAX + 1
    } else {
        by_client(parts.iter().collect(), &Log::new(&[])).len()
    };
    if clients < 2 {
        return None;
    }
    let place = parts.get(1).unwrap_or(&whole).subject()?;
    let message = format!("the document holds plans of {} clients", told(clients));
    Some((place, Issue::warning(codes::SEVERAL_CLIENTS, bundle.span(place), message).at(bundle.path(place))))
}

fn told(clients: usize) -> String {
    if clients > CLIENTS_MAX { format!("more than {CLIENTS_MAX}") } else { clients.to_string() }
}

/// The client of a plan, as far as the plan names one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Client {
    Resource(u32),
    /// A reference that leads out of the document, an identifier, a name, or all that a contained resource says.
    Words(String),
}

impl Contribution {
    /// The parts of a document about several clients, `None` where it is about one, or about more than
    /// [`CLIENTS_MAX`].
    pub(in crate::plan) fn parts(&self) -> Option<Vec<Contribution>> {
        let groups = self.groups();
        if groups.len() < 2 || groups.len() > CLIENTS_MAX {
            return None;
        }
        let shares = Links::new(self).share(&groups);
        let mut counts: HashMap<NodeId, u32> = HashMap::new();
        for node in shares.iter().flatten() {
            *counts.entry(*node).or_default() += 1;
        }
        let common = |share: &HashSet<NodeId>| {
            share.iter().copied().filter(|node| counts.get(node).is_some_and(|count| *count > 1)).collect()
        };
        let part = |(plans, share): (&Vec<u32>, &HashSet<NodeId>)| Self {
            common: common(share),
            ..self.part(plans, share)
        };
        Some(groups.iter().zip(&shares).map(part).collect())
    }

    /// The keys that decisions know it by: its own, and of a document about several clients that of each one's part.
    pub fn keys(&self) -> Vec<String> {
        let parts = self.parts().unwrap_or_default();
        parts.iter().map(Self::key).chain([self.key()]).collect()
    }

    /// True where the document holds plans of several clients.
    pub(in crate::plan) fn names_several(&self) -> bool {
        self.groups().len() > 1
    }

    /// The element that names the client of the plan.
    pub(in crate::plan) fn subject(&self) -> Option<NodeId> {
        self.bundle.child_str(self.plan()?, "subject")
    }

    fn part(&self, plans: &[u32], kept: &HashSet<NodeId>) -> Self {
        let mut seed = self.document.to_vec();
        seed.extend(plans.iter().flat_map(|plan| plan.to_be_bytes()));
        let mut part = Self {
            resources: Vec::new(),
            references: HashMap::new(),
            plans: Vec::new(),
            numbers: HashMap::new(),
            links: OnceLock::new(),
            named: OnceLock::new(),
            fingerprint: digest(&seed),
            ..self.clone()
        };
        part.find_resources(Some(kept));
        part.read_header();
        part.name_resources();
        part.keep_register(self);
        part
    }

    /// The plans of each client, in order of the document.
    fn groups(&self) -> Vec<Vec<u32>> {
        let own: Vec<u32> = self.plans.iter().copied().filter(|plan| self.is_entry(*plan)).collect();
        let clients: BTreeMap<u32, Client> =
            own.iter().filter_map(|plan| Some((*plan, self.client_of(*plan)?))).collect();
        let mut places: BTreeMap<Option<&Client>, usize> = BTreeMap::new();
        let mut groups: Vec<Vec<u32>> = Vec::new();
        let several = clients.values().collect::<BTreeSet<_>>().len() > 1;
        for plan in own {
            // A plan that names no client is its neighbour's: the plan's that it belongs to, or the only client's.
            let neighbour = || self.linked_plans(plan).find_map(|other| clients.get(&other));
            let only = || clients.values().next().filter(|_| !several);
            let client = clients.get(&plan).or_else(neighbour).or_else(only);
            let place = *places.entry(client).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(plan);
        }
        groups
    }

    fn client_of(&self, plan: u32) -> Option<Client> {
        let tree = &*self.bundle;
        let subject = tree.child_str(self.node(plan)?, "subject")?;
        if let Some(said) = reference(tree, subject) {
            let Some(found) = self.resolve(plan, &said) else {
                return Some(Client::Words(said.into_owned()));
            };
            return match self.resources.get(found as usize) {
                // Each plan may contain a copy of one client.
                Some(Resource { container: Some(_), node, .. }) => {
                    let mut words = String::new();
                    json::write(tree, *node, Layout::Compact, &mut words);
                    Some(Client::Words(words))
                }
                _ => Some(Client::Resource(found)),
            };
        }
        let identifier = at(tree, subject, &["identifier"]);
        let system = identifier.and_then(|id| text(tree, id, &["system"])).unwrap_or_default();
        let value = identifier.and_then(|id| text(tree, id, &["value"]));
        let value = value.map(|value| format!("{system}|{value}"));
        let said = value.or_else(|| text(tree, subject, &["display"]).map(std::borrow::Cow::into_owned));
        said.map(Client::Words)
    }

    fn linked_plans(&self, plan: u32) -> impl Iterator<Item = u32> + use<'_> {
        let tree = &*self.bundle;
        let links = self.node(plan).into_iter().flat_map(move |node| {
            tree.children(node).filter(move |child| PLAN_LINKS.contains(&tree.name_text(*child)))
        });
        links.filter_map(move |link| self.resolve(plan, &reference(tree, link)?))
    }

    fn node(&self, number: u32) -> Option<NodeId> {
        self.resources.get(number as usize).map(|resource| resource.node)
    }

    fn is_entry(&self, number: u32) -> bool {
        self.resources.get(number as usize).is_some_and(|resource| resource.container.is_none())
    }
}

/// Which entry of a document refers to which, by their numbers among the resources.
struct Links<'a> {
    contribution: &'a Contribution,
    to: BTreeMap<u32, BTreeSet<u32>>,
    from: BTreeMap<u32, BTreeSet<u32>>,
    /// The Patient that an entry says it is about.
    about: BTreeMap<u32, u32>,
}

impl<'a> Links<'a> {
    fn new(contribution: &'a Contribution) -> Self {
        let tree = &*contribution.bundle;
        let mut links =
            Self { contribution, to: BTreeMap::new(), from: BTreeMap::new(), about: BTreeMap::new() };
        for (resource, number) in contribution.resources.iter().zip(0_u32..) {
            if resource.container.is_some() {
                continue;
            }
            for leaf in tree.descend(resource.node) {
                if tree.name(leaf) != Name::REFERENCE || tree.kind(leaf) != Kind::Str {
                    continue;
                }
                let Some(found) = contribution.resolve(number, &tree.text(leaf)) else { continue };
                let found = contribution.resources[found as usize].container.unwrap_or(found);
                if found != number {
                    links.to.entry(number).or_default().insert(found);
                    links.from.entry(found).or_default().insert(number);
                }
            }
            let client = SUBJECTS.iter().find_map(|name| {
                let node = contribution.follow(resource.node, tree.child_str(resource.node, name)?)?;
                contribution.number(node)
            });
            if let Some(client) = client {
                links.about.insert(number, client);
            }
        }
        links
    }

    /// For each group of plans the entries that go with it.
    fn share(&self, groups: &[Vec<u32>]) -> Vec<HashSet<NodeId>> {
        let plans: BTreeSet<u32> = groups.iter().flatten().copied().collect();
        let mut shares: Vec<BTreeSet<u32>> = Vec::new();
        for group in groups {
            let own: BTreeSet<u32> = group.iter().copied().collect();
            let foreign = |number: u32| plans.contains(&number) && !own.contains(&number);
            shares.push(walk(group.iter().copied(), &self.to, |number| !foreign(number)));
        }
        self.add_by_client(groups, &mut shares);
        self.add_by_reference(&mut shares);
        let entries = (0..crate::tree::to_u32(self.contribution.resources.len()))
            .filter(|number| self.contribution.is_entry(*number));
        let nobodys: Vec<u32> =
            entries.filter(|number| shares.iter().all(|share| !share.contains(number))).collect();
        let nodes = |share: BTreeSet<u32>| {
            let all = share.into_iter().chain(nobodys.iter().copied());
            all.filter_map(|number| self.contribution.node(number)).collect()
        };
        shares.into_iter().map(nodes).collect()
    }

    /// Adds what no plan refers to, but what says itself that it is about the client of one.
    fn add_by_client(&self, groups: &[Vec<u32>], shares: &mut [BTreeSet<u32>]) {
        let taken: BTreeSet<u32> = shares.iter().flatten().copied().collect();
        for (group, share) in groups.iter().zip(shares) {
            let clients: BTreeSet<u32> =
                group.iter().filter_map(|plan| self.about.get(plan).copied()).collect();
            let own = self.about.iter().filter(|(number, client)| {
                clients.contains(client) && !taken.contains(number) && !group.contains(number)
            });
            let own: Vec<u32> = own.map(|(number, _)| *number).collect();
            share.extend(walk(own.into_iter(), &self.to, |number| !taken.contains(&number)));
        }
    }

    /// Adds what refers to something that is one client's alone, as the Provenance of a goal.
    fn add_by_reference(&self, shares: &mut [BTreeSet<u32>]) {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for number in shares.iter().flatten() {
            *counts.entry(*number).or_default() += 1;
        }
        for share in shares {
            let alone: Vec<u32> =
                share.iter().copied().filter(|number| counts.get(number) == Some(&1)).collect();
            share.extend(walk(alone.into_iter(), &self.from, |number| !counts.contains_key(&number)));
        }
    }
}

/// What can be reached from some entries, they themselves included, over those that may be entered.
fn walk(
    from: impl Iterator<Item = u32>,
    links: &BTreeMap<u32, BTreeSet<u32>>,
    may_enter: impl Fn(u32) -> bool,
) -> BTreeSet<u32> {
    let mut found: BTreeSet<u32> = from.collect();
    let mut open: Vec<u32> = found.iter().copied().collect();
    while let Some(number) = open.pop() {
        for next in links.get(&number).into_iter().flatten().copied() {
            if may_enter(next) && found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}

/// What concerns the client of the contribution `label`: of documents about several clients the part of that client
/// alone, everything else as it is. Where no part is that client's for certain the document stays whole, so that the
/// join tells of it.
pub fn of_client(contributions: &[Contribution], label: &str) -> Vec<Contribution> {
    let pivot = contributions.iter().find(|contribution| contribution.label == label);
    let Some(pivot) = pivot.filter(|pivot| !pivot.names_several()) else { return contributions.to_vec() };
    let share = |contribution: &Contribution| -> Vec<Contribution> {
        let is_own = |part: &Contribution| find_client(&[pivot, part], &Decided::default()).members == [0, 1];
        let parts = contribution.parts().unwrap_or_default();
        let own: Vec<Contribution> = parts.into_iter().filter(is_own).collect();
        if own.is_empty() { vec![contribution.clone()] } else { own }
    };
    contributions.iter().flat_map(share).collect()
}
