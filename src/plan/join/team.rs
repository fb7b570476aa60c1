//! The one team: everybody of every unit's team, and the one whom the client contacts.

use super::build::Build;
use super::items::Items;
use super::lists::{self, Given, List};
use super::participants::{PAIR_LEAD, Participant, Rank, Team, has_own_role};
use super::settled;
use crate::plan::decision::Ground;
use crate::plan::read::{all, text};
use crate::plan::similar::normalise;
use crate::tree::NodeId;
use std::collections::BTreeMap;

/// The reference of the joined team.
pub(in crate::plan) const TEAM: &str = "CareTeam/joined-team";

/// How many lead as a pair.
const PAIR: usize = 2;

/// A person or an organisation that the client can turn to.
#[derive(Clone, PartialEq, Eq)]
pub struct ContactPerson {
    /// The name, as far as a source gives it.
    pub name: String,
    /// The title or role.
    pub role: String,
    /// The organisation.
    pub organisation: String,
    /// Telephone numbers and other addresses.
    pub telecom: Vec<String>,
    /// The label of the contribution that names the person.
    pub source: String,
    /// What stands for the member in the joined plan.
    pub target: String,
    /// What a decision about the person names.
    pub ground: Ground,
}

impl ContactPerson {
    /// What tells one person from another: what stands for them, otherwise the name.
    pub(super) fn who(&self) -> String {
        if self.target.is_empty() { normalise(&self.name) } else { self.target.clone() }
    }
}

impl std::fmt::Debug for ContactPerson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ContactPerson").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Whom the client contacts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Contact {
    /// One answer.
    One(ContactPerson),
    /// The sources name several.
    Several(Vec<ContactPerson>),
    /// No source names anybody.
    #[default]
    Missing,
}

/// Writes the joined team and says whom the client contacts. True where the team fits its profile.
pub(super) fn write(build: &mut Build<'_>, contact: &mut Contact) -> bool {
    let items = build.items;
    let team = build.resource(TEAM);
    build.text(team, "status", "active");
    if let Some(client) = build.client() {
        build.reference(team, "subject", client);
    }
    let mut candidates: BTreeMap<(Rank, String), ContactPerson> = BTreeMap::new();
    for (item, known) in teams(items) {
        let contribution = items.members[items.list[item].member];
        let mut given = Vec::with_capacity(known.participants.len());
        for (at, participant) in known.participants.iter().enumerate() {
            let mut rank = participant.rank;
            let has_ended = participant.has_ended(contribution);
            let decided = items.settled.coordinator.as_ref().is_some_and(|(_, decided)| {
                !has_ended && contact_person(items, item, participant).who() == decided.who()
            });
            if decided {
                rank = Rank::Coordinator;
            }
            given.push(Given { node: participant.node, list: list_of(participant, rank), at });
            if rank > Rank::Member && !known.is_over && !has_ended {
                let person = contact_person(items, item, participant);
                candidates.entry((rank, person.who())).or_insert(person);
            }
        }
        lists::copy(build, team, item, &given);
    }
    for name in ["managingOrganization", "telecom", "note"] {
        for (item, _) in teams(items) {
            for node in all(items.list[item].tree, items.node(item), name) {
                build.copy_new(team, item, node);
            }
        }
    }
    *contact = choose(candidates);
    let fits = fits_profile(build, team);
    if fits {
        build.claim(team, "sauma-team");
    }
    fits
}

/// What `sauma-team` demands beyond FHIR: a client, somebody in each participation, and one pair. Units may name
/// different pairs, and may describe one twice.
fn fits_profile(build: &Build<'_>, team: NodeId) -> bool {
    let tree = &build.tree;
    let is_somebody = |node: &NodeId| {
        let has = |name| tree.child_str(*node, name).is_some();
        has("member") || has("onBehalfOf") && !has_own_role(tree, *node, "coordinator")
    };
    let leads = |node: &NodeId| {
        has_own_role(tree, *node, PAIR_LEAD) && text(tree, *node, &["period", "end"]).is_none()
    };
    build.client().is_some()
        && all(tree, team, "participant").all(|node| is_somebody(&node))
        && all(tree, team, "participant").filter(leads).count() <= PAIR
}

