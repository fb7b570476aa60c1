//! The run as FHIR resources.

use super::json::pretty;
use super::{Document, Run};
use crate::schema::sha256;
use serde_json::{Value, json};

/// Which file an `OperationOutcome` is about, as HL7's validator says it.
const FILE: &str = "http://hl7.org/fhir/StructureDefinition/operationoutcome-file";

/// The `OperationOutcome` of a document alone, of several in a `Bundle`.
pub fn outcome(run: &Run) -> String {
    match run.documents.as_slice() {
        [document] => pretty(&about(document)),
        documents => {
            let entry = |document: &Document| json!({ "fullUrl": uuid(&document.name()), "resource": about(document) });
            let entries: Vec<Value> = documents.iter().map(entry).collect();
            let mut bundle = json!({ "resourceType": "Bundle", "type": "collection" });
            if let Some(members) = bundle.as_object_mut().filter(|_| !entries.is_empty()) {
                members.insert("entry".to_owned(), json!(entries));
            }
            pretty(&bundle)
        }
    }
}

fn about(document: &Document) -> Value {
    let mut outcome = document.outcome.clone().unwrap_or(Value::Null);
    if let Some(members) = outcome.as_object_mut() {
        members.insert("extension".to_owned(), json!([{ "url": FILE, "valueString": document.name() }]));
    }
    outcome
}

/// The same for the same name in every run (RFC 9562, 5.8).
fn uuid(name: &str) -> String {
    let hex = sha256::hex(name.as_bytes());
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("urn:uuid:{}-{}-8{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn several_documents_come_in_a_bundle() {
        let mut run = samples::run();
        for document in &mut run.documents {
            document.outcome = Some(json!({ "resourceType": "OperationOutcome" }));
        }
        let bundle: Value = serde_json::from_str(&outcome(&run)).unwrap_or_default();
        assert_eq!(bundle["entry"].as_array().map(Vec::len), Some(4));
        assert_eq!(bundle["entry"][2]["resource"]["extension"][0]["valueString"], "c.ndjson:4");
        run.documents.truncate(1);
        let alone: Value = serde_json::from_str(&outcome(&run)).unwrap_or_default();
        assert_eq!(alone["resourceType"], "OperationOutcome");
        assert_eq!(uuid("a").len(), "urn:uuid:".len() + 36);
    }
}
