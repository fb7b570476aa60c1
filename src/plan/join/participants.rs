//! Who takes part in the teams of one contribution, as it tells of them: names, roles and who leads.

use crate::plan::contribution::{Contribution, make_id};
use crate::plan::read::{all, concept, extensions, has_code, human_name, identifiers, text, value};
use crate::plan::similar::normalise;
use crate::plan::time;
use crate::tree::{NodeId, Tree};
use std::borrow::Cow;
use std::collections::BTreeSet;

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
pub(super) const PAIR_LEAD: &str = "pair-lead";

/// States of a team that is none any more: its members coordinate nothing.
const OVER: &[&str] = &["inactive", "entered-in-error"];

/// How far a role makes somebody the contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Member,
    Responsible,
    Coordinator,
}

/// A team of a contribution.
#[derive(Debug)]
pub(super) struct Team {
    pub(super) resource: u32,
    pub(super) is_over: bool,
    pub(super) participants: Vec<Participant>,
}

/// Somebody who takes part in a team.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) node: NodeId,
    pub(super) rank: Rank,
    /// Has our own code of a coordinator.
    pub(super) is_marked: bool,
    /// When the participation ended, in seconds since 1970.
    end: Option<i64>,
    /// The resource of the person.
    pub(super) person: Option<u32>,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) organisation: String,
    pub(super) telecom: Vec<String>,
    /// A fingerprint of the name.
    pub(super) print: String,
}

impl Team {
    /// The teams of a contribution, in order of their resources.
    pub(super) fn all(contribution: &Contribution) -> Vec<Self> {
        let resources = contribution.resources.iter().zip(0_u32..);
        let teams = resources.filter(|(resource, _)| resource.kind == "CareTeam");
        teams.map(|(resource, number)| Self::of(contribution, (resource.node, number))).collect()
    }

    fn of(contribution: &Contribution, (node, resource): (NodeId, u32)) -> Self {
        let tree = &contribution.bundle;
        let team = Reading { contribution, resource };
        let leads = leads(tree, node);
        let is_over = text(tree, node, &["status"]).is_some_and(|status| OVER.contains(&&*status));
        let participants =
            all(tree, node, "participant").map(|participant| team.participant(participant, &leads));
        Self { resource, is_over, participants: participants.collect() }
    }
}

impl Participant {
    /// True where the period of the participation ended before its source was written. There is no clock here.
    pub(super) fn has_ended(&self, contribution: &Contribution) -> bool {
        let written = || contribution.time.as_deref().and_then(time::seconds);
        self.end.is_some_and(|end| written().is_some_and(|written| end < written))
    }
}

/// True where a participant has one of our own codes of roles.
pub(super) fn has_own_role(tree: &Tree, participant: NodeId, code: &str) -> bool {
    all(tree, participant, "role").any(|role| has_code(tree, role, "team-role", code))
}

/// The identifiers that a team's own extension names as those of its lead.
fn leads(tree: &Tree, team: NodeId) -> BTreeSet<String> {
    let named = extensions(tree, team, "lead").filter_map(|extension| value(tree, extension));
    named
        .filter_map(|reference| text(tree, reference, &["identifier", "value"]))
        .map(Cow::into_owned)
        .collect()
}

/// A resource of a contribution that is being read.
#[derive(Clone, Copy)]
struct Reading<'a> {
    contribution: &'a Contribution,
    resource: u32,
}

impl<'a> Reading<'a> {
    fn tree(self) -> &'a Tree {
        &self.contribution.bundle
    }

    fn node(self) -> Option<NodeId> {
        self.contribution.resources.get(self.resource as usize).map(|resource| resource.node)
    }

    /// The resource that an element of a node in this one refers to.
    fn follow(self, node: NodeId, name: &str) -> Option<Self> {
        let element = self.tree().child_str(node, name)?;
        let said = crate::plan::read::reference(self.tree(), element)?;
        let resource = self.contribution.resolve(self.resource, &said)?;
        Some(Self { resource, ..self })
    }

    /// What the resource itself refers to.
    fn leads_to(self, name: &str) -> Option<Self> {
        self.follow(self.node()?, name)
    }

    fn name(self) -> Option<String> {
        human_name(self.tree(), self.node()?)
    }

    fn text(self, path: &[&str]) -> Option<String> {
        text(self.tree(), self.node()?, path).map(Cow::into_owned)
    }

    fn participant(self, node: NodeId, leads: &BTreeSet<String>) -> Participant {
        let tree = self.tree();
        let member = self.follow(node, "member");
        let practitioner = member.and_then(|member| member.leads_to("practitioner"));
        let person = practitioner.or(member);
        let unit = member.and_then(|member| member.leads_to("organization"));
        let shown_unit = || member?.text(&["organization", "display"]);
        let organisation = unit.and_then(Self::name).or_else(shown_unit).unwrap_or_default();
        // A person may be known by the words of a reference alone.
        let shown = || {
            let of_role = member.and_then(|member| member.text(&["practitioner", "display"]));
            of_role.or_else(|| text(tree, node, &["member", "display"]).map(Cow::into_owned))
        };
        let name = person.and_then(Self::name).or_else(shown).unwrap_or_else(|| organisation.clone());
        let role =
            || all(tree, node, "role").find_map(|role| text(tree, role, &["text"])).map(Cow::into_owned);
        Participant {
            node,
            rank: rank(tree, node, leads, || self.known_as(node, [member, practitioner])),
            is_marked: has_own_role(tree, node, "coordinator"),
            end: text(tree, node, &["period", "end"]).and_then(|end| time::seconds(&end)),
            person: person.map(|person| person.resource),
            role: member.and_then(Self::title).or_else(role).unwrap_or_default(),
            telecom: telecom([member, person, unit]),
            print: make_id(&["member", &normalise(&name)]),
            organisation,
            name,
        }
    }

    /// The title that a role gives.
    fn title(self) -> Option<String> {
        let tree = self.tree();
        all(tree, self.node()?, "code").find_map(|code| concept(tree, code)).map(Cow::into_owned)
    }

    /// The identifiers of a participant: its own and those of its member.
    fn known_as(self, node: NodeId, people: [Option<Self>; 2]) -> Vec<String> {
        let tree = self.tree();
        let own = extensions(tree, node, "member").filter_map(|extension| value(tree, extension));
        let own = own.filter_map(|id| text(tree, id, &["value"]));
        let people = people.into_iter().flatten().filter_map(Self::node);
        let theirs = people.flat_map(|person| identifiers(tree, person)).map(|(_, value)| value);
        own.chain(theirs).map(Cow::into_owned).collect()
    }
}

fn telecom(holders: [Option<Reading<'_>>; 3]) -> Vec<String> {
    let mut found = Vec::new();
    for holder in holders.into_iter().flatten() {
        let tree = holder.tree();
        let Some(node) = holder.node() else { continue };
        let values = all(tree, node, "telecom").filter_map(|telecom| text(tree, telecom, &["value"]));
        found.extend(values.map(Cow::into_owned));
    }
    found.dedup();
    found
}

fn rank(tree: &Tree, node: NodeId, leads: &BTreeSet<String>, known_as: impl Fn() -> Vec<String>) -> Rank {
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
    if !leads.is_empty() && known_as().iter().any(|id| leads.contains(id)) {
        return Rank::Coordinator;
    }
    rank
}
