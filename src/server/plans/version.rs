//! One version of a unit's document, as it is stored.

use super::make_id;
use crate::plan::SAUMA;
use crate::schema::base64;
use crate::server::moment;
use crate::server::refusal::{Outcome, Refusal, Why};
use crate::server::sight::owner;
use crate::store::{Name, Record};
use crate::validate::sha1;
use serde_json::{Value, json};

/// The code system of the unit systems that documents come from.
const UNIT_SYSTEM: &str = "CodeSystem/unit-system";
/// How a version says which series it is of.
pub(super) const SERIES: &str = "NamingSystem/contribution";

/// What is known of one version of a document.
#[derive(Debug, Clone)]
pub(in crate::server) struct Version {
    /// The id of the `DocumentReference` and of the `Binary`.
    pub(in crate::server) id: String,
    /// All versions of one plan have the same.
    pub(in crate::server) series: String,
    /// The unit system, or `fhir`.
    pub(in crate::server) unit: String,
    /// In whose register it stands, where whoever contributed it said so.
    pub(in crate::server) custodian: Option<String>,
    /// The media type of its bytes.
    pub(in crate::server) media: String,
    /// When it came, as a FHIR `instant`.
    pub(in crate::server) received: String,
    /// No newer version is known.
    pub(in crate::server) is_current: bool,
    /// The version that it is an edit of: an edit that came by way of another unit's view.
    pub(in crate::server) edits: Option<String>,
    /// The resources that stand beside it.
    pub(in crate::server) resources: Vec<Name>,
    /// The unit that contributed it.
    pub(in crate::server) owner: Option<String>,
    /// The version of its `DocumentReference`.
    pub(in crate::server) stored: u64,
}

/// The id of a version: of the owner, the unit system and the bytes.
pub(super) fn id_of(owner: &str, unit: &str, bytes: &[u8]) -> String {
    make_id(&["document", owner, unit, &crate::schema::sha256::hex(bytes)])
}

impl Version {
    /// Reads a `DocumentReference`; nothing of one that is no version of a unit's document.
    pub(super) fn read(record: &Record) -> Option<Self> {
        let value: Value = serde_json::from_slice(record.document.as_deref()?).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let identifiers = value["identifier"].as_array()?;
        let system = format!("{SAUMA}{SERIES}");
        let series = identifiers.iter().find(|identifier| identifier["system"] == *system)?;
        let related = value["context"]["related"].as_array().map(Vec::as_slice).unwrap_or_default();
        let name = |related: &Value| {
            let (kind, id) = related["reference"].as_str()?.split_once('/')?;
            Some(Name::new(kind, id))
        };
        let edits = value["relatesTo"][0]["target"]["reference"].as_str();
        Some(Self {
            id: record.name.id.clone(),
            series: text(&series["value"])?,
            unit: text(&value["type"]["coding"][0]["code"])?,
            custodian: text(&value["custodian"]["identifier"]["value"]),
            media: text(&value["content"][0]["attachment"]["contentType"])?,
            received: text(&value["date"])?,
            is_current: value["status"] == "current",
            edits: edits.and_then(|edits| edits.strip_prefix("DocumentReference/")).map(str::to_owned),
            resources: related.iter().filter_map(name).collect(),
            owner: owner(record),
            stored: record.version,
        })
    }

    /// The `DocumentReference`.
    pub(super) fn reference(&self, clients: &[String], bytes: &[u8]) -> Value {
        let mut made = json!({
            "resourceType": "DocumentReference",
            "id": self.id,
            "identifier": [{ "system": format!("{SAUMA}{SERIES}"), "value": self.series }],
            "status": if self.is_current { "current" } else { "superseded" },
            "type": { "coding": [{ "system": format!("{SAUMA}{UNIT_SYSTEM}"), "code": self.unit }] },
            "date": self.received,
            "content": [{ "attachment": {
                "contentType": self.media,
                "url": format!("Binary/{}", self.id),
                "size": bytes.len(),
                "hash": base64::encode(&sha1::digest(bytes)),
            } }],
        });
        if let [client] = clients {
            made["subject"] = json!({ "reference": format!("Patient/{client}") });
        }
        if let Some(custodian) = &self.custodian {
            made["custodian"] = json!({ "identifier": { "value": custodian } });
        }
        if let Some(edits) = &self.edits {
            let target = json!({ "reference": format!("DocumentReference/{edits}") });
            made["relatesTo"] = json!([{ "code": "transforms", "target": target }]);
        }
        let related: Vec<Value> = self.resources.iter().map(reference_to).collect();
        if !related.is_empty() {
            made["context"] = json!({ "related": related });
        }
        made
    }

    /// The `Binary`.
    pub(super) fn binary(&self, bytes: &[u8]) -> Value {
        json!({
            "resourceType": "Binary",
            "id": self.id,
            "contentType": self.media,
            "securityContext": { "reference": format!("DocumentReference/{}", self.id) },
            "data": base64::encode(bytes),
        })
    }

    /// The present time, as a FHIR `instant`.
    pub(super) fn now() -> String {
        moment::instant(moment::now())
    }
}

/// The same `DocumentReference`, of a version that is not current any more.
pub(super) fn superseded(record: &Record) -> Outcome<Value> {
    let damaged = || Refusal::plain(Why::StoreFailed);
    let document = record.document.as_deref().ok_or_else(damaged)?;
    let mut value: Value = serde_json::from_slice(document).map_err(|_| damaged())?;
    let members = value.as_object_mut().ok_or_else(damaged)?;
    members.insert("status".to_owned(), json!("superseded"));
    members.remove("context");
    members.remove("meta");
    Ok(value)
}

/// The bytes of a `Binary`.
pub(super) fn bytes_of(record: &Record) -> Outcome<Vec<u8>> {
    let damaged = || Refusal::plain(Why::StoreFailed);
    let document = record.document.as_deref().ok_or_else(damaged)?;
    let value: Value = serde_json::from_slice(document).map_err(|_| damaged())?;
    value["data"].as_str().and_then(base64::decode).ok_or_else(damaged)
}

fn reference_to(name: &Name) -> Value {
    json!({ "reference": format!("{}/{}", name.kind, name.id) })
}
