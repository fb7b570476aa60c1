//! What a unit writes by REST: the resources of one owner about one client are its contribution.

use super::find::FOUND_MAX;
use super::series_of_source;
use super::steps::put;
use crate::exchange::intake::{self, From, Taken};
use crate::exchange::write_back::Original;
use crate::plan::SAUMA;
use crate::search::Base;
use crate::server::Server;
use crate::server::caller::Caller;
use crate::server::document::Document;
use crate::server::ids;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::step::Step;
use crate::store::{Name, Record, Store};
use crate::tree::{Kind, Name as Element, NodeId, fhir};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Kinds about a client that belong to a plan, or that working together begins with.
const KINDS: &str = "AllergyIntolerance,Appointment,CarePlan,CareTeam,ClinicalImpression,Communication,CommunicationRequest,Condition,Consent,DeviceRequest,DocumentReference,Encounter,EpisodeOfCare,Flag,Goal,MedicationRequest,MedicationStatement,NutritionOrder,Observation,Procedure,QuestionnaireResponse,RelatedPerson,RequestGroup,RiskAssessment,ServiceRequest,SupplyRequest,Task,VisionPrescription";
/// Kinds that come along because these refer to them.
const ALONG: &[&str] = &[
    "ActivityDefinition",
    "Device",
    "HealthcareService",
    "Location",
    "Medication",
    "Organization",
    "PlanDefinition",
    "Practitioner",
    "PractitionerRole",
    "Questionnaire",
];
/// How far references lead to what comes along: from a plan to a role, to its organisation, to the one above.
const STEPS_MAX: usize = 4;

/// The resources of one owner about one client.
#[derive(Debug, Clone)]
pub(in crate::server) struct Records {
    /// Each with its version.
    pub(in crate::server) names: Vec<(Name, u64)>,
    /// The unit that wrote them.
    pub(in crate::server) owner: Option<String>,
}

impl<S: Store> Server<S> {
    /// What an owner has written about a client, by the Patient that the owner has of the client; nothing where it is
    /// that Patient alone.
    pub(super) async fn records(
        &self,
        caller: &Caller,
        patient: &Record,
    ) -> Outcome<Option<(Records, Taken)>> {
        let id = &patient.name.id;
        let base = Base::Compartment { kind: "Patient", id, of: None };
        let (_, found) = self.select(caller, base, &[("_type", KINDS.to_owned())]).await?;
        let owner = owner_of(patient);
        let own = |record: &&Arc<Record>| !is_made_here(record) && owner_of(record) == owner;
        let mut records: BTreeMap<Name, Arc<Record>> =
            found.iter().filter(own).map(|record| (record.name.clone(), Arc::clone(record))).collect();
        if records.is_empty() {
            return Ok(None);
        }
        records.insert(patient.name.clone(), Arc::new(patient.clone()));
        self.bring_along(caller, &mut records).await?;
        let text = bundle(&self.settings.base, records.values());
        let label = format!("Patient/{id}");
        let taken = intake::take(&label, text.as_bytes(), From::Any);
        let taken = taken.map_err(|_| Refusal::new(Why::StoreFailed, "stored resources cannot be read"))?;
        let names = records.values().map(|record| (record.name.clone(), record.version)).collect();
        Ok(Some((Records { names, owner }, taken)))
    }

    /// The same as a document that an edit may be carried into; `label` is that of its contribution.
    pub(super) async fn original_of_records(&self, caller: &Caller, label: &str) -> Outcome<Original> {
        let damaged = || Refusal::plain(Why::StoreFailed);
        let id = label.strip_prefix("Patient/").ok_or_else(damaged)?;
        let patient = self.find_live(caller, "Patient", id).await?.ok_or_else(damaged)?;
        let (_, taken) = self.records(caller, &patient).await?.ok_or_else(damaged)?;
        Ok(taken.original)
    }

