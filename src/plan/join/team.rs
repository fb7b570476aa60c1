//! The one team: everybody of every unit's team, and the one whom the client contacts.

use super::build::{Build, ElementRef, Part};
use super::items::Items;
use super::settled;
use crate::plan::decision::Ground;
use crate::plan::read::{all, concept, extensions, has_code, human_name, identifiers, text, value};
use crate::plan::similar::normalise;
use crate::plan::time;
use crate::tree::{Name, NodeId, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// The reference of the joined team.
pub(in crate::plan) const TEAM: &str = "CareTeam/joined-team";

/// Codes, by any code system, that name the one who coordinates.
const COORDINATOR_CODES: &[&str] = &[
    "coordinator",
    "care-coordinator",
    "responsible-worker",
    "own-worker",
    "lead",
    "case-manager",
    "asiakasvastaava",
    "omatyontekija",
    "768820003",
];

/// Beginnings of words in a role that name the one who coordinates, in normalised form.
const COORDINATOR_WORDS: &[&str] = &[
    "asiakasvastaav",
    "omatyönteki",
    "oma työnteki",
    "vastuutyönteki",
    "vastaava työnteki",
    "vastuuhenkilö",
    "palveluohjaajavastaava",
    "koordinaattori",
    "klientansvarig",
    "egen kontaktperson",
    "ansvarig arbetstagare",
    "egen arbetstagare",
    "koordinator",
    "samordnare",
    "coordinator",
    "responsible worker",
    "case manager",
    "lead",
];

/// Codes of those who answer for one unit's plan, or for the whole with another; one such person is the contact where
/// nobody coordinates.
pub(in crate::plan) const RESPONSIBLE_CODES: &[&str] = &["responsible-expert", PAIR_LEAD];

/// Our code of those who lead as a pair. One of them may be the coordinator too; the other is none.
const PAIR_LEAD: &str = "pair-lead";

/// States of a team that is none any more: its members coordinate nothing.
const OVER: &[&str] = &["inactive", "entered-in-error"];

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

/// How far a role makes somebody the contact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Member,
    Responsible,
    Coordinator,
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
    for item in teams(items) {
        let tree = items.list[item].tree;
        let leads = leads(items, item);
        let is_over =
            text(tree, items.node(item), &["status"]).is_some_and(|status| OVER.contains(&&*status));
        for (at, node) in all(tree, items.node(item), "participant").enumerate() {
            let mut rank = rank(items, item, node, &leads);
            let member = items.list[item].member;
            let decided = items.settled.coordinator.as_ref().is_some_and(|(_, decided)| {
                !has_ended(items, item, node) && contact_person(items, item, node).who() == decided.who()
            });
            if decided {
                rank = Rank::Coordinator;
            }
            let element = write_participant(build, team, item, (node, at), rank);
            build.parts.push(Part { member, target: TEAM.into(), element: ElementRef::Id(element.into()) });
            if rank > Rank::Member && !is_over && !has_ended(items, item, node) {
                let person = contact_person(items, item, node);
                candidates.entry((rank, person.who())).or_insert(person);
            }
        }
    }
    for name in ["managingOrganization", "telecom", "note"] {
        for item in teams(items) {
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

fn has_own_role(tree: &Tree, participant: NodeId, code: &str) -> bool {
    all(tree, participant, "role").any(|role| has_code(tree, role, "team-role", code))
}

/// Everybody who takes part and has not left.
pub(super) fn members(items: &Items<'_>) -> Vec<ContactPerson> {
    let of_team = |team: usize| {
        let all = all(items.list[team].tree, items.node(team), "participant");
        all.filter(move |node| !has_ended(items, team, *node))
            .map(move |node| contact_person(items, team, node))
    };
    teams(items).into_iter().flat_map(of_team).collect()
}

/// The participants of all teams whom the client may turn to, by the contribution and the node.
pub(super) fn contacts(items: &Items<'_>) -> Vec<(usize, NodeId)> {
    let mut found = Vec::new();
    for item in teams(items) {
        let leads = leads(items, item);
        let tree = items.list[item].tree;
        let answers = all(tree, items.node(item), "participant")
            .filter(|node| rank(items, item, *node, &leads) > Rank::Member && !has_ended(items, item, *node));
        found.extend(answers.map(|node| (items.list[item].member, node)));
    }
    found
}

fn teams(items: &Items<'_>) -> Vec<usize> {
    (0..items.list.len()).filter(|item| items.kind(*item) == "CareTeam").collect()
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

fn write_participant(
    build: &mut Build<'_>,
    team: NodeId,
    item: usize,
    (node, at): (NodeId, usize),
    rank: Rank,
) -> String {
    let source = build.items.list[item].tree;
    let (copy, new) = build.copy_new(team, item, node);
    if let (Some(id), false) = (build.tree.child(copy, Name::ID), new) {
        return build.tree.text(id).into_owned();
    }
    if rank == Rank::Coordinator && !has_own_role(source, node, "coordinator") {
        build.own_concept(copy, "role", "team-role", "coordinator");
        build.gather(copy);
    }
    build.id_of(copy, item, "participant", at)
}

/// The identifiers that a team's own extension names as those of its lead.
fn leads(items: &Items<'_>, item: usize) -> BTreeSet<String> {
    let tree = items.list[item].tree;
    let named = extensions(tree, items.node(item), "lead").filter_map(|extension| value(tree, extension));
    named
        .filter_map(|reference| text(tree, reference, &["identifier", "value"]))
        .map(std::borrow::Cow::into_owned)
        .collect()
}

fn rank(items: &Items<'_>, item: usize, node: NodeId, leads: &BTreeSet<String>) -> Rank {
    let tree = items.list[item].tree;
    let mut rank = Rank::Member;
    for role in all(tree, node, "role") {
        let has = |codes: &[&str]| {
            let mut of_role = all(tree, role, "coding").filter_map(|coding| text(tree, coding, &["code"]));
            of_role.any(|code| codes.iter().any(|known| code.eq_ignore_ascii_case(known)))
        };
        let says = |word: &str| {
            let normal = normalise(word);
            let begins = |at: usize| at == 0 || normal.as_bytes().get(at - 1) == Some(&b' ');
            COORDINATOR_WORDS.iter().any(|known| normal.match_indices(known).any(|(at, _)| begins(at)))
        };
        let displays = all(tree, role, "coding").filter_map(|coding| text(tree, coding, &["display"]));
        // The words for a lead of a pair are those for a lead.
        let in_words =
            !has(&[PAIR_LEAD]) && displays.chain(text(tree, role, &["text"])).any(|word| says(&word));
        if has(COORDINATOR_CODES) || in_words {
            return Rank::Coordinator;
        }
        if has(RESPONSIBLE_CODES) {
            rank = Rank::Responsible;
        }
    }
    if !leads.is_empty() && known_as(items, item, node).iter().any(|id| leads.contains(id)) {
        return Rank::Coordinator;
    }
    rank
}

/// The identifiers of a participant: its own and those of its member.
fn known_as(items: &Items<'_>, item: usize, node: NodeId) -> Vec<String> {
    let tree = items.list[item].tree;
    let own = extensions(tree, node, "member").filter_map(|extension| value(tree, extension));
    let mut known: Vec<String> =
        own.filter_map(|id| text(tree, id, &["value"])).map(std::borrow::Cow::into_owned).collect();
    for person in [follow(items, item, node, "member"), practitioner(items, item, node)].into_iter().flatten()
    {
        known.extend(
            identifiers(items.list[person].tree, items.node(person)).map(|(_, value)| value.into_owned()),
        );
    }
    known
}

/// The resource that an element of a node refers to.
fn follow(items: &Items<'_>, item: usize, node: NodeId, name: &str) -> Option<usize> {
    items.follow(item, items.list[item].tree.child_str(node, name)?)
}

fn practitioner(items: &Items<'_>, item: usize, node: NodeId) -> Option<usize> {
    let member = follow(items, item, node, "member")?;
    follow(items, member, items.node(member), "practitioner")
}

/// True where the period of the participation ended before its source was written. There is no clock here.
fn has_ended(items: &Items<'_>, item: usize, node: NodeId) -> bool {
    let end = text(items.list[item].tree, node, &["period", "end"]).and_then(|end| time::seconds(&end));
    let written = items.members[items.list[item].member].time.as_deref().and_then(time::seconds);
    end.zip(written).is_some_and(|(end, written)| end < written)
}

fn contact_person(items: &Items<'_>, item: usize, node: NodeId) -> ContactPerson {
    let tree = items.list[item].tree;
    let member = follow(items, item, node, "member");
    let person = practitioner(items, item, node).or(member);
    let organisation = member.and_then(|member| follow(items, member, items.node(member), "organization"));
    let named = |item: usize| human_name(items.list[item].tree, items.node(item));
    // A person may be known by the words of a reference alone.
    let shown = || {
        let of_role = member.and_then(|member| {
            text(items.list[member].tree, items.node(member), &["practitioner", "display"])
        });
        of_role.or_else(|| text(tree, node, &["member", "display"])).map(std::borrow::Cow::into_owned)
    };
    let title = member.and_then(|member| {
        let tree = items.list[member].tree;
        all(tree, items.node(member), "code")
            .find_map(|code| concept(tree, code))
            .map(std::borrow::Cow::into_owned)
    });
    let role = || {
        all(tree, node, "role").find_map(|role| text(tree, role, &["text"])).map(std::borrow::Cow::into_owned)
    };
    let mut telecom = Vec::new();
    for holder in [member, person, organisation].into_iter().flatten() {
        let tree = items.list[holder].tree;
        let values =
            all(tree, items.node(holder), "telecom").filter_map(|telecom| text(tree, telecom, &["value"]));
        telecom.extend(values.map(std::borrow::Cow::into_owned));
    }
    telecom.dedup();
    let shown_place = || {
        let member = member?;
        text(items.list[member].tree, items.node(member), &["organization", "display"])
            .map(std::borrow::Cow::into_owned)
    };
    let organisation = organisation.and_then(named).or_else(shown_place).unwrap_or_default();
    let name = person.and_then(named).or_else(shown).unwrap_or_else(|| organisation.clone());
    let ground = settled::ground(items, person.unwrap_or(item), items.ids.id(&["member", &normalise(&name)]));
    ContactPerson {
        name,
        ground,
        role: title.or_else(role).unwrap_or_default(),
        organisation,
        telecom,
        source: items.members[items.list[item].member].label.clone(),
        target: person.map(|person| items.target(person).to_owned()).unwrap_or_default(),
    }
}
