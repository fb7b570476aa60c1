//! What the permissions of one client open to a caller beside its own register.
//!
//! Of each unit of another register the policy is asked with the Consents that the store holds for the client *now*; a
//! unit is open where it permits, whatever document and service task of it a denial may name. Of an open unit are seen
//! the kinds that the policy shows this audience as they stand, about this client alone, without what is labelled as
//! sensitive. What the policy shows in part is given by the joined plan, as a view.

use super::{Sight, owner};
use crate::plan::Hetu;
use crate::plan::identity::is_hetu_system;
use crate::plan::permission::{
    Action, Answer, Audience, Moment, Provision, Relation, Request, Restriction, Source, Word, decide,
    establish,
};
use crate::schema::Schema;
use crate::search::{Base, Clause, Handling, Parameters, Search, parse};
use crate::server::caller::Unit;
use crate::server::document::Document;
use crate::server::moment;
use crate::server::query::Pair;
use crate::server::refusal::Outcome;
use crate::store::{Name, Record, Store, Tenant};
use crate::tree::{NodeId, Tree};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Consents of one client, and records of one person, that are read; over it nothing is opened.
const RECORDS_MAX: u32 = 500;
/// Sources that Consents may tell apart.
const SOURCES_MAX: usize = 200;
/// A document or a service task that no Consent names.
const OTHER: &str = "\0";
/// Clients whose permissions are kept as they were read.
const KEPT_MAX: usize = 10_000;

/// What was read of the Consents of clients. An answer is used only while each Consent that it was read from has the
/// version that it had.
#[derive(Debug, Default)]
pub(in crate::server) struct Openings(Mutex<HashMap<(Tenant, String), Read>>);

/// What was read, and of which versions.
type Read = (Versions, Arc<Answer>);

/// Consents and their versions.
type Versions = Vec<(Name, u64)>;

/// The units that are open to a caller about one client.
type Open<'a> = Vec<(&'a Unit, Relation)>;

impl<'a, S: Store> Sight<'a, S> {
    /// What is open about a patient, as a clause; none where nothing is.
    pub(super) async fn opened(&self, patient: &str, unit: &Unit) -> Outcome<Option<Clause>> {
        let open = self.open(patient, unit).await?;
        let mut parts = Vec::new();
        for relation in Relation::ALL.iter().copied() {
            let keys = open.iter().filter(|(_, of)| *of == relation).map(|(unit, _)| &*unit.key);
            let keys: Vec<&str> = keys.collect();
            if keys.is_empty() {
                continue;
            }
            let kinds = Clause::Any(self.kinds(patient, unit, relation));
            parts.push(Clause::All(vec![kinds, owner::of_units(keys.into_iter())]));
        }
        Ok((!parts.is_empty()).then_some(Clause::Any(parts)))
    }

    /// True where the permissions of the client of a version open it.
    pub(super) async fn is_opened(&self, record: &Record, unit: &Unit) -> Outcome<bool> {
        let (Some(key), Some(bytes)) = (owner::owner(record), &record.document) else { return Ok(false) };
        if !self.shows(&record.name.kind, unit) {
            return Ok(false);
        }
        let document = Document::stored(bytes, self.server.schema)?;
        let Some(patient) = self.server.parameters.client_of(&document.tree) else { return Ok(false) };
        let open = self.open(&patient, unit).await?;
        let Some((_, relation)) = open.into_iter().find(|(of, _)| of.key == key) else { return Ok(false) };
        let Some(search) = self.of_kind(&record.name.kind, &patient, relation) else { return Ok(false) };
        Ok(crate::search::matches(&search, &self.server.parameters, &document.tree))
    }