    /// The writes that an edited document of records comes to: what changed, what is new, what is gone.
    pub(in crate::server) fn changed_records(&self, records: &Records, bytes: &[u8]) -> Outcome<Vec<Step>> {
        let damaged = || Refusal::plain(Why::StoreFailed);
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let tree = fhir::read_json(text, self.schema.names()).map_err(|_| damaged())?;
        let mut steps = Vec::new();
        let mut kept = BTreeSet::new();
        for entry in tree.children_named(NodeId::ROOT, Element::ENTRY) {
            let Some(resource) = tree.child(entry, Element::RESOURCE) else { continue };
            let span = tree.span(resource);
            let part = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            let mut document = Document::stored(part.as_bytes(), self.schema)?;
            if document.id().is_none() {
                document.stamp(&ids::uuid(), 0, 0);
            }
            document.check(&self.validator)?;
            kept.insert(Name::new(document.kind, document.id().unwrap_or_default()));
            steps.push(put(document));
        }
        for (gone, _) in records.names.iter().filter(|(name, _)| !kept.contains(name)) {
            steps.push(self.delete(gone)?);
        }
        Ok(steps)
    }

    /// Adds what the resources refer to and that is about nobody.
    async fn bring_along(&self, caller: &Caller, records: &mut BTreeMap<Name, Arc<Record>>) -> Outcome<()> {
        let mut open: Vec<Arc<Record>> = records.values().cloned().collect();
        let mut asked: BTreeSet<Name> = records.keys().cloned().collect();
        for _ in 0..STEPS_MAX {
            let mut next = Vec::new();
            for record in &open {
                for name in self.led_to(record)? {
                    if !asked.insert(name.clone()) || asked.len() > FOUND_MAX {
                        continue;
                    }
                    next.extend(self.find_live(caller, &name.kind, &name.id).await?);
                }
            }
            records.extend(next.iter().map(|record| (record.name.clone(), Arc::clone(record))));
            open = next;
        }
        Ok(())
    }

    fn led_to(&self, record: &Record) -> Outcome<Vec<Name>> {
        let document = record.document.as_deref().unwrap_or_default();
        let tree = Document::stored(document, self.schema)?.tree;
        let is_reference =
            |node: &NodeId| tree.name_text(*node) == "reference" && tree.kind(*node) == Kind::Str;
        let name = |node: NodeId| {
            let text = tree.text(node);
            let text = text.strip_prefix(&format!("{}/", self.settings.base)).unwrap_or(&text);
            let (kind, id) = text.split_once('/')?;
            ALONG.contains(&kind).then(|| Name::new(kind, id.split('/').next().unwrap_or_default()))
        };
        Ok(tree.descend(NodeId::ROOT).filter(is_reference).filter_map(name).collect())
    }
}

/// True for what stands beside a document, and for what operations of Sauma have made.
fn is_made_here(record: &Record) -> bool {
    source(record).is_some_and(|source| source.starts_with(SAUMA)) || super::Version::read(record).is_some()
}

/// The series of the documents that a resource stands beside.
pub(super) fn series_of(record: &Record) -> Option<String> {
    source(record).and_then(|source| series_of_source(&source).map(str::to_owned))
}

fn source(record: &Record) -> Option<String> {
    meta(record)?["source"].as_str().map(str::to_owned)
}

/// The unit that a resource belongs to.
fn owner_of(record: &Record) -> Option<String> {
    let system = format!("{SAUMA}CodeSystem/unit");
    let meta = meta(record)?;
    let tag = meta["tag"].as_array()?.iter().find(|tag| tag["system"] == *system)?;
    tag["code"].as_str().map(str::to_owned)
}

fn meta(record: &Record) -> Option<serde_json::Value> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(default)]
        meta: serde_json::Value,
    }
    let head: Head = serde_json::from_slice(record.document.as_deref()?).ok()?;
    Some(head.meta)
}

/// The resources as one document, each at its address.
fn bundle<'a>(base: &str, records: impl Iterator<Item = &'a Arc<Record>>) -> String {
    let entry = |record: &Arc<Record>| {
        let document = String::from_utf8_lossy(record.document.as_deref().unwrap_or_default()).into_owned();
        let Name { kind, id } = &record.name;
        format!("{{\"fullUrl\":\"{base}/{kind}/{id}\",\"resource\":{document}}}")
    };
    let entries: Vec<String> = records.map(entry).collect();
    format!("{{\"resourceType\":\"Bundle\",\"type\":\"collection\",\"entry\":[{}]}}", entries.join(","))
}
