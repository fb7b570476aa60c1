//! Disclosures as the report that Kanta asks of social welfare (luovutusilmoitus): the profile `SocialWelfareAuditEvent`
//! of `kanta.sosiaalihuolto.r4` 1.0.0. The master form stays the BALP event; this is an export.

use serde_json::{Map, Value, json};

const BASE: &str = "https://shark.kanta.fi/fhir/StructureDefinition/";

/// The report of a disclosure: one event, an entity for each document, and a `Provenance` that says who reports. None of
/// an event that is no disclosure. `disclosure` is the code of `TypeOfDisclosure`, which has to be told, for no event
/// says it.
pub fn disclosures(event: &Value, disclosure: &Value) -> Option<Value> {
    let is_disclosed = event["subtype"].as_array()?.iter().any(|subtype| subtype["code"] == "disclose");
    let entities = event["entity"].as_array().filter(|_| is_disclosed)?;
    let documents: Vec<Value> =
        entities.iter().filter(|entity| role(entity) == Some("3")).map(document).collect();
    let patient = entities.iter().find(|entity| role(entity) == Some("1"))?;
    let mut report = Map::new();
    // `action` and `outcome` are 0..0 in the profile.
    for name in ["type", "subtype", "recorded", "purposeOfEvent", "agent", "source"] {
        if let Some(value) = event.get(name) {
            report.insert(name.to_owned(), value.clone());
        }
    }
    report.insert("resourceType".to_owned(), json!("AuditEvent"));
    report.insert("meta".to_owned(), json!({ "profile": [format!("{BASE}SocialWelfareAuditEvent")] }));
    let kind = json!({ "url": format!("{BASE}TypeOfDisclosure"), "valueCodeableConcept": disclosure });
    report.insert("extension".to_owned(), json!([kind]));
    let entities: Vec<Value> = std::iter::once(patient.clone()).chain(documents).collect();
    report.insert("entity".to_owned(), Value::Array(entities));
    let provenance = json!({
        "resourceType": "Provenance",
        "meta": { "profile": [format!("{BASE}SocialWelfareAuditEventProvenance")] },
        "target": [{ "reference": "urn:uuid:00000000-0000-4000-8000-000000000001" }],
        "recorded": event["recorded"],
        "agent": [{ "who": event["source"]["observer"] }],
    });
    let entry = |full_url: &str, resource: Value, kind: &str| json!({ "fullUrl": full_url, "resource": resource, "request": { "method": "POST", "url": kind } });
    Some(json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            entry("urn:uuid:00000000-0000-4000-8000-000000000001", Value::Object(report), "AuditEvent"),
            entry("urn:uuid:00000000-0000-4000-8000-000000000002", provenance, "Provenance"),
        ],
    }))
}

fn role(entity: &Value) -> Option<&str> {
    entity["role"]["code"].as_str()
}

/// A document: by its OID as an identifier where its name is one.
fn document(entity: &Value) -> Value {
    let mut entity = entity.clone();
    if let Some(oid) = entity["what"]["reference"].as_str().filter(|name| name.starts_with("urn:oid:")) {
        entity["what"] = json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": oid } });
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