    /// The units of other registers that are open about a patient.
    async fn open(&self, patient: &str, unit: &Unit) -> Outcome<Open<'a>> {
        let others: Vec<&Arc<Unit>> = self
            .server
            .access
            .units()
            .iter()
            .filter(|of| of.tenant == unit.tenant && !of.shares_register(unit))
            .collect();
        let Some(known) = self.caller.known.as_ref().filter(|_| !others.is_empty()) else {
            return Ok(Vec::new());
        };
        let answer = self.answer(patient).await?;
        let emergency = known.emergency.clone().filter(|glass| glass.client == patient);
        let request = Request {
            requester: unit.requester(),
            purpose: known.purpose,
            action: Action::Read,
            statute: known.statute.clone(),
            break_glass: emergency,
        };
        let (policy, now) = (self.server.access.policy(), Moment::at(moment::now() / 1_000_000));
        let mut open = Vec::new();
        for of in others {
            let Some(sources) = sources(of, patient, &answer) else { continue };
            // What is not known of a resource, as the document that it stems from, may be what the client denies.
            if sources.iter().all(|source| decide(&request, source, &answer, policy, now).permitted)
                && let Some(source) = sources.first()
            {
                open.push((&**of, establish(&request, source, &answer, policy, now).0.relation));
            }
        }
        Ok(open)
    }

    /// What the client permits and denies, by the Consents that the store holds now. No answer where there are too many
    /// to read, or one cannot be read.
    async fn answer(&self, patient: &str) -> Outcome<Arc<Answer>> {
        let none = || Arc::new(Answer::None);
        let Some(persons) = self.persons(patient).await? else { return Ok(none()) };
        let references: Vec<String> = persons.iter().map(|id| format!("Patient/{id}")).collect();
        let Some(consents) = self.find("Consent", "patient", &references.join(",")).await? else {
            return Ok(none());
        };
        let versions: Versions =
            consents.iter().map(|record| (record.name.clone(), record.version)).collect();
        let key = (self.caller.tenant, patient.to_owned());
        let openings = &self.server.openings.0;
        if let Some((of, answer)) = openings.lock().unwrap_or_else(PoisonError::into_inner).get(&key)
            && *of == versions
        {
            return Ok(Arc::clone(answer));
        }
        let mut answer = Answer::Grants(Vec::new());
        for record in &consents {
            let Some(bytes) = &record.document else { continue };
            let Ok(document) = Document::stored(bytes, self.server.schema) else { return Ok(none()) };
            let unit = owner::owner(record);
            let recorder = self.server.access.recorder(self.caller.tenant, unit.as_deref());
            answer.add(&document.tree, &recorder, &mut Vec::new());
        }
        let answer = Arc::new(answer);
        let mut kept = openings.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, (versions, Arc::clone(&answer)));
        Ok(answer)
    }

    /// The records of one person: those with the same personal identity code. Each unit has its own.
    async fn persons(&self, patient: &str) -> Outcome<Option<Vec<String>>> {
        let mut persons = vec![patient.to_owned()];
        let record = self.server.store.read(self.caller.tenant, &Name::new("Patient", patient)).await;
        let record = record.map_err(|error| super::refusal(&error))?;
        let Some(bytes) = record.and_then(|record| record.document.clone()) else { return Ok(Some(persons)) };
        let document = Document::stored(&bytes, self.server.schema)?;
        for code in codes(&document.tree) {
            let Some(found) = self.find("Patient", "identifier", &code).await? else { return Ok(None) };
            persons.extend(found.iter().map(|record| record.name.id.clone()));
        }
        persons.sort_unstable();
        persons.dedup();
        Ok(Some(persons))
    }

    /// All of a kind that meet a parameter, whoever wrote them; none where there are too many.
    async fn find(&self, kind: &str, parameter: &str, value: &str) -> Outcome<Option<Vec<Arc<Record>>>> {
        let pairs = [(parameter.to_owned(), value.to_owned()), ("_sort".to_owned(), "_id".to_owned())];
        // A search that is too long to be understood has no answer either.
        let Ok(parsed) = self.server.parsed(Base::Type(kind), &pairs, Handling::Strict) else {
            return Ok(None);
        };
        let mut search = parsed.search;
        search.count = Some(RECORDS_MAX);
        let found = self.server.store.search(self.caller.tenant, &search).await;
        let found = found.map_err(|error| super::refusal(&error))?;
        Ok(found.next.is_none().then_some(found.records))
    }

    /// One clause for each kind that the caller's audience is shown as it stands.
    fn kinds(&self, patient: &str, unit: &Unit, relation: Relation) -> Vec<Clause> {
        let kinds = self.server.kinds_of_clients.iter().filter(|kind| self.shows(kind, unit));
        let searches = kinds.filter_map(|kind| self.of_kind(kind, patient, relation));
        // Where keys do not decide, nothing is opened by them.
        searches
            .filter(|search| search.selection.exact.is_none())
            .map(|search| search.selection.clause)
            .collect()
    }

    fn shows(&self, kind: &str, unit: &Unit) -> bool {
        let audience: Audience = unit.requester().audience();
        let sight = self.server.access.policy().sight(audience);
        self.server.kinds_of_clients.iter().any(|of| of == kind)
            && sight.is_some_and(|sight| sight.shows_whole(kind))
    }

    /// Resources of a kind about one patient and nobody else, without what is sensitive to a relation.
    fn of_kind(&self, kind: &str, patient: &str, relation: Relation) -> Option<Search> {
        let labels: Vec<&str> = self
            .server
            .access
            .policy()
            .sensitive
            .iter()
            .filter(|rule| !rule.relation.has(relation))
            .flat_map(|rule| rule.labels.iter().map(String::as_str))
            .collect();
        let labels = labels.join(",");
        let about =
            if self.server.parameters.find(kind, "patient").is_some() { "patient" } else { "subject" };
        let mut pairs: Vec<Pair> = vec![(about.to_owned(), format!("Patient/{patient}"))];
        let has_category = self.server.parameters.find(kind, "category").is_some();
        if !labels.is_empty() {
            pairs.push(("_security:not".to_owned(), labels.clone()));
            if has_category {
                pairs.push(("category:not".to_owned(), labels));
            }
        }
        let parsed = parse(&self.server.parameters, Base::Type(kind), &pairs, Handling::Strict, 0);
        parsed.ok().map(|parsed| parsed.search)
    }
}

