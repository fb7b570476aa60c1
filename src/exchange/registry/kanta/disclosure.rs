//! Disclosures as the report that Kanta asks of social welfare (luovutusilmoitus): the profile `SocialWelfareAuditEvent`
//! of `kanta.sosiaalihuolto.r4` 1.0.0, told with a Provenance. The server's own log stays in the form of IHE BALP;
//! [`disclosures`] makes reports of its events.

use super::consent::{FunctionCode, URI, uuid_of};
use crate::exchange::registry::Oid;
use crate::plan::identity::{HETU_SYSTEM, Hetu};
use serde_json::{Map, Value, json};

const BASE: &str = "https://shark.kanta.fi/fhir/StructureDefinition/";
const ENTITY_TYPE: &str = "http://terminology.hl7.org/CodeSystem/audit-entity-type";
const ENTITY_ROLE: &str = "http://terminology.hl7.org/CodeSystem/object-role";
/// The register of organisations.
const ORGANISATIONS: &str = "urn:oid:1.2.246.537.6.202";
/// Documents of one report.
const DOCUMENTS_MAX: usize = 1_000;

/// One disclosure: what of whom went from where to where.
#[derive(Debug, Clone, PartialEq)]
pub struct Disclosure {
    /// The identifier of the message. To send it again under the same identifier doubles nothing.
    pub id: String,
    /// When it happened, as a FHIR `instant`.
    pub recorded: String,
    /// Whose data they are.
    pub client: Hetu,
    /// The documents that were disclosed.
    pub documents: Vec<Oid>,
    /// `TypeOfDisclosure`, as a `CodeableConcept`.
    pub kind: Value,
    /// The organisation that disclosed.
    pub from: Oid,
    /// The organisation that got it.
    pub to: Oid,
    /// The service task for which it was got.
    pub task: Option<FunctionCode>,
}

impl Disclosure {
    /// Holds the disclosure against the rules that are known.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self) -> Result<(), &'static str> {
        match self.documents.len() {
            0 => Err("a disclosure is of at least one document"),
            DOCUMENTS_MAX.. => Err("a disclosure is of at most a thousand documents"),
            _ if self.kind["coding"][0]["code"].is_string() => Ok(()),
            _ => Err("a disclosure has a type with a code"),
        }
    }

    /// The transaction that reports it: one event, with an entity for each document, and its Provenance.
    pub fn transaction(&self) -> Value {
        let organisation =
            |oid: &Oid| json!({ "identifier": { "system": ORGANISATIONS, "value": oid.urn() } });
        let coding = |system: &str, code: &str| json!({ "system": system, "code": code });
        let dcm = "http://dicom.nema.org/resources/ontology/DCM";
        let agent = |code: &str, oid: &Oid, requestor: bool| json!({ "type": { "coding": [coding(dcm, code)] }, "who": organisation(oid), "requestor": requestor });
        let mut report = Map::new();
        report.insert("type".to_owned(), coding(dcm, "110106"));
        report.insert(
            "subtype".to_owned(),
            json!([coding("http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "disclose")]),
        );
        report.insert("recorded".to_owned(), json!(self.recorded));
        report.insert(
            "agent".to_owned(),
            json!([agent("110153", &self.from, false), agent("110152", &self.to, true)]),
        );
        report.insert("source".to_owned(), json!({ "observer": organisation(&self.from) }));
        let patient = json!({
            "what": { "identifier": { "system": HETU_SYSTEM, "value": self.client.as_str() } },
            "type": coding(ENTITY_TYPE, "1"),
            "role": coding(ENTITY_ROLE, "1"),
        });
        let document = |oid: &Oid| {
            json!({
                "what": { "identifier": { "system": URI, "value": oid.urn() } },
                "type": coding(ENTITY_TYPE, "2"),
                "role": coding(ENTITY_ROLE, "3"),
            })
        };
        let entities = std::iter::once(patient).chain(self.documents.iter().map(document)).collect();
        let mut extensions = vec![kind_of(&self.kind)];
        if let Some(task) = &self.task {
            let concept = json!({ "coding": [coding(&task.system.urn(), &task.code)] });
            extensions.push(json!({ "url": format!("{BASE}FunctionCode"), "valueCodeableConcept": concept }));
        }
        let names =
            ["AuditEvent", "Provenance"].map(|kind| format!("urn:uuid:{}", uuid_of(&[&self.id, kind])));
        let mut bundle = transaction(report, extensions, entities, &names);
        bundle["identifier"] = json!({ "system": URI, "value": self.id });
        bundle
    }
}

/// The report of a disclosure as an event of BALP tells it: one event, an entity for each document, and a `Provenance`
/// that says who reports. None of an event that is no disclosure. `disclosure` is the code of `TypeOfDisclosure`, which
/// has to be told, for no event says it.
pub fn disclosures(event: &Value, disclosure: &Value) -> Option<Value> {
    let is_disclosed = event["subtype"].as_array()?.iter().any(|subtype| subtype["code"] == "disclose");
    let entities = event["entity"].as_array().filter(|_| is_disclosed)?;
    let documents = entities.iter().filter(|entity| role(entity) == Some("3")).map(document);
    let patient = entities.iter().find(|entity| role(entity) == Some("1"))?;
    let mut report = Map::new();
    for name in ["type", "subtype", "recorded", "purposeOfEvent", "agent", "source"] {
        if let Some(value) = event.get(name) {
            report.insert(name.to_owned(), value.clone());
        }
    }
    let entities = std::iter::once(patient.clone()).chain(documents).collect();
    let names = ["1", "2"].map(|last| format!("urn:uuid:00000000-0000-4000-8000-00000000000{last}"));
    Some(transaction(report, vec![kind_of(disclosure)], entities, &names))
}

fn kind_of(disclosure: &Value) -> Value {
    json!({ "url": format!("{BASE}TypeOfDisclosure"), "valueCodeableConcept": disclosure })
}

/// A report in its transaction. `action` and `outcome` are 0..0 in the profile.
fn transaction(
    mut report: Map<String, Value>,
    extensions: Vec<Value>,
    entities: Vec<Value>,
    [event, told]: &[String; 2],
) -> Value {
    let observer = report.get("source").map(|source| source["observer"].clone()).unwrap_or_default();
    let recorded = report.get("recorded").cloned().unwrap_or_default();
    report.insert("resourceType".to_owned(), json!("AuditEvent"));
    report.insert("meta".to_owned(), json!({ "profile": [format!("{BASE}SocialWelfareAuditEvent")] }));
    report.insert("extension".to_owned(), Value::Array(extensions));
    report.insert("entity".to_owned(), Value::Array(entities));
    let provenance = json!({
        "resourceType": "Provenance",
        "meta": { "profile": [format!("{BASE}SocialWelfareAuditEventProvenance")] },
        "target": [{ "reference": event }],
        "recorded": recorded,
        "agent": [{ "who": observer }],
    });
    let entry = |full_url: &str, resource: Value, kind: &str| json!({ "fullUrl": full_url, "resource": resource, "request": { "method": "POST", "url": kind } });
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [entry(event, Value::Object(report), "AuditEvent"), entry(told, provenance, "Provenance")],
    })
}

