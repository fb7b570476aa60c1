//! All that is known of one client: the documents of every unit that are about the same person, and what people have
//! decided. Equal identifiers and decisions lead from one to the next; who is one person is decided by `plan` alone.

use super::find::token;
use super::records::{Records, series_of};
use super::taking::{label, stored_ids};
use super::version::{SERIES, Version};
use crate::plan::linked::{self, known_by, linked, parted};
use crate::plan::permission::Recorder;
use crate::plan::{Contribution, Decision, SAUMA};
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::document::Document;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::store::{Name, Record, Store};
use crate::tree::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How often what was found may lead to more.
const ROUNDS_MAX: usize = 16;
/// Patients of all units that may be one person.
const PATIENTS_MAX: usize = 500;

/// Which versions are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server) enum Depth {
    /// The current ones.
    Current,
    /// The earlier ones too.
    All,
}

/// Where a contribution comes from.
#[derive(Debug, Clone)]
pub(in crate::server) enum Origin {
    /// A version of a document.
    Document(Version),
    /// What a unit has written by REST.
    Records(Records),
}

impl Origin {
    /// The unit that it is of.
    pub(in crate::server) fn owner(&self) -> Option<&str> {
        let (Self::Document(Version { owner, .. }) | Self::Records(Records { owner, .. })) = self;
        owner.as_deref()
    }
}

/// What is known of one client.
#[derive(Debug)]
pub(in crate::server) struct Known {
    /// What the units contribute.
    pub(in crate::server) contributions: Vec<Contribution>,
    /// Where each comes from.
    pub(in crate::server) origins: Vec<Origin>,
    pub(in crate::server) decisions: Vec<Decision>,
    /// The Patients whom a contribution is about, by the place of the contribution.
    pub(in crate::server) clients: Vec<Option<String>>,
    /// All that this was made of, each with its version.
    pub(in crate::server) stands_on: BTreeMap<Name, u64>,
}

/// What was found so far, and what is still to be asked.
#[derive(Default)]
struct Found {
    patients: BTreeSet<String>,
    series: BTreeSet<String>,
    values: BTreeSet<linked::Known>,
    decided: BTreeSet<String>,
    sources: BTreeMap<String, (Origin, Arc<Contribution>)>,
    decisions: BTreeMap<String, Decision>,
    stands_on: BTreeMap<Name, u64>,
    /// What the Patients that were asked for are known by.
    own: Vec<linked::Known>,
}

/// What one round adds.
#[derive(Default)]
struct Next {
    patients: BTreeSet<String>,
    series: BTreeSet<String>,
    values: BTreeSet<linked::Known>,
}

impl<S: Store> Server<S> {
    /// What is known of the client who is one of these Patients.
    pub(in crate::server) async fn known(
        &self,
        caller: &Caller,
        start: &[String],
        depth: Depth,
    ) -> Outcome<Known> {
        let mut found = Found::default();
        let mut next = Next { patients: start.iter().cloned().collect(), ..Next::default() };
        for round in 0..ROUNDS_MAX {
            let mut more = Next::default();
            self.read_patients(caller, round == 0, &next.patients, &mut found, &mut more).await?;
            self.read_series(caller, depth, &next.series, &mut found, &mut more).await?;
            self.read_values(caller, &next.values, &mut found, &mut more).await?;
            self.read_decisions(caller, &mut found, &mut more).await?;
            more.patients.retain(|id| !found.patients.contains(id));
            more.series.retain(|id| !found.series.contains(id));
            more.values.retain(|value| !found.values.contains(value));
            if more.patients.is_empty() && more.series.is_empty() && more.values.is_empty() {
                let mut known = found.into_known(start);
                self.name_registers(caller, &mut known);
                return Ok(known);
            }
            if found.patients.len() + more.patients.len() > PATIENTS_MAX {
                break;
            }
            next = more;
        }
        Err(Refusal::new(Why::BodyLong, "too many records may be about this client"))
    }

    /// Says in which register each contribution was recorded: the tag of who wrote it tells, never the contribution.
    fn name_registers(&self, caller: &Caller, known: &mut Known) {
        if self.access.is_open() {
            // Nobody is told from anybody: what is recorded counts as of a source of permissions.
            for contribution in &mut known.contributions {
                contribution.recorder = Some(Recorder::PermissionSource);
            }
            return;
        }
        for (origin, contribution) in known.origins.iter().zip(&mut known.contributions) {
            let owner = origin.owner();
            contribution.recorder = Some(self.access.recorder(caller.tenant, owner));
            let unit = owner.and_then(|key| self.access.unit(caller.tenant, key));
            // A document says of which sector it is; of single resources none does.
            if let (Origin::Records(_), Some(unit)) = (origin, unit) {
                contribution.sector = unit.sector;
                contribution.custodian = Some(unit.register.clone());
            }
        }
    }

    async fn read_patients(
        &self,
        caller: &Caller,
        is_first: bool,
        ids: &BTreeSet<String>,
        found: &mut Found,
        more: &mut Next,
    ) -> Outcome<()> {
        for id in ids {
            found.patients.insert(id.clone());
            let Some(record) = self.find_live(caller, "Patient", id).await? else {
                if is_first {
                    return Err(Refusal::plain(Why::NotFound));
                }
                continue;
            };
            found.stand_on(&record);
            let document = record.document.as_deref().unwrap_or_default();
            let tree = Document::stored(document, self.schema)?.tree;
            let known = known_by(&tree, NodeId::ROOT);
            if is_first {
                found.own.extend(known.iter().cloned());
            }
            more.values.extend(known);
            match series_of(&record) {
                Some(series) => drop(more.series.insert(series)),
                None => {
                    if let Some((records, taken)) = self.records(caller, &record).await? {
                        found.stands_on.extend(records.names.iter().cloned());
                        let source = (Origin::Records(records), Arc::new(taken.contribution));
                        found.sources.insert(format!("Patient/{id}"), source);
                    }
                }
            }
        }
        Ok(())
    }