/// Everybody who takes part and has not left.
pub(super) fn members(items: &Items<'_>) -> Vec<ContactPerson> {
    present(items).map(|(item, participant)| contact_person(items, item, participant)).collect()
}

/// The same without how to reach them: that is told of the one contact alone, where protected numbers are taken out.
pub(super) fn people(items: &Items<'_>) -> Vec<ContactPerson> {
    present(items).map(|(item, participant)| person(items, item, participant)).collect()
}

/// The participants of all teams whom the client may turn to, by the contribution and the node.
pub(super) fn contacts(items: &Items<'_>) -> Vec<(usize, NodeId)> {
    let answers = present(items).filter(|(_, participant)| participant.rank > Rank::Member);
    answers.map(|(item, participant)| (items.list[item].member, participant.node)).collect()
}

/// The participants who have not left, each with its team.
fn present<'a>(items: &'a Items<'_>) -> impl Iterator<Item = (usize, &'a Participant)> {
    teams(items).flat_map(move |(item, team)| {
        let contribution = items.members[items.list[item].member];
        let here = team.participants.iter().filter(|participant| !participant.has_ended(contribution));
        here.map(move |participant| (item, participant))
    })
}

fn teams<'a>(items: &'a Items<'_>) -> impl Iterator<Item = (usize, &'a Team)> {
    items.members.iter().enumerate().flat_map(move |(member, contribution)| {
        let teams = contribution.facts().teams.iter();
        teams.map(move |team| (items.number(member, team.resource), team))
    })
}

fn choose(candidates: BTreeMap<(Rank, String), ContactPerson>) -> Contact {
    let coordinates = |((rank, _), _): &((Rank, String), ContactPerson)| *rank == Rank::Coordinator;
    let (coordinators, responsible): (Vec<_>, Vec<_>) = candidates.into_iter().partition(coordinates);
    let people = |ranked: Vec<(_, ContactPerson)>| ranked.into_iter().map(|(_, person)| person).collect();
    one_contact(people(coordinators), people(responsible))
}

/// Whom the client contacts: who coordinates, otherwise the only one who answers for a plan. Each person comes once.
pub(in crate::plan) fn one_contact(
    mut coordinators: Vec<ContactPerson>,
    mut responsible: Vec<ContactPerson>,
) -> Contact {
    match (coordinators.len(), responsible.len()) {
        (1, _) => Contact::One(coordinators.remove(0)),
        (0, 1) => Contact::One(responsible.remove(0)),
        // Each of several units has somebody who answers for its own plan: that names nobody for the whole.
        (0, _) => Contact::Missing,
        _ => Contact::Several(coordinators),
    }
}

/// The list of those who take part: one who coordinates without our own code is marked.
fn list_of(participant: &Participant, rank: Rank) -> List {
    let marks = rank == Rank::Coordinator && !participant.is_marked;
    List { of: TEAM, name: "participant", to: "participant", marks }
}

fn contact_person(items: &Items<'_>, item: usize, participant: &Participant) -> ContactPerson {
    ContactPerson { telecom: participant.telecom.clone(), ..person(items, item, participant) }
}

fn person(items: &Items<'_>, item: usize, participant: &Participant) -> ContactPerson {
    let member = items.list[item].member;
    let person = participant.person.map(|person| items.number(member, person));
    ContactPerson {
        name: participant.name.clone(),
        ground: settled::ground(items, person.unwrap_or(item), participant.print.clone()),
        role: participant.role.clone(),
        organisation: participant.organisation.clone(),
        telecom: Vec::new(),
        source: items.members[member].label.clone(),
        target: person.map(|person| items.target(person).to_owned()).unwrap_or_default(),
    }
}
