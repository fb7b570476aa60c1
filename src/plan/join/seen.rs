//! What the join of everything establishes, for a join of what somebody may see of it: who the client is, who is
//! protected, whom the client may contact. What is withheld links records and protects people, and leaves no trace
//! else.

use super::ids::Ids;
use super::items::Items;
use super::protect::{Known, Protected};
use super::{Chosen, Joined, assemble, choose, renumber, team};
use crate::plan::contribution::Contribution;
use crate::plan::decision::{Decision, Log, Standing, Statement};
use crate::plan::identity::Hetu;
use crate::plan::person::{Clients, Decided, Standings, decided, find_client, hetus};
use crate::plan::read::identifiers;
use crate::tree::NodeId;
use std::collections::HashSet;

/// What people have decided, and what became of it so far.
pub(super) struct Made<'a> {
    pub(super) log: &'a Log<'a>,
    pub(super) decided: Decided,
    pub(super) standings: Standings,
}

/// The contributions that count, whose plans they are, and what people have decided about that.
pub(super) fn establish<'a, 'l>(
    contributions: &[&'a Contribution],
    log: &'l Log<'l>,
) -> (Chosen<'a>, Clients, Made<'l>) {
    let chosen = choose(contributions, log);
    let (decided, standings) = decided(log, &chosen.newest, &chosen.names);
    let clients = find_client(&chosen.newest, &decided);
    (chosen, clients, Made { log, decided, standings })
}

/// What is established of a set of contributions.
pub(in crate::plan) struct Whole<'a> {
    /// Those that are joined.
    members: Vec<&'a Contribution>,
    clients: Clients,
    known: Known,
    contacts: Vec<(usize, NodeId)>,
    /// What people have decided about resources; whose plans they are is established.
    decisions: Vec<Decision>,
}

impl<'a> Whole<'a> {
    /// What in the Patients of a member tells where a protected person lives.
    pub(in crate::plan) fn homes(&self, number: usize) -> Vec<NodeId> {
        self.known.homes(number, &self.members[number].bundle)
    }

    pub(in crate::plan) fn of(contributions: &[&'a Contribution], decisions: &[Decision]) -> Self {
        let log = Log::new(decisions);
        let (chosen, mut clients, _) = establish(contributions, &log);
        let members: Vec<&Contribution> =
            clients.members.iter().map(|number| chosen.newest[*number]).collect();
        renumber(&mut clients);
        let (items, _) = Items::new(members.clone(), &clients, &log, Ids::default());
        let known = Protected::of(&items).known(&items);
        let contacts = team::contacts(&items);
        Self { members, clients, known, contacts, decisions: of_resources(decisions) }
    }

    pub(in crate::plan) fn members(&self) -> &[&'a Contribution] {
        &self.members
    }

    /// A key of the client, the same for every view: the identity code, otherwise an identifier, otherwise the key of
    /// the first plan; empty where nothing is joined.
    pub(in crate::plan) fn client_key(&self) -> String {
        let patients = || {
            self.clients.patients.iter().filter_map(|(member, resource)| {
                let member = *self.members.get(*member)?;
                Some((member, member.resources.get(*resource as usize)?.node))
            })
        };
        let code = patients().find_map(|(member, node)| {
            hetus(&member.bundle, node)
                .map(|(_, code)| code.into_owned())
                .find(|code| Hetu::parse(code).is_ok())
        });
        let identifier = || {
            let found = patients().flat_map(|(member, node)| identifiers(&member.bundle, node));
            found.map(|(system, value)| format!("{system}|{value}")).min()
        };
        let plan = || self.members.first().map(|member| member.key());
        code.or_else(identifier).or_else(plan).unwrap_or_default()
    }

    /// The Patients of a member that are the client.
    pub(in crate::plan) fn client_nodes(&self, number: usize) -> HashSet<NodeId> {
        let own = self.clients.patients.iter().filter(|(member, _)| *member == number);
        own.filter_map(|(_, resource)| {
            Some(self.members.get(number)?.resources.get(*resource as usize)?.node)
        })
        .collect()
    }

    /// The participants of a member's teams whom the client may contact.
    pub(in crate::plan) fn contacts(&self, number: usize) -> HashSet<NodeId> {
        self.contacts.iter().filter(|(member, _)| *member == number).map(|(_, node)| *node).collect()
    }

    /// Joins what is seen of some members, each with the number of its member.
    pub(in crate::plan) fn join_seen(&self, mut seen: Vec<(usize, Contribution)>) -> Joined {
        // The order, too, is made of what is seen alone.
        seen.sort_by(|(_, a), (_, b)| {
            let key = |of: &Contribution| (of.unit.clone(), of.plan_key.clone(), of.fingerprint);
            key(a).cmp(&key(b)).then_with(|| a.label.cmp(&b.label))
        });
        let place = |number: usize| seen.iter().position(|(of, _)| *of == number);
        let moved = |patients: &[(usize, u32)]| -> Vec<(usize, u32)> {
            let one = |(number, resource): &(usize, u32)| {
                let node = self.members.get(*number)?.resources.get(*resource as usize)?.node;
                let at = place(*number)?;
                Some((at, seen.get(at)?.1.number(node)?))
            };
            let mut moved: Vec<(usize, u32)> = patients.iter().filter_map(one).collect();
            moved.sort_unstable();
            moved
        };
        let clients = Clients {
            members: (0..seen.len()).collect(),
            patients: moved(&self.clients.patients),
            others: self.clients.others.iter().map(|other| moved(other)).collect(),
            ..Clients::default()
        };
        let known = self.known.renumbered(place);
        let newest: Vec<&Contribution> = seen.iter().map(|(_, contribution)| contribution).collect();
        let names = seen.iter().map(|(_, contribution)| vec![contribution.key()]).collect();
        let (superseded, retracted, issues) = (Vec::new(), Vec::new(), Vec::new());
        let chosen = Chosen { newest, superseded, retracted, names, issues };
        self.follow(|decisions| {
            let (log, decided) = (Log::new(decisions), Decided::default());
            assemble(
                &chosen,
                clients.clone(),
                &known,
                Made { log: &log, decided, standings: Vec::new() },
                None,
            )
            .0
        })
    }

    /// Follows the decisions whose whole ground is seen. Of another one not even that its ground is gone may be told:
    /// what is withheld would speak through it.
    fn follow(&self, joined: impl Fn(&[Decision]) -> Joined) -> Joined {
        let mut decisions = self.decisions.clone();
        loop {
            let found = joined(&decisions);
            let is_told = |decision: &Decision| {
                let revokes = matches!(decision.statement(), Statement::Revoke(_));
                let mut rulings = found.rulings.iter().filter(|ruling| ruling.decision == *decision);
                revokes || rulings.any(|ruling| ruling.standing == Standing::Applied)
            };
            let before = decisions.len();
            decisions.retain(is_told);
            // Each round takes a decision away, or is the last.
            if decisions.len() == before {
                return found;
            }
        }
    }
}

/// The decisions about resources, and what revokes any.
fn of_resources(decisions: &[Decision]) -> Vec<Decision> {
    let is_about_one = |decision: &&Decision| match decision.statement() {
        Statement::SameClient(_) | Statement::NotSameClient(_) => false,
        Statement::SameResource(_)
        | Statement::NotSameResource(_)
        | Statement::Value { .. }
        | Statement::Coordinator(_)
        | Statement::Revoke(_) => true,
    };
    decisions.iter().filter(is_about_one).cloned().collect()
}