/// A unit as every source that the client's Consents can tell apart: for each document and service task that they name
/// one, and one that they do not name. None where they name too many.
fn sources(unit: &Unit, patient: &str, answer: &Answer) -> Option<Vec<Source>> {
    let mut named = Named::default();
    if let Answer::Grants(grants) = answer {
        for grant in grants {
            named.add(&grant.provision);
        }
    }
    if (named.documents.len() + 1) * (named.tasks.len() + 1) > SOURCES_MAX {
        return None;
    }
    let with_other = |names: &BTreeSet<String>| {
        let other = vec![vec![OTHER.to_owned()]];
        names.iter().map(|name| vec![name.clone()]).chain(other).collect::<Vec<_>>()
    };
    let tasks = with_other(&named.tasks);
    let of = |documents: Vec<String>, service_tasks: &Vec<String>| Source {
        sector: unit.sector,
        custodian: Some(unit.register.clone()),
        unit: unit.key.clone(),
        service_tasks: service_tasks.clone(),
        documents,
        restriction: Restriction::NotStated,
        client: patient.to_owned(),
    };
    let documents = with_other(&named.documents).into_iter();
    Some(
        documents.flat_map(|documents| tasks.iter().map(move |tasks| of(documents.clone(), tasks))).collect(),
    )
}

/// What Consents name of sources.
#[derive(Default)]
struct Named {
    documents: BTreeSet<String>,
    tasks: BTreeSet<String>,
}

impl Named {
    fn add(&mut self, provision: &Provision) {
        self.documents.extend(provision.documents.iter().cloned());
        self.tasks.extend(provision.tasks.iter().cloned());
        for exception in &provision.exceptions {
            self.add(exception);
        }
    }
}

/// Kinds of resources that are about one patient, whom one element names.
pub(in crate::server) fn kinds_of_clients(schema: &Schema, parameters: &Parameters) -> Vec<String> {
    let resources = schema.all_types().filter(|ty| {
        let info = schema.type_info(*ty);
        info.is_resource() && !info.is_abstract && !info.is_profile
    });
    let is_about_one = |ty: &_| {
        let kind = schema.type_info(*ty).name;
        let named = ["patient", "subject"];
        let mut elements =
            schema.elements(*ty).iter().filter(|element| named.contains(&schema.name_text(element.name)));
        let is_found = named.iter().any(|name| parameters.find(kind, name).is_some());
        is_found && elements.clone().count() > 0 && elements.all(|element| element.max <= 1)
    };
    resources.filter(is_about_one).map(|ty| schema.type_info(ty).name.to_owned()).collect()
}

/// The personal identity codes of a patient, as searches name them.
fn codes(tree: &Tree) -> Vec<String> {
    let Some(name) = tree.names().get("identifier") else { return Vec::new() };
    let of = |node: NodeId| {
        let system = tree.child_text(node, "system").filter(|system| is_hetu_system(system))?;
        let value = tree.child_text(node, "value").filter(|value| Hetu::parse(value).is_ok())?;
        Some(format!("{system}|{value}"))
    };
    tree.children_named(NodeId::ROOT, name).filter_map(of).collect()
}