    async fn read_series(
        &self,
        caller: &Caller,
        depth: Depth,
        ids: &BTreeSet<String>,
        found: &mut Found,
        more: &mut Next,
    ) -> Outcome<()> {
        let system = format!("{SAUMA}{SERIES}");
        let values: Vec<String> = ids.iter().map(|id| token(Some(&system), id)).collect();
        let current = [("status", "current".to_owned())];
        let only: &[(&str, String)] = if depth == Depth::Current { &current } else { &[] };
        let records = self.any_of(caller, ("DocumentReference", "identifier"), &values, only).await?;
        found.series.extend(ids.iter().cloned());
        for record in records {
            let Some(version) = Version::read(&record) else { continue };
            let contribution = self.contribution(caller, &version).await?;
            found.stand_on(&record);
            for part in parted(std::slice::from_ref(&*contribution)) {
                let Some(client) = part.client() else { continue };
                more.values.extend(known_by(&part.bundle, client));
                more.patients.extend(stored_id(&version.series, &contribution, client));
            }
            found.sources.insert(label(&version.id), (Origin::Document(version), contribution));
        }
        Ok(())
    }

    async fn read_values(
        &self,
        caller: &Caller,
        values: &BTreeSet<linked::Known>,
        found: &mut Found,
        more: &mut Next,
    ) -> Outcome<()> {
        let tokens: Vec<String> =
            values.iter().map(|known| token(known.system.as_deref(), &known.value)).collect();
        let records = self.any_of(caller, ("Patient", "identifier"), &tokens, &[]).await?;
        more.patients.extend(records.iter().map(|record| record.name.id.clone()));
        found.values.extend(values.iter().cloned());
        Ok(())
    }

    async fn read_decisions(&self, caller: &Caller, found: &mut Found, more: &mut Next) -> Outcome<()> {
        let open: Vec<String> = found.patients.difference(&found.decided).cloned().collect();
        for (record, stored) in self.decisions(caller, &open).await? {
            found.stand_on(&record);
            more.patients.extend(stored.clients);
            found.decisions.insert(stored.decision.id().to_owned(), stored.decision);
        }
        found.decided.extend(open);
        Ok(())
    }
}

impl Known {
    /// The contributions, of versions that their source counts as one only the one that came last: it took the place of
    /// the others.
    pub(in crate::server) fn dated(&self) -> Vec<Contribution> {
        let all = || self.origins.iter().zip(&self.contributions);
        let is_last = |origin: &Origin, contribution: &Contribution| {
            let Origin::Document(version) = origin else { return true };
            let order =
                |version: &Version| (version.is_current, version.received.clone(), version.id.clone());
            let is_later = |(other, contributed): (&Origin, &Contribution)| match other {
                Origin::Document(other) => {
                    other.series == version.series
                        && contributed.compare_age(contribution).is_eq()
                        && order(other) > order(version)
                }
                Origin::Records(_) => false,
            };
            !all().any(is_later)
        };
        all().filter(|(origin, one)| is_last(origin, one)).map(|(_, one)| one.clone()).collect()
    }
}

impl Found {
    fn stand_on(&mut self, record: &Record) {
        self.stands_on.insert(record.name.clone(), record.version);
    }

    /// What concerns the Patients that were asked for.
    fn into_known(self, start: &[String]) -> Known {
        let decisions: Vec<Decision> = self.decisions.into_values().collect();
        let mut parts = Vec::new();
        for (origin, contribution) in self.sources.into_values() {
            for part in parted(std::slice::from_ref(&*contribution)) {
                let client = client_of(&origin, &contribution, &part);
                parts.push((origin.clone(), part, client));
            }
        }
        let is_own = |client: &Option<String>| client.as_ref().is_some_and(|client| start.contains(client));
        let mut first: Vec<usize> = (0..parts.len()).filter(|at| is_own(&parts[*at].2)).collect();
        if first.is_empty() {
            let shares = |part: &Contribution| {
                let client = part.client();
                client.is_some_and(|node| known_by(&part.bundle, node).iter().any(|it| self.own.contains(it)))
            };
            first = (0..parts.len()).filter(|at| shares(&parts[*at].1)).collect();
        }
        let all: Vec<Contribution> = parts.iter().map(|(_, part, _)| part.clone()).collect();
        let chosen: BTreeSet<usize> = linked(&all, &decisions, &first).into_iter().collect();
        let mut known = Known {
            contributions: Vec::new(),
            origins: Vec::new(),
            decisions,
            clients: Vec::new(),
            stands_on: self.stands_on,
        };
        for (_, (origin, part, client)) in parts.into_iter().enumerate().filter(|(at, _)| chosen.contains(at))
        {
            known.contributions.push(part);
            known.origins.push(origin);
            known.clients.push(client);
        }
        known
    }
}

/// The stored Patient whom a part of a document is about.
fn client_of(origin: &Origin, whole: &Contribution, part: &Contribution) -> Option<String> {
    match origin {
        Origin::Document(version) => stored_id(&version.series, whole, part.client()?),
        Origin::Records(_) => part.label.strip_prefix("Patient/").map(str::to_owned),
    }
}

fn stored_id(series: &str, whole: &Contribution, patient: NodeId) -> Option<String> {
    stored_ids(series, whole).into_iter().find(|(node, ..)| *node == patient).map(|(.., id)| id)
}