fn role(entity: &Value) -> Option<&str> {
    entity["role"]["code"].as_str()
}

/// A document: by its OID as an identifier where its name is one.
fn document(entity: &Value) -> Value {
    let mut entity = entity.clone();
    if let Some(oid) = entity["what"]["reference"].as_str().filter(|name| name.starts_with("urn:oid:")) {
        entity["what"] = json!({ "identifier": { "system": URI, "value": oid } });
    }
    entity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disclosure_becomes_a_report() {
        let event = json!({
            "resourceType": "AuditEvent",
            "action": "R",
            "outcome": "0",
            "recorded": "2026-01-03T08:05:30.123Z",
            "subtype": [{ "code": "disclose" }],
            "agent": [{ "who": { "display": "Kotihoito" }, "requestor": true }],
            "source": { "observer": { "display": "https://plans.example.org/fhir" } },
            "entity": [
                { "what": { "reference": "urn:oid:1.2.3" }, "role": { "code": "3" } },
                { "what": { "reference": "DocumentReference/b" }, "role": { "code": "3" } },
                { "what": { "reference": "Patient/a" }, "role": { "code": "1" } },
            ],
        });
        let code = json!({ "coding": [{ "code": "1" }] });
        let Some(bundle) = disclosures(&event, &code) else { unreachable!("it is a disclosure") };
        let report = &bundle["entry"][0]["resource"];
        assert!(report.get("action").is_none() && report.get("outcome").is_none());
        assert_eq!(report["extension"][0]["valueCodeableConcept"], code);
        assert_eq!(report["entity"][0]["what"]["reference"], "Patient/a");
        assert_eq!(report["entity"][1]["what"]["identifier"]["value"], "urn:oid:1.2.3");
        assert_eq!(report["entity"][2]["what"]["reference"], "DocumentReference/b");
        assert_eq!(bundle["entry"][1]["resource"]["resourceType"], "Provenance");
        assert_eq!(disclosures(&json!({ "subtype": [{ "code": "read" }] }), &code), None);
    }
}
